//! An image that exists: report it, and give it its name.

use std::fmt::Write as _;

use super::{Action, Draft};
use crate::api::common::DeletionPolicy;
use crate::api::condition::{self, truncate};
use crate::api::image::{ImageSite, ImageState};
use crate::backend::{ObservedImage, Operation};
use crate::plan::managed::{Managed, Turn};
use crate::plan::{Notice, Pace};

impl Draft<'_> {
    /// A field this vendor cannot honour on any image.
    pub(super) fn unsupported(&self) -> Option<(&'static str, String)> {
        let capabilities = self.inputs.capabilities?;
        let spec = self.inputs.spec;
        let vendor = capabilities.vendor;
        if spec.capture.is_some() && !capabilities.capture_image {
            let why = format!(
                "cannot be used: {vendor} has no call that makes an image of a desktop. Make it in the vendor's console, \
                 and create this object again with spec.existingId or spec.filter."
            );
            return Some(("spec.capture", why));
        }
        if spec.deletion_policy == Some(DeletionPolicy::Delete) && !capabilities.delete_image {
            let why = format!("Delete cannot be kept: {vendor} has no call that deletes an image. Say Retain.");
            return Some(("spec.deletionPolicy", why));
        }
        None
    }

    /// Writes what the vendor reports into the status.
    pub(super) fn report(&mut self, observed: &ObservedImage) {
        let status = &mut self.status;
        status.state = Some(observed.state);
        status.vendor_state = Some(truncate(&observed.vendor_state, 256));
        status.progress = observed.progress.map(|percent| i32::from(percent.min(100)));
        status.display_name = observed.name.as_deref().map(|name| truncate(name, 256));
        status.size_gib = observed.size_gib.filter(|gib| *gib >= 0);
        status.sites = observed
            .sites
            .iter()
            .take(64)
            .map(|site| ImageSite {
                id: truncate(&site.id, 128),
                vendor_state: truncate(&site.vendor_state, 64),
                usable: site.usable,
            })
            .collect();
        if observed.state != ImageState::Creating {
            // Made, or never to be: its desktop is needed no longer.
            status.held_desktop_id = None;
        }
    }

    pub(super) fn steady(&mut self, observed: &ObservedImage) {
        self.report(observed);
        if !self.adopted() {
            let mut others = self.candidates();
            others.retain(|id| *id != observed.id);
            self.duplicates(&observed.id, &others);
        }
        let word = truncate(&observed.vendor_state, 128);
        match observed.state {
            ImageState::Creating => {
                let far = observed.progress.map(|n| format!(" ({n} %)")).unwrap_or_default();
                self.working("Creating", &format!("The vendor is making the image{far}."));
            }
            ImageState::Deleting => self.working("Deleting", "The vendor is deleting the image."),
            ImageState::Unavailable => {
                let message = format!(
                    "The vendor does not let the image be used here ({word}): make it available there, or create this \
                     object again with another one."
                );
                self.stalled("Unavailable", &message);
            }
            ImageState::Failed => {
                let message = format!(
                    "The vendor could not make the image ({word}). Delete this object, and create it again for another."
                );
                self.stalled("FailedAtVendor", &message);
            }
            ImageState::Missing | ImageState::Lost => {
                let message = format!(
                    "The vendor lists the image but has lost it ({word}). Nothing is done about it: ask the vendor, or \
                     delete this object."
                );
                self.stalled("Missing", &message);
            }
            ImageState::Unknown => {
                let message = format!(
                    "The vendor reports a state that is not known here: {word:?}. Nothing is done because of it."
                );
                self.stamp()
                    .unknown(&mut self.status.conditions, "UnknownState", &message);
                self.clear(condition::RECONCILING);
                self.clear(condition::STALLED);
            }
            ImageState::Available => self.correct(observed),
        }
    }

    fn correct(&mut self, observed: &ObservedImage) {
        if !observed.custom && self.inputs.spec.deletion_policy == Some(DeletionPolicy::Delete) {
            let message = "spec.deletionPolicy Delete cannot be kept: the image is the vendor's own. Say Retain.";
            return self.stalled("Unsupported", message);
        }
        let Some(name) = self.wanted_name().filter(|name| observed.name.as_ref() != Some(name)) else {
            return self.conclude(observed);
        };
        let vendor = self.vendor();
        if self.inputs.capabilities.is_none_or(|c| !c.rename_image) || !observed.custom {
            let why = if observed.custom {
                format!("{vendor} has no call that renames an image")
            } else {
                "the image is the vendor's own".to_owned()
            };
            let message = format!(
                "spec.displayName cannot be set: {why}. Take it out, or say the name that the image has ({}).",
                truncate(observed.name.as_deref().unwrap_or_default(), 256)
            );
            return self.stalled("Unsupported", &message);
        }
        if self.adopted() && !self.inputs.shared_with.is_empty() {
            let message = format!(
                "Image {} belongs to {} too, and spec.displayName would name it for both: take it out, or delete the \
                 object that should not have it.",
                observed.id,
                self.inputs.shared_with.join(", ")
            );
            return self.stalled("AlreadyClaimed", &message);
        }
        self.rename(observed, name);
    }

    /// The name the vendor should show; an adopted image keeps its own unless one is asked for.
    fn wanted_name(&self) -> Option<String> {
        let spec = self.inputs.spec;
        if self.adopted() {
            return spec.display_name.clone();
        }
        let renames = self.inputs.capabilities.is_some_and(|c| c.rename_image);
        (renames || spec.display_name.is_some())
            .then(|| super::vendor_name(self.inputs.name, self.inputs.uid, self.inputs.spec))
    }

    fn rename(&mut self, observed: &ObservedImage, name: String) {
        let words = format!("The name is being set to {name}.");
        let drifted = self.inputs.status.display_name.as_ref() == Some(&name);
        match self.turn("RenameImage") {
            Turn::Now => {}
            Turn::Sent(left) => {
                self.working("Renaming", &words);
                self.again = left;
                return;
            }
            Turn::Refused(wait) => {
                self.again = wait;
                return;
            }
        }
        // What the last status showed as declared by this very generation, and is not any more, somebody has changed.
        if drifted && self.inputs.status.observed_generation == self.inputs.generation {
            self.healing.push("displayName");
            let note = format!("displayName was changed behind our back and is set back. {words}");
            self.notices.push(Notice::warning("DriftDetected", note));
        }
        self.working("Renaming", &words);
        self.action = Action::Submit(Operation::RenameImage {
            image_id: observed.id.clone(),
            name,
        });
    }

    fn conclude(&mut self, observed: &ObservedImage) {
        let mut words = "The image can be used.".to_owned();
        if let Some(gib) = observed.size_gib {
            let _ = write!(words, " A system disk made from it has {gib} GiB at least.");
        }
        let capabilities = self.inputs.capabilities;
        if !self.adopted()
            && self.inputs.spec.deletion_policy.is_none()
            && capabilities.is_some_and(|c| !c.delete_image)
        {
            let _ = write!(
                words,
                " It will be left at the vendor when this object is deleted, because {} has no call for that.",
                self.vendor()
            );
        }
        if !condition::is_true(&self.status.conditions, condition::READY) {
            self.notices.push(Notice::normal("Ready", words.clone()));
        }
        self.stamp().ready(&mut self.status.conditions, "Available", &words);
        self.status.parts().settle();
        self.pace = Pace::Slow;
    }
}
