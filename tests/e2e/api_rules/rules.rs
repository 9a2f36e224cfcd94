//! Rules across fields, and what may not be changed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::manifests::{Change, Kind, changed, walk};
use crate::harness::{Env, message};

/// A rule about a manifest.
struct Rule {
    kind: Kind,
    /// What the refusal must say: the rule's message.
    says: &'static str,
    /// Field or block that the refusal must name.
    names: &'static str,
    /// Changes that break the rule.
    wrong: Vec<Change>,
    /// Changes as near to them as possible that do not.
    right: Vec<Change>,
}

const NEEDS: &str = "flavor, image and systemDisk are required unless existingId adopts a desktop";
const PERIODS: &str = "period.count must be 1-4 weeks, or 1-9, 12, 24, 36, 48 or 60 months";

fn rules() -> Vec<Rule> {
    let rule = |kind, names, says, wrong: Vec<Change>, right: Vec<Change>| Rule {
        kind,
        says,
        names,
        wrong,
        right,
    };
    let desktop = |names, says, wrong, right| rule(Kind::Desktop, names, says, wrong, right);
    let without = |path| (path, Value::Null);
    let count = |n: i32, unit: &str| ("spec.billing.period", json!({"count": n, "unit": unit}));
    let needs = |path| {
        let adopted = vec![without(path), ("spec.existingId", json!("i-1"))];
        desktop("spec", NEEDS, vec![without(path)], adopted)
    };
    let whole = || vec![("spec.workMode", json!("Desktop")), without("spec.applications")];
    vec![
        rule(
            Kind::Provider,
            "gws",
            "exactly one vendor block must be set: gws",
            vec![without("spec.gws")],
            vec![("spec.gws", json!({"region": "cn-beijing"}))],
        ),
        needs("spec.flavor"),
        needs("spec.image"),
        needs("spec.systemDisk"),
        desktop(
            "spec.applications",
            "applications are only allowed with workMode Application",
            vec![("spec.workMode", json!("Desktop"))],
            whole(),
        ),
        desktop(
            "spec.applications",
            "applications are only allowed with workMode Application",
            vec![without("spec.workMode")],
            vec![without("spec.workMode"), without("spec.applications")],
        ),
        desktop(
            "spec.applications",
            "workMode Application needs 1 to 10 applications",
            vec![without("spec.applications")],
            vec![without("spec.applications"), ("spec.existingId", json!("i-1"))],
        ),
        desktop(
            "spec.billing.period",
            "billing.period is required with mode Subscription",
            vec![without("spec.billing.period")],
            vec![
                without("spec.billing.period"),
                ("spec.billing.mode", json!("PayAsYouGo")),
            ],
        ),
        desktop(
            "spec.billing.period",
            "billing.period is only allowed with mode Subscription",
            vec![("spec.billing.mode", json!("PayAsYouGo"))],
            vec![without("spec.billing")],
        ),
        desktop(
            "spec.billing.period.count",
            PERIODS,
            vec![count(5, "Week")],
            vec![count(4, "Week")],
        ),
        desktop(
            "spec.billing.period.count",
            PERIODS,
            vec![count(10, "Month")],
            vec![count(9, "Month")],
        ),
        desktop(
            "spec.billing.period.count",
            PERIODS,
            vec![count(13, "Month")],
            vec![count(12, "Month")],
        ),
        desktop(
            "spec.billing.period.count",
            PERIODS,
            vec![count(59, "Month")],
            vec![count(60, "Month")],
        ),
    ]
}

