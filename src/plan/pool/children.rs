//! What to do about a pool that is made of Desktops.
//!
//! A pass makes, changes and removes some of them, each step by itself harmless to repeat: a Desktop is made under the
//! name of its slot, and changed or removed only as it was seen. The vendor is never called from here.

#[cfg(test)]
mod bench;
mod child;
mod deletion;
#[cfg(test)]
mod mishaps;
mod rollout;
mod size;
#[cfg(test)]
mod states;
#[cfg(test)]
mod tests;
mod users;
mod wanted;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::brake::{self, Allowance};
use super::{count, desktops, desktops_are, revision, selector};
use crate::api::condition::{self, Stamp, Truth};
use crate::api::desktop::DesktopSpec;
use crate::api::pool::{AutoscaleType, DesktopPoolSpec, DesktopPoolStatus, PoolType, TemplateMetadata};
use crate::backend::Capabilities;
use crate::plan::image::Obstacle;
use crate::plan::{Limits, Notice, readable, until};

pub use child::{Child, slot_of};

/// Reason of what the API server refuses.
const REFUSED: &str = "DesktopRefused";

/// Most steps of one pass: the next one follows at once.
pub const WAVE: usize = 50;

/// Where the desktops of a pool live, as far as a pool cares.
#[derive(Clone, Copy, Debug)]
pub enum Home<'a> {
    /// The cluster or its account does not exist.
    Unknown {
        /// Condition reason.
        reason: &'static str,
        /// Plain words.
        message: &'a str,
    },
    /// At a vendor that can do this.
    Known(&'a Capabilities),
}

/// Everything a decision depends on.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// Name of the pool.
    pub name: &'a str,
    /// Its generation.
    pub generation: i64,
    /// Deletion was asked for.
    pub deleting: bool,
    /// Kubernetes is taking its Desktops from it, as was asked for with the deletion (`--cascade=orphan`).
    pub orphaning: bool,
    /// It is paused by annotation.
    pub paused: bool,
    /// Spec.
    pub spec: &'a DesktopPoolSpec,
    /// Status as last written.
    pub status: &'a DesktopPoolStatus,
    /// Its Desktops, in the order of their slots.
    pub children: &'a [Child<'a>],
    /// Slots whose names Desktops have that are not the pool's, and whether those are being deleted.
    pub taken: &'a BTreeMap<u32, bool>,
    /// Where the desktops live.
    pub home: Home<'a>,
    /// What they are made from.
    pub image: &'a Result<String, Obstacle>,
    /// The brake of the namespace.
    pub brake: &'a brake::Facts,
    /// Why the API server refused a step of the pass before, in its words.
    pub refused: Option<&'a str>,
    /// Limits.
    pub limits: &'a Limits,
    /// Now.
    pub now: Timestamp,
}

/// A Desktop as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Its whole spec.
    pub spec: DesktopSpec,
    /// Labels and annotations that it should have, among others.
    pub metadata: TemplateMetadata,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Makes the Desktop of a slot.
    Create {
        /// The slot.
        slot: u32,
        /// What it should be.
        wanted: Box<Wanted>,
    },
    /// Changes a Desktop that is still as it was seen.
    Change {
        /// Its name.
        name: String,
        /// What it should be.
        wanted: Box<Wanted>,
    },
    /// Deletes a Desktop that is still as it was seen.
    Delete {
        /// Its name.
        name: String,
    },
}

/// The decision.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What to do once the status is written, in this order.
    pub steps: Vec<Step>,
    /// Nothing is left to do for a deleted pool: let it go.
    pub release: bool,
    /// The status to write.
    pub status: DesktopPoolStatus,
    /// Events to publish once the status is written.
    pub notices: Vec<Notice>,
    /// How many of the steps remove a desktop because there are too many, or the pool is deleted.
    pub removed: usize,
    /// A roll-out was stopped that was not before.
    pub halted: bool,
    /// When to look again at the latest.
    pub again: Duration,
}

/// Decides.
#[must_use]
pub fn plan(inputs: &Inputs<'_>) -> Plan {
    let mut draft = Draft::new(inputs);
    draft.counted();
    if inputs.paused {
        draft.paused();
    } else if inputs.deleting {
        draft.delete();
    } else {
        draft.converge();
    }
    draft.finish()
}

/// A plan while it is being made.
struct Draft<'a> {
    inputs: &'a Inputs<'a>,
    status: DesktopPoolStatus,
    steps: Vec<Step>,
    notices: Vec<Notice>,
    release: bool,
    removed: usize,
    halted: bool,
    again: Duration,
    /// What is said of the pool as a whole: the first that is not as it should be, in the order of `Word`.
    words: Vec<(Word, &'static str, String)>,
    /// What is said beside, of a pool that is as it should be.
    remarks: Vec<String>,
}

/// How a part of the pool stands, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    /// It cannot go on without a human.
    Stalled,
    /// It goes on by itself.
    Working,
    /// It cannot go on without a human, once everything else is done.
    StalledAtLast,
    /// It is not known.
    Unknown,
}

