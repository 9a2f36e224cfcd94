//! A pool of the vendor's own: found or created, kept as declared, rolled over to other images, deleted.
//!
//! Its desktops are no objects of ours. They are known from the listing of the pool, and what is done to them (adding,
//! deleting, rebuilding) is one [work](crate::api::pool::PoolWork) at a time: recorded, sent once, and followed until
//! its effect is seen.

mod creation;
mod deletion;
mod members;
mod rollout;
mod scale;
mod steady;
#[cfg(test)]
mod tests;
mod work;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::common::Binding;
use crate::api::condition::{self, Truth};
use crate::api::pool::{DesktopPoolSpec, DesktopPoolStatus, PoolWork, PoolWorkKind};
use crate::backend::pool::{ObservedPool, PoolChange, PoolMember, PoolSpec};
use crate::backend::{
    BackendError, Capabilities, ErrorClass, ObservedDesktop, ObservedUser, Receipt, Task, TaskKind, naming,
};
use crate::plan::desktop::ClusterView;
use crate::plan::image::Obstacle;
use crate::plan::managed::{Managed, Turn};
use crate::plan::pool::brake;
use crate::plan::{Limits, Notice, Pace, after, explain, last_error};
pub use members::is_same_user;

/// What the vendor says of the recorded id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation<'a> {
    /// Not read yet, or not since the last failure.
    Unknown,
    /// The vendor knows no such pool; `confirmed` when it said so before, too.
    Absent {
        /// Two answers in a row agree.
        confirmed: bool,
    },
    /// As read.
    Present(&'a ObservedPool),
}

/// Everything a decision depends on.
#[allow(
    clippy::struct_excessive_bools,
    reason = "facts about one object that have nothing to do with each other"
)]
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// Name of the resource.
    pub name: &'a str,
    /// UID of the resource.
    pub uid: &'a str,
    /// Its generation.
    pub generation: i64,
    /// Deletion was asked for.
    pub deleting: bool,
    /// It is paused by annotation.
    pub paused: bool,
    /// Value of the abandon annotation.
    pub abandon: Option<&'a str>,
    /// Value of the retry-create annotation.
    pub retry_create: Option<i32>,
    /// Value of the settle annotation.
    pub settle: Option<&'a str>,
    /// Vendor ids of desktops that are never removed or rebuilt.
    pub protect: &'a [String],
    /// Vendor ids of desktops that are removed first.
    pub remove_first: &'a [String],
    /// Spec.
    pub spec: &'a DesktopPoolSpec,
    /// Status as last written.
    pub status: &'a DesktopPoolStatus,
    /// Its cluster.
    pub cluster: ClusterView,
    /// Subnets of the cluster, as the vendor lists them.
    pub subnets: &'a [String],
    /// The vendor id of the template's image, or why it cannot be used.
    pub image: &'a Result<String, Obstacle>,
    /// What the vendor can do; `None` while the account is not connected.
    pub capabilities: Option<&'a Capabilities>,
    /// The recorded pool, or the one to adopt.
    pub observed: Observation<'a>,
    /// Its desktops.
    pub desktops: &'a [ObservedDesktop],
    /// When the pool and its desktops, or the search for its name, was begun to be read.
    pub listing_started: Option<Timestamp>,
    /// All that was read in this very pass.
    pub fresh: bool,
    /// Why there is nothing newer, once that is worth saying.
    pub error: Option<&'a BackendError>,
    /// Pools that carry our name.
    pub candidates: &'a [String],
    /// Who may use the pool, where the manifest declares it.
    pub members: Option<&'a [PoolMember]>,
    /// Users of the account, read when one that is declared is no member yet.
    pub users: Option<&'a [ObservedUser]>,
    /// Whether the vendor has jobs on it, read when that has to be known.
    pub busy: Option<bool>,
    /// Another resource that has recorded the id to be adopted.
    pub claimed_by: Option<&'a str>,
    /// What the brake of the namespace depends on.
    pub brake: &'a brake::Facts,
    /// This process is sending the creation now.
    pub in_flight: bool,
    /// A value no other writer of an intent has.
    pub writer: &'a str,
    /// Limits.
    pub limits: &'a Limits,
    /// Now.
    pub now: Timestamp,
}

