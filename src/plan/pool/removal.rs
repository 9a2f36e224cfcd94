//! Which desktops of a pool go when there are too many.

use std::cmp::Reverse;

use jiff::Timestamp;

use crate::api::pool::ScaleInAssigned;

/// How much a desktop would be missed, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nobody's, and it will not become usable by itself.
    Failed,
    /// Nobody's, and not running.
    Stopped,
    /// Nobody's, and running.
    Running,
    /// Somebody's, or somebody is connected to it.
    Assigned,
}

/// A desktop that might go.
#[allow(
    clippy::struct_excessive_bools,
    reason = "facts about one desktop that have nothing to do with each other"
)]
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// By which it is known.
    pub name: &'a str,
    /// How much it would be missed.
    pub standing: Standing,
    /// Nobody is on it, as far as that is known.
    pub left: bool,
    /// A human named it as the one to go.
    pub named: bool,
    /// A human wants it kept.
    pub protected: bool,
    /// It is as the present template says.
    pub updated: bool,
    /// When it was made.
    pub created: Option<Timestamp>,
}

/// Who goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Victims<'a> {
    /// Those that go, the least missed first.
    pub names: Vec<&'a str>,
    /// How many more should go, and may not.
    pub kept: usize,
}

/// The order in which desktops go: those a human named, then the failed, the stopped and the running ones that are
/// nobody's, then those of somebody. Among equals an outdated one goes first, then the newest.
#[must_use]
pub fn order<'a>(candidates: &[Candidate<'a>]) -> Vec<Candidate<'a>> {
    let mut sorted = candidates.to_vec();
    sorted.sort_by_key(|c| (!c.named, c.standing, c.updated, Reverse(c.created), Reverse(c.name)));
    sorted
}

/// Chooses `excess` of the candidates. What is protected stays, and what is somebody's goes only as far as allowed.
#[must_use]
pub fn victims<'a>(candidates: &[Candidate<'a>], excess: usize, assigned: ScaleInAssigned) -> Victims<'a> {
    let allowed = |c: &Candidate<'_>| {
        !c.protected
            && match assigned {
                _ if c.standing < Standing::Assigned => true,
                ScaleInAssigned::Keep => false,
                ScaleInAssigned::RemoveDisconnected => c.left,
                ScaleInAssigned::Remove => true,
            }
    };
    let ordered = order(candidates);
    let names: Vec<_> = ordered
        .iter()
        .filter(|c| allowed(c))
        .map(|c| c.name)
        .take(excess)
        .collect();
    let kept = excess - names.len();
    Victims { names, kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: &str, standing: Standing, age: i64) -> Candidate<'_> {
        Candidate {
            name,
            standing,
            left: true,
            named: false,
            protected: false,
            updated: true,
            created: Timestamp::from_second(1_000_000 - age).ok(),
        }
    }

    #[test]
    fn the_least_missed_go_first_and_the_newest_among_equals() {
        let all = [
            candidate("theirs-old", Standing::Assigned, 9),
            candidate("theirs-new", Standing::Assigned, 1),
            candidate("running-old", Standing::Running, 8),
            candidate("running-new", Standing::Running, 2),
            candidate("stopped", Standing::Stopped, 5),
            candidate("failed", Standing::Failed, 7),
        ];
        let names = |count, assigned| victims(&all, count, assigned).names;
        let order = [
            "failed",
            "stopped",
            "running-new",
            "running-old",
            "theirs-new",
            "theirs-old",
        ];
        assert_eq!(names(6, ScaleInAssigned::Remove), order);
        assert_eq!(names(2, ScaleInAssigned::Remove), order[..2]);
        let kept = victims(&all, 5, ScaleInAssigned::Keep);
        assert_eq!((kept.names, kept.kept), (order[..4].to_vec(), 1));
    }

    #[test]
    fn somebody_connected_stays_unless_everybody_may_go() {
        let mut all = [
            candidate("away", Standing::Assigned, 9),
            candidate("here", Standing::Assigned, 1),
        ];
        all[1].left = false;
        assert_eq!(victims(&all, 2, ScaleInAssigned::RemoveDisconnected).names, ["away"]);
        assert_eq!(victims(&all, 2, ScaleInAssigned::RemoveDisconnected).kept, 1);
        assert_eq!(victims(&all, 2, ScaleInAssigned::Remove).names, ["here", "away"]);
    }

    #[test]
    fn a_human_names_one_or_keeps_one() {
        let mut all = [
            candidate("failed", Standing::Failed, 1),
            candidate("named", Standing::Running, 1),
            candidate("kept", Standing::Failed, 1),
            candidate("theirs", Standing::Assigned, 1),
        ];
        all[1].named = true;
        all[2].protected = true;
        all[3].named = true;
        // Naming one does not allow what the manifest forbids.
        assert_eq!(victims(&all, 4, ScaleInAssigned::Keep).names, ["named", "failed"]);
        assert_eq!(
            victims(&all, 4, ScaleInAssigned::Remove).names,
            ["named", "theirs", "failed"]
        );
        assert_eq!(victims(&all, 4, ScaleInAssigned::Remove).kept, 1);
    }

    #[test]
    fn an_outdated_one_goes_before_one_that_is_as_it_should_be() {
        let mut all = [
            candidate("new", Standing::Running, 1),
            candidate("old", Standing::Running, 9),
        ];
        all[1].updated = false;
        assert_eq!(victims(&all, 1, ScaleInAssigned::Keep).names, ["old"]);
    }
}
