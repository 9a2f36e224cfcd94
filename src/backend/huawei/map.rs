//! The vendor's rows in the words of [`crate::backend::model`].

use super::paging::Row;
use crate::api::desktop::DesktopState;
use crate::backend::decode::{Fields, Odd};
use crate::backend::model::{
    ClusterState, Flavor, ImageState, Login, NetworkPart, ObservedCluster, ObservedDesktop, ObservedImage, ObservedUser,
};
use crate::backend::naming;

type Result<T> = std::result::Result<T, Odd>;

fn required(fields: Fields<'_>, id: &'static str) -> Result<String> {
    fields.id(id)?.ok_or(Odd::missing(id))
}

/// The tenant as a cluster. Its id is the project's, which is the same before, during and after every state.
pub(super) fn tenant(fields: Fields<'_>, project: &str) -> Result<ObservedCluster> {
    let vendor_state = fields.text("status")?.ok_or(Odd::missing("status"))?;
    let state = match vendor_state.as_str() {
        "PREPARING" | "SUBSCRIBING" => ClusterState::Creating,
        "SUBSCRIBED" => ClusterState::Running,
        // Without a subscription nothing works until somebody buys one; while one ends there is nothing to wait for.
        "SUBSCRIPTION_FAILED"
        | "DEREGISTERING"
        | "DEREGISTRATION_FAILED"
        | "RECYCLING"
        | "RECYCLED"
        | "RECYCLE_FAILED"
        | "CLOSED" => ClusterState::Failed,
        _ => ClusterState::Unknown,
    };
    let subnets = fields.rows("subnet_ids", &["subnet_id"])?.unwrap_or_default();
    let subnets: Result<Vec<NetworkPart>> = subnets
        .into_iter()
        .map(|row| {
            Ok(NetworkPart {
                id: required(row, "subnet_id")?,
                ..NetworkPart::default()
            })
        })
        .collect();
    let domain = fields.object("ad_domains")?;
    Ok(ObservedCluster {
        id: project.to_owned(),
        name: fields.text("enterprise_id")?,
        vendor_state,
        state,
        vpc_id: fields.id("vpc_id")?,
        domain_name: domain.map(|domain| domain.text("domain_name")).transpose()?.flatten(),
        subnets: subnets?,
        ..ObservedCluster::default()
    })
}

impl Row for ObservedDesktop {
    const ROWS: &'static str = "desktops";
    const OWN: &'static [&'static str] = &["desktop_id"];

    fn read(fields: Fields<'_>) -> Result<Self> {
        let status = fields.text("status")?.unwrap_or_default();
        let task = fields.text("task_status")?.unwrap_or_default();
        let login = fields.text("login_status")?.unwrap_or_default();
        let frozen = fields.flag("is_freeze")?.unwrap_or_default();
        let name = fields.text("computer_name")?;
        let metadata = fields.object("metadata")?;
        let charge = match fields.object("product")? {
            Some(product) => product.text("charge_mode")?,
            None => None,
        };
        let addresses = fields.texts("ip_addresses")?;
        Ok(Self {
            id: required(fields, "desktop_id")?,
            marker: marker(fields, name.as_deref())?,
            name,
            state: desktop_state(&status, &task, &login, frozen),
            vendor_state: vendor_state(&status, &task, &login, frozen),
            in_use: (status.as_str(), login.as_str()) == ("ACTIVE", "CONNECTED"),
            flavor: fields.text("product_id")?,
            image_id: metadata.map(|data| data.id("metering.image_id")).transpose()?.flatten(),
            login: match (status.as_str(), login.as_str()) {
                (_, "CONNECTED") => Some(Login::Connected),
                // What was open is open again when it wakes up.
                ("HIBERNATED", _) | (_, "DISCONNECTED") => Some(Login::Disconnected),
                ("SHUTOFF", _) | (_, "REGISTERED" | "UNREGISTER") => Some(Login::Nobody),
                _ => None,
            },
            user_name: user(fields)?,
            private_address: fields.text("ipv4")?.or_else(|| addresses.into_iter().next()),
            // The two places where the vendor writes this mean the opposite of each other; the document's own field is
            // the product's.
            prepaid: match charge.as_deref() {
                Some("0") => Some(true),
                Some("1") => Some(false),
                _ => None,
            },
            created: fields.time("created")?,
            ..Self::default()
        })
    }

    fn id(&self) -> &str {
        &self.id
    }
}

