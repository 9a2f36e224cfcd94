//! When a desktop is started and stopped by the clock.
//!
//! Moments are looked for on the clock on the wall and turned into time only then, so that a clock that is put forward or
//! back neither loses nor repeats one. Time zones come from the data that is compiled in: the same everywhere, and there in an image without any files.

use std::sync::LazyLock;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::desktop::{PowerSchedule, PowerTransition, ScheduledPower};

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// How many starts that a stop overrides are passed over in search of the next one that counts.
const OVERRIDDEN: usize = 400;

/// A schedule that can be followed.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    zone: TimeZone,
    start: Option<Cron>,
    stop: Option<Cron>,
}

impl Schedule {
    /// Reads it; the error names the field and says what is wrong with it.
    pub(super) fn read(schedule: &PowerSchedule, now: Timestamp) -> Result<Self, String> {
        let zone = ZONES.get(&schedule.time_zone).map_err(|_| {
            format!(
                "spec.powerSchedule.timeZone: {} is not a time zone known here; name one such as Asia/Shanghai.",
                schedule.time_zone
            )
        })?;
        let start = moments("start", schedule.start.as_deref(), &zone, now)?;
        let stop = moments("stop", schedule.stop.as_deref(), &zone, now)?;
        Ok(Self { zone, start, stop })
    }

    /// The latest moment up to `now`: it says what holds now.
    pub(super) fn last(&self, now: Timestamp) -> Option<PowerTransition> {
        let before = |cron: Option<&Cron>| last_of(cron?, &self.zone, now);
        match (before(self.start.as_ref()), before(self.stop.as_ref())) {
            (Some(start), stop) if stop.is_none_or(|stop| start > stop) => {
                Some(transition(start, ScheduledPower::Running))
            }
            (_, stop) => Some(transition(stop?, ScheduledPower::Stopped)),
        }
    }

    /// The first moment after `now` that can change something: of a schedule that always holds, the one that ends what
    /// holds now; otherwise whichever comes first.
    pub(super) fn next(&self, now: Timestamp, always: bool) -> Option<PowerTransition> {
        let holds = self.last(now).filter(|_| always).map(|last| last.power);
        let start = self.next_start(now).filter(|_| holds != Some(ScheduledPower::Running));
        let stop = next_of(self.stop.as_ref(), &self.zone, now).filter(|_| holds != Some(ScheduledPower::Stopped));
        match (start, stop) {
            (Some(start), stop) if stop.is_none_or(|stop| start < stop) => {
                Some(transition(start, ScheduledPower::Running))
            }
            (_, stop) => Some(transition(stop?, ScheduledPower::Stopped)),
        }
    }

    /// The first start after `now` that does not fall together with a stop.
    fn next_start(&self, now: Timestamp) -> Option<Timestamp> {
        let mut from = now;
        for _ in 0..OVERRIDDEN {
            from = next_of(self.start.as_ref(), &self.zone, from)?;
            if self
                .last(from)
                .is_some_and(|last| last.power == ScheduledPower::Running)
            {
                return Some(from);
            }
        }
        None
    }
}

/// The moments of one field, which must come at least once.
fn moments(field: &str, text: Option<&str>, zone: &TimeZone, now: Timestamp) -> Result<Option<Cron>, String> {
    let Some(text) = text else { return Ok(None) };
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    let cron = parser.parse(text).map_err(|error| {
        format!("spec.powerSchedule.{field}: {text:?} cannot be read ({error}); write it as in crontab.")
    })?;
    if next_of(Some(&cron), zone, now).is_none() {
        return Err(format!("spec.powerSchedule.{field}: {text:?} never comes."));
    }
    Ok(Some(cron))
}

/// The first moment after `now`.
fn next_of(cron: Option<&Cron>, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let mut wall = on_the_wall(now, zone);
    loop {
        wall = cron?.find_next_occurrence(&wall, false).ok()?;
        // While an hour comes for the second time, its moments have been.
        let moment = instant(wall, zone)?;
        if moment > now {
            return Some(moment);
        }
    }
}

/// The latest moment up to `now`.
fn last_of(cron: &Cron, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let mut wall = on_the_wall(now, zone);
    // While an hour comes for the second time, all of it has been.
    let changed = zone
        .preceding(now.checked_add(SignedDuration::from_secs(1)).ok()?)
        .next();
    if let Some(before) = changed.and_then(|change| change.timestamp().checked_sub(SignedDuration::from_secs(1)).ok()) {
        wall = wall.max(on_the_wall(before, zone));
    }
    instant(cron.find_previous_occurrence(&wall, true).ok()?, zone)
}

/// What a clock on the wall shows. Moments have whole minutes; what is finer than a second must not come into them.
fn on_the_wall(time: Timestamp, zone: &TimeZone) -> DateTime {
    let second = Timestamp::from_second(time.as_second()).unwrap_or(time);
    zone.to_datetime(second)
}

/// When a clock on the wall shows this for the first time. What it skips comes right after the gap.
fn instant(wall: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(wall);
    let gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
    let earlier = ambiguous.earlier().ok()?;
    if gap {
        return zone.following(earlier).next().map(|change| change.timestamp());
    }
    Some(earlier)
}

fn transition(time: Timestamp, power: ScheduledPower) -> PowerTransition {
    PowerTransition {
        time: Time(time),
        power,
    }
}
