//! A schedule is followed to the minute, in its own time zone, and never at the cost of somebody who is connected.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::option;
use proptest::prelude::*;

use super::schedule::Schedule;
use super::tests::{Case, THRIFTY, UID, bound, condition_reason, observed, operation, spec};
use super::*;
use crate::api::desktop::{Power, PowerSchedule, PowerTransition, ScheduledPower, WhenConnected};
use crate::backend::Operation;

const SHANGHAI: &str = "Asia/Shanghai";
const BERLIN: &str = "Europe/Berlin";

fn moments(zone: &str, start: Option<&str>, stop: Option<&str>) -> PowerSchedule {
    PowerSchedule {
        time_zone: zone.into(),
        start: start.map(str::to_owned),
        stop: stop.map(str::to_owned),
        when_connected: WhenConnected::Wait,
    }
}

/// A vendor that does not tell who is connected.
static SILENT: Capabilities = Capabilities {
    sessions: false,
    ..THRIFTY
};

/// A vendor that neither starts nor stops anything.
static POWERLESS: Capabilities = Capabilities {
    power: false,
    ..THRIFTY
};

/// Office hours.
fn office(zone: &str) -> PowerSchedule {
    moments(zone, Some("0 8 * * 1-5"), Some("0 20 * * 1-5"))
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn read(schedule: &PowerSchedule) -> Schedule {
    Schedule::read(schedule, at("2026-11-25T00:00:00Z")).unwrap()
}

/// The moment, and `on` or `off`, in the words of the tables below.
fn told(transition: Option<PowerTransition>) -> String {
    transition.map_or("never".to_owned(), |t| {
        let power = match t.power {
            ScheduledPower::Running => "on",
            ScheduledPower::Stopped => "off",
        };
        format!("{} {power}", t.time.0)
    })
}

#[test]
fn the_last_moment_says_what_holds_and_the_next_what_comes() {
    // 27 November 2026 is a Friday; Shanghai is eight hours ahead of UTC all year.
    let cases = [
        (
            "2026-11-26T23:59:59Z",
            "2026-11-26T12:00:00Z off",
            "2026-11-27T00:00:00Z on",
        ),
        (
            "2026-11-27T00:00:00Z",
            "2026-11-27T00:00:00Z on",
            "2026-11-27T12:00:00Z off",
        ),
        (
            "2026-11-27T00:00:00.9Z",
            "2026-11-27T00:00:00Z on",
            "2026-11-27T12:00:00Z off",
        ),
        (
            "2026-11-27T11:59:59Z",
            "2026-11-27T00:00:00Z on",
            "2026-11-27T12:00:00Z off",
        ),
        (
            "2026-11-27T12:00:00Z",
            "2026-11-27T12:00:00Z off",
            "2026-11-30T00:00:00Z on",
        ),
        (
            "2026-11-29T08:00:00Z",
            "2026-11-27T12:00:00Z off",
            "2026-11-30T00:00:00Z on",
        ),
    ];
    let schedule = read(&office(SHANGHAI));
    for (now, last, next) in cases {
        assert_eq!(told(schedule.last(at(now))), last, "last at {now}");
        assert_eq!(told(schedule.next(at(now), true)), next, "next at {now}");
    }
}

#[test]
fn of_two_moments_at_once_the_stop_counts() {
    // Started every day at eight, and stopped at eight on Saturdays and Sundays: off over the weekend.
    let schedule = read(&moments("UTC", Some("0 8 * * *"), Some("0 8 * * 0,6")));
    assert_eq!(
        told(schedule.last(at("2026-11-28T08:00:00Z"))),
        "2026-11-28T08:00:00Z off"
    );
    assert_eq!(
        told(schedule.next(at("2026-11-28T09:00:00Z"), true)),
        "2026-11-30T08:00:00Z on"
    );
    assert_eq!(
        told(schedule.next(at("2026-11-28T09:00:00Z"), false)),
        "2026-11-29T08:00:00Z off"
    );
    // A start that never counts is passed over, not searched for without end.
    let never = read(&moments("UTC", Some("0 8 * * *"), Some("0 8,9 * * *")));
    assert_eq!(told(never.next(at("2026-11-28T09:30:00Z"), true)), "never");
}

#[test]
fn clocks_that_are_put_forward_and_back_lose_and_repeat_nothing() {
    // Berlin skips 02:00 to 03:00 on 29 March 2026 and has it twice on 25 October.
    let gap = read(&moments(BERLIN, Some("30 2 * * *"), Some("30 20 * * *")));
    assert_eq!(told(gap.last(at("2026-03-29T00:59:00Z"))), "2026-03-28T19:30:00Z off");
    assert_eq!(
        told(gap.next(at("2026-03-29T00:59:00Z"), true)),
        "2026-03-29T01:00:00Z on"
    );
    assert_eq!(told(gap.last(at("2026-03-29T01:00:00Z"))), "2026-03-29T01:00:00Z on");
    assert_eq!(told(gap.last(at("2026-03-29T09:00:00Z"))), "2026-03-29T01:00:00Z on");
    // The day after it is summer time.
    assert_eq!(
        told(gap.next(at("2026-03-29T20:00:00Z"), true)),
        "2026-03-30T00:30:00Z on"
    );

    let twice = read(&moments(BERLIN, Some("30 20 * * *"), Some("30 2 * * *")));
    assert_eq!(
        told(twice.next(at("2026-10-25T00:00:00Z"), true)),
        "2026-10-25T00:30:00Z off"
    );
    assert_eq!(told(twice.last(at("2026-10-25T00:30:00Z"))), "2026-10-25T00:30:00Z off");
    assert_eq!(told(twice.last(at("2026-10-25T01:30:00Z"))), "2026-10-25T00:30:00Z off");
    assert_eq!(
        told(twice.next(at("2026-10-25T01:00:00Z"), false)),
        "2026-10-25T19:30:00Z on"
    );
}

#[test]
fn what_cannot_be_followed_is_named() {
    let cases = [
        (
            moments("Europe/Atlantis", Some("0 8 * * *"), None),
            "spec.powerSchedule.timeZone: Europe/Atlantis",
        ),
        (
            moments("UTC", Some("0 25 * * *"), None),
            "spec.powerSchedule.start: \"0 25 * * *\" cannot be read",
        ),
        (
            moments("UTC", None, Some("0 8 * * Someday")),
            "spec.powerSchedule.stop: \"0 8 * * Someday\" cannot",
        ),
        (
            moments("UTC", None, Some("0 8 30 2 *")),
            "spec.powerSchedule.stop: \"0 8 30 2 *\" never comes.",
        ),
        (
            moments("UTC", Some("0 0 8 * * *"), None),
            "spec.powerSchedule.start: \"0 0 8 * * *\" cannot be read",
        ),
    ];
    for (schedule, words) in cases {
        let complaint = Schedule::read(&schedule, at("2026-11-25T00:00:00Z")).unwrap_err();
        assert!(complaint.starts_with(words), "{complaint}");
        let mut case = Case::new(spec(), bound(UID));
        case.spec.power_schedule = Some(schedule);
        case.observed = Some(observed(DesktopState::Stopped));
        let plan = case.plan();
        assert!(matches!(plan.action, Action::None), "its power is left alone");
        assert_eq!(condition_reason(&plan, condition::STALLED), Some("InvalidSpec"));
        // Before it is made, too.
        case.status = DesktopStatus::default();
        let plan = case.plan();
        assert!(matches!(plan.action, Action::None));
        assert_eq!(condition_reason(&plan, condition::STALLED), Some("InvalidSpec"));
    }
}

/// A field of crontab that means these numbers, and what the numbers are; `None` for all.
#[derive(Clone, Debug)]
struct Field(Option<Vec<i8>>);

impl Field {
    fn text(&self) -> String {
        match &self.0 {
            None => "*".to_owned(),
            Some(values) => values.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        }
    }

    fn holds(&self, value: i8) -> bool {
        self.0.as_ref().is_none_or(|values| values.contains(&value))
    }
}

#[derive(Clone, Debug)]
struct Moments {
    minute: Field,
    hour: Field,
    day: Field,
    weekday: Field,
}

impl Moments {
    fn text(&self) -> String {
        let Self {
            minute,
            hour,
            day,
            weekday,
        } = self;
        format!("{} {} {} * {}", minute.text(), hour.text(), day.text(), weekday.text())
    }

    /// By the book: day of month and day of week are alternatives when both are given.
    fn holds(&self, time: DateTime) -> bool {
        let weekday = time.weekday().to_sunday_zero_offset();
        let day = match (&self.day.0, &self.weekday.0) {
            (Some(_), Some(_)) => self.day.holds(time.day()) || self.weekday.holds(weekday),
            _ => self.day.holds(time.day()) && self.weekday.holds(weekday),
        };
        day && self.minute.holds(time.minute()) && self.hour.holds(time.hour())
    }
}

fn some_of(range: std::ops::Range<i8>, most: usize) -> impl Strategy<Value = Field> {
    proptest::collection::vec(range, 1..=most).prop_map(|values| Field(Some(values)))
}

prop_compose! {
    fn moments_of_a_day()(
        minute in some_of(0..60, 2), hour in some_of(0..24, 3), day in option::weighted(0.3, some_of(1..29, 3)),
        weekday in option::weighted(0.3, some_of(0..7, 4)),
    ) -> Moments {
        Moments { minute, hour, day: day.unwrap_or(Field(None)), weekday: weekday.unwrap_or(Field(None)) }
    }
}

/// The local times that a minute stands for: itself, those that the clock has just skipped, and none when it comes for
/// the second time.
fn local_times(minute: Timestamp, zone: &TimeZone) -> Vec<DateTime> {
    let local = minute.to_zoned(zone.clone()).datetime();
    let ambiguous = zone.to_ambiguous_zoned(local);
    if ambiguous.clone().earlier().unwrap().timestamp() != minute && ambiguous.is_ambiguous() {
        return Vec::new();
    }
    let mut times = vec![local];
    let mut skipped = local - 1.minutes();
    let before = (minute - 1.minutes()).to_zoned(zone.clone()).datetime();
    while skipped > before {
        times.push(skipped);
        skipped -= 1.minutes();
    }
    times
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    /// From minute to minute through ten days: in ordinary times and across both changes of the clock.
    #[test]
    fn the_state_is_what_stepping_through_the_minutes_gives(
        start in moments_of_a_day(), stop in moments_of_a_day(), zone in 0usize..4, from in 0usize..3,
    ) {
        let zone = [SHANGHAI, BERLIN, "America/New_York", "Australia/Lord_Howe"][zone];
        let from = at(["2026-03-26T00:00:00Z", "2026-10-22T00:00:00Z", "2026-07-01T00:00:00Z"][from]);
        let schedule = read(&moments(zone, Some(&start.text()), Some(&stop.text())));
        let zone = TimeZone::get(zone).unwrap();
        let mut holds = schedule.last(from);
        let mut next = schedule.next(from, false);
        for step in 1..=(10 * 24 * 60) {
            let minute = from + step.minutes();
            let times = local_times(minute, &zone);
            let (starts, stops) = (times.iter().any(|t| start.holds(*t)), times.iter().any(|t| stop.holds(*t)));
            if starts || stops {
                let power = if stops { ScheduledPower::Stopped } else { ScheduledPower::Running };
                holds = Some(PowerTransition { time: Time(minute), power });
                prop_assert_eq!(&holds, &next, "the moment was announced");
                next = schedule.next(minute, false);
                prop_assert_eq!(&holds, &schedule.last(minute));
            } else if step % 97 == 0 {
                prop_assert_eq!(&holds, &schedule.last(minute));
            }
        }
    }
}

const EVENING: &str = "2026-11-27T13:00:00Z";
const MORNING: &str = "2026-11-30T01:00:00Z";

/// A desktop with office hours in Shanghai that was seen in a state before.
fn scheduled(power: Power, before: DesktopState, seen: DesktopState) -> Case {
    let mut case = Case::new(spec(), bound(UID));
    case.spec.power = power;
    case.spec.power_schedule = Some(office(SHANGHAI));
    case.status.state = Some(before);
    case.status.observed_generation = 1;
    case.observed = Some(observed(seen));
    case.session = Some(session(false));
    case
}

fn session(connected: bool) -> SessionStatus {
    SessionStatus {
        connected,
        client_name: None,
        last_logon_time: None,
        last_logoff_time: None,
    }
}

fn name_at(case: &Case, time: &str) -> Option<&'static str> {
    operation(&case.plan_at(&case.status, at(time))).map(Operation::name)
}

