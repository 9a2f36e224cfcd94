//! Pools: making them, growing, rebuilding and deleting them.

use serde_json::Value;

use super::desktop::{Common, making, product, zone};
use super::job::{self, Part};
use super::model::{Birth, Effect, Pool};
use super::params::{Result, conflict, flag, invalid, number, over_quota, required, tags, text, uuid, volumes, word};
use super::pool::{autoscale_policy, check_name, members, own, retention, security_groups, subnets};
use super::{catalog, show, work};
use crate::sim::ledger::Kind;
use crate::sim::vendor::{Call, Done};
use crate::sim::world::World;

/// `POST /desktop-pools`: a job, and no id. The pool is listed at once, its desktops later.
pub(super) fn create(world: &mut World, call: &Call) -> Result<Done> {
    let body = call.object()?;
    let name = required(body, "name")?;
    check_name(world, call, name, "")?;
    let kind = word(body, "type", &["DYNAMIC", "STATIC"])?;
    let size = number(body, "size", 0..=100)?.ok_or_else(|| invalid("size is required"))?;
    let product_id = product(world, required(body, "product_id")?)?.id;
    let image_type = word(body, "image_type", &["private", "gold"])?;
    let image = call.usable_image(world, required(body, "image_id")?, image_type)?;
    let (image_id, min_disk) = (image.id.clone(), image.min_disk);
    let (root_volume, data_volumes) = volumes(world, body)?;
    if root_volume.size < min_disk {
        return Err(invalid(&format!("the image needs {min_disk} GB")));
    }
    let autoscale = flag(body, "enable_autoscale")?.unwrap_or_default();
    let policy = autoscale_policy(body)?.filter(|_| autoscale).unwrap_or(Value::Null);
    let said = |name: &str| Ok::<_, crate::sim::vendor::ApiError>(text(body, name)?.unwrap_or_default().to_owned());
    let pool = Pool {
        id: uuid(world),
        account: call.account.clone(),
        project: call.project().to_owned(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        description: said("description")?,
        product_id: product_id.to_owned(),
        image_id,
        root_volume,
        data_volumes,
        vpc_id: text(body, "vpc_id")?.unwrap_or(&call.tenant(world)?.vpc_id).to_owned(),
        subnet_ids: subnets(world, call, body)?,
        security_groups: security_groups(body)?,
        availability_zone: zone(body)?,
        retention: retention(body, kind)?.unwrap_or_default(),
        autoscale,
        autoscale_policy: policy,
        auto_created: 0,
        maintenance: false,
        ou_name: said("ou_name")?,
        tags: tags(body, "tags")?,
        enterprise_project_id: text(body, "enterprise_project_id")?.unwrap_or("0").to_owned(),
        name_policy: said("desktop_name_policy_id")?,
        members: members(world, call, body, "authorized_objects")?,
        status: None,
        created: world.clock.date(world.now()),
        number: world.serial(),
        visible_from: 0,
    };
    check_quota(world, &pool, size)?;
    let id = pool.id.clone();
    world.born(Kind::Pool, &id, &call.account, true);
    world.huawei.pools.insert(id.clone(), pool.clone());
    let request = world.ledger.next();
    let job = grow(world, &pool, "createDesktopPool", size, Some(request));
    let mut done = job::answer(&job, vec![id.clone()]);
    done.made = Some((Kind::Pool, id));
    Ok(done)
}

fn check_quota(world: &World, pool: &Pool, more: i64) -> Result<()> {
    let resource = catalog::find(&pool.product_id).map_or("general_instances", catalog::instances_of);
    let more = usize::try_from(more).unwrap_or_default();
    if catalog::fits(world, &pool.project, resource, more) {
        Ok(())
    } else {
        Err(over_quota(resource))
    }
}

/// Begins a job that adds so many desktops; each is there when a third of the time has passed.
fn grow(world: &mut World, pool: &Pool, kind: &str, more: i64, request: Option<u64>) -> String {
    let now = world.now();
    let whole = world.settings.durations.instance;
    let mut parts = Vec::new();
    if let Some(product) = catalog::find(&pool.product_id) {
        let image_name = world.huawei.images.get(&pool.image_id).map(|image| image.name.clone());
        let common = Common {
            pool: Some(pool.id.clone()),
            product,
            image_id: pool.image_id.clone(),
            image_name: image_name.unwrap_or_default(),
            root_volume: pool.root_volume.clone(),
            data_volumes: pool.data_volumes.clone(),
            subnet_id: pool.subnet_ids.first().cloned().unwrap_or_default(),
            availability_zone: pool.availability_zone.clone(),
            tags: pool.tags.clone(),
        };
        for _ in 0..more {
            let name = format!("pool-{:06}", world.serial());
            let mut desktop = common.desktop(world, (&pool.account, &pool.project), &name, None);
            let at = now + whole / 3;
            desktop.steps = making(at, whole - whole / 3);
            let birth = Birth {
                at,
                request,
                desktop: Box::new(desktop),
            };
            parts.push(Part {
                desktop: None,
                user: None,
                birth: Some(birth),
                effect: Effect::Ready,
            });
        }
    }
    job::begin(world, &pool.project, kind, Some(&pool.id), parts, whole)
}

/// Lets pools grow that want more idle desktops than they have.
pub(super) fn autoscale(world: &mut World) {
    let wanting: Vec<(Pool, i64)> = world
        .huawei
        .pools
        .values()
        .filter(|pool| pool.autoscale && !pool.maintenance && !job::pool_is_busy(world, &pool.id))
        .filter_map(|pool| {
            let said = |name: &str| pool.autoscale_policy.get(name).and_then(Value::as_i64);
            let idle = world
                .huawei
                .desktops_of(&pool.id)
                .filter(|desktop| desktop.user.is_none())
                .count();
            let idle = i64::try_from(idle).unwrap_or(i64::MAX);
            let room = said("max_auto_created").unwrap_or_default() - pool.auto_created;
            let more = (said("min_idle").unwrap_or_default() - idle)
                .min(room)
                .min(said("once_auto_created").unwrap_or(i64::MAX));
            (more > 0).then(|| (pool.clone(), more))
        })
        .collect();
    for (pool, more) in wanting {
        grow(world, &pool, "createDesktops", more, None);
        if let Some(pool) = world.huawei.pools.get_mut(&pool.id) {
            pool.auto_created += more;
        }
    }
}

fn check_rest(world: &mut World, call: &Call) -> Result<Pool> {
    let pool = own(world, call)?.clone();
    if show::pool_at_rest(world, &pool.id) {
        Ok(pool)
    } else {
        Err(conflict("something is under way in the pool"))
    }
}

/// `POST /desktop-pools/{pool_id}/expand`: `size` is how many are added.
pub(super) fn expand(world: &mut World, call: &Call) -> Result<Done> {
    let size = number(call.object()?, "size", 1..=1000)?.ok_or_else(|| invalid("size is required"))?;
    let pool = check_rest(world, call)?;
    check_quota(world, &pool, size)?;
    let request = world.ledger.next();
    let job = grow(world, &pool, "createDesktops", size, Some(request));
    Ok(job::answer(&job, vec![pool.id]))
}

/// Desktops of a pool that a change concerns besides those to come.
fn concerned(world: &World, pool: &str, handle: &str) -> Vec<String> {
    world
        .huawei
        .desktops_of(pool)
        .filter(|desktop| match handle {
            "FOR_EXPAND_AND_ALL" => true,
            "FOR_EXPAND_AND_IDLE" => desktop.user.is_none(),
            _ => false,
        })
        .map(|desktop| desktop.id.clone())
        .collect()
}

const HANDLES: &[&str] = &["ONLY_FOR_EXPAND", "FOR_EXPAND_AND_IDLE", "FOR_EXPAND_AND_ALL"];

/// `POST /desktop-pools/{pool_id}/rebuild`.
pub(super) fn rebuild(world: &mut World, call: &Call) -> Result<Done> {
    let body = call.object()?;
    let image_type = match text(body, "image_type")? {
        None => "private",
        Some(_) => word(body, "image_type", &["private", "gold"])?,
    };
    let image = call
        .usable_image(world, required(body, "image_id")?, image_type)?
        .id
        .clone();
    let handle = word(body, "handle_type", HANDLES)?;
    number(body, "delay_time", 0..=15)?;
    let pool = check_rest(world, call)?;
    let ids = concerned(world, &pool.id, handle);
    let mut done = work::rebuild_all(world, call, ids, &image, Some(&pool.id))?;
    own(world, call)?.image_id = image;
    done.ids.push(pool.id);
    Ok(done)
}

/// `POST /desktop-pools/{pool_id}/resize`.
pub(super) fn resize(world: &mut World, call: &Call) -> Result<Done> {
    let body = call.object()?;
    let id = product(world, required(body, "product_id")?)?.id;
    word(body, "mode", &["STOP_DESKTOP"])?;
    let handle = word(body, "handle_type", HANDLES)?;
    let pool = check_rest(world, call)?;
    let ids = concerned(world, &pool.id, handle);
    let mut done = work::resize_all(world, call, ids, id, Some(&pool.id))?;
    id.clone_into(&mut own(world, call)?.product_id);
    done.ids.push(pool.id);
    Ok(done)
}

/// `POST /desktop-pools/{pool_id}/action`.
pub(super) fn act(world: &mut World, call: &Call) -> Result<Done> {
    let body = call.object()?;
    let operation = required(body, "op_type")?;
    let pool = own(world, call)?.id.clone();
    work::power_pool(world, call, &pool, operation)
}

/// `DELETE /desktop-pools/{pool_id}`: only an empty pool that does not grow by itself.
pub(super) fn delete(world: &mut World, call: &Call) -> Result<Done> {
    let pool = own(world, call)?.clone();
    if pool.autoscale {
        return Err(conflict("the pool grows by itself"));
    }
    if world.huawei.desktops_of(&pool.id).next().is_some() || job::pool_is_busy(world, &pool.id) {
        return Err(conflict("there are desktops in the pool"));
    }
    let now = world.now();
    super::time::remove(world, &pool.id, now);
    Ok(Done {
        status: Some(204),
        ..Done::wrote(&pool.id)
    })
}
