//! What an answer means: read once, here.

use http::StatusCode;
use serde_json::{Map, Value};

use crate::backend::client::{Scrubber, class_for, retry_after, unreadable};
use crate::backend::error::{BackendError, ErrorClass};
use crate::http::transport::{Answer, Effect};

/// The only code that is none.
const SUCCESS: &str = "Success";

/// The code that says that what was named does not exist, among other things.
const NO_SUCH: &str = "10006";

/// A successful answer: its `Data`, under that name, or the error it carries. The document has the envelope's fields in
/// two spellings.
pub(super) fn read(
    action: &'static str,
    effect: Effect,
    answer: &Answer,
    scrubber: &Scrubber,
) -> Result<Map<String, Value>, BackendError> {
    let odd = || unreadable(action, effect, answer);
    let Ok(Value::Object(mut body)) = serde_json::from_slice(&answer.body) else {
        return Err(odd());
    };
    let code = match take(&mut body, &["code"]) {
        Ok(Some(Value::String(code))) if !code.is_empty() => code,
        Ok(Some(Value::Number(code))) => code.to_string(),
        _ => return Err(odd()),
    };
    let message = take(&mut body, &["message", "msg"]).map_err(|()| odd())?;
    let data = take(&mut body, &["data"]).map_err(|()| odd())?;
    if code != SUCCESS {
        return Err(refusal(action, effect, answer, &code, message.as_ref(), scrubber));
    }
    if !answer.status.is_success() {
        return Err(odd());
    }
    Ok(Map::from_iter([("Data".to_owned(), data.unwrap_or_default())]))
}

/// Takes the field that goes by one of these names in any case; an error when several do and differ.
fn take(body: &mut Map<String, Value>, names: &[&str]) -> Result<Option<Value>, ()> {
    let fits = |name: &str| names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
    let found: Vec<String> = body.keys().filter(|name| fits(name)).cloned().collect();
    let mut values = found.iter().filter_map(|name| body.remove(name));
    let first = values.next();
    if values.all(|other| Some(&other) == first.as_ref()) {
        Ok(first)
    } else {
        Err(())
    }
}

/// An error in the vendor's own form.
fn refusal(
    action: &'static str,
    effect: Effect,
    answer: &Answer,
    code: &str,
    message: Option<&Value>,
    scrubber: &Scrubber,
) -> BackendError {
    let known = class_of(action, code, answer.status);
    let text = message.and_then(Value::as_str).filter(|text| !text.is_empty());
    // Every refusal has words; one without them is not the vendor's.
    let class = class_for(effect, known, answer.status, text.is_some());
    let message = if known == Some(ErrorClass::Auth) {
        // The vendor's own words may quote the signed string.
        "the vendor refuses the credentials or the time of the request"
    } else {
        text.unwrap_or("the vendor gives no reason")
    };
    BackendError {
        class,
        action,
        code: Some(scrubber.clean(code)),
        request_id: None,
        message: scrubber.clean(message),
        retry_after: retry_after(&answer.headers),
    }
}

/// Whether the vendor says that the very object an action was asked for does not exist.
pub(super) fn says_gone(error: &BackendError) -> bool {
    error.class == ErrorClass::NotFound && error.code.as_deref() == Some(NO_SUCH)
}

/// The class of a code. `None` for one that is not known.
fn class_of(action: &str, code: &str, status: StatusCode) -> Option<ErrorClass> {
    if status == StatusCode::TOO_MANY_REQUESTS || code == "RequestLimitExceeded" || code.starts_with("Throttling") {
        return Some(ErrorClass::Throttled);
    }
    if status.is_server_error() {
        return Some(ErrorClass::Transient);
    }
    match code.parse::<u32>() {
        Ok(number) => of_service(action, number),
        Err(_) => of_gateway(code),
    }
}

/// Codes of the document.
fn of_service(action: &str, code: u32) -> Option<ErrorClass> {
    Some(match code {
        // Parameters, the wrong call for how a desktop is paid, a network that does not fit.
        10003 | 12503 | 12504 | 13505 => ErrorClass::Invalid,
        // Whatever was asked for is wrong or not there: only these actions name one existing object and nothing else.
        10006 => match action {
            "QueryTask"
            | "QueryVm"
            | "DeleteVm"
            | "ChangeVmName"
            | "RebuildVm"
            | "UpdateOrder"
            | "RenewalOrder"
            | "ChangeSubAccountName"
            | "ChangeSubAccountRemark" => ErrorClass::NotFound,
            _ => ErrorClass::Invalid,
        },
        10007 => ErrorClass::Forbidden,
        12501 | 12502 => ErrorClass::Quota,
        13000 => ErrorClass::OutOfStock,
        // The state of the desktop does not allow it.
        13002 | 13004 | 13011 | 13012 | 13013 => ErrorClass::Conflict,
        // The vendor could not: account data (10005), data of its own (10008), people (10211, 11000, 11003, 11013),
        // queries, orders, creations, labels, networks. Of a change this leaves open how far it got.
        10005
        | 10008
        | 10211
        | 11000
        | 11003
        | 11013
        | 12000
        | 12500
        | 12505
        | 12506
        | 13001
        | 13015
        | 13500
        | 13502..=13504
        | 13506
        | 13507 => ErrorClass::Transient,
        _ => return None,
    })
}

/// Codes of the gateway, which the document leaves out: read by their form, as sister products have them.
fn of_gateway(code: &str) -> Option<ErrorClass> {
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| code.starts_with(prefix));
    let holds = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
    Some(
        if begins(&["InternalError", "ServiceUnavailable", "SignatureNonceUsed"]) || code == "ResourceUnavailable" {
            ErrorClass::Transient
        } else if begins(&[
            "InvalidAccessKey",
            "MissingAccessKey",
            "SignatureDoesNotMatch",
            "InvalidSignature",
            "IncompleteSignature",
            "RequestExpired",
            "InvalidTimeStamp",
            "InvalidTimestamp",
        ]) {
            ErrorClass::Auth
        } else if holds(&["NotEnoughBalance", "InsufficientBalance", "Arrear"]) {
            ErrorClass::Billing
        } else if holds(&["Quota"]) {
            ErrorClass::Quota
        } else if begins(&["AccessDenied", "Forbidden", "Unauthorized", "NoPermission"]) {
            ErrorClass::Forbidden
        } else if begins(&["Incorrect", "ResourceBusy", "ResourceInUse", "Conflict"]) {
            ErrorClass::Conflict
        } else if code.ends_with("NotFound") {
            ErrorClass::NotFound
        } else if begins(&["Missing", "Invalid", "Unsupported", "ParamParseError"]) {
            ErrorClass::Invalid
        } else {
            return None;
        },
    )
}