#[test]
fn between_its_moments_the_schedule_holds() {
    use DesktopState::{Running, Stopped};
    let cases = [
        (Running, EVENING, Some("StopDesktop")),
        (Stopped, EVENING, None),
        (Stopped, MORNING, Some("StartDesktop")),
        (Running, MORNING, None),
    ];
    for (state, time, sent) in cases {
        let case = scheduled(Power::Running, state, state);
        let plan = case.plan_at(&case.status, at(time));
        assert_eq!(operation(&plan).map(Operation::name), sent, "{state:?} at {time}");
        assert!(plan.healing.is_empty(), "the schedule is no drift");
        let held = scheduled(Power::Stopped, state, state);
        let off = (state == Running).then_some("StopDesktop");
        assert_eq!(name_at(&held, time), off, "what is held off stays off");
    }
    // Somebody started it in the night.
    let plan = scheduled(Power::Running, Stopped, Running);
    let plan = plan.plan_at(&plan.status, at(EVENING));
    assert_eq!(plan.healing, ["power"]);
    assert!(matches!(operation(&plan), Some(Operation::StopDesktop { .. })));
}

#[test]
fn the_next_moment_is_told_and_waited_for() {
    let mut case = scheduled(Power::Running, DesktopState::Stopped, DesktopState::Stopped);
    let plan = case.plan_at(&case.status, at("2026-11-29T23:59:30Z"));
    let next = plan.status.next_power_transition.clone();
    assert_eq!(told(next), "2026-11-30T00:00:00Z on");
    assert_eq!(plan.again, Duration::from_secs(30));
    let later = case.plan_at(&plan.status, at("2026-11-29T23:59:50Z"));
    assert_eq!(later.status, plan.status, "it does not tick");
    case.spec.power = Power::Stopped;
    assert!(case.plan().status.next_power_transition.is_none());
    case.spec.power_schedule = None;
    assert!(
        case.plan_at(&plan.status, at(EVENING))
            .status
            .next_power_transition
            .is_none()
    );
}

