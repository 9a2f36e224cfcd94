//! What each operation sends.

use super::map::POLICY;
use crate::api::desktop::{BillingMode, InternetChargeType, PeriodUnit, WorkMode};
use crate::backend::error::{BackendError, ErrorClass};
use crate::backend::model::{DesktopSpec, Operation, PolicyValues, TaskKind};
use crate::backend::rpc::Params;

/// A call that changes something, and what its answer holds.
pub(super) struct Change {
    pub(super) action: &'static str,
    pub(super) params: Params,
    pub(super) yields: Yields,
}

/// What the answer to a change holds beside a request id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Yields {
    Nothing,
    ClusterId,
    InstanceId,
    ImageId,
    /// A task, unless all was done at once.
    Task(TaskKind),
}

/// The call for an operation. Wrong requests that can be told here are refused before they are sent.
#[allow(clippy::too_many_lines, reason = "a table, one row an operation")]
pub(super) fn change(operation: &Operation) -> Result<Change, BackendError> {
    use Yields::{ClusterId, ImageId, InstanceId, Nothing, Task};
    let cluster = |id: &String| Params::new().set("ClusterId", id);
    let desktop = |id: &String| Params::new().set("InstanceId", id);
    let image = |id: &String| Params::new().set("ImageId", id);
    let (action, params, yields) = match operation {
        Operation::CreateCluster(spec) => {
            let Some(vpc_id) = &spec.vpc_id else {
                return Err(invalid(
                    "CreateCluster",
                    "a cluster needs a network (spec.network.vpcId)",
                ));
            };
            let params = Params::new()
                .set("ClusterType", &spec.cluster_type)
                .set("VpcId", vpc_id)
                .set_some("VSwitchId", spec.subnet_id.as_ref());
            ("CreateCluster", params, ClusterId)
        }
        Operation::RenameCluster { cluster_id, name } => {
            ("SetClusterName", cluster(cluster_id).set("Name", name), Nothing)
        }
        Operation::DeleteCluster { cluster_id } => ("DeleteCluster", cluster(cluster_id), Nothing),
        Operation::SetPolicy { cluster_id, values } => (
            "SetClusterPolicy",
            policy(cluster(cluster_id), values)?,
            Task(TaskKind::Policy),
        ),
        Operation::SetDirectory {
            cluster_id,
            domain_name,
            dns_ip,
            admin,
            password,
        } => {
            let params = cluster(cluster_id)
                .set("DomainName", domain_name)
                .set("DomainDnsIp", dns_ip)
                .set("DomainAdmin", admin)
                .set("DomainDelete", "false")
                .secret("DomainPassword", password.clone());
            ("SetClusterADDomain", params, Task(TaskKind::Directory))
        }
        Operation::RemoveDirectory {
            cluster_id,
            domain_name,
            dns_ip,
        } => {
            // The password is documented as required also here, where nobody has it any more. An empty one satisfies
            // the form, and unlike an invented one cannot lock the domain's account if it is tried.
            let params = cluster(cluster_id)
                .set("DomainName", domain_name)
                .set("DomainDnsIp", dns_ip)
                .set("DomainPassword", "")
                .set("DomainDelete", "true");
            ("SetClusterADDomain", params, Task(TaskKind::Directory))
        }
        Operation::SetNat { cluster_id, nat } => {
            let params = match nat {
                Some((id, eip)) => cluster(cluster_id).set("NatId", id).set_some("NatEip", eip.as_ref()),
                // An empty value, sent and signed, is what detaches.
                None => cluster(cluster_id).set("NatId", ""),
            };
            ("SetClusterDnat", params, Nothing)
        }
        Operation::CreateDesktop(spec) => ("CreateInstance", create_desktop(spec)?, InstanceId),
        Operation::DeleteDesktop { desktop_id } => ("DeleteInstance", desktop(desktop_id), Nothing),
        Operation::RenameDesktop { desktop_id, name } => {
            ("SetInstanceName", desktop(desktop_id).set("Name", name), Nothing)
        }
        Operation::StartDesktop { desktop_id } => ("StartInstance", desktop(desktop_id), Nothing),
        Operation::StopDesktop { desktop_id } => ("StopInstance", desktop(desktop_id), Nothing),
        Operation::RestartDesktop { desktop_id } => ("RestartInstance", desktop(desktop_id), Nothing),
        Operation::AssignUser { desktop_id, user } => {
            let Some(uid) = &user.uid else {
                return Err(invalid(
                    "SetInstanceUser",
                    "the vendor needs the user's number beside the name",
                ));
            };
            // The document names the number UserId, the vendor's published client UserUid.
            let params = desktop(desktop_id)
                .set("UserName", &user.name)
                .set("UserId", uid)
                .set("UserUid", uid);
            ("SetInstanceUser", params, Nothing)
        }
        Operation::SetDisplayPolicy {
            desktop_id,
            visual_lossless,
            optimize_for3d,
        } => {
            let params = desktop(desktop_id)
                .set("VisualLossless", on_off(*visual_lossless))
                .set("OptimizeFor3d", on_off(*optimize_for3d))
                .set("AsyncMode", "true");
            ("SetInstancePolicy", params, Task(TaskKind::DisplayPolicy))
        }
        Operation::CreateImage { desktop_id, name } => ("CreateImage", desktop(desktop_id).set("Name", name), ImageId),
        Operation::RenameImage { image_id, name } => ("SetImageName", image(image_id).set("Name", name), Nothing),
        Operation::DeleteImage { image_id } => ("DeleteImage", image(image_id), Nothing),
        Operation::RepairCluster { .. }
        | Operation::UnassignUser { .. }
        | Operation::LabelDesktop { .. }
        | Operation::RebuildDesktop { .. }
        | Operation::ConvertBilling { .. }
        | Operation::RenewDesktop { .. } => return Err(invalid(operation.name(), "gws has no such call")),
    };
    Ok(Change { action, params, yields })
}

