//! A pool and its Desktops without a server: what the tests plan for, and what becomes of it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde_json::{Value, json};

use super::{Child, Home, Inputs, Plan, Step, plan};
use crate::api::condition::{self, Stamp};
use crate::api::desktop::{DesktopState, DesktopStatus, ObservedUser, SessionStatus};
use crate::api::pool::{DesktopPoolSpec, DesktopPoolStatus, RolloutPhase};
use crate::api::{Desktop, REVISION_LABEL};
use crate::backend::Capabilities;
use crate::backend::connect;
use crate::plan::Limits;
use crate::plan::image::Obstacle;
use crate::plan::pool::brake::{Brake, Facts};

/// What a vendor can do, by its block.
pub(super) fn vendor(word: &str) -> Capabilities {
    let all = connect::capabilities();
    *all.iter().rev().find(|(_, c)| c.vendor == word).unwrap().1
}

pub(super) const LIMITS: Limits = Limits {
    intent_lifetime: Duration::from_mins(1),
    settle: Duration::from_mins(10),
    empty_listing_gap: Duration::from_secs(10),
    retry_unknown_create: false,
    backoff_base: Duration::from_secs(5),
    backoff_max: Duration::from_mins(5),
    task_deadline: Duration::from_mins(10),
    resend: Duration::from_secs(30),
    fast: Duration::from_secs(5),
    slow: Duration::from_mins(1),
    expiry_warning: Duration::from_hours(24),
};

/// The pool and everything its plan depends on.
pub(super) struct Bench {
    pub(super) spec: DesktopPoolSpec,
    pub(super) status: DesktopPoolStatus,
    pub(super) generation: i64,
    pub(super) deleting: bool,
    pub(super) orphaning: bool,
    pub(super) paused: bool,
    pub(super) refused: Option<String>,
    pub(super) desktops: BTreeMap<u32, Desktop>,
    pub(super) taken: BTreeMap<u32, bool>,
    pub(super) capabilities: Capabilities,
    pub(super) image: Result<String, Obstacle>,
    pub(super) brake: Facts,
    pub(super) now: Timestamp,
    versions: u32,
}

impl Bench {
    /// A pool with these fields over the usual ones.
    pub(super) fn new(spec: Value) -> Self {
        let mut bench = Self {
            spec: serde_json::from_value(usual()).unwrap(),
            status: DesktopPoolStatus::default(),
            generation: 0,
            deleting: false,
            orphaning: false,
            paused: false,
            refused: None,
            desktops: BTreeMap::new(),
            taken: BTreeMap::new(),
            capabilities: vendor("gws"),
            image: Ok("m-1".into()),
            brake: Facts::default(),
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            versions: 0,
        };
        bench.declare(spec);
        bench
    }

    /// The same, with all its desktops Ready.
    pub(super) fn up(spec: Value) -> Self {
        let mut bench = Self::new(spec);
        bench.settle();
        bench
    }

    /// Changes the manifest.
    pub(super) fn declare(&mut self, spec: Value) {
        let mut whole = serde_json::to_value(&self.spec).unwrap();
        merge(&mut whole, spec);
        self.spec = serde_json::from_value(whole).unwrap();
        self.generation += 1;
    }

    /// Changes the image of the template, and with it the revision.
    pub(super) fn template(&mut self, image: &str) {
        self.declare(json!({"template": {"spec": {"image": {"id": image}}}}));
        self.image = Ok(image.into());
    }

    /// Decides, and changes nothing.
    pub(super) fn plan(&self) -> Plan {
        let children: Vec<Child<'_>> = self
            .desktops
            .iter()
            .map(|(slot, desktop)| Child { slot: *slot, desktop })
            .collect();
        plan(&Inputs {
            name: "class",
            generation: self.generation,
            deleting: self.deleting,
            orphaning: self.orphaning,
            paused: self.paused,
            spec: &self.spec,
            status: &self.status,
            children: &children,
            taken: &self.taken,
            home: Home::Known(&self.capabilities),
            image: &self.image,
            brake: &Facts {
                desktops: self.active(),
                removals: self.status.removals.clone(),
                ..self.brake.clone()
            },
            refused: self.refused.as_deref(),
            limits: &LIMITS,
            now: self.now,
        })
    }

