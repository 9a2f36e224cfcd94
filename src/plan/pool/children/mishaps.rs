//! What goes wrong around a pool, and what people do to it that a manifest does not say.

use serde_json::json;

use super::bench::{Bench, created, deleted, vendor};
use super::tests::{annotate, replicas, rolling};
use crate::api::condition::{DELETION_BLOCKED, READY, SCALE_IN_BLOCKED, STALLED};
use crate::api::desktop::DesktopState;
use crate::api::pool::RolloutPhase;
use crate::api::{PROTECT_ANNOTATION, SETTLE_ANNOTATION};

#[test]
fn what_the_api_server_refuses_is_said_until_it_is_done() {
    let mut bench = Bench::new(json!({"replicas": 2}));
    bench.refused = Some("exceeded quota: desktops.".into());
    let plan = bench.plan();
    assert_eq!(created(&plan).len(), 2, "it is tried again");
    bench.status = plan.status;
    assert_eq!(bench.reason(STALLED).as_deref(), Some("DesktopRefused"));
    assert!(bench.message(STALLED).contains("exceeded quota: desktops. It"));
    assert_eq!(plan.notices.iter().filter(|n| n.reason == "DesktopRefused").count(), 1);
    let again = bench.plan();
    assert_eq!(again.status, bench.status, "nothing new is written");
    bench.settle();
    assert_eq!((bench.said(STALLED), bench.active()), (None, 2));
    bench.deleting = true;
    bench.pass();
    assert_eq!(bench.reason(DELETION_BLOCKED).as_deref(), Some("DesktopRefused"));
}

/// `kubectl delete --cascade=orphan`: whoever says so keeps the desktops.
#[test]
fn what_kubernetes_takes_from_a_deleted_pool_is_not_deleted() {
    let mut bench = replicas(3);
    bench.deleting = true;
    bench.orphaning = true;
    let plan = bench.pass();
    assert!(plan.steps.is_empty() && !plan.release);
    assert!(bench.message(READY).contains("--cascade=orphan"));
    bench.desktops.clear();
    assert!(bench.pass().release);
}

/// What the pool itself writes cannot be had from the template: it would never come to rest.
#[test]
fn a_template_does_not_say_what_the_pool_writes() {
    let mut bench = Bench::new(json!({"replicas": 2, "template": {"metadata": {
        "labels": {"desktop-operator.io/revision": "mine", "room": "3b"},
        "annotations": {SETTLE_ANNOTATION: "rebuild-1-repeat", "desktop-operator.io/revision-since": "once"},
    }}}));
    bench.settle();
    assert_eq!((bench.updated(), bench.said(READY).unwrap().0), (2, "True".into()));
    let metadata = &bench.at(0).metadata;
    assert_eq!(metadata.labels.as_ref().unwrap()["room"], "3b");
    assert!(!metadata.annotations.as_ref().unwrap().contains_key(SETTLE_ANNOTATION));
}

/// A desktop that has vanished would fail with any template, the old one included.
#[test]
fn a_lost_desktop_of_nobody_does_not_hold_up_a_roll_out() {
    let lost = |spec: serde_json::Value| {
        let mut bench = Bench::new(spec);
        bench.capabilities = vendor("capitalOnline");
        bench.settle();
        bench.status_of(1).state = Some(DesktopState::Lost);
        bench.stall(1, "Lost");
        bench
    };
    let mut bench = lost(json!({"replicas": 3}));
    assert!(
        bench.pass().steps.is_empty(),
        "a human decides, as long as nothing else changes"
    );
    assert!(bench.message(STALLED).contains("class-1"));
    bench.template("m-2");
    assert_eq!(deleted(&bench.pass()), ["class-1"]);
    bench.settle();
    assert_eq!((bench.updated(), bench.phase()), (3, None));
    // Somebody's, a protected one and one that is paid for stay what they are.
    let mut theirs = lost(json!({"replicas": 3, "users": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}));
    theirs.template("m-2");
    let mut kept = lost(json!({"replicas": 3}));
    annotate(&mut kept, 1, PROTECT_ANNOTATION);
    kept.template("m-2");
    for mut bench in [theirs, kept] {
        assert!(deleted(&bench.pass()).is_empty());
    }
}

#[test]
fn a_trial_that_was_passed_is_not_asked_for_again() {
    let update = json!({"maxUnavailable": 2, "canary": {"percent": 20, "soakSeconds": 60}});
    let mut bench = rolling(&update);
    bench.template("m-2");
    bench.settle();
    assert_eq!(bench.phase(), Some(RolloutPhase::Soaking));
    bench.later(61);
    bench.pass();
    assert_eq!(bench.phase(), Some(RolloutPhase::Rolling));
    assert!(bench.status.rollout.as_ref().unwrap().canary_passed);
    bench.declare(json!({"update": {"paused": true}}));
    bench.pass();
    assert_eq!(bench.phase(), Some(RolloutPhase::Paused));
    // A canary is started anew by its user meanwhile.
    bench.catch_up();
    let canary = bench.slots().into_iter().find(|slot| bench.is_updated(*slot)).unwrap();
    bench.make_busy(canary);
    bench.later(1);
    bench.make_ready(canary);
    bench.declare(json!({"update": {"paused": false}}));
    bench.pass();
    assert_eq!(bench.phase(), Some(RolloutPhase::Rolling));
}

#[test]
fn what_a_human_has_to_see_to_is_named_where_it_holds_up_a_roll_out() {
    let mut bench = replicas(3);
    bench.assign(2, "alice");
    bench.log(2, true);
    bench.break_down(2);
    bench.template("m-2");
    assert!(bench.pass().steps.is_empty());
    let message = bench.message(READY);
    assert!(
        message.contains("maxUnavailable") && message.contains("class-2"),
        "{message}"
    );
}

#[test]
fn what_is_left_to_deletions_is_counted() {
    let mut bench = rolling(&json!({"strategy": "OnDelete"}));
    bench.template("m-2");
    bench.settle();
    assert_eq!(bench.said(READY).unwrap().0, "True");
    assert!(bench.message(READY).contains("10 desktops are of an older revision"));
}

/// Nobody loses a desktop because there may be fewer of them.
#[test]
fn a_lowered_maximum_takes_nothing_from_anybody() {
    let users: Vec<_> = ["a", "b", "c"].map(|name| json!({"name": name, "uid": "7"})).to_vec();
    let mut bench =
        Bench::up(json!({"autoscale": {"max": 6, "minIdle": 1}, "users": users, "scaleIn": {"assigned": "Remove"}}));
    assert_eq!(bench.active(), 4);
    bench.declare(json!({"autoscale": {"max": 2}}));
    bench.settle();
    assert_eq!(bench.active(), 3);
    assert!(bench.message(SCALE_IN_BLOCKED).contains("takes nothing from anybody"));
}
