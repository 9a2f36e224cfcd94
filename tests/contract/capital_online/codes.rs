//! What the vendor's error codes come to, for a read and for a change.

use std::time::Duration;

use desktop_operator::backend::ErrorClass as C;
use desktop_operator::backend::Operation;
use desktop_operator::sim::Fault;
use desktop_operator::sim::capital_online::Edition;
use serde_json::json;

use super::backend::start;
use super::vendor::{Vendor, refusal};

/// HTTP status, code, class for a read, class for a change.
const CODES: &[(u16, &str, C, C)] = &[
    (200, "10003", C::Invalid, C::Invalid),
    (200, "10005", C::Transient, C::Ambiguous),
    (200, "10006", C::Invalid, C::NotFound),
    (200, "10007", C::Forbidden, C::Forbidden),
    (200, "10008", C::Transient, C::Ambiguous),
    (200, "10211", C::Transient, C::Ambiguous),
    (200, "11000", C::Transient, C::Ambiguous),
    (200, "11003", C::Transient, C::Ambiguous),
    (200, "11013", C::Transient, C::Ambiguous),
    (200, "12000", C::Transient, C::Ambiguous),
    (200, "12500", C::Transient, C::Ambiguous),
    (200, "12501", C::Quota, C::Quota),
    (200, "12502", C::Quota, C::Quota),
    (200, "12503", C::Invalid, C::Invalid),
    (200, "12504", C::Invalid, C::Invalid),
    (200, "12505", C::Transient, C::Ambiguous),
    (200, "12506", C::Transient, C::Ambiguous),
    (200, "13000", C::OutOfStock, C::OutOfStock),
    (200, "13001", C::Transient, C::Ambiguous),
    (200, "13002", C::Conflict, C::Conflict),
    (200, "13004", C::Conflict, C::Conflict),
    (200, "13011", C::Conflict, C::Conflict),
    (200, "13012", C::Conflict, C::Conflict),
    (200, "13013", C::Conflict, C::Conflict),
    (200, "13015", C::Transient, C::Ambiguous),
    (200, "13500", C::Transient, C::Ambiguous),
    (200, "13502", C::Transient, C::Ambiguous),
    (200, "13503", C::Transient, C::Ambiguous),
    (200, "13504", C::Transient, C::Ambiguous),
    (200, "13505", C::Invalid, C::Invalid),
    (200, "13506", C::Transient, C::Ambiguous),
    (200, "13507", C::Transient, C::Ambiguous),
    (400, "10003", C::Invalid, C::Invalid),
    // The gateway's.
    (400, "MissingParameter", C::Invalid, C::Invalid),
    (400, "InvalidParameter", C::Invalid, C::Invalid),
    (400, "ParamParseError", C::Invalid, C::Invalid),
    (400, "UnsupportedAction", C::Invalid, C::Invalid),
    (405, "UnsupportedHTTPMethod", C::Invalid, C::Invalid),
    (403, "InvalidAccessKeyId", C::Auth, C::Auth),
    (403, "SignatureDoesNotMatch", C::Auth, C::Auth),
    (400, "RequestExpired", C::Auth, C::Auth),
    (403, "AccessDenied", C::Forbidden, C::Forbidden),
    (400, "NotEnoughBalance", C::Billing, C::Billing),
    (400, "Account.Arrearage", C::Billing, C::Billing),
    (400, "QuotaExceed.Vm", C::Quota, C::Quota),
    (404, "Vm.NotFound", C::NotFound, C::NotFound),
    (403, "IncorrectInstanceStatus", C::Conflict, C::Conflict),
    (400, "ResourceBusy", C::Conflict, C::Conflict),
    (429, "RequestLimitExceeded", C::Throttled, C::Throttled),
    (200, "RequestLimitExceeded", C::Throttled, C::Throttled),
    (429, "SomethingNew", C::Throttled, C::Throttled),
    (400, "ResourceUnavailable", C::Transient, C::Ambiguous),
    (400, "SignatureNonceUsed", C::Transient, C::Ambiguous),
    (500, "InternalError", C::Transient, C::Ambiguous),
    (200, "InternalError", C::Transient, C::Ambiguous),
    // What nobody has seen says nothing about what was done, and a server that stumbles says nothing either.
    (200, "99999", C::Transient, C::Ambiguous),
    (400, "SomethingNew", C::Transient, C::Ambiguous),
    (500, "10003", C::Transient, C::Ambiguous),
    (502, "SomethingNew", C::Transient, C::Ambiguous),
];

