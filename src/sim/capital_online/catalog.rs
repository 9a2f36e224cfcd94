//! What there is to buy: sites, products, images, lines.

use serde_json::{Value, json};

use super::model::{Edition, Image, Product};
use super::params::{Args, Result, refused, unknown};
use super::wire::{data, lower_data};
use crate::sim::vendor::{Call, Done};
use crate::sim::world::World;

pub(super) fn sites(world: &mut World, call: &Call) -> Done {
    let wanted = Args(call).optional("siteId");
    let rows: Vec<Value> = world
        .capital_online
        .sites
        .iter()
        .filter(|site| wanted.is_none_or(|id| site.id == id))
        .map(|site| {
            json!({
                "siteId": site.id,
                "siteName": site.name,
                "podName": site.pod,
                "cityId": site.city_id,
                "cityName": site.city,
                "regionId": "4e910000-0000-4000-8000-000000000001",
                "regionName": "中国大陆",
            })
        })
        .collect();
    Done::read(data(json!(rows)))
}

pub(super) fn products(world: &mut World, call: &Call) -> Done {
    let wanted = Args(call).optional("siteId");
    let edition = world.capital_online.edition;
    let rows: Vec<Value> = world
        .capital_online
        .products
        .iter()
        .flat_map(|product| product.sites.iter().map(move |site| (product, site)))
        .filter(|(_, site)| wanted.is_none_or(|id| *site == id))
        .map(|(product, site)| product_row(edition, product, site))
        .collect();
    Done::read(data(json!(rows)))
}

fn product_row(edition: Edition, product: &Product, site: &str) -> Value {
    let mut row = json!({
        "siteId": site,
        "productId": product.id,
        "cpuCores": product.cpu_cores,
        "memorySize": product.memory,
        "gpuModel": product.gpu_model,
        "gpuRam": product.gpu_ram,
        "systemDiskSize": product.disk,
        "goodsId": product.goods_id,
        "requirePrice": product.per_minute,
        "monthPrice": product.per_month,
    });
    match edition {
        Edition::Y2022 => row["os"] = json!("windows"),
        Edition::Y2023 => {
            row["isAllowSsd"] = json!(i32::from(product.allows_ssd));
            for name in ["isAllowLocal", "isAllowMinute", "isAllowMonth"] {
                row[name] = json!(1);
            }
        }
    }
    row
}

pub(super) fn images(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    let site = args.optional("siteId").map(|_| args.site(world)).transpose()?;
    let wanted = args.optional("productId");
    let capital = &world.capital_online;
    let products: Vec<&Product> = capital
        .products
        .iter()
        .filter(|product| wanted.is_none_or(|id| product.id == id))
        .collect();
    if wanted.is_some() && products.is_empty() {
        return Err(unknown("对应商品规格信息"));
    }
    let image_rows = |product: &Product, private: bool| -> Vec<Value> {
        capital
            .images
            .values()
            .filter(|image| image.products.contains(&product.id))
            .filter(|image| match &image.account {
                Some(account) => private && *account == call.account,
                None => !private,
            })
            .filter(|image| site.is_none_or(|site| image.sites.contains_key(site)))
            .map(|image| image_row(world, image, site))
            .collect()
    };
    let rows: Vec<Value> = products
        .into_iter()
        .map(|product| {
            json!({
                "productId": product.id,
                "productName": product.name,
                "publicImages": image_rows(product, false),
                "privateImages": image_rows(product, true),
            })
        })
        .collect();
    Ok(Done::read(lower_data(json!(rows))))
}

fn image_row(world: &World, image: &Image, wanted: Option<&str>) -> Value {
    let sites: Vec<Value> = (1..)
        .zip(&image.sites)
        .filter(|(_, (site, _))| wanted.is_none_or(|id| *site == id))
        .map(|(n, (site, status))| {
            json!({
                "imageSiteId": format!("{}-{n}", image.id),
                "siteId": site,
                "siteName": world.capital_online.site(site).map(|site| site.name.as_str()),
                "status": status,
            })
        })
        .collect();
    json!({
        "imageId": image.id,
        "imageName": image.name,
        "detailName": "",
        "imageType": if image.account.is_some() { "Private" } else { "Public" },
        "osType": "windows",
        "imageSize": image.size,
        "message": "",
        "imageSites": sites,
    })
}

pub(super) fn billing_schemes(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    args.site(world)?;
    let rows: Vec<Value> = world
        .capital_online
        .lines
        .iter()
        .map(|line| {
            json!({
                "conf_id": line.id,
                "conf_name": line.name,
                "billing_scheme": [{
                    "billing_cycle_id": "minute",
                    "billing_items": [{
                        "id": format!("b1110000-0000-4000-8000-{:012}", line.id),
                        "key": "Bandwidth",
                        "name": format!("固定带宽-{}", line.name),
                    }],
                    "billing_method": "0",
                    "billing_scheme_id": format!("b1120000-0000-4000-8000-{:012}", line.id),
                    "billing_scheme_name": format!("固定带宽EIP{}", line.name),
                    "billing_type": "number",
                    "goods_id": (line.id + 6030).to_string(),
                }],
            })
        })
        .collect();
    Ok(Done::read(data(json!(rows))))
}

pub(super) fn lines(world: &mut World, call: &Call) -> Result<Done> {
    let site = Args(call).required("siteId")?;
    if world.capital_online.site(site).is_none() {
        return Err(refused(13507, "获取vpc线路类型失败"));
    }
    let rows: Vec<Value> = world
        .capital_online
        .lines
        .iter()
        .map(|line| json!({"conf_id": line.id, "conf_name": line.name}))
        .collect();
    Ok(Done::read(data(json!(rows))))
}
