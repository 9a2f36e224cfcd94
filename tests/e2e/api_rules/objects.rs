//! How objects come back: with defaults, with a status that says that nobody has looked yet, and as they were sent.

use serde_json::{Value, json};

use super::manifests::{Change, Kind, VENDORS, changed, vendor_of};
use crate::harness::{Env, message};

/// As little as each kind needs, and what the API server makes of it.
fn minimal(kind: Kind) -> (Value, Value) {
    match kind {
        Kind::Provider => (
            json!({
                "gws": {"region": "cn-hangzhou"},
                "credentialsSecretRef": {"namespace": "desktop-system", "name": "aliyun"},
                "allowedNamespaces": {},
            }),
            json!({
                "gws": {"region": "cn-hangzhou"},
                "credentialsSecretRef": {"namespace": "desktop-system", "name": "aliyun"},
                "allowedNamespaces": {},
                "rateLimit": {"requestsPerSecond": 5, "burst": 10},
            }),
        ),
        Kind::Cluster => (
            json!({
                "providerRef": {"name": "aliyun"},
                "network": {"vpcId": "vpc-1"},
                "gws": {},
                "directory": {
                    "domainName": "corp.example.com",
                    "dnsIp": "10.0.0.2",
                    "passwordSecretRef": {"name": "domain"},
                },
                "policy": {},
            }),
            json!({
                "providerRef": {"name": "aliyun"},
                "network": {"vpcId": "vpc-1"},
                "gws": {"clusterType": "gws.s1.standard"},
                "directory": {
                    "domainName": "corp.example.com",
                    "dnsIp": "10.0.0.2",
                    "admin": "administrator",
                    "passwordSecretRef": {"name": "domain", "key": "password"},
                },
                "policy": {
                    "clipboard": "Disabled",
                    "localDrive": "Disabled",
                    "usbRedirection": false,
                    "watermark": {"enabled": false},
                },
                "policyEnforcement": "Strict",
            }),
        ),
        Kind::Desktop => (
            json!({
                "clusterRef": {"name": "office"},
                "existingId": "i-1",
                "network": {"publicAddress": {}},
                "powerSchedule": {"timeZone": "UTC", "start": "0 8 * * *", "stop": "0 20 * * *"},
                "displayPolicy": {},
            }),
            json!({
                "clusterRef": {"name": "office"},
                "existingId": "i-1",
                "workMode": "Desktop",
                "network": {"publicAddress": {"chargeType": "PayByTraffic", "bandwidthIn": 4, "bandwidthOut": 4}},
                "power": "Running",
                "powerSchedule": {
                    "timeZone": "UTC", "start": "0 8 * * *", "stop": "0 20 * * *", "whenConnected": "Wait",
                },
                "displayPolicy": {"visualLossless": false, "optimizeFor3d": false},
                "billing": {"mode": "PayAsYouGo", "autoRenew": false, "onDelete": "LetExpire"},
                "onImageChange": "Report",
                "onLoss": "Report",
            }),
        ),
        Kind::Image => (
            json!({"providerRef": {"name": "aliyun"}, "capture": {"desktopRef": {"name": "builder"}}}),
            json!({
                "providerRef": {"name": "aliyun"},
                "capture": {"desktopRef": {"name": "builder"}, "power": "Stop"},
            }),
        ),
        Kind::Pool => super::pool::minimal(),
    }
}

#[tokio::test]
async fn defaults_come_back_and_nobody_has_looked_yet() {
    let env = Env::shared().await;
    for kind in Kind::ALL {
        let (sent, expected) = minimal(kind);
        let name = format!("{}-minimal", env.namespace);
        let manifest = changed(kind.full(&name), &[("spec", sent)]);
        let object = env.apply(&manifest.to_string()).await.remove(0);
        assert_eq!(object.data["spec"], expected, "{}", kind.name());
        let mut fresh = json!({"observedGeneration": -1});
        if kind == Kind::Pool {
            // What `kubectl scale` and autoscalers read is a number from the beginning.
            for count in ["desired", "replicas", "ready", "assigned", "updated"] {
                let name = if count == "replicas" {
                    count.to_owned()
                } else {
                    format!("{count}Replicas")
                };
                fresh[name] = json!(0);
            }
        }
        assert_eq!(object.data["status"], fresh, "{}", kind.name());
    }
}

/// A cluster without a policy block leaves the vendor's settings alone, and one without a deletion policy is retained
/// if it was adopted: no default may put one there.
#[tokio::test]
async fn blocks_that_are_left_out_stay_out() {
    let env = Env::shared().await;
    let manifest = changed(
        Kind::Cluster.full("bare"),
        &[(
            "spec",
            json!({"providerRef": {"name": "aliyun"}, "network": {"vpcId": "vpc-1"}}),
        )],
    );
    let object = env.apply(&manifest.to_string()).await.remove(0);
    let expected = json!({
        "providerRef": {"name": "aliyun"},
        "network": {"vpcId": "vpc-1"},
        "policyEnforcement": "Strict",
    });
    assert_eq!(object.data["spec"], expected);
}

