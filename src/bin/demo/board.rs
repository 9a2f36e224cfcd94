//! What the cluster holds, as a watch reports it, and how that reads as a table.

use std::collections::{BTreeMap, BTreeSet};

use desktop_operator::api::condition::{self, DELETION_BLOCKED, READY};
use desktop_operator::api::{Desktop, DesktopCluster, DesktopImage, DesktopPool, DesktopProvider};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use kube::runtime::watcher;
use kube::{Resource, ResourceExt};

/// A change that a watch reported.
#[allow(
    clippy::large_enum_variant,
    reason = "changes are taken in one by one, and none is kept"
)]
#[derive(Debug)]
pub enum Change {
    /// Of a DesktopProvider.
    Provider(watcher::Event<DesktopProvider>),
    /// Of a DesktopCluster.
    Cluster(watcher::Event<DesktopCluster>),
    /// Of a Desktop.
    Desktop(watcher::Event<Desktop>),
    /// Of a DesktopImage.
    Image(watcher::Event<DesktopImage>),
    /// Of a DesktopPool.
    Pool(watcher::Event<DesktopPool>),
    /// Something the operator tells about one of them.
    Told(watcher::Event<Event>),
}

/// Everything the cluster holds of our kinds, by name.
#[derive(Debug, Default)]
pub struct Board {
    /// Providers.
    pub providers: BTreeMap<String, DesktopProvider>,
    /// Clusters.
    pub clusters: BTreeMap<String, DesktopCluster>,
    /// Desktops.
    pub desktops: BTreeMap<String, Desktop>,
    /// Images.
    pub images: BTreeMap<String, DesktopImage>,
    /// Pools.
    pub pools: BTreeMap<String, DesktopPool>,
    /// What the operator told, in order.
    pub told: Vec<Told>,
}

/// Something the operator told about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Kind and name of the object.
    pub about: String,
    /// Whether it is a warning.
    pub warning: bool,
    /// Short reason.
    pub reason: String,
    /// Plain words.
    pub note: String,
}

/// One line of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Kind, name, readiness, state, user and what is happening.
    pub cells: [String; 6],
}

/// Titles of the columns.
pub const TITLES: [&str; 6] = ["KIND", "NAME", "READY", "STATE", "USER", "WHAT IS HAPPENING"];

impl Board {
    /// Takes in one change; returns what was told, once.
    pub fn take(&mut self, change: Change) -> Option<Told> {
        match change {
            Change::Provider(event) => keep(&mut self.providers, event),
            Change::Cluster(event) => keep(&mut self.clusters, event),
            Change::Desktop(event) => keep(&mut self.desktops, event),
            Change::Image(event) => keep(&mut self.images, event),
            Change::Pool(event) => keep(&mut self.pools, event),
            Change::Told(watcher::Event::Apply(event) | watcher::Event::InitApply(event)) => {
                let told = told(event)?;
                if self.told.contains(&told) {
                    return None;
                }
                self.told.push(told.clone());
                return Some(told);
            }
            Change::Told(_) => {}
        }
        None
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.objects().next().is_none()
    }

    /// Whether so many objects are there, each looked after in its latest form and as declared.
    pub fn all_ready(&self, expected: usize) -> bool {
        let mut count = 0;
        let ready = self.objects().all(|object| {
            count += 1;
            let generation = object.metadata().generation.unwrap_or_default();
            object
                .state()
                .is_some_and(|(seen, conditions)| seen == generation && condition::is_true(conditions, READY))
        });
        ready && count == expected
    }

    /// How many objects something was told about.
    pub fn told_of(&self) -> usize {
        let about: BTreeSet<&str> = self.told.iter().map(|told| told.about.as_str()).collect();
        about.len()
    }

    /// The table, without its titles.
    pub fn rows(&self) -> Vec<Row> {
        self.objects().map(row).collect()
    }

    fn objects(&self) -> impl Iterator<Item = &dyn Shown> {
        let providers = self.providers.values().map(|o| o as &dyn Shown);
        let clusters = self.clusters.values().map(|o| o as &dyn Shown);
        let desktops = self.desktops.values().map(|o| o as &dyn Shown);
        let images = self.images.values().map(|o| o as &dyn Shown);
        let pools = self.pools.values().map(|o| o as &dyn Shown);
        providers.chain(clusters).chain(desktops).chain(images).chain(pools)
    }
}

/// What the kinds have in common here.
trait Shown {
    fn kind(&self) -> &'static str;
    fn metadata(&self) -> &ObjectMeta;
    /// The generation the status speaks of, and its conditions.
    fn state(&self) -> Option<(i64, &[Condition])>;
    fn user(&self) -> Option<&str> {
        None
    }
}

impl Shown for DesktopProvider {
    fn kind(&self) -> &'static str {
        "DesktopProvider"
    }
    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn state(&self) -> Option<(i64, &[Condition])> {
        let status = self.status.as_ref()?;
        Some((status.observed_generation, &status.conditions))
    }
}