#[test]
fn nobody_who_is_connected_is_thrown_out() {
    let mut case = scheduled(Power::Running, DesktopState::Running, DesktopState::Running);
    for (session, reason) in [(Some(session(true)), "WaitingForLogoff"), (None, "WaitingForSessions")] {
        case.session = session;
        let plan = case.plan_at(&case.status, at(EVENING));
        assert!(matches!(plan.action, Action::None));
        assert_eq!(condition_reason(&plan, condition::READY), Some(reason));
        assert!(condition::is_true(&plan.status.conditions, condition::READY));
    }
    // Where nobody can know, and where the manifest says so, it is stopped.
    case.spec.power_schedule.as_mut().unwrap().when_connected = WhenConnected::Stop;
    assert_eq!(name_at(&case, EVENING), Some("StopDesktop"));
    case.spec.power_schedule = Some(office(SHANGHAI));
    case.spec.system_disk = None;
    case.capabilities = &SILENT;
    assert_eq!(name_at(&case, EVENING), Some("StopDesktop"));
    // Held off is held off: that is no schedule's doing.
    let mut held = scheduled(Power::Stopped, DesktopState::Running, DesktopState::Running);
    held.session = Some(session(true));
    assert_eq!(name_at(&held, EVENING), Some("StopDesktop"));
}

