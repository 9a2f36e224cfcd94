//! Another image: tried on canaries, then rolled out some desktops at a time, never on somebody who is at work.
//!
//! What wipes a disk names its desktops. Only where every idle desktop may be out of service at once, and none was asked
//! to be tried first, one call for the whole pool does it.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::scale::{MOST_NAMED, logged_on, taken};
use super::{Action, Draft, PoolWorkKind};
use crate::api::condition::{self, Truth, truncate};
use crate::api::desktop::DesktopState;
use crate::api::pool::{Rollout, RolloutPhase, UpdateStrategy, WhenAssigned};
use crate::backend::ObservedDesktop;
use crate::backend::pool::{ObservedPool, PoolChange, PoolScope};
use crate::plan::pool::{canaries, count, desktops};
use crate::plan::{Notice, Pace, after, readable, until};

/// Rebuilds in a row that may fail without changing anything, before a roll-out stops.
const MOST_FAILED_REBUILDS: i32 = 3;
/// Most desktops that are remembered as not ready.
const MOST_SUSPECTS: usize = 16;

/// The desktops of a pool, by what a roll-out has to do with them.
struct Sorted<'a> {
    /// Made from the wanted image.
    updated: Vec<&'a ObservedDesktop>,
    /// Made from another one.
    outdated: Vec<&'a ObservedDesktop>,
}

/// States a desktop can be made anew in.
fn can_be_rebuilt(desktop: &ObservedDesktop) -> bool {
    matches!(
        desktop.state,
        DesktopState::Running | DesktopState::Unregistered | DesktopState::Stopped
    )
}

impl<'a> Draft<'a> {
    /// True when a call is made, or something is waited for.
    pub(super) fn rollout(&mut self, observed: &ObservedPool) -> bool {
        let Some(wanted) = self.wanted_image().map(str::to_owned) else {
            return false;
        };
        let mut sorted = self.sorted(&wanted);
        // What the manifest keeps as it is, is as it should be.
        sorted.outdated.retain(|d| !self.is_kept(d));
        // A pool that does not tell its image is left alone.
        let pool_has_it = observed.image_id.as_ref().is_none_or(|id| *id == wanted);
        let on_delete = self.inputs.spec.update.strategy == UpdateStrategy::OnDelete;
        if sorted.outdated.is_empty() || on_delete {
            if !on_delete && pool_has_it && self.last_ones(&wanted, &sorted) {
                return true;
            }
            return self.nothing_outdated(observed, &wanted, pool_has_it);
        }
        self.begin(&wanted, sorted.updated.len());
        if self.inputs.spec.update.paused {
            self.phase(RolloutPhase::Paused);
            if let Some(rollout) = self.status.rollout.as_mut() {
                rollout.failed_rebuilds = 0;
            }
            self.clear(condition::ROLLOUT_HALTED);
            let message = format!(
                "The roll-out of image {wanted} is paused (spec.update.paused); {} still have another one.",
                desktops(sorted.outdated.len())
            );
            self.stamp()
                .working(&mut self.status.conditions, "RolloutPaused", &message);
            return true;
        }
        if self.halted(&wanted, &sorted) || self.canary(observed, &wanted, &sorted) {
            return true;
        }
        if self.at_once(observed, &wanted, &sorted) {
            return true;
        }
        if !pool_has_it {
            return self.set_image(observed, &wanted);
        }
        self.batch(observed, &wanted, &sorted, usize::MAX)
    }

