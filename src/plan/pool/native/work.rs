//! A change of desktops that was recorded and perhaps sent: nothing else is done to desktops until its effect is seen, or
//! it is certain that there will be none.

use std::collections::HashMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Action, Draft, PoolWork, PoolWorkKind};
use crate::api::desktop::DesktopState;
use crate::backend::ObservedDesktop;
use crate::backend::pool::{ObservedPool, PoolChange};
use crate::plan::create::EMPTY_LISTINGS;
use crate::plan::pool::desktops_are;
use crate::plan::pool::removal::{Standing, victims};
use crate::plan::{Notice, Pace, after, readable, until};

/// Whether something is being done to a desktop.
fn in_transition(state: DesktopState) -> bool {
    matches!(
        state,
        DesktopState::Creating
            | DesktopState::Starting
            | DesktopState::Restarting
            | DesktopState::Stopping
            | DesktopState::Imaging
            | DesktopState::Deleting
    )
}

impl Draft<'_> {
    /// What is going on, in words.
    pub(super) fn work_words(&self) -> (&'static str, String) {
        let Some(work) = &self.status.work else {
            let what = self.status.operation.as_ref().map_or("", |o| o.action.as_str());
            return match what {
                "RebuildPool" => (
                    "Updating",
                    "The vendor is changing the image of new desktops.".to_owned(),
                ),
                _ => ("Changing", "The vendor is working on the pool.".to_owned()),
            };
        };
        let those = desktops_are(usize::try_from(work.count).unwrap_or_default());
        match work.kind {
            PoolWorkKind::Expand if work.before == 0 => ("Creating", format!("{those} being made.")),
            PoolWorkKind::Expand => ("ScalingOut", format!("{those} being added.")),
            PoolWorkKind::Remove => ("ScalingIn", format!("{those} being removed.")),
            PoolWorkKind::Rebuild => (
                "RollingOut",
                format!(
                    "{those} being made anew from image {}.",
                    work.image_id.as_deref().unwrap_or_default()
                ),
            ),
        }
    }

    /// True while something is open.
    pub(super) fn work(&mut self, observed: &ObservedPool) -> bool {
        let Some(work) = self.status.work.clone() else {
            return false;
        };
        let (reason, message) = self.work_words();
        let settled_by_human = format!("work-{}-settled", work.number);
        if self.inputs.settle == Some(settled_by_human.as_str()) {
            self.close(&work);
            return false;
        }
        let ended = work.end_time.is_some();
        // A lost answer leaves a job that nobody knows the id of.
        let quiet = ended || work.kind != PoolWorkKind::Expand || self.inputs.busy == Some(false);
        if quiet && self.effect(&work) {
            self.close(&work);
            return false;
        }
        // What has failed is said already.
        if self.status.retry.is_none() {
            self.working(reason, &message);
        }
        self.pace = Pace::Fast;
        if let Some(end) = &work.end_time {
            // Desktops lag behind their jobs. What was made anew is in the listing already; what comes or goes is given
            // as long as a creation, because a second call for it would be one too many.
            let failed_removal = work.kind == PoolWorkKind::Remove && self.status.retry.is_some();
            let lag = if work.kind == PoolWorkKind::Rebuild || failed_removal {
                self.inputs.limits.empty_listing_gap
            } else {
                self.inputs.limits.settle
            };
            let due = after(end.0, lag);
            if self.inputs.listing_started.is_none_or(|at| at <= due) || self.is_moving(&work) {
                self.again = until(self.inputs.now, due).min(self.inputs.limits.fast);
                return true;
            }
            self.close(&work);
            return false;
        }
        if work.kind == PoolWorkKind::Remove {
            return self.remove_again(observed, &work);
        }
        self.unanswered(work)
    }

    /// Whether what was asked for is there.
    fn effect(&self, work: &PoolWork) -> bool {
        match work.kind {
            PoolWorkKind::Expand => {
                let there = i32::try_from(self.present().len()).unwrap_or(i32::MAX);
                there >= work.before.saturating_add(work.count)
            }
            PoolWorkKind::Remove => !self.named(work).iter().any(Option::is_some),
            PoolWorkKind::Rebuild => self
                .named(work)
                .into_iter()
                .flatten()
                .all(|d| d.image_id.is_some() && d.image_id == work.image_id && !in_transition(d.state)),
        }
    }

    /// Whether something is still being done to what it is about.
    fn is_moving(&self, work: &PoolWork) -> bool {
        self.named(work).into_iter().flatten().any(|d| in_transition(d.state))
    }

    /// Its desktops, as far as they are listed.
    fn named(&self, work: &PoolWork) -> Vec<Option<&ObservedDesktop>> {
        let by_id: HashMap<&str, &ObservedDesktop> = self.inputs.desktops.iter().map(|d| (d.id.as_str(), d)).collect();
        work.desktop_ids
            .iter()
            .map(|id| by_id.get(id.as_str()).copied())
            .collect()
    }

    /// Those of a removal that may still go: meanwhile somebody may have got one, or wants it kept.
    fn still_to_go(&self, work: &PoolWork) -> Vec<String> {
        let there = self.named(work).into_iter().flatten();
        let there: Vec<_> = there.filter(|d| d.state != DesktopState::Deleting).collect();
        if self.inputs.deleting {
            let free = there.into_iter().filter(|d| !self.is_protected(d));
            return free.map(|d| d.id.clone()).collect();
        }
        let excess = usize::try_from(self.status.replicas - self.status.desired_replicas).unwrap_or_default();
        let candidates: Vec<_> = there.into_iter().map(|d| self.candidate(d)).collect();
        // What has failed goes without being too many.
        let failed = candidates.iter().filter(|c| c.standing == Standing::Failed).count();
        let chosen = victims(&candidates, excess.max(failed), self.inputs.spec.scale_in.assigned);
        chosen.names.into_iter().map(str::to_owned).collect()
    }

    /// A removal names its desktops, so sent again it removes nothing else.
    fn remove_again(&mut self, observed: &ObservedPool, work: &PoolWork) -> bool {
        let (limits, left) = (self.inputs.limits, self.still_to_go(work));
        let settled = after(work.start_time.0, limits.settle + limits.intent_lifetime);
        if left.is_empty() && self.inputs.listing_started.is_some_and(|at| at > settled) {
            // What is left is on its way out, or is to stay after all.
            self.close(work);
            return false;
        }
        let due = after(work.start_time.0, self.inputs.limits.resend);
        if left.is_empty() || self.inputs.now < due {
            self.again = until(self.inputs.now, due).clamp(self.inputs.limits.fast, self.inputs.limits.slow);
            return true;
        }
        let (reason, message) = self.work_words();
        if self.may_send("DeleteDesktops", reason, &message) && self.is_fresh() {
            self.action = Action::Change(PoolChange::DeleteDesktops {
                pool_id: observed.id.clone(),
                desktop_ids: left,
            });
        }
        true
    }

    /// An answer was lost. As with a creation, only a settle time and several complete listings without an effect, and
    /// without a job at the vendor, allow anything else.
    fn unanswered(&mut self, mut work: PoolWork) -> bool {
        let (limits, now) = (self.inputs.limits, self.inputs.now);
        let settled_at = after(work.start_time.0, limits.settle + limits.intent_lifetime);
        let earliest = work
            .last_empty_listing_time
            .as_ref()
            .map_or(settled_at, |last| after(last.0, limits.empty_listing_gap));
        let idle = self.inputs.busy == Some(false) && !self.is_moving(&work);
        if let Some(started) = self.inputs.listing_started
            && started > earliest
            && idle
            && work.empty_listings < EMPTY_LISTINGS
        {
            work.empty_listings = work.empty_listings.saturating_add(1);
            work.last_empty_listing_time = Some(Time(started));
        }
        let what = match work.kind {
            PoolWorkKind::Expand => format!("the call that adds {} desktops", work.count),
            _ => format!("the call that rebuilds {} desktops", work.count),
        };
        let number = work.number;
        let waiting = now < settled_at || work.empty_listings < EMPTY_LISTINGS;
        self.status.work = Some(work.clone());
        if waiting {
            let message = format!(
                "What became of {what} is not known. The pool is watched for its effect; not before {} is it taken for not \
                 carried out.",
                readable(settled_at)
            );
            self.working("OutcomeUnknown", &message);
            return true;
        }
        if limits.retry_unknown_create {
            self.close(&work);
            return false;
        }
        let message = format!(
            "What became of {what} is not known, and its effect cannot be seen. Look into the vendor's console, then annotate \
             this object with {}=work-{number}-settled: from then on what is there counts.",
            crate::api::SETTLE_ANNOTATION,
        );
        self.stalled("WorkOutcomeUnknown", &message);
        true
    }

    /// What is there counts from now on.
    fn close(&mut self, work: &PoolWork) {
        let changed = |d: &ObservedDesktop| d.image_id.is_some() && d.image_id == work.image_id;
        let some = work.kind == PoolWorkKind::Rebuild && self.named(work).into_iter().flatten().any(changed);
        if let Some(rollout) = self.status.rollout.as_mut().filter(|_| some) {
            rollout.failed_rebuilds = 0;
        }
        if work.kind == PoolWorkKind::Rebuild && self.effect(work) {
            let note = format!("{} desktops were made anew from another image.", work.count);
            self.notices.push(Notice::normal("Rebuilt", note));
        }
        self.status.work = None;
        self.status.operation = None;
    }
}
