//! The manifests, rules and bounds of DesktopPool.

use serde_json::{Value, json};

use super::bounds::{Field, email, field, schedule};
use super::immutable::Immutable;
use super::manifests::{Change, Kind};
use super::rules::{ONE_MOMENT, PERIODS, Rule};
use crate::harness::{Env, message};

/// The manifest with every field: a number of desktops at the first vendor, an autoscaled pool and an image by reference
/// at the second, a pool of the vendor's own at the last.
pub fn full(vendor: &str) -> Value {
    let mut spec = json!({
        "replicas": 3,
        "type": "Static",
        "users": [{"name": "alice", "uid": "1001", "email": "alice@example.com", "group": "Users"}],
        "template": {
            "metadata": {"labels": {"room": "3b"}, "annotations": {"note": "third floor"}},
            "spec": {
                "clusterRef": {"name": "office"},
                "flavor": "ecs.g6.large",
                "image": {"id": "m-1"},
                "systemDisk": {"category": "cloud_essd", "sizeGiB": 80},
                "workMode": "Application",
                "applications": [{"name": "viewer", "path": "C:\\viewer.exe", "args": "--readonly"}],
                "network": {
                    "subnetId": "vsw-1",
                    "publicAddress": {"chargeType": "PayByTraffic", "bandwidthIn": 10, "bandwidthOut": 10},
                },
                "power": "Running",
                "powerSchedule": {
                    "timeZone": "Asia/Shanghai",
                    "start": "0 8 * * 1-5",
                    "stop": "0 20 * * 1-5",
                    "whenConnected": "Wait",
                },
                "displayPolicy": {"visualLossless": true, "optimizeFor3d": true},
                "billing": {
                    "mode": "Subscription",
                    "period": {"count": 1, "unit": "Month"},
                    "paidUntil": "2030-01-01T00:00:00Z",
                    "autoRenew": true,
                    "onDelete": "LetExpire",
                },
                "huaweiWorkspace": {"renameByRestart": true},
            },
        },
        "update": {
            "strategy": "Rolling",
            "maxUnavailable": "10%",
            "whenAssigned": "AtNextLogoff",
            "canary": {"percent": 5, "soakSeconds": 600},
            "progressDeadlineSeconds": 1800,
            "paused": true,
        },
        "scaleIn": {"assigned": "Keep"},
        "existingId": "pool-1",
        "deletionPolicy": "Delete",
    });
    let fields = spec.as_object_mut().unwrap();
    if vendor == "cloudDesktop" {
        fields.remove("replicas");
        fields.insert(
            "autoscale".into(),
            json!({"type": "AutoCreated", "min": 1, "max": 9, "minIdle": 1, "step": 2}),
        );
        spec["template"]["spec"]["image"] = json!({"ref": {"name": "golden"}});
    } else if vendor == "huaweiWorkspace" {
        fields.insert("type".into(), json!("Dynamic"));
        fields.insert("disconnectedRetentionMinutes".into(), json!(30));
        fields.insert(
            "huaweiWorkspace".into(),
            json!({"description": "Room 3b", "maintenance": true, "groups": [{"id": "g-1", "name": "teachers"}]}),
        );
    }
    spec
}

/// As little as a pool needs, and what the API server makes of it.
pub fn minimal() -> (Value, Value) {
    let template = |filled: Value| {
        let mut spec = json!({"clusterRef": {"name": "office"}, "flavor": "ecs.g6.large", "image": {"id": "m-1"}});
        let fields = spec.as_object_mut().unwrap();
        fields.extend(filled.as_object().unwrap().clone());
        json!({"spec": spec})
    };
    let sent = json!({
        "autoscale": {"max": 3},
        "template": template(json!({})),
        "update": {"canary": {"percent": 5}},
    });
    let billing = json!({"mode": "PayAsYouGo", "autoRenew": false, "onDelete": "LetExpire"});
    let expected = json!({
        "autoscale": {"type": "AutoCreated", "min": 0, "max": 3, "minIdle": 1, "step": 1},
        "type": "Static",
        "template": template(json!({"workMode": "Desktop", "power": "Running", "billing": billing})),
        "update": {
            "strategy": "Rolling",
            "maxUnavailable": 1,
            "whenAssigned": "AtNextLogoff",
            "canary": {"percent": 5, "soakSeconds": 600},
            "progressDeadlineSeconds": 1800,
        },
        "scaleIn": {"assigned": "Keep"},
    });
    (sent, expected)
}

