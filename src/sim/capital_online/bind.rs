//! Whose desktop it is.

use serde_json::json;

use super::model::{Edition, Vm};
use super::params::{Args, Result, refused};
use super::wire::data;
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

/// The rule: who has none yet may get one, on or off; whoever has one may change or lose it only while it is off.
fn may_change(vm: &Vm) -> bool {
    match vm.status.as_str() {
        "stop" => true,
        "using" => vm.user.is_none(),
        _ => false,
    }
}

pub(super) fn change(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let id = args.required("vmId")?;
    let failed = || refused(13011, "换绑GPU云桌面实例失败");
    let user = args.user(world)?.ok_or_else(failed)?.id.clone();
    let vm = args.own_vm(world, id).filter(|vm| may_change(vm)).ok_or_else(failed)?;
    vm.user = Some(user);
    Ok(Done::wrote(id))
}

pub(super) fn bind(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let ids = args.list("vmIds")?;
    let failed = || refused(13013, "绑定GPU云桌面实例失败");
    let user = args.user(world)?.ok_or_else(failed)?.id.clone();
    let free = |vm: &Vm| vm.user.is_none() && may_change(vm);
    several(world, args, &ids, failed, free, &|vm| vm.user = Some(user.clone()))
}

pub(super) fn unbind(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let ids = args.list("vmIds")?;
    let failed = || refused(13012, "解绑GPU云桌面实例失败");
    let off = |vm: &Vm| vm.status == "stop";
    several(world, args, &ids, failed, off, &|vm| vm.user = None)
}

/// Changes several desktops: in the older edition all of them or none, in the newer one each that allows it.
fn several(
    world: &mut World,
    args: Args<'_>,
    ids: &[&str],
    failed: impl Fn() -> ApiError,
    allowed: impl Fn(&Vm) -> bool,
    apply: &dyn Fn(&mut Vm),
) -> Result<Done> {
    let mut refusals = Vec::new();
    let mut good = Vec::new();
    for id in ids {
        match args.own_vm(world, id) {
            Some(vm) if allowed(vm) => good.push((*id).to_owned()),
            Some(_) => refusals.push(json!({"messsage": "云桌面状态不支持该操作", "vmId": id})),
            None => refusals.push(json!({"messsage": "对应云桌面不存在", "vmId": id})),
        }
    }
    let partial = world.capital_online.edition == Edition::Y2023;
    if !partial && !refusals.is_empty() {
        return Err(failed());
    }
    for id in &good {
        if let Some(vm) = args.own_vm(world, id) {
            apply(vm);
        }
    }
    let answer = json!({"failedNum": refusals.len(), "successNum": good.len(), "failedMsgs": refusals});
    Ok(Done {
        body: if partial { data(answer) } else { serde_json::Map::new() },
        wrote: !good.is_empty(),
        ids: good,
        ..Done::default()
    })
}
