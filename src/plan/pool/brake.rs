//! The brake of a namespace: no more than a share of the desktops of its pools is removed within a window.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::api::pool::Removal;
use crate::plan::{after, whole_seconds};

/// Removals that a status keeps at most.
const KEPT: usize = 64;

/// What a namespace declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Brake {
    /// Nothing.
    #[default]
    None,
    /// A share, and the window it holds for.
    Set {
        /// Share, in percent.
        percent: u32,
        /// Window.
        window: Duration,
    },
    /// Something that cannot be read: nothing is removed until it is corrected.
    Invalid(String),
}

impl Brake {
    /// Reads a value such as `20%/1h`.
    #[must_use]
    pub fn read(value: Option<&str>) -> Self {
        let Some(text) = value else { return Self::None };
        let parsed = || {
            let (share, window) = text.trim().split_once('/')?;
            let percent: u32 = share.trim().strip_suffix('%')?.trim().parse().ok()?;
            let window: SignedDuration = window.trim().parse().ok()?;
            let window = Duration::try_from(window).ok().filter(|w| !w.is_zero())?;
            (1..=100).contains(&percent).then_some(Self::Set { percent, window })
        };
        parsed().unwrap_or_else(|| Self::Invalid(text.to_owned()))
    }
}

/// What a namespace's brake depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// What the namespace declares.
    pub brake: Brake,
    /// Desktops of all its pools, without those that are being deleted.
    pub desktops: usize,
    /// What was removed from all its pools.
    pub removals: Vec<Removal>,
    /// Until when a human lets this pool pass.
    pub released_until: Option<Timestamp>,
}

/// How many desktops may be removed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// As many as one likes.
    Unlimited,
    /// So many.
    Limited {
        /// How many.
        count: usize,
        /// When more may be, once these are removed.
        next: Option<Timestamp>,
    },
    /// None, because what the namespace declares cannot be read.
    Unreadable(String),
}

impl Allowance {
    /// The smaller of it and `wanted`.
    #[must_use]
    pub fn cap(&self, wanted: usize) -> usize {
        match self {
            Self::Unlimited => wanted,
            Self::Limited { count, .. } => wanted.min(*count),
            Self::Unreadable(_) => 0,
        }
    }
}

impl Facts {
    /// How many desktops may be removed now: the share is that of the desktops there are and of those that were removed
    /// within the window. It is rounded down, but at least one always may go.
    #[must_use]
    pub fn allowance(&self, now: Timestamp) -> Allowance {
        if self.released_until.is_some_and(|until| now < until) {
            return Allowance::Unlimited;
        }
        let (percent, window) = match &self.brake {
            Brake::None => return Allowance::Unlimited,
            Brake::Invalid(text) => return Allowance::Unreadable(text.clone()),
            Brake::Set { percent, window } => (*percent, *window),
        };
        let mut ends = Vec::new();
        let mut removed = 0usize;
        for removal in &self.removals {
            let end = after(removal.time.0, window);
            if now < end {
                removed = removed.saturating_add(usize::try_from(removal.count).unwrap_or_default());
                ends.push(end);
            }
        }
        let share = usize::try_from(percent).unwrap_or(100);
        let most = (self.desktops.saturating_add(removed).saturating_mul(share) / 100).max(1);
        Allowance::Limited {
            count: most.saturating_sub(removed),
            next: ends.into_iter().min().or_else(|| Some(after(now, window))),
        }
    }

