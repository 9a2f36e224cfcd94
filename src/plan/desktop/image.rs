//! Another image for a desktop that exists: it wipes the system disk, so it is sent once and never in doubt.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::steady::{Correction, Next};
use super::{Action, ClusterView, Draft};
use crate::api::desktop::{DesktopState, OnImageChange, Rebuild};
use crate::backend::capabilities::ImageChange;
use crate::backend::{ObservedDesktop, Operation};
use crate::plan::managed::{Managed, Turn};
use crate::plan::{Notice, after};

impl Draft<'_> {
    /// The vendor's id of the image that the manifest names, while it can be used.
    pub(super) fn image_id(&self) -> Option<String> {
        self.inputs.image.and_then(|image| image.id()).map(str::to_owned)
    }

    /// Where the manifest names the image.
    fn image_field(&self) -> String {
        let reference = self
            .inputs
            .spec
            .image
            .as_ref()
            .and_then(|image| image.reference.as_ref());
        reference.map_or_else(
            || "spec.image.id".to_owned(),
            |r| format!("The image of DesktopImage {} (spec.image.ref)", r.name),
        )
    }

    /// True when nothing can be made from the image that the manifest names, which is then said.
    pub(super) fn image_missing(&mut self) -> bool {
        let ClusterView::Usable { provider, .. } = &self.inputs.cluster else {
            return false;
        };
        let size = self.inputs.spec.system_disk.as_ref().map(|disk| disk.size_gib);
        let usable = self.inputs.image.map(|image| image.usable("spec", provider, size));
        let Some(Err(obstacle)) = usable else {
            return false;
        };
        if obstacle.stalled {
            self.stalled(obstacle.reason, &obstacle.message);
        } else {
            self.working(obstacle.reason, &obstacle.message);
        }
        true
    }

    /// What has to be done about the image of a desktop.
    pub(super) fn image(&mut self, observed: &ObservedDesktop) -> Next {
        let Some(capabilities) = self.inputs.capabilities else {
            return Next::Nothing;
        };
        if capabilities.observe_image && observed.image_id.is_some() {
            self.status.image_id.clone_from(&observed.image_id);
        }
        if self.status.rebuild.is_some() {
            return self.rebuilding(observed);
        }
        // What refers to a DesktopImage that cannot be used now is left as it is.
        let (Some(wanted), Some(seen)) = (self.image_id(), self.status.image_id.clone()) else {
            return Next::Nothing;
        };
        if wanted == seen {
            return Next::Nothing;
        }
        let vendor = capabilities.vendor;
        let field = self.image_field();
        if capabilities.change_image == ImageChange::No {
            return Next::Stalled(
                "Unsupported",
                format!(
                    "{field} is {wanted}, the desktop has {seen}, and {vendor} cannot change that on an existing \
                     desktop. Set it back, or delete this object and create a new one."
                ),
            );
        }
        if self.inputs.spec.on_image_change == OnImageChange::Report {
            return Next::Stalled(
                "ImageChanged",
                format!(
                    "{field} is {wanted}, the desktop was made from {seen}. To rebuild it and lose what is on its \
                     system disk, set spec.onImageChange to Rebuild; else set the image back."
                ),
            );
        }
        if capabilities.change_image == ImageChange::Stopped && observed.state != DesktopState::Stopped {
            return Next::Correct(Correction {
                operation: Operation::StopDesktop {
                    desktop_id: observed.id.clone(),
                },
                field: "image",
                drifted: false,
                words: "The desktop is being stopped, to be rebuilt from the new image.".to_owned(),
            });
        }
        if let Turn::Refused(wait) = self.turn("RebuildDesktop") {
            self.again = wait;
            return Next::Done;
        }
        let attempt = self.inputs.status.rebuild_attempts.saturating_add(1);
        self.status.rebuild_attempts = attempt;
        self.status.rebuild = Some(Rebuild {
            image_id: wanted.clone(),
            attempt,
            sent_time: Time(self.inputs.now),
        });
        let words = format!("The desktop is being rebuilt from image {wanted}.");
        self.notices.push(Notice::normal("Rebuilding", words.clone()));
        self.working("Rebuilding", &words);
        self.action = Action::RecordThenSubmit(Operation::RebuildDesktop {
            desktop_id: observed.id.clone(),
            image_id: wanted,
        });
        Next::Done
    }

    /// A rebuild was sent: until its effect is certain nothing else is done to the desktop, and nobody is let onto it.
    fn rebuilding(&mut self, observed: &ObservedDesktop) -> Next {
        let Some(rebuild) = self.status.rebuild.clone() else {
            return Next::Nothing;
        };
        let observable = self.inputs.capabilities.is_some_and(|c| c.observe_image);
        let answer = self.inputs.settle.and_then(|text| text.strip_prefix("rebuild-"));
        let told = |what: &str| answer == Some(format!("{}-{what}", rebuild.attempt).as_str());
        let seen = observable && observed.image_id.as_ref() == Some(&rebuild.image_id);
        if seen || told("done") {
            return self.rebuilt(&rebuild);
        }
        if told("repeat") {
            self.status.rebuild = None;
            self.status.parts().settle();
            return self.image(observed);
        }
        let operation = self.status.operation.clone().filter(|o| o.action == "RebuildDesktop");
        let answered = self.inputs.status.last_error.is_none() && operation.is_some();
        let ended = operation.is_some_and(|o| o.task_id.is_none());
        if answered && ended && !observable {
            return self.rebuilt(&rebuild);
        }
        if self.inputs.now < after(rebuild.sent_time.0, self.inputs.limits.settle) {
            return Next::Waiting(
                "Rebuilding",
                format!("The desktop is being rebuilt from image {}.", rebuild.image_id),
            );
        }
        Next::Held(
            "RebuildOutcomeUnknown",
            format!(
                "Whether the desktop was rebuilt from image {} is not known, and a second time would wipe it again. Look \
                 into the vendor's console, then annotate this object with {}=rebuild-{}-done or rebuild-{}-repeat.",
                rebuild.image_id,
                crate::api::SETTLE_ANNOTATION,
                rebuild.attempt,
                rebuild.attempt
            ),
        )
    }

    fn rebuilt(&mut self, rebuild: &Rebuild) -> Next {
        self.status.image_id = Some(rebuild.image_id.clone());
        self.status.rebuild = None;
        self.status.parts().settle();
        let note = format!("The desktop was rebuilt from image {}.", rebuild.image_id);
        self.notices.push(Notice::normal("Rebuilt", note));
        Next::Nothing
    }
}
