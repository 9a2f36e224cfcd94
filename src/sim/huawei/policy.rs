//! Policy groups: what is allowed, and for whom.

use serde_json::{Map, Value, json};

use super::catalog;
use super::model::PolicyGroup;
use super::params::{Result, invalid, number, objects, required, text, uuid, word};
use crate::sim::ledger::Kind;
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

/// Id of the target that stands for everything.
const ALL: &str = "default-apply-all-targets";

const TARGETS: &[&str] = &[
    "INSTANCE",
    "USER",
    "USERGROUP",
    "CLIENTIP",
    "OU",
    "DESKTOPSPOOL",
    "ALL",
    "DESKTOP_TAG",
];

fn not_found(id: &str) -> ApiError {
    let message = format!("The policy group is not found, the group id is '{id}'.");
    ApiError::new(404, "WKS.00081104", &message)
}

/// What a group says about everything it was not told: whatever could let data out is off.
fn defaults() -> Value {
    json!({
        "peripherals": {"usb_port_redirection": {"usb_enable": false, "options": {"usb_storage_enable": true}}},
        "audio": {"audio_redirection_enable": true},
        "file_and_clipboard": {
            "clipboard_redirection": "DISABLED",
            "file_redirection": {"redirection_mode": "DISABLED", "options": {"fixed_drive_enable": true}},
        },
        "watermark": {
            "watermark_enable": false,
            "options": {"show_style": "RANDOM", "color": "2a2a2a", "font_size": 30, "opacity_setting": "12.5"},
        },
    })
}

/// Values the document names for the leaves that concern data leaving a desktop.
fn check(policies: &Value) -> Result<()> {
    let words: [(&str, &[&str]); 3] = [
        (
            "/file_and_clipboard/clipboard_redirection",
            &[
                "DISABLED",
                "SERVER_TO_CLIENT_ENABLED",
                "CLIENT_TO_SERVER_ENABLED",
                "TWO_WAY_ENABLED",
            ],
        ),
        (
            "/file_and_clipboard/file_redirection/redirection_mode",
            &["DISABLED", "READ_ONLY", "READ_AND_WRITE"],
        ),
        ("/watermark/options/show_style", &["FIXED", "RANDOM"]),
    ];
    for (leaf, known) in words {
        match policies.pointer(leaf) {
            None => {}
            Some(Value::String(word)) if known.contains(&word.as_str()) => {}
            Some(_) => return Err(invalid(&format!("{leaf} must be one of {}", known.join(", ")))),
        }
    }
    for leaf in [
        "/peripherals/usb_port_redirection/usb_enable",
        "/watermark/watermark_enable",
    ] {
        if policies.pointer(leaf).is_some_and(|value| !value.is_boolean()) {
            return Err(invalid(&format!("{leaf} must be true or false")));
        }
    }
    Ok(())
}

