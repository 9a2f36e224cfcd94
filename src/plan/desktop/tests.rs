//! What holds for every plan, whatever state it is made in.

use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::api::common::{CreateIntent, CreatePhase};
use crate::api::common::{DeletionPolicy, ObjectRef};
use crate::api::desktop::{
    Billing, BillingMode, DesktopUser, DisplayPolicy, ImageSource, OnDelete, OnImageChange, Period, PeriodUnit, Power,
    PowerSchedule, SystemDisk, WhenConnected,
};
use crate::backend::ErrorClass;
use crate::backend::capabilities::{
    ClusterOrigin, CreateIdentity, ImageChange, Naming, Payment, Rename, SystemDiskChoice, Users,
};
use crate::plan::Failure;

pub(super) const UID: &str = "3f2a0c1e-0000-4000-8000-000000000001";
const OTHER: &str = "3f2a0c1e-0000-4000-8000-000000000002";
pub(super) const ID: &str = "i-1";

pub(super) fn limits() -> Limits {
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

pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

static CAPABILITIES: Capabilities = Capabilities {
    vendor: "gws",
    service_linked_role: true,
    clusters: ClusterOrigin::Created,
    rename_cluster: true,
    create_identity: CreateIdentity::Mark,
    observe_desktops: true,
    naming: Naming::Marked,
    policy_fields: &[],
    nat: true,
    directory: true,
    power: true,
    rename: Rename::Free,
    system_disk: SystemDiskChoice::Required,
    needs_subnet: false,
    needs_zone: false,
    label: false,
    public_address: true,
    users: Users {
        assign: true,
        required: false,
        needs_uid: true,
        unassign: false,
        change_needs_stop: false,
    },
    change_image: ImageChange::No,
    observe_image: true,
    applications: true,
    display_policy: true,
    payment: Payment {
        subscription: true,
        weeks: true,
        convert: false,
        renew: false,
        delete_prepaid: true,
        price: false,
    },
    capture_image: true,
    rename_image: true,
    delete_image: true,
    sessions: true,
    native_pools: false,
};

/// A vendor of the other kind: it wants desktops stopped, sells terms, and hides images.
pub(super) static THRIFTY: Capabilities = Capabilities {
    vendor: "capitalOnline",
    system_disk: SystemDiskChoice::Fixed,
    users: Users {
        needs_uid: false,
        unassign: true,
        change_needs_stop: true,
        ..CAPABILITIES.users
    },
    change_image: ImageChange::Stopped,
    observe_image: false,
    payment: Payment {
        convert: true,
        renew: true,
        ..CAPABILITIES.payment
    },
    ..CAPABILITIES
};

pub(super) fn spec() -> DesktopSpec {
    DesktopSpec {
        cluster_ref: ObjectRef { name: "office".into() },
        display_name: None,
        existing_id: None,
        flavor: Some("ecs.g6.large".into()),
        image: Some(ImageSource {
            id: Some("m-1".into()),
            reference: None,
        }),
        system_disk: Some(SystemDisk {
            category: "cloud_essd".into(),
            size_gib: 80,
        }),
        work_mode: crate::api::desktop::WorkMode::Desktop,
        applications: None,
        network: None,
        user: None,
        power: Power::Running,
        power_schedule: None,
        display_policy: None,
        billing: Billing::default(),
        huawei_workspace: None,
        on_image_change: OnImageChange::Report,
        on_loss: OnLoss::Report,
        deletion_policy: None,
    }
}

fn place() -> Place {
    Place {
        cluster_id: "gws-1".into(),
        ..Place::default()
    }
}

pub(super) fn observed(state: DesktopState) -> ObservedDesktop {
    ObservedDesktop {
        id: ID.into(),
        cluster_id: Some("gws-1".into()),
        name: Some(vendor_name("alice", UID, &spec(), Naming::Marked)),
        vendor_state: "Registered".into(),
        state,
        stopped_mode: None,
        flavor: Some("ecs.g6.large".into()),
        image_id: Some("m-1".into()),
        user_name: None,
        user_uid: None,
        prepaid: Some(false),
        ..ObservedDesktop::default()
    }
}

pub(super) fn bound(uid: &str) -> DesktopStatus {
    DesktopStatus {
        id: Some(ID.into()),
        state: Some(DesktopState::Running),
        binding: Some(Binding {
            uid: uid.into(),
            provider: "p".into(),
            cluster_id: Some("gws-1".into()),
            since_time: Time(now()),
            adopted: false,
        }),
        ..DesktopStatus::default()
    }
}

#[allow(clippy::struct_excessive_bools, reason = "a case is a row of yes and no")]
pub(super) struct Case {
    pub(super) spec: DesktopSpec,
    pub(super) status: DesktopStatus,
    pub(super) observed: Option<ObservedDesktop>,
    pub(super) absent: Option<bool>,
    candidates: Vec<String>,
    pub(super) deleting: bool,
    paused: bool,
    in_flight: bool,
    abandon: Option<String>,
    listing_started: Option<Timestamp>,
    error: Option<BackendError>,
    cluster_usable: bool,
    display: Option<PolicyValues>,
    pub(super) capabilities: &'static Capabilities,
    pub(super) settle: Option<&'static str>,
    /// Another image than the one of the manifest's own id.
    pub(super) image: Option<ImageView>,
    pub(super) hold: Option<Hold>,
    pub(super) session: Option<SessionStatus>,
}

impl Case {
    pub(super) fn new(spec: DesktopSpec, status: DesktopStatus) -> Self {
        Self {
            spec,
            status,
            observed: None,
            absent: None,
            candidates: Vec::new(),
            deleting: false,
            paused: false,
            in_flight: false,
            abandon: None,
            listing_started: Some(now()),
            error: None,
            cluster_usable: true,
            display: None,
            capabilities: &CAPABILITIES,
            settle: None,
            image: None,
            hold: None,
            session: None,
        }
    }

    pub(super) fn plan_at(&self, status: &DesktopStatus, now: Timestamp) -> Plan {
        let limits = limits();
        let own = self.spec.image.as_ref().and_then(|image| image.id.as_deref());
        let image = self.image.clone().or_else(|| own.map(ImageView::of_id));
        let cluster = if self.cluster_usable {
            ClusterView::Usable {
                provider: "p".into(),
                place: place(),
            }
        } else {
            ClusterView::Unusable {
                reason: "ClusterNotReady",
                message: "not ready".into(),
            }
        };
        plan(&Inputs {
            name: "alice",
            uid: UID,
            generation: 1,
            deleting: self.deleting,
            paused: self.paused,
            restart: None,
            abandon: self.abandon.as_deref(),
            retry_create: None,
            settle: self.settle,
            spec: &self.spec,
            status,
            cluster,
            image: image.as_ref(),
            hold: self.hold.clone(),
            capabilities: Some(self.capabilities),
            observed: match (&self.observed, self.absent) {
                (Some(observed), _) => Observation::Present(observed),
                (None, Some(confirmed)) => Observation::Absent { confirmed },
                (None, None) => Observation::Unknown,
            },
            listing_started: self.listing_started,
            listing_error: self.error.as_ref(),
            candidates: &self.candidates,
            claimed_by: None,
            session: self.session.clone(),
            display: self.display.as_ref(),
            price_due: false,
            display_failure: None,
            in_flight: self.in_flight,
            writer: "w",
            limits: &limits,
            now,
        })
    }

    pub(super) fn plan(&self) -> Plan {
        self.plan_at(&self.status, now())
    }
}

pub(super) fn operation(plan: &Plan) -> Option<&Operation> {
    match &plan.action {
        Action::Submit(operation) | Action::RecordThenSubmit(operation) => Some(operation),
        _ => None,
    }
}

pub(super) fn condition_reason<'a>(plan: &'a Plan, kind: &str) -> Option<&'a str> {
    condition::find(&plan.status.conditions, kind).map(|c| c.reason.as_str())
}

