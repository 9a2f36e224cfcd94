//! The oddities of the document's examples and of those of its neighbours. They depend on an object's number alone, so
//! that the same object looks the same every time and two neighbours look different.

use serde_json::{Map, Value, json};

/// Spoils a whole answer: a single product as the bare object, zones that are visible by a word, a count of images
/// that is too small, a desktop in a list of its own, and a field that no document names.
pub(super) fn answer(body: &mut Map<String, Value>) {
    if let Some(Value::Array(rows)) = body.get_mut("products")
        && rows.len() == 1
    {
        let row = rows.remove(0);
        body.insert("products".to_owned(), row);
    }
    if let Some(Value::Array(rows)) = body.get_mut("availability_zones")
        && let Some(Value::Object(row)) = rows.first_mut()
    {
        row.insert("visible".to_owned(), json!("true,"));
    }
    if body.contains_key("images") {
        body.insert("total_count".to_owned(), json!(1));
    }
    if let Some(Value::Object(row)) = body.get("desktop")
        && !row.contains_key("hour_package_info")
    {
        let row = Value::Object(row.clone());
        body.insert("desktop".to_owned(), json!([row]));
    }
    if !body.contains_key("token") {
        body.insert("sub_product_list".to_owned(), json!([1, "two", null]));
    }
}

/// Spoils a desktop: of even ones the addresses are a bare list, booleans are words and what is empty is left out; odd
/// ones have a field that no document names.
pub(super) fn desktop(row: &mut Map<String, Value>, number: u64) {
    if !number.is_multiple_of(2) {
        row.insert("hour_package_info".to_owned(), Value::Null);
        return;
    }
    if let Some(Value::Object(networks)) = row.get("addresses") {
        let flat: Vec<Value> = networks
            .values()
            .filter_map(Value::as_array)
            .flatten()
            .cloned()
            .collect();
        row.insert("addresses".to_owned(), Value::Array(flat));
    }
    loose(row);
}

/// Spoils a pool: of even ones numbers are texts, booleans words, dates have no milliseconds and what is empty is left
/// out; of odd ones a growth that is switched off has left something behind.
pub(super) fn pool(row: &mut Map<String, Value>, number: u64) {
    if number.is_multiple_of(2) {
        if let Some(Value::String(date)) = row.get_mut("created_time")
            && let Some((seconds, _)) = date.split_once('.')
        {
            *date = format!("{seconds}Z");
        }
        loose(row);
    } else if row.get("autoscale_policy").is_some_and(Value::is_null) {
        row.insert("autoscale_policy".to_owned(), json!({"once_auto_created": 1}));
    }
}

fn loose(row: &mut Map<String, Value>) {
    row.retain(|_, value| !value.is_null() && value != "");
    for (_, value) in row.iter_mut() {
        if value.is_boolean() || value.is_number() {
            *value = Value::String(value.to_string());
        }
    }
}
