//! What holds for the plan of an image, whatever state it is made in.

use jiff::ToSpan;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::api::common::{CreateIntent, DeletionPolicy, ObjectRef};
use crate::api::image::{Capture, CapturePower};
use crate::backend::connect::capabilities;
use crate::backend::{ErrorClass, TaskKind};
use crate::plan::create;

const UID: &str = "3f2a0c1e-0000-4000-8000-000000000001";
const OTHER: &str = "3f2a0c1e-0000-4000-8000-000000000002";
const ID: &str = "m-1";

fn limits() -> Limits {
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

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn vendor(word: &str) -> &'static Capabilities {
    capabilities().into_iter().find(|(_, c)| c.vendor == word).unwrap().1
}

fn spec() -> DesktopImageSpec {
    DesktopImageSpec {
        provider_ref: ObjectRef { name: "acme".into() },
        capture: None,
        existing_id: None,
        filter: None,
        display_name: None,
        deletion_policy: None,
    }
}

fn capturing(power: CapturePower) -> DesktopImageSpec {
    DesktopImageSpec {
        capture: Some(Capture {
            desktop_ref: ObjectRef { name: "builder".into() },
            power,
        }),
        ..spec()
    }
}

fn existing() -> DesktopImageSpec {
    DesktopImageSpec {
        existing_id: Some(ID.into()),
        ..spec()
    }
}

fn named(prefix: &str) -> DesktopImageSpec {
    DesktopImageSpec {
        filter: Some(ImageFilter {
            name_prefix: Some(prefix.into()),
            ..ImageFilter::default()
        }),
        ..spec()
    }
}

