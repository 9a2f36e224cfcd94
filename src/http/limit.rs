//! How fast, and whether at all, one account is called.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::observe::CallObserver;

/// Transport failures in a row after which an account is left alone.
const FAILURES_TO_OPEN: u32 = 5;
/// How long it is left alone before one call tries again.
const OPEN_FOR: Duration = Duration::from_secs(10);
/// How long one halving of the rate lasts.
const SLOW_FOR: Duration = Duration::from_secs(30);
/// The rate is halved at most this often: to an eighth.
const MAX_HALVINGS: u32 = 3;
/// Pause after a refusal that names none.
const DEFAULT_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause that a vendor may ask for; a day-long one is asked for anew when it has to be.
const MAX_PAUSE: Duration = Duration::from_mins(5);

/// Rate limit, slow-down and circuit breaker of one account. All calls of the account pass it.
pub struct Limiter {
    account: String,
    bucket: DefaultDirectRateLimiter,
    state: Mutex<State>,
    max_wait: Duration,
    observer: Arc<dyn CallObserver>,
}

#[derive(Debug, Default)]
struct State {
    pace: Pace,
    breaker: Breaker,
}

/// Why a call may not be sent now. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The account's share is used up for longer than a call may wait.
    #[error("the account's rate limit leaves no room for this call")]
    Busy {
        /// Try again after this time.
        retry_after: Duration,
    },
    /// The vendor does not answer.
    #[error("the vendor was not reached {FAILURES_TO_OPEN} times in a row; calls pause until it is tried again")]
    Open {
        /// Try again after this time.
        retry_after: Duration,
    },
}

/// Leave to send one call. Dropped without a word it counts as neither success nor failure.
#[must_use]
pub struct Permit<'a> {
    limiter: &'a Limiter,
    trial: bool,
}

impl Limiter {
    /// A limiter that lets `per_second` calls through in the long run and `burst` at once, and lets none wait longer
    /// than `max_wait`.
    #[must_use]
    pub fn new(
        account: &str,
        per_second: NonZeroU32,
        burst: NonZeroU32,
        max_wait: Duration,
        observer: Arc<dyn CallObserver>,
    ) -> Self {
        Self {
            account: account.to_owned(),
            bucket: RateLimiter::direct(Quota::per_second(per_second).allow_burst(burst)),
            state: Mutex::default(),
            max_wait,
            observer,
        }
    }

