//! A pool of two hundred desktops, and everything that can happen to it.

use std::collections::BTreeMap;
use std::time::Duration;

use desktop_operator::api::DesktopPool;
use desktop_operator::sim::{Entry, HuaweiEdit, Kind};
use serde_json::json;

use super::{OTHER, has, most_at_once, patch, pool, rolled, scale, world};
use crate::harness::object;
use crate::world::{Seen, World};

const BAD: &str = "bad";

/// Replays the ledger: a batch that is rebuilt never holds more desktops than may be out of service, and the next one
/// begins only when the one before is done.
fn judge_batches(world: &World, most: usize) {
    let ledger = world.ledger();
    for batch in ledger.committed("BatchRebuildDesktopsSystemDisk") {
        assert!(batch.ids.len() <= most, "{} at once", batch.ids.len());
    }
}

fn rebuilds(world: &World) -> BTreeMap<String, usize> {
    let ledger = world.ledger();
    let mut found = BTreeMap::new();
    let batches: Vec<&Entry> = ledger.committed("BatchRebuildDesktopsSystemDisk");
    for id in batches.into_iter().flat_map(|e| &e.ids) {
        *found.entry(id.clone()).or_default() += 1;
    }
    found
}

/// Waits for something, during which so many desktops must be ready at every moment.
async fn never_below<T>(world: &World, least: usize, awaited: impl Future<Output = T>) -> T {
    let mut awaited = std::pin::pin!(awaited);
    loop {
        tokio::select! {
            biased;
            done = &mut awaited => return done,
            () = tokio::time::sleep(Duration::from_millis(2)) => {}
        }
        let ready = world.sim.read(|w| {
            let desktops = w.huawei.desktops.values();
            let up =
                desktops.filter(|d| d.status == "ACTIVE" && d.task_status.is_empty() && d.login_status != "UNREGISTER");
            up.count()
        });
        assert!(ready >= least, "{ready} of {least} desktops are ready");
    }
}

/// Kills the operator once a call of this action has been answered after this position, and starts another.
async fn kill_after(world: &mut World, position: u64, action: &str) {
    world.calls_since(position, action, 1).await;
    world.restart(|o| o).await;
}

/// Everything that can happen to a pool, with an operator that dies in the middle of each.
#[tokio::test]
async fn two_hundred_desktops_are_scaled_rolled_halted_and_deleted() {
    let mut world = world(10.0, |o| o).await;
    let at = world.ledger().position();
    pool(&world, "desk", json!({"replicas": 200})).await;
    kill_after(&mut world, at, "CreateDesktopPool").await;
    has(&world, 200).await;
    assert_eq!(world.committed("ExpandDesktopPool"), 1);
    let at = world.ledger().position();
    scale(&world, 250);
    kill_after(&mut world, at, "ExpandDesktopPool").await;
    has(&world, 250).await;
    // One belongs to somebody, and is the newest.
    let newest = world.ledger().existing(Kind::Instance).last().unwrap().id.clone();
    world.edit(HuaweiEdit::SetDesktopUser {
        desktop: newest.clone(),
        user: Some(("alice".into(), "users".into())),
    });
    let at = world.ledger().position();
    scale(&world, 100);
    kill_after(&mut world, at, "BatchDeleteDesktops").await;
    let desk = has(&world, 100).await;
    assert_eq!(desk.status.unwrap().assigned_replicas, 1);
    assert_eq!(most_at_once(&world), (250, 100));

    let bad = world.edit(HuaweiEdit::AddImage {
        project: super::PROJECT.into(),
        name: BAD.into(),
    });
    world.edit(HuaweiEdit::SetImageBroken {
        image: bad.clone(),
        broken: true,
    });
    let update = json!({"maxUnavailable": "20%", "canary": {"percent": 5, "soakSeconds": 1}, "whenAssigned": "Never"});
    let at = world.ledger().position();
    patch(
        &world,
        json!({"update": update, "template": {"spec": {"image": {"id": OTHER}}}}),
    )
    .await;
    kill_after(&mut world, at, "BatchRebuildDesktopsSystemDisk").await;
    let pools = world.api::<DesktopPool>();
    let changed = object(&pools, "desk", "has changed all but alice's", |p| {
        p.is("Ready", "True") && p.status.as_ref().is_some_and(|s| s.updated_replicas == 99)
    });
    never_below(&world, 80, changed).await;
    judge_batches(&world, 20);
    let counted = rebuilds(&world);
    assert!(counted.len() == 99 && counted.values().all(|n| *n == 1));
    assert!(!counted.contains_key(&newest), "somebody's desktop was touched");
    patch(&world, json!({"update": {"whenAssigned": "Now"}})).await;
    rolled(&world, OTHER).await;

    let at = world.ledger().position();
    patch(&world, json!({"template": {"spec": {"image": {"id": bad}}}})).await;
    kill_after(&mut world, at, "BatchRebuildDesktopsSystemDisk").await;
    let halted = world.reason::<DesktopPool>("desk", "RolloutHalted", "CanaryFailed");
    let desk = never_below(&world, 95, halted).await;
    assert_eq!(desk.status.unwrap().updated_replicas, 5);
    let at = world.ledger().position();
    patch(&world, json!({"template": {"spec": {"image": {"id": OTHER}}}})).await;
    kill_after(&mut world, at, "BatchDeleteDesktops").await;
    never_below(&world, 80, rolled(&world, OTHER)).await;
    has(&world, 100).await;
    assert_eq!(most_at_once(&world), (250, 100));
    let at = world.ledger().position();
    world.delete::<DesktopPool>("desk").await;
    kill_after(&mut world, at, "BatchDeleteDesktops").await;
    world.gone::<DesktopPool>("desk").await;
    let ledger = world.ledger();
    assert!(ledger.existing(Kind::Pool).is_empty() && ledger.existing(Kind::Instance).is_empty());
    // 250 at most, and five that replaced what the bad image broke.
    assert_eq!(ledger.ever_created(Kind::Instance).len(), 255);
    assert_eq!(ledger.ever_created(Kind::Pool).len(), 1);
}
