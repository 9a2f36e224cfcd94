//! The front door of GWS and the form of its answers.

use jiff::Timestamp;
use jiff::tz::{self, TimeZone};
use serde_json::{Map, Value, json};

use super::{cluster, image, instance, policy, quirks, session};
use crate::sim::vendor::{ApiError, Call, Done, Refusal, Request, Vendor};
use crate::sim::world::World;
use crate::sim::{auth, rpc};

/// Alibaba's RPC gateway in front of GWS.
pub(crate) struct Gateway;

const VERSION: &str = "2019-06-18";
const HOST: &str = "gws.cn-hangzhou.aliyuncs.com";

/// Carries out one action.
type Action = fn(&mut World, &Call) -> Result<Done, ApiError>;

/// The actions of the document.
fn action(name: &str) -> Option<Action> {
    Some(match name {
        "CreateServiceLinkedRole" => |world, call| Ok(cluster::create_service_linked_role(world, call)),
        "DescribeAvailableResource" => |_, _| Ok(cluster::describe_available_resource()),
        "CreateCluster" => cluster::create,
        "DescribeClusters" => cluster::describe,
        "SetClusterName" => cluster::set_name,
        "DeleteCluster" => cluster::delete,
        "SetClusterDnat" => cluster::set_dnat,
        "SetClusterPolicy" => policy::set_cluster,
        "DescribeClusterPolicy" => policy::describe_cluster,
        "SetClusterADDomain" => policy::set_domain,
        "DescribeClusterADDomain" => policy::describe_domain,
        "DescribeClusterConnections" => session::describe_connections,
        "CreateInstance" => instance::create,
        "DescribeInstances" => instance::describe,
        "DeleteInstance" => instance::delete,
        "SetInstanceName" => instance::set_name,
        "StartInstance" => instance::start,
        "StopInstance" => instance::stop,
        "RestartInstance" => instance::restart,
        "SetInstanceUser" => instance::set_user,
        "GetConnectTicket" => session::get_ticket,
        "SetInstancePolicy" => policy::set_instance,
        "DescribeInstancePolicy" => policy::describe_instance,
        "DescribeImages" => image::describe,
        "CreateImage" => image::create,
        "SetImageName" => image::set_name,
        "DeleteImage" => image::delete,
        _ => return None,
    })
}

impl Vendor for Gateway {
    fn admit(&self, world: &mut World, request: &Request) -> Result<Call, Refusal> {
        let params = rpc::union(request);
        let name = params.get("Action").cloned().unwrap_or_default();
        let checked = rpc::check_method(request)
            .and_then(|()| auth::admit(world, request.method.as_str(), &params))
            .and_then(|account| {
                rpc::check_system_params(&params, VERSION, action(&name).is_some())?;
                Ok(account)
            });
        match checked {
            Ok(account) => Ok(Call {
                account,
                action: name,
                params,
                body: Value::Null,
            }),
            Err(error) => Err(Refusal {
                action: name,
                params,
                error,
            }),
        }
    }

    fn execute(&self, world: &mut World, call: &Call) -> Result<Done, ApiError> {
        match action(&call.action) {
            Some(action) => action(world, call),
            None => Err(rpc::unknown_action()),
        }
    }

    fn success(&self, world: &World, request_id: &str, done: &Done) -> Value {
        let mut body = done.body.clone();
        body.insert("RequestId".to_owned(), json!(request_id));
        if world.settings.quirks {
            quirks::answer(&mut body);
        }
        Value::Object(body)
    }

    fn error(&self, request_id: &str, error: &ApiError) -> Value {
        rpc::error_body(request_id, HOST, error)
    }

    fn throttled(&self) -> ApiError {
        rpc::throttled()
    }

    fn never_finish(&self, world: &mut World, task: &str) {
        if let Some(task) = world.gws.tasks.get_mut(task) {
            task.due = None;
        }
    }

    fn hide(&self, world: &mut World, id: &str, until: u64) {
        if let Some(cluster) = world.gws.clusters.get_mut(id) {
            cluster.visible_from = until;
        }
        if let Some(instance) = world.gws.instances.get_mut(id) {
            instance.visible_from = until;
        }
        if let Some(image) = world.gws.images.get_mut(id) {
            image.visible_from = until;
        }
    }
}

/// The fields of a JSON object; `value` is always one.
pub(crate) fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// `Wed Sep 25 16:17:39 CST 2019`, in China's time.
pub(crate) fn china_date(date: Timestamp) -> String {
    date.to_zoned(TimeZone::fixed(tz::offset(8)))
        .strftime("%a %b %d %H:%M:%S CST %Y")
        .to_string()
}

/// `2019-10-12T07:35Z`.
pub(crate) fn minute_date(date: Timestamp) -> String {
    date.strftime("%Y-%m-%dT%H:%MZ").to_string()
}

/// `2020-09-17T02:02:25Z`.
pub(crate) fn second_date(date: Timestamp) -> String {
    date.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2020-09-03T01:02:03.456Z`.
pub(crate) fn millisecond_date(date: Timestamp) -> String {
    date.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// One page of rows with the fields that say which.
pub(crate) fn page<T>(
    rows: &[T],
    (number, size): (usize, usize),
    list: &str,
    render: impl Fn(&T) -> Value,
) -> Map<String, Value> {
    let from = (number - 1).saturating_mul(size).min(rows.len());
    let to = from.saturating_add(size).min(rows.len());
    let page: Vec<Value> = rows[from..to].iter().map(render).collect();
    fields(json!({
        list: page,
        "TotalCount": rows.len(),
        "PageNumber": number,
        "PageSize": size,
    }))
}
