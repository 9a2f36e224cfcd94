//! What fails says so in plain words, is tried again at a bearable pace, harms nobody else and heals by itself.

mod accounts;
mod vendors;

use std::collections::BTreeSet;
use std::time::Duration;

use desktop_operator::api::{Desktop, DesktopCluster, DesktopProvider};
use desktop_operator::plan::{Limits, backoff};
use desktop_operator::sim::{AccountEdit, Fault, FaultKind, FaultPoint, GwsEdit, SimConfig};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::harness::{Operator, eventually, object};
use crate::world::{Seen, World};

/// Another account at the vendor, with its Secret and its provider.
async fn account(world: &World, name: &str, secret: Value, gws: Value) {
    world.edit(AccountEdit::AddKey {
        account: name.into(),
        key_id: name.into(),
        secret: "right".into(),
    });
    if !secret.is_null() {
        put_secret(world, name, secret).await;
    }
    let mut spec = json!({"region": "cn-hangzhou", "endpoint": world.sim.url()});
    spec.as_object_mut().unwrap().extend(gws.as_object().unwrap().clone());
    let provider = json!({
        "apiVersion": "desktop-operator.io/v1alpha1", "kind": "DesktopProvider", "metadata": {"name": name},
        "spec": {
            "gws": spec,
            "credentialsSecretRef": {"namespace": world.env.namespace, "name": name},
            "allowedNamespaces": {},
            "rateLimit": {"requestsPerSecond": 500, "burst": 500},
        },
    });
    world.env.apply(&provider.to_string()).await;
}

async fn put_secret(world: &World, name: &str, data: Value) {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data});
    world.env.apply(&secret.to_string()).await;
}

fn right(name: &str) -> Value {
    json!({"accessKeyId": name, "accessKeySecret": "right"})
}

/// Whether all these words stand in a text.
fn holds(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no {word:?} in {text:?}");
    }
}

fn calls_of(world: &World, account: &str, action: &str) -> usize {
    let ledger = world.ledger();
    ledger
        .entries()
        .filter(|e| e.account == account && e.action == action)
        .count()
}

/// A desktop that the vendor refuses.
struct Refused {
    name: &'static str,
    spec: Value,
    fault: Option<FaultKind>,
    stalled: bool,
    reason: &'static str,
    words: &'static [&'static str],
    cure: Option<Value>,
}

fn code(http: u16, code: &str) -> FaultKind {
    FaultKind::Code {
        http,
        code: code.to_owned(),
        message: "The request is refused.".to_owned(),
    }
}

fn refused_desktops() -> Vec<Refused> {
    let refused = |name, spec, reason, words| Refused {
        name,
        spec,
        fault: None,
        stalled: true,
        reason,
        words,
        cure: None,
    };
    vec![
        Refused {
            cure: Some(json!({"flavor": "ecs.g6.large"})),
            ..refused(
                "flavor",
                json!({"flavor": "ecs.none"}),
                "NotFoundAtVendor",
                &["spec.flavor"],
            )
        },
        Refused {
            cure: Some(json!({"image": {"id": crate::world::IMAGE}})),
            ..refused(
                "image",
                json!({"image": {"id": "m-none"}}),
                "NotFoundAtVendor",
                &["spec.image.id"],
            )
        },
        Refused {
            cure: Some(json!({"systemDisk": {"category": "cloud_essd"}})),
            ..refused(
                "disk",
                json!({"systemDisk": {"category": "floppy"}}),
                "RefusedByVendor",
                &["spec.systemDisk", "Correct the spec"],
            )
        },
        Refused {
            fault: Some(code(400, "InvalidName.Duplicate")),
            ..refused(
                "name",
                json!({"displayName": "Taken"}),
                "RefusedByVendor",
                &["spec.displayName"],
            )
        },
        Refused {
            fault: Some(code(403, "QuotaExceed.Instance")),
            ..refused(
                "quota",
                json!({"flavor": "ecs.g6.xlarge"}),
                "QuotaExceeded",
                &["Raise the quota"],
            )
        },
        Refused {
            fault: Some(code(403, "OperationDenied.NoStock")),
            stalled: false,
            ..refused(
                "stock",
                json!({"flavor": "ecs.g7.large"}),
                "OutOfStock",
                &["another flavor", "tried again"],
            )
        },
        Refused {
            fault: Some(code(400, "InDebt")),
            ..refused(
                "arrears",
                json!({"flavor": "ecs.g7.xlarge"}),
                "BillingProblem",
                &["bills"],
            )
        },
    ]
}

