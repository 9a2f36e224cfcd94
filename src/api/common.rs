//! Types that several kinds share.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name of another object: in the same namespace, or a cluster-scoped one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct ObjectRef {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A key of a Secret in the namespace of the object that refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key within the Secret.
    #[serde(default = "default_password_key")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

fn default_password_key() -> String {
    "password".into()
}

/// What happens to the vendor's object when the resource is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The vendor's object is deleted, and the resource stays until it is observed gone.
    Delete,
    /// The vendor's object is left exactly as it is.
    Retain,
}

impl DeletionPolicy {
    /// What holds for an object: what was declared, else delete what we created and retain what was adopted.
    #[must_use]
    pub fn effective(declared: Option<Self>, adopted: bool) -> Self {
        declared.unwrap_or(if adopted { Self::Retain } else { Self::Delete })
    }
}

/// Something the vendor is doing for this object and that is polled to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationStatus {
    /// What was asked for, e.g. `SetPolicy`, `Delete`, `Start`.
    #[schemars(length(max = 64))]
    pub action: String,
    /// The vendor's task, where the vendor has tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub task_id: Option<String>,
    /// When the running attempt was sent.
    pub start_time: Time,
    /// How often it was sent.
    #[schemars(range(min = 0))]
    pub attempts: i32,
}

/// The last error of the vendor or of a reference, as far as it may be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastError {
    /// `Throttled`, `Transient`, `Auth`, `Forbidden`, `NotFound`, `Invalid`, `Conflict`, `Quota`, `OutOfStock`,
    /// `Billing` or `Ambiguous`.
    #[schemars(length(max = 64))]
    pub class: String,
    /// The vendor's error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub code: Option<String>,
    /// The vendor's request id, to quote in a support case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub request_id: Option<String>,
}

/// Which vendor object belongs to this resource. Written once; nothing is ever deleted without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// UID of the resource the id was recorded for. A restored or re-created resource has another one, and the id
    /// then means nothing.
    #[schemars(length(max = 64))]
    pub uid: String,
    /// The DesktopProvider whose account holds the object.
    #[schemars(length(max = 253))]
    pub provider: String,
    /// The vendor's cluster the object lives in; for what lives in none, its own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub cluster_id: Option<String>,
    /// When the id was recorded.
    pub since_time: Time,
    /// True when the object existed before and was adopted on request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
}

/// How far a creation got. Written before the call that costs money, so that whoever comes next knows it may
/// have been sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateIntent {
    /// Number of this attempt, from 1.
    #[schemars(range(min = 1))]
    pub attempt: i32,
    /// The name that identifies the object at the vendor, or empty where the vendor's call takes no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub name: Option<String>,
    /// Objects that already existed where a nameless object is about to appear.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), inner(length(max = 256)))]
    pub known_ids: Vec<String>,
    /// When the intent was written.
    pub start_time: Time,
    /// When the attempt was sent first, once it was sent again with the same token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_start_time: Option<Time>,
    /// After this moment the call is not sent any more.
    pub not_after_time: Time,
    /// Who wrote it: a value no other writer has.
    #[schemars(length(max = 64))]
    pub writer: String,
    /// `Open` until the answer is known; `Failed` after a definite refusal.
    pub phase: CreatePhase,
    /// The vendor's task that makes the object, where the answer names a task and no id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub task_id: Option<String>,
    /// Complete listings after the deadline that did not show the object.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub empty_listings: i32,
    /// When the last of them was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_empty_listing_time: Option<Time>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &i32) -> bool {
    *n == 0
}

/// Whether a creation may still have an outcome nobody has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CreatePhase {
    /// The call may have been sent and its result is not known.
    Open,
    /// The vendor refused in so many words; nothing was created.
    Failed,
}

/// When something that failed is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetryStatus {
    /// Failures in a row.
    #[schemars(range(min = 1))]
    pub failures: i32,
    /// Not before this moment, unless the spec changes.
    pub next_attempt_time: Time,
    /// The generation that failed.
    pub generation: i64,
}
