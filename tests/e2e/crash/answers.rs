//! Answers that cannot be trusted: whatever the vendor or the API server says, or does not say, to a request that
//! changes something, before or after it took effect.

use serde_json::{Value, json};

use desktop_operator::api::{Desktop, DesktopCluster, RESTART_ANNOTATION};
use desktop_operator::sim::{Fault, FaultKind, SimConfig};

use super::bench::{Bench, Mortal, points};
use super::report::Report;
use crate::harness::object;
use crate::proxy::{Effect, Moment};
use crate::world::{Seen, World};

/// What a vendor, or what stands before it, can do to an answer.
fn spoilt() -> Vec<(&'static str, FaultKind)> {
    let code = |http: u16, code: &str| FaultKind::Code {
        http,
        code: code.into(),
        message: "scripted".into(),
    };
    vec![
        ("no answer", FaultKind::Timeout),
        ("reset", FaultKind::Reset),
        ("HTTP 500 InternalError", code(500, "InternalError")),
        ("HTTP 503 ServiceUnavailable", code(503, "ServiceUnavailable")),
        ("HTTP 502, empty", FaultKind::Status { http: 502, page: false }),
        ("HTTP 504, a page", FaultKind::Status { http: 504, page: true }),
        ("HTTP 200, a page", FaultKind::Html),
        ("cut off", FaultKind::Truncated),
        ("wrong types", FaultKind::WrongTypes),
        ("too long", FaultKind::Oversize),
        ("trickling", FaultKind::Slow { bytes_per_second: 1 }),
    ]
}

/// One object for each kind of spoilt answer, before and after the effect.
struct Case {
    name: String,
    number: usize,
    kind: FaultKind,
    moment: Moment,
    words: String,
}

fn cases(prefix: &str) -> Vec<Case> {
    let both = [(Moment::Before, "before"), (Moment::After, "after")];
    let all = spoilt()
        .into_iter()
        .flat_map(|fault| both.map(|moment| (fault.clone(), moment)));
    all.enumerate()
        .map(|(number, ((fault, kind), (moment, when)))| Case {
            name: format!("{prefix}{number:02}"),
            number,
            kind,
            moment,
            words: format!("{fault} {when} it took effect"),
        })
        .collect()
}

impl Case {
    /// Spoils the answer to this case's next request of an action, which is known by a parameter.
    fn spoil(&self, world: &World, action: &str, parameter: (&str, &str)) {
        let point = Fault::on(action).with(parameter.0, parameter.1);
        let point = match self.moment {
            Moment::Before => point.before_commit(),
            Moment::After => point.after_commit(),
        };
        world.sim.fault(point.kind(self.kind.clone()));
    }
}

/// Every fault has met its request.
fn all_struck(world: &World) {
    let idle: Vec<_> = world
        .sim
        .read(|w| w.faults.iter().filter(|f| f.struck == 0).cloned().collect());
    assert!(idle.is_empty(), "{idle:#?}");
    world.sim.clear_faults();
}

/// How often an action on this object took effect.
fn took_effect(world: &World, action: &str, id: &str) -> usize {
    let ledger = world.ledger();
    let all = ledger.committed(action);
    all.iter().filter(|e| e.ids.iter().any(|i| i == id)).count()
}

/// Shorter than an intent lives, so that a call without an answer ends while its intent is open.
const FLAGS: [&str; 2] = ["--leader-elect=false", "--call-deadline=1s"];

#[tokio::test]
async fn no_answer_of_the_vendor_makes_two_desktops_or_loses_one() {
    let bench = Bench::start(SimConfig::fast(20.0), &FLAGS).await;
    let (world, mut report) = (&bench.world, Report::default());
    world.office().await;
    let cases = cases("d");
    for case in &cases {
        let disk = 100 + case.number;
        case.spoil(world, "CreateInstance", ("SystemDiskSize", &disk.to_string()));
        let spec = json!({
            "flavor": "ecs.gn6i-c4g1.xlarge",
            "systemDisk": {"sizeGiB": disk},
            "displayPolicy": {"visualLossless": false},
        });
        world.desktop(&case.name, spec).await;
    }
    let mut ids = Vec::new();
    for case in &cases {
        bench.judge_made::<Desktop>(&case.name).await;
        ids.push(world.id(&case.name).await);
        report.survived("create", case.number, "CreateInstance", &case.words);
    }
    all_struck(world);

    let verbs: [(&str, &str, Value); 4] = [
        (
            "policy",
            "SetInstancePolicy",
            json!({"spec": {"displayPolicy": {"optimizeFor3d": true}}}),
        ),
        (
            "restart",
            "RestartInstance",
            json!({"metadata": {"annotations": {RESTART_ANNOTATION: "now"}}}),
        ),
        ("stop", "StopInstance", json!({"spec": {"power": "Stopped"}})),
        ("start", "StartInstance", json!({"spec": {"power": "Running"}})),
    ];
    for (scene, action, patch) in verbs {
        for (case, id) in cases.iter().zip(&ids) {
            case.spoil(world, action, ("InstanceId", id));
            world.patch::<Desktop>(&case.name, patch.clone()).await;
        }
        for (case, id) in cases.iter().zip(&ids) {
            let what = format!("is as wanted after {action}, {}", case.words);
            object(&world.api::<Desktop>(), &case.name, &what, |d| {
                d.is("Ready", "True") && as_wanted(d)
            })
            .await;
            let done = took_effect(world, action, id);
            if action == "RestartInstance" {
                // Better none than two.
                assert_eq!(done, usize::from(case.moment == Moment::After), "{what}");
            } else {
                assert!((1..=2).contains(&done), "{what}: {done} times");
            }
            report.survived(scene, case.number, action, &case.words);
        }
        all_struck(world);
    }
    world.sim.read(|w| {
        for id in &ids {
            let instance = &w.gws.instances[id];
            assert_eq!(instance.status, "Registered");
            assert_eq!(instance.display.as_ref().unwrap()["OptimizeFor3d"], "on");
        }
    });

    for (case, id) in cases.iter().zip(&ids) {
        case.spoil(world, "DeleteInstance", ("InstanceId", id));
        world.delete::<Desktop>(&case.name).await;
    }
    for case in &cases {
        bench.judge_gone::<Desktop>(&case.name).await;
        report.survived("delete", case.number, "DeleteInstance", &case.words);
    }
    all_struck(world);
    bench.no_orphans("office").await;
    assert_eq!(world.instances(), 0);
    report.show("answers of the vendor about desktops");
    assert_eq!(report.distinct(), cases.len() * 6);
}

