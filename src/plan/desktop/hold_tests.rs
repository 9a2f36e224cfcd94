//! A desktop that is made from a DesktopImage, and one that a DesktopImage is made from.

use super::tests::{Case, THRIFTY, UID, bound, condition_reason, observed, operation, spec};
use super::*;
use crate::api::common::ObjectRef;
use crate::api::desktop::{Held, ImageSource, Power};
use crate::api::image::CapturePower;

fn held_for(power: CapturePower) -> Hold {
    Hold {
        image: "golden".into(),
        power,
    }
}

fn nobody() -> SessionStatus {
    SessionStatus {
        connected: false,
        client_name: None,
        last_logon_time: None,
        last_logoff_time: None,
    }
}

/// A vendor that tells nobody's sessions.
static SILENT: Capabilities = Capabilities {
    sessions: false,
    ..THRIFTY
};

/// A running desktop that is held, with nobody connected.
fn case(state: DesktopState) -> Case {
    let mut case = Case::new(spec(), bound(UID));
    case.observed = Some(observed(state));
    case.hold = Some(held_for(CapturePower::Stop));
    case.session = Some(nobody());
    case
}

fn sent(plan: &Plan) -> Option<&'static str> {
    operation(plan).map(Operation::name)
}

#[test]
fn a_held_desktop_is_stopped_and_kept_so_whatever_its_manifest_says() {
    for power in [Power::Running, Power::Stopped, Power::Unmanaged] {
        for (state, call) in [
            (DesktopState::Running, Some("StopDesktop")),
            (DesktopState::Unregistered, Some("StopDesktop")),
            (DesktopState::Stopping, None),
            (DesktopState::Stopped, None),
            (DesktopState::Imaging, None),
        ] {
            let mut case = case(state);
            case.spec.power = power;
            // A name that is not as declared waits, too.
            case.observed.as_mut().unwrap().name = Some("drifted".into());
            let plan = case.plan();
            assert_eq!(sent(&plan), call, "{power:?} {state:?}");
            assert!(
                !condition::is_true(&plan.status.conditions, condition::READY),
                "{state:?}"
            );
        }
    }
}

#[test]
fn who_is_connected_is_not_disturbed() {
    let mut case = case(DesktopState::Running);
    case.session.as_mut().unwrap().connected = true;
    let plan = case.plan();
    assert_eq!((sent(&plan) == Some("StopDesktop"), plan.status.held), (false, None));
    // What is not known yet counts as somebody, where the vendor tells at all.
    case.session = None;
    assert_ne!(sent(&case.plan()), Some("StopDesktop"));
    case.capabilities = &SILENT;
    case.spec.system_disk = None;
    assert_eq!(sent(&case.plan()), Some("StopDesktop"));
    // The word for its state may tell, too.
    case.observed.as_mut().unwrap().in_use = true;
    let plan = case.plan();
    assert_eq!(
        (
            sent(&plan) == Some("StopDesktop"),
            plan.status.session.unwrap().connected
        ),
        (false, true)
    );
    // Left as it is, nobody is disturbed either way.
    case.hold = Some(held_for(CapturePower::AsIs));
    let plan = case.plan();
    assert_eq!((sent(&plan), plan.status.held.unwrap().running), (None, true));
}

#[test]
fn what_was_stopped_for_an_image_is_put_back_as_it_was() {
    let first = case(DesktopState::Running).plan();
    let held = first.status.held.clone().unwrap();
    assert_eq!((held.image.as_str(), held.running), ("golden", true));
    for (power, ran, call) in [
        (Power::Running, true, Some("StartDesktop")),
        (Power::Running, false, Some("StartDesktop")),
        (Power::Stopped, true, None),
        (Power::Unmanaged, true, Some("StartDesktop")),
        (Power::Unmanaged, false, None),
    ] {
        let mut case = case(DesktopState::Stopped);
        case.hold = None;
        case.spec.power = power;
        case.observed.as_mut().unwrap().name = Some(vendor_name("alice", UID, &case.spec, Naming::Marked));
        case.status.held = Some(Held {
            image: "golden".into(),
            running: ran,
        });
        let plan = case.plan();
        assert_eq!(sent(&plan), call, "{power:?} {ran}");
        assert!(
            plan.notices.iter().all(|n| n.reason != "DriftDetected"),
            "{:?}",
            plan.notices
        );
        // It runs: nothing is left to remember.
        case.status = plan.status;
        case.observed.as_mut().unwrap().state = DesktopState::Running;
        assert_eq!(case.plan().status.held, None);
    }
}

#[test]
fn another_image_takes_over_without_forgetting_how_it_was() {
    let mut case = case(DesktopState::Stopped);
    case.status.held = Some(Held {
        image: "first".into(),
        running: true,
    });
    let held = case.plan().status.held.unwrap();
    assert_eq!((held.image.as_str(), held.running), ("golden", true));
}

#[test]
fn a_held_desktop_is_not_deleted_but_stopped_all_the_same() {
    let mut case = case(DesktopState::Running);
    case.deleting = true;
    let plan = case.plan();
    assert_eq!(sent(&plan), Some("StopDesktop"));
    assert_eq!(
        condition_reason(&plan, condition::DELETION_BLOCKED),
        Some("HeldForImage")
    );
    case.observed.as_mut().unwrap().state = DesktopState::Stopped;
    assert_eq!(sent(&case.plan()), None);
    case.hold = None;
    assert_eq!(sent(&case.plan()), Some("DeleteDesktop"));
}

