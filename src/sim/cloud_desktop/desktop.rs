//! Desktops: bought, renewed, listed and released.

use std::collections::VecDeque;

use jiff::{Span, Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::catalog::{in_stock, type_item};
use super::model::{Desktop, Order, Step, becomes};
use super::wire::{date, page};
use super::{image, quirks, token};
use crate::sim::ledger::Kind;
use crate::sim::rpc::{invalid, missing, not_found};
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

type Result<T> = std::result::Result<T, ApiError>;

/// Months that can be bought.
const MONTHS: [i64; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 24, 36];

/// An object's present state does not allow it.
pub(super) fn wrong_state(desktop: &Desktop) -> ApiError {
    ApiError::new(
        403,
        "IncorrectDesktopStatus",
        &format!(
            "The current status of {}, {}, does not support this operation.",
            desktop.id, desktop.status
        ),
    )
}

/// The desktop that `DesktopId` names.
pub(super) fn named<'w>(world: &'w mut World, call: &Call) -> Result<&'w mut Desktop> {
    let id = call.required("DesktopId")?;
    world
        .cloud_desktop
        .desktops
        .get_mut(id)
        .filter(|desktop| desktop.account == call.account)
        .ok_or_else(|| not_found("DesktopId", id))
}

/// Refuses a reseller who does not say for whom.
fn check_owner_id(world: &mut World, call: &Call) -> Result<()> {
    if world.cloud_desktop.tenant(&call.account).reseller {
        call.required("OwnerId")?;
    }
    Ok(())
}

/// The user that a request names, who must be one of the directory and have an address.
pub(super) fn named_user(world: &mut World, call: &Call) -> Result<String> {
    let name = call.required("UserName")?;
    let tenant = world.cloud_desktop.tenant(&call.account);
    match tenant.user(name) {
        None => Err(not_found("UserName", name)),
        Some(user) if user.email.is_empty() => Err(ApiError::new(
            400,
            "InvalidUserName.NoEmail",
            "The user has no email address.",
        )),
        Some(user) => Ok(user.name.clone()),
    }
}

/// The end of so many months from a moment on.
fn months_after(moment: Timestamp, months: i64) -> Result<Timestamp> {
    Span::new()
        .try_months(months)
        .and_then(|span| moment.to_zoned(TimeZone::UTC).checked_add(span))
        .map(|zoned| zoned.timestamp())
        .map_err(|_| invalid("Period", "too long"))
}

fn months(call: &Call) -> Result<i64> {
    let months = call.number("Period", 1..=36)?.ok_or_else(|| missing("Period"))?;
    if MONTHS.contains(&months) {
        Ok(months)
    } else {
        Err(invalid("Period", "want 1 to 9, 12, 24 or 36"))
    }
}

