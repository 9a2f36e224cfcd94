//! What a new desktop, a new image of one and a price need to know first. Everything here is read; the one change
//! follows.

use super::client::Call;
use super::map::{self, Image, Network, Product};
use super::{CapitalOnline, number};
use crate::api::desktop::{Billing, BillingMode, PeriodUnit};
use crate::api::provider::{CapitalOnlineEdition, Currency};
use crate::backend::Result;
use crate::backend::decode::{Fields, Odd};
use crate::backend::error::{BackendError, ErrorClass};
use crate::backend::model::{DesktopSpec, Estimate, ImageState, Place};

/// Bandwidth of a desktop for which the manifest names none, in Mbit/s: what the vendor's examples use.
const BANDWIDTH: i32 = 5;
/// The vendor sells disks in steps of so many GiB.
const DISK_STEP: i64 = 8;

fn refused(class: ErrorClass, action: &'static str, message: &str) -> BackendError {
    BackendError::new(class, action, message)
}

/// Where a desktop is attached, in the vendor's words.
struct Attachment {
    vpc: String,
    subnet: String,
    /// Gateway; only in the older edition.
    gateway: Option<String>,
    /// Line it reaches the internet by.
    line: String,
}

/// The months of a subscription; none for a desktop paid by use.
pub(super) fn months(action: &'static str, billing: &Billing) -> Result<Option<i32>> {
    match (billing.mode, &billing.period) {
        (BillingMode::PayAsYouGo, _) => Ok(None),
        (BillingMode::Subscription, Some(period)) if period.unit == PeriodUnit::Month => Ok(Some(period.count)),
        (BillingMode::Subscription, _) => {
            let message = "a subscription is bought by the month (spec.billing.period)";
            Err(refused(ErrorClass::Invalid, action, message))
        }
    }
}

/// `0` or `1`.
pub(super) const fn bit(on: bool) -> &'static str {
    if on { "1" } else { "0" }
}

fn bandwidth(spec: &DesktopSpec) -> String {
    let asked = spec.public_address.as_ref().map(|address| address.bandwidth_out);
    asked.unwrap_or(BANDWIDTH).to_string()
}

impl CapitalOnline {
    /// The network of a place, with a subnet and a way out that can be used.
    fn attachment(&self, action: &'static str, networks: &[Network], place: &Place) -> Result<Attachment> {
        let vpc = &place.cluster_id;
        let network = networks
            .iter()
            .find(|network| network.cluster.id == *vpc)
            .ok_or_else(|| {
                let message = format!("the site has no network {vpc}");
                refused(ErrorClass::NotFound, action, &message)
            })?;
        let wanted = place.subnet_id.as_ref();
        let subnets = &network.cluster.subnets;
        let fits = |id: &String| wanted.is_none_or(|wanted| wanted == id);
        if let Some(wanted) = wanted.filter(|wanted| subnets.iter().all(|part| part.id != **wanted)) {
            let message = format!("network {vpc} has no subnet {wanted}");
            return Err(refused(ErrorClass::NotFound, action, &message));
        }
        let not_ready = |what: &str| {
            let message = format!("network {vpc} has no usable {what} at the moment");
            refused(ErrorClass::Conflict, action, &message)
        };
        let subnet = subnets.iter().find(|part| fits(&part.id) && map::usable(part));
        let subnet = subnet.ok_or_else(|| not_ready("subnet"))?.id.clone();
        let attach = |gateway: Option<String>, line: String| Attachment {
            vpc: vpc.clone(),
            subnet,
            gateway,
            line,
        };
        if self.edition == CapitalOnlineEdition::Edition2023 {
            let line = network.line.clone().ok_or_else(|| not_ready("line"))?;
            return match &place.gateway_id {
                Some(wanted) if *wanted != line => {
                    let message = format!("network {vpc} is on line {line}, not on {wanted}");
                    Err(refused(ErrorClass::Invalid, action, &message))
                }
                _ => Ok(attach(None, line)),
            };
        }
        let wanted = place.gateway_id.as_ref();
        if let Some(wanted) = wanted.filter(|wanted| network.gateways.iter().all(|gateway| gateway.id != **wanted)) {
            let message = format!("network {vpc} has no gateway {wanted}");
            return Err(refused(ErrorClass::NotFound, action, &message));
        }
        let mut gateways = network.gateways.iter();
        let gateway = gateways
            .find(|gateway| gateway.usable && wanted.is_none_or(|wanted| *wanted == gateway.id))
            .ok_or_else(|| not_ready("gateway"))?;
        Ok(attach(Some(gateway.id.clone()), gateway.line.clone()))
    }