/// The object that a task started by this operation works on.
pub(super) fn object_id(operation: &Operation) -> &str {
    match operation {
        Operation::SetPolicy { cluster_id, .. }
        | Operation::SetDirectory { cluster_id, .. }
        | Operation::RemoveDirectory { cluster_id, .. } => cluster_id,
        Operation::SetDisplayPolicy { desktop_id, .. } => desktop_id,
        _ => "",
    }
}

/// What the operation deletes, as the vendor's codes call it.
pub(super) const fn deletes(operation: &Operation) -> Option<&'static str> {
    match operation {
        Operation::DeleteCluster { .. } => Some("cluster"),
        Operation::DeleteDesktop { .. } => Some("instance"),
        Operation::DeleteImage { .. } => Some("image"),
        _ => None,
    }
}

const fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// The vendor sets all fields at once, so that one left out would be set to something nobody asked for.
fn policy(params: Params, values: &PolicyValues) -> Result<Params, BackendError> {
    let mut params = params;
    for (name, wire, words) in POLICY {
        let wanted = values.get(name);
        let word = words.iter().find(|(ours, _)| Some(*ours) == wanted).ok_or_else(|| {
            let message = format!("{name} has no value that the vendor knows, and the policy is only set as a whole");
            invalid("SetClusterPolicy", &message)
        })?;
        params = params.set(wire, word.1);
    }
    Ok(params.set("AsyncMode", "true"))
}

fn create_desktop(spec: &DesktopSpec) -> Result<Params, BackendError> {
    let Some(disk) = &spec.disk else {
        return Err(invalid(
            "CreateInstance",
            "a desktop needs a system disk (spec.systemDisk)",
        ));
    };
    let mut params = Params::new()
        .set("ClusterId", &spec.place.cluster_id)
        .set("Name", &spec.name)
        .set("InstanceType", &spec.flavor)
        .set("ImageId", &spec.image_id)
        .set("SystemDiskCategory", &disk.category)
        .set("SystemDiskSize", &disk.size_gib)
        .set_some("VSwitchId", spec.place.subnet_id.as_ref())
        // Always said: what is used otherwise differs between the vendor's own descriptions.
        .set("AllocatePublicAddress", &spec.public_address.is_some());
    if let Some(address) = &spec.public_address {
        let charge = match address.charge_type {
            InternetChargeType::PayByTraffic => "PayByTraffic",
            InternetChargeType::PayByBandwidth => "PayByBandwidth",
        };
        params = params
            .set("InternetChargeType", charge)
            .set("InternetMaxBandwidthIn", &address.bandwidth_in)
            .set("InternetMaxBandwidthOut", &address.bandwidth_out);
    }
    params = match spec.work_mode {
        WorkMode::Desktop => params.set("WorkMode", "Desktop"),
        WorkMode::Application => applications(params.set("WorkMode", "Application"), spec),
    };
    match (spec.billing.mode, &spec.billing.period) {
        (BillingMode::PayAsYouGo, _) => Ok(params.set("InstanceChargeType", "PostPaid")),
        (BillingMode::Subscription, Some(period)) => {
            let unit = match period.unit {
                PeriodUnit::Week => "Week",
                PeriodUnit::Month => "Month",
            };
            Ok(params
                .set("InstanceChargeType", "PrePaid")
                .set("Period", &period.count)
                .set("PeriodUnit", unit)
                // A string with a capital letter, unlike its neighbour above.
                .set("AutoRenew", if spec.billing.auto_renew { "True" } else { "False" }))
        }
        (BillingMode::Subscription, None) => Err(invalid("CreateInstance", "a subscription needs a period")),
    }
}

fn applications(params: Params, spec: &DesktopSpec) -> Params {
    let mut params = params;
    for (index, application) in spec.applications.iter().enumerate() {
        let name = |field: &str| format!("AppList.{}.{field}", index + 1);
        params = params
            .set(name("AppName"), &application.name)
            .set(name("AppPath"), &application.path);
        if let Some(args) = &application.args {
            params = params.set(name("AppArgs"), args);
        }
    }
    params
}

fn invalid(action: &'static str, message: &str) -> BackendError {
    BackendError::new(ErrorClass::Invalid, action, message)
}
