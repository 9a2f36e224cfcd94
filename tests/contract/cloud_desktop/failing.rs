//! Answers that are none, and refusals: what each means for a read and for a change.

use std::sync::Arc;

use desktop_operator::api::desktop::PeriodUnit;
use desktop_operator::backend::{ErrorClass as C, Operation};
use futures::future::join_all;
use serde_json::json;

use super::account::{at, connected, documented_at, example, examples, examples_but, spec};
use super::calls::{operations, term};
use crate::gws::vendor::{KEY_ID, KEY_SECRET, Notes, Reply, TOKEN, Vendor, secret};

fn delete() -> Operation {
    Operation::DeleteDesktop {
        desktop_id: "desktop-xxx".into(),
    }
}

fn renew() -> Operation {
    Operation::RenewDesktop {
        desktop_id: "desktop-xxx".into(),
        term: term(1, PeriodUnit::Month, false),
    }
}

fn page(status: u16) -> Reply {
    let html = vec![("Content-Type", "text/html".to_owned())];
    Reply::Raw(status, html, b"<html>canary</html>".to_vec())
}

/// Everything that can come instead of an answer and comes at once.
fn faults() -> Vec<(&'static str, Reply)> {
    let raw = |status: u16, body: &[u8]| Reply::Raw(status, Vec::new(), body.to_vec());
    let mut long = example("DescribeDesktopOwner");
    long["Padding"] = "x".repeat((1 << 20) + 1).into();
    vec![
        ("page 200", page(200)),
        ("page 403", page(403)),
        ("page 404", page(404)),
        ("page 502", page(502)),
        ("empty 200", raw(200, b"")),
        ("empty 503", raw(503, b"")),
        ("half a document", raw(200, br#"{"RequestId":"r-1","DesktopId":"d"#)),
        ("no text", raw(200, &[0xff, 0xfe, 0x00])),
        ("an array", raw(200, b"[]")),
        ("success in a 500", Reply::Json(500, example("CreateDesktop"))),
        ("oversize", Reply::ok(long)),
        ("truncated", Reply::Truncated),
        ("reset", Reply::Reset),
    ]
}

#[tokio::test]
async fn a_change_is_sent_once_and_is_in_doubt() {
    for (name, reply) in faults() {
        for operation in [delete(), renew()] {
            let vendor = Vendor::saying(reply.clone()).await;
            let error = documented_at(&vendor).submit(&operation).await.unwrap_err();
            assert_eq!(error.class, C::Ambiguous, "{name}: {error}");
            assert!(!format!("{error} {error:?}").contains("canary"), "{name}: {error:?}");
            vendor.only();
        }
    }
    for case in operations() {
        let vendor = Vendor::saying(page(502)).await;
        let error = at(&vendor).submit(&case.operation).await.unwrap_err();
        assert_eq!((error.class, error.action), (C::Ambiguous, case.action));
        vendor.only();
    }
}

#[tokio::test]
async fn a_read_is_made_again_and_then_given_up() {
    join_all(faults().into_iter().map(|(name, reply)| async move {
        let vendor = Vendor::saying(reply).await;
        let notes = Arc::new(Notes::default());
        let backend = connected(&spec(Some(&vendor.url), true), &secret(), notes.clone());
        let error = backend.list_clusters().await.unwrap_err();
        assert_eq!(error.class, C::Transient, "{name}: {error}");
        assert_eq!(vendor.seen().len(), 3, "{name}");
        let call = ("DescribeDesktopOwner", "Transient");
        assert_eq!(*notes.calls.lock().unwrap(), [call; 3], "{name}");
    }))
    .await;
}

#[tokio::test]
async fn a_read_survives_a_passing_fault() {
    join_all(faults().into_iter().map(|(name, reply)| async move {
        let vendor = Vendor::script(vec![reply, Reply::ok(example("DescribeDesktopOwner"))]).await;
        assert_eq!(at(&vendor).list_clusters().await.unwrap().len(), 1, "{name}");
        assert_eq!(vendor.seen().len(), 2, "{name}");
    }))
    .await;
}

#[tokio::test]
async fn refusals_are_told_apart_by_their_codes() {
    let cases = [
        (429, "Throttling.User", C::Throttled, C::Throttled),
        (503, "ServiceUnavailable", C::Transient, C::Ambiguous),
        (400, "SignatureDoesNotMatch", C::Auth, C::Auth),
        (400, "SignatureNonceUsed", C::Transient, C::Ambiguous),
        (403, "Forbidden.RAM", C::Forbidden, C::Forbidden),
        (404, "InvalidApi.NotFound", C::Invalid, C::Invalid),
        (400, "MissingParameter", C::Invalid, C::Invalid),
        (403, "IncorrectDesktopStatus", C::Conflict, C::Conflict),
        (403, "IncorrectOwnerStatus", C::Conflict, C::Conflict),
        (403, "ChargeTypeViolation", C::Conflict, C::Conflict),
        (403, "OperationDenied.NoStock", C::OutOfStock, C::OutOfStock),
        (403, "QuotaExceed.Desktop", C::Quota, C::Quota),
        (400, "InDebt", C::Billing, C::Billing),
        (400, "IdempotentParameterMismatch", C::Ambiguous, C::Ambiguous),
        (200, "Domain name must be set!", C::Invalid, C::Invalid),
        (200, "Create user #x# failed!", C::Transient, C::Ambiguous),
        (200, "AD access failed！", C::Transient, C::Ambiguous),
        (200, "AD access failed!", C::Transient, C::Ambiguous),
        (400, "NeverHeardOf", C::Transient, C::Ambiguous),
    ];
    join_all(cases.map(|(status, code, for_a_read, for_a_change)| async move {
        let vendor = Vendor::saying(Reply::error(status, code)).await;
        let backend = at(&vendor);
        let error = backend.list_clusters().await.unwrap_err();
        assert_eq!(error.class, for_a_read, "{code}");
        assert_eq!(error.code.as_deref(), Some(code));
        let error = backend.submit(&renew()).await.unwrap_err();
        assert_eq!(error.class, for_a_change, "{code}");
    }))
    .await;
}

#[tokio::test]
async fn a_deletion_of_what_is_gone_has_succeeded() {
    for code in [
        "InvalidDesktopId.NotFound",
        "InvalidDesktop.NotExist",
        "DesktopNotFound",
    ] {
        let vendor = Vendor::saying(Reply::error(404, code)).await;
        let receipt = documented_at(&vendor).submit(&delete()).await.unwrap();
        assert!(receipt.gone && receipt.request_id.is_some(), "{code}");
        // A renewal of it has not.
        let error = documented_at(&vendor).submit(&renew()).await.unwrap_err();
        assert_eq!(error.class, C::NotFound, "{code}");
    }
    for (status, code) in [
        (404, "InvalidApi.NotFound"),
        (404, "InvalidRegionId.NotFound"),
        (404, "InvalidDesktopOwner.NotFound"),
        (404, "InvalidDesktopType.NotFound"),
        (404, "InvalidDesktopUser.NotFound"),
        (403, "IncorrectDesktopStatus"),
        (503, "InvalidDesktopId.NotFound"),
    ] {
        let vendor = Vendor::saying(Reply::error(status, code)).await;
        documented_at(&vendor).submit(&delete()).await.unwrap_err();
    }
    let vendor = examples().await;
    assert!(!documented_at(&vendor).submit(&delete()).await.unwrap().gone);
}

#[tokio::test]
async fn secrets_are_taken_out_of_every_text() {
    let words = format!("you sent {KEY_ID} and {KEY_SECRET} and {TOKEN}");
    let body = json!({"RequestId": KEY_ID, "Code": format!("InvalidParameter.{KEY_SECRET}"), "Message": words});
    let vendor = examples_but(move |_| Some(Reply::Json(400, body.clone()))).await;
    for error in [
        at(&vendor).list_users().await.unwrap_err(),
        at(&vendor).submit(&delete()).await.unwrap_err(),
    ] {
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
}
