//! A creation whose answer was lost is asked for again with its token, and no other is begun while it is open.

use jiff::{Timestamp, ToSpan};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;

use super::tests::{Case, THRIFTY, UID, limits, now, spec};
use super::*;
use crate::api::common::{Binding, CreatePhase};
use crate::api::condition::Stamp;
use crate::backend::capabilities::{CreateIdentity, Naming};
use crate::backend::{DesktopSpec, ErrorClass, Receipt};
use crate::plan::managed::Managed;

/// A vendor that knows a creation by its token and shows no desktops.
static BLIND: Capabilities = Capabilities {
    vendor: "cloudDesktop",
    create_identity: CreateIdentity::Token,
    observe_desktops: false,
    naming: Naming::Vendor,
    ..THRIFTY
};

fn case() -> Case {
    let mut spec = spec();
    spec.system_disk = None;
    let mut case = Case::new(spec, DesktopStatus::default());
    case.capabilities = &BLIND;
    case
}

fn sent(plan: &Plan) -> Option<&DesktopSpec> {
    match &plan.action {
        Action::Create(request) => Some(request),
        _ => None,
    }
}

fn error(class: ErrorClass) -> Result<Receipt, BackendError> {
    Err(BackendError::new(class, "CreateDesktop", "-"))
}

/// What the status is after what a plan sent was answered.
fn answered(plan: &Plan, answer: &Result<Receipt, BackendError>, now: Timestamp) -> DesktopStatus {
    let mut status = plan.status.clone();
    let intent = status.create.clone().unwrap();
    let binding = Binding {
        uid: UID.into(),
        provider: "aliyun".into(),
        cluster_id: Some("vpc-1".into()),
        since_time: Time(now),
        adopted: false,
    };
    let stamp = Stamp { generation: 1, now };
    status.parts().created(&intent, binding, answer, &limits(), stamp);
    status
}

#[test]
fn a_refusal_of_the_second_sending_says_nothing_about_the_first() {
    let case = case();
    let first = case.plan();
    let request = sent(&first).unwrap();
    assert!(!request.resent);
    let status = answered(&first, &error(ErrorClass::Ambiguous), now());
    let later = now() + 40.seconds();
    let second = case.plan_at(&status, later);
    let repeated = sent(&second).unwrap();
    assert!(repeated.resent);
    assert_eq!(repeated.token(), request.token());
    for class in [
        ErrorClass::OutOfStock,
        ErrorClass::Throttled,
        ErrorClass::NotFound,
        ErrorClass::Auth,
    ] {
        let status = answered(&second, &error(class), later);
        assert_eq!(status.create.as_ref().unwrap().phase, CreatePhase::Open, "{class}");
        assert!(status.last_error.is_some());
        let third = case.plan_at(&status, later + 40.seconds());
        assert_eq!(sent(&third).unwrap().token(), request.token(), "{class}");
    }
    // The first sending's own refusal is one: the next attempt is another.
    let refused = answered(&first, &error(ErrorClass::OutOfStock), now());
    assert_eq!(refused.create.as_ref().unwrap().phase, CreatePhase::Failed);
    let next = case.plan_at(&refused, now() + 1.hour());
    assert_ne!(sent(&next).unwrap().token(), request.token());
}

#[test]
fn an_answer_to_the_second_sending_is_the_answer() {
    let case = case();
    let first = case.plan();
    let status = answered(&first, &error(ErrorClass::Ambiguous), now());
    let second = case.plan_at(&status, now() + 40.seconds());
    let receipt = Receipt {
        id: Some("d-1".into()),
        ..Receipt::default()
    };
    let status = answered(&second, &Ok(receipt), now() + 40.seconds());
    assert_eq!((status.id.as_deref(), status.create), (Some("d-1"), None));
}

proptest! {
    /// Until a human or the limit decides, every sending carries the token of the first one, whatever is answered.
    #[test]
    fn one_token_while_the_question_is_open(
        steps in proptest::collection::vec((1i64..60, 0usize..5), 1..12),
    ) {
        let case = case();
        let first = case.plan();
        let token = sent(&first).unwrap().token();
        let mut status = answered(&first, &error(ErrorClass::Ambiguous), now());
        let mut at = now();
        for (seconds, class) in steps {
            at += seconds.seconds();
            let plan = case.plan_at(&status, at);
            status = plan.status.clone();
            if let Some(request) = sent(&plan) {
                prop_assert_eq!(request.token(), token.clone());
                let class = [ErrorClass::Ambiguous, ErrorClass::Invalid, ErrorClass::Quota, ErrorClass::Conflict,
                             ErrorClass::Transient][class];
                status = answered(&plan, &error(class), at);
            }
        }
    }
}