/// What to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Nothing.
    None,
    /// What was read is too old for what is to be done: read again, and decide then.
    Reread,
    /// Write the status, which holds the intent, and only then send the creation.
    Create(Box<PoolSpec>),
    /// Send one change.
    Change(PoolChange),
    /// Write the status, which holds what makes a repetition impossible, and only then send.
    RecordThenChange(PoolChange),
    /// Poll a task.
    Poll(Task),
    /// Nothing is left to do for a deleted object: let it go.
    Release,
}

/// The decision.
#[derive(Clone, Debug)]
pub struct Plan {
    /// At most one action.
    pub action: Action,
    /// The status to write, before the action's own result.
    pub status: DesktopPoolStatus,
    /// Events to publish once the status is written.
    pub notices: Vec<Notice>,
    /// Fields whose drift the action heals.
    pub healing: Vec<&'static str>,
    /// How soon the vendor should be read again.
    pub pace: Pace,
    /// When to look again at the latest.
    pub again: Duration,
}

/// Decides.
#[must_use]
pub fn plan(inputs: &Inputs<'_>) -> Plan {
    let mut draft = Draft::new(inputs);
    if inputs.paused {
        draft.paused();
    } else if inputs.deleting {
        draft.delete();
    } else {
        draft.converge();
    }
    draft.finish()
}

/// The name of the pool at the vendor.
#[must_use]
pub fn vendor_name(name: &str, uid: &str) -> String {
    naming::pool_name(name, uid)
}

/// The status after a change was answered, and what a human should be told of it.
#[must_use]
pub fn answered(
    inputs: &Inputs<'_>,
    mut status: DesktopPoolStatus,
    change: &PoolChange,
    answer: &Result<Receipt, BackendError>,
) -> (DesktopPoolStatus, Option<Notice>) {
    // Definitely not carried out: what was recorded before it was sent is taken back.
    let refused = answer.as_ref().is_err_and(|e| e.class != ErrorClass::Ambiguous);
    let works = matches!(
        change,
        PoolChange::Expand { .. } | PoolChange::DeleteDesktops { .. } | PoolChange::RebuildDesktops { .. }
    );
    let whole = matches!(change, PoolChange::Rebuild { .. }) && status.work.is_some();
    if refused && (works || whole) {
        if status.work.as_ref().is_some_and(|w| w.kind == PoolWorkKind::Remove) {
            status.removals.clone_from(&inputs.status.removals);
        }
        status.work = None;
    }
    if matches!(change, PoolChange::Delete { .. }) && answer.as_ref().is_ok_and(|r| r.gone) {
        status.vendor = None;
    }
    let stamp = condition::Stamp {
        generation: inputs.generation,
        now: inputs.now,
    };
    let told = status
        .parts()
        .answered_as(change.name(), answer, inputs.uid, inputs.limits, stamp);
    (status, told)
}

/// The status after a task was asked about and does not run any more.
#[must_use]
pub fn polled(
    inputs: &Inputs<'_>,
    mut status: DesktopPoolStatus,
    outcome: Result<(), &BackendError>,
) -> (DesktopPoolStatus, Option<Notice>) {
    let stamp = condition::Stamp {
        generation: inputs.generation,
        now: inputs.now,
    };
    let (failure, uid, limits) = (outcome.err(), inputs.uid, inputs.limits);
    if status.id.is_none() {
        let told = status.parts().creation_ended(failure, uid, limits, stamp);
        if failure.is_some() {
            status.work = None;
        }
        return (status, told);
    }
    if failure.is_some()
        && status.work.as_ref().is_some_and(|w| w.kind == PoolWorkKind::Rebuild)
        && let Some(rollout) = status.rollout.as_mut()
    {
        rollout.failed_rebuilds = rollout.failed_rebuilds.saturating_add(1);
    }
    if let Some(work) = status.work.as_mut() {
        work.end_time = Some(crate::plan::whole_seconds(inputs.now));
    }
    let told = status.parts().task_ended(failure, uid, limits, stamp);
    (status, told)
}

