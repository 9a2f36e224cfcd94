//! `Desktop`: one cloud desktop.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cluster::PolicyRow;
use super::common::{Binding, CreateIntent, DeletionPolicy, LastError, ObjectRef, OperationStatus, RetryStatus};

/// One cloud desktop: what it is made of, who uses it, whether it runs and how it is paid for.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "desktop-operator.io",
    version = "v1alpha1",
    kind = "Desktop",
    plural = "desktops",
    namespaced,
    shortname = "dsk",
    category = "vdi",
    status = "DesktopStatus",
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "State", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name": "User", "type": "string", "jsonPath": ".status.user.name"}"#,
    printcolumn = r#"{"name": "Cluster", "type": "string", "jsonPath": ".spec.clusterRef.name"}"#,
    printcolumn = r#"{"name": "Expires", "type": "string", "jsonPath": ".status.expiresAt"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name": "ID", "type": "string", "jsonPath": ".status.id", "priority": 1}"#,
    printcolumn = r#"{"name": "Flavor", "type": "string", "jsonPath": ".spec.flavor", "priority": 1}"#,
    printcolumn = r#"{"name": "Message", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].message", "priority": 1}"#,
    selectable = ".spec.clusterRef.name"
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.existingId) || (has(self.flavor) && has(self.image))").message("flavor and image are required unless existingId adopts a desktop"))]
#[x_kube(validation = Rule::new("!has(self.applications) || (has(self.workMode) && self.workMode == 'Application')").message("applications are only allowed with workMode Application").field_path(".applications"))]
#[x_kube(validation = Rule::new("!has(self.workMode) || self.workMode != 'Application' || has(self.existingId) || has(self.applications)").message("workMode Application needs 1 to 10 applications").field_path(".applications"))]
#[x_kube(validation = Rule::new("self.clusterRef == oldSelf.clusterRef").message("clusterRef is immutable").field_path(".clusterRef"))]
#[x_kube(validation = Rule::new("has(self.existingId) == has(oldSelf.existingId) && (!has(self.existingId) || self.existingId == oldSelf.existingId)").message("existingId is immutable").field_path(".existingId"))]
#[x_kube(validation = Rule::new("self.billing.mode == oldSelf.billing.mode || oldSelf.billing.mode == 'PayAsYouGo'").message("billing.mode cannot go back to PayAsYouGo").field_path(".billing.mode"))]
#[x_kube(validation = Rule::new("self.workMode == oldSelf.workMode").message("workMode is immutable").field_path(".workMode"))]
#[x_kube(validation = Rule::new("has(self.applications) == has(oldSelf.applications) && (!has(self.applications) || self.applications == oldSelf.applications)").message("applications are immutable").field_path(".applications"))]
#[x_kube(validation = Rule::new("!has(self.powerSchedule) || self.power != 'Running' || (has(self.powerSchedule.start) && has(self.powerSchedule.stop))").message("with power Running, powerSchedule needs both start and stop; for one of them alone set power to Unmanaged").field_path(".powerSchedule"))]
#[x_kube(validation = Rule::new("has(self.network) == has(oldSelf.network) && (!has(self.network) || self.network == oldSelf.network)").message("network is immutable").field_path(".network"))]
pub struct DesktopSpec {
    /// The DesktopCluster, in the same namespace, that the desktop belongs to. Immutable.
    pub cluster_ref: ObjectRef,
    /// Name shown in the vendor's console. Defaults to the name of this object. A desktop that the operator created
    /// also carries its UID there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[^\s](.*[^\s])?$"))]
    pub display_name: Option<String>,
    /// Adopts this desktop of the vendor instead of creating one. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub existing_id: Option<String>,
    /// The vendor's instance type, e.g. `ecs.g6.large`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub flavor: Option<String>,
    /// The image the system disk is made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageSource>,
    /// The system disk, as it is made with the desktop: no vendor here changes it afterwards. Required at gws and
    /// huaweiWorkspace; at the other vendors the flavor determines it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_disk: Option<SystemDisk>,
    /// Whole desktop or published applications. Immutable.
    #[serde(default)]
    pub work_mode: WorkMode,
    /// Applications to publish, in mode Application only. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 10))]
    pub applications: Option<Vec<Application>>,
    /// Where the desktop is attached and whether it has a public address. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<DesktopNetwork>,
    /// Who the desktop is assigned to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<DesktopUser>,
    /// Whether the desktop should run.
    #[serde(default)]
    pub power: Power,
    /// When the desktop is started and stopped by the clock. With `power: Running` it runs from each start until the
    /// next stop and is stopped in between, whoever changes that; with `power: Unmanaged` only the moments themselves
    /// are acted on; with `power: Stopped` it stays off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_schedule: Option<PowerSchedule>,
    /// GPU display settings. Without the block the vendor's settings are left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_policy: Option<DisplayPolicy>,
    /// How the desktop is paid for.
    #[serde(default)]
    pub billing: Billing,
    /// What only Huawei Workspace knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub huawei_workspace: Option<HuaweiWorkspaceDesktop>,
    /// What to do when `image` is changed on a desktop that exists.
    #[serde(default)]
    pub on_image_change: OnImageChange,
    /// What to do when the desktop has vanished at the vendor.
    #[serde(default)]
    pub on_loss: OnLoss,
    /// What happens to the vendor's desktop when this object is deleted. Left out, one that the operator created is
    /// deleted and an adopted one is retained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

/// Where an image comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[x_kube(validation = Rule::new("has(self.id) != has(self.ref)").message("exactly one of image.id and image.ref must be set"))]
pub struct ImageSource {
    /// The vendor's image id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub id: Option<String>,
    /// A DesktopImage of the same namespace: what needs it waits until it is Ready.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<ObjectRef>,
}

/// The system disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemDisk {
    /// Disk category, e.g. `cloud_efficiency`, `cloud_ssd` or `cloud_essd`.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub category: String,
    /// Size in GiB; at least the size of the image.
    #[serde(rename = "sizeGiB")]
    #[schemars(range(min = 20, max = 500))]
    pub size_gib: i32,
}

