//! What to do about one Desktop.

mod billing;
mod creation;
mod deletion;
mod hold;
#[cfg(test)]
mod hold_tests;
mod image;
#[cfg(test)]
mod once;
mod power;
mod schedule;
#[cfg(test)]
mod scheduled;
mod steady;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod token;
mod unsupported;
mod user;

use std::time::Duration;

use jiff::Timestamp;

pub use hold::Hold;

use super::image::ImageView;
use super::managed::{CREATION, Managed};
use super::{Limits, Notice, Pace, create, explain, last_error};
use crate::api::common::{Binding, CreateIntent, CreatePhase};
use crate::api::condition::{self, Truth};
use crate::api::desktop::{DesktopSpec, DesktopState, DesktopStatus, OnLoss, SessionStatus};
use crate::backend::capabilities::Naming;
use crate::backend::{
    self, BackendError, Capabilities, ObservedDesktop, Operation, Place, PolicyValues, Receipt, Task, naming,
};

/// The cluster a desktop belongs to, as far as a desktop cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterView {
    /// There is none, or it cannot take desktops now.
    Unusable {
        /// Condition reason.
        reason: &'static str,
        /// Plain words.
        message: String,
    },
    /// It can take desktops.
    Usable {
        /// The account it is in.
        provider: String,
        /// Where its desktops are made, for desktops that say nothing else.
        place: Place,
    },
}

/// What the vendor says of the recorded id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation<'a> {
    /// No complete listing yet, or none since the last failure.
    Unknown,
    /// Not in the latest complete listing; `confirmed` when not in the one before either.
    Absent {
        /// Two complete listings in a row agree.
        confirmed: bool,
    },
    /// As listed.
    Present(&'a ObservedDesktop),
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
    /// Value of the restart annotation.
    pub restart: Option<&'a str>,
    /// Value of the abandon annotation.
    pub abandon: Option<&'a str>,
    /// Value of the retry-create annotation.
    pub retry_create: Option<i32>,
    /// Value of the settle annotation: what a human found out about a call whose answer was lost.
    pub settle: Option<&'a str>,
    /// Spec.
    pub spec: &'a DesktopSpec,
    /// Status as last written.
    pub status: &'a DesktopStatus,
    /// Its cluster.
    pub cluster: ClusterView,
    /// The image its manifest names.
    pub image: Option<&'a ImageView>,
    /// The image that is made from it.
    pub hold: Option<Hold>,
    /// What the vendor can do; `None` while the account is not connected.
    pub capabilities: Option<&'a Capabilities>,
    /// The recorded or adopted id in the listing.
    pub observed: Observation<'a>,
    /// When the latest complete listing was begun.
    pub listing_started: Option<Timestamp>,
    /// Why there is no newer listing, once that is worth saying.
    pub listing_error: Option<&'a BackendError>,
    /// Desktops at the vendor that carry our mark.
    pub candidates: &'a [String],
    /// Another resource that has recorded the id to be adopted.
    pub claimed_by: Option<&'a str>,
    /// Latest session.
    pub session: Option<SessionStatus>,
    /// Display policy, when it was read since the last change.
    pub display: Option<&'a PolicyValues>,
    /// Whether the price may be asked for now.
    pub price_due: bool,
    /// Why the display policy could not be read, and how long the next attempt waits.
    pub display_failure: Option<&'a (BackendError, Duration)>,
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
    /// Write the status, which holds the intent, and only then send the creation.
    Create(Box<backend::DesktopSpec>),
    /// Send one change.
    Submit(Operation),
    /// Write the status, which holds what makes a repetition impossible, and only then send.
    RecordThenSubmit(Operation),
    /// Poll a task.
    Poll(Task),
    /// Read the display policy.
    ReadDisplayPolicy,
    /// Ask what such a desktop costs.
    Estimate(Box<backend::DesktopSpec>),
    /// Nothing is left to do for a deleted object: let it go.
    Release,
}