/// The status after a task turned out not to be one that can be asked about. That says nothing of the job: it may go on.
#[must_use]
pub fn unpollable(inputs: &Inputs<'_>, mut status: DesktopPoolStatus) -> DesktopPoolStatus {
    if status.id.is_none() {
        return polled(inputs, status, Ok(())).0;
    }
    if let Some(operation) = status.operation.as_mut() {
        operation.task_id = None;
    }
    status
}

/// Whether only the vendor's jobs tell what becomes of a recorded change: its answer was lost, or the job that it began
/// cannot be followed any more.
#[must_use]
pub fn is_in_doubt(status: &DesktopPoolStatus, limits: &Limits, now: Timestamp) -> bool {
    let doubtful = |w: &PoolWork| w.kind != PoolWorkKind::Remove && w.end_time.is_none();
    status.work.as_ref().is_some_and(doubtful) && status.clone().parts().task(TaskKind::Job, "", limits, now).is_none()
}

/// A plan while it is being made.
struct Draft<'a> {
    inputs: &'a Inputs<'a>,
    status: DesktopPoolStatus,
    action: Action,
    notices: Vec<Notice>,
    healing: Vec<&'static str>,
    pace: Pace,
    again: Duration,
}

impl<'a> Draft<'a> {
    crate::plan::draft::drafting!("pool");

    fn new(inputs: &'a Inputs<'a>) -> Self {
        let mut status = inputs.status.clone();
        status.observed_generation = inputs.generation;
        if !inputs.paused {
            condition::clear(&mut status.conditions, condition::PAUSED);
        }
        if !status.removals.is_empty() {
            status.removals = inputs.brake.recorded(&status.removals, 0, inputs.now);
        }
        Self {
            inputs,
            status,
            action: Action::None,
            notices: Vec::new(),
            healing: Vec::new(),
            pace: Pace::Slow,
            again: inputs.limits.slow,
        }
    }

    fn finish(mut self) -> Plan {
        crate::plan::speak_of_generation(
            &self.status.conditions,
            &mut self.status.observed_generation,
            self.inputs.status.observed_generation,
        );
        let longest = match self.pace {
            Pace::Fast => self.inputs.limits.fast,
            Pace::Slow => self.inputs.limits.slow,
        };
        Plan {
            action: self.action,
            status: self.status,
            notices: self.notices,
            healing: self.healing,
            pace: self.pace,
            again: self.again.min(longest),
        }
    }

    /// Whether `action` may be sent now; when it must wait, that is arranged, and what was said before stays said.
    fn may_send(&mut self, action: &str, reason: &'static str, message: &str) -> bool {
        match self.turn(action) {
            Turn::Now => {
                self.working(reason, message);
                true
            }
            Turn::Sent(left) => {
                self.working(reason, message);
                self.again = left;
                false
            }
            Turn::Refused(wait) => {
                self.again = wait;
                false
            }
        }
    }

    /// Before something that costs money or wipes a disk is decided on, everything is read anew.
    fn is_fresh(&mut self) -> bool {
        if !self.inputs.fresh {
            self.action = Action::Reread;
            self.again = Duration::ZERO;
        }
        self.inputs.fresh
    }

    fn paused(&mut self) {
        let message = "Paused by annotation: nothing is called at the vendor, deletion included.";
        self.set(condition::PAUSED, Truth::True, "Paused", message);
    }

