//! An image that is made from a desktop: the desktop is held by its own controller first, and the call is sent once.

use super::{Action, Draft, Source, SourceView};
use crate::api::common::CreatePhase;
use crate::api::condition;
use crate::api::desktop::DesktopState;
use crate::api::image::{Capture, CapturePower};
use crate::backend::{ErrorClass, Operation, Task, TaskKind, naming};
use crate::plan::managed::Turn;
use crate::plan::{Notice, create};

/// Refusals that time alone does not change. A desktop is not stopped again and again for them.
const LASTING: [ErrorClass; 5] = [
    ErrorClass::Forbidden,
    ErrorClass::NotFound,
    ErrorClass::Invalid,
    ErrorClass::Quota,
    ErrorClass::Billing,
];

impl Draft<'_> {
    pub(super) fn capture(&mut self, capture: &Capture) {
        if self.inputs.listing.is_none() && !self.inputs.in_flight {
            return self.unlisted();
        }
        let candidates = self.candidates();
        match create::decide(&self.create_inputs(&candidates)) {
            create::Decision::Adopt { id, duplicates } => self.adopt_captured(&id, &duplicates),
            create::Decision::Wait { intent, message, again } => {
                self.status.create = intent;
                self.working("Creating", &message);
                self.again = again;
            }
            create::Decision::Stall { intent, message } => {
                self.status.create = Some(intent);
                self.status.held_desktop_id = None;
                self.stalled("CreateOutcomeUnknown", &message);
            }
            create::Decision::Attempt(attempt) => self.attempt(attempt, capture),
            create::Decision::Poll(task_id) => self.wait_for_creation(task_id),
            // No image is created by token.
            create::Decision::Resend => {}
        }
    }

    /// What became of a creation that was sent; no other is.
    pub(super) fn follow_creation(&mut self) {
        let candidates = self.candidates();
        match create::decide(&self.create_inputs(&candidates)) {
            create::Decision::Adopt { id, duplicates } => self.adopt_captured(&id, &duplicates),
            create::Decision::Wait { intent, again, .. } => {
                self.status.create = intent;
                self.again = again;
            }
            create::Decision::Poll(task_id) => self.wait_for_creation(task_id),
            create::Decision::Stall { intent, .. } => {
                self.status.create = Some(intent);
                self.status.held_desktop_id = None;
            }
            // It came to nothing.
            create::Decision::Attempt(_) => self.status.held_desktop_id = None,
            create::Decision::Resend => {}
        }
    }

    /// Images that carry our mark, lowest id first.
    pub(super) fn candidates(&self) -> Vec<String> {
        let mark = naming::marker(self.inputs.uid);
        let listed = self.inputs.listing.map_or(&[][..], |l| l.images);
        let mut ids: Vec<String> = listed
            .iter()
            .filter(|image| image.name.as_deref().and_then(naming::marker_in) == Some(mark.as_str()))
            .map(|image| image.id.clone())
            .collect();
        ids.sort();
        ids.dedup();
        ids
    }

    pub(super) fn create_inputs<'b>(&'b self, candidates: &'b [String]) -> create::Inputs<'b> {
        create::Inputs {
            intent: self.inputs.status.create.as_ref(),
            in_flight: self.inputs.in_flight,
            listing_started: self.inputs.listing.map(|l| l.started),
            candidates,
            identity: create::Identity::Marked,
            prepaid: false,
            allowed_by_human: self.inputs.retry_create,
            limits: self.inputs.limits,
            now: self.inputs.now,
        }
    }

    pub(super) fn wait_for_creation(&mut self, task_id: String) {
        self.working("Creating", "The vendor is making the image.");
        self.action = Action::Poll(Task::new(TaskKind::Job, "", task_id));
    }

    pub(super) fn adopt_captured(&mut self, id: &str, duplicates: &[String]) {
        self.duplicates(id, duplicates);
        self.bind(id.to_owned(), false);
        self.notices.push(Notice::normal(
            "Found",
            format!("Image {id} was found by its mark and recorded."),
        ));
        self.working("Creating", "The image was found at the vendor.");
    }

    fn attempt(&mut self, attempt: i32, capture: &Capture) {
        if self.inputs.in_flight {
            self.again = self.inputs.limits.fast;
            return;
        }
        if self.refused_for_good() {
            return;
        }
        if let Turn::Refused(wait) = self.turn("CreateImage") {
            // What failed, and when it is tried again, is already said; its desktop is free until then.
            self.again = wait;
            return;
        }
        let source = match &self.inputs.source {
            SourceView::Desktop(source) => source,
            SourceView::NotNeeded => return,
            SourceView::Unusable {
                reason,
                message,
                stalled,
            } => {
                if *stalled {
                    return self.stalled(reason, message);
                }
                return self.working(reason, message);
            }
        };
        if source.held && self.inputs.status.held_desktop_id.as_ref() != Some(&source.id) {
            // The answer to what was asked before: it may be starting the desktop at this moment.
            let message = format!(
                "Waiting until Desktop {}, which was let go, has taken note of it.",
                source.name
            );
            return self.working("WaitingForDesktop", &message);
        }
        self.status.held_desktop_id = Some(source.id.clone());
        self.status.source_desktop_id = Some(source.id.clone());
        let told = self.inputs.capabilities.is_some_and(|c| c.sessions);
        if let Some(message) = waits_for(source, capture.power, told) {
            return self.working("WaitingForDesktop", &message);
        }
        let name = super::vendor_name(self.inputs.name, self.inputs.uid, self.inputs.spec);
        let writer = self.inputs.writer.to_owned();
        let (limits, now) = (self.inputs.limits, self.inputs.now);
        self.status.create = Some(create::intent(
            attempt,
            Some(name.clone()),
            Vec::new(),
            writer,
            limits,
            now,
        ));
        let words = format!("The image is being made from Desktop {}.", source.name);
        self.notices.push(Notice::normal("Capturing", words.clone()));
        self.working("Creating", &words);
        self.action = Action::Create(Operation::CreateImage {
            desktop_id: source.id.clone(),
            name,
        });
    }

    /// True when the vendor has refused in so many words and only a human can change that.
    fn refused_for_good(&mut self) -> bool {
        let Some(attempt) = self
            .status
            .create
            .as_ref()
            .filter(|i| i.phase == CreatePhase::Failed)
            .map(|i| i.attempt)
        else {
            return false;
        };
        let class = self.status.last_error.as_ref().map(|e| e.class.as_str());
        let lasting = LASTING.iter().any(|lasting| class == Some(lasting.as_str()));
        // A changed manifest may have changed the reason.
        let same = self
            .status
            .retry
            .as_ref()
            .is_some_and(|r| r.generation == self.inputs.generation);
        if !lasting || !same || self.inputs.retry_create == Some(attempt) {
            return false;
        }
        let Some(stalled) = condition::find(&self.status.conditions, condition::STALLED).cloned() else {
            return true;
        };
        if let Some((said, _)) = stalled.message.split_once(" Next attempt after") {
            let message = format!(
                "{said} The desktop is not stopped for it again by itself: once that is done, annotate this object with \
                 {}={attempt}.",
                crate::api::RETRY_CREATE_ANNOTATION
            );
            self.stamp()
                .stalled(&mut self.status.conditions, &stalled.reason, &message);
        }
        true
    }

    /// Says which other images carry our mark; none of them is ever deleted by us.
    pub(super) fn duplicates(&mut self, id: &str, others: &[String]) {
        if others.is_empty() {
            return self.clear(condition::DUPLICATE);
        }
        let message = format!(
            "More than one image at the vendor carries this object's mark. {id} is used; look at {} and delete what is \
             not needed.",
            others.join(", ")
        );
        if !condition::is_true(&self.status.conditions, condition::DUPLICATE) {
            self.notices.push(Notice::warning("Duplicate", message.clone()));
        }
        self.set(condition::DUPLICATE, condition::Truth::True, "Duplicate", &message);
    }
}

/// What the desktop still lacks before an image can be made of it; `told` where the vendor says who is connected.
fn waits_for(source: &Source, power: CapturePower, told: bool) -> Option<String> {
    let name = &source.name;
    let up = matches!(source.state, Some(DesktopState::Running | DesktopState::Unregistered));
    let stopped = source.state == Some(DesktopState::Stopped);
    match power {
        CapturePower::Stop if stopped && source.held => None,
        CapturePower::AsIs if (stopped || up) && source.held => None,
        CapturePower::Stop if up && source.connected == Some(true) => Some(format!(
            "Somebody is connected to Desktop {name}; it is stopped, and imaged, once nobody is."
        )),
        CapturePower::Stop if up && told && source.connected.is_none() => Some(format!(
            "Whether somebody is connected to Desktop {name} is not known yet; it is stopped, and imaged, once nobody is."
        )),
        CapturePower::Stop if up => Some(format!("Waiting until Desktop {name} is stopped.")),
        CapturePower::Stop | CapturePower::AsIs => Some(format!(
            "Waiting until Desktop {name} can be imaged; what it does now is in its own conditions."
        )),
    }
}
