//! Desktops: listing, making, renaming and deleting them.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value};

use super::job::{self, Part};
use super::model::{Desktop, Effect, Step, Volume};
use super::params::{
    Result, check_computer_name, conflict, desktop_ids, flag, invalid, not_found, number, objects, over_quota,
    required, tags, text, uuid, volumes, word,
};
use super::{catalog, show, time};
use crate::sim::ledger::Kind;
use crate::sim::vendor::{Call, Done};
use crate::sim::world::World;

/// Groups a user may be in on a desktop.
pub(super) const GROUPS: &[&str] = &["sudo", "default", "administrators", "users"];

/// Whether a desktop has what a filter asks for.
fn fits(call: &Call, desktop: &Desktop) -> Result<bool> {
    let is = |name: &str, value: &str| call.asked(name).is_none_or(|wanted| wanted == value);
    let among = |name: &str, value: &str| {
        call.asked(name)
            .is_none_or(|wanted| wanted.split(',').any(|wanted| wanted == value))
    };
    let user = desktop.user.as_ref().map(|(name, _)| name.as_str()).unwrap_or_default();
    let kind = if desktop.pool_id.is_some() {
        "POOLED"
    } else {
        "DEDICATED"
    };
    let attached = call.query_flag("user_attached")?;
    let tagged = call.asked("tag").is_none_or(|wanted| {
        wanted.split(',').all(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            desktop.tags.get(key).is_some_and(|known| known == value)
        })
    });
    Ok(is("status", &desktop.status)
        && among("desktop_id", &desktop.id)
        && among("pool_id", desktop.pool_id.as_deref().unwrap_or_default())
        && is("desktop_type", kind)
        && is("image_id", &desktop.image_id)
        && is("subnet_id", &desktop.subnet_id)
        && is("availability_zone", &desktop.availability_zone)
        && among("user_names", user)
        && among("user_name", user)
        && attached.is_none_or(|attached| attached == desktop.user.is_some())
        && call
            .asked("computer_name")
            .is_none_or(|part| desktop.computer_name.contains(part))
        && tagged)
}

/// The caller's desktops that fit, the oldest first.
pub(super) fn listed<'w>(world: &'w World, call: &Call) -> Result<Vec<&'w Desktop>> {
    let now = world.now();
    let mut rows = Vec::new();
    for desktop in world.huawei.desktops.values() {
        if call.owns(&desktop.project) && desktop.visible_from <= now && fits(call, desktop)? {
            rows.push(desktop);
        }
    }
    rows.sort_by_key(|desktop| desktop.number);
    Ok(rows)
}

fn answer(world: &World, call: &Call, shown: fn(&World, &Desktop) -> Map<String, Value>) -> Result<Done> {
    let (total, rows) = call.slice(listed(world, call)?, 1000, 0..=1000)?;
    let rows: Vec<Value> = rows.into_iter().map(|row| Value::Object(shown(world, row))).collect();
    Ok(Done::default().field("desktops", rows).field("total_count", total))
}

/// `GET /desktops`.
pub(super) fn list(world: &mut World, call: &Call) -> Result<Done> {
    answer(world, call, show::simple)
}

/// `GET /desktops/detail`.
pub(super) fn list_detail(world: &mut World, call: &Call) -> Result<Done> {
    answer(world, call, show::desktop)
}

/// `GET /desktops/{desktop_id}`.
pub(super) fn show(world: &mut World, call: &Call) -> Result<Done> {
    let desktop = call.own_desktop(world, &call.path_param("desktop_id"))?.clone();
    Ok(Done::default().field("desktop", show::desktop(world, &desktop)))
}

/// What all desktops of one request have in common.
pub(super) struct Common {
    pub pool: Option<String>,
    pub product: &'static catalog::Product,
    pub image_id: String,
    pub image_name: String,
    pub root_volume: Volume,
    pub data_volumes: Vec<Volume>,
    pub subnet_id: String,
    pub availability_zone: String,
    pub tags: BTreeMap<String, String>,
}

