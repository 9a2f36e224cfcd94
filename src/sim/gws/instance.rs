//! Desktops: creation with all its checks, listing, power, name, user.

use std::collections::VecDeque;

use jiff::{Span, Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::cluster::{check_network, domain_of, running};
use super::model::{App, Instance, PolicyField, Step, becomes, has_gpu};
use super::params::{invalid, missing, not_found, wrong_state};
use super::quirks;
use super::wire::{fields, minute_date, page};
use crate::sim::ledger::Kind;
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

type Result<T> = std::result::Result<T, ApiError>;

/// Instance types that exist. The last three are of families too old for ESSD disks.
const TYPES: [&str; 18] = [
    "ecs.c6.large",
    "ecs.c6.xlarge",
    "ecs.g6.large",
    "ecs.g6.xlarge",
    "ecs.g6.2xlarge",
    "ecs.g7.large",
    "ecs.g7.xlarge",
    "ecs.r6.large",
    "ecs.r6.xlarge",
    "ecs.t6-c1m2.large",
    "ecs.t6-c1m4.large",
    "ecs.gn6i-c4g1.xlarge",
    "ecs.gn6i-c8g1.2xlarge",
    "ecs.vgn6i-m4-vws.xlarge",
    "ecs.vgn6i-m8-vws.2xlarge",
    "ecs.gn5-c4g1.xlarge",
    "ecs.ga1.xlarge",
    "ecs.n4.large",
];
const WITHOUT_ESSD: [&str; 3] = ["ecs.gn5-", "ecs.ga1.", "ecs.n4."];
const MONTHS: [i64; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 24, 36, 48, 60];
/// The vendor's way to say that something does not end.
const NEVER: &str = "2099-12-31T15:59Z";

/// Whether a desktop in this state is up.
pub(super) fn is_up(status: &str) -> bool {
    matches!(status, "Registered" | "Unregistered" | "InUse")
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Done> {
    for name in [
        "ClusterId",
        "ImageId",
        "InstanceType",
        "SystemDiskCategory",
        "SystemDiskSize",
        "WorkMode",
    ] {
        call.required(name)?;
    }
    let (cluster_id, default_switch) = {
        let cluster = running(world, call)?;
        (cluster.id.clone(), cluster.v_switch_id.clone())
    };
    let instance = read_instance(world, call, &cluster_id, &default_switch)?;
    let id = add(world, instance, true);
    let now = world.now();
    let whole = world.settings.durations.instance;
    if let Some(instance) = world.gws.instances.get_mut(&id) {
        "Creating".clone_into(&mut instance.status);
        instance.steps = [
            (now + whole * 3 / 5, becomes("Initializing")),
            (now + whole, becomes("Registered")),
        ]
        .into();
    }
    world.wake_at(now + whole * 3 / 5);
    let mut done = Done::wrote(&id).field("InstanceId", id.as_str());
    done.made = Some((Kind::Instance, id));
    Ok(done)
}

/// Adds a desktop with a new id.
pub(super) fn add(world: &mut World, mut instance: Instance, by_request: bool) -> String {
    instance.number = world.serial();
    instance.id = format!("i-{:06}", instance.number);
    if instance.name.is_empty() {
        let siblings = world.gws.instances_of(&instance.cluster_id).count();
        let family = instance.instance_type.split('.').nth(1).unwrap_or("x").to_owned();
        instance.name = format!("c0-i{siblings:02}-xx-{family}");
    }
    let id = instance.id.clone();
    world.born(Kind::Instance, &id, &instance.account, by_request);
    world.gws.instances.insert(id.clone(), instance);
    id
}

/// The desktop that a request asks for, after all the vendor's checks.
fn read_instance(world: &World, call: &Call, cluster_id: &str, default_switch: &str) -> Result<Instance> {
    let image_id = call.required("ImageId")?;
    let image = world
        .gws
        .images
        .get(image_id)
        .filter(|image| image.account.as_ref().is_none_or(|account| *account == call.account))
        .ok_or_else(|| not_found("ImageId", image_id))?;
    if image.status != "Available" {
        return Err(ApiError::new(
            403,
            "IncorrectImageStatus",
            "The image is not available.",
        ));
    }
    let instance_type = call.required("InstanceType")?;
    let known = TYPES.contains(&instance_type) || world.settings.instance_types.iter().any(|t| t == instance_type);
    if !known {
        let mut error = not_found("InstanceType", instance_type);
        error.http = 400;
        return Err(error);
    }
    if world.gws.out_of_stock.contains(instance_type) {
        return Err(ApiError::new(
            403,
            "OperationDenied.NoStock",
            "The requested resource is sold out in the specified zone.",
        ));
    }
    let disk_category = call.required_word("SystemDiskCategory", &["cloud_efficiency", "cloud_ssd", "cloud_essd"])?;
    if disk_category == "cloud_essd" && WITHOUT_ESSD.iter().any(|family| instance_type.starts_with(family)) {
        return Err(ApiError::new(
            400,
            "InvalidSystemDiskCategory.ValueNotSupported",
            "The instance type does not support this disk category.",
        ));
    }
    let disk_size = call
        .number("SystemDiskSize", 20..=500)?
        .ok_or_else(|| missing("SystemDiskSize"))?;
    if disk_size < image.size {
        return Err(invalid("SystemDiskSize", "the disk is smaller than the image"));
    }
    let v_switch_id = call.optional("VSwitchId").unwrap_or(default_switch);
    check_network(world, None, Some(v_switch_id))?;
    let work_mode = call.required_word("WorkMode", &["Desktop", "Application"])?;
    let apps = read_apps(call, work_mode)?;
    let created = world.clock.date(world.now());
    let (charge_type, auto_renew, expires) = read_billing(call, created)?;
    let internet_charge_type = call
        .word("InternetChargeType", &["PayByTraffic", "PayByBandwidth"])?
        .unwrap_or("PayByTraffic");
    let bandwidth = (
        call.number("InternetMaxBandwidthIn", 1..=100)?.unwrap_or(4),
        call.number("InternetMaxBandwidthOut", 1..=100)?.unwrap_or(4),
    );
    Ok(Instance {
        id: String::new(),
        account: call.account.clone(),
        cluster_id: cluster_id.to_owned(),
        name: call.name()?.unwrap_or_default().to_owned(),
        status: "Registered".to_owned(),
        stopped_mode: None,
        instance_type: instance_type.to_owned(),
        image_id: image_id.to_owned(),
        disk_category: disk_category.to_owned(),
        disk_size,
        v_switch_id: v_switch_id.to_owned(),
        work_mode: work_mode.to_owned(),
        apps,
        public_address: call.flag_or("AllocatePublicAddress", true)?,
        internet_charge_type: internet_charge_type.to_owned(),
        bandwidth,
        charge_type: charge_type.to_owned(),
        auto_renew,
        expires,
        user: None,
        display: default_display(instance_type),
        created,
        deleting: false,
        number: 0,
        visible_from: 0,
        steps: VecDeque::new(),
    })
}

/// The display policy of a new desktop; none without a GPU.
pub(super) fn default_display(instance_type: &str) -> Option<PolicyField> {
    has_gpu(instance_type).then(|| {
        ["VisualLossless", "OptimizeFor3d"]
            .map(|name| (name.to_owned(), "off".to_owned()))
            .into()
    })
}

fn read_apps(call: &Call, work_mode: &str) -> Result<Vec<App>> {
    let mut apps = Vec::new();
    for n in 1..=10 {
        let part = |field: &str| call.optional(&format!("AppList.{n}.{field}")).map(str::to_owned);
        match (part("AppName"), part("AppPath"), part("AppArgs")) {
            (None, None, None) => break,
            (Some(name), Some(path), args) => apps.push(App {
                name,
                path,
                args: args.unwrap_or_default(),
            }),
            _ => return Err(missing(&format!("AppList.{n}.AppName"))),
        }
    }
    if call.params.keys().any(|name| name.starts_with("AppList.11.")) {
        return Err(invalid("AppList", "at most 10 applications"));
    }
    match work_mode {
        "Application" if apps.is_empty() => Err(missing("AppList.1.AppName")),
        "Desktop" if !apps.is_empty() => Err(invalid("AppList", "only for WorkMode Application")),
        _ => Ok(apps),
    }
}

fn read_billing(call: &Call, created: Timestamp) -> Result<(&'static str, bool, Option<Timestamp>)> {
    let auto_renew = call.flag("AutoRenew")?;
    if call
        .word("InstanceChargeType", &["PostPaid", "PrePaid"])?
        .unwrap_or("PostPaid")
        == "PostPaid"
    {
        return Ok(("PostPaid", auto_renew, None));
    }
    let count = call.number("Period", 1..=60)?.unwrap_or(1);
    let span = match call.word("PeriodUnit", &["Week", "Month"])?.unwrap_or("Month") {
        "Week" if count <= 4 => Span::new().try_weeks(count),
        "Month" if MONTHS.contains(&count) => Span::new().try_months(count),
        unit => return Err(invalid("Period", &format!("{count} is not offered by the {unit}"))),
    };
    let expires = span
        .and_then(|span| created.to_zoned(TimeZone::UTC).checked_add(span))
        .map_err(|_| invalid("Period", "too long"))?;
    Ok(("PrePaid", auto_renew, Some(expires.timestamp())))
}

fn row(world: &World, instance: &Instance) -> Value {
    let apps: Vec<Value> = instance
        .apps
        .iter()
        .map(|app| json!({"AppName": app.name, "AppPath": app.path, "AppArgs": app.args}))
        .collect();
    let (user_name, user_id) = instance.user.clone().unwrap_or_default();
    let expires = instance.expires.map_or_else(|| NEVER.to_owned(), minute_date);
    let mut row = fields(json!({
        "AppList": apps,
        "ClusterId": instance.cluster_id,
        "CreateTime": minute_date(instance.created),
        "DomainName": domain_of(world, &instance.cluster_id),
        "ExpireTime": expires,
        "ImageId": instance.image_id,
        "InstanceChargeType": instance.charge_type,
        "InstanceId": instance.id,
        "InstanceType": instance.instance_type,
        "IsBoundUser": instance.user.is_some(),
        "MaxBandwidthIn": instance.bandwidth.0,
        "MaxBandwidthOut": instance.bandwidth.1,
        "Name": instance.name,
        "Status": instance.status,
        "StoppedMode": instance.stopped_mode.as_deref().unwrap_or_default(),
        "UserName": user_name,
        "WorkMode": instance.work_mode,
    }));
    // The document calls it UserId, the published clients UserUid; with odd types each desktop has one of them.
    let number = user_id.parse::<i64>().map_or_else(|_| json!(user_id), Value::from);
    let even = instance.number.is_multiple_of(2);
    if !world.settings.quirks || even {
        row.insert("UserUid".to_owned(), number.clone());
    }
    if !world.settings.quirks || !even {
        row.insert("UserId".to_owned(), number);
    }
    if world.settings.quirks {
        quirks::row(&mut row, instance.number);
    }
    Value::Object(row)
}

pub(super) fn describe(world: &mut World, call: &Call) -> Result<Done> {
    let now = world.now();
    let matches = |name: &str, value: Option<&str>| call.optional(name).is_none_or(|wanted| value == Some(wanted));
    let rows: Vec<&Instance> = world
        .gws
        .instances
        .values()
        .filter(|instance| instance.account == call.account && instance.visible_from <= now)
        .filter(|instance| {
            let (name, number) = instance
                .user
                .as_ref()
                .map_or((None, None), |(n, u)| (Some(n.as_str()), Some(u.as_str())));
            matches("ClusterId", Some(&instance.cluster_id))
                && matches("InstanceId", Some(&instance.id))
                && matches("UserName", name)
                && matches("UserId", number)
                && matches("UserUid", number)
        })
        .collect();
    Ok(Done::read(page(&rows, call.page(10)?, "Instances", |instance| {
        row(world, instance)
    })))
}

pub(super) fn set_name(world: &mut World, call: &Call) -> Result<Done> {
    let name = call.required_name()?.to_owned();
    let instance = call.instance(world)?;
    instance.name = name;
    Ok(Done::wrote(&instance.id))
}

pub(super) fn set_user(world: &mut World, call: &Call) -> Result<Done> {
    let name = call.required("UserName")?.to_owned();
    let number = call
        .optional("UserUid")
        .or_else(|| call.optional("UserId"))
        .ok_or_else(|| missing("UserUid"))?
        .to_owned();
    if number.parse::<i64>().is_err() {
        return Err(invalid("UserUid", "want a number"));
    }
    let instance = call.instance(world)?;
    if instance.status == "Creating" || instance.deleting {
        return Err(wrong_state(&instance.id, &instance.status));
    }
    instance.user = Some((name, number));
    Ok(Done::wrote(&instance.id))
}

/// Puts a desktop on its way from one of the states that allow it; the first step is immediate.
fn power(world: &mut World, call: &Call, allowed: fn(&str) -> bool, plan: fn(u64, &str) -> Plan) -> Result<Done> {
    let now = world.now();
    let whole = world.settings.durations.power;
    let instance = call.instance(world)?;
    if instance.deleting || !allowed(&instance.status) {
        return Err(wrong_state(&instance.id, &instance.status));
    }
    let mut steps = plan(whole, &instance.charge_type).into_iter();
    if let Some((_, Step::Status(status, mode))) = steps.next() {
        instance.status = status;
        instance.stopped_mode = mode;
    }
    instance.steps = steps.map(|(delay, step)| (now + delay, step)).collect();
    let id = instance.id.clone();
    if let Some((moment, _)) = instance.steps.front().cloned() {
        world.wake_at(moment);
    }
    Ok(Done::wrote(&id))
}

/// Steps with their delays.
type Plan = Vec<(u64, Step)>;

pub(super) fn start(world: &mut World, call: &Call) -> Result<Done> {
    power(
        world,
        call,
        |status| status == "Stopped",
        |whole, _| vec![(0, becomes("Starting")), (whole, becomes("Registered"))],
    )
}

pub(super) fn stop(world: &mut World, call: &Call) -> Result<Done> {
    power(world, call, is_up, |whole, charge_type| {
        let mode = if charge_type == "PrePaid" {
            "Not-applicable"
        } else {
            "StopCharging"
        };
        let stopped = Step::Status("Stopped".to_owned(), Some(mode.to_owned()));
        vec![(0, becomes("Stopping")), (whole, stopped)]
    })
}

pub(super) fn restart(world: &mut World, call: &Call) -> Result<Done> {
    power(world, call, is_up, |whole, _| {
        vec![
            (0, becomes("Stopping")),
            (whole / 3, becomes("Starting")),
            (whole * 2 / 3, becomes("Unregistered")),
            (whole, becomes("Registered")),
        ]
    })
}

pub(super) fn delete(world: &mut World, call: &Call) -> Result<Done> {
    let now = world.now();
    let today = world.clock.date(now);
    let whole = world.settings.durations.delete;
    let instance = call.instance(world)?;
    let id = instance.id.clone();
    if instance.deleting {
        return Ok(Done::wrote(&id));
    }
    if matches!(instance.status.as_str(), "Creating" | "Cloning") {
        return Err(wrong_state(&id, &instance.status));
    }
    if instance.expires.is_some_and(|expires| expires > today) {
        return Err(ApiError::new(
            403,
            "ChargeTypeViolation",
            "The operation is not permitted due to the charge type of the instance.",
        ));
    }
    instance.deleting = true;
    if is_up(&instance.status) {
        "Stopping".clone_into(&mut instance.status);
    }
    instance.steps = [(now + whole, Step::Gone)].into();
    world.wake_at(now + whole);
    Ok(Done::wrote(&id))
}
