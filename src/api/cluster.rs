//! `DesktopCluster`: where desktops live, and the session policy that protects them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{
    Binding, CreateIntent, DeletionPolicy, LastError, ObjectRef, OperationStatus, RetryStatus, SecretKeyRef,
};

/// Where desktops live: a vendor cluster with its network, its directory and the session policy of its desktops.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "desktop-operator.io",
    version = "v1alpha1",
    kind = "DesktopCluster",
    plural = "desktopclusters",
    namespaced,
    shortname = "dclu",
    category = "vdi",
    status = "DesktopClusterStatus",
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "State", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name": "Policy", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"PolicyEnforced\")].reason"}"#,
    printcolumn = r#"{"name": "Desktops", "type": "integer", "jsonPath": ".status.desktops"}"#,
    printcolumn = r#"{"name": "Provider", "type": "string", "jsonPath": ".spec.providerRef.name"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name": "ID", "type": "string", "jsonPath": ".status.id", "priority": 1}"#,
    printcolumn = r#"{"name": "Message", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].message", "priority": 1}"#
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.providerRef == oldSelf.providerRef").message("providerRef is immutable").field_path(".providerRef"))]
#[x_kube(validation = Rule::new("has(self.existingId) == has(oldSelf.existingId) && (!has(self.existingId) || self.existingId == oldSelf.existingId)").message("existingId is immutable").field_path(".existingId"))]
#[x_kube(validation = Rule::new("has(self.network.vpcId) || has(self.existingId) || (has(self.capitalOnline) && self.capitalOnline.defaultNetwork) || has(self.cloudDesktop) || has(self.huaweiWorkspace)").message("network.vpcId is required, unless existingId, capitalOnline.defaultNetwork, cloudDesktop or huaweiWorkspace says where the desktops live").field_path(".network.vpcId"))]
#[x_kube(validation = Rule::new("!has(self.network.vpcId) || !has(self.capitalOnline) || !self.capitalOnline.defaultNetwork").message("capitalOnline.defaultNetwork and network.vpcId exclude each other").field_path(".capitalOnline.defaultNetwork"))]
#[x_kube(validation = Rule::new("[has(self.gws), has(self.cloudDesktop), has(self.capitalOnline), has(self.huaweiWorkspace)].filter(set, set).size() <= 1").message("at most one of gws, cloudDesktop, capitalOnline and huaweiWorkspace may be set"))]
#[x_kube(validation = Rule::new("has(self.network.vpcId) == has(oldSelf.network.vpcId) && (!has(self.network.vpcId) || self.network.vpcId == oldSelf.network.vpcId)").message("network.vpcId is immutable").field_path(".network.vpcId"))]
#[x_kube(validation = Rule::new("(has(self.capitalOnline) && self.capitalOnline.defaultNetwork) == (has(oldSelf.capitalOnline) && oldSelf.capitalOnline.defaultNetwork)").message("capitalOnline.defaultNetwork is immutable").field_path(".capitalOnline.defaultNetwork"))]
#[x_kube(validation = Rule::new("has(self.network.subnetId) == has(oldSelf.network.subnetId) && (!has(self.network.subnetId) || self.network.subnetId == oldSelf.network.subnetId)").message("network.subnetId is immutable").field_path(".network.subnetId"))]
#[x_kube(validation = Rule::new("has(self.gws) == has(oldSelf.gws) && (!has(self.gws) || self.gws.clusterType == oldSelf.gws.clusterType)").message("gws.clusterType is immutable").field_path(".gws"))]
pub struct DesktopClusterSpec {
    /// The account that holds the cluster. Immutable.
    pub provider_ref: ObjectRef,
    /// Name shown in the vendor's console. Defaults to the name of this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[^\s](.*[^\s])?$"))]
    pub display_name: Option<String>,
    /// Adopts this cluster of the vendor instead of creating one. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub existing_id: Option<String>,
    /// The network of the cluster.
    #[serde(default)]
    pub network: ClusterNetwork,
    /// What only GWS knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gws: Option<GwsCluster>,
    /// What only CloudDesktop knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_desktop: Option<CloudDesktopCluster>,
    /// What only CapitalOnline knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capital_online: Option<CapitalOnlineCluster>,
    /// What only Huawei Workspace knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub huawei_workspace: Option<HuaweiWorkspaceCluster>,
    /// The Active Directory whose users sign in. Removing the block removes the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<Directory>,
    /// What a session may do. Without the block the vendor's settings are left alone; with it, whatever is not said
    /// is the strictest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<SessionPolicy>,
    /// What happens when a field of the policy cannot be enforced.
    #[serde(default)]
    pub policy_enforcement: PolicyEnforcement,
    /// What happens to the vendor's cluster when this object is deleted. Left out, one that the operator created is
    /// deleted and an adopted one is retained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

/// The network of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterNetwork {
    /// VPC of the cluster. Immutable. At CapitalOnline a VPC is the cluster; at CloudDesktop and Huawei Workspace it may be
    /// left out where the vendor's block is set, and must otherwise be the one the account was set up with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub vpc_id: Option<String>,
    /// Subnet (vSwitch) of the cluster's servers. Left out, the vendor picks a zone with stock and may create one.
    /// Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub subnet_id: Option<String>,
    /// NAT gateway through which desktops are reached. Removing the block detaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nat: Option<Nat>,
}

