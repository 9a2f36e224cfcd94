//! Images.

use serde_json::{Value, json};

use super::catalog::type_item;
use super::model::Image;
use super::quirks;
use super::wire::{date, moment, page};
use crate::sim::rpc::not_found;
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

type Result<T> = std::result::Result<T, ApiError>;

/// What the document calls an image of this owner.
pub(super) fn type_of(image: &Image) -> &'static str {
    if image.account.is_some() { "private" } else { "default" }
}

/// Whether an account may use an image.
fn usable_by(image: &Image, account: &str) -> bool {
    image.account.as_deref().is_none_or(|owner| owner == account)
}

fn row(world: &World, number: u64, image: &Image) -> Value {
    let mut row = json!({
        "ImageId": image.id,
        "ImageName": image.name,
        "ImageDesciption": image.description,
        "Platform": image.platform,
        "Architecture": "x86_64",
        "InstanceType": image.desktop_type,
        "Status": image.status,
        "CreationTime": date(image.created),
        "Process": format!("{}%", image.progress),
    });
    if let Some(fields) = row.as_object_mut().filter(|_| world.settings.quirks) {
        quirks::row(fields, number);
        // The document says nothing about the states of an image.
        if number.is_multiple_of(2) {
            fields.remove("Status");
        }
    }
    row
}

pub(super) fn describe(world: &mut World, call: &Call) -> Result<Done> {
    let wanted_type = call.word("ImageType", &["private", "default"])?.unwrap_or("private");
    let desktop_type = match call.optional("TypeItemId") {
        Some(id) => Some(type_item(id).ok_or_else(|| not_found("TypeItemId", id))?.desktop_type),
        None => None,
    };
    let wanted_id = call.optional("ImageId");
    let part = call.optional("ImageName").unwrap_or_default();
    let (from, to) = (moment(call, "FromDate")?, moment(call, "ToDate")?);
    let rows: Vec<(u64, &Image)> = (0..)
        .zip(world.cloud_desktop.images.values())
        .filter(|(_, image)| usable_by(image, &call.account) && type_of(image) == wanted_type)
        .filter(|(_, image)| wanted_id.is_none_or(|id| image.id == id))
        .filter(|(_, image)| desktop_type.is_none_or(|wanted| image.desktop_type == wanted))
        .filter(|(_, image)| image.name.contains(part))
        .filter(|(_, image)| from.is_none_or(|from| image.created >= from) && to.is_none_or(|to| image.created <= to))
        .collect();
    let body = page(world, call, &rows, "Images", |(number, image)| {
        row(world, *number, image)
    })?;
    Ok(Done::read(body))
}

/// The image that a request names, fit for a kind of desktops: its id and its type. Without a type it is taken for the
/// account's own, as listings take it.
pub(super) fn named(world: &World, call: &Call, desktop_type: &str) -> Result<(String, &'static str)> {
    let id = call.required("ImageId")?;
    let wanted_type = call.word("ImageType", &["private", "default"])?.unwrap_or("private");
    let image = world
        .cloud_desktop
        .images
        .get(id)
        .filter(|image| usable_by(image, &call.account))
        .filter(|image| type_of(image) == wanted_type)
        .ok_or_else(|| not_found("ImageId", id))?;
    if image.progress < 100 {
        return Err(ApiError::new(
            403,
            "IncorrectImageStatus",
            "The image is still being created.",
        ));
    }
    if image.desktop_type != desktop_type {
        return Err(ApiError::new(
            400,
            "InvalidImageId.NotSupported",
            "The image does not fit the type of the desktop.",
        ));
    }
    Ok((image.id.clone(), type_of(image)))
}
