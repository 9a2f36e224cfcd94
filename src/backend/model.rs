//! Plain types that pass between planning and the vendors.

use jiff::Timestamp;
use secrecy::SecretString;

pub use crate::api::cluster::ClusterState;
use crate::api::desktop::{Application, Billing, DesktopState, PublicAddress, WorkMode};

/// What an account may create, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// (zone, cluster type), sorted.
    pub cluster_types: Vec<(String, String)>,
}

/// A cluster as the vendor reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedCluster {
    /// Vendor id.
    pub id: String,
    /// Name at the vendor.
    pub name: Option<String>,
    /// The vendor's own word for the state.
    pub vendor_state: String,
    /// What it means.
    pub state: ClusterState,
    /// Network it lives in.
    pub vpc_id: Option<String>,
    /// Desktops in it.
    pub desktops: Option<i64>,
    /// Directory it is linked to.
    pub domain_name: Option<String>,
    /// NAT gateway attached.
    pub nat_id: Option<String>,
    /// Elastic IP used through it.
    pub nat_eip: Option<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
}

/// A desktop as the vendor reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedDesktop {
    /// Vendor id.
    pub id: String,
    /// Vendor id of its cluster.
    pub cluster_id: Option<String>,
    /// Name at the vendor.
    pub name: Option<String>,
    /// The vendor's own word for the state.
    pub vendor_state: String,
    /// What it means.
    pub state: DesktopState,
    /// Whether a stopped desktop still costs money, in the vendor's word.
    pub stopped_mode: Option<String>,
    /// Instance type.
    pub flavor: Option<String>,
    /// Image it was made from.
    pub image_id: Option<String>,
    /// Assigned user's name.
    pub user_name: Option<String>,
    /// Assigned user's number.
    pub user_uid: Option<String>,
    /// Paid in advance; `None` when the vendor does not say.
    pub prepaid: Option<bool>,
    /// When it ends; `None` when it does not.
    pub expires: Option<Timestamp>,
    /// When it was created.
    pub created: Option<Timestamp>,
}

/// An image as the vendor reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedImage {
    /// Vendor id.
    pub id: String,
    /// Name at the vendor.
    pub name: Option<String>,
    /// The vendor's own word for the state.
    pub vendor_state: String,
    /// What it means.
    pub state: ImageState,
    /// 0–100.
    pub progress: Option<u8>,
    /// Size in GiB.
    pub size_gib: Option<i64>,
    /// Made by the account's owner, not by the vendor.
    pub custom: bool,
    /// When it was created.
    pub created: Option<Timestamp>,
}

/// Normalised state of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageState {
    /// Being made.
    Creating,
    /// Usable.
    Available,
    /// Present but not usable.
    Unavailable,
    /// Could not be made.
    Failed,
    /// The vendor has lost it.
    Missing,
    /// A word this version does not know.
    Unknown,
}

/// Policy fields with their values, both in the words of the spec, sorted by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyValues(pub Vec<(&'static str, String)>);

impl PolicyValues {
    /// Value of one field.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, _)| *name == field)
            .map(|(_, value)| value.as_str())
    }
}

/// The directory a cluster is linked to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectoryState {
    /// Whether this cluster can be linked at all; `None` when the vendor does not say.
    pub supported: Option<bool>,
    /// Domain linked now.
    pub domain_name: Option<String>,
    /// DNS address linked now.
    pub dns_ip: Option<String>,
}

/// A session on a desktop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Vendor id of the desktop.
    pub desktop_id: String,
    /// Host name of the user's computer.
    pub client_name: Option<String>,
    /// Beginning.
    pub logon: Option<Timestamp>,
    /// End; `None` while it is open.
    pub logoff: Option<Timestamp>,
    /// Whether it is open.
    pub open: bool,
}

/// A cluster to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSpec {
    /// Vendor's cluster type.
    pub cluster_type: String,
    /// Network.
    pub vpc_id: String,
    /// Subnet of its servers.
    pub subnet_id: Option<String>,
}

/// A desktop to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesktopSpec {
    /// Vendor id of the cluster.
    pub cluster_id: String,
    /// Name by which a lost answer is found again.
    pub name: String,
    /// Instance type.
    pub flavor: String,
    /// Image id.
    pub image_id: String,
    /// Disk category.
    pub disk_category: String,
    /// Disk size in GiB.
    pub disk_gib: i32,
    /// Desktop or applications.
    pub work_mode: WorkMode,
    /// Applications to publish.
    pub applications: Vec<Application>,
    /// Subnet.
    pub subnet_id: Option<String>,
    /// Public address, if any.
    pub public_address: Option<PublicAddress>,
    /// How it is paid for.
    pub billing: Billing,
}

