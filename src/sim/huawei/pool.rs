//! Pools: listing, changing, who may use them, and what is in them.

use serde_json::{Map, Value, json};

use super::desktop;
use super::model::{Member, Pool};
use super::params::{Result, flag, invalid, number, objects, required, tags, text, texts, word};
use super::show;
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

/// A pool of the caller's. One that does not exist is a bad request, with the code of every bad request.
pub(super) fn own<'w>(world: &'w mut World, call: &Call) -> Result<&'w mut Pool> {
    let id = call.path_param("pool_id");
    let now = world.now();
    world
        .huawei
        .pools
        .get_mut(&id)
        .filter(|pool| call.owns(&pool.project) && pool.visible_from <= now)
        .ok_or_else(|| ApiError::new(400, "WKS.0001", "The desktop pool does not exist."))
}

/// `GET /desktop-pools`. The name need not be the whole one.
pub(super) fn list(world: &mut World, call: &Call) -> Result<Done> {
    let now = world.now();
    let maintenance = call.query_flag("in_maintenance_mode")?;
    let mut pools: Vec<&Pool> = world
        .huawei
        .pools
        .values()
        .filter(|pool| call.owns(&pool.project) && pool.visible_from <= now)
        .filter(|pool| call.asked("name").is_none_or(|part| pool.name.contains(part)))
        .filter(|pool| call.asked("type").is_none_or(|kind| pool.kind == kind))
        .filter(|pool| maintenance.is_none_or(|wanted| pool.maintenance == wanted))
        .collect();
    pools.sort_by_key(|pool| pool.number);
    let rows: Vec<Value> = pools
        .into_iter()
        .map(|pool| Value::Object(show::pool(world, pool)))
        .collect();
    let (total, rows) = call.slice(rows, 1000, 0..=1000)?;
    Ok(Done::default().field("total_count", total).field("desktop_pools", rows))
}

/// `GET /desktop-pools/{pool_id}`.
pub(super) fn show(world: &mut World, call: &Call) -> Result<Done> {
    let pool = own(world, call)?.clone();
    Ok(Done::read(show::pool(world, &pool)))
}

/// Names of pools: 1 to 64 letters, digits and hyphens, each once in a project.
pub(super) fn check_name(world: &World, call: &Call, name: &str, but: &str) -> Result<()> {
    let inside = name.chars().all(|c| c.is_alphanumeric() || c == '-');
    if !inside || !(1..=64).contains(&name.chars().count()) {
        return Err(invalid("name must be 1 to 64 letters, digits and hyphens"));
    }
    let taken = world
        .huawei
        .pools
        .values()
        .any(|pool| call.owns(&pool.project) && pool.name == name && pool.id != but);
    if taken {
        return Err(invalid(&format!("the pool name {name} is taken")));
    }
    Ok(())
}

/// A plan for growth, checked.
pub(super) fn autoscale_policy(body: &Map<String, Value>) -> Result<Option<Value>> {
    let policy = match body.get("autoscale_policy") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(policy)) => policy,
        Some(_) => return Err(invalid("autoscale_policy must be an object")),
    };
    if text(policy, "autoscale_type")?.is_some() {
        word(policy, "autoscale_type", &["ACCESS_CREATED", "AUTO_CREATED"])?;
    }
    for (name, range) in [
        ("max_auto_created", 1..=5000),
        ("min_idle", 0..=5000),
        ("min_retention", 0..=5000),
        ("idle_retention_duration", 0..=43_200),
        ("once_auto_created", 1..=100),
    ] {
        number(policy, name, range)?;
    }
    Ok(Some(Value::Object(policy.clone())))
}

/// Minutes until a left desktop goes to somebody else: only where desktops are shared.
pub(super) fn retention(body: &Map<String, Value>, kind: &str) -> Result<Option<i64>> {
    let minutes = number(body, "disconnected_retention_period", 10..=43_200)?;
    if minutes.is_some() && kind == "STATIC" {
        return Err(invalid("disconnected_retention_period is for dynamic pools"));
    }
    Ok(minutes)
}

/// `PUT /desktop-pools/{pool_id}`: neither size nor image nor product.
pub(super) fn update(world: &mut World, call: &Call) -> Result<Done> {
    let body = call.object()?;
    let mut pool = own(world, call)?.clone();
    if let Some(name) = text(body, "name")? {
        check_name(world, call, name, &pool.id)?;
        name.clone_into(&mut pool.name);
    }
    for (name, field) in [
        ("description", &mut pool.description),
        ("ou_name", &mut pool.ou_name),
        ("desktop_name_policy_id", &mut pool.name_policy),
        ("enterprise_project_id", &mut pool.enterprise_project_id),
        ("vpc_id", &mut pool.vpc_id),
    ] {
        if let Some(text) = text(body, name)? {
            text.clone_into(field);
        }
    }
    if body.contains_key("availability_zone") {
        pool.availability_zone = desktop::zone(body)?;
    }
    if body.contains_key("tags") {
        pool.tags = tags(body, "tags")?;
    }
    if body.contains_key("subnet_ids") {
        pool.subnet_ids = subnets(world, call, body)?;
    }
    if body.contains_key("security_groups") {
        pool.security_groups = security_groups(body)?;
    }
    pool.retention = retention(body, &pool.kind)?.unwrap_or(pool.retention);
    pool.maintenance = flag(body, "in_maintenance_mode")?.unwrap_or(pool.maintenance);
    pool.autoscale = flag(body, "enable_autoscale")?.unwrap_or(pool.autoscale);
    if let Some(policy) = autoscale_policy(body)? {
        pool.autoscale_policy = policy;
    }
    if !pool.autoscale {
        pool.autoscale_policy = Value::Null;
    }
    let id = pool.id.clone();
    *own(world, call)? = pool;
    let now = world.now();
    world.wake_at(now);
    Ok(Done {
        status: Some(204),
        ..Done::wrote(&id)
    })
}