/// The decision.
#[derive(Clone, Debug)]
pub struct Plan {
    /// At most one action.
    pub action: Action,
    /// The status to write, before the action's own result.
    pub status: DesktopStatus,
    /// Events to publish once the status is written.
    pub notices: Vec<Notice>,
    /// Fields whose drift the action heals.
    pub healing: Vec<&'static str>,
    /// How soon the vendor should be listed again.
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

/// The name of the desktop at the vendor, as it is created.
#[must_use]
pub fn vendor_name(name: &str, uid: &str, spec: &DesktopSpec, naming: Naming) -> String {
    match naming {
        Naming::Short => naming::short_name(uid),
        Naming::Marked | Naming::Vendor => naming::marked_name(spec.display_name.as_deref().unwrap_or(name), uid),
    }
}

/// The status after an action was answered, and what a human should be told of it.
#[must_use]
pub fn answered(
    inputs: &Inputs<'_>,
    mut status: DesktopStatus,
    operation: &Operation,
    answer: &Result<Receipt, BackendError>,
) -> (DesktopStatus, Option<Notice>) {
    // Definitely not carried out: what was recorded before it was sent is taken back.
    let refused = answer
        .as_ref()
        .is_err_and(|e| e.class != backend::ErrorClass::Ambiguous);
    match operation {
        Operation::RestartDesktop { .. } if refused => status.restart.clone_from(&inputs.status.restart),
        Operation::RebuildDesktop { .. } if refused => status.rebuild = None,
        Operation::ConvertBilling { .. } | Operation::RenewDesktop { .. } if refused => {
            if let Some(purchase) = status.purchase.as_mut() {
                purchase.refused = true;
            }
        }
        Operation::AssignUser { user, .. } if answer.is_ok() => {
            status.assigned_user = Some(user::recorded(user));
        }
        Operation::UnassignUser { .. } if answer.is_ok() => status.assigned_user = None,
        Operation::DeleteDesktop { .. } if answer.as_ref().is_ok_and(|r| r.gone) => {
            status.state = Some(DesktopState::Lost);
        }
        _ => {}
    }
    let stamp = condition::Stamp {
        generation: inputs.generation,
        now: inputs.now,
    };
    let told = status
        .parts()
        .answered(operation, answer, inputs.uid, inputs.limits, stamp);
    (status, told)
}

/// The status after a task was asked about and does not run any more.
#[must_use]
pub fn polled(
    inputs: &Inputs<'_>,
    mut status: DesktopStatus,
    outcome: Result<(), &BackendError>,
) -> (DesktopStatus, Option<Notice>) {
    let stamp = condition::Stamp {
        generation: inputs.generation,
        now: inputs.now,
    };
    let (failure, uid, limits) = (outcome.err(), inputs.uid, inputs.limits);
    if status.id.is_none() {
        let told = status.parts().creation_ended(failure, uid, limits, stamp);
        return (status, told);
    }
    let operation = status.operation.clone();
    let action = operation.as_ref().map(|o| o.action.as_str());
    if failure.is_some() && action == Some("RebuildDesktop") {
        status.rebuild = None;
    }
    let told = status.parts().task_ended(failure, uid, limits, stamp);
    // What was never seen and could not be made is not there; should it appear after all, its mark tells whose it is.
    if let (Some(CREATION), true, None) = (action, failure.is_some(), status.state) {
        let attempt = operation.map_or(1, |o| o.attempts);
        let (writer, now) = (inputs.writer.to_owned(), inputs.now);
        status.create = Some(CreateIntent {
            phase: CreatePhase::Failed,
            ..create::intent(attempt, None, Vec::new(), writer, limits, now)
        });
        status.id = None;
        status.binding = None;
        status.operation = None;
    }
    (status, told)
}

/// A plan while it is being made.
struct Draft<'a> {
    inputs: &'a Inputs<'a>,
    status: DesktopStatus,
    action: Action,
    notices: Vec<Notice>,
    healing: Vec<&'static str>,
    pace: Pace,
    again: Duration,
    /// Its power schedule, when it has one that can be followed.
    schedule: Option<schedule::Schedule>,
    /// Why its power schedule cannot be followed.
    unreadable: Option<String>,
}

impl<'a> Draft<'a> {
    crate::plan::draft::drafting!("desktop");

    fn new(inputs: &'a Inputs<'a>) -> Self {
        let mut status = inputs.status.clone();
        status.observed_generation = inputs.generation;
        if !inputs.paused {
            condition::clear(&mut status.conditions, condition::PAUSED);
        }
        Self {
            inputs,
            status,
            action: Action::None,
            notices: Vec::new(),
            healing: Vec::new(),
            pace: Pace::Slow,
            again: inputs.limits.slow,
            schedule: None,
            unreadable: None,
        }
    }

    fn finish(mut self) -> Plan {
        super::speak_of_generation(
            &self.status.conditions,
            &mut self.status.observed_generation,
            self.inputs.status.observed_generation,
        );
        if self.pace == Pace::Fast {
            self.again = self.again.min(self.inputs.limits.slow);
        }
        if let Some(next) = &self.status.next_power_transition {
            let moment = super::until(self.inputs.now, next.time.0);
            if !moment.is_zero() {
                self.again = self.again.min(moment);
            }
        }
        Plan {
            action: self.action,
            status: self.status,
            notices: self.notices,
            healing: self.healing,
            pace: self.pace,
            again: self.again,
        }
    }

    /// Actual equals wanted.
    fn ready(&mut self, reason: &str, message: &str) {
        self.stamp().ready(&mut self.status.conditions, reason, message);
        self.status.parts().settle();
    }