#[tokio::test]
async fn what_the_vendor_refuses_names_the_field_and_what_to_do() {
    let world = World::start().await;
    world.office().await;
    let cases = refused_desktops();
    for case in &cases {
        if let Some(fault) = case.fault.clone() {
            let at: FaultPoint = match case.spec.get("flavor").and_then(Value::as_str) {
                Some(flavor) => Fault::on("CreateInstance").with("InstanceType", flavor),
                None => Fault::on("CreateInstance").with("InstanceType", "ecs.r6.large"),
            };
            world.sim.fault(at.always().kind(fault));
        }
        let mut spec = case.spec.clone();
        if case.name == "name" {
            spec["flavor"] = json!("ecs.r6.large");
        }
        world.desktop(case.name, spec).await;
    }
    // The fields that nobody can change afterwards.
    world
        .cluster("network", json!({"network": {"vpcId": "vpc-none"}}))
        .await;
    let no_type = Fault::on("CreateCluster").with("ClusterType", "gws.s1.advanced");
    world.sim.fault(
        no_type
            .always()
            .code(400, "InvalidClusterType.NotSupported", "Not here."),
    );
    world
        .cluster(
            "type",
            json!({"gws": {"clusterType": "gws.s1.advanced"}, "network": {"vpcId": "vpc-3"}}),
        )
        .await;
    for (name, reason, field) in [
        ("network", "NotFoundAtVendor", "spec.network.vpcId"),
        ("type", "RefusedByVendor", "spec.gws.clusterType"),
    ] {
        let seen: DesktopCluster = world.reason(name, "Stalled", reason).await;
        holds(&seen.says("Ready"), &[field, "delete this one", "Next attempt after"]);
        world.event(name, reason).await;
    }
    for case in &cases {
        let seen: Desktop = world.reason(case.name, "Ready", case.reason).await;
        assert_eq!(seen.condition("Stalled").is_some(), case.stalled, "{}", case.name);
        holds(&seen.says("Ready"), case.words);
        holds(&seen.says("Ready"), &["Next attempt after"]);
        let error = seen.status.unwrap().last_error.unwrap();
        assert!(error.code.is_some() && error.request_id.is_some(), "{error:?}");
        if case.stalled {
            world.event(case.name, case.reason).await;
        }
    }
    assert_eq!(world.instances(), 0);

    // A wrong value is put right; every other cause goes by itself.
    for case in &cases {
        if let Some(cure) = &case.cure {
            world.patch::<Desktop>(case.name, json!({"spec": cure})).await;
        }
    }
    world.sim.clear_faults();
    for case in &cases {
        let seen: Desktop = world.ready(case.name).await;
        assert!(seen.status.as_ref().unwrap().retry.is_none() && seen.condition("Stalled").is_none());
    }
    assert_eq!(world.instances(), cases.len());
    world.ready::<DesktopCluster>("type").await;
    // A network that is made later is found by itself, and what waits for it goes on.
    world
        .desktop("patient", json!({"clusterRef": {"name": "network"}}))
        .await;
    world.reason::<Desktop>("patient", "Ready", "ClusterNotReady").await;
    world.edit(GwsEdit::AddVpc {
        vpc_id: "vpc-none".into(),
    });
    let network: DesktopCluster = world.ready("network").await;
    assert!(network.status.as_ref().unwrap().retry.is_none() && network.condition("Stalled").is_none());
    world.ready::<Desktop>("patient").await;
}

/// The defaults of the operator, as far as the backoff goes.
fn default_limits() -> Limits {
    let second = Duration::from_secs(1);
    Limits {
        intent_lifetime: second,
        settle: second,
        empty_listing_gap: second,
        retry_unknown_create: true,
        backoff_base: Duration::from_mins(1),
        backoff_max: Duration::from_mins(30),
        task_deadline: second,
        resend: second,
        fast: second,
        slow: second,
        expiry_warning: second,
    }
}

/// Attempts within an hour of failing, the first one included.
fn attempts_an_hour(uid: &str) -> usize {
    let waits = (1..).map(|failures| backoff(failures, uid, &default_limits()));
    let begun = waits.scan(Duration::ZERO, |at, wait| {
        *at += wait;
        Some(*at)
    });
    1 + begun.take_while(|at| *at < Duration::from_hours(1)).count()
}

