//! The simulator's time: milliseconds since it started, which can be made to jump.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Time since the start, plus every jump. Only state machines and dates follow it; signatures are checked against the
/// machine's own clock, so that a jump does not lock every client out.
#[derive(Clone, Debug)]
pub struct Clock {
    started: Instant,
    epoch: Timestamp,
    jumped: u64,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            epoch: Timestamp::now(),
            jumped: 0,
        }
    }
}

impl Clock {
    /// Milliseconds since the start.
    #[must_use]
    pub fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis())
            .unwrap_or(u64::MAX / 4)
            .saturating_add(self.jumped)
    }

    /// The date that belongs to a moment.
    #[must_use]
    pub fn date(&self, moment: u64) -> Timestamp {
        self.epoch
            .checked_add(Duration::from_millis(moment))
            .unwrap_or(Timestamp::MAX)
    }

    /// Makes time jump forward.
    pub(crate) fn jump(&mut self, milliseconds: u64) {
        self.jumped = self.jumped.saturating_add(milliseconds);
    }

    /// How long to wait until a moment.
    pub(crate) fn until(&self, moment: u64) -> Duration {
        Duration::from_millis(moment.saturating_sub(self.now()))
    }
}