fn rename() -> Operation {
    Operation::RenameDesktop {
        desktop_id: "vm-1".to_owned(),
        name: "a".to_owned(),
    }
}

#[tokio::test]
async fn codes_have_classes() {
    for (status, code, read, change) in CODES {
        let vendor = Vendor::start(|_| (*status, refusal(code))).await;
        // An account each: throttling slows an account down. Reads wait passing faults out, so many at once.
        let (by_read, by_change) = (vendor.backend(Edition::Y2022), vendor.backend(Edition::Y2022));
        let error = by_change.submit(&rename()).await.unwrap_err();
        assert_eq!(
            (error.class, error.action),
            (*change, "ChangeVmName"),
            "{status} {code}"
        );
        assert_eq!(error.code.as_deref(), Some(*code));
        vendor.only("ChangeVmName");
        if !matches!(read, C::Transient | C::Throttled) {
            let error = by_read.list_images().await.unwrap_err();
            assert_eq!((error.class, error.action), (*read, "QueryImages"), "{status} {code}");
        }
    }
}

#[tokio::test]
async fn passing_refusals_of_reads_are_waited_out() {
    futures::future::join_all(["12000", "13502", "InternalError", "99999"].map(|code| async move {
        let (sim, backend) = start(Edition::Y2022).await;
        sim.fault(Fault::on("QueryImages").times(2).code(200, code, "words"));
        assert!(!backend.list_images().await.unwrap().is_empty());
        assert_eq!(sim.ledger().calls("QueryImages").len(), 3);
    }))
    .await;
}

#[tokio::test]
async fn the_vendor_says_how_long_to_wait() {
    let (sim, backend) = start(Edition::Y2022).await;
    sim.fault(Fault::on("QueryImages").always().throttle(7_000));
    let error = backend.list_images().await.unwrap_err();
    assert_eq!(
        (error.class, error.retry_after),
        (C::Throttled, Some(Duration::from_secs(7)))
    );
}

#[tokio::test]
async fn a_refusal_that_is_not_complete_is_none() {
    for body in [
        json!({"Code": "10003"}),
        json!({"Code": "10003", "Message": ""}),
        json!({"Code": {"a": 1}, "Message": "m"}),
        json!({"Message": "no code"}),
        json!({"Code": "10003", "code": "10007", "Message": "m"}),
        json!(["Code", "10003"]),
    ] {
        let vendor = Vendor::start(move |_| (200, body.clone())).await;
        let error = vendor.backend(Edition::Y2022).submit(&rename()).await.unwrap_err();
        assert_eq!(error.class, C::Ambiguous);
        vendor.only("ChangeVmName");
    }
    // Numbers may come as numbers.
    let vendor = Vendor::start(|_| (200, json!({"Code": 10003, "msg": "m"}))).await;
    let error = vendor.backend(Edition::Y2022).submit(&rename()).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (C::Invalid, Some("10003")));
}

/// A server may repeat whatever it was sent, wherever it likes.
#[tokio::test]
async fn secrets_do_not_come_back() {
    for secret in ["testsecret", "testid"] {
        for body in [
            json!({"Code": secret, "Message": secret, "Data": secret}),
            json!({"Code": "10003", "Message": format!("{}{secret}", "x".repeat(250))}),
            json!({"Code": "SignatureDoesNotMatch", "Message": format!("String to sign: {secret}")}),
            json!({"Code": "Success", "Data": {"failedNum": 1, "failedMsgs": [{"vmId": "vm-1", "messsage": "m"}]}}),
        ] {
            let vendor = Vendor::start(move |_| (200, body.clone())).await;
            let unassign = Operation::UnassignUser {
                desktop_id: "vm-1".to_owned(),
            };
            let error = vendor.backend(Edition::Y2023).submit(&unassign).await.unwrap_err();
            assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
        }
    }
}
