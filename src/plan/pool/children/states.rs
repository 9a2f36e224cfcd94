//! Whatever happens to a pool, in whatever order: it never has too many desktops, takes none from anybody, keeps as many
//! in service as it should, and comes to rest.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::bench::{Bench, LIMITS, created, deleted, vendor};
use super::{Plan, Step};
use crate::api::desktop::DesktopState;
use crate::api::pool::{ScaleInAssigned, WhenAssigned};
use crate::api::{Desktop, PROTECT_ANNOTATION};
use crate::plan::pool::max_unavailable;

/// Something that happens.
#[derive(Clone, Debug)]
enum Event {
    Scale(i32),
    Template(u8),
    Allow(u8),
    Assigned(usize),
    Left(usize),
    Connected(usize, bool),
    Ready(usize),
    Busy(usize),
    Broken(usize),
    Stopped(usize),
    Gone,
    DeletedByHand(usize),
    Protected(usize),
    Later(u16),
    Pass,
    /// The status is written, and the process dies after so many steps.
    Crash(usize),
    /// The status is not even written.
    Forgotten,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let one = prop_oneof![
        2 => (0i32..9).prop_map(Event::Scale),
        2 => (0u8..3).prop_map(Event::Template),
        1 => (0u8..3).prop_map(Event::Allow),
        2 => (0usize..9).prop_map(Event::Assigned),
        1 => (0usize..9).prop_map(Event::Left),
        2 => (0usize..9, any::<bool>()).prop_map(|(n, on)| Event::Connected(n, on)),
        8 => (0usize..9).prop_map(Event::Ready),
        2 => (0usize..9).prop_map(Event::Busy),
        2 => (0usize..9).prop_map(Event::Broken),
        1 => (0usize..9).prop_map(Event::Stopped),
        4 => Just(Event::Gone),
        1 => (0usize..9).prop_map(Event::DeletedByHand),
        1 => (0usize..9).prop_map(Event::Protected),
        3 => (1u16..900).prop_map(Event::Later),
        12 => Just(Event::Pass),
        2 => (0usize..4).prop_map(Event::Crash),
        1 => Just(Event::Forgotten),
    ];
    prop::collection::vec(one, 1..120)
}

fn happens(bench: &mut Bench, event: &Event) {
    let slots = bench.slots();
    let pick = |n: usize| slots.get(n % slots.len().max(1)).copied();
    match event {
        Event::Scale(replicas) => bench.declare(json!({"replicas": replicas})),
        Event::Template(n) => bench.template(&format!("m-{n}")),
        Event::Allow(n) => {
            let (scale_in, update) = match n {
                0 => ("Keep", "AtNextLogoff"),
                1 => ("RemoveDisconnected", "Never"),
                _ => ("Remove", "Now"),
            };
            bench.declare(json!({"scaleIn": {"assigned": scale_in}, "update": {"whenAssigned": update}}));
        }
        Event::Gone => bench.desktops.retain(|_, d| d.metadata.deletion_timestamp.is_none()),
        Event::Later(seconds) => bench.later(i64::from(*seconds)),
        Event::Pass => {
            let plan = checked(bench);
            go_on(bench, &plan, usize::MAX);
        }
        Event::Crash(steps) => {
            let plan = checked(bench);
            go_on(bench, &plan, *steps);
        }
        Event::Forgotten => {
            checked(bench);
        }
        Event::Assigned(n)
        | Event::Left(n)
        | Event::Connected(n, _)
        | Event::Ready(n)
        | Event::Busy(n)
        | Event::Broken(n)
        | Event::Stopped(n)
        | Event::DeletedByHand(n)
        | Event::Protected(n) => {
            if let Some(slot) = pick(*n) {
                befalls(bench, event, slot);
            }
        }
    }
}

/// Something that happens to one desktop.
fn befalls(bench: &mut Bench, event: &Event, slot: u32) {
    match event {
        Event::Assigned(_) => bench.assign(slot, "alice"),
        Event::Left(_) => bench.status_of(slot).user = None,
        Event::Connected(_, on) => bench.log(slot, *on),
        Event::Ready(_) => bench.make_ready(slot),
        Event::Busy(_) => bench.make_busy(slot),
        Event::Broken(_) => bench.break_down(slot),
        Event::Stopped(_) => bench.status_of(slot).state = Some(DesktopState::Stopped),
        Event::DeletedByHand(_) => bench.carry_out(&Step::Delete {
            name: format!("class-{slot}"),
        }),
        Event::Protected(_) => {
            let annotations = bench.at(slot).metadata.annotations.get_or_insert_default();
            annotations.insert(PROTECT_ANNOTATION.into(), "true".into());
        }
        _ => {}
    }
}

