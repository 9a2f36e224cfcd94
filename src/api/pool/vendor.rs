//! What only pools of the vendor's own have: settings, what is done to their desktops, what the vendor says of them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AutoscaleType, PoolType, is_none_yet};

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
