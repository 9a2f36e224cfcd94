//! What holds for every plan of a native pool: tables for each decision, and lives in which answers are lost and the
//! operator dies.

mod histories;

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::*;
use crate::api::desktop::DesktopState;
use crate::api::pool::RolloutPhase;
use crate::backend::pool::{Autoscale, PoolScope, PoolState};
use crate::backend::{Login, Place, connect};
use crate::plan::pool::brake::Brake;

const UID: &str = "3f2a0c1e-0000-4000-8000-000000000001";

fn limits() -> Limits {
    Limits {
        intent_lifetime: Duration::from_secs(30),
        settle: Duration::from_mins(10),
        empty_listing_gap: Duration::from_mins(1),
        retry_unknown_create: true,
        backoff_base: Duration::from_mins(1),
        backoff_max: Duration::from_mins(30),
        task_deadline: Duration::from_mins(30),
        resend: Duration::from_secs(30),
        fast: Duration::from_secs(3),
        slow: Duration::from_mins(1),
        expiry_warning: Duration::from_hours(7 * 24),
    }
}

fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn spec(over: &serde_json::Value) -> DesktopPoolSpec {
    let mut whole = serde_json::json!({
        "replicas": 3,
        "template": {"spec": {
            "clusterRef": {"name": "office"}, "flavor": "large", "image": {"id": "old"},
            "systemDisk": {"category": "SSD", "sizeGiB": 80},
        }},
    });
    whole.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
    serde_json::from_value(whole).unwrap()
}

fn desktop(id: &str, image: &str, state: DesktopState) -> ObservedDesktop {
    ObservedDesktop {
        id: id.to_owned(),
        state,
        image_id: Some(image.to_owned()),
        login: Some(Login::Nobody),
        created: Some(start()),
        ..ObservedDesktop::default()
    }
}

/// A pool that is there, and everything a decision about it depends on.
struct Case {
    spec: DesktopPoolSpec,
    status: DesktopPoolStatus,
    image: Result<String, Obstacle>,
    pool: ObservedPool,
    desktops: Vec<ObservedDesktop>,
    protect: Vec<String>,
    settle: Option<String>,
    brake: brake::Facts,
    limits: Limits,
    cluster: ClusterView,
    members: Option<Vec<PoolMember>>,
    busy: Option<bool>,
    deleting: bool,
    fresh: bool,
    now: Timestamp,
}

impl Case {
    /// Three running desktops made from `old`, as declared; `over` is laid over the spec.
    #[allow(clippy::needless_pass_by_value, reason = "made for it on the spot")]
    fn new(over: serde_json::Value) -> Self {
        let running = |n: i32| desktop(&format!("d{n}"), "old", DesktopState::Running);
        let mut status = DesktopPoolStatus::default();
        let binding = Binding {
            uid: UID.to_owned(),
            provider: "acme".to_owned(),
            cluster_id: Some("project".to_owned()),
            since_time: Time(start()),
            adopted: false,
        };
        status.parts().bind("p1".to_owned(), binding);
        Self {
            spec: spec(&over),
            status,
            image: Ok("old".to_owned()),
            pool: ObservedPool {
                id: "p1".to_owned(),
                name: Some(vendor_name("desk", UID)),
                dynamic: Some(false),
                flavor: Some("large".to_owned()),
                image_id: Some("old".to_owned()),
                state: PoolState::Steady,
                ..ObservedPool::default()
            },
            desktops: (1..=3).map(running).collect(),
            protect: Vec::new(),
            settle: None,
            brake: brake::Facts::default(),
            limits: limits(),
            cluster: ClusterView::Usable {
                provider: "acme".to_owned(),
                place: Place::default(),
            },
            members: None,
            busy: None,
            deleting: false,
            fresh: true,
            now: start() + 1.hours(),
        }
    }

    fn plan(&self) -> Plan {
        self.with(plan)
    }