/// What a vendor's block means when only what it requires is said.
#[tokio::test]
async fn the_blocks_of_the_vendors_come_back_with_their_defaults() {
    let env = Env::shared().await;
    let project = "0123456789abcdef0123456789abcdef";
    let blocks: [(Kind, Change, Value); 6] = [
        (
            Kind::Provider,
            ("spec.cloudDesktop", json!({"region": "cn-hangzhou"})),
            json!({"region": "cn-hangzhou"}),
        ),
        (
            Kind::Provider,
            ("spec.capitalOnline", json!({"siteId": "site-1"})),
            json!({"siteId": "site-1", "area": "China", "apiEdition": "2022"}),
        ),
        (
            Kind::Provider,
            (
                "spec.huaweiWorkspace",
                json!({"region": "cn-north-4", "projectId": project}),
            ),
            json!({"region": "cn-north-4", "projectId": project}),
        ),
        (
            Kind::Cluster,
            ("spec.capitalOnline", json!({})),
            json!({"defaultNetwork": false}),
        ),
        (Kind::Cluster, ("spec.huaweiWorkspace", json!({})), json!({})),
        (
            Kind::Desktop,
            ("spec.huaweiWorkspace", json!({})),
            json!({"renameByRestart": false}),
        ),
    ];
    for (number, (kind, change, expected)) in blocks.into_iter().enumerate() {
        let path = change.0;
        let full = kind.full_at(vendor_of(path), &format!("{}-block-{number}", env.namespace));
        let object = env.apply(&changed(full, &[change]).to_string()).await.remove(0);
        assert_eq!(object.data["spec"][vendor_of(path)], expected, "{} {path}", kind.name());
    }
}

#[tokio::test]
async fn what_was_sent_comes_back() {
    let env = Env::shared().await;
    for (kind, vendor) in Kind::ALL.into_iter().flat_map(|kind| VENDORS.map(|v| (kind, v))) {
        let name = format!("{}-full-{}", env.namespace, vendor.to_lowercase());
        let full = kind.full_at(vendor, &name);
        let object = env.apply(&full.to_string()).await.remove(0);
        assert_eq!(object.data["spec"], full["spec"], "{} {vendor}", kind.name());
    }
}

/// Server-side apply must take "everything by default" for a value, also where there was more before.
#[tokio::test]
async fn a_block_can_be_emptied() {
    let env = Env::shared().await;
    let blocks: [(Kind, Change); 8] = [
        (Kind::Provider, ("spec.allowedNamespaces", json!({}))),
        (Kind::Provider, ("spec.rateLimit", json!({}))),
        (Kind::Cluster, ("spec.policy", json!({}))),
        (Kind::Cluster, ("spec.policy.watermark", json!({}))),
        (Kind::Cluster, ("spec.capitalOnline", json!({}))),
        (Kind::Cluster, ("spec.huaweiWorkspace", json!({}))),
        (Kind::Desktop, ("spec.displayPolicy", json!({}))),
        (Kind::Desktop, ("spec.huaweiWorkspace", json!({}))),
    ];
    for (number, (kind, change)) in blocks.into_iter().enumerate() {
        let full = kind.full_at(vendor_of(change.0), &format!("{}-emptied-{number}", env.namespace));
        env.apply(&full.to_string()).await;
        let emptied = changed(full, std::slice::from_ref(&change));
        if let Err(error) = env.try_apply(&emptied.to_string()).await {
            panic!("{change:?} was refused: {}", message(&error));
        }
    }
}

/// A misspelt field is refused rather than ignored: a policy that is not read would be a policy that is not kept.
#[tokio::test]
async fn unknown_fields_are_refused() {
    let env = Env::shared().await;
    for (kind, path) in [
        (Kind::Provider, "spec.allowedNamespace"),
        (Kind::Cluster, "spec.policy.clipBoard"),
        (Kind::Desktop, "spec.powerState"),
        (Kind::Provider, "spec.cloudDesktop.extendedAPI"),
        (Kind::Desktop, "spec.user.mail"),
        (Kind::Image, "spec.capture.desktop"),
    ] {
        let manifest = changed(kind.full_at(vendor_of(path), "unknown"), &[(path, json!("x"))]);
        let refusal = message(&env.dry_run(&manifest.to_string()).await.unwrap_err());
        let name = path.rsplit('.').next().unwrap();
        assert!(refusal.contains(name), "{path}: {refusal}");
    }
}
