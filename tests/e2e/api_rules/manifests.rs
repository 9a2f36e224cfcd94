//! One manifest a kind with every field set, and ways to change it.

use kube::CustomResourceExt;
use serde_json::{Value, json};

use desktop_operator::api::{Desktop, DesktopCluster, DesktopProvider};

/// Our kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Provider,
    Cluster,
    Desktop,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Provider, Self::Cluster, Self::Desktop];

    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "DesktopProvider",
            Self::Cluster => "DesktopCluster",
            Self::Desktop => "Desktop",
        }
    }

    /// The schema of `spec` as the API server gets it.
    pub fn spec_schema(self) -> Value {
        let crd = match self {
            Self::Provider => DesktopProvider::crd(),
            Self::Cluster => DesktopCluster::crd(),
            Self::Desktop => Desktop::crd(),
        };
        let crd = serde_json::to_value(crd).unwrap();
        crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
    }

    /// A valid manifest in which every field is set that can be set beside the others.
    pub fn full(self, name: &str) -> Value {
        let spec = match self {
            Self::Provider => json!({
                "gws": {"region": "cn-hangzhou", "endpoint": "https://gws.example.com"},
                "credentialsSecretRef": {"namespace": "desktop-system", "name": "aliyun"},
                "allowedNamespaces": {"matchLabels": {"desktops": "allowed"}},
                "rateLimit": {"requestsPerSecond": 5, "burst": 10},
            }),
            Self::Cluster => json!({
                "providerRef": {"name": "aliyun"},
                "displayName": "Office",
                "existingId": "gws-1",
                "network": {"vpcId": "vpc-1", "subnetId": "vsw-1", "nat": {"id": "ngw-1", "eip": "203.0.113.10"}},
                "gws": {"clusterType": "gws.s1.advanced"},
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
                "image": {"id": "m-1"},
                "systemDisk": {"category": "cloud_essd", "sizeGiB": 80},
                "workMode": "Application",
                "applications": [{"name": "viewer", "path": "C:\\viewer.exe", "args": "--readonly"}],
                "network": {
                    "subnetId": "vsw-1",
                    "publicAddress": {"chargeType": "PayByTraffic", "bandwidthIn": 10, "bandwidthOut": 10},
                },
                "user": {"name": "alice", "uid": "1001"},
                "power": "Running",
                "displayPolicy": {"visualLossless": true, "optimizeFor3d": true},
                "billing": {
                    "mode": "Subscription",
                    "period": {"count": 1, "unit": "Month"},
                    "autoRenew": true,
                    "onDelete": "LetExpire",
                },
                "onLoss": "Report",
                "deletionPolicy": "Delete",
            }),
        };
        json!({
            "apiVersion": "desktop-operator.io/v1alpha1",
            "kind": self.name(),
            "metadata": {"name": name},
            "spec": spec,
        })
    }
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
