//! Reading what vendors really send: numbers and booleans as text, one object where a list is declared, empty texts
//! for nothing, dates of several fashions. What has the wrong type altogether reads as nothing, never as a guess.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A text, or a number or boolean written as one. Empty reads as nothing.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text).filter(|t| !t.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    })
}

/// A whole number, or a text that holds one.
pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

/// A boolean, or a text or number that means one.
pub fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(truth) => Some(truth),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        },
        Value::Number(number) => number.as_i64().map(|n| n != 0),
        _ => None,
    })
}

/// A list, one bare object where a list is declared, or an object that wraps a list under a single key. Nothing and
/// empty text read as an empty list; anything else is an error: an unreadable list is not an empty one.
pub fn list<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    items(Value::deserialize(deserializer)?)
        .map(Some)
        .map_err(D::Error::custom)
}

fn items<T: DeserializeOwned>(value: Value) -> Result<Vec<T>, String> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) if text.is_empty() => Ok(Vec::new()),
        Value::Array(all) => all.into_iter().map(item).collect(),
        Value::Object(map) => {
            let wrapped = map.len() == 1 && map.values().all(|inner| inner.is_array() || inner.is_object());
            if wrapped {
                return items(map.into_iter().next().map(|(_, inner)| inner).unwrap_or_default());
            }
            item(Value::Object(map)).map(|one| vec![one])
        }
        _ => Err("neither a list nor an object".to_owned()),
    }
}

fn item<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    if value.is_object() {
        serde_json::from_value(value).map_err(|_| "an item cannot be read".to_owned())
    } else {
        Err("an item is not an object".to_owned())
    }
}

/// A point in time: RFC 3339 with or without seconds, or the fashion of `Wed Sep 25 16:17:39 CST 2019`, where CST is
/// China's.
#[must_use]
pub fn timestamp(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(exact) = text.parse::<Timestamp>() {
        return Some(exact);
    }
    if let Ok(short) = DateTime::strptime("%Y-%m-%dT%H:%MZ", text) {
        return short.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp());
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let [_, month, day, time, "CST", year] = words.as_slice() else {
        return None;
    };
    let civil = DateTime::strptime("%b %d %H:%M:%S %Y", format!("{month} {day} {time} {year}")).ok()?;
    civil
        .to_zoned(TimeZone::fixed(Offset::constant(8)))
        .ok()
        .map(|z| z.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Probe {
        #[serde(default, deserialize_with = "text")]
        text: Option<String>,
        #[serde(default, deserialize_with = "number")]
        number: Option<i64>,
        #[serde(default, deserialize_with = "truth")]
        truth: Option<bool>,
        #[serde(default, deserialize_with = "list")]
        list: Option<Vec<Inner>>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Inner {
        #[serde(default, deserialize_with = "text")]
        a: Option<String>,
    }

    fn probe(json: &str) -> Result<Probe, String> {
        serde_json::from_str(json).map_err(|e| e.to_string())
    }

    #[test]
    fn odd_types_are_read() {
        let odd = probe(r#"{"text": 7, "number": "42", "truth": "True", "list": {"a": "x"}}"#).unwrap();
        let inner = |a: &str| Inner { a: Some(a.into()) };
        let expected = Probe {
            text: Some("7".into()),
            number: Some(42),
            truth: Some(true),
            list: Some(vec![inner("x")]),
        };
        assert_eq!(odd, expected);
        let wrapped = probe(r#"{"list": {"Item": [{"a": "x"}, {"a": 1}]}}"#).unwrap();
        assert_eq!(wrapped.list, Some(vec![inner("x"), inner("1")]));
        assert_eq!(probe("{}").unwrap().list, None);
        assert_eq!(probe(r#"{"list": null}"#).unwrap().list, Some(vec![]));
        assert_eq!(probe(r#"{"text": "", "number": "x", "truth": []}"#).unwrap().text, None);
        assert!(probe(r#"{"list": "none"}"#).is_err() && probe(r#"{"list": [1]}"#).is_err());
    }

    #[test]
    fn dates_of_every_documented_fashion_are_read() {
        for (text, expected) in [
            ("Wed Sep 25 16:17:39 CST 2019", "2019-09-25T08:17:39Z"),
            ("Mon May 27 13:33:42 CST 2019", "2019-05-27T05:33:42Z"),
            ("2019-10-12T07:35Z", "2019-10-12T07:35:00Z"),
            ("2020-09-03T01:02:03.456Z", "2020-09-03T01:02:03.456Z"),
            ("2020-09-17T02:02:25Z", "2020-09-17T02:02:25Z"),
            ("2099-12-31T15:59Z", "2099-12-31T15:59:00Z"),
        ] {
            assert_eq!(
                timestamp(text).map(|t| t.to_string()).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        for text in ["", "soon", "2019-13-01T00:00Z", "Wed Sep 25 16:17:39 XXX 2019"] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }
}