impl Shown for DesktopCluster {
    fn kind(&self) -> &'static str {
        "DesktopCluster"
    }
    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn state(&self) -> Option<(i64, &[Condition])> {
        let status = self.status.as_ref()?;
        Some((status.observed_generation, &status.conditions))
    }
}

impl Shown for Desktop {
    fn kind(&self) -> &'static str {
        "Desktop"
    }
    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn state(&self) -> Option<(i64, &[Condition])> {
        let status = self.status.as_ref()?;
        Some((status.observed_generation, &status.conditions))
    }
    fn user(&self) -> Option<&str> {
        Some(&self.status.as_ref()?.user.as_ref()?.name)
    }
}

impl Shown for DesktopImage {
    fn kind(&self) -> &'static str {
        "DesktopImage"
    }
    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn state(&self) -> Option<(i64, &[Condition])> {
        let status = self.status.as_ref()?;
        Some((status.observed_generation, &status.conditions))
    }
}

impl Shown for DesktopPool {
    fn kind(&self) -> &'static str {
        "DesktopPool"
    }
    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn state(&self) -> Option<(i64, &[Condition])> {
        let status = self.status.as_ref()?;
        Some((status.observed_generation, &status.conditions))
    }
}

fn keep<K: Resource>(objects: &mut BTreeMap<String, K>, event: watcher::Event<K>) {
    match event {
        watcher::Event::Apply(object) | watcher::Event::InitApply(object) => {
            objects.insert(object.name_any(), object);
        }
        watcher::Event::Delete(object) => {
            objects.remove(&object.name_any());
        }
        // A new list follows: what vanished meanwhile is not in it.
        watcher::Event::Init => objects.clear(),
        watcher::Event::InitDone => {}
    }
}

fn told(event: Event) -> Option<Told> {
    let regarding = event.regarding?;
    let kind = regarding.kind?;
    if !kind.starts_with("Desktop") {
        return None;
    }
    Some(Told {
        about: format!("{kind} {}", regarding.name.unwrap_or_default()),
        warning: event.type_.as_deref() == Some("Warning"),
        reason: event.reason.unwrap_or_default(),
        note: event.note.unwrap_or_default(),
    })
}

fn row(object: &dyn Shown) -> Row {
    let conditions = object.state().map(|(_, conditions)| conditions).unwrap_or_default();
    let ready = condition::find(conditions, READY);
    let blocked = condition::find(conditions, DELETION_BLOCKED);
    let leaving = object.metadata().deletion_timestamp.is_some();
    let state = match ready {
        Some(ready) if !leaving => ready.reason.as_str(),
        None if !leaving => "New",
        _ if blocked.is_some() => "DeletionWaits",
        _ => "Deleting",
    };
    let message = match (blocked, ready) {
        (Some(blocked), _) => &blocked.message,
        // What is said so far is about the time before.
        (None, Some(ready)) if leaving && ready.status == "True" => "Deletion was asked for.",
        (None, Some(ready)) => &ready.message,
        (None, None) => "Nobody has looked at it yet.",
    };
    Row {
        cells: [
            object.kind().to_owned(),
            object.metadata().name.clone().unwrap_or_default(),
            ready.map_or("-", |c| &c.status).to_owned(),
            state.to_owned(),
            object.user().unwrap_or("-").to_owned(),
            message.split_whitespace().collect::<Vec<_>>().join(" "),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desktop(status: &serde_json::Value) -> Desktop {
        let spec = serde_json::json!({"clusterRef": {"name": "office"}, "existingId": "i-1"});
        let metadata = serde_json::json!({"name": "alice", "generation": 2});
        let object = serde_json::json!({
            "apiVersion": "desktop-operator.io/v1alpha1", "kind": "Desktop",
            "metadata": metadata, "spec": spec, "status": status,
        });
        serde_json::from_value(object).unwrap()
    }

    fn ready(generation: i64) -> serde_json::Value {
        serde_json::json!({
            "observedGeneration": generation,
            "user": {"name": "alice"},
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "Running", "message": "The desktop\nruns.",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }],
        })
    }

    #[test]
    fn ready_counts_only_for_the_latest_generation() {
        let mut board = Board::default();
        board.take(Change::Desktop(watcher::Event::Apply(desktop(&ready(1)))));
        assert!(!board.all_ready(1));
        board.take(Change::Desktop(watcher::Event::Apply(desktop(&ready(2)))));
        assert!(board.all_ready(1));
        assert!(!board.all_ready(2));
    }

    #[test]
    fn a_row_reads_like_kubectl() {
        let mut board = Board::default();
        board.take(Change::Desktop(watcher::Event::Apply(desktop(&ready(2)))));
        let cells = ["Desktop", "alice", "True", "Running", "alice", "The desktop runs."].map(str::to_owned);
        assert_eq!(board.rows(), [Row { cells }]);
        board.take(Change::Desktop(watcher::Event::Init));
        assert!(board.is_empty());
    }
}
