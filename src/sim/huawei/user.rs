//! Users.

use serde_json::{Map, Value, json};

use super::catalog;
use super::model::User;
use super::params::{Result, flag, invalid, not_found, objects, over_quota, required, text, texts};
use crate::sim::ledger::Kind;
use crate::sim::vendor::{Call, Done};
use crate::sim::world::World;

fn show_row(world: &World, user: &User) -> Value {
    let desktops = world
        .huawei
        .desktops
        .values()
        .filter(|desktop| desktop.project == user.project)
        .filter(|desktop| desktop.user.as_ref().is_some_and(|(name, _)| *name == user.name))
        .count();
    json!({
        "id": user.id,
        "user_name": user.name,
        "user_email": user.email,
        "description": user.description,
        "active_type": user.active_type,
        "total_desktops": desktops,
        "account_expires": "0",
        "account_expired": false,
        "enable_change_password": true,
        "next_login_change_password": true,
        "password_never_expired": false,
        "locked": user.locked,
        "disabled": user.disabled,
        "group_names": [],
        "enterprise_project_id": "0",
        "domain": "office.example",
    })
}

/// `GET /users`. The name need not be the whole one.
pub(super) fn list(world: &mut World, call: &Call) -> Result<Done> {
    let now = world.now();
    let mut users: Vec<&User> = world
        .huawei
        .users
        .values()
        .filter(|user| call.owns(&user.project) && user.visible_from <= now)
        .filter(|user| call.asked("user_name").is_none_or(|part| user.name.contains(part)))
        .filter(|user| {
            call.asked("active_type")
                .is_none_or(|wanted| user.active_type == wanted)
        })
        .collect();
    users.sort_by_key(|user| user.number);
    let rows: Vec<Value> = users.into_iter().map(|user| show_row(world, user)).collect();
    let (total, rows) = call.slice(rows, usize::MAX, 0..=2_147_483_647)?;
    Ok(Done::default().field("total_count", total).field("users", rows))
}

/// `GET /users/{user_id}`.
pub(super) fn show(world: &mut World, call: &Call) -> Result<Done> {
    let id = call.path_param("user_id");
    let now = world.now();
    let user = world
        .huawei
        .users
        .get(&id)
        .filter(|user| call.owns(&user.project) && user.visible_from <= now)
        .ok_or_else(|| not_found("user", &id))?;
    Ok(Done::default().field("user_detail", show_row(world, user)))
}

fn check_name(name: &str) -> Result<()> {
    let inside = name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
    let ends = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
    if inside && ends && name.len() <= 32 {
        Ok(())
    } else {
        Err(invalid("user_name is not allowed"))
    }
}

/// Reads one user; nothing is made yet.
fn read(world: &mut World, call: &Call, body: &Map<String, Value>) -> Result<User> {
    let name = required(body, "user_name")?;
    check_name(name)?;
    let active_type = text(body, "active_type")?.unwrap_or("USER_ACTIVATE");
    let email = text(body, "user_email")?.unwrap_or_default();
    let phone = text(body, "user_phone")?.unwrap_or_default();
    match active_type {
        "USER_ACTIVATE" if email.is_empty() && phone.is_empty() => {
            return Err(invalid("user_email or user_phone is required"));
        }
        "ADMIN_ACTIVATE" => {
            let password = required(body, "password")?;
            if !(8..=32).contains(&password.chars().count()) {
                return Err(invalid("password must be 8 to 32 characters"));
            }
        }
        "USER_ACTIVATE" => {}
        _ => return Err(invalid("active_type must be USER_ACTIVATE or ADMIN_ACTIVATE")),
    }
    flag(body, "enable_change_password")?;
    flag(body, "next_login_change_password")?;
    let taken = world
        .huawei
        .users
        .values()
        .any(|user| call.owns(&user.project) && user.name.eq_ignore_ascii_case(name));
    if taken {
        return Err(invalid(&format!("the user {name} exists already")));
    }
    let number = world.serial();
    Ok(User {
        id: format!("8a2c3f9579d240820179d51e{number:08x}"),
        account: call.account.clone(),
        project: call.project().to_owned(),
        name: name.to_owned(),
        email: email.to_owned(),
        description: text(body, "description")?.unwrap_or_default().to_owned(),
        active_type: active_type.to_owned(),
        locked: false,
        disabled: false,
        number,
        visible_from: 0,
    })
}

