//! An image whose resource is being deleted: those who refer to it first, then the image, then see it gone.

use super::{Action, Draft, Observation, ProviderView};
use crate::api::common::{CreatePhase, DeletionPolicy};
use crate::api::condition;
use crate::api::image::ImageState;
use crate::backend::{ObservedImage, Operation};
use crate::plan::managed::Turn;
use crate::plan::{Notice, Pace, create, explain, last_error, refusal, span, waits_for};

impl Draft<'_> {
    pub(super) fn delete(&mut self) {
        let id = self.status.id.clone();
        if self.inputs.abandon == Some(id.as_deref().unwrap_or("none")) {
            let note = format!(
                "Released by annotation {}: image {} is left at the vendor.",
                crate::api::ABANDON_ANNOTATION,
                id.as_deref().unwrap_or("(none recorded)")
            );
            return self.release(Notice::warning("Abandoned", note));
        }
        self.let_go();
        if !self.inputs.used_by.is_empty() {
            return self.in_use(self.inputs.used_by);
        }
        let ours = self.status.binding.as_ref().is_some_and(|b| b.uid == self.inputs.uid);
        match id {
            Some(id) if ours => self.delete_bound(&id),
            Some(id) => {
                let note =
                    format!("status.id {id} was recorded for another object, so nothing is deleted at the vendor.");
                self.release(Notice::warning("Released", note));
            }
            None => self.delete_unbound(),
        }
    }

    fn release(&mut self, notice: Notice) {
        self.notices.push(notice);
        self.action = Action::Release;
    }

    fn in_use(&mut self, users: &[String]) {
        let message = waits_for(users);
        self.blocked("InUse", &message);
        self.pace = Pace::Fast;
    }

    /// Whatever the deletion waits for: a desktop is held no longer than its image is being made. It may be among those
    /// that are waited for.
    fn let_go(&mut self) {
        if self.status.binding.as_ref().is_some_and(|b| b.uid != self.inputs.uid) {
            return;
        }
        if self.status.id.is_none() {
            if !self.sent() {
                self.status.held_desktop_id = None;
            }
            return;
        }
        match self.observed() {
            Observation::Present(observed) => self.report(observed),
            Observation::Absent { confirmed: true } if !self.not_yet_listed() => self.status.held_desktop_id = None,
            Observation::Absent { .. } | Observation::Unknown => {}
        }
    }

    /// Nothing recorded: only a creation in doubt could have left something, or a task that failed half-way.
    fn delete_unbound(&mut self) {
        let candidates = self.candidates();
        let kept = self.inputs.status.create.clone();
        let Some(intent) = kept.filter(|i| i.phase == CreatePhase::Open || !candidates.is_empty()) else {
            self.action = Action::Release;
            return;
        };
        if self.wait_for_provider() {
            return;
        }
        let kept = match create::decide(&self.create_inputs(&candidates)) {
            create::Decision::Adopt { id, duplicates } => {
                self.adopt_captured(&id, &duplicates);
                return self.deleting("The image whose creation was in doubt was found and is deleted.");
            }
            create::Decision::Attempt(_) | create::Decision::Resend => {
                self.action = Action::Release;
                return;
            }
            create::Decision::Poll(task_id) => {
                self.wait_for_creation(task_id);
                return self.blocked("Imaging", "Deletion waits until the image that is being made is there.");
            }
            create::Decision::Wait { intent, message, again } => {
                self.blocked("CreateOutcomeUnknown", &message);
                self.pace = Pace::Fast;
                self.again = again;
                intent
            }
            create::Decision::Stall { intent, message } => {
                let message = format!(
                    "{message} To release this object as it is, annotate it with {}=none.",
                    crate::api::ABANDON_ANNOTATION
                );
                self.blocked("CreateOutcomeUnknown", &message);
                Some(intent)
            }
        };
        let settled = create::settled_empty(kept.as_ref().unwrap_or(&intent), self.inputs.limits, self.inputs.now);
        self.status.create = kept;
        if settled && candidates.is_empty() && !self.inputs.in_flight {
            self.action = Action::Release;
        }
    }

    /// True when the account cannot be used, which is then said.
    fn wait_for_provider(&mut self) -> bool {
        let ProviderView::Unusable { reason, message, .. } = &self.inputs.provider else {
            return false;
        };
        // A namespace that may no longer use the account may still clean up in it.
        if *reason == "NamespaceNotAllowed" && self.inputs.capabilities.is_some() {
            return false;
        }
        self.blocked(reason, &format!("Deletion waits. {message}"));
        true
    }

    fn delete_bound(&mut self, id: &str) {
        let adopted = self.adopted();
        if DeletionPolicy::effective(self.inputs.spec.deletion_policy, adopted) == DeletionPolicy::Retain {
            let note = format!("Image {id} is left at the vendor (Retain).");
            return self.release(Notice::normal("Retained", note));
        }
        if !self.inputs.shared_with.is_empty() {
            if adopted {
                let others = self.inputs.shared_with.join(", ");
                let note = format!("Image {id} is left at the vendor, because {others} has it too.");
                return self.release(Notice::warning("Retained", note));
            }
            return self.in_use(self.inputs.shared_with);
        }
        if self.wait_for_provider() {
            return;
        }
        if self.inputs.capabilities.is_some_and(|c| !c.delete_image) {
            let vendor = self.vendor();
            let note = format!(
                "Image {id} is left at the vendor: {vendor} has no call that deletes an image. Delete it in the vendor's \
                 console, if it is not needed."
            );
            return self.release(Notice::warning("Retained", note));
        }
        match self.observed() {
            Observation::Absent { .. } if self.not_yet_listed() => self.send_deletion(id.to_owned()),
            Observation::Absent { confirmed: true } => {
                let note = format!("Image {id} is gone at the vendor.");
                self.release(Notice::normal("Deleted", note));
            }
            Observation::Absent { confirmed: false } => self.deleting("Making sure that the image is gone."),
            Observation::Unknown => self.unobserved_deletion(),
            Observation::Present(observed) => self.delete_present(observed),
        }
    }

    fn unobserved_deletion(&mut self) {
        let Some(error) = self.inputs.error else {
            return self.deleting("Waiting for a listing of what exists at the vendor.");
        };
        self.status.last_error = Some(last_error(error));
        let message = format!(
            "Deletion waits until the vendor can be asked again, which is tried at least every {}. {}",
            span(self.inputs.limits.slow),
            explain::message(error)
        );
        self.blocked(explain::reason(error.class), &message);
    }

    fn delete_present(&mut self, observed: &ObservedImage) {
        self.report(observed);
        if !observed.custom {
            let note = format!(
                "Image {} is left at the vendor, because it is the vendor's own.",
                observed.id
            );
            return self.release(Notice::warning("Retained", note));
        }
        match observed.state {
            ImageState::Creating => {
                self.blocked("Imaging", "Deletion waits until the image that is being made is there.");
                self.pace = Pace::Fast;
            }
            ImageState::Deleting => self.deleting("The vendor is deleting the image."),
            _ => self.send_deletion(observed.id.clone()),
        }
    }

    fn send_deletion(&mut self, image_id: String) {
        let operation = Operation::DeleteImage { image_id };
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
