//! The front door of CloudDesktop and the form of its answers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{self, TimeZone};
use serde_json::{Map, Value, json};

use super::{catalog, desktop, image, lifecycle, quirks, tenant};
use crate::sim::auth;
use crate::sim::rpc::{self, invalid};
use crate::sim::vendor::{ApiError, Call, Done, Refusal, Request, Vendor};
use crate::sim::world::World;

/// Alibaba's RPC gateway in front of CloudDesktop.
pub(crate) struct Gateway;

/// Version that tells this product from others behind the same address.
pub(crate) const VERSION: &str = "2017-03-01";
const HOST: &str = "clouddesktop.cn-hangzhou.aliyuncs.com";

/// Carries out one action.
type Action = fn(&mut World, &Call) -> Result<Done, ApiError>;

/// The actions of the document.
fn documented(name: &str) -> Option<Action> {
    Some(match name {
        "DescribeRegions" => |world, _| Ok(catalog::describe_regions(world)),
        "DescribeDesktopTypeItems" => catalog::describe_type_items,
        "DescribeDesktopOwner" => |world, call| Ok(tenant::describe_owner(world, call)),
        "DescribeImages" => image::describe,
        "DescribeActivityDirectoryUsers" => |world, call| Ok(tenant::describe_users(world, call)),
        "CreateUser" => tenant::create_user,
        "DescribeAvailableResource" => catalog::describe_available_resource,
        "CreateDesktop" => desktop::create,
        "RenewDesktop" => desktop::renew,
        "DeleteDesktop" => desktop::delete,
        _ => return None,
    })
}

/// The actions that only the published client knows.
fn extended(name: &str) -> Option<Action> {
    Some(match name {
        "DescribeDesktops" => desktop::describe,
        "StartDesktop" => lifecycle::start,
        "StopDesktop" => lifecycle::stop,
        "RebootDesktop" => lifecycle::reboot,
        "ModifyDesktop" => lifecycle::rename,
        "ModifyDesktopUser" => lifecycle::set_user,
        "ReplaceDesktopImage" => lifecycle::replace_image,
        _ => return None,
    })
}

/// The action of a name, if the account is served it.
fn action(world: &mut World, account: &str, name: &str) -> Option<Action> {
    documented(name).or_else(|| extended(name).filter(|_| world.cloud_desktop.tenant(account).extended))
}

/// The gateway takes the first letter of a parameter in either case, and the document and the clients use both.
fn capitalised(params: BTreeMap<String, String>) -> BTreeMap<String, String> {
    params
        .into_iter()
        .map(|(name, value)| {
            let mut letters = name.chars();
            let name = letters.next().map_or_else(String::new, |first| {
                first.to_ascii_uppercase().to_string() + letters.as_str()
            });
            (name, value)
        })
        .collect()
}

impl Vendor for Gateway {
    fn admit(&self, world: &mut World, request: &Request) -> Result<Call, Refusal> {
        let params = rpc::union(request);
        let name = params.get("Action").cloned().unwrap_or_default();
        let checked = rpc::check_method(request)
            .and_then(|()| auth::admit(world, request.method.as_str(), &params))
            .and_then(|account| {
                let served = action(world, &account, &name).is_some();
                rpc::check_system_params(&params, VERSION, served)?;
                Ok(account)
            });
        let params = capitalised(params);
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
        match action(world, &call.account, &call.action) {
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
        // There are no tasks: what a desktop is on its way to is all there is to wait for.
        if let Some(desktop) = world.cloud_desktop.desktops.get_mut(task) {
            desktop.steps.clear();
        }
    }

    fn hide(&self, world: &mut World, id: &str, until: u64) {
        if let Some(desktop) = world.cloud_desktop.desktops.get_mut(id) {
            desktop.visible_from = until;
        }
    }
}

/// China's time, which the document's dates are in although they do not say so.
fn china() -> TimeZone {
    TimeZone::fixed(tz::offset(8))
}

/// `2019-10-12 07:35:00`.
pub(super) fn date(moment: Timestamp) -> String {
    moment.to_zoned(china()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A moment as `yyyy-MM-dd HH:mm:ss`, if there is one.
pub(super) fn moment(call: &Call, name: &str) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = call.optional(name) else {
        return Ok(None);
    };
    DateTime::strptime("%Y-%m-%d %H:%M:%S", text)
        .ok()
        .filter(|_| text.len() == 19)
        .and_then(|date| date.to_zoned(china()).ok())
        .map(|zoned| Some(zoned.timestamp()))
        .ok_or_else(|| invalid(name, "want yyyy-MM-dd HH:mm:ss"))
}

/// One page of rows, and the fields that say which. The document describes `PageCount` as the page's number and `Page`
/// as its length, against their names; with odd types that is what they are.
pub(super) fn page<T>(
    world: &World,
    call: &Call,
    rows: &[T],
    list: &str,
    render: impl Fn(&T) -> Value,
) -> Result<Map<String, Value>, ApiError> {
    let read = |name: &str, bound: i64, usual: usize| {
        let number = call.number(name, 1..=bound)?;
        Ok(number.and_then(|number| usize::try_from(number).ok()).unwrap_or(usual))
    };
    let number = read("Page", i64::from(i32::MAX), 1)?;
    let size = read("PageSize", 100, 20)?;
    let from = (number - 1).saturating_mul(size).min(rows.len());
    let to = from.saturating_add(size).min(rows.len());
    let (page_count, page) = if world.settings.quirks {
        (number, size)
    } else {
        (rows.len().div_ceil(size), number)
    };
    let rendered: Vec<Value> = rows[from..to].iter().map(render).collect();
    let mut body = Map::new();
    body.insert("Total".to_owned(), json!(rows.len()));
    body.insert("PageCount".to_owned(), json!(page_count));
    body.insert("Page".to_owned(), json!(page));
    body.insert(list.to_owned(), json!(rendered));
    Ok(body)
}