    /// Waits for the account's turn.
    pub async fn acquire(&self) -> Result<Permit<'_>, Refused> {
        let begun = Instant::now();
        // Looked at before waiting, so that calls to a dead vendor fail fast, and not taken, so that a call that is
        // given up while it waits leaves no trace.
        self.state().breaker.check(begun)?;
        let waited = tokio::time::timeout(self.max_wait, self.turn()).await;
        let took = begun.elapsed();
        if took >= Duration::from_millis(1) {
            self.observer.throttled(&self.account, took);
        }
        if waited.is_err() {
            return Err(Refused::Busy {
                retry_after: DEFAULT_PAUSE,
            });
        }
        let trial = self.state().breaker.enter(Instant::now())?;
        Ok(Permit { limiter: self, trial })
    }

    /// The vendor refused a call for being one too many and may have said how long to wait.
    pub fn throttled(&self, retry_after: Option<Duration>) {
        self.state().pace.throttled(Instant::now(), retry_after);
    }

    async fn turn(&self) {
        // First, so that those who wait for the end of a pause come out of it one by one.
        self.pause_over().await;
        // A share of a halved rate costs two cells of the bucket, and so on. Waiting for them one by one works with
        // any burst.
        let cells = self.state().pace.cells(Instant::now());
        for _ in 0..cells {
            self.bucket.until_ready().await;
        }
        // Again, for a pause that began meanwhile.
        self.pause_over().await;
    }

    async fn pause_over(&self) {
        loop {
            let pause = self.state().pace.pause(Instant::now());
            let Some(wait) = pause else {
                return;
            };
            tokio::time::sleep(wait).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held, and the numbers in it are sound after every step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// A complete answer came, whatever it says.
    pub fn answered(self) {
        self.limiter.state().breaker.answered();
    }

    /// No complete answer came.
    pub fn failed(self) {
        self.limiter.state().breaker.failed(Instant::now());
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.trial {
            self.limiter.state().breaker.trial_over();
        }
    }
}

/// How far the rate is reduced.
#[derive(Debug, Default)]
struct Pace {
    halvings: u32,
    /// When the rate was last halved or doubled.
    since: Option<Instant>,
    pause_until: Option<Instant>,
}

impl Pace {
    fn throttled(&mut self, now: Instant, retry_after: Option<Duration>) {
        self.recover(now);
        // A burst of calls that were all under way is refused together; it says once that the rate is too high.
        if self
            .since
            .is_none_or(|since| now.duration_since(since) >= DEFAULT_PAUSE)
        {
            self.halvings = (self.halvings + 1).min(MAX_HALVINGS);
            self.since = Some(now);
        }
        let until = now + retry_after.unwrap_or(DEFAULT_PAUSE).min(MAX_PAUSE);
        self.pause_until = self.pause_until.max(Some(until));
    }

    fn recover(&mut self, now: Instant) {
        while self.halvings > 0
            && let Some(since) = self.since
            && now.duration_since(since) >= SLOW_FOR
        {
            self.halvings -= 1;
            self.since = Some(since + SLOW_FOR);
        }
    }

    fn cells(&mut self, now: Instant) -> u32 {
        self.recover(now);
        1 << self.halvings
    }

    fn pause(&mut self, now: Instant) -> Option<Duration> {
        let until = self.pause_until.filter(|until| *until > now);
        self.pause_until = until;
        until.map(|until| until - now)
    }
}

/// Stops calling who does not answer.
#[derive(Debug, Default)]
struct Breaker {
    failures: u32,
    open_until: Option<Instant>,
    trial: bool,
}

impl Breaker {
    /// Whether a call would be let through.
    fn check(&self, now: Instant) -> Result<(), Refused> {
        match self.open_until {
            Some(until) if now < until => Err(Refused::Open {
                retry_after: until - now,
            }),
            Some(_) if self.trial => Err(Refused::Open {
                retry_after: DEFAULT_PAUSE,
            }),
            _ => Ok(()),
        }
    }

    /// Lets a call through; true when it is the one that tries again.
    fn enter(&mut self, now: Instant) -> Result<bool, Refused> {
        self.check(now)?;
        self.trial = self.open_until.is_some();
        Ok(self.trial)
    }

    fn answered(&mut self) {
        self.failures = 0;
        self.open_until = None;
    }

    fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_TO_OPEN {
            self.open_until = Some(now + OPEN_FOR);
        }
    }

    fn trial_over(&mut self) {
        self.trial = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::observe::Unobserved;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn throttling_halves_the_rate_for_a_while() {
        let mut pace = Pace::default();
        let start = Instant::now();
        assert_eq!(pace.cells(start), 1);
        assert_eq!(pace.pause(start), None);
        pace.throttled(start, Some(5 * SECOND));
        // The rest of the same burst.
        pace.throttled(start + SECOND / 2, None);
        assert_eq!(pace.cells(start), 2);
        assert_eq!(pace.pause(start + SECOND), Some(4 * SECOND));
        assert_eq!(pace.pause(start + 5 * SECOND), None);
        pace.throttled(start + 6 * SECOND, None);
        pace.throttled(start + 8 * SECOND, None);
        pace.throttled(start + 10 * SECOND, None);
        assert_eq!(pace.cells(start + 10 * SECOND), 8);
        assert_eq!(pace.cells(start + 10 * SECOND + SLOW_FOR), 4);
        assert_eq!(pace.cells(start + 10 * SECOND + 3 * SLOW_FOR), 1);
    }

    #[test]
    fn a_vendor_cannot_stop_the_account_for_long() {
        let mut pace = Pace::default();
        let now = Instant::now();
        pace.throttled(now, Some(Duration::MAX));
        assert_eq!(pace.pause(now), Some(MAX_PAUSE));
    }

    #[test]
    fn the_breaker_opens_tries_once_and_closes() {
        let mut breaker = Breaker::default();
        let start = Instant::now();
        for _ in 0..4 {
            assert_eq!(breaker.enter(start), Ok(false));
            breaker.failed(start);
        }
        breaker.answered();
        for _ in 0..5 {
            assert_eq!(breaker.enter(start), Ok(false));
            breaker.failed(start);
        }
        assert!(matches!(breaker.enter(start), Err(Refused::Open { retry_after }) if retry_after == OPEN_FOR));
        let later = start + OPEN_FOR;
        assert_eq!(breaker.enter(later), Ok(true));
        assert!(breaker.enter(later).is_err(), "one trial at a time");
        breaker.failed(later);
        breaker.trial_over();
        assert!(breaker.enter(later + SECOND).is_err());
        assert_eq!(breaker.enter(later + OPEN_FOR), Ok(true));
        breaker.answered();
        breaker.trial_over();
        assert_eq!(breaker.enter(later + OPEN_FOR), Ok(false));
    }

    #[tokio::test]
    async fn an_abandoned_trial_lets_the_next_one_in() {
        let one = NonZeroU32::MIN;
        let limiter = Limiter::new("a", one, NonZeroU32::new(100).unwrap(), SECOND, Arc::new(Unobserved));
        for _ in 0..FAILURES_TO_OPEN {
            limiter.acquire().await.unwrap().failed();
        }
        assert!(matches!(limiter.acquire().await, Err(Refused::Open { .. })));
        limiter.state().breaker.open_until = Some(Instant::now());
        drop(limiter.acquire().await.unwrap());
        limiter.acquire().await.unwrap().answered();
        let _both = (limiter.acquire().await.unwrap(), limiter.acquire().await.unwrap());
    }

    #[tokio::test]
    async fn a_call_does_not_wait_for_ever() {
        let one = NonZeroU32::MIN;
        let limiter = Limiter::new("a", one, one, Duration::ZERO, Arc::new(Unobserved));
        limiter.throttled(Some(MAX_PAUSE));
        assert!(matches!(limiter.acquire().await, Err(Refused::Busy { .. })));
    }
}
