//! The objects of GWS.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde::Serialize;

use crate::sim::clock::Clock;

/// Values of a policy by the field's name on the wire.
pub type PolicyField = BTreeMap<String, String>;

/// Everything of GWS, over all accounts.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gws {
    /// Clusters by id.
    pub clusters: BTreeMap<String, Cluster>,
    /// Desktops by id.
    pub instances: BTreeMap<String, Instance>,
    /// Images by id.
    pub images: BTreeMap<String, Image>,
    /// Sessions, oldest first.
    pub sessions: Vec<Session>,
    /// Accounts that have the service-linked role.
    pub roles: BTreeSet<String>,
    /// Instance types that are out of stock.
    pub out_of_stock: BTreeSet<String>,
    #[serde(skip)]
    pub(crate) tasks: BTreeMap<String, Task>,
}

/// A cluster.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Vendor id.
    pub id: String,
    /// Account.
    pub account: String,
    /// `gws.s1.standard` or `gws.s1.advanced`.
    pub cluster_type: String,
    /// Name.
    pub name: String,
    /// The vendor's word for its state.
    pub status: String,
    /// Network.
    pub vpc_id: String,
    /// Subnet.
    pub v_switch_id: String,
    /// NAT gateway and elastic IP.
    pub nat: Option<(String, String)>,
    /// Domain and its DNS address.
    pub domain: Option<(String, String)>,
    /// Session policy in force.
    pub policy: PolicyField,
    /// When it was made.
    pub created: Timestamp,
    /// Its deletion has begun.
    pub deleting: bool,
    pub(crate) number: u64,
    pub(crate) visible_from: u64,
    #[serde(skip)]
    pub(crate) steps: VecDeque<(u64, Step)>,
}

/// A desktop.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Vendor id.
    pub id: String,
    /// Account.
    pub account: String,
    /// Cluster.
    pub cluster_id: String,
    /// Name.
    pub name: String,
    /// The vendor's word for its state.
    pub status: String,
    /// Whether it costs money while stopped.
    pub stopped_mode: Option<String>,
    /// Instance type.
    pub instance_type: String,
    /// Image it was made from.
    pub image_id: String,
    /// Disk category.
    pub disk_category: String,
    /// Disk size in GiB.
    pub disk_size: i64,
    /// Subnet.
    pub v_switch_id: String,
    /// `Desktop` or `Application`.
    pub work_mode: String,
    /// Published applications.
    pub apps: Vec<App>,
    /// Whether it has a public address.
    pub public_address: bool,
    /// How traffic is paid for.
    pub internet_charge_type: String,
    /// Public bandwidth, in and out, in Mbit/s.
    pub bandwidth: (i64, i64),
    /// `PostPaid` or `PrePaid`.
    pub charge_type: String,
    /// Whether it renews itself.
    pub auto_renew: bool,
    /// When it ends, if paid in advance.
    pub expires: Option<Timestamp>,
    /// Assigned user: name and number.
    pub user: Option<(String, String)>,
    /// Display policy in force; only desktops with a GPU have one.
    pub display: Option<PolicyField>,
    /// When it was made.
    pub created: Timestamp,
    /// Its deletion has begun.
    pub deleting: bool,
    pub(crate) number: u64,
    pub(crate) visible_from: u64,
    #[serde(skip)]
    pub(crate) steps: VecDeque<(u64, Step)>,
}

/// A published application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct App {
    /// Name.
    pub name: String,
    /// Path.
    pub path: String,
    /// Arguments.
    pub args: String,
}

/// An image.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Vendor id.
    pub id: String,
    /// Account; `None` for the vendor's own.
    pub account: Option<String>,
    /// Name.
    pub name: String,
    /// The vendor's word for its state.
    pub status: String,
    /// Size in GB.
    pub size: i64,
    /// Desktop it was made from.
    pub source: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// Its deletion has begun.
    pub deleting: bool,
    pub(crate) visible_from: u64,
    /// When its making began and when it ends, in milliseconds since the start.
    pub(crate) making: (u64, u64),
    #[serde(skip)]
    pub(crate) steps: VecDeque<(u64, Step)>,
}

