//! `DesktopPool`: many desktops from one template.

mod vendor;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Binding, CreateIntent, DeletionPolicy, LastError, ObjectRef, OperationStatus, RetryStatus};
use super::desktop::{
    Application, Billing, DesktopNetwork, DesktopUser, DisplayPolicy, HuaweiWorkspaceDesktop, ImageSource, Power,
    PowerSchedule, SystemDisk, WorkMode,
};
pub use vendor::{HuaweiUserGroup, HuaweiWorkspacePool, PoolWork, PoolWorkKind, VendorAutoscale, VendorPool};

/// Many desktops from one template: a number of them, or as many as are needed. At a vendor with pools of its own it is
/// one of those, elsewhere it is made of Desktops named `<pool>-<slot>`.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "desktop-operator.io",
    version = "v1alpha1",
    kind = "DesktopPool",
    plural = "desktoppools",
    namespaced,
    shortname = "dpool",
    category = "vdi",
    status = "DesktopPoolStatus",
    validation = Rule::new("self.metadata.name.size() <= 57").message("metadata.name must not be longer than 57 characters: the Desktops of the pool are named after it"),
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "State", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name": "Desired", "type": "integer", "jsonPath": ".status.desiredReplicas"}"#,
    printcolumn = r#"{"name": "Replicas", "type": "integer", "jsonPath": ".status.replicas"}"#,
    printcolumn = r#"{"name": "Up", "type": "integer", "jsonPath": ".status.readyReplicas"}"#,
    printcolumn = r#"{"name": "Updated", "type": "integer", "jsonPath": ".status.updatedReplicas"}"#,
    printcolumn = r#"{"name": "Assigned", "type": "integer", "jsonPath": ".status.assignedReplicas"}"#,
    printcolumn = r#"{"name": "Rollout", "type": "string", "jsonPath": ".status.rollout.phase"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name": "Message", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].message", "priority": 1}"#
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.replicas) != has(self.autoscale)").message("exactly one of replicas and autoscale must be set"))]
#[x_kube(validation = Rule::new("self.template.spec.clusterRef == oldSelf.template.spec.clusterRef").message("template.spec.clusterRef is immutable").field_path(".template.spec.clusterRef"))]
#[x_kube(validation = Rule::new("self.type == oldSelf.type").message("type is immutable").field_path(".type"))]
#[x_kube(validation = Rule::new("has(self.existingId) == has(oldSelf.existingId) && (!has(self.existingId) || self.existingId == oldSelf.existingId)").message("existingId is immutable").field_path(".existingId"))]
#[x_kube(validation = Rule::new("self.type == 'Dynamic' || !has(self.disconnectedRetentionMinutes)").message("disconnectedRetentionMinutes is only allowed with type Dynamic").field_path(".disconnectedRetentionMinutes"))]
pub struct DesktopPoolSpec {
    /// How many desktops there should be. `kubectl scale` and autoscalers of Kubernetes set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 5000))]
    pub replicas: Option<i32>,
    /// Makes desktops as they are needed, instead of a number of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscale: Option<PoolAutoscale>,
    /// Whose desktops they are: each keeps theirs, or anybody gets any. Only vendors with pools of their own can do the
    /// latter. Immutable.
    #[serde(default, rename = "type")]
    pub kind: PoolType,
    /// Who the desktops are for. In a pool of type Static each gets one and keeps it; desktops beyond them stay
    /// unassigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub users: Option<Vec<DesktopUser>>,
    /// What each desktop is like. A change of it is rolled out as `update` says.
    pub template: DesktopTemplate,
    /// How a changed template reaches desktops that exist.
    #[serde(default)]
    pub update: PoolUpdate,
    /// Which desktops may go when there are too many.
    #[serde(default)]
    pub scale_in: ScaleIn,
    /// Minutes until a desktop that its user has left goes to somebody else, in pools of type Dynamic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 43200))]
    pub disconnected_retention_minutes: Option<i32>,
    /// Adopts this pool of the vendor instead of creating one, at vendors with pools of their own. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub existing_id: Option<String>,
    /// What only Huawei Workspace knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub huawei_workspace: Option<HuaweiWorkspacePool>,
    /// What happens to the vendor's objects when this object is deleted. Left out, what the operator created is deleted
    /// and what was adopted is retained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

/// Whose the desktops of a pool are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PoolType {
    /// Each user keeps theirs.
    #[default]
    Static,
    /// Whoever comes gets any that is free.
    Dynamic,
}

