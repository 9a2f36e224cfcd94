//! What wipes a disk, costs money or takes a desktop from under somebody is done once, and only when it was asked for.

use jiff::{Timestamp, ToSpan};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;

use super::tests::{Case, THRIFTY, UID, bound, condition_reason, now, observed, operation, spec};
use super::*;
use crate::api::desktop::{BillingMode, DesktopUser, ObservedUser, OnImageChange, Period, PeriodUnit};
use crate::backend::{ErrorClass, Operation, TaskKind};

/// A desktop of the vendor that wants it stopped, as its manifest has it.
fn case(state: DesktopState) -> Case {
    let mut spec = spec();
    spec.system_disk = None;
    let mut case = Case::new(spec, bound(UID));
    case.capabilities = &THRIFTY;
    case.status.image_id = Some("m-1".into());
    let mut seen = observed(state);
    seen.image_id = None;
    case.observed = Some(seen);
    case
}

/// What the status is after the plan's operation was answered.
fn after(case: &Case, plan: &Plan, answer: &Result<Receipt, BackendError>, now: Timestamp) -> DesktopStatus {
    let limits = super::tests::limits();
    let sent = operation(plan).unwrap();
    let inputs = Inputs {
        name: "alice",
        uid: UID,
        generation: 1,
        deleting: false,
        paused: false,
        restart: None,
        abandon: None,
        retry_create: None,
        settle: None,
        spec: &case.spec,
        status: &case.status,
        cluster: ClusterView::Unusable {
            reason: "-",
            message: String::new(),
        },
        image: None,
        hold: None,
        capabilities: Some(case.capabilities),
        observed: Observation::Unknown,
        listing_started: None,
        listing_error: None,
        candidates: &[],
        claimed_by: None,
        session: None,
        display: None,
        price_due: false,
        display_failure: None,
        in_flight: false,
        writer: "w",
        limits: &limits,
        now,
    };
    answered(&inputs, plan.status.clone(), sent, answer).0
}

fn lost() -> Result<Receipt, BackendError> {
    Err(BackendError::new(ErrorClass::Ambiguous, "-", "no answer"))
}

fn name_of(plan: &Plan) -> Option<&'static str> {
    operation(plan).map(Operation::name)
}

#[test]
fn an_image_is_changed_only_when_the_manifest_says_that_the_disk_may_be_lost() {
    let mut case = case(DesktopState::Stopped);
    case.spec.image.as_mut().unwrap().id = Some("m-2".into());
    case.spec.power = crate::api::desktop::Power::Stopped;
    let plan = case.plan();
    assert_eq!(name_of(&plan), None);
    assert_eq!(condition_reason(&plan, condition::STALLED), Some("ImageChanged"));
    case.spec.on_image_change = OnImageChange::Rebuild;
    let plan = case.plan();
    assert_eq!(name_of(&plan), Some("RebuildDesktop"));
    assert!(matches!(plan.action, Action::RecordThenSubmit(_)));
    case.observed = Some(ObservedDesktop {
        image_id: None,
        ..observed(DesktopState::Running)
    });
    assert_eq!(
        name_of(&case.plan()),
        Some("StopDesktop"),
        "it wants the desktop stopped"
    );
}

#[test]
fn a_rebuild_whose_answer_was_lost_is_never_sent_again_without_a_human() {
    let mut case = case(DesktopState::Stopped);
    case.spec.image.as_mut().unwrap().id = Some("m-2".into());
    case.spec.on_image_change = OnImageChange::Rebuild;
    let sent = case.plan();
    let status = after(&case, &sent, &lost(), now());
    for minutes in [0, 1, 5, 9, 11, 60, 6000] {
        let plan = case.plan_at(&status, now() + minutes.minutes());
        assert_eq!(name_of(&plan), None, "after {minutes} minutes");
    }
    let stalled = case.plan_at(&status, now() + 11.minutes());
    assert_eq!(
        condition_reason(&stalled, condition::STALLED),
        Some("RebuildOutcomeUnknown")
    );
    case.settle = Some("rebuild-2-repeat");
    assert_eq!(
        name_of(&case.plan_at(&status, now() + 11.minutes())),
        None,
        "another one"
    );
    case.settle = Some("rebuild-1-repeat");
    let again = case.plan_at(&status, now() + 11.minutes());
    assert_eq!(name_of(&again), Some("RebuildDesktop"));
    assert_eq!(again.status.rebuild.as_ref().unwrap().attempt, 2);
    case.settle = Some("rebuild-1-done");
    let done = case.plan_at(&status, now() + 11.minutes());
    assert_eq!(done.status.image_id.as_deref(), Some("m-2"));
    assert_eq!(name_of(&done), Some("StartDesktop"));
}

