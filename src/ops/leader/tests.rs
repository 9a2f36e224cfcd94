//! Which Lease may be taken, and what a leader may still do with its own.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use super::record::{Seen, Step, fresh, held, holder, released, step};
use super::{LeaseOptions, LeaseOptionsError, Tenure};

const OURS: Duration = Duration::from_secs(15);

const OPTIONS: LeaseOptions = LeaseOptions {
    lease_duration: OURS,
    lease_renew: Duration::from_secs(5),
};

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or_default()
}

fn lease(by: Option<&str>, lasts: Option<i32>) -> Lease {
    let spec = LeaseSpec {
        holder_identity: by.map(str::to_owned),
        lease_duration_seconds: lasts,
        lease_transitions: Some(3),
        acquire_time: Some(MicroTime(at(100))),
        renew_time: Some(MicroTime(at(200))),
        ..LeaseSpec::default()
    };
    Lease {
        spec: Some(spec),
        ..Lease::default()
    }
}

#[test]
fn what_a_candidate_does() {
    // What the Lease says, for how long it has been seen to say so, what follows.
    let table = [
        (lease(None, None), 0, Step::Take),
        (lease(Some(""), Some(15)), 0, Step::Take),
        (Lease::default(), 0, Step::Take),
        (lease(Some("me"), Some(15)), 0, Step::Take),
        (lease(Some("me"), Some(15)), 60, Step::Take),
        (lease(Some("it"), Some(15)), 0, Step::Wait(seconds(15))),
        (lease(Some("it"), Some(15)), 14, Step::Wait(seconds(1))),
        (lease(Some("it"), Some(15)), 15, Step::Take),
        (lease(Some("it"), Some(60)), 15, Step::Wait(seconds(45))),
        (lease(Some("it"), Some(3)), 3, Step::Take),
        (lease(Some("it"), None), 5, Step::Wait(seconds(10))),
        (lease(Some("it"), Some(0)), 5, Step::Wait(seconds(10))),
        (lease(Some("it"), Some(-7)), 15, Step::Take),
    ];
    let since = Instant::now();
    for (lease, after, expected) in table {
        let seen = Seen { lease, since };
        let decided = step(Some(&seen), "me", OURS, since + seconds(after));
        assert_eq!(decided, expected, "after {after} s of {seen:?}");
    }
    assert_eq!(step(None, "me", OURS, since), Step::Create);
}

#[test]
fn the_clock_of_the_holder_does_not_count() {
    let now = Instant::now();
    for renewed in [Timestamp::MIN, at(0), Timestamp::MAX] {
        let mut lease = lease(Some("it"), Some(15));
        lease.spec.get_or_insert_default().renew_time = Some(MicroTime(renewed));
        let seen = Seen::next(None, lease, now);
        assert_eq!(step(Some(&seen), "me", OURS, now + seconds(14)), Step::Wait(seconds(1)));
        assert_eq!(step(Some(&seen), "me", OURS, now + seconds(15)), Step::Take);
    }
}

#[test]
fn only_a_renewal_is_a_sign_of_life() {
    let first = Instant::now();
    let later = first + seconds(9);
    let seen = Seen::next(None, lease(Some("it"), Some(15)), first);

    let mut labelled = seen.lease.clone();
    labelled.metadata.resource_version = Some("2".into());
    labelled.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
    let seen = Seen::next(Some(seen), labelled.clone(), later);
    assert_eq!(seen.since, first);
    assert_eq!(seen.lease, labelled, "the newest version is the one to replace");

    let renewed = held(&labelled, "it", &OPTIONS, at(300));
    assert_eq!(Seen::next(Some(seen), renewed, later).since, later);
}

#[test]
fn a_take_over_is_counted_and_a_renewal_is_not() {
    let taken = held(&lease(Some("it"), Some(60)), "me", &OPTIONS, at(300))
        .spec
        .unwrap_or_default();
    assert_eq!(taken.holder_identity.as_deref(), Some("me"));
    assert_eq!(taken.lease_duration_seconds, Some(15));
    assert_eq!(taken.lease_transitions, Some(4));
    assert_eq!(taken.acquire_time, Some(MicroTime(at(300))));

    let renewed = held(&lease(Some("me"), Some(60)), "me", &OPTIONS, at(300))
        .spec
        .unwrap_or_default();
    assert_eq!(renewed.lease_transitions, Some(3));
    assert_eq!(renewed.acquire_time, Some(MicroTime(at(100))));
    assert_eq!(renewed.renew_time, Some(MicroTime(at(300))));

    let first = fresh("me", &OPTIONS, at(300)).spec.unwrap_or_default();
    assert_eq!(first.lease_transitions, Some(0));
    assert_eq!(first.holder_identity.as_deref(), Some("me"));
}

#[test]
fn what_others_put_on_the_lease_stays() {
    let mut before = lease(Some("it"), Some(15));
    before.metadata.resource_version = Some("7".into());
    before.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
    for after in [held(&before, "me", &OPTIONS, at(300)), released(&before, at(300))] {
        assert_eq!(after.metadata, before.metadata);
    }
}

#[test]
fn a_released_lease_is_free_at_once() {
    let now = Instant::now();
    let free = released(&lease(Some("it"), Some(15)), at(300));
    assert_eq!(holder(&free), None);
    let seen = Seen::next(None, free, now);
    assert_eq!(step(Some(&seen), "me", OURS, now), Step::Take);
}

#[test]
fn nothing_is_sent_near_the_end_of_the_lease() {
    let start = Instant::now();
    let tenure = Tenure::new(start + OURS, OPTIONS.margin());
    assert!(tenure.may_send(start));
    assert!(tenure.may_send(start + Duration::from_millis(7500)));
    assert!(!tenure.may_send(start + Duration::from_millis(7501)));
    // As after a stop of the whole process.
    assert!(!tenure.may_send(start + seconds(3600)));
    assert_eq!(tenure.left(start + OURS), None);

    tenure.extend(start + OURS + OURS);
    assert!(tenure.may_send(start + OURS));

    tenure.end();
    tenure.extend(start + OURS + OURS);
    assert!(!tenure.may_send(start), "what has ended does not begin again");
}

#[test]
fn the_margin_is_ten_seconds_or_half_of_a_shorter_lease() {
    for (lasts, margin) in [(60, 10.0), (20, 10.0), (15, 7.5), (3, 1.5)] {
        let options = LeaseOptions {
            lease_duration: seconds(lasts),
            ..OPTIONS
        };
        assert_eq!(options.margin(), Duration::from_secs_f64(margin), "of {lasts} s");
    }
}

#[test]
fn options_under_which_no_lease_can_be_kept_are_refused() {
    let table = [
        (15_000, 5_000, Ok(())),
        (3_000, 500, Ok(())),
        (15_000, 5_001, Err(LeaseOptionsError::Renew)),
        (15_000, 0, Err(LeaseOptionsError::Renew)),
        (0, 0, Err(LeaseOptionsError::Duration)),
        (900, 100, Err(LeaseOptionsError::Duration)),
        (1_500, 100, Err(LeaseOptionsError::Duration)),
    ];
    for (duration, renew, expected) in table {
        let options = LeaseOptions {
            lease_duration: Duration::from_millis(duration),
            lease_renew: Duration::from_millis(renew),
        };
        assert_eq!(options.validate(), expected, "{duration} ms, {renew} ms");
    }
}
