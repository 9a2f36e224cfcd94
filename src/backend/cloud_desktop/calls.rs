//! What each operation sends.

use super::{CloudDesktop, invalid};
use crate::api::desktop::{Period, PeriodUnit, UserGroup};
use crate::backend::error::BackendError;
use crate::backend::model::{Operation, Term};
use crate::backend::rpc::Params;

/// A call that changes something, and what its answer holds.
pub(super) struct Change {
    pub(super) action: &'static str,
    pub(super) params: Params,
    pub(super) yields: Yields,
}

/// What the answer to a change holds beside a request id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Yields {
    Nothing,
    /// An order.
    Order,
    /// A desktop, and an order.
    Desktop,
}

/// Months that are sold at a time.
const MONTHS: [i32; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 24, 36];

/// A period in the vendor's months.
pub(super) fn months(action: &'static str, period: &Period) -> Result<i32, BackendError> {
    match period.unit {
        PeriodUnit::Month if MONTHS.contains(&period.count) => Ok(period.count),
        _ => Err(invalid(action, "sold are 1 to 9, 12, 24 or 36 months at a time")),
    }
}

/// The vendor's word for what a user may do; both sides use the same.
pub(super) const fn group(group: Option<UserGroup>) -> &'static str {
    match group {
        Some(UserGroup::Administrators) => "Administrators",
        Some(UserGroup::Users) | None => "Users",
    }
}

fn desktop(id: &str) -> Params {
    Params::new().set("DesktopId", id)
}

/// The call that replaces an image.
pub(super) fn rebuild(desktop_id: &str, image_id: &str, image_type: &'static str) -> Change {
    Change {
        action: "ReplaceDesktopImage",
        params: desktop(desktop_id)
            .set("ImageId", image_id)
            .set("ImageType", image_type),
        yields: Yields::Nothing,
    }
}

impl CloudDesktop {
    /// The call for an operation that needs nothing looked up. Wrong requests that can be told here are refused before
    /// they are sent.
    pub(super) fn change(&self, operation: &Operation) -> Result<Change, BackendError> {
        let (action, params) = match operation {
            Operation::RenewDesktop { desktop_id, term } => return self.renew(desktop_id, term),
            Operation::DeleteDesktop { desktop_id } => ("DeleteDesktop", self.owned(desktop(desktop_id))),
            Operation::RenameDesktop { desktop_id, name } if self.extended => {
                ("ModifyDesktop", desktop(desktop_id).set("DesktopName", name))
            }
            Operation::StartDesktop { desktop_id } if self.extended => ("StartDesktop", desktop(desktop_id)),
            Operation::StopDesktop { desktop_id } if self.extended => {
                ("StopDesktop", desktop(desktop_id).set("ForceStop", "false"))
            }
            Operation::RestartDesktop { desktop_id } if self.extended => {
                ("RebootDesktop", desktop(desktop_id).set("ForceStop", "false"))
            }
            Operation::AssignUser { desktop_id, user } if self.extended => {
                let params = desktop(desktop_id)
                    .set("UserName", &user.name)
                    .set("UserGroup", group(user.group));
                ("ModifyDesktopUser", params)
            }
            _ => return Err(invalid(operation.name(), "cloudDesktop has no such call")),
        };
        Ok(Change {
            action,
            params,
            yields: Yields::Nothing,
        })
    }

    /// Parameters with the one by which a reseller says for whom it acts.
    pub(super) fn owned(&self, params: Params) -> Params {
        params.set_some("OwnerId", self.owner_id.as_ref())
    }

    fn renew(&self, desktop_id: &str, term: &Term) -> Result<Change, BackendError> {
        const ACTION: &str = "RenewDesktop";
        no_renewal_by_itself(ACTION, term.auto_renew)?;
        let params = self
            .owned(desktop(desktop_id))
            .set("Period", &months(ACTION, &term.period)?)
            .set("ClientToken", &term.token);
        Ok(Change {
            action: ACTION,
            params,
            yields: Yields::Order,
        })
    }
}

/// A promise that the vendor would not keep is not made.
pub(super) fn no_renewal_by_itself(action: &'static str, wanted: bool) -> Result<(), BackendError> {
    if wanted {
        return Err(invalid(
            action,
            "cloudDesktop renews nothing by itself: set spec.billing.autoRenew to false, and spec.billing.paidUntil",
        ));
    }
    Ok(())
}
