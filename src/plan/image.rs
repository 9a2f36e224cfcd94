//! What to do about one DesktopImage.

#[cfg(test)]
mod bench;
mod capture;
mod deletion;
#[cfg(test)]
mod properties;
mod source;
mod steady;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::managed::Managed;
pub use super::provider::ProviderView;
use super::{Limits, Notice, Pace, explain, last_error};
pub use source::{ImageView, Obstacle};

use crate::api::common::{Binding, CreateIntent, CreatePhase};
use crate::api::condition::{self, Truth};
use crate::api::desktop::DesktopState;
use crate::api::image::{DesktopImageSpec, DesktopImageStatus, ImageFilter, ImageOwner, ImageState};
use crate::backend::{BackendError, Capabilities, ObservedImage, Operation, Receipt, Task, naming};

/// The latest complete listing of an account's images.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// When it was begun.
    pub started: Timestamp,
    /// What it holds.
    pub images: &'a [ObservedImage],
    /// The ids that the complete listing before it held, if there was one.
    pub before: Option<&'a [String]>,
}

/// The Desktop that an image is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceView {
    /// None is needed.
    NotNeeded,
    /// It cannot be imaged now.
    Unusable {
        /// Condition reason.
        reason: &'static str,
        /// Plain words.
        message: String,
        /// Whether it needs a human to change something.
        stalled: bool,
    },
    /// There it is.
    Desktop(Source),
}

/// A Desktop as its own status shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Name of the resource.
    pub name: String,
    /// The vendor's id.
    pub id: String,
    /// How it is.
    pub state: Option<DesktopState>,
    /// Whether somebody is connected to it, as far as that is known.
    pub connected: Option<bool>,
    /// Its controller has taken note of this image and does nothing else to it.
    pub held: bool,
}

/// What the vendor says of the recorded id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Observation<'a> {
    /// No listing that can be trusted.
    Unknown,
    /// Not in the latest complete listing; `confirmed` when not in the one before either.
    Absent { confirmed: bool },
    /// As listed.
    Present(&'a ObservedImage),
}

/// Everything a decision depends on.
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
    /// Value of the abandon annotation.
    pub abandon: Option<&'a str>,
    /// Value of the retry-create annotation.
    pub retry_create: Option<i32>,
    /// Spec.
    pub spec: &'a DesktopImageSpec,
    /// Status as last written.
    pub status: &'a DesktopImageStatus,
    /// Its account.
    pub provider: ProviderView,
    /// What the vendor can do; `None` while the account is not connected.
    pub capabilities: Option<&'a Capabilities>,
    /// The images of the account; `None` before they were listed, and when that fails lastingly.
    pub listing: Option<Listing<'a>>,
    /// Why they could not be listed.
    pub error: Option<&'a BackendError>,
    /// What it is made from.
    pub source: SourceView,
    /// Desktops and pools that refer to this image.
    pub used_by: &'a [String],
    /// Other DesktopImages that have recorded the same id in the same account.
    pub shared_with: &'a [String],
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
    Create(Operation),
    /// Send one change.
    Submit(Operation),
    /// Poll a task.
    Poll(Task),
    /// Nothing is left to do for a deleted object: let it go.
    Release,
}

/// The decision.
#[derive(Clone, Debug)]
pub struct Plan {
    /// At most one action.
    pub action: Action,
    /// The status to write, before the action's own result.
    pub status: DesktopImageStatus,
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

/// The name of a captured image at the vendor.
#[must_use]
pub fn vendor_name(name: &str, uid: &str, spec: &DesktopImageSpec) -> String {
    naming::marked_name(spec.display_name.as_deref().unwrap_or(name), uid)
}

/// The status after an action was answered, and what a human should be told of it.
#[must_use]
pub fn answered(
    inputs: &Inputs<'_>,
    mut status: DesktopImageStatus,
    operation: &Operation,
    answer: &Result<Receipt, BackendError>,
) -> (DesktopImageStatus, Option<Notice>) {
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
    mut status: DesktopImageStatus,
    outcome: Result<(), &BackendError>,
) -> (DesktopImageStatus, Option<Notice>) {
    let stamp = condition::Stamp {
        generation: inputs.generation,
        now: inputs.now,
    };
    let (failure, uid, limits) = (outcome.err(), inputs.uid, inputs.limits);
    let told = if status.id.is_none() {
        status.parts().creation_ended(failure, uid, limits, stamp)
    } else {
        status.parts().task_ended(failure, uid, limits, stamp)
    };
    (status, told)
}

/// Whether this object's Desktop must be left as it is for its sake.
#[must_use]
pub fn holds(status: &DesktopImageStatus, paused: bool, desktop_id: &str) -> bool {
    let sent = status.id.is_some() || status.create.as_ref().is_some_and(|i| i.phase == CreatePhase::Open);
    // Who pauses an image has it done nothing; but what was sent goes on at the vendor.
    status.held_desktop_id.as_deref() == Some(desktop_id) && (sent || !paused)
}

/// A plan while it is being made.
struct Draft<'a> {
    inputs: &'a Inputs<'a>,
    status: DesktopImageStatus,
    action: Action,
    notices: Vec<Notice>,
    healing: Vec<&'static str>,
    pace: Pace,
    again: Duration,
}

