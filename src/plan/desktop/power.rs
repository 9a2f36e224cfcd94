//! Whether a desktop should run now: as its manifest says, or its schedule.

use super::Draft;
use super::schedule::Schedule;
use super::steady::{Correction, Next};
use crate::api::desktop::{DesktopState, Power, PowerTransition, ScheduledPower, WhenConnected};
use crate::backend::{ObservedDesktop, Operation};

/// What a desktop should be now.
struct Wanted {
    power: ScheduledPower,
    /// The schedule wants it.
    scheduled: bool,
    /// It should have been so all the time, so that something else is drift.
    always: bool,
}

impl Draft<'_> {
    /// Reads the schedule and says when it acts next.
    pub(super) fn schedule(&mut self) {
        self.status.next_power_transition = None;
        let spec = self.inputs.spec;
        if spec.power != Power::Unmanaged || spec.power_schedule.is_none() {
            self.status.last_power_transition = None;
        }
        let followed = self.inputs.capabilities.is_none_or(|c| c.power);
        let Some(schedule) = spec.power_schedule.as_ref().filter(|_| followed) else {
            return;
        };
        match Schedule::read(schedule, self.inputs.now) {
            Ok(schedule) => {
                if spec.power != Power::Stopped {
                    let next = schedule.next(self.inputs.now, spec.power == Power::Running);
                    self.status.next_power_transition = next;
                }
                self.schedule = Some(schedule);
            }
            Err(complaint) => self.unreadable = Some(complaint),
        }
    }

    pub(super) fn power(&mut self, observed: &ObservedDesktop) -> Next {
        if self.inputs.capabilities.is_some_and(|c| !c.power) {
            return Next::Nothing;
        }
        if let Some(complaint) = self.unreadable.clone() {
            return Next::Stalled("InvalidSpec", complaint);
        }
        let due = self.due(observed);
        let Some(wanted) = self.wanted_power(due) else {
            return Next::Nothing;
        };
        if power_of(observed.state) == Some(wanted.power) {
            return Next::Nothing;
        }
        let desktop_id = observed.id.clone();
        let before = self.inputs.status.state.and_then(power_of);
        let (operation, mut words) = match wanted.power {
            ScheduledPower::Running => (
                Operation::StartDesktop { desktop_id },
                "The desktop is being started.".to_owned(),
            ),
            ScheduledPower::Stopped => {
                if wanted.scheduled
                    && let Some((reason, message)) = self.somebody_connected()
                {
                    return Next::Kept(reason, message);
                }
                (
                    Operation::StopDesktop { desktop_id },
                    "The desktop is being stopped.".to_owned(),
                )
            }
        };
        if wanted.scheduled {
            words.push_str(" Its schedule says so (spec.powerSchedule).");
        }
        Next::Correct(Correction {
            operation,
            field: "power",
            drifted: wanted.always && before == Some(wanted.power),
            words,
        })
    }

    fn wanted_power(&self, due: Option<PowerTransition>) -> Option<Wanted> {
        let of = |power, scheduled, always| Wanted {
            power,
            scheduled,
            always,
        };
        match (self.inputs.spec.power, &self.schedule) {
            (Power::Stopped, _) => Some(of(ScheduledPower::Stopped, false, true)),
            (Power::Running, None) => Some(of(ScheduledPower::Running, false, true)),
            (Power::Running, Some(schedule)) => Some(of(schedule.last(self.inputs.now)?.power, true, true)),
            (Power::Unmanaged, _) => Some(of(due?.power, true, false)),
        }
    }

    /// The schedule wants the desktop off now: always, or by a moment that is still to be carried out.
    pub(super) fn scheduled_off(&self) -> bool {
        let Some(last) = self.schedule.as_ref().and_then(|s| s.last(self.inputs.now)) else {
            return false;
        };
        let before = self.status.last_power_transition.as_ref();
        let counts = self.inputs.spec.power == Power::Running || before.is_some_and(|before| before.time < last.time);
        counts && last.power == ScheduledPower::Stopped
    }

    /// The moment of the schedule that is still to be carried out on a desktop whose power is its user's: each one once.
    fn due(&mut self, observed: &ObservedDesktop) -> Option<PowerTransition> {
        if self.inputs.spec.power != Power::Unmanaged {
            return None;
        }
        let last = self.schedule.as_ref()?.last(self.inputs.now)?;
        let dealt_with = match &self.status.last_power_transition {
            // What passed before the schedule was there is not made up for.
            None => true,
            Some(before) => before.time >= last.time || power_of(observed.state) == Some(last.power),
        };
        if !dealt_with {
            return Some(last);
        }
        if self
            .status
            .last_power_transition
            .as_ref()
            .is_none_or(|before| before.time < last.time)
        {
            self.status.last_power_transition = Some(last);
        }
        None
    }

    /// Why a scheduled stop must wait: nobody is thrown out, and unknown is not nobody.
    fn somebody_connected(&self) -> Option<(&'static str, String)> {
        let waits = self.inputs.spec.power_schedule.as_ref()?.when_connected == WhenConnected::Wait;
        if !waits || !self.inputs.capabilities.is_some_and(|c| c.sessions) {
            return None;
        }
        let Some(session) = &self.inputs.session else {
            return Some((
                "WaitingForSessions",
                "The scheduled stop waits until the vendor has told who is connected; \
                 spec.powerSchedule.whenConnected: Stop does not wait."
                    .to_owned(),
            ));
        };
        session.connected.then(|| {
            (
                "WaitingForLogoff",
                "The scheduled stop waits until its user has logged off; spec.powerSchedule.whenConnected: Stop does \
                 not wait."
                    .to_owned(),
            )
        })
    }
}

/// Whether a desktop is on or off, when it is one of them.
fn power_of(state: DesktopState) -> Option<ScheduledPower> {
    match state {
        DesktopState::Running | DesktopState::Unregistered => Some(ScheduledPower::Running),
        DesktopState::Stopped => Some(ScheduledPower::Stopped),
        _ => None,
    }
}
