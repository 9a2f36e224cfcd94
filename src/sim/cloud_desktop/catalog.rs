//! What is offered: regions, types and whether there are any left.

use serde_json::{Value, json};

use super::quirks;
use crate::sim::rpc::{missing, not_found};
use crate::sim::vendor::{ApiError, Call, Done};
use crate::sim::world::World;

type Result<T> = std::result::Result<T, ApiError>;

const REGIONS: [(&str, &str); 4] = [
    ("cn-beijing", "华北 2"),
    ("cn-hangzhou", "华东 1"),
    ("cn-shanghai", "华东 2"),
    ("cn-shenzhen", "华南 1"),
];

/// Zones in which desktops are sold.
pub(super) const ZONES: [&str; 3] = ["cn-hangzhou-g", "cn-hangzhou-h", "cn-hangzhou-i"];

/// A type of desktops.
pub(super) struct TypeItem {
    pub id: &'static str,
    /// `common` or `gpu`.
    pub desktop_type: &'static str,
    cpu: i64,
    memory: i64,
    gpu: i64,
    user_disk: i64,
}

const fn item(
    id: &'static str,
    desktop_type: &'static str,
    (cpu, memory, gpu, user_disk): (i64, i64, i64, i64),
) -> TypeItem {
    TypeItem {
        id,
        desktop_type,
        cpu,
        memory,
        gpu,
        user_disk,
    }
}

/// The types of the document. It names them without their sizes.
const TYPES: [TypeItem; 7] = [
    item("desktop.n1.small", "common", (1, 2, 0, 50)),
    item("desktop.n1.medium", "common", (2, 4, 0, 50)),
    item("desktop.n1.large", "common", (4, 8, 0, 100)),
    item("desktop.ga1.1xlarge", "gpu", (4, 10, 1, 100)),
    item("desktop.ga1.2xlarge", "gpu", (8, 20, 1, 100)),
    item("desktop.ga1.4xlarge", "gpu", (16, 40, 2, 200)),
    item("desktop.ga1.8xlarge", "gpu", (32, 80, 4, 200)),
];

/// The type of an id.
pub(super) fn type_item(id: &str) -> Option<&'static TypeItem> {
    TYPES.iter().find(|item| item.id == id)
}

pub(super) fn describe_regions(world: &World) -> Done {
    let regions: Vec<Value> = REGIONS
        .iter()
        .map(|(id, name)| {
            json!({
                "RegionId": id,
                "EndPoint": format!("clouddesktop.{id}.aliyuncs.com"),
                "LocalName": name,
            })
        })
        .collect();
    let regions = Value::Array(regions);
    // The table declares a string, and describes a list.
    let shown = if world.settings.quirks {
        Value::String(regions.to_string())
    } else {
        regions
    };
    Done::default().field("Regions", shown)
}

fn row(item: &TypeItem, quirks: bool) -> Value {
    let gpu_spec = if item.gpu > 0 { "AMD S7150" } else { "" };
    let mut row = json!({
        "TypeItemId": item.id,
        "DesktopType": item.desktop_type,
        "Cpu": item.cpu,
        "Memory": item.memory,
        "Gpu": item.gpu,
        "GpuSpec": gpu_spec,
        "SysDiskType": "cloud_ssd",
        "SysDiskSize": 80,
        "UserDiskType": "cloud_efficiency",
        "UserDiskSize": item.user_disk.to_string(),
    });
    if let Some(fields) = row.as_object_mut().filter(|_| quirks) {
        quirks::row(fields, item.cpu.unsigned_abs());
    }
    row
}

pub(super) fn describe_type_items(world: &mut World, call: &Call) -> Result<Done> {
    let quirks = world.settings.quirks;
    let desktop_type = call.word("DesktopType", &["common", "gpu"])?;
    let wanted = call.optional("TypeItemId");
    let rows: Vec<Value> = TYPES
        .iter()
        .filter(|item| desktop_type.is_none_or(|desktop_type| item.desktop_type == desktop_type))
        .filter(|item| wanted.is_none_or(|id| item.id == id))
        .map(|item| row(item, quirks))
        .collect();
    // The table has the fields of one type and no list around them.
    match rows.as_slice() {
        [Value::Object(only)] if quirks => Ok(Done::read(only.clone())),
        _ if quirks => Ok(Done::default().field("TypeItems", json!({ "TypeItem": rows }))),
        _ => Ok(Done::default().field("TypeItems", rows)),
    }
}

/// Whether there is a desktop of a type left in a zone; refuses a type or zone that does not exist.
pub(super) fn in_stock(world: &World, type_item_id: &str, zone_id: &str) -> Result<bool> {
    if type_item(type_item_id).is_none() {
        return Err(not_found("TypeItemId", type_item_id));
    }
    if !ZONES.contains(&zone_id) {
        return Err(not_found("ZoneId", zone_id));
    }
    let out = (type_item_id.to_owned(), zone_id.to_owned());
    Ok(!world.cloud_desktop.out_of_stock.contains(&out))
}

pub(super) fn describe_available_resource(world: &mut World, call: &Call) -> Result<Done> {
    // The document has the capital T in the middle, the published client has not.
    let type_item_id = call
        .optional("TypeITemId")
        .or_else(|| call.optional("TypeItemId"))
        .ok_or_else(|| missing("TypeITemId"))?;
    let zone_id = call.required("ZoneId")?;
    call.word("ChargeType", &["POSTPAY", "PREPAY"])?;
    let available = in_stock(world, type_item_id, zone_id)?;
    Ok(Done::default().field("Available", available))
}
