//! Rules across fields.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::immutable::immutables;
use super::manifests::{Change, Kind, changed, walk};
use crate::harness::{Env, message};

/// A rule about a manifest.
pub struct Rule {
    pub kind: Kind,
    /// What the refusal must say: the rule's message.
    pub says: &'static str,
    /// Field or block that the refusal must name.
    pub names: &'static str,
    /// Changes that break the rule.
    pub wrong: Vec<Change>,
    /// Changes as near to them as possible that do not.
    pub right: Vec<Change>,
}

const NEEDS: &str = "flavor and image are required unless existingId adopts a desktop";
const ONE_VENDOR: &str = "exactly one vendor block must be set: gws, cloudDesktop, capitalOnline or huaweiWorkspace";
const NEEDS_NETWORK: &str = "network.vpcId is required, unless existingId, capitalOnline.defaultNetwork, cloudDesktop or huaweiWorkspace says \
     where the desktops live";
pub const ONE_MOMENT: &str =
    "with power Running, powerSchedule needs both start and stop; for one of them alone set power to Unmanaged";
const ONE_WAY: &str = "exactly one of capture, existingId and filter must be set";
pub const PERIODS: &str = "period.count must be 1-4 weeks, or 1-9, 12, 24, 36, 48 or 60 months";

fn rules() -> Vec<Rule> {
    let mut all = super::pool::rules();
    all.extend(others());
    all
}

