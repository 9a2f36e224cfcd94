//! Which requests change something, and which object they concern.

use std::collections::{BTreeSet, HashMap};

use http::Method;
use http::request::Parts;
use serde_json::Value;

/// A request that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Name of the resource it concerns.
    pub subject: String,
    /// What it does, e.g. `PUT status (intent)` or `CreateInstance`.
    pub label: String,
    /// Position among those of its subject, from 1.
    pub number: usize,
}

/// UIDs, Leases and vendor ids, and the resources they belong to.
pub type Names = HashMap<String, String>;

fn step(subject: &str, label: &str) -> Step {
    Step {
        subject: subject.to_owned(),
        label: label.to_owned(),
        number: 0,
    }
}

/// A write to the API server about one of our resources, or about the lock of one; events are left out.
pub fn api_step(names: &Names, parts: &Parts, body: &[u8]) -> Option<Step> {
    if parts.method == Method::GET {
        return None;
    }
    let path: Vec<&str> = parts.uri.path().split('/').filter(|p| !p.is_empty()).collect();
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let verb = &parts.method;
    match path.as_slice() {
        ["apis", "desktop-operator.io", _, "namespaces", _, _, name, rest @ ..] => {
            let label = match rest {
                ["status"] => format!("{verb} status ({})", status_words(&json)),
                _ if json.pointer("/metadata/finalizers").is_some() => format!("{verb} finalizers"),
                _ => verb.to_string(),
            };
            Some(step(name, &label))
        }
        ["apis", "coordination.k8s.io", _, "namespaces", _, "leases", rest @ ..] => {
            let holder = json.pointer("/spec/holderIdentity").and_then(Value::as_str);
            let lease = rest.first().copied();
            let subject = holder
                .and_then(|holder| names.get(holder))
                .or_else(|| names.get(lease?))?;
            Some(step(subject, &format!("{verb} lock")))
        }
        _ => None,
    }
}

/// What a status says of a creation, in a word or two.
fn status_words(object: &Value) -> String {
    let status = &object["status"];
    let ready = status["conditions"]
        .as_array()
        .and_then(|all| all.iter().find(|c| c["type"] == "Ready"))
        .map(|c| c["reason"].as_str().unwrap_or_default())
        .unwrap_or_default();
    let creation = match (status["id"].as_str(), status["create"]["phase"].as_str()) {
        (None, Some("Open")) => "intent",
        (None, Some(_)) => "refused",
        (None, None) => "nothing yet",
        (Some(_), _) if status["state"].is_null() => "id",
        (Some(_), _) => "exists",
    };
    format!("{creation}, {ready}")
}

/// A call that changes something at the vendor.
pub fn vendor_step(names: &Names, parts: &Parts, body: &[u8]) -> Option<Step> {
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let form: HashMap<String, String> = [query, body]
        .into_iter()
        .flat_map(|text| url::form_urlencoded::parse(text).into_owned())
        .collect();
    let Some(action) = form.get("Action") else {
        return rest_step(names, parts, body);
    };
    let read = ["Describe", "Get", "Query", "CreateServiceLinkedRole"];
    if read.iter().any(|prefix| action.starts_with(prefix)) {
        return None;
    }
    let ids = match action.as_str() {
        "SetImageName" | "DeleteImage" => ["ImageId"].as_slice(),
        _ => &["InstanceId", "ClusterId"],
    };
    let subject = match (action.as_str(), ids.iter().find_map(|id| form.get(*id))) {
        ("CreateInstance" | "CreateImage", _) => form.get("Name")?.split("-dsk").next()?.to_owned(),
        ("CreateCluster", _) => form.get("VpcId")?.strip_prefix("vpc-")?.to_owned(),
        (_, Some(id)) => names.get(id)?.clone(),
        (_, None) => {
            let mut told: Vec<String> = form.values().cloned().collect();
            texts(&serde_json::from_slice(body).unwrap_or_default(), &mut told);
            only_subject(names, &told)?
        }
    };
    Some(step(&subject, action))
}

/// A call of a vendor that has paths instead of actions. Its ids are in the path or in the body.
fn rest_step(names: &Names, parts: &Parts, body: &[u8]) -> Option<Step> {
    let path: Vec<&str> = parts.uri.path().split('/').filter(|p| !p.is_empty()).collect();
    let ["v2", _project, rest @ ..] = path.as_slice() else {
        return None;
    };
    if parts.method == Method::GET {
        return None;
    }
    let mut told: Vec<String> = rest.iter().map(|&part| part.to_owned()).collect();
    texts(&serde_json::from_slice(body).unwrap_or_default(), &mut told);
    let subject = only_subject(names, &told)?;
    let known = |part: &&str| names.contains_key(*part);
    let rest: Vec<&str> = rest
        .iter()
        .map(|part| if known(part) { "{id}" } else { part })
        .collect();
    Some(step(&subject, &format!("{} {}", parts.method, rest.join("/"))))
}

/// Every text in a document.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, found)),
        _ => {}
    }
}

/// The one resource that a call is about: told by a name of ours or by a token made of a UID, or else by an id. A call
/// about several is nobody's.
fn only_subject(names: &Names, told: &[String]) -> Option<String> {
    let marked = |text: &String| match text.split_once("-dsk") {
        Some((name, _)) => Some(name.to_owned()),
        None => names.get(text.split_once('-')?.0).cloned(),
    };
    let mut subjects: BTreeSet<String> = told.iter().filter_map(marked).collect();
    if subjects.is_empty() {
        subjects = told.iter().filter_map(|text| names.get(text).cloned()).collect();
    }
    let only = subjects.pop_first()?;
    subjects.is_empty().then_some(only)
}

/// Takes from a request and its answer what later requests are recognised by.
pub fn learn(names: &mut Names, step: &Step, body: &[u8], answer: &[u8]) {
    let [request, answer]: [Value; 2] = [body, answer].map(|text| serde_json::from_slice(text).unwrap_or_default());
    let uid = answer.pointer("/metadata/uid").and_then(Value::as_str);
    // As it stands in a token.
    let digits = uid.map(|uid| uid.replace('-', ""));
    let mut known = vec![
        answer["ImageId"].as_str(),
        answer["InstanceId"].as_str(),
        answer["ClusterId"].as_str(),
        answer["DesktopId"].as_str(),
        answer.pointer("/Data/vmIds/0").and_then(Value::as_str),
        // Some ids are told by no answer to what made the object; they are recorded once it is found.
        request.pointer("/status/id").and_then(Value::as_str),
        uid,
        digits.as_deref(),
    ];
    if request.pointer("/spec/holderIdentity").is_some() {
        known.push(request.pointer("/metadata/name").and_then(Value::as_str));
    }
    for name in known.into_iter().flatten() {
        names.insert(name.to_owned(), step.subject.clone());
    }
}
