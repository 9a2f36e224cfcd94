//! What every vendor fulfils: one contract, plain data in and out.
//!
//! A [`Backend`] speaks for one account. It observes, it carries out one [`Operation`] at a time, and it polls the
//! tasks that some operations start. What a vendor cannot do is data ([`Capabilities`]), not an error at run time.
//! Backends know nothing of Kubernetes and vendors never import each other.

pub mod capabilities;
pub mod capital_online;
pub mod client;
pub mod cloud_desktop;
pub mod connect;
pub(crate) mod decode;
pub mod error;
#[cfg(test)]
mod fuzz;
pub mod gws;
pub mod huawei;
pub mod model;
pub mod naming;
pub mod pool;
pub mod region;
pub(crate) mod rpc;

use async_trait::async_trait;

pub use capabilities::Capabilities;
pub use error::{BackendError, ErrorClass};
pub use model::{
    Catalog, ClusterSpec, DesktopSpec, DirectoryState, Estimate, Flavor, ImageState, Login, ObservedCluster,
    ObservedDesktop, ObservedImage, ObservedUser, Operation, Place, PolicyValues, Receipt, Session, Task, TaskKind,
    TaskState, Term, Ticket, UserSpec,
};

/// Result of a vendor call.
pub type Result<T> = std::result::Result<T, BackendError>;

/// One vendor account. What a vendor has no call for keeps its default, which is never reached by planning that asked
/// [`Capabilities`] first.
#[async_trait]
pub trait Backend: Send + Sync {
    /// What this vendor can do.
    fn capabilities(&self) -> &'static Capabilities;

    /// Makes sure the vendor's prerequisites exist. Safe to repeat.
    async fn prepare(&self) -> Result<()> {
        Ok(())
    }

    /// What may be created, and where.
    async fn catalog(&self) -> Result<Catalog>;

    /// Every cluster of the account: complete, or an error.
    async fn list_clusters(&self) -> Result<Vec<ObservedCluster>>;

    /// One cluster; `None` only when a complete, well-typed answer does not hold it.
    async fn get_cluster(&self, cluster_id: &str) -> Result<Option<ObservedCluster>> {
        let listed = self.list_clusters().await?;
        Ok(listed.into_iter().find(|cluster| cluster.id == cluster_id))
    }

    /// Every desktop of a cluster: complete, or an error.
    async fn list_desktops(&self, cluster_id: &str) -> Result<Vec<ObservedDesktop>>;

    /// Every image the account may use: complete, or an error.
    async fn list_images(&self) -> Result<Vec<ObservedImage>>;

    /// Every user of the account: complete, or an error.
    async fn list_users(&self) -> Result<Vec<ObservedUser>> {
        Err(self.unsupported("ListUsers"))
    }

    /// Session policy of a cluster, in the words of the spec; a value without such a word stays as the vendor has it.
    async fn get_policy(&self, cluster_id: &str) -> Result<PolicyValues> {
        let _ = cluster_id;
        Err(self.unsupported("GetPolicy"))
    }

    /// Display policy of a desktop, in the words of the spec; a setting without meaning for this desktop is `N/A`.
    async fn get_display_policy(&self, desktop_id: &str) -> Result<PolicyValues> {
        let _ = desktop_id;
        Err(self.unsupported("GetDisplayPolicy"))
    }

    /// The directory a cluster is linked to.
    async fn get_directory(&self, cluster_id: &str) -> Result<DirectoryState> {
        let _ = cluster_id;
        Err(self.unsupported("GetDirectory"))
    }

    /// What a desktop would cost.
    async fn estimate(&self, spec: &DesktopSpec) -> Result<Estimate> {
        let _ = spec;
        Err(self.unsupported("Estimate"))
    }

    /// Begins to read the sessions of a cluster between two days (UTC dates, both inclusive).
    async fn request_sessions(&self, cluster_id: &str, from: jiff::civil::Date, to: jiff::civil::Date) -> Result<Task> {
        let _ = (cluster_id, from, to);
        Err(self.unsupported("RequestSessions"))
    }

    /// The sessions asked for, or `None` while the vendor still collects them.
    async fn fetch_sessions(&self, task: &Task) -> Result<Option<Vec<Session>>> {
        let _ = task;
        Err(self.unsupported("FetchSessions"))
    }

    /// Sends one change. An error of class [`ErrorClass::Ambiguous`] means that it may have taken effect.
    async fn submit(&self, operation: &Operation) -> Result<Receipt>;

    /// Creates users; one answer each, in their order. An error of the whole means that nothing is known.
    async fn create_users(&self, users: &[UserSpec]) -> Result<Vec<Result<()>>> {
        let _ = users;
        Err(self.unsupported("CreateUsers"))
    }

    /// Gives a user, named by e-mail address, another name.
    async fn rename_user(&self, email: &str, name: &str) -> Result<()> {
        let _ = (email, name);
        Err(self.unsupported("RenameUser"))
    }

    /// Puts a remark on users, named by e-mail address: on all of them or none.
    async fn remark_users(&self, emails: &[String], remark: &str) -> Result<()> {
        let _ = (emails, remark);
        Err(self.unsupported("RemarkUsers"))
    }

    /// How far a task got.
    async fn poll(&self, task: &Task) -> Result<TaskState>;

    /// Begins to make a connection ticket.
    async fn request_ticket(&self, request: &model::TicketRequest) -> Result<Task> {
        let _ = request;
        Err(self.unsupported("RequestTicket"))
    }

    /// The ticket asked for, or `None` while the vendor still makes it.
    async fn fetch_ticket(&self, request: &model::TicketRequest, task: &Task) -> Result<Option<Ticket>> {
        let _ = (request, task);
        Err(self.unsupported("FetchTicket"))
    }

    /// The vendor's own pools, where it has them.
    fn pools(&self) -> Option<&dyn pool::PoolBackend> {
        None
    }

    /// The refusal of what this vendor has no call for.
    fn unsupported(&self, action: &'static str) -> BackendError {
        let vendor = self.capabilities().vendor;
        BackendError::new(ErrorClass::Invalid, action, &format!("{vendor} has no such call"))
    }
}