impl<'a> Draft<'a> {
    fn new(inputs: &'a Inputs<'a>) -> Self {
        let mut status = inputs.status.clone();
        status.observed_generation = inputs.generation;
        status.selector = Some(selector(inputs.name));
        if !inputs.paused {
            condition::clear(&mut status.conditions, condition::PAUSED);
        }
        Self {
            inputs,
            status,
            steps: Vec::new(),
            notices: Vec::new(),
            release: false,
            removed: 0,
            halted: false,
            again: inputs.limits.slow,
            words: Vec::new(),
            remarks: Vec::new(),
        }
    }

    fn finish(mut self) -> Plan {
        crate::plan::speak_of_generation(
            &self.status.conditions,
            &mut self.status.observed_generation,
            self.inputs.status.observed_generation,
        );
        if self.steps.len() >= WAVE {
            self.again = Duration::ZERO;
        }
        Plan {
            steps: self.steps,
            release: self.release,
            status: self.status,
            notices: self.notices,
            removed: self.removed,
            halted: self.halted,
            again: self.again,
        }
    }

    fn stamp(&self) -> Stamp {
        Stamp {
            generation: self.inputs.generation,
            now: self.inputs.now,
        }
    }

    fn say(&mut self, word: Word, reason: &'static str, message: String) {
        self.words.push((word, reason, message));
    }

    /// Looks again at this moment, if not before.
    fn look_at(&mut self, time: Timestamp) {
        // A second later, because the API server keeps whole ones.
        let wait = until(self.inputs.now, time).saturating_add(Duration::from_millis(1));
        self.again = self.again.min(wait);
    }

    /// Room for more steps in this pass.
    fn room(&self) -> usize {
        WAVE.saturating_sub(self.steps.len())
    }

