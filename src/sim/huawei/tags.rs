//! Tags of desktops.

use super::params::{Result, invalid, not_found, tag, tags, word};
use super::show;
use crate::sim::vendor::{Call, Done};
use crate::sim::world::World;

fn wrote(id: &str) -> Done {
    Done {
        status: Some(204),
        ..Done::wrote(id)
    }
}

/// `GET /desktops/{desktop_id}/tags`.
pub(super) fn show(world: &mut World, call: &Call) -> Result<Done> {
    let desktop = call.own_desktop(world, &call.path_param("desktop_id"))?;
    Ok(Done::default().field("tags", show::tags(&desktop.tags)))
}

/// `POST /desktops/{desktop_id}/tags`.
pub(super) fn create(world: &mut World, call: &Call) -> Result<Done> {
    let row = call
        .object()?
        .get("tag")
        .and_then(|tag| tag.as_object())
        .ok_or_else(|| invalid("tag is required"))?;
    let (key, value) = tag(row)?;
    let desktop = call.own_desktop(world, &call.path_param("desktop_id"))?;
    desktop.tags.insert(key, value);
    Ok(wrote(&desktop.id))
}

/// `POST /desktops/{desktop_id}/tags/action`.
pub(super) fn change(world: &mut World, call: &Call) -> Result<Done> {
    let body = call.object()?;
    let action = word(body, "action", &["create", "delete"])?;
    let rows = tags(body, "tags")?;
    let desktop = call.own_desktop(world, &call.path_param("desktop_id"))?;
    for (key, value) in rows {
        if action == "create" {
            desktop.tags.insert(key, value);
        } else {
            desktop.tags.remove(&key);
        }
    }
    if desktop.tags.len() > 20 {
        return Err(invalid("a desktop has 20 tags at most"));
    }
    Ok(wrote(&desktop.id))
}

/// `DELETE /desktops/{desktop_id}/tags/{key}`.
pub(super) fn delete(world: &mut World, call: &Call) -> Result<Done> {
    let key = call.path_param("key");
    let desktop = call.own_desktop(world, &call.path_param("desktop_id"))?;
    if desktop.tags.remove(&key).is_none() {
        return Err(not_found("tag", &key));
    }
    Ok(wrote(&desktop.id))
}
