//! Each promise of a pool of Desktops, in a world that stands still between two passes.

use serde_json::json;

use super::bench::{Bench, changed, created, deleted, vendor};
use super::{Step, WAVE};
use crate::api::condition::{DELETION_BLOCKED, PAUSED, READY, RECONCILING, ROLLOUT_HALTED, SCALE_IN_BLOCKED, STALLED};
use crate::api::desktop::{DesktopState, Rebuild};
use crate::api::pool::RolloutPhase;
use crate::api::{PROTECT_ANNOTATION, REMOVE_FIRST_ANNOTATION, SETTLE_ANNOTATION};
use crate::plan::image::Obstacle;

pub(super) fn replicas(number: i32) -> Bench {
    Bench::up(json!({"replicas": number}))
}

pub(super) fn annotate(bench: &mut Bench, slot: u32, key: &str) {
    let annotations = bench.at(slot).metadata.annotations.get_or_insert_default();
    annotations.insert(key.into(), "true".into());
}

#[test]
fn a_pool_is_filled_from_the_lowest_slot_and_then_rests() {
    let mut bench = Bench::new(json!({"replicas": 3}));
    let plan = bench.pass();
    assert_eq!(created(&plan), [0, 1, 2]);
    assert_eq!(bench.reason(READY).as_deref(), Some("ScalingOut"));
    assert_eq!(bench.status.desired_replicas, 3);
    bench.settle();
    assert_eq!(bench.said(READY).unwrap().0, "True");
    assert_eq!((bench.status.ready_replicas, bench.status.updated_replicas), (3, 3));
    assert_eq!(bench.status.selector.as_deref(), Some("desktop-operator.io/pool=class"));
    assert!(bench.status.rollout.is_none());
    // One that somebody deleted is made again in its place, once it is gone.
    bench.carry_out(&Step::Delete { name: "class-1".into() });
    assert!(bench.pass().steps.is_empty());
    bench.desktops.remove(&1);
    assert_eq!(created(&bench.pass()), [1]);
}

#[test]
fn many_are_made_in_waves() {
    let mut bench = Bench::new(json!({"replicas": 120}));
    let plan = bench.pass();
    assert_eq!((plan.steps.len(), plan.again.is_zero()), (WAVE, true));
    bench.settle();
    assert_eq!(bench.active(), 120);
}

#[test]
fn what_is_not_the_pools_is_left_alone() {
    let mut bench = Bench::new(json!({"replicas": 3}));
    bench.taken.insert(1, false);
    assert_eq!(created(&bench.pass()), [0, 2]);
    bench.settle();
    assert_eq!(bench.reason(STALLED).as_deref(), Some("NameTaken"));
    assert!(bench.message(STALLED).contains("class-1"));
    // One that is going is waited for.
    bench.taken.insert(1, true);
    bench.settle();
    assert_eq!(bench.said(STALLED), None);
    bench.taken.clear();
    bench.settle();
    assert_eq!(bench.slots(), [0, 1, 2]);
}

#[test]
fn the_least_missed_go_and_what_is_somebodys_stays() {
    let mut bench = replicas(6);
    bench.assign(5, "alice");
    bench.log(4, true);
    bench.status_of(1).state = Some(DesktopState::Stopped);
    bench.break_down(2);
    annotate(&mut bench, 0, PROTECT_ANNOTATION);
    bench.declare(json!({"replicas": 1}));
    assert_eq!(deleted(&bench.pass()), ["class-2", "class-1", "class-3"]);
    bench.settle();
    assert_eq!(bench.slots(), [0, 4, 5]);
    assert_eq!(bench.reason(SCALE_IN_BLOCKED).as_deref(), Some("DesktopsInUse"));
    assert_eq!(bench.reason(RECONCILING).as_deref(), Some("ScaleInBlocked"));
    bench.declare(json!({"scaleIn": {"assigned": "RemoveDisconnected"}}));
    bench.log(4, true);
    bench.log(5, false);
    bench.settle();
    assert_eq!(bench.slots(), [0, 4]);
    bench.declare(json!({"scaleIn": {"assigned": "Remove"}}));
    bench.settle();
    assert_eq!(bench.slots(), [0]);
    assert_eq!(bench.said(SCALE_IN_BLOCKED), None);
    assert_eq!(bench.said(READY).unwrap().0, "True");
}

