//! Pools of desktops, at vendors that have them: what is known of one, and what can be done to it.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{ObservedDesktop, Receipt, Result};
pub use crate::api::pool::AutoscaleType;

/// The pools of an account. Changes return a task where the vendor starts a job.
#[async_trait]
pub trait PoolBackend: Send + Sync {
    /// Every pool: complete, or an error.
    async fn list_pools(&self) -> Result<Vec<ObservedPool>>;

    /// One pool; `None` only when the vendor says in so many words that there is none.
    async fn get_pool(&self, pool_id: &str) -> Result<Option<ObservedPool>>;

    /// The pool of exactly this name: how a creation, whose answer holds no id, is found again.
    async fn find_pool(&self, name: &str) -> Result<Option<ObservedPool>>;

    /// Every desktop of a pool: complete, or an error.
    async fn list_pool_desktops(&self, pool_id: &str) -> Result<Vec<ObservedDesktop>>;

    /// Everybody who may use a pool: complete, or an error.
    async fn list_pool_members(&self, pool_id: &str) -> Result<Vec<PoolMember>>;

    /// Whether a job on a pool, or on a part of it, has not ended: what became of a call whose answer was lost is not
    /// known before.
    async fn is_pool_busy(&self, pool_id: &str) -> Result<bool>;

    /// Sends one change. An error of class [`Ambiguous`](super::ErrorClass::Ambiguous) means that it may have taken
    /// effect.
    async fn change_pool(&self, change: &PoolChange) -> Result<Receipt>;
}

/// A disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// Vendor id, of a disk that is there.
    pub id: Option<String>,
    /// Category.
    pub category: Option<String>,
    /// Size in GiB.
    pub size_gib: Option<i64>,
}

/// How a pool grows by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Autoscale {
    /// What makes it grow; `None` for a word this version does not know.
    pub kind: Option<AutoscaleType>,
    /// Most desktops that it makes.
    pub max_created: Option<i64>,
    /// Idle desktops below which it grows.
    pub min_idle: Option<i64>,
    /// Desktops made at a time.
    pub step: Option<i64>,
}

/// A pool as the vendor reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedPool {
    /// Vendor id.
    pub id: String,
    /// Name.
    pub name: Option<String>,
    /// Whether anybody gets any desktop (`true`) or each keeps theirs; `None` for a word this version does not know.
    pub dynamic: Option<bool>,
    /// Description.
    pub description: Option<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Paid in advance; `None` when the vendor does not say.
    pub prepaid: Option<bool>,
    /// Desktops in it.
    pub desktops: Option<i64>,
    /// Desktops that belong to somebody.
    pub assigned: Option<i64>,
    /// Zone.
    pub zone_id: Option<String>,
    /// Subnets.
    pub subnet_ids: Vec<String>,
    /// Network.
    pub vpc_id: Option<String>,
    /// Product its desktops are made in.
    pub flavor: Option<String>,
    /// Processor cores of that product.
    pub cpus: Option<i64>,
    /// Its memory in GiB.
    pub memory_gib: Option<i64>,
    /// Whether it is sold at the moment, in the vendor's word.
    pub flavor_state: Option<String>,
    /// Image its desktops are made from.
    pub image_id: Option<String>,
    /// Name of that image.
    pub image_name: Option<String>,
    /// Its operating system: type, version and platform.
    pub image_os: [Option<String>; 3],
    /// Its product code.
    pub image_product_code: Option<String>,
    /// System disk.
    pub system_disk: Option<Disk>,
    /// Data disks.
    pub data_disks: Vec<Disk>,
    /// Security groups.
    pub security_groups: Vec<String>,
    /// Minutes until a left desktop goes to somebody else.
    pub retention_minutes: Option<i64>,
    /// How it grows by itself; `None` when it does not.
    pub autoscale: Option<Autoscale>,
    /// The vendor's own word for the state.
    pub vendor_state: String,
    /// What it means.
    pub state: PoolState,
    /// Enterprise project.
    pub enterprise_project_id: Option<String>,
    /// Whether it is in maintenance; `None` when the vendor does not say.
    pub maintenance: Option<bool>,
    /// Policy that names its desktops.
    pub name_policy_id: Option<String>,
}

/// Normalised state of a pool. That it is steady does not mean that its desktops are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PoolState {
    /// Nothing is under way.
    Steady,
    /// Something is.
    Changing,
    /// Some of its desktops are held back for unpaid bills.
    Suspended,
    /// The vendor reports a fault.
    Failed,
    /// The vendor does not know, or uses a word this version does not know.
    #[default]
    Unknown,
}

/// Somebody who may use a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolMember {
    /// Vendor id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Whether it is a group of users.
    pub group: bool,
    /// What they may do on a desktop, in the vendor's word.
    pub privilege: String,
}

