//! Pure decisions: what is wanted and what is observed in, at most one action and the whole status out.
//!
//! Nothing here does I/O, reads a clock or draws a random number; the same inputs give the same plan.

pub mod cluster;
pub mod create;
pub mod desktop;
mod draft;
pub mod explain;
pub mod image;
pub mod managed;
pub mod policy;
pub mod pool;
pub mod provider;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::api::common::{LastError, OperationStatus, RetryStatus};
use crate::api::condition::Stamp;
use crate::backend::{BackendError, ErrorClass};

/// Times that planning depends on. All of them are settings of the operator.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// After this time a recorded intent to create is not sent any more.
    pub intent_lifetime: Duration,
    /// How long after that an object may still appear.
    pub settle: Duration,
    /// Least time between two listings that count as proof that it did not.
    pub empty_listing_gap: Duration,
    /// Whether a creation in doubt may be tried again without a human.
    pub retry_unknown_create: bool,
    /// First wait after a refusal.
    pub backoff_base: Duration,
    /// Longest wait between attempts.
    pub backoff_max: Duration,
    /// How long a task may run before its result is read without it.
    pub task_deadline: Duration,
    /// How long the effect of a call is waited for before the call is repeated; doubles with each attempt.
    pub resend: Duration,
    /// How often something in transition is looked at.
    pub fast: Duration,
    /// How often something at rest is looked at.
    pub slow: Duration,
    /// How long before its term ends a desktop is said to expire soon.
    pub expiry_warning: Duration,
}

/// How soon the vendor should be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pace {
    /// Something is in transition.
    Fast,
    /// Everything is at rest.
    Slow,
}

/// Something a user should read in the object's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// True for a warning.
    pub warning: bool,
    /// Short `CamelCase` reason.
    pub reason: &'static str,
    /// Plain words.
    pub note: String,
}

impl Notice {
    /// Something that went as it should.
    #[must_use]
    pub fn normal(reason: &'static str, note: String) -> Self {
        Self {
            warning: false,
            reason,
            note,
        }
    }

    /// Something a human should know.
    #[must_use]
    pub fn warning(reason: &'static str, note: String) -> Self {
        Self {
            warning: true,
            reason,
            note,
        }
    }
}

/// A status speaks of a generation only once its `Ready` does: whoever reads an old `Ready` under a new generation would
/// take for enforced what nobody has looked at yet.
pub(crate) fn speak_of_generation(conditions: &[Condition], observed: &mut i64, before: i64) {
    let ready = crate::api::condition::find(conditions, crate::api::condition::READY);
    if ready.and_then(|c| c.observed_generation) != Some(*observed) {
        *observed = before.min(*observed);
    }
}

/// `now + wait`, saturating.
#[must_use]
pub fn after(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait)
        .ok()
        .and_then(|d| now.checked_add(d).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Time from `now` until `then`; zero when it has passed.
#[must_use]
pub fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or_default()
}

/// Wait after this many failures in a row: the base doubled each time up to the maximum, and up to a tenth more so
/// that objects which failed together do not come back together.
#[must_use]
pub fn backoff(failures: i32, uid: &str, limits: &Limits) -> Duration {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or_default().min(20);
    let wait = limits
        .backoff_base
        .saturating_mul(1 << doublings)
        .min(limits.backoff_max);
    let spread = uid
        .bytes()
        .fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)))
        % 100;
    wait + wait / 1000 * spread
}

/// The retry that follows this failure.
#[must_use]
pub fn next_retry(
    previous: Option<&RetryStatus>,
    generation: i64,
    uid: &str,
    retry_after: Option<Duration>,
    limits: &Limits,
    now: Timestamp,
) -> RetryStatus {
    let failures = previous
        .filter(|r| r.generation == generation)
        .map_or(0, |r| r.failures)
        .saturating_add(1);
    let wait = backoff(failures, uid, limits).max(retry_after.unwrap_or_default());
    RetryStatus {
        failures,
        next_attempt_time: Time(after(now, wait)),
        generation,
    }
}

/// How long a failed attempt still has to wait; `None` when it may be tried now.
#[must_use]
pub fn retry_wait(retry: Option<&RetryStatus>, generation: i64, now: Timestamp) -> Option<Duration> {
    let retry = retry.filter(|r| r.generation == generation)?;
    Some(until(now, retry.next_attempt_time.0)).filter(|wait| !wait.is_zero())
}

/// Whether these conditions say already that the object is stalled for this reason.
#[must_use]
pub fn stalled_by(conditions: &[Condition], reason: &str) -> bool {
    crate::api::condition::find(conditions, crate::api::condition::STALLED).is_some_and(|c| c.reason == reason)
}

