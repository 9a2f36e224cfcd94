//! Desktops and pools as answers show them.

use serde_json::{Map, Value, json};

use super::catalog;
use super::job;
use super::model::{Desktop, Pool, Volume};
use super::quirks;
use crate::sim::world::World;

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Tags as the vendor writes them.
pub(super) fn tags<'a>(tags: impl IntoIterator<Item = (&'a String, &'a String)>) -> Value {
    tags.into_iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}

fn volume(volume: &Volume, device: &str) -> Value {
    json!({
        "id": volume.id,
        "volume_id": volume.id,
        "type": volume.kind,
        "size": volume.size,
        "device": device,
        "resource_spec_code": format!("workspace.volume.{}", volume.kind.to_lowercase()),
    })
}

fn product(world: &World, id: &str) -> Value {
    catalog::find(id).map_or(Value::Null, |product| {
        let mut fields = product.show(world);
        fields.remove("status");
        Value::Object(fields)
    })
}

fn group_names(desktop: &Desktop) -> Value {
    desktop.user.iter().map(|(name, _)| json!(name)).collect()
}

fn attached(desktop: &Desktop) -> Value {
    desktop
        .user
        .iter()
        .map(
            |(name, group)| json!({"user_name": name, "user_group": group, "type": "USER", "domain": "office.example"}),
        )
        .collect()
}

/// A desktop with everything.
pub(super) fn desktop(world: &World, desktop: &Desktop) -> Map<String, Value> {
    let address = format!("172.16.{}.{}", desktop.number / 250 % 250, desktop.number % 250 + 1);
    let disks: Vec<Value> = desktop
        .data_volumes
        .iter()
        .map(|disk| volume(disk, "/dev/vdb"))
        .collect();
    let (user, group) = desktop.user.clone().unwrap_or_default();
    let mut row = fields(json!({
        "desktop_id": desktop.id,
        "computer_name": desktop.computer_name,
        "os_host_name": desktop.computer_name,
        "addresses": {desktop.subnet_id.as_str(): [{"addr": address, "version": "4", "OS-EXT-IPS:type": "fixed",
            "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:2e:41:55"}]},
        "ip_addresses": [address],
        "ipv4": address,
        "user_list": group_names(desktop),
        "desktop_type": if desktop.pool_id.is_some() { "POOLED" } else { "DEDICATED" },
        "metadata": {"charging_mode": "0", "image_name": desktop.image_name, "metering.image_id": desktop.image_id,
            "metering.resourcespeccode": desktop.product_id, "os_type": "Windows"},
        "flavor": {"id": catalog::find(&desktop.product_id).map(|product| product.flavor), "links": []},
        "status": desktop.status,
        "task_status": desktop.task_status,
        "in_maintenance_mode": false,
        "created": desktop.created.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        "security_groups": [{"id": "sg-desktops", "name": "WorkspaceUserSecurityGroup"}],
        "login_status": desktop.login_status,
        "user_name": user,
        "attach_user_infos": attached(desktop),
        "product_id": desktop.product_id,
        "root_volume": volume(&desktop.root_volume, "/dev/vda"),
        "data_volumes": disks,
        "user_group": group,
        "availability_zone": desktop.availability_zone,
        "product": product(world, &desktop.product_id),
        "os_version": "Windows 10",
        "sid": desktop.sid,
        "tags": tags(&desktop.tags),
        "is_support_internet": false,
        "attach_state": desktop.attach_state,
        "enterprise_project_id": "0",
        "subnet_id": desktop.subnet_id,
        "process": if desktop.task_status.is_empty() { Value::Null } else { json!(40) },
        "is_freeze": desktop.frozen,
        "isolated": false,
    }));
    if world.settings.quirks {
        quirks::desktop(&mut row, desktop.number);
    }
    row
}

