//! `DesktopProvider`: one vendor account.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{LastError, RetryStatus};

/// One vendor account: which vendor and region, where its credentials are, how fast it may be called and which
/// namespaces may use it.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "desktop-operator.io",
    version = "v1alpha1",
    kind = "DesktopProvider",
    plural = "desktopproviders",
    shortname = "dprov",
    category = "vdi",
    status = "DesktopProviderStatus",
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name": "Vendor", "type": "string", "jsonPath": ".status.vendor"}"#,
    printcolumn = r#"{"name": "Location", "type": "string", "jsonPath": ".status.location"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name": "Message", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].message", "priority": 1}"#
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("[has(self.gws), has(self.cloudDesktop), has(self.capitalOnline), has(self.huaweiWorkspace)].filter(set, set).size() == 1", "exactly one vendor block must be set: gws, cloudDesktop, capitalOnline or huaweiWorkspace"))]
#[x_kube(validation = Rule::new("has(self.gws) == has(oldSelf.gws) && has(self.cloudDesktop) == has(oldSelf.cloudDesktop) && has(self.capitalOnline) == has(oldSelf.capitalOnline) && has(self.huaweiWorkspace) == has(oldSelf.huaweiWorkspace)").message("the vendor block of a provider cannot be changed; create another DesktopProvider"))]
pub struct DesktopProviderSpec {
    /// Alibaba Cloud GWS (graphic workstation), wire version 2019-06-18.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gws: Option<GwsProvider>,
    /// Alibaba Cloud CloudDesktop, wire version 2017-03-01.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_desktop: Option<CloudDesktopProvider>,
    /// CapitalOnline cloud desktops (gcw), one site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capital_online: Option<CapitalOnlineProvider>,
    /// Huawei Cloud Workspace, one project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub huawei_workspace: Option<HuaweiWorkspaceProvider>,
    /// Secret with the account's credentials: keys `accessKeyId`, `accessKeySecret` and, where the vendor has temporary
    /// keys, `securityToken`. huaweiWorkspace also takes a login instead: `domainName`, `userName` and `password`. It
    /// is read again when it changes; the operator needs no restart.
    pub credentials_secret_ref: SecretRef,
    /// Namespaces whose DesktopClusters may use this account. `{}` allows every namespace.
    pub allowed_namespaces: NamespaceSelector,
    /// How fast the account may be called, all its clusters and desktops together.
    #[serde(default)]
    pub rate_limit: RateLimit,
}

impl DesktopProviderSpec {
    /// The vendor, and where its account lives: a region or a site. Both empty when no vendor is set.
    #[must_use]
    pub fn vendor(&self) -> (&'static str, &str) {
        let blocks = [
            ("gws", self.gws.as_ref().map(|v| v.region.as_str())),
            ("cloudDesktop", self.cloud_desktop.as_ref().map(|v| v.region.as_str())),
            (
                "capitalOnline",
                self.capital_online.as_ref().map(|v| v.site_id.as_str()),
            ),
            (
                "huaweiWorkspace",
                self.huawei_workspace.as_ref().map(|v| v.region.as_str()),
            ),
        ];
        let set = blocks.into_iter().find_map(|(vendor, place)| Some((vendor, place?)));
        set.unwrap_or(("", ""))
    }
}

/// Where a GWS account is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.region == oldSelf.region").message("gws.region is immutable").field_path(".region"))]
pub struct GwsProvider {
    /// Region id, e.g. `cn-hangzhou`.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    pub region: String,
    /// Another endpoint than `https://gws.<region>.aliyuncs.com`. It must be on the operator's allow-list
    /// (`--allow-endpoint`), or the provider does not become ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^https?://[^/?#@\s]+/?$"))]
    pub endpoint: Option<String>,
}

/// Where a CloudDesktop account is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.region == oldSelf.region").message("cloudDesktop.region is immutable").field_path(".region"))]
#[x_kube(validation = Rule::new("has(self.ownerId) == has(oldSelf.ownerId) && (!has(self.ownerId) || self.ownerId == oldSelf.ownerId)").message("cloudDesktop.ownerId is immutable").field_path(".ownerId"))]
pub struct CloudDesktopProvider {
    /// Region id, e.g. `cn-hangzhou`.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    pub region: String,
    /// Whether calls may be used that the vendor's document leaves out and its client has: listing, power, names,
    /// users and images of existing desktops. Without them a desktop can be created and deleted, but not observed:
    /// its readiness is then unknown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub extended_api: bool,
    /// The customer for whom a reseller's account buys; only resellers set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub owner_id: Option<String>,
    /// Another endpoint than `https://clouddesktop.<region>.aliyuncs.com`. It must be on the operator's allow-list
    /// (`--allow-endpoint`), or the provider does not become ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^https?://[^/?#@\s]+/?$"))]
    pub endpoint: Option<String>,
}

