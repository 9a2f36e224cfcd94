//! Histories in which something happens between what was decided and what is seen.

use super::*;
use crate::api::common::OperationStatus;

#[allow(clippy::unnecessary_wraps, reason = "one of the answers there are")]
fn begun(id: &str) -> Result<Receipt, BackendError> {
    Ok(Receipt {
        task: Some(Task::new(TaskKind::Job, "p1", id.to_owned())),
        ..Receipt::default()
    })
}

fn in_doubt(case: &Case) -> bool {
    is_in_doubt(&case.status, &case.limits, case.now)
}

/// The job of what was sent last ended.
fn ended(case: &mut Case, outcome: Result<(), &BackendError>) {
    assert!(matches!(case.plan().action, Action::Poll(_)));
    case.status = case.with(|inputs| polled(inputs, inputs.status.clone(), outcome).0);
}

#[test]
fn a_job_that_outlives_its_time_is_followed_by_its_parts() {
    let mut case = Case::new(serde_json::json!({"replicas": 5}));
    assert!(case.step(&begun("j1")).is_some() && !in_doubt(&case));
    case.now += 2.hours();
    assert!(in_doubt(&case), "the vendor's jobs have to be asked");
    case.busy = Some(true);
    for _ in 0..20 {
        case.now += 1.minutes();
        assert!(case.step(&done()).is_none(), "it goes on");
    }
    case.desktops.push(desktop("d4", "old", DesktopState::Running));
    case.busy = Some(false);
    let mut waited = 0;
    let change = loop {
        if let Some(change) = case.step(&done()) {
            break change;
        }
        case.now += 61.seconds();
        waited += 1;
        assert!(waited < 10, "{:?}", case.status.work);
    };
    assert!(matches!(change, PoolChange::Expand { more: 1, .. }), "{change:?}");
}

#[test]
fn what_was_recorded_and_never_sent_does_not_inherit_an_old_job() {
    let mut case = Case::new(serde_json::json!({"replicas": 4}));
    case.status.operation = Some(OperationStatus {
        action: "RebuildPool".to_owned(),
        task_id: Some("old".to_owned()),
        start_time: Time(start()),
        attempts: 1,
    });
    // The operator dies between the record and the call.
    case.status = case.plan().status;
    assert!(case.status.work.is_some() && in_doubt(&case));
}

#[test]
fn a_job_that_must_not_be_read_has_not_ended() {
    let mut case = Case::new(serde_json::json!({"replicas": 4}));
    case.step(&begun("j1"));
    case.status = case.with(|inputs| unpollable(inputs, inputs.status.clone()));
    assert!(in_doubt(&case));
    case.busy = Some(true);
    for _ in 0..60 {
        case.now += 1.minutes();
        assert!(case.step(&done()).is_none(), "a second growth");
    }
}

#[test]
fn desktops_that_lag_behind_their_job_are_not_bought_again() {
    let mut case = Case::new(serde_json::json!({"replicas": 4}));
    case.step(&begun("j1"));
    ended(&mut case, Ok(()));
    for _ in 0..9 {
        case.now += 1.minutes();
        assert!(case.step(&done()).is_none(), "it may still be listed");
    }
    case.now += 2.minutes();
    assert!(matches!(case.step(&done()), Some(PoolChange::Expand { more: 1, .. })));
}

