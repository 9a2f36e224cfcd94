//! What an answer means: read once, here.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::backend::error::{BackendError, ErrorClass, explanation};
use crate::http::limit::Refused;
use crate::http::sign::rpc::percent_encode;
use crate::http::transport::{Answer, Effect, TransportError};

/// Codes that some gateways put into successful answers.
const SUCCESS: &[&str] = &["200", "OK", "Success", "success"];

/// Longest wait that is believed: what a vendor asks for is added to dates.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// Takes secrets out of the vendor's texts: its refusal of a signature, for one, repeats every parameter.
pub(super) struct Scrubber(Vec<String>);

impl Scrubber {
    pub(super) fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let mut forms = Vec::new();
        for secret in secrets {
            let plain = secret.expose_secret().to_owned();
            // Shorter ones would turn any text into asterisks, and show by that what they are.
            if plain.len() >= 4 {
                // As in a parameter, and as in the string that is signed.
                let once = percent_encode(&plain);
                forms.extend([percent_encode(&once), once, plain]);
            }
        }
        Self(forms)
    }

    /// Before anything is cut, so that no half of a secret stays.
    fn clean(&self, text: &str) -> String {
        let clean = self
            .0
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, "***"));
        explanation(&clean)
    }
}

/// The fields of a successful answer, or the error it carries.
pub(super) fn read(
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
    let class = match effect {
        Effect::Read => known.unwrap_or(ErrorClass::Transient),
        // Only a complete refusal of a known kind says that nothing was done. An unknown one may come from behind
        // the point where the change was made.
        Effect::Change => match known {
            Some(class) if is_definite(class) && !answer.status.is_server_error() && text("RequestId").is_some() => {
                class
            }
            _ => ErrorClass::Ambiguous,
        },
    };
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

/// An answer that is not the vendor's: a page of a gateway, a cut-off body, a redirect.
fn unreadable(action: &'static str, effect: Effect, answer: &Answer) -> BackendError {
    let class = match effect {
        Effect::Change => ErrorClass::Ambiguous,
        Effect::Read if answer.status == StatusCode::TOO_MANY_REQUESTS => ErrorClass::Throttled,
        Effect::Read => ErrorClass::Transient,
    };
    let hint = if answer.status.is_redirection() {
        "; redirects are not followed"
    } else {
        ""
    };
    let message = format!("HTTP {} without a readable answer{hint}", answer.status.as_u16());
    BackendError {
        retry_after: retry_after(&answer.headers),
        ..BackendError::new(class, action, &message)
    }
}

/// The error of an exchange that brought no answer.
pub(super) fn unanswered(action: &'static str, effect: Effect, error: &TransportError) -> BackendError {
    let class = match (effect, error) {
        (Effect::Read, _) | (Effect::Change, TransportError::NotSent(_)) => ErrorClass::Transient,
        (Effect::Change, _) => ErrorClass::Ambiguous,
    };
    BackendError::new(class, action, &error.to_string())
}

/// The error of a successful answer that lacks what it must hold.
pub(super) fn odd(action: &'static str, effect: Effect, message: &str) -> BackendError {
    let class = match effect {
        Effect::Read => ErrorClass::Transient,
        Effect::Change => ErrorClass::Ambiguous,
    };
    BackendError::new(class, action, message)
}

/// The error of a call that was not sent because of the account's limits.
pub(super) fn refused(action: &'static str, refused: Refused) -> BackendError {
    let (class, retry_after) = match refused {
        Refused::Busy { retry_after } => (ErrorClass::Throttled, retry_after),
        Refused::Open { retry_after } => (ErrorClass::Transient, retry_after),
    };
    BackendError {
        retry_after: Some(retry_after),
        ..BackendError::new(class, action, &refused.to_string())
    }
}

/// Whether an error says in so many words that the object asked for does not exist: `noun` is what codes call it. That
/// something is not found is not enough, for it may be the region, or the type of the object.
pub(super) fn says_gone(error: &BackendError, noun: &str) -> bool {
    let named = error.code.as_ref().is_some_and(|code| {
        let code = code.to_ascii_lowercase();
        code.contains(noun) && !code.contains(&format!("{noun}type"))
    });
    error.class == ErrorClass::NotFound && named
}

/// Classes that say for certain that nothing was done.
const fn is_definite(class: ErrorClass) -> bool {
    !matches!(class, ErrorClass::Transient | ErrorClass::Ambiguous)
}

/// The class of a code, by its form: the vendor publishes no list of this product's codes. `None` for a form that is
/// not known.
pub(super) fn class_of(code: &str, status: StatusCode) -> Option<ErrorClass> {
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| code.starts_with(prefix));
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| code.ends_with(suffix));
    let holds = |parts: &[&str]| parts.iter().any(|part| code.contains(part));

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

/// How long the vendor asks to wait: `x-acs-retry-after` in milliseconds, or HTTP's own header in seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let asked = number("x-acs-retry-after")
        .map(Duration::from_millis)
        .or_else(|| number("retry-after").map(Duration::from_secs));
    asked.map(|wait| wait.min(LONGEST_WAIT))
}