#[tokio::test]
async fn what_fails_for_good_is_tried_six_times_an_hour() {
    let world = World::start_with(SimConfig::fast(4.0), |o| {
        o.arg("--backoff-base=1m")
            .arg("--backoff-max=30m")
            .arg("--inventory-slow=1h")
    })
    .await;
    world.office().await;
    world.desktop("alice", json!({"flavor": "ecs.none"})).await;
    world
        .cluster("nowhere", json!({"network": {"vpcId": "vpc-none"}}))
        .await;
    let wrong = json!({"accessKeyId": "wrong", "accessKeySecret": "wrong"});
    account(&world, "wrong", wrong, json!({})).await;
    let alice: Desktop = world.reason("alice", "Stalled", "NotFoundAtVendor").await;
    let nowhere: DesktopCluster = world.reason("nowhere", "Stalled", "NotFoundAtVendor").await;
    let provider: DesktopProvider = world.reason("wrong", "Stalled", "CredentialsInvalid").await;
    let last = |action: &str, account: &str| {
        let ledger = world.ledger();
        let mut calls = ledger.entries().filter(|e| e.action == action);
        calls
            .rfind(|e| account.is_empty() || e.account == account)
            .unwrap()
            .time
    };
    for (uid, retry, tried) in [
        (
            alice.metadata.uid,
            alice.status.unwrap().retry,
            last("CreateInstance", ""),
        ),
        (
            nowhere.metadata.uid,
            nowhere.status.unwrap().retry,
            last("CreateCluster", ""),
        ),
        (
            provider.metadata.uid,
            provider.status.unwrap().retry,
            last("CreateServiceLinkedRole", ""),
        ),
    ] {
        let (uid, retry) = (uid.unwrap(), retry.unwrap());
        let wait = Duration::try_from(retry.next_attempt_time.0.duration_since(tried)).unwrap();
        let expected = backoff(1, &uid, &default_limits());
        // Times in a status have whole seconds; how long the write took is not known.
        assert!(wait + Duration::from_secs(1) >= expected, "{wait:?} {expected:?}");
        assert_eq!(retry.failures, 1);
        assert_eq!(backoff(2, &uid, &default_limits()) / 2, expected);
        assert_eq!(attempts_an_hour(&uid), 6);
    }
    // Nor does waiting for the next attempt keep the vendor busy: while the catalog is read a few times, the desktops
    // are listed at most once more.
    let before = world.ledger().position();
    world.calls_since(before, "DescribeAvailableResource", 3).await;
    let ledger = world.ledger();
    let listings = ledger.since(before).filter(|e| e.action == "DescribeInstances").count();
    assert!(listings <= 1, "{listings} listings for a desktop that waits");
    assert_eq!(ledger.calls("CreateInstance").len(), 1);
    assert_eq!(ledger.since(before).filter(|e| e.account.is_empty()).count(), 0);
}

#[tokio::test]
async fn an_unreadable_object_stops_nobody() {
    let mut world = World::start().await;
    world.office().await;
    // As after a change of the schema that did not fit what was stored.
    let kinds: Api<CustomResourceDefinition> = world.env.all();
    let name = "desktops.desktop-operator.io";
    let kind = kinds.get(name).await.unwrap();
    let mut versions = serde_json::to_value(kind.spec.versions).unwrap();
    versions[0]["schema"]["openAPIV3Schema"]["properties"]["spec"] =
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    // Fields can only be selected by where the schema knows them.
    versions[0].as_object_mut().unwrap().remove("selectableFields");
    let loose = json!({"spec": {"versions": versions}});
    kinds
        .patch(name, &PatchParams::default(), &Patch::Merge(loose))
        .await
        .unwrap();
    let odd = json!({
        "apiVersion": "desktop-operator.io/v1alpha1", "kind": "Desktop", "metadata": {"name": "odd"},
        "spec": {"clusterRef": {"name": "office"}, "flavor": "ecs.g6.large", "image": {"id": crate::world::IMAGE},
            "workMode": "Desktop", "power": "Running", "billing": {"mode": "PayAsYouGo"}, "onLoss": "Report",
            "systemDisk": {"category": "cloud_essd", "sizeGiB": "eighty"}},
    });
    eventually("the loose schema is in force", async || {
        world.env.try_apply(&odd.to_string()).await.map(|_| ())
    })
    .await;
    let event = world.event("odd", "Unreadable").await;
    holds(&event.note.unwrap(), &["cannot be read", "Correct it"]);
    world.ready_desktop("alice", whole(&json!({}))).await;

    // One that begins with it in its first listing is not stopped either.
    world.operator.kill();
    world.operator = Operator::builder(&world.env)
        .allow_endpoint(world.sim.url())
        .arg("--leader-elect=false")
        .start();
    world.operator.ready().await;
    world.ready_desktop("bob", whole(&json!({}))).await;
    let api = world.env.api::<Desktop>();
    let right = json!({"spec": {"systemDisk": {"sizeGiB": 80}}});
    api.patch_metadata("odd", &PatchParams::default(), &Patch::Merge(right))
        .await
        .unwrap();
    world.ready::<Desktop>("odd").await;
    assert_eq!(world.instances(), 3);
}

