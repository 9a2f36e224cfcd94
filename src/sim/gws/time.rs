//! What happens as time passes.

use std::collections::VecDeque;

use super::model::{Effect, Gws, Step};
use crate::sim::world::World;

/// Steps that are due, taken off the queue.
fn due(steps: &mut VecDeque<(u64, Step)>, now: u64) -> Vec<Step> {
    let mut taken = Vec::new();
    while let Some((_, step)) = steps.pop_front_if(|(moment, _)| *moment <= now) {
        taken.push(step);
    }
    taken
}

/// Lets every step and task happen that is due, and notes when the next one is.
pub(crate) fn advance(world: &mut World, now: u64) {
    let Gws {
        clusters,
        instances,
        images,
        tasks,
        ..
    } = &mut world.gws;
    let mut gone = Vec::new();
    for (id, cluster) in clusters.iter_mut() {
        for step in due(&mut cluster.steps, now) {
            match step {
                Step::Status(status, _) => cluster.status = status,
                Step::Gone => gone.push(id.clone()),
            }
        }
    }
    for (id, instance) in instances.iter_mut() {
        for step in due(&mut instance.steps, now) {
            match step {
                Step::Status(status, stopped_mode) => {
                    instance.status = status;
                    instance.stopped_mode = stopped_mode;
                }
                Step::Gone => gone.push(id.clone()),
            }
        }
    }
    for (id, image) in images.iter_mut() {
        for step in due(&mut image.steps, now) {
            match step {
                Step::Status(status, _) => image.status = status,
                Step::Gone => gone.push(id.clone()),
            }
        }
    }
    for task in tasks
        .values_mut()
        .filter(|task| !task.finished && task.due.is_some_and(|due| due <= now))
    {
        task.finished = true;
        match &task.effect {
            Effect::Query => {}
            Effect::ClusterPolicy(values) => {
                if let Some(cluster) = clusters.get_mut(&task.object) {
                    cluster.policy.extend(values.clone());
                }
            }
            Effect::DisplayPolicy(values) => {
                if let Some(display) = instances
                    .get_mut(&task.object)
                    .and_then(|instance| instance.display.as_mut())
                {
                    display.extend(values.clone());
                }
            }
            Effect::Domain(domain) => {
                if let Some(cluster) = clusters.get_mut(&task.object) {
                    cluster.domain.clone_from(domain);
                }
            }
        }
    }
    for id in gone {
        remove(world, &id, now);
    }
    wake(world);
}

/// Removes an object for good.
pub(crate) fn remove(world: &mut World, id: &str, now: u64) {
    world.gws.clusters.remove(id);
    world.gws.instances.remove(id);
    world.gws.images.remove(id);
    world.ledger.died(id, now);
}

/// Notes when the next step or task is due.
fn wake(world: &mut World) {
    let gws = &world.gws;
    let steps = gws
        .clusters
        .values()
        .map(|cluster| &cluster.steps)
        .chain(gws.instances.values().map(|instance| &instance.steps))
        .chain(gws.images.values().map(|image| &image.steps))
        .filter_map(|steps| steps.front().map(|(moment, _)| *moment));
    let tasks = gws
        .tasks
        .values()
        .filter(|task| !task.finished)
        .filter_map(|task| task.due);
    if let Some(next) = steps.chain(tasks).min() {
        world.wake_at(next);
    }
}
