//! The front door of gcw and the form of its answers.

use std::collections::BTreeMap;

use http::Method;
use jiff::Timestamp;
use jiff::tz::{self, TimeZone};
use serde_json::{Map, Value, json};

use super::model::Edition;
use super::params::{flatten, refused};
use super::{account, auth, bind, catalog, net, order, power, price, time, vm};
use crate::sim::vendor::{ApiError, Call, Done, Refusal, Request, Vendor};
use crate::sim::world::World;

/// The gateway in front of gcw.
pub(crate) struct Gateway;

const VERSION: &str = "2019-08-08";

/// Carries out one action.
type Run = fn(&mut World, &Call) -> Result<Done, ApiError>;

/// How an action is called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Via {
    Get,
    Post,
    /// Declared as one, shown as the other in the document's sample.
    Either,
}

/// The actions of an edition of the document.
fn action(edition: Edition, name: &str) -> Option<(Via, Run)> {
    let newer = edition == Edition::Y2023;
    Some(match name {
        "QueryTask" => (Via::Get, time::query_task),
        "QuerySites" => (Via::Get, |world, call| Ok(catalog::sites(world, call))),
        "QueryProducts" => (Via::Get, |world, call| Ok(catalog::products(world, call))),
        "QueryImages" => (Via::Get, catalog::images),
        "GetLineBillingScheme" => (Via::Get, catalog::billing_schemes),
        "GetVpcBandwidth" if newer => (Via::Either, catalog::lines),
        "QueryVmPrice" => (Via::Post, price::vm),
        "GetEipPrice" => (Via::Get, price::eip),
        "UpdateOrder" => (Via::Post, order::update),
        "RenewalOrder" => (Via::Post, order::renew),
        "QuerySubAccounts" => (Via::Get, |world, call| Ok(account::query(world, call))),
        "CreateSubAccount" => (Via::Post, account::create),
        "CreateSubAccounts" => (Via::Post, account::create_many),
        "ChangeSubAccountName" => (Via::Post, account::rename),
        "ChangeSubAccountRemark" => (Via::Post, account::remark),
        "CreateDefaultNet" => (Via::Post, net::create),
        "SupplyDefaultNet" => (Via::Post, net::supply),
        "GetDefaultNet" => (Via::Get, net::get_default),
        "GetCustomNet" => (Via::Get, net::get_custom),
        "QueryVms" => (Via::Get, vm::query_all),
        "QueryVm" => (Via::Get, vm::query),
        "QueryExpireVms" => (Via::Get, |world, call| Ok(vm::query_expiring(world, call))),
        "CreateVm" => (Via::Post, vm::create),
        "ChangeVmName" => (Via::Post, vm::rename),
        "UpdateVmLabels" => (Via::Post, vm::label),
        "OperateVm" => (Via::Post, power::operate),
        // A GET, although it wipes the disk.
        "RebuildVm" => (Via::Get, power::rebuild),
        "DeleteVm" => (Via::Post, power::delete),
        "ConfigNet" if newer => (Via::Post, power::config_net),
        "OffAndUnbind" if newer => (Via::Post, power::off_and_unbind),
        "ChangeAccount" => (Via::Post, bind::change),
        "BindAccounts" => (Via::Post, bind::bind),
        "UnbindAccounts" => (Via::Post, bind::unbind),
        _ => return None,
    })
}