/// Whole desktop or published applications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WorkMode {
    /// A whole desktop.
    #[default]
    Desktop,
    /// Single applications.
    Application,
}

/// An application to publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Name by which it is started.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// Path of the program in the desktop.
    #[schemars(length(min = 1, max = 512))]
    pub path: String,
    /// Arguments it is started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub args: Option<String>,
}

/// Where a desktop is attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DesktopNetwork {
    /// Subnet (vSwitch) of the desktop; the cluster's when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub subnet_id: Option<String>,
    /// Gives the desktop a public address. Without the block it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_address: Option<PublicAddress>,
}

/// A public address and its bandwidth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct PublicAddress {
    /// How traffic is paid for.
    #[serde(default)]
    pub charge_type: InternetChargeType,
    /// Inbound limit in Mbit/s.
    #[serde(default = "default_bandwidth")]
    #[schemars(range(min = 1, max = 100))]
    pub bandwidth_in: i32,
    /// Outbound limit in Mbit/s.
    #[serde(default = "default_bandwidth")]
    #[schemars(range(min = 1, max = 100))]
    pub bandwidth_out: i32,
}

const fn default_bandwidth() -> i32 {
    4
}

/// How traffic is paid for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InternetChargeType {
    /// By what was transferred.
    #[default]
    PayByTraffic,
    /// By the limit.
    PayByBandwidth,
}

/// Who a desktop is assigned to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct DesktopUser {
    /// User name.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[^\s]+$"))]
    pub name: String,
    /// The vendor's number of the user. GWS needs it beside the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 19), regex(pattern = r"^[0-9]+$"))]
    pub uid: Option<String>,
    /// E-mail address of the user. CapitalOnline knows its sub-accounts by it; the name is used when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 128), regex(pattern = r"^[^\s@]+@[^\s@]+$"))]
    pub email: Option<String>,
    /// What the user may do on the desktop, where the vendor lets one choose: a standard user when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<UserGroup>,
}

/// What a user may do on a desktop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UserGroup {
    /// A standard user.
    Users,
    /// An administrator of the desktop.
    Administrators,
}

/// Whether a desktop should run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Power {
    /// It is started whenever it is found stopped.
    #[default]
    Running,
    /// It is stopped whenever it is found running.
    Stopped,
    /// Whoever uses it decides; the operator only reports.
    Unmanaged,
}

/// When a desktop is started and stopped by the clock. Where both fall on the same minute the stop counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[x_kube(validation = Rule::new("has(self.start) || has(self.stop)").message("powerSchedule needs start, stop or both"))]
#[x_kube(validation = Rule::new("!has(self.start) || !has(self.stop) || self.start != self.stop").message("powerSchedule.start and powerSchedule.stop must differ").field_path(".stop"))]
pub struct PowerSchedule {
    /// Time zone that `start` and `stop` are read in, by its IANA name, e.g. `Asia/Shanghai`. A moment that the change
    /// to summer time skips comes right after the gap; one that comes twice in autumn counts the first time.
    #[schemars(
        length(min = 1, max = 64),
        regex(pattern = r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$")
    )]
    pub time_zone: String,
    /// When it is started: minute, hour, day of month, month and day of week, as in crontab, e.g. `0 8 * * 1-5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 9, max = 128),
        regex(pattern = r"^([0-9A-Za-z*,/-]+ ){4}[0-9A-Za-z*,/-]+$")
    )]
    pub start: Option<String>,
    /// When it is stopped, in the same form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 9, max = 128),
        regex(pattern = r"^([0-9A-Za-z*,/-]+ ){4}[0-9A-Za-z*,/-]+$")
    )]
    pub stop: Option<String>,
    /// What a stop means for somebody who is connected.
    #[serde(default)]
    pub when_connected: WhenConnected,
}

