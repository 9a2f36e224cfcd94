//! Pools that are made of Desktops: each promise on a small one.

use std::collections::BTreeMap;

use desktop_operator::api::pool::RolloutPhase;
use desktop_operator::api::{
    BRAKE_RELEASED_UNTIL_ANNOTATION, Desktop, DesktopCluster, DesktopImage, DesktopPool, PROTECT_ANNOTATION,
    REMOVAL_BRAKE_ANNOTATION, REMOVE_FIRST_ANNOTATION,
};
use desktop_operator::sim::{GwsEdit, Kind, Ledger};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::harness::{eventually, object};
use crate::kstatus::verdicts;
use crate::world::{Seen, World};

/// Another image every simulated account has.
const OTHER: &str = "m-windows2016";

/// Most desktops that ever existed at the vendor at the same time, of those that existed after this many milliseconds.
pub fn peak(ledger: &Ledger, from: u64) -> usize {
    let mut changes: BTreeMap<u64, i64> = BTreeMap::new();
    let lives = ledger.lifetimes().iter().filter(|life| life.kind == Kind::Instance);
    for life in lives.filter(|life| life.gone.is_none_or(|gone| gone > from)) {
        *changes.entry(life.created.max(from)).or_default() += 1;
        if let Some(gone) = life.gone {
            // Both at the same moment: who was first is not known.
            *changes.entry(gone).or_default() -= 1;
        }
    }
    let mut now = 0;
    let counts = changes.values().map(|change| {
        now += change;
        now
    });
    usize::try_from(counts.max().unwrap_or_default()).unwrap()
}

/// The moment of the vendor's last answer, in milliseconds since its start.
pub fn moment(world: &World) -> u64 {
    world.ledger().entries().next_back().map_or(0, |e| e.at)
}

/// Waits until the pool is as declared, with so many desktops.
pub async fn complete(world: &World, name: &str, replicas: i32) -> DesktopPool {
    let what = format!("is complete with {replicas}");
    object(&world.api::<DesktopPool>(), name, &what, |pool| {
        let counts = pool.status.as_ref().map(|s| (s.replicas, s.ready_replicas));
        pool.is("Ready", "True") && counts == Some((replicas, replicas))
    })
    .await
}

async fn phase(world: &World, name: &str, phase: RolloutPhase) -> DesktopPool {
    object(&world.api::<DesktopPool>(), name, &format!("is {phase:?}"), |pool| {
        let status = pool.status.as_ref();
        status
            .and_then(|s| s.rollout.as_ref())
            .is_some_and(|r| r.phase == phase)
    })
    .await
}

async fn names(world: &World) -> Vec<String> {
    let all = world.api::<Desktop>().list(&ListParams::default()).await.unwrap();
    let staying = all.iter().filter(|d| d.metadata.deletion_timestamp.is_none());
    let mut names: Vec<String> = staying.map(ResourceExt::name_any).collect();
    names.sort();
    names
}

async fn spec(world: &World, name: &str, spec: Value) {
    world.patch::<DesktopPool>(name, json!({"spec": spec})).await;
}

fn image(id: &str) -> Value {
    json!({"template": {"spec": {"image": {"id": id}}}})
}

fn kubectl(world: &World, args: &[&str]) -> String {
    let namespace = format!("--namespace={}", world.env.namespace);
    let all: Vec<&str> = args.iter().copied().chain([namespace.as_str()]).collect();
    let (code, text) = world.env.kubectl(&all);
    assert_eq!(code, 0, "{args:?}: {text}");
    text
}