/// A desktop in short.
pub(super) fn simple(world: &World, desktop: &Desktop) -> Map<String, Value> {
    let (user, group) = desktop.user.clone().unwrap_or_default();
    let mut row = fields(json!({
        "project_id": desktop.project,
        "desktop_id": desktop.id,
        "computer_name": desktop.computer_name,
        "created": desktop.created.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        "user_name": user,
        "attach_user_infos": attached(desktop),
        "user_group": group,
        "sid": desktop.sid,
        "enterprise_project_id": "0",
        "tags": tags(&desktop.tags),
        "desktop_type": if desktop.pool_id.is_some() { "POOLED" } else { "DEDICATED" },
        "subnet_id": desktop.subnet_id,
        "status": desktop.status,
        "task_status": desktop.task_status,
        "availability_zone": desktop.availability_zone,
        "connect_status": desktop.login_status,
        "pool_id": desktop.pool_id,
    }));
    if world.settings.quirks {
        quirks::desktop(&mut row, desktop.number);
    }
    row
}

/// The word for a pool's state. It is steady also between the beginning of a job and the first desktop of it.
fn pool_status(world: &World, pool: &Pool) -> String {
    if let Some(status) = &pool.status {
        return status.clone();
    }
    let huawei = &world.huawei;
    let status = if huawei.desktops_of(&pool.id).any(|desktop| desktop.frozen) {
        "EXIST_FROZEN"
    } else if huawei
        .desktops_of(&pool.id)
        .any(|desktop| !desktop.task_status.is_empty())
    {
        "TEMPORARY"
    } else {
        "STEADY"
    };
    status.to_owned()
}

fn pool_volume(volume: &Volume) -> Value {
    json!({"id": volume.id, "type": volume.kind, "size": volume.size})
}

/// A pool with every field of the document.
pub(super) fn pool(world: &World, pool: &Pool) -> Map<String, Value> {
    let image = world.huawei.images.get(&pool.image_id);
    let count = world.huawei.desktops_of(&pool.id).count();
    let used = world
        .huawei
        .desktops_of(&pool.id)
        .filter(|desktop| desktop.user.is_some())
        .count();
    let groups: Vec<Value> = pool
        .security_groups
        .iter()
        .map(|id| json!({"id": id, "name": format!("name of {id}")}))
        .collect();
    let product = catalog::find(&pool.product_id).map_or(Value::Null, |product| Value::Object(product.show(world)));
    let mut row = fields(json!({
        "id": pool.id,
        "name": pool.name,
        "type": pool.kind,
        "description": pool.description,
        "created_time": pool.created.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        "charging_mode": "1",
        "desktop_count": count,
        "desktop_used": used,
        "availability_zone": pool.availability_zone,
        "subnet_id": pool.subnet_ids.first(),
        "subnet_ids": pool.subnet_ids,
        "product": product,
        "image_id": pool.image_id,
        "image_name": image.map(|image| image.name.as_str()),
        "image_os_type": image.map(|image| image.os_type.as_str()),
        "image_os_version": image.map(|image| image.os_version.as_str()),
        "image_os_platform": image.map(|image| image.os_type.as_str()),
        "image_product_code": "",
        "root_volume": pool_volume(&pool.root_volume),
        "data_volumes": pool.data_volumes.iter().map(pool_volume).collect::<Vec<_>>(),
        "security_groups": groups,
        "disconnected_retention_period": pool.retention,
        "enable_autoscale": pool.autoscale,
        "autoscale_policy": pool.autoscale_policy,
        "status": pool_status(world, pool),
        "enterprise_project_id": pool.enterprise_project_id,
        "in_maintenance_mode": pool.maintenance,
        "desktop_name_policy_id": pool.name_policy,
        "tags": tags(&pool.tags),
        "ou_name": pool.ou_name,
        "vpc_id": pool.vpc_id,
    }));
    if world.settings.quirks {
        quirks::pool(&mut row, pool.number);
    }
    row
}

/// Whether nothing is under way in a pool.
pub(super) fn pool_at_rest(world: &World, id: &str) -> bool {
    let still = world
        .huawei
        .desktops_of(id)
        .all(|desktop| desktop.task_status.is_empty());
    still && !job::pool_is_busy(world, id)
}
