//! A pool that is there: what is known of it, what of it differs, what is said at the end.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Action, Draft};
use crate::api::condition::{self, Truth, truncate};
use crate::api::desktop::{BillingMode, DesktopState, Power, WorkMode};
use crate::api::pool::{PoolType, VendorAutoscale, VendorPool};
use crate::backend::pool::{Autoscale, Disk, ObservedPool, PoolChange, PoolPower, PoolState, PoolUpdate};
use crate::backend::{ObservedDesktop, Task, TaskKind};
use crate::plan::managed::Managed;
use crate::plan::pool::{count, desktops_are};
use crate::plan::{Notice, readable, whole_seconds};

fn short(text: Option<&String>) -> Option<String> {
    text.map(|text| truncate(text, 256))
}

fn disk(disk: &Disk) -> String {
    let size = disk.size_gib.map(|size| format!("{size} GiB"));
    let words: Vec<String> = disk.category.iter().cloned().chain(size).collect();
    truncate(&words.join(" "), 128)
}

/// Whether a pool grows as it should; what the vendor does not tell is taken to be right.
fn grows_alike(seen: Option<&Autoscale>, wanted: Option<&Autoscale>) -> bool {
    let (Some(seen), Some(wanted)) = (seen, wanted) else {
        return seen.is_none() && wanted.is_none();
    };
    let same = |seen: Option<i64>, wanted: Option<i64>| seen.is_none() || seen == wanted;
    (seen.kind.is_none() || seen.kind == wanted.kind)
        && same(seen.max_created, wanted.max_created)
        && same(seen.min_idle, wanted.min_idle)
        && same(seen.step, wanted.step)
}

impl<'a> Draft<'a> {
    pub(super) fn steady(&mut self, observed: &ObservedPool) {
        self.report(observed);
        if self.task() || self.work(observed) {
            return;
        }
        if let Some((reason, message)) = self.mismatch(observed) {
            return self.stalled(reason, &message);
        }
        if let Some((field, why)) = self.unsupported() {
            return self.stalled("Unsupported", &format!("{field} {why}"));
        }
        match observed.state {
            PoolState::Steady => {}
            PoolState::Changing => {
                return self.working("Changing", "Something is under way in the pool at the vendor.");
            }
            PoolState::Suspended => {
                return self.stalled(
                    "BillingProblem",
                    "The vendor holds desktops of the pool back for unpaid bills: settle them there.",
                );
            }
            PoolState::Failed => return self.stalled("FailedAtVendor", "The vendor reports a fault of the pool."),
            PoolState::Unknown => {
                let message = format!(
                    "The vendor reports a state that is not known here: {:?}. Nothing is done because of it.",
                    truncate(&observed.vendor_state, 128)
                );
                self.set(condition::READY, Truth::Unknown, "UnknownState", &message);
                self.clear(condition::RECONCILING);
                return self.clear(condition::STALLED);
            }
        }
        if self.settings(observed)
            || self.members(observed)
            || self.scale(observed)
            || self.rollout(observed)
            || self.power(observed)
        {
            return;
        }
        self.conclude();
    }

    /// A task of the vendor's that has not ended: it is polled, with all its parts, before anything else is done.
    pub(super) fn task(&mut self) -> bool {
        let (limits, now) = (self.inputs.limits, self.inputs.now);
        let id = self.status.id.clone().unwrap_or_default();
        let Some(task) = self.status.parts().task(TaskKind::Job, &id, limits, now) else {
            return false;
        };
        let (reason, message) = self.work_words();
        self.working(reason, &message);
        self.action = Action::Poll(Task { object_id: id, ..task });
        true
    }