/// Subnets of the tenant's, at least one.
pub(super) fn subnets(world: &World, call: &Call, body: &Map<String, Value>) -> Result<Vec<String>> {
    let ids = texts(body, "subnet_ids")?;
    if ids.is_empty() || ids.len() > 100 {
        return Err(invalid("subnet_ids must be 1 to 100"));
    }
    ids.iter().map(|id| desktop::subnet(world, call, Some(id))).collect()
}

/// Security groups by their ids.
pub(super) fn security_groups(body: &Map<String, Value>) -> Result<Vec<String>> {
    objects(body, "security_groups")?
        .into_iter()
        .map(|group| Ok(required(group, "id")?.to_owned()))
        .collect()
}

/// Those a request names, who must be known.
pub(super) fn members(world: &World, call: &Call, body: &Map<String, Value>, name: &str) -> Result<Vec<Member>> {
    let rows = objects(body, name)?;
    if rows.len() > 500 {
        return Err(invalid(&format!("{name} must be 500 at most")));
    }
    let now = world.clock.date(world.now());
    rows.into_iter()
        .map(|row| {
            let kind = word(row, "object_type", &["USER", "USER_GROUP"])?;
            let (id, name) = (required(row, "object_id")?, required(row, "object_name")?);
            let known = world
                .huawei
                .users
                .get(id)
                .is_some_and(|user| call.owns(&user.project) && user.name == name);
            if kind == "USER" && !known {
                return Err(invalid(&format!("the user {id} {name} does not exist")));
            }
            Ok(Member {
                kind: kind.to_owned(),
                id: id.to_owned(),
                name: name.to_owned(),
                group: word(row, "user_group", desktop::GROUPS)?.to_owned(),
                created: now,
            })
        })
        .collect()
}

/// `GET /desktop-pools/{pool_id}/users`.
pub(super) fn list_members(world: &mut World, call: &Call) -> Result<Done> {
    let rows: Vec<Value> = own(world, call)?
        .members
        .iter()
        .map(|member| {
            json!({
                "object_type": member.kind,
                "object_id": member.id,
                "object_name": member.name,
                "user_group": member.group,
                "created_at": member.created.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
            })
        })
        .collect();
    let (total, rows) = call.slice(rows, 10, 1..=100)?;
    Ok(Done::default().field("objects", rows).field("total_count", total))
}

/// `POST /desktop-pools/{pool_id}/users`.
pub(super) fn change_members(world: &mut World, call: &Call) -> Result<Done> {
    let body = call.object()?;
    let action = word(body, "action", &["ADD", "REMOVE", "CHANGE_PRIVILEGE"])?;
    let named = members(world, call, body, "objects")?;
    if named.is_empty() {
        return Err(invalid("objects is required"));
    }
    let pool = own(world, call)?;
    for member in named {
        let known = pool.members.iter().position(|known| known.id == member.id);
        match (action, known) {
            ("ADD", None) => pool.members.push(member),
            ("ADD", Some(_)) => return Err(invalid(&format!("{} is authorized already", member.name))),
            ("REMOVE", Some(at)) => {
                pool.members.remove(at);
            }
            (_, Some(at)) => {
                if let Some(known) = pool.members.get_mut(at) {
                    known.group = member.group;
                }
            }
            (_, None) => return Err(invalid(&format!("{} is not authorized", member.name))),
        }
    }
    Ok(Done {
        status: Some(204),
        ..Done::wrote(&pool.id)
    })
}

/// `GET /desktop-pools/{pool_id}/desktops`.
pub(super) fn list_desktops(world: &mut World, call: &Call) -> Result<Done> {
    let pool = own(world, call)?.clone();
    let wanted = call.asked("inconsistent_type");
    let rows: Vec<Value> = desktop::listed(world, call)?
        .into_iter()
        .filter(|desktop| desktop.pool_id.as_deref() == Some(&pool.id))
        .filter_map(|desktop| {
            let mut differs = Vec::new();
            if desktop.product_id != pool.product_id {
                differs.push("PRODUCT_ID");
            }
            if desktop.image_id != pool.image_id {
                differs.push("IMAGE_ID");
            }
            if wanted.is_some_and(|wanted| !differs.contains(&wanted)) {
                return None;
            }
            let mut row = show::desktop(world, desktop);
            row.insert("inconsistent_types".to_owned(), json!(differs));
            Some(Value::Object(row))
        })
        .collect();
    let (total, rows) = call.slice(rows, 10, 1..=100)?;
    Ok(Done::default().field("pool_desktops", rows).field("total_count", total))
}