#[test]
fn who_is_quicker_than_the_stop_is_not_disturbed_either() {
    let mut case = case(DesktopState::Running);
    case.status.held = Some(Held {
        image: "golden".into(),
        running: false,
    });
    case.session.as_mut().unwrap().connected = true;
    let plan = case.plan();
    assert_ne!(sent(&plan), Some("StopDesktop"));
    // It ran after all, and that is what it is put back to.
    assert!(plan.status.held.unwrap().running);
}

#[test]
fn a_new_desktop_in_the_place_of_a_lost_one_is_not_held() {
    let mut case = case(DesktopState::Stopped);
    case.status = case.plan().status;
    assert!(case.status.held.is_some());
    case.hold = None;
    (case.observed, case.absent) = (None, Some(true));
    case.spec.on_loss = OnLoss::Recreate;
    let plan = case.plan();
    assert_eq!((plan.status.id, plan.status.held), (None, None));
}

#[test]
fn what_stays_at_the_vendor_is_put_back_before_it_is_let_go() {
    let mut case = case(DesktopState::Stopped);
    case.deleting = true;
    case.spec.deletion_policy = Some(crate::api::common::DeletionPolicy::Retain);
    assert!(matches!(case.plan().action, Action::Release), "it was never held");
    let held = |running| {
        Some(Held {
            image: "golden".into(),
            running,
        })
    };
    case.status.held = held(true);
    let waits = case.plan();
    assert_eq!(sent(&waits), None);
    assert_eq!(
        condition_reason(&waits, condition::DELETION_BLOCKED),
        Some("HeldForImage")
    );
    case.hold = None;
    for (power, running, start) in [
        (Power::Running, true, true),
        (Power::Unmanaged, true, true),
        (Power::Unmanaged, false, false),
        (Power::Stopped, true, false),
    ] {
        (case.spec.power, case.status.held) = (power, held(running));
        let plan = case.plan();
        let expected = if start { Some("StartDesktop") } else { None };
        assert_eq!(sent(&plan), expected, "{power:?} {running}");
        assert_eq!(matches!(plan.action, Action::Release), !start, "{power:?} {running}");
    }
    (case.spec.power, case.status.held) = (Power::Running, held(true));
    case.observed = Some(observed(DesktopState::Starting));
    assert!(matches!(case.plan().action, Action::Release));
    // Nobody knows how it is: said, and not waited for.
    case.observed = None;
    let plan = case.plan();
    assert!(matches!(plan.action, Action::Release));
    assert!(plan.notices.iter().any(|n| n.reason == "LeftStopped"), "{plan:?}");
}

fn of_image(view: ImageView) -> Case {
    let mut case = Case::new(spec(), DesktopStatus::default());
    case.spec.image = Some(ImageSource {
        id: None,
        reference: Some(ObjectRef { name: "golden".into() }),
    });
    case.image = Some(view);
    case
}

fn usable(least_gib: i64, provider: &str) -> ImageView {
    ImageView::Usable {
        id: "m-7".into(),
        least_gib: Some(least_gib),
        provider: Some(provider.into()),
    }
}

#[test]
fn a_desktop_waits_for_its_image_and_is_made_from_what_it_is() {
    let waiting = of_image(ImageView::not_found("golden")).plan();
    assert!(matches!(waiting.action, Action::None));
    assert_eq!(
        condition_reason(&waiting, condition::RECONCILING),
        Some("ImageNotFound")
    );
    let small = of_image(usable(500, "p")).plan();
    assert!(matches!(small.action, Action::None));
    assert_eq!(condition_reason(&small, condition::STALLED), Some("DiskTooSmall"));
    let elsewhere = of_image(usable(20, "q")).plan();
    assert_eq!(condition_reason(&elsewhere, condition::STALLED), Some("WrongProvider"));
    let made = of_image(usable(20, "p")).plan();
    let Action::Create(request) = &made.action else {
        panic!("{made:?}")
    };
    assert_eq!(request.image_id, "m-7");
    assert_eq!(made.status.image_id.as_deref(), Some("m-7"));
}

#[test]
fn an_existing_desktop_is_left_alone_while_its_image_cannot_be_used() {
    let mut case = of_image(ImageView::not_found("golden"));
    case.status = bound(UID);
    case.status.image_id = Some("m-1".into());
    case.observed = Some(observed(DesktopState::Running));
    case.observed.as_mut().unwrap().name = Some(vendor_name("alice", UID, &case.spec, Naming::Marked));
    let plan = case.plan();
    assert_eq!(
        (sent(&plan), condition_reason(&plan, condition::READY)),
        (None, Some("Running"))
    );
    // When it is another one it is a change like any other.
    case.image = Some(usable(20, "p"));
    let plan = case.plan();
    let said = condition::find(&plan.status.conditions, condition::STALLED).unwrap();
    assert!(
        said.message.contains("DesktopImage golden") && said.message.contains("m-7"),
        "{said:?}"
    );
}
