//! What an answer means: read once, here.

use http::StatusCode;
use serde_json::{Map, Value};

use crate::backend::client::{Scrubber, class_for, retry_after, unreadable};
use crate::backend::error::{BackendError, ErrorClass};
use crate::http::transport::{Answer, Effect};

/// Codes that some gateways put into successful answers.
const SUCCESS: &[&str] = &["200", "OK", "Success", "success"];

/// The fields of a successful answer, or the error it carries.
pub(crate) fn read(
    action: &'static str,
    effect: Effect,
    answer: &Answer,
    scrubber: &Scrubber,
) -> Result<Map<String, Value>, BackendError> {
    let body = match serde_json::from_slice(&answer.body) {
        Ok(Value::Object(body)) => Some(body),
        _ => None,
    };
    let code = body.as_ref().map(code);
    match (body, code) {
        (Some(body), Some(Code::None)) if answer.status.is_success() => Ok(body),
        (Some(body), Some(Code::Error(code))) => Err(refusal(action, effect, answer, &body, &code, scrubber)),
        _ => Err(unreadable(action, effect, answer)),
    }
}

enum Code {
    /// The answer is no error.
    None,
    /// The vendor's error code.
    Error(String),
    /// Something that is no code.
    Odd,
}

fn code(body: &Map<String, Value>) -> Code {
    match body.get("Code") {
        None | Some(Value::Null) => Code::None,
        Some(Value::String(code)) if code.is_empty() || SUCCESS.contains(&code.as_str()) => Code::None,
        Some(Value::Number(code)) if code.as_u64() == Some(200) => Code::None,
        Some(Value::String(code)) => Code::Error(code.clone()),
        Some(_) => Code::Odd,
    }
}

/// An error in the vendor's own form.
fn refusal(
    action: &'static str,
    effect: Effect,
    answer: &Answer,
    body: &Map<String, Value>,
    code: &str,
    scrubber: &Scrubber,
) -> BackendError {
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let known = class_of(code, answer.status);
    let class = class_for(effect, known, answer.status, text("RequestId").is_some());
    let message = if known == Some(ErrorClass::Auth) {
        // The vendor's own words quote the signed string.
        "the vendor refuses the credentials or the time of the request"
    } else {
        text("Message").unwrap_or("the vendor gives no reason")
    };
    BackendError {
        class,
        action,
        code: Some(scrubber.clean(code)),
        request_id: text("RequestId").map(|id| scrubber.clean(id)),
        message: scrubber.clean(message),
        retry_after: retry_after(&answer.headers),
    }
}

/// Whether an error says in so many words that the object asked for does not exist: `noun` is what codes call it. That
/// something is not found is not enough, for it may be the region, or the type of the object.
pub(crate) fn says_gone(error: &BackendError, noun: &str) -> bool {
    let named = error.code.as_ref().is_some_and(|code| {
        let code = code.to_ascii_lowercase();
        code.contains(noun) && !code.contains(&format!("{noun}type"))
    });
    error.class == ErrorClass::NotFound && named
}

/// The class of a code, by its form: the vendor publishes no list of this product's codes. `None` for a form that is
/// not known.
pub(crate) fn class_of(code: &str, status: StatusCode) -> Option<ErrorClass> {
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| code.starts_with(prefix));
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| code.ends_with(suffix));
    let holds = |parts: &[&str]| parts.iter().any(|part| code.contains(part));

    // CloudDesktop answers the creation of a user with sentences, and with status 200. The first one says that the
    // account has no directory; the others do not say what became of the user.
    if begins(&["Domain name must be set"]) {
        return Some(ErrorClass::Invalid);
    }
    if begins(&["Create user ", "AD access failed"]) {
        return Some(ErrorClass::Transient);
    }
    // The token was used for something else, which may well have been made.
    if begins(&["Idempotent"]) {
        return Some(ErrorClass::Ambiguous);
    }
    if begins(&["Throttling"]) || status == StatusCode::TOO_MANY_REQUESTS {
        return Some(ErrorClass::Throttled);
    }
    if status.is_server_error() {
        return Some(ErrorClass::Transient);
    }
    // A nonce that is used up although it was made for this request means that the request arrived twice; what became
    // of the first is not known. The others are faults of the vendor.
    if begins(&[
        "SignatureNonceUsed",
        "ServiceUnavailable",
        "InternalError",
        "UnknownError",
    ]) || ["AliyunError", "EcsError", "PartFailure"].contains(&code)
    {
        return Some(ErrorClass::Transient);
    }
    if begins(&[
        "InvalidAccessKey",
        "MissingAccessKey",
        "SignatureDoesNotMatch",
        "InvalidSignature",
        "IncompleteSignature",
        "InvalidSecurityToken",
        "MissingSecurityToken",
        "InvalidTimeStamp",
        "InvalidTimestamp",
    ]) {
        return Some(ErrorClass::Auth);
    }
    if code == "NotEnabled" || holds(&["InDebt", "Arrear", "InsufficientBalance", "NotEnoughBalance"]) {
        return Some(ErrorClass::Billing);
    }
    if holds(&["Quota", "LimitExceed"]) {
        return Some(ErrorClass::Quota);
    }
    if holds(&["NoStock", "OutOfStock", "SoldOut"]) {
        return Some(ErrorClass::OutOfStock);
    }
    if begins(&[
        "Forbidden",
        "NotAuthorized",
        "NoPermission",
        "Unauthorized",
        "AccessDenied",
    ]) {
        return Some(ErrorClass::Forbidden);
    }
    // Before the objects that are not found: these are about the call itself.
    if begins(&[
        "InvalidApi",
        "InvalidProduct",
        "InvalidProtocol",
        "InvalidAction",
        "NoSuchVersion",
        "Unsupported",
    ]) {
        return Some(ErrorClass::Invalid);
    }
    let state = begins(&["Invalid", "Incorrect"]) && holds(&["Status", "State"]);
    if state
        || begins(&["Conflict", "OperationConflict", "OperationDenied"])
        || holds(&[".Conflict", "InUse", "Violation"])
    {
        return Some(ErrorClass::Conflict);
    }
    if ends(&["NotFound", "NotExist", "NotExists"]) {
        return Some(ErrorClass::NotFound);
    }
    if begins(&["Missing", "Invalid", "Illegal"]) || ends(&[".NotSupported", ".Malformed"]) {
        return Some(ErrorClass::Invalid);
    }
    None
}
