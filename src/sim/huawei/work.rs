//! What is done to desktops that are there: power, users, system disks, products.

use serde_json::{Map, Value, json};

use super::desktop::{GROUPS, check_user, product};
use super::job::{self, Part};
use super::model::{Desktop, Effect, Step};
use super::params::{Result, conflict, desktop_ids, flag, invalid, not_found, objects, required, text, word};
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

/// One operation on power: its word, the states it may begin in, what the desktop is called meanwhile, and its end.
struct Power {
    from: &'static [&'static str],
    meanwhile: &'static str,
    to: &'static str,
    registers: bool,
}

fn power_of(operation: &str) -> Option<Power> {
    let power = |from, meanwhile, to, registers| Power {
        from,
        meanwhile,
        to,
        registers,
    };
    Some(match operation {
        "os-start" => power(&["SHUTOFF", "HIBERNATED"], "powering-on", "ACTIVE", true),
        "os-stop" => power(&["ACTIVE"], "powering-off", "SHUTOFF", false),
        "reboot" => power(&["ACTIVE"], "rebooting", "ACTIVE", true),
        "os-hibernate" => power(&["ACTIVE"], "powering-off", "HIBERNATED", false),
        _ => return None,
    })
}

/// Begins an operation on a desktop, or says why not.
fn begin(desktop: &mut Desktop, power: &Power) -> Result<Effect> {
    if !desktop.task_status.is_empty() || desktop.frozen || !power.from.contains(&desktop.status.as_str()) {
        return Err(conflict(&format!(
            "the desktop is {} {}",
            desktop.status, desktop.task_status
        )));
    }
    desktop.take("", power.meanwhile, "UNREGISTER");
    desktop.steps.clear();
    Ok(Effect::Power(power.to, power.registers))
}

fn failure(id: &str, name: &str, error: &ApiError) -> Value {
    json!({"desktop_id": id, "desktop_name": name, "error_code": error.code, "error_msg": error.message})
}

