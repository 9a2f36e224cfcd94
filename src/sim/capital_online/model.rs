//! The objects of gcw.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Edition of the vendor's document that the simulator follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Edition {
    /// Thirty actions; networks have gateways, and a desktop names one.
    #[default]
    #[serde(rename = "2022")]
    Y2022,
    /// Three actions more; networks have a line instead of gateways, desktops may have a disk of their own.
    #[serde(rename = "2023")]
    Y2023,
}

impl FromStr for Edition {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "2022" => Ok(Self::Y2022),
            "2023" => Ok(Self::Y2023),
            _ => Err("want 2022 or 2023"),
        }
    }
}

/// Everything of gcw, over all accounts.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CapitalOnline {
    /// Edition that is served.
    pub edition: Edition,
    /// Sites.
    pub sites: Vec<Site>,
    /// Lines; every site has all of them.
    pub lines: Vec<Line>,
    /// Products.
    pub products: Vec<Product>,
    /// Images by id.
    pub images: BTreeMap<String, Image>,
    /// Networks by id.
    pub nets: BTreeMap<String, Net>,
    /// Desktops by id.
    pub vms: BTreeMap<String, Vm>,
    /// Sub-accounts by id.
    pub sub_accounts: BTreeMap<String, SubAccount>,
    /// Products without stock.
    pub out_of_stock: BTreeSet<String>,
    /// Billing cycles, `minute` and `month`, whose quota is used up.
    pub used_up: BTreeSet<String>,
    /// Tasks that will fail: action and reason. Each entry is for one task.
    pub failing: Vec<(String, String)>,
    #[serde(skip)]
    pub(crate) tasks: BTreeMap<String, Task>,
    #[serde(skip)]
    pub(super) last: u64,
}

/// A site.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Site {
    /// Vendor id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Name among the vendor's engineers.
    pub pod: String,
    /// Id of its city, which owns the networks.
    pub city_id: String,
    /// Name of its city.
    pub city: String,
}

/// A line to the Internet.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The vendor's number, `conf_id`.
    pub id: i64,
    /// Whose line it is.
    pub name: String,
}

/// A product.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// Vendor id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Sites that offer it.
    pub sites: Vec<String>,
    /// Processors.
    pub cpu_cores: i64,
    /// Memory in GiB.
    pub memory: i64,
    /// GPU.
    pub gpu_model: String,
    /// Memory of the GPU in GiB.
    pub gpu_ram: i64,
    /// System disk in GiB.
    pub disk: i64,
    /// Number by which prices are asked for.
    pub goods_id: i64,
    /// Price of a minute.
    pub per_minute: f64,
    /// Price of a month.
    pub per_month: f64,
    /// Whether it may have a disk of its own.
    pub allows_ssd: bool,
}

/// An image.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Vendor id.
    pub id: String,
    /// Account; none for the vendor's own.
    pub account: Option<String>,
    /// Name.
    pub name: String,
    /// Size in GiB.
    pub size: f64,
    /// Products it is for.
    pub products: Vec<String>,
    /// State by site.
    pub sites: BTreeMap<String, String>,
}

/// A network.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Net {
    /// Vendor id, `vpcId`.
    pub id: String,
    /// Account.
    pub account: String,
    /// Site.
    pub site_id: String,
    /// Name.
    pub name: String,
    /// Made by the account's owner elsewhere, not by `CreateDefaultNet`.
    pub custom: bool,
    /// Line of the whole network; only in the edition of 2023.
    pub line: Option<i64>,
    /// Subnets.
    pub subnets: Vec<Subnet>,
    /// Gateways to the lines; only in the edition of 2022.
    pub gateways: Vec<Subnet>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed last.
    pub updated: Timestamp,
    pub(crate) number: u64,
    pub(crate) visible_from: u64,
    #[serde(skip)]
    pub(crate) steps: VecDeque<(u64, NetStep)>,
}

/// A subnet, or the subnet behind a gateway.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Subnet {
    /// Vendor id.
    pub id: String,
    /// Name.
    pub name: String,
    /// The vendor's word for its state.
    pub status: String,
    /// Third number of its addresses' first half.
    pub block: u8,
    /// VLAN.
    pub vlan: u64,
    /// Line of a gateway.
    pub line: Option<i64>,
}

/// A state change of a network to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetStep {
    /// Everything it lacks is there and works.
    Whole,
    /// Its parts are broken.
    Broken,
}