/// The vendor in whose full manifest alone a field is.
pub fn vendor_of(path: &str) -> Option<&'static str> {
    match path {
        _ if path.starts_with("spec.autoscale") || path.starts_with("spec.template.spec.image.ref") => {
            Some("cloudDesktop")
        }
        "spec.disconnectedRetentionMinutes" => Some("huaweiWorkspace"),
        _ => None,
    }
}

pub fn rules() -> Vec<Rule> {
    let pool = |names, says, wrong: Vec<Change>, right: Vec<Change>| Rule {
        kind: Kind::Pool,
        says,
        names,
        wrong,
        right,
    };
    let without = |path| (path, Value::Null);
    let scaled = |autoscale: Value| vec![without("spec.replicas"), ("spec.autoscale", autoscale)];
    let period = |n: i32, unit: &str| vec![("spec.template.spec.billing.period", json!({"count": n, "unit": unit}))];
    let most = |value: Value| vec![("spec.update.maxUnavailable", value)];
    let by_use = || {
        vec![
            without("spec.template.spec.billing.period"),
            ("spec.template.spec.billing.mode", json!("PayAsYouGo")),
        ]
    };
    let unmanaged = || ("spec.template.spec.power", json!("Unmanaged"));
    let both = "exactly one of replicas and autoscale must be set";
    let shares = "update.maxUnavailable must be a number from 1, or a share from 1% to 100%";
    vec![
        pool("spec", both, vec![without("spec.replicas")], scaled(json!({"max": 3}))),
        pool(
            "spec",
            both,
            vec![("spec.autoscale", json!({"max": 3}))],
            scaled(json!({"max": 3})),
        ),
        pool(
            "spec.disconnectedRetentionMinutes",
            "disconnectedRetentionMinutes is only allowed with type Dynamic",
            vec![("spec.disconnectedRetentionMinutes", json!(30))],
            vec![
                ("spec.disconnectedRetentionMinutes", json!(30)),
                ("spec.type", json!("Dynamic")),
            ],
        ),
        pool(
            "spec.autoscale.min",
            "autoscale.min must not be above autoscale.max",
            scaled(json!({"min": 4, "max": 3})),
            scaled(json!({"min": 3, "max": 3})),
        ),
        pool(
            "spec.autoscale.minIdle",
            "autoscale.minIdle must not be above autoscale.max",
            scaled(json!({"minIdle": 4, "max": 3})),
            scaled(json!({"minIdle": 3, "max": 3})),
        ),
        pool("spec.update.maxUnavailable", shares, most(json!(0)), most(json!(1))),
        pool(
            "spec.update.maxUnavailable",
            shares,
            most(json!(5001)),
            most(json!(5000)),
        ),
        pool(
            "spec.update.maxUnavailable",
            shares,
            most(json!("0%")),
            most(json!("1%")),
        ),
        pool(
            "spec.update.maxUnavailable",
            shares,
            most(json!("101%")),
            most(json!("100%")),
        ),
        pool(
            "spec.update.maxUnavailable",
            shares,
            most(json!("some")),
            most(json!("99%")),
        ),
        pool(
            "spec.template.spec.image",
            "exactly one of image.id and image.ref must be set",
            vec![(
                "spec.template.spec.image",
                json!({"id": "m-1", "ref": {"name": "golden"}}),
            )],
            vec![("spec.template.spec.image", json!({"ref": {"name": "golden"}}))],
        ),
        pool(
            "spec.template.spec.applications",
            "applications are only allowed with workMode Application",
            vec![("spec.template.spec.workMode", json!("Desktop"))],
            vec![
                ("spec.template.spec.workMode", json!("Desktop")),
                without("spec.template.spec.applications"),
            ],
        ),
        pool(
            "spec.template.spec.applications",
            "workMode Application needs 1 to 10 applications",
            vec![without("spec.template.spec.applications")],
            vec![
                without("spec.template.spec.applications"),
                without("spec.template.spec.workMode"),
            ],
        ),
        pool(
            "spec.template.spec.powerSchedule",
            "powerSchedule needs start, stop or both",
            vec![
                unmanaged(),
                without("spec.template.spec.powerSchedule.start"),
                without("spec.template.spec.powerSchedule.stop"),
            ],
            vec![unmanaged(), without("spec.template.spec.powerSchedule.start")],
        ),
        pool(
            "spec.template.spec.powerSchedule.stop",
            "powerSchedule.start and powerSchedule.stop must differ",
            vec![("spec.template.spec.powerSchedule.stop", json!("0 8 * * 1-5"))],
            vec![("spec.template.spec.powerSchedule.stop", json!("1 8 * * 1-5"))],
        ),
        pool(
            "spec.template.spec.powerSchedule",
            ONE_MOMENT,
            vec![without("spec.template.spec.powerSchedule.start")],
            vec![
                without("spec.template.spec.powerSchedule.start"),
                ("spec.template.spec.power", json!("Stopped")),
            ],
        ),
        pool(
            "spec.template.spec.powerSchedule",
            ONE_MOMENT,
            vec![
                without("spec.template.spec.power"),
                without("spec.template.spec.powerSchedule.stop"),
            ],
            vec![unmanaged(), without("spec.template.spec.powerSchedule.stop")],
        ),
        pool(
            "spec.template.spec.billing.period",
            "billing.period is required with mode Subscription",
            vec![without("spec.template.spec.billing.period")],
            vec![without("spec.template.spec.billing")],
        ),
        pool(
            "spec.template.spec.billing.paidUntil",
            "billing.paidUntil is only allowed with mode Subscription",
            by_use(),
            by_use()
                .into_iter()
                .chain([without("spec.template.spec.billing.paidUntil")])
                .collect(),
        ),
        pool(
            "spec.template.spec.billing.period",
            "billing.period is only allowed with mode Subscription",
            vec![("spec.template.spec.billing.mode", json!("PayAsYouGo"))],
            vec![without("spec.template.spec.billing")],
        ),
        pool(
            "spec.template.spec.billing.period.count",
            PERIODS,
            period(5, "Week"),
            period(4, "Week"),
        ),
    ]
}