/// Notes an order; returns its id, a number of fifteen digits.
fn order(world: &mut World, account: &str, desktop_id: &str, months: Option<i64>, purchase: bool) -> String {
    let id = format!("2{:014}", world.serial());
    world.cloud_desktop.orders.push(Order {
        id: id.clone(),
        account: account.to_owned(),
        desktop_id: desktop_id.to_owned(),
        months,
        purchase,
    });
    id
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Done> {
    token::once(world, call, buy)
}

fn buy(world: &mut World, call: &Call) -> Result<Done> {
    let (desktop, months) = read_desktop(world, call)?;
    let id = add(world, desktop, true);
    let order_id = order(world, &call.account, &id, months, true);
    let ready = world.now() + world.settings.durations.instance;
    if let Some(desktop) = world.cloud_desktop.desktops.get_mut(&id) {
        desktop.order_id.clone_from(&order_id);
        "Creating".clone_into(&mut desktop.status);
        desktop.steps = [(ready, becomes("Running"))].into();
    }
    world.wake_at(ready);
    let mut done = Done::wrote(&id)
        .field("OrderId", order_id)
        .field("DesktopId", id.as_str());
    done.task = Some(id.clone());
    done.made = Some((Kind::Instance, id));
    Ok(done)
}

/// Adds a desktop with a new id.
pub(super) fn add(world: &mut World, mut desktop: Desktop, by_request: bool) -> String {
    desktop.number = world.serial();
    desktop.id = format!("cd-{:06}", desktop.number);
    desktop.ip = format!("10.0.{}.{}", desktop.number / 250 % 250, desktop.number % 250 + 2);
    if desktop.name.is_empty() {
        desktop.name = format!("desktop{:06}", desktop.number);
    }
    let id = desktop.id.clone();
    world.born(Kind::Instance, &id, &desktop.account, by_request);
    world.cloud_desktop.desktops.insert(id.clone(), desktop);
    id
}

/// The desktop that a request asks for, after all the vendor's checks, and the months it is paid for.
fn read_desktop(world: &mut World, call: &Call) -> Result<(Desktop, Option<i64>)> {
    for name in [
        "TypeItemId",
        "ChargeType",
        "VpcId",
        "ZoneId",
        "VSwitchId",
        "ImageId",
        "UserName",
        "UserGroup",
    ] {
        call.required(name)?;
    }
    check_owner_id(world, call)?;
    let owner = world.cloud_desktop.tenant(&call.account).owner.clone();
    if owner.status != "Active" {
        return Err(ApiError::new(
            403,
            "IncorrectOwnerStatus",
            "The configuration of the owner is not complete.",
        ));
    }
    let vpc_id = call.required("VpcId")?;
    if vpc_id != owner.vpc_id {
        return Err(not_found("VpcId", vpc_id));
    }
    let v_switch_id = call.required("VSwitchId")?;
    if !v_switch_id.starts_with("vsw-") {
        return Err(not_found("VSwitchId", v_switch_id));
    }
    let type_item_id = call.required("TypeItemId")?;
    let item = type_item(type_item_id).ok_or_else(|| not_found("TypeItemId", type_item_id))?;
    let zone_id = call.required("ZoneId")?;
    if !in_stock(world, item.id, zone_id)? {
        return Err(ApiError::new(
            403,
            "OperationDenied.NoStock",
            "The requested resource is sold out in the specified zone.",
        ));
    }
    let (image_id, image_type) = image::named(world, call, item.desktop_type)?;
    let user_name = named_user(world, call)?;
    let user_group = call.required_word("UserGroup", &["Administrators", "Users"])?;
    let charge_type = call.required_word("ChargeType", &["POSTPAY", "PREPAY"])?;
    let months = (charge_type == "PREPAY").then(|| months(call)).transpose()?;
    let created = world.clock.date(world.now());
    let expires = months.map(|months| months_after(created, months)).transpose()?;
    let desktop = Desktop {
        id: String::new(),
        account: call.account.clone(),
        order_id: String::new(),
        name: String::new(),
        status: "Running".to_owned(),
        type_item_id: item.id.to_owned(),
        charge_type: charge_type.to_owned(),
        vpc_id: vpc_id.to_owned(),
        zone_id: zone_id.to_owned(),
        v_switch_id: v_switch_id.to_owned(),
        image_id,
        image_type: image_type.to_owned(),
        user_name,
        user_group: user_group.to_owned(),
        ip: String::new(),
        created,
        expires,
        deleting: false,
        number: 0,
        visible_from: 0,
        steps: VecDeque::new(),
    };
    Ok((desktop, months))
}

pub(super) fn renew(world: &mut World, call: &Call) -> Result<Done> {
    token::once(world, call, prolong)
}

fn prolong(world: &mut World, call: &Call) -> Result<Done> {
    check_owner_id(world, call)?;
    let months = months(call)?;
    let now = world.clock.date(world.now());
    let desktop = named(world, call)?;
    let Some(expires) = desktop.expires else {
        return Err(charge_type_violation());
    };
    if desktop.deleting {
        return Err(wrong_state(desktop));
    }
    desktop.expires = Some(months_after(expires.max(now), months)?);
    let id = desktop.id.clone();
    let order_id = order(world, &call.account, &id, Some(months), false);
    Ok(Done::wrote(&id).field("OrderId", order_id))
}

fn charge_type_violation() -> ApiError {
    ApiError::new(
        403,
        "ChargeTypeViolation",
        "The operation is not permitted due to the charge type of the desktop.",
    )
}

pub(super) fn delete(world: &mut World, call: &Call) -> Result<Done> {
    check_owner_id(world, call)?;
    let gone = world.now() + world.settings.durations.delete;
    let desktop = named(world, call)?;
    let id = desktop.id.clone();
    if desktop.charge_type == "PREPAY" {
        return Err(charge_type_violation());
    }
    if desktop.deleting {
        return Ok(Done::wrote(&id));
    }
    if matches!(desktop.status.as_str(), "Creating" | "Rebuilding") {
        return Err(wrong_state(desktop));
    }
    desktop.deleting = true;
    "Deleting".clone_into(&mut desktop.status);
    desktop.steps = [(gone, Step::Gone)].into();
    world.wake_at(gone);
    Ok(Done::wrote(&id))
}

fn row(world: &World, desktop: &Desktop) -> Value {
    let mut row = json!({
        "DesktopId": desktop.id,
        "DesktopName": desktop.name,
        "DesktopIp": desktop.ip,
        "Status": desktop.status,
        "TypeItemId": desktop.type_item_id,
        "ZoneId": desktop.zone_id,
        "VpcId": desktop.vpc_id,
        "SwitchId": desktop.v_switch_id,
        "ImageId": desktop.image_id,
        "UserName": desktop.user_name,
        "UserGroup": desktop.user_group,
        "DesktopChargeType": desktop.charge_type,
        "CreateDate": date(desktop.created),
        "ExpiredDate": desktop.expires.map(date).unwrap_or_default(),
    });
    if let Some(fields) = row.as_object_mut().filter(|_| world.settings.quirks) {
        quirks::row(fields, desktop.number);
    }
    row
}

pub(super) fn describe(world: &mut World, call: &Call) -> Result<Done> {
    let now = world.now();
    let exactly = |name: &str, value: &str| call.optional(name).is_none_or(|wanted| wanted == value);
    let within = |name: &str, value: &str| call.optional(name).is_none_or(|part| value.contains(part));
    let rows: Vec<&Desktop> = world
        .cloud_desktop
        .desktops
        .values()
        .filter(|desktop| desktop.account == call.account && desktop.visible_from <= now)
        .filter(|desktop| {
            exactly("DesktopId", &desktop.id)
                && exactly("DesktopIp", &desktop.ip)
                && within("DesktopName", &desktop.name)
                && within("UserName", &desktop.user_name)
        })
        .collect();
    let body = page(world, call, &rows, "Desktops", |desktop| row(world, desktop))?;
    Ok(Done::read(body))
}