impl Common {
    /// One desktop as it begins.
    pub fn desktop(
        &self,
        world: &mut World,
        call: (&str, &str),
        name: &str,
        user: Option<(String, String)>,
    ) -> Desktop {
        let id = uuid(world);
        let number = world.serial();
        let mut fresh = |disk: &Volume| Volume {
            id: uuid(world),
            ..disk.clone()
        };
        let root_volume = fresh(&self.root_volume);
        let data_volumes = self.data_volumes.iter().map(fresh).collect();
        let attach_state = if user.is_some() { "ATTACHING" } else { "UNATTACH" };
        Desktop {
            sid: format!("S-1-5-21-2982-{number}"),
            id,
            account: call.0.to_owned(),
            project: call.1.to_owned(),
            computer_name: name.to_owned(),
            status: String::new(),
            task_status: "scheduling".to_owned(),
            login_status: "UNREGISTER".to_owned(),
            attach_state: attach_state.to_owned(),
            user,
            product_id: self.product.id.to_owned(),
            image_id: self.image_id.clone(),
            image_name: self.image_name.clone(),
            root_volume,
            data_volumes,
            subnet_id: self.subnet_id.clone(),
            availability_zone: self.availability_zone.clone(),
            pool_id: self.pool.clone(),
            tags: self.tags.clone(),
            frozen: false,
            created: world.clock.date(world.now()),
            number,
            visible_from: 0,
            steps: VecDeque::new(),
        }
    }
}

/// The product a request names, if it can be had.
pub(super) fn product(world: &World, id: &str) -> Result<&'static catalog::Product> {
    let product = catalog::find(id).ok_or_else(|| invalid(&format!("the product {id} does not exist")))?;
    if world.huawei.sold_out.contains(id) {
        return Err(invalid(&format!("the product {id} is sold out")));
    }
    Ok(product)
}

/// The zone a request names, or the usual one.
pub(super) fn zone(body: &Map<String, Value>) -> Result<String> {
    match text(body, "availability_zone")?.filter(|zone| !zone.is_empty()) {
        None => Ok(catalog::DEFAULT_ZONE.to_owned()),
        Some(zone) if catalog::is_zone(zone) => Ok(zone.to_owned()),
        Some(zone) => Err(invalid(&format!("the zone {zone} does not exist"))),
    }
}

/// A subnet of the tenant's.
pub(super) fn subnet(world: &World, call: &Call, id: Option<&str>) -> Result<String> {
    let project = call.tenant(world)?;
    match id {
        None => Ok(project.subnets.first().cloned().unwrap_or_default()),
        Some(id) if project.subnets.iter().any(|known| known == id) => Ok(id.to_owned()),
        Some(id) => Err(invalid(&format!("the subnet {id} does not exist"))),
    }
}

fn common(world: &mut World, call: &Call, body: &Map<String, Value>) -> Result<Common> {
    word(body, "desktop_type", &["DEDICATED"])?;
    let image = call.usable_image(
        world,
        required(body, "image_id")?,
        word(body, "image_type", &["private", "gold"])?,
    )?;
    let (image_id, image_name, min_disk) = (image.id.clone(), image.name.clone(), image.min_disk);
    let product = product(world, required(body, "product_id")?)?;
    let (root_volume, data_volumes) = volumes(world, body)?;
    if root_volume.size < min_disk {
        return Err(invalid(&format!("the image needs {min_disk} GB")));
    }
    let nics = objects(body, "nics")?;
    let nic = nics.first().map(|nic| required(nic, "subnet_id")).transpose()?;
    for group in objects(body, "security_groups")? {
        required(group, "id")?;
    }
    flag(body, "email_notification")?;
    Ok(Common {
        pool: None,
        product,
        image_id,
        image_name,
        root_volume,
        data_volumes,
        subnet_id: subnet(world, call, nic)?,
        availability_zone: zone(body)?,
        tags: tags(body, "tags")?,
    })
}

