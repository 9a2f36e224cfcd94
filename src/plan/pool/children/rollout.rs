//! How a changed template reaches the desktops of a pool.
//!
//! What is known is read from the desktops each time, not remembered: which revision each is of and since when, and
//! whether it is Ready. So whoever comes next, after a crash or a change of mind, goes on from what there is.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::size::Size;
use super::users::People;
use super::wanted::{How, how};
use super::{Child, Draft, Step, Wanted, Word, are, desktops, desktops_are};
use crate::api::condition::{self, Truth};
use crate::api::pool::{Rollout, RolloutPhase, UpdateStrategy, WhenAssigned};
use crate::backend::Capabilities;
use crate::plan::pool::{canaries, max_unavailable};
use crate::plan::{Notice, after, readable, whole_seconds};

/// Whether an outdated desktop may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum May {
    /// Now.
    Now,
    /// When whoever it belongs to has left, or when it is known how it is.
    Later,
    /// Not as long as the manifest, or an annotation, stays as it is.
    Never,
}

/// An outdated desktop.
struct Outdated<'a> {
    child: &'a Child<'a>,
    wanted: Wanted,
    how: How,
    may: May,
}

/// How far the changed desktops are.
struct Progress<'a> {
    /// Those that have failed.
    failed: Vec<&'a Child<'a>>,
    /// The moments from which those that are Ready may count as tried, in order.
    tried_at: Vec<Timestamp>,
    /// How many there are.
    changed: usize,
    /// How many of them are Ready.
    ready: usize,
    /// The first desktop of whatever revision that is out of service until a human sees to it.
    stuck: Option<&'a Child<'a>>,
}

impl<'a> Draft<'a> {
    /// Changes the next desktops; answers the names of those that it changes.
    pub(super) fn roll_out(
        &mut self,
        size: &Size,
        people: &People,
        going: &BTreeSet<String>,
        capabilities: &Capabilities,
    ) -> BTreeSet<String> {
        let nothing = BTreeSet::new();
        let Some(revision) = self.revision() else {
            return nothing;
        };
        let staying: Vec<&'a Child<'a>> = self.active().filter(|c| !going.contains(c.name())).collect();
        let (new, old): (Vec<_>, Vec<_>) = staying
            .iter()
            .copied()
            .partition(|c| c.revision() == Some(revision.as_str()));
        let old: Vec<_> = old
            .into_iter()
            .filter_map(|child| self.outdated(child, people, capabilities))
            .collect();
        let on_delete = self.inputs.spec.update.strategy == UpdateStrategy::OnDelete;
        let kept = old.iter().filter(|o| on_delete || o.may == May::Never).count();
        if kept > 0 {
            let remark = format!(
                "{} of an older revision, and the manifest keeps it so.",
                desktops_are(kept)
            );
            self.remarks.push(remark);
        }
        let progress = self.progress(&new, &staying);
        let open = old.len() > kept;
        if on_delete {
            self.end_rollout(false);
            return nothing;
        }
        if !open && (self.status.rollout.is_none() || progress.ready == progress.changed) {
            self.end_rollout(kept == 0);
            return nothing;
        }
        self.begin_rollout(&revision, old.len());
        if self.inputs.spec.update.paused {
            let message = format!("The roll-out is paused (spec.update.paused): {} left.", are(old.len()));
            self.phase(RolloutPhase::Paused, None, "RolloutPaused", message);
            return nothing;
        }
        let declared = &self.inputs.spec.update;
        let most = max_unavailable(&declared.max_unavailable, size.desired);
        let canary = declared.canary.as_ref();
        let share = canary.map_or(0, |c| canaries(c.percent, size.desired).min(staying.len()));
        let passed = self.tried(&revision, &progress, share);
        if let Some(rollout) = self.status.rollout.as_mut() {
            rollout.canary_passed = passed;
        }
        let limit = if passed { most } else { 1 };
        if progress.failed.len() >= limit {
            self.halt(&progress.failed, old.len());
            return nothing;
        }
        condition::clear(&mut self.status.conditions, condition::ROLLOUT_HALTED);
        self.watch(&new);
        // Those that are missing will come with the new template.
        let coming = size.desired.saturating_sub(staying.len());
        let room = if passed {
            usize::MAX
        } else {
            share.saturating_sub(progress.changed.saturating_add(coming))
        };
        let left = old.len();
        let unsettled = old.iter().any(|o| o.may == May::Now);
        let changed = self.change(old, &staying, size.desired, most, room, &revision);
        self.say_how_far(&progress, passed, share, left, unsettled, !changed.is_empty());
        changed
    }