    fn sorted(&self, wanted: &str) -> Sorted<'a> {
        // One that does not tell its image is left alone.
        let (updated, outdated) = self
            .present()
            .into_iter()
            .partition(|d| d.image_id.as_deref().is_none_or(|id| id == wanted));
        Sorted { updated, outdated }
    }

    /// Everything was changed: whether some are not ready yet, or have failed.
    fn last_ones(&mut self, wanted: &str, sorted: &Sorted<'_>) -> bool {
        let revision = truncate(wanted, 64);
        if self.status.rollout.as_ref().is_none_or(|r| r.revision != revision) {
            return false;
        }
        if self.halted(wanted, sorted) {
            return true;
        }
        let unready = self.unready(sorted).len();
        if unready > 0 {
            let message = format!("{} made from image {wanted} are not ready yet.", desktops(unready));
            self.working("RollingOut", &message);
        }
        unready > 0
    }

    /// Every desktop is as it should be, or is to be changed only when it is made anew.
    fn nothing_outdated(&mut self, observed: &ObservedPool, wanted: &str, pool_has_it: bool) -> bool {
        self.clear(condition::ROLLOUT_HALTED);
        if !pool_has_it {
            return self.set_image(observed, wanted);
        }
        if self.status.rollout.take().is_some() {
            let note = format!("Every desktop is made from image {wanted}.");
            self.notices.push(Notice::normal("RolledOut", note));
        }
        false
    }

    /// The image that new desktops are made from. No disk is wiped.
    fn set_image(&mut self, observed: &ObservedPool, wanted: &str) -> bool {
        let message = format!("New desktops are to be made from image {wanted}.");
        if self.may_send("RebuildPool", "RollingOut", &message) {
            self.drifted(
                "image",
                &format!("The pool's image was changed at the vendor: {message}"),
            );
            self.action = Action::Change(PoolChange::Rebuild {
                pool_id: observed.id.clone(),
                image_id: wanted.to_owned(),
                scope: PoolScope::New,
            });
        }
        true
    }

    fn canaries(&self) -> usize {
        let desired = usize::try_from(self.status.desired_replicas).unwrap_or_default();
        let canary = self.inputs.spec.update.canary.as_ref();
        canary.map_or(0, |canary| canaries(canary.percent, desired))
    }

    fn begin(&mut self, wanted: &str, updated: usize) {
        let revision = truncate(wanted, 64);
        if self.status.rollout.as_ref().is_some_and(|r| r.revision == revision) {
            return;
        }
        self.clear(condition::ROLLOUT_HALTED);
        // Where as many desktops have it already, it is known to be good: so it is on the way back.
        let canary_passed = updated >= self.canaries();
        self.status.rollout = Some(Rollout {
            revision,
            phase: if canary_passed {
                RolloutPhase::Rolling
            } else {
                RolloutPhase::Canary
            },
            start_time: self.started(),
            soak_until_time: None,
            canary_passed,
            unready_since_time: None,
            unready: Vec::new(),
            failed_rebuilds: 0,
        });
        let note = format!("The pool is rolled over to image {wanted}.");
        self.notices.push(Notice::normal("RolloutStarted", note));
    }

    fn phase(&mut self, phase: RolloutPhase) {
        if let Some(rollout) = self.status.rollout.as_mut() {
            rollout.phase = phase;
        }
    }

    /// Stops while changed desktops have failed, or are not Ready for too long, and when the vendor fails to change any.
    fn halted(&mut self, wanted: &str, sorted: &Sorted<'_>) -> bool {
        let failures = self.status.rollout.as_ref().map_or(0, |r| r.failed_rebuilds);
        if failures >= MOST_FAILED_REBUILDS && !sorted.outdated.is_empty() {
            let message = format!(
                "The roll-out of image {wanted} has stopped, because the vendor failed {failures} times in a row to make \
                 desktops from it. Put the old image back into spec.template.spec.image, or another one; to have it tried \
                 again, set spec.update.paused and take it back."
            );
            self.halt("RebuildsFailed", &message);
            return true;
        }
        let unready: Vec<&str> = self.unready(sorted);
        let failed: Vec<String> = sorted
            .updated
            .iter()
            .filter(|d| d.state == DesktopState::Failed)
            .map(|d| d.id.clone())
            .collect();
        let (now, seconds) = (self.inputs.now, self.inputs.spec.update.progress_deadline_seconds);
        let patience = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        let (since, suspects) = self.suspects(&unready);
        let late = since.as_ref().is_some_and(|since| now > after(since.0, patience));
        if let Some(since) = since.as_ref().filter(|_| !late) {
            self.again = self.again.min(until(now, after(since.0, patience)));
        }
        if let Some(rollout) = self.status.rollout.as_mut() {
            rollout.unready_since_time = since;
            rollout.unready.clone_from(&suspects);
        }
        if failed.is_empty() && !late {
            self.clear(condition::ROLLOUT_HALTED);
            return false;
        }
        let bad = if failed.is_empty() { suspects } else { failed };
        let passed = self.status.rollout.as_ref().is_some_and(|r| r.canary_passed);
        let reason = if passed { "DesktopsFailed" } else { "CanaryFailed" };
        let named = bad.get(..5).unwrap_or(&bad).join(", ");
        let message = format!(
            "The roll-out of image {wanted} has stopped, because {} made from it failed or did not become ready in time \
             ({named}). Put the old image back into spec.template.spec.image, or another one, or repair them at the \
             vendor.",
            desktops(bad.len())
        );
        self.halt(reason, &message);
        true
    }

    fn halt(&mut self, reason: &'static str, message: &str) {
        if !condition::is_true(&self.inputs.status.conditions, condition::ROLLOUT_HALTED) {
            self.notices.push(Notice::warning("RolloutHalted", message.to_owned()));
        }
        self.phase(RolloutPhase::Halted);
        self.set(condition::ROLLOUT_HALTED, Truth::True, reason, message);
        self.stamp()
            .stalled(&mut self.status.conditions, "RolloutHalted", message);
        self.pace = Pace::Slow;
    }

    /// Which of the unready desktops have been so for longest, and since when. One batch follows the other, so some are
    /// always unready; what counts is whether the same ones stay so.
    fn suspects(&self, unready: &[&str]) -> (Option<Time>, Vec<String>) {
        if unready.is_empty() {
            return (None, Vec::new());
        }
        let known = self.status.rollout.as_ref();
        let mut still: Vec<String> = known.map(|r| r.unready.clone()).unwrap_or_default();
        still.retain(|id| unready.contains(&id.as_str()));
        let since = known.and_then(|r| r.unready_since_time.clone());
        if let Some(since) = since.filter(|_| !still.is_empty()) {
            return (Some(since), still);
        }
        let fresh = unready.iter().take(MOST_SUSPECTS).map(|id| (*id).to_owned());
        (Some(self.started()), fresh.collect())
    }

    fn unready<'b>(&self, sorted: &Sorted<'b>) -> Vec<&'b str> {
        let unready = sorted.updated.iter().filter(|d| !self.is_ready(d));
        unready.map(|d| d.id.as_str()).collect()
    }

    /// Changes the canaries, and watches them for as long as they have to be Ready. The pool's own image stays meanwhile:
    /// what is added is still made from the old one.
    fn canary(&mut self, observed: &ObservedPool, wanted: &str, sorted: &Sorted<'_>) -> bool {
        let Some(canary) = self.inputs.spec.update.canary.clone() else {
            if let Some(rollout) = self.status.rollout.as_mut() {
                rollout.canary_passed = true;
            }
            return false;
        };
        if self.status.rollout.as_ref().is_some_and(|r| r.canary_passed) {
            return false;
        }
        let missing = self.canaries().saturating_sub(sorted.updated.len());
        if missing > 0 {
            self.phase(RolloutPhase::Canary);
            return self.batch(observed, wanted, sorted, missing);
        }
        if !self.unready(sorted).is_empty() {
            if let Some(rollout) = self.status.rollout.as_mut() {
                rollout.phase = RolloutPhase::Canary;
                rollout.soak_until_time = None;
            }
            let message = format!("Waits for the first desktops made from image {wanted} to become ready.");
            self.working("RollingOut", &message);
            return true;
        }
        let now = self.inputs.now;
        let soak = Duration::from_secs(u64::try_from(canary.soak_seconds).unwrap_or_default());
        let Some(rollout) = self.status.rollout.as_mut() else {
            return false;
        };
        let soaked = rollout
            .soak_until_time
            .get_or_insert_with(|| Time(crate::plan::whole_seconds(after(now, soak)).0))
            .0;
        if now >= soaked {
            rollout.canary_passed = true;
            rollout.soak_until_time = None;
            rollout.phase = RolloutPhase::Rolling;
            return false;
        }
        rollout.phase = RolloutPhase::Soaking;
        let message = format!(
            "{} made from image {wanted} are ready and watched until {}; then the rest follows.",
            desktops(sorted.updated.len()),
            readable(soaked)
        );
        self.working("Soaking", &message);
        self.again = self.again.min(until(now, soaked));
        true
    }

    /// One call for all that is idle, or for all there is, where nothing is left to be chosen.
    fn at_once(&mut self, observed: &ObservedPool, wanted: &str, sorted: &Sorted<'_>) -> bool {
        let update = &self.inputs.spec.update;
        let now = update.when_assigned == WhenAssigned::Now;
        let everything = self.present();
        let all_may = update.canary.is_none()
            && self.max_unavailable() >= everything.len()
            && everything.iter().all(|d| can_be_rebuilt(d) && !self.is_protected(d));
        let concerned = |d: &&&ObservedDesktop| now || !taken(d);
        // What has the image already would be wiped for nothing.
        let in_vain = sorted.updated.iter().any(|d| now || !taken(d));
        // It is not written whether a desktop that its owner is not logged on to is idle.
        let in_doubt = !now && everything.iter().any(|d| taken(d));
        let ids: Vec<String> = sorted.outdated.iter().filter(concerned).map(|d| d.id.clone()).collect();
        if !all_may || in_vain || in_doubt || ids.is_empty() || ids.len() > MOST_NAMED {
            return false;
        }
        let message = format!("{} are made anew from image {wanted}.", desktops(ids.len()));
        if !self.may_send("RebuildPool", "RollingOut", &message) || !self.is_fresh() {
            return true;
        }
        let before = count(everything.len());
        self.record(
            PoolWorkKind::Rebuild,
            before,
            count(ids.len()),
            ids,
            Some(wanted.to_owned()),
        );
        self.action = Action::RecordThenChange(PoolChange::Rebuild {
            pool_id: observed.id.clone(),
            image_id: wanted.to_owned(),
            scope: if now { PoolScope::All } else { PoolScope::Idle },
        });
        true
    }

    /// Whether the manifest keeps a desktop from being made anew at any time.
    fn is_kept(&self, desktop: &ObservedDesktop) -> bool {
        let never = self.inputs.spec.update.when_assigned == WhenAssigned::Never;
        (never && taken(desktop)) || self.is_protected(desktop)
    }

    /// Whether a desktop may be made anew now.
    fn may_be_rebuilt(&self, desktop: &ObservedDesktop) -> bool {
        let allowed = !taken(desktop)
            || match self.inputs.spec.update.when_assigned {
                WhenAssigned::AtNextLogoff => !logged_on(desktop),
                WhenAssigned::Now => true,
                WhenAssigned::Never => false,
            };
        allowed && can_be_rebuilt(desktop) && !self.is_protected(desktop)
    }

    /// The next desktops, as many as may be out of service.
    fn batch(&mut self, observed: &ObservedPool, wanted: &str, sorted: &Sorted<'_>, most: usize) -> bool {
        let ready = self.present().iter().filter(|d| self.is_ready(d)).count();
        let desired = usize::try_from(self.status.desired_replicas).unwrap_or_default();
        let room = (ready + self.max_unavailable()).saturating_sub(desired);
        let mut eligible: Vec<&ObservedDesktop> = sorted
            .outdated
            .iter()
            .copied()
            .filter(|d| self.may_be_rebuilt(d))
            .collect();
        if eligible.is_empty() {
            self.phase(RolloutPhase::Waiting);
            let message = format!(
                "{} still have another image than {wanted}: somebody is logged on to them, or they are not ready for it. \
                 They follow when nobody is (spec.update.whenAssigned).",
                desktops(sorted.outdated.len())
            );
            self.stamp()
                .working(&mut self.status.conditions, "RolloutWaiting", &message);
            return true;
        }
        // What is out of service already can be changed without taking anything away from anybody.
        eligible.sort_by_key(|d| (self.is_ready(d), taken(d), d.id.clone()));
        let idle = eligible.iter().filter(|d| !self.is_ready(d)).count();
        let chosen: Vec<String> = eligible
            .iter()
            .take((idle + room).min(most).min(MOST_NAMED))
            .map(|d| d.id.clone())
            .collect();
        if most == usize::MAX {
            self.phase(RolloutPhase::Rolling);
        }
        if chosen.is_empty() {
            let message = format!("Waits for desktops to become ready before more are made from image {wanted}.");
            self.working("RollingOut", &message);
            return true;
        }
        let message = format!("{} are made anew from image {wanted}.", desktops(chosen.len()));
        if !self.may_send("RebuildDesktops", "RollingOut", &message) || !self.is_fresh() {
            return true;
        }
        let before = count(self.present().len());
        let image = Some(wanted.to_owned());
        self.record(
            PoolWorkKind::Rebuild,
            before,
            count(chosen.len()),
            chosen.clone(),
            image,
        );
        self.action = Action::RecordThenChange(PoolChange::RebuildDesktops {
            pool_id: observed.id.clone(),
            image_id: wanted.to_owned(),
            desktop_ids: chosen,
        });
        true
    }
}