/// A NAT gateway in the same VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Nat {
    /// Gateway id.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub id: String,
    /// Elastic IP to use. Left out, the vendor picks one that is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 7, max = 45), regex(pattern = r"^[0-9a-fA-F.:]+$"))]
    pub eip: Option<String>,
}

/// Settings of a GWS cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct GwsCluster {
    /// Cluster type. Only `gws.s1.advanced` can be linked to a directory. Immutable.
    #[serde(default = "default_cluster_type")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[a-z0-9.-]+$"))]
    pub cluster_type: String,
}

/// Settings of a CloudDesktop cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct CloudDesktopCluster {
    /// Zone in which new desktops are made, e.g. `cn-hangzhou-i`.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9-]+$"))]
    pub zone_id: String,
}

/// Settings of a CapitalOnline cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct CapitalOnlineCluster {
    /// Uses the default network of the site: made if there is none, completed if something of it is missing.
    /// Immutable.
    #[serde(default)]
    pub default_network: bool,
    /// Gateway of the network through which new desktops are reached (edition 2022: its id; edition 2023: the id of
    /// the bandwidth configuration). Left out, the network's first usable one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub gateway_id: Option<String>,
}

/// Settings of a Huawei Workspace tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct HuaweiWorkspaceCluster {
    /// Zone in which new desktops are made. Left out, the vendor chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9-]+$"))]
    pub availability_zone: Option<String>,
    /// Security groups of new desktops. Left out, the tenant's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 64)))]
    pub security_groups: Vec<String>,
}

/// The cluster type used when none is named.
pub const DEFAULT_GWS_CLUSTER_TYPE: &str = "gws.s1.standard";

fn default_cluster_type() -> String {
    DEFAULT_GWS_CLUSTER_TYPE.into()
}

/// An Active Directory reachable from the VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    /// Domain name, e.g. `corp.example.com`.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")
    )]
    pub domain_name: String,
    /// Address of the domain's DNS server.
    #[schemars(length(min = 7, max = 45), regex(pattern = r"^[0-9a-fA-F.:]+$"))]
    pub dns_ip: String,
    /// Account that may join machines to the domain.
    #[serde(default = "default_admin")]
    #[schemars(length(min = 1, max = 128))]
    pub admin: String,
    /// Password of that account, in a Secret of the same namespace.
    pub password_secret_ref: SecretKeyRef,
}

fn default_admin() -> String {
    "administrator".into()
}

/// What a session may do. Every field defaults to the strictest value, except UDP, which is a matter of speed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct SessionPolicy {
    /// Direction in which the clipboard may carry data.
    #[serde(default)]
    pub clipboard: Clipboard,
    /// Whether drives of the user's computer appear in the desktop.
    #[serde(default)]
    pub local_drive: LocalDrive,
    /// Whether USB devices of the user's computer appear in the desktop.
    #[serde(default)]
    pub usb_redirection: bool,
    /// Text laid over the screen that names cluster and host.
    #[serde(default)]
    pub watermark: Watermark,
    /// Whether sessions may use UDP; true when left out, where the vendor can tell. Off removes the inbound rules for
    /// ports 1494 and 2598.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub udp: Option<bool>,
}