    fn paused(&mut self) {
        let message = "Paused by annotation: nothing is called at the vendor, deletion included.";
        self.set(condition::PAUSED, Truth::True, "Paused", message);
        if let Observation::Present(observed) = self.inputs.observed {
            self.report(observed);
        }
    }

    fn converge(&mut self) {
        self.clear(condition::DELETION_BLOCKED);
        self.schedule();
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
            if self.inputs.capabilities.is_some_and(|c| !c.observe_desktops) {
                return self.unobservable();
            }
            match self.inputs.observed {
                Observation::Unknown => self.unobserved(),
                Observation::Absent { confirmed } => self.absent(confirmed),
                Observation::Present(observed) => self.steady(observed),
            }
        } else if self.inputs.spec.existing_id.is_some() {
            self.adopt_existing();
        } else {
            self.create();
        }
    }

    /// Unknown is not absent: what was last known stays, and a lasting failure is said.
    fn unobserved(&mut self) {
        if let Some(error) = self.inputs.listing_error {
            self.status.last_error = Some(last_error(error));
            let reason = explain::reason(error.class);
            let message = format!("The desktop cannot be observed. {}", explain::message(error));
            self.set(condition::READY, Truth::Unknown, reason, &message);
        } else if self.inputs.capabilities.is_none()
            && let ClusterView::Unusable { reason, message } = &self.inputs.cluster
        {
            let message = format!("The desktop cannot be observed. {message}");
            self.set(condition::READY, Truth::Unknown, reason, &message);
        }
    }

    /// This vendor tells nothing of a desktop: what was asked for is all that is known.
    fn unobservable(&mut self) {
        if let Some((field, why)) = self.unsupported() {
            return self.stalled("Unsupported", &format!("{field} {why}"));
        }
        let words = "The desktop was created. The vendor's documented calls cannot tell how it is: set \
                     spec.cloudDesktop.extendedApi of the provider, if the account may use the further ones.";
        self.set(condition::READY, Truth::Unknown, "NotObservable", words);
        self.clear(condition::RECONCILING);
        self.clear(condition::STALLED);
        self.status.parts().settle();
    }

    /// Recorded a short while ago and never yet listed: vendors list new objects late.
    fn not_yet_listed(&self) -> bool {
        let young = |b: &Binding| self.inputs.now < super::after(b.since_time.0, self.inputs.limits.settle);
        self.status.state.is_none() && self.status.binding.as_ref().is_some_and(young)
    }

    fn absent(&mut self, confirmed: bool) {
        if self.not_yet_listed() {
            if self.creation_task() {
                return;
            }
            return self.working("Creating", "The desktop was created; the vendor does not list it yet.");
        }
        if !confirmed {
            self.pace = Pace::Fast;
            return;
        }
        let id = self.status.id.clone().unwrap_or_default();
        self.status.state = Some(DesktopState::Lost);
        self.status.vendor_state = None;
        if self.inputs.spec.on_loss == OnLoss::Recreate && self.inputs.spec.existing_id.is_none() {
            self.notices.push(Notice::warning(
                "DesktopLost",
                format!(
                    "Desktop {id} has vanished at the vendor; a new, empty one is created (spec.onLoss: Recreate)."
                ),
            ));
            self.status.state = None;
            self.status.id = None;
            self.status.binding = None;
            self.status.create = None;
            self.status.operation = None;
            self.status.assigned_user = None;
            self.status.rebuild = None;
            self.status.purchase = None;
            self.status.held = None;
            self.working(
                "Recreating",
                "The desktop has vanished at the vendor and is created again.",
            );
            return;
        }
        let message = format!(
            "Desktop {id} has vanished at the vendor. It is not created again, because a new one would be empty. \
             Delete this object, or set spec.onLoss to Recreate."
        );
        self.stalled("Lost", &message);
    }

    fn cluster_unusable(&mut self) {
        if let ClusterView::Unusable { reason, message } = &self.inputs.cluster {
            self.set(condition::READY, Truth::False, reason, message);
            self.set(condition::RECONCILING, Truth::True, reason, message);
            self.clear(condition::STALLED);
        }
    }

    /// Nothing can be decided before the vendor has been listed.
    fn unlisted(&mut self) {
        match self.inputs.listing_error {
            Some(error) => {
                self.status.last_error = Some(last_error(error));
                let reason = explain::reason(error.class);
                let message = explain::message(error);
                if error.class.heals_by_itself() {
                    self.set(condition::READY, Truth::False, reason, &message);
                    self.set(condition::RECONCILING, Truth::True, reason, &message);
                } else {
                    self.stalled(reason, &message);
                }
            }
            None => self.working("Listing", "Waiting for a listing of what exists at the vendor."),
        }
    }
}