#[test]
fn a_human_names_the_one_that_goes() {
    let mut bench = replicas(3);
    annotate(&mut bench, 0, REMOVE_FIRST_ANNOTATION);
    assert!(bench.pass().steps.is_empty());
    bench.declare(json!({"replicas": 2}));
    assert_eq!(deleted(&bench.pass()), ["class-0"]);
}

#[test]
fn people_keep_their_desktops_and_get_free_ones() {
    let user = |name: &str| json!({"name": name, "uid": "7"});
    let mut bench = Bench::up(json!({"replicas": 3, "users": [user("alice"), user("bob")]}));
    let of = |bench: &Bench| -> Vec<Option<String>> {
        let users = bench
            .desktops
            .values()
            .map(|d| d.spec.user.as_ref().map(|u| u.name.clone()));
        users.collect()
    };
    assert_eq!(of(&bench), [Some("alice".into()), Some("bob".into()), None]);
    assert_eq!(bench.status.assigned_replicas, 2);
    bench.declare(json!({"users": [user("carol"), user("bob"), user("alice"), user("dave")]}));
    bench.settle();
    assert_eq!(
        of(&bench),
        [Some("alice".into()), Some("bob".into()), Some("carol".into())]
    );
    assert!(
        bench.message(READY).contains("1 of spec.users have no desktop"),
        "{}",
        bench.message(READY)
    );
    bench.declare(json!({"replicas": 4}));
    bench.settle();
    assert_eq!(of(&bench)[3], Some("dave".into()));
    // GWS cannot take a desktop from its user; CapitalOnline can.
    bench.declare(json!({"users": [user("bob"), user("carol"), user("dave")]}));
    bench.settle();
    assert_eq!(of(&bench)[0], Some("alice".into()));
    assert!(bench.message(READY).contains("not in spec.users any more"));
    bench.capabilities = vendor("capitalOnline");
    bench.settle();
    assert_eq!(of(&bench)[0], None);
    // Without a list it is not the pool's business.
    bench.at(0).spec.user = Some(serde_json::from_value(user("erin")).unwrap());
    bench.declare(json!({"users": null}));
    bench.settle();
    assert_eq!(of(&bench)[0], Some("erin".into()));
}

#[test]
fn whom_the_vendor_gave_a_desktop_has_it() {
    let mut bench = replicas(2);
    bench.assign(1, "alice");
    bench.declare(json!({"users": [{"name": "alice", "uid": "7"}]}));
    bench.settle();
    assert_eq!(bench.at(1).spec.user.as_ref().unwrap().name, "alice");
    assert!(bench.at(0).spec.user.is_none());
}

#[test]
fn where_users_are_needed_no_desktop_is_made_without_one() {
    let mut bench = Bench::new(json!({"replicas": 3, "users": [{"name": "alice"}]}));
    bench.capabilities = vendor("cloudDesktop");
    bench.settle();
    assert_eq!(bench.slots(), [0]);
    assert_eq!(bench.reason(STALLED).as_deref(), Some("UsersMissing"));
    bench.declare(json!({"users": [{"name": "alice"}, {"name": "bob"}, {"name": "carol"}]}));
    bench.settle();
    assert_eq!((bench.active(), bench.said(STALLED)), (3, None));
}

#[test]
fn an_autoscaled_pool_keeps_some_free() {
    let mut bench = Bench::up(json!({"autoscale": {"min": 2, "max": 6, "minIdle": 2, "step": 1}}));
    assert_eq!(bench.active(), 2);
    bench.assign(0, "alice");
    bench.assign(1, "bob");
    assert_eq!(created(&bench.pass()), [2]);
    // The next one waits until this one is there.
    assert!(created(&bench.pass()).is_empty());
    bench.settle();
    assert_eq!((bench.active(), bench.status.desired_replicas), (4, 4));
    for (slot, name) in [(2, "carol"), (3, "dave")] {
        bench.assign(slot, name);
    }
    bench.settle();
    bench.assign(4, "erin");
    bench.assign(5, "frank");
    bench.settle();
    assert_eq!(bench.active(), 6);
    // Nobody loses theirs, not even when there may be fewer.
    bench.declare(json!({"autoscale": {"max": 3}}));
    bench.settle();
    assert_eq!(bench.active(), 6);
    assert_eq!(bench.reason(SCALE_IN_BLOCKED).as_deref(), Some("DesktopsInUse"));
    for slot in 2..6 {
        bench.status_of(slot).user = None;
    }
    assert_eq!(deleted(&bench.pass()).len(), 1);
    bench.settle();
    assert_eq!(bench.slots().len(), 3);
    assert!(bench.slots().starts_with(&[0, 1]));
}