    /// One pass: the status is written and the steps are carried out.
    pub(super) fn pass(&mut self) -> Plan {
        let plan = self.plan();
        self.status = plan.status.clone();
        for step in &plan.steps {
            self.carry_out(step);
        }
        plan
    }

    pub(super) fn carry_out(&mut self, step: &Step) {
        self.versions += 1;
        match step {
            Step::Create { slot, wanted } => {
                let mut desktop = Desktop::new(&format!("class-{slot}"), wanted.spec.clone());
                desktop.metadata = ObjectMeta {
                    name: Some(format!("class-{slot}")),
                    uid: Some(format!("uid-{}", self.versions)),
                    generation: Some(1),
                    creation_timestamp: Some(Time(self.now)),
                    labels: Some(wanted.metadata.labels.clone()),
                    annotations: Some(wanted.metadata.annotations.clone()),
                    ..ObjectMeta::default()
                };
                assert!(!self.taken.contains_key(slot), "the name is taken");
                assert!(self.desktops.insert(*slot, desktop).is_none(), "the slot is taken");
            }
            Step::Change { name, wanted } => {
                let desktop = self.named(name);
                if desktop.spec != wanted.spec {
                    desktop.spec = wanted.spec.clone();
                    desktop.metadata.generation = desktop.metadata.generation.map(|g| g + 1);
                }
                let metadata = &mut desktop.metadata;
                metadata
                    .labels
                    .get_or_insert_default()
                    .extend(wanted.metadata.labels.clone());
                let annotations = wanted.metadata.annotations.clone();
                metadata.annotations.get_or_insert_default().extend(annotations);
            }
            Step::Delete { name } => {
                let now = self.now;
                self.named(name).metadata.deletion_timestamp = Some(Time(now));
            }
        }
    }

    fn named(&mut self, name: &str) -> &mut Desktop {
        let mut all = self.desktops.values_mut();
        all.find(|d| d.metadata.name.as_deref() == Some(name)).unwrap()
    }

    /// The desktop of a slot.
    pub(super) fn at(&mut self, slot: u32) -> &mut Desktop {
        self.desktops.get_mut(&slot).unwrap()
    }

    pub(super) fn status_of(&mut self, slot: u32) -> &mut DesktopStatus {
        self.at(slot).status.get_or_insert_default()
    }

    /// What a Desktop's own controller would come to: it is as declared.
    pub(super) fn make_ready(&mut self, slot: u32) {
        let stamp = self.stamp(slot);
        let spec = self.at(slot).spec.clone();
        let status = self.status_of(slot);
        status.id = Some(format!("d-{slot}"));
        status.state.get_or_insert(DesktopState::Running);
        status.image_id = spec.image.and_then(|i| i.id);
        status.assigned_user = spec.user.map(|u| ObservedUser {
            name: u.name,
            uid: u.uid,
            email: u.email,
        });
        stamp.ready(&mut status.conditions, "Running", "The desktop runs.");
    }

    /// It works on it.
    pub(super) fn make_busy(&mut self, slot: u32) {
        let stamp = self.stamp(slot);
        stamp.working(
            &mut self.status_of(slot).conditions,
            "Working",
            "Something is under way.",
        );
    }

    /// It cannot go on.
    pub(super) fn break_down(&mut self, slot: u32) {
        self.stall(slot, "FailedAtVendor");
    }

    /// It cannot go on, for this reason.
    pub(super) fn stall(&mut self, slot: u32, reason: &str) {
        let stamp = self.stamp(slot);
        stamp.stalled(&mut self.status_of(slot).conditions, reason, "It is broken.");
    }

    fn stamp(&self, slot: u32) -> Stamp {
        Stamp {
            generation: self.desktops[&slot].metadata.generation.unwrap(),
            now: self.now,
        }
    }

    /// Gives a desktop to somebody behind the pool's back.
    pub(super) fn assign(&mut self, slot: u32, name: &str) {
        self.status_of(slot).user = Some(ObservedUser {
            name: name.into(),
            uid: None,
            email: None,
        });
    }

    /// Somebody logs on to a desktop, or off.
    pub(super) fn log(&mut self, slot: u32, connected: bool) {
        self.status_of(slot).session = Some(SessionStatus {
            connected,
            client_name: None,
            last_logon_time: None,
            last_logoff_time: None,
        });
    }

