//! A desktop that an image is made from: stopped when nobody is connected, left alone meanwhile, and put back as it was.

use super::steady::{Correction, Next};
use super::{Action, Draft, Observation};
use crate::api::desktop::{DesktopState, Held, Power};
use crate::api::image::CapturePower;
use crate::backend::{ObservedDesktop, Operation};
use crate::plan::managed::{Managed, Turn};
use crate::plan::{Notice, Pace};

/// A DesktopImage that is to be made, or is being made, from the desktop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its name.
    pub image: String,
    /// How the desktop is treated.
    pub power: CapturePower,
}

fn is_up(state: DesktopState) -> bool {
    matches!(state, DesktopState::Running | DesktopState::Unregistered)
}

impl Draft<'_> {
    /// True while the desktop is held for an image, and the draft says so. Whoever is connected keeps working: the
    /// desktop is as any other until they have left.
    pub(super) fn held(&mut self, observed: &ObservedDesktop) -> bool {
        let Some(hold) = &self.inputs.hold else {
            return false;
        };
        let busy = self.status.rebuild.is_some()
            || self
                .status
                .operation
                .as_ref()
                .is_some_and(|o| o.task_id.is_some() && o.action != "StopDesktop");
        if busy || !(is_up(observed.state) || observed.state == DesktopState::Stopped) {
            return false;
        }
        let stops = hold.power == CapturePower::Stop && is_up(observed.state);
        if stops && self.connected(observed) {
            // Also when it was to be stopped already and somebody was quicker. It runs, and is to run again.
            if let Some(held) = self.status.held.as_mut() {
                held.running = true;
            }
            return false;
        }
        let running = self
            .status
            .held
            .as_ref()
            .map_or_else(|| is_up(observed.state), |h| h.running);
        self.status.held = Some(Held {
            image: hold.image.clone(),
            running,
        });
        let image = &hold.image;
        if !stops {
            self.status.parts().settle();
            let words = format!("The desktop is left as it is until DesktopImage {image} is made from it.");
            self.working("HeldForImage", &words);
            self.again = self.inputs.limits.fast;
            return true;
        }
        let words = format!("The desktop is being stopped, so that DesktopImage {image} can be made from it.");
        let operation = Operation::StopDesktop {
            desktop_id: observed.id.clone(),
        };
        match self.turn(operation.name()) {
            Turn::Now => {
                self.working("HeldForImage", &words);
                self.action = Action::Submit(operation);
            }
            Turn::Sent(left) => {
                self.working("HeldForImage", &words);
                self.again = left.min(self.inputs.limits.fast);
            }
            Turn::Refused(wait) => self.again = wait,
        }
        true
    }

    /// Whether somebody is connected, or could be for all that is known.
    fn connected(&self, observed: &ObservedDesktop) -> bool {
        let told = self.inputs.capabilities.is_some_and(|c| c.sessions);
        observed.in_use || self.inputs.session.as_ref().map_or(told, |session| session.connected)
    }

    /// What was stopped for an image runs again, also where the manifest leaves power alone.
    pub(super) fn put_back(&mut self, observed: &ObservedDesktop) -> Next {
        let Some(held) = self.status.held.clone().filter(|_| self.inputs.hold.is_none()) else {
            return Next::Nothing;
        };
        let unmanaged = self.inputs.spec.power == Power::Unmanaged;
        if !unmanaged || !held.running || is_up(observed.state) || self.scheduled_off() {
            self.status.held = None;
            return Next::Nothing;
        }
        Next::Correct(Correction {
            operation: Operation::StartDesktop {
                desktop_id: observed.id.clone(),
            },
            field: "power",
            drifted: false,
            words: "The desktop is being started again: it ran before an image was made from it.".to_owned(),
        })
    }

    /// True while a desktop that stays at the vendor has to be put back as it was: nobody would do it later.
    pub(super) fn retained_held(&mut self) -> bool {
        let Some(held) = self.status.held.clone() else {
            return false;
        };
        let Observation::Present(observed) = self.inputs.observed else {
            if held.running {
                let note = format!(
                    "The desktop may be stopped: it was kept so for DesktopImage {}, and cannot be observed now.",
                    held.image
                );
                self.notices.push(Notice::warning("LeftStopped", note));
            }
            return false;
        };
        self.report(observed);
        match observed.state {
            DesktopState::Imaging => {
                self.blocked("Imaging", super::deletion::IMAGING);
                true
            }
            _ if self.inputs.hold.is_some() => self.deletion_held(observed),
            DesktopState::Stopped if held.running => self.started_again(observed, &held.image),
            _ => false,
        }
    }

    /// True while a desktop that is let go is started first, unless it is to be off anyway.
    fn started_again(&mut self, observed: &ObservedDesktop, image: &str) -> bool {
        self.schedule();
        self.status.next_power_transition = None;
        if self.inputs.spec.power == Power::Stopped || self.scheduled_off() {
            return false;
        }
        let operation = Operation::StartDesktop {
            desktop_id: observed.id.clone(),
        };
        let message = format!(
            "The desktop, which stays at the vendor, is started first: it ran before DesktopImage {image} was made from \
             it. To let go of it as it is, annotate this object with {}={}.",
            crate::api::ABANDON_ANNOTATION,
            observed.id
        );
        self.blocked("HeldForImage", &message);
        self.again = self.inputs.limits.fast;
        self.pace = Pace::Fast;
        match self.turn(operation.name()) {
            Turn::Now => self.action = Action::Submit(operation),
            Turn::Sent(_) => {}
            Turn::Refused(wait) => self.again = wait,
        }
        true
    }

    /// True while the deletion of a desktop waits for the image that is made from it.
    pub(super) fn deletion_held(&mut self, observed: &ObservedDesktop) -> bool {
        let Some(hold) = self.inputs.hold.clone() else {
            return false;
        };
        // It is stopped all the same: else the image would never be made, and the deletion wait for ever.
        let said = self.status.conditions.clone();
        self.held(observed);
        self.status.conditions = said;
        let message = format!(
            "Deletion waits until DesktopImage {} is made from this desktop. To give the image up, delete that first.",
            hold.image
        );
        self.blocked("HeldForImage", &message);
        self.again = self.again.min(self.inputs.limits.fast);
        true
    }
}