#[test]
fn what_only_a_pool_of_the_vendor_could_do_is_refused_before_anything_is_made() {
    for (spec, field) in [
        (json!({"replicas": 1, "type": "Dynamic"}), "spec.type"),
        (json!({"replicas": 1, "existingId": "p-1"}), "spec.existingId"),
        (json!({"replicas": 1, "huaweiWorkspace": {}}), "spec.huaweiWorkspace"),
        (
            json!({"autoscale": {"type": "AccessCreated", "max": 3}}),
            "spec.autoscale.type",
        ),
        (json!({"replicas": 1, "users": [{"name": "alice"}]}), "spec.users"),
    ] {
        let mut bench = Bench::new(spec);
        assert!(bench.pass().steps.is_empty());
        assert_eq!(bench.reason(STALLED).as_deref(), Some("Unsupported"));
        let message = bench.message(STALLED);
        assert!(message.contains(field) && message.contains("gws"), "{message}");
    }
}

#[test]
fn a_paused_pool_does_nothing() {
    let mut bench = replicas(2);
    bench.paused = true;
    bench.declare(json!({"replicas": 5}));
    assert!(bench.pass().steps.is_empty());
    assert_eq!(bench.said(PAUSED).unwrap().0, "True");
    assert_eq!(bench.status.observed_generation, bench.generation - 1);
    bench.deleting = true;
    assert!(!bench.pass().release);
    bench.paused = false;
    bench.deleting = false;
    bench.settle();
    assert_eq!((bench.active(), bench.said(PAUSED)), (5, None));
}

#[test]
fn what_somebody_changed_is_set_back() {
    let mut bench = replicas(2);
    bench.at(1).spec.flavor = Some("huge".into());
    assert_eq!(changed(&bench.pass()), ["class-1"]);
    assert_eq!(bench.at(1).spec.flavor.as_deref(), Some("ecs.g6.large"));
    bench.settle();
    bench.declare(json!({"template": {"metadata": {"labels": {"room": "3b"}}}}));
    assert_eq!(changed(&bench.pass()).len(), 2);
    // A label is no reason to make anything anew.
    assert!(bench.status.rollout.is_none());
}

#[test]
fn without_an_image_nothing_is_made() {
    let mut bench = Bench::new(json!({"replicas": 2}));
    bench.image = Err(Obstacle {
        reason: "ImageNotReady",
        message: "DesktopImage golden is not ready.".into(),
        stalled: false,
    });
    assert!(bench.pass().steps.is_empty());
    assert_eq!(bench.reason(READY).as_deref(), Some("ImageNotReady"));
}

/// A pool of ten at a vendor that makes desktops anew for another image.
pub(super) fn rolling(update: &serde_json::Value) -> Bench {
    Bench::up(json!({"replicas": 10, "update": update}))
}

#[test]
fn a_change_reaches_all_and_never_too_many_at_a_time() {
    let mut bench = rolling(&json!({"maxUnavailable": 2}));
    bench.template("m-2");
    let first = bench.pass();
    assert_eq!(deleted(&first), ["class-0", "class-1"]);
    assert_eq!(bench.phase(), Some(RolloutPhase::Rolling));
    assert_eq!(bench.reason(RECONCILING).as_deref(), Some("RollingOut"));
    // Nothing more until those are back, and Ready.
    assert!(bench.pass().steps.is_empty());
    bench.desktops.remove(&0);
    assert_eq!(created(&bench.pass()), [0]);
    assert!(bench.pass().steps.is_empty());
    bench.settle();
    assert_eq!((bench.updated(), bench.phase()), (10, None));
    assert_eq!(bench.said(READY).unwrap().0, "True");
}

#[test]
fn where_it_can_be_done_desktops_are_rebuilt_in_place() {
    let mut bench = Bench::new(json!({"replicas": 3}));
    bench.capabilities = vendor("capitalOnline");
    bench.settle();
    let uids: Vec<_> = bench.desktops.values().map(|d| d.metadata.uid.clone()).collect();
    bench.template("m-2");
    assert_eq!(changed(&bench.pass()), ["class-0"]);
    bench.settle();
    assert_eq!(bench.updated(), 3);
    let after: Vec<_> = bench.desktops.values().map(|d| d.metadata.uid.clone()).collect();
    assert_eq!(uids, after);
    // Another flavor cannot be had in place anywhere.
    bench.declare(json!({"template": {"spec": {"flavor": "other"}}}));
    assert_eq!(deleted(&bench.pass()), ["class-0"]);
}

