//! What may not be changed once it is created, and what may.

use serde_json::{Value, json};

use super::manifests::{Change, Kind, VENDORS, changed};
use crate::harness::{Env, message};

const OTHER_VENDOR: &str = "the vendor block of a provider cannot be changed; create another DesktopProvider";

/// Something that stays as it was created.
pub struct Immutable {
    pub kind: Kind,
    /// Whose full manifest it is.
    pub vendor: &'static str,
    pub says: &'static str,
    pub names: &'static str,
    /// Changes of the full manifest before it is created.
    pub before: Vec<Change>,
    /// The update that is refused.
    pub update: Vec<Change>,
}

pub fn immutables() -> Vec<Immutable> {
    let mut all = super::pool::immutables();
    all.extend(others());
    all
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn others() -> Vec<Immutable> {
    let immutable = |kind, vendor, names, says, before: Vec<Change>, update: Vec<Change>| Immutable {
        kind,
        vendor,
        says,
        names,
        before,
        update,
    };
    let provider = |vendor, names, says, update| immutable(Kind::Provider, vendor, names, says, vec![], update);
    let cluster = |names, says, before, update| immutable(Kind::Cluster, "gws", names, says, before, update);
    let network = |before, update| {
        let (names, says) = (
            "spec.capitalOnline.defaultNetwork",
            "capitalOnline.defaultNetwork is immutable",
        );
        immutable(Kind::Cluster, "capitalOnline", names, says, before, update)
    };
    let desktop = |names, says, before, update| immutable(Kind::Desktop, "gws", names, says, before, update);
    let image = |vendor, names, says, update| immutable(Kind::Image, vendor, names, says, vec![], update);
    let without = |path| vec![(path, Value::Null)];
    let to = |path, value: &str| vec![(path, json!(value))];
    vec![
        provider(
            "gws",
            "spec",
            OTHER_VENDOR,
            vec![
                ("spec.gws", Value::Null),
                ("spec.cloudDesktop", json!({"region": "cn-hangzhou"})),
            ],
        ),
        provider(
            "cloudDesktop",
            "spec",
            OTHER_VENDOR,
            vec![
                ("spec.cloudDesktop", Value::Null),
                ("spec.gws", json!({"region": "cn-hangzhou"})),
            ],
        ),
        provider(
            "capitalOnline",
            "spec",
            OTHER_VENDOR,
            vec![
                ("spec.capitalOnline", Value::Null),
                (
                    "spec.huaweiWorkspace",
                    json!({"region": "cn-north-4", "projectId": "0".repeat(32)}),
                ),
            ],
        ),
        provider(
            "huaweiWorkspace",
            "spec",
            OTHER_VENDOR,
            vec![
                ("spec.huaweiWorkspace", Value::Null),
                ("spec.capitalOnline", json!({"siteId": "site-1"})),
            ],
        ),
        provider(
            "gws",
            "spec.gws.region",
            "gws.region is immutable",
            to("spec.gws.region", "cn-beijing"),
        ),
        provider(
            "cloudDesktop",
            "spec.cloudDesktop.region",
            "cloudDesktop.region is immutable",
            to("spec.cloudDesktop.region", "cn-beijing"),
        ),
        provider(
            "cloudDesktop",
            "spec.cloudDesktop.ownerId",
            "cloudDesktop.ownerId is immutable",
            to("spec.cloudDesktop.ownerId", "another"),
        ),
        provider(
            "capitalOnline",
            "spec.capitalOnline.siteId",
            "capitalOnline.siteId is immutable",
            to("spec.capitalOnline.siteId", "site-2"),
        ),
        provider(
            "huaweiWorkspace",
            "spec.huaweiWorkspace.region",
            "huaweiWorkspace.region is immutable",
            to("spec.huaweiWorkspace.region", "cn-east-3"),
        ),
        provider(
            "huaweiWorkspace",
            "spec.huaweiWorkspace.projectId",
            "huaweiWorkspace.projectId is immutable",
            vec![("spec.huaweiWorkspace.projectId", json!("0".repeat(32)))],
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
            "spec.network.vpcId",
            "network.vpcId is immutable",
            vec![],
            without("spec.network.vpcId"),
        ),
        cluster(
            "spec.network.vpcId",
            "network.vpcId is immutable",
            without("spec.network.vpcId"),
            to("spec.network.vpcId", "vpc-1"),
        ),
        network(
            without("spec.network.vpcId"),
            vec![("spec.capitalOnline.defaultNetwork", json!(true))],
        ),
        network(
            vec![
                ("spec.network.vpcId", Value::Null),
                ("spec.capitalOnline.defaultNetwork", json!(true)),
            ],
            vec![("spec.capitalOnline.defaultNetwork", json!(false))],
        ),
        network(
            vec![
                ("spec.network.vpcId", Value::Null),
                ("spec.capitalOnline.defaultNetwork", json!(true)),
            ],
            without("spec.capitalOnline"),
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
            "billing.mode cannot go back to PayAsYouGo",
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
        image(
            "gws",
            "spec.providerRef",
            "providerRef is immutable",
            to("spec.providerRef.name", "other"),
        ),
        image(
            "gws",
            "spec.capture",
            "capture is immutable",
            to("spec.capture.power", "AsIs"),
        ),
        image(
            "gws",
            "spec.capture",
            "capture is immutable",
            vec![("spec.capture", Value::Null), ("spec.existingId", json!("m-1"))],
        ),
        image(
            "cloudDesktop",
            "spec.existingId",
            "existingId is immutable",
            to("spec.existingId", "m-2"),
        ),
        image(
            "capitalOnline",
            "spec.filter",
            "filter is immutable",
            to("spec.filter.name", "windows-2022"),
        ),
        desktop(
            "spec.network",
            "network is immutable",
            without("spec.network"),
            vec![("spec.network", json!({"subnetId": "vsw-1"}))],
        ),
    ]
}

/// What every kind lets its users change.
fn mutable(kind: Kind, vendor: &str) -> Vec<Change> {
    let own: Vec<Change> = match (kind, vendor) {
        (Kind::Provider, "gws") => vec![("spec.gws.endpoint", Value::Null)],
        (Kind::Provider, "cloudDesktop") => vec![
            ("spec.cloudDesktop.endpoint", Value::Null),
            ("spec.cloudDesktop.extendedApi", json!(false)),
        ],
        (Kind::Provider, "capitalOnline") => vec![
            ("spec.capitalOnline.endpoint", Value::Null),
            ("spec.capitalOnline.area", json!("America")),
            ("spec.capitalOnline.apiEdition", json!("2022")),
            ("spec.capitalOnline.currency", Value::Null),
        ],
        (Kind::Provider, _) => vec![
            ("spec.huaweiWorkspace.endpoint", Value::Null),
            ("spec.huaweiWorkspace.iamEndpoint", Value::Null),
        ],
        (Kind::Cluster, "cloudDesktop") => vec![("spec.cloudDesktop.zoneId", json!("cn-hangzhou-j"))],
        (Kind::Cluster, "capitalOnline") => vec![("spec.capitalOnline.gatewayId", Value::Null)],
        (Kind::Cluster, "huaweiWorkspace") => vec![
            ("spec.huaweiWorkspace.availabilityZone", json!("cn-north-4b")),
            ("spec.huaweiWorkspace.securityGroups", Value::Null),
        ],
        (Kind::Pool, vendor) => super::pool::mutable(vendor),
        (Kind::Cluster | Kind::Desktop | Kind::Image, _) => vec![],
    };
    let common: Vec<Change> = match kind {
        Kind::Provider => vec![
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
            ("spec.powerSchedule", Value::Null),
            ("spec.displayPolicy", Value::Null),
            ("spec.billing.period", json!({"count": 1, "unit": "Week"})),
            ("spec.billing.paidUntil", json!("2031-01-01T00:00:00Z")),
            ("spec.billing.autoRenew", json!(false)),
            ("spec.billing.onDelete", json!("DeleteNow")),
            ("spec.huaweiWorkspace", Value::Null),
            ("spec.onImageChange", json!("Report")),
            ("spec.onLoss", json!("Recreate")),
            ("spec.deletionPolicy", json!("Retain")),
        ],
        Kind::Image => vec![
            ("spec.displayName", json!("Other")),
            ("spec.deletionPolicy", json!("Retain")),
        ],
        Kind::Pool => vec![],
    };
    own.into_iter().chain(common).collect()
}

#[tokio::test]
async fn what_is_immutable_cannot_be_changed() {
    let env = Env::shared().await;
    for (number, case) in immutables().into_iter().enumerate() {
        // Providers live outside the namespace, so the name has to be this test's alone.
        let name = format!("{}-{number}", env.namespace);
        let before = changed(case.kind.full_at(case.vendor, &name), &case.before);
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
    }
}

#[tokio::test]
async fn what_is_not_immutable_can_be_changed() {
    let env = Env::shared().await;
    for (kind, vendor) in Kind::ALL.into_iter().flat_map(|kind| VENDORS.map(|v| (kind, v))) {
        let name = format!("{}-mutable-{}", env.namespace, vendor.to_lowercase());
        let before = kind.full_at(vendor, &name);
        env.apply(&before.to_string()).await;
        let after = changed(before, &mutable(kind, vendor));
        if let Err(error) = env.dry_run(&after.to_string()).await {
            panic!(
                "a mutable field of {} cannot be changed at {vendor}: {}",
                kind.name(),
                message(&error)
            );
        }
    }
}

#[tokio::test]
async fn a_desktop_paid_by_use_can_become_a_subscription() {
    let env = Env::shared().await;
    let subscription = Kind::Desktop.full("subscribed");
    let paid_by_use = changed(subscription.clone(), &[("spec.billing", Value::Null)]);
    env.apply(&paid_by_use.to_string()).await;
    if let Err(error) = env.dry_run(&subscription.to_string()).await {
        panic!("{}", message(&error));
    }
}

/// The gateway of a network is no part of what the cluster is, so its block may come and go.
#[tokio::test]
async fn a_gateway_can_be_named_later() {
    let env = Env::shared().await;
    let named = Kind::Cluster.full_at("capitalOnline", "gateway");
    let unnamed = changed(named.clone(), &[("spec.capitalOnline", Value::Null)]);
    for step in [&unnamed, &named, &unnamed] {
        if let Err(error) = env.try_apply(&step.to_string()).await {
            panic!("{}", message(&error));
        }
    }
}