    /// Desktops that are not on their way out.
    pub(super) fn present(&self) -> Vec<&'a ObservedDesktop> {
        let inputs = self.inputs;
        let here = |d: &&ObservedDesktop| d.state != DesktopState::Deleting;
        inputs.desktops.iter().filter(here).collect()
    }

    /// Whether a desktop is as the template's power says.
    pub(super) fn is_ready(&self, desktop: &ObservedDesktop) -> bool {
        match self.inputs.spec.template.spec.power {
            Power::Running => desktop.state == DesktopState::Running,
            Power::Stopped => desktop.state == DesktopState::Stopped,
            Power::Unmanaged => matches!(desktop.state, DesktopState::Running | DesktopState::Stopped),
        }
    }

    /// Whether everything was as declared when it was last looked at: what differs now was changed by somebody else.
    pub(super) fn was_in_line(&self) -> bool {
        let ready = condition::find(&self.inputs.status.conditions, condition::READY);
        ready.is_some_and(|c| c.status == "True" && c.observed_generation == Some(self.inputs.generation))
    }

    pub(super) fn drifted(&mut self, field: &'static str, words: &str) {
        if self.was_in_line() {
            self.healing.push(field);
            self.notices.push(Notice::warning("DriftDetected", words.to_owned()));
        }
    }

    /// The image that desktops should have.
    pub(super) fn wanted_image(&self) -> Option<&str> {
        self.inputs.image.as_deref().ok()
    }

    pub(super) fn report(&mut self, observed: &ObservedPool) {
        let present = self.present();
        let there = count(present.len());
        let ready = count(present.iter().filter(|d| self.is_ready(d)).count());
        let assigned = count(present.iter().filter(|d| d.user_name.is_some()).count());
        let updated = self.wanted_image().map(|wanted| {
            let same = |d: &&&ObservedDesktop| d.image_id.as_deref() == Some(wanted);
            count(present.iter().filter(same).count())
        });
        let desired = self.desired(there);
        let revision = self.wanted_image().map(|id| truncate(id, 64));
        let declared = self.inputs.spec.users.is_some();
        let grouped = self.declared_groups().is_some();
        let members = |group: bool| {
            let members = self.inputs.members?;
            i64::try_from(members.iter().filter(|m| m.group == group).count()).ok()
        };
        let (users, groups) = (members(false).filter(|_| declared), members(true).filter(|_| grouped));
        let os: Vec<&str> = observed.image_os.iter().flatten().map(String::as_str).collect();
        let before = self.status.vendor.take().unwrap_or_default();
        let status = &mut self.status;
        status.replicas = there;
        status.ready_replicas = ready;
        status.assigned_replicas = assigned;
        status.updated_replicas = updated.unwrap_or(status.updated_replicas).min(there);
        status.desired_replicas = desired;
        status.revision = revision.or_else(|| status.revision.take());
        status.vendor = Some(VendorPool {
            state: Some(truncate(&observed.vendor_state, 64)),
            name: short(observed.name.as_ref()),
            desktops: observed.desktops,
            assigned: observed.assigned,
            image_id: short(observed.image_id.as_ref()),
            flavor: short(observed.flavor.as_ref()),
            maintenance: observed.maintenance,
            autoscaling: Some(observed.autoscale.is_some()),
            kind: observed
                .dynamic
                .map(|dynamic| if dynamic { PoolType::Dynamic } else { PoolType::Static }),
            description: observed.description.as_deref().map(|text| truncate(text, 1024)),
            created_at: observed.created.map(whole_seconds),
            prepaid: observed.prepaid,
            zone: short(observed.zone_id.as_ref()),
            vpc_id: short(observed.vpc_id.as_ref()),
            subnet_ids: observed.subnet_ids.iter().take(100).cloned().collect(),
            security_groups: observed.security_groups.iter().take(100).cloned().collect(),
            cpus: observed.cpus,
            memory_gib: observed.memory_gib,
            flavor_state: observed.flavor_state.as_deref().map(|text| truncate(text, 64)),
            image_name: short(observed.image_name.as_ref()),
            image_os: (!os.is_empty()).then(|| truncate(&os.join(", "), 256)),
            image_product_code: short(observed.image_product_code.as_ref().filter(|c| !c.is_empty())),
            system_disk: observed.system_disk.as_ref().map(disk),
            data_disks: observed.data_disks.iter().take(16).map(disk).collect(),
            disconnected_retention_minutes: observed.retention_minutes.filter(|minutes| *minutes > 0),
            autoscale: observed.autoscale.as_ref().map(|seen| VendorAutoscale {
                kind: seen.kind,
                max_created: seen.max_created,
                min_idle: seen.min_idle,
                step: seen.step,
            }),
            enterprise_project_id: short(observed.enterprise_project_id.as_ref()),
            name_policy_id: short(observed.name_policy_id.as_ref().filter(|id| !id.is_empty())),
            // Read less often than the rest.
            users: users.or(before.users.filter(|_| declared)),
            groups: groups.or(before.groups.filter(|_| grouped)),
        });
    }

    /// What the vendor cannot change on a pool that exists, and differs.
    pub(super) fn mismatch(&self, observed: &ObservedPool) -> Option<(&'static str, String)> {
        let template = &self.inputs.spec.template.spec;
        let differs = |wanted: &str, seen: Option<&str>| seen.is_some_and(|seen| seen != wanted);
        let say = |field: &str, wanted: &str, seen: &str| {
            let message = format!(
                "{field} is {wanted}, the pool has {seen}, and that is not changed on a pool that exists. Set it back, \
                 or make another pool and move its users."
            );
            Some(("Unsupported", message))
        };
        let kind = |dynamic: bool| if dynamic { "Dynamic" } else { "Static" };
        let dynamic = self.inputs.spec.kind == PoolType::Dynamic;
        if let Some(seen) = observed.dynamic.filter(|seen| *seen != dynamic) {
            return say("spec.type", kind(dynamic), kind(seen));
        }
        if differs(&template.flavor, observed.flavor.as_deref()) {
            let seen = observed.flavor.as_deref().unwrap_or_default();
            return say("spec.template.spec.flavor", &template.flavor, seen);
        }
        if let (Some(wanted), Some(seen)) = (&template.system_disk, &observed.system_disk) {
            let size = seen.size_gib.is_some_and(|size| size != i64::from(wanted.size_gib));
            if size || differs(&wanted.category, seen.category.as_deref()) {
                let wanted = format!("{} {} GiB", wanted.category, wanted.size_gib);
                return say("spec.template.spec.systemDisk", &wanted, &disk(seen));
            }
        }
        let subnet = template.network.as_ref().and_then(|n| n.subnet_id.as_ref());
        if let Some(wanted) = subnet.filter(|id| !observed.subnet_ids.is_empty() && !observed.subnet_ids.contains(id)) {
            let seen = observed.subnet_ids.join(", ");
            return say("spec.template.spec.network.subnetId", wanted, &seen);
        }
        None
    }

    /// A field that no pool of this vendor can honour.
    pub(super) fn unsupported(&self) -> Option<(&'static str, String)> {
        let vendor = self.inputs.capabilities?.vendor;
        let template = &self.inputs.spec.template.spec;
        let address = template.network.as_ref().is_some_and(|n| n.public_address.is_some());
        let complaints = [
            (
                template.work_mode == WorkMode::Application,
                "spec.template.spec.applications",
                "cannot be published by a pool of",
            ),
            (
                template.display_policy.is_some(),
                "spec.template.spec.displayPolicy",
                "cannot be set by a pool of",
            ),
            (
                template.power_schedule.is_some(),
                "spec.template.spec.powerSchedule",
                "cannot be followed for a pool of",
            ),
            (
                address,
                "spec.template.spec.network.publicAddress",
                "cannot be had in a pool of",
            ),
            (
                template.billing.mode == BillingMode::Subscription,
                "spec.template.spec.billing.mode",
                "Subscription cannot be bought through the API of",
            ),
        ];
        let (_, field, why) = complaints.into_iter().find(|(applies, ..)| *applies)?;
        Some((field, format!("{why} {vendor}.")))
    }

    /// How the pool should grow by itself. Where there is no room between the least and the most, it need not.
    pub(super) fn wanted_autoscale(&self) -> Option<Autoscale> {
        let wanted = self.inputs.spec.autoscale.as_ref().filter(|a| a.max > a.min)?;
        Some(Autoscale {
            kind: Some(wanted.kind),
            // The vendor counts those that it makes itself; the first ones are made by us.
            max_created: Some(i64::from(wanted.max - wanted.min)),
            min_idle: Some(i64::from(wanted.min_idle)),
            step: Some(i64::from(wanted.step)),
        })
    }

    /// Settings that are set at once: those that are declared and differ.
    fn settings(&mut self, observed: &ObservedPool) -> bool {
        let spec = self.inputs.spec;
        let mut update = PoolUpdate::default();
        let mut fields: Vec<&'static str> = Vec::new();
        let ours = self.status.binding.as_ref().is_some_and(|b| !b.adopted);
        let name = super::vendor_name(self.inputs.name, self.inputs.uid);
        if ours && observed.name.as_ref() != Some(&name) {
            update.name = Some(name);
            fields.push("name");
        }
        let wanted = self.wanted_autoscale();
        if !grows_alike(observed.autoscale.as_ref(), wanted.as_ref()) {
            update.autoscale = Some(wanted);
            fields.push("autoscale");
        }
        let retention = spec.disconnected_retention_minutes.map(i64::from);
        if retention.is_some() && observed.retention_minutes != retention {
            update.retention_minutes = retention;
            fields.push("disconnectedRetentionMinutes");
        }
        if let Some(block) = &spec.huawei_workspace {
            if observed.maintenance.is_some_and(|seen| seen != block.maintenance) {
                update.maintenance = Some(block.maintenance);
                fields.push("maintenance");
            }
            if block.description.is_some()
                && block.description.as_deref().unwrap_or_default()
                    != observed.description.as_deref().unwrap_or_default()
            {
                update.description.clone_from(&block.description);
                fields.push("description");
            }
        }
        if fields.is_empty() {
            return false;
        }
        let all = fields.join(", ");
        if self.may_send("UpdatePool", "Updating", &format!("Being set at the vendor: {all}.")) {
            for field in fields {
                self.drifted(field, &format!("{field} was changed at the vendor and is set back."));
            }
            let pool_id = observed.id.clone();
            self.action = Action::Change(PoolChange::Update { pool_id, update });
        }
        true
    }

    /// Starts or stops the desktops that are not as the template's power says.
    fn power(&mut self, observed: &ObservedPool) -> bool {
        let present = self.present();
        let up = |d: &&&ObservedDesktop| matches!(d.state, DesktopState::Running | DesktopState::Unregistered);
        let (power, action, reason, wrong, words) = match self.inputs.spec.template.spec.power {
            Power::Running => (
                PoolPower::Start,
                "StartPool",
                "Starting",
                present.iter().filter(|d| d.state == DesktopState::Stopped).count(),
                "started",
            ),
            Power::Stopped => (
                PoolPower::Stop,
                "StopPool",
                "Stopping",
                present.iter().filter(up).count(),
                "stopped",
            ),
            Power::Unmanaged => return false,
        };
        if wrong == 0 {
            return false;
        }
        if self.may_send(action, reason, &format!("{} being {words}.", desktops_are(wrong))) {
            let note = format!(
                "spec.template.spec.power was not kept: {} being {words}.",
                desktops_are(wrong)
            );
            self.drifted("power", &note);
            let pool_id = observed.id.clone();
            self.action = Action::Change(PoolChange::Power { pool_id, power });
        }
        true
    }

    /// Nothing is left to do: whether everything is as declared.
    fn conclude(&mut self) {
        let present = self.present();
        let failed: Vec<&str> = present
            .iter()
            .filter(|d| d.state == DesktopState::Failed)
            .map(|d| d.id.as_str())
            .take(5)
            .collect();
        if let (Some(due), false) = (self.replacement_due(), self.replaceable().is_empty()) {
            let message = format!(
                "The vendor reports a fault of {}. Those that belong to nobody are replaced after {}; if it goes on, look \
                 at the image and the flavor.",
                failed.join(", "),
                readable(due)
            );
            return self.working("DesktopsFailed", &message);
        }
        if !failed.is_empty() {
            let message = format!(
                "The vendor reports a fault of desktops that belong to somebody, or must not be touched: {}. Repair or \
                 delete them at the vendor.",
                failed.join(", ")
            );
            return self.stalled("FailedAtVendor", &message);
        }
        let (there, ready) = (self.status.replicas, self.status.ready_replicas);
        if ready < there || there < self.status.desired_replicas {
            let message = format!("{ready} of {there} desktops are ready.");
            return self.working("DesktopsNotReady", &message);
        }
        if let Err(obstacle) = self.inputs.image {
            return self.no_image(obstacle);
        }
        let message = match self.status.assigned_replicas {
            0 => format!("All {there} desktops are ready."),
            assigned => format!("All {there} desktops are ready; {assigned} of them belong to somebody."),
        };
        let old = there.saturating_sub(self.status.updated_replicas);
        let message = if old > 0 {
            format!("{message} {old} of them keep another image, as the manifest says.")
        } else {
            message
        };
        self.stamp().ready(&mut self.status.conditions, "Ready", &message);
        self.status.parts().settle();
    }

    pub(super) fn started(&self) -> Time {
        whole_seconds(self.inputs.now)
    }
}
