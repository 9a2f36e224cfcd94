//! Orders: from paying by the minute to paying by the month, and another term. Some of a batch may fail.

use super::model::Vm;
use super::params::{Args, Result, refused, unknown};
use super::time::{term, wake};
use super::vm::order_answer;
use super::wire::data;
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

/// Which desktops an order is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Those that are paid by the minute.
    Update,
    /// Those that are paid by the month.
    Renew,
}

pub(super) fn update(world: &mut World, call: &Call) -> Result<Done> {
    if world.capital_online.used_up.contains("month") {
        return Err(refused(12501, "当前用户包月购买已达配额上限"));
    }
    place(world, call, Order::Update)
}

pub(super) fn renew(world: &mut World, call: &Call) -> Result<Done> {
    Args(call).bit("priceToMonth")?;
    place(world, call, Order::Renew)
}

fn wrong_mode(order: Order) -> ApiError {
    match order {
        Order::Update => refused(12503, "该接口只能修改按需计费为包年包月"),
        Order::Renew => refused(12504, "该接口只用于续约包年包月"),
    }
}

fn place(world: &mut World, call: &Call, order: Order) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    let ids = args.list("vmIds")?;
    let months = args.number("duration", 1..=60)?.unwrap_or(1);
    let to_month = args.bit("isToMonth")?.unwrap_or(false);
    // The two calls have opposite defaults.
    let auto_renew = args.bit("isAutoRenewal")?.unwrap_or(order == Order::Renew);
    let today = world.clock.date(world.now());
    let fits = |vm: &Vm| vm.monthly() == (order == Order::Renew);
    let known: Vec<bool> = ids
        .iter()
        .filter_map(|id| args.own_vm(world, id).map(|vm| fits(vm)))
        .collect();
    if known.is_empty() {
        return Err(unknown("对应云桌面"));
    }
    if !known.contains(&true) {
        return Err(wrong_mode(order));
    }
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for id in ids {
        let ordered = args.own_vm(world, id).is_some_and(|vm| {
            let from = vm.expires.unwrap_or(today).max(today);
            let end = term(from, months, to_month);
            let works = fits(vm) && !vm.refuses_orders && vm.status != "deleteing" && end.is_some();
            if works {
                vm.expires = end;
                vm.auto_renew = auto_renew;
                if vm.status.starts_with("asMonth") {
                    "stop".clone_into(&mut vm.status);
                    vm.steps.clear();
                }
            }
            works
        });
        if ordered { &mut done } else { &mut failed }.push(id.to_owned());
    }
    wake(world);
    let message = if failed.is_empty() {
        ""
    } else {
        "部分云桌面订单操作失败"
    };
    Ok(Done {
        body: data(order_answer(call, &done, &failed, message)),
        wrote: !done.is_empty(),
        ids: done,
        ..Done::default()
    })
}
