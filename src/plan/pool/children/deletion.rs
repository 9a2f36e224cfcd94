//! A pool that is being deleted: its desktops first, the least missed first, and never faster than the brake allows.

use super::size::named;
use super::wanted::differs;
use super::{Draft, REFUSED, Step, desktops, desktops_are};
use crate::api::common::DeletionPolicy;
use crate::api::condition;
use crate::plan::Notice;
use crate::plan::pool::brake::Allowance;
use crate::plan::pool::removal::order;

impl Draft<'_> {
    pub(super) fn delete(&mut self) {
        if self.inputs.children.is_empty() {
            self.release = true;
            return;
        }
        if self.inputs.orphaning {
            // What is taken from the pool is not its to delete.
            return self.waits("Waits until Kubernetes has taken its Desktops from it (--cascade=orphan): they stay.");
        }
        let retain = self.inputs.spec.deletion_policy == Some(DeletionPolicy::Retain);
        let active: Vec<_> = self.active().collect();
        // First of all each desktop learns what its own deletion means.
        let mut ready = Vec::new();
        for child in active {
            let wanted = self.kept(child, child.desktop.spec.user.clone());
            if child.desktop.spec.deletion_policy == wanted.spec.deletion_policy || !differs(child, &wanted) {
                ready.push(child);
            } else if self.room() > 0 {
                let (name, wanted) = (child.name().to_owned(), Box::new(wanted));
                self.steps.push(Step::Change { name, wanted });
            }
        }
        let revision = self.status.revision.clone();
        let candidates: Vec<_> = ready.iter().map(|c| c.candidate(revision.as_deref())).collect();
        let names: Vec<&str> = order(&candidates)
            .iter()
            .filter(|c| !c.protected)
            .map(|c| c.name)
            .collect();
        let protected: Vec<&str> = ready.iter().filter(|c| c.protected()).map(|c| c.name()).collect();
        // What stays at the vendor is not removed.
        let allowance = if retain {
            Allowance::Unlimited
        } else {
            self.inputs.brake.allowance(self.inputs.now)
        };
        let passed = allowance.cap(names.len());
        let going: Vec<&str> = names.iter().copied().take(passed).take(self.room()).collect();
        self.removed = if retain { 0 } else { going.len() };
        self.status.removals = self
            .inputs
            .brake
            .recorded(&self.inputs.status.removals, self.removed, self.inputs.now);
        for name in &going {
            self.steps.push(Step::Delete {
                name: (*name).to_owned(),
            });
        }
        if !going.is_empty() {
            let left = if retain {
                " Those of the vendor are left (Retain)."
            } else {
                ""
            };
            let note = format!(
                "{} deleted with the pool: {}.{left}",
                desktops_are(going.len()),
                named(&going)
            );
            self.notices.push(Notice::normal("Deleting", note));
        }
        let braked = self.braked(&allowance, names.len() - passed).map(|m| ("Brake", m));
        let refused = self.refusal().map(|message| (REFUSED, message));
        let blocked = refused
            .or(braked)
            .or_else(|| held_by_a_human(&protected))
            .or_else(|| self.desktop_blocked());
        self.status.desired_replicas = 0;
        if let Some((reason, message)) = blocked {
            self.blocked(reason, &message);
        } else {
            let left = desktops(self.inputs.children.len());
            self.waits(&format!("Waits for {left} to be deleted first."));
        }
    }

    /// The first of the desktops whose own deletion does not go on.
    fn desktop_blocked(&self) -> Option<(&'static str, String)> {
        let stuck: Vec<_> = self
            .inputs
            .children
            .iter()
            .filter_map(|c| Some((c.name(), c.deletion_blocked()?)))
            .collect();
        let (name, words) = stuck.first()?;
        let message = format!(
            "{} left, of which {} cannot be deleted yet. {name}: {words}",
            desktops_are(self.inputs.children.len()),
            desktops(stuck.len())
        );
        Some(("DesktopsBlocked", message))
    }

    fn waits(&mut self, message: &str) {
        let stamp = self.stamp();
        condition::clear(&mut self.status.conditions, condition::DELETION_BLOCKED);
        stamp.working(&mut self.status.conditions, "Deleting", message);
    }

    fn blocked(&mut self, reason: &'static str, message: &str) {
        let stamp = self.stamp();
        if stamp.deletion_blocked(&mut self.status.conditions, reason, message) {
            self.notices.push(Notice::warning(reason, message.to_owned()));
        }
    }
}

fn held_by_a_human(names: &[&str]) -> Option<(&'static str, String)> {
    let message = format!(
        "{} protected by annotation {}: {}. Remove it there, to let the pool go.",
        desktops_are(names.len()),
        crate::api::PROTECT_ANNOTATION,
        named(names)
    );
    (!names.is_empty()).then_some(("Protected", message))
}
