//! The creation of a desktop: what has to be known before it, and the one call that costs money.

use super::calls::{Change, Yields, group, months, no_renewal_by_itself};
use super::{CloudDesktop, invalid, map};
use crate::api::desktop::{BillingMode, WorkMode};
use crate::backend::Result;
use crate::backend::error::{BackendError, ErrorClass};
use crate::backend::model::{DesktopSpec, Receipt};
use crate::backend::rpc::Params;

const ACTION: &str = "CreateDesktop";

/// Images of the account's own.
pub(super) const PRIVATE: &str = "private";
/// Images of the vendor's.
pub(super) const DEFAULT: &str = "default";

/// What a creation needs of the manifest.
struct Wanted<'a> {
    zone_id: &'a str,
    subnet_id: &'a str,
    user: &'a str,
    user_group: &'static str,
    /// Months, for what is paid in advance.
    months: Option<i32>,
}

impl<'a> Wanted<'a> {
    /// Finds what the vendor cannot do before anybody is asked.
    fn of(spec: &'a DesktopSpec) -> Result<Self> {
        let required = |value: Option<&'a str>, what| value.ok_or_else(|| invalid(ACTION, what));
        let place = &spec.place;
        if spec.work_mode != WorkMode::Desktop {
            return Err(invalid(ACTION, "cloudDesktop publishes no applications"));
        }
        if spec.disk.is_some() {
            return Err(invalid(ACTION, "the flavor determines the disks of a desktop"));
        }
        if spec.public_address.is_some() {
            return Err(invalid(ACTION, "cloudDesktop gives no public addresses"));
        }
        let user = spec.user.as_ref();
        let months = match (spec.billing.mode, &spec.billing.period) {
            (BillingMode::PayAsYouGo, _) => None,
            (BillingMode::Subscription, Some(period)) => {
                no_renewal_by_itself(ACTION, spec.billing.auto_renew)?;
                Some(months(ACTION, period)?)
            }
            (BillingMode::Subscription, None) => return Err(invalid(ACTION, "a subscription needs a period")),
        };
        Ok(Self {
            zone_id: required(place.zone_id.as_deref(), "a desktop needs a zone (cloudDesktop.zoneId)")?,
            subnet_id: required(
                place.subnet_id.as_deref(),
                "a desktop needs a subnet (network.subnetId)",
            )?,
            user: required(
                user.map(|user| user.name.as_str()),
                "a desktop needs a user (spec.user)",
            )?,
            user_group: group(user.and_then(|user| user.group)),
            months,
        })
    }

    const fn charge_type(&self) -> &'static str {
        match self.months {
            None => "POSTPAY",
            Some(_) => "PREPAY",
        }
    }
}

impl CloudDesktop {
    /// Creates a desktop, or asks once more for the answer to the same attempt.
    pub(super) async fn create_desktop(&self, spec: &DesktopSpec) -> Result<Receipt> {
        let wanted = Wanted::of(spec)?;
        let vpc_id = match &spec.place.vpc_id {
            Some(vpc_id) => vpc_id.clone(),
            None => self
                .owner()
                .await?
                .vpc_id
                .ok_or_else(|| BackendError::new(ErrorClass::Conflict, ACTION, "the tenant has no network yet"))?,
        };
        let image_type = self.image_type(ACTION, &spec.image_id).await?;
        // Of an attempt that was sent before, the vendor alone knows what became of it: what has changed since must not
        // keep it from being asked.
        if !spec.resent {
            self.check_user(wanted.user).await?;
            self.check_stock(spec, &wanted).await?;
        }
        let mut params = self
            .owned(Params::new())
            .set("TypeItemId", &spec.flavor)
            .set("ChargeType", wanted.charge_type())
            .set("VpcId", &vpc_id)
            .set("ZoneId", wanted.zone_id)
            .set("VSwitchId", wanted.subnet_id)
            .set("ImageId", &spec.image_id)
            .set("ImageType", image_type)
            .set("UserName", wanted.user)
            .set("UserGroup", wanted.user_group)
            .set("ClientToken", &spec.token());
        if let Some(months) = wanted.months {
            params = params.set("Period", &months);
        }
        self.send(Change {
            action: ACTION,
            params,
            yields: Yields::Desktop,
        })
        .await
    }

    /// Whether an image is the account's own or the vendor's, which has to be said beside its id.
    pub(super) async fn image_type(&self, action: &'static str, image_id: &str) -> Result<&'static str> {
        for image_type in [PRIVATE, DEFAULT] {
            let params = Params::new().set("ImageType", image_type).set("ImageId", image_id);
            let found: Vec<map::Image> = self.client.list(&params).await?;
            // Whoever ignores the filter lists other images as well.
            if found.iter().any(|map::Image(image)| image.id == image_id) {
                return Ok(image_type);
            }
        }
        let message =
            format!("there is no image {image_id} (spec.image.id), neither the account's own nor the vendor's");
        Err(BackendError::new(ErrorClass::NotFound, action, &message))
    }

    /// Whoever a desktop is made for must be in the directory and have an address.
    async fn check_user(&self, name: &str) -> Result<()> {
        match self.find_user(name).await? {
            None => {
                let message = format!("there is no user {name} in the account's directory");
                Err(BackendError::new(ErrorClass::NotFound, ACTION, &message))
            }
            Some(user) if user.email.is_none() => {
                let message =
                    format!("the user {name} has no e-mail address, which the vendor needs to hand a desktop over");
                Err(invalid(ACTION, &message))
            }
            Some(_) => Ok(()),
        }
    }

    async fn check_stock(&self, spec: &DesktopSpec, wanted: &Wanted<'_>) -> Result<()> {
        let params = Params::new()
            // The document has a capital T in the middle, the vendor's published client has not.
            .set("TypeITemId", &spec.flavor)
            .set("TypeItemId", &spec.flavor)
            .set("ZoneId", wanted.zone_id)
            .set("ChargeType", wanted.charge_type());
        if self
            .client
            .read("DescribeAvailableResource", &params, map::available)
            .await?
        {
            return Ok(());
        }
        let message = format!("there is no {} left in zone {}", spec.flavor, wanted.zone_id);
        Err(BackendError::new(
            ErrorClass::OutOfStock,
            "DescribeAvailableResource",
            &message,
        ))
    }
}