/// Adds a user; `by_request` says whether a request made it.
pub(super) fn add(world: &mut World, user: User, by_request: bool) -> String {
    let id = user.id.clone();
    world.born(Kind::User, &id, &user.account, by_request);
    world.huawei.users.insert(id.clone(), user);
    id
}

/// `POST /users`.
pub(super) fn create(world: &mut World, call: &Call) -> Result<Done> {
    if !catalog::fits(world, call.project(), "users", 1) {
        return Err(over_quota("users"));
    }
    let user = read(world, call, call.object()?)?;
    let id = add(world, user, true);
    let mut done = Done::wrote(&id).field("id", id.as_str());
    done.status = Some(201);
    done.made = Some((Kind::User, id));
    Ok(done)
}

/// `POST /users/batch-create`: all or none.
pub(super) fn batch_create(world: &mut World, call: &Call) -> Result<Done> {
    let rows = objects(call.object()?, "users")?;
    if rows.is_empty() || rows.len() > 200 {
        return Err(invalid("users must be 1 to 200"));
    }
    if !catalog::fits(world, call.project(), "users", rows.len()) {
        return Err(over_quota("users"));
    }
    let mut users = Vec::new();
    for row in rows {
        let user = read(world, call, row)?;
        if users
            .iter()
            .any(|other: &User| other.name.eq_ignore_ascii_case(&user.name))
        {
            return Err(invalid("a user is named twice"));
        }
        users.push(user);
    }
    let ids = users.into_iter().map(|user| add(world, user, true)).collect();
    Ok(Done {
        wrote: true,
        ids,
        ..Done::default()
    })
}

/// `PUT /users/{user_id}`.
pub(super) fn update(world: &mut World, call: &Call) -> Result<Done> {
    let id = call.path_param("user_id");
    let body = call.object()?;
    let (email, description) = (text(body, "user_email")?, text(body, "description")?);
    let disabled = flag(body, "disabled")?;
    let user = world
        .huawei
        .users
        .get_mut(&id)
        .filter(|user| call.owns(&user.project))
        .ok_or_else(|| not_found("user", &id))?;
    if let Some(email) = email {
        email.clone_into(&mut user.email);
    }
    if let Some(description) = description {
        description.clone_into(&mut user.description);
    }
    user.disabled = disabled.unwrap_or(user.disabled);
    Ok(Done::wrote(&id).field("id", id.as_str()))
}

/// Removes a user that has no desktop.
fn remove(world: &mut World, call: &Call, id: &str) -> Result<()> {
    let name = world
        .huawei
        .users
        .get(id)
        .filter(|user| call.owns(&user.project))
        .map(|user| user.name.clone())
        .ok_or_else(|| not_found("user", id))?;
    let busy = world
        .huawei
        .desktops
        .values()
        .any(|desktop| call.owns(&desktop.project) && desktop.user.as_ref().is_some_and(|(user, _)| *user == name));
    if busy {
        return Err(invalid(&format!("the user {name} still has a desktop")));
    }
    let now = world.now();
    super::time::remove(world, id, now);
    Ok(())
}

/// `DELETE /users/{user_id}`: not while the user has a desktop, says the user guide.
pub(super) fn delete(world: &mut World, call: &Call) -> Result<Done> {
    let id = call.path_param("user_id");
    remove(world, call, &id)?;
    Ok(Done {
        status: Some(204),
        ..Done::wrote(&id)
    })
}

/// `POST /users/batch-delete`.
pub(super) fn batch_delete(world: &mut World, call: &Call) -> Result<Done> {
    let ids = texts(call.object()?, "user_ids")?;
    if ids.is_empty() {
        return Err(invalid("user_ids is required"));
    }
    for id in &ids {
        remove(world, call, id)?;
    }
    Ok(Done {
        wrote: true,
        ids,
        status: Some(204),
        ..Done::default()
    })
}
