//! The vendor's rows in the words of [`crate::backend::model`].

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use crate::api::desktop::DesktopState;
use crate::backend::decode::{Fields, Odd, timestamp};
use crate::backend::model::{
    ClusterState, Flavor, ImageAtSite, ImageState, Line, NetworkPart, ObservedCluster, ObservedDesktop, ObservedImage,
    ObservedUser,
};
use crate::backend::naming;

type Result<T> = std::result::Result<T, Odd>;

/// What does not end ends on 2098-12-31.
const NEVER: i16 = 2098;

pub(super) const DATA: &str = "Data";

fn required(fields: Fields<'_>, name: &'static str) -> Result<String> {
    fields.id(name)?.ok_or(Odd::missing(name))
}

/// The one object of an answer.
pub(super) fn data(fields: Fields<'_>) -> Result<Fields<'_>> {
    some_data(fields)?.ok_or(Odd::missing(DATA))
}

/// The object of an answer, if it holds anything.
pub(super) fn some_data(fields: Fields<'_>) -> Result<Option<Fields<'_>>> {
    Ok(fields.object(DATA)?.filter(|data| !data.is_empty()))
}

/// The list of an answer, which must be there, empty or not.
pub(super) fn list(fields: Fields<'_>) -> Result<Vec<Fields<'_>>> {
    fields.array(DATA)?.ok_or(Odd::missing(DATA))
}

/// Also with an offset without a colon.
fn time(fields: Fields<'_>, name: &'static str) -> Result<Option<Timestamp>> {
    let Some(text) = fields.raw(name)? else {
        return Ok(None);
    };
    let with_offset = || {
        strtime::parse("%Y-%m-%dT%H:%M:%S%.f%z", &text)
            .ok()?
            .to_timestamp()
            .ok()
    };
    Ok(timestamp(&text).or_else(with_offset))
}

/// The address behind `line:` or `vlan1704:`.
fn address(fields: Fields<'_>, name: &'static str) -> Result<Option<String>> {
    Ok(fields.text(name)?.map(|text| match text.split_once(':') {
        Some((_, address)) if address.parse::<IpAddr>().is_ok() => address.to_owned(),
        _ => text,
    }))
}

/// Ids of desktops; no list is an error, for it would make all of them vanish.
pub(super) fn vm_ids(fields: Fields<'_>) -> Result<Vec<String>> {
    let mut ids = data(fields)?.ids("vmIds")?.ok_or(Odd::missing("vmIds"))?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// One desktop. The answer holds neither its id nor its image.
pub(super) fn desktop(id: &str, fields: Fields<'_>) -> Result<Option<ObservedDesktop>> {
    let row = data(fields)?;
    let vendor_state = row.text("status")?.ok_or(Odd::missing("status"))?;
    let Some(state) = desktop_state(&vendor_state) else {
        return Ok(None);
    };
    let prepaid = row.flag("billMethod")?;
    let expires = time(row, "expireTime")?.filter(|end| end.to_zoned(TimeZone::UTC).year() < NEVER);
    let name = row.text("vmName")?;
    Ok(Some(ObservedDesktop {
        id: id.to_owned(),
        cluster_id: row.id("vpcId")?,
        marker: name.as_deref().and_then(naming::marker_in).map(str::to_owned),
        name,
        vendor_state,
        state,
        flavor: row.id("productId")?,
        user_name: row.text("accountName")?,
        user_email: row.text("accountEmail")?,
        label: row.text("label")?,
        private_address: address(row, "privateIp")?,
        public_address: address(row, "eip")?,
        prepaid,
        expires: expires.filter(|_| prepaid != Some(false)),
        ..ObservedDesktop::default()
    }))
}

/// What a state means; none for that of a desktop that is gone, though it can still be asked for.
fn desktop_state(vendor_state: &str) -> Option<DesktopState> {
    Some(match vendor_state.to_ascii_lowercase().as_str() {
        "deleted" | "logicaldeleted" | "destroy" => return None,
        "configuring" => DesktopState::Creating,
        "starting" => DesktopState::Starting,
        "using" => DesktopState::Running,
        "rebooting" => DesktopState::Restarting,
        // The vendor has one p and one e too many.
        "stoping" | "stopping" => DesktopState::Stopping,
        "stop" | "stopped" => DesktopState::Stopped,
        "deleteing" | "deleting" | "destroying" => DesktopState::Deleting,
        "asneedexpiring" | "asneedexpired" | "asmonthexpiring" | "asmonthexpired" => DesktopState::Suspended,
        "neterr" => DesktopState::Unregistered,
        "error" | "invisibleerror" => DesktopState::Failed,
        // Among them dataMoving: what is being moved is left alone.
        _ => DesktopState::Unknown,
    })
}

/// A row of what ends soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expiring {
    /// Name; the answer has no id.
    pub(super) name: String,
    pub(super) vendor_state: Option<String>,
    pub(super) expires: Option<Timestamp>,
}

pub(super) fn expiring(fields: Fields<'_>) -> Result<Vec<Expiring>> {
    let rows = list(fields)?.into_iter().map(|row| {
        let name = row.text("vmName")?;
        let (vendor_state, expires) = (row.text("status")?, time(row, "expireTime")?);
        Ok(name.map(|name| Expiring {
            name,
            vendor_state,
            expires,
        }))
    });
    rows.filter_map(Result::transpose).collect()
}

/// A network with what its gateways are called at creation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Network {
    pub(super) cluster: ObservedCluster,
    pub(super) gateways: Vec<Gateway>,
    /// Line of the whole network, in the newer edition.
    pub(super) line: Option<String>,
}

/// A gateway of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gateway {
    pub(super) id: String,
    /// Its line, `conf_id`.
    pub(super) line: String,
    pub(super) usable: bool,
}

/// The default network of a site, if there is one.
pub(super) fn default_network(fields: Fields<'_>) -> Result<Option<Network>> {
    match some_data(fields)? {
        None => Ok(None),
        Some(row) => network(row, true).map(Some),
    }
}

pub(super) fn custom_networks(fields: Fields<'_>) -> Result<Vec<Network>> {
    let rows = fields.array(DATA)?.unwrap_or_default();
    rows.into_iter().map(|row| network(row, false)).collect()
}

fn network(row: Fields<'_>, default_network: bool) -> Result<Network> {
    let id = required(row, "vpcId")?;
    let line = row.id("bandwidth_conf_id")?;
    let subnets = row.array("subnets")?.unwrap_or_default();
    let mut subnets: Vec<NetworkPart> = subnets.into_iter().map(part).collect::<Result<_>>()?;
    let mut rows = Vec::new();
    // The table of the document has a capital letter that its examples lack.
    for name in ["vgateways", "vGateways"] {
        rows.extend(row.array(name)?.unwrap_or_default());
    }
    let (mut gateways, mut shown) = (Vec::new(), Vec::new());
    for row in rows {
        let mut part = part(row)?;
        part.name = row.text("conf_name")?.or(part.name);
        gateways.push(Gateway {
            id: part.id.clone(),
            line: required(row, "conf_id")?,
            usable: usable(&part),
        });
        shown.push(part);
    }
    // What is deleted is not there.
    let alive = |part: &NetworkPart| part.state.as_deref() != Some("deleted");
    subnets.retain(alive);
    shown.retain(alive);
    let (state, word) = worst(subnets.iter().chain(&shown));
    let missing = subnets.is_empty() || (shown.is_empty() && line.is_none());
    // The vendor can supply what a default network lacks, and what is broken of it.
    let incomplete = match state {
        ClusterState::Running => missing,
        ClusterState::Failed => default_network,
        _ => false,
    };
    let vendor_state = if missing && state == ClusterState::Running {
        "incomplete".to_owned()
    } else {
        word.to_owned()
    };
    let state = if incomplete { ClusterState::Running } else { state };
    Ok(Network {
        cluster: ObservedCluster {
            vpc_id: Some(id.clone()),
            id,
            name: row.text("vpcName")?,
            incomplete,
            vendor_state,
            state,
            created: time(row, "createTime")?,
            default_network,
            subnets,
            gateways: shown,
            ..ObservedCluster::default()
        },
        gateways,
        line,
    })
}

fn part(row: Fields<'_>) -> Result<NetworkPart> {
    Ok(NetworkPart {
        id: required(row, "id")?,
        name: row.text("name")?,
        state: row.text("status")?,
    })
}

/// Whether desktops can be attached to it.
pub(super) fn usable(part: &NetworkPart) -> bool {
    part.state.as_deref() == Some("ok")
}

/// A network is as its worst part is.
fn worst<'a>(parts: impl Iterator<Item = &'a NetworkPart>) -> (ClusterState, &'a str) {
    let rank = |state: ClusterState| match state {
        ClusterState::Running => 0,
        ClusterState::Creating => 1,
        ClusterState::Unknown => 2,
        _ => 3,
    };
    let words = parts.map(|part| part.state.as_deref().unwrap_or_default());
    let states = words.map(|word| (network_state(word), word));
    let worst = states.max_by_key(|(state, _)| rank(*state));
    worst.unwrap_or((ClusterState::Running, "ok"))
}