/// What Flux and Helm make of the pool.
async fn kstatus(world: &World, name: &str) -> String {
    let pool: DesktopPool = world.get(name).await;
    let mut value = serde_json::to_value(pool).unwrap();
    value["apiVersion"] = json!("desktop-operator.io/v1alpha1");
    value["kind"] = json!("DesktopPool");
    let object: DynamicObject = serde_json::from_value(value).unwrap();
    verdicts(&[object]).remove(0).kstatus
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_is_filled_scaled_and_deleted() {
    let world = World::start().await;
    world.office().await;
    // Somebody else's Desktop has the name of a place: it is left alone, and said.
    world.desktop("class-1", json!({})).await;
    world.pool("class", json!({"replicas": 3})).await;
    let pool: DesktopPool = world.reason("class", "Stalled", "NameTaken").await;
    assert!(pool.says("Stalled").contains("class-1"));
    let before: Desktop = world.ready("class-1").await;
    assert!(before.metadata.owner_references.is_none());
    world.delete::<Desktop>("class-1").await;
    let pool = complete(&world, "class", 3).await;
    let status = pool.status.unwrap();
    assert_eq!(
        (status.desired_replicas, status.updated_replicas, status.rollout),
        (3, 3, None)
    );
    let child: Desktop = world.get("class-1").await;
    assert_eq!(child.metadata.owner_references.unwrap()[0].kind, "DesktopPool");
    assert_eq!(kstatus(&world, "class").await, "Current");

    kubectl(&world, &["scale", "dpool", "class", "--replicas=5"]);
    kubectl(
        &world,
        &[
            "wait",
            "dpool/class",
            "--for=jsonpath={.status.desiredReplicas}=5",
            "--timeout=60s",
        ],
    );
    kubectl(
        &world,
        &["wait", "dpool/class", "--for=condition=Ready", "--timeout=60s"],
    );
    let table = kubectl(&world, &["get", "dpool", "class"]);
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(
        row[..8],
        ["class", "True", "Complete", "5", "5", "5", "5", "0"],
        "{table}"
    );
    let selected = kubectl(
        &world,
        &[
            "get",
            "dsk",
            "--selector=desktop-operator.io/pool=class",
            "--output=name",
        ],
    );
    assert_eq!(selected.lines().count(), 5, "{selected}");

    // At rest nothing is written.
    let version = |pool: DesktopPool| pool.metadata.resource_version;
    let resting = version(world.get("class").await);
    world
        .calls_since(world.ledger().position(), "DescribeInstances", 3)
        .await;
    assert_eq!(version(world.get("class").await), resting);

    world
        .annotate::<Desktop>("class-0", REMOVE_FIRST_ANNOTATION, "true")
        .await;
    world.annotate::<Desktop>("class-4", PROTECT_ANNOTATION, "true").await;
    kubectl(&world, &["scale", "dpool", "class", "--replicas=2"]);
    complete(&world, "class", 2).await;
    // The named one, then the newest that are not protected.
    assert_eq!(names(&world).await, ["class-2", "class-4"]);

    // The cluster waits for the pool, and the pool for what a human protects.
    world.delete::<DesktopCluster>("office").await;
    let office: DesktopCluster = world.reason("office", "DeletionBlocked", "InUse").await;
    assert!(
        office.says("DeletionBlocked").contains("DesktopPool class"),
        "{office:?}"
    );
    world.delete::<DesktopPool>("class").await;
    let pool: DesktopPool = world.reason("class", "DeletionBlocked", "Protected").await;
    assert!(pool.says("DeletionBlocked").contains("class-4"));
    world.annotate::<Desktop>("class-4", PROTECT_ANNOTATION, "false").await;
    world.gone::<DesktopPool>("class").await;
    world.gone::<DesktopCluster>("office").await;
    assert_eq!(world.instances(), 0);
    assert!(peak(&world.ledger(), 0) <= 5, "{}", peak(&world.ledger(), 0));
}

#[tokio::test]
async fn a_change_is_tried_halted_and_taken_back() {
    let mut world = World::start().await;
    world.office().await;
    let update = json!({"maxUnavailable": 2, "canary": {"percent": 20, "soakSeconds": 4}});
    world.pool("class", json!({"replicas": 6, "update": update})).await;
    let first = complete(&world, "class", 6).await.status.unwrap().revision;
    let up = moment(&world);

    spec(&world, "class", image(OTHER)).await;
    phase(&world, "class", RolloutPhase::Soaking).await;
    let changed: Vec<Desktop> = world.api::<Desktop>().list(&ListParams::default()).await.unwrap().items;
    let other = |d: &&Desktop| d.spec.image.as_ref().and_then(|i| i.id.as_deref()) == Some(OTHER);
    assert_eq!(changed.iter().filter(other).count(), 2);
    let pool = complete(&world, "class", 6).await;
    let status = pool.status.unwrap();
    assert_eq!((status.updated_replicas, status.rollout), (6, None));
    assert_ne!(status.revision, first);
    world.event("class", "RolledOut").await;

    // An image that does not exist.
    spec(&world, "class", image("m-none")).await;
    let pool = phase(&world, "class", RolloutPhase::Halted).await;
    let message = pool.says("RolloutHalted");
    assert!(message.contains("class-"), "{message}");
    assert!(pool.is("Stalled", "True"));
    assert_eq!(kstatus(&world, "class").await, "Failed");
    let metrics = world.operator.metrics().await;
    assert!(
        metrics.contains("desktop_operator_rollouts_halted_total 1"),
        "{metrics}"
    );
    assert_eq!(world.instances(), 4, "no more than the canaries were touched");
    spec(&world, "class", image(OTHER)).await;
    let pool = complete(&world, "class", 6).await;
    assert!(pool.condition("RolloutHalted").is_none());
    assert_eq!(pool.status.unwrap().updated_replicas, 6);
    assert!(peak(&world.ledger(), up) <= 6);
}

fn golden(reference: &str) -> Value {
    json!({"template": {"spec": {"image": {"id": null, "ref": {"name": reference}}}}})
}

/// The images of the pool's Desktops, each once. None of them has the reference.
async fn made_from(world: &World) -> Vec<String> {
    let all = world.api::<Desktop>().list(&ListParams::default()).await.unwrap();
    let sources = all.into_iter().map(|d| d.spec.image.unwrap());
    let mut ids: Vec<String> = sources
        .map(|image| {
            assert!(image.reference.is_none(), "{image:?}");
            image.id.unwrap()
        })
        .collect();
    ids.dedup();
    ids
}

#[tokio::test]
async fn a_pool_follows_the_image_it_refers_to() {
    let world = World::start().await;
    world.office().await;
    let add = |name: &str| {
        world.edit(GwsEdit::AddImage {
            account: "testid".into(),
            name: name.into(),
            size: 60,
        })
    };
    let named = |name: &str| json!({"filter": {"name": name}});
    world
        .pool("class", crate::world::merged(golden("golden"), json!({"replicas": 2})))
        .await;
    world.reason::<DesktopPool>("class", "Ready", "ImageNotFound").await;
    world.image("golden", named("first")).await;
    world.reason::<DesktopPool>("class", "Ready", "ImageNotReady").await;
    assert!(names(&world).await.is_empty());
    let first = add("first");
    complete(&world, "class", 2).await;
    assert_eq!(made_from(&world).await, [first.as_str()]);

    // The image stays as long as the pool refers to it, or has desktops of it: it might have to go back.
    world.delete::<DesktopImage>("golden").await;
    let blocked: DesktopImage = world.reason("golden", "DeletionBlocked", "InUse").await;
    assert!(
        blocked.says("DeletionBlocked").contains("DesktopPool class"),
        "{blocked:?}"
    );
    let second = add("second");
    world.image("silver", named("second")).await;
    let mut paused = golden("silver");
    paused["update"] = json!({"paused": true});
    spec(&world, "class", paused).await;
    phase(&world, "class", RolloutPhase::Paused).await;
    object(&world.api::<DesktopImage>(), "golden", "waits for the desktops", |i| {
        let said = i.is("DeletionBlocked", "True").then(|| i.says("DeletionBlocked"));
        said.is_some_and(|m| m.contains("Desktop class-0") && !m.contains("DesktopPool"))
    })
    .await;
    spec(&world, "class", json!({"update": {"paused": false}})).await;
    complete(&world, "class", 2).await;
    assert_eq!(made_from(&world).await, [second]);
    world.gone::<DesktopImage>("golden").await;

    // The same name again, for another image.
    let third = add("third");
    spec(&world, "class", golden("golden")).await;
    world.reason::<DesktopPool>("class", "Ready", "ImageNotFound").await;
    world.image("golden", named("third")).await;
    complete(&world, "class", 2).await;
    assert_eq!(made_from(&world).await, [third]);
    world.delete::<DesktopImage>("silver").await;
    world.gone::<DesktopImage>("silver").await;
}

/// What the API server has against the Desktops of a pool is the first thing to be said of it.
#[tokio::test]
async fn a_refused_desktop_is_told_by_the_pool() {
    let world = World::start().await;
    world.office().await;
    let labelled = |room: &str| json!({"template": {"metadata": {"labels": {"room": room}}}});
    world
        .pool(
            "class",
            crate::world::merged(labelled("third floor"), json!({"replicas": 2})),
        )
        .await;
    let pool: DesktopPool = world.reason("class", "Stalled", "DesktopRefused").await;
    let message = pool.says("Stalled");
    assert!(message.contains("third floor"), "{message}");
    world.event("class", "DesktopRefused").await;
    assert_eq!(kstatus(&world, "class").await, "Failed");
    spec(&world, "class", labelled("3b")).await;
    let pool = complete(&world, "class", 2).await;
    assert!(pool.condition("Stalled").is_none());
}

#[tokio::test]
async fn people_get_desktops_and_are_not_thrown_off_them() {
    let world = World::start().await;
    world.office().await;
    let users = json!([{"name": "alice", "uid": "1"}, {"name": "bob", "uid": "2"}]);
    let manifest = json!({"replicas": 3, "users": users, "update": {"maxUnavailable": 3}});
    world.pool("class", manifest).await;
    let pool = object(&world.api::<DesktopPool>(), "class", "has two users", |pool| {
        pool.is("Ready", "True") && pool.status.as_ref().is_some_and(|s| s.assigned_replicas == 2)
    })
    .await;
    assert_eq!(pool.status.unwrap().replicas, 3);
    let alice: Desktop = world.get("class-0").await;
    assert_eq!(alice.status.as_ref().unwrap().user.as_ref().unwrap().name, "alice");
    let id = alice.status.unwrap().id.unwrap();
    world.edit(GwsEdit::OpenSession {
        instance: id.clone(),
        client: "laptop".into(),
        at: None,
    });
    object(&world.api::<Desktop>(), "class-0", "is in use", |d| {
        let session = d.status.as_ref().and_then(|s| s.session.as_ref());
        session.is_some_and(|s| s.connected)
    })
    .await;
    // Fewer desktops than people: nobody loses theirs.
    spec(&world, "class", json!({"replicas": 1})).await;
    let pool: DesktopPool = world.reason("class", "ScaleInBlocked", "DesktopsInUse").await;
    assert!(
        pool.says("ScaleInBlocked").contains("1 desktop is too many"),
        "{pool:?}"
    );
    spec(&world, "class", json!({"replicas": 3})).await;
    complete(&world, "class", 3).await;
    assert_eq!(
        world.get::<Desktop>("class-0").await.status.unwrap().id,
        Some(id.clone())
    );

    // The change waits for her to log off, and for bob to stop his.
    spec(&world, "class", image(OTHER)).await;
    phase(&world, "class", RolloutPhase::Waiting).await;
    assert_eq!(
        world.get::<Desktop>("class-0").await.status.unwrap().id,
        Some(id.clone())
    );
    world.edit(GwsEdit::CloseSessions {
        instance: id.clone(),
        at: None,
    });
    eventually("she has one with the new image", async || {
        let all = world.api::<Desktop>().list(&ListParams::default()).await.unwrap();
        let hers = |d: &&Desktop| {
            let user = d.status.as_ref().and_then(|s| s.user.as_ref());
            user.is_some_and(|u| u.name == "alice")
        };
        let image = |d: &Desktop| d.spec.image.as_ref().and_then(|i| i.id.clone());
        match all.iter().filter(hers).map(image).collect::<Vec<_>>()[..] {
            [Some(ref id)] if id == OTHER => Ok(()),
            ref other => Err(format!("{other:?}")),
        }
    })
    .await;
    spec(&world, "class", json!({"update": {"whenAssigned": "Now"}})).await;
    let pool = complete(&world, "class", 3).await;
    assert_eq!(pool.status.unwrap().updated_replicas, 3);
}

#[tokio::test]
async fn an_autoscaled_pool_keeps_some_free_and_takes_none_away() {
    let world = World::start().await;
    world.office().await;
    let autoscale = json!({"min": 1, "max": 4, "minIdle": 1, "step": 1});
    world.pool("class", json!({"autoscale": autoscale})).await;
    complete(&world, "class", 1).await;
    let give = async |name: &str, user: &str| {
        let id = world.id(name).await;
        world.edit(GwsEdit::SetUser {
            instance: id,
            user: Some((user.to_owned(), "7".to_owned())),
        });
    };
    give("class-0", "alice").await;
    complete(&world, "class", 2).await;
    give("class-1", "bob").await;
    complete(&world, "class", 3).await;
    spec(&world, "class", json!({"autoscale": {"minIdle": 0, "max": 1}})).await;
    let pool: DesktopPool = world.reason("class", "ScaleInBlocked", "DesktopsInUse").await;
    assert_eq!(pool.status.unwrap().desired_replicas, 1);
    object(
        &world.api::<DesktopPool>(),
        "class",
        "has let the free one go",
        |pool| pool.status.as_ref().is_some_and(|s| s.replicas == 2),
    )
    .await;
    assert_eq!(names(&world).await, ["class-0", "class-1"]);
    let created = world.ledger().ever_created(Kind::Instance).len();
    // What only a pool of the vendor could do is refused before anything is made.
    let kind = json!({"autoscale": {"type": "AccessCreated", "max": 3}});
    world.pool("other", kind).await;
    let other: DesktopPool = world.reason("other", "Stalled", "Unsupported").await;
    assert!(other.says("Stalled").contains("spec.autoscale.type"));
    assert_eq!(world.ledger().ever_created(Kind::Instance).len(), created);
}

#[tokio::test]
async fn the_brake_of_a_namespace_holds_all_its_pools() {
    let world = World::start().await;
    world.office().await;
    let brake = json!({"metadata": {"annotations": {REMOVAL_BRAKE_ANNOTATION: "20%/1h"}}});
    let namespaces: Api<Namespace> = world.env.all();
    namespaces
        .patch(&world.env.namespace, &PatchParams::default(), &Patch::Merge(brake))
        .await
        .unwrap();
    for name in ["one", "two"] {
        world.pool(name, json!({"replicas": 5})).await;
    }
    for name in ["one", "two"] {
        complete(&world, name, 5).await;
    }
    // A fifth of ten may go, whichever pool they are of.
    for name in ["one", "two"] {
        spec(&world, name, json!({"replicas": 3})).await;
    }
    let blocked = |pool: &DesktopPool| pool.condition("ScaleInBlocked").is_some_and(|c| c.1 == "Brake");
    let left = async || {
        let all = world.api::<DesktopPool>().list(&ListParams::default()).await.unwrap();
        let status = |p: &DesktopPool| p.status.clone().unwrap();
        let replicas: i32 = all.iter().map(|p| status(p).replicas).sum();
        let removed: i32 = all.iter().flat_map(|p| status(p).removals).map(|r| r.count).sum();
        (replicas, removed, all.iter().filter(|p| blocked(p)).count())
    };
    let seen = eventually("two have gone, and no more may", async || match left().await {
        (8, 2, held) if held > 0 => Ok(held),
        other => Err(format!("{other:?}")),
    })
    .await;
    assert!(seen >= 1);
    assert_eq!(world.committed("DeleteInstance"), 2);
    // A pool that is deleted is held as well, until a human lets it pass.
    let held = world.api::<DesktopPool>().list(&ListParams::default()).await.unwrap();
    let held = held.iter().find(|p| blocked(p)).unwrap().name_any();
    world.delete::<DesktopPool>(&held).await;
    let pool: DesktopPool = world.reason(&held, "DeletionBlocked", "Brake").await;
    assert!(pool.says("DeletionBlocked").contains(BRAKE_RELEASED_UNTIL_ANNOTATION));
    world
        .annotate::<DesktopPool>(&held, BRAKE_RELEASED_UNTIL_ANNOTATION, "2100-01-01T00:00:00Z")
        .await;
    world.gone::<DesktopPool>(&held).await;
}

/// Killed at any moment, it goes on: the ledger is that of one which never was.
#[tokio::test]
async fn a_crash_in_the_middle_changes_nothing() {
    let mut world = World::start().await;
    world.office().await;
    world
        .pool("class", json!({"replicas": 8, "update": {"maxUnavailable": 2}}))
        .await;
    world.calls_since(0, "CreateInstance", 3).await;
    world.restart(|operator| operator).await;
    complete(&world, "class", 8).await;
    assert_eq!(world.ledger().ever_created(Kind::Instance).len(), 8);

    spec(&world, "class", json!({"replicas": 4})).await;
    world.calls_since(0, "DeleteInstance", 1).await;
    world.restart(|operator| operator).await;
    complete(&world, "class", 4).await;
    eventually("four are gone", async || match world.instances() {
        4 => Ok(()),
        other => Err(other),
    })
    .await;
    assert_eq!(world.ledger().ever_created(Kind::Instance).len(), 8);
    let down = moment(&world);

    spec(&world, "class", image(OTHER)).await;
    world.calls_since(0, "DeleteInstance", 6).await;
    world.restart(|operator| operator).await;
    let pool = complete(&world, "class", 4).await;
    assert_eq!(pool.status.unwrap().updated_replicas, 4);
    assert_eq!(world.ledger().ever_created(Kind::Instance).len(), 12);
    assert!(peak(&world.ledger(), down) <= 4);

    world.delete::<DesktopPool>("class").await;
    world.calls_since(0, "DeleteInstance", 9).await;
    world.restart(|operator| operator).await;
    world.gone::<DesktopPool>("class").await;
    assert_eq!(world.instances(), 0);
    assert_eq!(world.ledger().ever_created(Kind::Instance).len(), 12);
    assert!(peak(&world.ledger(), 0) <= 8);
}
