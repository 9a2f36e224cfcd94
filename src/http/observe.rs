//! Who wants to know of calls.

use std::time::Duration;

/// Receives one note per vendor call. Implementations must be cheap and must not block.
pub trait CallObserver: Send + Sync {
    /// A call ended: `outcome` is `ok` or the error class.
    fn called(&self, account: &str, action: &'static str, outcome: &'static str, took: Duration);
    /// A call waited for the account's rate limit or for the vendor's request to slow down.
    fn throttled(&self, account: &str, waited: Duration);
}

/// Observes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl CallObserver for Unobserved {
    fn called(&self, _: &str, _: &'static str, _: &'static str, _: Duration) {}
    fn throttled(&self, _: &str, _: Duration) {}
}
