//! The vendor's rows in the words of [`crate::backend::model`].

use jiff::Timestamp;

use crate::api::desktop::DesktopState;
use crate::backend::decode::{Fields, Odd, timestamp};
use crate::backend::model::{
    ClusterState, DirectoryState, ImageState, ObservedCluster, ObservedDesktop, ObservedImage, PolicyValues, Session,
};
use crate::backend::naming;
use crate::backend::rpc::paging::{Names, Row};

type Result<T> = std::result::Result<T, Odd>;

/// A desktop paid by use expires in 2099, which is to say never.
const NEVER: i16 = 2098;

/// A field of a policy: its name in the spec, its name on the wire, and its values in the words of both.
pub(super) type Field = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const SWITCH: &[(&str, &str)] = &[("false", "off"), ("true", "on")];

/// Fields of the session policy, sorted by their name in the spec. The directions of the clipboard follow the
/// document's wording, the local clipboard within the desktop: `read` lets the desktop read it.
pub(super) const POLICY: [Field; 5] = [
    (
        "clipboard",
        "Clipboard",
        &[
            ("Disabled", "off"),
            ("ClientToDesktop", "read"),
            ("DesktopToClient", "write"),
            ("Both", "readwrite"),
        ],
    ),
    (
        "localDrive",
        "LocalDrive",
        &[("Disabled", "off"), ("ReadOnly", "read"), ("ReadWrite", "readwrite")],
    ),
    ("udp", "UdpPort", SWITCH),
    ("usbRedirection", "UsbRedirect", SWITCH),
    ("watermark", "Watermark", SWITCH),
];

/// Fields of the display policy, in the same way.
const DISPLAY: [Field; 2] = [
    ("optimizeFor3d", "OptimizeFor3d", SWITCH),
    ("visualLossless", "VisualLossless", SWITCH),
];

/// What this product calls the parts of a page.
const PAGES: Names = Names {
    total: "TotalCount",
    number: "PageNumber",
    size: "PageSize",
};

fn required(fields: Fields<'_>, id: &'static str) -> Result<String> {
    fields.id(id)?.ok_or(Odd::missing(id))
}

impl Row for ObservedCluster {
    const ACTION: &'static str = "DescribeClusters";
    const ROWS: &'static str = "Clusters";
    const OWN: &'static [&'static str] = &[];
    const PAGES: Names = PAGES;

    fn read(fields: Fields<'_>) -> Result<Option<Self>> {
        let vendor_state = fields.text("Status")?.unwrap_or_default();
        let state = match vendor_state.to_ascii_lowercase().as_str() {
            "creating" | "starting" => ClusterState::Creating,
            "running" => ClusterState::Running,
            "indebt" => ClusterState::InDebt,
            "deleted" => ClusterState::Deleted,
            _ => ClusterState::Unknown,
        };
        Ok(Some(Self {
            id: required(fields, "ClusterId")?,
            name: fields.text("Name")?,
            vendor_state,
            state,
            vpc_id: fields.text("VpcId")?,
            desktops: fields.int("InstanceCount")?,
            domain_name: fields.text("DomainName")?,
            nat_id: fields.text("NatId")?,
            nat_eip: fields.text("NatEip")?,
            created: fields.time("CreateTime")?,
            ..Self::default()
        }))
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Row for ObservedDesktop {
    const ACTION: &'static str = "DescribeInstances";
    const ROWS: &'static str = "Instances";
    const OWN: &'static [&'static str] = &["AppList"];
    const PAGES: Names = PAGES;

    fn read(fields: Fields<'_>) -> Result<Option<Self>> {
        // The document's example lists the applications of a desktop as a desktop of their own.
        if fields.holds_only("AppList") {
            return Ok(None);
        }
        let vendor_state = fields.text("Status")?.unwrap_or_default();
        let user_uid = match fields.id("UserUid")? {
            Some(uid) => Some(uid),
            None => fields.id("UserId")?,
        };
        let name = fields.text("Name")?;
        let charge = fields.text("InstanceChargeType")?.map(|c| c.to_ascii_lowercase());
        Ok(Some(Self {
            id: required(fields, "InstanceId")?,
            cluster_id: fields.id("ClusterId")?,
            marker: name.as_deref().and_then(naming::marker_in).map(str::to_owned),
            name,
            state: desktop_state(&vendor_state),
            in_use: vendor_state.eq_ignore_ascii_case("InUse"),
            vendor_state,
            stopped_mode: fields.text("StoppedMode")?,
            flavor: fields.text("InstanceType")?,
            image_id: fields.text("ImageId")?,
            user_name: fields.text("UserName")?,
            user_uid,
            prepaid: match charge.as_deref() {
                Some("prepaid") => Some(true),
                Some("postpaid") => Some(false),
                _ => None,
            },
            expires: fields.time("ExpireTime")?.filter(|time| !is_never(*time)),
            created: fields.time("CreateTime")?,
            ..Self::default()
        }))
    }

    fn id(&self) -> &str {
        &self.id
    }
}

fn is_never(time: Timestamp) -> bool {
    time.to_zoned(jiff::tz::TimeZone::UTC).year() >= NEVER
}