/// A pool to create.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolSpec {
    /// Name, by which a lost answer is found again.
    pub name: String,
    /// Whether anybody gets any desktop.
    pub dynamic: bool,
    /// Desktops to begin with.
    pub size: u16,
    /// Description.
    pub description: Option<String>,
    /// Product.
    pub flavor: String,
    /// Image.
    pub image_id: String,
    /// Category and size in GiB of the system disk.
    pub system_disk: (String, i64),
    /// Categories and sizes of data disks.
    pub data_disks: Vec<(String, i64)>,
    /// Subnets.
    pub subnet_ids: Vec<String>,
    /// Zone.
    pub zone_id: Option<String>,
    /// Security groups.
    pub security_groups: Vec<String>,
    /// Minutes until a left desktop goes to somebody else.
    pub retention_minutes: Option<i64>,
    /// How it grows by itself.
    pub autoscale: Option<Autoscale>,
}

/// What of a pool is set; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolUpdate {
    /// Name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// How it grows by itself; `Some(None)` switches that off.
    pub autoscale: Option<Option<Autoscale>>,
    /// Minutes until a left desktop goes to somebody else.
    pub retention_minutes: Option<i64>,
    /// Maintenance.
    pub maintenance: Option<bool>,
}

/// Which desktops a change of image concerns beside those to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolScope {
    /// None.
    New,
    /// Those that belong to nobody.
    Idle,
    /// All.
    All,
}

/// What a power operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolPower {
    /// Starts.
    Start,
    /// Stops.
    Stop,
    /// Restarts.
    Restart,
    /// Hibernates.
    Hibernate,
}

/// One change of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolChange {
    /// Creates a pool. Costs money; not idempotent. The answer holds no id.
    Create(Box<PoolSpec>),
    /// Sets some of its fields.
    Update {
        /// Vendor id.
        pool_id: String,
        /// What is set.
        update: PoolUpdate,
    },
    /// Adds desktops. Costs money; not idempotent.
    Expand {
        /// Vendor id.
        pool_id: String,
        /// How many.
        more: u16,
    },
    /// Replaces the image, and wipes the system disks of the desktops concerned. Not idempotent.
    Rebuild {
        /// Vendor id.
        pool_id: String,
        /// New image.
        image_id: String,
        /// Which desktops.
        scope: PoolScope,
    },
    /// Makes desktops anew from an image, and wipes their system disks: 100 at most. The pool's own image stays. Not
    /// idempotent.
    RebuildDesktops {
        /// Vendor id.
        pool_id: String,
        /// New image.
        image_id: String,
        /// Vendor ids of the desktops.
        desktop_ids: Vec<String>,
    },
    /// Starts, stops, restarts or hibernates its desktops.
    Power {
        /// Vendor id.
        pool_id: String,
        /// What is done.
        power: PoolPower,
    },
    /// Deletes desktops of it: 100 at most.
    DeleteDesktops {
        /// Vendor id.
        pool_id: String,
        /// Vendor ids of the desktops.
        desktop_ids: Vec<String>,
    },
    /// Lets somebody use it: 500 at most.
    AddMembers {
        /// Vendor id.
        pool_id: String,
        /// Who.
        members: Vec<PoolMember>,
    },
    /// Lets somebody use it no more: 500 at most.
    RemoveMembers {
        /// Vendor id.
        pool_id: String,
        /// Who.
        members: Vec<PoolMember>,
    },
    /// Changes what somebody may do on a desktop: 500 at most.
    ChangeMembers {
        /// Vendor id.
        pool_id: String,
        /// Who, and what they may do.
        members: Vec<PoolMember>,
    },
    /// Deletes an empty pool that does not grow by itself.
    Delete {
        /// Vendor id.
        pool_id: String,
    },
}

impl PoolChange {
    /// Name of the change, as in `status.operation`, logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "CreatePool",
            Self::Update { .. } => "UpdatePool",
            Self::Expand { .. } => "ExpandPool",
            Self::Rebuild { .. } => "RebuildPool",
            Self::RebuildDesktops { .. } => "RebuildDesktops",
            Self::Power {
                power: PoolPower::Start,
                ..
            } => "StartPool",
            Self::Power {
                power: PoolPower::Stop, ..
            } => "StopPool",
            Self::Power { .. } => "RestartPool",
            Self::DeleteDesktops { .. } => "DeleteDesktops",
            Self::AddMembers { .. } => "AddMembers",
            Self::RemoveMembers { .. } => "RemoveMembers",
            Self::ChangeMembers { .. } => "ChangeMembers",
            Self::Delete { .. } => "DeletePool",
        }
    }
}