/// Does something to each desktop; those it cannot be done to are named in an answer that says 200.
fn each(
    world: &mut World,
    call: &Call,
    ids: Vec<String>,
    kind: &str,
    takes: u64,
    mut one: impl FnMut(&mut Desktop) -> Result<Effect>,
) -> Done {
    let (mut parts, mut done, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for id in ids {
        match call.own_desktop(world, &id) {
            Err(error) => failed.push(failure(&id, "", &error)),
            Ok(desktop) => match one(desktop) {
                Ok(effect) => {
                    parts.push(Part::on(&id, effect));
                    done.push(id);
                }
                Err(error) => failed.push(failure(&id, &desktop.computer_name, &error)),
            },
        }
    }
    let answer = if parts.is_empty() {
        Done::default()
    } else {
        let job = job::begin(world, call.project(), kind, None, parts, takes);
        job::answer(&job, done)
    };
    answer.field("failed_operation_list", failed)
}

/// `POST /desktops/action`.
pub(super) fn power(world: &mut World, call: &Call) -> Result<Done> {
    let body = call.object()?;
    let ids = desktop_ids(body, 100)?;
    let power = power_of(required(body, "op_type")?).ok_or_else(|| invalid("op_type is not known"))?;
    if text(body, "type")?.is_some() {
        word(body, "type", &["SOFT", "HARD"])?;
    }
    let takes = world.settings.durations.power;
    Ok(each(world, call, ids, "batchRunDesktops", takes, |desktop| {
        begin(desktop, &power)
    }))
}

/// The same for a whole pool, whose word for hibernation is another one. Desktops that are there already are left out.
pub(super) fn power_pool(world: &mut World, call: &Call, pool: &str, operation: &str) -> Result<Done> {
    let operation = match operation {
        "hibernate" => "os-hibernate",
        "os-hibernate" => "",
        operation => operation,
    };
    let power = power_of(operation).ok_or_else(|| invalid("op_type is not known"))?;
    let takes = world.settings.durations.power;
    let (mut parts, mut ids) = (Vec::new(), Vec::new());
    let desktops = world.huawei.desktops.values_mut();
    for desktop in desktops.filter(|desktop| desktop.pool_id.as_deref() == Some(pool)) {
        if let Ok(effect) = begin(desktop, &power) {
            parts.push(Part::on(&desktop.id, effect));
            ids.push(desktop.id.clone());
        }
    }
    let job = job::begin(world, call.project(), "batchRunDesktops", Some(pool), parts, takes);
    Ok(job::answer(&job, ids))
}

fn user_of(row: &Map<String, Value>) -> Result<(String, String)> {
    let infos = objects(row, "attach_user_infos")?;
    let source = match infos.as_slice() {
        [] => row,
        [info] => info,
        _ => return Err(invalid("a desktop of one user takes one user")),
    };
    let group = word(source, "user_group", GROUPS)?;
    Ok((required(source, "user_name")?.to_owned(), group.to_owned()))
}

/// `POST /desktops/attach`: all or none.
pub(super) fn attach(world: &mut World, call: &Call) -> Result<Done> {
    let rows = objects(call.object()?, "desktops")?;
    if rows.is_empty() || rows.len() > 50 {
        return Err(invalid("desktops must be 1 to 50"));
    }
    let mut wanted = Vec::new();
    for row in rows {
        let id = required(row, "desktop_id")?;
        let (user, group) = user_of(row)?;
        check_user(world, call, &user)?;
        let desktop = call.own_desktop(world, id)?;
        if desktop.user.is_some() || !desktop.task_status.is_empty() || desktop.attach_state == "ATTACHING" {
            return Err(conflict(&format!("the desktop {id} has a user or is busy")));
        }
        wanted.push((id.to_owned(), user, group));
    }
    let mut parts = Vec::new();
    for (id, user, group) in &wanted {
        "ATTACHING".clone_into(&mut call.own_desktop(world, id)?.attach_state);
        let mut part = Part::on(id, Effect::Attach(user.clone(), group.clone()));
        part.user = Some(user.clone());
        parts.push(part);
    }
    let takes = world.settings.durations.task;
    let job = job::begin(world, call.project(), "attachUser", None, parts, takes);
    Ok(job::answer(&job, wanted.into_iter().map(|(id, ..)| id).collect()))
}

/// `POST /desktops/detach`.
pub(super) fn detach(world: &mut World, call: &Call) -> Result<Done> {
    let body = call.object()?;
    let ids = desktop_ids(body, 100)?;
    flag(body, "shutoff_after_detach")?;
    let takes = world.settings.durations.task;
    Ok(each(world, call, ids, "detachUser", takes, |desktop| {
        if desktop.user.is_none() || !desktop.task_status.is_empty() {
            return Err(conflict("the desktop has no user or is busy"));
        }
        "DEATTACHING".clone_into(&mut desktop.attach_state);
        Ok(Effect::Detach)
    }))
}

/// Begins something that a desktop must be idle for.
fn occupy(world: &mut World, call: &Call, id: &str, meanwhile: &'static str) -> Result<()> {
    let (now, whole) = (world.now(), world.settings.durations.task);
    let desktop = call.own_desktop(world, id)?;
    desktop.take("", meanwhile, "UNREGISTER");
    desktop.steps = match meanwhile {
        "rebuilding" => [(now + whole / 2, Step::State("", "rebuild_spawning", ""))].into(),
        _ => [(now + whole / 2, Step::State("", "resize_finish", ""))].into(),
    };
    world.wake_at(now + whole / 2);
    Ok(())
}

fn check_idle(world: &mut World, call: &Call, id: &str) -> Result<()> {
    let desktop = call.own_desktop(world, id)?;
    if desktop.task_status.is_empty() && matches!(desktop.status.as_str(), "ACTIVE" | "SHUTOFF") && !desktop.frozen {
        return Ok(());
    }
    Err(conflict(&format!(
        "the desktop {id} is {} {}",
        desktop.status, desktop.task_status
    )))
}

/// Gives desktops another system disk.
pub(super) fn rebuild_all(
    world: &mut World,
    call: &Call,
    ids: Vec<String>,
    image: &str,
    pool: Option<&str>,
) -> Result<Done> {
    for id in &ids {
        check_idle(world, call, id)?;
    }
    let mut parts = Vec::new();
    for id in &ids {
        occupy(world, call, id, "rebuilding")?;
        parts.push(Part::on(id, Effect::Rebuild(image.to_owned())));
    }
    let takes = world.settings.durations.task;
    let job = job::begin(world, call.project(), "rebuildDesktops", pool, parts, takes);
    Ok(job::answer(&job, ids))
}

/// `POST /desktops/rebuild`.
pub(super) fn rebuild(world: &mut World, call: &Call) -> Result<Done> {
    let body = call.object()?;
    let ids = desktop_ids(body, 100)?;
    let kind = word(body, "image_type", &["private", "gold"])?;
    let image = call.usable_image(world, required(body, "image_id")?, kind)?.id.clone();
    for id in &ids {
        call.own_desktop(world, id).map_err(|_| not_found("desktop", id))?;
    }
    rebuild_all(world, call, ids, &image, None)
}

/// Gives desktops another product.
pub(super) fn resize_all(
    world: &mut World,
    call: &Call,
    ids: Vec<String>,
    id: &str,
    pool: Option<&str>,
) -> Result<Done> {
    let product = product(world, id)?.id;
    for id in &ids {
        check_idle(world, call, id)?;
    }
    let mut parts = Vec::new();
    for id in &ids {
        occupy(world, call, id, "resize_prep")?;
        parts.push(Part::on(id, Effect::Resize(product.to_owned())));
    }
    let takes = world.settings.durations.task;
    let job = job::begin(world, call.project(), "resizeDesktops", pool, parts, takes);
    let jobs: Vec<Value> = ids.iter().map(|id| json!({"desktop_id": id, "job_id": job})).collect();
    Ok(Done {
        status: Some(202),
        ..job::answer(&job, ids)
    }
    .field("jobs", jobs))
}

/// `POST /desktops/resize`.
pub(super) fn resize(world: &mut World, call: &Call) -> Result<Done> {
    let body = call.object()?;
    word(body, "mode", &["STOP_DESKTOP"])?;
    let rows = objects(body, "desktops")?;
    let ids: Result<Vec<String>> = rows
        .into_iter()
        .map(|row| Ok(required(row, "desktop_id")?.to_owned()))
        .collect();
    let ids = ids?;
    if ids.is_empty() {
        return Err(invalid("desktops is required"));
    }
    resize_all(world, call, ids, required(body, "product_id")?, None)
}