/// What a part's state means. Whether those that are being switched off or deleted come back, nobody says.
fn network_state(word: &str) -> ClusterState {
    match word.to_ascii_lowercase().as_str() {
        "ok" => ClusterState::Running,
        "creating" | "updating" | "starting" => ClusterState::Creating,
        // The vendor has one r too few.
        "erro" | "error" => ClusterState::Failed,
        _ => ClusterState::Unknown,
    }
}

/// A product, as the catalog shows it and as creation and prices need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Product {
    pub(super) flavor: Flavor,
    /// Number by which prices are asked for.
    pub(super) goods_id: Option<String>,
    pub(super) disk_gib: Option<i64>,
    pub(super) allows_local: bool,
    pub(super) allows_ssd: bool,
}

/// Products of a site. One that comes for another site, because the filter was ignored, is left out.
pub(super) fn products(site: &str, fields: Fields<'_>) -> Result<Vec<Product>> {
    let mut products = Vec::new();
    for row in list(fields)? {
        if row.id("siteId")?.is_some_and(|at| at != site) {
            continue;
        }
        let gpu = row.text("gpuModel")?;
        let ram = row.int("gpuRam")?.filter(|ram| *ram > 0);
        let price = |name, per: &str| Ok(row.raw(name)?.map(|price| format!("{price} per {per}")));
        let prices = [price("requirePrice", "minute")?, price("monthPrice", "month")?];
        let prices: Vec<String> = prices.into_iter().flatten().collect();
        products.push(Product {
            flavor: Flavor {
                id: required(row, "productId")?,
                cpus: row.int("cpuCores")?,
                memory_gib: row.int("memorySize")?,
                gpu: gpu.map(|model| ram.map_or(model.clone(), |ram| format!("{model} {ram} GiB"))),
                price: (!prices.is_empty()).then(|| prices.join(", ")),
                available: None,
            },
            goods_id: row.id("goodsId")?,
            disk_gib: row.int("systemDiskSize")?,
            // What the older edition does not say is allowed as it was then.
            allows_local: row.flag("isAllowLocal")?.unwrap_or(true),
            allows_ssd: row.flag("isAllowSsd")?.unwrap_or(false),
        });
    }
    products.sort_by(|a, b| a.flavor.id.cmp(&b.flavor.id));
    products.dedup_by(|a, b| a.flavor.id == b.flavor.id);
    Ok(products)
}

