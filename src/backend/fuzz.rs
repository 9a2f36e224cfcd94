//! Answers nobody would think of, for the decoders of all vendors: a vendor's own test says which names and words mean
//! something to it and how it reads.

use std::path::Path;

use http::{HeaderMap, StatusCode};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value};

use super::{BackendError, ErrorClass, Result};
use crate::http::transport::{Answer, Effect};

/// Words of a vendor: text in a test, known for the life of the program.
type Words = &'static [&'static str];

/// Any JSON, with field names and texts among it that the vendor uses.
pub(crate) fn value(names: Words, texts: Words) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0..3_i64).prop_map(Value::from),
        select(texts).prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let name = prop_oneof![4 => select(names).prop_map(str::to_owned), 1 => ".*"];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(name, inner, 0..8).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Any object whose fields the vendor uses.
pub(crate) fn object(names: Words, texts: Words) -> impl Strategy<Value = Map<String, Value>> {
    btree_map(select(names).prop_map(str::to_owned), value(names, texts), 0..10)
        .prop_map(|fields| fields.into_iter().collect())
}

/// The example answers in a folder under `tests/data`.
pub(crate) fn examples(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder);
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
pub(crate) fn spoilt(examples: Vec<String>, other: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    (select(examples), any::<Index>(), other).prop_map(|(example, place, other)| {
        let mut document: Value = serde_json::from_str(&example).unwrap();
        let mut found = Vec::new();
        places(&document, "", &mut found);
        *document.pointer_mut(&found[place.index(found.len())]).unwrap() = other;
        document
    })
}

/// An example without its end.
pub(crate) fn cut(example: &str, end: Index) -> &[u8] {
    let bytes = example.trim_end().as_bytes();
    &bytes[..end.index(bytes.len())]
}

/// A status, most often a good one.
pub(crate) fn status() -> impl Strategy<Value = u16> {
    let usual = vec![204_u16, 302, 400, 403, 404, 409, 429, 500, 503];
    prop_oneof![4 => Just(200_u16), 1 => select(usual), 1 => 100..=999_u16]
}

/// An answer without headers.
pub(crate) fn answer(status: u16, body: &[u8]) -> Answer {
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.to_vec(),
    }
}

/// Reads bytes as the answer to a read and to a change. `accepted` gets what was read, `refused` the error of a change
/// that says for certain that nothing was done.
pub(crate) fn judge<T>(
    status: u16,
    body: &[u8],
    read: impl Fn(Effect, &Answer) -> Result<T>,
    accepted: impl Fn(T),
    refused: impl Fn(&BackendError),
) {
    let answer = answer(status, body);
    for effect in [Effect::Read, Effect::Change] {
        match read(effect, &answer) {
            Ok(found) => {
                assert!((200..300).contains(&status));
                accepted(found);
            }
            Err(error) => {
                assert!(error.message.chars().count() <= 256);
                let definite = !matches!(error.class, ErrorClass::Ambiguous | ErrorClass::Transient);
                if effect == Effect::Change && definite {
                    assert!(status < 500);
                    refused(&error);
                }
                assert!(effect == Effect::Read || error.class != ErrorClass::Transient);
            }
        }
    }
}
