//! From the words of GWS to the model's and back.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::client::Parameters;
use super::wire;
use crate::api::desktop::{BillingMode, DesktopState, InternetChargeType, PeriodUnit, WorkMode};
use crate::backend::lenient::timestamp;
use crate::backend::model::{ClusterState, ImageState, PolicyValues};
use crate::backend::{DesktopSpec, ObservedCluster, ObservedDesktop, ObservedImage, Session};

/// Session policy: field of the spec, name on the wire, and value by value.
type Field = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const SWITCH: &[(&str, &str)] = &[("false", "off"), ("true", "on")];

/// The direction of `read` and `write` follows the document's wording, "the local clipboard inside the desktop":
/// `read` lets the desktop read it.
pub const SESSION_FIELDS: [Field; 5] = [
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

/// Display policy.
pub const DISPLAY_FIELDS: [Field; 2] = [
    ("optimizeFor3d", "OptimizeFor3d", SWITCH),
    ("visualLossless", "VisualLossless", SWITCH),
];

/// Values of the spec as parameters. A field that is not given is not sent.
#[must_use]
pub fn policy_parameters(fields: &[Field], values: &PolicyValues) -> Parameters {
    fields
        .iter()
        .filter_map(|(field, wire, words)| {
            let value = values.get(field)?;
            let word = words
                .iter()
                .find(|(ours, _)| *ours == value)
                .map(|(_, theirs)| *theirs)?;
            Some(((*wire).to_owned(), word.to_owned()))
        })
        .collect()
}

/// Reported values in the words of the spec; unknown ones stay as they are.
#[must_use]
pub fn policy_values(fields: &[Field], reported: &[(&str, Option<&String>)]) -> PolicyValues {
    let mut values: Vec<(&'static str, String)> = fields
        .iter()
        .filter_map(|(field, wire, words)| {
            let seen = reported
                .iter()
                .find(|(name, _)| name == wire)
                .and_then(|(_, value)| *value)?;
            let known = words.iter().find(|(_, theirs)| theirs.eq_ignore_ascii_case(seen));
            Some((
                *field,
                known.map_or_else(|| seen.clone(), |(ours, _)| (*ours).to_owned()),
            ))
        })
        .collect();
    values.sort();
    PolicyValues(values)
}

/// A cluster; `None` without an id.
#[must_use]
pub fn cluster(wire: wire::Cluster) -> Option<ObservedCluster> {
    let vendor_state = wire.status.unwrap_or_default();
    Some(ObservedCluster {
        id: wire.cluster_id?,
        name: wire.name,
        state: match vendor_state.to_ascii_lowercase().as_str() {
            "creating" | "starting" => ClusterState::Creating,
            "running" => ClusterState::Running,
            "indebt" => ClusterState::InDebt,
            "deleted" => ClusterState::Deleted,
            _ => ClusterState::Unknown,
        },
        vendor_state,
        vpc_id: wire.vpc_id,
        desktops: wire.instance_count,
        domain_name: wire.domain_name,
        nat_id: wire.nat_id,
        nat_eip: wire.nat_eip,
        created: wire.create_time.as_deref().and_then(timestamp),
    })
}

/// A desktop; `None` without an id.
#[must_use]
pub fn desktop(wire: wire::Instance) -> Option<ObservedDesktop> {
    let vendor_state = wire.status.unwrap_or_default();
    let prepaid = wire
        .instance_charge_type
        .as_deref()
        .and_then(|t| match t.to_ascii_lowercase().as_str() {
            "prepaid" => Some(true),
            "postpaid" => Some(false),
            _ => None,
        });
    Some(ObservedDesktop {
        id: wire.instance_id?,
        cluster_id: wire.cluster_id,
        name: wire.name,
        state: desktop_state(&vendor_state),
        vendor_state,
        stopped_mode: wire.stopped_mode,
        flavor: wire.instance_type,
        image_id: wire.image_id,
        user_name: wire.user_name,
        user_uid: wire.user_uid.or(wire.user_id),
        prepaid,
        expires: wire
            .expire_time
            .as_deref()
            .and_then(timestamp)
            .filter(|at| !is_never(*at)),
        created: wire.create_time.as_deref().and_then(timestamp),
    })
}

/// Dates at the end of the century stand for no end at all.
fn is_never(at: Timestamp) -> bool {
    at.to_zoned(jiff::tz::TimeZone::UTC).year() >= 2098
}

fn desktop_state(word: &str) -> DesktopState {
    match word.to_ascii_lowercase().as_str() {
        "creating" | "initializing" => DesktopState::Creating,
        "starting" => DesktopState::Starting,
        "registered" | "inuse" => DesktopState::Running,
        "unregistered" => DesktopState::Unregistered,
        "stopping" => DesktopState::Stopping,
        "stopped" => DesktopState::Stopped,
        "cloning" => DesktopState::Imaging,
        "missing" => DesktopState::Missing,
        _ => DesktopState::Unknown,
    }
}

/// An image; `None` without an id.
#[must_use]
pub fn image(wire: wire::Image) -> Option<ObservedImage> {
    let vendor_state = wire.status.unwrap_or_default();
    let percent = |text: &String| {
        text.trim()
            .trim_end_matches('%')
            .trim()
            .parse::<u8>()
            .ok()
            .map(|p| p.min(100))
    };
    Some(ObservedImage {
        id: wire.image_id?,
        name: wire.name,
        state: match vendor_state.to_ascii_lowercase().as_str() {
            "creating" => ImageState::Creating,
            "available" => ImageState::Available,
            "unavailable" => ImageState::Unavailable,
            "createfailed" => ImageState::Failed,
            "missing" => ImageState::Missing,
            _ => ImageState::Unknown,
        },
        vendor_state,
        progress: wire.progress.as_ref().and_then(percent),
        size_gib: wire.size,
        custom: wire.image_type.is_some_and(|t| t.eq_ignore_ascii_case("custom")),
        created: wire.create_time.as_deref().and_then(timestamp),
    })
}

/// A session; `None` without the desktop it is on.
#[must_use]
pub fn session(wire: wire::Connection) -> Option<Session> {
    let logoff = wire.logoff_time.as_deref().and_then(timestamp);
    Some(Session {
        desktop_id: wire.instance_id?,
        client_name: wire.client_name,
        logon: wire.logon_time.as_deref().and_then(timestamp),
        open: wire.logoff_status.is_none() && logoff.is_none(),
        logoff,
    })
}

/// Parameters of CreateInstance.
#[must_use]
pub fn create_instance(spec: &DesktopSpec) -> Parameters {
    let mut parameters = BTreeMap::new();
    let mut put = |name: &str, value: String| {
        parameters.insert(name.to_owned(), value);
    };
    put("ClusterId", spec.cluster_id.clone());
    put("ImageId", spec.image_id.clone());
    put("InstanceType", spec.flavor.clone());
    put("SystemDiskCategory", spec.disk_category.clone());
    put("SystemDiskSize", spec.disk_gib.to_string());
    put("Name", spec.name.clone());
    put(
        "WorkMode",
        match spec.work_mode {
            WorkMode::Desktop => "Desktop".into(),
            WorkMode::Application => "Application".into(),
        },
    );
    if let Some(subnet) = &spec.subnet_id {
        put("VSwitchId", subnet.clone());
    }
    // The vendor's own default is to allocate one: it is always said.
    put(
        "AllocatePublicAddress",
        if spec.public_address.is_some() { "True" } else { "False" }.into(),
    );
    if let Some(public) = &spec.public_address {
        put(
            "InternetChargeType",
            match public.charge_type {
                InternetChargeType::PayByTraffic => "PayByTraffic".into(),
                InternetChargeType::PayByBandwidth => "PayByBandwidth".into(),
            },
        );
        put("InternetMaxBandwidthIn", public.bandwidth_in.to_string());
        put("InternetMaxBandwidthOut", public.bandwidth_out.to_string());
    }
    match (spec.billing.mode, &spec.billing.period) {
        (BillingMode::Subscription, Some(period)) => {
            put("InstanceChargeType", "PrePaid".into());
            put(
                "AutoRenew",
                if spec.billing.auto_renew { "True" } else { "False" }.into(),
            );
            put("Period", period.count.to_string());
            put(
                "PeriodUnit",
                match period.unit {
                    PeriodUnit::Week => "Week".into(),
                    PeriodUnit::Month => "Month".into(),
                },
            );
        }
        _ => put("InstanceChargeType", "PostPaid".into()),
    }
    for (number, application) in spec.applications.iter().enumerate() {
        let number = number + 1;
        put(&format!("AppList.{number}.AppName"), application.name.clone());
        put(&format!("AppList.{number}.AppPath"), application.path.clone());
        if let Some(args) = &application.args {
            put(&format!("AppList.{number}.AppArgs"), args.clone());
        }
    }
    parameters
}
