//! What exists before the first request.

use std::collections::BTreeMap;

use super::model::{CapitalOnline, Edition, Image, Line, Product, Site};
use super::net;
use crate::sim::world::World;

const SITES: [(&str, &str, &str, &str, &str); 2] = [
    (
        "51735a10-0000-4000-8000-000000000001",
        "襄阳A",
        "POD210",
        "c1735a10-0000-4000-8000-000000000001",
        "襄阳",
    ),
    (
        "51735a10-0000-4000-8000-000000000002",
        "宿迁A",
        "POD203",
        "c1735a10-0000-4000-8000-000000000002",
        "宿迁",
    ),
];

const LINES: [(i64, &str); 3] = [(10289, "电信"), (10298, "移动"), (10307, "联通")];

const LARGE: &str = "900d5a10-0000-4000-8000-000000000001";
const SMALL: &str = "900d5a10-0000-4000-8000-000000000002";
const OFFICE: &str = "900d5a10-0000-4000-8000-000000000003";

/// Id, name, GiB, products, and the status at each of the sites.
type Template = (
    &'static str,
    &'static str,
    f64,
    &'static [&'static str],
    [&'static str; 2],
);

const IMAGES: [Template; 3] = [
    (
        "1a6e5a10-0000-4000-8000-000000000001",
        "Windows10-公共镜像-图形处理型",
        72.0,
        &[LARGE, SMALL],
        ["Available", "Available"],
    ),
    (
        "1a6e5a10-0000-4000-8000-000000000002",
        "Windows11-公共镜像-图形处理型",
        // As in the document's example: the size is not always told.
        0.0,
        &[LARGE, SMALL],
        ["Using", "Synchronizing"],
    ),
    (
        "1a6e5a10-0000-4000-8000-000000000003",
        "Windows10-公共镜像-办公型",
        40.0,
        &[OFFICE],
        ["Available", "Available"],
    ),
];

fn product(id: &str, name: &str, sites: usize, machine: (i64, i64, &str, i64), goods_id: i64) -> Product {
    let (cpu_cores, memory, gpu_model, gpu_ram) = machine;
    let per_month: f64 = match id {
        LARGE => 3364.0,
        SMALL => 1500.5,
        _ => 200.0,
    };
    Product {
        id: id.to_owned(),
        name: name.to_owned(),
        sites: SITES.iter().take(sites).map(|site| site.0.to_owned()).collect(),
        cpu_cores,
        memory,
        gpu_model: gpu_model.to_owned(),
        gpu_ram,
        disk: 150,
        goods_id,
        // Ten digits, as the vendor rounds.
        per_minute: (per_month / 18_000.0 * 1e10).round() / 1e10,
        per_month,
        allows_ssd: id != OFFICE,
    }
}

impl CapitalOnline {
    /// The vendor's sites, lines, products and images; nothing of any account.
    pub(crate) fn seeded(edition: Edition) -> Self {
        let images = IMAGES.iter().map(|(id, name, size, products, status)| {
            let image = Image {
                id: (*id).to_owned(),
                account: None,
                name: (*name).to_owned(),
                size: *size,
                products: products.iter().map(|&id| id.to_owned()).collect(),
                sites: SITES
                    .iter()
                    .zip(status)
                    .map(|(site, status)| (site.0.to_owned(), (*status).to_owned()))
                    .collect(),
            };
            (image.id.clone(), image)
        });
        Self {
            edition,
            sites: SITES
                .iter()
                .map(|(id, name, pod, city_id, city)| Site {
                    id: (*id).to_owned(),
                    name: (*name).to_owned(),
                    pod: (*pod).to_owned(),
                    city_id: (*city_id).to_owned(),
                    city: (*city).to_owned(),
                })
                .collect(),
            lines: LINES
                .iter()
                .map(|(id, name)| Line {
                    id: *id,
                    name: (*name).to_owned(),
                })
                .collect(),
            products: vec![
                product(LARGE, "图形处理型", 2, (14, 25, "NVIDIA A5000", 24), 15264),
                product(SMALL, "图形入门型", 1, (8, 16, "NVIDIA T4", 16), 15273),
                product(OFFICE, "办公型", 2, (4, 8, "", 0), 15282),
            ],
            images: images.collect(),
            ..Self::default()
        }
    }
}

/// What an account has from the beginning: a network and an image of its own, at the first site. The ids tell whose.
pub(crate) fn endow(world: &mut World, account: &str, number: u64) {
    let site_id = SITES[0].0;
    let image = Image {
        id: format!("1a6e5a10-0000-4000-8000-{:012}", 100 + number),
        account: Some(account.to_owned()),
        name: "定制模板".to_owned(),
        size: 32.0,
        products: vec![LARGE.to_owned(), SMALL.to_owned()],
        sites: BTreeMap::from([(site_id.to_owned(), "Available".to_owned())]),
    };
    world.capital_online.images.insert(image.id.clone(), image);
    net::add(world, account, site_id, None, "研发-自定义VPC", true);
}
