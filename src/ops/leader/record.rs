//! What a Lease says, and what follows from it. Nothing here talks to anyone.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};

use super::{LEASE, LeaseOptions};

/// A Lease, and since when this process has seen it say the same.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub lease: Lease,
    pub since: Instant,
}

impl Seen {
    /// Takes in what was read at `now`. A change outside the record, such as a label, is no sign of life.
    pub fn next(previous: Option<Self>, lease: Lease, now: Instant) -> Self {
        let since = previous.filter(|p| p.lease.spec == lease.spec).map_or(now, |p| p.since);
        Self { lease, since }
    }
}

/// What a candidate does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There is no Lease: create it.
    Create,
    /// It is free, has run out or is our own: take it.
    Take,
    /// Another holds it, and will be believed to for this long.
    Wait(Duration),
}

/// Decides. A record that does not say how long it lasts is given as long as ours would.
pub(super) fn step(seen: Option<&Seen>, me: &str, ours: Duration, now: Instant) -> Step {
    let Some(seen) = seen else { return Step::Create };
    match holder(&seen.lease) {
        None => Step::Take,
        Some(by) if by == me => Step::Take,
        Some(_) => {
            let spec = seen.lease.spec.as_ref();
            let told = spec
                .and_then(|s| s.lease_duration_seconds)
                .and_then(|s| u64::try_from(s).ok());
            let lasts = told.filter(|s| *s > 0).map_or(ours, Duration::from_secs);
            match lasts.saturating_sub(now.saturating_duration_since(seen.since)) {
                Duration::ZERO => Step::Take,
                left => Step::Wait(left),
            }
        }
    }
}

/// Who holds it, if anyone does.
pub(super) fn holder(lease: &Lease) -> Option<&str> {
    let by = lease.spec.as_ref()?.holder_identity.as_deref()?;
    (!by.is_empty()).then_some(by)
}

/// A Lease that nobody has held yet.
pub(super) fn fresh(me: &str, options: &LeaseOptions, now: Timestamp) -> Lease {
    let blank = Lease {
        metadata: ObjectMeta {
            name: Some(LEASE.to_owned()),
            ..ObjectMeta::default()
        },
        spec: None,
    };
    Lease {
        spec: Some(LeaseSpec {
            lease_transitions: Some(0),
            ..held(&blank, me, options, now).spec.unwrap_or_default()
        }),
        ..blank
    }
}

/// The same Lease, held by us as of now. Its version and whatever others put on it stay.
pub(super) fn held(lease: &Lease, me: &str, options: &LeaseOptions, now: Timestamp) -> Lease {
    let ours = holder(lease) == Some(me);
    let mut lease = lease.clone();
    let mut spec = lease.spec.take().unwrap_or_default();
    if !ours {
        spec.acquire_time = Some(MicroTime(now));
        spec.lease_transitions = Some(spec.lease_transitions.unwrap_or_default().saturating_add(1));
    }
    spec.holder_identity = Some(me.to_owned());
    spec.lease_duration_seconds = Some(options.seconds());
    spec.renew_time = Some(MicroTime(now));
    lease.spec = Some(spec);
    lease
}

/// The same Lease, held by nobody.
pub(super) fn released(lease: &Lease, now: Timestamp) -> Lease {
    let mut lease = lease.clone();
    let spec = lease.spec.get_or_insert_default();
    spec.holder_identity = Some(String::new());
    spec.renew_time = Some(MicroTime(now));
    lease
}
