//! One Desktop of a pool, as it was seen.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::api::condition;
use crate::api::desktop::{BillingMode, DesktopState, DesktopStatus};
use crate::api::{Desktop, PROTECT_ANNOTATION, REMOVE_FIRST_ANNOTATION, REVISION_LABEL, REVISION_SINCE_ANNOTATION};
use crate::plan::after;
use crate::plan::pool::removal::{Candidate, Standing};

/// One Desktop of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Child<'a> {
    /// Its slot.
    pub slot: u32,
    /// Itself.
    pub desktop: &'a Desktop,
}

/// The slot that a name stands for, if it is one of the pool's names.
#[must_use]
pub fn slot_of(pool: &str, name: &str) -> Option<u32> {
    let digits = name.strip_prefix(pool)?.strip_prefix('-')?;
    let slot: u32 = digits.parse().ok()?;
    // The pool writes no zeros in front: `a-01` is somebody else's.
    (slot.to_string() == digits).then_some(slot)
}

impl<'a> Child<'a> {
    pub(super) fn name(&self) -> &'a str {
        self.desktop.metadata.name.as_deref().unwrap_or_default()
    }

    pub(super) fn deleting(&self) -> bool {
        self.desktop.metadata.deletion_timestamp.is_some()
    }

    pub(super) fn status(&self) -> Option<&'a DesktopStatus> {
        self.desktop.status.as_ref()
    }

    pub(super) fn annotation(&self, key: &str) -> Option<&'a str> {
        self.desktop.metadata.annotations.as_ref()?.get(key).map(String::as_str)
    }

    /// The revision it was last made or changed by.
    pub(super) fn revision(&self) -> Option<&'a str> {
        self.desktop
            .metadata
            .labels
            .as_ref()?
            .get(REVISION_LABEL)
            .map(String::as_str)
    }

    fn created(&self) -> Option<Timestamp> {
        self.desktop.metadata.creation_timestamp.as_ref().map(|t| t.0)
    }

    /// When it came to its revision.
    fn since(&self) -> Timestamp {
        let changed = self.annotation(REVISION_SINCE_ANNOTATION).and_then(|t| t.parse().ok());
        let made = self.created();
        changed.max(made).unwrap_or(Timestamp::MIN)
    }

    pub(super) fn protected(&self) -> bool {
        self.annotation(PROTECT_ANNOTATION) == Some("true")
    }

    fn condition(&self, kind: &str) -> Option<&'a Condition> {
        let found = condition::find(&self.status()?.conditions, kind)?;
        // What was said of an older spec says nothing of this one.
        (found.observed_generation == self.desktop.metadata.generation).then_some(found)
    }

    /// It is as its spec says.
    pub(super) fn ready(&self) -> bool {
        self.condition(condition::READY).is_some_and(|c| c.status == "True")
    }

    /// It is not as its spec says, and that is known of its present spec.
    pub(super) fn down(&self) -> bool {
        self.condition(condition::READY).is_some_and(|c| c.status == "False")
    }

    /// It is being made for the first time.
    pub(super) fn being_made(&self) -> bool {
        let state = self.status().and_then(|s| s.state);
        !self.ready() && !self.stalled() && !self.unknown() && matches!(state, None | Some(DesktopState::Creating))
    }

    /// Nobody knows how it is.
    pub(super) fn unknown(&self) -> bool {
        self.condition(condition::READY).is_some_and(|c| c.status == "Unknown")
    }

    /// It does not go on by itself.
    pub(super) fn stalled(&self) -> bool {
        self.condition(condition::STALLED).is_some_and(|c| c.status == "True")
    }

    /// It has failed at the vendor or vanished there, and does not come back by itself.
    pub(super) fn beyond_repair(&self) -> bool {
        let state = self.status().and_then(|s| s.state);
        self.stalled() && matches!(state, Some(DesktopState::Failed | DesktopState::Lost))
    }

    /// It is paid for beforehand: deleting it may take until its term ends.
    pub(super) fn prepaid(&self) -> bool {
        self.desktop.spec.billing.mode == BillingMode::Subscription
    }

    /// The rebuild of which a human would have to say whether it was carried out.
    pub(super) fn rebuild_in_doubt(&self) -> Option<i32> {
        let stalled = self.condition(condition::STALLED)?;
        let rebuild = self.status()?.rebuild.as_ref()?;
        (stalled.reason == "RebuildOutcomeUnknown").then_some(rebuild.attempt)
    }

    /// It is stopped, and still of another image than it was to be rebuilt from, as the vendor tells it.
    pub(super) fn not_rebuilt(&self) -> bool {
        let Some(status) = self.status() else { return false };
        let other = status
            .rebuild
            .as_ref()
            .is_some_and(|r| status.image_id.as_ref() != Some(&r.image_id));
        other && status.state == Some(DesktopState::Stopped)
    }

    /// Its own words.
    pub(super) fn words(&self) -> &'a str {
        let found = self
            .condition(condition::STALLED)
            .or_else(|| self.condition(condition::READY));
        found.map_or("nothing is known of it yet.", |c| c.message.as_str())
    }

    /// Why its deletion does not go on.
    pub(super) fn deletion_blocked(&self) -> Option<&'a str> {
        self.condition(condition::DELETION_BLOCKED).map(|c| c.message.as_str())
    }

    fn connected(&self) -> bool {
        let session = self.status().and_then(|s| s.session.as_ref());
        session.is_some_and(|s| s.connected)
    }

    /// It is somebody's, by the manifest or at the vendor, or somebody is connected to it.
    pub(super) fn assigned(&self) -> bool {
        self.desktop.spec.user.is_some()
            || self
                .status()
                .is_some_and(|s| s.user.is_some() || s.assigned_user.is_some())
            || self.connected()
    }

    /// Nobody can be working on it: its last session has ended, or it does not run.
    pub(super) fn left(&self) -> bool {
        let Some(status) = self.status() else { return true };
        if status.session.as_ref().is_some_and(|s| !s.connected) {
            return true;
        }
        let idle = matches!(
            status.state,
            Some(
                DesktopState::Stopped
                    | DesktopState::Creating
                    | DesktopState::Failed
                    | DesktopState::Missing
                    | DesktopState::Lost
            )
        );
        let never_made = status.id.is_none() && status.state.is_none();
        !self.connected() && (idle || never_made)
    }

    fn standing(&self) -> Standing {
        let running = !matches!(
            self.status().and_then(|s| s.state),
            None | Some(DesktopState::Stopped | DesktopState::Creating)
        );
        match (self.assigned(), self.stalled()) {
            (true, _) => Standing::Assigned,
            (false, true) => Standing::Failed,
            (false, false) if running => Standing::Running,
            (false, false) => Standing::Stopped,
        }
    }

    /// What counts when one has to go.
    pub(super) fn candidate(&self, revision: Option<&str>) -> Candidate<'a> {
        Candidate {
            name: self.name(),
            standing: self.standing(),
            left: self.left(),
            named: self.annotation(REMOVE_FIRST_ANNOTATION) == Some("true"),
            protected: self.protected(),
            updated: revision.is_some() && self.revision() == revision,
            created: self.created(),
        }
    }

    /// Since when it has been Ready and of its revision; none while it is not Ready.
    pub(super) fn good_since(&self) -> Option<Timestamp> {
        let ready = self.condition(condition::READY).filter(|c| c.status == "True")?;
        Some(self.since().max(ready.last_transition_time.0))
    }

    /// When it counts as failed: at once when it says so itself, else some time after it was changed or ceased to be
    /// Ready. None while it is Ready, or not known.
    pub(super) fn fails_at(&self, deadline: Duration) -> Option<Timestamp> {
        if self.ready() || self.unknown() {
            return None;
        }
        if self.stalled() {
            return Some(Timestamp::MIN);
        }
        let unready = self
            .condition(condition::READY)
            .map_or(Timestamp::MIN, |c| c.last_transition_time.0);
        Some(after(self.since().max(unready), deadline))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_a_pool_gives_are_slots() {
        assert_eq!(slot_of("a", "a-0"), Some(0));
        assert_eq!(slot_of("a", "a-4999"), Some(4999));
        assert_eq!(slot_of("a-1", "a-1-7"), Some(7));
        for other in [
            "a",
            "a-",
            "a-01",
            "a-x",
            "b-1",
            "a-1-7",
            "a--1",
            "a-+1",
            "a-99999999999",
        ] {
            assert_eq!(slot_of("a", other), None, "{other}");
        }
    }
}