/// Something that stays as it was created.
struct Immutable {
    kind: Kind,
    says: &'static str,
    names: &'static str,
    /// Changes of the full manifest before it is created.
    before: Vec<Change>,
    /// The update that is refused.
    update: Vec<Change>,
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn immutables() -> Vec<Immutable> {
    let immutable = |kind, names, says, before: Vec<Change>, update: Vec<Change>| Immutable {
        kind,
        says,
        names,
        before,
        update,
    };
    let provider = |names, says, before, update| immutable(Kind::Provider, names, says, before, update);
    let cluster = |names, says, before, update| immutable(Kind::Cluster, names, says, before, update);
    let desktop = |names, says, before, update| immutable(Kind::Desktop, names, says, before, update);
    let without = |path| vec![(path, Value::Null)];
    let to = |path, value: &str| vec![(path, json!(value))];
    vec![
        provider(
            "gws",
            "the vendor block of a provider cannot be changed; create another DesktopProvider",
            vec![],
            without("spec.gws"),
        ),
        provider(
            "spec.gws.region",
            "gws.region is immutable",
            vec![],
            to("spec.gws.region", "cn-beijing"),
        ),
        cluster(
            "spec.providerRef",
            "providerRef is immutable",
            vec![],
            to("spec.providerRef.name", "other"),
        ),
        cluster(
            "spec.existingId",
            "existingId is immutable",
            vec![],
            to("spec.existingId", "gws-2"),
        ),
        cluster(
            "spec.existingId",
            "existingId is immutable",
            vec![],
            without("spec.existingId"),
        ),
        cluster(
            "spec.existingId",
            "existingId is immutable",
            without("spec.existingId"),
            to("spec.existingId", "gws-1"),
        ),
        cluster(
            "spec.network.vpcId",
            "network.vpcId is immutable",
            vec![],
            to("spec.network.vpcId", "vpc-2"),
        ),
        cluster(
            "spec.network.subnetId",
            "network.subnetId is immutable",
            vec![],
            to("spec.network.subnetId", "vsw-2"),
        ),
        cluster(
            "spec.network.subnetId",
            "network.subnetId is immutable",
            vec![],
            without("spec.network.subnetId"),
        ),
        cluster(
            "spec.network.subnetId",
            "network.subnetId is immutable",
            without("spec.network.subnetId"),
            to("spec.network.subnetId", "vsw-1"),
        ),
        cluster(
            "spec.gws",
            "gws.clusterType is immutable",
            vec![],
            to("spec.gws.clusterType", "gws.s1.standard"),
        ),
        cluster("spec.gws", "gws.clusterType is immutable", vec![], without("spec.gws")),
        cluster(
            "spec.gws",
            "gws.clusterType is immutable",
            without("spec.gws"),
            to("spec.gws.clusterType", "gws.s1.advanced"),
        ),
        desktop(
            "spec.clusterRef",
            "clusterRef is immutable",
            vec![],
            to("spec.clusterRef.name", "other"),
        ),
        desktop(
            "spec.existingId",
            "existingId is immutable",
            vec![],
            to("spec.existingId", "i-1"),
        ),
        desktop(
            "spec.existingId",
            "existingId is immutable",
            to("spec.existingId", "i-1"),
            without("spec.existingId"),
        ),
        desktop(
            "spec.existingId",
            "existingId is immutable",
            to("spec.existingId", "i-1"),
            to("spec.existingId", "i-2"),
        ),
        desktop(
            "spec.billing.mode",
            "billing.mode is immutable",
            vec![],
            without("spec.billing"),
        ),
        desktop(
            "spec.workMode",
            "workMode is immutable",
            vec![],
            vec![("spec.workMode", json!("Desktop")), ("spec.applications", Value::Null)],
        ),
        desktop(
            "spec.applications",
            "applications are immutable",
            vec![],
            to("spec.applications.0.path", "C:\\other.exe"),
        ),
        desktop(
            "spec.applications",
            "applications are immutable",
            to("spec.existingId", "i-1"),
            without("spec.applications"),
        ),
        desktop(
            "spec.network",
            "network is immutable",
            vec![],
            to("spec.network.subnetId", "vsw-2"),
        ),
        desktop("spec.network", "network is immutable", vec![], without("spec.network")),
        desktop(
            "spec.network",
            "network is immutable",
            without("spec.network"),
            vec![("spec.network", json!({"subnetId": "vsw-1"}))],
        ),
    ]
}

/// What every kind lets its users change.
fn mutable(kind: Kind) -> Vec<Change> {
    match kind {
        Kind::Provider => vec![
            ("spec.gws.endpoint", Value::Null),
            (
                "spec.credentialsSecretRef",
                json!({"namespace": "other", "name": "other"}),
            ),
            ("spec.allowedNamespaces", json!({})),
            ("spec.rateLimit", json!({"requestsPerSecond": 1, "burst": 1})),
        ],
        Kind::Cluster => vec![
            ("spec.displayName", json!("Other")),
            ("spec.network.nat", Value::Null),
            ("spec.directory", Value::Null),
            ("spec.policy", json!({"clipboard": "Disabled"})),
            ("spec.policyEnforcement", json!("BestEffort")),
            ("spec.deletionPolicy", json!("Retain")),
        ],
        Kind::Desktop => vec![
            ("spec.displayName", json!("Other")),
            ("spec.flavor", json!("ecs.g6.xlarge")),
            ("spec.image", json!({"id": "m-2"})),
            ("spec.systemDisk", json!({"category": "cloud_ssd", "sizeGiB": 100})),
            ("spec.user", Value::Null),
            ("spec.power", json!("Stopped")),
            ("spec.displayPolicy", Value::Null),
            ("spec.billing.autoRenew", json!(false)),
            ("spec.billing.onDelete", json!("DeleteNow")),
            ("spec.onLoss", json!("Recreate")),
            ("spec.deletionPolicy", json!("Retain")),
        ],
    }
}

#[tokio::test]
async fn every_rule_is_kept() {
    let env = Env::shared().await;
    for rule in rules() {
        let manifest = |changes: &[Change]| changed(rule.kind.full("rules"), changes).to_string();
        let refusal = match env.dry_run(&manifest(&rule.wrong)).await {
            Ok(_) => panic!("{:?} was accepted against: {}", rule.wrong, rule.says),
            Err(error) => message(&error),
        };
        for expected in [rule.says, rule.names] {
            assert!(
                refusal.contains(expected),
                "{:?}: {expected:?} is not in: {refusal}",
                rule.wrong
            );
        }
        if let Err(error) = env.dry_run(&manifest(&rule.right)).await {
            panic!("{:?} was refused: {}", rule.right, message(&error));
        }
    }
}

#[tokio::test]
async fn what_is_immutable_cannot_be_changed_and_the_rest_can() {
    let env = Env::shared().await;
    for (number, case) in immutables().into_iter().enumerate() {
        // Providers live outside the namespace, so the name has to be this test's alone.
        let name = format!("{}-{number}", env.namespace);
        let before = changed(case.kind.full(&name), &case.before);
        env.apply(&before.to_string()).await;

        let refusal = match env.dry_run(&changed(before.clone(), &case.update).to_string()).await {
            Ok(_) => panic!("{:?} was accepted against: {}", case.update, case.says),
            Err(error) => message(&error),
        };
        for expected in [case.says, case.names] {
            assert!(
                refusal.contains(expected),
                "{:?}: {expected:?} is not in: {refusal}",
                case.update
            );
        }

        let after = changed(before, &mutable(case.kind));
        if let Err(error) = env.dry_run(&after.to_string()).await {
            panic!(
                "a mutable field of {} cannot be changed: {}",
                case.kind.name(),
                message(&error)
            );
        }
    }
}

/// The tables above speak of exactly the rules of the CRDs.
#[test]
fn no_rule_is_without_its_manifests() {
    let key = |kind: Kind, says: &str| format!("{}: {says}", kind.name());
    let static_rules = rules().into_iter().map(|r| key(r.kind, r.says));
    let transitions = immutables().into_iter().map(|i| key(i.kind, i.says));
    let tried: BTreeSet<String> = static_rules.chain(transitions).collect();
    let mut declared = BTreeSet::new();
    for kind in Kind::ALL {
        walk(&kind.spec_schema(), "spec", &mut |_, schema| {
            for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
                declared.insert(key(kind, rule["message"].as_str().unwrap()));
            }
        });
    }
    let untried: Vec<_> = declared.difference(&tried).collect();
    let unknown: Vec<_> = tried.difference(&declared).collect();
    assert!(
        untried.is_empty() && unknown.is_empty(),
        "not tried: {untried:#?}\nnot in the CRDs: {unknown:#?}"
    );
}
