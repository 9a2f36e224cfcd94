//! What Helm, Flux and Argo CD make of every state in which a running operator shows an object, from the first to the
//! last.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use futures::{StreamExt, TryStreamExt};
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use desktop_operator::api::{Desktop, DesktopCluster, DesktopImage};

use crate::harness::eventually;
use crate::kstatus::{Verdict, verdicts};
use crate::world::{Seen, World};

/// Everything the API server has told about the objects of a kind, each version once.
struct Film {
    versions: Arc<Mutex<Vec<DynamicObject>>>,
    gone: Arc<Mutex<BTreeSet<String>>>,
    task: JoinHandle<()>,
}

impl Film {
    async fn of<K: Seen>(world: &World) -> Self {
        let resource = ApiResource::erase::<K>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(world.env.client.clone(), &world.env.namespace, &resource);
        let start = api.list(&ListParams::default()).await.unwrap();
        let version = start.metadata.resource_version.unwrap();
        let mut events = api.watch(&WatchParams::default(), &version).await.unwrap().boxed();
        let (versions, gone) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<Mutex<BTreeSet<_>>>::default());
        let (seen, left) = (Arc::clone(&versions), Arc::clone(&gone));
        let task = tokio::spawn(async move {
            while let Some(event) = events.try_next().await.unwrap() {
                match event {
                    WatchEvent::Added(object) | WatchEvent::Modified(object) => seen.lock().unwrap().push(object),
                    WatchEvent::Deleted(object) => {
                        left.lock().unwrap().insert(object.name_any());
                    }
                    other => panic!("{other:?}"),
                }
            }
        });
        Self { versions, gone, task }
    }

    fn versions(&self, name: &str) -> Vec<DynamicObject> {
        let all = self.versions.lock().unwrap();
        let of = all.iter().filter(|o| o.metadata.name.as_deref() == Some(name));
        of.cloned().collect()
    }

    /// Waits until it has shown the end of an object: the watch may be behind.
    async fn ends(&self, name: &str) {
        eventually(&format!("{name} is seen to go"), async || {
            if self.gone.lock().unwrap().contains(name) {
                return Ok(());
            }
            let versions = self.versions(name);
            Err(format!("{:?}", versions.iter().map(scene).collect::<Vec<_>>()))
        })
        .await;
    }
}

impl Drop for Film {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether it is being deleted, and the reason of the Ready condition; `unseen` while the operator has not seen this
/// generation.
fn scene(object: &DynamicObject) -> (bool, String) {
    let deleted = object.metadata.deletion_timestamp.is_some();
    let status = &object.data["status"];
    if status["observedGeneration"] != json!(object.metadata.generation) {
        return (deleted, "unseen".to_owned());
    }
    let reason = condition(object, "Ready").map(|c| c["reason"].as_str().unwrap_or_default().to_owned());
    (deleted, reason.unwrap_or_default())
}

fn condition<'a>(object: &'a DynamicObject, kind: &str) -> Option<&'a Value> {
    let conditions = object.data["status"]["conditions"].as_array()?;
    conditions.iter().find(|c| c["type"] == kind)
}

/// What an object in this state is to be called by kstatus and by Argo CD.
fn expected(object: &DynamicObject) -> (&'static str, &'static str) {
    let truth = |kind| condition(object, kind).is_some_and(|c| c["status"] == "True");
    match scene(object) {
        (true, _) => ("Terminating", "Progressing"),
        (false, reason) if reason == "unseen" => ("InProgress", "Progressing"),
        (false, _) if truth("Stalled") => ("Failed", "Degraded"),
        (false, _) if truth("Ready") => ("Current", "Healthy"),
        (false, _) => ("InProgress", "Progressing"),
    }
}

/// The scenes of an object in order, repetitions left out, with what kstatus calls them.
fn judged(film: &Film, name: &str) -> Vec<(bool, String, String)> {
    let versions = film.versions(name);
    let mut scenes = Vec::new();
    for (object, verdict) in versions.iter().zip(verdicts(&versions)) {
        let Verdict { kstatus, argo, .. } = &verdict;
        assert_eq!(
            (kstatus.as_str(), argo.as_str()),
            expected(object),
            "{verdict:?}\n{object:#?}"
        );
        let (deleted, reason) = scene(object);
        scenes.push((deleted, reason, verdict.kstatus));
    }
    scenes.dedup();
    scenes
}