/// Takes over what is said and keeps the rest.
fn merge(into: &mut Value, said: &Value) {
    match (into, said) {
        (Value::Object(fields), Value::Object(said)) => {
            for (name, value) in said {
                merge(fields.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (into, said) => *into = said.clone(),
    }
}

fn policies(body: &Map<String, Value>) -> Result<Value> {
    match body.get("policies") {
        None | Some(Value::Null) => Ok(json!({})),
        Some(policies) if policies.is_object() => check(policies).map(|()| policies.clone()),
        Some(_) => Err(invalid("policies must be an object")),
    }
}

type Target = (String, String, String);

/// Reads targets, each of which must be there: a desktop by its identifier in the directory, all by their own id.
fn targets(world: &World, call: &Call, body: &Map<String, Value>, name: &str) -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for row in objects(body, name)? {
        let kind = word(row, "target_type", TARGETS)?;
        let id = required(row, "target_id")?;
        let huawei = &world.huawei;
        let known = match kind {
            "ALL" => id == ALL,
            "INSTANCE" => huawei
                .desktops
                .values()
                .any(|desktop| call.owns(&desktop.project) && desktop.sid == id),
            "USER" => huawei.users.get(id).is_some_and(|user| call.owns(&user.project)),
            "DESKTOPSPOOL" => huawei.pools.get(id).is_some_and(|pool| call.owns(&pool.project)),
            _ => true,
        };
        if !known {
            return Err(invalid(&format!("the target {kind} {id} does not exist")));
        }
        let name = text(row, "target_name")?.unwrap_or_default();
        targets.push((kind.to_owned(), id.to_owned(), name.to_owned()));
    }
    Ok(targets)
}

fn show_target((kind, id, name): &Target) -> Value {
    json!({"target_type": kind, "target_id": id, "target_name": name})
}

fn base(group: &PolicyGroup) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("policy_group_id".to_owned(), json!(group.id));
    row.insert("policy_group_name".to_owned(), json!(group.name));
    row.insert("priority".to_owned(), json!(group.priority));
    row.insert("description".to_owned(), json!(group.description));
    let updated = group.updated.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    row.insert("update_time".to_owned(), json!(updated));
    row
}

fn full(group: &PolicyGroup) -> Map<String, Value> {
    let mut row = base(group);
    row.insert("policies".to_owned(), group.policies.clone());
    let targets: Vec<Value> = group.targets.iter().map(show_target).collect();
    row.insert("targets".to_owned(), Value::Array(targets));
    row
}

fn listed(world: &World, call: &Call, shown: fn(&PolicyGroup) -> Map<String, Value>) -> Result<Done> {
    let now = world.now();
    let exact = call.query_flag("is_group_name_accurate")?.unwrap_or_default();
    let mut groups: Vec<&PolicyGroup> = world
        .huawei
        .policy_groups
        .values()
        .filter(|group| call.owns(&group.project) && group.visible_from <= now)
        .filter(|group| call.asked("policy_group_id").is_none_or(|id| group.id == id))
        .filter(|group| {
            call.asked("policy_group_name").is_none_or(|name| {
                if exact {
                    group.name == name
                } else {
                    group.name.contains(name)
                }
            })
        })
        .collect();
    groups.sort_by_key(|group| group.number);
    let rows: Vec<Value> = groups.into_iter().map(|group| Value::Object(shown(group))).collect();
    let (total, rows) = call.slice(rows, 10, 0..=100)?;
    Ok(Done::default().field("policy_groups", rows).field("total_count", total))
}

/// `GET /policy-groups`.
pub(super) fn list(world: &mut World, call: &Call) -> Result<Done> {
    listed(world, call, base)
}

/// `GET /policy-groups/detail`.
pub(super) fn list_detail(world: &mut World, call: &Call) -> Result<Done> {
    listed(world, call, full)
}

fn check_name(world: &World, call: &Call, name: &str, but: &str) -> Result<()> {
    if name.len() > 255 || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(invalid("policy_group_name must be digits, letters and underscores"));
    }
    let taken = world
        .huawei
        .policy_groups
        .values()
        .any(|group| call.owns(&group.project) && group.name == name && group.id != but);
    if taken {
        return Err(ApiError::new(409, "WKS.00081101", "The policy group name is conflict."));
    }
    Ok(())
}

fn inner(call: &Call) -> Result<&Map<String, Value>> {
    call.object()?
        .get("policy_group")
        .and_then(Value::as_object)
        .ok_or_else(|| invalid("policy_group is required"))
}

/// `POST /policy-groups`.
pub(super) fn create(world: &mut World, call: &Call) -> Result<Done> {
    let body = inner(call)?;
    let name = required(body, "policy_group_name")?;
    check_name(world, call, name, "")?;
    if !catalog::fits(world, call.project(), "policy_groups", 1) {
        let message = "The number of policy groups exceeds the limit.";
        return Err(ApiError::new(403, "WKS.00081105", message));
    }
    let mut in_force = defaults();
    merge(&mut in_force, &policies(body)?);
    let group = PolicyGroup {
        id: uuid(world).replace('-', ""),
        account: call.account.clone(),
        project: call.project().to_owned(),
        name: name.to_owned(),
        priority: number(body, "priority", 0..=55)?.unwrap_or(1),
        description: text(body, "description")?.unwrap_or_default().to_owned(),
        policies: in_force,
        targets: targets(world, call, body, "targets")?,
        updated: world.clock.date(world.now()),
        number: world.serial(),
        visible_from: 0,
    };
    let id = add(world, group, true);
    let mut done = Done::wrote(&id).field("id", id.as_str());
    done.status = Some(201);
    done.made = Some((Kind::PolicyGroup, id));
    Ok(done)
}

