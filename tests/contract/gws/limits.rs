//! How an account is slowed down and left alone.

use std::sync::Arc;
use std::time::Duration;

use desktop_operator::backend::{ErrorClass, Operation};
use desktop_operator::http::observe::Unobserved;
use serde_json::json;

use super::calls::{anything, desktop};
use super::vendor::{Notes, Reply, Vendor};

fn create() -> Operation {
    Operation::CreateDesktop(Box::new(desktop()))
}

fn throttled(milliseconds: u64) -> Reply {
    let body = json!({"RequestId": "r-1", "Code": "Throttling.User", "Message": "words"});
    Reply::Raw(
        429,
        vec![("x-acs-retry-after", milliseconds.to_string())],
        body.to_string().into_bytes(),
    )
}

#[tokio::test]
async fn a_throttled_change_is_not_repeated() {
    let vendor = Vendor::script(vec![throttled(50), anything()]).await;
    let error = vendor.backend().submit(&create()).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Throttled);
    assert_eq!(error.retry_after, Some(Duration::from_millis(50)));
    vendor.only();
}

#[tokio::test]
async fn a_throttled_read_waits_as_long_as_it_is_told() {
    let listing = Reply::ok(json!({"RequestId": "r", "TotalCount": 0}));
    let vendor = Vendor::script(vec![throttled(700), listing]).await;
    let notes = Arc::new(Notes::default());
    let backend = vendor.backend_with(notes.clone(), Duration::from_secs(30));
    assert!(backend.list_clusters().await.unwrap().is_empty());
    assert_eq!(
        *notes.calls.lock().unwrap(),
        [("DescribeClusters", "Throttled"), ("DescribeClusters", "ok")]
    );
}

#[tokio::test]
async fn a_read_does_not_wait_for_long_within_a_call() {
    let vendor = Vendor::saying(throttled(3_600_000)).await;
    let error = vendor.backend().list_clusters().await.unwrap_err();
    assert_eq!(error.retry_after, Some(Duration::from_hours(1)));
    vendor.only();
}

#[tokio::test]
async fn the_whole_account_waits_and_says_so() {
    let vendor = Vendor::script(vec![throttled(300), anything()]).await;
    let notes = Arc::new(Notes::default());
    let backend = vendor.backend_with(notes.clone(), Duration::from_secs(30));
    assert!(backend.submit(&create()).await.is_err());
    assert!(notes.waits.lock().unwrap().is_empty());
    backend.submit(&create()).await.unwrap();
    assert_eq!(notes.waits.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_account_that_gets_no_answer_is_left_alone() {
    let vendor = Vendor::saying(Reply::Reset).await;
    let backend = vendor.backend_with(Arc::new(Unobserved), Duration::from_secs(30));
    for _ in 0..5 {
        let error = backend.submit(&create()).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Ambiguous);
    }
    // Nothing is sent any more, which makes the error of a change a definite one.
    let error = backend.submit(&create()).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Transient, "{error}");
    assert!(error.retry_after.is_some());
    assert_eq!(backend.list_images().await.unwrap_err().class, ErrorClass::Transient);
    assert_eq!(vendor.seen().len(), 5);
}

#[tokio::test]
async fn answers_of_any_kind_keep_the_account_open() {
    let vendor = Vendor::saying(Reply::error(400, "InvalidParameter")).await;
    let backend = vendor.backend();
    for number in 1..=8 {
        assert!(backend.submit(&create()).await.is_err());
        assert_eq!(vendor.seen().len(), number);
    }
}

#[tokio::test]
async fn accounts_do_not_share_their_limits() {
    let vendor = Vendor::script(vec![throttled(60_000), anything()]).await;
    assert!(vendor.backend().submit(&create()).await.is_err());
    vendor.backend().submit(&create()).await.unwrap();
}