fn has(scenes: &[(bool, String, String)], deleted: bool, reason: &str, kstatus: &str) {
    let wanted = (deleted, reason.to_owned(), kstatus.to_owned());
    assert!(scenes.contains(&wanted), "{wanted:?} is not in {scenes:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_state_of_a_life_is_judged_as_it_is_meant() {
    let world = World::start().await;
    let (clusters, desktops) = (
        Film::of::<DesktopCluster>(&world).await,
        Film::of::<Desktop>(&world).await,
    );
    let alice = json!({"user": {"name": "alice", "uid": "1234"}});
    // Its cluster is not there yet.
    world.desktop("alice", alice).await;
    world.reason::<Desktop>("alice", "Ready", "ClusterNotFound").await;
    world.office().await;
    world.ready::<Desktop>("alice").await;
    let power = |power: &str| json!({"spec": {"power": power}});
    world.patch::<Desktop>("alice", power("Stopped")).await;
    world.reason::<Desktop>("alice", "Ready", "Stopped").await;
    world.desktop("bob", json!({"user": {"name": "bob"}})).await;
    world.reason::<Desktop>("bob", "Stalled", "Unsupported").await;
    world.delete::<DesktopCluster>("office").await;
    world
        .reason::<DesktopCluster>("office", "DeletionBlocked", "InUse")
        .await;
    for desktop in ["alice", "bob"] {
        world.delete::<Desktop>(desktop).await;
        desktops.ends(desktop).await;
    }
    clusters.ends("office").await;

    let scenes = judged(&desktops, "alice");
    assert_eq!(scenes[0], (false, "unseen".into(), "InProgress".into()), "{scenes:#?}");
    has(&scenes, false, "ClusterNotFound", "InProgress");
    has(&scenes, false, "Creating", "InProgress");
    has(&scenes, false, "Running", "Current");
    has(&scenes, false, "Stopping", "InProgress");
    has(&scenes, false, "Stopped", "Current");
    has(&scenes, true, "Deleting", "Terminating");
    // Once it was Running, only a change of its spec made it anything but done.
    let done = scenes.iter().position(|s| s.2 == "Current").unwrap();
    assert_eq!(scenes[done + 1].1, "unseen", "{scenes:#?}");

    let scenes = judged(&desktops, "bob");
    has(&scenes, false, "Unsupported", "Failed");
    assert!(scenes.iter().all(|s| s.2 != "Current"), "{scenes:#?}");

    let scenes = judged(&clusters, "office");
    assert_eq!(scenes[0], (false, "unseen".into(), "InProgress".into()), "{scenes:#?}");
    has(&scenes, false, "Creating", "InProgress");
    has(&scenes, false, "Running", "Current");
    has(&scenes, true, "DeletionBlocked", "Terminating");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_state_of_an_image_is_judged_as_it_is_meant() {
    let world = World::start().await;
    let (images, desktops) = (
        Film::of::<DesktopImage>(&world).await,
        Film::of::<Desktop>(&world).await,
    );
    world
        .image("golden", json!({"capture": {"desktopRef": {"name": "builder"}}}))
        .await;
    world.reason::<DesktopImage>("golden", "Ready", "DesktopNotFound").await;
    world
        .image("several", json!({"filter": {"namePrefix": "windows"}}))
        .await;
    world.reason::<DesktopImage>("several", "Stalled", "SeveralMatch").await;
    world.office().await;
    world.ready_desktop("builder", json!({})).await;
    world.ready::<DesktopImage>("golden").await;
    world.reason::<Desktop>("builder", "Ready", "Running").await;
    world
        .desktop("alice", json!({"image": {"id": null, "ref": {"name": "golden"}}}))
        .await;
    world.ready::<Desktop>("alice").await;
    world.delete::<DesktopImage>("golden").await;
    world.reason::<DesktopImage>("golden", "DeletionBlocked", "InUse").await;
    world.delete::<Desktop>("alice").await;
    images.ends("golden").await;

    let scenes = judged(&images, "golden");
    assert_eq!(scenes[0], (false, "unseen".into(), "InProgress".into()), "{scenes:#?}");
    has(&scenes, false, "DesktopNotFound", "InProgress");
    has(&scenes, false, "WaitingForDesktop", "InProgress");
    has(&scenes, false, "Creating", "InProgress");
    has(&scenes, false, "Available", "Current");
    has(&scenes, true, "DeletionBlocked", "Terminating");
    let scenes = judged(&images, "several");
    has(&scenes, false, "SeveralMatch", "Failed");
    assert!(scenes.iter().all(|s| s.2 != "Current"), "{scenes:#?}");
    let scenes = judged(&desktops, "builder");
    has(&scenes, false, "HeldForImage", "InProgress");
    has(&scenes, false, "Imaging", "InProgress");
    has(&scenes, false, "Running", "Current");
}