    /// The removals that are worth keeping, with `count` more now. Without a brake none are.
    #[must_use]
    pub fn recorded(&self, before: &[Removal], count: usize, now: Timestamp) -> Vec<Removal> {
        let Brake::Set { window, .. } = self.brake else {
            return if self.brake == Brake::None {
                Vec::new()
            } else {
                before.to_vec()
            };
        };
        let mut kept: Vec<Removal> = before
            .iter()
            .filter(|r| now < after(r.time.0, window))
            .cloned()
            .collect();
        if let Ok(count) = i32::try_from(count)
            && count > 0
        {
            kept.push(Removal {
                time: whole_seconds(now),
                count,
            });
        }
        // Too many to keep: the oldest are taken for a little younger than they are.
        while kept.len() > KEPT {
            let oldest = kept.remove(0);
            if let Some(next) = kept.first_mut() {
                next.count = next.count.saturating_add(oldest.count);
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    const HOUR: i64 = 3600;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn removal(second: i64, count: i32) -> Removal {
        Removal {
            time: Time(at(second)),
            count,
        }
    }

    fn facts(brake: &str, desktops: usize, removals: &[Removal]) -> Facts {
        Facts {
            brake: Brake::read(Some(brake)),
            desktops,
            removals: removals.to_vec(),
            released_until: None,
        }
    }

    #[test]
    fn only_a_share_and_a_length_of_time_are_a_brake() {
        let set = |percent, seconds| Brake::Set {
            percent,
            window: Duration::from_secs(seconds),
        };
        assert_eq!(Brake::read(None), Brake::None);
        assert_eq!(Brake::read(Some("20%/1h")), set(20, 3600));
        assert_eq!(Brake::read(Some(" 5% / 90s ")), set(5, 90));
        assert_eq!(Brake::read(Some("100%/1h30m")), set(100, 5400));
        for wrong in [
            "", "20%", "20/1h", "0%/1h", "101%/1h", "-5%/1h", "20%/0s", "20%/-1h", "20%/soon",
        ] {
            assert_eq!(Brake::read(Some(wrong)), Brake::Invalid(wrong.into()), "{wrong}");
        }
    }

    #[test]
    fn the_share_is_of_what_there_was_before_the_window() {
        let count = |facts: &Facts, now| match facts.allowance(at(now)) {
            Allowance::Limited { count, .. } => count,
            other => panic!("{other:?}"),
        };
        assert_eq!(count(&facts("20%/1h", 100, &[]), 0), 20);
        // 15 of 100 have gone: 5 more may, and the share does not shrink with what is left.
        let later = facts("20%/1h", 85, &[removal(0, 15)]);
        assert_eq!(count(&later, HOUR - 1), 5);
        assert_eq!(count(&later, HOUR), 17);
        assert_eq!(count(&facts("20%/1h", 80, &[removal(0, 15), removal(9, 5)]), 10), 0);
        // At least one, however few there are.
        assert_eq!(count(&facts("20%/1h", 2, &[]), 0), 1);
        assert_eq!(count(&facts("20%/1h", 1, &[removal(0, 1)]), 1), 0);
    }

    #[test]
    fn it_is_said_when_more_may_go() {
        let braked = facts("20%/1h", 80, &[removal(-60, 15), removal(0, 5)]);
        let Allowance::Limited { count: 0, next } = braked.allowance(at(1)) else {
            panic!("{:?}", braked.allowance(at(1)))
        };
        assert_eq!(next, Some(at(HOUR - 60)));
    }

    #[test]
    fn what_cannot_be_read_removes_nothing_and_a_human_may_let_one_pass() {
        let mut wrong = facts("a fifth", 100, &[]);
        assert_eq!(wrong.allowance(at(0)), Allowance::Unreadable("a fifth".into()));
        assert_eq!(wrong.allowance(at(0)).cap(7), 0);
        wrong.released_until = Some(at(10));
        assert_eq!(wrong.allowance(at(9)), Allowance::Unlimited);
        assert_eq!(wrong.allowance(at(10)).cap(7), 0);
    }

    #[test]
    fn removals_are_kept_for_the_window_and_never_too_many() {
        let braked = facts("20%/1h", 100, &[]);
        let kept = braked.recorded(&[removal(0, 1), removal(10, 2)], 3, at(HOUR));
        assert_eq!(kept, [removal(10, 2), removal(HOUR, 3)]);
        assert_eq!(braked.recorded(&[removal(0, 1)], 0, at(1)), [removal(0, 1)]);
        let many: Vec<Removal> = (0..80).map(|n| removal(n, 1)).collect();
        let kept = braked.recorded(&many, 1, at(100));
        assert_eq!(kept.len(), KEPT);
        assert_eq!(kept.iter().map(|r| r.count).sum::<i32>(), 81);
        let free = Facts::default();
        assert!(free.recorded(&many, 1, at(100)).is_empty());
    }
}
