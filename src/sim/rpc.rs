//! What Alibaba's RPC gateways have in common: where parameters stand, how they are read, and the errors for those that
//! are missing or wrong.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use http::header;
use serde_json::{Value, json};

use super::vendor::{ApiError, Call, Request};

type Result<T> = std::result::Result<T, ApiError>;

/// The parameters of query and form body together, as they are signed.
pub(crate) fn union(request: &Request) -> BTreeMap<String, String> {
    let form = request
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
    let body = if form { &request.body[..] } else { &[] };
    url::form_urlencoded::parse(request.query.as_bytes())
        .chain(url::form_urlencoded::parse(body))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

/// The version of the product that a request is for.
pub(crate) fn version(request: &Request) -> Option<String> {
    union(request).remove("Version")
}

/// An error as every product answers it.
pub(crate) fn error_body(request_id: &str, host: &str, error: &ApiError) -> Value {
    json!({
        "RequestId": request_id,
        "HostId": host,
        "Code": error.code,
        "Message": error.message,
        "Recommend": format!("https://error-center.aliyun.com/status/search?Keyword={}&source=PopGw", error.code),
    })
}

/// The error that tells a client to slow down.
pub(crate) fn throttled() -> ApiError {
    ApiError::new(429, "Throttling.User", "Request was denied due to user flow control.")
}

/// The product has no such action.
pub(crate) fn unknown_action() -> ApiError {
    ApiError::new(
        404,
        "InvalidApi.NotFound",
        "Specified api is not found, please check your url and method.",
    )
}

/// Whether a request may be heard at all: gateways take GET and POST.
pub(crate) fn check_method(request: &Request) -> Result<()> {
    if matches!(request.method.as_str(), "GET" | "POST") {
        return Ok(());
    }
    Err(ApiError::new(
        400,
        "UnsupportedHTTPMethod",
        "This http method is not supported.",
    ))
}

/// Checks version, action and format of a request whose sender is known.
pub(crate) fn check_system_params(params: &BTreeMap<String, String>, version: &str, serves: bool) -> Result<()> {
    let param = |name: &str| params.get(name).map(String::as_str).unwrap_or_default();
    if param("Version") != version {
        return Err(ApiError::new(
            400,
            "InvalidVersion",
            "Specified parameter Version is not valid.",
        ));
    }
    if !serves {
        return Err(unknown_action());
    }
    // The documents' XML examples are not well formed, so nobody can be meant to use them.
    if !param("Format").eq_ignore_ascii_case("json") {
        return Err(ApiError::new(
            400,
            "InvalidFormat",
            "Specified parameter Format is not valid.",
        ));
    }
    Ok(())
}

impl Call {
    /// A parameter that is there and not empty.
    pub(crate) fn optional(&self, name: &str) -> Option<&str> {
        self.params
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A parameter that must be there and not empty.
    pub(crate) fn required(&self, name: &str) -> Result<&str> {
        self.optional(name).ok_or_else(|| missing(name))
    }

    /// A parameter that must be there and may be empty.
    pub(crate) fn present(&self, name: &str) -> Result<&str> {
        self.params.get(name).map(String::as_str).ok_or_else(|| missing(name))
    }

    /// A boolean in any of the spellings that clients use; false when it is not there.
    pub(crate) fn flag(&self, name: &str) -> Result<bool> {
        self.flag_or(name, false)
    }

    /// A boolean with a default.
    pub(crate) fn flag_or(&self, name: &str, default: bool) -> Result<bool> {
        match self.optional(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(invalid(name, "want true or false")),
        }
    }

    /// A number within bounds.
    pub(crate) fn number(&self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>> {
        let Some(text) = self.optional(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(invalid(name, &format!("want {} to {}", range.start(), range.end()))),
        }
    }

    /// One of several words.
    pub(crate) fn word(&self, name: &str, words: &[&str]) -> Result<Option<&str>> {
        match self.optional(name) {
            Some(word) if !words.contains(&word) => Err(invalid(name, &format!("want one of {}", words.join(", ")))),
            word => Ok(word),
        }
    }

    /// One of several words that must be there.
    pub(crate) fn required_word(&self, name: &str, words: &[&str]) -> Result<&str> {
        self.word(name, words)?.ok_or_else(|| missing(name))
    }
}

/// `Invalid<Name>`.
pub(crate) fn invalid(name: &str, why: &str) -> ApiError {
    ApiError::new(
        400,
        &format!("Invalid{name}"),
        &format!("The specified {name} is not valid: {why}."),
    )
}

/// `MissingParameter`.
pub(crate) fn missing(name: &str) -> ApiError {
    ApiError::new(
        400,
        "MissingParameter",
        &format!("The input parameter {name} that is mandatory for processing this request is not supplied."),
    )
}

/// `Invalid<Name>.NotFound`.
pub(crate) fn not_found(name: &str, id: &str) -> ApiError {
    ApiError::new(
        404,
        &format!("Invalid{name}.NotFound"),
        &format!("The specified {name} {id} does not exist."),
    )
}