    fn with<T>(&self, look: impl FnOnce(&Inputs<'_>) -> T) -> T {
        look(&Inputs {
            name: "desk",
            uid: UID,
            generation: 1,
            deleting: self.deleting,
            paused: false,
            abandon: None,
            retry_create: None,
            settle: self.settle.as_deref(),
            protect: &self.protect,
            remove_first: &[],
            spec: &self.spec,
            status: &self.status,
            cluster: self.cluster.clone(),
            subnets: &["subnet".to_owned()],
            image: &self.image,
            capabilities: connect::capabilities()
                .into_iter()
                .map(|(_, capabilities)| capabilities)
                .find(|c| c.native_pools),
            observed: Observation::Present(&self.pool),
            desktops: &self.desktops,
            listing_started: Some(self.now),
            fresh: self.fresh,
            error: None,
            candidates: &[],
            members: self.members.as_deref(),
            users: None,
            busy: self.busy,
            claimed_by: None,
            brake: &self.brake,
            in_flight: false,
            writer: "me",
            limits: &self.limits,
            now: self.now,
        })
    }

    /// Plans, keeps the status, and answers what was sent.
    fn step(&mut self, answer: &Result<Receipt, BackendError>) -> Option<PoolChange> {
        let made = self.plan();
        self.status = made.status;
        let (Action::Change(change) | Action::RecordThenChange(change)) = made.action else {
            return None;
        };
        self.status = self.with(|inputs| answered(inputs, inputs.status.clone(), &change, answer).0);
        Some(change)
    }

    fn reason(&self, kind: &str) -> Option<String> {
        condition::find(&self.plan().status.conditions, kind).map(|c| c.reason.clone())
    }
}

#[allow(clippy::unnecessary_wraps, reason = "one of the answers there are")]
fn done() -> Result<Receipt, BackendError> {
    Ok(Receipt::default())
}

fn lost() -> Result<Receipt, BackendError> {
    Err(BackendError::new(ErrorClass::Ambiguous, "Any", "the answer was lost"))
}

fn refused() -> Result<Receipt, BackendError> {
    Err(BackendError::new(ErrorClass::Conflict, "Any", "busy"))
}

fn sent(plan: &Plan) -> Option<&PoolChange> {
    match &plan.action {
        Action::Change(change) | Action::RecordThenChange(change) => Some(change),
        _ => None,
    }
}

#[test]
fn what_is_as_declared_is_left_alone() {
    let mut case = Case::new(serde_json::json!({}));
    let made = case.plan();
    assert!(matches!(made.action, Action::None), "{:?}", made.action);
    assert!(condition::is_true(&made.status.conditions, condition::READY));
    assert_eq!(made.pace, Pace::Slow);
    // Nothing is written again.
    case.status = made.status.clone();
    assert_eq!(case.plan().status, made.status);
}

#[test]
fn a_missing_desktop_is_added_once_and_only_on_what_was_just_read() {
    let mut case = Case::new(serde_json::json!({"replicas": 5}));
    case.fresh = false;
    assert!(matches!(case.plan().action, Action::Reread));
    case.fresh = true;
    let made = case.plan();
    assert!(matches!(
        made.action,
        Action::RecordThenChange(PoolChange::Expand { more: 2, .. })
    ));
    let work = made.status.work.unwrap();
    assert_eq!((work.kind, work.before, work.count), (PoolWorkKind::Expand, 3, 2));
}

#[test]
fn a_lost_growth_is_watched_for_and_repeated_only_when_it_is_certain() {
    let mut case = Case::new(serde_json::json!({"replicas": 4}));
    assert!(case.step(&lost()).is_some());
    // Long after, with the vendor still at work, nothing is sent.
    case.busy = Some(true);
    for _ in 0..200 {
        case.now += 1.minutes();
        assert!(case.step(&done()).is_none());
    }
    case.busy = Some(false);
    let mut waited = 0;
    while case.step(&done()).is_none() {
        case.now += 61.seconds();
        waited += 1;
        assert!(waited < 10, "{:?}", case.status.work);
    }
    assert!(waited >= 2, "several listings are needed");
    // Where a human is to decide, one does.
    case.limits.retry_unknown_create = false;
    case.status.work.as_mut().unwrap().start_time = Time(start() - 1.hours());
    for _ in 0..10 {
        case.now += 61.seconds();
        assert!(case.step(&done()).is_none());
    }
    assert_eq!(case.reason(condition::STALLED).as_deref(), Some("WorkOutcomeUnknown"));
    case.settle = Some(format!("work-{}-settled", case.status.work_number));
    assert!(matches!(sent(&case.plan()), Some(PoolChange::Expand { more: 1, .. })));
}

#[test]
fn a_lost_growth_that_took_effect_is_not_repeated() {
    let mut case = Case::new(serde_json::json!({"replicas": 4}));
    case.step(&lost());
    case.desktops.push(desktop("d4", "old", DesktopState::Running));
    // Not while jobs that might bring more are not known to have ended.
    assert!(case.step(&done()).is_none() && case.status.work.is_some());
    case.busy = Some(false);
    assert!(case.step(&done()).is_none() && case.status.work.is_none());
    assert!(condition::is_true(&case.status.conditions, condition::READY));
}

#[test]
fn a_refusal_takes_the_record_back() {
    let mut case = Case::new(serde_json::json!({"replicas": 4}));
    case.step(&refused());
    assert!(case.status.work.is_none() && case.status.retry.is_some());
    assert!(case.step(&done()).is_none(), "not before its time");
    case.now += 1.hours();
    assert!(case.step(&done()).is_some());
}

#[test]
fn nobodys_desktops_go_first_and_somebodys_stay() {
    let mut case = Case::new(serde_json::json!({"replicas": 0}));
    case.desktops[0].user_name = Some("alice".to_owned());
    case.desktops[1].login = Some(Login::Disconnected);
    case.protect = vec!["d3".to_owned()];
    let made = case.plan();
    assert!(sent(&made).is_none());
    assert!(condition::is_true(&made.status.conditions, condition::SCALE_IN_BLOCKED));
    case.protect.clear();
    let gone = |case: &Case| match sent(&case.plan()) {
        Some(PoolChange::DeleteDesktops { desktop_ids, .. }) => desktop_ids.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(gone(&case), ["d3"]);
    case.spec.scale_in.assigned = crate::api::pool::ScaleInAssigned::RemoveDisconnected;
    assert_eq!(gone(&case), ["d3", "d2", "d1"]);
    case.desktops[0].login = Some(Login::Connected);
    assert_eq!(gone(&case), ["d3", "d2"]);
    // The brake of the namespace.
    case.brake = brake::Facts {
        brake: Brake::read(Some("34%/1h")),
        desktops: 3,
        ..brake::Facts::default()
    };
    assert_eq!(gone(&case), ["d3"]);
    case.brake.removals = vec![crate::api::pool::Removal {
        time: Time(case.now),
        count: 2,
    }];
    assert_eq!(case.reason(condition::READY).as_deref(), Some("Brake"));
    case.deleting = true;
    assert_eq!(case.reason(condition::DELETION_BLOCKED).as_deref(), Some("Brake"));
}

#[test]
fn what_grows_by_itself_is_not_corrected_within_its_limits() {
    let autoscale = serde_json::json!({"min": 2, "max": 4, "minIdle": 1, "step": 1});
    let mut case = Case::new(serde_json::json!({"replicas": null, "autoscale": autoscale}));
    case.pool.autoscale = Some(Autoscale {
        kind: None,
        max_created: Some(2),
        min_idle: Some(1),
        step: None,
    });
    assert!(sent(&case.plan()).is_none(), "what the vendor does not tell is right");
    case.desktops.truncate(1);
    assert!(matches!(sent(&case.plan()), Some(PoolChange::Expand { more: 1, .. })));
    for n in 2..=6 {
        case.desktops
            .push(desktop(&format!("d{n}"), "old", DesktopState::Running));
    }
    assert!(
        matches!(sent(&case.plan()), Some(PoolChange::DeleteDesktops { desktop_ids, .. }) if desktop_ids.len() == 2)
    );
    case.pool.autoscale = None;
    assert!(matches!(sent(&case.plan()), Some(PoolChange::Update { .. })));
}

/// Canaries, their soak time on the clock that is handed in, the pool's image, the rest.
#[test]
fn a_roll_out_tries_waits_and_goes_on() {
    let update = serde_json::json!({"maxUnavailable": 2, "canary": {"percent": 30, "soakSeconds": 600}});
    let mut case = Case::new(serde_json::json!({"update": update}));
    case.image = Ok("new".to_owned());
    let finish = |case: &mut Case, ids: &[String]| {
        for d in case.desktops.iter_mut().filter(|d| ids.contains(&d.id)) {
            d.image_id = Some("new".to_owned());
        }
    };
    let rebuilt = |change: Option<PoolChange>| match change {
        Some(PoolChange::RebuildDesktops { desktop_ids, .. }) => desktop_ids,
        other => panic!("{other:?}"),
    };
    let ids = rebuilt(case.step(&done()));
    assert_eq!(ids.len(), 1);
    finish(&mut case, &ids);
    case.busy = Some(false);
    assert!(case.step(&done()).is_none());
    let phase = |case: &Case| case.status.rollout.as_ref().unwrap().phase;
    assert_eq!(phase(&case), RolloutPhase::Soaking);
    case.now += 599.seconds();
    assert!(case.step(&done()).is_none());
    // A canary that is not Ready begins its time anew.
    let index = case.desktops.iter().position(|d| d.id == ids[0]).unwrap();
    case.desktops[index].state = DesktopState::Unregistered;
    assert!(case.step(&done()).is_none());
    case.desktops[index].state = DesktopState::Running;
    case.now += 2.seconds();
    assert!(case.step(&done()).is_none());
    assert_eq!(phase(&case), RolloutPhase::Soaking);
    case.now += 600.seconds();
    // Only now are new desktops made from it.
    let change = case.step(&done());
    assert!(
        matches!(
            change,
            Some(PoolChange::Rebuild {
                scope: PoolScope::New,
                ..
            })
        ),
        "{change:?}"
    );
    case.pool.image_id = Some("new".to_owned());
    let ids = rebuilt(case.step(&done()));
    assert_eq!(ids.len(), 2);
    finish(&mut case, &ids);
    case.step(&done());
    assert!(case.status.rollout.is_none() && case.status.updated_replicas == 3);
}

#[test]
fn a_canary_that_fails_or_does_not_come_up_halts() {
    let update = serde_json::json!({"canary": {"percent": 30}, "progressDeadlineSeconds": 900});
    for state in [DesktopState::Failed, DesktopState::Unregistered] {
        let mut case = Case::new(serde_json::json!({"update": update}));
        case.image = Ok("new".to_owned());
        assert!(matches!(case.step(&done()), Some(PoolChange::RebuildDesktops { .. })));
        case.desktops[0] = desktop("d1", "new", state);
        case.busy = Some(false);
        case.step(&done());
        let at_once = condition::is_true(&case.status.conditions, condition::ROLLOUT_HALTED);
        assert_eq!(at_once, state == DesktopState::Failed);
        case.now += 901.seconds();
        assert!(case.step(&done()).is_none());
        assert!(condition::is_true(&case.status.conditions, condition::ROLLOUT_HALTED));
        assert_eq!(case.reason(condition::STALLED).as_deref(), Some("RolloutHalted"));
        // Back to the old image: what failed is replaced, what only did not come up is made anew.
        case.image = Ok("old".to_owned());
        let change = case.step(&done());
        match state {
            DesktopState::Failed => assert!(matches!(change, Some(PoolChange::DeleteDesktops { .. })), "{change:?}"),
            _ => assert!(matches!(change, Some(PoolChange::RebuildDesktops { .. })), "{change:?}"),
        }
    }
}

#[test]
fn somebody_at_work_is_not_disturbed_unless_the_manifest_says_so() {
    let rebuilt = |when: &str, login: Option<Login>, owner: bool| {
        let update = serde_json::json!({"maxUnavailable": 1, "whenAssigned": when});
        let mut case = Case::new(serde_json::json!({"replicas": 1, "update": update}));
        case.image = Ok("new".to_owned());
        case.pool.image_id = Some("new".to_owned());
        case.desktops.truncate(1);
        case.desktops[0].user_name = owner.then(|| "alice".to_owned());
        case.desktops[0].login = login;
        sent(&case.plan()).is_some()
    };
    let (nobody, there) = (Some(Login::Nobody), Some(Login::Connected));
    for (when, login, owner, expected) in [
        ("AtNextLogoff", nobody, true, true),
        ("AtNextLogoff", there, true, false),
        ("AtNextLogoff", there, false, false),
        ("AtNextLogoff", Some(Login::Disconnected), true, false),
        ("AtNextLogoff", None, true, false),
        ("Now", there, true, true),
        ("Never", nobody, true, false),
        ("Never", nobody, false, true),
    ] {
        assert_eq!(rebuilt(when, login, owner), expected, "{when} {login:?} {owner}");
    }
}

#[test]
fn a_lost_rebuild_wipes_nothing_twice() {
    let mut case = Case::new(serde_json::json!({"update": {"maxUnavailable": 1}}));
    case.image = Ok("new".to_owned());
    case.pool.image_id = Some("new".to_owned());
    assert!(case.step(&lost()).is_some());
    case.busy = Some(false);
    case.desktops[0].state = DesktopState::Restarting;
    for _ in 0..100 {
        case.now += 1.minutes();
        assert!(case.step(&done()).is_none(), "it is under way");
    }
    case.desktops[0] = desktop("d1", "new", DesktopState::Running);
    let Some(PoolChange::RebuildDesktops { desktop_ids, .. }) = case.step(&done()) else {
        panic!("{:?}", case.status)
    };
    assert!(!desktop_ids.contains(&"d1".to_owned()));
}

#[test]
fn what_is_deleted_stops_growing_is_emptied_and_only_then_deleted() {
    let mut case = Case::new(serde_json::json!({}));
    case.deleting = true;
    case.pool.autoscale = Some(Autoscale::default());
    assert!(matches!(sent(&case.plan()), Some(PoolChange::Update { update, .. }) if update.autoscale == Some(None)));
    case.pool.autoscale = None;
    case.desktops[0].user_name = Some("alice".to_owned());
    let Some(PoolChange::DeleteDesktops { desktop_ids, .. }) = case.step(&done()) else {
        panic!()
    };
    assert_eq!(desktop_ids.len(), 3);
    assert!(case.step(&done()).is_none(), "their end is waited for");
    case.protect = vec!["d2".to_owned()];
    case.desktops.retain(|d| d.id == "d2");
    case.status.work = None;
    assert_eq!(case.reason(condition::DELETION_BLOCKED).as_deref(), Some("Protected"));
    case.desktops.clear();
    assert!(matches!(case.step(&done()), Some(PoolChange::Delete { .. })));
    case.status.binding.as_mut().unwrap().adopted = true;
    assert!(
        matches!(case.plan().action, Action::Release),
        "what was adopted is left"
    );
}

/// A vendor that carries out what reaches it, in its own time.
#[derive(Default)]
struct Vendor {
    made: usize,
    coming: usize,
    rebuilding: Vec<String>,
    leaving: Vec<String>,
    rebuilt: Vec<(String, String)>,
    removed: BTreeSet<String>,
}

impl Vendor {
    fn receive(&mut self, case: &mut Case, change: &PoolChange) {
        match change {
            PoolChange::Expand { more, .. } => self.coming += usize::from(*more),
            PoolChange::DeleteDesktops { desktop_ids, .. } => self.leaving.extend(desktop_ids.clone()),
            PoolChange::RebuildDesktops {
                desktop_ids, image_id, ..
            } => {
                for id in desktop_ids {
                    self.rebuilt.push((id.clone(), image_id.clone()));
                    self.rebuilding.push(id.clone());
                }
            }
            PoolChange::Rebuild { image_id, .. } => case.pool.image_id = Some(image_id.clone()),
            other => panic!("{other:?}"),
        }
    }

    /// So much of what was begun gets done.
    fn work(&mut self, case: &mut Case, pieces: usize) {
        for _ in 0..pieces {
            if self.coming > 0 {
                self.coming -= 1;
                self.made += 1;
                let image = case.pool.image_id.clone().unwrap();
                let id = format!("n{}", self.made);
                case.desktops.push(desktop(&id, &image, DesktopState::Running));
            } else if let Some(id) = self.leaving.pop() {
                case.desktops.retain(|d| d.id != id);
                self.removed.insert(id);
            } else if let Some(id) = self.rebuilding.pop()
                && let Some(d) = case.desktops.iter_mut().find(|d| d.id == id)
            {
                d.image_id = Some("new".to_owned());
            }
        }
        for d in &mut case.desktops {
            d.state = if self.rebuilding.contains(&d.id) {
                DesktopState::Restarting
            } else {
                DesktopState::Running
            };
        }
        case.busy = Some(self.coming > 0);
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Answered,
    Refused,
    LostBefore,
    LostAfter,
    /// The operator dies before its status is written again.
    DiesBefore,
    DiesAfter,
}

fn fates() -> impl Strategy<Value = Vec<(Fate, usize, i64)>> {
    let fate = prop_oneof![
        4 => Just(Fate::Answered),
        1 => Just(Fate::Refused),
        1 => Just(Fate::LostBefore),
        1 => Just(Fate::LostAfter),
        1 => Just(Fate::DiesBefore),
        1 => Just(Fate::DiesAfter),
    ];
    proptest::collection::vec((fate, 0usize..4, 1i64..400), 1..60)
}

proptest! {
    /// Whatever is lost and whenever the operator dies: there are never more desktops than the most that were wanted,
    /// none is wiped twice, somebody's is never touched, and in the end all is as declared.
    #[test]
    fn nothing_is_bought_wiped_or_deleted_by_mistake(
        disturbed in fates(),
        sizes in proptest::collection::vec(1i32..8, 1..3),
        roll in any::<bool>(),
    ) {
        let mut case = Case::new(serde_json::json!({"update": {"maxUnavailable": 2, "canary": {"percent": 20, "soakSeconds": 5}}}));
        case.desktops[0].user_name = Some("alice".to_owned());
        case.desktops[0].login = Some(Login::Connected);
        let mut vendor = Vendor::default();
        let most = usize::try_from(sizes.iter().copied().max().unwrap().max(3)).unwrap();
        let changes = disturbed.len() / sizes.len() + 1;
        let calm = std::iter::repeat_n((Fate::Answered, 9, 61), 400);
        for (number, (fate, pieces, seconds)) in disturbed.into_iter().chain(calm).enumerate() {
            if let Some(size) = sizes.get(number / changes) {
                case.spec.replicas = Some(*size);
            }
            if roll {
                case.image = Ok("new".to_owned());
            }
            case.now += seconds.seconds();
            let made = case.plan();
            let recorded = matches!(made.action, Action::RecordThenChange(_));
            let change = sent(&made).cloned();
            let Some(change) = change else {
                case.status = made.status;
                vendor.work(&mut case, pieces);
                prop_assert!(case.desktops.len() <= most, "{} of {most}", case.desktops.len());
                continue;
            };
            if recorded {
                case.status = made.status.clone();
            }
            if matches!(fate, Fate::Answered | Fate::LostAfter | Fate::DiesAfter) {
                vendor.receive(&mut case, &change);
            }
            let answer = match fate {
                Fate::Answered => Some(done()),
                Fate::Refused => Some(refused()),
                Fate::LostBefore | Fate::LostAfter => Some(lost()),
                Fate::DiesBefore | Fate::DiesAfter => None,
            };
            if let Some(answer) = answer {
                case.status = case.with(|inputs| answered(inputs, made.status.clone(), &change, &answer).0);
            }
            vendor.work(&mut case, pieces);
            prop_assert!(case.desktops.len() + vendor.coming <= most, "{} and {} of {most}", case.desktops.len(), vendor.coming);
        }
        let rebuilt: BTreeSet<_> = vendor.rebuilt.iter().collect();
        prop_assert_eq!(rebuilt.len(), vendor.rebuilt.len(), "wiped twice: {:?}", vendor.rebuilt);
        prop_assert!(!vendor.removed.contains("d1") && vendor.rebuilt.iter().all(|(id, _)| id != "d1"));
        let wanted = usize::try_from(case.spec.replicas.unwrap()).unwrap();
        prop_assert_eq!(case.desktops.len(), wanted, "{:?}", case.status);
        if roll {
            let left: Vec<_> = case.desktops.iter().filter(|d| d.image_id.as_deref() != Some("new")).map(|d| d.id.as_str()).collect();
            prop_assert_eq!(left, ["d1"]);
        } else {
            prop_assert!(condition::is_true(&case.status.conditions, condition::READY), "{:?}", case.status);
        }
    }
}
