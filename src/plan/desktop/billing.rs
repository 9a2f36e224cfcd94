//! Subscriptions: what is bought is bought once.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::steady::Next;
use super::{Action, Draft};
use crate::api::condition::{self, Truth};
use crate::api::desktop::{BillingMode, Purchase};
use crate::backend::{ObservedDesktop, Operation, Term, naming};
use crate::plan::managed::{Managed, Turn};
use crate::plan::{Notice, after, readable, until, whole_seconds};

impl Draft<'_> {
    /// What has to be done about how a desktop is paid for.
    pub(super) fn billing(&mut self, observed: &ObservedDesktop) -> Next {
        let billing = &self.inputs.spec.billing;
        let (BillingMode::Subscription, Some(capabilities)) = (billing.mode, self.inputs.capabilities) else {
            return Next::Nothing;
        };
        let payment = capabilities.payment;
        if observed.prepaid == Some(false) {
            if !payment.convert {
                let message = format!(
                    "spec.billing.mode is Subscription, the desktop is paid by use, and {} cannot change that. Set it \
                     back, or delete this object and create a new one.",
                    capabilities.vendor
                );
                return Next::Stalled("Unsupported", message);
            }
            return self.buy(observed, None);
        }
        let paid_until = billing.paid_until.as_ref().filter(|_| payment.renew);
        match (observed.expires, paid_until) {
            (Some(expires), Some(wanted)) if observed.prepaid == Some(true) && expires < wanted.0 => {
                self.buy(observed, Some(expires))
            }
            _ => {
                if self.status.purchase.take().is_some() {
                    self.status.parts().settle();
                }
                Next::Nothing
            }
        }
    }

    /// Buys a term that follows `expires`, or the first one. Another is bought only after this one is seen.
    fn buy(&mut self, observed: &ObservedDesktop, expires: Option<Timestamp>) -> Next {
        let end = expires.map(whole_seconds);
        let made = self.status.purchase.clone().filter(|p| p.expires_at == end);
        if let Some(purchase) = &made {
            let repeat = format!("purchase-{}-repeat", purchase.attempt);
            let allowed = self.inputs.settle == Some(repeat.as_str());
            if !purchase.refused && !allowed {
                return self.bought(purchase);
            }
        }
        let attempt = self.inputs.status.purchase_attempts.saturating_add(1);
        let Some(period) = self.inputs.spec.billing.period.clone() else {
            return Next::Nothing;
        };
        let marker = naming::marker(self.inputs.uid);
        let term = Term {
            period,
            auto_renew: self.inputs.spec.billing.auto_renew,
            token: format!("{marker}-{}-{attempt}", expires.map_or(0, Timestamp::as_second)),
        };
        let desktop_id = observed.id.clone();
        let (operation, words) = match expires {
            None => (
                Operation::ConvertBilling { desktop_id, term },
                "The desktop is being turned into a subscription.",
            ),
            Some(_) => (
                Operation::RenewDesktop { desktop_id, term },
                "The subscription is being prolonged.",
            ),
        };
        if let Turn::Refused(wait) = self.turn(operation.name()) {
            self.again = wait;
            return Next::Done;
        }
        self.status.purchase_attempts = attempt;
        self.status.purchase = Some(Purchase {
            expires_at: end,
            sent_time: Time(self.inputs.now),
            attempt,
            refused: false,
        });
        self.notices.push(Notice::normal("Purchasing", words.to_owned()));
        self.working("Purchasing", words);
        self.action = Action::RecordThenSubmit(operation);
        Next::Done
    }

    /// A purchase was sent: its effect is waited for.
    fn bought(&mut self, purchase: &Purchase) -> Next {
        if self.inputs.now < after(purchase.sent_time.0, self.inputs.limits.settle) {
            return Next::Later(
                "Purchasing",
                "The purchase was sent; its effect is waited for.".to_owned(),
            );
        }
        Next::Stalled(
            "PurchaseOutcomeUnknown",
            format!(
                "The purchase of {} was sent and has no effect yet; a second one would cost again. Look into the \
                 vendor's console; to buy again, annotate this object with {}=purchase-{}-repeat.",
                readable(purchase.sent_time.0),
                crate::api::SETTLE_ANNOTATION,
                purchase.attempt
            ),
        )
    }

    /// Says when a term ends soon.
    pub(super) fn expiry(&mut self, observed: &ObservedDesktop) {
        let (limits, now) = (self.inputs.limits, self.inputs.now);
        let Some(expires) = observed.expires.filter(|_| observed.prepaid != Some(false)) else {
            return self.clear(condition::EXPIRING_SOON);
        };
        let left = until(now, expires);
        if left > limits.expiry_warning {
            self.clear(condition::EXPIRING_SOON);
            self.again = self.again.min(left.saturating_sub(limits.expiry_warning));
            return;
        }
        let message = format!(
            "The term ends at {}; the vendor takes the desktop away then.",
            readable(expires)
        );
        if !condition::is_true(&self.status.conditions, condition::EXPIRING_SOON) {
            self.notices.push(Notice::warning("ExpiringSoon", message.clone()));
        }
        self.set(condition::EXPIRING_SOON, Truth::True, "ExpiringSoon", &message);
    }
}