    async fn product(&self, action: &'static str, id: &str) -> Result<Product> {
        let products = self.products().await?;
        let found = products.into_iter().find(|product| product.flavor.id == id);
        found.ok_or_else(|| {
            let message = format!("the site does not offer flavor {id} (spec.flavor)");
            refused(ErrorClass::NotFound, action, &message)
        })
    }

    /// An image, which must be usable at the site for a product.
    pub(super) async fn usable_image(&self, action: &'static str, id: &str, product: &str) -> Result<Image> {
        let images = self.images().await?;
        let found = images.into_iter().find(|image| image.image.id == id);
        let found = found.ok_or_else(|| {
            let message = format!("there is no image {id} (spec.image.id)");
            refused(ErrorClass::NotFound, action, &message)
        })?;
        if !found.products.iter().any(|other| other == product) {
            // Nothing is for a flavor that does not exist, and then that is what has to be said.
            self.product(action, product).await?;
            let message = format!("image {id} is not for flavor {product}");
            return Err(refused(ErrorClass::Invalid, action, &message));
        }
        if found.image.state == ImageState::Available {
            return Ok(found);
        }
        let message = format!("image {id} cannot be used at this site: {}", found.image.vendor_state);
        Err(refused(ErrorClass::Conflict, action, &message))
    }

    /// The call that creates a desktop, after everything it names was found to exist and to be usable.
    pub(super) async fn create_call(&self, spec: &DesktopSpec) -> Result<Call> {
        const ACTION: &str = "CreateVm";
        let months = months(ACTION, &spec.billing)?;
        let image = self.usable_image(ACTION, &spec.image_id, &spec.flavor).await?;
        let at = self.attachment(ACTION, &self.networks().await?, &spec.place)?;
        let call = Call::change(ACTION)
            .set("siteId", self.site.as_str())
            .set("productId", spec.flavor.as_str())
            .set("imageId", spec.image_id.as_str())
            .set("name", spec.name.as_str())
            .set("num", "1")
            .set("qos", bandwidth(spec))
            .set("vpcId", at.vpc)
            .set("subnetNetId", at.subnet)
            .set_some("moneyType", self.currency.map(money));
        // What is paid in advance is always said in full: the vendor's defaults differ from call to call. How part
        // of a month is charged is left to the vendor, whose editions contradict each other on it.
        let call = match months {
            None => call.set("billCycle", "minute"),
            Some(months) => call
                .set("billCycle", "month")
                .set("duration", months.to_string())
                .set("isToMonth", bit(false))
                .set("isAutoRenewal", bit(spec.billing.auto_renew)),
        };
        if let Some(gateway) = at.gateway {
            // The document's table and its sample differ in a letter.
            return Ok(call
                .set("vGatewayNetId", gateway.as_str())
                .set("vgatewayNetId", gateway)
                .set("vGatewayConfId", at.line.as_str())
                .set("vgatewayConfId", at.line));
        }
        let product = self.product(ACTION, &spec.flavor).await?;
        Ok(match disk(&product, image.image.size_gib) {
            None => call.set("sysVolume", "local"),
            Some(size) => call.set("sysVolume", "ssd").set("sysVolumeSize", size.to_string()),
        })
    }