/// A desktop.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Vm {
    /// Vendor id.
    pub id: String,
    /// Account.
    pub account: String,
    /// Name.
    pub name: String,
    /// The vendor's word for its state.
    pub status: String,
    /// Site.
    pub site_id: String,
    /// Product.
    pub product_id: String,
    /// Image on its disk. No call tells it.
    pub image_id: String,
    /// How often its disk was wiped since it was made.
    pub wipes: u32,
    /// Network.
    pub vpc_id: String,
    /// Subnet.
    pub subnet_id: String,
    /// Line it reaches the Internet by.
    pub line: i64,
    /// Bandwidth in Mbit/s.
    pub bandwidth: i64,
    /// Disk of its own: size in GiB. None for the product's local disk.
    pub ssd: Option<i64>,
    /// When it ends, if paid by the month.
    pub expires: Option<Timestamp>,
    /// Whether it renews itself.
    pub auto_renew: bool,
    /// Label.
    pub label: String,
    /// Sub-account bound to it.
    pub user: Option<String>,
    /// Whether orders for it fail.
    pub refuses_orders: bool,
    /// When it was made.
    pub created: Timestamp,
    pub(crate) number: u64,
    pub(crate) visible_from: u64,
    #[serde(skip)]
    pub(crate) steps: VecDeque<(u64, Step)>,
}

/// A state change of a desktop to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A new status.
    Status(String),
    /// Another image on the disk, and a new status.
    Image(String, String),
    /// No user any more.
    Unbound,
    /// The desktop is gone.
    Gone,
}

/// `Step::Status`.
pub(crate) fn becomes(status: &str) -> Step {
    Step::Status(status.to_owned())
}

/// A sub-account: a person.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubAccount {
    /// Vendor id.
    pub id: String,
    /// Account.
    pub account: String,
    /// Name.
    pub name: String,
    /// E-mail address, by which it is changed.
    pub email: String,
    /// Remark.
    pub remark: String,
    /// The vendor's word for its state.
    pub status: String,
    #[serde(skip)]
    pub(crate) password: String,
    pub(crate) number: u64,
    pub(crate) visible_from: u64,
    pub(crate) ready_at: Option<u64>,
}

/// A task.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// Account.
    pub account: String,
    /// The request that began it: it must be named to ask for the task.
    pub request_id: String,
    /// When it ends; `None` never.
    pub due: Option<u64>,
    /// Whether it has ended.
    pub ended: bool,
    /// Why it fails, if it does.
    pub failure: Option<String>,
}

impl CapitalOnline {
    /// A number never given before. Not the world's: what exists from the beginning must not shift other vendors' ids.
    pub(crate) const fn serial(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The desktop of this id, or of this name.
    #[must_use]
    pub fn vm(&self, id_or_name: &str) -> Option<&Vm> {
        self.vms
            .get(id_or_name)
            .or_else(|| self.vms.values().find(|vm| vm.name == id_or_name))
    }

    /// The network of this id, or of this name.
    #[must_use]
    pub fn net(&self, id_or_name: &str) -> Option<&Net> {
        self.nets
            .get(id_or_name)
            .or_else(|| self.nets.values().find(|net| net.name == id_or_name))
    }

    /// The sub-account of this id, or of this e-mail address.
    #[must_use]
    pub fn sub_account(&self, id_or_email: &str) -> Option<&SubAccount> {
        self.sub_accounts
            .get(id_or_email)
            .or_else(|| self.sub_accounts.values().find(|user| user.email == id_or_email))
    }

    pub(crate) fn site(&self, id: &str) -> Option<&Site> {
        self.sites.iter().find(|site| site.id == id)
    }

    pub(crate) fn line(&self, id: i64) -> Option<&Line> {
        self.lines.iter().find(|line| line.id == id)
    }

    /// The product of this id at a site.
    pub(crate) fn product_at(&self, id: &str, site: &str) -> Option<&Product> {
        self.products
            .iter()
            .find(|product| product.id == id && product.sites.iter().any(|at| at == site))
    }
}

impl Vm {
    /// Whether it is paid by the month.
    #[must_use]
    pub const fn monthly(&self) -> bool {
        self.expires.is_some()
    }
}

impl Net {
    /// Whether nothing is missing and everything works.
    #[must_use]
    pub fn whole(&self) -> bool {
        let parts = || self.subnets.iter().chain(&self.gateways);
        let complete = !self.subnets.is_empty() && (self.line.is_some() || !self.gateways.is_empty());
        complete && parts().all(|part| part.status == "ok")
    }
}