type Named = (String, Option<(String, String)>);

/// Names and users of the desktops asked for: by a list, or by a number and a name.
fn names(world: &mut World, body: &Map<String, Value>) -> Result<Vec<Named>> {
    let rows = objects(body, "desktops")?;
    let size = number(body, "size", 1..=100)?;
    match (rows.len(), size) {
        (0, None) => Err(invalid("desktops or size is required")),
        (1..=100, None) => rows
            .into_iter()
            .map(|row| {
                let user = required(row, "user_name")?;
                let group = word(row, "user_group", GROUPS)?;
                let name = match text(row, "computer_name")? {
                    Some(name) => name.to_owned(),
                    None => format!("desk-{:06}", world.serial()),
                };
                Ok((name, Some((user.to_owned(), group.to_owned()))))
            })
            .collect(),
        (0, Some(1)) => Ok(vec![(required(body, "desktop_name")?.to_owned(), None)]),
        (0, Some(size)) => {
            let prefix = required(body, "desktop_name")?;
            Ok((1..=size).map(|n| (format!("{prefix}{n:02}"), None)).collect())
        }
        _ => Err(invalid(
            "desktops and size exclude each other, and desktops must be 100 at most",
        )),
    }
}

/// Names are unique in a project.
pub(super) fn check_free(world: &World, call: &Call, name: &str) -> Result<()> {
    check_computer_name(name)?;
    let taken = world
        .huawei
        .desktops
        .values()
        .any(|desktop| call.owns(&desktop.project) && desktop.computer_name.eq_ignore_ascii_case(name));
    if taken {
        return Err(invalid(&format!("the computer name {name} is taken")));
    }
    Ok(())
}

/// `POST /desktops`: a job, and no id.
pub(super) fn create(world: &mut World, call: &Call) -> Result<Done> {
    let body = call.object()?;
    let common = common(world, call, body)?;
    let named = names(world, body)?;
    let mut seen: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
    seen.sort_unstable();
    seen.dedup();
    if seen.len() != named.len() {
        return Err(invalid("a computer name stands twice"));
    }
    for (name, user) in &named {
        check_free(world, call, name)?;
        if let Some((user, _)) = user {
            check_user(world, call, user)?;
        }
    }
    let resource = catalog::instances_of(common.product);
    if !catalog::fits(world, call.project(), resource, named.len()) {
        return Err(over_quota(resource));
    }
    let now = world.now();
    let whole = world.settings.durations.instance;
    let request = world.ledger.next();
    let (mut parts, mut ids) = (Vec::new(), Vec::new());
    for (name, user) in named {
        let mut desktop = common.desktop(world, (&call.account, call.project()), &name, user);
        desktop.steps = making(now, whole);
        let mut part = Part::on(&desktop.id, Effect::Ready);
        part.user = desktop.user.as_ref().map(|(user, _)| user.clone());
        parts.push(part);
        ids.push(desktop.id.clone());
        time::insert(world, desktop, Some(request));
    }
    world.wake_at(now + whole / 4);
    let job = job::begin(world, call.project(), "createDesktops", None, parts, whole);
    let mut done = job::answer(&job, ids);
    done.made = done.ids.first().map(|id| (Kind::Instance, id.clone()));
    Ok(done)
}

/// The words a desktop goes through while it is made, in a time.
pub(super) fn making(from: u64, whole: u64) -> VecDeque<(u64, Step)> {
    ["block_device_mapping", "networking", "spawning"]
        .into_iter()
        .zip(1..)
        .map(|(word, quarter)| (from + whole * quarter / 4, Step::State("", word, "")))
        .collect()
}

