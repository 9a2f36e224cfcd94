//! Leadership by Lease: one process works, the others stand by.
//!
//! Whether another's Lease has run out is judged by how long this process has seen it unchanged, and whether its own
//! still holds by when it last asked for more, both on the monotonic clock: clocks of two machines are never compared.
//! The Lease is only ever written as a whole with the version that was read, so that of two candidates one wins.

mod election;
mod record;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use election::{Candidate, Keeper, Lost};

use crate::ops::duration::duration;

/// Name of the Lease.
pub const LEASE: &str = "desktop-operator";

/// However long the Lease, nothing is sent in its last ten seconds; of a short one, in its last half.
const LONGEST_MARGIN: Duration = Duration::from_secs(10);

/// How long a Lease lasts and how often it is renewed.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct LeaseOptions {
    /// How long after its last renewal the Lease of a leader that is not heard of any more is left to it.
    #[arg(long, default_value = "15s", value_parser = duration)]
    pub lease_duration: Duration,
    /// How often the leader renews its Lease, and the others look at it; at most a third of `--lease-duration`.
    #[arg(long, default_value = "5s", value_parser = duration)]
    pub lease_renew: Duration,
}

/// Why [`LeaseOptions`] are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseOptionsError {
    /// The Lease counts whole seconds.
    #[error("--lease-duration must be a whole number of seconds, and at least one")]
    Duration,
    /// One lost renewal would end the leadership.
    #[error("--lease-renew must be more than zero and at most a third of --lease-duration")]
    Renew,
}

impl LeaseOptions {
    /// Refuses combinations under which a leader could not keep its Lease.
    pub fn validate(&self) -> Result<(), LeaseOptionsError> {
        if self.seconds() < 1 || self.lease_duration.subsec_nanos() != 0 {
            return Err(LeaseOptionsError::Duration);
        }
        if self.lease_renew.is_zero() || self.lease_renew > self.lease_duration / 3 {
            return Err(LeaseOptionsError::Renew);
        }
        Ok(())
    }

    fn seconds(&self) -> i32 {
        i32::try_from(self.lease_duration.as_secs()).unwrap_or(i32::MAX)
    }

    fn margin(&self) -> Duration {
        LONGEST_MARGIN.min(self.lease_duration / 2)
    }
}

/// Tells whether this process may still send calls that change something at a vendor.
#[derive(Clone, Debug)]
pub struct Leadership(Option<Arc<Tenure>>);

impl Leadership {
    /// Leadership without an election: for a single process.
    #[must_use]
    pub fn alone() -> Self {
        Self(None)
    }

    /// True while the Lease is held and does not run out within the margin: ten seconds, or half of a shorter Lease.
    ///
    /// It asks the clock, not the task that renews, so it is also right in a process that was stopped for a while.
    #[must_use]
    pub fn may_send(&self) -> bool {
        self.0.as_ref().is_none_or(|tenure| tenure.may_send(Instant::now()))
    }
}

/// Until when the Lease is held.
#[derive(Debug)]
struct Tenure {
    until: Mutex<Option<Instant>>,
    margin: Duration,
}

impl Tenure {
    fn new(until: Instant, margin: Duration) -> Self {
        Self {
            until: Mutex::new(Some(until)),
            margin,
        }
    }

    /// What is left of the Lease; `None` once it has run out or was given up.
    fn left(&self, now: Instant) -> Option<Duration> {
        let left = self.lock().as_ref()?.checked_duration_since(now)?;
        (!left.is_zero()).then_some(left)
    }

    fn may_send(&self, now: Instant) -> bool {
        self.left(now).is_some_and(|left| left >= self.margin)
    }

    /// A tenure that has ended does not begin again.
    fn extend(&self, to: Instant) {
        if let Some(until) = self.lock().as_mut() {
            *until = to;
        }
    }

    fn end(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that no other process has: the pod's, which the next process in the same pod may take over at once, or one
/// made up.
#[must_use]
pub fn identity() -> String {
    let pod = std::env::var("POD_NAME").ok().filter(|name| !name.is_empty());
    pod.unwrap_or_else(|| {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        format!("{}_{}", host.trim(), uuid::Uuid::new_v4())
    })
}
