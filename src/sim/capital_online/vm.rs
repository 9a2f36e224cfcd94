//! Desktops: creation with all its checks, the three queries, name and label.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::model::{Edition, Vm, becomes};
use super::net::uuid;
use super::params::{Args, Result, refused, unknown, wrong};
use super::price::own_disk;
use super::time::{begin, term, vm_ids, wake};
use super::wire::{data, lower_data, offset_date, request_content};
use crate::sim::ledger::Kind;
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

/// The vendor's way to say that something does not end.
const NEVER: &str = "2098-12-31T16:00:00.000+0000";

/// How long before the end of its term a desktop counts as expiring.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Image states in which desktops can be made of it.
const USABLE: [&str; 2] = ["Available", "Using"];

pub(super) fn query_all(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    let monthly = args.bit("billMethod")?;
    let now = world.now();
    let matches = |name: &str, value: Option<&str>| args.optional(name).is_none_or(|wanted| value == Some(wanted));
    let capital = &world.capital_online;
    let ids: Vec<&str> = capital
        .vms
        .values()
        .filter(|vm| vm.account == call.account && vm.visible_from <= now && vm.status != "deleted")
        .filter(|vm| {
            let email = vm.user.as_ref().and_then(|id| capital.sub_accounts.get(id));
            let net = capital.nets.get(&vm.vpc_id);
            monthly.is_none_or(|monthly| monthly == vm.monthly())
                && matches("siteId", Some(&vm.site_id))
                && matches("productId", Some(&vm.product_id))
                && matches("vpcId", Some(&vm.vpc_id))
                && matches("email", email.map(|user| user.email.as_str()))
                && matches("vpcName", net.map(|net| net.name.as_str()))
        })
        .map(|vm| vm.id.as_str())
        .collect();
    Ok(Done::read(data(json!({"vmIds": ids}))))
}

pub(super) fn query(world: &mut World, call: &Call) -> Result<Done> {
    let now = world.now();
    let id = {
        let vm = Args(call).vm(world)?;
        if vm.visible_from > now {
            return Err(unknown("云桌面"));
        }
        vm.id.clone()
    };
    let Some(vm) = world.capital_online.vms.get(&id) else {
        return Err(unknown("云桌面"));
    };
    Ok(Done::read(data(Value::Object(row(world, vm)))))
}

/// What the vendor tells of a desktop: neither its id nor its image.
fn row(world: &World, vm: &Vm) -> Map<String, Value> {
    let capital = &world.capital_online;
    let user = vm.user.as_ref().and_then(|id| capital.sub_accounts.get(id));
    let net = capital.nets.get(&vm.vpc_id);
    let subnet = net.and_then(|net| net.subnets.iter().find(|part| part.id == vm.subnet_id));
    let line = capital.line(vm.line).map(|line| line.name.as_str()).unwrap_or_default();
    let (high, low) = (vm.number / 250 % 250, vm.number % 250 + 4);
    let address = |text: String| {
        if vm.status == "configuring" {
            String::new()
        } else {
            text
        }
    };
    let mut row = Map::from_iter([
        ("vmName".to_owned(), json!(vm.name)),
        ("siteId".to_owned(), json!(vm.site_id)),
        ("billMethod".to_owned(), json!(i32::from(vm.monthly()))),
        ("productId".to_owned(), json!(vm.product_id)),
        ("vpcId".to_owned(), json!(vm.vpc_id)),
        (
            "vpcName".to_owned(),
            json!(net.map(|net| net.name.as_str()).unwrap_or_default()),
        ),
        (
            "eip".to_owned(),
            json!(address(format!("{line}:203.0.113.{}", vm.number % 254 + 1))),
        ),
        (
            "privateIp".to_owned(),
            json!(address(format!(
                "vlan{}:10.1.{high}.{low}",
                subnet.map_or(0, |part| part.vlan)
            ))),
        ),
        ("publicIp".to_owned(), json!(address(format!("10.3.{high}.{low}")))),
        ("bw".to_owned(), json!(vm.bandwidth)),
        (
            "accountName".to_owned(),
            json!(user.map(|user| user.name.as_str()).unwrap_or_default()),
        ),
        (
            "accountEmail".to_owned(),
            json!(user.map(|user| user.email.as_str()).unwrap_or_default()),
        ),
        ("expireTime".to_owned(), json!(expiry(vm))),
        ("label".to_owned(), json!(vm.label)),
        ("status".to_owned(), json!(vm.status)),
    ]);
    if world.settings.quirks && vm.number.is_multiple_of(2) {
        row.retain(|name, value| value != "" || name == "status");
        for name in ["billMethod", "bw"] {
            row.insert(name.to_owned(), json!(row[name].to_string()));
        }
        row.insert("hostName".to_owned(), Value::Null);
    }
    row
}