fn go_on(bench: &mut Bench, plan: &Plan, steps: usize) {
    bench.status = plan.status.clone();
    for step in plan.steps.iter().take(steps) {
        bench.carry_out(step);
    }
}

fn is_ready(desktop: &Desktop) -> bool {
    super::Child { slot: 0, desktop }.ready()
}

/// The plan of this moment, when nothing is wrong with it.
fn checked(bench: &Bench) -> Plan {
    let plan = bench.plan();
    let replicas = usize::try_from(bench.spec.replicas.unwrap()).unwrap();
    let made = created(&plan).len();
    assert!(
        made == 0 || bench.desktops.len() + made <= replicas,
        "one too many at the vendor: {} and {made} of {replicas}",
        bench.desktops.len()
    );
    let going: BTreeSet<&str> = deleted(&plan).into_iter().collect();
    let removed: BTreeSet<&str> = deleted(&plan).into_iter().take(plan.removed).collect();
    let staying: Vec<&Desktop> = bench.slots().iter().map(|slot| &bench.desktops[slot]).collect();
    for desktop in &staying {
        let name = desktop.metadata.name.as_deref().unwrap();
        let child = super::Child { slot: 0, desktop };
        if !going.contains(name) {
            continue;
        }
        assert!(!child.protected(), "{name} is protected");
        if child.assigned() && removed.contains(name) {
            match bench.spec.scale_in.assigned {
                ScaleInAssigned::Keep => panic!("{name} is somebody's"),
                ScaleInAssigned::RemoveDisconnected => assert!(child.left(), "somebody is on {name}"),
                ScaleInAssigned::Remove => {}
            }
        } else if child.assigned() {
            assert_eq!(
                bench.spec.update.when_assigned,
                WhenAssigned::Now,
                "{name} is somebody's"
            );
        }
    }
    assert!(
        plan.removed <= staying.len().saturating_sub(replicas),
        "{} removed of {} for {replicas}",
        plan.removed,
        staying.len()
    );
    // What the roll-out takes out of service, beside what there are too many of.
    let touched: BTreeSet<&str> = plan
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Change { name, .. } | Step::Delete { name } => Some(name.as_str()),
            Step::Create { .. } => None,
        })
        .filter(|name| !removed.contains(name))
        .collect();
    let ready = staying
        .iter()
        .filter(|d| is_ready(d))
        .filter(|d| !removed.contains(d.metadata.name.as_deref().unwrap()));
    let (taken, left): (Vec<&&Desktop>, Vec<_>) =
        ready.partition(|d| touched.contains(d.metadata.name.as_deref().unwrap()));
    let least = replicas.saturating_sub(max_unavailable(&bench.spec.update.max_unavailable, replicas));
    assert!(
        taken.is_empty() || left.len() >= least,
        "{} of {least} stay in service",
        left.len()
    );
    assert!(plan.again <= LIMITS.slow);
    plan
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_that_happens_breaks_a_promise(
        events in events(),
        canary in prop::option::of(1i32..101),
        most in 1i32..4,
        capital in any::<bool>(),
    ) {
        let mut bench = Bench::new(json!({
            "replicas": 5,
            "update": {"maxUnavailable": most, "canary": canary.map(|percent| json!({"percent": percent}))},
        }));
        if capital {
            bench.capabilities = vendor("capitalOnline");
        }
        for event in &events {
            happens(&mut bench, event);
        }
        // All is well from here on, and nobody stays: it comes to rest as declared, but for what a human protects.
        let slots: Vec<u32> = bench.slots();
        for slot in slots {
            bench.status_of(slot).user = None;
            bench.log(slot, false);
            bench.status_of(slot).state = Some(DesktopState::Running);
            bench.make_ready(slot);
            bench.at(slot).metadata.annotations.get_or_insert_default().remove(PROTECT_ANNOTATION);
        }
        for _ in 0..12 {
            bench.later(1800);
            bench.settle();
        }
        let replicas = usize::try_from(bench.spec.replicas.unwrap()).unwrap();
        prop_assert_eq!(bench.active(), replicas);
        prop_assert_eq!(bench.updated(), replicas);
        prop_assert_eq!(bench.said("Ready").unwrap().0, "True");
        prop_assert!(bench.status.rollout.is_none());
    }
}
