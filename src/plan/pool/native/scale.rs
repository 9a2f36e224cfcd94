//! How many desktops there are: adding, removing chosen ones, replacing what has failed.

use jiff::Timestamp;

use super::{Action, Draft, PoolWorkKind};
use crate::api::condition::{self, Truth};
use crate::api::desktop::DesktopState;
use crate::api::pool::RolloutPhase;
use crate::backend::pool::{ObservedPool, PoolChange};
use crate::backend::{Login, ObservedDesktop};
use crate::plan::desktop::ClusterView;
use crate::plan::pool::brake::Allowance;
use crate::plan::pool::removal::{Candidate, Standing, victims};
use crate::plan::pool::{count, desktops, desktops_are, max_unavailable};
use crate::plan::{Notice, Pace, after, readable, until, whole_seconds};

/// Most desktops added by one call.
const MOST_MORE: i32 = 1000;
/// Most desktops named in one call.
pub(super) const MOST_NAMED: usize = 100;

/// Whether somebody is, or may be, at work on a desktop.
pub(super) fn logged_on(desktop: &ObservedDesktop) -> bool {
    desktop.login != Some(Login::Nobody)
}

/// Whether a desktop belongs to somebody, or somebody is at work on it.
pub(super) fn taken(desktop: &ObservedDesktop) -> bool {
    desktop.user_name.is_some() || matches!(desktop.login, Some(Login::Connected | Login::Disconnected))
}

