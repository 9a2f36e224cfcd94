//! Plain types that pass between planning and the vendors.

use jiff::Timestamp;
use secrecy::SecretString;

use super::error::BackendError;
pub use crate::api::cluster::ClusterState;
use crate::api::desktop::{
    Application, Billing, DesktopState, DesktopUser, Period, PublicAddress, SystemDisk, WorkMode,
};
pub use crate::api::image::ImageState;

/// What an account may create, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// (zone, cluster type), sorted.
    pub cluster_types: Vec<(String, String)>,
    /// Flavors, sorted by id.
    pub flavors: Vec<Flavor>,
    /// Regions in which the vendor sells desktops, sorted; empty where it does not tell.
    pub regions: Vec<String>,
    /// Lines to the internet.
    pub lines: Vec<Line>,
}

/// A line by which desktops reach the internet.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// Vendor id.
    pub id: String,
    /// Whose line it is.
    pub name: Option<String>,
}

/// A flavor a desktop can be made in. What the vendor does not tell is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flavor {
    /// Id, as in `spec.flavor`.
    pub id: String,
    /// Processor cores.
    pub cpus: Option<i64>,
    /// Memory in GiB.
    pub memory_gib: Option<i64>,
    /// Graphics processor, in the vendor's words.
    pub gpu: Option<String>,
    /// Price, in the vendor's words, e.g. `0.0062 per minute`.
    pub price: Option<String>,
    /// Whether the vendor has one to give.
    pub available: Option<bool>,
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
    /// It is the one the site makes by itself ([`ClusterOrigin::Network`](super::capabilities::ClusterOrigin)).
    pub default_network: bool,
    /// Something of it is missing that the vendor can supply ([`Operation::RepairCluster`]).
    pub incomplete: bool,
    /// Its subnets.
    pub subnets: Vec<NetworkPart>,
    /// Its gateways.
    pub gateways: Vec<NetworkPart>,
}

/// A subnet or a gateway of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkPart {
    /// Vendor id.
    pub id: String,
    /// Name, or line of a gateway.
    pub name: Option<String>,
    /// The vendor's own word for its state.
    pub state: Option<String>,
}

/// A desktop as the vendor reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedDesktop {
    /// Vendor id.
    pub id: String,
    /// Vendor id of its cluster.
    pub cluster_id: Option<String>,
    /// Name at the vendor.
    pub name: Option<String>,
    /// The mark in its name or its tags ([`naming::marker_in`](super::naming::marker_in)), whole or short.
    pub marker: Option<String>,
    /// The vendor's own word for the state.
    pub vendor_state: String,
    /// What it means.
    pub state: DesktopState,
    /// The vendor's word for the state says that somebody is connected.
    pub in_use: bool,
    /// Whether a stopped desktop still costs money, in the vendor's word.
    pub stopped_mode: Option<String>,
    /// Instance type.
    pub flavor: Option<String>,
    /// Image it was made from.
    pub image_id: Option<String>,
    /// Whether somebody is logged on; `None` where the listing does not say.
    pub login: Option<Login>,
    /// Assigned user's name.
    pub user_name: Option<String>,
    /// Assigned user's number.
    pub user_uid: Option<String>,
    /// Its label.
    pub label: Option<String>,
    /// Assigned user's e-mail address.
    pub user_email: Option<String>,
    /// Address within the cluster's network.
    pub private_address: Option<String>,
    /// Address on the internet.
    pub public_address: Option<String>,
    /// Paid in advance; `None` when the vendor does not say.
    pub prepaid: Option<bool>,
    /// When it ends; `None` when it does not.
    pub expires: Option<Timestamp>,
    /// When it was created.
    pub created: Option<Timestamp>,
}

/// Whether somebody is logged on to a desktop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// Nobody is.
    Nobody,
    /// Somebody is, and looks at something else at the moment.
    Disconnected,
    /// Somebody is, and works on it.
    Connected,
}

/// An image as the vendor reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Least size of a system disk made from it, in GiB.
    pub size_gib: Option<i64>,
    /// Made by the account's owner, not by the vendor.
    pub custom: bool,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// How it is at each site, at vendors that keep an image at several; the fields above speak of the account's own.
    pub sites: Vec<ImageAtSite>,
}

/// An image at one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageAtSite {
    /// Vendor id of the site.
    pub id: String,
    /// The vendor's own word for the state there.
    pub vendor_state: String,
    /// Whether desktops can be made from it there.
    pub usable: bool,
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
    /// Network; `None` for a site's default one, which is then made.
    pub vpc_id: Option<String>,
    /// Subnet of its servers.
    pub subnet_id: Option<String>,
}