/// The UID in our tag, or the beginning of it in the name.
fn marker(fields: Fields<'_>, name: Option<&str>) -> Result<Option<String>> {
    for tag in fields.rows("tags", &["key"])?.unwrap_or_default() {
        if tag.text("key")?.as_deref() == Some(naming::TAG) {
            let mark = naming::marker(&tag.text("value")?.unwrap_or_default());
            if mark.len() == 32 {
                return Ok(Some(mark));
            }
        }
    }
    Ok(name.and_then(naming::marker_in).map(str::to_owned))
}

/// The assigned user, in one of three places.
fn user(fields: Fields<'_>) -> Result<Option<String>> {
    if let Some(name) = fields.text("user_name")? {
        return Ok(Some(name));
    }
    let attached = fields.rows("attach_user_infos", &["user_name"])?.unwrap_or_default();
    if let Some(info) = attached.into_iter().next() {
        return info.text("user_name");
    }
    Ok(fields.texts("user_list")?.into_iter().next())
}

/// The vendor's own words, those that say something put together.
fn vendor_state(status: &str, task: &str, login: &str, frozen: bool) -> String {
    let login = if status == "ACTIVE" { login } else { "" };
    let frozen = if frozen { "frozen" } else { "" };
    let words: Vec<&str> = [status, task, login, frozen]
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect();
    words.join("/")
}

fn desktop_state(status: &str, task: &str, login: &str, frozen: bool) -> DesktopState {
    match task {
        "deleting" => return DesktopState::Deleting,
        "deleteFailed" => return DesktopState::Failed,
        _ if frozen => return DesktopState::Suspended,
        "" => {}
        "scheduling" | "block_device_mapping" | "networking" | "spawning" => return DesktopState::Creating,
        "powering-on" => return DesktopState::Starting,
        "powering-off" => return DesktopState::Stopping,
        "migrating" | "updating" | "desktopNetworkChanging" => return DesktopState::Restarting,
        task if ["reboot", "rebuild", "resize_"]
            .iter()
            .any(|kind| task.starts_with(kind)) =>
        {
            return DesktopState::Restarting;
        }
        _ => return DesktopState::Unknown,
    }
    match (status, login) {
        ("ACTIVE", "REGISTERED" | "CONNECTED" | "DISCONNECTED") => DesktopState::Running,
        ("ACTIVE", "UNREGISTER" | "") => DesktopState::Unregistered,
        ("SHUTOFF" | "HIBERNATED", _) => DesktopState::Stopped,
        ("ERROR", _) => DesktopState::Failed,
        _ => DesktopState::Unknown,
    }
}

/// An image, and what else its listing tells that a desktop's creation must repeat.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub seen: ObservedImage,
    /// `gold` or `private`.
    pub kind: String,
    /// Whether desktops made from it run Linux, whose groups have other names.
    pub linux: bool,
}

impl Row for Image {
    const ROWS: &'static str = "images";
    const OWN: &'static [&'static str] = &["id"];
    const COUNTED: bool = false;

    fn read(fields: Fields<'_>) -> Result<Self> {
        let kind = fields.text("image_type")?.unwrap_or_default();
        let os_type = fields.text("os_type")?.unwrap_or_default();
        Ok(Self {
            seen: ObservedImage {
                id: required(fields, "id")?,
                name: fields.text("name")?,
                // Images have no status: what is listed can be used.
                vendor_state: "listed".to_owned(),
                state: ImageState::Available,
                progress: None,
                size_gib: fields.int("min_disk")?,
                custom: kind.eq_ignore_ascii_case("private"),
                created: fields.time("created_at")?,
                sites: Vec::new(),
            },
            linux: os_type.eq_ignore_ascii_case("linux"),
            kind,
        })
    }

    fn id(&self) -> &str {
        &self.seen.id
    }
}