#[test]
fn with_unmanaged_power_each_moment_is_acted_on_once() {
    use DesktopState::{Running, Stopped};
    let mut case = scheduled(Power::Unmanaged, Running, Running);
    case.spec.power_schedule = Some(moments(SHANGHAI, None, Some("0 20 * * 1-5")));
    // What passed before the schedule was there is not made up for.
    let first = case.plan_at(&case.status, at(EVENING));
    assert!(matches!(first.action, Action::None));
    assert_eq!(
        told(first.status.last_power_transition.clone()),
        "2026-11-27T12:00:00Z off"
    );
    assert_eq!(
        told(first.status.next_power_transition.clone()),
        "2026-11-30T12:00:00Z off"
    );
    case.status = first.status;
    assert_eq!(name_at(&case, "2026-11-30T11:59:59Z"), None);
    // The moment comes, somebody is still there, and goes.
    let due = "2026-11-30T12:00:00Z";
    case.session = Some(session(true));
    let waiting = case.plan_at(&case.status, at(due));
    assert_eq!(condition_reason(&waiting, condition::READY), Some("WaitingForLogoff"));
    case.session = Some(session(false));
    let stopping = case.plan_at(&waiting.status, at(due));
    assert!(matches!(operation(&stopping), Some(Operation::StopDesktop { .. })));
    assert!(stopping.healing.is_empty());
    // It is off: the moment is dealt with, and whoever starts it again keeps it.
    case.observed = Some(observed(Stopped));
    case.status = case.plan_at(&stopping.status, at("2026-11-30T12:01:00Z")).status;
    assert_eq!(
        told(case.status.last_power_transition.clone()),
        "2026-11-30T12:00:00Z off"
    );
    case.observed = Some(observed(Running));
    assert_eq!(name_at(&case, "2026-11-30T14:00:00Z"), None);
    assert_eq!(name_at(&case, "2026-12-01T12:00:00Z"), Some("StopDesktop"));
    // The record is no use to another rule.
    case.spec.power = Power::Running;
    case.spec.power_schedule = Some(office(SHANGHAI));
    assert!(case.plan().status.last_power_transition.is_none());
}

