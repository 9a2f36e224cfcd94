//! Clusters: the role they need, their life, their name and their NAT gateway.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::model::{Cluster, PolicyField, Step, becomes};
use super::params::{invalid, missing, not_found};
use super::quirks;
use super::wire::{china_date, fields, page, second_date};
use crate::sim::ledger::Kind;
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

type Result<T> = std::result::Result<T, ApiError>;

const TYPES: [&str; 2] = ["gws.s1.standard", "gws.s1.advanced"];
const ZONES: [&str; 2] = ["cn-hangzhou-h", "cn-hangzhou-i"];

pub(super) fn create_service_linked_role(world: &mut World, call: &Call) -> Done {
    let created = world.gws.roles.insert(call.account.clone());
    let done = Done {
        wrote: created,
        ..Done::default()
    };
    done.field("AlreadyExists", !created)
}

pub(super) fn describe_available_resource() -> Done {
    let resources: Vec<Value> = ZONES
        .iter()
        .flat_map(|zone| TYPES.map(|cluster_type| json!({"Zone": zone, "ClusterType": cluster_type})))
        .collect();
    Done::default().field("AvailableResources", resources)
}

/// Refuses a network that does not exist, and a subnet that cannot be one.
pub(super) fn check_network(world: &World, vpc_id: Option<&str>, v_switch_id: Option<&str>) -> Result<()> {
    if let Some(vpc_id) = vpc_id.filter(|id| !world.settings.vpcs.iter().any(|vpc| vpc == id)) {
        return Err(not_found("VpcId", vpc_id));
    }
    match v_switch_id {
        Some(id) if !id.starts_with("vsw-") => Err(not_found("VSwitchId", id)),
        _ => Ok(()),
    }
}