/// Direction in which the clipboard may carry data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Clipboard {
    /// Nothing may be pasted in or out.
    #[default]
    Disabled,
    /// From the user's computer into the desktop.
    ClientToDesktop,
    /// From the desktop to the user's computer.
    DesktopToClient,
    /// Both ways.
    Both,
}

/// Whether drives of the user's computer appear in the desktop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LocalDrive {
    /// They do not.
    #[default]
    Disabled,
    /// They can be read.
    ReadOnly,
    /// They can be read and written.
    ReadWrite,
}

/// Text laid over the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Watermark {
    /// Whether it is shown.
    #[serde(default)]
    pub enabled: bool,
}

/// What happens when a field of the policy cannot be enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PolicyEnforcement {
    /// No desktop is created before every declared field is enforced.
    #[default]
    Strict,
    /// Desktops are created; what is not enforced is shown in `status.policy`.
    BestEffort,
}

/// Normalised state of a cluster, whatever the vendor calls it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClusterState {
    /// Being made or started.
    Creating,
    /// Usable.
    Running,
    /// Held back for unpaid bills.
    InDebt,
    /// The vendor reports a fault of it.
    Failed,
    /// Deleted, though still listed.
    Deleted,
    /// A word this version does not know; nothing is done because of it.
    #[default]
    Unknown,
}

/// What is known of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DesktopClusterStatus {
    /// The generation this status speaks of.
    #[serde(default)]
    pub observed_generation: i64,
    /// `Ready`, `PolicyEnforced`, `DirectoryJoined`, and `Reconciling`, `Stalled`, `Paused`, `DeletionBlocked`
    /// while true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The vendor's cluster id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub id: Option<String>,
    /// To which resource and account the id belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// Normalised state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ClusterState>,
    /// The vendor's own word for the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub vendor_state: Option<String>,
    /// The name at the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub display_name: Option<String>,
    /// Desktops the vendor reports in the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub desktops: Option<i32>,
    /// One row a field of the session policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["field".into()]))]
    pub policy: Vec<PolicyRow>,
    /// The directory the vendor reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub domain_name: Option<String>,
    /// The version of the password Secret with which the directory was last linked; present while the link is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub directory_secret_version: Option<String>,
    /// The NAT gateway the vendor reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub nat_id: Option<String>,
    /// True while the gateway was attached by the operator.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nat_managed: bool,
    /// The elastic IP desktops are reached by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub nat_eip: Option<String>,
    /// Subnets of its network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub subnets: Vec<NetworkPart>,
    /// Gateways of its network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub gateways: Vec<NetworkPart>,
    /// Who is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<SessionSummary>,
    /// Desktops at the vendor that carry the name of a resource that is gone. The operator reports them and never
    /// deletes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub orphans: Vec<Orphan>,
    /// A creation that is not finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<CreateIntent>,
    /// What the vendor is doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationStatus>,
    /// Last error, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// When what failed is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryStatus>,
}

/// One field of a policy: what was asked for and what the vendor reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRow {
    /// Field name as in the spec.
    #[schemars(length(min = 1, max = 64))]
    pub field: String,
    /// Wanted value.
    #[schemars(length(max = 64))]
    pub desired: String,
    /// Value the vendor reports; empty while unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub observed: Option<String>,
    /// How the two compare.
    pub state: PolicyState,
}

/// How a policy field stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PolicyState {
    /// The vendor reports the wanted value.
    Enforced,
    /// It is being set.
    Pending,
    /// It was enforced and somebody changed it; it is being set again.
    Drifted,
    /// The vendor cannot do it.
    Unsupported,
    /// The setting has no meaning for this desktop, e.g. a GPU setting on a desktop without one.
    NotApplicable,
}

/// Who is connected to the cluster's desktops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionSummary {
    /// Desktops with an open session.
    #[schemars(range(min = 0))]
    pub connected: i32,
    /// Most recent logon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_logon_time: Option<Time>,
}

/// A vendor desktop without its resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Orphan {
    /// Vendor id.
    #[schemars(length(max = 256))]
    pub id: String,
    /// Name at the vendor.
    #[schemars(length(max = 256))]
    pub name: String,
}

/// A subnet or a gateway of a cluster's network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPart {
    /// Vendor id.
    #[schemars(length(max = 256))]
    pub id: String,
    /// Name, or the line of a gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub name: Option<String>,
    /// The vendor's own word for its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub state: Option<String>,
}