/// Makes desktops as they are needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.min <= self.max").message("autoscale.min must not be above autoscale.max").field_path(".min"))]
#[x_kube(validation = Rule::new("self.minIdle <= self.max").message("autoscale.minIdle must not be above autoscale.max").field_path(".minIdle"))]
pub struct PoolAutoscale {
    /// What makes the pool grow.
    #[serde(default, rename = "type")]
    pub kind: AutoscaleType,
    /// Fewest desktops.
    #[serde(default)]
    #[schemars(range(min = 0, max = 5000))]
    pub min: i32,
    /// Most desktops.
    #[schemars(range(min = 1, max = 5000))]
    pub max: i32,
    /// Desktops that belong to nobody, of which this many are kept ready.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 5000))]
    pub min_idle: i32,
    /// Most desktops made or removed at a time.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 100))]
    pub step: i32,
}

const fn one() -> i32 {
    1
}

/// What makes a pool grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AutoscaleType {
    /// Desktops are made ahead of need, so that some are always free.
    #[default]
    AutoCreated,
    /// A desktop is made when somebody asks for one. Only vendors with pools of their own can do that.
    AccessCreated,
}

/// What each desktop of a pool is like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DesktopTemplate {
    /// Labels and annotations of the Desktops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<TemplateMetadata>,
    /// What each Desktop declares.
    pub spec: DesktopTemplateSpec,
}

/// Labels and annotations of the Desktops of a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateMetadata {
    /// Labels; those of the operator are added.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub annotations: BTreeMap<String, String>,
}

/// What each Desktop of a pool declares: the fields of a Desktop that all of them share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.applications) || self.workMode == 'Application'").message("applications are only allowed with workMode Application").field_path(".applications"))]
#[x_kube(validation = Rule::new("self.workMode != 'Application' || has(self.applications)").message("workMode Application needs 1 to 10 applications").field_path(".applications"))]
#[x_kube(validation = Rule::new("!has(self.powerSchedule) || self.power != 'Running' || (has(self.powerSchedule.start) && has(self.powerSchedule.stop))").message("with power Running, powerSchedule needs both start and stop; for one of them alone set power to Unmanaged").field_path(".powerSchedule"))]
pub struct DesktopTemplateSpec {
    /// The DesktopCluster, in the same namespace, that the desktops belong to. Immutable.
    pub cluster_ref: ObjectRef,
    /// The vendor's instance type.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub flavor: String,
    /// The image the system disks are made from.
    pub image: ImageSource,
    /// The system disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_disk: Option<SystemDisk>,
    /// Whole desktop or published applications.
    #[serde(default)]
    pub work_mode: WorkMode,
    /// Applications to publish, in mode Application only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 10))]
    pub applications: Option<Vec<Application>>,
    /// Where the desktops are attached and whether they have public addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<DesktopNetwork>,
    /// Whether the desktops should run.
    #[serde(default)]
    pub power: Power,
    /// When the desktops are started and stopped by the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_schedule: Option<PowerSchedule>,
    /// GPU display settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_policy: Option<DisplayPolicy>,
    /// How the desktops are paid for.
    #[serde(default)]
    pub billing: Billing,
    /// What only Huawei Workspace knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub huawei_workspace: Option<HuaweiWorkspaceDesktop>,
}

/// How a changed template reaches desktops that exist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolUpdate {
    /// By itself, or only for desktops that are made anew.
    #[serde(default)]
    pub strategy: UpdateStrategy,
    /// How many desktops may be out of service while it goes on: a number, or a share such as `10%`, rounded down but at
    /// least one.
    #[serde(default = "one_desktop")]
    #[x_kube(validation = Rule::new("type(self) == int ? int(self) >= 1 && int(self) <= 5000 : string(self).matches('^([1-9][0-9]?|100)%$')").message("update.maxUnavailable must be a number from 1, or a share from 1% to 100%"))]
    pub max_unavailable: IntOrString,
    /// When desktops that belong to somebody are changed.
    #[serde(default)]
    pub when_assigned: WhenAssigned,
    /// Tries the change on some desktops before the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// Seconds after which a changed desktop that is not Ready has failed.
    #[serde(default = "default_deadline")]
    #[schemars(range(min = 1, max = 86400))]
    pub progress_deadline_seconds: i32,
    /// Stops the roll-out where it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

impl Default for PoolUpdate {
    fn default() -> Self {
        Self {
            strategy: UpdateStrategy::default(),
            max_unavailable: one_desktop(),
            when_assigned: WhenAssigned::default(),
            canary: None,
            progress_deadline_seconds: default_deadline(),
            paused: false,
        }
    }
}