pub fn immutables() -> Vec<Immutable> {
    let pool = |names, says, update| Immutable {
        kind: Kind::Pool,
        vendor: "gws",
        says,
        names,
        before: vec![],
        update,
    };
    vec![
        pool(
            "spec.template.spec.clusterRef",
            "template.spec.clusterRef is immutable",
            vec![("spec.template.spec.clusterRef.name", json!("other"))],
        ),
        pool("spec.type", "type is immutable", vec![("spec.type", json!("Dynamic"))]),
        pool(
            "spec.existingId",
            "existingId is immutable",
            vec![("spec.existingId", json!("pool-2"))],
        ),
        pool(
            "spec.existingId",
            "existingId is immutable",
            vec![("spec.existingId", Value::Null)],
        ),
    ]
}

/// What may be changed.
pub fn mutable(vendor: &str) -> Vec<Change> {
    let size = match vendor {
        "cloudDesktop" => ("spec.autoscale", json!({"max": 4})),
        _ => ("spec.replicas", json!(7)),
    };
    vec![
        size,
        ("spec.users", Value::Null),
        ("spec.template.metadata", Value::Null),
        ("spec.template.spec.flavor", json!("ecs.g6.xlarge")),
        ("spec.template.spec.image", json!({"id": "m-2"})),
        ("spec.template.spec.systemDisk", Value::Null),
        ("spec.template.spec.workMode", json!("Desktop")),
        ("spec.template.spec.applications", Value::Null),
        ("spec.template.spec.network", Value::Null),
        ("spec.template.spec.power", json!("Stopped")),
        ("spec.template.spec.powerSchedule", Value::Null),
        ("spec.template.spec.displayPolicy", Value::Null),
        ("spec.template.spec.billing", Value::Null),
        ("spec.template.spec.huaweiWorkspace", Value::Null),
        ("spec.update", json!({"strategy": "OnDelete"})),
        ("spec.scaleIn", json!({"assigned": "Remove"})),
        ("spec.huaweiWorkspace", Value::Null),
        ("spec.disconnectedRetentionMinutes", Value::Null),
        ("spec.deletionPolicy", json!("Retain")),
    ]
}

