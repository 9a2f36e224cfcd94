//! Networks: the default one of a site, which is made and repaired here, and those of the account's owner.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::model::{Edition, Net, NetStep, Subnet};
use super::params::{Args, Result, refused};
use super::time::begin;
use super::wire::{data, local_date};
use crate::sim::ledger::Kind;
use crate::sim::vendor::{Call, Done};
use crate::sim::world::World;

pub(super) fn create(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let site = args.site(world)?;
    let line = args.net_line(world, 13500)?;
    if default_net(world, &call.account, site, line).is_some() {
        return Err(refused(13500, "一键创建失败: 默认网络已存在"));
    }
    let id = add(world, &call.account, site, line, "云桌面默认VPC", false);
    world.born(Kind::Cluster, &id, &call.account, true);
    let due = world.now() + world.settings.durations.cluster;
    let (mut done, failure) = begin(world, call, due, &json!({}));
    let step = if failure.is_some() {
        NetStep::Broken
    } else {
        NetStep::Whole
    };
    if let Some(net) = world.capital_online.nets.get_mut(&id) {
        for part in net.subnets.iter_mut().chain(&mut net.gateways) {
            "creating".clone_into(&mut part.status);
        }
        net.steps = [(due, step)].into();
    }
    world.wake_at(due);
    done.ids = vec![id.clone()];
    done.made = Some((Kind::Cluster, id));
    Ok(done)
}

pub(super) fn supply(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let site = args.site(world)?;
    let line = args.net_line(world, 13506)?;
    let id = default_net(world, &call.account, site, line)
        .filter(|net| net.steps.is_empty())
        .map(|net| net.id.clone())
        .ok_or_else(|| refused(13506, "补全vpc网络失败"))?;
    let due = world.now() + world.settings.durations.cluster;
    let (mut done, failure) = begin(world, call, due, &json!({}));
    if let Some(net) = world.capital_online.nets.get_mut(&id).filter(|_| failure.is_none()) {
        net.steps = [(due, NetStep::Whole)].into();
    }
    world.wake_at(due);
    done.ids = vec![id];
    Ok(done)
}

/// The default network of an account at a site; in the newer edition there is one for each line.
fn default_net<'w>(world: &'w World, account: &str, site: &str, line: Option<i64>) -> Option<&'w Net> {
    world
        .capital_online
        .nets
        .values()
        .find(|net| !net.custom && net.account == account && net.site_id == site && net.line == line)
}

/// Adds a whole network. It does not enter the ledger.
pub(super) fn add(world: &mut World, account: &str, site: &str, line: Option<i64>, name: &str, custom: bool) -> String {
    let number = world.capital_online.serial();
    let id = uuid("7e700000", number);
    let created = world.clock.date(world.now());
    // Networks from the beginning have a line when the edition has them at all.
    let first = world.capital_online.lines.first().map(|line| line.id);
    let line = line.or(first.filter(|_| world.capital_online.edition == Edition::Y2023));
    let city = world.capital_online.site(site).map(|site| site.city.clone());
    let mut net = Net {
        id: id.clone(),
        account: account.to_owned(),
        site_id: site.to_owned(),
        name: format!("{}-{name}", city.unwrap_or_default()),
        custom,
        line,
        subnets: Vec::new(),
        gateways: Vec::new(),
        created,
        updated: created,
        number,
        visible_from: 0,
        steps: VecDeque::new(),
    };
    complete(world, &mut net);
    world.capital_online.nets.insert(id.clone(), net);
    id
}

/// Adds whatever a network lacks, and makes all of it work.
pub(super) fn complete(world: &mut World, net: &mut Net) {
    if net.subnets.is_empty() {
        let number = world.capital_online.serial();
        net.subnets.push(part(number, "子网1", 1, None));
    }
    if net.line.is_none() {
        let lines: Vec<_> = world.capital_online.lines.iter().take(2).cloned().collect();
        for (block, line) in (2..).zip(lines) {
            if net.gateways.iter().all(|gateway| gateway.line != Some(line.id)) {
                let number = world.capital_online.serial();
                let name = format!("{}默认网关", line.name);
                net.gateways.push(part(number, &name, block, Some(line.id)));
            }
        }
    }
    for part in net.subnets.iter_mut().chain(&mut net.gateways) {
        "ok".clone_into(&mut part.status);
    }
    net.updated = world.clock.date(world.now());
}

