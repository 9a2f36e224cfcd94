//! What the operator counts.

use std::time::Duration;

use crate::http::observe::CallObserver;

/// Every metric of the operator.
#[derive(Debug, Default)]
pub struct Metrics {}

impl Metrics {
    /// A pass of a controller began.
    pub fn reconcile_started(&self, _controller: &'static str) {}
    /// A pass ended: `result` is `success`, `error`, `requeue` or `panic`.
    pub fn reconcile_ended(&self, _controller: &'static str, _result: &'static str, _took: Duration) {}
    /// An object of `kind` became Ready for the first time, this long after its creation.
    pub fn became_ready(&self, _kind: &'static str, _after: Duration) {}
    /// Something changed behind our back was put right.
    pub fn drift_healed(&self, _kind: &'static str, _field: &'static str) {}
    /// Vendor desktops whose resource is gone, per provider.
    pub fn orphans(&self, _provider: &str, _cluster_id: &str, _count: usize) {}
}

impl CallObserver for Metrics {
    fn called(&self, _account: &str, _action: &'static str, _outcome: &'static str, _took: Duration) {}
    fn throttled(&self, _account: &str, _waited: Duration) {}
}