fn expiry(vm: &Vm) -> String {
    vm.expires.map_or_else(|| NEVER.to_owned(), offset_date)
}

pub(super) fn query_expiring(world: &mut World, call: &Call) -> Done {
    let today = world.clock.date(world.now());
    let soon = |end: Timestamp| end.duration_since(today) <= SOON;
    let rows: Vec<Value> = world
        .capital_online
        .vms
        .values()
        .filter(|vm| vm.account == call.account && vm.expires.is_some_and(soon))
        .map(|vm| {
            json!({
                "vmName": vm.name,
                "billMethod": i32::from(vm.monthly()),
                "expireTime": expiry(vm),
                "status": vm.status,
            })
        })
        .collect();
    Done::read(lower_data(json!(rows)))
}

/// The image, which must be usable for a product at a site.
pub(super) fn check_image(
    world: &World,
    call: &Call,
    product: &str,
    site: &str,
    unusable: u16,
) -> Result<(String, f64)> {
    let id = Args(call).required("imageId")?;
    let image = world
        .capital_online
        .images
        .get(id)
        .filter(|image| image.account.as_ref().is_none_or(|account| *account == call.account))
        .filter(|image| image.products.iter().any(|fits| fits == product))
        .ok_or_else(|| unknown("镜像"))?;
    let status = image.sites.get(site).ok_or_else(|| unknown("镜像"))?;
    if USABLE.contains(&status.as_str()) {
        Ok((image.id.clone(), image.size))
    } else {
        Err(refused(unusable, &format!("镜像状态{status}不可用")))
    }
}

/// Subnet and line of a new desktop.
fn check_net(world: &World, call: &Call, site: &str) -> Result<(String, i64)> {
    let args = Args(call);
    let failed = || refused(13505, "校验网络信息失败");
    let (vpc, subnet) = (args.required("vpcId")?, args.required("subnetNetId")?);
    // The document's table has one spelling, its sample the other.
    let gateway = |table: &str, sample: &str| args.optional(table).or_else(|| args.optional(sample));
    let gateway = (
        gateway("vGatewayNetId", "vgatewayNetId"),
        gateway("vGatewayConfId", "vgatewayConfId"),
    );
    let net = world
        .capital_online
        .nets
        .get(vpc)
        .filter(|net| net.account == call.account && net.site_id == site);
    let usable = |id: &str, parts: &[super::model::Subnet]| {
        let part = parts.iter().find(|part| part.id == id && part.status == "ok");
        part.map(|part| part.line)
    };
    if world.capital_online.edition == Edition::Y2023 {
        let net = net.ok_or_else(failed)?;
        usable(subnet, &net.subnets).ok_or_else(failed)?;
        return Ok((subnet.to_owned(), net.line.ok_or_else(failed)?));
    }
    let (Some(gateway_id), Some(line)) = gateway else {
        return Err(wrong("vGatewayNetId"));
    };
    let net = net.ok_or_else(failed)?;
    usable(subnet, &net.subnets).ok_or_else(failed)?;
    match usable(gateway_id, &net.gateways).flatten() {
        Some(found) if found.to_string() == line => Ok((subnet.to_owned(), found)),
        _ => Err(failed()),
    }
}