/// A desktop to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesktopSpec {
    /// UID of the resource: what is marked with it is found again.
    pub uid: String,
    /// Number of the attempt, from 1; with the UID it makes the token of vendors that take one ([`token`](Self::token)).
    pub attempt: i32,
    /// This attempt was sent before, and what became of it is not known: nothing may keep it from being sent again.
    pub resent: bool,
    /// Name by which a lost answer is found again, as the vendor's [`Naming`](super::capabilities::Naming) has it.
    pub name: String,
    /// Where it is made.
    pub place: Place,
    /// Instance type.
    pub flavor: String,
    /// Image id.
    pub image_id: String,
    /// System disk, where the flavor does not determine it.
    pub disk: Option<SystemDisk>,
    /// Desktop or applications.
    pub work_mode: WorkMode,
    /// Applications to publish.
    pub applications: Vec<Application>,
    /// Public address, if any.
    pub public_address: Option<PublicAddress>,
    /// Who it is for, where that is said at creation ([`Users::required`](super::capabilities::Users)).
    pub user: Option<DesktopUser>,
    /// How it is paid for.
    pub billing: Billing,
}

impl DesktopSpec {
    /// The same for the same attempt of the same resource, and never for another: at most 64 characters.
    #[must_use]
    pub fn token(&self) -> String {
        format!("{}-{}", super::naming::marker(&self.uid), self.attempt)
    }
}

/// Where a desktop is made: its cluster, and what the cluster's manifest says of the network there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Vendor id of the cluster.
    pub cluster_id: String,
    /// Network.
    pub vpc_id: Option<String>,
    /// Subnet: the desktop's own, else the cluster's.
    pub subnet_id: Option<String>,
    /// Zone.
    pub zone_id: Option<String>,
    /// Gateway through which desktops are reached.
    pub gateway_id: Option<String>,
    /// Security groups.
    pub security_groups: Vec<String>,
}

/// A subscription that is bought or prolonged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// How long.
    pub period: Period,
    /// Whether the vendor renews it by itself.
    pub auto_renew: bool,
    /// The same for the same purchase, and never for another: at most 64 characters.
    pub token: String,
}

/// What a desktop costs, in the vendor's figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The desktop itself.
    pub desktop: String,
    /// Its address and bandwidth.
    pub address: Option<String>,
    /// For how long that is, e.g. `Minute` or `Month`.
    pub per: String,
}

/// A user at the vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedUser {
    /// Vendor id, where users have one.
    pub id: Option<String>,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Remark.
    pub remark: Option<String>,
    /// The vendor's own word for the state.
    pub vendor_state: Option<String>,
    /// Whether desktops can be assigned to the user now.
    pub usable: bool,
}

/// A user to create.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserSpec {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Remark.
    pub remark: Option<String>,
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
    /// Supplies what a cluster lacks. Returns a task.
    RepairCluster {
        /// Vendor id.
        cluster_id: String,
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
        /// To whom.
        user: DesktopUser,
    },
    /// Takes a desktop from its user.
    UnassignUser {
        /// Vendor id.
        desktop_id: String,
    },
    /// Sets the label that shows whose a desktop is.
    LabelDesktop {
        /// Vendor id.
        desktop_id: String,
        /// Label.
        label: String,
    },
    /// Replaces the image of a desktop and wipes its system disk. Not idempotent.
    RebuildDesktop {
        /// Vendor id.
        desktop_id: String,
        /// New image.
        image_id: String,
    },
    /// Turns a desktop that is paid by use into a subscription. Costs money; not idempotent.
    ConvertBilling {
        /// Vendor id.
        desktop_id: String,
        /// What is bought.
        term: Term,
    },
    /// Prolongs a subscription. Costs money; not idempotent.
    RenewDesktop {
        /// Vendor id.
        desktop_id: String,
        /// What is bought.
        term: Term,
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
            Self::RepairCluster { .. } => "RepairCluster",
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
            Self::UnassignUser { .. } => "UnassignUser",
            Self::LabelDesktop { .. } => "LabelDesktop",
            Self::RebuildDesktop { .. } => "RebuildDesktop",
            Self::ConvertBilling { .. } => "ConvertBilling",
            Self::RenewDesktop { .. } => "RenewDesktop",
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
    /// What was to be deleted is not there.
    pub gone: bool,
    /// The vendor's order, to quote in a support case.
    pub order_id: Option<String>,
}

/// A task at the vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What it is for: decides which call polls it.
    pub kind: TaskKind,
    /// The object it works on.
    pub object_id: String,
    /// The vendor's task id, with whatever else is needed to poll it: opaque to everybody else.
    pub task_id: String,
    /// For sessions: the first day asked for.
    pub from: Option<jiff::civil::Date>,
    /// For sessions: the last day asked for.
    pub to: Option<jiff::civil::Date>,
}

impl Task {
    /// A task that is polled by its id, with no days to repeat.
    #[must_use]
    pub fn new(kind: TaskKind, object_id: &str, task_id: String) -> Self {
        Self {
            kind,
            object_id: object_id.to_owned(),
            task_id,
            from: None,
            to: None,
        }
    }
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
    /// Anything that is polled by its id alone.
    Job,
}

/// How far a task got. Vendors that report no failure end in `Finished`; what was reached is then read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// Not finished.
    Running,
    /// Finished.
    Finished,
    /// Ended without success. The class says whether trying again can help.
    Failed(BackendError),
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
