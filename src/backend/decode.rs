//! Reads answers the way they come: numbers and booleans as text, lists in five forms, dates in four.
//!
//! Lenient about form, never about meaning: a value that cannot be read is an error and not an absent one.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{self, TimeZone};
use serde_json::{Map, Value};

use crate::backend::error::sanitize;

/// The fields of a JSON object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(&'a Map<String, Value>);

/// A field that cannot be read. Its text never holds the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer's {field} is {problem}")]
pub(crate) struct Odd {
    field: &'static str,
    problem: &'static str,
}

impl Odd {
    pub(crate) const fn missing(field: &'static str) -> Self {
        Self {
            field,
            problem: "missing",
        }
    }

    pub(crate) const fn not(field: &'static str, problem: &'static str) -> Self {
        Self { field, problem }
    }
}

/// Longest id that is believed to be one.
const MAX_ID: usize = 128;

impl<'a> Fields<'a> {
    pub(crate) const fn new(object: &'a Map<String, Value>) -> Self {
        Self(object)
    }

    /// What is neither missing nor null nor the empty string, which all mean that there is none.
    fn present(self, name: &str) -> Option<&'a Value> {
        self.0
            .get(name)
            .filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    /// Whether `name` is the only field.
    pub(crate) fn holds_only(self, name: &str) -> bool {
        self.0.len() == 1 && self.0.contains_key(name)
    }

    /// Text as it came.
    pub(crate) fn raw(self, name: &'static str) -> Result<Option<String>, Odd> {
        match self.present(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(Value::Bool(flag)) => Ok(Some(flag.to_string())),
            Some(_) => Err(Odd::not(name, "not text")),
        }
    }