/// The policy of a new cluster: everything is allowed.
pub(super) fn open_policy() -> PolicyField {
    [
        ("Clipboard", "readwrite"),
        ("LocalDrive", "readwrite"),
        ("UsbRedirect", "on"),
        ("Watermark", "off"),
        ("UdpPort", "on"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Done> {
    let cluster_type = call.required_word("ClusterType", &TYPES)?.to_owned();
    let vpc_id = call.required("VpcId")?.to_owned();
    let v_switch_id = call.optional("VSwitchId").unwrap_or("vsw-auto").to_owned();
    check_network(world, Some(&vpc_id), Some(&v_switch_id))?;
    if !world.gws.roles.contains(&call.account) {
        return Err(ApiError::new(
            403,
            "Forbidden.ServiceLinkedRole",
            "The service-linked role AliyunServiceRoleForGws does not exist.",
        ));
    }
    let id = add(world, &call.account, &cluster_type, &vpc_id, &v_switch_id, true);
    let now = world.now();
    let whole = world.settings.durations.cluster;
    if let Some(cluster) = world.gws.clusters.get_mut(&id) {
        "creating".clone_into(&mut cluster.status);
        cluster.steps = [
            (now + whole * 2 / 3, becomes("starting")),
            (now + whole, becomes("running")),
        ]
        .into();
    }
    world.wake_at(now + whole * 2 / 3);
    let mut done = Done::wrote(&id).field("ClusterId", id.as_str());
    done.made = Some((Kind::Cluster, id));
    Ok(done)
}

/// Adds a running cluster.
pub(super) fn add(
    world: &mut World,
    account: &str,
    cluster_type: &str,
    vpc_id: &str,
    v_switch_id: &str,
    by_request: bool,
) -> String {
    let number = world.serial();
    let id = format!("gws-{number:06}");
    let cluster = Cluster {
        id: id.clone(),
        account: account.to_owned(),
        cluster_type: cluster_type.to_owned(),
        name: format!("cluster-{number:06}"),
        status: "running".to_owned(),
        vpc_id: vpc_id.to_owned(),
        v_switch_id: v_switch_id.to_owned(),
        nat: None,
        domain: None,
        policy: open_policy(),
        created: world.clock.date(world.now()),
        deleting: false,
        number,
        visible_from: 0,
        steps: VecDeque::new(),
    };
    world.gws.clusters.insert(id.clone(), cluster);
    world.born(Kind::Cluster, &id, account, by_request);
    id
}

fn row(world: &World, cluster: &Cluster) -> Value {
    let (nat_id, nat_eip) = cluster.nat.clone().unwrap_or_default();
    let domain = cluster
        .domain
        .as_ref()
        .map(|(name, _)| name.as_str())
        .unwrap_or_default();
    // Newer answers carry the other form of date.
    let created = if world.settings.quirks && cluster.number.is_multiple_of(2) {
        second_date(cluster.created)
    } else {
        china_date(cluster.created)
    };
    let mut row = fields(json!({
        "ClusterId": cluster.id,
        "CreateTime": created,
        "DomainName": domain,
        "InstanceCount": world.gws.instances_of(&cluster.id).count(),
        "Name": cluster.name,
        "NatEip": nat_eip,
        "NatId": nat_id,
        "SecurityGroup": format!("sg-{:06}", cluster.number),
        "Status": cluster.status,
        "VpcId": cluster.vpc_id,
    }));
    if world.settings.quirks {
        quirks::row(&mut row, cluster.number);
    }
    Value::Object(row)
}

pub(super) fn describe(world: &mut World, call: &Call) -> Result<Done> {
    let now = world.now();
    let wanted = call.optional("ClusterId");
    let rows: Vec<&Cluster> = world
        .gws
        .clusters
        .values()
        .filter(|cluster| cluster.account == call.account && cluster.visible_from <= now)
        .filter(|cluster| wanted.is_none_or(|id| cluster.id == id))
        .collect();
    Ok(Done::read(page(&rows, call.page(10)?, "Clusters", |cluster| {
        row(world, cluster)
    })))
}

pub(super) fn set_name(world: &mut World, call: &Call) -> Result<Done> {
    let name = call.required_name()?.to_owned();
    let cluster = call.cluster(world)?;
    cluster.name = name;
    Ok(Done::wrote(&cluster.id))
}

/// The cluster, which must be in working order.
pub(super) fn running<'w>(world: &'w mut World, call: &Call) -> Result<&'w mut Cluster> {
    let cluster = call.cluster(world)?;
    match cluster.status.as_str() {
        "indebt" => Err(ApiError::new(400, "InDebt", "The account has an overdue payment.")),
        "running" if !cluster.deleting => Ok(cluster),
        status => Err(ApiError::new(
            403,
            "InvalidClusterStatus",
            &format!("The current status of the cluster, {status}, does not support this operation."),
        )),
    }
}

pub(super) fn delete(world: &mut World, call: &Call) -> Result<Done> {
    let id = call.cluster(world)?.id.clone();
    if world.gws.instances_of(&id).next().is_some() {
        return Err(ApiError::new(
            403,
            "ConflictOpt",
            "The cluster still contains instances.",
        ));
    }
    let now = world.now();
    let whole = world.settings.durations.delete;
    let cluster = call.cluster(world)?;
    if matches!(cluster.status.as_str(), "creating" | "starting") {
        return Err(ApiError::new(
            403,
            "InvalidClusterStatus",
            "The cluster is still being created.",
        ));
    }
    if !cluster.deleting {
        cluster.deleting = true;
        cluster.steps = [(now + whole / 2, becomes("deleted")), (now + whole, Step::Gone)].into();
        world.wake_at(now + whole / 2);
    }
    Ok(Done::wrote(&id))
}

pub(super) fn set_dnat(world: &mut World, call: &Call) -> Result<Done> {
    // An empty gateway is meaningful: it detaches. A missing one is not.
    let nat_id = call.present("NatId")?.to_owned();
    let number = world.serial();
    let known_vpc = world.settings.nats.get(&nat_id).cloned();
    let eip = call.optional("NatEip").map(str::to_owned);
    let cluster = running(world, call)?;
    if nat_id.is_empty() {
        cluster.nat = None;
        return Ok(Done::wrote(&cluster.id));
    }
    if !nat_id.starts_with("ngw-") {
        return Err(not_found("NatId", &nat_id));
    }
    if known_vpc.is_some_and(|vpc| vpc != cluster.vpc_id) {
        return Err(invalid("NatId", "the gateway is in another VPC"));
    }
    let eip = match eip {
        Some(eip) => match eip.parse::<Ipv4Addr>() {
            Ok(_) => eip,
            Err(_) => return Err(not_found("NatEip", &eip)),
        },
        None => format!("203.0.113.{}", number % 254 + 1),
    };
    cluster.nat = Some((nat_id, eip));
    Ok(Done::wrote(&cluster.id))
}

/// The domain of a cluster, for the desktops in it.
pub(super) fn domain_of<'w>(world: &'w World, cluster_id: &str) -> &'w str {
    world
        .gws
        .clusters
        .get(cluster_id)
        .and_then(|cluster| cluster.domain.as_ref())
        .map(|(name, _)| name.as_str())
        .unwrap_or_default()
}

/// A day as `yyyy-MM-dd`.
pub(super) fn day(call: &Call, name: &str) -> Result<jiff::civil::Date> {
    let text = call.optional(name).ok_or_else(|| missing(name))?;
    text.parse()
        .ok()
        .filter(|_| text.len() == 10)
        .ok_or_else(|| invalid(name, "want yyyy-MM-dd"))
}
