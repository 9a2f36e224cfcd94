//! The answers of GWS as they come over the wire. Every field is optional: the documentation's own examples leave
//! fields out and change their types.

use serde::Deserialize;

use crate::backend::lenient::{list, number, text, truth};

/// What any answer may hold.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Envelope {
    /// To quote in a support case.
    #[serde(deserialize_with = "text")]
    pub request_id: Option<String>,
    /// An error code, with any HTTP status.
    #[serde(deserialize_with = "text")]
    pub code: Option<String>,
    /// The error in words.
    #[serde(deserialize_with = "text")]
    pub message: Option<String>,
}

/// Answer of the calls that create something or start a task.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Done {
    /// To quote in a support case.
    #[serde(deserialize_with = "text")]
    pub request_id: Option<String>,
    /// New cluster.
    #[serde(deserialize_with = "text")]
    pub cluster_id: Option<String>,
    /// New desktop.
    #[serde(deserialize_with = "text")]
    pub instance_id: Option<String>,
    /// New image.
    #[serde(deserialize_with = "text")]
    pub image_id: Option<String>,
    /// Task that carries it out.
    #[serde(deserialize_with = "text")]
    pub task_id: Option<String>,
    /// Whether the task has ended.
    #[serde(deserialize_with = "truth")]
    pub task_finished: Option<bool>,
    /// Connection file, base64.
    #[serde(deserialize_with = "text")]
    pub ticket: Option<String>,
}

/// A cluster.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Cluster {
    /// Vendor id.
    #[serde(deserialize_with = "text")]
    pub cluster_id: Option<String>,
    /// Beginning.
    #[serde(deserialize_with = "text")]
    pub create_time: Option<String>,
    /// Directory.
    #[serde(deserialize_with = "text")]
    pub domain_name: Option<String>,
    /// Desktops in it.
    #[serde(deserialize_with = "number")]
    pub instance_count: Option<i64>,
    /// Name.
    #[serde(deserialize_with = "text")]
    pub name: Option<String>,
    /// Elastic IP.
    #[serde(deserialize_with = "text")]
    pub nat_eip: Option<String>,
    /// NAT gateway.
    #[serde(deserialize_with = "text")]
    pub nat_id: Option<String>,
    /// State.
    #[serde(deserialize_with = "text")]
    pub status: Option<String>,
    /// Network.
    #[serde(deserialize_with = "text")]
    pub vpc_id: Option<String>,
}

/// A desktop.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Instance {
    /// Vendor id.
    #[serde(deserialize_with = "text")]
    pub instance_id: Option<String>,
    /// Cluster.
    #[serde(deserialize_with = "text")]
    pub cluster_id: Option<String>,
    /// Beginning.
    #[serde(deserialize_with = "text")]
    pub create_time: Option<String>,
    /// End.
    #[serde(deserialize_with = "text")]
    pub expire_time: Option<String>,
    /// Image.
    #[serde(deserialize_with = "text")]
    pub image_id: Option<String>,
    /// `PrePaid` or `PostPaid`.
    #[serde(deserialize_with = "text")]
    pub instance_charge_type: Option<String>,
    /// Instance type.
    #[serde(deserialize_with = "text")]
    pub instance_type: Option<String>,
    /// Name.
    #[serde(deserialize_with = "text")]
    pub name: Option<String>,
    /// State.
    #[serde(deserialize_with = "text")]
    pub status: Option<String>,
    /// Charged while stopped.
    #[serde(deserialize_with = "text")]
    pub stopped_mode: Option<String>,
    /// User.
    #[serde(deserialize_with = "text")]
    pub user_name: Option<String>,
    /// User's number, as documented.
    #[serde(deserialize_with = "text")]
    pub user_id: Option<String>,
    /// User's number, as the published client has it.
    #[serde(deserialize_with = "text")]
    pub user_uid: Option<String>,
    /// Published applications.
    #[serde(deserialize_with = "list")]
    pub app_list: Option<Vec<App>>,
}

