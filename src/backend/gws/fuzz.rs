//! Answers nobody would think of: reading them never panics, and never finds more in them than there is.

use std::path::Path;

use http::{HeaderMap, StatusCode};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

use super::calls::Yields;
use super::{map, receipt};
use crate::backend::client::Scrubber;
use crate::backend::decode::{Fields, timestamp};
use crate::backend::model::TaskKind;
use crate::backend::rpc::errors::read;
use crate::backend::rpc::paging;
use crate::backend::{ErrorClass, ObservedCluster, ObservedDesktop, ObservedImage};
use crate::http::transport::{Answer, Effect};

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

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0..3_i64).prop_map(Value::from),
        select(TEXTS).prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let name = prop_oneof![4 => select(NAMES).prop_map(str::to_owned), 1 => ".*"];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(name, inner, 0..8).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    btree_map(select(NAMES).prop_map(str::to_owned), value(), 0..10).prop_map(|fields| fields.into_iter().collect())
}

fn examples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gws");
    let mut examples: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    examples.sort();
    examples
}

/// Every place in a document.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                places(inner, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (number, inner) in items.iter().enumerate() {
                places(inner, &format!("{at}/{number}"), found);
            }
        }
        _ => {}
    }
}

/// An example with one place replaced by anything.
fn spoilt() -> impl Strategy<Value = Value> {
    (select(examples()), any::<Index>(), value()).prop_map(|(example, place, other)| {
        let mut document: Value = serde_json::from_str(&example).unwrap();
        let mut found = Vec::new();
        places(&document, "", &mut found);
        *document.pointer_mut(&found[place.index(found.len())]).unwrap() = other;
        document
    })
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

fn answer(status: u16, body: &[u8]) -> Answer {
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.to_vec(),
    }
}

/// Reads bytes as the answer to a read and to a change.
fn judge(status: u16, body: &[u8]) {
    let answer = answer(status, body);
    for effect in [Effect::Read, Effect::Change] {
        match read("Action", effect, &answer, &Scrubber::new([])) {
            Ok(object) => {
                assert!((200..300).contains(&status));
                read_all(&object);
            }
            Err(error) => {
                assert!(error.message.chars().count() <= 256);
                let definite = !matches!(error.class, ErrorClass::Ambiguous | ErrorClass::Transient);
                if effect == Effect::Change && definite {
                    let document: Value = serde_json::from_slice(body).unwrap();
                    assert!(document["Code"].is_string() && document["RequestId"].is_string());
                    assert!(status < 500);
                }
                assert!(effect == Effect::Read || error.class != ErrorClass::Transient);
            }
        }
    }
}

fn status() -> impl Strategy<Value = u16> {
    prop_oneof![4 => Just(200_u16), 1 => select(vec![204_u16, 302, 400, 403, 404, 429, 500, 503]), 1 => 100..=999_u16]
}

proptest! {
    #[test]
    fn any_object(object in object()) {
        read_all(&object);
    }

    #[test]
    fn any_document(status in status(), document in value()) {
        judge(status, document.to_string().as_bytes());
    }

    #[test]
    fn any_bytes(status in status(), body in vec(any::<u8>(), 0..200)) {
        judge(status, &body);
    }

    #[test]
    fn any_spoilt_example(status in status(), document in spoilt()) {
        judge(status, document.to_string().as_bytes());
    }

    #[test]
    fn any_cut_example(example in select(examples()), end in any::<Index>()) {
        let bytes = example.trim_end().as_bytes();
        let cut = &bytes[..end.index(bytes.len())];
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