impl<'a> Draft<'a> {
    crate::plan::draft::drafting!("image");

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
        }
    }

    fn finish(mut self) -> Plan {
        super::speak_of_generation(
            &self.status.conditions,
            &mut self.status.observed_generation,
            self.inputs.status.observed_generation,
        );
        let limits = self.inputs.limits;
        let longest = if self.pace == Pace::Fast {
            limits.fast
        } else {
            limits.slow
        };
        Plan {
            action: self.action,
            status: self.status,
            notices: self.notices,
            healing: self.healing,
            pace: self.pace,
            again: self.again.min(longest),
        }
    }

    fn paused(&mut self) {
        let message = "Paused by annotation: nothing is called at the vendor, deletion included.";
        self.set(condition::PAUSED, Truth::True, "Paused", message);
    }

    fn vendor(&self) -> &'static str {
        self.inputs.capabilities.map_or("the vendor", |c| c.vendor)
    }

    fn adopted(&self) -> bool {
        self.status
            .binding
            .as_ref()
            .map_or(self.inputs.spec.capture.is_none(), |b| b.adopted)
    }

    /// The recorded id, else the one to adopt, in the listing.
    fn observed(&self) -> Observation<'a> {
        let asked = self.status.id.as_ref().or(self.inputs.spec.existing_id.as_ref());
        let (Some(listing), Some(id)) = (self.inputs.listing, asked) else {
            return Observation::Unknown;
        };
        match listing.images.iter().find(|image| image.id == *id) {
            Some(image) => Observation::Present(image),
            None => Observation::Absent {
                confirmed: listing.before.is_some_and(|ids| !ids.contains(id)),
            },
        }
    }

    fn converge(&mut self) {
        self.clear(condition::DELETION_BLOCKED);
        if self.status.id.is_none() && !self.sent() {
            // Asked for anew in each pass that could go on, so that no trouble of ours keeps a desktop stopped.
            self.status.held_desktop_id = None;
        }
        if self.foreign_binding() {
            return;
        }
        if let ProviderView::Unusable {
            reason,
            message,
            stalled,
        } = &self.inputs.provider
        {
            self.follow();
            if *stalled {
                return self.stalled(reason, message);
            }
            self.stamp().working(&mut self.status.conditions, reason, message);
            return;
        }
        if let Some((field, why)) = self.unsupported() {
            return self.stalled("Unsupported", &format!("{field} {why}"));
        }
        if self.status.id.is_some() {
            match self.observed() {
                Observation::Unknown => self.unobserved(),
                Observation::Absent { .. } if self.not_yet_listed() => {
                    self.working("Creating", "The image was created; the vendor does not list it yet.");
                }
                Observation::Absent { confirmed: false } => self.pace = Pace::Fast,
                Observation::Absent { confirmed: true } => self.lost(),
                Observation::Present(observed) => self.steady(observed),
            }
        } else if let Some(id) = &self.inputs.spec.existing_id {
            self.adopt_existing(id);
        } else if let Some(filter) = &self.inputs.spec.filter {
            self.adopt_match(filter);
        } else if let Some(capture) = &self.inputs.spec.capture {
            self.capture(capture);
        }
    }

    /// Whether a creation was sent, and nothing is known of it yet.
    fn sent(&self) -> bool {
        let open = |i: &CreateIntent| i.phase == CreatePhase::Open;
        self.status.create.as_ref().is_some_and(open)
    }

    /// Nothing new may be sent. What was is looked at all the same, as far as it can be: a desktop waits for it.
    fn follow(&mut self) {
        if self.status.id.is_some() {
            if let Observation::Present(observed) = self.observed() {
                self.report(observed);
            }
        } else if self.sent() && self.inputs.listing.is_some() && self.inputs.spec.capture.is_some() {
            self.follow_creation();
        }
    }

    /// Unknown is not absent: what was last known stays, and a failure is said.
    fn unobserved(&mut self) {
        let Some(error) = self.inputs.error else { return };
        self.status.last_error = Some(last_error(error));
        let message = format!("The image cannot be observed. {}", explain::message(error));
        self.stamp()
            .unknown(&mut self.status.conditions, explain::reason(error.class), &message);
    }

    /// Nothing can be decided before the vendor has been listed.
    fn unlisted(&mut self) {
        match self.inputs.error {
            Some(error) => {
                self.status.last_error = Some(last_error(error));
                let (reason, message) = (explain::reason(error.class), explain::message(error));
                if error.class.heals_by_itself() {
                    self.stamp().working(&mut self.status.conditions, reason, &message);
                } else {
                    self.stalled(reason, &message);
                }
            }
            None => self.working("Listing", "Waiting for a listing of what exists at the vendor."),
        }
    }

    /// Recorded a short while ago and never yet listed: vendors list new objects late.
    fn not_yet_listed(&self) -> bool {
        let young = |b: &Binding| self.inputs.now < super::after(b.since_time.0, self.inputs.limits.settle);
        self.status.state.is_none() && self.status.binding.as_ref().is_some_and(young)
    }

    fn lost(&mut self) {
        let id = self.status.id.clone().unwrap_or_default();
        self.status.state = Some(ImageState::Lost);
        self.status.vendor_state = None;
        self.status.held_desktop_id = None;
        let message = format!(
            "Image {id} has vanished at the vendor. Desktops made from it are left alone; no other is made in its place. \
             Delete this object, and create it again for a new one."
        );
        self.stalled("Lost", &message);
    }

    fn adopt_existing(&mut self, id: &str) {
        match self.observed() {
            Observation::Present(_) => self.adopt(id),
            Observation::Absent { confirmed: true } => {
                let message = format!(
                    "spec.existingId {id} is not among the images of this account. Correct it by creating this object \
                     again, or wait until it appears."
                );
                self.stalled("NotFoundAtVendor", &message);
            }
            Observation::Absent { confirmed: false } => self.working("Adopting", "Looking for the image to adopt."),
            Observation::Unknown => self.unlisted(),
        }
    }

    fn adopt_match(&mut self, filter: &ImageFilter) {
        let Some(listing) = self.inputs.listing else {
            return self.unlisted();
        };
        let mut ids: Vec<&str> = listing
            .images
            .iter()
            .filter(|image| matches(filter, image))
            .map(|image| image.id.as_str())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        match ids.as_slice() {
            [] => {
                let message = "No image of the account matches spec.filter; it is looked for until one does.";
                self.stamp().working(&mut self.status.conditions, "NoMatch", message);
            }
            [id] => self.adopt(id),
            several => {
                let named = several.iter().take(10).copied().collect::<Vec<_>>().join(", ");
                let message = format!(
                    "{} images match spec.filter ({named}), and one is needed. Create this object again with a filter \
                     that only one matches, or with spec.existingId.",
                    several.len()
                );
                self.stalled("SeveralMatch", &message);
            }
        }
    }

    fn adopt(&mut self, id: &str) {
        self.bind(id.to_owned(), true);
        self.notices
            .push(Notice::normal("Adopted", format!("Image {id} was adopted.")));
        self.working("Adopting", "The image was adopted.");
    }

    fn bind(&mut self, id: String, adopted: bool) {
        let binding = Binding {
            uid: self.inputs.uid.to_owned(),
            provider: self.inputs.spec.provider_ref.name.clone(),
            cluster_id: Some(id.clone()),
            since_time: Time(self.inputs.now),
            adopted,
        };
        self.status.parts().bind(id, binding);
        self.status.state = None;
    }
}

/// Whether a listed image is what a filter asks for. What is gone, or going, is not.
#[must_use]
pub fn matches(filter: &ImageFilter, image: &ObservedImage) -> bool {
    let name = image.name.as_deref().unwrap_or_default();
    let owner = if image.custom {
        ImageOwner::Account
    } else {
        ImageOwner::Vendor
    };
    !matches!(image.state, ImageState::Deleting | ImageState::Missing)
        && filter.name.as_ref().is_none_or(|wanted| wanted == name)
        && filter
            .name_prefix
            .as_ref()
            .is_none_or(|prefix| name.starts_with(prefix.as_str()))
        && filter.owner.is_none_or(|wanted| wanted == owner)
}
