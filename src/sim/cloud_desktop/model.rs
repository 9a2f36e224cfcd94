//! The objects of CloudDesktop.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::sim::clock::Clock;

/// Everything of CloudDesktop, over all accounts.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudDesktop {
    /// What belongs to an account as a whole, by account.
    pub tenants: BTreeMap<String, Tenant>,
    /// Desktops by id.
    pub desktops: BTreeMap<String, Desktop>,
    /// Images by id.
    pub images: BTreeMap<String, Image>,
    /// Orders, oldest first.
    pub orders: Vec<Order>,
    /// Types that a zone has none of: type and zone.
    pub out_of_stock: BTreeSet<(String, String)>,
    #[serde(skip)]
    pub(crate) tokens: BTreeMap<TokenKey, Remembered>,
}

/// What belongs to an account as a whole.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Its configuration.
    pub owner: Owner,
    /// Users of its directory by name.
    pub users: BTreeMap<String, User>,
    /// The directory answers.
    pub directory_up: bool,
    /// Users whom the directory will not make.
    pub unmakeable: BTreeSet<String>,
    /// It acts for others and must say for whom.
    pub reseller: bool,
    /// The calls that are not in the document are served.
    pub extended: bool,
}

/// The configuration of a tenant.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// `Active` or `Config`.
    pub status: String,
    /// `public` or `vpc`.
    pub ad_type: String,
    /// Domain; empty while no directory is set.
    pub domain_name: String,
    /// Network of all its desktops.
    pub vpc_id: String,
    /// Security group of all its desktops.
    pub security_group_id: String,
    /// Word by which its people are told from others' when they log on.
    pub company_code: String,
}

/// A user of the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Name.
    pub name: String,
    /// Where the vendor writes to; a user without one cannot be given a desktop.
    pub email: String,
}

/// A desktop.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Desktop {
    /// Vendor id.
    pub id: String,
    /// Account.
    pub account: String,
    /// Order it was bought with.
    pub order_id: String,
    /// Name.
    pub name: String,
    /// The vendor's word for its state.
    pub status: String,
    /// Type.
    pub type_item_id: String,
    /// `POSTPAY` or `PREPAY`.
    pub charge_type: String,
    /// Network.
    pub vpc_id: String,
    /// Zone.
    pub zone_id: String,
    /// Subnet.
    pub v_switch_id: String,
    /// Image.
    pub image_id: String,
    /// `private` or `default`.
    pub image_type: String,
    /// User.
    pub user_name: String,
    /// `Administrators` or `Users`.
    pub user_group: String,
    /// Address in its network.
    pub ip: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends, if paid in advance.
    pub expires: Option<Timestamp>,
    /// Its deletion has begun.
    pub deleting: bool,
    pub(crate) number: u64,
    pub(crate) visible_from: u64,
    #[serde(skip)]
    pub(crate) steps: VecDeque<(u64, Step)>,
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
    /// Description.
    pub description: String,
    /// Operating system.
    pub platform: String,
    /// Kind of desktops it fits, `common` or `gpu`.
    pub desktop_type: String,
    /// The vendor's word for its state. The document names none.
    pub status: String,
    /// Percentage made.
    pub progress: u8,
    /// When it was made.
    pub created: Timestamp,
}

/// An order: what was bought, or for how much longer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Vendor id.
    pub id: String,
    /// Account.
    pub account: String,
    /// Desktop it is about.
    pub desktop_id: String,
    /// Months paid in advance; none for what is paid by use.
    pub months: Option<i64>,
    /// The desktop was bought with it; otherwise it was renewed.
    pub purchase: bool,
}

/// A state change to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A new status.
    Status(String),
    /// The desktop is gone.
    Gone,
}

/// Account, action and token of a request.
pub(crate) type TokenKey = (String, String, String);

/// A request that carried a token, and what it was answered.
#[derive(Clone, Debug)]
pub(crate) struct Remembered {
    /// Its own parameters.
    pub params: BTreeMap<String, String>,
    /// Its answer.
    pub body: Map<String, Value>,
    /// Objects it was about.
    pub ids: Vec<String>,
    /// When it is forgotten, in milliseconds since the start.
    pub until: u64,
}

/// `Status`.
pub(crate) fn becomes(status: &str) -> Step {
    Step::Status(status.to_owned())
}

impl Default for Tenant {
    /// A tenant in working order with three users, one of whom nobody can write to.
    fn default() -> Self {
        let users = [
            ("alice", "alice@corp.example"),
            ("bob", "bob@corp.example"),
            ("nomail", ""),
        ]
        .map(|(name, email)| {
            let user = User {
                name: name.to_owned(),
                email: email.to_owned(),
            };
            (name.to_owned(), user)
        })
        .into();
        Self {
            owner: Owner {
                status: "Active".to_owned(),
                ad_type: "vpc".to_owned(),
                domain_name: "corp.example".to_owned(),
                vpc_id: "vpc-1".to_owned(),
                security_group_id: "sg-cloud-desktop".to_owned(),
                company_code: "corp".to_owned(),
            },
            users,
            directory_up: true,
            unmakeable: BTreeSet::new(),
            reseller: false,
            extended: true,
        }
    }
}

impl Tenant {
    /// The user of this name. Directories do not tell capital letters from small ones.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<&User> {
        let name = name.to_lowercase();
        self.users.values().find(|user| user.name.to_lowercase() == name)
    }
}

impl CloudDesktop {
    /// The vendor's own images and nothing else.
    pub(crate) fn seeded(clock: &Clock) -> Self {
        let images = [
            ("img-win2016", "windows-2016-common", "windows 2016", "common"),
            ("img-win2019", "windows-2019-common", "windows 2019", "common"),
            ("img-win2019gpu", "windows-2019-gpu", "windows 2019 GRID", "gpu"),
        ]
        .map(|(id, name, description, desktop_type)| {
            let image = Image {
                id: id.to_owned(),
                account: None,
                name: name.to_owned(),
                description: description.to_owned(),
                platform: "windows".to_owned(),
                desktop_type: desktop_type.to_owned(),
                status: "Available".to_owned(),
                progress: 100,
                created: clock.date(0),
            };
            (id.to_owned(), image)
        })
        .into();
        Self {
            images,
            ..Self::default()
        }
    }

    /// The tenant of an account; every account has one.
    pub(crate) fn tenant(&mut self, account: &str) -> &mut Tenant {
        self.tenants.entry(account.to_owned()).or_default()
    }

    /// The desktop of this id, or of this name.
    #[must_use]
    pub fn desktop(&self, id_or_name: &str) -> Option<&Desktop> {
        self.desktops
            .get(id_or_name)
            .or_else(|| self.desktops.values().find(|desktop| desktop.name == id_or_name))
    }

    /// The image of this id, or of this name.
    #[must_use]
    pub fn image(&self, id_or_name: &str) -> Option<&Image> {
        self.images
            .get(id_or_name)
            .or_else(|| self.images.values().find(|image| image.name == id_or_name))
    }
}