#[test]
fn a_removal_that_never_arrived_takes_no_desktop_that_has_found_an_owner() {
    // What happens to the chosen desktop while nobody knows whether the call arrived.
    type Happens = fn(&mut Case);
    let given: Happens = |case| case.desktops[2].user_name = Some("alice".to_owned());
    let entered: Happens = |case| case.desktops[2].login = Some(Login::Connected);
    let protected: Happens = |case| case.protect = vec!["d3".to_owned()];
    let wanted_again: Happens = |case| case.spec.replicas = Some(3);
    for (number, happens) in [given, entered, protected, wanted_again].into_iter().enumerate() {
        let mut case = Case::new(serde_json::json!({"replicas": 2}));
        let Some(PoolChange::DeleteDesktops { desktop_ids, .. }) = case.step(&lost()) else {
            panic!("{:?}", case.status)
        };
        assert_eq!(desktop_ids, ["d3"]);
        happens(&mut case);
        let mut next = None;
        for _ in 0..20 {
            case.now += 1.minutes();
            next = next.or(case.step(&done()));
        }
        match next {
            Some(PoolChange::DeleteDesktops { desktop_ids, .. }) if number < 3 => assert_eq!(desktop_ids, ["d2"]),
            None if number == 3 => assert!(condition::is_true(&case.status.conditions, condition::READY)),
            other => panic!("{number}: {other:?}"),
        }
    }
    // Nothing has happened: it is sent again, upon what was just read.
    let mut case = Case::new(serde_json::json!({"replicas": 2}));
    case.step(&lost());
    case.now += 5.minutes();
    case.fresh = false;
    assert!(matches!(case.plan().action, Action::Reread));
    case.fresh = true;
    assert!(matches!(case.step(&done()), Some(PoolChange::DeleteDesktops { .. })));
    // One that the vendor never finishes deleting does not keep the pool for ever.
    case.desktops[2].state = DesktopState::Deleting;
    case.now += 1.hours();
    case.step(&done());
    assert!(case.status.work.is_none());
}

#[test]
fn nothing_is_bought_while_the_cluster_cannot_be_used() {
    let mut case = Case::new(serde_json::json!({"replicas": 4}));
    case.cluster = ClusterView::Unusable {
        reason: "NamespaceNotAllowed",
        message: "The namespace may not use the account.".to_owned(),
    };
    assert!(case.step(&done()).is_none() && case.status.work.is_none());
    assert_eq!(case.reason(condition::READY).as_deref(), Some("NamespaceNotAllowed"));
    // Removing costs nothing.
    case.spec.replicas = Some(2);
    assert!(matches!(case.step(&done()), Some(PoolChange::DeleteDesktops { .. })));
}

#[test]
fn one_batch_after_the_other_is_progress_and_one_that_stays_down_is_not() {
    let update = serde_json::json!({"maxUnavailable": 2, "progressDeadlineSeconds": 900});
    let mut case = Case::new(serde_json::json!({"update": update}));
    case.image = Ok("new".to_owned());
    case.pool.image_id = Some("new".to_owned());
    case.busy = Some(false);
    case.step(&done());
    case.desktops[0] = desktop("d1", "new", DesktopState::Running);
    case.desktops[1] = desktop("d2", "new", DesktopState::Unregistered);
    assert!(
        matches!(case.step(&done()), Some(PoolChange::RebuildDesktops { desktop_ids, .. }) if desktop_ids == ["d3"])
    );
    case.now += 800.seconds();
    case.desktops[1] = desktop("d2", "new", DesktopState::Running);
    case.desktops[2] = desktop("d3", "new", DesktopState::Unregistered);
    case.step(&done());
    case.now += 800.seconds();
    case.step(&done());
    let halted = |case: &Case| condition::is_true(&case.status.conditions, condition::ROLLOUT_HALTED);
    assert!(!halted(&case), "each came up in time: {:?}", case.status.rollout);
    case.now += 200.seconds();
    case.step(&done());
    assert!(halted(&case));
    assert_eq!(case.status.rollout.as_ref().unwrap().unready, ["d3"]);
}