fn desktop_state(vendor_state: &str) -> DesktopState {
    match vendor_state.to_ascii_lowercase().as_str() {
        "creating" | "initializing" => DesktopState::Creating,
        "starting" => DesktopState::Starting,
        "stopping" => DesktopState::Stopping,
        "stopped" => DesktopState::Stopped,
        "registered" | "inuse" => DesktopState::Running,
        "unregistered" => DesktopState::Unregistered,
        "cloning" => DesktopState::Imaging,
        "missing" => DesktopState::Missing,
        _ => DesktopState::Unknown,
    }
}

impl Row for ObservedImage {
    const ACTION: &'static str = "DescribeImages";
    const ROWS: &'static str = "Images";
    const OWN: &'static [&'static str] = &[];
    const PAGES: Names = PAGES;

    fn read(fields: Fields<'_>) -> Result<Option<Self>> {
        let vendor_state = fields.text("Status")?.unwrap_or_default();
        let state = match vendor_state.to_ascii_lowercase().as_str() {
            "creating" => ImageState::Creating,
            "available" => ImageState::Available,
            "unavailable" => ImageState::Unavailable,
            "createfailed" => ImageState::Failed,
            "missing" => ImageState::Missing,
            _ => ImageState::Unknown,
        };
        Ok(Some(Self {
            id: required(fields, "ImageId")?,
            name: fields.text("Name")?,
            vendor_state,
            state,
            progress: fields.percent("Progress")?,
            size_gib: fields.int("Size")?,
            custom: fields
                .text("ImageType")?
                .is_some_and(|t| t.eq_ignore_ascii_case("custom")),
            created: fields.time("CreateTime")?,
            sites: Vec::new(),
        }))
    }

    fn id(&self) -> &str {
        &self.id
    }
}

/// Reported values in the words of the spec. One without such a word stays as the vendor has it, so that it is seen to
/// differ; a field that is not reported is left out, and counts as not enforced.
fn values(fields: Fields<'_>, names: &[Field]) -> Result<PolicyValues> {
    let mut values = Vec::with_capacity(names.len());
    for (name, wire, words) in names {
        if let Some(value) = fields.text(wire)? {
            let known = words.iter().find(|(_, theirs)| theirs.eq_ignore_ascii_case(&value));
            values.push((*name, known.map_or(value, |(ours, _)| (*ours).to_owned())));
        }
    }
    Ok(PolicyValues(values))
}

pub(super) fn policy(fields: Fields<'_>) -> Result<PolicyValues> {
    values(fields, &POLICY)
}

pub(super) fn display_policy(fields: Fields<'_>) -> Result<PolicyValues> {
    let PolicyValues(mut values) = values(fields, &DISPLAY)?;
    for (_, value) in values.iter_mut().filter(|(_, value)| value.eq_ignore_ascii_case("n/a")) {
        "N/A".clone_into(value);
    }
    Ok(PolicyValues(values))
}

pub(super) fn directory(fields: Fields<'_>) -> Result<DirectoryState> {
    Ok(DirectoryState {
        supported: fields.flag("IsSupported")?,
        domain_name: fields.text("DomainName")?,
        dns_ip: fields.text("DomainDnsIp")?,
    })
}

pub(super) fn cluster_types(fields: Fields<'_>) -> Result<Vec<(String, String)>> {
    const ROWS: &str = "AvailableResources";
    let rows = fields.rows(ROWS, &[])?.ok_or(Odd::missing(ROWS))?;
    let mut types = Vec::with_capacity(rows.len());
    for row in rows {
        types.push((required(row, "Zone")?, required(row, "ClusterType")?));
    }
    types.sort_unstable();
    types.dedup();
    Ok(types)
}

/// The sessions, once the vendor has collected them.
pub(super) fn sessions(fields: Fields<'_>) -> Result<Option<Vec<Session>>> {
    const ROWS: &str = "Connections";
    if !finished(fields)? {
        return Ok(None);
    }
    let total = fields.int("TotalCount")?;
    let rows = match fields.rows(ROWS, &[])? {
        Some(rows) if total.is_none_or(|total| usize::try_from(total) == Ok(rows.len())) => rows,
        None if total == Some(0) => Vec::new(),
        _ => return Err(Odd::missing(ROWS)),
    };
    rows.into_iter()
        .filter_map(|row| session(row).transpose())
        .collect::<Result<_>>()
        .map(Some)
}

fn session(fields: Fields<'_>) -> Result<Option<Session>> {
    // Without a desktop, which may be deleted by now, it says nothing.
    let Some(desktop_id) = fields.text("InstanceId")? else {
        return Ok(None);
    };
    let logoff = fields.raw("LogoffTime")?;
    Ok(Some(Session {
        desktop_id,
        client_name: fields.text("ClientName")?,
        logon: fields.time("LogonTime")?,
        logoff: logoff.as_deref().and_then(timestamp),
        open: logoff.is_none() && fields.raw("LogoffStatus")?.is_none(),
    }))
}

pub(super) fn finished(fields: Fields<'_>) -> Result<bool> {
    fields.flag("TaskFinished")?.ok_or(Odd::missing("TaskFinished"))
}

pub(super) fn task_id(fields: Fields<'_>) -> Result<Option<String>> {
    fields.id("TaskId")
}

/// The ticket as it came, once the vendor has made it.
pub(super) fn ticket(fields: Fields<'_>) -> Result<Option<secrecy::SecretString>> {
    if !finished(fields)? {
        return Ok(None);
    }
    fields
        .raw("Ticket")?
        .map(|t| Some(t.into()))
        .ok_or(Odd::missing("Ticket"))
}
