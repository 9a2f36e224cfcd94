//! A pool of two hundred desktops, and everything that can happen to it.

use std::collections::BTreeMap;

use desktop_operator::api::DesktopPool;
use desktop_operator::sim::{Entry, HuaweiEdit, Kind};
use serde_json::json;

use super::{IMAGE, OTHER, farewell, has, most_at_once, patch, pool, rolled, scale, world};
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

#[tokio::test]
async fn two_hundred_desktops_are_scaled_rolled_halted_and_deleted() {
    let world = world(10.0, |o| o).await;
    pool(&world, "desk", json!({"replicas": 200})).await;
    has(&world, 200).await;
    assert_eq!(world.committed("ExpandDesktopPool"), 1);
    scale(&world, 250);
    has(&world, 250).await;
    // One belongs to somebody, and is the newest.
    let newest = world.ledger().existing(Kind::Instance).last().unwrap().id.clone();
    world.edit(HuaweiEdit::SetDesktopUser {
        desktop: newest.clone(),
        user: Some(("alice".into(), "users".into())),
    });
    scale(&world, 100);
    let desk = has(&world, 100).await;
    assert_eq!(desk.status.unwrap().assigned_replicas, 1);
    assert_eq!(most_at_once(&world), (250, 100));
    assert_eq!(world.committed("BatchDeleteDesktops"), 2);

    let bad = world.edit(HuaweiEdit::AddImage {
        project: super::PROJECT.into(),
        name: BAD.into(),
    });
    world.edit(HuaweiEdit::SetImageBroken {
        image: bad.clone(),
        broken: true,
    });
    let update = json!({"maxUnavailable": "20%", "canary": {"percent": 5, "soakSeconds": 1}, "whenAssigned": "Never"});
    patch(
        &world,
        json!({"update": update, "template": {"spec": {"image": {"id": OTHER}}}}),
    )
    .await;
    let desk: DesktopPool = world.reason("desk", "Ready", "RolloutWaiting").await;
    assert_eq!(desk.status.unwrap().updated_replicas, 99);
    judge_batches(&world, 20);
    let counted = rebuilds(&world);
    assert!(counted.len() == 99 && counted.values().all(|n| *n == 1));
    assert!(!counted.contains_key(&newest), "somebody's desktop was touched");
    patch(&world, json!({"update": {"whenAssigned": "Now"}})).await;
    rolled(&world, OTHER).await;

    patch(&world, json!({"template": {"spec": {"image": {"id": bad}}}})).await;
    let desk: DesktopPool = world.reason("desk", "RolloutHalted", "CanaryFailed").await;
    assert_eq!(desk.status.unwrap().updated_replicas, 5);
    patch(&world, json!({"template": {"spec": {"image": {"id": OTHER}}}})).await;
    rolled(&world, OTHER).await;
    has(&world, 100).await;
    assert_eq!(most_at_once(&world), (250, 100));
    assert_ne!(IMAGE, OTHER);
    farewell(&world).await;
    assert_eq!(world.ledger().ever_created(Kind::Pool).len(), 1);
}
