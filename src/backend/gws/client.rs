//! One signed call to GWS and the meaning of its answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;

use super::errors::{by_status, classify, is_error};
use super::wire::Envelope;
use crate::backend::error::sanitize;
use crate::backend::{BackendError, ErrorClass, Result};
use crate::http::credentials::AccessKey;
use crate::http::limit::AccountLimit;
use crate::http::observe::CallObserver;
use crate::http::sign::{signature, string_to_sign};
use crate::http::transport::{Answer, Transport, TransportError};

/// Version of the API on the wire. The year of the document is another.
pub const VERSION: &str = "2019-06-18";

/// Parameters of one action.
pub type Parameters = BTreeMap<String, String>;

/// Calls GWS for one account in one region.
pub struct Client {
    pub(in crate::backend) account: String,
    pub(in crate::backend) key: AccessKey,
    pub(in crate::backend) transport: Transport,
    pub(in crate::backend) limit: AccountLimit,
    pub(in crate::backend) observer: Arc<dyn CallObserver>,
}

impl Client {
    /// A call that changes nothing: repeated up to twice when it fails in passing, each time signed anew.
    pub async fn read<T: DeserializeOwned>(&self, action: &'static str, parameters: Parameters) -> Result<T> {
        let attempt = || async { self.call(action, &parameters, false).await };
        let again = |e: &BackendError| matches!(e.class, ErrorClass::Transient | ErrorClass::Throttled);
        let waits = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(2))
            .with_max_times(2)
            .with_jitter();
        attempt.retry(waits).when(again).await
    }

    /// A call that changes something: sent once. Whatever is not a clear answer is ambiguous.
    pub async fn write<T: DeserializeOwned>(&self, action: &'static str, parameters: Parameters) -> Result<T> {
        self.call(action, &parameters, true).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        action: &'static str,
        parameters: &Parameters,
        changes: bool,
    ) -> Result<T> {
        match self.limit.turn().await {
            Ok(waited) if waited > Duration::from_millis(1) => self.observer.throttled(&self.account, waited),
            Ok(_) => {}
            Err(open) => {
                let message = format!(
                    "the vendor did not answer several times; asked again in {:?}",
                    open.left
                );
                let mut error = BackendError::new(ErrorClass::Transient, action, &message);
                error.retry_after = Some(open.left);
                return Err(error);
            }
        }
        let begun = Instant::now();
        let form: Vec<(String, String)> = self.signed(action, parameters).into_iter().collect();
        let answer = self.transport.post_form(&form).await;
        let result = self
            .understood(action, answer, changes)
            .map_err(|e| without_passwords(e, parameters));
        let outcome = result
            .as_ref()
            .map_or_else(|e: &BackendError| e.class.as_str(), |_| "ok");
        self.observer.called(&self.account, action, outcome, begun.elapsed());
        result
    }

    /// All parameters with the signature. Everything travels in the body, where no log of URLs can see it.
    fn signed(&self, action: &str, parameters: &Parameters) -> Parameters {
        let mut all = parameters.clone();
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let nonce = uuid::Uuid::new_v4().to_string();
        for (name, value) in [
            ("Action", action),
            ("Version", VERSION),
            ("Format", "JSON"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureNonce", &nonce),
            ("Timestamp", &now),
            ("AccessKeyId", self.key.id.expose_secret()),
        ] {
            all.insert(name.to_owned(), value.to_owned());
        }
        if let Some(token) = &self.key.security_token {
            all.insert("SecurityToken".to_owned(), token.expose_secret().to_owned());
        }
        let key = format!("{}&", self.key.secret.expose_secret());
        let signed = signature(key.as_bytes(), &string_to_sign("POST", &all));
        all.insert("Signature".to_owned(), signed);
        all
    }

    fn understood<T: DeserializeOwned>(
        &self,
        action: &'static str,
        answer: std::result::Result<Answer, TransportError>,
        changes: bool,
    ) -> Result<T> {
        let unclear = if changes {
            ErrorClass::Ambiguous
        } else {
            ErrorClass::Transient
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.limit.failed();
                let class = if matches!(error, TransportError::NotSent(_)) {
                    ErrorClass::Transient
                } else {
                    unclear
                };
                return Err(BackendError::new(class, action, &self.key.redact(&error.to_string())));
            }
        };
        let result = interpret(action, &answer, unclear);
        match result.as_ref().map_err(|e: &BackendError| e.class) {
            Err(ErrorClass::Throttled) => self.limit.throttled(answer.retry_after),
            Err(ErrorClass::Transient | ErrorClass::Ambiguous) if answer.status >= 500 => self.limit.failed(),
            _ => self.limit.answered(),
        }
        result.map_err(|mut error| {
            error.message = self.key.redact(&error.message);
            error
        })
    }
}

/// Parameters that no text may repeat.
const PASSWORDS: [&str; 2] = ["DomainPassword", "Password"];

fn without_passwords(mut error: BackendError, parameters: &Parameters) -> BackendError {
    for password in PASSWORDS
        .iter()
        .filter_map(|name| parameters.get(*name))
        .filter(|p| !p.is_empty())
    {
        error.message = error.message.replace(password.as_str(), "***");
    }
    error
}

/// Reads an answer. An error counts as definite only when a complete, well-typed answer says so in a code.
pub fn interpret<T: DeserializeOwned>(action: &'static str, answer: &Answer, unclear: ErrorClass) -> Result<T> {
    let success = (200..300).contains(&answer.status);
    let envelope = match serde_json::from_slice::<serde_json::Value>(&answer.body) {
        Ok(value) if value.is_object() => serde_json::from_value::<Envelope>(value).unwrap_or_default(),
        _ => {
            let class = match answer.status {
                429 => ErrorClass::Throttled,
                _ => unclear,
            };
            let message = format!("the answer (HTTP {}) is not JSON", answer.status);
            return Err(BackendError {
                retry_after: answer.retry_after,
                ..BackendError::new(class, action, &message)
            });
        }
    };
    let code = envelope.code.filter(|code| !success || is_error(code));
    if success && code.is_none() {
        return serde_json::from_slice(&answer.body).map_err(|_| {
            let mut error = BackendError::new(unclear, action, "the answer has types that make no sense");
            error.request_id = envelope.request_id.as_deref().map(sanitize);
            error
        });
    }
    let class = match &code {
        Some(code) => classify(code, answer.status),
        None if answer.status == 429 => ErrorClass::Throttled,
        // Without a code nobody has said that nothing happened.
        None if unclear == ErrorClass::Ambiguous => ErrorClass::Ambiguous,
        None => by_status(answer.status),
    };
    // A server that stumbled may have carried the change out first; a used nonce was refused before.
    let refused = code
        .as_deref()
        .is_some_and(|c| c.eq_ignore_ascii_case("SignatureNonceUsed"));
    let class = if class == ErrorClass::Transient && !refused {
        unclear
    } else {
        class
    };
    let words = envelope.message.unwrap_or_else(|| format!("HTTP {}", answer.status));
    // What follows a colon repeats the request, credentials included.
    let words = if class == ErrorClass::Auth {
        words.split(':').next().unwrap_or_default().to_owned()
    } else {
        words
    };
    let mut error = BackendError::new(class, action, &words);
    error.code = code.as_deref().map(sanitize);
    error.request_id = envelope.request_id.as_deref().map(sanitize);
    error.retry_after = answer.retry_after;
    Err(error)
}