/// Where a CapitalOnline account is reached, and the site its desktops are at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.siteId == oldSelf.siteId").message("capitalOnline.siteId is immutable").field_path(".siteId"))]
pub struct CapitalOnlineProvider {
    /// Site id. Another site of the same account is another DesktopProvider.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9-]+$"))]
    pub site_id: String,
    /// Which of the vendor's gateways is called.
    #[serde(default)]
    pub area: CapitalOnlineArea,
    /// Which edition of the vendor's API the account is served.
    #[serde(default)]
    pub api_edition: CapitalOnlineEdition,
    /// Currency in which desktops are bought; the vendor's own default when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Another endpoint than the area's own. It must be on the operator's allow-list (`--allow-endpoint`), or the
    /// provider does not become ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^https?://[^/?#@\s]+/?$"))]
    pub endpoint: Option<String>,
}

/// Gateways of CapitalOnline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CapitalOnlineArea {
    /// `cdsapi.capitalonline.net`.
    #[default]
    China,
    /// `cdsapi-asia.capitalonline.net`.
    Asia,
    /// `cdsapi-us.capitalonline.net`.
    America,
}

/// Editions of CapitalOnline's API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CapitalOnlineEdition {
    /// The one with gateways (`vGatewayNetId`).
    #[default]
    #[serde(rename = "2022")]
    Edition2022,
    /// The one of 2023, with bandwidth configurations and disk types.
    #[serde(rename = "2023")]
    Edition2023,
}

/// Currency of a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Currency {
    /// Renminbi (`CN` at the vendor).
    CNY,
    /// US dollars (`US` at the vendor).
    USD,
}

/// Where a Huawei Workspace project is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.region == oldSelf.region").message("huaweiWorkspace.region is immutable").field_path(".region"))]
#[x_kube(validation = Rule::new("self.projectId == oldSelf.projectId").message("huaweiWorkspace.projectId is immutable").field_path(".projectId"))]
pub struct HuaweiWorkspaceProvider {
    /// Region id, e.g. `cn-north-4`.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    pub region: String,
    /// Project id: 32 hexadecimal digits.
    #[schemars(length(min = 32, max = 32), regex(pattern = r"^[0-9a-f]{32}$"))]
    pub project_id: String,
    /// Another endpoint than `https://workspace.<region>.myhuaweicloud.com`. It must be on the operator's allow-list
    /// (`--allow-endpoint`), or the provider does not become ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^https?://[^/?#@\s]+/?$"))]
    pub endpoint: Option<String>,
    /// Another endpoint for logins than `https://iam.<region>.myhuaweicloud.com`, under the same rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^https?://[^/?#@\s]+/?$"))]
    pub iam_endpoint: Option<String>,
}

/// A Secret anywhere in the cluster; only a cluster-scoped provider may refer to one like this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct SecretRef {
    /// Namespace of the Secret.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Picks namespaces by their labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct NamespaceSelector {
    /// Labels a namespace must carry, all of them. Empty allows every namespace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16))]
    pub match_labels: BTreeMap<String, String>,
}

impl NamespaceSelector {
    /// Whether a namespace with these labels is picked.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.match_labels
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
    }
}

/// A token bucket over all calls of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Calls a second in the long run.
    #[serde(default = "default_rps")]
    #[schemars(range(min = 1, max = 1000))]
    pub requests_per_second: i32,
    /// Calls that may go out at once.
    #[serde(default = "default_burst")]
    #[schemars(range(min = 1, max = 1000))]
    pub burst: i32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            requests_per_second: default_rps(),
            burst: default_burst(),
        }
    }
}

const fn default_rps() -> i32 {
    5
}

const fn default_burst() -> i32 {
    10
}

/// What is known of the account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DesktopProviderStatus {
    /// The generation this status speaks of.
    #[serde(default)]
    pub observed_generation: i64,
    /// `Ready`, and `Reconciling` or `Stalled` while true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Vendor of this account, e.g. `gws`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub vendor: Option<String>,
    /// Region or site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub location: Option<String>,
    /// Digest of the id the account was last known by. When it changes, what the objects have recorded is looked for
    /// before anything else is done with the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub identity: Option<String>,
    /// True once the vendor's service-linked role is known to exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_linked_role: Option<bool>,
    /// What the account may create, and where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub cluster_types: Vec<AvailableClusterType>,
    /// Flavors desktops can be made in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub flavors: Vec<AvailableFlavor>,
    /// Regions in which the vendor sells desktops, where it tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(max = 64)))]
    pub regions: Vec<String>,
    /// When the catalog was last read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog_time: Option<Time>,
    /// Last error, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// When the failed check is repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryStatus>,
}

/// A kind of cluster the vendor offers in a zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AvailableClusterType {
    /// Zone id.
    #[schemars(length(max = 128))]
    pub zone: String,
    /// Cluster type, e.g. `gws.s1.standard`.
    #[schemars(length(max = 128))]
    pub cluster_type: String,
}

/// A flavor the vendor offers. What the vendor does not tell is left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AvailableFlavor {
    /// Id, as in `spec.flavor` of a Desktop.
    #[schemars(length(max = 128))]
    pub id: String,
    /// Processor cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<i64>,
    /// Memory in GiB.
    #[serde(default, rename = "memoryGiB", skip_serializing_if = "Option::is_none")]
    pub memory_gib: Option<i64>,
    /// Graphics processor, in the vendor's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub gpu: Option<String>,
    /// Price, in the vendor's figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub price: Option<String>,
    /// Whether the vendor has one to give at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<bool>,
}