impl Row for ObservedUser {
    const ROWS: &'static str = "users";
    const OWN: &'static [&'static str] = &["id"];

    fn read(fields: Fields<'_>) -> Result<Self> {
        let said = |name: &'static str| fields.flag(name).map(Option::unwrap_or_default);
        let bars = [
            ("disabled", said("disabled")?),
            ("locked", said("locked")?),
            ("expired", said("account_expired")?),
        ];
        let bar = bars.into_iter().find(|(_, barred)| *barred).map(|(word, _)| word);
        Ok(Self {
            id: Some(required(fields, "id")?),
            name: fields.text("user_name")?.ok_or(Odd::missing("user_name"))?,
            email: fields.text("user_email")?,
            remark: fields.text("description")?,
            vendor_state: bar.map(str::to_owned).or(fields.text("active_type")?),
            usable: bar.is_none(),
        })
    }

    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}

/// A product.
#[derive(Clone, Debug)]
pub(super) struct Product {
    pub flavor: Flavor,
    /// `normal`, `sellout` or `abandon`.
    pub status: String,
}

impl Row for Product {
    const ROWS: &'static str = "products";
    const OWN: &'static [&'static str] = &["product_id"];

    fn read(fields: Fields<'_>) -> Result<Self> {
        let status = fields.text("status")?.unwrap_or_else(|| "normal".to_owned());
        let gpu = fields.flag("is_gpu")?.unwrap_or_default();
        let words = fields.text("gpu_desc")?.or(fields.text("package_type")?);
        Ok(Self {
            flavor: Flavor {
                id: required(fields, "product_id")?,
                cpus: fields.int("cpu")?,
                // The document does not say so, but 4096 is what a product of 4 GB has.
                memory_gib: fields.int("memory")?.map(|megabytes| megabytes / 1024),
                gpu: gpu.then(|| words.unwrap_or_else(|| "yes".to_owned())),
                price: None,
                available: match status.as_str() {
                    "normal" => Some(true),
                    "sellout" | "abandon" => Some(false),
                    _ => None,
                },
            },
            status,
        })
    }

    fn id(&self) -> &str {
        &self.flavor.id
    }
}

/// A zone, and the products that are sold out in it.
pub(super) type Zone = (String, Vec<String>);

pub(super) fn zones(fields: Fields<'_>) -> Result<Vec<Zone>> {
    const ROWS: &str = "availability_zones";
    let rows = fields.rows(ROWS, &["availability_zone"])?.ok_or(Odd::missing(ROWS))?;
    rows.into_iter()
        .map(|row| {
            let sold_out = match row.object("sold_out")? {
                Some(sold_out) => sold_out.texts("products")?,
                None => Vec::new(),
            };
            Ok((required(row, "availability_zone")?, sold_out))
        })
        .collect()
}

/// How many more of a resource the tenant may have; `None` when the vendor does not say.
pub(super) fn room(fields: Fields<'_>, resource: &str) -> Result<Option<i64>> {
    let Some(quotas) = fields.object("quotas")? else {
        return Ok(None);
    };
    for row in quotas.rows("resources", &["type"])?.unwrap_or_default() {
        if row.text("type")?.as_deref() == Some(resource) {
            let (quota, used) = (row.int("quota")?, row.int("used")?);
            return Ok(quota.zip(used).map(|(quota, used)| quota.saturating_sub(used)));
        }
    }
    Ok(None)
}

/// The desktop of an answer about one: an object, although the document's example shows a list.
pub(super) fn one_desktop(fields: Fields<'_>) -> Result<Detail> {
    let rows = fields
        .rows("desktop", ObservedDesktop::OWN)?
        .ok_or(Odd::missing("desktop"))?;
    let row = rows.into_iter().next().ok_or(Odd::missing("desktop"))?;
    let os_type = match row.object("metadata")? {
        Some(metadata) => metadata.text("os_type")?,
        None => None,
    };
    Ok(Detail {
        desktop: ObservedDesktop::read(row)?,
        linux: os_type.is_some_and(|os_type| os_type.eq_ignore_ascii_case("linux")),
    })
}

/// A desktop, and whether it runs Linux.
#[derive(Clone, Debug)]
pub(super) struct Detail {
    pub desktop: ObservedDesktop,
    pub linux: bool,
}
