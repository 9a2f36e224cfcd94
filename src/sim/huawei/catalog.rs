//! The tenant and what it may choose from.

use serde_json::{Map, Value, json};

use super::params::Result;
use crate::sim::vendor::{Call, Done};
use crate::sim::world::World;

/// A product: id, flavor, processors, memory in MB, whether it has a GPU, series.
pub(super) struct Product {
    pub id: &'static str,
    pub flavor: &'static str,
    pub cpu: u32,
    pub memory: u32,
    pub gpu: bool,
    pub series: &'static str,
}

const fn product(
    id: &'static str,
    flavor: &'static str,
    cpu: u32,
    memory: u32,
    gpu: bool,
    series: &'static str,
) -> Product {
    Product {
        id,
        flavor,
        cpu,
        memory,
        gpu,
        series,
    }
}

const PRODUCTS: &[Product] = &[
    product(
        "workspace.x86.ultimate.large2",
        "c7.large.2",
        2,
        4096,
        false,
        "ultimate",
    ),
    product(
        "workspace.x86.ultimate.xlarge2",
        "c7.xlarge.2",
        4,
        8192,
        false,
        "ultimate",
    ),
    product(
        "workspace.x86.ultimate.2xlarge4",
        "c7.2xlarge.4",
        8,
        32_768,
        false,
        "ultimate",
    ),
    product(
        "workspace.x86.enterprise.xlarge4",
        "s6.xlarge.4",
        4,
        16_384,
        false,
        "enterprise",
    ),
    product(
        "workspace.x86.workstation.2xlarge4",
        "g6.2xlarge.4",
        8,
        32_768,
        true,
        "workstation",
    ),
];

/// Zones that exist.
const ZONES: [&str; 2] = ["cn-north-7a", "cn-north-7c"];

/// Zone of what asks for none.
pub(super) const DEFAULT_ZONE: &str = "cn-north-7c";

/// The product of an id.
pub(super) fn find(id: &str) -> Option<&'static Product> {
    PRODUCTS.iter().find(|product| product.id == id)
}

/// Whether there is such a zone.
pub(super) fn is_zone(name: &str) -> bool {
    ZONES.contains(&name)
}

