//! One manifest a kind with every field set, and ways to change it.

use kube::CustomResourceExt;
use serde_json::{Value, json};

use desktop_operator::api::{Desktop, DesktopCluster, DesktopImage, DesktopPool, DesktopProvider};

/// Our kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Provider,
    Cluster,
    Desktop,
    Image,
    Pool,
}

impl Kind {
    pub const ALL: [Self; 5] = [Self::Provider, Self::Cluster, Self::Desktop, Self::Image, Self::Pool];

    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "DesktopProvider",
            Self::Cluster => "DesktopCluster",
            Self::Desktop => "Desktop",
            Self::Image => "DesktopImage",
            Self::Pool => "DesktopPool",
        }
    }

    /// The schema of `spec` as the API server gets it.
    pub fn spec_schema(self) -> Value {
        let crd = match self {
            Self::Provider => DesktopProvider::crd(),
            Self::Cluster => DesktopCluster::crd(),
            Self::Desktop => Desktop::crd(),
            Self::Image => DesktopImage::crd(),
            Self::Pool => DesktopPool::crd(),
        };
        let crd = serde_json::to_value(crd).unwrap();
        crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
    }

    /// [`Kind::full_at`] the first vendor.
    pub fn full(self, name: &str) -> Value {
        self.full_at("gws", name)
    }

    /// A valid manifest in which every field is set that can be set beside the others and beside the vendor's block.
    pub fn full_at(self, vendor: &str, name: &str) -> Value {
        let mut spec = match self {
            Self::Provider => json!({
                "credentialsSecretRef": {"namespace": "desktop-system", "name": "account"},
                "allowedNamespaces": {"matchLabels": {"desktops": "allowed"}},
                "rateLimit": {"requestsPerSecond": 5, "burst": 10},
            }),
            Self::Cluster => json!({
                "providerRef": {"name": "account"},
                "displayName": "Office",
                "existingId": "gws-1",
                "network": {"vpcId": "vpc-1", "subnetId": "vsw-1", "nat": {"id": "ngw-1", "eip": "203.0.113.10"}},
                "directory": {
                    "domainName": "corp.example.com",
                    "dnsIp": "10.0.0.2",
                    "admin": "join",
                    "passwordSecretRef": {"name": "domain", "key": "password"},
                },
                "policy": {
                    "clipboard": "Both",
                    "localDrive": "ReadOnly",
                    "usbRedirection": true,
                    "watermark": {"enabled": true},
                    "udp": false,
                },
                "policyEnforcement": "Strict",
                "deletionPolicy": "Delete",
            }),
            Self::Desktop => json!({
                "clusterRef": {"name": "office"},
                "displayName": "Alice",
                "flavor": "ecs.g6.large",
                "image": if vendor == "huaweiWorkspace" { json!({"ref": {"name": "golden"}}) } else { json!({"id": "m-1"}) },
                "systemDisk": {"category": "cloud_essd", "sizeGiB": 80},
                "workMode": "Application",
                "applications": [{"name": "viewer", "path": "C:\\viewer.exe", "args": "--readonly"}],
                "network": {
                    "subnetId": "vsw-1",
                    "publicAddress": {"chargeType": "PayByTraffic", "bandwidthIn": 10, "bandwidthOut": 10},
                },
                "user": {"name": "alice", "uid": "1001", "email": "alice@example.com", "group": "Users"},
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
                "onImageChange": "Rebuild",
                "onLoss": "Report",
                "deletionPolicy": "Delete",
            }),
            Self::Image => image(vendor),
            Self::Pool => super::pool::full(vendor),
        };
        if let Some(block) = self.vendor_block(vendor) {
            spec[vendor] = block;
        }
        json!({
            "apiVersion": "desktop-operator.io/v1alpha1",
            "kind": self.name(),
            "metadata": {"name": name},
            "spec": spec,
        })
    }
}

/// An image comes about in one of three ways; each is the full manifest of another vendor.
fn image(vendor: &str) -> Value {
    let mut spec = json!({
        "providerRef": {"name": "account"},
        "displayName": "Windows of May",
        "deletionPolicy": "Delete",
    });
    let (way, value) = match vendor {
        "gws" => ("capture", json!({"desktopRef": {"name": "builder"}, "power": "Stop"})),
        "cloudDesktop" => ("existingId", json!("m-1")),
        _ => (
            "filter",
            json!({"name": "windows-2019", "namePrefix": "windows", "owner": "Account"}),
        ),
    };
    spec[way] = value;
    spec
}

/// The vendors' blocks.
pub const VENDORS: [&str; 4] = ["gws", "cloudDesktop", "capitalOnline", "huaweiWorkspace"];

