//! Answers nobody would think of, for the decoders of all vendors: a vendor's own test says which names and words mean
//! something to it and how it reads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use http::{HeaderMap, StatusCode};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
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

/// What answers of a vendor are made of when very many are wanted: proptest, which can make any failing answer smaller,
/// takes longer to think of one than a decoder to read it.
struct Dice {
    rng: StdRng,
    names: Words,
    texts: Words,
}

impl Dice {
    fn text(&mut self) -> String {
        let known = *self.texts.choose(&mut self.rng).unwrap();
        match self.rng.random_range(0..8) {
            0..5 => known.to_owned(),
            // Nearly what is known.
            5 => known.chars().skip(1).collect(),
            6 => format!("{known}{}", self.rng.random::<char>()),
            _ => {
                let length = self.rng.random_range(0..24);
                (0..length).map(|_| self.rng.random::<char>()).collect()
            }
        }
    }

    fn name(&mut self) -> String {
        if self.rng.random_ratio(1, 12) {
            return self.text();
        }
        (*self.names.choose(&mut self.rng).unwrap()).to_owned()
    }

    fn leaf(&mut self) -> Value {
        match self.rng.random_range(0..10) {
            0 => Value::Null,
            1 => self.rng.random::<bool>().into(),
            2 => self.rng.random::<i64>().into(),
            3 => self.rng.random::<u64>().into(),
            4 => f64::from_bits(self.rng.random()).into(),
            5 => self.rng.random_range(0..3_i64).into(),
            _ => self.text().into(),
        }
    }

    fn object(&mut self, depth: usize) -> Value {
        let length = self.rng.random_range(0..10);
        let fields = (0..length).map(|_| (self.name(), self.value(depth)));
        Value::Object(fields.collect())
    }

    /// Anything, with lists and objects of at most so many levels in it.
    fn value(&mut self, depth: usize) -> Value {
        match self.rng.random_range(0..4) {
            0 if depth > 0 => self.object(depth - 1),
            1 if depth > 0 => {
                let length = self.rng.random_range(0..4);
                (0..length).map(|_| self.value(depth - 1)).collect()
            }
            _ => self.leaf(),
        }
    }

    /// An example in which a few places hold anything.
    fn spoilt(&mut self, (example, places): &(Value, Vec<String>)) -> Value {
        let mut document = example.clone();
        for _ in 0..self.rng.random_range(1..4) {
            // What an earlier change has taken away cannot be changed.
            if let Some(place) = document.pointer_mut(places.choose(&mut self.rng).unwrap()) {
                *place = self.value(3);
            }
        }
        document
    }

    /// A text in which a few bytes are others, or are missing.
    fn damaged(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for _ in 0..self.rng.random_range(1..6) {
            if bytes.is_empty() {
                break;
            }
            let place = self.rng.random_range(0..bytes.len());
            match self.rng.random_range(0..3) {
                0 => bytes[place] = self.rng.random(),
                1 => drop(bytes.remove(place)),
                _ => bytes.truncate(place),
            }
        }
        bytes
    }

    fn status(&mut self) -> u16 {
        match self.rng.random_range(0..8) {
            0 => self.rng.random_range(100..=999),
            1 | 2 => *[204, 302, 400, 403, 404, 409, 429, 500, 503]
                .choose(&mut self.rng)
                .unwrap(),
            _ => 200,
        }
    }

    fn body(&mut self, examples: &[(Value, Vec<String>)]) -> Vec<u8> {
        let example = examples.choose(&mut self.rng).unwrap();
        match self.rng.random_range(0..10) {
            0 | 1 => self.value(4).to_string().into_bytes(),
            2..5 => self.object(4).to_string().into_bytes(),
            5..8 => self.spoilt(example).to_string().into_bytes(),
            8 => self.damaged(example.0.to_string().into_bytes()),
            _ => {
                let length = self.rng.random_range(0..200);
                (0..length).map(|_| self.rng.random::<u8>()).collect()
            }
        }
    }
}

/// A number from the environment.
fn told(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// Judges very many answers: `FUZZ_CASES` of them, from number `FUZZ_FIRST` on. The same number is always the same
/// answer, so that one that fails can be judged again alone.
pub(crate) fn many(names: Words, texts: Words, examples: &[String], judge: impl Fn(u16, &[u8])) {
    let examples: Vec<(Value, Vec<String>)> = examples
        .iter()
        .map(|example| {
            let document = serde_json::from_str(example).unwrap();
            let mut found = Vec::new();
            places(&document, "", &mut found);
            (document, found)
        })
        .collect();
    let first = told("FUZZ_FIRST", 0);
    for number in first..first + told("FUZZ_CASES", 5_000) {
        let rng = StdRng::seed_from_u64(number);
        let mut dice = Dice { rng, names, texts };
        let (status, body) = (dice.status(), dice.body(&examples));
        let judged = catch_unwind(AssertUnwindSafe(|| judge(status, &body)));
        assert!(
            judged.is_ok(),
            "answer {number} (FUZZ_FIRST={number} FUZZ_CASES=1), HTTP {status}: {}",
            String::from_utf8_lossy(&body)
        );
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
