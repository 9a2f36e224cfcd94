//! The vendor's rows in the words of [`crate::backend::model`].

use serde_json::{Map, Value};

use crate::api::desktop::DesktopState;
use crate::backend::decode::{Fields, Odd};
use crate::backend::model::{
    ClusterState, DirectoryState, Flavor, ImageState, ObservedCluster, ObservedDesktop, ObservedImage, ObservedUser,
};
use crate::backend::naming;
use crate::backend::rpc::paging::{Names, Row};

type Result<T> = std::result::Result<T, Odd>;

/// What this product calls the parts of a page.
const PAGES: Names = Names {
    total: "Total",
    number: "Page",
    size: "PageSize",
};

fn required(fields: Fields<'_>, id: &'static str) -> Result<String> {
    fields.id(id)?.ok_or(Odd::missing(id))
}

/// The configuration of an account, which is its only cluster.
pub(super) struct Owner {
    pub(super) cluster: Option<ObservedCluster>,
    pub(super) vpc_id: Option<String>,
    pub(super) directory: DirectoryState,
}

pub(super) fn owner(fields: Fields<'_>) -> Result<Owner> {
    let vendor_state = fields.text("Status")?.ok_or(Odd::missing("Status"))?;
    let state = match vendor_state.to_ascii_lowercase().as_str() {
        "active" => ClusterState::Running,
        "config" => ClusterState::Creating,
        _ => ClusterState::Unknown,
    };
    let vpc_id = fields.id("OwnerVpcId")?;
    if vpc_id.is_none() && state == ClusterState::Running {
        return Err(Odd::missing("OwnerVpcId"));
    }
    let domain_name = fields.text("DomainName")?;
    let cluster = match &vpc_id {
        None => None,
        Some(id) => Some(ObservedCluster {
            id: id.clone(),
            name: fields.text("CompanyCode")?,
            vendor_state,
            state,
            vpc_id: vpc_id.clone(),
            domain_name: domain_name.clone(),
            ..ObservedCluster::default()
        }),
    };
    Ok(Owner {
        cluster,
        vpc_id,
        directory: DirectoryState {
            // It is linked in the vendor's console, and by no call.
            supported: Some(false),
            domain_name,
            dns_ip: fields.text("DnsIp")?,
        },
    })
}

/// Regions in which desktops are sold, sorted. The document declares a string and describes a list: a list inside a
/// string is read as well.
pub(super) fn regions(fields: Fields<'_>) -> Result<Vec<String>> {
    const LIST: &str = "Regions";
    let ids = |fields: Fields<'_>| -> Result<Vec<String>> {
        let rows = fields.rows(LIST, &["RegionId"])?.ok_or(Odd::missing(LIST))?;
        let mut ids = rows
            .into_iter()
            .map(|row| required(row, "RegionId"))
            .collect::<Result<Vec<_>>>()?;
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    };
    match fields.raw(LIST) {
        Ok(Some(text)) => {
            let inner: Value = serde_json::from_str(&text).map_err(|_| Odd::missing(LIST))?;
            ids(Fields::new(&Map::from_iter([(LIST.to_owned(), inner)])))
        }
        _ => ids(fields),
    }
}

/// What desktops can be made in, sorted. The document has the fields of one type and no name for a list of them.
pub(super) fn flavors(fields: Fields<'_>) -> Result<Vec<Flavor>> {
    const ID: &str = "TypeItemId";
    let rows = match fields.id(ID) {
        Ok(Some(_)) => vec![fields],
        _ => fields.rows_having(ID).ok_or(Odd::missing(ID))?,
    };
    let mut flavors = rows.into_iter().map(flavor).collect::<Result<Vec<_>>>()?;
    flavors.sort_unstable();
    flavors.dedup();
    Ok(flavors)
}

fn flavor(fields: Fields<'_>) -> Result<Flavor> {
    let count = fields.int("Gpu")?.unwrap_or_default();
    let gpu = match (count, fields.text("GpuSpec")?) {
        (..=0, None) => None,
        (..=1, Some(spec)) => Some(spec),
        (count, Some(spec)) => Some(format!("{count} x {spec}")),
        (count, None) => Some(count.to_string()),
    };
    Ok(Flavor {
        id: required(fields, "TypeItemId")?,
        cpus: fields.int("Cpu")?,
        memory_gib: fields.int("Memory")?,
        gpu,
        ..Flavor::default()
    })
}

/// Whether there is a desktop of the type asked for.
pub(super) fn available(fields: Fields<'_>) -> Result<bool> {
    fields.flag("Available")?.ok_or(Odd::missing("Available"))
}

/// Users of the directory. There is no total beside them: no list at all is not an empty one.
pub(super) fn users(fields: Fields<'_>) -> Result<Vec<ObservedUser>> {
    let rows = fields.rows("Users", &["Name"])?.ok_or(Odd::missing("Users"))?;
    rows.into_iter().map(user).collect()
}