prop_compose! {
    fn states()(index in 0usize..14) -> DesktopState {
        use DesktopState as S;
        [S::Creating, S::Starting, S::Running, S::Unregistered, S::Restarting, S::Stopping, S::Stopped, S::Imaging,
         S::Deleting, S::Suspended, S::Missing, S::Lost, S::Failed, S::Unknown][index]
    }
}

prop_compose! {
    fn intents()(
        attempt in 1i32..4, started in -2000i64..10, open in any::<bool>(), empty in 0i32..4, last in option::of(-1000i64..0),
    ) -> CreateIntent {
        CreateIntent {
            attempt,
            name: Some("n".into()),
            known_ids: Vec::new(),
            start_time: Time(now() + started.seconds()),
            first_start_time: None,
            task_id: None,
            not_after_time: Time(now() + (started + 30).seconds()),
            writer: "before".into(),
            phase: if open { CreatePhase::Open } else { CreatePhase::Failed },
            empty_listings: empty,
            last_empty_listing_time: last.map(|s| Time(now() + s.seconds())),
        }
    }
}

prop_compose! {
    fn specs()(
        power in 0u8..3, user in option::of(any::<bool>()), display in option::of(any::<(bool, bool)>()),
        prepaid in any::<bool>(), let_expire in any::<bool>(), recreate in any::<bool>(), retain in option::of(any::<bool>()),
        existing in any::<bool>(), schedule in option::of((any::<bool>(), 0u8..24, 0u8..24)),
    ) -> DesktopSpec {
        let mut spec = spec();
        spec.power_schedule = schedule.map(|(wait, start, stop)| PowerSchedule {
            time_zone: "Asia/Shanghai".into(),
            start: Some(format!("1 {start} * * 1-5")),
            stop: Some(format!("2 {stop} * * *")),
            when_connected: if wait { WhenConnected::Wait } else { WhenConnected::Stop },
        });
        spec.power = [Power::Running, Power::Stopped, Power::Unmanaged][usize::from(power)];
        spec.user = user.map(|uid| DesktopUser { name: "bob".into(), uid: uid.then(|| "7".into()), email: None, group: None });
        spec.display_policy = display.map(|(visual_lossless, optimize_for3d)| DisplayPolicy { visual_lossless, optimize_for3d });
        if prepaid {
            spec.billing.mode = BillingMode::Subscription;
            spec.billing.period = Some(Period { count: 1, unit: PeriodUnit::Month });
            spec.billing.on_delete = if let_expire { OnDelete::LetExpire } else { OnDelete::DeleteNow };
        }
        spec.on_loss = if recreate { OnLoss::Recreate } else { OnLoss::Report };
        spec.deletion_policy = retain.map(|r| if r { DeletionPolicy::Retain } else { DeletionPolicy::Delete });
        spec.existing_id = existing.then(|| ID.to_owned());
        spec
    }
}

