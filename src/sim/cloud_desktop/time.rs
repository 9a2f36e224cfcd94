//! What happens as time passes.

use super::model::Step;
use crate::sim::world::World;

/// Lets every step happen that is due, and notes when the next one is.
pub(crate) fn advance(world: &mut World, now: u64) {
    let mut gone = Vec::new();
    for (id, desktop) in &mut world.cloud_desktop.desktops {
        while let Some((_, step)) = desktop.steps.pop_front_if(|(moment, _)| *moment <= now) {
            match step {
                Step::Status(status) => desktop.status = status,
                Step::Gone => gone.push(id.clone()),
            }
        }
    }
    for id in gone {
        remove(world, &id, now);
    }
    let next = world
        .cloud_desktop
        .desktops
        .values()
        .filter_map(|desktop| desktop.steps.front().map(|(moment, _)| *moment))
        .min();
    if let Some(next) = next {
        world.wake_at(next);
    }
}

/// Removes a desktop or an image for good.
pub(super) fn remove(world: &mut World, id: &str, now: u64) {
    world.cloud_desktop.desktops.remove(id);
    world.cloud_desktop.images.remove(id);
    world.ledger.died(id, now);
}
