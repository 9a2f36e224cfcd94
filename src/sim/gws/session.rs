//! Sessions and the tickets that open them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::cluster::{day, domain_of};
use super::instance::is_up;
use super::model::Effect;
use super::params::{invalid, missing, wrong_state};
use super::policy::{begin, finished, query, unfinished};
use super::wire::{fields, millisecond_date};
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

type Result<T> = std::result::Result<T, ApiError>;

pub(super) fn describe_connections(world: &mut World, call: &Call) -> Result<Done> {
    let id = call.cluster(world)?.id.clone();
    // The document's own example has the later day first.
    let (a, b) = (day(call, "StartTime")?, day(call, "EndTime")?);
    let (first, last) = (a.min(b), a.max(b));
    let Some(task_id) = call.optional("TaskId") else {
        let task_id = begin(world, &id, "DescribeClusterConnections", Effect::Query);
        let mut done = unfinished(&task_id);
        done.task = Some(task_id);
        return Ok(done);
    };
    if !finished(world, call, task_id, &id)? {
        return Ok(unfinished(task_id));
    }
    let connections: Vec<Value> = world
        .gws
        .sessions
        .iter()
        .filter(|session| session.cluster_id == id)
        .filter(|session| {
            let day_of = |moment: jiff::Timestamp| moment.to_zoned(TimeZone::UTC).date();
            day_of(session.logon) <= last && session.logoff.is_none_or(|logoff| day_of(logoff) >= first)
        })
        .map(|session| {
            json!({
                "ClientName": session.client,
                "InstanceId": session.instance_id,
                "LogoffStatus": if session.logoff.is_some() { "0" } else { "" },
                "LogoffTime": session.logoff.map(millisecond_date).unwrap_or_default(),
                "LogonTime": millisecond_date(session.logon),
            })
        })
        .collect();
    Ok(Done::default()
        .field("TotalCount", connections.len())
        .field("Connections", connections)
        .field("TaskFinished", true)
        .field("TaskId", task_id))
}

pub(super) fn get_ticket(world: &mut World, call: &Call) -> Result<Done> {
    let instance = call.instance(world)?;
    let (id, cluster_id) = (instance.id.clone(), instance.cluster_id.clone());
    let application = match (instance.work_mode.as_str(), call.optional("AppName")) {
        ("Application", Some(name)) if instance.apps.iter().any(|app| app.name == name) => name,
        ("Application", Some(_)) => return Err(invalid("AppName", "the application is not published")),
        ("Application", None) => return Err(missing("AppName")),
        (_, Some(_)) => return Err(invalid("AppName", "only for WorkMode Application")),
        (_, None) => "Desktop",
    };
    if instance.deleting || !is_up(&instance.status) {
        return Err(wrong_state(&id, &instance.status));
    }
    if !domain_of(world, &cluster_id).is_empty() {
        call.required("UserName")?;
        call.required("Password")?;
    }
    let number = world.serial();
    query(world, call, &id, "GetConnectTicket", |world| {
        ticket(world, &id, application, number)
    })
}

/// A connection file that could be told from any other.
fn ticket(world: &World, instance_id: &str, application: &str, number: u64) -> Map<String, Value> {
    let stamp = world.now();
    let file = format!(
        "[Encoding]\r\nInputEncoding=UTF8\r\n[WFClient]\r\nVersion=2\r\n[ApplicationServers]\r\n{application}=\r\n\
         [{application}]\r\nAddress=;40;STA{number:04};{instance_id}-{stamp:08}\r\nTransportDriver=TCP/IP\r\n"
    );
    fields(json!({"Ticket": STANDARD.encode(file)}))
}
