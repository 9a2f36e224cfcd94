//! What an answer means: read once, here.

use http::StatusCode;
use serde_json::{Map, Value};

use crate::backend::client::{Scrubber, class_for, retry_after, unreadable};
use crate::backend::error::{BackendError, ErrorClass};
use crate::http::transport::{Answer, Effect};

/// The header that every answer of the vendor's gateway carries.
const REQUEST_ID: &str = "x-request-id";

/// A successful answer.
#[derive(Debug)]
pub(super) struct Read {
    /// Its fields; none when there is no body.
    pub fields: Map<String, Value>,
    /// The vendor's request id.
    pub request_id: Option<String>,
}

/// The fields of a successful answer, or the error it carries. A change without a body is believed only with the
/// vendor's own header, which no gateway between us adds.
pub(super) fn read(
    action: &'static str,
    effect: Effect,
    answer: &Answer,
    scrubber: &Scrubber,
) -> Result<Read, BackendError> {
    let id = request_id(answer).map(|id| scrubber.clean(id));
    if answer.body.is_empty() && effect == Effect::Change && answer.status.is_success() && id.is_some() {
        return Ok(Read {
            fields: Map::new(),
            request_id: id,
        });
    }
    let Ok(Value::Object(fields)) = serde_json::from_slice(&answer.body) else {
        return Err(unreadable(action, effect, answer));
    };
    match said(&fields) {
        None if answer.status.is_success() => Ok(Read { fields, request_id: id }),
        None => Err(unreadable(action, effect, answer)),
        Some(said) => Err(refusal(action, effect, answer, &said, scrubber)),
    }
}

fn request_id(answer: &Answer) -> Option<&str> {
    let header = answer.headers.get(REQUEST_ID)?.to_str().ok()?;
    Some(header.trim()).filter(|id| !id.is_empty())
}

/// Code and words of an error.
struct Said {
    code: String,
    message: String,
}

/// The error in one of its forms: the service's own, that of the billing centre, and the identity service's, which
/// wraps it and writes the code as a number. `None` when there is no code.
fn said(fields: &Map<String, Value>) -> Option<Said> {
    let forms = [
        ("error_code", "error_msg"),
        ("errorCode", "errorMsg"),
        ("code", "message"),
    ];
    let plain = |fields: &Map<String, Value>, forms: &[(&str, &str)]| {
        forms.iter().find_map(|(code, message)| {
            let code = match fields.get(*code) {
                Some(Value::String(code)) if !code.is_empty() => code.clone(),
                Some(Value::Number(code)) => code.to_string(),
                _ => return None,
            };
            let message = fields.get(*message).and_then(Value::as_str).unwrap_or_default();
            Some(Said {
                code,
                message: message.to_owned(),
            })
        })
    };
    let own = forms.get(..2).unwrap_or_default();
    plain(fields, own).or_else(|| match fields.get("error") {
        Some(Value::Object(error)) => plain(error, &forms),
        _ => None,
    })
}

fn refusal(action: &'static str, effect: Effect, answer: &Answer, said: &Said, scrubber: &Scrubber) -> BackendError {
    let known = class_of(&said.code, answer.status, &said.message);
    let class = class_for(effect, known, answer.status, true);
    let message = match said.message.as_str() {
        // The vendor's own words may quote what was signed.
        _ if known == Some(ErrorClass::Auth) => "the vendor refuses the credentials or the time of the request",
        "" => "the vendor gives no reason",
        message => message,
    };
    BackendError {
        class,
        action,
        code: Some(scrubber.clean(&said.code)),
        request_id: request_id(answer).map(|id| scrubber.clean(id)),
        message: scrubber.clean(message),
        retry_after: retry_after(&answer.headers),
    }
}

/// The class of an error. The vendor documents few codes and uses one of them, `WKS.0001`, for all bad requests; what
/// that one is about only its words tell. `None` for what is not known.
pub(super) fn class_of(code: &str, status: StatusCode, message: &str) -> Option<ErrorClass> {
    let gateway = code.starts_with("APIG");
    match code {
        _ if status == StatusCode::TOO_MANY_REQUESTS || (gateway && code.ends_with(".0308")) => {
            return Some(ErrorClass::Throttled);
        }
        "WKS.00010099" => return Some(ErrorClass::Billing),
        // The last one: the vendor's network has no address to give; it may have one later.
        "WKS.00010032" | "WKS.00081101" | "WKS.00010110" => return Some(ErrorClass::Conflict),
        "WKS.00081105" => return Some(ErrorClass::Quota),
        "WKS.00081104" | "WKS.0202" => return Some(ErrorClass::NotFound),
        _ if code.starts_with("CBC.") => return Some(ErrorClass::Billing),
        _ => {}
    }
    if status.is_server_error() {
        return Some(ErrorClass::Transient);
    }
    let words = message.to_lowercase();
    let about = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    match status.as_u16() {
        401 => Some(ErrorClass::Auth),
        400 | 403 if about(&["quota", "exceeds the limit", "配额"]) => Some(ErrorClass::Quota),
        400 | 403 if about(&["sold out", "sellout", "售罄"]) => Some(ErrorClass::OutOfStock),
        403 => Some(ErrorClass::Forbidden),
        404 if code.starts_with("WKS.") => Some(ErrorClass::NotFound),
        409 => Some(ErrorClass::Conflict),
        // Of 404 what is left is the gateway's: it knows no such path, because the region or the project is wrong, and
        // says nothing of any object.
        400 | 404 | 405 | 413..=415 | 494 => Some(ErrorClass::Invalid),
        _ => None,
    }
}

/// Whether the vendor's own service, and not a gateway, says that the object asked for does not exist.
pub(super) fn says_gone(error: &BackendError) -> bool {
    error.class == ErrorClass::NotFound && error.code.as_ref().is_some_and(|code| code.starts_with("WKS."))
}

/// The error of one object in an answer that counts as successful, or of a part of a job that failed.
pub(super) fn of_one(action: &'static str, code: Option<String>, message: Option<String>) -> BackendError {
    let said = code.unwrap_or_default();
    let words = message.unwrap_or_else(|| "the vendor gives no reason".to_owned());
    let class = class_of(&said, StatusCode::OK, &words).unwrap_or({
        let lower = words.to_lowercase();
        if lower.contains("quota") {
            ErrorClass::Quota
        } else {
            ErrorClass::Conflict
        }
    });
    BackendError {
        code: Some(said).filter(|code| !code.is_empty()),
        ..BackendError::new(class, action, &words)
    }
}