#[test]
fn a_rebuild_that_was_answered_is_done_with_its_task() {
    let mut case = case(DesktopState::Stopped);
    case.spec.image.as_mut().unwrap().id = Some("m-2".into());
    case.spec.on_image_change = OnImageChange::Rebuild;
    let sent = case.plan();
    let answer = Ok(Receipt {
        task: Some(Task::new(TaskKind::Job, "", "t/r".into())),
        ..Receipt::default()
    });
    let mut status = after(&case, &sent, &answer, now());
    let polls = case.plan_at(&status, now());
    assert!(matches!(&polls.action, Action::Poll(task) if task.task_id == "t/r"));
    status.operation.as_mut().unwrap().task_id = None;
    let done = case.plan_at(&status, now());
    assert_eq!(
        (done.status.image_id.as_deref(), done.status.rebuild.is_none()),
        (Some("m-2"), true)
    );
    assert_eq!(name_of(&done), Some("StartDesktop"));
}

fn user(name: &str) -> DesktopUser {
    DesktopUser {
        name: name.into(),
        uid: None,
        email: None,
        group: None,
    }
}

#[test]
fn a_desktop_changes_hands_while_it_is_stopped() {
    for (state, seen, ours, wanted, expected) in [
        (DesktopState::Running, None, None, Some("bob"), Some("AssignUser")),
        (DesktopState::Running, Some("bob"), None, Some("bob"), None),
        (
            DesktopState::Running,
            Some("bob"),
            Some("bob"),
            Some("eve"),
            Some("StopDesktop"),
        ),
        (
            DesktopState::Stopped,
            Some("bob"),
            Some("bob"),
            Some("eve"),
            Some("AssignUser"),
        ),
        // Somebody else gave it to eve, who may be working on it.
        (DesktopState::Running, Some("eve"), Some("bob"), Some("bob"), None),
        (
            DesktopState::Stopped,
            Some("eve"),
            Some("bob"),
            Some("bob"),
            Some("AssignUser"),
        ),
        (
            DesktopState::Running,
            Some("bob"),
            Some("bob"),
            None,
            Some("StopDesktop"),
        ),
        (
            DesktopState::Stopped,
            Some("bob"),
            Some("bob"),
            None,
            Some("UnassignUser"),
        ),
        // Nobody asked us to take away what we did not give.
        (DesktopState::Running, Some("bob"), None, None, None),
        (DesktopState::Running, Some("eve"), Some("bob"), None, None),
    ] {
        let mut case = case(state);
        case.spec.user = wanted.map(user);
        case.status.assigned_user = ours.map(|name: &str| ObservedUser {
            name: name.into(),
            uid: None,
            email: None,
        });
        case.observed.as_mut().unwrap().user_name = seen.map(str::to_owned);
        let plan = case.plan();
        assert_eq!(name_of(&plan), expected, "{state:?} {seen:?} {ours:?} {wanted:?}");
    }
}

fn subscription(case: &mut Case, paid_until: Timestamp) {
    case.spec.billing.mode = BillingMode::Subscription;
    case.spec.billing.period = Some(Period {
        count: 1,
        unit: PeriodUnit::Month,
    });
    case.spec.billing.paid_until = Some(Time(paid_until));
}