/// What the gateway finds wrong with a request that is signed well; the action's own parameters otherwise.
fn own_params(
    world: &World,
    request: &Request,
    query: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, ApiError> {
    let param = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    if param("Version") != VERSION {
        return Err(ApiError::new(
            400,
            "InvalidParameter",
            "The parameter Version is not valid.",
        ));
    }
    let Some((via, _)) = action(world.capital_online.edition, param("Action")) else {
        return Err(ApiError::new(
            400,
            "UnsupportedAction",
            "There is no action of this name.",
        ));
    };
    let posted = request.method == Method::POST;
    if via != Via::Either && posted != (via == Via::Post) {
        return Err(ApiError::new(
            405,
            "UnsupportedHTTPMethod",
            "The action is not called by this method.",
        ));
    }
    if !posted {
        return Ok(query.clone());
    }
    // What a POST is about counts from its body only; the query may repeat it.
    let mut params = if request.body.is_empty() && via == Via::Either {
        query.clone()
    } else {
        flatten(&request.body).ok_or_else(|| ApiError::new(400, "ParamParseError", "The body is not a JSON object."))?
    };
    for name in ["AccessKeyId", "Action", "SignatureNonce", "Timestamp", "Version"] {
        params.insert(name.to_owned(), param(name).to_owned());
    }
    Ok(params)
}

impl Vendor for Gateway {
    fn admit(&self, world: &mut World, request: &Request) -> Result<Call, Refusal> {
        let query: BTreeMap<String, String> = url::form_urlencoded::parse(request.query.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let name = query.get("Action").cloned().unwrap_or_default();
        let checked = auth::admit(world, request.method.as_str(), &query)
            .and_then(|account| Ok((account, own_params(world, request, &query)?)));
        match checked {
            Ok((account, params)) => Ok(Call {
                account,
                action: name,
                params,
                body: Value::Null,
            }),
            Err(error) => Err(Refusal {
                action: name,
                params: query,
                error,
            }),
        }
    }

    fn execute(&self, world: &mut World, call: &Call) -> Result<Done, ApiError> {
        match action(world.capital_online.edition, &call.action) {
            Some((_, run)) => run(world, call),
            None => Err(refused(10006, "暂不支持该操作")),
        }
    }

    fn success(&self, world: &World, request_id: &str, done: &Done) -> Value {
        let data = done.body.get("Data").cloned().unwrap_or(Value::Null);
        // Two of the document's examples have other names for the same.
        let odd = world.settings.quirks && done.body.contains_key("lower");
        let mut body = if odd {
            json!({"code": "Success", "msg": null, "data": data, "requestId": null, "status": 0})
        } else {
            json!({"Code": "Success", "Message": "", "Data": data})
        };
        if world.settings.quirks && !odd {
            body["TraceId"] = json!(request_id);
        }
        body
    }

    fn error(&self, _request_id: &str, error: &ApiError) -> Value {
        json!({"Code": error.code, "Message": error.message, "Data": null})
    }

    fn throttled(&self) -> ApiError {
        ApiError::new(429, "RequestLimitExceeded", "The request rate is too high.")
    }

    fn retry_after(&self, milliseconds: u64) -> (&'static str, String) {
        ("retry-after", milliseconds.div_ceil(1000).to_string())
    }

    fn never_finish(&self, world: &mut World, task: &str) {
        if let Some(task) = world.capital_online.tasks.get_mut(task) {
            task.due = None;
        }
    }

    fn hide(&self, world: &mut World, id: &str, until: u64) {
        let capital = &mut world.capital_online;
        if let Some(net) = capital.nets.get_mut(id) {
            net.visible_from = until;
        }
        if let Some(vm) = capital.vms.get_mut(id) {
            vm.visible_from = until;
        }
        if let Some(user) = capital.sub_accounts.get_mut(id) {
            user.visible_from = until;
        }
    }
}

/// An answer that holds something.
pub(super) fn data(value: Value) -> Map<String, Value> {
    Map::from_iter([("Data".to_owned(), value)])
}

/// As [`data`], under the other names of two of the document's examples.
pub(super) fn lower_data(value: Value) -> Map<String, Value> {
    let mut body = data(value);
    body.insert("lower".to_owned(), Value::Bool(true));
    body
}

/// What the vendor says it understood: JSON in a string.
pub(super) fn request_content(call: &Call) -> String {
    let mut content: Map<String, Value> = call
        .params
        .iter()
        .filter(|(name, _)| !name.to_lowercase().contains("password"))
        .filter(|(name, _)| name.starts_with(|c: char| c.is_ascii_lowercase()))
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    content.insert("customerId".to_owned(), json!("E2129298"));
    content.insert("userFrom".to_owned(), json!("cdsapi"));
    Value::Object(content).to_string()
}

/// `2098-12-31T16:00:00.000+0000`.
pub(super) fn offset_date(date: Timestamp) -> String {
    date.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}

/// `2022-05-07 14:03:44`, in China's time, without saying so.
pub(super) fn local_date(date: Timestamp) -> String {
    date.to_zoned(china()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Where the vendor's months begin.
pub(super) fn china() -> TimeZone {
    TimeZone::fixed(tz::offset(8))
}