    fn converge(&mut self) {
        self.clear(condition::DELETION_BLOCKED);
        if self.foreign_binding() {
            return;
        }
        if let Some(other) = self.inputs.claimed_by {
            // Both stop, whoever came first: nobody knows which of them was meant.
            let id = self.inputs.spec.existing_id.as_deref().unwrap_or_default();
            let message =
                format!("spec.existingId {id} belongs to {other} too; delete the one that should not have it.");
            return self.stalled("AlreadyClaimed", &message);
        }
        if self.status.id.is_some() {
            match self.inputs.observed {
                Observation::Unknown => self.unobserved(),
                Observation::Absent { .. } if self.not_yet_listed() => {
                    self.working("Creating", "The pool was created; the vendor does not list it yet.");
                }
                Observation::Absent { confirmed: false } => self.pace = Pace::Fast,
                Observation::Absent { confirmed: true } => self.lost(),
                Observation::Present(observed) => self.steady(observed),
            }
        } else if let Some(existing) = &self.inputs.spec.existing_id {
            self.adopt_existing(existing);
        } else {
            self.create();
        }
    }

    /// Unknown is not absent: what was last known stays, and a lasting failure is said.
    fn unobserved(&mut self) {
        if let Some(error) = self.inputs.error {
            self.status.last_error = Some(last_error(error));
            let message = format!("The pool cannot be observed. {}", explain::message(error));
            self.set(condition::READY, Truth::Unknown, explain::reason(error.class), &message);
        } else if self.inputs.capabilities.is_none()
            && let ClusterView::Unusable { reason, message } = &self.inputs.cluster
        {
            let message = format!("The pool cannot be observed. {message}");
            self.set(condition::READY, Truth::Unknown, reason, &message);
        }
    }

    /// Recorded a short while ago and never yet seen: vendors list new objects late.
    fn not_yet_listed(&self) -> bool {
        let young = |b: &Binding| self.inputs.now < after(b.since_time.0, self.inputs.limits.settle);
        self.status.vendor.is_none() && self.status.binding.as_ref().is_some_and(young)
    }

    fn lost(&mut self) {
        let id = self.status.id.clone().unwrap_or_default();
        let message = format!(
            "Pool {id} has vanished at the vendor, and its desktops with it. It is not created again; delete this \
             object, and create it anew when it is needed."
        );
        self.status.replicas = 0;
        self.status.ready_replicas = 0;
        self.status.assigned_replicas = 0;
        self.status.updated_replicas = 0;
        self.stalled("Lost", &message);
    }

    /// Nothing could be read yet, or not any more.
    fn unlisted(&mut self) {
        match self.inputs.error {
            Some(error) => {
                self.status.last_error = Some(last_error(error));
                let (reason, message) = (explain::reason(error.class), explain::message(error));
                if error.class.heals_by_itself() {
                    self.working(reason, &message);
                } else {
                    self.stalled(reason, &message);
                }
            }
            None => match self.inputs.cluster.clone() {
                ClusterView::Unusable { reason, message } => {
                    self.stamp().working(&mut self.status.conditions, reason, &message);
                }
                ClusterView::Usable { .. } => {
                    self.working("Listing", "Waiting for a listing of what exists at the vendor.");
                }
            },
        }
    }

    /// Records what is about to be done to desktops.
    fn record(&mut self, kind: PoolWorkKind, before: i32, count: i32, ids: Vec<String>, image_id: Option<String>) {
        let number = self.status.work_number.saturating_add(1);
        self.status.work_number = number;
        // A job that was given up is not the job of this one, should its own answer never come.
        if let Some(operation) = self.status.operation.as_mut() {
            operation.task_id = None;
        }
        self.status.work = Some(PoolWork {
            kind,
            number,
            start_time: Time(self.inputs.now),
            before,
            count,
            desktop_ids: ids,
            image_id,
            end_time: None,
            empty_listings: 0,
            last_empty_listing_time: None,
        });
    }
}