/// What the schema would have filled in.
fn whole(spec: &Value) -> Value {
    let mut all =
        json!({"workMode": "Desktop", "power": "Running", "billing": {"mode": "PayAsYouGo"}, "onLoss": "Report"});
    all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    all
}

#[tokio::test]
async fn a_throttled_account_slows_down_alone_and_its_status_stays_still() {
    let mut world = World::start().await;
    account(&world, "other", right("other"), json!({})).await;
    world.office().await;
    world.ready_desktop("alice", json!({})).await;
    world.cluster("annex", json!({"providerRef": {"name": "other"}})).await;
    world.ready::<DesktopCluster>("annex").await;

    world.sim.fault(Fault::on("*").by("testid").always().throttle(100));
    let began = world.ledger().position();
    let mut versions = BTreeSet::new();
    eventually("it is throttled a dozen times", async || {
        versions.insert(world.get::<Desktop>("alice").await.metadata.resource_version);
        versions.insert(world.get::<DesktopCluster>("office").await.metadata.resource_version);
        let refused = world.ledger().since(began).filter(|e| e.account == "testid").count();
        if refused >= 12 { Ok(()) } else { Err(refused) }
    })
    .await;
    // Each says once that it cannot be seen for a while, if at all.
    assert!(versions.len() <= 4, "{versions:?}");
    // The other account works as fast as ever: more of it happens than of the one that was told to slow down.
    let began = world.ledger().position();
    let colleagues = ["bob", "carol", "dave", "erin", "frank", "grace"];
    for name in colleagues {
        world.desktop(name, json!({"clusterRef": {"name": "annex"}})).await;
    }
    for name in colleagues {
        world.ready::<Desktop>(name).await;
    }
    let by = |account: &str| world.ledger().since(began).filter(|e| e.account == account).count();
    assert!(by("other") > by("testid"), "{} and {}", by("other"), by("testid"));
    let alice = world.get::<Desktop>("alice").await;
    assert!(alice.condition("Stalled").is_none(), "{:?}", alice.status);

    world.sim.clear_faults();
    world.ready::<Desktop>("alice").await;
    world.ready::<DesktopCluster>("office").await;
    let metrics = world.operator.metrics().await;
    assert!(
        metrics.lines().any(|l| l.contains("throttled") && l.contains("acme")),
        "{metrics}"
    );
    assert_eq!(calls_of(&world, "testid", "CreateInstance"), 1);
}

#[tokio::test]
async fn answers_that_are_none_and_tasks_without_end_are_said_and_outlived() {
    let world = World::start_with(SimConfig::fast(4.0), |o| {
        o.arg("--task-deadline=2s").arg("--resend=500ms")
    })
    .await;
    world.sim.fault(Fault::on("SetClusterPolicy").never_finish_task());
    world.sim.fault(Fault::on("CreateCluster").after_commit().html());
    world.cluster("office", json!({})).await;
    let waiting: DesktopCluster = world.reason("office", "Ready", "SettingPolicy").await;
    assert!(waiting.is("Reconciling", "True") && waiting.is("PolicyEnforced", "False"));
    object(
        &world.api::<DesktopCluster>(),
        "office",
        "says how long it waits",
        |c| {
            c.condition("Ready")
                .is_some_and(|c| c.2.contains("is waited for until"))
        },
    )
    .await;
    let office: DesktopCluster = world.ready("office").await;
    assert_eq!(world.committed("CreateCluster"), 1);

    world.sim.fault(Fault::on("CreateInstance").after_commit().html());
    world.desktop("alice", json!({})).await;
    world.ready::<Desktop>("alice").await;
    assert_eq!((world.committed("CreateInstance"), world.instances()), (1, 1));

    // A vendor whose answers cannot be read is not one whose desktops are gone.
    world.sim.fault(Fault::on("DescribeInstances").always().html());
    let alice: Desktop = world.reason("alice", "Ready", "VendorUnavailable").await;
    assert!(alice.is("Ready", "Unknown") && alice.condition("Stalled").is_none());
    holds(&alice.says("Ready"), &["cannot be observed", "tried again"]);
    world.sim.clear_faults();
    world.ready::<Desktop>("alice").await;

    let cluster = office.status.unwrap().id.unwrap();
    world.edit(GwsEdit::SetClusterStatus {
        cluster: cluster.clone(),
        status: "indebt".into(),
    });
    let office: DesktopCluster = world.reason("office", "Stalled", "BillingProblem").await;
    holds(&office.says("Stalled"), &["unpaid bills", "settle them"]);
    world.edit(GwsEdit::SetClusterStatus {
        cluster,
        status: "running".into(),
    });
    world.ready::<DesktopCluster>("office").await;
}
