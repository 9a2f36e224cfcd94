//! What every vendor's backend promises, held against all of them: the same scenarios, each with a simulator of its
//! own.

mod vendors;

use std::sync::Arc;
use std::time::Duration;

use desktop_operator::api::desktop::DesktopState;
use desktop_operator::backend::capabilities::CreateIdentity;
use desktop_operator::backend::{
    Backend, BackendError, DesktopSpec, ErrorClass, ObservedDesktop, Operation, Receipt, TaskState, naming,
};
use desktop_operator::sim::{AccountEdit, Fault, FaultKind, Kind, Sim};
use futures::future::join_all;

use self::vendors::{Vendor, account, all, sim};
use crate::waiting::until;

const HOUR: u64 = 3_600_000;

/// One vendor in one scenario.
struct Case {
    vendor: Arc<dyn Vendor>,
    sim: Sim,
    backend: Arc<dyn Backend>,
    home: String,
}

impl Case {
    async fn of(vendor: Arc<dyn Vendor>) -> Self {
        let sim = sim().await;
        let backend = account(&*vendor, &sim, Duration::from_secs(30));
        let home = vendor.home(&sim);
        Self {
            vendor,
            sim,
            backend,
            home,
        }
    }

    fn spec(&self) -> DesktopSpec {
        self.vendor.desktop(&self.home)
    }

    async fn create(&self) -> Result<Receipt, BackendError> {
        self.backend
            .submit(&Operation::CreateDesktop(Box::new(self.spec())))
            .await
    }

    async fn list(&self) -> Result<Vec<ObservedDesktop>, BackendError> {
        self.backend.list_desktops(&self.home).await
    }

    /// Creations that the vendor was asked for, and those that it made.
    fn asked_and_made(&self) -> (usize, usize) {
        let ledger = self.sim.ledger();
        let asked = ledger.calls(self.vendor.create()).len();
        (asked, ledger.ever_created(Kind::Instance).len())
    }

    /// The only desktop there is, once it is in a state.
    async fn only(&self, state: DesktopState) -> ObservedDesktop {
        until(|| async {
            let mut listed = self.list().await.unwrap();
            assert!(listed.len() <= 1, "{listed:?}");
            listed.pop().filter(|desktop| desktop.state == state)
        })
        .await
    }

    /// The desktop of a creation whose answer was lost is found as this vendor allows, and it is the only one.
    async fn found_again(&self) {
        let made = self.only(DesktopState::Running).await;
        if self.backend.capabilities().create_identity == CreateIdentity::Token {
            let mut spec = self.spec();
            spec.resent = true;
            let again = self
                .backend
                .submit(&Operation::CreateDesktop(Box::new(spec)))
                .await
                .unwrap();
            assert_eq!(again.id.as_ref(), Some(&made.id));
        } else {
            let mark = naming::marker(&self.spec().uid);
            assert_eq!(made.marker.as_ref(), Some(&mark), "{made:?}");
        }
        assert_eq!(self.asked_and_made().1, 1);
    }
}

/// Runs a scenario at every vendor at once.
async fn everywhere<F: Future<Output = ()>>(scenario: impl Fn(Case) -> F) {
    join_all(all().into_iter().map(|vendor| async {
        scenario(Case::of(vendor).await).await;
    }))
    .await;
}

/// Everything that can come instead of an answer and comes at once.
fn spoilt() -> Vec<FaultKind> {
    vec![
        FaultKind::Status { http: 500, page: false },
        FaultKind::Status { http: 502, page: true },
        FaultKind::Status { http: 404, page: true },
        FaultKind::Status { http: 403, page: true },
        FaultKind::Status { http: 204, page: false },
        FaultKind::Html,
        FaultKind::Truncated,
        FaultKind::WrongTypes,
        FaultKind::Oversize,
        FaultKind::Reset,
        FaultKind::Code {
            http: 503,
            code: "ServiceUnavailable".into(),
            message: "later".into(),
        },
    ]
}

#[tokio::test]
async fn a_desktop_is_made_and_listed() {
    everywhere(|case| async move {
        assert!(case.list().await.unwrap().is_empty());
        case.create().await.unwrap();
        case.found_again().await;
    })
    .await;
}

