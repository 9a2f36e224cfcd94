//! What happens as time passes.

use super::image;
use super::model::{Desktop, Effect, Step};
use super::pool_life;
use crate::sim::ledger::Kind;
use crate::sim::world::World;

/// How long a desktop's state lags behind the job that changes it.
pub(super) fn lag(world: &World) -> u64 {
    (world.settings.durations.power / 5).max(1)
}

/// Lets every step and part happen that is due, and notes when the next one is.
pub(crate) fn advance(world: &mut World, now: u64) {
    let mut gone = Vec::new();
    for (id, desktop) in &mut world.huawei.desktops {
        while let Some((_, step)) = desktop.steps.pop_front_if(|(moment, _)| *moment <= now) {
            match step {
                Step::State(status, task, login) => desktop.take(status, task, login),
                Step::Gone => gone.push(id.clone()),
            }
        }
    }
    for id in gone {
        remove(world, &id, now);
    }
    let mut births = Vec::new();
    let mut ends = Vec::new();
    for job in world.huawei.jobs.values_mut() {
        for part in job.parts.iter_mut().filter(|part| part.ended.is_none()) {
            if let Some(birth) = part.birth.take_if(|birth| birth.at <= now) {
                part.desktop = Some(birth.desktop.id.clone());
                "RUNNING".clone_into(&mut part.state);
                births.push(birth);
            }
            if part.due.is_some_and(|due| due <= now) {
                part.ended = Some(now);
                "SUCCESS".clone_into(&mut part.state);
                if let Some(desktop) = &part.desktop {
                    ends.push((desktop.clone(), part.effect.clone()));
                }
            }
        }
    }
    for birth in births {
        insert(world, *birth.desktop, birth.request);
    }
    for (desktop, effect) in ends {
        finish(world, &desktop, effect, now);
    }
    pool_life::autoscale(world);
    wake(world);
}

/// Adds a desktop, and records the request that made it.
pub(super) fn insert(world: &mut World, desktop: Desktop, request: Option<u64>) {
    world.born_of(Kind::Instance, &desktop.id, &desktop.account, request);
    world.huawei.desktops.insert(desktop.id.clone(), desktop);
}

/// Does what the end of a job's part does.
fn finish(world: &mut World, id: &str, effect: Effect, now: u64) {
    let lag = lag(world);
    match effect {
        Effect::Gone => return remove(world, id, now),
        Effect::Capture(ref name, request) => image::add(world, id, name, request),
        _ => {}
    }
    let image_name = match &effect {
        Effect::Rebuild(image) => world.huawei.images.get(image).map(|image| image.name.clone()),
        _ => None,
    };
    let broken = match &effect {
        Effect::Rebuild(image) => world.huawei.broken_images.contains(image),
        Effect::Ready => {
            let made = world.huawei.desktops.get(id);
            made.is_some_and(|desktop| world.huawei.broken_images.contains(&desktop.image_id))
        }
        _ => false,
    };
    let Some(desktop) = world.huawei.desktops.get_mut(id) else {
        return;
    };
    let mut settles = |status: &'static str, registers: bool| {
        desktop.steps = [(now + lag, Step::State(status, "", "UNREGISTER"))].into();
        if registers {
            desktop
                .steps
                .push_back((now + 2 * lag, Step::State(status, "", "REGISTERED")));
        }
    };
    match effect {
        Effect::Ready => {
            settles("ACTIVE", true);
            if desktop.user.is_some() {
                "ATTACHED".clone_into(&mut desktop.attach_state);
            }
        }
        Effect::Power(status, registers) => settles(status, registers),
        Effect::Attach(user, group) => {
            desktop.user = Some((user, group));
            "ATTACHED".clone_into(&mut desktop.attach_state);
            desktop.task_status.clear();
        }
        Effect::Detach => {
            desktop.user = None;
            let nobody = if desktop.number.is_multiple_of(2) {
                "DEATTACHED"
            } else {
                "UNATTACH"
            };
            nobody.clone_into(&mut desktop.attach_state);
            desktop.task_status.clear();
        }
        Effect::Rebuild(image) => {
            settles("ACTIVE", true);
            desktop.image_id = image;
            desktop.image_name = image_name.unwrap_or_default();
        }
        Effect::Resize(product) => {
            settles("ACTIVE", true);
            desktop.product_id = product;
        }
        Effect::Capture(..) => desktop.task_status.clear(),
        Effect::Gone => {}
    }
    if broken {
        // Its job has succeeded all the same.
        desktop.steps = [(now + lag, Step::State("ERROR", "", "UNREGISTER"))].into();
    }
}

/// Removes an object for good, and what named it.
pub(crate) fn remove(world: &mut World, id: &str, now: u64) {
    let huawei = &mut world.huawei;
    if let Some(desktop) = huawei.desktops.remove(id) {
        for group in huawei.policy_groups.values_mut() {
            group.targets.retain(|(_, target, _)| *target != desktop.sid);
        }
    }
    if huawei.pools.remove(id).is_some() || huawei.users.remove(id).is_some() {
        for group in huawei.policy_groups.values_mut() {
            group.targets.retain(|(_, target, _)| target != id);
        }
    }
    huawei.policy_groups.remove(id);
    huawei.images.remove(id);
    world.ledger.died(id, now);
}

/// Notes when the next step or part is due.
fn wake(world: &mut World) {
    let huawei = &world.huawei;
    let steps = huawei
        .desktops
        .values()
        .filter_map(|desktop| desktop.steps.front().map(|(moment, _)| *moment));
    let parts = huawei
        .jobs
        .values()
        .flat_map(|job| &job.parts)
        .filter(|part| part.ended.is_none())
        .flat_map(|part| part.due.into_iter().chain(part.birth.as_ref().map(|birth| birth.at)));
    if let Some(next) = steps.chain(parts).min() {
        world.wake_at(next);
    }
}