fn user(fields: Fields<'_>) -> Result<ObservedUser> {
    let email = fields.text("Email")?;
    Ok(ObservedUser {
        name: fields.text("Name")?.ok_or(Odd::missing("Name"))?,
        usable: email.is_some(),
        email,
        ..ObservedUser::default()
    })
}

/// Whether a creation made the user it was asked for.
pub(super) fn created_user(fields: Fields<'_>, name: &str) -> Result<()> {
    const ROW: &str = "UserInfo";
    let rows = fields.rows(ROW, &["Name"])?.ok_or(Odd::missing(ROW))?;
    let made = rows.into_iter().map(user).collect::<Result<Vec<_>>>()?;
    match made.as_slice() {
        [user] if user.name.to_lowercase() == name.to_lowercase() => Ok(()),
        _ => Err(Odd::missing(ROW)),
    }
}

/// A desktop.
pub(super) struct Desktop(pub(super) ObservedDesktop);

impl Row for Desktop {
    const ACTION: &'static str = "DescribeDesktops";
    const ROWS: &'static str = "Desktops";
    const OWN: &'static [&'static str] = &["DesktopId"];
    const PAGES: Names = PAGES;

    fn read(fields: Fields<'_>) -> Result<Option<Self>> {
        let vendor_state = fields.text("Status")?.unwrap_or_default();
        let name = fields.text("DesktopName")?;
        let charge = fields.text("DesktopChargeType")?.map(|c| c.to_ascii_uppercase());
        let prepaid = match charge.as_deref() {
            Some("PREPAY" | "PREPAID") => Some(true),
            Some("POSTPAY" | "POSTPAID") => Some(false),
            _ => None,
        };
        Ok(Some(Self(ObservedDesktop {
            id: required(fields, "DesktopId")?,
            marker: name.as_deref().and_then(naming::marker_in).map(str::to_owned),
            name,
            state: desktop_state(&vendor_state),
            vendor_state,
            flavor: fields.text("TypeItemId")?,
            image_id: fields.text("ImageId")?,
            user_name: fields.text("UserName")?,
            private_address: fields.text("DesktopIp")?,
            prepaid,
            // The date beside what is paid by use says nothing.
            expires: fields.time("ExpiredDate")?.filter(|_| prepaid != Some(false)),
            created: fields.time("CreateDate")?,
            ..ObservedDesktop::default()
        })))
    }

    fn id(&self) -> &str {
        &self.0.id
    }
}

/// No document has the states of a desktop: these are the words of the vendor's sister products. Any other is shown as
/// it is, and nothing is done because of it.
fn desktop_state(vendor_state: &str) -> DesktopState {
    match vendor_state.to_ascii_lowercase().as_str() {
        "creating" | "pending" | "initializing" => DesktopState::Creating,
        "starting" => DesktopState::Starting,
        "running" | "active" | "registered" => DesktopState::Running,
        "unregistered" => DesktopState::Unregistered,
        "stopping" => DesktopState::Stopping,
        "stopped" => DesktopState::Stopped,
        "rebooting" | "restarting" | "rebuilding" | "replacing" => DesktopState::Restarting,
        "expired" | "suspended" | "locked" | "indebt" => DesktopState::Suspended,
        "deleting" | "releasing" => DesktopState::Deleting,
        "error" | "failed" | "createfailed" => DesktopState::Failed,
        _ => DesktopState::Unknown,
    }
}

/// An image. Whether it is the account's own is not said by its row, but by the listing it stands in.
pub(super) struct Image(pub(super) ObservedImage);

impl Row for Image {
    const ACTION: &'static str = "DescribeImages";
    const ROWS: &'static str = "Images";
    const OWN: &'static [&'static str] = &["ImageId"];
    const PAGES: Names = PAGES;

    fn read(fields: Fields<'_>) -> Result<Option<Self>> {
        let vendor_state = fields.text("Status")?.unwrap_or_default();
        let progress = fields.percent("Process")?;
        Ok(Some(Self(ObservedImage {
            id: required(fields, "ImageId")?,
            name: fields.text("ImageName")?,
            state: image_state(&vendor_state, progress),
            vendor_state,
            progress,
            size_gib: None,
            custom: false,
            created: fields.time("CreationTime")?,
            sites: Vec::new(),
        })))
    }

    fn id(&self) -> &str {
        &self.0.id
    }
}

/// The document leaves the words for an image's state blank, so that its progress decides where the word does not.
fn image_state(vendor_state: &str, progress: Option<u8>) -> ImageState {
    let word = vendor_state.to_ascii_lowercase();
    match (word.as_str(), progress) {
        (word, _) if word.contains("fail") || word.contains("error") => ImageState::Failed,
        ("unavailable" | "deleting" | "deprecated", _) => ImageState::Unavailable,
        ("missing" | "deleted", _) => ImageState::Missing,
        ("creating" | "pending" | "waiting", _) | (_, Some(..100)) => ImageState::Creating,
        ("available" | "active" | "normal", _) | (_, Some(100)) => ImageState::Available,
        _ => ImageState::Unknown,
    }
}