    fn active(&self) -> impl Iterator<Item = &'a Child<'a>> + use<'a> {
        self.inputs.children.iter().filter(|c| !c.deleting())
    }

    fn counted(&mut self) {
        let active: Vec<_> = self.active().collect();
        let revision = self.revision();
        let updated = |c: &&&Child<'_>| revision.is_some() && c.revision() == revision.as_deref();
        self.status.replicas = count(active.len());
        self.status.ready_replicas = count(active.iter().filter(|c| c.ready()).count());
        self.status.assigned_replicas = count(active.iter().filter(|c| c.assigned()).count());
        self.status.updated_replicas = count(active.iter().filter(updated).count());
        self.status.revision = revision.or_else(|| self.status.revision.take());
    }

    /// The revision of the present template; none while its image has no id.
    fn revision(&self) -> Option<String> {
        let id = self.inputs.image.as_ref().ok()?;
        Some(revision(&self.inputs.spec.template.spec, id))
    }

    fn paused(&mut self) {
        let message = "Paused by annotation: no desktop is made, changed or removed, deletion included.";
        self.stamp().set(
            &mut self.status.conditions,
            condition::PAUSED,
            Truth::True,
            "Paused",
            message,
        );
    }

    fn converge(&mut self) {
        condition::clear(&mut self.status.conditions, condition::DELETION_BLOCKED);
        let capabilities = match self.inputs.home {
            Home::Known(capabilities) => capabilities,
            Home::Unknown { reason, message } => {
                // What there is stays as it is: nothing is known of what would become of it.
                self.say(Word::Working, reason, message.to_owned());
                return self.conclude();
            }
        };
        if let Some(message) = self.unsupported(capabilities) {
            self.say(Word::Stalled, "Unsupported", message);
            return self.conclude();
        }
        if let Err(obstacle) = self.inputs.image {
            let word = if obstacle.stalled { Word::Stalled } else { Word::Working };
            self.say(word, obstacle.reason, obstacle.message.clone());
        }
        let people = self.people(capabilities);
        let size = self.size(&people, capabilities);
        self.status.desired_replicas = count(size.desired);
        let going = self.scale_in(&size, &people);
        self.status.removals = self
            .inputs
            .brake
            .recorded(&self.inputs.status.removals, self.removed, self.inputs.now);
        self.scale_out(&size, &people, capabilities);
        let changed = self.roll_out(&size, &people, &going, capabilities);
        self.correct(&people, &going, &changed, capabilities);
        self.desktops_themselves();
        if let Some(message) = self.refusal() {
            self.say(Word::Stalled, REFUSED, message);
        }
        self.conclude();
    }

    /// What the API server has against the steps of this pass, as far as those of the last one tell.
    fn refusal(&self) -> Option<String> {
        let words = self.inputs.refused.filter(|_| !self.steps.is_empty())?;
        Some(format!(
            "The API server refuses what the pool wants of its Desktops: {}. It is tried again. Correct the template, or \
             what refuses it: a quota or an admission rule of the namespace, or the rights of the operator.",
            words.trim_end_matches('.')
        ))
    }

    /// Fields that this vendor cannot fulfil, for pools that are made of Desktops.
    fn unsupported(&self, capabilities: &Capabilities) -> Option<String> {
        let spec = self.inputs.spec;
        let vendor = capabilities.vendor;
        let no_pools = |field: &str| {
            Some(format!(
                "{field} needs a vendor with pools of its own, and {vendor} has none. Correct it."
            ))
        };
        if spec.kind == PoolType::Dynamic {
            return no_pools("spec.type Dynamic");
        }
        if spec.existing_id.is_some() {
            return no_pools("spec.existingId");
        }
        if spec.huawei_workspace.is_some() {
            return no_pools("spec.huaweiWorkspace");
        }
        let autoscale = spec.autoscale.as_ref();
        if autoscale.is_some_and(|a| a.kind == AutoscaleType::AccessCreated) {
            return no_pools("spec.autoscale.type AccessCreated");
        }
        if !capabilities.users.assign && !capabilities.users.required && spec.users.is_some() {
            return Some(format!("spec.users cannot be fulfilled: {vendor} assigns no desktops."));
        }
        let nameless = |u: &&crate::api::desktop::DesktopUser| capabilities.users.needs_uid && u.uid.is_none();
        if let Some(user) = spec.users.iter().flatten().find(nameless) {
            return Some(format!(
                "spec.users: {vendor} needs the uid of user {} beside the name. Add it.",
                user.name
            ));
        }
        None
    }

    /// What the desktops themselves say.
    fn desktops_themselves(&mut self) {
        let not_ready: Vec<&Child<'_>> = self.active().filter(|c| !c.ready()).collect();
        let Some(first) = not_ready.first() else { return };
        let stalled: Vec<&&Child<'_>> = not_ready.iter().filter(|c| c.stalled()).collect();
        let unknown = not_ready.iter().filter(|c| c.unknown()).count();
        let told = |c: &Child<'_>| format!("{}: {}", c.name(), c.words());
        if let Some(first) = stalled.first() {
            let message = format!("{} cannot go on. {}", desktops(stalled.len()), told(first));
            self.say(Word::StalledAtLast, "DesktopsStalled", message);
        }
        let working = not_ready.len().saturating_sub(stalled.len()).saturating_sub(unknown);
        if working > 0 {
            self.say(
                Word::Working,
                "DesktopsNotReady",
                format!("{} not Ready yet.", are(working)),
            );
        }
        if unknown > 0 {
            let message = format!("Of {} it is not known how they are. {}", desktops(unknown), told(first));
            self.say(Word::Unknown, "DesktopsUnknown", message);
        }
    }

    /// Puts what was said into the conditions.
    fn conclude(&mut self) {
        self.words.sort_by_key(|(word, ..)| *word);
        let said = std::mem::take(&mut self.words);
        let stamp = self.stamp();
        let conditions = &mut self.status.conditions;
        let Some((word, reason, message)) = said.first() else {
            let mut message = format!("{}, all as declared.", desktops_there(self.status.replicas));
            for remark in &self.remarks {
                message.push(' ');
                message.push_str(remark);
            }
            return stamp.ready(conditions, "Complete", &message);
        };
        match word {
            Word::Stalled | Word::StalledAtLast => {
                if stamp.stalled(conditions, reason, message) {
                    self.notices.push(Notice::warning(reason, message.clone()));
                }
            }
            Word::Working => stamp.working(conditions, reason, message),
            Word::Unknown => {
                stamp.unknown(conditions, reason, message);
                condition::clear(conditions, condition::RECONCILING);
                condition::clear(conditions, condition::STALLED);
            }
        }
    }

    /// Why the brake keeps `waiting` desktops, in words; none when it does not.
    fn braked(&mut self, allowance: &Allowance, waiting: usize) -> Option<String> {
        if waiting == 0 {
            return None;
        }
        match allowance {
            Allowance::Unlimited => None,
            Allowance::Unreadable(text) => Some(format!(
                "The annotation {} of the namespace cannot be read ({text:?}), so nothing is removed. Correct it: a share \
                 and a length of time, such as 20%/1h.",
                crate::api::REMOVAL_BRAKE_ANNOTATION
            )),
            Allowance::Limited { next, .. } => {
                if let Some(next) = next {
                    self.look_at(*next);
                }
                let when = next.map_or_else(String::new, |at| format!(" It goes on after {}.", readable(at)));
                Some(format!(
                    "{} to be removed, and the brake of the namespace lets no more pass now.{when} To let this pool pass, \
                     annotate it with {}=<time>.",
                    desktops_are(waiting),
                    crate::api::BRAKE_RELEASED_UNTIL_ANNOTATION
                ))
            }
        }
    }
}

fn desktops_there(number: i32) -> String {
    desktops(usize::try_from(number).unwrap_or_default())
}

/// `1 is`, `2 are`.
fn are(number: usize) -> String {
    match number {
        1 => "1 is".to_owned(),
        more => format!("{more} are"),
    }
}