/// What a scheduled stop means for somebody who is connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WhenConnected {
    /// The stop waits until they have logged off, at vendors that tell who is connected.
    #[default]
    Wait,
    /// The desktop is stopped all the same.
    Stop,
}

/// GPU display settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct DisplayPolicy {
    /// Better picture for more bandwidth.
    #[serde(default)]
    pub visual_lossless: bool,
    /// Less delay for 3D work.
    #[serde(default)]
    pub optimize_for3d: bool,
}

/// How a desktop is paid for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.mode != 'Subscription' || has(self.period)").message("billing.period is required with mode Subscription").field_path(".period"))]
#[x_kube(validation = Rule::new("self.mode == 'Subscription' || !has(self.period)").message("billing.period is only allowed with mode Subscription").field_path(".period"))]
#[x_kube(validation = Rule::new("self.mode == 'Subscription' || !has(self.paidUntil)").message("billing.paidUntil is only allowed with mode Subscription").field_path(".paidUntil"))]
pub struct Billing {
    /// Paid by use, or for a period in advance. `PayAsYouGo` may become `Subscription`, at vendors that can turn a
    /// desktop into one; there is no way back.
    #[serde(default)]
    pub mode: BillingMode,
    /// The period bought at creation and with each renewal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Until when the desktop should be paid for: whenever its term ends earlier, another `period` is bought, at vendors
    /// that can renew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_until: Option<Time>,
    /// Whether the vendor renews the subscription by itself. Said with each purchase.
    #[serde(default)]
    pub auto_renew: bool,
    /// What deletion means for a subscription that still runs.
    #[serde(default)]
    pub on_delete: OnDelete,
}

/// Paid by use or in advance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BillingMode {
    /// By use.
    #[default]
    PayAsYouGo,
    /// For a period, in advance.
    Subscription,
}

/// A paid period: 1–4 weeks, or 1–9, 12, 24, 36, 48 or 60 months.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.unit == 'Week' ? self.count <= 4 : self.count in [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 24, 36, 48, 60]").message("period.count must be 1-4 weeks, or 1-9, 12, 24, 36, 48 or 60 months").field_path(".count"))]
pub struct Period {
    /// How many units.
    #[schemars(range(min = 1, max = 60))]
    pub count: i32,
    /// The unit.
    pub unit: PeriodUnit,
}

/// Unit of a paid period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PeriodUnit {
    /// A week.
    Week,
    /// A month.
    Month,
}

/// What deletion means for a subscription that still runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnDelete {
    /// The object stays, saying until when, and the desktop is deleted once its term has ended.
    #[default]
    LetExpire,
    /// The desktop is deleted at once; what was paid for the rest of the term may be lost.
    DeleteNow,
}

/// What to do when a desktop has vanished at the vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnLoss {
    /// Say so and leave it to a human.
    #[default]
    Report,
    /// Create a new, empty one.
    Recreate,
}

/// Normalised state of a desktop, whatever the vendor calls it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DesktopState {
    /// Being made.
    Creating,
    /// Being started.
    Starting,
    /// Running and ready for a user.
    Running,
    /// Powered on, but its agent has not registered: nobody can connect.
    Unregistered,
    /// Being restarted.
    Restarting,
    /// Being stopped.
    Stopping,
    /// Stopped.
    Stopped,
    /// An image is being made of it.
    Imaging,
    /// Being deleted.
    Deleting,
    /// Held back for unpaid bills.
    Suspended,
    /// The vendor lists it but has lost the machine behind it.
    Missing,
    /// Not found in complete listings, although it was there.
    Lost,
    /// The vendor reports a fault.
    Failed,
    /// A word this version does not know; nothing is done because of it.
    #[default]
    Unknown,
}

/// What to do when the image of an existing desktop is changed in its manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnImageChange {
    /// Say so and change nothing.
    #[default]
    Report,
    /// Rebuild the desktop from the new image: it is stopped where the vendor needs that, and everything on its
    /// system disk is lost.
    Rebuild,
}