/// Users must be known before a desktop is theirs.
pub(super) fn check_user(world: &World, call: &Call, name: &str) -> Result<()> {
    let known = world
        .huawei
        .users
        .values()
        .any(|user| call.owns(&user.project) && user.name == name);
    if known {
        Ok(())
    } else {
        Err(invalid(&format!("the user {name} does not exist")))
    }
}

/// `PUT /desktops/{desktop_id}`: a new name, for which the desktop boots again.
pub(super) fn rename(world: &mut World, call: &Call) -> Result<Done> {
    let body = call.object()?;
    let desktop = body
        .get("desktop")
        .and_then(Value::as_object)
        .ok_or_else(|| invalid("desktop is required"))?;
    let name = required(desktop, "computer_name")?.to_owned();
    check_free(world, call, &name)?;
    let (now, whole) = (world.now(), world.settings.durations.power);
    let id = call.path_param("desktop_id");
    let desktop = call.own_desktop(world, &id)?;
    if !desktop.task_status.is_empty() || desktop.status != "ACTIVE" {
        return Err(conflict(&format!(
            "the desktop is {} {}",
            desktop.status, desktop.task_status
        )));
    }
    desktop.computer_name = name;
    desktop.take("", "rebooting", "UNREGISTER");
    desktop.steps = [
        (now + whole, Step::State("ACTIVE", "", "UNREGISTER")),
        (now + whole + whole / 5 + 1, Step::State("ACTIVE", "", "REGISTERED")),
    ]
    .into();
    world.wake_at(now + whole);
    Ok(Done::wrote(&id))
}

/// Puts a desktop on its way out.
fn begin_end(world: &mut World, call: &Call, id: &str, force: bool) -> Result<()> {
    let (now, whole) = (world.now(), world.settings.durations.delete);
    let desktop = call.own_desktop(world, id)?;
    if desktop.task_status == "deleting" {
        return Ok(());
    }
    if !desktop.task_status.is_empty() && !force {
        return Err(conflict(&format!("the desktop is {}", desktop.task_status)));
    }
    desktop.take("", "deleting", "UNREGISTER");
    desktop.steps = [(now + whole, Step::Gone)].into();
    world.wake_at(now + whole);
    Ok(())
}

/// `DELETE /desktops/{desktop_id}`: no body, and no job.
pub(super) fn delete(world: &mut World, call: &Call) -> Result<Done> {
    let id = call.path_param("desktop_id");
    call.query_flag("delete_users")?;
    call.query_flag("email_notification")?;
    let force = call.query_flag("is_force_delete")?.unwrap_or_default();
    begin_end(world, call, &id, force)?;
    Ok(Done {
        status: Some(204),
        ..Done::wrote(&id)
    })
}

/// `POST /desktops/batch-delete`: all or none, and a job.
pub(super) fn batch_delete(world: &mut World, call: &Call) -> Result<Done> {
    let body = call.object()?;
    let ids = desktop_ids(body, 100)?;
    flag(body, "delete_users")?;
    flag(body, "email_notification")?;
    let force = flag(body, "is_force_delete")?.unwrap_or_default();
    for id in &ids {
        let desktop = call.own_desktop(world, id).map_err(|_| not_found("desktop", id))?;
        if !desktop.task_status.is_empty() && desktop.task_status != "deleting" && !force {
            return Err(conflict(&format!("the desktop {id} is {}", desktop.task_status)));
        }
    }
    let mut pool = None;
    let mut parts = Vec::new();
    for id in &ids {
        pool = call.own_desktop(world, id)?.pool_id.clone().or(pool);
        begin_end(world, call, id, force)?;
        call.own_desktop(world, id)?.steps.clear();
        parts.push(Part::on(id, Effect::Gone));
    }
    let whole = world.settings.durations.delete;
    let job = job::begin(world, call.project(), "deleteDesktops", pool.as_deref(), parts, whole);
    Ok(Done {
        status: Some(202),
        ..job::answer(&job, ids)
    })
}
