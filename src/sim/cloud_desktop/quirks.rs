//! Oddities that the document's tables make likely. They depend on an object's number alone, so that the same object
//! looks the same every time and two neighbours look different.

use serde_json::{Map, Value, json};

/// Spoils a whole answer: booleans as words, counts and order numbers of another type than declared, a list of one as
/// the bare object, of several inside an object of its own, an empty one as nothing, and a field that no document names.
pub(super) fn answer(body: &mut Map<String, Value>) {
    for (_, value) in body.iter_mut().filter(|(_, value)| value.is_boolean()) {
        *value = Value::String(value.to_string());
    }
    for name in ["Total", "PageCount"] {
        if let Some(value) = body.get_mut(name) {
            *value = Value::String(value.to_string());
        }
    }
    let order = body.get("OrderId").and_then(Value::as_str);
    if let Some(number) = order.and_then(|order| order.parse::<u64>().ok()) {
        body.insert("OrderId".to_owned(), json!(number));
    }
    list(body, "Users", "UserInfo");
    list(body, "Images", "ImageAttributes");
    list(body, "Desktops", "Desktop");
    body.insert("ExtraInfo".to_owned(), json!({"Trace": [1, "two", null]}));
}

fn list(body: &mut Map<String, Value>, name: &str, element: &str) {
    let Some(Value::Array(rows)) = body.get_mut(name) else {
        return;
    };
    match rows.len() {
        // Users have no total beside them by which an empty list could be told from a missing one.
        0 if name == "Users" => {}
        0 => {
            body.remove(name);
        }
        1 => {
            let only = rows.remove(0);
            body.insert(name.to_owned(), only);
        }
        _ => {
            let rows = Value::Array(std::mem::take(rows));
            body.insert(name.to_owned(), json!({ element: rows }));
        }
    }
}

/// Spoils one object of a list: of even ones numbers become text and empty fields disappear; each has a field that no
/// document names.
pub(super) fn row(fields: &mut Map<String, Value>, number: u64) {
    if number.is_multiple_of(2) {
        fields.retain(|_, value| value != "");
        for (_, value) in fields.iter_mut().filter(|(_, value)| value.is_number()) {
            *value = Value::String(value.to_string());
        }
        fields.insert("Owner".to_owned(), json!({"Id": number}));
    } else {
        fields.insert("Reserved".to_owned(), Value::Null);
    }
}