#[test]
fn what_is_out_of_service_is_changed_first_and_for_free() {
    let mut bench = rolling(&json!({"maxUnavailable": 2}));
    bench.break_down(7);
    bench.make_busy(8);
    bench.status_of(5).state = Some(DesktopState::Stopped);
    bench.template("m-2");
    assert_eq!(deleted(&bench.pass()), ["class-7", "class-8"]);
    bench.desktops.remove(&7);
    bench.desktops.remove(&8);
    bench.pass();
    bench.make_ready(7);
    assert_eq!(deleted(&bench.pass()), ["class-5"]);
}

/// What is not known to be out of service is not taken for it.
#[test]
fn nothing_is_changed_while_nobody_knows_how_it_is() {
    let mut bench = rolling(&json!({}));
    bench.template("m-2");
    bench.declare(json!({"deletionPolicy": "Delete"}));
    let first = bench.pass();
    assert_eq!((deleted(&first).len(), changed(&first).len()), (1, 9));
    // All are behind their new spec now: that makes none of them free.
    assert!(deleted(&bench.pass()).is_empty());
}

#[test]
fn canaries_are_tried_before_the_rest() {
    let canary = json!({"maxUnavailable": 3, "canary": {"percent": 20, "soakSeconds": 60}});
    let mut bench = rolling(&canary);
    bench.later(3600);
    bench.template("m-2");
    assert_eq!(deleted(&bench.pass()).len(), 2);
    assert_eq!(bench.phase(), Some(RolloutPhase::Canary));
    bench.settle();
    assert_eq!((bench.updated(), bench.phase()), (2, Some(RolloutPhase::Soaking)));
    bench.later(59);
    let plan = bench.pass();
    assert!(plan.steps.is_empty());
    assert!(plan.again.as_secs() <= 1, "{:?}", plan.again);
    // One that is not Ready for a moment begins anew.
    bench.make_busy(0);
    bench.pass();
    assert_eq!(bench.phase(), Some(RolloutPhase::Canary));
    bench.make_ready(0);
    bench.later(59);
    assert!(bench.pass().steps.is_empty());
    bench.later(1);
    assert_eq!(deleted(&bench.pass()).len(), 3);
    assert_eq!(bench.phase(), Some(RolloutPhase::Rolling));
    bench.settle();
    assert_eq!((bench.updated(), bench.phase()), (10, None));
}

#[test]
fn a_failing_canary_halts_and_the_old_template_goes_back() {
    let canary = json!({"maxUnavailable": 3, "canary": {"percent": 20, "soakSeconds": 600}});
    let mut bench = rolling(&canary);
    bench.template("m-bad");
    bench.pass();
    bench.desktops.retain(|_, d| d.metadata.deletion_timestamp.is_none());
    bench.pass();
    bench.make_ready(0);
    bench.break_down(1);
    let plan = bench.pass();
    assert!(plan.halted && plan.steps.is_empty());
    assert!(!bench.pass().halted, "said once");
    assert_eq!(bench.phase(), Some(RolloutPhase::Halted));
    assert_eq!(bench.reason(STALLED).as_deref(), Some("RolloutHalted"));
    let message = bench.message(ROLLOUT_HALTED);
    assert!(
        message.contains("class-1") && message.contains("It is broken."),
        "{message}"
    );
    bench.later(7200);
    assert!(bench.pass().steps.is_empty());
    // Back, without a wait: eight desktops never left that revision.
    bench.template("m-1");
    assert_eq!(deleted(&bench.pass()), ["class-1", "class-0"]);
    assert_eq!((bench.said(ROLLOUT_HALTED), bench.said(STALLED)), (None, None));
    bench.settle();
    assert_eq!((bench.updated(), bench.phase()), (10, None));
}