    /// Text fit to be shown.
    pub(crate) fn text(self, name: &'static str) -> Result<Option<String>, Odd> {
        let text = self.raw(name)?.map(|text| sanitize(&text));
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// An id, which is compared and sent back and therefore not cut.
    pub(crate) fn id(self, name: &'static str) -> Result<Option<String>, Odd> {
        let Some(id) = self.raw(name)? else {
            return Ok(None);
        };
        if is_id(&id) {
            Ok(Some(id))
        } else {
            Err(Odd::not(name, "not an id"))
        }
    }

    /// A list of ids, in an array.
    pub(crate) fn ids(self, name: &'static str) -> Result<Option<Vec<String>>, Odd> {
        let odd = Odd::not(name, "not a list of ids");
        match self.present(name) {
            None => Ok(None),
            Some(Value::Array(items)) => {
                let ids = items.iter().map(|item| {
                    let text = item.as_str().filter(|id| !id.is_empty() && is_id(id));
                    text.map(str::to_owned).ok_or(odd)
                });
                ids.collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Err(odd),
        }
    }

    /// Whether there are no fields at all.
    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// A list that is an array of objects and nothing else.
    pub(crate) fn array(self, name: &'static str) -> Result<Option<Vec<Fields<'a>>>, Odd> {
        match self.present(name) {
            None => Ok(None),
            Some(Value::Array(rows)) => objects(name, rows).map(Some),
            Some(_) => Err(Odd::not(name, "not a list")),
        }
    }

    /// A whole number.
    pub(crate) fn int(self, name: &'static str) -> Result<Option<i64>, Odd> {
        let odd = Odd::not(name, "not a number");
        match self.present(name) {
            None => Ok(None),
            Some(Value::Number(number)) => match number.as_i64() {
                Some(int) => Ok(Some(int)),
                None => whole(number.as_f64()).ok_or(odd).map(Some),
            },
            Some(Value::String(text)) => text.trim().parse().map(Some).map_err(|_| odd),
            Some(_) => Err(odd),
        }
    }

    /// A boolean.
    pub(crate) fn flag(self, name: &'static str) -> Result<Option<bool>, Odd> {
        let odd = Odd::not(name, "not a boolean");
        match self.present(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::Number(number)) => match number.as_i64() {
                Some(0) => Ok(Some(false)),
                Some(1) => Ok(Some(true)),
                _ => Err(odd),
            },
            Some(Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" => Ok(Some(true)),
                "false" | "0" => Ok(Some(false)),
                _ => Err(odd),
            },
            Some(_) => Err(odd),
        }
    }

    /// A percentage, with its sign or without; none for anything that is none.
    pub(crate) fn percent(self, name: &'static str) -> Result<Option<u8>, Odd> {
        let text = self.raw(name)?;
        let number = text.as_deref().map(|text| text.trim().trim_end_matches('%').trim_end());
        Ok(number
            .and_then(|number| number.parse().ok())
            .filter(|percent| *percent <= 100))
    }

    /// A point in time; none when it is written in a way nobody documents, because no date is worth losing a listing.
    pub(crate) fn time(self, name: &'static str) -> Result<Option<Timestamp>, Odd> {
        Ok(self.raw(name)?.as_deref().and_then(timestamp))
    }

    /// An object within the object.
    pub(crate) fn object(self, name: &'static str) -> Result<Option<Fields<'a>>, Odd> {
        match self.present(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(Fields(object))),
            Some(_) => Err(Odd::not(name, "not an object")),
        }
    }

    /// A list of texts fit to be shown; empty when there is none.
    pub(crate) fn texts(self, name: &'static str) -> Result<Vec<String>, Odd> {
        let odd = Odd::not(name, "not a list of texts");
        match self.present(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map(sanitize).ok_or(odd))
                .collect(),
            Some(_) => Err(odd),
        }
    }

    /// The rows of whichever field is a list of objects that all have `id`: for lists whose name is not documented.
    /// None unless there is exactly one such field.
    pub(crate) fn rows_having(self, id: &'static str) -> Option<Vec<Fields<'a>>> {
        let mut found = self.0.values().filter_map(|value| {
            let rows = rows_in("", value, &[id]).ok().flatten()?;
            let whole = !rows.is_empty() && rows.iter().all(|row| row.present(id).is_some());
            whole.then_some(rows)
        });
        let rows = found.next()?;
        found.next().is_none().then_some(rows)
    }

    /// A list: an array, one bare object, either of them wrapped in an object with one field, or nothing. A bare
    /// object whose only field is one of `own` is a row, not a wrapper.
    pub(crate) fn rows(self, name: &'static str, own: &[&str]) -> Result<Option<Vec<Fields<'a>>>, Odd> {
        match self.present(name) {
            None => Ok(None),
            Some(value) => rows_in(name, value, own),
        }
    }
}

/// See [`Fields::rows`].
fn rows_in<'a>(name: &'static str, value: &'a Value, own: &[&str]) -> Result<Option<Vec<Fields<'a>>>, Odd> {
    match value {
        Value::Array(rows) => objects(name, rows).map(Some),
        Value::Object(object) => {
            let mut fields = object.iter();
            match (fields.next(), fields.next()) {
                (None, _) => Ok(None),
                (Some((key, inner)), None) if !own.contains(&key.as_str()) => match inner {
                    Value::Array(rows) => objects(name, rows).map(Some),
                    Value::Object(row) => Ok(Some(vec![Fields(row)])),
                    Value::Null => Ok(Some(Vec::new())),
                    _ => Ok(Some(vec![Fields(object)])),
                },
                _ => Ok(Some(vec![Fields(object)])),
            }
        }
        _ => Err(Odd::not(name, "not a list")),
    }
}

fn is_id(text: &str) -> bool {
    text.len() <= MAX_ID && text.bytes().all(|b| b.is_ascii_graphic())
}

fn objects<'a>(name: &'static str, rows: &'a [Value]) -> Result<Vec<Fields<'a>>, Odd> {
    rows.iter()
        .map(|row| {
            row.as_object()
                .map(Fields)
                .ok_or(Odd::not(name, "not a list of objects"))
        })
        .collect()
}

/// `4.0` is 4; what has a fraction, or is too large for a fraction to be seen, is not a whole number.
fn whole(number: Option<f64>) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = number.filter(|n| n.fract() == 0.0 && n.abs() < EXACT)?;
    #[allow(
        clippy::cast_possible_truncation,
        reason = "in range and without a fraction, as just checked"
    )]
    let int = number as i64;
    Some(int)
}

/// `2019-10-12T07:35Z`, `2020-09-17T02:02:25Z`, `2020-09-03T01:02:03.456Z`, `Wed Sep 25 16:17:39 CST 2019`, and
/// `2022-05-07 14:03:44`, which names no zone and is China's time.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let parsed = text.parse().ok().or_else(|| unix_date(text));
    parsed.or_else(|| in_china(DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?))
}

/// Eight hours ahead, all year.
fn in_china(date: DateTime) -> Option<Timestamp> {
    let zoned = date.to_zoned(TimeZone::fixed(tz::offset(8))).ok()?;
    Some(zoned.timestamp())
}

