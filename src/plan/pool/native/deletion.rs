//! A pool whose resource is being deleted: it stops growing, it is emptied, it is deleted, and it is seen gone.

use super::scale::MOST_NAMED;
use super::{Action, Draft, Observation};
use crate::api::common::{CreatePhase, DeletionPolicy};
use crate::api::condition;
use crate::api::desktop::DesktopState;
use crate::api::pool::PoolWorkKind;
use crate::backend::pool::{ObservedPool, PoolChange, PoolUpdate};
use crate::plan::desktop::ClusterView;
use crate::plan::managed::Turn;
use crate::plan::pool::desktops;
use crate::plan::{Notice, Pace, create, explain, last_error, refusal, span};

impl Draft<'_> {
    pub(super) fn delete(&mut self) {
        let id = self.status.id.clone();
        if self.inputs.abandon == Some(id.as_deref().unwrap_or("none")) {
            let note = format!(
                "Released by annotation {}: pool {} is left at the vendor, with its desktops.",
                crate::api::ABANDON_ANNOTATION,
                id.as_deref().unwrap_or("(none recorded)")
            );
            self.notices.push(Notice::warning("Abandoned", note));
            self.action = Action::Release;
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

    /// Nothing recorded: only a creation in doubt could have left something.
    fn delete_unbound(&mut self) {
        let open = self.inputs.status.create.clone();
        let Some(intent) = open.filter(|i| i.phase == CreatePhase::Open) else {
            self.action = Action::Release;
            return;
        };
        let kept = match create::decide(&self.create_inputs()) {
            create::Decision::Adopt { id, .. } => {
                if self.adopt_created(id) {
                    self.deleting("The pool whose creation was in doubt was found and is deleted.");
                } else {
                    self.blocked_by_cluster();
                }
                return;
            }
            create::Decision::Attempt(_) | create::Decision::Resend => {
                self.action = Action::Release;
                return;
            }
            create::Decision::Poll(task_id) => return self.wait_for_creation(task_id),
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
        if settled && self.inputs.candidates.is_empty() && !self.inputs.in_flight {
            self.action = Action::Release;
        } else if self.inputs.listing_started.is_none() {
            self.unobserved_deletion();
        }
    }

    fn blocked_by_cluster(&mut self) {
        if let ClusterView::Unusable { reason, message } = self.inputs.cluster.clone() {
            self.blocked(reason, &format!("Deletion waits. {message}"));
        }
    }

    fn delete_bound(&mut self, id: &str) {
        let adopted = self.status.binding.as_ref().is_some_and(|b| b.adopted);
        if DeletionPolicy::effective(self.inputs.spec.deletion_policy, adopted) == DeletionPolicy::Retain {
            let note = format!("Pool {id} is left at the vendor, with its desktops (Retain).");
            self.notices.push(Notice::normal("Retained", note));
            self.action = Action::Release;
            return;
        }
        if let Some(other) = self.inputs.claimed_by {
            let note = format!("Pool {id} is left at the vendor, because {other} has it too.");
            self.notices.push(Notice::warning("Retained", note));
            self.action = Action::Release;
            return;
        }
        match self.inputs.observed {
            Observation::Absent { .. } if self.not_yet_listed() => {
                self.deleting("The pool was created and is not listed yet; it is deleted when it is.");
            }
            Observation::Absent { confirmed: true } => {
                let note = format!("Pool {id} is gone at the vendor.");
                self.notices.push(Notice::normal("Deleted", note));
                self.action = Action::Release;
            }
            Observation::Absent { confirmed: false } => self.deleting("Making sure that the pool is gone."),
            Observation::Unknown => self.unobserved_deletion(),
            Observation::Present(observed) => self.delete_present(observed),
        }
    }

    fn unobserved_deletion(&mut self) {
        if let Some(error) = self.inputs.error {
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
            self.deleting("Waiting for the vendor's answer.");
        }
    }

    fn delete_present(&mut self, observed: &ObservedPool) {
        self.report(observed);
        // A job that adds desktops goes on: what it adds is deleted, too.
        let removing = self
            .status
            .work
            .as_ref()
            .is_some_and(|w| w.kind == PoolWorkKind::Remove);
        if !removing {
            self.status.work = None;
        }
        if self.task() {
            let message = "Deletion waits for the job that the vendor has on the pool.";
            return self.deleting(message);
        }
        if self.work(observed) {
            return self.clear(condition::DELETION_BLOCKED);
        }
        if observed.autoscale.is_some() {
            let update = PoolUpdate {
                autoscale: Some(None),
                ..PoolUpdate::default()
            };
            let pool_id = observed.id.clone();
            let words = "The pool is being kept from growing, so that it can be emptied.";
            return self.send(PoolChange::Update { pool_id, update }, words);
        }
        let present = self.present();
        let (kept, left): (Vec<_>, Vec<_>) = present.into_iter().partition(|d| self.is_protected(d));
        let mut left: Vec<String> = left.into_iter().map(|d| d.id.clone()).collect();
        if !left.is_empty() {
            return self.empty(observed, &mut left);
        }
        if !kept.is_empty() {
            let message = format!(
                "{} left are protected by the annotation {}, and keep the pool from being deleted.",
                desktops(kept.len()),
                crate::api::PROTECT_ANNOTATION
            );
            return self.blocked("Protected", &message);
        }
        if self.inputs.desktops.iter().any(|d| d.state == DesktopState::Deleting) {
            return self.deleting("The vendor is deleting the last desktops.");
        }
        let pool_id = observed.id.clone();
        self.send(
            PoolChange::Delete { pool_id },
            "Deletion was requested; waiting for the vendor to carry it out.",
        );
    }

    /// Deletes desktops, the assigned ones as well: their pool is no more.
    fn empty(&mut self, observed: &ObservedPool, left: &mut Vec<String>) {
        let all = left.len();
        left.truncate(MOST_NAMED);
        let words = format!("The pool is being emptied: {} are left.", desktops(all));
        self.clear(condition::DELETION_BLOCKED);
        left.truncate(self.braked(left.len(), &words));
        if left.is_empty() {
            let said = condition::find(&self.status.conditions, condition::READY).map(|c| c.message.clone());
            return self.blocked("Brake", &said.unwrap_or_default());
        }
        if self.turn_or_blocked("DeleteDesktops", &words) && self.is_fresh() {
            self.send_removal(observed.id.clone(), std::mem::take(left));
        }
    }

    fn send(&mut self, change: PoolChange, words: &str) {
        if self.turn_or_blocked(change.name(), words) {
            self.action = Action::Change(change);
        }
    }

    /// Whether a call may be sent now; what stands in the way is said.
    fn turn_or_blocked(&mut self, action: &str, words: &str) -> bool {
        match self.turn(action) {
            Turn::Now => {
                self.deleting(words);
                true
            }
            Turn::Sent(left) => {
                self.deleting(words);
                self.again = left;
                false
            }
            Turn::Refused(wait) => {
                // The refusal, and when it is tried again, stands in `Ready` since it came.
                let said = condition::find(&self.status.conditions, condition::READY).map(|c| c.message.clone());
                self.blocked(refusal(self.status.last_error.as_ref()), &said.unwrap_or_default());
                self.again = wait;
                false
            }
        }
    }
}