#[test]
fn one_that_does_not_become_ready_in_time_has_failed() {
    let mut bench = rolling(&json!({"progressDeadlineSeconds": 300}));
    bench.template("m-2");
    bench.pass();
    bench.desktops.remove(&0);
    bench.pass();
    bench.make_busy(0);
    bench.later(299);
    let plan = bench.pass();
    assert_ne!(bench.phase(), Some(RolloutPhase::Halted));
    assert!(plan.again.as_secs() <= 1, "{:?}", plan.again);
    bench.later(1);
    bench.pass();
    assert_eq!(bench.phase(), Some(RolloutPhase::Halted));
    // It is Ready after all: the rest follows.
    bench.make_ready(0);
    bench.settle();
    assert_eq!(bench.updated(), 10);
}

#[test]
fn failures_halt_later_too_once_they_use_up_what_may_be_out() {
    let mut bench = rolling(&json!({"maxUnavailable": 2, "canary": {"percent": 10, "soakSeconds": 0}}));
    bench.template("m-2");
    bench.pass();
    bench.catch_up();
    bench.pass();
    bench.catch_up();
    bench.pass();
    assert_eq!(bench.phase(), Some(RolloutPhase::Rolling));
    bench.break_down(0);
    bench.pass();
    assert_ne!(bench.phase(), Some(RolloutPhase::Halted));
    bench.catch_up();
    bench.pass();
    bench.catch_up();
    bench.break_down(1);
    bench.pass();
    assert_eq!(bench.phase(), Some(RolloutPhase::Halted));
}

#[test]
fn desktops_of_people_wait_for_their_logoff() {
    let mut bench = Bench::new(json!({
        "replicas": 4,
        "users": [{"name": "alice"}, {"name": "bob"}, {"name": "carol"}],
        "update": {"maxUnavailable": 4},
    }));
    bench.capabilities = vendor("capitalOnline");
    bench.settle();
    bench.log(0, true);
    bench.log(1, false);
    bench.template("m-2");
    // Of the third nobody knows whether she is logged on.
    assert_eq!(changed(&bench.pass()), ["class-3", "class-1"]);
    bench.settle();
    assert_eq!(bench.phase(), Some(RolloutPhase::Waiting));
    assert_eq!(bench.reason(RECONCILING).as_deref(), Some("RollingOut"));
    bench.status_of(2).state = Some(DesktopState::Stopped);
    assert_eq!(changed(&bench.pass()), ["class-2"]);
    bench.log(0, false);
    bench.settle();
    assert_eq!((bench.updated(), bench.phase()), (4, None));
    bench.log(0, true);
    bench.template("m-3");
    bench.declare(json!({"update": {"whenAssigned": "Never"}}));
    bench.settle();
    assert_eq!((bench.updated(), bench.phase()), (1, None));
    assert_eq!(bench.said(READY).unwrap().0, "True");
    assert!(bench.message(READY).contains("3 desktops are of an older revision"));
    bench.declare(json!({"update": {"whenAssigned": "Now"}}));
    bench.settle();
    assert_eq!(bench.updated(), 4);
}

/// Whether it was rebuilt is not known: again is harmless where there is nobody's work on it, and else a human decides.
#[test]
fn a_rebuild_in_doubt_is_repeated_where_nothing_can_be_lost() {
    let mut bench = Bench::new(json!({"replicas": 2, "users": [{"name": "alice"}]}));
    bench.capabilities = vendor("capitalOnline");
    bench.settle();
    for slot in [0, 1] {
        let sent_time = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(bench.now);
        bench.status_of(slot).rebuild = Some(Rebuild {
            image_id: "m-1".into(),
            attempt: 3,
            sent_time,
        });
    }
    assert!(bench.pass().steps.is_empty());
    for slot in [0, 1] {
        bench.stall(slot, "RebuildOutcomeUnknown");
    }
    assert_eq!(changed(&bench.pass()), ["class-1"]);
    let annotations = bench.at(1).metadata.annotations.clone().unwrap();
    assert_eq!(annotations[SETTLE_ANNOTATION], "rebuild-3-repeat");
    assert!(bench.pass().steps.is_empty());
    // Where the vendor tells the image, and nobody can have worked since, it is known that it was not.
    bench.capabilities.observe_image = true;
    bench.status_of(0).image_id = Some("m-0".into());
    assert!(bench.pass().steps.is_empty());
    bench.status_of(0).state = Some(DesktopState::Stopped);
    assert_eq!(changed(&bench.pass()), ["class-0"]);
}

