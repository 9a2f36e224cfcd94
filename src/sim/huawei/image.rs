//! Images.

use serde_json::{Value, json};

use super::job::{self, Part};
use super::model::{Effect, Image};
use super::params::{Result, conflict, flag, invalid, required, uuid};
use crate::sim::ledger::Kind;
use crate::sim::vendor::{Call, Done};
use crate::sim::world::World;

/// `GET /images`. No status: what is listed can be used.
pub(super) fn list(world: &mut World, call: &Call) -> Result<Done> {
    let now = world.now();
    let is = |name: &str, value: &str| call.asked(name).is_none_or(|wanted| wanted == value);
    let mut images: Vec<&Image> = world
        .huawei
        .images
        .values()
        .filter(|image| image.project.as_deref().is_none_or(|project| call.owns(project)))
        .filter(|image| image.visible_from <= now)
        .filter(|image| is("image_id", &image.id) && is("image_type", image.kind()) && is("os_type", &image.os_type))
        .collect();
    images.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    let rows: Vec<Value> = images
        .into_iter()
        .map(|image| {
            json!({
                "id": image.id,
                "name": image.name,
                "image_type": image.kind(),
                "os_type": image.os_type,
                "os_version": image.os_version,
                "architecture": "x86",
                "min_disk": image.min_disk,
                "min_ram": 0,
                "disk_format": "qcow2",
                "created_at": image.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            })
        })
        .collect();
    let (total, rows) = call.slice(rows, 100, 0..=100)?;
    Ok(Done::default().field("images", rows).field("total_count", total))
}

/// `POST /desktops/desktop-to-image`: a job, and no id. Two images may have the same name.
pub(super) fn create(world: &mut World, call: &Call) -> Result<Done> {
    let body = call.object()?;
    let id = required(body, "desktop_id")?.to_owned();
    let name = required(body, "image_name")?.to_owned();
    if name.chars().count() > 128 {
        return Err(invalid("image_name must be 128 characters at most"));
    }
    flag(body, "execute_sysprep")?;
    let must_stop = world.settings.capture_needs_stopped;
    let desktop = call.own_desktop(world, &id)?;
    let fits = match desktop.status.as_str() {
        "SHUTOFF" => true,
        "ACTIVE" => !must_stop,
        _ => false,
    };
    if !desktop.task_status.is_empty() || !fits {
        return Err(conflict(&format!(
            "the desktop is {} {}",
            desktop.status, desktop.task_status
        )));
    }
    "updating".clone_into(&mut desktop.task_status);
    let takes = world.settings.durations.image;
    let request = world.ledger.next();
    let parts = vec![Part::on(&id, Effect::Capture(name, request))];
    let job = job::begin(world, call.project(), "desktopToImage", None, parts, takes);
    Ok(job::answer(&job, vec![id]))
}

/// Adds the image of a desktop, and records the request that asked for it.
pub(super) fn add(world: &mut World, desktop: &str, name: &str, request: u64) {
    let Some(desktop) = world.huawei.desktops.get(desktop).cloned() else {
        return;
    };
    let (os_type, os_version) = world
        .huawei
        .images
        .get(&desktop.image_id)
        .map(|image| (image.os_type.clone(), image.os_version.clone()))
        .unwrap_or_default();
    let image = Image {
        id: String::new(),
        account: desktop.account,
        project: Some(desktop.project),
        name: name.to_owned(),
        os_type,
        os_version,
        min_disk: desktop.root_volume.size,
        source: Some(desktop.id),
        created: world.clock.date(world.now()),
        visible_from: 0,
    };
    insert(world, image, Some(request));
}

/// Adds an image, and records the request that made it.
pub(super) fn insert(world: &mut World, mut image: Image, request: Option<u64>) -> String {
    image.id = uuid(world);
    let id = image.id.clone();
    world.born_of(Kind::Image, &id, &image.account, request);
    world.huawei.images.insert(id.clone(), image);
    id
}
