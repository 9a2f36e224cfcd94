//! What a manifest asks for and this vendor cannot do: found before anything is sent.

use super::Draft;
use crate::api::desktop::{BillingMode, PeriodUnit, Power, WorkMode};
use crate::backend::Place;
use crate::backend::capabilities::{Rename, SystemDiskChoice};

/// A field of the spec, and what is wrong with it.
pub(super) type Complaint = (&'static str, String);

impl Draft<'_> {
    /// A field this vendor cannot honour on any desktop.
    pub(super) fn unsupported(&self) -> Option<Complaint> {
        let capabilities = self.inputs.capabilities?;
        let spec = self.inputs.spec;
        let vendor = capabilities.vendor;
        let (users, payment, billing) = (&capabilities.users, &capabilities.payment, &spec.billing);
        let subscription = billing.mode == BillingMode::Subscription;
        let weeks = billing.period.as_ref().is_some_and(|p| p.unit == PeriodUnit::Week);
        let renaming_allowed = spec.huawei_workspace.as_ref().is_some_and(|h| h.rename_by_restart);
        let address = spec.network.as_ref().is_some_and(|n| n.public_address.is_some());
        let complaints: [(bool, &'static str, &str); 12] = [
            (
                users.needs_uid && spec.user.as_ref().is_some_and(|u| u.uid.is_none()),
                "spec.user.uid",
                "is required: users are assigned by name and number by",
            ),
            (
                !capabilities.applications && spec.work_mode == WorkMode::Application,
                "spec.applications",
                "cannot be published by",
            ),
            (
                !capabilities.display_policy && spec.display_policy.is_some(),
                "spec.displayPolicy",
                "cannot be set by",
            ),
            (
                capabilities.system_disk == SystemDiskChoice::Fixed && spec.system_disk.is_some(),
                "spec.systemDisk",
                "cannot be chosen: the flavor determines the disk at",
            ),
            (
                !capabilities.public_address && address,
                "spec.network.publicAddress",
                "cannot be had at",
            ),
            (
                !payment.subscription && subscription,
                "spec.billing.mode",
                "Subscription cannot be bought through the API of",
            ),
            (
                !payment.weeks && weeks,
                "spec.billing.period.unit",
                "Week is not sold by",
            ),
            (
                !payment.renew && billing.paid_until.is_some(),
                "spec.billing.paidUntil",
                "needs renewals, which the API does not have at",
            ),
            (
                !capabilities.power && spec.power == Power::Stopped,
                "spec.power",
                "Stopped cannot be reached through the API of",
            ),
            (
                !capabilities.power && spec.power_schedule.is_some(),
                "spec.powerSchedule",
                "cannot be followed through the API of",
            ),
            (
                capabilities.rename == Rename::No && spec.display_name.is_some(),
                "spec.displayName",
                "cannot be set by",
            ),
            (
                capabilities.rename == Rename::Restarts && spec.display_name.is_some() && !renaming_allowed,
                "spec.displayName",
                "can only be set by restarting the desktop, which spec.huaweiWorkspace.renameByRestart allows; so it is at",
            ),
        ];
        let (_, field, why) = complaints.into_iter().find(|(applies, ..)| *applies)?;
        Some((field, format!("{why} {vendor}.")))
    }

    /// Something this vendor needs for a new desktop and the manifests do not say.
    pub(super) fn incomplete(&self, place: &Place) -> Option<Complaint> {
        let capabilities = self.inputs.capabilities?;
        let spec = self.inputs.spec;
        let subnet = spec.network.as_ref().and_then(|n| n.subnet_id.as_ref());
        let complaints = [
            (
                capabilities.users.required && spec.user.is_none(),
                "spec.user",
                "is required: a desktop is made for somebody at",
            ),
            (
                capabilities.system_disk == SystemDiskChoice::Required && spec.system_disk.is_none(),
                "spec.systemDisk",
                "is required at",
            ),
            (
                capabilities.needs_subnet && subnet.or(place.subnet_id.as_ref()).is_none(),
                "spec.network.subnetId",
                "is required, here or in the DesktopCluster, at",
            ),
            (
                capabilities.needs_zone && place.zone_id.is_none(),
                "spec.cloudDesktop.zoneId",
                "of the DesktopCluster is required at",
            ),
        ];
        let (_, field, why) = complaints.into_iter().find(|(applies, ..)| *applies)?;
        Some((field, format!("{why} {}.", capabilities.vendor)))
    }
}