#[tokio::test]
async fn a_listing_survives_what_passes_and_reports_what_lasts() {
    for kind in spoilt() {
        everywhere(|case| {
            let kind = kind.clone();
            async move {
                let list = case.vendor.list();
                case.sim.fault(Fault::on(list).kind(kind.clone()));
                assert!(case.list().await.unwrap().is_empty(), "{kind:?}");
                case.sim.fault(Fault::on(list).always().kind(kind.clone()));
                let error = case.list().await.unwrap_err();
                assert_eq!(error.class, ErrorClass::Transient, "{kind:?}: {error}");
                // Once again after what passed, and three times in all before it is given up.
                assert_eq!(case.sim.ledger().calls(list).len(), 2 + 3, "{kind:?}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_creation_without_a_clear_answer_is_sent_once_and_in_doubt() {
    let both = spoilt()
        .into_iter()
        .flat_map(|kind| [(kind.clone(), false), (kind, true)]);
    join_all(both.map(|(kind, took_effect)| {
        everywhere(move |case| {
            let kind = kind.clone();
            async move {
                let at = Fault::on(case.vendor.create());
                let at = if took_effect {
                    at.after_commit()
                } else {
                    at.before_commit()
                };
                case.sim.fault(at.kind(kind.clone()));
                let error = case.create().await.unwrap_err();
                assert_eq!(error.class, ErrorClass::Ambiguous, "{kind:?} {took_effect}: {error}");
                assert_eq!(case.asked_and_made(), (1, usize::from(took_effect)), "{kind:?}");
                if took_effect {
                    case.found_again().await;
                } else {
                    assert!(case.list().await.unwrap().is_empty(), "{kind:?}");
                }
            }
        })
    }))
    .await;
}

#[tokio::test]
async fn who_is_throttled_is_told_how_long_and_has_done_nothing() {
    everywhere(|case| async move {
        case.sim.fault(Fault::on(case.vendor.create()).throttle(1000));
        let error = case.create().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Throttled, "{error}");
        assert_eq!(error.retry_after, Some(Duration::from_secs(1)));
        assert_eq!(case.asked_and_made(), (1, 0));
        case.sim.fault(Fault::on(case.vendor.list()).throttle(10));
        assert!(case.list().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn silence_ends_with_the_deadline() {
    everywhere(|mut case| async move {
        case.sim.fault(Fault::on(case.vendor.create()).after_commit().timeout());
        case.sim.fault(Fault::on(case.vendor.list()).always().timeout());
        case.backend = account(&*case.vendor, &case.sim, Duration::from_millis(500));
        let error = case.list().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Transient, "{error}");
        // What is asked before it must have the time.
        case.backend = account(&*case.vendor, &case.sim, Duration::from_secs(3));
        let error = case.create().await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Ambiguous, "{error}");
        case.sim.clear_faults();
        case.found_again().await;
    })
    .await;
}

#[tokio::test]
async fn slow_answers_are_answers() {
    everywhere(|case| async move {
        case.sim
            .fault(Fault::on(case.vendor.create()).after_commit().slow(2000));
        case.create().await.unwrap();
        case.sim.fault(Fault::on(case.vendor.list()).slow(5000));
        assert_eq!(case.list().await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_nobody_heard_of_is_passed_over() {
    everywhere(|case| async move {
        case.sim.fault(Fault::on("*").always().more_fields());
        let catalog = case.backend.catalog().await.unwrap();
        assert!(!catalog.flavors.is_empty() || !catalog.cluster_types.is_empty());
        case.create().await.unwrap();
        case.found_again().await;
    })
    .await;
}

#[tokio::test]
async fn a_state_without_a_meaning_is_unknown_and_shown() {
    everywhere(|case| async move {
        case.create().await.unwrap();
        let made = case.only(DesktopState::Running).await;
        case.vendor.set_state(&case.sim, &made.id, "pondering");
        let odd = case.only(DesktopState::Unknown).await;
        assert!(odd.vendor_state.contains("pondering"), "{odd:?}");
        assert_eq!(odd.id, made.id);
    })
    .await;
}

#[tokio::test]
async fn what_shows_late_is_not_there_before() {
    everywhere(|case| async move {
        case.sim.fault(Fault::on(case.vendor.create()).late_visibility(HOUR));
        case.create().await.unwrap();
        assert!(case.list().await.unwrap().is_empty());
        case.sim.edit(AccountEdit::Advance { milliseconds: HOUR }).unwrap();
        case.found_again().await;
    })
    .await;
}

#[tokio::test]
async fn a_task_without_an_end_is_never_called_done() {
    everywhere(|case| async move {
        case.sim.fault(Fault::on(case.vendor.create()).never_finish_task());
        let receipt = case.create().await.unwrap();
        case.sim.edit(AccountEdit::Advance { milliseconds: HOUR }).unwrap();
        match &receipt.task {
            Some(task) => assert_eq!(case.backend.poll(task).await.unwrap(), TaskState::Running),
            // GWS begins none here: what it makes tells by its state how far it is.
            None if case.vendor.word() == "gws" => {}
            None => drop(case.only(DesktopState::Creating).await),
        }
    })
    .await;
}
