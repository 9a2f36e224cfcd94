//! Ground truth: every request and the life of every object, only ever appended to.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fault::When;

/// What a request came to at the vendor, whatever its client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It changed something.
    Committed,
    /// The vendor said no.
    Refused,
    /// It was a read, and was answered.
    Read,
    /// A fault stopped it before it had any effect.
    Faulted,
}

/// A fault that met a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultMark {
    /// Before or after the effect.
    pub when: When,
    /// Its kind, e.g. `reset`.
    pub kind: String,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Position, from 1.
    pub seq: u64,
    /// When its outcome was decided.
    pub time: Timestamp,
    /// Milliseconds since the start.
    pub at: u64,
    /// Account; empty when the signature named none that is known.
    pub account: String,
    /// Action.
    pub action: String,
    /// Parameters; secrets and signatures read `***`.
    pub params: BTreeMap<String, String>,
    /// What it came to.
    pub outcome: Outcome,
    /// Fault that met it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultMark>,
    /// HTTP status of the vendor's own answer, before any fault.
    pub status: u16,
    /// The vendor's error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Objects it made or worked on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
}

impl Entry {
    /// One parameter.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }
}

/// Kinds of objects whose lives are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A cluster.
    Cluster,
    /// A desktop.
    Instance,
    /// An image.
    Image,
    /// A person.
    User,
    /// A group of policies.
    PolicyGroup,
    /// A pool of desktops.
    Pool,
}

/// The life of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lifetime {
    /// What it is.
    pub kind: Kind,
    /// Vendor id.
    pub id: String,
    /// Account it belongs to.
    pub account: String,
    /// Request that made it; `None` when it was made by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<u64>,
    /// When it was made, in milliseconds since the start.
    pub created: u64,
    /// When it was gone; `None` while it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<u64>,
}

/// Every request and every object's life, in order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    #[serde(with = "shared")]
    entries: Vec<Arc<Entry>>,
    lifetimes: Vec<Lifetime>,
}

impl Ledger {
    /// Every request, in the order in which their outcomes were decided.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.iter().map(AsRef::as_ref)
    }

    /// The requests after position `seq`, oldest first.
    pub fn since(&self, seq: u64) -> impl Iterator<Item = &Entry> {
        let from = self.entries.partition_point(|entry| entry.seq <= seq);
        self.entries.iter().skip(from).map(AsRef::as_ref)
    }

    /// Position of the last request; 0 when there is none.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.seq)
    }

    /// Every request of one action.
    #[must_use]
    pub fn calls(&self, action: &str) -> Vec<&Entry> {
        self.entries().filter(|entry| entry.action == action).collect()
    }

    /// The requests of one action that changed something.
    #[must_use]
    pub fn committed(&self, action: &str) -> Vec<&Entry> {
        self.entries()
            .filter(|entry| entry.action == action && entry.outcome == Outcome::Committed)
            .collect()
    }

    /// The requests that changed something, after position `seq`.
    #[must_use]
    pub fn writes_since(&self, seq: u64) -> Vec<&Entry> {
        self.since(seq)
            .filter(|entry| entry.outcome == Outcome::Committed)
            .collect()
    }

    /// The life of every object ever made, in order.
    #[must_use]
    pub fn lifetimes(&self) -> &[Lifetime] {
        &self.lifetimes
    }

    /// Objects of a kind that were ever made by a request.
    #[must_use]
    pub fn ever_created(&self, kind: Kind) -> Vec<&Lifetime> {
        self.lifetimes
            .iter()
            .filter(|life| life.kind == kind && life.created_by.is_some())
            .collect()
    }

    /// Objects of a kind that exist now, however they were made.
    #[must_use]
    pub fn existing(&self, kind: Kind) -> Vec<&Lifetime> {
        self.lifetimes
            .iter()
            .filter(|life| life.kind == kind && life.gone.is_none())
            .collect()
    }

    /// Position the next request will have.
    pub(crate) fn next(&self) -> u64 {
        self.position() + 1
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries.push(Arc::new(entry));
    }

    pub(crate) fn born(&mut self, life: Lifetime) {
        self.lifetimes.push(life);
    }

    pub(crate) fn died(&mut self, id: &str, at: u64) {
        if let Some(life) = self.lifetimes.iter_mut().rev().find(|life| life.id == id) {
            life.gone.get_or_insert(at);
        }
    }
}

/// Entries are shared so that a ledger is cheap to copy; in JSON they are plain.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::Entry;

    pub(super) fn serialize<S: Serializer>(entries: &[Arc<Entry>], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(entries.iter().map(AsRef::as_ref))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Arc<Entry>>, D::Error> {
        let entries = Vec::<Entry>::deserialize(deserializer)?;
        Ok(entries.into_iter().map(Arc::new).collect())
    }
}