fn bound(adopted: bool) -> DesktopImageStatus {
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

fn image(id: &str, name: &str, state: ImageState) -> ObservedImage {
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

fn marked() -> String {
    naming::marked_name("golden", UID)
}

fn source(state: DesktopState, held: bool) -> SourceView {
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
struct Case {
    spec: DesktopImageSpec,
    status: DesktopImageStatus,
    images: Option<Vec<ObservedImage>>,
    before: Option<Vec<String>>,
    error: Option<BackendError>,
    source: SourceView,
    vendor: &'static str,
    deleting: bool,
    paused: bool,
    in_flight: bool,
    used_by: Vec<String>,
    shared_with: Vec<String>,
    retry_create: Option<i32>,
    abandon: Option<&'static str>,
    generation: i64,
}

impl Case {
    fn new(spec: DesktopImageSpec, status: DesktopImageStatus, images: Vec<ObservedImage>) -> Self {
        let source = if spec.capture.is_some() {
            source(DesktopState::Stopped, true)
        } else {
            SourceView::NotNeeded
        };
        Self {
            spec,
            status,
            before: Some(images.iter().map(|i| i.id.clone()).collect()),
            images: Some(images),
            error: None,
            source,
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

    fn with<T>(&self, now: Timestamp, look: impl FnOnce(&Inputs<'_>) -> T) -> T {
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
            provider: ProviderView::Usable,
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

    fn plan_at(&self, now: Timestamp) -> Plan {
        self.with(now, plan)
    }

    fn plan(&self) -> Plan {
        self.plan_at(now())
    }
}

/// The call a plan sends, and why the object is not Ready, or `Available`.
fn says(plan: &Plan) -> (&'static str, &str) {
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

fn stalls(plan: &Plan) -> bool {
    condition::is_true(&plan.status.conditions, condition::STALLED)
}

#[test]
fn an_image_is_captured_once_its_desktop_is_held_and_stopped() {
    use CapturePower::{AsIs, Stop};
    use DesktopState as S;
    let rows = [
        (Stop, S::Running, false, ("-", "WaitingForDesktop")),
        (Stop, S::Running, true, ("-", "WaitingForDesktop")),
        (Stop, S::Stopping, true, ("-", "WaitingForDesktop")),
        (Stop, S::Stopped, false, ("-", "WaitingForDesktop")),
        (Stop, S::Stopped, true, ("CreateImage", "Creating")),
        (AsIs, S::Running, false, ("-", "WaitingForDesktop")),
        (AsIs, S::Running, true, ("CreateImage", "Creating")),
        (AsIs, S::Starting, true, ("-", "WaitingForDesktop")),
        (AsIs, S::Unknown, true, ("-", "WaitingForDesktop")),
    ];
    for (power, state, held, expected) in rows {
        let mut case = Case::new(capturing(power), DesktopImageStatus::default(), Vec::new());
        case.source = source(state, held);
        let plan = case.plan();
        assert_eq!(says(&plan), expected, "{power:?} {state:?} {held}");
        assert_eq!(plan.status.held_desktop_id.as_deref(), Some("i-1"));
    }
}

#[test]
fn the_intent_carries_the_marked_name_that_is_sent() {
    let case = Case::new(capturing(CapturePower::Stop), DesktopImageStatus::default(), Vec::new());
    let plan = case.plan();
    let Action::Create(Operation::CreateImage { desktop_id, name }) = &plan.action else {
        panic!("{plan:?}")
    };
    assert_eq!((desktop_id.as_str(), name), ("i-1", &marked()));
    assert_eq!(plan.status.create.as_ref().unwrap().name.as_ref(), Some(name));
}

#[test]
fn who_is_connected_is_waited_for_in_so_many_words() {
    let mut case = Case::new(capturing(CapturePower::Stop), DesktopImageStatus::default(), Vec::new());
    let words = |case: &Case| {
        let plan = case.plan();
        condition::find(&plan.status.conditions, condition::READY)
            .unwrap()
            .message
            .clone()
    };
    let connected = |connected| {
        SourceView::Desktop(Source {
            name: "builder".into(),
            id: "i-1".into(),
            state: Some(DesktopState::Running),
            connected,
            held: false,
        })
    };
    case.source = connected(Some(true));
    assert!(
        words(&case).contains("connected to Desktop builder"),
        "{}",
        words(&case)
    );
    case.source = connected(None);
    assert!(words(&case).contains("not known yet"), "{}", words(&case));
    // Where a vendor never tells, nobody waits to be told.
    case.vendor = "huaweiWorkspace";
    assert!(words(&case).contains("is stopped"), "{}", words(&case));
}

#[test]
fn what_a_vendor_cannot_do_is_said_before_any_call() {
    for word in ["capitalOnline", "cloudDesktop"] {
        let mut case = Case::new(capturing(CapturePower::Stop), DesktopImageStatus::default(), Vec::new());
        case.vendor = word;
        let plan = case.plan();
        assert_eq!((says(&plan), stalls(&plan)), (("-", "Unsupported"), true), "{word}");
        assert_eq!(plan.status.held_desktop_id, None, "{word} holds a desktop for nothing");
    }
    let mut kept = Case::new(existing(), DesktopImageStatus::default(), Vec::new());
    kept.vendor = "huaweiWorkspace";
    kept.spec.deletion_policy = Some(DeletionPolicy::Delete);
    assert_eq!(says(&kept.plan()), ("-", "Unsupported"));
}

#[test]
fn exactly_one_match_is_adopted() {
    let list = |names: &[&str]| -> Vec<ObservedImage> {
        (1..)
            .zip(names)
            .map(|(n, name)| image(&format!("m-{n}"), name, ImageState::Available))
            .collect()
    };
    let none = Case::new(named("win"), DesktopImageStatus::default(), list(&["linux"])).plan();
    assert_eq!((says(&none), stalls(&none)), (("-", "NoMatch"), false));
    let several = Case::new(named("win"), DesktopImageStatus::default(), list(&["win-1", "win-2"])).plan();
    assert_eq!((says(&several), stalls(&several)), (("-", "SeveralMatch"), true));
    let words = &condition::find(&several.status.conditions, condition::STALLED)
        .unwrap()
        .message;
    assert!(words.contains("m-1, m-2"), "{words}");
    let one = Case::new(named("win"), DesktopImageStatus::default(), list(&["linux", "win-2"])).plan();
    assert_eq!(one.status.id.as_deref(), Some("m-2"));
    assert!(one.status.binding.unwrap().adopted);
    // The same image in two listings is one.
    let twice = vec![
        image(ID, "win", ImageState::Available),
        image(ID, "win", ImageState::Available),
    ];
    let twice = Case::new(named("win"), DesktopImageStatus::default(), twice).plan();
    assert_eq!(twice.status.id.as_deref(), Some(ID));
}

#[test]
fn every_field_of_a_filter_must_match() {
    let theirs = ObservedImage {
        custom: false,
        ..image(ID, "win-10", ImageState::Available)
    };
    let filter = |name: Option<&str>, prefix: Option<&str>, owner| ImageFilter {
        name: name.map(str::to_owned),
        name_prefix: prefix.map(str::to_owned),
        owner,
    };
    assert!(matches(
        &filter(Some("win-10"), Some("win"), Some(ImageOwner::Vendor)),
        &theirs
    ));
    assert!(matches(&filter(None, Some("win"), None), &theirs));
    for wrong in [
        filter(Some("win"), None, None),
        filter(Some("win-10"), Some("linux"), None),
        filter(Some("win-10"), None, Some(ImageOwner::Account)),
    ] {
        assert!(!matches(&wrong, &theirs), "{wrong:?}");
    }
    for state in [ImageState::Deleting, ImageState::Missing] {
        let going = ObservedImage {
            state,
            ..theirs.clone()
        };
        assert!(!matches(&filter(Some("win-10"), None, None), &going));
    }
}

#[test]
fn only_what_can_be_used_is_ready() {
    use ImageState as S;
    let rows = [
        (S::Creating, "Creating", false),
        (S::Available, "Available", false),
        (S::Unavailable, "Unavailable", true),
        (S::Failed, "FailedAtVendor", true),
        (S::Missing, "Missing", true),
        (S::Deleting, "Deleting", false),
        (S::Unknown, "UnknownState", false),
    ];
    for (state, reason, stalled) in rows {
        let plan = Case::new(existing(), bound(true), vec![image(ID, "win", state)]).plan();
        assert_eq!((says(&plan), stalls(&plan)), (("-", reason), stalled), "{state:?}");
        let ready = condition::is_true(&plan.status.conditions, condition::READY);
        assert_eq!(ready, state == S::Available, "{state:?}");
    }
}

#[test]
fn a_desktop_is_let_go_when_its_image_is_made_or_never_will_be() {
    use ImageState as S;
    for (state, held) in [
        (S::Creating, true),
        (S::Available, false),
        (S::Failed, false),
        (S::Missing, false),
    ] {
        let mut case = Case::new(
            capturing(CapturePower::Stop),
            bound(false),
            vec![image(ID, &marked(), state)],
        );
        case.status.held_desktop_id = Some("i-1".into());
        assert_eq!(case.plan().status.held_desktop_id.is_some(), held, "{state:?}");
    }
    // Trouble of our own holds nobody's desktop, unless the call was sent.
    let mut case = Case::new(capturing(CapturePower::Stop), DesktopImageStatus::default(), Vec::new());
    case.status.held_desktop_id = Some("i-1".into());
    case.images = None;
    assert_eq!(case.plan().status.held_desktop_id, None);
    case.status.create = Some(create::intent(1, None, Vec::new(), "w".into(), &limits(), now()));
    assert!(case.plan().status.held_desktop_id.is_some());
}

#[test]
fn a_refusal_that_time_does_not_change_stops_no_desktop_again() {
    let case = Case::new(capturing(CapturePower::Stop), DesktopImageStatus::default(), Vec::new());
    let sent = case.plan();
    for (class, again) in [(ErrorClass::Quota, false), (ErrorClass::Conflict, true)] {
        let mut status = sent.status.clone();
        let intent = status.create.clone().unwrap();
        let answer = Err(BackendError::new(class, "CreateImage", "no"));
        let stamp = condition::Stamp {
            generation: 1,
            now: now(),
        };
        let binding = bound(false).binding.unwrap();
        status.parts().created(&intent, binding, &answer, &limits(), stamp);
        let mut case = Case::new(capturing(CapturePower::Stop), status, Vec::new());
        let at_once = case.plan();
        assert_eq!(
            (says(&at_once).0, at_once.status.held_desktop_id),
            ("-", None),
            "{class:?}"
        );
        let later = case.plan_at(now() + 24.hours());
        assert_eq!(says(&later).0 == "CreateImage", again, "{class:?}");
        if !again {
            let words = &condition::find(&later.status.conditions, condition::STALLED)
                .unwrap()
                .message;
            assert!(
                words.contains("retry-create=1") && !words.contains("Next attempt"),
                "{words}"
            );
            case.retry_create = Some(2);
            assert_eq!(
                says(&case.plan_at(now() + 24.hours())).0,
                "-",
                "said of another attempt"
            );
            case.retry_create = Some(1);
            assert_eq!(says(&case.plan_at(now() + 24.hours())).0, "CreateImage");
        }
    }
}

#[test]
fn a_job_is_polled_and_its_image_found_by_its_mark() {
    let mut case = Case::new(capturing(CapturePower::Stop), DesktopImageStatus::default(), Vec::new());
    case.vendor = "huaweiWorkspace";
    let mut status = case.plan().status;
    let intent = status.create.clone().unwrap();
    let answer = Ok(Receipt {
        task: Some(Task::new(TaskKind::Job, "i-1", "job-1".into())),
        ..Receipt::default()
    });
    let stamp = condition::Stamp {
        generation: 1,
        now: now(),
    };
    let binding = bound(false).binding.unwrap();
    status.parts().created(&intent, binding, &answer, &limits(), stamp);
    case.status = status;
    let polls = case.plan();
    assert!(matches!(&polls.action, Action::Poll(task) if task.task_id == "job-1"));
    assert!(polls.status.held_desktop_id.is_some());
    let (ended, _) = case.with(now(), |inputs| polled(inputs, polls.status.clone(), Ok(())));
    case.status = ended;
    assert_eq!(says(&case.plan()).0, "-", "it is looked for, not made again");
    case.images = Some(vec![image("m-9", &marked(), ImageState::Available)]);
    assert_eq!(case.plan().status.id.as_deref(), Some("m-9"));
    // A job that failed leaves nothing in doubt.
    let failed = BackendError::new(ErrorClass::Transient, "desktopToImage", "no");
    let (ended, _) = case.with(now(), |inputs| polled(inputs, polls.status.clone(), Err(&failed)));
    assert_eq!(ended.create.unwrap().phase, CreatePhase::Failed);
}

#[test]
fn a_name_is_set_where_it_can_be_and_else_refused() {
    let drifted = vec![image(ID, "other", ImageState::Available)];
    let captured = || Case::new(capturing(CapturePower::Stop), bound(false), drifted.clone());
    let adopted = |name: Option<&str>| {
        let mut case = Case::new(existing(), bound(true), drifted.clone());
        case.spec.display_name = name.map(str::to_owned);
        case
    };
    let mut healed = captured();
    healed.status.display_name = Some(marked());
    healed.status.observed_generation = 1;
    let plan = healed.plan();
    assert_eq!(
        (says(&plan).0, plan.healing.as_slice()),
        ("RenameImage", &["displayName"][..])
    );
    assert_eq!(says(&adopted(None).plan()), ("-", "Available"));
    assert_eq!(says(&adopted(Some("new")).plan()), ("RenameImage", "Renaming"));
    let mut claimed = adopted(Some("new"));
    claimed.shared_with = vec!["DesktopImage a/b".into()];
    assert_eq!(says(&claimed.plan()), ("-", "AlreadyClaimed"));
    let mut fixed = adopted(Some("new"));
    fixed.vendor = "capitalOnline";
    assert_eq!(says(&fixed.plan()), ("-", "Unsupported"));
    let mut theirs = adopted(Some("new"));
    theirs.images.as_mut().unwrap()[0].custom = false;
    assert_eq!(says(&theirs.plan()), ("-", "Unsupported"));
    // A vendor without that call names the image once, when it is made.
    let mut unnamed = captured();
    unnamed.vendor = "huaweiWorkspace";
    assert_eq!(says(&unnamed.plan()), ("-", "Available"));
}

#[test]
fn only_what_is_ours_is_deleted_and_seen_gone() {
    let case = |adopted: bool, policy: Option<DeletionPolicy>| {
        let spec = if adopted {
            existing()
        } else {
            capturing(CapturePower::Stop)
        };
        let mut case = Case::new(spec, bound(adopted), vec![image(ID, &marked(), ImageState::Available)]);
        case.spec.deletion_policy = policy;
        case.deleting = true;
        case
    };
    assert_eq!(says(&case(false, None).plan()).0, "DeleteImage");
    assert_eq!(says(&case(true, None).plan()).0, "Release");
    assert_eq!(says(&case(false, Some(DeletionPolicy::Retain)).plan()).0, "Release");
    assert_eq!(says(&case(true, Some(DeletionPolicy::Delete)).plan()).0, "DeleteImage");
    let mut used = case(true, None);
    used.used_by = vec!["Desktop alice".into()];
    let plan = used.plan();
    assert_eq!(says(&plan), ("-", "InUse"));
    let mut shared = case(false, None);
    shared.shared_with = vec!["DesktopImage a/b".into()];
    assert_eq!(says(&shared.plan()), ("-", "InUse"));
    shared = case(true, Some(DeletionPolicy::Delete));
    shared.shared_with = vec!["DesktopImage a/b".into()];
    assert_eq!(says(&shared.plan()).0, "Release", "it is the other's, too");
    let mut kept = case(false, None);
    kept.vendor = "huaweiWorkspace";
    let plan = kept.plan();
    assert_eq!(says(&plan).0, "Release");
    assert!(
        plan.notices.iter().any(|n| n.warning && n.reason == "Retained"),
        "{plan:?}"
    );
    let mut theirs = case(true, Some(DeletionPolicy::Delete));
    theirs.images.as_mut().unwrap()[0].custom = false;
    assert_eq!(says(&theirs.plan()).0, "Release");
    let mut young = case(false, None);
    young.images.as_mut().unwrap()[0].state = ImageState::Creating;
    assert_eq!(says(&young.plan()), ("-", "Imaging"));
    let mut gone = case(false, None);
    gone.images = Some(Vec::new());
    assert_eq!(says(&gone.plan()), ("-", "Deleting"), "one listing is not enough");
    gone.before = Some(Vec::new());
    assert_eq!(says(&gone.plan()).0, "Release");
}

#[test]
fn what_vanished_is_lost_after_two_listings_and_never_made_again() {
    let mut case = Case::new(capturing(CapturePower::Stop), bound(false), Vec::new());
    case.before = Some(vec![ID.into()]);
    assert_eq!(
        case.plan().status.state,
        Some(ImageState::Available),
        "one listing is not enough"
    );
    case.before = Some(Vec::new());
    let plan = case.plan();
    assert_eq!((says(&plan), stalls(&plan)), (("-", "Lost"), true));
    case.status = plan.status;
    assert_eq!(says(&case.plan_at(now() + 24.hours())), ("-", "Lost"));
}

prop_compose! {
    fn images()(
        state in 0usize..7, here in any::<bool>(), marked_one in any::<bool>(), custom in any::<bool>(), other in any::<bool>(),
    ) -> Vec<ObservedImage> {
        use ImageState as S;
        let state = [S::Creating, S::Available, S::Unavailable, S::Failed, S::Missing, S::Deleting, S::Unknown][state];
        let mut all = Vec::new();
        if here {
            all.push(ObservedImage { custom, ..image(ID, if marked_one { "golden" } else { "-" }, state) });
        }
        if marked_one {
            all.push(image("m-2", &marked(), state));
        }
        if other {
            all.push(image("m-3", &naming::marked_name("golden", OTHER), S::Available));
        }
        all
    }
}

prop_compose! {
    fn intents()(
        attempt in 1i32..4, started in -2000i64..10, open in any::<bool>(), empty in 0i32..4, task in any::<bool>(),
    ) -> CreateIntent {
        let begun = now() + started.seconds();
        CreateIntent {
            phase: if open { CreatePhase::Open } else { CreatePhase::Failed },
            empty_listings: empty,
            task_id: task.then(|| "job-1".to_owned()),
            ..create::intent(attempt, Some(marked()), Vec::new(), "before".into(), &limits(), begun)
        }
    }
}

prop_compose! {
    fn cases()(
        kind in 0u8..4, listed in option::of(images()), before in any::<bool>(), intent in option::of(intents()),
        recorded in option::of((any::<bool>(), any::<bool>())), state in 0usize..4, held in any::<bool>(),
        flags in any::<[bool; 4]>(), word in 0usize..4, policy in option::of(any::<bool>()), named in any::<bool>(),
    ) -> Case {
        let spec = match kind {
            0 => capturing(CapturePower::Stop),
            1 => capturing(CapturePower::AsIs),
            2 => existing(),
            _ => super::tests::named("g"),
        };
        let status = match recorded {
            Some((adopted, foreign)) => {
                let mut status = bound(adopted);
                if foreign {
                    status.binding.as_mut().unwrap().uid = OTHER.into();
                }
                status
            }
            None => DesktopImageStatus { create: intent, ..DesktopImageStatus::default() },
        };
        let mut case = Case::new(spec, status, Vec::new());
        case.before = before.then(Vec::new);
        case.images = listed;
        let states = [DesktopState::Running, DesktopState::Stopped, DesktopState::Imaging, DesktopState::Unknown];
        if case.spec.capture.is_some() {
            case.source = source(states[state], held);
        }
        [case.deleting, case.paused, case.in_flight, _] = flags;
        if flags[3] {
            case.used_by = vec!["Desktop alice".into()];
        }
        case.vendor = ["gws", "huaweiWorkspace", "capitalOnline", "cloudDesktop"][word];
        case.spec.deletion_policy = policy.map(|delete| if delete { DeletionPolicy::Delete } else { DeletionPolicy::Retain });
        case.spec.display_name = named.then(|| "golden".to_owned());
        case
    }
}

proptest! {
    #[test]
    fn nothing_foreign_paused_or_used_is_touched(case in cases()) {
        let plan = case.plan();
        let (sent, _) = says(&plan);
        if case.paused {
            prop_assert_eq!(sent, "-");
        }
        let ours = case.status.binding.as_ref().is_none_or(|b| b.uid == UID);
        if !ours {
            prop_assert!(matches!(sent, "-" | "Release"), "{}", sent);
        }
        if sent == "DeleteImage" {
            prop_assert!(case.deleting && case.used_by.is_empty() && ours);
            let adopted = case.status.binding.as_ref().unwrap().adopted;
            let policy = case.spec.deletion_policy;
            prop_assert_eq!(DeletionPolicy::effective(policy, adopted), DeletionPolicy::Delete);
            prop_assert!(vendor(case.vendor).delete_image);
        }
        if sent == "Release" {
            prop_assert!(case.deleting && case.used_by.is_empty());
        }
    }

    #[test]
    fn a_creation_is_recorded_before_it_is_sent_and_never_beside_another(case in cases()) {
        let plan = case.plan();
        if let Action::Create(operation) = &plan.action {
            prop_assert_eq!(operation.name(), "CreateImage");
            prop_assert!(!case.deleting && !case.in_flight && case.status.id.is_none());
            let written = plan.status.create.as_ref().unwrap();
            prop_assert_eq!(written.phase, CreatePhase::Open);
            prop_assert_eq!(written.writer.as_str(), "w");
            if let Some(before) = &case.status.create {
                prop_assert_eq!(written.attempt, before.attempt + 1);
                // One that is open, or was found, is never followed by another.
                let settled = now() >= before.not_after_time.0 + 10.minutes();
                prop_assert!(before.phase == CreatePhase::Failed || settled);
            }
            let ours = |i: &ObservedImage| i.name.as_deref() == Some(marked().as_str());
            prop_assert!(!case.images.iter().flatten().any(ours));
            let SourceView::Desktop(source) = &case.source else { panic!("no source") };
            prop_assert!(source.held);
            prop_assert_eq!(plan.status.held_desktop_id.as_ref(), Some(&source.id));
        }
    }

    #[test]
    fn what_is_at_rest_is_written_once(case in cases()) {
        let first = case.plan();
        let at_rest = condition::is_true(&first.status.conditions, condition::READY)
            || condition::is_true(&first.status.conditions, condition::STALLED);
        if matches!(first.action, Action::None) && at_rest {
            let again = Case { status: first.status.clone(), ..case };
            let second = again.plan_at(now() + 5.minutes());
            if matches!(second.action, Action::None) && says(&second) == says(&first) {
                prop_assert_eq!(&second.status, &first.status);
                prop_assert!(second.notices.is_empty(), "{:?}", second.notices);
            }
        }
    }
}
