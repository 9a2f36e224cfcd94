//! Answers that are none. For a change each of them leaves open what was done; a read is simply made again.

use std::sync::Arc;
use std::time::Duration;

use desktop_operator::backend::{Backend, BackendError, ErrorClass, Operation};
use desktop_operator::http::observe::Unobserved;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::calls::{anything, desktop, operations};
use super::vendor::{Notes, Reply, Vendor, backend_at};

fn create() -> Operation {
    Operation::CreateDesktop(Box::new(desktop()))
}

fn page(status: u16) -> Reply {
    let html = vec![("Content-Type", "text/html".to_owned())];
    Reply::Raw(status, html, b"<html>canary</html>".to_vec())
}

/// A well-formed answer of more than a mebibyte.
fn oversize() -> Reply {
    let padding = "x".repeat((1 << 20) + 1);
    Reply::ok(json!({"RequestId": "r-1", "InstanceId": "i-1", "TotalCount": 0, "Padding": padding}))
}

/// Everything that can come instead of an answer and comes at once.
fn faults() -> Vec<(&'static str, Reply)> {
    let raw = |status: u16, body: &[u8]| Reply::Raw(status, Vec::new(), body.to_vec());
    vec![
        ("page 200", page(200)),
        ("page 403", page(403)),
        ("page 404", page(404)),
        ("page 429", page(429)),
        ("page 502", page(502)),
        ("empty 200", raw(200, b"")),
        ("empty 204", raw(204, b"")),
        ("empty 500", raw(500, b"")),
        ("empty 503", raw(503, b"")),
        ("half a document", raw(200, br#"{"RequestId":"r-1","InstanceId":"i-"#)),
        (
            "two documents",
            raw(200, br#"{"RequestId":"r-1","InstanceId":"i-1"}{}"#),
        ),
        ("no text", raw(200, &[0xff, 0xfe, 0x00])),
        ("an array", raw(200, b"[]")),
        ("a word", raw(200, br#""OK""#)),
        ("null", raw(200, b"null")),
        ("deep", raw(200, "[".repeat(100_000).as_bytes())),
        (
            "success in a 500",
            Reply::Json(500, json!({"RequestId": "r", "InstanceId": "i-1", "TotalCount": 0})),
        ),
        ("oversize", oversize()),
        ("truncated", Reply::Truncated),
        ("reset", Reply::Reset),
    ]
}

#[tokio::test]
async fn a_change_is_sent_once_and_is_in_doubt() {
    for (name, reply) in faults() {
        let vendor = Vendor::saying(reply).await;
        let error = vendor.backend().submit(&create()).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Ambiguous, "{name}: {error}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{name}: {error:?}");
        vendor.only();
    }
}

#[tokio::test]
async fn every_change_is_sent_once() {
    let vendor = Vendor::saying(page(502)).await;
    for (number, case) in operations().into_iter().enumerate() {
        let error = vendor.backend().submit(&case.operation).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Ambiguous, "{}", case.action);
        assert_eq!(error.action, case.action);
        assert_eq!(vendor.seen().len(), number + 1);
    }
}

#[tokio::test]
async fn a_read_is_made_again_and_then_given_up() {
    join_all(faults().into_iter().map(|(name, reply)| async move {
        let vendor = Vendor::saying(reply).await;
        let notes = Arc::new(Notes::default());
        let backend = vendor.backend_with(notes.clone(), Duration::from_secs(30));
        let error = backend.get_policy("gws-1").await.unwrap_err();
        let class = if name == "page 429" {
            ErrorClass::Throttled
        } else {
            ErrorClass::Transient
        };
        assert_eq!(error.class, class, "{name}: {error}");
        let seen = vendor.seen();
        assert_eq!(seen.len(), 3, "{name}");
        assert_ne!(seen[0].query["SignatureNonce"], seen[1].query["SignatureNonce"]);
        let call = ("DescribeClusterPolicy", class.as_str());
        assert_eq!(*notes.calls.lock().unwrap(), [call; 3], "{name}");
    }))
    .await;
}

#[tokio::test]
async fn a_read_survives_a_passing_fault() {
    join_all(faults().into_iter().map(|(name, reply)| async move {
        let listing = Reply::ok(json!({"RequestId": "r", "TotalCount": 0, "Clusters": []}));
        let vendor = Vendor::script(vec![reply, listing]).await;
        assert!(vendor.backend().list_clusters().await.unwrap().is_empty(), "{name}");
        assert_eq!(vendor.seen().len(), 2, "{name}");
    }))
    .await;
}

#[tokio::test]
async fn silence_ends_with_the_deadline() {
    let short = Duration::from_millis(300);
    let vendor = Vendor::saying(Reply::Silence).await;
    let backend = vendor.backend_with(Arc::new(Unobserved), short);
    let error = backend.submit(&create()).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Ambiguous);
    assert_eq!(error.message, "no complete answer: the deadline has passed");
    vendor.only();
    let error = backend.list_clusters().await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Transient);
}

#[tokio::test]
async fn who_is_not_reached_was_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let backend = backend_at(&url, Arc::new(Unobserved), Duration::from_secs(5));
    let error = backend.submit(&create()).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Transient, "{error}");
    assert!(error.message.starts_with("not sent: "), "{error}");
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("127.0.0.1") && !text.contains("canary"), "{text}");
    }
}

async fn submitted(body: Value) -> Result<(), BackendError> {
    let vendor = Vendor::saying(Reply::ok(body)).await;
    let result = vendor.backend().submit(&create()).await;
    vendor.only();
    result.map(|_| ())
}

#[tokio::test]
async fn a_creation_without_an_id_is_in_doubt() {
    for id in [
        json!(null),
        json!(""),
        json!({}),
        json!([]),
        json!(["i-1"]),
        json!("i 1"),
        json!("x".repeat(129)),
    ] {
        let error = submitted(json!({"RequestId": "r-1", "InstanceId": id}))
            .await
            .unwrap_err();
        assert_eq!(error.class, ErrorClass::Ambiguous, "{id}");
    }
    let error = submitted(json!({"RequestId": "r-1"})).await.unwrap_err();
    assert_eq!(error.message, "the answer's InstanceId is missing");
    // Nobody but the vendor answers without a request id.
    for request_id in [json!(null), json!(""), json!({})] {
        let error = submitted(json!({"RequestId": request_id, "InstanceId": "i-1"}))
            .await
            .unwrap_err();
        assert_eq!(error.class, ErrorClass::Ambiguous, "{request_id}");
    }
    submitted(json!({"RequestId": 7, "InstanceId": "i-1", "More": [1]}))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_answer_after_a_fault_is_an_answer() {
    let vendor = Vendor::script(vec![Reply::Reset, anything()]).await;
    let backend: Arc<dyn Backend> = vendor.backend();
    assert!(backend.submit(&create()).await.is_err());
    assert_eq!(backend.submit(&create()).await.unwrap().id.as_deref(), Some("i-1"));
}
