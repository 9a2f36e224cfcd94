//! A desktop that exists: report it, and correct one thing at a time.

use super::{Action, ClusterView, Draft, vendor_name};
use std::time::Duration;

use crate::api::cluster::{PolicyRow, PolicyState};
use crate::api::condition;
use crate::api::desktop::{BillingMode, DesktopState, ObservedUser, SessionStatus};
use crate::backend::capabilities::{Naming, Rename};
use crate::backend::{BackendError, ObservedDesktop, Operation, TaskKind, naming};
use crate::plan::managed::{Managed, Turn};
use crate::plan::{Notice, Pace, explain, policy, whole_seconds};

/// One thing that is not as declared, and the call that changes it.
pub(super) struct Correction {
    pub(super) operation: Operation,
    /// Name in the spec.
    pub(super) field: &'static str,
    /// It was as declared before.
    pub(super) drifted: bool,
    pub(super) words: String,
}

/// What has to be done about one part of a desktop.
pub(super) enum Next {
    /// It is as declared.
    Nothing,
    /// This call, before anything else.
    Correct(Correction),
    /// Its time comes by itself; the rest of the desktop goes on.
    Later(&'static str, String),
    /// It is left as it is for now, which is as it should be; this is said of a desktop that is ready.
    Kept(&'static str, String),
    /// It cannot be had without a human; the rest of the desktop goes on.
    Stalled(&'static str, String),
    /// Something is under way, and nothing else may be done meanwhile.
    Waiting(&'static str, String),
    /// What became of something is not known, and nothing else may be done before a human has looked.
    Held(&'static str, String),
    /// The draft says it all.
    Done,
}

/// What is said at the end, when nothing is left to send.
#[derive(Default)]
struct Leftover {
    stalled: Option<(&'static str, String)>,
    later: Option<(&'static str, String)>,
    kept: Option<(&'static str, String)>,
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
            email: observed
                .user_email
                .as_deref()
                .map(|email| condition::truncate(email, 128)),
        });
        let short = |text: &Option<String>| text.as_deref().map(|t| condition::truncate(t, 64));
        status.private_address = short(&observed.private_address);
        status.public_address = short(&observed.public_address);
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
        // Its state tells of a session before the sessions do, and where nothing else does.
        let told = self.inputs.capabilities.is_none_or(|c| c.sessions);
        match status.session.as_mut() {
            Some(session) if observed.in_use || !told => session.connected = observed.in_use,
            None if observed.in_use => {
                status.session = Some(SessionStatus {
                    connected: true,
                    client_name: None,
                    last_logon_time: None,
                    last_logoff_time: None,
                });
            }
            _ => {}
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
        self.expiry(observed);
        if let Some((field, why)) = self.unsupported() {
            return self.stalled("Unsupported", &format!("{field} {why}"));
        }
        // Only what could be put back as it was is stopped for an image.
        if self.held(observed) {
            return;
        }
        match observed.state {
            DesktopState::Creating if self.creation_task() => {}
            DesktopState::Creating => self.working("Creating", "The vendor is making the desktop."),
            DesktopState::Starting => self.working("Starting", "The desktop is being started."),
            DesktopState::Stopping => self.working("Stopping", "The desktop is being stopped."),
            // A vendor has no word of its own for it.
            DesktopState::Restarting if self.inputs.hold.is_some() => {
                self.working("Imaging", "An image is being made of the desktop.");
            }
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

    /// One correction at a time, in this order: image, flavor, disk, name, label, user, payment, power, restart, display
    /// policy.
    fn correct(&mut self, observed: &ObservedDesktop) {
        if self.task(observed) {
            return;
        }
        let parts = [
            Self::image,
            Self::flavor,
            Self::disk,
            Self::name,
            Self::label,
            Self::user,
            Self::billing,
            Self::put_back,
            Self::power,
        ];
        let mut leftover = Leftover::default();
        for part in parts {
            match part(self, observed) {
                Next::Nothing => {}
                Next::Correct(correction) => return self.submit(correction),
                Next::Later(reason, message) => leftover.later = leftover.later.or(Some((reason, message))),
                Next::Kept(reason, message) => leftover.kept = leftover.kept.or(Some((reason, message))),
                Next::Stalled(reason, message) => leftover.stalled = leftover.stalled.or(Some((reason, message))),
                Next::Waiting(reason, message) => return self.working(reason, &message),
                Next::Held(reason, message) => return self.stalled(reason, &message),
                Next::Done => return,
            }
        }
        if self.restart(observed) || self.display_policy(observed) {
            return;
        }
        match leftover {
            Leftover {
                stalled: Some((reason, message)),
                ..
            } => self.stalled(reason, &message),
            Leftover {
                later: Some((reason, message)),
                ..
            } => self.working(reason, &message),
            Leftover { kept, .. } => self.conclude(observed, kept),
        }
    }

    /// True while a task of the vendor is worth polling.
    fn task(&mut self, observed: &ObservedDesktop) -> bool {
        let Some(action) = self.status.operation.as_ref().map(|o| o.action.clone()) else {
            return false;
        };
        let kind = if action == "SetDisplayPolicy" {
            TaskKind::DisplayPolicy
        } else {
            TaskKind::Job
        };
        let (limits, now) = (self.inputs.limits, self.inputs.now);
        let Some(task) = self.status.parts().task(kind, &observed.id, limits, now) else {
            return false;
        };
        if kind == TaskKind::DisplayPolicy {
            self.display_rows();
            self.working("SettingDisplayPolicy", "The display policy is being set.");
        } else {
            self.working("Working", &format!("{action} is under way at the vendor."));
        }
        self.action = Action::Poll(task);
        self.again = limits.fast;
        true
    }

    /// No vendor here changes the flavor of an existing desktop.
    fn flavor(&mut self, observed: &ObservedDesktop) -> Next {
        let vendor = self.inputs.capabilities.map_or("the vendor", |c| c.vendor);
        match (&self.inputs.spec.flavor, &observed.flavor) {
            (Some(wanted), Some(seen)) if wanted != seen => Next::Stalled(
                "Unsupported",
                format!(
                    "spec.flavor is {wanted}, the desktop has {seen}, and {vendor} cannot change that on an existing \
                     desktop. Set it back, or delete this object and create a new one."
                ),
            ),
            _ => Next::Nothing,
        }
    }

    /// No vendor here changes the system disk of an existing desktop.
    fn disk(&mut self, _observed: &ObservedDesktop) -> Next {
        let vendor = self.inputs.capabilities.map_or("the vendor", |c| c.vendor);
        match (&self.inputs.spec.system_disk, &self.status.system_disk) {
            (Some(wanted), Some(made)) if wanted != made => Next::Stalled(
                "Unsupported",
                format!(
                    "spec.systemDisk is {} {} GiB, the desktop was made with {} {} GiB, and {vendor} cannot change that \
                     on an existing desktop. Set it back, or delete this object and create a new one.",
                    wanted.category, wanted.size_gib, made.category, made.size_gib
                ),
            ),
            _ => Next::Nothing,
        }
    }

    fn name(&mut self, observed: &ObservedDesktop) -> Next {
        let Some(name) = self.wanted_name().filter(|name| observed.name.as_ref() != Some(name)) else {
            return Next::Nothing;
        };
        Next::Correct(Correction {
            words: format!("The name is being set to {name}."),
            drifted: self.inputs.status.display_name.as_ref() == Some(&name),
            operation: Operation::RenameDesktop {
                desktop_id: observed.id.clone(),
                name,
            },
            field: "displayName",
        })
    }

    /// The label shows in the vendor's console whose a desktop is, whatever its name becomes.
    fn label(&mut self, observed: &ObservedDesktop) -> Next {
        let adopted = self.status.binding.as_ref().is_some_and(|b| b.adopted);
        let labels = self.inputs.capabilities.is_some_and(|c| c.label);
        let label = naming::marker(self.inputs.uid);
        if adopted || !labels || observed.label.as_ref() == Some(&label) {
            return Next::Nothing;
        }
        Next::Correct(Correction {
            operation: Operation::LabelDesktop {
                desktop_id: observed.id.clone(),
                label,
            },
            field: "label",
            drifted: false,
            words: "The desktop is being labelled.".to_owned(),
        })
    }

    /// The name the vendor should show; an adopted desktop keeps its own unless one is asked for.
    fn wanted_name(&self) -> Option<String> {
        let adopted = self.status.binding.as_ref().is_some_and(|b| b.adopted);
        let (spec, capabilities) = (self.inputs.spec, self.inputs.capabilities?);
        match capabilities.rename {
            Rename::No => None,
            Rename::Free if !adopted => Some(vendor_name(self.inputs.name, self.inputs.uid, spec, Naming::Marked)),
            // What carries our mark in its tags needs none in its name.
            Rename::Free | Rename::Restarts => spec.display_name.clone(),
        }
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
        let wanted = wanted.clone();
        let rows = self.display_rows();
        if observed.state != DesktopState::Running {
            return false;
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

    /// One row a field of the display policy, from what was read, or from what is known when nothing was.
    fn display_rows(&mut self) -> Vec<PolicyRow> {
        let Some(wanted) = &self.inputs.spec.display_policy else {
            return Vec::new();
        };
        let values = policy::display_values(wanted);
        let supported: Vec<&str> = values.0.iter().map(|(field, _)| *field).collect();
        let before = &self.inputs.status.display_policy;
        let rows = policy::rows(&values, self.inputs.display, &supported, before);
        self.status.display_policy.clone_from(&rows);
        let (generation, now) = (self.inputs.generation, self.inputs.now);
        policy::set_condition(&mut self.status.conditions, &rows, generation, now);
        rows
    }

    /// Nothing left to correct: say how it stands.
    fn conclude(&mut self, observed: &ObservedDesktop, kept: Option<(&'static str, String)>) {
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
        let mut reason = if observed.state == DesktopState::Stopped {
            "Stopped"
        } else {
            "Running"
        };
        if let Some((why, message)) = kept {
            reason = why;
            words = format!("{words} {message}");
        }
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
        self.price();
    }

    /// Asks once a generation what such a desktop costs.
    fn price(&mut self) {
        let known = self
            .status
            .price
            .as_ref()
            .is_some_and(|p| p.generation == self.inputs.generation);
        let told = self.inputs.capabilities.is_some_and(|c| c.payment.price);
        if known || !told || !self.inputs.price_due || !matches!(self.action, Action::None) {
            return;
        }
        if let ClusterView::Usable { place, .. } = &self.inputs.cluster
            && let Some(request) = self.image_id().and_then(|id| self.request(1, place, id))
        {
            self.action = Action::Estimate(Box::new(request));
        }
    }
}

/// The present participle a user reads while an operation has not yet had its effect.
fn reason_of(operation: &Operation) -> &'static str {
    match operation {
        Operation::RenameDesktop { .. } => "Renaming",
        Operation::AssignUser { .. } | Operation::UnassignUser { .. } => "AssigningUser",
        Operation::LabelDesktop { .. } => "Labelling",
        Operation::StartDesktop { .. } => "Starting",
        Operation::StopDesktop { .. } => "Stopping",
        Operation::SetDisplayPolicy { .. } => "SettingDisplayPolicy",
        _ => "Working",
    }
}
