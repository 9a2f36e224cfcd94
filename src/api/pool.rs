//! `DesktopPool`: many desktops from one template.

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

/// Settings of a pool of Huawei Workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HuaweiWorkspacePool {
    /// Description shown in the vendor's console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub description: Option<String>,
    /// Keeps new users out of the pool.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub maintenance: bool,
    /// Groups of users that may use it, beside `users`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".into()]))]
    pub groups: Option<Vec<HuaweiUserGroup>>,
}

/// A group of users of Huawei Workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HuaweiUserGroup {
    /// Vendor id.
    #[schemars(length(min = 1, max = 128))]
    pub id: String,
    /// Name.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
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
fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// A change of the desktops of a vendor's pool. It is recorded before it is sent, because none of them may be sent twice
/// by mistake: a second growth costs money, a second rebuild wipes disks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolWork {
    /// What is done.
    pub kind: PoolWorkKind,
    /// Its number, by which a human settles it.
    #[schemars(range(min = 1))]
    pub number: i64,
    /// When it was recorded.
    pub start_time: Time,
    /// Desktops that were there before.
    #[schemars(range(min = 0))]
    pub before: i32,
    /// How many desktops it adds, removes or rebuilds.
    #[schemars(range(min = 0))]
    pub count: i32,
    /// Which desktops, unless they are to come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(max = 256)))]
    pub desktop_ids: Vec<String>,
    /// The image they are rebuilt from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub image_id: Option<String>,
    /// When the vendor said that it had ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    /// Complete listings after the settle time that did not show its effect.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    #[schemars(range(min = 0))]
    pub empty_listings: i32,
    /// When the last of them was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_empty_listing_time: Option<Time>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none_yet(n: &i32) -> bool {
    *n == 0
}

/// What is done to the desktops of a vendor's pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PoolWorkKind {
    /// Desktops are added.
    Expand,
    /// Desktops are deleted.
    Remove,
    /// Desktops are made anew from another image.
    Rebuild,
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

/// What a vendor says of its pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VendorPool {
    /// The vendor's own word for the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub state: Option<String>,
    /// Name at the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub name: Option<String>,
    /// Desktops, as the vendor counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desktops: Option<i64>,
    /// Desktops that belong to somebody, as the vendor counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned: Option<i64>,
    /// Image that new desktops are made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub image_id: Option<String>,
    /// Flavor that new desktops are made in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub flavor: Option<String>,
    /// Whether it is in maintenance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<bool>,
    /// Whether it grows by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<bool>,
    /// Whether anybody gets any desktop, or each keeps theirs.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<PoolType>,
    /// Description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub description: Option<String>,
    /// When it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// Whether its desktops are paid for in advance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepaid: Option<bool>,
    /// Zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub zone: Option<String>,
    /// Network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub vpc_id: Option<String>,
    /// Subnets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(max = 256)))]
    pub subnet_ids: Vec<String>,
    /// Security groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(max = 256)))]
    pub security_groups: Vec<String>,
    /// Processor cores of a desktop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<i64>,
    /// Memory of a desktop in GiB.
    #[serde(default, rename = "memoryGiB", skip_serializing_if = "Option::is_none")]
    pub memory_gib: Option<i64>,
    /// Whether the flavor is sold at the moment, in the vendor's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub flavor_state: Option<String>,
    /// Name of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub image_name: Option<String>,
    /// Operating system of the image: type, version and platform, as far as the vendor tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub image_os: Option<String>,
    /// Product code of an image that is paid for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub image_product_code: Option<String>,
    /// System disk, as `SSD 80 GiB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub system_disk: Option<String>,
    /// Data disks, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 128)))]
    pub data_disks: Vec<String>,
    /// Minutes until a left desktop goes to somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnected_retention_minutes: Option<i64>,
    /// How it grows by itself, while it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscale: Option<VendorAutoscale>,
    /// Enterprise project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub enterprise_project_id: Option<String>,
    /// Policy that names its desktops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub name_policy_id: Option<String>,
    /// Users who may use it, where they are declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<i64>,
    /// Groups that may use it, where they are declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<i64>,
}

/// How a vendor's pool grows by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VendorAutoscale {
    /// What makes it grow; left out for a word this version does not know.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<AutoscaleType>,
    /// Most desktops that the vendor makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_created: Option<i64>,
    /// Idle desktops below which it grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_idle: Option<i64>,
    /// Desktops made at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<i64>,
}
