//! A desktop that exists: report it, and correct one thing at a time.

use super::{Action, Draft, vendor_name};
use std::time::Duration;

use crate::api::cluster::{PolicyRow, PolicyState};
use crate::api::condition;
use crate::api::desktop::{BillingMode, DesktopState, DesktopUser, ObservedUser, Power};
use crate::backend::{BackendError, ObservedDesktop, Operation, Task, TaskKind};
use crate::plan::managed::Turn;
use crate::plan::{Notice, Pace, explain, policy, whole_seconds};

/// One thing that is not as declared, and the call that changes it.
struct Correction {
    operation: Operation,
    /// Name in the spec.
    field: &'static str,
    /// It was as declared before.
    drifted: bool,
    words: String,
}

fn is_user(wanted: &DesktopUser, name: Option<&String>, uid: Option<&String>) -> bool {
    let same_uid = wanted.uid.is_none() || uid.is_none() || wanted.uid.as_ref() == uid;
    name == Some(&wanted.name) && same_uid
}

impl Draft<'_> {
    /// Writes what the vendor reports into the status.
    pub(super) fn report(&mut self, observed: &ObservedDesktop) {
        let status = &mut self.status;
        status.state = Some(observed.state);
        status.vendor_state = Some(condition::truncate(&observed.vendor_state, 256));
        status.stopped_mode = observed
            .stopped_mode
            .as_deref()
            .filter(|_| observed.state == DesktopState::Stopped)
            .map(|m| condition::truncate(m, 64));
        status.display_name = observed.name.as_deref().map(|n| condition::truncate(n, 256));
        status.user = observed.user_name.as_deref().map(|name| ObservedUser {
            name: condition::truncate(name, 256),
            uid: observed.user_uid.as_deref().map(|uid| condition::truncate(uid, 64)),
        });
        status.expires_at = observed.expires.map(whole_seconds);
        // What is not known yet, as after a restart, does not replace what was.
        match &self.inputs.session {
            None => {}
            Some(latest) if latest.last_logon_time.is_some() => status.session = Some(latest.clone()),
            Some(_) => {
                if let Some(before) = status.session.as_mut() {
                    before.connected = false;
                }
            }
        }
    }

    pub(super) fn steady(&mut self, observed: &ObservedDesktop) {
        self.report(observed);
        let others: Vec<String> = self
            .inputs
            .candidates
            .iter()
            .filter(|id| **id != observed.id)
            .cloned()
            .collect();
        self.duplicates(&observed.id, &others);
        if let Some(message) = self.changed_beyond_repair(observed) {
            return self.stalled("Unsupported", &message);
        }
        if let Some((field, why)) = self.unsupported() {
            return self.stalled("Unsupported", &format!("{field} {why}"));
        }
        match observed.state {
            DesktopState::Creating => self.working("Creating", "The vendor is making the desktop."),
            DesktopState::Starting => self.working("Starting", "The desktop is being started."),
            DesktopState::Stopping => self.working("Stopping", "The desktop is being stopped."),
            DesktopState::Restarting => self.working("Restarting", "The desktop is being restarted."),
            DesktopState::Imaging => self.working("Imaging", "An image is being made of the desktop."),
            DesktopState::Deleting => self.working("Deleting", "The vendor is deleting the desktop."),
            DesktopState::Suspended => {
                self.stalled(
                    "BillingProblem",
                    "The vendor holds the desktop back for unpaid bills: settle them there.",
                );
            }
            DesktopState::Missing | DesktopState::Lost => {
                let message = "The vendor lists the desktop but has lost the machine behind it. Nothing is done about \
                               it: ask the vendor, or delete this object.";
                self.stalled("Missing", message);
            }
            DesktopState::Failed => self.stalled("FailedAtVendor", "The vendor reports a fault of the desktop."),
            DesktopState::Unknown => {
                let message = format!(
                    "The vendor reports a state that is not known here: {:?}. Nothing is done because of it.",
                    condition::truncate(&observed.vendor_state, 128)
                );
                self.set(condition::READY, condition::Truth::Unknown, "UnknownState", &message);
                self.clear(condition::RECONCILING);
                self.clear(condition::STALLED);
            }
            DesktopState::Running | DesktopState::Unregistered | DesktopState::Stopped => self.correct(observed),
        }
    }

    /// What differs and cannot be changed on an existing desktop.
    fn changed_beyond_repair(&self, observed: &ObservedDesktop) -> Option<String> {
        let (spec, capabilities) = (self.inputs.spec, self.inputs.capabilities?);
        let wanted_image = spec.image.as_ref().map(|i| &i.id);
        let differs = |wanted: Option<&String>, seen: Option<&String>| match (wanted, seen) {
            (Some(wanted), Some(seen)) if wanted != seen => Some((wanted.clone(), seen.clone())),
            _ => None,
        };
        let (field, (wanted, seen)) = [
            (
                "spec.image.id",
                capabilities.change_image,
                differs(wanted_image, observed.image_id.as_ref()),
            ),
            (
                "spec.flavor",
                capabilities.change_flavor,
                differs(spec.flavor.as_ref(), observed.flavor.as_ref()),
            ),
        ]
        .into_iter()
        .find_map(|(field, can, difference)| difference.filter(|_| !can).map(|d| (field, d)))?;
        Some(format!(
            "{field} is {wanted}, the desktop has {seen}, and {} cannot change that on an existing desktop. Set it \
             back, or delete this object and create a new one.",
            capabilities.vendor
        ))
    }

    /// One correction at a time, in this order: name, user, power, restart, display policy.
    fn correct(&mut self, observed: &ObservedDesktop) {
        if let Some(correction) = self.next_correction(observed) {
            return self.submit(correction);
        }
        if self.restart(observed) || self.display_policy(observed) {
            return;
        }
        self.conclude(observed);
    }

    fn next_correction(&self, observed: &ObservedDesktop) -> Option<Correction> {
        let (id, before) = (observed.id.clone(), self.inputs.status);
        if let Some(name) = self.wanted_name().filter(|name| observed.name.as_ref() != Some(name)) {
            let words = format!("The name is being set to {name}.");
            let drifted = before.display_name.as_ref() == Some(&name);
            let operation = Operation::RenameDesktop { desktop_id: id, name };
            return Some(Correction {
                operation,
                field: "displayName",
                drifted,
                words,
            });
        }
        if let Some(user) = &self.inputs.spec.user
            && !is_user(user, observed.user_name.as_ref(), observed.user_uid.as_ref())
        {
            let words = format!("The desktop is being assigned to {}.", user.name);
            let drifted = before
                .user
                .as_ref()
                .is_some_and(|u| is_user(user, Some(&u.name), u.uid.as_ref()));
            let operation = Operation::AssignUser {
                desktop_id: id,
                name: user.name.clone(),
                uid: user.uid.clone(),
            };
            return Some(Correction {
                operation,
                field: "user",
                drifted,
                words,
            });
        }
        let up = |state| matches!(state, DesktopState::Running | DesktopState::Unregistered);
        let (operation, drifted, words) = match self.inputs.spec.power {
            Power::Running if observed.state == DesktopState::Stopped => {
                let operation = Operation::StartDesktop { desktop_id: id };
                (operation, before.state.is_some_and(up), "The desktop is being started.")
            }
            Power::Stopped if up(observed.state) => {
                let operation = Operation::StopDesktop { desktop_id: id };
                (
                    operation,
                    before.state == Some(DesktopState::Stopped),
                    "The desktop is being stopped.",
                )
            }
            _ => return None,
        };
        Some(Correction {
            operation,
            field: "power",
            drifted,
            words: words.to_owned(),
        })
    }

    /// The name the vendor should show; an adopted desktop keeps its own unless one is asked for.
    fn wanted_name(&self) -> Option<String> {
        let adopted = self.status.binding.as_ref().is_some_and(|b| b.adopted);
        if adopted {
            return self.inputs.spec.display_name.clone();
        }
        Some(vendor_name(self.inputs.name, self.inputs.uid, self.inputs.spec))
    }

    /// Sends a correction, unless its effect is still awaited or its failure backed off.
    fn submit(&mut self, correction: Correction) {
        let Correction {
            operation,
            field,
            drifted,
            words,
        } = correction;
        match self.turn(operation.name()) {
            Turn::Now => {}
            Turn::Sent(left) => {
                self.working(reason_of(&operation), &words);
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
            self.healing.push(field);
            let note = format!("{field} was changed behind our back and is set back. {words}");
            self.notices.push(Notice::warning("DriftDetected", note));
        }
        self.working(reason_of(&operation), &words);
        self.action = Action::Submit(operation);
    }

    /// A restart is sent at most once a request: what was asked for is recorded first.
    fn restart(&mut self, observed: &ObservedDesktop) -> bool {
        let Some(request) = self.inputs.restart.map(|r| condition::truncate(r, 256)) else {
            return false;
        };
        if self.status.restart.as_ref() == Some(&request) {
            return false;
        }
        if let Turn::Refused(wait) = self.turn("RestartDesktop") {
            self.again = wait;
            return true;
        }
        self.status.restart = Some(request);
        if observed.state == DesktopState::Stopped {
            let note = "The restart request was dropped: the desktop is stopped.";
            self.notices.push(Notice::normal("RestartDropped", note.into()));
            return false;
        }
        self.notices.push(Notice::normal(
            "Restarting",
            "The desktop is restarted on request.".into(),
        ));
        self.working("Restarting", "The desktop is being restarted on request.");
        self.action = Action::RecordThenSubmit(Operation::RestartDesktop {
            desktop_id: observed.id.clone(),
        });
        true
    }

    /// True while the display policy still needs something.
    fn display_policy(&mut self, observed: &ObservedDesktop) -> bool {
        let Some(wanted) = &self.inputs.spec.display_policy else {
            self.status.display_policy.clear();
            self.clear(condition::POLICY_ENFORCED);
            return false;
        };
        let values = policy::display_values(wanted);
        let supported: Vec<&str> = values.0.iter().map(|(field, _)| *field).collect();
        let rows = policy::rows(
            &values,
            self.inputs.display,
            &supported,
            &self.inputs.status.display_policy,
        );
        self.status.display_policy.clone_from(&rows);
        policy::set_condition(
            &mut self.status.conditions,
            &rows,
            self.inputs.generation,
            self.inputs.now,
        );
        if observed.state != DesktopState::Running {
            return false;
        }
        if let Some(task) = self.display_task(observed) {
            self.working("SettingDisplayPolicy", "The display policy is being set.");
            self.action = Action::Poll(task);
            self.again = self.inputs.limits.fast;
            return true;
        }
        if self.inputs.display.is_none() {
            if let Some((error, wait)) = self.inputs.display_failure {
                return self.display_unread(&rows, error, *wait);
            }
            if policy::needs_change(&rows) || rows.iter().any(|r| r.observed.is_none()) {
                self.working("ReadingDisplayPolicy", "The display policy is being read.");
            }
            self.action = Action::ReadDisplayPolicy;
            return policy::needs_change(&rows);
        }
        if policy::needs_change(&rows) {
            let operation = Operation::SetDisplayPolicy {
                desktop_id: observed.id.clone(),
                visual_lossless: wanted.visual_lossless,
                optimize_for3d: wanted.optimize_for3d,
            };
            let drifted = !policy::fields_in(&rows, PolicyState::Drifted).is_empty();
            let words = "The display policy is being set.".to_owned();
            self.submit(Correction {
                operation,
                field: "displayPolicy",
                drifted,
                words,
            });
            return true;
        }
        false
    }

    /// The display policy cannot be read: said when something depends on it.
    fn display_unread(&mut self, rows: &[PolicyRow], error: &BackendError, wait: Duration) -> bool {
        self.again = wait;
        let unread = rows.iter().any(|r| r.observed.is_none());
        if !unread && !policy::needs_change(rows) {
            return false;
        }
        let (reason, message) = (explain::reason(error.class), explain::message(error));
        if error.class.heals_by_itself() {
            self.working(reason, &message);
        } else {
            self.stalled(reason, &message);
        }
        true
    }

    /// The running task of a display policy, while it is worth polling.
    fn display_task(&self, observed: &ObservedDesktop) -> Option<Task> {
        let operation = self
            .status
            .operation
            .as_ref()
            .filter(|o| o.action == "SetDisplayPolicy")?;
        let task_id = operation.task_id.clone()?;
        let late = self.inputs.now > crate::plan::after(operation.start_time.0, self.inputs.limits.task_deadline);
        (!late).then_some(Task {
            kind: TaskKind::DisplayPolicy,
            object_id: observed.id.clone(),
            task_id,
            from: None,
            to: None,
        })
    }

    /// Nothing left to correct: say how it stands.
    fn conclude(&mut self, observed: &ObservedDesktop) {
        let mut words = match observed.state {
            DesktopState::Unregistered => {
                let message = "The desktop runs, but its agent has not registered yet: nobody can connect.";
                return self.working("NotRegistered", message);
            }
            DesktopState::Stopped => match observed.stopped_mode.as_deref() {
                Some("KeepCharging") => {
                    "The desktop is stopped, yet it is still charged: it was shut down from inside.".to_owned()
                }
                _ => "The desktop is stopped.".to_owned(),
            },
            _ => "The desktop runs and can be used.".to_owned(),
        };
        if self.inputs.spec.billing.mode == BillingMode::PayAsYouGo && observed.prepaid == Some(true) {
            words.push_str(" It is paid for in advance at the vendor, although spec.billing.mode says PayAsYouGo.");
        }
        let reason = if observed.state == DesktopState::Stopped {
            "Stopped"
        } else {
            "Running"
        };
        let first = !self
            .status
            .conditions
            .iter()
            .any(|c| c.type_ == condition::READY && c.status == "True");
        if first {
            self.notices.push(Notice::normal("Ready", words.clone()));
        }
        // The action to read the display policy, if any, does not make a desktop unready.
        self.ready(reason, &words);
        self.pace = Pace::Slow;
    }
}

/// The present participle a user reads while an operation has not yet had its effect.
fn reason_of(operation: &Operation) -> &'static str {
    match operation {
        Operation::RenameDesktop { .. } => "Renaming",
        Operation::AssignUser { .. } => "AssigningUser",
        Operation::StartDesktop { .. } => "Starting",
        Operation::StopDesktop { .. } => "Stopping",
        Operation::SetDisplayPolicy { .. } => "SettingDisplayPolicy",
        _ => "Working",
    }
}