prop_compose! {
    fn cases()(
        spec in specs(), has_id in any::<bool>(), foreign in any::<bool>(), seen in any::<bool>(), intent in option::of(intents()),
        state in option::of(states()), prepaid in any::<bool>(), expires in option::of(-100i64..100_000), absent in option::of(any::<bool>()),
        marked in 0usize..3, deleting in any::<bool>(), paused in proptest::bool::weighted(0.1), in_flight in proptest::bool::weighted(0.2),
        abandon in option::weighted(0.1, "i-1|none|i-2"), listed in any::<bool>(), usable in any::<bool>(),
    ) -> Case {
        let mut status = if has_id { bound(if foreign { OTHER } else { UID }) } else { DesktopStatus::default() };
        if !seen { status.state = None; }
        if !has_id { status.create = intent; }
        let mut case = Case::new(spec, status);
        case.observed = state.map(|state| {
            let mut desktop = observed(state);
            desktop.prepaid = Some(prepaid);
            desktop.expires = expires.map(|s| now() + s.seconds());
            desktop
        });
        case.absent = absent;
        // What is absent does not carry a mark at the same time.
        let first = if absent.is_some() { 2 } else { 1 };
        case.candidates = (first..first + marked).map(|n| format!("i-{n}")).collect();
        case.deleting = deleting;
        case.paused = paused;
        case.in_flight = in_flight;
        case.abandon = abandon;
        case.listing_started = listed.then(now);
        case.cluster_usable = usable;
        case
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "spec {:?}\nstatus {:?}\nobserved {:?} absent {:?} candidates {:?} deleting {} paused {} in flight {} abandon {:?} listed {:?}",
            self.spec,
            self.status,
            self.observed,
            self.absent,
            self.candidates,
            self.deleting,
            self.paused,
            self.in_flight,
            self.abandon,
            self.listing_started
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn nothing_is_created_while_something_may_exist(case in cases()) {
        let plan = case.plan();
        if let Action::Create(_) = plan.action {
            let open = case.status.create.as_ref().filter(|i| i.phase == CreatePhase::Open);
            prop_assert!(case.status.id.is_none() && case.spec.existing_id.is_none());
            prop_assert!(case.candidates.is_empty() && !case.in_flight && !case.deleting && !case.paused);
            prop_assert!(case.listing_started.is_some(), "created without having looked");
            if let Some(open) = open {
                prop_assert!(now() >= super::super::after(open.not_after_time.0, limits().settle), "created before settling");
                prop_assert!(case.spec.billing.mode != BillingMode::Subscription, "a paid one in doubt was repeated");
            }
            let intent = plan.status.create.as_ref().expect("the intent comes with the action");
            prop_assert!(intent.phase == CreatePhase::Open && intent.attempt > case.status.create.as_ref().map_or(0, |i| i.attempt));
        }
    }

    #[test]
    fn only_what_is_ours_is_deleted_and_only_when_asked(case in cases()) {
        let plan = case.plan();
        if let Some(Operation::DeleteDesktop { desktop_id }) = operation(&plan) {
            prop_assert!(case.deleting && !case.paused);
            let binding = case.status.binding.as_ref().expect("a binding");
            prop_assert_eq!(&binding.uid, UID);
            prop_assert_eq!(Some(desktop_id), case.status.id.as_ref());
            prop_assert!(DeletionPolicy::effective(case.spec.deletion_policy, binding.adopted) == DeletionPolicy::Delete);
        }
    }

    #[test]
    fn a_deleted_object_is_released_only_when_nothing_of_it_is_left(case in cases()) {
        let plan = case.plan();
        if matches!(plan.action, Action::Release) {
            prop_assert!(case.deleting && !case.paused);
            let named = case.abandon.as_deref() == Some(case.status.id.as_deref().unwrap_or("none"));
            let retained = DeletionPolicy::effective(case.spec.deletion_policy, false) == DeletionPolicy::Retain;
            let ours = case.status.binding.as_ref().is_some_and(|b| b.uid == UID);
            if !named && ours && !retained {
                prop_assert!(case.observed.is_none() && case.absent == Some(true), "released while it may exist");
            }
            if !named && case.status.id.is_none() && case.status.create.as_ref().is_some_and(|i| i.phase == CreatePhase::Open) {
                let proven = case.listing_started.is_some()
                    || case.status.create.as_ref().is_some_and(|i| i.empty_listings >= create::EMPTY_LISTINGS);
                prop_assert!(case.candidates.is_empty() && !case.in_flight && proven);
            }
        }
    }

    #[test]
    fn a_paused_object_causes_no_action(mut case in cases()) {
        case.paused = true;
        prop_assert!(matches!(case.plan().action, Action::None));
    }

    #[test]
    fn a_schedule_stops_nobody_who_is_or_may_be_connected(mut case in cases(), known in any::<bool>()) {
        let connected = SessionStatus { connected: true, client_name: None, last_logon_time: None, last_logoff_time: None };
        case.session = known.then_some(connected);
        let asked = case.spec.power == Power::Stopped
            || case.spec.power_schedule.as_ref().is_some_and(|s| s.when_connected == WhenConnected::Stop);
        if let Some(Operation::StopDesktop { .. }) = operation(&case.plan()) {
            prop_assert!(asked);
        }
    }

    #[test]
    fn states_that_nobody_knows_cause_no_action(mut case in cases(), raw in "\\PC{0,20}") {
        case.status = bound(UID);
        case.deleting = false;
        let mut desktop = observed(DesktopState::Unknown);
        desktop.vendor_state = raw;
        case.observed = Some(desktop);
        case.spec.user = None;
        prop_assert!(matches!(case.plan().action, Action::None));
    }

    #[test]
    fn a_plan_without_an_action_stays_as_it_is(case in cases()) {
        // As long as nothing has to be done, the status comes to rest within a few passes and then does not tick.
        let mut status = case.status.clone();
        for pass in 0..6 {
            let plan = case.plan_at(&status, now() + (i64::from(pass)).seconds());
            if !matches!(plan.action, Action::None) {
                return Ok(());
            }
            status = plan.status;
        }
        // The end of a settle time may fall into one of these seconds, and is news then; a clock in it would never rest.
        let rests = (6..9).any(|second| {
            let plan = case.plan_at(&status, now() + second.seconds());
            let same = plan.status == status && plan.notices.is_empty();
            status = plan.status;
            same
        });
        prop_assert!(rests, "{:?}", status);
    }

    #[test]
    fn ready_is_never_said_together_with_stalled_or_reconciling(case in cases()) {
        let plan = case.plan();
        let conditions = &plan.status.conditions;
        if condition::is_true(conditions, condition::READY) && !case.paused {
            prop_assert!(!condition::is_true(conditions, condition::STALLED));
            prop_assert!(!condition::is_true(conditions, condition::RECONCILING));
        }
        prop_assert!(!(condition::is_true(conditions, condition::STALLED) && condition::is_true(conditions, condition::RECONCILING)));
    }
}

#[test]
fn power_is_corrected_and_drift_is_said() {
    let mut case = Case::new(spec(), bound(UID));
    case.observed = Some(observed(DesktopState::Running));
    let ready = case.plan();
    assert_eq!(condition_reason(&ready, condition::READY), Some("Running"));
    case.status = ready.status;
    case.observed = Some(observed(DesktopState::Stopped));
    let healing = case.plan();
    assert!(matches!(operation(&healing), Some(Operation::StartDesktop { .. })));
    assert_eq!(healing.healing, ["power"]);
    assert_eq!(healing.notices[0].reason, "DriftDetected");
    case.spec.power = Power::Unmanaged;
    assert_eq!(condition_reason(&case.plan(), condition::READY), Some("Stopped"));
}

#[test]
fn a_call_is_not_repeated_before_its_effect_can_be_seen() {
    let mut case = Case::new(spec(), bound(UID));
    case.observed = Some(observed(DesktopState::Stopped));
    let first = case.plan();
    let limits = limits();
    let start = operation(&first).unwrap().clone();
    let after = |status: DesktopStatus, answer: &Result<Receipt, BackendError>| {
        let cluster = ClusterView::Usable {
            provider: "p".into(),
            place: place(),
        };
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
            cluster,
            image: None,
            hold: None,
            capabilities: Some(&CAPABILITIES),
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
            now: now(),
        };
        answered(&inputs, status, &start, answer).0
    };
    let sent = after(first.status.clone(), &Ok(Receipt::default()));
    assert!(matches!(case.plan_at(&sent, now() + 29.seconds()).action, Action::None));
    assert!(operation(&case.plan_at(&sent, now() + 31.seconds())).is_some());
    let refused = BackendError::new(ErrorClass::Forbidden, "StartInstance", "no");
    let failed = after(first.status, &Err(refused));
    assert_eq!(failed.retry.as_ref().map(|r| r.failures), Some(1));
    assert!(matches!(
        case.plan_at(&failed, now() + 59.seconds()).action,
        Action::None
    ));
    assert!(operation(&case.plan_at(&failed, now() + 67.seconds())).is_some());
}