/// A published application.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct App {
    /// Name.
    #[serde(deserialize_with = "text")]
    pub app_name: Option<String>,
}

/// An image.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Image {
    /// Vendor id.
    #[serde(deserialize_with = "text")]
    pub image_id: Option<String>,
    /// Beginning.
    #[serde(deserialize_with = "text")]
    pub create_time: Option<String>,
    /// `system` or `custom`.
    #[serde(deserialize_with = "text")]
    pub image_type: Option<String>,
    /// Name.
    #[serde(deserialize_with = "text")]
    pub name: Option<String>,
    /// `NN%`.
    #[serde(deserialize_with = "text")]
    pub progress: Option<String>,
    /// GB.
    #[serde(deserialize_with = "number")]
    pub size: Option<i64>,
    /// State.
    #[serde(deserialize_with = "text")]
    pub status: Option<String>,
}

/// A session.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Connection {
    /// Host name of the user's computer.
    #[serde(deserialize_with = "text")]
    pub client_name: Option<String>,
    /// Desktop.
    #[serde(deserialize_with = "text")]
    pub instance_id: Option<String>,
    /// `0` once it has ended.
    #[serde(deserialize_with = "text")]
    pub logoff_status: Option<String>,
    /// End.
    #[serde(deserialize_with = "text")]
    pub logoff_time: Option<String>,
    /// Beginning.
    #[serde(deserialize_with = "text")]
    pub logon_time: Option<String>,
}

/// A cluster type in a zone.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AvailableResource {
    /// Cluster type.
    #[serde(deserialize_with = "text")]
    pub cluster_type: Option<String>,
    /// Zone.
    #[serde(deserialize_with = "text")]
    pub zone: Option<String>,
}

/// Answer of the calls that list or describe.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Described {
    /// Clusters.
    #[serde(deserialize_with = "list")]
    pub clusters: Option<Vec<Cluster>>,
    /// Desktops.
    #[serde(deserialize_with = "list")]
    pub instances: Option<Vec<Instance>>,
    /// Images.
    #[serde(deserialize_with = "list")]
    pub images: Option<Vec<Image>>,
    /// Sessions.
    #[serde(deserialize_with = "list")]
    pub connections: Option<Vec<Connection>>,
    /// Cluster types.
    #[serde(deserialize_with = "list")]
    pub available_resources: Option<Vec<AvailableResource>>,
    /// How many there are altogether.
    #[serde(deserialize_with = "number")]
    pub total_count: Option<i64>,
    /// Task of a query.
    #[serde(deserialize_with = "text")]
    pub task_id: Option<String>,
    /// Whether it has ended.
    #[serde(deserialize_with = "truth")]
    pub task_finished: Option<bool>,
    /// Session policy.
    #[serde(deserialize_with = "text")]
    pub clipboard: Option<String>,
    /// Session policy.
    #[serde(deserialize_with = "text")]
    pub local_drive: Option<String>,
    /// Session policy.
    #[serde(deserialize_with = "text")]
    pub udp_port: Option<String>,
    /// Session policy.
    #[serde(deserialize_with = "text")]
    pub usb_redirect: Option<String>,
    /// Session policy.
    #[serde(deserialize_with = "text")]
    pub watermark: Option<String>,
    /// Display policy.
    #[serde(deserialize_with = "text")]
    pub visual_lossless: Option<String>,
    /// Display policy.
    #[serde(deserialize_with = "text")]
    pub optimize_for3d: Option<String>,
    /// Directory.
    #[serde(deserialize_with = "text")]
    pub domain_name: Option<String>,
    /// Directory.
    #[serde(deserialize_with = "text")]
    pub domain_dns_ip: Option<String>,
    /// Whether the cluster can be linked to a directory.
    #[serde(deserialize_with = "truth")]
    pub is_supported: Option<bool>,
    /// Whether the service-linked role was there before.
    #[serde(deserialize_with = "truth")]
    pub already_exists: Option<bool>,
}
