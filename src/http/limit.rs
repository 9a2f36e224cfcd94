//! How fast one account is called: a token bucket, a pause when the vendor asks for one, and a breaker for a vendor
//! that does not answer.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Failures in a row that open the breaker.
const FAILURES: u32 = 5;
/// Shortest and longest time it stays open.
const OPEN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));
/// Shortest and longest pause after being throttled.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

/// The limits of one account. All its calls pass here.
#[derive(Debug)]
pub struct AccountLimit {
    bucket: DefaultDirectRateLimiter,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    paused_until: Option<Instant>,
    throttled: u32,
    failures: u32,
    open_until: Option<Instant>,
}

/// The vendor did not answer several times in a row and is not asked for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// How much longer.
    pub left: Duration,
}

impl AccountLimit {
    /// So many calls a second in the long run, and so many at once.
    #[must_use]
    pub fn new(requests_per_second: u32, burst: u32) -> Self {
        let at_least_one = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(requests_per_second)).allow_burst(at_least_one(burst));
        Self {
            bucket: RateLimiter::direct(quota),
            state: Mutex::default(),
        }
    }

    /// Waits for a turn; returns how long that took. Fails at once while the breaker is open; when its time is over
    /// one call after the other is let through until one succeeds.
    pub async fn turn(&self) -> Result<Duration, Open> {
        let begun = Instant::now();
        loop {
            let now = Instant::now();
            let pause = {
                let state = self.lock();
                if let Some(until) = state.open_until.filter(|until| *until > now) {
                    return Err(Open { left: until - now });
                }
                state.paused_until.filter(|until| *until > now).map(|until| until - now)
            };
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => break,
            }
        }
        self.bucket.until_ready().await;
        Ok(begun.elapsed())
    }

    /// The vendor answered.
    pub fn answered(&self) {
        let mut state = self.lock();
        state.failures = 0;
        state.open_until = None;
        state.throttled = state.throttled.saturating_sub(1);
    }

    /// The vendor asked to slow down: everybody of this account pauses, longer each time.
    pub fn throttled(&self, asked: Option<Duration>) {
        let mut state = self.lock();
        state.failures = 0;
        state.throttled = state.throttled.saturating_add(2).min(16);
        let pause = PAUSE
            .0
            .saturating_mul(1 << (state.throttled / 2).min(8))
            .max(asked.unwrap_or_default());
        let until = Instant::now() + pause.min(PAUSE.1);
        state.paused_until = Some(state.paused_until.map_or(until, |before| before.max(until)));
    }

    /// The vendor did not answer.
    pub fn failed(&self) {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES {
            let doublings = (state.failures - FAILURES).min(4);
            state.open_until = Some(Instant::now() + OPEN.0.saturating_mul(1 << doublings).min(OPEN.1));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_breaker_opens_after_failures_and_closes_with_an_answer() {
        let limit = AccountLimit::new(1000, 1000);
        for _ in 0..FAILURES {
            assert!(limit.turn().await.is_ok());
            limit.failed();
        }
        assert!(limit.turn().await.is_err());
        limit.answered();
        assert!(limit.turn().await.is_ok());
    }

    #[tokio::test]
    async fn a_throttled_account_pauses() {
        let limit = AccountLimit::new(1000, 1000);
        limit.throttled(Some(Duration::from_millis(20)));
        let waited = limit.turn().await;
        assert!(waited.is_ok_and(|w| w >= Duration::from_millis(20)));
    }
}