#[test]
fn a_term_is_bought_once_and_again_only_when_the_last_one_is_seen() {
    let mut case = case(DesktopState::Running);
    let (end, wanted) = (now() + 240.hours(), now() + 2000.hours());
    subscription(&mut case, wanted);
    let seen = case.observed.as_mut().unwrap();
    (seen.prepaid, seen.expires) = (Some(true), Some(end));
    let sent = case.plan();
    let Some(Operation::RenewDesktop { term, .. }) = operation(&sent) else {
        panic!("{:?}", sent.action)
    };
    assert!(term.token.len() <= 64, "{}", term.token);
    let first = term.token.clone();
    let status = after(&case, &sent, &lost(), now());
    for minutes in [1, 9, 11, 600] {
        assert_eq!(
            name_of(&case.plan_at(&status, now() + minutes.minutes())),
            None,
            "{minutes}"
        );
    }
    let stalled = case.plan_at(&status, now() + 11.minutes());
    assert_eq!(
        condition_reason(&stalled, condition::STALLED),
        Some("PurchaseOutcomeUnknown")
    );
    // A definite refusal is tried again, later, as another purchase.
    let no = Err(BackendError::new(ErrorClass::Billing, "RenewalOrder", "no money"));
    let refused = after(&case, &sent, &no, now());
    assert_eq!(name_of(&case.plan_at(&refused, now() + 10.seconds())), None);
    let again = case.plan_at(&refused, now() + 10.minutes());
    let Some(Operation::RenewDesktop { term, .. }) = operation(&again) else {
        panic!("{:?}", again.action)
    };
    assert_ne!(term.token, first);
    // Seen: the next term follows the new end.
    case.observed.as_mut().unwrap().expires = Some(end + 720.hours());
    let next = case.plan_at(&status, now() + 1.minute());
    assert_eq!(name_of(&next), Some("RenewDesktop"));
    case.observed.as_mut().unwrap().expires = Some(wanted);
    let done = case.plan_at(&status, now() + 1.minute());
    assert_eq!((name_of(&done), done.status.purchase), (None, None));
}

#[test]
fn an_old_word_of_a_human_buys_no_later_term_twice() {
    let mut case = case(DesktopState::Running);
    let (end, later) = (now() + 240.hours(), now() + 960.hours());
    subscription(&mut case, now() + 2000.hours());
    let seen = case.observed.as_mut().unwrap();
    (seen.prepaid, seen.expires) = (Some(true), Some(end));
    let status = after(&case, &case.plan(), &lost(), now());
    case.settle = Some("purchase-1-repeat");
    let again = case.plan_at(&status, now() + 11.minutes());
    assert_eq!(name_of(&again), Some("RenewDesktop"));
    let status = after(&case, &again, &Ok(Receipt::default()), now());
    // The next term is bought, and the annotation is still there.
    case.observed.as_mut().unwrap().expires = Some(later);
    let next = case.plan_at(&status, now() + 20.minutes());
    assert_eq!(name_of(&next), Some("RenewDesktop"));
    let status = after(&case, &next, &lost(), now());
    assert_eq!(name_of(&case.plan_at(&status, now() + 40.minutes())), None);
}

#[test]
fn a_desktop_paid_by_use_becomes_a_subscription() {
    let mut case = case(DesktopState::Running);
    subscription(&mut case, now());
    assert_eq!(name_of(&case.plan()), Some("ConvertBilling"));
    let soon = case.observed.as_mut().unwrap();
    (soon.prepaid, soon.expires) = (Some(true), Some(now() + 48.hours()));
    let plan = case.plan();
    assert_eq!(name_of(&plan), None);
    assert!(condition::is_true(&plan.status.conditions, condition::EXPIRING_SOON));
    assert!(condition::is_true(&plan.status.conditions, condition::READY));
}

proptest! {
    /// However the clock runs and whatever else happens, one lost answer leads to no second purchase or rebuild.
    #[test]
    fn what_is_in_doubt_stays_one(minutes in proptest::collection::vec(0i64..400, 1..20), rebuild in any::<bool>()) {
        let mut case = case(DesktopState::Stopped);
        if rebuild {
            case.spec.image.as_mut().unwrap().id = Some("m-2".into());
            case.spec.on_image_change = OnImageChange::Rebuild;
        } else {
            subscription(&mut case, now() + 2000.hours());
            let seen = case.observed.as_mut().unwrap();
            (seen.prepaid, seen.expires) = (Some(true), Some(now() + 240.hours()));
        }
        let sent = case.plan();
        let mut status = after(&case, &sent, &lost(), now());
        let mut at = now();
        for step in minutes {
            at += step.minutes();
            let plan = case.plan_at(&status, at);
            prop_assert!(!matches!(name_of(&plan), Some("RebuildDesktop" | "RenewDesktop" | "ConvertBilling")));
            status = plan.status;
        }
    }
}