/// What the spec asks for besides the desktop being there.
fn as_wanted(desktop: &Desktop) -> bool {
    let status = desktop.status.as_ref().unwrap();
    let asked = desktop
        .metadata
        .annotations
        .as_ref()
        .and_then(|a| a.get(RESTART_ANNOTATION));
    let enforced = desktop.condition("PolicyEnforced").is_some_and(|c| c.0 == "True");
    enforced && status.restart.as_ref() == asked
}

#[tokio::test]
async fn no_answer_of_the_vendor_makes_two_clusters_or_loses_one() {
    let cases = cases("c");
    let mut config = SimConfig::fast(20.0);
    config.vpcs = cases.iter().map(|case| format!("vpc-{}", case.name)).collect();
    let bench = Bench::start(config, &FLAGS).await;
    let (world, mut report) = (&bench.world, Report::default());
    for case in &cases {
        case.spoil(world, "CreateCluster", ("VpcId", &format!("vpc-{}", case.name)));
        DesktopCluster::apply(&bench, &case.name).await;
    }
    let mut ids = Vec::new();
    for case in &cases {
        bench.judge_made::<DesktopCluster>(&case.name).await;
        let cluster: DesktopCluster = world.get(&case.name).await;
        ids.push(cluster.vendor_id().unwrap());
        report.survived("create", case.number, "CreateCluster", &case.words);
    }
    all_struck(world);
    let verbs: [(&str, &str, Value); 2] = [
        (
            "policy",
            "SetClusterPolicy",
            json!({"spec": {"policy": {"watermark": {"enabled": false}}}}),
        ),
        ("name", "SetClusterName", json!({"spec": {"displayName": "Another"}})),
    ];
    for (scene, action, patch) in verbs {
        let before = world.ledger().position();
        for (case, id) in cases.iter().zip(&ids) {
            case.spoil(world, action, ("ClusterId", id));
            world.patch::<DesktopCluster>(&case.name, patch.clone()).await;
        }
        for (case, id) in cases.iter().zip(&ids) {
            world.ready::<DesktopCluster>(&case.name).await;
            let ledger = world.ledger();
            let done = ledger
                .writes_since(before)
                .iter()
                .filter(|e| e.action == action && e.ids.contains(id))
                .count();
            assert!((1..=2).contains(&done), "{action}, {}: {done} times", case.words);
            report.survived(scene, case.number, action, &case.words);
        }
        all_struck(world);
    }
    for (case, id) in cases.iter().zip(&ids) {
        case.spoil(world, "DeleteCluster", ("ClusterId", id));
        world.delete::<DesktopCluster>(&case.name).await;
    }
    for case in &cases {
        bench.judge_gone::<DesktopCluster>(&case.name).await;
        report.survived("delete", case.number, "DeleteCluster", &case.words);
    }
    all_struck(world);
    report.show("answers of the vendor about clusters");
    assert_eq!(report.distinct(), cases.len() * 4);
}

#[tokio::test]
async fn no_answer_of_the_api_server_makes_two_or_loses_one() {
    let mut bench = Bench::start(SimConfig::fast(20.0), &FLAGS[..1]).await;
    bench.world.office().await;
    let (made, gone) = bench.reference::<Desktop>("reference").await;
    let effects = [
        ("409", "HTTP 409", Effect::Status(409)),
        ("429", "HTTP 429", Effect::Status(429)),
        ("503", "HTTP 503", Effect::Status(503)),
        ("cut", "connection lost", Effect::Break),
    ];
    for (prefix, words, effect) in effects {
        for (letter, when, moment) in [("b", "before", Moment::Before), ("a", "after", Moment::After)] {
            let all = points(&format!("{letter}{prefix}-"), made);
            let how = format!("{words} {when} it took effect");
            bench.arm(&all, moment, effect);
            for (name, _) in &all {
                Desktop::apply(&bench, name).await;
            }
            for (name, _) in &all {
                bench.judge_made::<Desktop>(name).await;
            }
            bench.note("create", &all, &how);
            let all: Vec<_> = all
                .iter()
                .zip((1..=gone).cycle())
                .map(|((name, _), n)| (name.clone(), n))
                .collect();
            bench.arm(&all, moment, effect);
            for (name, _) in &all {
                bench.world.delete::<Desktop>(name).await;
            }
            for (name, _) in &all {
                bench.judge_gone::<Desktop>(name).await;
            }
            bench.note("delete", &all, &how);
        }
    }
    bench.no_orphans("office").await;
    bench.report.show("answers of the API server");
    assert!(bench.report.distinct() >= 80);
}
