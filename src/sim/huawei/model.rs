//! The objects of Workspace.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// Everything of Workspace, over all projects.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Huawei {
    /// Projects by id.
    pub projects: BTreeMap<String, Project>,
    /// Desktops by id.
    pub desktops: BTreeMap<String, Desktop>,
    /// Pools by id.
    pub pools: BTreeMap<String, Pool>,
    /// Users by id.
    pub users: BTreeMap<String, User>,
    /// Policy groups by id.
    pub policy_groups: BTreeMap<String, PolicyGroup>,
    /// Images by id.
    pub images: BTreeMap<String, Image>,
    /// Jobs by id.
    pub jobs: BTreeMap<String, Job>,
    /// Products that are sold out.
    pub sold_out: BTreeSet<String>,
    /// Images whose desktops end in a fault.
    pub broken_images: BTreeSet<String>,
    #[serde(skip)]
    pub(crate) tokens: BTreeMap<String, Token>,
}

/// A project: whose it is, and its Workspace tenant.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// Vendor id.
    pub id: String,
    /// Account.
    pub account: String,
    /// Region, which is the project's name too.
    pub region: String,
    /// The vendor's word for the tenant's state.
    pub status: String,
    /// Network.
    pub vpc_id: String,
    /// Subnets.
    pub subnets: Vec<String>,
    /// Limits by the vendor's word for the resource.
    pub quotas: BTreeMap<String, i64>,
}

/// A token.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub account: String,
    pub project: String,
    /// When it stops being good, in milliseconds since the start.
    pub until: u64,
}

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// Vendor id.
    pub id: String,
    /// `SAS`, `SSD` or another word of the vendor's.
    #[serde(rename = "type")]
    pub kind: String,
    /// Size in GB.
    pub size: i64,
}

/// A desktop.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Desktop {
    /// Vendor id.
    pub id: String,
    /// Account.
    pub account: String,
    /// Project.
    pub project: String,
    /// Name.
    pub computer_name: String,
    /// The vendor's word for its state; empty while it is made.
    pub status: String,
    /// The vendor's word for what is done to it; empty when nothing is.
    pub task_status: String,
    /// The vendor's word for whether somebody can log on, or has.
    pub login_status: String,
    /// The vendor's word for whether it belongs to somebody.
    pub attach_state: String,
    /// Identifier in the directory; policies name a desktop by it.
    pub sid: String,
    /// Assigned user and the group on the desktop.
    pub user: Option<(String, String)>,
    /// Product.
    pub product_id: String,
    /// Image it was made from.
    pub image_id: String,
    /// Name of that image.
    pub image_name: String,
    /// System disk.
    pub root_volume: Volume,
    /// Data disks.
    pub data_volumes: Vec<Volume>,
    /// Subnet.
    pub subnet_id: String,
    /// Zone.
    pub availability_zone: String,
    /// Pool it belongs to.
    pub pool_id: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Bills are unpaid.
    pub frozen: bool,
    /// When it was made.
    pub created: Timestamp,
    pub(crate) number: u64,
    pub(crate) visible_from: u64,
    #[serde(skip)]
    pub(crate) steps: VecDeque<(u64, Step)>,
}

/// A user.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Vendor id.
    pub id: String,
    /// Account.
    pub account: String,
    /// Project.
    pub project: String,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Description.
    pub description: String,
    /// Who activates it.
    pub active_type: String,
    /// Too many wrong passwords.
    pub locked: bool,
    /// Switched off.
    pub disabled: bool,
    pub(crate) number: u64,
    pub(crate) visible_from: u64,
}

/// An image.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Vendor id.
    pub id: String,
    /// Account; empty for the vendor's own.
    pub account: String,
    /// Project; `None` for the vendor's own.
    pub project: Option<String>,
    /// Name.
    pub name: String,
    /// Windows or Linux.
    pub os_type: String,
    /// Version.
    pub os_version: String,
    /// Smallest system disk in GB.
    pub min_disk: i64,
    /// Desktop it was made from.
    pub source: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    pub(crate) visible_from: u64,
}

/// A group of policies with what it applies to.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyGroup {
    /// Vendor id.
    pub id: String,
    /// Account.
    pub account: String,
    /// Project.
    pub project: String,
    /// Name.
    pub name: String,
    /// Rank; 1 is the highest.
    pub priority: i64,
    /// Description.
    pub description: String,
    /// The whole tree of policies in force.
    pub policies: Value,
    /// What it applies to: type, id and name.
    pub targets: Vec<(String, String, String)>,
    /// When it was last changed.
    pub updated: Timestamp,
    pub(crate) number: u64,
    pub(crate) visible_from: u64,
}

/// A pool of desktops.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    /// Vendor id.
    pub id: String,
    /// Account.
    pub account: String,
    /// Project.
    pub project: String,
    /// Name.
    pub name: String,
    /// `DYNAMIC` or `STATIC`.
    pub kind: String,
    /// Description.
    pub description: String,
    /// Product.
    pub product_id: String,
    /// Image.
    pub image_id: String,
    /// System disk.
    pub root_volume: Volume,
    /// Data disks.
    pub data_volumes: Vec<Volume>,
    /// Network.
    pub vpc_id: String,
    /// Subnets.
    pub subnet_ids: Vec<String>,
    /// Security groups.
    pub security_groups: Vec<String>,
    /// Zone.
    pub availability_zone: String,
    /// Minutes until a left desktop goes to somebody else.
    pub retention: i64,
    /// Whether it grows by itself.
    pub autoscale: bool,
    /// How it grows, as it was sent.
    pub autoscale_policy: Value,
    /// Desktops it has made by itself.
    pub auto_created: i64,
    /// Maintenance mode.
    pub maintenance: bool,
    /// Unit of the directory.
    pub ou_name: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Enterprise project.
    pub enterprise_project_id: String,
    /// Policy for the desktops' names.
    pub name_policy: String,
    /// Who may use it.
    pub members: Vec<Member>,
    /// A status set by hand, instead of that which follows from its desktops.
    pub status: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    pub(crate) number: u64,
    pub(crate) visible_from: u64,
}

