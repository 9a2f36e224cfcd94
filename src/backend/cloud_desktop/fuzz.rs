//! Answers nobody would think of: reading them never panics, and never finds more in them than there is.

use std::path::Path;

use http::{HeaderMap, StatusCode};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value};

use super::calls::Yields;
use super::{map, receipt};
use crate::backend::ErrorClass;
use crate::backend::client::Scrubber;
use crate::backend::decode::Fields;
use crate::backend::rpc::errors::read;
use crate::backend::rpc::paging;
use crate::http::transport::{Answer, Effect};

/// Field names that mean something, so that arbitrary objects get past the first look.
const NAMES: &[&str] = &[
    "Available",
    "Code",
    "Cpu",
    "CreateDate",
    "DesktopChargeType",
    "DesktopId",
    "Desktops",
    "Email",
    "ExpiredDate",
    "Gpu",
    "GpuSpec",
    "ImageId",
    "Images",
    "Message",
    "Name",
    "OrderId",
    "OwnerVpcId",
    "Process",
    "RegionId",
    "Regions",
    "RequestId",
    "Status",
    "Total",
    "TypeItemId",
    "TypeItems",
    "UserInfo",
    "Users",
];

/// Values that are nearly right.
const TEXTS: &[&str] = &[
    "",
    "true",
    "1",
    "-1",
    "100%",
    "Active",
    "PREPAY",
    "vpc-1",
    "OK",
    "Create user #x# failed!",
    "AD access failed！",
    "Throttling",
    "[{\"RegionId\":\"cn-hangzhou\"}]",
    "2022-05-07 14:03:44",
    "9999-99-99 99:99:99",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cloud-desktop");
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

/// Reads an object in every way there is.
fn read_all(object: &Map<String, Value>) {
    let fields = Fields::new(object);
    let _ = paging::page::<map::Desktop>(fields);
    let _ = paging::page::<map::Image>(fields);
    let _ = map::regions(fields);
    if let Ok(flavors) = map::flavors(fields) {
        assert!(!flavors.is_empty() && flavors.iter().all(|flavor| !flavor.id.is_empty()));
    }
    if let Ok(available) = map::available(fields) {
        assert!(object.contains_key("Available"), "{available}");
    }
    if let Ok(owner) = map::owner(fields) {
        assert_eq!(owner.cluster.map(|cluster| cluster.id), owner.vpc_id);
    }
    if let Ok(users) = map::users(fields) {
        assert!(users.iter().all(|user| user.usable == user.email.is_some()));
    }
    let _ = map::created_user(fields, "x");
    for yields in [Yields::Nothing, Yields::Order, Yields::Desktop] {
        let receipt = receipt(yields, fields);
        if let Ok(id) = receipt.as_ref().map(|receipt| receipt.id.as_deref()) {
            assert_eq!(id.is_some(), yields == Yields::Desktop);
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
}