/// How a new desktop is paid for: the end of its term, and whether it renews itself.
fn read_billing(world: &World, args: Args<'_>) -> Result<(Option<Timestamp>, bool)> {
    let monthly = args.word("billCycle", &["minute", "month"])? == Some("month");
    let months = args.number("duration", 1..=60)?.unwrap_or(1);
    let to_month = args.bit("isToMonth")?.unwrap_or(false);
    let auto_renew = args.bit("isAutoRenewal")?.unwrap_or(false);
    args.bit("priceToMonth")?;
    let (cycle, code) = if monthly { ("month", 12501) } else { ("minute", 12502) };
    if world.capital_online.used_up.contains(cycle) {
        return Err(refused(
            code,
            "当前用户购买已达配额上限，请修改计费方式或联系销售人员增加配额",
        ));
    }
    if !monthly {
        return Ok((None, false));
    }
    let end = term(world.clock.date(world.now()), months, to_month).ok_or_else(|| wrong("duration"))?;
    Ok((Some(end), auto_renew))
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let name = args.required("name")?;
    let bandwidth = args.number("qos", 1..=1000)?.ok_or_else(|| wrong("qos"))?;
    let count = args.number("num", 1..=100)?.unwrap_or(1);
    let first = args.number("hostNo", 1..=999)?.unwrap_or(1);
    args.word("moneyType", &["CN", "US"])?;
    let product = args.required("productId")?;
    args.required("imageId")?;
    let site = args.site(world)?;
    if world.capital_online.product_at(product, site).is_none() {
        return Err(unknown("对应商品信息"));
    }
    let (image_id, image_size) = check_image(world, call, product, site, 13001)?;
    let ssd = own_disk(world.capital_online.edition, args, image_size)?;
    let allows = world
        .capital_online
        .product_at(product, site)
        .is_some_and(|p| p.allows_ssd);
    if ssd.is_some() && !allows {
        return Err(wrong("sysVolume"));
    }
    let (subnet_id, line) = check_net(world, call, site)?;
    let (expires, auto_renew) = read_billing(world, args)?;
    if world.capital_online.out_of_stock.contains(product) {
        return Err(refused(13000, "当前资源不足"));
    }
    let model = Vm {
        id: String::new(),
        account: call.account.clone(),
        name: name.to_owned(),
        status: "configuring".to_owned(),
        site_id: site.to_owned(),
        product_id: product.to_owned(),
        image_id,
        wipes: 0,
        vpc_id: args.required("vpcId")?.to_owned(),
        subnet_id,
        line,
        bandwidth,
        ssd,
        expires,
        auto_renew,
        label: String::new(),
        user: None,
        refuses_orders: false,
        created: world.clock.date(world.now()),
        number: 0,
        visible_from: 0,
        steps: VecDeque::new(),
    };
    let due = world.now() + world.settings.durations.instance;
    let ids: Vec<String> = (0..count)
        .map(|n| {
            // From the second on the names are numbered.
            let suffix = if n == 0 {
                String::new()
            } else {
                format!("_{:03}", first + n - 1)
            };
            let vm = Vm {
                name: format!("{name}{suffix}"),
                ..model.clone()
            };
            add(world, vm, true)
        })
        .collect();
    let (mut done, failure) = begin(world, call, due, &vm_ids(&ids));
    for id in &ids {
        if let Some(vm) = world.capital_online.vms.get_mut(id) {
            vm.steps = [(due, becomes(if failure.is_some() { "error" } else { "using" }))].into();
        }
    }
    wake(world);
    done.made = ids.first().map(|id| (Kind::Instance, id.clone()));
    done.ids = ids;
    Ok(done)
}

/// Adds a desktop with a new id.
pub(super) fn add(world: &mut World, mut vm: Vm, by_request: bool) -> String {
    vm.number = world.capital_online.serial();
    vm.id = match world.capital_online.edition {
        Edition::Y2022 => uuid("de500000", vm.number),
        Edition::Y2023 => format!("gcw-{:032x}", u128::from(vm.number)),
    };
    let id = vm.id.clone();
    world.born(Kind::Instance, &id, &vm.account, by_request);
    world.capital_online.vms.insert(id.clone(), vm);
    id
}

pub(super) fn rename(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let name = args.required("name")?;
    let vm = args.vm(world)?;
    name.clone_into(&mut vm.name);
    Ok(Done::wrote(&vm.id))
}

pub(super) fn label(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let ids = args.list("vmIds")?;
    let label = args.required("label")?;
    each(
        world,
        args,
        &ids,
        || refused(13015, "更新云桌面备注失败"),
        |vm| {
            label.clone_into(&mut vm.label);
        },
    )
}

/// Does the same to several desktops of the caller's own: to all of them, or to none.
pub(super) fn each(
    world: &mut World,
    args: Args<'_>,
    ids: &[&str],
    refusal: impl Fn() -> ApiError,
    change: impl Fn(&mut Vm),
) -> Result<Done> {
    for id in ids {
        args.own_vm(world, id).ok_or_else(&refusal)?;
    }
    for id in ids {
        if let Some(vm) = args.own_vm(world, id) {
            change(vm);
        }
    }
    Ok(Done {
        wrote: true,
        ids: ids.iter().map(|&id| id.to_owned()).collect(),
        ..Done::default()
    })
}

/// What the vendor says of several desktops in an answer without a task.
pub(super) fn order_answer(call: &Call, done: &[String], failed: &[String], message: &str) -> Value {
    json!({
        "successVmIds": done,
        "failedVmIds": failed,
        "failedMsg": message,
        "requestId": call.params.get("requestId"),
        "requestContent": request_content(call),
    })
}