/// Somebody who may use a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// `USER` or `USER_GROUP`.
    pub kind: String,
    /// Vendor id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Group on the desktops.
    pub group: String,
    /// When it was added.
    pub created: Timestamp,
}

/// A job.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Vendor id.
    pub id: String,
    /// Project.
    pub project: String,
    /// The vendor's word for what it does.
    pub kind: String,
    /// Pool it works on.
    pub pool: Option<String>,
    /// One part a desktop.
    pub parts: Vec<SubJob>,
    /// When it began, in milliseconds since the start.
    pub begun: u64,
    pub(crate) number: u64,
}

/// The part of a job that concerns one desktop.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubJob {
    /// Vendor id.
    pub id: String,
    /// Desktop; `None` until it is there.
    pub desktop: Option<String>,
    /// User it concerns.
    pub user: Option<String>,
    /// `WAITING`, `RUNNING`, `SUCCESS` or `FAILED`.
    pub state: String,
    /// Error code and reason of a failure.
    pub failure: Option<(String, String)>,
    /// When it ended, in milliseconds since the start.
    pub ended: Option<u64>,
    #[serde(skip)]
    pub(crate) birth: Option<Birth>,
    /// When it ends; `None` never.
    #[serde(skip)]
    pub(crate) due: Option<u64>,
    #[serde(skip)]
    pub(crate) effect: Effect,
}

/// A desktop to come.
#[derive(Clone, Debug)]
pub(crate) struct Birth {
    /// When.
    pub at: u64,
    /// Position of the request that asked for it, if one did.
    pub request: Option<u64>,
    /// What it will be.
    pub desktop: Box<Desktop>,
}

/// What the end of a part does to its desktop.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// It is ready, and belongs to its user.
    Ready,
    /// It runs or not: the status, and whether it registers.
    Power(&'static str, bool),
    /// It belongs to a user, with a group.
    Attach(String, String),
    /// It belongs to nobody.
    Detach,
    /// It has another system disk.
    Rebuild(String),
    /// It has another product.
    Resize(String),
    /// There is an image of it, of this name, which this request asked for.
    Capture(String, u64),
    /// It is gone.
    Gone,
}

/// A state change to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A new status, if not empty; a new task, or none; a new login status, if not empty.
    State(&'static str, &'static str, &'static str),
    /// The desktop is gone.
    Gone,
}

impl Desktop {
    /// Applies a step that is not its end.
    pub(crate) fn take(&mut self, status: &str, task: &str, login: &str) {
        if !status.is_empty() {
            status.clone_into(&mut self.status);
        }
        task.clone_into(&mut self.task_status);
        if !login.is_empty() {
            login.clone_into(&mut self.login_status);
        }
    }
}

impl Job {
    /// Whether every part has ended.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.parts.iter().all(|part| part.ended.is_some())
    }
}

impl Huawei {
    /// The project of an account that comes first.
    #[must_use]
    pub fn project_of(&self, account: &str) -> Option<&Project> {
        self.projects.values().find(|project| project.account == account)
    }

    /// The desktop of this id, or of this name.
    #[must_use]
    pub fn desktop(&self, id_or_name: &str) -> Option<&Desktop> {
        self.desktops.get(id_or_name).or_else(|| {
            self.desktops
                .values()
                .find(|desktop| desktop.computer_name == id_or_name)
        })
    }

    /// The pool of this id, or of this name.
    #[must_use]
    pub fn pool(&self, id_or_name: &str) -> Option<&Pool> {
        self.pools
            .get(id_or_name)
            .or_else(|| self.pools.values().find(|pool| pool.name == id_or_name))
    }

    /// The user of this id, or of this name.
    #[must_use]
    pub fn user(&self, id_or_name: &str) -> Option<&User> {
        self.users
            .get(id_or_name)
            .or_else(|| self.users.values().find(|user| user.name == id_or_name))
    }

    /// The policy group of this id, or of this name.
    #[must_use]
    pub fn policy_group(&self, id_or_name: &str) -> Option<&PolicyGroup> {
        self.policy_groups
            .get(id_or_name)
            .or_else(|| self.policy_groups.values().find(|group| group.name == id_or_name))
    }

    /// The image of this id, or of this name.
    #[must_use]
    pub fn image(&self, id_or_name: &str) -> Option<&Image> {
        self.images
            .get(id_or_name)
            .or_else(|| self.images.values().find(|image| image.name == id_or_name))
    }

    /// Desktops of a pool.
    pub fn desktops_of<'a>(&'a self, pool: &'a str) -> impl Iterator<Item = &'a Desktop> {
        self.desktops
            .values()
            .filter(move |desktop| desktop.pool_id.as_deref() == Some(pool))
    }
}