pub fn bounds() -> Vec<Field> {
    let at = |path| field(Kind::Pool, path);
    let applications = |n: usize| json!(vec![json!({"name": "a", "path": "b"}); n]);
    let people = |n: usize| Value::Array((0..n).map(|i| json!({"name": format!("user{i}")})).collect());
    let groups = |n: usize| Value::Array((0..n).map(|i| json!({"id": format!("g{i}"), "name": "g"})).collect());
    let labels = |n: usize| Value::Object((0..n).map(|i| (format!("label{i}"), json!("x"))).collect());
    let mut all = vec![
        at("spec.replicas").range(0, 5000),
        at("spec.autoscale.type").one_of("AccessCreated"),
        at("spec.autoscale.min")
            .bound("minimum", json!(-1), json!(0))
            .bound("maximum", json!(5001), json!(9)),
        at("spec.autoscale.max").range(1, 5000),
        at("spec.autoscale.minIdle")
            .bound("minimum", json!(-1), json!(0))
            .bound("maximum", json!(5001), json!(9)),
        at("spec.autoscale.step").range(1, 100),
        at("spec.type").one_of("Dynamic"),
        at("spec.users")
            .bound("minItems", people(0), people(1))
            .bound("maxItems", people(501), people(500)),
        at("spec.users.0.name").length(1, 128).pattern("alice b", "alice.b"),
        at("spec.users.0.uid").length(1, 19).pattern("12a", "12"),
        at("spec.users.0.email")
            .bound("minLength", json!("a@"), json!("a@b"))
            .bound("maxLength", email(129), email(128))
            .pattern("alice.example.com", "alice@example.com"),
        at("spec.users.0.group").one_of("Administrators"),
        at("spec.template.metadata.labels").bound("maxProperties", labels(33), labels(32)),
        at("spec.template.metadata.annotations").bound("maxProperties", labels(33), labels(32)),
        at("spec.template.spec.clusterRef.name").length(1, 253),
        at("spec.template.spec.flavor").id(128),
        at("spec.template.spec.image.id").id(128),
        at("spec.template.spec.image.ref.name").length(1, 253),
        at("spec.template.spec.systemDisk.category").id(64),
        at("spec.template.spec.systemDisk.sizeGiB").range(20, 500),
        at("spec.template.spec.workMode").one_of("Application"),
        at("spec.template.spec.applications")
            .bound("minItems", applications(0), applications(1))
            .bound("maxItems", applications(11), applications(10)),
        at("spec.template.spec.applications.0.name").length(1, 128),
        at("spec.template.spec.applications.0.path").length(1, 512),
        at("spec.template.spec.applications.0.args").length(1, 1024),
        at("spec.template.spec.network.subnetId").id(128),
        at("spec.template.spec.network.publicAddress.chargeType").one_of("PayByBandwidth"),
        at("spec.template.spec.network.publicAddress.bandwidthIn").range(1, 100),
        at("spec.template.spec.network.publicAddress.bandwidthOut").range(1, 100),
        at("spec.template.spec.power").one_of("Unmanaged"),
        at("spec.template.spec.billing.mode").one_of("Subscription"),
        at("spec.template.spec.billing.period.count").range(1, 60),
        at("spec.template.spec.billing.period.unit").one_of("Week"),
        at("spec.template.spec.billing.paidUntil").time(),
        at("spec.template.spec.billing.onDelete").one_of("DeleteNow"),
        at("spec.update.strategy").one_of("OnDelete"),
        at("spec.update.whenAssigned").one_of("Never"),
        at("spec.update.canary.percent").range(1, 100),
        at("spec.update.canary.soakSeconds").range(0, 604_800),
        at("spec.update.progressDeadlineSeconds").range(1, 86_400),
        at("spec.scaleIn.assigned").one_of("Remove"),
        at("spec.disconnectedRetentionMinutes").range(10, 43_200),
        at("spec.existingId").id(128),
        at("spec.huaweiWorkspace.description").bound("maxLength", json!("1".repeat(256)), json!("1".repeat(255))),
        at("spec.huaweiWorkspace.groups")
            .bound("minItems", groups(0), groups(1))
            .bound("maxItems", groups(101), groups(100)),
        at("spec.huaweiWorkspace.groups.0.id").length(1, 128),
        at("spec.huaweiWorkspace.groups.0.name").length(1, 64),
        at("spec.deletionPolicy").one_of("Retain"),
    ];
    all.extend(schedule(
        Kind::Pool,
        [
            "spec.template.spec.powerSchedule.timeZone",
            "spec.template.spec.powerSchedule.start",
            "spec.template.spec.powerSchedule.stop",
            "spec.template.spec.powerSchedule.whenConnected",
        ],
    ));
    all
}

/// The Desktops of a pool are named after it, and its name is the value of a label of theirs.
#[tokio::test]
async fn the_name_of_a_pool_leaves_room_for_those_of_its_desktops() {
    let env = Env::shared().await;
    let refusal = env.dry_run(&Kind::Pool.full(&"a".repeat(58)).to_string()).await;
    let refusal = message(&refusal.err().unwrap());
    assert!(
        refusal.contains("metadata.name must not be longer than 57 characters"),
        "{refusal}"
    );
    env.dry_run(&Kind::Pool.full(&"a".repeat(57)).to_string())
        .await
        .unwrap();
}
