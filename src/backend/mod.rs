//! What every vendor fulfils: one contract, plain data in and out.
//!
//! A [`Backend`] speaks for one account. It observes, it carries out one [`Operation`] at a time, and it polls the
//! tasks that some operations start. What a vendor cannot do is data ([`Capabilities`]), not an error at run time.
//! Backends know nothing of Kubernetes and vendors never import each other.

pub mod client;
pub mod connect;
pub(crate) mod decode;
pub mod error;
pub mod gws;
pub mod model;
pub(crate) mod rpc;

use async_trait::async_trait;

pub use error::{BackendError, ErrorClass};
pub use model::{
    Catalog, ClusterSpec, DesktopSpec, DirectoryState, ImageState, ObservedCluster, ObservedDesktop, ObservedImage,
    Operation, PolicyValues, Receipt, Session, Task, TaskKind, TaskState, Ticket,
};

/// Result of a vendor call.
pub type Result<T> = std::result::Result<T, BackendError>;

/// What a vendor can do. The controllers ask before they call.
#[allow(clippy::struct_excessive_bools, reason = "a table of yes and no")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Name of the vendor as in the provider's block, e.g. `gws`.
    pub vendor: &'static str,
    /// The vendor's service-linked role must exist before the first cluster.
    pub service_linked_role: bool,
    /// Clusters can be created and deleted; otherwise only adopted.
    pub create_cluster: bool,
    /// The create call takes a name that the listing shows, so that a lost answer can be found again.
    pub named_create: bool,
    /// Fields of the session policy that can be enforced, by their name in the spec.
    pub policy_fields: &'static [&'static str],
    /// A NAT gateway can be attached.
    pub nat: bool,
    /// A directory can be linked.
    pub directory: bool,
    /// A user can be taken from a desktop again.
    pub unassign_user: bool,
    /// An assigned user needs the vendor's number beside the name.
    pub user_needs_uid: bool,
    /// The image of an existing desktop can be changed.
    pub change_image: bool,
    /// The flavor of an existing desktop can be changed.
    pub change_flavor: bool,
    /// The system disk of an existing desktop can be changed.
    pub change_disk: bool,
    /// Applications can be published instead of a desktop.
    pub applications: bool,
    /// GPU display settings can be set.
    pub display_policy: bool,
    /// Images can be made from desktops.
    pub capture_image: bool,
}

/// One vendor account.
#[async_trait]
pub trait Backend: Send + Sync {
    /// What this vendor can do.
    fn capabilities(&self) -> &'static Capabilities;

    /// Makes sure the vendor's prerequisites exist. Safe to repeat.
    async fn prepare(&self) -> Result<()>;

    /// What may be created, and where.
    async fn catalog(&self) -> Result<Catalog>;

    /// Every cluster of the account: complete, or an error.
    async fn list_clusters(&self) -> Result<Vec<ObservedCluster>>;

    /// One cluster; `None` only when a complete, well-typed answer does not hold it.
    async fn get_cluster(&self, cluster_id: &str) -> Result<Option<ObservedCluster>>;

    /// Every desktop of a cluster: complete, or an error.
    async fn list_desktops(&self, cluster_id: &str) -> Result<Vec<ObservedDesktop>>;

    /// Every image the account may use: complete, or an error.
    async fn list_images(&self) -> Result<Vec<ObservedImage>>;

    /// Session policy of a cluster, in the words of the spec; a value without such a word stays as the vendor has it.
    async fn get_policy(&self, cluster_id: &str) -> Result<PolicyValues>;

    /// Display policy of a desktop, in the words of the spec; a setting without meaning for this desktop is `N/A`.
    async fn get_display_policy(&self, desktop_id: &str) -> Result<PolicyValues>;

    /// The directory a cluster is linked to.
    async fn get_directory(&self, cluster_id: &str) -> Result<DirectoryState>;

    /// Begins to read the sessions of a cluster between two days (UTC dates, both inclusive).
    async fn request_sessions(&self, cluster_id: &str, from: jiff::civil::Date, to: jiff::civil::Date) -> Result<Task>;

    /// The sessions asked for, or `None` while the vendor still collects them.
    async fn fetch_sessions(&self, task: &Task) -> Result<Option<Vec<Session>>>;

    /// Sends one change. An error of class [`ErrorClass::Ambiguous`] means that it may have taken effect.
    async fn submit(&self, operation: &Operation) -> Result<Receipt>;

    /// How far a task got.
    async fn poll(&self, task: &Task) -> Result<TaskState>;

    /// Begins to make a connection ticket.
    async fn request_ticket(&self, request: &model::TicketRequest) -> Result<Task>;

    /// The ticket asked for, or `None` while the vendor still makes it.
    async fn fetch_ticket(&self, request: &model::TicketRequest, task: &Task) -> Result<Option<Ticket>>;
}