impl Product {
    /// As the vendor shows it: the numbers are texts.
    pub(super) fn show(&self, world: &World) -> Map<String, Value> {
        let status = if world.huawei.sold_out.contains(self.id) {
            "sellout"
        } else {
            "normal"
        };
        let value = json!({
            "product_id": self.id,
            "flavor_id": self.flavor,
            "type": "BASE",
            "cpu": self.cpu.to_string(),
            "memory": self.memory.to_string(),
            "descriptions": format!("CPU:{}vCPUs,Memory:{}GB", self.cpu, self.memory / 1024),
            "charge_mode": "1",
            "architecture": "x86",
            "is_gpu": self.gpu,
            "package_type": self.series,
            "system_disk_type": "SAS",
            "system_disk_size": "140",
            "contain_data_disk": false,
            "resource_type": "hws.resource.type.workspace.desktop",
            "cloud_service_type": "hws.service.type.vdi",
            "volume_product_type": "workspace",
            "status": status,
        });
        match value {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}

/// `GET /workspaces`: one object, also when there is no tenant.
pub(super) fn list_workspaces(world: &mut World, call: &Call) -> Result<Done> {
    let project = call.tenant(world)?;
    let subscribed = project.status == "SUBSCRIBED";
    let subnets: Vec<Value> = project.subnets.iter().map(|id| json!({"subnet_id": id})).collect();
    let id = if subscribed { project.id.as_str() } else { "" };
    let done = Done::default()
        .field("id", id)
        .field("status", project.status.as_str())
        .field(
            "ad_domains",
            json!({"domain_type": "LITE_AS", "domain_name": "office.example"}),
        )
        .field("vpc_id", project.vpc_id.as_str())
        .field("vpc_name", format!("name of {}", project.vpc_id))
        .field("access_mode", "INTERNET")
        .field("access_status", "available")
        .field("internet_access_address", "https://198.51.100.25")
        .field("internet_access_port", "443")
        .field("subnet_ids", subnets)
        .field("management_subnet_cidr", "192.0.2.0/24")
        .field("config_status", "0")
        .field("progress", "100%")
        .field("enterprise_id", format!("ent-{}", project.account))
        .field("is_send_email", true)
        .field("authorized_collect_log", false)
        .field("closable", false);
    Ok(done)
}

/// `GET /products`.
pub(super) fn list_products(world: &mut World, call: &Call) -> Result<Done> {
    let wanted = |name: &str, value: &str| call.asked(name).is_none_or(|wanted| wanted == value);
    let rows: Vec<Value> = PRODUCTS
        .iter()
        .filter(|product| wanted("product_id", product.id) && wanted("package_type", product.series))
        .filter(|_| wanted("charge_mode", "1") && wanted("architecture", "x86"))
        .map(|product| Value::Object(product.show(world)))
        .collect();
    let (total, rows) = call.slice(rows, 100, 0..=100)?;
    let zone = call.asked("availability_zone").unwrap_or(DEFAULT_ZONE);
    Ok(Done::default()
        .field("availability_zone", zone)
        .field("products", rows)
        .field("total_count", total))
}

/// `GET /availability-zones`.
pub(super) fn list_zones(world: &World) -> Done {
    let sold: Vec<&String> = world.huawei.sold_out.iter().collect();
    let ids: Vec<&str> = PRODUCTS.iter().map(|product| product.id).collect();
    let rows: Vec<Value> = ZONES
        .iter()
        .map(|zone| {
            json!({
                "availability_zone": zone,
                "display_name": zone,
                "i18n": {"en_us": zone, "zh_cn": zone},
                "sold_out": {"products": sold},
                "product_ids": ids,
                "visible": true,
                "default_availability_zone": *zone == DEFAULT_ZONE,
            })
        })
        .collect();
    Done::default()
        .field("total_count", rows.len())
        .field("availability_zones", rows)
}

/// What the tenant uses of a resource.
fn used(world: &World, project: &str, resource: &str) -> i64 {
    let huawei = &world.huawei;
    let desktops = huawei.desktops.values().filter(|desktop| desktop.project == project);
    let sum = |share: fn(&Product) -> u32| -> i64 {
        desktops
            .clone()
            .filter_map(|desktop| find(&desktop.product_id))
            .map(|product| i64::from(share(product)))
            .sum()
    };
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    match resource {
        "general_instances" => sum(|product| u32::from(!product.gpu)),
        "gpu_instances" => sum(|product| u32::from(product.gpu)),
        "cores" => sum(|product| product.cpu),
        "Memory" => sum(|product| product.memory / 1024),
        "volumes" => desktops.map(|desktop| 1 + count(desktop.data_volumes.len())).sum(),
        "volume_gigabytes" => desktops
            .map(|desktop| desktop.root_volume.size + desktop.data_volumes.iter().map(|disk| disk.size).sum::<i64>())
            .sum(),
        "users" => count(huawei.users.values().filter(|user| user.project == project).count()),
        "policy_groups" => count(
            huawei
                .policy_groups
                .values()
                .filter(|group| group.project == project)
                .count(),
        ),
        _ => 0,
    }
}

/// Whether so many more of a resource fit the tenant's quota.
pub(super) fn fits(world: &World, project: &str, resource: &str, more: usize) -> bool {
    let limit = world
        .huawei
        .projects
        .get(project)
        .and_then(|project| project.quotas.get(resource));
    let more = i64::try_from(more).unwrap_or(i64::MAX);
    limit.is_none_or(|limit| used(world, project, resource).saturating_add(more) <= *limit)
}

/// The resource whose quota desktops of a product count against.
pub(super) fn instances_of(product: &Product) -> &'static str {
    if product.gpu {
        "gpu_instances"
    } else {
        "general_instances"
    }
}

/// `GET /quotas`.
pub(super) fn show_quotas(world: &mut World, call: &Call) -> Result<Done> {
    let project = call.tenant(world)?;
    let rows: Vec<Value> = project
        .quotas
        .iter()
        .map(|(name, limit)| json!({"type": name, "quota": limit, "used": used(world, &project.id, name)}))
        .collect();
    Ok(Done::default()
        .field("quotas", json!({"resources": rows}))
        .field("site_quotas", json!([])))
}