fn others() -> Vec<Rule> {
    let rule = |kind, names, says, wrong: Vec<Change>, right: Vec<Change>| Rule {
        kind,
        says,
        names,
        wrong,
        right,
    };
    let desktop = |names, says, wrong, right| rule(Kind::Desktop, names, says, wrong, right);
    let image = |names, says, wrong, right| rule(Kind::Image, names, says, wrong, right);
    let cluster = |names, says, wrong, right| rule(Kind::Cluster, names, says, wrong, right);
    let without = |path| (path, Value::Null);
    // A cluster that says nothing of where it is but in this block.
    let nowhere = |block: Value| {
        let silent = ["spec.gws", "spec.existingId", "spec.network.vpcId"].map(without);
        silent.into_iter().chain([("spec.capitalOnline", block)]).collect()
    };
    // A cluster without a word on its network.
    let bare = |block: Vec<Change>| {
        let silent = ["spec.gws", "spec.existingId", "spec.network"].map(without);
        silent.into_iter().chain(block).collect::<Vec<_>>()
    };
    let count = |n: i32, unit: &str| ("spec.billing.period", json!({"count": n, "unit": unit}));
    let needs = |path| {
        let adopted = vec![without(path), ("spec.existingId", json!("i-1"))];
        desktop("spec", NEEDS, vec![without(path)], adopted)
    };
    let unmanaged = || ("spec.power", json!("Unmanaged"));
    let whole = || vec![("spec.workMode", json!("Desktop")), without("spec.applications")];
    vec![
        rule(
            Kind::Provider,
            "gws",
            ONE_VENDOR,
            vec![without("spec.gws")],
            vec![
                without("spec.gws"),
                ("spec.cloudDesktop", json!({"region": "cn-beijing"})),
            ],
        ),
        rule(
            Kind::Provider,
            "capitalOnline",
            ONE_VENDOR,
            vec![("spec.capitalOnline", json!({"siteId": "site-1"}))],
            vec![without("spec.gws"), ("spec.capitalOnline", json!({"siteId": "site-1"}))],
        ),
        cluster(
            "spec.network.vpcId",
            NEEDS_NETWORK,
            vec![without("spec.existingId"), without("spec.network.vpcId")],
            vec![without("spec.network.vpcId")],
        ),
        cluster(
            "spec.network.vpcId",
            NEEDS_NETWORK,
            nowhere(json!({"defaultNetwork": false})),
            nowhere(json!({"defaultNetwork": true})),
        ),
        cluster(
            "spec.network.vpcId",
            NEEDS_NETWORK,
            bare(vec![]),
            bare(vec![("spec.huaweiWorkspace", json!({}))]),
        ),
        cluster(
            "spec.network.vpcId",
            NEEDS_NETWORK,
            bare(vec![("spec.gws", json!({}))]),
            bare(vec![("spec.cloudDesktop", json!({"zoneId": "cn-hangzhou-i"}))]),
        ),
        cluster(
            "spec.capitalOnline.defaultNetwork",
            "capitalOnline.defaultNetwork and network.vpcId exclude each other",
            vec![
                without("spec.gws"),
                ("spec.capitalOnline", json!({"defaultNetwork": true})),
            ],
            vec![
                without("spec.gws"),
                ("spec.capitalOnline", json!({"gatewayId": "gw-1"})),
            ],
        ),
        cluster(
            "huaweiWorkspace",
            "at most one of gws, cloudDesktop, capitalOnline and huaweiWorkspace may be set",
            vec![("spec.huaweiWorkspace", json!({}))],
            vec![without("spec.gws"), ("spec.huaweiWorkspace", json!({}))],
        ),
        desktop(
            "spec.image",
            "exactly one of image.id and image.ref must be set",
            vec![("spec.image", json!({"id": "m-1", "ref": {"name": "golden"}}))],
            vec![("spec.image", json!({"ref": {"name": "golden"}}))],
        ),
        desktop(
            "spec.image",
            "exactly one of image.id and image.ref must be set",
            vec![("spec.image", json!({}))],
            vec![("spec.image", json!({"id": "m-1"}))],
        ),
        image(
            "spec",
            ONE_WAY,
            vec![("spec.existingId", json!("m-1"))],
            vec![without("spec.capture"), ("spec.existingId", json!("m-1"))],
        ),
        image(
            "spec",
            ONE_WAY,
            vec![without("spec.capture")],
            vec![without("spec.capture"), ("spec.filter", json!({"name": "golden"}))],
        ),
        image(
            "spec.filter",
            "filter needs name or namePrefix",
            vec![without("spec.capture"), ("spec.filter", json!({"owner": "Account"}))],
            vec![
                without("spec.capture"),
                ("spec.filter", json!({"owner": "Account", "namePrefix": "golden"})),
            ],
        ),
        needs("spec.flavor"),
        needs("spec.image"),
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
            "spec.powerSchedule",
            "powerSchedule needs start, stop or both",
            vec![
                unmanaged(),
                without("spec.powerSchedule.start"),
                without("spec.powerSchedule.stop"),
            ],
            vec![unmanaged(), without("spec.powerSchedule.start")],
        ),
        desktop(
            "spec.powerSchedule.stop",
            "powerSchedule.start and powerSchedule.stop must differ",
            vec![("spec.powerSchedule.stop", json!("0 8 * * 1-5"))],
            vec![("spec.powerSchedule.stop", json!("1 8 * * 1-5"))],
        ),
        desktop(
            "spec.powerSchedule",
            ONE_MOMENT,
            vec![without("spec.powerSchedule.start")],
            vec![without("spec.powerSchedule.start"), ("spec.power", json!("Stopped"))],
        ),
        desktop(
            "spec.powerSchedule",
            ONE_MOMENT,
            vec![without("spec.power"), without("spec.powerSchedule.stop")],
            vec![unmanaged(), without("spec.powerSchedule.stop")],
        ),
        desktop(
            "spec.billing.period",
            "billing.period is required with mode Subscription",
            vec![without("spec.billing.period")],
            vec![
                without("spec.billing.period"),
                without("spec.billing.paidUntil"),
                ("spec.billing.mode", json!("PayAsYouGo")),
            ],
        ),
        desktop(
            "spec.billing.paidUntil",
            "billing.paidUntil is only allowed with mode Subscription",
            vec![
                without("spec.billing.period"),
                ("spec.billing.mode", json!("PayAsYouGo")),
            ],
            vec![
                without("spec.billing.period"),
                without("spec.billing.paidUntil"),
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

/// The tables, here and in `immutable`, speak of exactly the rules of the CRDs.
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