    fn outdated(&self, child: &'a Child<'a>, people: &People, capabilities: &Capabilities) -> Option<Outdated<'a>> {
        let user = people.of(child).cloned();
        let wanted = self.wanted(user, capabilities)?;
        // What is lost for good, and nobody's, would fail with any template, and hold up this one and the way back.
        let beyond = child.beyond_repair() && !people.has(child) && !child.protected();
        let how = if beyond && !child.prepaid() {
            How::Replaced
        } else {
            how(child, &wanted.spec, capabilities)
        };
        let may = self.may(child, people, how);
        Some(Outdated {
            child,
            wanted,
            how,
            may,
        })
    }

    fn may(&self, child: &Child<'_>, people: &People, how: How) -> May {
        if how != How::InPlace && child.protected() {
            return May::Never;
        }
        if people.has(child) {
            // A new desktop is given to the people of the manifest; an assignment made elsewhere would be lost with it.
            let listed = people.of(child).is_some_and(|user| {
                let mut users = self.inputs.spec.users.iter().flatten();
                users.any(|u| u.name == user.name)
            });
            match self.inputs.spec.update.when_assigned {
                WhenAssigned::Never => return May::Never,
                WhenAssigned::AtNextLogoff if how == How::Replaced && !listed => return May::Never,
                WhenAssigned::AtNextLogoff if !child.left() => return May::Later,
                WhenAssigned::AtNextLogoff | WhenAssigned::Now => {}
            }
        }
        if child.ready() || child.down() {
            May::Now
        } else {
            May::Later
        }
    }

    fn progress(&self, new: &[&'a Child<'a>], staying: &[&'a Child<'a>]) -> Progress<'a> {
        let update = &self.inputs.spec.update;
        let seconds = |s: i32| Duration::from_secs(u64::try_from(s).unwrap_or_default());
        let deadline = seconds(update.progress_deadline_seconds);
        let soak = seconds(update.canary.as_ref().map_or(0, |c| c.soak_seconds));
        let failed = |c: &&&'a Child<'a>| c.fails_at(deadline).is_some_and(|at| at <= self.inputs.now);
        let mut tried_at: Vec<_> = new.iter().filter_map(|c| Some(after(c.good_since()?, soak))).collect();
        tried_at.sort_unstable();
        Progress {
            failed: new.iter().filter(failed).copied().collect(),
            ready: tried_at.len(),
            changed: new.len(),
            tried_at,
            stuck: staying.iter().copied().find(|c| c.stalled()),
        }
    }

    /// Looks again when one of the changed desktops would have failed.
    fn watch(&mut self, new: &[&Child<'_>]) {
        let seconds = u64::try_from(self.inputs.spec.update.progress_deadline_seconds).unwrap_or_default();
        let next = new
            .iter()
            .filter_map(|c| c.fails_at(Duration::from_secs(seconds)))
            .min();
        if let Some(next) = next {
            self.look_at(next);
        }
    }

    /// Whether the change was tried on enough desktops for long enough. Once it was, that is not asked again; and what
    /// goes back to a revision that enough desktops never left has been tried on those.
    fn tried(&self, revision: &str, progress: &Progress<'_>, share: usize) -> bool {
        let was = match &self.inputs.status.rollout {
            Some(before) if before.revision == revision => before.canary_passed,
            _ => progress.ready >= share,
        };
        let long_enough = progress.tried_at.iter().filter(|at| **at <= self.inputs.now).count();
        self.inputs.spec.update.canary.is_none() || was || long_enough >= share
    }

    fn begin_rollout(&mut self, revision: &str, left: usize) {
        if self.status.rollout.as_ref().is_some_and(|r| r.revision == revision) {
            return;
        }
        self.status.rollout = Some(Rollout {
            revision: revision.to_owned(),
            phase: RolloutPhase::Canary,
            start_time: whole_seconds(self.inputs.now),
            soak_until_time: None,
            canary_passed: false,
            unready_since_time: None,
            unready: Vec::new(),
            failed_rebuilds: 0,
        });
        let note = format!("{} to be changed to revision {revision}.", desktops_are(left));
        self.notices.push(Notice::normal("RolloutStarted", note));
    }

    fn end_rollout(&mut self, complete: bool) {
        condition::clear(&mut self.status.conditions, condition::ROLLOUT_HALTED);
        if self.status.rollout.take().is_some()
            && complete
            && let Some(revision) = &self.status.revision
        {
            let note = format!("All desktops are of revision {revision}.");
            self.notices.push(Notice::normal("RolledOut", note));
        }
    }

    fn phase(&mut self, phase: RolloutPhase, soak_until: Option<Timestamp>, reason: &'static str, message: String) {
        if let Some(rollout) = self.status.rollout.as_mut() {
            rollout.phase = phase;
            rollout.soak_until_time = soak_until.map(|at| Time(whole_seconds(at).0));
        }
        self.say(Word::Working, reason, message);
    }

    fn halt(&mut self, failed: &[&Child<'_>], left: usize) {
        let words = failed
            .first()
            .map_or_else(String::new, |c| format!(" {}: {}", c.name(), c.words()));
        let message = format!(
            "The roll-out has stopped, because {} failed with the new template; {} not changed yet.{words} Put the old \
             template back, or correct the new one.",
            desktops(failed.len()),
            are(left),
        );
        let stamp = self.stamp();
        self.halted = !condition::is_true(&self.status.conditions, condition::ROLLOUT_HALTED);
        let conditions = &mut self.status.conditions;
        stamp.set(
            conditions,
            condition::ROLLOUT_HALTED,
            Truth::True,
            "DesktopsFailed",
            &message,
        );
        if let Some(rollout) = self.status.rollout.as_mut() {
            rollout.phase = RolloutPhase::Halted;
            rollout.soak_until_time = None;
        }
        self.say(Word::Stalled, "RolloutHalted", message);
    }

    /// Changes what may be changed now: first what is out of service anyway, then the least missed.
    fn change(
        &mut self,
        mut old: Vec<Outdated<'a>>,
        staying: &[&Child<'_>],
        desired: usize,
        most: usize,
        mut room: usize,
        revision: &str,
    ) -> BTreeSet<String> {
        let ready = staying.iter().filter(|c| c.ready()).count();
        let out = staying.len() - ready;
        let mut budget = ready
            .saturating_sub(desired.saturating_sub(most))
            .min(most.saturating_sub(out));
        old.retain(|o| o.may == May::Now);
        old.sort_by_key(|o| (o.child.ready(), o.child.candidate(None).standing, o.child.slot));
        let mut changed = BTreeSet::new();
        for Outdated { child, wanted, how, .. } in old {
            if room == 0 || self.room() == 0 {
                break;
            }
            if child.ready() {
                if budget == 0 {
                    break;
                }
                budget -= 1;
            }
            room = room.saturating_sub(1);
            let name = child.name().to_owned();
            changed.insert(name.clone());
            self.steps.push(match how {
                How::Replaced => Step::Delete { name },
                How::InPlace | How::Rebuilt => Step::Change {
                    name,
                    wanted: Box::new(wanted.of_revision(revision, self.inputs.now)),
                },
            });
        }
        changed
    }

    fn say_how_far(
        &mut self,
        progress: &Progress<'_>,
        passed: bool,
        share: usize,
        left: usize,
        unsettled: bool,
        changing: bool,
    ) {
        let (changed, ready) = (progress.changed, progress.ready);
        let busy = changing || unsettled || ready < changed;
        if passed && !busy {
            let message = format!(
                "{} not changed yet: somebody is, or may be, logged on, or it is not known how they are.",
                desktops_are(left)
            );
            return self.phase(RolloutPhase::Waiting, None, "RollingOut", message);
        }
        if passed {
            let mut message = format!("{} changed, {} of them Ready; {} left.", are(changed), ready, left);
            if let Some(child) = progress.stuck.filter(|_| !changing && ready == changed) {
                let why = format!(
                    " No more may be out of service (spec.update.maxUnavailable), and {} is until somebody sees to it: {}",
                    child.name(),
                    child.words()
                );
                message.push_str(&why);
            }
            return self.phase(RolloutPhase::Rolling, None, "RollingOut", message);
        }
        if changed >= share
            && ready >= share
            && let Some(until) = progress.tried_at.get(share.saturating_sub(1)).copied()
        {
            self.look_at(until);
            let message = format!(
                "The change is tried on {} until {}; {} left.",
                desktops(changed),
                readable(until),
                left
            );
            return self.phase(RolloutPhase::Soaking, Some(until), "RollingOut", message);
        }
        let message = format!(
            "The change is tried on {}, of which {} changed and {ready} Ready; {left} left.",
            desktops(share),
            are(changed)
        );
        self.phase(RolloutPhase::Canary, None, "RollingOut", message);
    }
}
