//! Which requests change something, and which object they concern.

use std::collections::HashMap;

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
    let action = form.get("Action")?;
    let read = ["Describe", "Get", "CreateServiceLinkedRole"];
    if read.iter().any(|prefix| action.starts_with(prefix)) {
        return None;
    }
    let subject = match action.as_str() {
        "CreateInstance" | "CreateImage" => form.get("Name")?.split("-dsk").next()?,
        "CreateCluster" => form.get("VpcId")?.strip_prefix("vpc-")?,
        _ => {
            let ids = ["ImageId", "InstanceId", "ClusterId"];
            names.get(ids.into_iter().find_map(|id| form.get(id))?)?
        }
    };
    Some(step(subject, action))
}

/// Takes from a request and its answer what later requests are recognised by.
pub fn learn(names: &mut Names, step: &Step, body: &[u8], answer: &[u8]) {
    let [request, answer]: [Value; 2] = [body, answer].map(|text| serde_json::from_slice(text).unwrap_or_default());
    let mut known = vec![
        answer["ImageId"].as_str(),
        answer["InstanceId"].as_str(),
        answer["ClusterId"].as_str(),
        answer.pointer("/metadata/uid").and_then(Value::as_str),
    ];
    if request.pointer("/spec/holderIdentity").is_some() {
        known.push(request.pointer("/metadata/name").and_then(Value::as_str));
    }
    for name in known.into_iter().flatten() {
        names.insert(name.to_owned(), step.subject.clone());
    }
}
