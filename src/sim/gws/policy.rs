//! What runs as a task: the policies of clusters and desktops, and a cluster's domain.

use serde_json::{Map, Value, json};

use super::cluster::running;
use super::instance::is_up;
use super::model::{Effect, PolicyField, Task};
use super::params::{invalid, missing, not_found, wrong_state};
use super::wire::fields;
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

type Result<T> = std::result::Result<T, ApiError>;

/// Starts a task on an object.
pub(super) fn begin(world: &mut World, object: &str, poller: &'static str, effect: Effect) -> String {
    let id = world.id("t");
    let due = world.now() + world.settings.durations.task;
    let task = Task {
        object: object.to_owned(),
        poller,
        due: Some(due),
        finished: false,
        effect,
    };
    world.gws.tasks.insert(id.clone(), task);
    world.wake_at(due);
    id
}

/// Whether a task has finished. It must be about this object and asked for by the action that is meant to.
pub(super) fn finished(world: &World, call: &Call, task_id: &str, object: &str) -> Result<bool> {
    world
        .gws
        .tasks
        .get(task_id)
        .filter(|task| task.object == object && task.poller == call.action)
        .map(|task| task.finished)
        .ok_or_else(|| not_found("TaskId", task_id))
}

/// The answer while a task runs.
pub(super) fn unfinished(task_id: &str) -> Done {
    Done::default().field("TaskId", task_id).field("TaskFinished", false)
}

/// Answers a query at once, or begins it, or tells how it got on, as `AsyncMode` and `TaskId` ask.
pub(super) fn query(
    world: &mut World,
    call: &Call,
    object: &str,
    poller: &'static str,
    values: impl FnOnce(&World) -> Map<String, Value>,
) -> Result<Done> {
    if !call.flag("AsyncMode")? {
        return Ok(Done::read(values(world)));
    }
    let Some(task_id) = call.optional("TaskId") else {
        let task_id = begin(world, object, poller, Effect::Query);
        let mut done = unfinished(&task_id);
        done.task = Some(task_id);
        return Ok(done);
    };
    if finished(world, call, task_id, object)? {
        Ok(Done::read(values(world))
            .field("TaskId", task_id)
            .field("TaskFinished", true))
    } else {
        Ok(unfinished(task_id))
    }
}

fn as_json(policy: &PolicyField) -> Map<String, Value> {
    policy
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect()
}

pub(super) fn set_cluster(world: &mut World, call: &Call) -> Result<Done> {
    let on_off = ["off", "on"];
    let values: PolicyField = [
        (
            "Clipboard",
            call.required_word("Clipboard", &["off", "read", "write", "readwrite"])?,
        ),
        (
            "LocalDrive",
            call.required_word("LocalDrive", &["off", "read", "readwrite"])?,
        ),
        ("UsbRedirect", call.required_word("UsbRedirect", &on_off)?),
        ("Watermark", call.required_word("Watermark", &on_off)?),
        ("UdpPort", call.word("UdpPort", &on_off)?.unwrap_or("on")),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let asynchronous = call.flag("AsyncMode")?;
    let cluster = running(world, call)?;
    let id = cluster.id.clone();
    if !asynchronous {
        cluster.policy.extend(values);
        return Ok(Done::wrote(&id));
    }
    let task = begin(world, &id, "DescribeClusterPolicy", Effect::ClusterPolicy(values));
    let mut done = Done::wrote(&id).field("TaskId", task.as_str());
    done.task = Some(task);
    Ok(done)
}

pub(super) fn describe_cluster(world: &mut World, call: &Call) -> Result<Done> {
    let id = call.cluster(world)?.id.clone();
    query(world, call, &id, "DescribeClusterPolicy", |world| {
        world
            .gws
            .clusters
            .get(&id)
            .map(|cluster| as_json(&cluster.policy))
            .unwrap_or_default()
    })
}

pub(super) fn set_instance(world: &mut World, call: &Call) -> Result<Done> {
    let mut values = PolicyField::new();
    for name in ["VisualLossless", "OptimizeFor3d"] {
        // A field that is not sent goes back to its default.
        let value = call.word(name, &["off", "on"])?.unwrap_or("off");
        values.insert(name.to_owned(), value.to_owned());
    }
    let asynchronous = call.flag("AsyncMode")?;
    let instance = call.instance(world)?;
    if instance.deleting || !(is_up(&instance.status) || instance.status == "Stopped") {
        return Err(wrong_state(&instance.id, &instance.status));
    }
    let id = instance.id.clone();
    if !asynchronous {
        if let Some(display) = &mut instance.display {
            display.extend(values);
        }
        return Ok(Done::wrote(&id));
    }
    let task = begin(world, &id, "DescribeInstancePolicy", Effect::DisplayPolicy(values));
    let mut done = Done::wrote(&id).field("TaskId", task.as_str());
    done.task = Some(task);
    Ok(done)
}

pub(super) fn describe_instance(world: &mut World, call: &Call) -> Result<Done> {
    let id = call.instance(world)?.id.clone();
    query(world, call, &id, "DescribeInstancePolicy", |world| {
        match world
            .gws
            .instances
            .get(&id)
            .and_then(|instance| instance.display.as_ref())
        {
            Some(display) => as_json(display),
            None => fields(json!({"VisualLossless": "N/A", "OptimizeFor3d": "N/A"})),
        }
    })
}

pub(super) fn set_domain(world: &mut World, call: &Call) -> Result<Done> {
    let name = call.required("DomainName")?.to_owned();
    let dns_ip = call.required("DomainDnsIp")?.to_owned();
    let unlink = call.flag("DomainDelete")?;
    // Mandatory either way; nobody needs a password to unlink, so then it may be empty.
    if call.present("DomainPassword")?.is_empty() && !unlink {
        return Err(missing("DomainPassword"));
    }
    if dns_ip.parse::<std::net::IpAddr>().is_err() {
        return Err(invalid("DomainDnsIp", "want an IP address"));
    }
    let cluster = running(world, call)?;
    if cluster.cluster_type != "gws.s1.advanced" {
        return Err(ApiError::new(
            400,
            "InvalidClusterType.NotSupported",
            "The cluster type does not support AD domains.",
        ));
    }
    if unlink && cluster.domain.as_ref().is_some_and(|(linked, _)| *linked != name) {
        return Err(invalid("DomainName", "the cluster is linked to another domain"));
    }
    let id = cluster.id.clone();
    let domain = (!unlink).then_some((name, dns_ip));
    let task = begin(world, &id, "DescribeClusterADDomain", Effect::Domain(domain));
    let mut done = Done::wrote(&id).field("TaskId", task.as_str());
    done.task = Some(task);
    Ok(done)
}

pub(super) fn describe_domain(world: &mut World, call: &Call) -> Result<Done> {
    let cluster = call.cluster(world)?;
    let (name, dns_ip) = cluster.domain.clone().unwrap_or_default();
    let supported = cluster.cluster_type == "gws.s1.advanced";
    let id = cluster.id.clone();
    let task_id = call.optional("TaskId");
    let finished = match task_id {
        Some(task_id) => finished(world, call, task_id, &id)?,
        None => true,
    };
    Ok(Done::default()
        .field("DomainName", name)
        .field("DomainDnsIp", dns_ip)
        .field("IsSupported", supported)
        .field("TaskFinished", finished)
        .field("TaskId", task_id.unwrap_or_default()))
}