const fn one_desktop() -> IntOrString {
    IntOrString::Int(1)
}

const fn default_deadline() -> i32 {
    1800
}

/// How a roll-out is begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UpdateStrategy {
    /// Desktops are changed by themselves, some at a time.
    #[default]
    Rolling,
    /// A desktop is changed only when it is made anew.
    OnDelete,
}

/// When desktops that belong to somebody are changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WhenAssigned {
    /// When nobody is logged on any more. Where the vendor does not tell who is, when the desktop is stopped.
    #[default]
    AtNextLogoff,
    /// At once, whoever is working on them.
    Now,
    /// Not at all.
    Never,
}

/// Tries a change on some desktops before the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Canary {
    /// Share of the desktops, in percent, rounded up.
    #[schemars(range(min = 1, max = 100))]
    pub percent: i32,
    /// Seconds for which each of them must have been Ready.
    #[serde(default = "default_soak")]
    #[schemars(range(min = 0, max = 604_800))]
    pub soak_seconds: i32,
}

const fn default_soak() -> i32 {
    600
}

/// Which desktops may go when there are too many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScaleIn {
    /// Whether desktops that belong to somebody may be removed when the others are not enough.
    #[serde(default)]
    pub assigned: ScaleInAssigned,
}

/// Whether desktops that belong to somebody may be removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ScaleInAssigned {
    /// They stay, and the pool says that it has too many.
    #[default]
    Keep,
    /// They are removed when nobody is connected, the newest first.
    RemoveDisconnected,
    /// They are removed, the newest first, also while somebody is connected.
    Remove,
}

/// What is known of the pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DesktopPoolStatus {
    /// The generation this status speaks of.
    #[serde(default)]
    pub observed_generation: i64,
    /// `Ready`, and `Reconciling`, `Stalled`, `Paused`, `DeletionBlocked`, `RolloutHalted`, `ScaleInBlocked` while true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Desktops that should be there.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub desired_replicas: i32,
    /// Desktops that are there.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub replicas: i32,
    /// Those of them that are Ready.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub ready_replicas: i32,
    /// Those that belong to somebody.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub assigned_replicas: i32,
    /// Those that are as the present template says.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub updated_replicas: i32,
    /// Selects the Desktops of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub selector: Option<String>,
    /// The revision of the present template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub revision: Option<String>,
    /// The roll-out under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// Desktops removed lately, for the brake of the namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub removals: Vec<Removal>,
    /// The vendor's pool id, at vendors with pools of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub id: Option<String>,
    /// To which resource, account and cluster the id belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// What the vendor says of its pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<VendorPool>,
    /// A change of the vendor's desktops that was sent, or may have been, and whose effect is not certain yet. While
    /// there is one no other is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<PoolWork>,
    /// Number of the latest such change.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub work_number: i64,
    /// When failed desktops of a pool of the vendor's own were last replaced, outside of a roll-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement_time: Option<Time>,
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

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none_yet(n: &i32) -> bool {
    *n == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// A roll-out under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// The revision that is rolled out.
    #[schemars(length(max = 64))]
    pub revision: String,
    /// How far it is.
    pub phase: RolloutPhase,
    /// When it began.
    pub start_time: Time,
    /// When the rest may follow, while the canaries are tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak_until_time: Option<Time>,
    /// The canaries were Ready for as long as they had to be, or none were asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canary_passed: bool,
    /// Since when changed desktops are not Ready, while some are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unready_since_time: Option<Time>,
    /// Some of those that have not been Ready since then, at vendors with pools of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 256)))]
    pub unready: Vec<String>,
    /// Rebuilds in a row that failed without changing anything, at vendors with pools of their own.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    #[schemars(range(min = 0))]
    pub failed_rebuilds: i32,
}

/// How far a roll-out is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RolloutPhase {
    /// The first desktops are changed.
    Canary,
    /// They are Ready and are watched.
    Soaking,
    /// The rest is changed.
    Rolling,
    /// What is left belongs to people who are logged on, or must not be touched.
    Waiting,
    /// It was stopped by the manifest.
    Paused,
    /// Changed desktops have failed.
    Halted,
}

/// Desktops that were removed at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Removal {
    /// When.
    pub time: Time,
    /// How many.
    #[schemars(range(min = 1))]
    pub count: i32,
}