/// A session on a desktop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Desktop.
    pub instance_id: String,
    /// Cluster of the desktop.
    pub cluster_id: String,
    /// Name of the user's computer.
    pub client: String,
    /// Beginning.
    pub logon: Timestamp,
    /// End; `None` while it is open.
    pub logoff: Option<Timestamp>,
}

/// A state change to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A new status; for desktops with the billing mode of a stop.
    Status(String, Option<String>),
    /// The object is gone.
    Gone,
}

/// An asynchronous task.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// Object it works on.
    pub object: String,
    /// Actions that may ask for it.
    pub poller: &'static str,
    /// When it finishes; `None` never.
    pub due: Option<u64>,
    /// Whether it has finished.
    pub finished: bool,
    /// What it does when it finishes.
    pub effect: Effect,
}

/// What a task does when it finishes.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// Nothing: the answer is made when it is asked for.
    Query,
    /// Sets fields of a cluster's policy.
    ClusterPolicy(PolicyField),
    /// Sets fields of a desktop's display policy.
    DisplayPolicy(PolicyField),
    /// Links a cluster to a domain, or unlinks it.
    Domain(Option<(String, String)>),
}

/// `Status` without a word on billing.
pub(crate) fn becomes(status: &str) -> Step {
    Step::Status(status.to_owned(), None)
}

impl Gws {
    /// The vendor's own images and nothing else.
    pub(crate) fn seeded(clock: &Clock) -> Self {
        let images = [
            ("m-windows2016", "windows 2016 citrix 1903", 40),
            ("m-windows2019", "windows 2019 citrix 1912", 40),
            ("m-windows2019gpu", "windows 2019 gpu citrix 1912", 60),
        ]
        .into_iter()
        .map(|(id, name, size)| {
            let image = Image {
                id: id.to_owned(),
                account: None,
                name: name.to_owned(),
                status: "Available".to_owned(),
                size,
                source: None,
                created: clock.date(0),
                deleting: false,
                visible_from: 0,
                making: (0, 0),
                steps: VecDeque::new(),
            };
            (id.to_owned(), image)
        })
        .collect();
        Self {
            images,
            ..Self::default()
        }
    }

    /// The cluster of this id, or of this name.
    #[must_use]
    pub fn cluster(&self, id_or_name: &str) -> Option<&Cluster> {
        self.clusters
            .get(id_or_name)
            .or_else(|| self.clusters.values().find(|cluster| cluster.name == id_or_name))
    }

    /// The desktop of this id, or of this name.
    #[must_use]
    pub fn instance(&self, id_or_name: &str) -> Option<&Instance> {
        self.instances
            .get(id_or_name)
            .or_else(|| self.instances.values().find(|instance| instance.name == id_or_name))
    }

    /// The image of this id, or of this name.
    #[must_use]
    pub fn image(&self, id_or_name: &str) -> Option<&Image> {
        self.images
            .get(id_or_name)
            .or_else(|| self.images.values().find(|image| image.name == id_or_name))
    }

    /// Desktops in a cluster.
    pub fn instances_of(&self, cluster_id: &str) -> impl Iterator<Item = &Instance> {
        self.instances
            .values()
            .filter(move |instance| instance.cluster_id == cluster_id)
    }
}

impl Image {
    /// Percentage made at a moment.
    #[must_use]
    pub fn progress(&self, now: u64) -> u64 {
        let (from, to) = self.making;
        match self.status.as_str() {
            "Creating" if to > from => (now.saturating_sub(from) * 100 / (to - from)).min(99),
            "Creating" => 0,
            _ => 100,
        }
    }
}

/// Whether an instance type has a GPU.
pub(crate) fn has_gpu(instance_type: &str) -> bool {
    ["ecs.gn", "ecs.vgn", "ecs.ga"]
        .iter()
        .any(|family| instance_type.starts_with(family))
        || instance_type.contains(".gn")
}
