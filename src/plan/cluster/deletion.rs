//! A cluster whose resource is being deleted: desktops first, then the cluster, then see it gone.

use super::{Action, Draft, Observation, ProviderView};
use crate::api::common::{CreatePhase, DeletionPolicy};
use crate::api::condition;
use crate::backend::capabilities::ClusterOrigin;
use crate::backend::model::ClusterState;
use crate::backend::{ObservedCluster, Operation};
use crate::plan::managed::Turn;
use crate::plan::{Notice, Pace, create, explain, last_error, refusal, span, waits_for};

impl Draft<'_> {
    pub(super) fn delete(&mut self) {
        let id = self.status.id.clone();
        if self.inputs.abandon == Some(id.as_deref().unwrap_or("none")) {
            let note = format!(
                "Released by annotation {}: cluster {} is left at the vendor.",
                crate::api::ABANDON_ANNOTATION,
                id.as_deref().unwrap_or("(none recorded)")
            );
            self.notices.push(Notice::warning("Abandoned", note));
            self.action = Action::Release;
            return;
        }
        if !self.inputs.used_by.is_empty() {
            let message = waits_for(self.inputs.used_by);
            self.blocked("InUse", &message);
            self.pace = Pace::Fast;
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
        let Some(intent) = self
            .inputs
            .status
            .create
            .clone()
            .filter(|i| i.phase == CreatePhase::Open)
        else {
            self.action = Action::Release;
            return;
        };
        if self.wait_for_provider() {
            return;
        }
        let candidates = self.candidates();
        let kept = match create::decide(&self.create_inputs(&candidates)) {
            create::Decision::Adopt { id, .. } => {
                self.bind(id, self.origin() != ClusterOrigin::Created);
                return self.deleting("The cluster whose creation was in doubt was found and is deleted.");
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
        let adopted = self.status.binding.as_ref().is_some_and(|b| b.adopted);
        let kept = adopted && self.origin() != ClusterOrigin::Created;
        if kept || DeletionPolicy::effective(self.inputs.spec.deletion_policy, adopted) == DeletionPolicy::Retain {
            self.notices.push(Notice::normal(
                "Retained",
                format!("Cluster {id} is left at the vendor (Retain)."),
            ));
            self.action = Action::Release;
            return;
        }
        let adopted_id = self.inputs.spec.existing_id.as_ref();
        if adopted_id.is_some_and(|id| self.inputs.claimed.contains(id)) {
            let note = format!("Cluster {id} is left at the vendor, because another DesktopCluster has it too.");
            self.notices.push(Notice::warning("Retained", note));
            self.action = Action::Release;
            return;
        }
        if self.wait_for_provider() {
            return;
        }
        match self.inputs.observed {
            Observation::Absent { .. } if self.not_yet_listed() => self.send_deletion(id.to_owned()),
            Observation::Absent { confirmed: true } => self.gone(id),
            Observation::Absent { confirmed: false } => self.deleting("Making sure that the cluster is gone."),
            Observation::Unknown => match self.inputs.error {
                Some(error) => {
                    self.status.last_error = Some(last_error(error));
                    let message = format!(
                        "Deletion waits until the vendor can be asked again, which is tried at least every {}. {}",
                        span(self.inputs.limits.slow),
                        explain::message(error)
                    );
                    self.blocked(explain::reason(error.class), &message);
                }
                None => self.deleting("Waiting for the vendor's answer."),
            },
            Observation::Present(observed) if observed.state == ClusterState::Deleted => self.gone(id),
            Observation::Present(observed) => self.delete_present(observed),
        }
    }

    fn gone(&mut self, id: &str) {
        self.notices.push(Notice::normal(
            "Deleted",
            format!("Cluster {id} is gone at the vendor."),
        ));
        self.action = Action::Release;
    }

    fn delete_present(&mut self, observed: &ObservedCluster) {
        self.report(observed);
        if self.status.desktops.is_some_and(|n| n > 0) {
            let message = format!(
                "{} desktops in the cluster at the vendor belong to no Desktop resource; the operator does not delete \
                 them. Remove them in the vendor's console, or adopt and delete them.",
                self.status.desktops.unwrap_or_default()
            );
            self.blocked("NotEmpty", &message);
            self.pace = Pace::Fast;
            return;
        }
        self.send_deletion(observed.id.clone());
    }

    fn send_deletion(&mut self, cluster_id: String) {
        let operation = Operation::DeleteCluster { cluster_id };
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
