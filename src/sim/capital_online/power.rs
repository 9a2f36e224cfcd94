//! Power, a new disk, a working network, deletion: whatever a task does to desktops.

use serde_json::json;

use super::model::{Step, Vm, becomes};
use super::params::{Args, Result, refused, unknown};
use super::time::{begin, vm_ids, wake};
use super::vm::check_image;
use crate::sim::vendor::{Call, Done};
use crate::sim::world::World;

/// Steps of a desktop with the time each takes after the last.
type Plan = Vec<(u64, Step)>;

/// Puts desktops on their way: all of them, or none. The first step is immediate; when the task is to fail, they end
/// as they were.
fn set_out(
    world: &mut World,
    call: &Call,
    ids: &[&str],
    allowed: fn(&Vm) -> bool,
    plan: impl Fn(u64) -> Plan,
) -> Result<Done> {
    let args = Args(call);
    for id in ids {
        let vm = args.own_vm(world, id).ok_or_else(|| unknown("云桌面"))?;
        if !allowed(vm) {
            return Err(refused(13002, "GPU云桌面执行操作失败"));
        }
    }
    let now = world.now();
    let steps = plan(world.settings.durations.power);
    let due = now + steps.iter().map(|(time, _)| time).sum::<u64>();
    let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
    let (mut done, failure) = begin(world, call, due, &vm_ids(&ids));
    for id in &ids {
        let Some(vm) = world.capital_online.vms.get_mut(id) else {
            continue;
        };
        let before = vm.status.clone();
        let mut at = now;
        let mut steps = steps.iter().map(|(time, step)| {
            at += time;
            (at, step.clone())
        });
        if let Some((_, Step::Status(status))) = steps.next() {
            vm.status = status;
        }
        vm.steps = match failure {
            Some(_) => [(due, becomes(&before))].into(),
            None => steps.collect(),
        };
    }
    wake(world);
    done.ids = ids;
    Ok(done)
}

pub(super) fn operate(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let ids = args.list("vmIds")?;
    match args.required("action")? {
        "on" => set_out(
            world,
            call,
            &ids,
            |vm| vm.status == "stop",
            |whole| vec![(0, becomes("starting")), (whole, becomes("using"))],
        ),
        "off" => set_out(
            world,
            call,
            &ids,
            |vm| vm.status == "using",
            |whole| vec![(0, becomes("stoping")), (whole, becomes("stop"))],
        ),
        "reboot" => set_out(
            world,
            call,
            &ids,
            |vm| vm.status == "using",
            |whole| vec![(0, becomes("rebooting")), (whole, becomes("using"))],
        ),
        _ => Err(refused(10006, "参数错误，暂不支持该操作")),
    }
}

pub(super) fn off_and_unbind(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let ids = args.list("vmIds")?;
    set_out(
        world,
        call,
        &ids,
        |vm| matches!(vm.status.as_str(), "using" | "stop"),
        |whole| vec![(0, becomes("stoping")), (whole, becomes("stop")), (0, Step::Unbound)],
    )
}

pub(super) fn config_net(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let ids = args.list("vmIds")?;
    set_out(
        world,
        call,
        &ids,
        |vm| vm.status == "netErr",
        |whole| vec![(0, becomes("configuring")), (whole, becomes("using"))],
    )
}

pub(super) fn rebuild(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    args.required("imageId")?;
    let (id, product, site, status) = {
        let vm = args.vm(world)?;
        (
            vm.id.clone(),
            vm.product_id.clone(),
            vm.site_id.clone(),
            vm.status.clone(),
        )
    };
    let (image, _) = check_image(world, call, &product, &site, 13002)?;
    if status != "stop" {
        return Err(refused(13004, "当前状态无法重装，仅支持关机状态的云桌面进行重装"));
    }
    let due = world.now() + world.settings.durations.image;
    let (mut done, failure) = begin(world, call, due, &json!({"vmId": id}));
    if let Some(vm) = world.capital_online.vms.get_mut(&id) {
        // Whether or not it ends well, the old disk is gone from now on.
        vm.wipes += 1;
        "configuring".clone_into(&mut vm.status);
        let end = match failure {
            Some(_) => becomes("error"),
            None => Step::Image(image, "stop".to_owned()),
        };
        vm.steps = [(due, end)].into();
    }
    wake(world);
    done.ids = vec![id];
    Ok(done)
}

/// States in which a desktop is busy with something else.
fn busy(status: &str) -> bool {
    matches!(
        status,
        "configuring" | "rebooting" | "starting" | "stoping" | "dataMoving" | "deleteing" | "destroying"
    )
}

pub(super) fn delete(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let (id, status) = {
        let vm = args.vm(world)?;
        (vm.id.clone(), vm.status.clone())
    };
    if status == "deleted" {
        return Err(unknown("云桌面"));
    }
    if busy(&status) {
        return Err(refused(13002, "GPU云桌面执行操作失败"));
    }
    let now = world.now();
    let whole = world.settings.durations.delete;
    let due = now + whole / 2;
    let (mut done, failure) = begin(world, call, due, &json!({"vmId": id}));
    if let Some(vm) = world.capital_online.vms.get_mut(&id) {
        "deleteing".clone_into(&mut vm.status);
        vm.steps = match failure {
            Some(_) => [(due, becomes(&status))].into(),
            None => [(due, becomes("deleted")), (now + whole, Step::Gone)].into(),
        };
    }
    wake(world);
    done.ids = vec![id];
    Ok(done)
}
