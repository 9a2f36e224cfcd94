//! Answers are lost and the operator dies: nothing is bought, wiped or deleted twice.

use desktop_operator::api::DesktopPool;
use desktop_operator::sim::{Fault, FaultKind, Kind};
use serde_json::json;

use super::{OTHER, farewell, has, most_at_once, patch, pool, rolled, scale, world};
use crate::harness::{OperatorBuilder, eventually};
use crate::world::World;

/// The calls that change desktops, each met once in the life below.
const CALLS: [&str; 5] = [
    "CreateDesktopPool",
    "ExpandDesktopPool",
    "BatchRebuildDesktopsSystemDisk",
    "BatchDeleteDesktops",
    "DeleteDesktopPool",
];

fn flags(operator: OperatorBuilder<'_>) -> OperatorBuilder<'_> {
    operator.arg("--call-deadline=1s").arg("--resend=1s")
}

/// Two desktops, then four, from another image, and one: the same for every way in which it is disturbed.
async fn life(world: &World) {
    has(world, 2).await;
    scale(world, 4);
    has(world, 4).await;
    let image = json!({"spec": {"image": {"id": OTHER}}});
    patch(world, json!({"update": {"maxUnavailable": 3}, "template": image})).await;
    rolled(world, OTHER).await;
    scale(world, 1);
    has(world, 1).await;
}

fn judge(world: &World) {
    let ledger = world.ledger();
    assert_eq!(ledger.ever_created(Kind::Pool).len(), 1);
    assert_eq!(ledger.ever_created(Kind::Instance).len(), 4);
    assert_eq!(most_at_once(world).0, 4);
    // No desktop is rebuilt twice.
    let mut rebuilt: Vec<_> = ledger
        .committed("BatchRebuildDesktopsSystemDisk")
        .iter()
        .flat_map(|e| e.ids.clone())
        .collect();
    let all = rebuilt.len();
    rebuilt.sort();
    rebuilt.dedup();
    assert_eq!((all, rebuilt.len()), (4, 4));
}

#[tokio::test]
async fn lost_answers_change_nothing_twice() {
    let world = world(8.0, flags).await;
    for call in CALLS {
        world.sim.fault(Fault::on(call).after_commit().kind(FaultKind::Reset));
    }
    pool(&world, "desk", json!({"replicas": 2})).await;
    life(&world).await;
    judge(&world);
    farewell(&world).await;
    let idle = world.sim.read(|w| w.faults.iter().filter(|f| f.struck == 0).count());
    assert_eq!(idle, 0, "every answer was lost once");
}

#[tokio::test]
async fn calls_that_never_arrive_are_made_up_for() {
    let world = world(8.0, flags).await;
    for call in CALLS {
        world.sim.fault(Fault::on(call).before_commit().kind(FaultKind::Reset));
    }
    pool(&world, "desk", json!({"replicas": 2})).await;
    life(&world).await;
    judge(&world);
    farewell(&world).await;
}

/// Kills the operator while the vendor has a call of this action in its hands, and lets the vendor finish it.
async fn kill_in(world: &mut World, action: &str) {
    eventually(&format!("{action} is held"), async || {
        let held = world.sim.held();
        if held.iter().any(|h| h.action == action) {
            Ok(())
        } else {
            Err(format!("{held:?}"))
        }
    })
    .await;
    world.operator.kill();
    world.operator.wait().await;
    world.sim.release_all();
    world.restart(flags).await;
}

#[tokio::test]
async fn a_pool_survives_a_kill_in_every_call() {
    let mut world = world(8.0, |o| flags(o).arg("--call-deadline=30s")).await;
    for call in CALLS {
        world.sim.fault(Fault::on(call).after_commit().kind(FaultKind::Hold));
    }
    pool(&world, "desk", json!({"replicas": 2})).await;
    kill_in(&mut world, "CreateDesktopPool").await;
    has(&world, 2).await;
    scale(&world, 4);
    kill_in(&mut world, "ExpandDesktopPool").await;
    has(&world, 4).await;
    let image = json!({"spec": {"image": {"id": OTHER}}});
    patch(&world, json!({"update": {"maxUnavailable": 3}, "template": image})).await;
    kill_in(&mut world, "BatchRebuildDesktopsSystemDisk").await;
    rolled(&world, OTHER).await;
    scale(&world, 1);
    kill_in(&mut world, "BatchDeleteDesktops").await;
    has(&world, 1).await;
    judge(&world);
    world.delete::<DesktopPool>("desk").await;
    kill_in(&mut world, "DeleteDesktopPool").await;
    world.gone::<DesktopPool>("desk").await;
    assert_eq!(world.instances(), 0);
}