#[test]
fn a_prepaid_desktop_says_until_when_it_is_kept() {
    let mut case = Case::new(spec(), bound(UID));
    case.spec.billing.mode = BillingMode::Subscription;
    case.deleting = true;
    let mut desktop = observed(DesktopState::Running);
    desktop.prepaid = Some(true);
    desktop.expires = Some(now() + 48.hours());
    case.observed = Some(desktop);
    let plan = case.plan();
    assert!(matches!(plan.action, Action::None));
    let message = &condition::find(&plan.status.conditions, condition::DELETION_BLOCKED)
        .unwrap()
        .message;
    assert!(message.contains("The subscription runs until 2027-01-17"), "{message}");
    case.spec.billing.on_delete = OnDelete::DeleteNow;
    assert!(matches!(operation(&case.plan()), Some(Operation::DeleteDesktop { .. })));
}

#[test]
fn a_vanished_desktop_is_created_again_only_when_the_manifest_says_so() {
    let mut case = Case::new(spec(), bound(UID));
    case.absent = Some(true);
    let plan = case.plan();
    assert!(matches!(plan.action, Action::None));
    assert_eq!(condition_reason(&plan, condition::STALLED), Some("Lost"));
    case.spec.on_loss = OnLoss::Recreate;
    let again = case.plan();
    assert!(again.status.id.is_none());
    case.absent = None;
    assert!(matches!(case.plan_at(&again.status, now()).action, Action::Create(_)));
}

#[test]
fn failing_for_good_means_at_most_six_attempts_an_hour() {
    let error = BackendError::new(ErrorClass::Invalid, "CreateInstance", "no such type");
    let (limits, mut status, mut at, mut attempts) = (limits(), DesktopStatus::default(), now(), 0);
    while at < now() + 1.hours() {
        attempts += 1;
        let stamp = condition::Stamp { generation: 1, now: at };
        let DesktopStatus {
            last_error,
            retry,
            conditions,
            ..
        } = &mut status;
        Failure {
            last_error,
            retry,
            conditions,
        }
        .record(&error, UID, &limits, stamp);
        at = status.retry.as_ref().unwrap().next_attempt_time.0;
    }
    assert!(attempts <= 6, "{attempts}");
}
