//! A desktop whose resource is being deleted: delete what is ours, see it gone, never hang silently.

use super::{Action, ClusterView, Draft, Observation};
use crate::api::common::{CreatePhase, DeletionPolicy};
use crate::api::condition;
use crate::api::desktop::{BillingMode, DesktopState, OnDelete};
use jiff::Timestamp;

use crate::backend::{Capabilities, ObservedDesktop, Operation};
use crate::plan::managed::Turn;
use crate::plan::{Notice, Pace, after, create, explain, last_error, readable, refusal, span, until};

pub(super) const IMAGING: &str = "Deletion waits until the image that is being made of the desktop is done.";

impl Draft<'_> {
    pub(super) fn delete(&mut self) {
        self.status.next_power_transition = None;
        let id = self.status.id.clone();
        if self.abandoned(id.as_deref()) {
            return;
        }
        let ours = self.status.binding.as_ref().is_some_and(|b| b.uid == self.inputs.uid);
        match id {
            Some(id) if ours => self.delete_bound(&id),
            Some(id) => {
                let note =
                    format!("status.id {id} was recorded for another object, so nothing is deleted at the vendor.");
                self.notices.push(Notice::warning("Released", note));
                self.action = Action::Release;
            }
            None => self.delete_unbound(),
        }
    }

    /// A human names the vendor id and takes over.
    fn abandoned(&mut self, id: Option<&str>) -> bool {
        if self.inputs.abandon != Some(id.unwrap_or("none")) {
            return false;
        }
        let note = format!(
            "Released by annotation {}: desktop {} is left at the vendor.",
            crate::api::ABANDON_ANNOTATION,
            id.unwrap_or("(none recorded)")
        );
        self.notices.push(Notice::warning("Abandoned", note));
        self.action = Action::Release;
        true
    }

    /// Nothing recorded: only a creation in doubt could have left something.
    fn delete_unbound(&mut self) {
        let Some(intent) = self.inputs.status.create.clone() else {
            self.action = Action::Release;
            return;
        };
        if intent.phase == CreatePhase::Failed {
            self.action = Action::Release;
            return;
        }
        let prepaid = self.inputs.spec.billing.mode == BillingMode::Subscription;
        match create::decide(&self.create_inputs()) {
            create::Decision::Adopt { id, duplicates } => {
                let ClusterView::Usable { provider, place } = self.inputs.cluster.clone() else {
                    return self.blocked_by_cluster();
                };
                self.adopt_created(&id, &duplicates, provider, place.cluster_id);
                self.deleting("The desktop whose creation was in doubt was found and is deleted.");
            }
            create::Decision::Attempt(_) if !prepaid => self.action = Action::Release,
            create::Decision::Wait {
                intent: kept,
                message,
                again,
            } => {
                let settled = kept
                    .as_ref()
                    .is_some_and(|i| create::settled_empty(i, self.inputs.limits, self.inputs.now));
                self.status.create = kept;
                if settled && !prepaid && !self.inputs.in_flight && self.inputs.candidates.is_empty() {
                    self.action = Action::Release;
                    return;
                }
                self.blocked("CreateOutcomeUnknown", &message);
                self.pace = Pace::Fast;
                self.again = again;
            }
            create::Decision::Stall { intent: kept, .. } => {
                let settled = create::settled_empty(&kept, self.inputs.limits, self.inputs.now);
                self.status.create = Some(kept);
                if settled && !prepaid && !self.inputs.in_flight && self.inputs.candidates.is_empty() {
                    self.action = Action::Release;
                    return;
                }
                self.blocked_in_doubt();
            }
            create::Decision::Attempt(_) => self.blocked_in_doubt(),
            create::Decision::Poll(task_id) => self.wait_for_creation(task_id),
            // Only the answer tells what there is to delete. A subscription could not be deleted again.
            create::Decision::Resend if prepaid => self.blocked_in_doubt(),
            create::Decision::Resend => {
                let ClusterView::Usable { place, .. } = self.inputs.cluster.clone() else {
                    return self.blocked_by_cluster();
                };
                self.resend(&place);
                self.deleting(
                    "The answer to the creation was lost; it is asked for, so that the desktop can be deleted.",
                );
            }
        }
    }

    fn blocked_in_doubt(&mut self) {
        let message = format!(
            "The answer to the creation was lost and could not be had again, and what it may have left costs money. Look \
             into the vendor's console, then release this object with the annotation {}=none.",
            crate::api::ABANDON_ANNOTATION
        );
        self.blocked("CreateOutcomeUnknown", &message);
    }

    fn blocked_by_cluster(&mut self) {
        if let ClusterView::Unusable { reason, message } = self.inputs.cluster.clone() {
            self.blocked(reason, &format!("Deletion waits. {message}"));
        }
    }

    fn delete_bound(&mut self, id: &str) {
        let adopted = self.status.binding.as_ref().is_some_and(|b| b.adopted);
        if DeletionPolicy::effective(self.inputs.spec.deletion_policy, adopted) == DeletionPolicy::Retain {
            if self.retained_held() {
                return;
            }
            self.notices.push(Notice::normal(
                "Retained",
                format!("Desktop {id} is left at the vendor (Retain)."),
            ));
            self.action = Action::Release;
            return;
        }
        if let Some(other) = self.inputs.claimed_by {
            let note = format!("Desktop {id} is left at the vendor, because {other} has it too.");
            self.notices.push(Notice::warning("Retained", note));
            self.action = Action::Release;
            return;
        }
        if let Some(capabilities) = self.inputs.capabilities.filter(|c| !c.observe_desktops) {
            return self.delete_unobserved(id, capabilities);
        }
        match self.inputs.observed {
            Observation::Absent { .. } if self.not_yet_listed() => {
                // Unlisted is not gone: the deletion of what cannot be seen yet is sent by its id.
                self.send_deletion(id.to_owned());
            }
            Observation::Absent { confirmed: true } => {
                self.notices.push(Notice::normal(
                    "Deleted",
                    format!("Desktop {id} is gone at the vendor."),
                ));
                self.action = Action::Release;
            }
            Observation::Absent { confirmed: false } => self.deleting("Making sure that the desktop is gone."),
            Observation::Unknown => self.unobserved_deletion(),
            Observation::Present(observed) => self.delete_present(observed),
        }
    }

    /// Nothing can be listed: a deletion is sent until the vendor says that there is nothing left to delete.
    fn delete_unobserved(&mut self, id: &str, capabilities: &Capabilities) {
        if self.status.state == Some(DesktopState::Lost) {
            let note = format!("Desktop {id} is gone at the vendor.");
            self.notices.push(Notice::normal("Deleted", note));
            self.action = Action::Release;
            return;
        }
        let prepaid = self.inputs.spec.billing.mode == BillingMode::Subscription;
        if prepaid && !capabilities.payment.delete_prepaid {
            return self.prepaid_stays(id, capabilities.vendor, None);
        }
        // It is asked again at a steady pace: its refusal to know the desktop is the only sign that it is gone.
        let sent = self.status.operation.as_ref().filter(|o| o.action == "DeleteDesktop");
        let Some(sent) = sent.filter(|_| self.status.retry.is_none()) else {
            return self.send_deletion(id.to_owned());
        };
        let due = after(sent.start_time.0, self.inputs.limits.resend);
        self.deleting("Deletion was requested; the vendor is asked whether it is done.");
        if self.inputs.now < due {
            self.again = until(self.inputs.now, due);
        } else {
            let desktop_id = id.to_owned();
            self.action = Action::Submit(Operation::DeleteDesktop { desktop_id });
        }
    }

    /// This vendor deletes no subscription: it has to end.
    fn prepaid_stays(&mut self, id: &str, vendor: &str, expires: Option<Timestamp>) {
        let end = expires.map_or_else(
            || "its end is in the vendor's console".to_owned(),
            |at| format!("it ends at {}", readable(at)),
        );
        let message = format!(
            "{vendor} does not delete a desktop that is paid for in advance; {end}. To let go of it, annotate this \
             object with {}={id}, or set spec.deletionPolicy to Retain.",
            crate::api::ABANDON_ANNOTATION
        );
        self.blocked("Prepaid", &message);
    }

    fn unobserved_deletion(&mut self) {
        if let Some(error) = self.inputs.listing_error {
            self.status.last_error = Some(last_error(error));
            let message = format!(
                "Deletion waits until the vendor can be asked again, which is tried at least every {}. {}",
                span(self.inputs.limits.slow),
                explain::message(error)
            );
            self.blocked(explain::reason(error.class), &message);
        } else if self.inputs.capabilities.is_none() {
            self.blocked_by_cluster();
            if !condition::is_true(&self.status.conditions, condition::DELETION_BLOCKED) {
                self.blocked(
                    "ProviderNotConnected",
                    "Deletion waits until the provider's account can be used.",
                );
            }
        } else {
            self.deleting("Waiting for a listing of what exists at the vendor.");
        }
    }

    fn delete_present(&mut self, observed: &ObservedDesktop) {
        self.report(observed);
        let (limits, now) = (self.inputs.limits, self.inputs.now);
        if observed.state == DesktopState::Deleting {
            return self.deleting("The vendor is deleting the desktop.");
        }
        if observed.state == DesktopState::Imaging {
            return self.blocked("Imaging", IMAGING);
        }
        if self.deletion_held(observed) {
            return;
        }
        if let Some(capabilities) = self.inputs.capabilities
            && observed.prepaid == Some(true)
            && !capabilities.payment.delete_prepaid
            && observed.expires.is_none_or(|at| at > now)
        {
            if let Some(expires) = observed.expires {
                self.again = until(now, expires).min(limits.slow);
            }
            return self.prepaid_stays(&observed.id, capabilities.vendor, observed.expires);
        }
        if observed.prepaid == Some(true)
            && self.inputs.spec.billing.on_delete == OnDelete::LetExpire
            && let Some(expires) = observed.expires.filter(|at| *at > now)
        {
            let message = format!(
                "The subscription runs until {}; the desktop is deleted then. To delete it now and lose the rest of \
                 the term, set spec.billing.onDelete to DeleteNow; to leave it at the vendor, set spec.deletionPolicy \
                 to Retain.",
                readable(expires)
            );
            self.blocked("Prepaid", &message);
            self.again = until(now, expires).clamp(limits.fast, limits.slow.max(limits.fast));
            return;
        }
        self.send_deletion(observed.id.clone());
    }

    fn send_deletion(&mut self, desktop_id: String) {
        let operation = Operation::DeleteDesktop { desktop_id };
        let turn = self.turn(operation.name());
        if let Turn::Refused(wait) = turn {
            // The refusal, and when it is tried again, stands in `Ready` since it came.
            let said = condition::find(&self.status.conditions, condition::READY).map(|c| c.message.clone());
            self.blocked(refusal(self.status.last_error.as_ref()), &said.unwrap_or_default());
            self.again = wait;
            return;
        }
        self.deleting("Deletion was requested; waiting for the vendor to carry it out.");
        match turn {
            Turn::Sent(left) => self.again = left,
            _ => self.action = Action::Submit(operation),
        }
    }
}
