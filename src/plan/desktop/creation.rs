//! A desktop that does not exist yet: it is made by the create protocol, or one that exists is adopted.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Action, ClusterView, Draft, Observation, user, vendor_name};
use crate::api::common::Binding;
use crate::api::condition::{self, Truth};
use crate::api::desktop::BillingMode;
use crate::backend::capabilities::{CreateIdentity, Naming};
use crate::backend::{self, Place, Task, TaskKind};
use crate::plan::managed::{CREATION, Managed, Turn};
use crate::plan::{Notice, after, create};

impl Draft<'_> {
    pub(super) fn adopt_existing(&mut self) {
        let id = self.inputs.spec.existing_id.clone().unwrap_or_default();
        let ClusterView::Usable { provider, place } = &self.inputs.cluster else {
            return self.cluster_unusable();
        };
        let cluster_id = &place.cluster_id;
        if let Some(capabilities) = self.inputs.capabilities.filter(|c| !c.observe_desktops) {
            let vendor = capabilities.vendor;
            let message =
                format!("spec.existingId cannot be used: {vendor} has no documented call that lists desktops.");
            return self.stalled("Unsupported", &message);
        }
        match self.inputs.observed {
            Observation::Present(_) => {
                let (cluster_id, provider) = (cluster_id.clone(), provider.clone());
                self.bind(id.clone(), provider, cluster_id, true);
                self.notices
                    .push(Notice::normal("Adopted", format!("Desktop {id} was adopted.")));
                self.working("Adopting", "The desktop was adopted.");
            }
            Observation::Absent { confirmed: true } => {
                let message = format!(
                    "spec.existingId {id} is not among the desktops of cluster {cluster_id}. Correct it by creating \
                     this object again, or wait until it appears."
                );
                self.stalled("NotFoundAtVendor", &message);
            }
            Observation::Absent { confirmed: false } => self.working("Adopting", "Looking for the desktop to adopt."),
            Observation::Unknown => self.unlisted(),
        }
    }

    fn bind(&mut self, id: String, provider: String, cluster_id: String, adopted: bool) {
        let binding = Binding {
            uid: self.inputs.uid.to_owned(),
            provider,
            cluster_id: Some(cluster_id),
            since_time: Time(self.inputs.now),
            adopted,
        };
        self.status.parts().bind(id, binding);
        self.status.state = None;
        if adopted {
            // What it was made from before is not always told; a later change of the manifest must be noticed.
            self.status.image_id = self.image_id();
            self.status.system_disk.clone_from(&self.inputs.spec.system_disk);
        }
        // A restart asked for before the desktop was ours is not for it.
        self.status.restart = self.inputs.restart.map(str::to_owned);
    }

    pub(super) fn create(&mut self) {
        let ClusterView::Usable { provider, place } = &self.inputs.cluster else {
            // An open intent is still looked after below once the cluster is usable again.
            return self.cluster_unusable();
        };
        let listed = self
            .inputs
            .capabilities
            .is_none_or(|c| c.create_identity == CreateIdentity::Mark);
        if listed && self.inputs.listing_started.is_none() && !self.inputs.in_flight {
            return self.unlisted();
        }
        match create::decide(&self.create_inputs()) {
            create::Decision::Adopt { id, duplicates } => {
                let (cluster_id, provider) = (place.cluster_id.clone(), provider.clone());
                self.adopt_created(&id, &duplicates, provider, cluster_id);
            }
            create::Decision::Wait { intent, message, again } => {
                self.status.create = intent;
                self.working("Creating", &message);
                self.again = again;
            }
            create::Decision::Stall { intent, message } => {
                self.status.create = Some(intent);
                self.stalled("CreateOutcomeUnknown", &message);
            }
            create::Decision::Attempt(attempt) => self.attempt(attempt, place),
            create::Decision::Resend => self.resend(place),
            create::Decision::Poll(task_id) => self.wait_for_creation(task_id),
        }
    }

    pub(super) fn wait_for_creation(&mut self, task_id: String) {
        self.working("Creating", "The vendor is making the desktop.");
        self.again = self.inputs.limits.fast;
        self.action = Action::Poll(Task::new(TaskKind::Job, "", task_id));
    }

    /// True while the task of the creation is worth polling.
    pub(super) fn creation_task(&mut self) -> bool {
        if self.status.operation.as_ref().is_none_or(|o| o.action != CREATION) {
            return false;
        }
        let id = self.status.id.clone().unwrap_or_default();
        let (limits, now) = (self.inputs.limits, self.inputs.now);
        let Some(task) = self.status.parts().task(TaskKind::Job, &id, limits, now) else {
            return false;
        };
        self.working("Creating", "The vendor is making the desktop.");
        self.again = limits.fast;
        self.action = Action::Poll(task);
        true
    }

    pub(super) fn create_inputs(&self) -> create::Inputs<'_> {
        create::Inputs {
            intent: self.inputs.status.create.as_ref(),
            in_flight: self.inputs.in_flight,
            listing_started: self.inputs.listing_started,
            candidates: self.inputs.candidates,
            identity: match self.inputs.capabilities.map(|c| c.create_identity) {
                Some(CreateIdentity::Token) => create::Identity::Token {
                    resend: self.inputs.limits.resend,
                },
                _ => create::Identity::Marked,
            },
            prepaid: self.inputs.spec.billing.mode == BillingMode::Subscription,
            allowed_by_human: self.inputs.retry_create,
            limits: self.inputs.limits,
            now: self.inputs.now,
        }
    }

    /// Says which other desktops carry our mark; none of them is ever deleted by us.
    pub(super) fn duplicates(&mut self, id: &str, others: &[String]) {
        if others.is_empty() {
            return self.clear(condition::DUPLICATE);
        }
        let message = format!(
            "More than one desktop at the vendor carries this object's mark. {id} is used; look at {} and delete what \
             is not needed.",
            others.join(", ")
        );
        if !condition::is_true(&self.status.conditions, condition::DUPLICATE) {
            self.notices.push(Notice::warning("Duplicate", message.clone()));
        }
        self.set(condition::DUPLICATE, Truth::True, "Duplicate", &message);
    }

    pub(super) fn adopt_created(&mut self, id: &str, duplicates: &[String], provider: String, cluster_id: String) {
        self.duplicates(id, duplicates);
        self.bind(id.to_owned(), provider, cluster_id, false);
        self.notices.push(Notice::normal(
            "Found",
            format!("Desktop {id} was found by its mark and recorded."),
        ));
        self.working("Creating", "The desktop was found at the vendor.");
    }

    fn attempt(&mut self, attempt: i32, place: &Place) {
        if self.inputs.in_flight {
            self.again = self.inputs.limits.fast;
            return;
        }
        if let Turn::Refused(wait) = self.turn("CreateDesktop") {
            // What failed, and when it is tried again, is already said.
            self.again = wait;
            return;
        }
        if let Some((field, why)) = self.unsupported().or_else(|| self.incomplete(place)) {
            return self.stalled("Unsupported", &format!("{field} {why}"));
        }
        if self.image_missing() {
            return;
        }
        if let Some(complaint) = self.unreadable.clone() {
            return self.stalled("InvalidSpec", &complaint);
        }
        let Some(request) = self.image_id().and_then(|id| self.request(attempt, place, id)) else {
            let message = "spec.flavor and spec.image are needed to create a desktop.";
            return self.stalled("InvalidSpec", message);
        };
        let name = Some(request.name.clone()).filter(|_| self.naming() != Naming::Vendor);
        let writer = self.inputs.writer.to_owned();
        let (limits, now) = (self.inputs.limits, self.inputs.now);
        self.status.create = Some(create::intent(attempt, name, Vec::new(), writer, limits, now));
        self.send_creation(request);
    }

    /// Sends the open attempt once more: the vendor knows it by its token.
    pub(super) fn resend(&mut self, place: &Place) {
        let Some(mut intent) = self.status.create.clone() else {
            return;
        };
        // Word for word: with the image it was first sent with, whatever the manifest names by now.
        let image_id = self.status.image_id.clone().or_else(|| self.image_id());
        let Some(mut request) = image_id.and_then(|id| self.request(intent.attempt, place, id)) else {
            return;
        };
        request.resent = true;
        intent.first_start_time.get_or_insert(intent.start_time);
        intent.start_time = Time(self.inputs.now);
        intent.not_after_time = Time(after(self.inputs.now, self.inputs.limits.intent_lifetime));
        self.inputs.writer.clone_into(&mut intent.writer);
        self.status.create = Some(intent);
        self.send_creation(request);
    }

    fn send_creation(&mut self, request: backend::DesktopSpec) {
        self.status.restart = self.inputs.restart.map(str::to_owned);
        self.status.image_id = Some(request.image_id.clone());
        self.status.system_disk.clone_from(&request.disk);
        self.status.assigned_user = request.user.as_ref().map(user::recorded);
        self.working("Creating", "The desktop is being created at the vendor.");
        self.action = Action::Create(Box::new(request));
    }

    fn naming(&self) -> Naming {
        self.inputs.capabilities.map_or(Naming::Marked, |c| c.naming)
    }

    /// What is asked of the vendor; `None` when the manifest does not say enough.
    pub(super) fn request(&self, attempt: i32, place: &Place, image_id: String) -> Option<backend::DesktopSpec> {
        let spec = self.inputs.spec;
        let network = spec.network.as_ref();
        let users = self.inputs.capabilities.map(|c| c.users);
        Some(backend::DesktopSpec {
            uid: self.inputs.uid.to_owned(),
            attempt,
            resent: false,
            name: vendor_name(self.inputs.name, self.inputs.uid, spec, self.naming()),
            place: Place {
                subnet_id: network
                    .and_then(|n| n.subnet_id.clone())
                    .or_else(|| place.subnet_id.clone()),
                ..place.clone()
            },
            flavor: spec.flavor.clone()?,
            image_id,
            disk: spec.system_disk.clone(),
            work_mode: spec.work_mode,
            applications: spec.applications.clone().unwrap_or_default(),
            public_address: network.and_then(|n| n.public_address.clone()),
            user: spec.user.clone().filter(|_| users.is_some_and(|u| u.required)),
            billing: spec.billing.clone(),
        })
    }
}
