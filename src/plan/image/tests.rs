//! What is done about an image in each situation.

use jiff::ToSpan;

use super::bench::*;
use super::*;
use crate::api::common::{CreateIntent, DeletionPolicy};
use crate::api::image::CapturePower;
use crate::backend::{ErrorClass, TaskKind};
use crate::plan::create;

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

/// The namespace was allowed to use the account, and is not any more.
fn withheld() -> ProviderView {
    ProviderView::Unusable {
        reason: "NamespaceNotAllowed",
        message: "no".into(),
        stalled: false,
    }
}

#[test]
fn what_was_sent_is_followed_though_the_account_may_be_used_no_more() {
    let asked = Case::new(capturing(CapturePower::Stop), DesktopImageStatus::default(), Vec::new());
    let sent = asked.plan().status;
    // Not sent: the desktop is let go at once.
    let mut case = asked.clone();
    case.provider = withheld();
    let plan = case.plan();
    assert_eq!(
        (says(&plan), plan.status.held_desktop_id.clone()),
        (("-", "NamespaceNotAllowed"), None)
    );
    // Sent: as long as it may still be made, and not longer.
    case.status = sent.clone();
    let plan = case.plan();
    assert_eq!(says(&plan), ("-", "NamespaceNotAllowed"));
    assert!(plan.status.held_desktop_id.is_some());
    case.images = Some(vec![image(ID, &marked(), ImageState::Available)]);
    case.status = case.plan().status;
    assert_eq!(case.status.id.as_deref(), Some(ID));
    let plan = case.plan();
    assert_eq!(
        (says(&plan), plan.status.held_desktop_id.clone()),
        (("-", "NamespaceNotAllowed"), None)
    );
    // Nothing came of it: no other is made, and nobody waits for it.
    case.images = Some(Vec::new());
    case.status = sent;
    case.status.create.as_mut().unwrap().empty_listings = 3;
    let plan = case.plan_at(now() + 1.hours());
    assert_eq!((says(&plan).0, plan.status.held_desktop_id.clone()), ("-", None));
}

#[test]
fn a_deletion_that_waits_holds_no_desktop() {
    // Its desktop may be the very one that is waited for.
    let mut case = Case::new(capturing(CapturePower::Stop), DesktopImageStatus::default(), Vec::new());
    case.deleting = true;
    case.used_by = vec!["Desktop builder".into()];
    let plan = case.plan();
    assert_eq!(
        (says(&plan), plan.status.held_desktop_id.clone()),
        (("-", "InUse"), None)
    );
    for (state, held) in [(ImageState::Creating, true), (ImageState::Available, false)] {
        case.status = bound(false);
        case.status.held_desktop_id = Some("i-1".into());
        case.images = Some(vec![image(ID, &marked(), state)]);
        let plan = case.plan();
        assert_eq!(
            (says(&plan), plan.status.held_desktop_id.is_some()),
            (("-", "InUse"), held),
            "{state:?}"
        );
    }
    case.status.held_desktop_id = Some("i-1".into());
    (case.images, case.before) = (Some(Vec::new()), Some(Vec::new()));
    assert_eq!(case.plan().status.held_desktop_id, None);
}

#[test]
fn what_a_failed_task_left_behind_is_deleted_too() {
    let mut case = Case::new(capturing(CapturePower::Stop), DesktopImageStatus::default(), Vec::new());
    case.status.create = Some(CreateIntent {
        phase: CreatePhase::Failed,
        ..create::intent(1, Some(marked()), Vec::new(), "w".into(), &limits(), now())
    });
    case.deleting = true;
    assert_eq!(says(&case.plan()).0, "Release");
    case.images = Some(vec![image(ID, &marked(), ImageState::Failed)]);
    case.status = case.plan().status;
    assert_eq!(case.status.id.as_deref(), Some(ID));
    assert_eq!(says(&case.plan()).0, "DeleteImage");
}

#[test]
fn an_answer_to_an_earlier_question_is_none() {
    // The desktop was let go, and may be being started: it says so before it is asked again.
    let mut case = Case::new(capturing(CapturePower::Stop), DesktopImageStatus::default(), Vec::new());
    case.status.held_desktop_id = None;
    let plan = case.plan();
    assert_eq!(
        (says(&plan), plan.status.held_desktop_id.clone()),
        (("-", "WaitingForDesktop"), None)
    );
    case.source = source(DesktopState::Stopped, false);
    case.status = case.plan().status;
    assert!(case.status.held_desktop_id.is_some());
    case.source = source(DesktopState::Stopped, true);
    assert_eq!(says(&case.plan()).0, "CreateImage");
}
