//! How many desktops a pool should have: which are made, and which go.

use std::collections::BTreeSet;

use super::users::People;
use super::wanted::differs;
use super::{Child, Draft, Step, Word, are, desktops_are};
use crate::api::SETTLE_ANNOTATION;
use crate::api::condition::{self, Truth};
use crate::api::pool::{PoolAutoscale, ScaleInAssigned};
use crate::backend::Capabilities;
use crate::plan::Notice;
use crate::plan::pool::removal::{Standing, victims};

/// How many desktops there should be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// In the end.
    pub(super) desired: usize,
    /// With this pass.
    target: usize,
    /// Now, without those that are being deleted.
    active: usize,
    /// Those.
    deleting: usize,
}

fn whole(number: i32) -> usize {
    usize::try_from(number).unwrap_or_default()
}

impl Draft<'_> {
    pub(super) fn size(&mut self, people: &People, capabilities: &Capabilities) -> Size {
        let active = self.active().count();
        let deleting = self.inputs.children.len().saturating_sub(active);
        let taken = self.active().filter(|c| people.has(c)).count();
        // Where each desktop is made for somebody, there are no more of them than people.
        let most = if capabilities.users.required {
            taken.saturating_add(people.waiting.len())
        } else {
            usize::MAX
        };
        let (desired, target) = if let Some(autoscale) = &self.inputs.spec.autoscale {
            let busy = taken.saturating_add(people.waiting.len());
            let desired = wanted(autoscale, busy).min(most);
            let fewest = whole(autoscale.min).min(most);
            (desired, self.stride(autoscale, desired, fewest, active, deleting))
        } else {
            let declared = whole(self.inputs.spec.replicas.unwrap_or_default());
            if declared > most {
                let message = format!(
                    "spec.replicas is {declared}, but {} makes desktops for people who are named only, and spec.users \
                     names {most}. Name more, or lower spec.replicas.",
                    capabilities.vendor
                );
                self.say(Word::StalledAtLast, "UsersMissing", message);
            }
            (declared.min(most), declared.min(most))
        };
        Size {
            desired,
            target,
            active,
            deleting,
        }
    }

    /// How far an autoscaled pool goes at a time. The next stride waits until this one is finished.
    fn stride(
        &self,
        autoscale: &PoolAutoscale,
        desired: usize,
        fewest: usize,
        active: usize,
        deleting: usize,
    ) -> usize {
        let step = whole(autoscale.step);
        if desired < active {
            let unfinished = deleting > 0;
            return if unfinished {
                active
            } else {
                desired.max(active.saturating_sub(step))
            };
        }
        let unfinished = self.active().any(Child::being_made);
        let reach = if unfinished {
            active
        } else {
            active.saturating_add(step)
        };
        // The least there should be is not need, and comes at once.
        desired.min(reach.max(fewest))
    }

    /// Removes what is too much; answers the names of those that go.
    pub(super) fn scale_in(&mut self, size: &Size, people: &People) -> BTreeSet<String> {
        let excess = size.active.saturating_sub(size.target);
        let revision = self.revision();
        let children: Vec<_> = self.active().collect();
        let candidates: Vec<_> = children
            .iter()
            .map(|child| {
                let mut candidate = child.candidate(revision.as_deref());
                if people.has(child) {
                    candidate.standing = Standing::Assigned;
                }
                candidate
            })
            .collect();
        let assigned = match &self.inputs.spec.autoscale {
            Some(_) => ScaleInAssigned::Keep,
            None => self.inputs.spec.scale_in.assigned,
        };
        let chosen = victims(&candidates, excess, assigned);
        let allowance = self.inputs.brake.allowance(self.inputs.now);
        let passed = allowance.cap(chosen.names.len());
        let going: Vec<&str> = chosen.names.iter().copied().take(passed).take(self.room()).collect();
        self.removed = going.len();
        for name in &going {
            self.steps.push(Step::Delete {
                name: (*name).to_owned(),
            });
        }
        if !going.is_empty() {
            let note = format!(
                "{} removed, because there are too many: {}.",
                desktops_are(going.len()),
                named(&going)
            );
            self.notices.push(Notice::normal("ScalingIn", note));
        }
        self.scale_in_blocked(&allowance, chosen.names.len() - passed, chosen.kept);
        if !going.is_empty() || size.deleting > 0 {
            let number = going.len() + size.deleting;
            self.say(
                Word::Working,
                "ScalingIn",
                format!("{} being deleted.", desktops_are(number)),
            );
        }
        going.into_iter().map(str::to_owned).collect()
    }

    fn scale_in_blocked(&mut self, allowance: &crate::plan::pool::brake::Allowance, braked: usize, kept: usize) {
        let brake = self.braked(allowance, braked).map(|message| ("Brake", message));
        let kept = (kept > 0).then(|| {
            let theirs = match self.inputs.spec.autoscale {
                Some(_) => "an autoscaled pool takes nothing from anybody",
                None => "what belongs to somebody goes only as spec.scaleIn.assigned allows",
            };
            let message = format!(
                "{} too many, and cannot be removed: {theirs}, and what is protected does not go.",
                desktops_are(kept)
            );
            ("DesktopsInUse", message)
        });
        let Some((reason, message)) = brake.or(kept) else {
            return condition::clear(&mut self.status.conditions, condition::SCALE_IN_BLOCKED);
        };
        let before = condition::find(&self.status.conditions, condition::SCALE_IN_BLOCKED);
        if before.is_none_or(|c| c.reason != reason) {
            self.notices.push(Notice::warning("ScaleInBlocked", message.clone()));
        }
        let stamp = self.stamp();
        let conditions = &mut self.status.conditions;
        stamp.set(conditions, condition::SCALE_IN_BLOCKED, Truth::True, reason, &message);
        self.say(Word::Working, "ScaleInBlocked", message);
    }

    /// Makes what is missing, the lowest free slot first. What is being deleted keeps its place until it is gone, so that
    /// there is never one too many at the vendor.
    pub(super) fn scale_out(&mut self, size: &Size, people: &People, capabilities: &Capabilities) {
        if size.active < size.desired {
            let mut message = format!("{} of {} there.", are(size.active), size.desired);
            if size.deleting > 0 {
                let keep = format!(
                    " {} still being deleted and their places taken.",
                    desktops_are(size.deleting)
                );
                message.push_str(&keep);
            }
            self.say(Word::Working, "ScalingOut", message);
        }
        let revision = self.revision();
        let mut missing = size.target.saturating_sub(size.active.saturating_add(size.deleting));
        let filled: BTreeSet<u32> = self.inputs.children.iter().map(|c| c.slot).collect();
        let mut waiting = people.waiting.clone();
        let mut made = 0usize;
        for slot in 0u32.. {
            if missing == 0 || self.room() == 0 {
                break;
            }
            if filled.contains(&slot) {
                continue;
            }
            missing -= 1;
            if let Some(going) = self.inputs.taken.get(&slot) {
                self.name_taken(slot, *going);
                continue;
            }
            let user = waiting.pop_front();
            let (Some(wanted), Some(revision)) = (self.wanted(user, capabilities), &revision) else {
                break;
            };
            let wanted = Box::new(wanted.of_revision(revision, self.inputs.now));
            self.steps.push(Step::Create { slot, wanted });
            made += 1;
        }
        if made > 0 {
            let note = format!("{} made.", desktops_are(made));
            self.notices.push(Notice::normal("ScalingOut", note));
        }
        self.without_desktop(people, waiting.len());
    }

    fn name_taken(&mut self, slot: u32, going: bool) {
        let name = format!("{}-{slot}", self.inputs.name);
        if going {
            let message = format!("Waits for Desktop {name}, which is not the pool's, to be gone.");
            return self.say(Word::Working, "ScalingOut", message);
        }
        let message = format!(
            "Desktop {name} is not the pool's, and has the name of one of its places. It is left alone: delete it, or \
             give the pool another name."
        );
        self.say(Word::Stalled, "NameTaken", message);
    }

    fn without_desktop(&mut self, people: &People, waiting: usize) {
        if waiting > 0 {
            let field = match self.inputs.spec.autoscale {
                Some(_) => "spec.autoscale.max",
                None => "spec.replicas",
            };
            let remark = format!("{waiting} of spec.users have no desktop: raise {field} to give them one.");
            self.remarks.push(remark);
        }
        if people.former > 0 {
            let remark = format!(
                "{} kept by people who are not in spec.users any more, because the vendor cannot take it from them: \
                 delete the Desktops to have others.",
                desktops_are(people.former)
            );
            self.remarks.push(remark);
        }
    }

    /// Corrects what does not wait for a roll-out: users, what happens at deletion, and whatever was changed in a Desktop
    /// of the present revision by somebody else.
    pub(super) fn correct(
        &mut self,
        people: &People,
        going: &BTreeSet<String>,
        changed: &BTreeSet<String>,
        capabilities: &Capabilities,
    ) {
        let revision = self.revision();
        for child in self.active() {
            let name = child.name();
            if going.contains(name) || changed.contains(name) || self.room() == 0 {
                continue;
            }
            let user = people.of(child).cloned();
            let current = revision.is_some() && child.revision() == revision.as_deref();
            let mut wanted = match self.wanted(user.clone(), capabilities) {
                Some(wanted) if current => wanted,
                _ => self.kept(child, user),
            };
            let harmless = !people.has(child) || (capabilities.observe_image && child.not_rebuilt());
            if harmless && let Some(attempt) = child.rebuild_in_doubt() {
                // There is nobody's work on it that a second time could wipe.
                let (key, repeat) = (SETTLE_ANNOTATION, format!("rebuild-{attempt}-repeat"));
                wanted.metadata.annotations.insert(key.into(), repeat);
            }
            if differs(child, &wanted) {
                let (name, wanted) = (name.to_owned(), Box::new(wanted));
                self.steps.push(Step::Change { name, wanted });
            }
        }
    }
}

/// How many desktops an autoscaled pool needs for so many people.
fn wanted(autoscale: &PoolAutoscale, people: usize) -> usize {
    let (min, max) = (whole(autoscale.min), whole(autoscale.max));
    people.saturating_add(whole(autoscale.min_idle)).max(min).min(max)
}

/// Some of them by name.
pub(super) fn named(names: &[&str]) -> String {
    const NAMED: usize = 5;
    let shown = names.get(..NAMED).unwrap_or(names).join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
