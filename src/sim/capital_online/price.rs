//! What things cost.

use serde_json::{Value, json};

use super::model::Edition;
use super::params::{Args, Result, refused, wrong};
use super::wire::{data, request_content};
use crate::sim::vendor::{Call, Done};
use crate::sim::world::World;

/// Cents are the smallest there is.
fn cents(price: f64) -> f64 {
    (price * 100.0).round() / 100.0
}

/// A small count as a factor of a price.
fn factor(count: i64) -> f64 {
    f64::from(i32::try_from(count).unwrap_or(i32::MAX))
}

pub(super) fn vm(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    let request_id = args.request_id()?;
    let site = args.site(world)?;
    let goods = args.number("goodsId", 1..=i64::MAX)?.ok_or_else(|| wrong("goodsId"))?;
    let months = args.number("duration", 1..=60)?.unwrap_or(1);
    args.bit("isToMonth")?;
    let count = args.number("num", 1..=100)?.unwrap_or(1);
    let cycle = args
        .word("billCycle", &["minute", "month", "year"])?
        .unwrap_or("minute");
    let disk = own_disk(world.capital_online.edition, args, 0.0)?;
    let product = world
        .capital_online
        .products
        .iter()
        .find(|product| product.goods_id == goods && product.sites.iter().any(|at| at == site))
        .ok_or_else(|| refused(12505, "查询云桌面价格失败"))?;
    let of_disk = disk.map_or(0.0, |gib| factor(gib) * 0.8);
    let months = if cycle == "year" { months * 12 } else { months };
    let each = match cycle {
        // By demand the answer is for an hour.
        "minute" => product.per_minute * 60.0 + of_disk / 720.0,
        _ => (product.per_month + of_disk) * factor(months),
    };
    Ok(Done::read(data(json!({
        "areaId": "CN",
        "requestContent": request_content(call),
        "requestId": request_id,
        "tradeAmount": cents(each * factor(count)),
    }))))
}

/// The size of a disk of its own, if one is asked for; only the newer edition knows of them.
pub(super) fn own_disk(edition: Edition, args: Args<'_>, image_size: f64) -> Result<Option<i64>> {
    if edition == Edition::Y2022 || args.word("sysVolume", &["local", "ssd"])? != Some("ssd") {
        return Ok(None);
    }
    let size = args
        .number("sysVolumeSize", 8..=4096)?
        .filter(|size| size % 8 == 0 && factor(*size) > image_size)
        .ok_or_else(|| wrong("sysVolumeSize"))?;
    Ok(Some(size))
}

pub(super) fn eip(world: &mut World, call: &Call) -> Result<Done> {
    let args = Args(call);
    args.request_id()?;
    args.site(world)?;
    let monthly = match world.capital_online.edition {
        Edition::Y2022 => {
            args.line(world, "bandwidthConfId", 13503)?;
            false
        }
        Edition::Y2023 => {
            args.line(world, "bandwidthConfIdStr", 13503)?;
            args.bit("isMounth")?.ok_or_else(|| wrong("isMounth"))?
        }
    };
    let count = args.number("size", 1..=1000)?.ok_or_else(|| wrong("size"))?;
    let bandwidth = args.number("qos", 1..=1000)?.ok_or_else(|| wrong("qos"))?;
    let (days, cycle) = if monthly { (30.0, "/月") } else { (1.0, "/天") };
    let row = |price: f64| -> Value {
        let price = cents(price * days);
        json!({
            "cycle": cycle,
            "end_time": "2099-01-01 00:00:00",
            "price": price,
            "price_str": format!("{price:.2}"),
            "sign": "￥",
        })
    };
    let (of_line, of_address) = (0.3 * factor(bandwidth) * factor(count), 0.5 * factor(count));
    Ok(Done::read(data(json!({
        "bandwidth_price": row(of_line),
        "eip_price": row(of_address),
        "total_price": row(of_line + of_address),
    }))))
}
