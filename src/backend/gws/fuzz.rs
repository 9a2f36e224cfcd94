//! Answers nobody would think of: reading them never panics, and never finds more in them than there is.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

use super::calls::Yields;
use super::{map, receipt};
use crate::backend::client::Scrubber;
use crate::backend::decode::{Fields, timestamp};
use crate::backend::fuzz::{self, answer, cut, object, spoilt, status, value};
use crate::backend::model::TaskKind;
use crate::backend::rpc::errors::read;
use crate::backend::rpc::paging;
use crate::backend::{ErrorClass, ObservedCluster, ObservedDesktop, ObservedImage};
use crate::http::transport::Effect;

/// Field names that mean something, so that arbitrary objects get past the first look.
const NAMES: &[&str] = &[
    "AppList",
    "Clipboard",
    "ClusterId",
    "Clusters",
    "Code",
    "Connections",
    "CreateTime",
    "ExpireTime",
    "ImageId",
    "Images",
    "InstanceCount",
    "InstanceId",
    "Instances",
    "IsSupported",
    "LogoffStatus",
    "LogoffTime",
    "Message",
    "Progress",
    "RequestId",
    "Size",
    "Status",
    "TaskFinished",
    "TaskId",
    "Ticket",
    "TotalCount",
    "UserUid",
];

/// Values that are nearly right.
const TEXTS: &[&str] = &[
    "",
    "true",
    "1",
    "-1",
    "100%",
    "i-1",
    "OK",
    "InvalidParameter",
    "Throttling",
    "Wed Sep 25 16:17:39 CST 2019",
    "2099-12-31T15:59Z",
    "99999-99-99T99:99Z",
];

fn examples() -> Vec<String> {
    fuzz::examples("gws")
}

const YIELDS: [Yields; 5] = [
    Yields::Nothing,
    Yields::ClusterId,
    Yields::InstanceId,
    Yields::ImageId,
    Yields::Task(TaskKind::Policy),
];

/// Reads an object in every way there is.
fn read_all(object: &Map<String, Value>) {
    let fields = Fields::new(object);
    let _ = paging::page::<ObservedCluster>(fields);
    let _ = paging::page::<ObservedDesktop>(fields);
    let _ = paging::page::<ObservedImage>(fields);
    let _ = map::policy(fields);
    let _ = map::display_policy(fields);
    let _ = map::directory(fields);
    let _ = map::cluster_types(fields);
    let _ = map::sessions(fields);
    let _ = map::finished(fields);
    let _ = map::ticket(fields).map(|ticket| ticket.as_ref().map(super::decode_ticket));
    for yields in YIELDS {
        let receipt = receipt(yields, "x", fields);
        if let Ok(id) = receipt.as_ref().map(|receipt| receipt.id.as_deref()) {
            let creates = matches!(yields, Yields::ClusterId | Yields::InstanceId | Yields::ImageId);
            assert_eq!(id.is_some(), creates);
            assert_ne!(id, Some(""));
        }
    }
}

/// Reads bytes as the answer to a read and to a change.
fn judge(status: u16, body: &[u8]) {
    fuzz::judge(
        status,
        body,
        |effect, answer| read("Action", effect, answer, &Scrubber::new([])),
        |object| read_all(&object),
        |_| {
            let document: Value = serde_json::from_slice(body).unwrap();
            assert!(document["Code"].is_string() && document["RequestId"].is_string());
        },
    );
}

#[test]
fn very_many_answers() {
    fuzz::many(NAMES, TEXTS, &examples(), judge);
}

proptest! {
    #[test]
    fn any_object(object in object(NAMES, TEXTS)) {
        read_all(&object);
    }

    #[test]
    fn any_document(status in status(), document in value(NAMES, TEXTS)) {
        judge(status, document.to_string().as_bytes());
    }

    #[test]
    fn any_bytes(status in status(), body in vec(any::<u8>(), 0..200)) {
        judge(status, &body);
    }

    #[test]
    fn any_spoilt_example(status in status(), document in spoilt(examples(), value(NAMES, TEXTS))) {
        judge(status, document.to_string().as_bytes());
    }

    #[test]
    fn any_cut_example(example in select(examples()), end in any::<Index>()) {
        let cut = cut(&example, end);
        let result = read("Action", Effect::Change, &answer(200, cut), &Scrubber::new([]));
        prop_assert_eq!(result.unwrap_err().class, ErrorClass::Ambiguous);
    }

    #[test]
    fn any_date(text in prop_oneof![".*", "[A-Z][a-z]{2} [A-Z][a-z]{2} [0-9]{1,3} [0-9:]{1,9} CST -?[0-9]{1,6}"]) {
        let _ = timestamp(&text);
    }

    #[test]
    fn any_secret_is_taken_out(secret in "[A-Za-z0-9/+=]{4,20}", before in ".*", after in ".*") {
        let body = json!({"RequestId": "r", "Code": "InvalidParameter", "Message": format!("{before}{secret}{after}")});
        let key = secrecy::SecretString::from(secret.clone());
        let answer = answer(400, body.to_string().as_bytes());
        let error = read("Action", Effect::Read, &answer, &Scrubber::new([&key])).unwrap_err();
        prop_assert!(!error.message.contains(&secret), "{}", error.message);
    }
}