    /// What a desktop would cost.
    pub(super) async fn price(&self, spec: &DesktopSpec) -> Result<Estimate> {
        const ACTION: &str = "QueryVmPrice";
        let months = months(ACTION, &spec.billing)?;
        let product = self.product(ACTION, &spec.flavor).await?;
        let goods = product.goods_id.clone().ok_or_else(|| {
            let message = format!("the vendor names no price for flavor {}", spec.flavor);
            refused(ErrorClass::NotFound, ACTION, &message)
        })?;
        let call = Call::ask(ACTION)
            .set("siteId", self.site.as_str())
            .set("goodsId", goods)
            .set("num", "1")
            .set("isToMonth", bit(false))
            .set("billCycle", if months.is_some() { "month" } else { "minute" })
            .set_some("duration", months.map(|months| months.to_string()));
        let of_disk = (self.edition == CapitalOnlineEdition::Edition2023)
            .then(|| disk(&product, None))
            .flatten();
        let call = match of_disk {
            None => call,
            Some(size) => call.set("sysVolume", "ssd").set("sysVolumeSize", size.to_string()),
        };
        let desktop = self
            .client
            .send(&call, |fields| number(map::data(fields)?, "tradeAmount"))
            .await?;
        let at = self.attachment("GetEipPrice", &self.networks().await?, &spec.place);
        let address = match at {
            Ok(at) => Some(self.address_price(&at.line, &bandwidth(spec), months.is_some()).await?),
            // A desktop has its price before its network has an address to give.
            Err(_) => None,
        };
        Ok(Estimate {
            desktop,
            address,
            // By use the vendor answers for an hour, in advance for the whole of the term.
            per: match months {
                None => "Hour".to_owned(),
                Some(1) => "Month".to_owned(),
                Some(months) => format!("{months} months"),
            },
        })
    }

    async fn address_price(&self, line: &str, bandwidth: &str, monthly: bool) -> Result<String> {
        let call = Call::get("GetEipPrice")
            .numbered()
            .set("siteId", self.site.as_str())
            .set("size", "1")
            .set("qos", bandwidth);
        let call = match self.edition {
            CapitalOnlineEdition::Edition2022 => call.set("bandwidthConfId", line),
            CapitalOnlineEdition::Edition2023 => call
                .set("bandwidthConfIdStr", line)
                // The vendor's word.
                .set("isMounth", bit(monthly)),
        };
        self.client.send(&call, total_price).await
    }
}

/// Price and bandwidth of an address, for as long as the vendor says.
pub(super) fn total_price(fields: Fields<'_>) -> std::result::Result<String, Odd> {
    let total = map::data(fields)?.object("total_price")?;
    let total = total.ok_or(Odd::missing("total_price"))?;
    let amount = number(total, "price")?;
    Ok(format!("{amount}{}", total.text("cycle")?.unwrap_or_default()))
}

const fn money(currency: Currency) -> &'static str {
    match currency {
        Currency::CNY => "CN",
        Currency::USD => "US",
    }
}

/// The size of a disk of its own, for products that have no local one: what the product has, larger than the image.
fn disk(product: &Product, image_gib: Option<i64>) -> Option<i64> {
    if product.allows_local || !product.allows_ssd {
        return None;
    }
    let least = product
        .disk_gib
        .unwrap_or(0)
        .max(image_gib.unwrap_or(0).saturating_add(1));
    let steps = least.saturating_add(DISK_STEP - 1) / DISK_STEP;
    Some(steps.saturating_mul(DISK_STEP).max(DISK_STEP))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Flavor;

    #[test]
    fn a_disk_is_larger_than_the_image_and_a_multiple_of_eight() {
        let product = |allows_local, allows_ssd, disk_gib| Product {
            flavor: Flavor::default(),
            goods_id: None,
            disk_gib,
            allows_local,
            allows_ssd,
        };
        assert_eq!(disk(&product(true, true, Some(150)), None), None);
        assert_eq!(disk(&product(false, false, Some(150)), None), None);
        assert_eq!(disk(&product(false, true, Some(150)), None), Some(152));
        assert_eq!(disk(&product(false, true, Some(150)), Some(152)), Some(160));
        assert_eq!(disk(&product(false, true, None), None), Some(8));
    }
}
