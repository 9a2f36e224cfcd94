//! A situation that an image is planned in, as the tests set it up.

use super::*;
use crate::api::common::ObjectRef;
use crate::api::image::{Capture, CapturePower};
use crate::backend::connect::capabilities;

pub(super) const UID: &str = "3f2a0c1e-0000-4000-8000-000000000001";
pub(super) const OTHER: &str = "3f2a0c1e-0000-4000-8000-000000000002";
pub(super) const ID: &str = "m-1";

pub(super) fn limits() -> Limits {
    let (second, minute) = (Duration::from_secs(1), Duration::from_mins(1));
    Limits {
        intent_lifetime: 30 * second,
        settle: 10 * minute,
        empty_listing_gap: minute,
        retry_unknown_create: true,
        backoff_base: minute,
        backoff_max: 30 * minute,
        task_deadline: 30 * minute,
        resend: 30 * second,
        fast: 3 * second,
        slow: minute,
        expiry_warning: 60 * minute,
    }
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

pub(super) fn vendor(word: &str) -> &'static Capabilities {
    capabilities().into_iter().find(|(_, c)| c.vendor == word).unwrap().1
}

pub(super) fn spec() -> DesktopImageSpec {
    DesktopImageSpec {
        provider_ref: ObjectRef { name: "acme".into() },
        capture: None,
        existing_id: None,
        filter: None,
        display_name: None,
        deletion_policy: None,
    }
}

pub(super) fn capturing(power: CapturePower) -> DesktopImageSpec {
    DesktopImageSpec {
        capture: Some(Capture {
            desktop_ref: ObjectRef { name: "builder".into() },
            power,
        }),
        ..spec()
    }
}

pub(super) fn existing() -> DesktopImageSpec {
    DesktopImageSpec {
        existing_id: Some(ID.into()),
        ..spec()
    }
}

pub(super) fn named(prefix: &str) -> DesktopImageSpec {
    DesktopImageSpec {
        filter: Some(ImageFilter {
            name_prefix: Some(prefix.into()),
            ..ImageFilter::default()
        }),
        ..spec()
    }
}

pub(super) fn bound(adopted: bool) -> DesktopImageStatus {
    DesktopImageStatus {
        id: Some(ID.into()),
        binding: Some(Binding {
            uid: UID.into(),
            provider: "acme".into(),
            cluster_id: Some(ID.into()),
            since_time: Time(now()),
            adopted,
        }),
        state: Some(ImageState::Available),
        ..DesktopImageStatus::default()
    }
}

pub(super) fn image(id: &str, name: &str, state: ImageState) -> ObservedImage {
    ObservedImage {
        id: id.into(),
        name: Some(name.into()),
        vendor_state: format!("{state:?}"),
        state,
        progress: None,
        size_gib: Some(40),
        custom: true,
        ..ObservedImage::default()
    }
}

pub(super) fn marked() -> String {
    naming::marked_name("golden", UID)
}

pub(super) fn source(state: DesktopState, held: bool) -> SourceView {
    SourceView::Desktop(Source {
        name: "builder".into(),
        id: "i-1".into(),
        state: Some(state),
        connected: Some(false),
        held,
    })
}

#[allow(clippy::struct_excessive_bools, reason = "a case is a row of yes and no")]
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) spec: DesktopImageSpec,
    pub(super) status: DesktopImageStatus,
    pub(super) images: Option<Vec<ObservedImage>>,
    pub(super) before: Option<Vec<String>>,
    pub(super) error: Option<BackendError>,
    pub(super) source: SourceView,
    pub(super) provider: ProviderView,
    pub(super) vendor: &'static str,
    pub(super) deleting: bool,
    pub(super) paused: bool,
    pub(super) in_flight: bool,
    pub(super) used_by: Vec<String>,
    pub(super) shared_with: Vec<String>,
    pub(super) retry_create: Option<i32>,
    pub(super) abandon: Option<&'static str>,
    pub(super) generation: i64,
}

impl Case {
    pub(super) fn new(spec: DesktopImageSpec, status: DesktopImageStatus, images: Vec<ObservedImage>) -> Self {
        let source = if spec.capture.is_some() {
            source(DesktopState::Stopped, true)
        } else {
            SourceView::NotNeeded
        };
        let mut status = status;
        if let (SourceView::Desktop(source), None) = (&source, &status.id) {
            // It was asked for in the pass before; else its answer would be one to an earlier question.
            status.held_desktop_id = Some(source.id.clone());
        }
        Self {
            spec,
            status,
            before: Some(images.iter().map(|i| i.id.clone()).collect()),
            images: Some(images),
            error: None,
            source,
            provider: ProviderView::Usable,
            vendor: "gws",
            deleting: false,
            paused: false,
            in_flight: false,
            used_by: Vec::new(),
            shared_with: Vec::new(),
            retry_create: None,
            abandon: None,
            generation: 1,
        }
    }

    pub(super) fn with<T>(&self, now: Timestamp, look: impl FnOnce(&Inputs<'_>) -> T) -> T {
        let limits = limits();
        look(&Inputs {
            name: "golden",
            uid: UID,
            generation: self.generation,
            deleting: self.deleting,
            paused: self.paused,
            abandon: self.abandon,
            retry_create: self.retry_create,
            spec: &self.spec,
            status: &self.status,
            provider: self.provider.clone(),
            capabilities: Some(vendor(self.vendor)),
            listing: self.images.as_deref().map(|images| Listing {
                started: now,
                images,
                before: self.before.as_deref(),
            }),
            error: self.error.as_ref(),
            source: self.source.clone(),
            used_by: &self.used_by,
            shared_with: &self.shared_with,
            in_flight: self.in_flight,
            writer: "w",
            limits: &limits,
            now,
        })
    }

    pub(super) fn plan_at(&self, now: Timestamp) -> Plan {
        self.with(now, plan)
    }

    pub(super) fn plan(&self) -> Plan {
        self.plan_at(now())
    }
}

/// The call a plan sends, and why the object is not Ready, or `Available`.
pub(super) fn says(plan: &Plan) -> (&'static str, &str) {
    let sent = match &plan.action {
        Action::Create(operation) | Action::Submit(operation) => operation.name(),
        Action::Poll(_) => "Poll",
        Action::Release => "Release",
        Action::None => "-",
    };
    let kind = if condition::is_true(&plan.status.conditions, condition::DELETION_BLOCKED) {
        condition::DELETION_BLOCKED
    } else {
        condition::READY
    };
    let reason = condition::find(&plan.status.conditions, kind).map_or("-", |c| c.reason.as_str());
    (sent, reason)
}

pub(super) fn stalls(plan: &Plan) -> bool {
    condition::is_true(&plan.status.conditions, condition::STALLED)
}
