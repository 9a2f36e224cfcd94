//! Tasks, and what happens as time passes.

use std::collections::VecDeque;

use jiff::{Span, Timestamp};
use serde_json::{Map, Value, json};

use super::model::{Edition, NetStep, Step, Task, Vm, becomes};
use super::net::{complete, uuid};
use super::params::{Args, Result, unknown};
use super::wire::{china, data, request_content};
use crate::sim::clock::Clock;
use crate::sim::vendor::{Call, Done};
use crate::sim::world::World;

/// Begins the task of a call: its answer, with the fields given, and why the task is going to fail, if it is.
pub(super) fn begin(world: &mut World, call: &Call, due: u64, fields: &Value) -> (Done, Option<String>) {
    let capital = &mut world.capital_online;
    let armed = capital.failing.iter().position(|(action, _)| *action == call.action);
    let failure = armed.map(|at| capital.failing.remove(at).1);
    // Of their own, so that neighbouring desktops have neighbouring numbers.
    let number = world.capital_online.tasks.len() as u64 + 1;
    let task_id = match world.capital_online.edition {
        Edition::Y2022 => uuid("7a5c0000", number),
        Edition::Y2023 => format!("gcw-{:032x}", u128::from(number) << 64),
    };
    let request_id = call.params.get("requestId").cloned().unwrap_or_default();
    let mut answer = json!({
        "requestContent": request_content(call),
        "requestId": request_id,
        "taskId": task_id,
    });
    if let (Some(answer), Some(fields)) = (answer.as_object_mut(), fields.as_object()) {
        answer.extend(fields.clone());
    }
    let task = Task {
        account: call.account.clone(),
        request_id,
        due: Some(due),
        ended: false,
        failure: failure.clone(),
    };
    world.capital_online.tasks.insert(task_id.clone(), task);
    let done = Done {
        body: data(answer),
        wrote: true,
        task: Some(task_id),
        ..Done::default()
    };
    (done, failure)
}

pub(super) fn query_task(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    let task_id = args.required("taskId")?;
    let request_id = args.request_id()?;
    let task = world
        .capital_online
        .tasks
        .get(task_id)
        .filter(|task| task.account == call.account && task.request_id == request_id)
        .ok_or_else(|| unknown("任务"))?;
    let status = match (task.ended, &task.failure) {
        (false, _) => "Running",
        (true, Some(_)) => "Failed",
        (true, None) => "Completed",
    };
    let reason = task.failure.as_deref().filter(|_| task.ended).unwrap_or_default();
    Ok(Done::read(data(json!({
        "taskId": task_id,
        "requestId": request_id,
        "status": status,
        "failReason": reason,
    }))))
}

/// Items that are due, taken off the queue.
fn due<T>(steps: &mut VecDeque<(u64, T)>, now: u64) -> Vec<T> {
    let mut taken = Vec::new();
    while let Some((_, step)) = steps.pop_front_if(|(moment, _)| *moment <= now) {
        taken.push(step);
    }
    taken
}

/// The moment that belongs to a date; 0 for one before the start.
fn moment(clock: &Clock, date: Timestamp) -> u64 {
    u64::try_from(date.duration_since(clock.date(0)).as_millis()).unwrap_or(0)
}

/// Whether the end of its term has been seen to.
fn ended(status: &str) -> bool {
    status.starts_with("asMonth") || status.starts_with("destroy") || status.starts_with("delete")
}

/// Lets every step happen that is due, and notes when the next one is.
pub(crate) fn advance(world: &mut World, now: u64) {
    for task in world.capital_online.tasks.values_mut() {
        task.ended |= task.due.is_some_and(|due| due <= now);
    }
    for user in world.capital_online.sub_accounts.values_mut() {
        if user.ready_at.take_if(|ready| *ready <= now).is_some() {
            "create".clone_into(&mut user.status);
        }
    }
    let power = world.settings.durations.power;
    let today = world.clock.date(now);
    let mut gone = Vec::new();
    for vm in world.capital_online.vms.values_mut() {
        for step in due(&mut vm.steps, now) {
            match step {
                Step::Status(status) => vm.status = status,
                Step::Image(image, status) => (vm.image_id, vm.status) = (image, status),
                Step::Unbound => vm.user = None,
                Step::Gone => gone.push(vm.id.clone()),
            }
        }
        if vm.expires.is_some_and(|end| end <= today) && !ended(&vm.status) {
            expire(vm, now, power);
        }
    }
    for id in gone {
        remove(world, &id);
    }
    let nets: Vec<String> = world.capital_online.nets.keys().cloned().collect();
    for id in nets {
        let Some(mut net) = world.capital_online.nets.remove(&id) else {
            continue;
        };
        for step in due(&mut net.steps, now) {
            match step {
                NetStep::Whole => complete(world, &mut net),
                NetStep::Broken => {
                    for part in net.subnets.iter_mut().chain(&mut net.gateways) {
                        "erro".clone_into(&mut part.status);
                    }
                }
            }
        }
        world.capital_online.nets.insert(id, net);
    }
    wake(world);
}

/// The end of a desktop's term: another month, or the end.
fn expire(vm: &mut Vm, now: u64, power: u64) {
    let longer = vm.expires.filter(|_| vm.auto_renew).and_then(|end| add_months(end, 1));
    if longer.is_some() {
        vm.expires = longer;
    } else {
        "asMonthExpiring".clone_into(&mut vm.status);
        vm.steps = [(now + power, becomes("asMonthExpired"))].into();
    }
}

/// So many months later, by China's calendar.
pub(super) fn add_months(date: Timestamp, months: i64) -> Option<Timestamp> {
    let span = Span::new().try_months(months).ok()?;
    Some(date.to_zoned(china()).checked_add(span).ok()?.timestamp())
}

/// The end of a term: whole months, or whole months counted from the first of this one.
pub(super) fn term(from: Timestamp, months: i64, to_month: bool) -> Option<Timestamp> {
    if !to_month {
        return add_months(from, months);
    }
    let first = from.to_zoned(china()).first_of_month().ok()?.start_of_day().ok()?;
    add_months(first.timestamp(), months)
}

/// Removes a desktop, a network or a sub-account for good.
pub(crate) fn remove(world: &mut World, id: &str) {
    let now = world.now();
    world.capital_online.vms.remove(id);
    world.capital_online.nets.remove(id);
    if world.capital_online.sub_accounts.remove(id).is_some() {
        for vm in world.capital_online.vms.values_mut() {
            vm.user.take_if(|user| user == id);
        }
    }
    world.ledger.died(id, now);
}

/// Notes when the next step is due.
pub(super) fn wake(world: &mut World) {
    let capital = &world.capital_online;
    let tasks = capital
        .tasks
        .values()
        .filter(|task| !task.ended)
        .filter_map(|task| task.due);
    let vms = capital.vms.values();
    let steps = vms.clone().filter_map(|vm| vm.steps.front().map(|(at, _)| *at));
    let ends = vms
        .filter(|vm| !ended(&vm.status))
        .filter_map(|vm| Some(moment(&world.clock, vm.expires?)));
    let nets = capital
        .nets
        .values()
        .filter_map(|net| net.steps.front().map(|(at, _)| *at));
    let users = capital.sub_accounts.values().filter_map(|user| user.ready_at);
    if let Some(next) = tasks.chain(steps).chain(ends).chain(nets).chain(users).min() {
        world.wake_at(next);
    }
}

/// `{"vmIds": [...]}`.
pub(super) fn vm_ids(ids: &[String]) -> Value {
    Value::Object(Map::from_iter([("vmIds".to_owned(), json!(ids))]))
}
