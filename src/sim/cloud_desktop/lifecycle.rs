//! The lifecycle calls that only the published client knows. No document says from which states they work.

use super::desktop::{named, named_user, wrong_state};
use super::model::{Desktop, Step, becomes};
use super::{catalog, image};
use crate::sim::rpc::{invalid, not_found};
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

type Result<T> = std::result::Result<T, ApiError>;

/// Steps with their delays, as a part of the whole time and the whole.
type Plan<'a> = &'a [(u64, &'a str)];

/// Puts a desktop on its way from one of the states that allow it; the first step is immediate.
fn go(world: &mut World, call: &Call, from: &[&str], first: &str, plan: Plan<'_>) -> Result<Done> {
    let now = world.now();
    let desktop = named(world, call)?;
    if desktop.deleting || !from.contains(&desktop.status.as_str()) {
        return Err(wrong_state(desktop));
    }
    first.clone_into(&mut desktop.status);
    desktop.steps = plan
        .iter()
        .map(|(delay, status)| (now + delay, becomes(status)))
        .collect();
    let id = desktop.id.clone();
    if let Some((moment, _)) = plan.first() {
        world.wake_at(now + moment);
    }
    let mut done = Done::wrote(&id);
    done.task = Some(id);
    Ok(done)
}

pub(super) fn start(world: &mut World, call: &Call) -> Result<Done> {
    let whole = world.settings.durations.power;
    go(world, call, &["Stopped"], "Starting", &[(whole, "Running")])
}

pub(super) fn stop(world: &mut World, call: &Call) -> Result<Done> {
    call.flag("ForceStop")?;
    let whole = world.settings.durations.power;
    go(world, call, &["Running"], "Stopping", &[(whole, "Stopped")])
}

pub(super) fn reboot(world: &mut World, call: &Call) -> Result<Done> {
    call.flag("ForceStop")?;
    let whole = world.settings.durations.power;
    go(world, call, &["Running"], "Rebooting", &[(whole, "Running")])
}

/// A desktop that is there to be changed.
fn settled<'w>(world: &'w mut World, call: &Call) -> Result<&'w mut Desktop> {
    let desktop = named(world, call)?;
    if desktop.deleting || desktop.status == "Creating" {
        return Err(wrong_state(desktop));
    }
    Ok(desktop)
}

pub(super) fn rename(world: &mut World, call: &Call) -> Result<Done> {
    let name = call.required("DesktopName")?.to_owned();
    if name.chars().count() > 128 || name.chars().any(char::is_control) {
        return Err(invalid("DesktopName", "want 1 to 128 printable characters"));
    }
    let desktop = settled(world, call)?;
    desktop.name = name;
    Ok(Done::wrote(&desktop.id))
}

pub(super) fn set_user(world: &mut World, call: &Call) -> Result<Done> {
    let user_name = named_user(world, call)?;
    let user_group = call
        .required_word("UserGroup", &["Administrators", "Users"])?
        .to_owned();
    let desktop = settled(world, call)?;
    desktop.user_name = user_name;
    desktop.user_group = user_group;
    Ok(Done::wrote(&desktop.id))
}

pub(super) fn replace_image(world: &mut World, call: &Call) -> Result<Done> {
    let type_item_id = named(world, call)?.type_item_id.clone();
    let item = catalog::type_item(&type_item_id).ok_or_else(|| not_found("TypeItemId", &type_item_id))?;
    let (image_id, image_type) = image::named(world, call, item.desktop_type)?;
    let now = world.now();
    let ready = now + world.settings.durations.image;
    let desktop = named(world, call)?;
    // The disk is wiped, so it must not be in use.
    if desktop.deleting || desktop.status != "Stopped" {
        return Err(wrong_state(desktop));
    }
    desktop.image_id = image_id;
    image_type.clone_into(&mut desktop.image_type);
    "Rebuilding".clone_into(&mut desktop.status);
    desktop.steps = [(ready, Step::Status("Stopped".to_owned()))].into();
    let id = desktop.id.clone();
    world.wake_at(ready);
    let mut done = Done::wrote(&id);
    done.task = Some(id);
    Ok(done)
}
