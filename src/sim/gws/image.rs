//! Images.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::instance::is_up;
use super::model::{Image, Step, becomes};
use super::params::wrong_state;
use super::quirks;
use super::wire::{china_date, fields, page};
use crate::sim::ledger::Kind;
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

type Result<T> = std::result::Result<T, ApiError>;

fn row(world: &World, image: &Image, number: u64) -> Value {
    let mut row = fields(json!({
        "CreateTime": china_date(image.created),
        "ImageId": image.id,
        "ImageType": if image.account.is_some() { "custom" } else { "system" },
        "Name": image.name,
        "Progress": format!("{}%", image.progress(world.now())),
        "Size": image.size,
        "Status": image.status,
    }));
    if world.settings.quirks {
        quirks::row(&mut row, number);
    }
    Value::Object(row)
}

pub(super) fn describe(world: &mut World, call: &Call) -> Result<Done> {
    let now = world.now();
    let rows: Vec<(u64, &Image)> = (0..)
        .zip(world.gws.images.values())
        .filter(|(_, image)| image.account.as_ref().is_none_or(|account| *account == call.account))
        .filter(|(_, image)| image.visible_from <= now)
        .collect();
    // The document gives this call no paging parameters, so without them it must show everything.
    let which = match call.optional("PageSize") {
        Some(_) => call.page(20)?,
        None => (call.page(20)?.0, rows.len().max(20)),
    };
    Ok(Done::read(page(&rows, which, "Images", |(number, image)| {
        row(world, image, *number)
    })))
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Done> {
    let name = call.name()?.map(str::to_owned);
    let needs_stopped = world.settings.capture_needs_stopped;
    let now = world.now();
    let ready = now + world.settings.durations.image;
    let instance = call.instance(world)?;
    let before = instance.status.clone();
    let allowed = before == "Stopped" || (is_up(&before) && !needs_stopped);
    if !allowed || instance.deleting {
        return Err(wrong_state(&instance.id, &before));
    }
    let source = instance.id.clone();
    let size = instance.disk_size;
    let mode = instance.stopped_mode.clone();
    "Cloning".clone_into(&mut instance.status);
    instance.steps = [(ready, Step::Status(before, mode))].into();
    let id = add(world, &call.account, name.as_deref(), size, true);
    if let Some(image) = world.gws.images.get_mut(&id) {
        "Creating".clone_into(&mut image.status);
        image.source = Some(source.clone());
        image.making = (now, ready);
        image.steps = [(ready, becomes("Available"))].into();
    }
    world.wake_at(ready);
    let mut done = Done::wrote(&id).field("ImageId", id.as_str());
    done.ids.push(source);
    done.made = Some((Kind::Image, id));
    Ok(done)
}

/// Adds a usable image.
pub(super) fn add(world: &mut World, account: &str, name: Option<&str>, size: i64, by_request: bool) -> String {
    let id = world.id("m");
    let image = Image {
        id: id.clone(),
        account: Some(account.to_owned()),
        name: name.map_or_else(|| format!("image-{id}"), str::to_owned),
        status: "Available".to_owned(),
        size,
        source: None,
        created: world.clock.date(world.now()),
        deleting: false,
        visible_from: 0,
        making: (0, 0),
        steps: VecDeque::new(),
    };
    world.gws.images.insert(id.clone(), image);
    world.born(Kind::Image, &id, account, by_request);
    id
}

pub(super) fn set_name(world: &mut World, call: &Call) -> Result<Done> {
    let name = call.required_name()?.to_owned();
    let image = call.own_image(world)?;
    image.name = name;
    Ok(Done::wrote(&image.id))
}

pub(super) fn delete(world: &mut World, call: &Call) -> Result<Done> {
    let now = world.now();
    let gone = now + world.settings.durations.delete;
    let image = call.own_image(world)?;
    let id = image.id.clone();
    if image.status == "Creating" {
        return Err(ApiError::new(
            403,
            "IncorrectImageStatus",
            "The image is still being created.",
        ));
    }
    if !image.deleting {
        image.deleting = true;
        "UnAvailable".clone_into(&mut image.status);
        image.steps = [(gone, Step::Gone)].into();
        world.wake_at(gone);
    }
    Ok(Done::wrote(&id))
}