#[test]
fn rebuilds_that_fail_and_change_nothing_halt_after_some() {
    let mut case = Case::new(serde_json::json!({"update": {"maxUnavailable": 1}}));
    case.image = Ok("new".to_owned());
    case.pool.image_id = Some("new".to_owned());
    let fail = |case: &mut Case, times: usize| {
        for _ in 0..times {
            case.now += 1.hours();
            // What failed before is closed, and tried again.
            let change = case.step(&begun("j"));
            assert!(
                matches!(change, Some(PoolChange::RebuildDesktops { .. })),
                "{change:?} {:?}",
                case.status
            );
            ended(case, Err(&BackendError::new(ErrorClass::Conflict, "Any", "busy")));
        }
        case.now += 1.hours();
    };
    fail(&mut case, 3);
    assert!(case.step(&begun("j")).is_none());
    assert_eq!(
        case.reason(condition::ROLLOUT_HALTED).as_deref(),
        Some("RebuildsFailed")
    );
    assert_eq!(case.reason(condition::STALLED).as_deref(), Some("RolloutHalted"));
    // It is said once, and nothing is written again.
    let made = case.plan();
    assert!(
        made.notices.is_empty() && made.status == case.status,
        "{:?}",
        made.notices
    );
    // A pause begins anew, and so does another image.
    case.spec.update.paused = true;
    assert!(case.step(&done()).is_none());
    case.spec.update.paused = false;
    fail(&mut case, 3);
    assert!(case.step(&begun("j")).is_none());
    case.image = Ok("newer".to_owned());
    case.pool.image_id = Some("newer".to_owned());
    assert!(matches!(
        case.step(&begun("j")),
        Some(PoolChange::RebuildDesktops { .. })
    ));
    assert!(!condition::is_true(&case.status.conditions, condition::ROLLOUT_HALTED));
    // One that changed something does not count.
    case.status.rollout.as_mut().unwrap().failed_rebuilds = 2;
    ended(&mut case, Ok(()));
    case.desktops[0].image_id = Some("newer".to_owned());
    case.step(&done());
    assert_eq!(case.status.rollout.as_ref().unwrap().failed_rebuilds, 0);
}

#[test]
fn a_call_for_the_whole_pool_is_made_only_where_nothing_is_somebodys() {
    let mut case = Case::new(serde_json::json!({"update": {"maxUnavailable": 3}}));
    case.image = Ok("new".to_owned());
    assert!(matches!(
        sent(&case.plan()),
        Some(PoolChange::Rebuild {
            scope: PoolScope::Idle,
            ..
        })
    ));
    // Nobody is logged on to it: the vendor might call that idle.
    case.desktops[0].user_name = Some("alice".to_owned());
    case.spec.update.when_assigned = crate::api::pool::WhenAssigned::Never;
    case.pool.image_id = Some("new".to_owned());
    let made = case.plan();
    let Some(PoolChange::RebuildDesktops { desktop_ids, .. }) = sent(&made) else {
        panic!("{:?}", made.action)
    };
    assert_eq!(desktop_ids, &["d2", "d3"]);
}

#[test]
fn a_user_in_other_letters_is_the_same_user() {
    let mut case = Case::new(serde_json::json!({"users": [{"name": "alice"}]}));
    case.members = Some(vec![PoolMember {
        id: "u1".to_owned(),
        name: "Alice".to_owned(),
        group: false,
        privilege: "users".to_owned(),
    }]);
    let made = case.plan();
    assert!(matches!(made.action, Action::None), "{:?}", made.action);
    assert!(condition::is_true(&made.status.conditions, condition::READY));
}

#[test]
fn what_fails_again_and_again_is_not_bought_again_and_again() {
    let mut case = Case::new(serde_json::json!({"replicas": 3}));
    case.busy = Some(false);
    case.desktops[2].state = DesktopState::Failed;
    let (begin, mut removals, mut number, mut told) = (case.now, 0, 3, 0);
    while case.now < begin + 3.hours() {
        match case.step(&done()) {
            Some(PoolChange::DeleteDesktops { desktop_ids, .. }) => {
                removals += desktop_ids.len();
                case.desktops.retain(|d| !desktop_ids.contains(&d.id));
            }
            Some(PoolChange::Expand { more, .. }) => {
                for _ in 0..more {
                    number += 1;
                    case.desktops
                        .push(desktop(&format!("d{number}"), "old", DesktopState::Failed));
                }
            }
            _ => {}
        }
        let ready = condition::find(&case.status.conditions, condition::READY);
        told += usize::from(ready.is_some_and(|c| c.reason == "DesktopsFailed"));
        case.now += 1.minutes();
    }
    let most = 3 * 3600 / usize::try_from(case.limits.backoff_max.as_secs()).unwrap() + 1;
    assert!((2..=most).contains(&removals), "{removals} of {most}");
    assert!(told > 100, "it says so most of the time: {told}");
}
