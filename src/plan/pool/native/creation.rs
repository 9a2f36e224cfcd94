//! A pool that is not recorded yet: adopted by its id, found by its name, or created.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Action, Draft, Observation, vendor_name};
use crate::api::common::{Binding, OperationStatus};
use crate::api::pool::{PoolType, PoolWorkKind};
use crate::backend::pool::PoolSpec;
use crate::backend::{Place, Task, TaskKind};
use crate::plan::desktop::ClusterView;
use crate::plan::image::Obstacle;
use crate::plan::managed::{CREATION, Managed, Turn};
use crate::plan::{Notice, create};

/// Most desktops a pool is created with; the rest is added.
const MOST_AT_CREATION: i32 = 100;

impl Draft<'_> {
    pub(super) fn adopt_existing(&mut self, id: &str) {
        match self.inputs.observed {
            Observation::Present(observed) => {
                if let Some((reason, message)) = self.mismatch(observed) {
                    return self.stalled(reason, &message);
                }
                let ClusterView::Usable { provider, place } = self.inputs.cluster.clone() else {
                    return self.unlisted();
                };
                self.bind(id.to_owned(), provider, place.cluster_id, true);
                self.notices
                    .push(Notice::normal("Adopted", format!("Pool {id} was adopted.")));
                self.working("Adopting", "The pool was adopted.");
                self.again = Duration::ZERO;
            }
            Observation::Absent { confirmed: true } => {
                let message = format!("spec.existingId {id} does not exist in this account.");
                self.stalled("NotFoundAtVendor", &message);
            }
            Observation::Absent { confirmed: false } => self.working("Adopting", "Looking for the pool to adopt."),
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
    }

    pub(super) fn create(&mut self) {
        if self.inputs.listing_started.is_none() && !self.inputs.in_flight {
            return self.unlisted();
        }
        match create::decide(&self.create_inputs()) {
            create::Decision::Adopt { id, .. } => {
                self.adopt_created(id);
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
            create::Decision::Attempt(attempt) => self.attempt(attempt),
            create::Decision::Poll(task_id) => self.wait_for_creation(task_id),
            // No pool is created by token.
            create::Decision::Resend => {}
        }
    }

    pub(super) fn wait_for_creation(&mut self, task_id: String) {
        self.working("Creating", "The vendor is making the pool.");
        self.action = Action::Poll(Task::new(TaskKind::Job, "", task_id));
    }

    /// The pool with our name is there. Its desktops are still to come: they are the work that was recorded with the
    /// intent, and its job is followed to its end.
    pub(super) fn adopt_created(&mut self, id: String) -> bool {
        let ClusterView::Usable { provider, place } = self.inputs.cluster.clone() else {
            self.unlisted();
            return false;
        };
        let intent = self.status.create.clone();
        self.notices.push(Notice::normal(
            "Found",
            format!("Pool {id} was found by its name and recorded."),
        ));
        self.bind(id, provider, place.cluster_id, false);
        if let Some(intent) = intent {
            self.status.operation = intent.task_id.map(|task_id| OperationStatus {
                action: CREATION.into(),
                task_id: Some(task_id),
                start_time: intent.start_time,
                attempts: intent.attempt,
            });
        }
        self.working("Creating", "The pool was found at the vendor.");
        self.again = Duration::ZERO;
        true
    }

    pub(super) fn create_inputs(&self) -> create::Inputs<'_> {
        create::Inputs {
            intent: self.inputs.status.create.as_ref(),
            in_flight: self.inputs.in_flight,
            listing_started: self.inputs.listing_started,
            candidates: self.inputs.candidates,
            identity: create::Identity::Marked,
            prepaid: false,
            allowed_by_human: self.inputs.retry_create,
            limits: self.inputs.limits,
            now: self.inputs.now,
        }
    }

    /// Nothing can be made from the template's image.
    pub(super) fn no_image(&mut self, obstacle: &Obstacle) {
        if obstacle.stalled {
            self.stalled(obstacle.reason, &obstacle.message);
        } else {
            self.working(obstacle.reason, &obstacle.message);
        }
    }

    fn attempt(&mut self, attempt: i32) {
        if self.inputs.in_flight {
            self.again = self.inputs.limits.fast;
            return;
        }
        let ClusterView::Usable { place, .. } = self.inputs.cluster.clone() else {
            return self.unlisted();
        };
        if let Some((field, why)) = self.unsupported() {
            return self.stalled("Unsupported", &format!("{field} {why}"));
        }
        let image_id = match self.inputs.image {
            Ok(id) => id.clone(),
            Err(obstacle) => return self.no_image(obstacle),
        };
        if let Turn::Refused(wait) = self.turn("CreatePool") {
            self.again = wait;
            return;
        }
        if !self.is_fresh() {
            return self.working("Creating", "The pool is about to be created.");
        }
        let size = self.desired(0).min(MOST_AT_CREATION);
        let spec = match self.request(place, image_id, size) {
            Ok(spec) => spec,
            Err(words) => return self.stalled("InvalidSpec", words),
        };
        let (writer, now) = (self.inputs.writer.to_owned(), self.inputs.now);
        let name = Some(spec.name.clone());
        self.status.create = Some(create::intent(
            attempt,
            name,
            Vec::new(),
            writer,
            self.inputs.limits,
            now,
        ));
        self.status.work = None;
        if size > 0 {
            self.record(PoolWorkKind::Expand, 0, size, Vec::new(), None);
        }
        self.working("Creating", "The pool is being created at the vendor.");
        self.action = Action::Create(Box::new(spec));
    }

    /// The pool to create, or what is missing in words.
    fn request(&self, place: Place, image_id: String, size: i32) -> Result<PoolSpec, &'static str> {
        let spec = self.inputs.spec;
        let template = &spec.template.spec;
        let Some(disk) = &template.system_disk else {
            return Err("spec.template.spec.systemDisk is required: this vendor does not choose the disk.");
        };
        let own = template.network.as_ref().and_then(|n| n.subnet_id.clone());
        let subnet = own.or(place.subnet_id).or_else(|| self.inputs.subnets.first().cloned());
        let Some(subnet) = subnet else {
            return Err("spec.template.spec.network.subnetId is required: the DesktopCluster knows no subnet.");
        };
        Ok(PoolSpec {
            name: vendor_name(self.inputs.name, self.inputs.uid),
            dynamic: spec.kind == PoolType::Dynamic,
            size: u16::try_from(size).unwrap_or_default(),
            description: spec.huawei_workspace.as_ref().and_then(|h| h.description.clone()),
            flavor: template.flavor.clone(),
            image_id,
            system_disk: (disk.category.clone(), i64::from(disk.size_gib)),
            data_disks: Vec::new(),
            subnet_ids: vec![subnet],
            zone_id: place.zone_id,
            security_groups: place.security_groups,
            retention_minutes: spec.disconnected_retention_minutes.map(i64::from),
            autoscale: self.wanted_autoscale(),
        })
    }
}