/// Adds a group; `by_request` says whether a request made it.
pub(super) fn add(world: &mut World, group: PolicyGroup, by_request: bool) -> String {
    let id = group.id.clone();
    world.born(Kind::PolicyGroup, &id, &group.account, by_request);
    world.huawei.policy_groups.insert(id.clone(), group);
    id
}

fn group<'w>(world: &'w mut World, call: &Call) -> Result<&'w mut PolicyGroup> {
    let id = call.path_param("policy_group_id");
    let now = world.now();
    world
        .huawei
        .policy_groups
        .get_mut(&id)
        .filter(|group| call.owns(&group.project) && group.visible_from <= now)
        .ok_or_else(|| not_found(&id))
}

/// `GET /policy-groups/{policy_group_id}`.
pub(super) fn show(world: &mut World, call: &Call) -> Result<Done> {
    let row = full(group(world, call)?);
    Ok(Done::default().field("policy_group", row))
}

/// `PUT /policy-groups/{policy_group_id}`: targets are replaced, policies merged.
pub(super) fn update(world: &mut World, call: &Call) -> Result<Done> {
    let body = inner(call)?;
    let id = group(world, call)?.id.clone();
    let name = text(body, "policy_group_name")?;
    if let Some(name) = name {
        check_name(world, call, name, &id)?;
    }
    let said = policies(body)?;
    let replaced = match body.get("targets") {
        None | Some(Value::Null) => None,
        Some(_) => Some(targets(world, call, body, "targets")?),
    };
    let (priority, description) = (number(body, "priority", 0..=55)?, text(body, "description")?);
    let updated = world.clock.date(world.now());
    let group = group(world, call)?;
    if let Some(name) = name {
        name.clone_into(&mut group.name);
    }
    if let Some(description) = description {
        description.clone_into(&mut group.description);
    }
    if let Some(targets) = replaced {
        group.targets = targets;
    }
    group.priority = priority.unwrap_or(group.priority);
    group.updated = updated;
    merge(&mut group.policies, &said);
    Ok(Done::wrote(&id).field("id", id.as_str()))
}

/// `DELETE /policy-groups/{policy_group_id}`.
pub(super) fn delete(world: &mut World, call: &Call) -> Result<Done> {
    let id = group(world, call)?.id.clone();
    let now = world.now();
    super::time::remove(world, &id, now);
    Ok(Done {
        status: Some(204),
        ..Done::wrote(&id)
    })
}

/// `GET /policy-groups/{policy_group_id}/policies`.
pub(super) fn show_policies(world: &mut World, call: &Call) -> Result<Done> {
    let policies = group(world, call)?.policies.clone();
    Ok(Done::default().field("policies", policies))
}

/// `PUT /policy-groups/{policy_group_id}/policies`: what is not said stays.
pub(super) fn set_policies(world: &mut World, call: &Call) -> Result<Done> {
    let said = policies(call.object()?)?;
    let updated = world.clock.date(world.now());
    let group = group(world, call)?;
    merge(&mut group.policies, &said);
    group.updated = updated;
    Ok(Done::wrote(&group.id).field("policies", group.policies.clone()))
}

/// `GET /policy-groups/{policy_group_id}/targets`.
pub(super) fn list_targets(world: &mut World, call: &Call) -> Result<Done> {
    let rows: Vec<Value> = group(world, call)?
        .targets
        .iter()
        .filter(|(kind, ..)| call.asked("target_type").is_none_or(|wanted| kind == wanted))
        .map(show_target)
        .collect();
    let (total, rows) = call.slice(rows, 10, 0..=100)?;
    Ok(Done::default().field("targets", rows).field("total_count", total))
}

/// `PUT /policy-groups/{policy_group_id}/targets`.
pub(super) fn set_targets(world: &mut World, call: &Call) -> Result<Done> {
    let body = call.object()?;
    let added = targets(world, call, body, "add")?;
    let mut removed = Vec::new();
    for row in objects(body, "delete")? {
        removed.push((
            word(row, "target_type", TARGETS)?.to_owned(),
            required(row, "target_id")?.to_owned(),
        ));
    }
    let group = group(world, call)?;
    group
        .targets
        .retain(|(kind, id, _)| !removed.iter().any(|(gone, other)| (gone, other) == (kind, id)));
    for target in added {
        if !group
            .targets
            .iter()
            .any(|known| (&known.0, &known.1) == (&target.0, &target.1))
        {
            group.targets.push(target);
        }
    }
    Ok(Done::wrote(&group.id))
}