fn part(number: u64, name: &str, block: u8, line: Option<i64>) -> Subnet {
    Subnet {
        id: uuid("5b700000", number),
        name: name.to_owned(),
        status: "ok".to_owned(),
        block,
        vlan: 1000 + number % 3000,
        line,
    }
}

/// An id in the vendor's form that tells its number.
pub(super) fn uuid(kind: &str, number: u64) -> String {
    format!("{kind}-0000-4000-8000-{number:012}")
}

fn status_text(status: &str) -> &'static str {
    match status {
        "ok" => "正常",
        "erro" => "错误",
        "creating" => "创建中",
        "deleting" => "删除中",
        "updating" => "更新中",
        "deleted" => "已删除",
        "shutdown" => "等待删除",
        "stopping" => "禁用中",
        "starting" => "启用中",
        _ => "未知",
    }
}

fn part_row(world: &World, part: &Subnet) -> Value {
    let mut row = json!({
        // JSON in a string, as the vendor has it.
        "dns": "[\"119.29.29.29\",\"114.114.114.114\"]",
        "gateway": format!("10.{}.0.1", part.block),
        "id": part.id,
        "ip_address": format!("10.{}.0.0", part.block),
        "ip_type": if part.line.is_some() { "virtual_gateway" } else { "subnet" },
        "mask": 16,
        "name": part.name,
        "not_used": 65520,
        "used_num": 16,
        "status": part.status,
        "status_str": status_text(&part.status),
        "vlan_id": part.vlan.to_string(),
    });
    if let Some(line) = part.line.and_then(|line| world.capital_online.line(line)) {
        // Text here, a number among the billing schemes.
        row["conf_id"] = json!(line.id.to_string());
        row["conf_name"] = json!(line.name);
    }
    row
}

fn row(world: &World, net: &Net) -> Value {
    let subnets: Vec<Value> = net.subnets.iter().map(|part| part_row(world, part)).collect();
    let mut row = json!({
        "customerId": "E2129298",
        "userId": "713367",
        "vpcId": net.id,
        "vpcName": net.name,
        "vpcSegment": "10.0.0.0/8",
        "subnets": subnets,
    });
    match net.line.and_then(|line| world.capital_online.line(line)) {
        Some(line) => {
            row["bandwidth_conf_id"] = json!(line.id.to_string());
            row["bandwidth_conf_name"] = json!(line.name);
        }
        None => {
            // The table of the document says `vGateways`, every example this.
            row["vgateways"] = net.gateways.iter().map(|part| part_row(world, part)).collect();
        }
    }
    if !net.custom {
        row["id"] = json!(net.number);
        row["vpcRecordId"] = json!(uuid("4ec00000", net.number));
        row["cityId"] = json!(
            world
                .capital_online
                .site(&net.site_id)
                .map(|site| site.city_id.as_str())
        );
        row["createTime"] = json!(local_date(net.created));
        row["updateTime"] = json!(local_date(net.updated));
        row["deleteFlag"] = json!(false);
    }
    row
}

pub(super) fn get_default(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let site = args.site(world)?;
    let line = args.net_line(world, 13502)?;
    let now = world.now();
    let found = default_net(world, &call.account, site, line).filter(|net| net.visible_from <= now);
    let found = found.map_or(Value::Null, |net| row(world, net));
    Ok(Done::read(data(found)))
}

pub(super) fn get_custom(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let site = args.site(world)?;
    let line = args.net_line(world, 13502)?;
    let now = world.now();
    let rows: Vec<Value> = world
        .capital_online
        .nets
        .values()
        .filter(|net| net.custom && net.account == call.account && net.site_id == site)
        .filter(|net| line.is_none() || net.line == line)
        .filter(|net| net.visible_from <= now)
        .map(|net| row(world, net))
        .collect();
    Ok(Done::read(data(json!(rows))))
}
