//! `DesktopImage`: what the system disks of desktops are made from.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Binding, CreateIntent, DeletionPolicy, LastError, ObjectRef, OperationStatus, RetryStatus};

/// An image: captured from a Desktop, or an existing one of the account that is adopted by its id or found by a filter.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "desktop-operator.io",
    version = "v1alpha1",
    kind = "DesktopImage",
    plural = "desktopimages",
    namespaced,
    shortname = "dimg",
    category = "vdi",
    status = "DesktopImageStatus",
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "State", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name": "Progress", "type": "integer", "jsonPath": ".status.progress"}"#,
    printcolumn = r#"{"name": "Size", "type": "integer", "jsonPath": ".status.sizeGiB"}"#,
    printcolumn = r#"{"name": "ID", "type": "string", "jsonPath": ".status.id"}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name": "Message", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].message", "priority": 1}"#
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.capture), has(self.existingId), has(self.filter)].filter(x, x).size() == 1").message("exactly one of capture, existingId and filter must be set"))]
#[x_kube(validation = Rule::new("self.providerRef == oldSelf.providerRef").message("providerRef is immutable").field_path(".providerRef"))]
#[x_kube(validation = Rule::new("has(self.capture) == has(oldSelf.capture) && (!has(self.capture) || self.capture == oldSelf.capture)").message("capture is immutable").field_path(".capture"))]
#[x_kube(validation = Rule::new("has(self.existingId) == has(oldSelf.existingId) && (!has(self.existingId) || self.existingId == oldSelf.existingId)").message("existingId is immutable").field_path(".existingId"))]
#[x_kube(validation = Rule::new("has(self.filter) == has(oldSelf.filter) && (!has(self.filter) || self.filter == oldSelf.filter)").message("filter is immutable").field_path(".filter"))]
pub struct DesktopImageSpec {
    /// The DesktopProvider whose account holds the image. Immutable.
    pub provider_ref: ObjectRef,
    /// Makes the image from a Desktop of the same namespace. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<Capture>,
    /// Adopts the image with this id. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub existing_id: Option<String>,
    /// Adopts the one image that matches; none and several are said and nothing is adopted. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<ImageFilter>,
    /// Name shown in the vendor's console. Defaults to the name of this object for a captured image; an adopted one
    /// keeps the name it has. An image that the operator made also carries its UID there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[^\s](.*[^\s])?$"))]
    pub display_name: Option<String>,
    /// What happens to the vendor's image when this object is deleted. Left out, a captured one is deleted, at vendors
    /// that can, and an adopted one is retained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

/// How an image is made from a desktop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct Capture {
    /// The Desktop, in the same namespace.
    pub desktop_ref: ObjectRef,
    /// How the desktop is treated while the image is made.
    #[serde(default)]
    pub power: CapturePower,
}

/// How a desktop is treated while an image is made of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CapturePower {
    /// It is stopped first, once nobody is connected to it, so that the image is whole; afterwards it is as its own
    /// manifest says.
    #[default]
    Stop,
    /// It is left as it is.
    AsIs,
}

/// What an image must be like. Every field that is given must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[x_kube(validation = Rule::new("has(self.name) || has(self.namePrefix)").message("filter needs name or namePrefix"))]
pub struct ImageFilter {
    /// Its whole name at the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub name: Option<String>,
    /// The beginning of its name at the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub name_prefix: Option<String>,
    /// Whether the account's owner made it, or the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<ImageOwner>,
}

/// Who made an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ImageOwner {
    /// The owner of the account.
    Account,
    /// The vendor.
    Vendor,
}

/// Normalised state of an image, whatever the vendor calls it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ImageState {
    /// Being made.
    Creating,
    /// Usable.
    Available,
    /// Present but not usable.
    Unavailable,
    /// Could not be made.
    Failed,
    /// The vendor lists it but has lost it.
    Missing,
    /// Being deleted.
    Deleting,
    /// Not found in complete listings, although it was there.
    Lost,
    /// A word this version does not know; nothing is done because of it.
    #[default]
    Unknown,
}

/// What is known of the image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DesktopImageStatus {
    /// The generation this status speaks of.
    #[serde(default)]
    pub observed_generation: i64,
    /// `Ready`, and `Reconciling`, `Stalled`, `Paused`, `DeletionBlocked`, `Duplicate` while true.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The vendor's image id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub id: Option<String>,
    /// To which resource and account the id belongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// Normalised state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ImageState>,
    /// The vendor's own word for the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub vendor_state: Option<String>,
    /// How much of it is made, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub progress: Option<i32>,
    /// The name at the vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub display_name: Option<String>,
    /// Least size of a system disk that is made from it, in GiB.
    #[serde(default, rename = "sizeGiB", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub size_gib: Option<i64>,
    /// Where it may be used, at vendors that keep an image at several sites.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".into()]))]
    pub sites: Vec<ImageSite>,
    /// The vendor's id of the desktop it is made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub source_desktop_id: Option<String>,
    /// The vendor's id of the desktop that is held for this image: stopped where `spec.capture.power` says so, and
    /// neither corrected nor deleted by its own Desktop meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub held_desktop_id: Option<String>,
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

/// An image at one site of a vendor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageSite {
    /// Vendor id of the site.
    #[schemars(length(max = 128))]
    pub id: String,
    /// The vendor's own word for the state there.
    #[schemars(length(max = 64))]
    pub vendor_state: String,
    /// Whether desktops can be made from it there.
    pub usable: bool,
}