impl Draft<'_> {
    /// How many desktops there should be, when there are `present`.
    pub(super) fn desired(&self, present: i32) -> i32 {
        match (&self.inputs.spec.autoscale, self.inputs.spec.replicas) {
            // Between the least and the most the vendor decides.
            (Some(autoscale), _) => present.clamp(autoscale.min, autoscale.max.max(autoscale.min)),
            (None, replicas) => replicas.unwrap_or_default(),
        }
    }

    /// How many desktops may be out of service at a time.
    pub(super) fn max_unavailable(&self) -> usize {
        let desired = usize::try_from(self.status.desired_replicas).unwrap_or_default();
        max_unavailable(&self.inputs.spec.update.max_unavailable, desired)
    }

    pub(super) fn is_protected(&self, desktop: &ObservedDesktop) -> bool {
        self.inputs.protect.contains(&desktop.id)
    }

    pub(super) fn scale(&mut self, observed: &ObservedPool) -> bool {
        let (there, desired) = (self.status.replicas, self.status.desired_replicas);
        if there <= desired {
            self.clear(condition::SCALE_IN_BLOCKED);
        }
        let halted = self
            .status
            .rollout
            .as_ref()
            .is_some_and(|r| r.phase == RolloutPhase::Halted);
        if there < desired {
            // What is added would be made from an image that has just failed.
            if halted && observed.image_id.as_deref() == self.wanted_image() {
                return false;
            }
            return self.expand(observed, desired - there);
        }
        if there > desired {
            return self.shrink(observed, usize::try_from(there - desired).unwrap_or_default());
        }
        let failed = self.replaceable();
        if failed.is_empty() {
            return false;
        }
        if let Some(due) = self.replacement_due() {
            self.again = self.again.min(until(self.inputs.now, due));
            return false;
        }
        let sent = self.remove(observed, failed, "being replaced: failed, and nobody's.");
        if self.status.rollout.is_none() && matches!(self.action, Action::RecordThenChange(_)) {
            self.status.replacement_time = Some(whole_seconds(self.inputs.now));
        }
        sent
    }

    /// What has failed and belongs to nobody, a few at a time; but what a roll-out has just changed is the roll-out's to
    /// judge.
    pub(super) fn replaceable(&self) -> Vec<String> {
        let rolling = self.status.rollout.is_some();
        let wanted = self.wanted_image();
        self.present()
            .iter()
            .filter(|d| d.state == DesktopState::Failed && !taken(d) && !self.is_protected(d))
            .filter(|d| !(rolling && d.image_id.as_deref() == wanted))
            .map(|d| d.id.clone())
            .take(self.max_unavailable().min(MOST_NAMED))
            .collect()
    }

    /// When failed desktops may be replaced next: what fails again and again, because of its image for instance, is not
    /// bought again and again. A roll-out has a pace of its own.
    pub(super) fn replacement_due(&self) -> Option<Timestamp> {
        let last = self
            .status
            .replacement_time
            .as_ref()
            .filter(|_| self.status.rollout.is_none())?;
        Some(after(last.0, self.inputs.limits.backoff_max)).filter(|due| self.inputs.now < *due)
    }

    fn expand(&mut self, observed: &ObservedPool, missing: i32) -> bool {
        // What is there is looked after whatever becomes of the cluster; nothing is bought for it.
        if let ClusterView::Unusable { reason, message } = self.inputs.cluster.clone() {
            self.stamp().working(&mut self.status.conditions, reason, &message);
            return true;
        }
        let more = missing.min(MOST_MORE);
        let message = format!(
            "{} being added.",
            desktops_are(usize::try_from(more).unwrap_or_default())
        );
        if !self.may_send("ExpandPool", "ScalingOut", &message) || !self.is_fresh() {
            return true;
        }
        self.drifted("replicas", &format!("Desktops are missing at the vendor: {message}"));
        self.notices.push(Notice::normal("ScalingOut", message));
        self.record(PoolWorkKind::Expand, self.status.replicas, more, Vec::new(), None);
        self.action = Action::RecordThenChange(PoolChange::Expand {
            pool_id: observed.id.clone(),
            more: u16::try_from(more).unwrap_or_default(),
        });
        true
    }

    /// A desktop as one that might go.
    pub(super) fn candidate<'d>(&self, desktop: &'d ObservedDesktop) -> Candidate<'d> {
        Candidate {
            name: &desktop.id,
            standing: match desktop.state {
                _ if taken(desktop) => Standing::Assigned,
                DesktopState::Failed => Standing::Failed,
                DesktopState::Stopped => Standing::Stopped,
                _ => Standing::Running,
            },
            left: matches!(desktop.login, Some(Login::Nobody | Login::Disconnected)),
            named: self.inputs.remove_first.contains(&desktop.id),
            protected: self.is_protected(desktop),
            updated: desktop.image_id.as_deref() == self.wanted_image(),
            created: desktop.created,
        }
    }

    fn shrink(&mut self, observed: &ObservedPool, excess: usize) -> bool {
        let present = self.present();
        let candidates: Vec<Candidate<'_>> = present.iter().map(|d| self.candidate(d)).collect();
        let chosen = victims(&candidates, excess, self.inputs.spec.scale_in.assigned);
        let names: Vec<String> = chosen.names.iter().map(|id| (*id).to_owned()).collect();
        if chosen.kept > 0 {
            let message = format!(
                "There are {} too many, and {} of them are somebody's or protected: they stay. To let them go, set \
                 spec.scaleIn.assigned, or take them from their users at the vendor.",
                desktops(excess),
                chosen.kept
            );
            self.set(condition::SCALE_IN_BLOCKED, Truth::True, "DesktopsInUse", &message);
            if names.is_empty() {
                self.working("ScaleInBlocked", &message);
                self.pace = Pace::Slow;
                return true;
            }
        } else {
            self.clear(condition::SCALE_IN_BLOCKED);
        }
        self.remove(observed, names, "too many and being removed.")
    }

    fn remove(&mut self, observed: &ObservedPool, mut victims: Vec<String>, why: &str) -> bool {
        victims.truncate(MOST_NAMED);
        let message = format!("{} {why}", desktops_are(victims.len()));
        victims.truncate(self.braked(victims.len(), &message));
        if victims.is_empty() {
            return true;
        }
        let message = format!("{} {why}", desktops_are(victims.len()));
        if !self.may_send("DeleteDesktops", "ScalingIn", &message) || !self.is_fresh() {
            return true;
        }
        self.drifted("replicas", &message);
        self.notices.push(Notice::normal("ScalingIn", message));
        self.send_removal(observed.id.clone(), victims);
        true
    }

    /// How many of so many desktops the brake of the namespace lets go. When it lets none go, that is said.
    pub(super) fn braked(&mut self, wanted: usize, what: &str) -> usize {
        let allowance = self.inputs.brake.allowance(self.inputs.now);
        let most = allowance.cap(wanted);
        if most > 0 || wanted == 0 {
            return most;
        }
        let annotation = crate::api::REMOVAL_BRAKE_ANNOTATION;
        let message = match allowance {
            Allowance::Unreadable(text) => format!(
                "{what} Nothing is removed, because the annotation {annotation} of the namespace cannot be read: {text:?}. \
                 Write it like 20%/1h."
            ),
            Allowance::Limited { next: Some(next), .. } => {
                self.again = until(self.inputs.now, next);
                format!(
                    "{what} The brake of the namespace ({annotation}) lets none go before {}.",
                    readable(next)
                )
            }
            Allowance::Limited { next: None, .. } | Allowance::Unlimited => {
                format!("{what} The brake of the namespace ({annotation}) lets none go.")
            }
        };
        self.stamp().working(&mut self.status.conditions, "Brake", &message);
        0
    }

    /// Records the removal, for what follows and for the brake, and sends it.
    pub(super) fn send_removal(&mut self, pool_id: String, desktop_ids: Vec<String>) {
        let many = desktop_ids.len();
        self.status.removals = self.inputs.brake.recorded(&self.status.removals, many, self.inputs.now);
        let before = count(self.present().len());
        self.record(PoolWorkKind::Remove, before, count(many), desktop_ids.clone(), None);
        self.action = Action::RecordThenChange(PoolChange::DeleteDesktops { pool_id, desktop_ids });
    }
}