/// With a new desktop an assignment that was made elsewhere would be lost.
#[test]
fn a_desktop_given_away_at_the_vendor_is_made_anew_only_at_once() {
    let mut bench = replicas(2);
    bench.assign(1, "alice");
    bench.log(1, false);
    bench.template("m-2");
    bench.settle();
    assert_eq!((bench.updated(), bench.phase()), (1, None));
    bench.declare(json!({"update": {"whenAssigned": "Now"}}));
    bench.settle();
    assert_eq!(bench.updated(), 2);
}

#[test]
fn a_protected_desktop_keeps_its_disk() {
    let mut bench = replicas(2);
    annotate(&mut bench, 0, PROTECT_ANNOTATION);
    bench.template("m-2");
    bench.settle();
    assert_eq!((bench.updated(), bench.phase()), (1, None));
}

#[test]
fn a_roll_out_is_paused_or_left_to_deletions() {
    let mut bench = rolling(&json!({"paused": true}));
    bench.template("m-2");
    assert!(bench.pass().steps.is_empty());
    assert_eq!(bench.phase(), Some(RolloutPhase::Paused));
    bench.declare(json!({"update": {"paused": false, "strategy": "OnDelete"}}));
    bench.settle();
    assert_eq!((bench.updated(), bench.phase()), (0, None));
    bench.desktops.remove(&4);
    bench.settle();
    assert_eq!(bench.updated(), 1);
}

#[test]
fn the_brake_holds_scale_in_and_says_until_when() {
    let mut bench = replicas(10);
    bench.brake("20%/1h");
    bench.declare(json!({"replicas": 5}));
    let plan = bench.pass();
    assert_eq!((deleted(&plan).len(), plan.removed), (2, 2));
    assert_eq!(bench.status.removals.len(), 1, "written before it is done");
    bench.settle();
    assert_eq!(bench.active(), 8);
    assert_eq!(bench.reason(SCALE_IN_BLOCKED).as_deref(), Some("Brake"));
    bench.later(3599);
    assert!(bench.pass().steps.is_empty());
    bench.later(1);
    assert_eq!(deleted(&bench.pass()).len(), 1);
    bench.settle();
    bench.brake.released_until = Some(bench.now + jiff::SignedDuration::from_secs(9));
    bench.settle();
    assert_eq!((bench.active(), bench.said(SCALE_IN_BLOCKED)), (5, None));
    bench.brake("nonsense");
    bench.brake.released_until = None;
    bench.declare(json!({"replicas": 4}));
    bench.settle();
    assert_eq!(bench.active(), 5);
    assert!(bench.message(SCALE_IN_BLOCKED).contains("nonsense"));
}

#[test]
fn a_deleted_pool_waits_for_its_desktops() {
    let mut bench = replicas(3);
    bench.assign(0, "alice");
    bench.deleting = true;
    assert_eq!(deleted(&bench.pass()), ["class-2", "class-1", "class-0"]);
    assert!(!bench.pass().release);
    assert!(bench.message(READY).contains("3 desktops"));
    bench.desktops.clear();
    assert!(bench.pass().release);
}

#[test]
fn a_deleted_pool_says_what_holds_it() {
    let mut bench = replicas(10);
    bench.brake("20%/1h");
    annotate(&mut bench, 9, PROTECT_ANNOTATION);
    bench.deleting = true;
    assert_eq!(deleted(&bench.pass()), ["class-8", "class-7"]);
    assert_eq!(bench.reason(DELETION_BLOCKED).as_deref(), Some("Brake"));
    bench.brake.released_until = Some(bench.now + jiff::SignedDuration::from_secs(9));
    bench.pass();
    bench.desktops.retain(|slot, _| *slot == 9);
    bench.pass();
    assert_eq!(bench.reason(DELETION_BLOCKED).as_deref(), Some("Protected"));
    bench.at(9).metadata.annotations.as_mut().unwrap().clear();
    assert_eq!(deleted(&bench.pass()), ["class-9"]);
}

#[test]
fn what_is_retained_is_told_so_before_its_object_goes() {
    let mut bench = replicas(2);
    bench.brake("10%/1h");
    bench.deleting = true;
    bench.declare(json!({"deletionPolicy": "Retain"}));
    let plan = bench.pass();
    assert_eq!((changed(&plan).len(), deleted(&plan).len()), (2, 0));
    let plan = bench.pass();
    assert_eq!((deleted(&plan).len(), plan.removed), (2, 0));
    assert!(plan.notices[0].note.contains("Retain"));
}
