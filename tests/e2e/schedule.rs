//! A desktop that is started and stopped by the clock. The clock is the machine's: the schedules are made around it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use desktop_operator::api::Desktop;
use desktop_operator::api::desktop::ScheduledPower;
use desktop_operator::sim::{Fault, GwsEdit};

use crate::harness::object;
use crate::world::{Seen, World};

/// Once a day, this many hours from now.
fn daily(hours: i64) -> String {
    let time = Timestamp::now() + SignedDuration::from_hours(hours);
    time.strftime("%-M %-H * * *").to_string()
}

fn schedule(start: Option<i64>, stop: Option<i64>) -> Value {
    let mut schedule = json!({"timeZone": "UTC"});
    for (field, hours) in [("start", start), ("stop", stop)] {
        if let Some(hours) = hours {
            schedule[field] = daily(hours).into();
        }
    }
    schedule
}

/// The schedule says on: it began some hours ago.
fn on() -> Value {
    schedule(Some(-3), Some(3))
}

fn off() -> Value {
    schedule(Some(3), Some(-3))
}

async fn follow(world: &World, power: &str, schedule: Value) {
    world
        .patch::<Desktop>("alice", json!({"spec": {"power": power, "powerSchedule": schedule}}))
        .await;
}

fn sent(world: &World) -> (usize, usize) {
    (world.committed("StopInstance"), world.committed("StartInstance"))
}

#[tokio::test]
async fn a_desktop_follows_its_schedule() {
    let world = World::start().await;
    world.office().await;
    let alice = world.ready_desktop("alice", json!({"powerSchedule": on()})).await;
    let next = alice.status.unwrap().next_power_transition.unwrap();
    assert_eq!(next.power, ScheduledPower::Stopped);
    assert!(next.time.0 > Timestamp::now());
    assert_eq!(sent(&world), (0, 0));

    follow(&world, "Running", off()).await;
    let alice: Desktop = world.reason("alice", "Ready", "Stopped").await;
    let next = alice.status.unwrap().next_power_transition.unwrap();
    assert_eq!(next.power, ScheduledPower::Running);
    assert_eq!(sent(&world), (1, 0));

    // Somebody starts it in the night.
    let id = world.id("alice").await;
    world.edit(GwsEdit::StartInstance { instance: id });
    world.event("alice", "DriftDetected").await;
    world.reason::<Desktop>("alice", "Ready", "Stopped").await;
    assert_eq!(sent(&world), (2, 0));

    follow(&world, "Running", on()).await;
    world.reason::<Desktop>("alice", "Ready", "Running").await;
    assert_eq!(sent(&world), (2, 1));

    // Held off is held off.
    follow(&world, "Stopped", on()).await;
    let alice: Desktop = world.reason("alice", "Ready", "Stopped").await;
    assert!(alice.status.unwrap().next_power_transition.is_none());
    assert_eq!(sent(&world), (3, 1));
}

#[tokio::test]
async fn a_scheduled_stop_waits_for_whoever_is_connected() {
    let world = World::start().await;
    world.office().await;
    world.ready_desktop("alice", json!({"powerSchedule": on()})).await;
    let id = world.id("alice").await;
    world.edit(GwsEdit::OpenSession {
        instance: id.clone(),
        client: "laptop-7".into(),
        at: None,
    });
    object(&world.api::<Desktop>(), "alice", "is connected", |d| {
        let session = d.status.as_ref().and_then(|s| s.session.as_ref());
        session.is_some_and(|s| s.connected)
    })
    .await;
    follow(&world, "Running", off()).await;
    let alice: Desktop = world.reason("alice", "Ready", "WaitingForLogoff").await;
    assert!(alice.is("Ready", "True"), "{:?}", alice.status);
    let before = world.ledger().position();
    world.calls_since(before, "DescribeInstances", 3).await;
    assert_eq!(sent(&world), (0, 0));
    world.edit(GwsEdit::CloseSessions { instance: id, at: None });
    world.reason::<Desktop>("alice", "Ready", "Stopped").await;
    assert_eq!(sent(&world), (1, 0));
}

#[tokio::test]
async fn with_unmanaged_power_only_the_moments_count() {
    let world = World::start().await;
    world.office().await;
    let left_on = json!({"power": "Unmanaged", "powerSchedule": schedule(None, Some(-3))});
    let alice = world.ready_desktop("alice", left_on).await;
    let id = world.id("alice").await;
    assert!(alice.status.unwrap().last_power_transition.is_some());
    let before = world.ledger().position();
    world.calls_since(before, "DescribeInstances", 3).await;
    assert_eq!(sent(&world), (0, 0), "what was before is not made up for");

    follow(&world, "Unmanaged", schedule(None, Some(-2))).await;
    world.reason::<Desktop>("alice", "Ready", "Stopped").await;
    assert_eq!(sent(&world), (1, 0));

    world.edit(GwsEdit::StartInstance { instance: id });
    world.reason::<Desktop>("alice", "Ready", "Running").await;
    let before = world.ledger().position();
    world.calls_since(before, "DescribeInstances", 3).await;
    assert_eq!(sent(&world), (1, 0), "in between it is its user's");
    assert!(world.get::<Desktop>("alice").await.is("Ready", "True"));
}

/// An account that may not read sessions stops nobody by the clock, and says what to do.
#[tokio::test]
async fn a_scheduled_stop_waits_until_it_is_known_who_is_connected() {
    let world = World::start().await;
    let sessions = Fault::on("DescribeClusterConnections").always();
    world.sim.fault(sessions.code(403, "Forbidden.RAM", "not allowed"));
    world.office().await;
    world.ready_desktop("alice", json!({"powerSchedule": off()})).await;
    let alice: Desktop = world.reason("alice", "Ready", "WaitingForSessions").await;
    assert!(alice.says("Ready").contains("spec.powerSchedule.whenConnected"));
    assert_eq!(sent(&world), (0, 0));
    world.sim.clear_faults();
    world.reason::<Desktop>("alice", "Ready", "Stopped").await;
    assert_eq!(sent(&world), (1, 0));
}
