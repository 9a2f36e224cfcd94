//! Pools of the vendor's own: Huawei Workspace.

mod doubts;
mod large;
mod life;

use desktop_operator::api::{DesktopCluster, DesktopPool};
use desktop_operator::sim::{HuaweiEdit, Kind, SimConfig};
use serde_json::{Value, json};

use crate::harness::{OperatorBuilder, object};
use crate::world::{PROJECT, Seen, Vendor, World, merged};

const IMAGE: &str = "cc3bbc0b-9441-461b-b80b-48c52f3aed08";
const OTHER: &str = "d6b368bc-a24d-4fb5-a8fb-727356a53f33";

async fn world(speed: f64, flags: impl FnOnce(OperatorBuilder<'_>) -> OperatorBuilder<'_>) -> World {
    let world = World::start_at(Vendor::huawei(), SimConfig::fast(speed), flags).await;
    world.edit(HuaweiEdit::SetQuota {
        project: PROJECT.into(),
        resource: "general_instances".into(),
        limit: 1000,
    });
    world.office().await;
    world
}

/// A pool's manifest; `spec` is merged over the usual one.
fn manifest(name: &str, spec: Value) -> String {
    let usual = json!({
        "template": {"spec": {
            "clusterRef": {"name": "office"},
            "flavor": "workspace.x86.ultimate.large2",
            "image": {"id": IMAGE},
            "systemDisk": {"category": "SAS", "sizeGiB": 80},
        }},
    });
    let manifest = json!({
        "apiVersion": "desktop-operator.io/v1alpha1",
        "kind": "DesktopPool",
        "metadata": {"name": name},
        "spec": merged(usual, spec),
    });
    manifest.to_string()
}

async fn pool(world: &World, name: &str, spec: Value) {
    world.env.apply(&manifest(name, spec)).await;
}

async fn patch(world: &World, spec: Value) {
    world.patch::<DesktopPool>("desk", json!({"spec": spec})).await;
}

fn scale(world: &World, count: i32) {
    let replicas = format!("--replicas={count}");
    let namespace = format!("--namespace={}", world.env.namespace);
    let (code, said) = world
        .env
        .kubectl(&["scale", "desktoppools.desktop-operator.io/desk", &replicas, &namespace]);
    assert_eq!(code, 0, "{said}");
}

/// Waits until the pool is Ready with so many desktops.
async fn has(world: &World, count: i32) -> DesktopPool {
    let what = format!("has {count} desktops");
    object(&world.api::<DesktopPool>(), "desk", &what, |p| {
        let status = p.status.as_ref();
        p.is("Ready", "True") && status.is_some_and(|s| s.replicas == count && s.ready_replicas == count)
    })
    .await
}

/// Waits until every desktop is Ready and made from an image.
async fn rolled(world: &World, image: &str) -> DesktopPool {
    object(&world.api::<DesktopPool>(), "desk", "is rolled out", |p| {
        let Some(status) = &p.status else { return false };
        p.is("Ready", "True")
            && status.rollout.is_none()
            && status.revision.as_deref() == Some(image)
            && status.updated_replicas == status.replicas
    })
    .await
}

/// The most desktops that there ever were at once, and how many there are.
fn most_at_once(world: &World) -> (i64, i64) {
    let ledger = world.ledger();
    let mut moments: Vec<(u64, i64)> = Vec::new();
    for life in ledger.lifetimes().iter().filter(|life| life.kind == Kind::Instance) {
        moments.push((life.created, 1));
        moments.extend(life.gone.map(|gone| (gone, -1)));
    }
    // What goes and what comes in the same moment does not overlap.
    moments.sort_unstable();
    let mut now = 0;
    let most = moments
        .into_iter()
        .map(|(_, change)| {
            now += change;
            now
        })
        .max();
    (most.unwrap_or_default(), now)
}

async fn farewell(world: &World) {
    world.delete::<DesktopPool>("desk").await;
    world.gone::<DesktopPool>("desk").await;
    let ledger = world.ledger();
    assert!(ledger.existing(Kind::Pool).is_empty() && ledger.existing(Kind::Instance).is_empty());
    world.delete::<DesktopCluster>("office").await;
    world.gone::<DesktopCluster>("office").await;
}