impl Kind {
    /// The block of a vendor, with all that it may hold; none where there is only one manifest for all vendors.
    fn vendor_block(self, vendor: &str) -> Option<Value> {
        let provider = match vendor {
            "gws" => json!({"region": "cn-hangzhou", "endpoint": "https://gws.example.com"}),
            "cloudDesktop" => json!({
                "region": "cn-hangzhou",
                "extendedApi": true,
                "ownerId": "1234",
                "endpoint": "https://clouddesktop.example.com",
            }),
            "capitalOnline" => json!({
                "siteId": "649c38f8-4a1e-11ec-b9d2-aabbccddeeff",
                "area": "Asia",
                "apiEdition": "2023",
                "currency": "USD",
                "endpoint": "https://cdsapi.example.com",
            }),
            _ => json!({
                "region": "cn-north-4",
                "projectId": "0123456789abcdef0123456789abcdef",
                "endpoint": "https://workspace.example.com",
                "iamEndpoint": "https://iam.example.com",
            }),
        };
        let cluster = match vendor {
            "gws" => json!({"clusterType": "gws.s1.advanced"}),
            "cloudDesktop" => json!({"zoneId": "cn-hangzhou-i"}),
            "capitalOnline" => json!({"defaultNetwork": false, "gatewayId": "gw-1"}),
            _ => json!({"availabilityZone": "cn-north-4a", "securityGroups": ["sg-1"]}),
        };
        match self {
            Self::Provider => Some(provider),
            Self::Cluster => Some(cluster),
            Self::Desktop | Self::Image | Self::Pool => None,
        }
    }
}

/// The vendor in whose block, or in whose full manifest alone, a field is; where it is in none, the first.
pub fn vendor_of(path: &str) -> &'static str {
    if let Some(vendor) = super::pool::vendor_of(path) {
        return vendor;
    }
    for (field, vendor) in [
        ("spec.existingId", "cloudDesktop"),
        ("spec.filter", "capitalOnline"),
        ("spec.image.ref", "huaweiWorkspace"),
    ] {
        if path.starts_with(field) {
            return vendor;
        }
    }
    let part = path.split('.').nth(1);
    VENDORS.into_iter().find(|v| part == Some(v)).unwrap_or(VENDORS[0])
}

/// A change of a manifest: the field, as `spec.applications.0.name`, and its new value; `null` removes it.
pub type Change = (&'static str, Value);

/// The manifest with these changes.
pub fn changed(mut manifest: Value, changes: &[Change]) -> Value {
    for (path, value) in changes {
        set(&mut manifest, path, value.clone());
    }
    manifest
}

fn set(manifest: &mut Value, path: &str, value: Value) {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut parent = manifest;
    for part in parents.split('.').filter(|part| !part.is_empty()) {
        parent = match part.parse::<usize>() {
            Ok(index) => &mut parent[index],
            Err(_) => &mut parent[part],
        };
    }
    if value.is_null() {
        parent.as_object_mut().unwrap().remove(last);
    } else if let Ok(index) = last.parse::<usize>() {
        parent[index] = value;
    } else {
        parent[last] = value;
    }
}

/// The path as the API server prints it: `spec.applications[0].name`.
pub fn printed(path: &str) -> String {
    let mut out = String::new();
    for part in path.split('.') {
        if part.parse::<usize>().is_ok() {
            out.push('[');
            out.push_str(part);
            out.push(']');
        } else {
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(part);
        }
    }
    out
}

/// The path as the schema knows it: `spec.applications.*.name`.
pub fn schema_path(path: &str) -> String {
    let parts = path
        .split('.')
        .map(|part| if part.parse::<usize>().is_ok() { "*" } else { part });
    parts.collect::<Vec<_>>().join(".")
}

/// Whether a manifest has a field at this path of the schema.
fn holds(value: &Value, parts: &[&str]) -> bool {
    match parts {
        [] => true,
        ["*", rest @ ..] => value.as_array().is_some_and(|all| all.iter().any(|v| holds(v, rest))),
        [part, rest @ ..] => value.get(part).is_some_and(|v| holds(v, rest)),
    }
}

/// What the full manifests do not set is not tried by the tests that start from them.
#[test]
fn no_field_is_missing_in_all_the_full_manifests() {
    let mut missing = Vec::new();
    for kind in Kind::ALL {
        let full = VENDORS.map(|vendor| kind.full_at(vendor, "full"));
        walk(&kind.spec_schema(), "spec", &mut |path, _| {
            let parts: Vec<&str> = path.split('.').collect();
            // A desktop that is made says more than one that is adopted.
            let adopts = (kind, path) == (Kind::Desktop, "spec.existingId");
            if !adopts && !full.iter().any(|manifest| holds(manifest, &parts)) {
                missing.push(format!("{} {path}", kind.name()));
            }
        });
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Calls `visit` with every schema below `spec`, by its path.
pub fn walk(schema: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, child) in schema["properties"].as_object().into_iter().flatten() {
        walk(child, &format!("{path}.{name}"), visit);
    }
    if schema["items"].is_object() {
        walk(&schema["items"], &format!("{path}.*"), visit);
    }
}