/// Whether a site is among those listed.
pub(super) fn has_site(site: &str, fields: Fields<'_>) -> Result<bool> {
    for row in list(fields)? {
        if required(row, "siteId")? == site {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn lines(fields: Fields<'_>) -> Result<Vec<Line>> {
    let rows = list(fields)?.into_iter().map(|row| {
        Ok(Line {
            id: required(row, "conf_id")?,
            name: row.text("conf_name")?,
        })
    });
    rows.collect()
}

/// An image and the products it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) image: ObservedImage,
    pub(super) products: Vec<String>,
}

/// Images as they are at a site, each once.
pub(super) fn images(site: &str, fields: Fields<'_>) -> Result<Vec<Image>> {
    let mut images: Vec<Image> = Vec::new();
    for product in list(fields)? {
        let product_id = required(product, "productId")?;
        for (kind, custom) in [("publicImages", false), ("privateImages", true)] {
            for row in product.array(kind)?.unwrap_or_default() {
                let found = image(site, custom, row)?;
                match images.iter_mut().find(|known| known.image.id == found.id) {
                    Some(known) => known.products.push(product_id.clone()),
                    None => images.push(Image {
                        image: found,
                        products: vec![product_id.clone()],
                    }),
                }
            }
        }
    }
    images.sort_by(|a, b| a.image.id.cmp(&b.image.id));
    Ok(images)
}

fn image(site: &str, custom: bool, row: Fields<'_>) -> Result<ObservedImage> {
    let mut sites = Vec::new();
    for place in row.array("imageSites")?.unwrap_or_default() {
        let vendor_state = place.text("status")?.unwrap_or_default();
        sites.push(ImageAtSite {
            id: required(place, "siteId")?,
            usable: image_state(&vendor_state) == ImageState::Available,
            vendor_state,
        });
    }
    sites.sort_by(|a, b| a.id.cmp(&b.id));
    sites.dedup_by(|later, earlier| later.id == earlier.id);
    let here = sites.iter().find(|place| place.id == site);
    let vendor_state = here.map_or_else(|| NOT_HERE.to_owned(), |place| place.vendor_state.clone());
    let state = image_state(&vendor_state);
    // A fraction of a GiB needs a whole one; zero is what the vendor says when it does not know.
    let told = row.raw("imageSize")?.and_then(|text| text.parse::<f64>().ok());
    let whole = told.map(f64::ceil).filter(|gib| (1.0..1e6).contains(gib));
    #[allow(clippy::cast_possible_truncation, reason = "whole and in range, as just checked")]
    let size_gib = whole.map(|gib| gib as i64);
    Ok(ObservedImage {
        id: required(row, "imageId")?,
        name: row.text("imageName")?,
        vendor_state,
        state,
        progress: None,
        size_gib,
        custom,
        created: None,
        sites,
    })
}

/// The word for an image that is only at other sites.
const NOT_HERE: &str = "not at this site";

/// The state of an image at one site.
fn image_state(vendor_state: &str) -> ImageState {
    match vendor_state.to_ascii_lowercase().as_str() {
        "available" | "using" => ImageState::Available,
        "creating" | "synchronizing" => ImageState::Creating,
        "error" => ImageState::Failed,
        "deleting" => ImageState::Deleting,
        NOT_HERE => ImageState::Unavailable,
        "deleted" => ImageState::Missing,
        _ => ImageState::Unknown,
    }
}

/// Sub-accounts. The newer edition lists their passwords as well, which are not looked at.
pub(super) fn users(fields: Fields<'_>) -> Result<Vec<ObservedUser>> {
    let rows = list(fields)?.into_iter().map(|row| {
        let vendor_state = row.text("status")?;
        let email = row.text("email")?;
        Ok(ObservedUser {
            id: Some(required(row, "accountId")?),
            name: row.text("name")?.or_else(|| email.clone()).unwrap_or_default(),
            email,
            remark: row.text("remark")?,
            // The document's example has no state.
            usable: vendor_state
                .as_deref()
                .is_none_or(|word| word.eq_ignore_ascii_case("create")),
            vendor_state,
        })
    });
    rows.collect()
}