/// One change at the vendor.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Creates a cluster. Costs money; not idempotent.
    CreateCluster(ClusterSpec),
    /// Renames a cluster.
    RenameCluster {
        /// Vendor id.
        cluster_id: String,
        /// New name.
        name: String,
    },
    /// Deletes a cluster.
    DeleteCluster {
        /// Vendor id.
        cluster_id: String,
    },
    /// Sets the session policy, every field. Returns a task.
    SetPolicy {
        /// Vendor id.
        cluster_id: String,
        /// Every field, in the words of the spec.
        values: PolicyValues,
    },
    /// Links a cluster to a directory. Returns a task.
    SetDirectory {
        /// Vendor id.
        cluster_id: String,
        /// Domain.
        domain_name: String,
        /// DNS address.
        dns_ip: String,
        /// Account that may join machines.
        admin: String,
        /// Its password.
        password: SecretString,
    },
    /// Unlinks a cluster from its directory. Returns a task.
    RemoveDirectory {
        /// Vendor id.
        cluster_id: String,
        /// Domain linked now.
        domain_name: String,
        /// DNS address linked now.
        dns_ip: String,
    },
    /// Attaches or changes (`Some`) or detaches (`None`) the NAT gateway.
    SetNat {
        /// Vendor id.
        cluster_id: String,
        /// Gateway and elastic IP.
        nat: Option<(String, Option<String>)>,
    },
    /// Creates a desktop. Costs money; not idempotent.
    CreateDesktop(Box<DesktopSpec>),
    /// Deletes a desktop.
    DeleteDesktop {
        /// Vendor id.
        desktop_id: String,
    },
    /// Renames a desktop.
    RenameDesktop {
        /// Vendor id.
        desktop_id: String,
        /// New name.
        name: String,
    },
    /// Starts a desktop.
    StartDesktop {
        /// Vendor id.
        desktop_id: String,
    },
    /// Stops a desktop.
    StopDesktop {
        /// Vendor id.
        desktop_id: String,
    },
    /// Restarts a desktop. Not idempotent.
    RestartDesktop {
        /// Vendor id.
        desktop_id: String,
    },
    /// Assigns a desktop to a user.
    AssignUser {
        /// Vendor id.
        desktop_id: String,
        /// User name.
        name: String,
        /// The vendor's number of the user.
        uid: Option<String>,
    },
    /// Sets the display policy, every field. Returns a task.
    SetDisplayPolicy {
        /// Vendor id.
        desktop_id: String,
        /// `visualLossless`.
        visual_lossless: bool,
        /// `optimizeFor3d`.
        optimize_for3d: bool,
    },
    /// Makes an image of a desktop. Not idempotent.
    CreateImage {
        /// Vendor id of the desktop.
        desktop_id: String,
        /// Name by which a lost answer is found again.
        name: String,
    },
    /// Renames an image.
    RenameImage {
        /// Vendor id.
        image_id: String,
        /// New name.
        name: String,
    },
    /// Deletes an image.
    DeleteImage {
        /// Vendor id.
        image_id: String,
    },
}

impl Operation {
    /// Name as shown in status, logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CreateCluster(_) => "CreateCluster",
            Self::RenameCluster { .. } => "RenameCluster",
            Self::DeleteCluster { .. } => "DeleteCluster",
            Self::SetPolicy { .. } => "SetPolicy",
            Self::SetDirectory { .. } => "SetDirectory",
            Self::RemoveDirectory { .. } => "RemoveDirectory",
            Self::SetNat { .. } => "SetNat",
            Self::CreateDesktop(_) => "CreateDesktop",
            Self::DeleteDesktop { .. } => "DeleteDesktop",
            Self::RenameDesktop { .. } => "RenameDesktop",
            Self::StartDesktop { .. } => "StartDesktop",
            Self::StopDesktop { .. } => "StopDesktop",
            Self::RestartDesktop { .. } => "RestartDesktop",
            Self::AssignUser { .. } => "AssignUser",
            Self::SetDisplayPolicy { .. } => "SetDisplayPolicy",
            Self::CreateImage { .. } => "CreateImage",
            Self::RenameImage { .. } => "RenameImage",
            Self::DeleteImage { .. } => "DeleteImage",
        }
    }
}

/// The vendor's answer to an [`Operation`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Id of what was created.
    pub id: Option<String>,
    /// Task that carries it out.
    pub task: Option<Task>,
    /// The vendor's request id.
    pub request_id: Option<String>,
}

/// A task at the vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What it is for: decides which call polls it.
    pub kind: TaskKind,
    /// The object it works on.
    pub object_id: String,
    /// The vendor's task id.
    pub task_id: String,
    /// For sessions: the first day asked for.
    pub from: Option<jiff::civil::Date>,
    /// For sessions: the last day asked for.
    pub to: Option<jiff::civil::Date>,
}

/// What a task is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// Session policy of a cluster.
    Policy,
    /// Directory of a cluster.
    Directory,
    /// Display policy of a desktop.
    DisplayPolicy,
    /// Sessions of a cluster.
    Sessions,
    /// Connection ticket for a desktop.
    Ticket,
}

/// How far a task got. Vendors that report no failure end in `Finished`; what was reached is then read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// Not finished.
    Running,
    /// Finished.
    Finished,
    /// Ended without success, with the vendor's words.
    Failed(String),
}

/// What a ticket is wanted for.
#[derive(Clone, Debug)]
pub struct TicketRequest {
    /// Vendor id of the desktop.
    pub desktop_id: String,
    /// Application, in mode Application.
    pub application: Option<String>,
    /// Domain user and password, where the desktop's domain needs them.
    pub credentials: Option<(String, SecretString)>,
}

/// A connection ticket: whoever holds it gets in.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// Contents of the connection file, decoded.
    pub content: SecretString,
}
