//! The oddities of the document's examples. They depend on an object's number alone, so that the same object looks
//! the same every time and two neighbours look different.

use serde_json::{Map, Value, json};

/// Spoils a whole answer: booleans as words, numbers as text beside desktops, a list of one as the bare object, an
/// empty list as nothing, a field that no document names.
pub(crate) fn answer(body: &mut Map<String, Value>) {
    for (_, value) in body.iter_mut().filter(|(_, value)| value.is_boolean()) {
        *value = Value::String(value.to_string());
    }
    if body.contains_key("Instances") {
        for name in ["TotalCount", "PageNumber", "PageSize"] {
            stringify(body, name);
        }
    }
    for name in ["Clusters", "Connections"] {
        let Some(Value::Array(rows)) = body.get_mut(name) else {
            continue;
        };
        match rows.len() {
            0 if name == "Clusters" => {
                body.remove(name);
            }
            0 => {
                body.insert(name.to_owned(), Value::Null);
            }
            1 => {
                let row = rows.remove(0);
                body.insert(name.to_owned(), row);
            }
            _ => {}
        }
    }
    body.insert("ExtraInfo".to_owned(), json!({"Trace": [1, "two", null]}));
}

/// Spoils one object of a list: of even ones numbers and booleans become text and empty fields disappear; each has a
/// field that no document names.
pub(crate) fn row(fields: &mut Map<String, Value>, number: u64) {
    if number.is_multiple_of(2) {
        fields.retain(|_, value| value != "");
        for (_, value) in fields.iter_mut() {
            if value.is_number() || value.is_boolean() {
                *value = Value::String(value.to_string());
            }
        }
        fields.insert("HostName".to_owned(), json!(format!("host-{number}")));
    } else {
        fields.insert("ProductCode".to_owned(), Value::Null);
    }
}

fn stringify(body: &mut Map<String, Value>, name: &str) {
    if let Some(value) = body.get_mut(name).filter(|value| value.is_number()) {
        *value = Value::String(value.to_string());
    }
}