/// What of an error may be shown in status.
#[must_use]
pub fn last_error(error: &BackendError) -> LastError {
    LastError {
        class: error.class.as_str().into(),
        code: error.code.as_deref().map(|c| crate::api::condition::truncate(c, 256)),
        request_id: error
            .request_id
            .as_deref()
            .map(|r| crate::api::condition::truncate(r, 256)),
    }
}

/// What passes by itself is tried again sooner; what a vendor in trouble asks for is never waited for very long.
fn patience(class: ErrorClass, limits: &Limits) -> Limits {
    let mut limits = *limits;
    if matches!(
        class,
        ErrorClass::Throttled | ErrorClass::Transient | ErrorClass::Conflict | ErrorClass::Ambiguous
    ) {
        limits.backoff_base /= 4;
    }
    if matches!(class, ErrorClass::Throttled | ErrorClass::Transient) {
        limits.backoff_max /= 6;
    }
    limits
}

/// What a deleted object waits for: those who still need it, some of them by name.
pub(crate) fn waits_for(users: &[String]) -> String {
    const NAMED: usize = 10;
    let named = users.get(..NAMED).unwrap_or(users).join(", ");
    match users.len().saturating_sub(NAMED) {
        0 => format!("Waits for {named} to be deleted first."),
        more => format!("Waits for {named} and {more} more to be deleted first."),
    }
}

/// The places of a status that a failure is written to.
pub(crate) struct Failure<'a> {
    pub(crate) last_error: &'a mut Option<LastError>,
    pub(crate) retry: &'a mut Option<RetryStatus>,
    pub(crate) conditions: &'a mut Vec<Condition>,
}

impl Failure<'_> {
    /// Records a failure, what it means for the user and when it is tried again. Answers what a human should be told.
    pub(crate) fn record(self, error: &BackendError, uid: &str, limits: &Limits, stamp: Stamp) -> Option<Notice> {
        *self.last_error = Some(last_error(error));
        let limits = &patience(error.class, limits);
        let retry = next_retry(
            self.retry.as_ref(),
            stamp.generation,
            uid,
            error.retry_after,
            limits,
            stamp.now,
        );
        let next = readable(retry.next_attempt_time.0);
        let message = format!("{} Next attempt after {next}.", explain::message(error));
        *self.retry = Some(retry);
        let reason = explain::reason(error.class);
        if error.class.heals_by_itself() {
            stamp.working(self.conditions, reason, &message);
            return None;
        }
        stamp
            .stalled(self.conditions, reason, &message)
            .then(|| Notice::warning(reason, message))
    }
}

/// The operation as it stands after another attempt of `action`.
#[must_use]
pub fn attempted(
    previous: Option<&OperationStatus>,
    action: &str,
    task_id: Option<String>,
    now: Timestamp,
) -> OperationStatus {
    let attempts = previous
        .filter(|o| o.action == action)
        .map_or(0, |o| o.attempts)
        .saturating_add(1);
    OperationStatus {
        action: action.to_owned(),
        task_id,
        start_time: Time(now),
        attempts,
    }
}

/// A time as the API server keeps it: what is finer than a second would look like a change for ever.
#[must_use]
pub fn whole_seconds(time: Timestamp) -> Time {
    Time(Timestamp::from_second(time.as_second()).unwrap_or(time))
}

/// A length of time as a human reads it.
#[must_use]
pub fn span(wait: Duration) -> String {
    SignedDuration::try_from(wait).map_or_else(|_| format!("{wait:?}"), |d| format!("{d:#}"))
}

/// Why a deletion that was sent was not accepted: what the vendor said no to is told apart from what it did not answer.
#[must_use]
pub(crate) fn refusal(error: Option<&LastError>) -> &'static str {
    let classes = [
        ErrorClass::Throttled,
        ErrorClass::Transient,
        ErrorClass::Auth,
        ErrorClass::Forbidden,
        ErrorClass::Ambiguous,
    ];
    let class = classes
        .into_iter()
        .find(|class| error.is_some_and(|e| e.class == class.as_str()));
    class.map_or("RefusedByVendor", explain::reason)
}

/// A point in time as a human reads it.
#[must_use]
pub fn readable(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_is_named_up_to_a_point() {
        let users = |count| (1..=count).map(|n| format!("Desktop d{n}")).collect::<Vec<_>>();
        assert_eq!(waits_for(&users(1)), "Waits for Desktop d1 to be deleted first.");
        assert_eq!(
            waits_for(&users(2)),
            "Waits for Desktop d1, Desktop d2 to be deleted first."
        );
        let many = waits_for(&users(12));
        assert!(many.ends_with("Desktop d10 and 2 more to be deleted first."), "{many}");
    }
}