/// The form of the program `date`. CST is China's time here, eight hours ahead.
fn unix_date(text: &str) -> Option<Timestamp> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let &[_weekday, month, day, clock, zone, year] = &words[..] else {
        return None;
    };
    let hours = match zone {
        "CST" => 8,
        "UTC" | "GMT" | "Z" => 0,
        _ => return None,
    };
    let date = DateTime::strptime("%b %d %H:%M:%S %Y", format!("{month} {day} {clock} {year}")).ok()?;
    let zoned = date.to_zoned(TimeZone::fixed(tz::offset(hours))).ok()?;
    Some(zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with<T>(value: Value, read: impl FnOnce(Fields<'_>) -> T) -> T {
        let object = Map::from_iter([("f".to_owned(), value)]);
        read(Fields::new(&object))
    }

    #[test]
    fn numbers() {
        for (value, expected) in [
            (json!(4), Some(4)),
            (json!("4"), Some(4)),
            (json!(" 4 "), Some(4)),
            (json!("-4"), Some(-4)),
            (json!(4.0), Some(4)),
            (json!(""), None),
            (json!(null), None),
        ] {
            assert_eq!(with(value.clone(), |f| f.int("f")), Ok(expected), "{value}");
        }
        for value in [
            json!(4.5),
            json!(1e300),
            json!("four"),
            json!(true),
            json!([4]),
            json!({}),
            json!(u64::MAX),
        ] {
            assert!(with(value.clone(), |f| f.int("f")).is_err(), "{value}");
        }
    }

    #[test]
    fn booleans() {
        for value in [json!(true), json!("true"), json!("True"), json!(1), json!("1")] {
            assert_eq!(with(value.clone(), |f| f.flag("f")), Ok(Some(true)), "{value}");
        }
        for value in [json!(false), json!("false"), json!("False"), json!(0), json!("0")] {
            assert_eq!(with(value.clone(), |f| f.flag("f")), Ok(Some(false)), "{value}");
        }
        for value in [json!("yes"), json!(2), json!([true]), json!({"a": true})] {
            assert!(with(value.clone(), |f| f.flag("f")).is_err(), "{value}");
        }
    }

    #[test]
    fn texts() {
        assert_eq!(with(json!(1234), |f| f.text("f")), Ok(Some("1234".to_owned())));
        assert_eq!(with(json!("a\nb"), |f| f.text("f")), Ok(Some("a b".to_owned())));
        assert_eq!(with(json!(" "), |f| f.text("f")), Ok(None));
        assert!(with(json!(["a"]), |f| f.text("f")).is_err());
        assert!(with(json!("i 1"), |f| f.id("f")).is_err());
        assert!(with(json!("x".repeat(129)), |f| f.id("f")).is_err());
    }

    #[test]
    fn lists() {
        let count = |value: Value| with(value, |f| f.rows("f", &["AppList"]).map(|rows| rows.map(|r| r.len())));
        for (value, expected) in [
            (json!([{"a": 1}, {"a": 2}]), Some(2)),
            (json!([]), Some(0)),
            (json!({"Id": "1", "Name": "n"}), Some(1)),
            (json!({"Id": "1"}), Some(1)),
            (json!({"AppList": [{"a": 1}, {"a": 2}]}), Some(1)),
            (json!({"InstanceInfo": [{"a": 1}, {"a": 2}]}), Some(2)),
            (json!({"InstanceInfo": []}), Some(0)),
            (json!({"InstanceInfo": null}), Some(0)),
            (json!({"InstanceInfo": {"a": 1}}), Some(1)),
            (json!({}), None),
            (json!(""), None),
            (json!(null), None),
        ] {
            assert_eq!(count(value.clone()), Ok(expected), "{value}");
        }
        for value in [
            json!("none"),
            json!(0),
            json!(false),
            json!([1]),
            json!([null]),
            json!({"Info": ["a"]}),
        ] {
            assert!(count(value.clone()).is_err(), "{value}");
        }
    }

    #[test]
    fn objects_and_lists_of_texts() {
        assert_eq!(with(json!({"a": 1}), |f| f.object("f").map(|o| o.is_some())), Ok(true));
        assert_eq!(with(json!(null), |f| f.object("f").map(|o| o.is_some())), Ok(false));
        assert!(with(json!([1]), |f| f.object("f").is_err()));
        let texts = |value: Value| with(value, |f| f.texts("f"));
        assert_eq!(texts(json!(["a", "b\n"])), Ok(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(texts(json!(null)), Ok(Vec::new()));
        assert!(texts(json!(["a", 1])).is_err() && texts(json!("a")).is_err());
    }

    #[test]
    fn lists_without_a_name() {
        for (value, expected) in [
            (json!({"Anything": [{"Id": "1"}, {"Id": "2"}]}), Some(2)),
            (json!({"Anything": {"Id": "1", "Name": "n"}}), Some(1)),
            (json!({"Anything": {"Id": "1"}}), Some(1)),
            (
                json!({"Anything": {"Item": [{"Id": "1"}]}, "RequestId": "r", "Extra": {"a": [1]}}),
                Some(1),
            ),
            (json!({"Anything": [{"Id": "1"}, {"Name": "n"}]}), None),
            (json!({"Anything": [{"Id": "1"}], "More": [{"Id": "2"}]}), None),
            (json!({"Anything": []}), None),
            (json!({"Id": "1"}), None),
            (json!({}), None),
        ] {
            let object = value.as_object().unwrap();
            let found = Fields::new(object).rows_having("Id");
            assert_eq!(found.map(|rows| rows.len()), expected, "{value}");
        }
    }

    #[test]
    fn percentages() {
        for (value, expected) in [
            (json!("100%"), Some(100)),
            (json!(" 40 % "), Some(40)),
            (json!(7), Some(7)),
            (json!("101%"), None),
            (json!("half"), None),
            (json!(null), None),
        ] {
            assert_eq!(with(value.clone(), |f| f.percent("f")), Ok(expected), "{value}");
        }
        assert!(with(json!([1]), |f| f.percent("f")).is_err());
    }

    #[test]
    fn ids_objects_and_arrays() {
        let ids = |value: Value| with(value, |f| f.ids("f"));
        assert_eq!(ids(json!(["a", "b"])), Ok(Some(vec!["a".to_owned(), "b".to_owned()])));
        assert_eq!(ids(json!([])), Ok(Some(Vec::new())));
        assert_eq!(ids(json!(null)), Ok(None));
        for value in [
            json!("a"),
            json!({"a": 1}),
            json!([1]),
            json!([""]),
            json!(["a b"]),
            json!([["a"]]),
        ] {
            assert!(ids(value.clone()).is_err(), "{value}");
        }
        for (value, expected) in [
            (json!({"a": 1}), Ok(true)),
            (json!({}), Ok(true)),
            (json!(null), Ok(false)),
            (json!(""), Ok(false)),
            (json!([]), Err(())),
            (json!("a"), Err(())),
        ] {
            let found = with(value.clone(), |f| f.object("f").map(|o| o.is_some()).map_err(|_| ()));
            assert_eq!(found, expected, "{value}");
        }
        let rows = |value: Value| with(value, |f| f.array("f").map(|rows| rows.map(|r| r.len())));
        assert_eq!(rows(json!([{"a": 1}, {}])), Ok(Some(2)));
        assert_eq!(rows(json!(null)), Ok(None));
        assert!(rows(json!({"a": 1})).is_err() && rows(json!([1])).is_err());
    }

    #[test]
    fn dates() {
        for (text, expected) in [
            ("Wed Sep 25 16:17:39 CST 2019", "2019-09-25T08:17:39Z"),
            ("Mon May 27 13:33:42 CST 2019", "2019-05-27T05:33:42Z"),
            ("Mon May  7 13:33:42 CST 2019", "2019-05-07T05:33:42Z"),
            ("Wed Sep 25 16:17:39 UTC 2019", "2019-09-25T16:17:39Z"),
            ("2019-10-12T07:35Z", "2019-10-12T07:35:00Z"),
            ("2099-12-31T15:59Z", "2099-12-31T15:59:00Z"),
            ("2020-09-17T02:02:25Z", "2020-09-17T02:02:25Z"),
            ("2020-09-03T01:02:03.456Z", "2020-09-03T01:02:03.456Z"),
            ("2020-09-03T09:02:03+08:00", "2020-09-03T01:02:03Z"),
            ("2022-05-07 14:03:44", "2022-05-07T06:03:44Z"),
        ] {
            assert_eq!(timestamp(text), Some(expected.parse().unwrap()), "{text}");
        }
        for text in [
            "",
            "soon",
            "Wed Sep 25 16:17:39 XYZ 2019",
            "Wed Feb 30 16:17:39 CST 2019",
            "2019-10-12",
            "1",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }
}