/// Settings of a desktop of Huawei Workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct HuaweiWorkspaceDesktop {
    /// Allows `displayName` to be set, although the vendor restarts a desktop to rename it.
    #[serde(default)]
    pub rename_by_restart: bool,
}

/// What is known of the desktop.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DesktopStatus {
    /// The generation this status speaks of.
    #[serde(default)]
    pub observed_generation: i64,
    /// `Ready`, `PolicyEnforced` (with a display policy), and `Reconciling`, `Stalled`, `Paused`, `DeletionBlocked`,
    /// `Duplicate`, `ExpiringSoon` while true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The vendor's desktop id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub id: Option<String>,
    /// To which resource, account and cluster the id belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// Normalised state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<DesktopState>,
    /// The vendor's own word for the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub vendor_state: Option<String>,
    /// Whether a stopped desktop still costs money, in the vendor's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub stopped_mode: Option<String>,
    /// The name at the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub display_name: Option<String>,
    /// The user the vendor reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<ObservedUser>,
    /// The user the operator assigned last, while that assignment is the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_user: Option<ObservedUser>,
    /// The image the desktop was last made from, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub image_id: Option<String>,
    /// The system disk the desktop was made with, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_disk: Option<SystemDisk>,
    /// A rebuild that was sent and whose effect is not yet certain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuild: Option<Rebuild>,
    /// How often the desktop was rebuilt.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub rebuild_attempts: i32,
    /// Address within the cluster's network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub private_address: Option<String>,
    /// Address on the internet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub public_address: Option<String>,
    /// What it costs, in the vendor's figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<EstimatedPrice>,
    /// How the desktop was when a DesktopImage began to be made from it, until it is as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// A purchase that was sent: bought once for the end of the term it was decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase: Option<Purchase>,
    /// How many purchases were sent.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub purchase_attempts: i32,
    /// Who is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionStatus>,
    /// When the schedule starts or stops the desktop next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_power_transition: Option<PowerTransition>,
    /// The moment of the schedule that was dealt with last, with `power: Unmanaged`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_power_transition: Option<PowerTransition>,
    /// When a subscription ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// One row a field of the display policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["field".into()]))]
    pub display_policy: Vec<PolicyRow>,
    /// The restart request that was last carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub restart: Option<String>,
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

/// A desktop that is left as it is while an image is made from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The DesktopImage it is held for.
    #[schemars(length(max = 253))]
    pub image: String,
    /// Whether it ran before: with `power: Unmanaged` it is started again.
    pub running: bool,
}

/// The user the vendor reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedUser {
    /// User name.
    #[schemars(length(max = 256))]
    pub name: String,
    /// The vendor's number of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub uid: Option<String>,
    /// E-mail address of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub email: Option<String>,
}

/// A moment of the power schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PowerTransition {
    /// When.
    pub time: Time,
    /// What the desktop is to be from then on.
    pub power: ScheduledPower,
}

/// What a moment of the power schedule brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ScheduledPower {
    /// The desktop is started.
    Running,
    /// The desktop is stopped.
    Stopped,
}

/// What a desktop costs, in the vendor's figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EstimatedPrice {
    /// The desktop itself.
    #[schemars(length(max = 64))]
    pub desktop: String,
    /// Its address and bandwidth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub address: Option<String>,
    /// For how long that is, e.g. `Minute` or `Month`.
    #[schemars(length(max = 32))]
    pub per: String,
    /// The generation that was estimated.
    pub generation: i64,
}

/// A rebuild that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rebuild {
    /// Image it was sent with.
    #[schemars(length(max = 256))]
    pub image_id: String,
    /// Its number, from 1.
    #[schemars(range(min = 1))]
    pub attempt: i32,
    /// When it was sent.
    pub sent_time: Time,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &i32) -> bool {
    *n == 0
}

/// A purchase of a further term.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Purchase {
    /// End of the term before the purchase; none for a desktop that was paid by use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// When it was sent.
    pub sent_time: Time,
    /// Its number among all purchases for this object, from 1: what a human says of one is said of no other.
    #[schemars(range(min = 1))]
    pub attempt: i32,
    /// True once the vendor has refused this attempt in so many words.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
}

/// The latest session on a desktop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    /// Whether a session is open.
    pub connected: bool,
    /// Host name of the user's computer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub client_name: Option<String>,
    /// When the latest session began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_logon_time: Option<Time>,
    /// When the latest session ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_logoff_time: Option<Time>,
}