    /// Desktops that are being deleted are gone, and all others are as declared.
    pub(super) fn catch_up(&mut self) {
        self.desktops.retain(|_, d| d.metadata.deletion_timestamp.is_none());
        let slots: Vec<u32> = self.desktops.keys().copied().collect();
        for slot in slots {
            let broken = condition::is_true(&self.status_of(slot).conditions, condition::STALLED);
            if !broken || self.stale(slot) {
                self.make_ready(slot);
            }
        }
    }

    /// Its own controller has not looked at its present spec yet.
    pub(super) fn stale(&self, slot: u32) -> bool {
        let desktop = &self.desktops[&slot];
        let ready = desktop
            .status
            .as_ref()
            .and_then(|s| condition::find(&s.conditions, condition::READY));
        ready.and_then(|c| c.observed_generation) != desktop.metadata.generation
    }

    /// Passes until nothing is left to do; answers how many it took.
    pub(super) fn settle(&mut self) -> usize {
        for passes in 0..2000 {
            self.catch_up();
            let before = self.status.clone();
            let plan = self.pass();
            if plan.steps.is_empty() && plan.status == before {
                return passes;
            }
        }
        panic!("it does not come to rest: {:?}", self.plan().steps)
    }

    pub(super) fn later(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    pub(super) fn brake(&mut self, value: &str) {
        self.brake.brake = Brake::read(Some(value));
    }

    pub(super) fn active(&self) -> usize {
        self.desktops
            .values()
            .filter(|d| d.metadata.deletion_timestamp.is_none())
            .count()
    }

    /// Slots of the desktops that are not being deleted.
    pub(super) fn slots(&self) -> Vec<u32> {
        let staying = self
            .desktops
            .iter()
            .filter(|(_, d)| d.metadata.deletion_timestamp.is_none());
        staying.map(|(slot, _)| *slot).collect()
    }

    /// Desktops of a slot's revision that is the present one.
    pub(super) fn updated(&self) -> usize {
        let revision = self.status.revision.as_ref();
        let of = |d: &&Desktop| d.metadata.labels.as_ref().and_then(|l| l.get(REVISION_LABEL)) == revision;
        self.desktops.values().filter(of).count()
    }

    /// The desktop of a slot is of the present revision.
    pub(super) fn is_updated(&self, slot: u32) -> bool {
        let labels = self.desktops[&slot].metadata.labels.as_ref();
        labels.and_then(|l| l.get(REVISION_LABEL)) == self.status.revision.as_ref()
    }

    pub(super) fn phase(&self) -> Option<RolloutPhase> {
        self.status.rollout.as_ref().map(|r| r.phase)
    }

    /// Status, reason and message of a condition.
    pub(super) fn said(&self, kind: &str) -> Option<(String, String, String)> {
        let found = condition::find(&self.status.conditions, kind)?;
        Some((found.status.clone(), found.reason.clone(), found.message.clone()))
    }

    pub(super) fn reason(&self, kind: &str) -> Option<String> {
        self.said(kind).map(|(_, reason, _)| reason)
    }

    pub(super) fn message(&self, kind: &str) -> String {
        self.said(kind).unwrap().2
    }
}

/// Names of the desktops that the steps delete.
pub(super) fn deleted(plan: &Plan) -> Vec<&str> {
    let names = plan.steps.iter().filter_map(|s| match s {
        Step::Delete { name } => Some(name.as_str()),
        _ => None,
    });
    names.collect()
}

/// Slots that the steps fill.
pub(super) fn created(plan: &Plan) -> Vec<u32> {
    let slots = plan.steps.iter().filter_map(|s| match s {
        Step::Create { slot, .. } => Some(*slot),
        _ => None,
    });
    slots.collect()
}

/// Names of the desktops that the steps change.
pub(super) fn changed(plan: &Plan) -> Vec<&str> {
    let names = plan.steps.iter().filter_map(|s| match s {
        Step::Change { name, .. } => Some(name.as_str()),
        _ => None,
    });
    names.collect()
}

fn usual() -> Value {
    json!({
        "template": {"spec": {
            "clusterRef": {"name": "office"},
            "flavor": "ecs.g6.large",
            "image": {"id": "m-1"},
            "systemDisk": {"category": "cloud_essd", "sizeGiB": 80},
        }},
    })
}

/// `over` laid over `base`; null takes a field out.
fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                if value.is_null() {
                    base.remove(&key);
                } else {
                    merge(base.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (base, over) => *base = over,
    }
}