#[test]
fn what_a_stop_overtook_is_not_started_again_after_its_image() {
    use DesktopState::Stopped;
    let held = |time: &str| {
        let mut case = scheduled(Power::Unmanaged, Stopped, Stopped);
        case.status.held = Some(crate::api::desktop::Held {
            image: "golden".into(),
            running: true,
        });
        case.status.last_power_transition = read(&office(SHANGHAI)).last(at("2026-11-27T01:00:00Z"));
        case.plan_at(&case.status, at(time))
    };
    let before = held("2026-11-27T11:00:00Z");
    assert!(matches!(operation(&before), Some(Operation::StartDesktop { .. })));
    let after = held(EVENING);
    assert!(operation(&after).is_none(), "{after:?}");
    assert_eq!(told(after.status.last_power_transition), "2026-11-27T12:00:00Z off");
    assert_eq!(after.status.held, None);
}

#[test]
fn a_vendor_without_power_follows_no_schedule() {
    let mut case = scheduled(Power::Running, DesktopState::Running, DesktopState::Running);
    case.spec.system_disk = None;
    case.capabilities = &POWERLESS;
    let plan = case.plan();
    assert_eq!(condition_reason(&plan, condition::STALLED), Some("Unsupported"));
    assert!(plan.status.next_power_transition.is_none());
}
