//! One signed call.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::decode::{Fields, Odd};
use super::errors::{self, Scrubber};
use crate::backend::Result;
use crate::backend::error::{BackendError, ErrorClass};
use crate::http::credentials::AccessKey;
use crate::http::limit::Limiter;
use crate::http::observe::CallObserver;
use crate::http::sign::rpc::{self, ALIBABA_KEY_SUFFIX, SIGNATURE};
use crate::http::transport::{Answer, Effect, Transport, TransportError};

/// The version of the wire, which is not the date on the document.
const VERSION: &str = "2019-06-18";

/// A read is repeated at most this often within a call.
const REPEATS: usize = 2;
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// Longest wait within a call; a vendor that asks for more gets it from whoever called.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// Parameters of an action.
#[derive(Clone, Debug, Default)]
pub(super) struct Params {
    plain: Vec<(Cow<'static, str>, String)>,
    secret: Vec<(&'static str, SecretString)>,
}

impl Params {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn set(mut self, name: impl Into<Cow<'static, str>>, value: &(impl ToString + ?Sized)) -> Self {
        self.plain.push((name.into(), value.to_string()));
        self
    }

    pub(super) fn set_some(self, name: &'static str, value: Option<&String>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    pub(super) fn secret(mut self, name: &'static str, value: SecretString) -> Self {
        self.secret.push((name, value));
        self
    }
}

/// What of an answer is wanted.
pub(super) trait Decode<T>: Fn(Fields<'_>) -> std::result::Result<T, Odd> + Sync {}
impl<T, F: Fn(Fields<'_>) -> std::result::Result<T, Odd> + Sync> Decode<T> for F {}

/// An account at its endpoint.
pub(super) struct Client {
    pub(super) account: String,
    pub(super) transport: Transport,
    pub(super) limiter: Limiter,
    pub(super) key: AccessKey,
    pub(super) observer: Arc<dyn CallObserver>,
    /// After this time a read is not repeated any more.
    pub(super) patience: Duration,
    /// Secrets that calls have carried: what the vendor has been told it may repeat anywhere.
    pub(super) told: Mutex<Vec<SecretString>>,
}

/// How many secrets are remembered; the oldest are forgotten.
const MOST_TOLD: usize = 64;

/// A failed attempt.
struct Failure {
    error: BackendError,
    /// Whether the call was sent at all; what our own limits hold back is not tried again at once.
    sent: bool,
}

impl From<Failure> for BackendError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl Client {
    /// A call that changes nothing, or nothing when repeated. Passing faults are waited out for a moment.
    pub(super) async fn read<T>(&self, action: &'static str, params: &Params, decode: impl Decode<T>) -> Result<T> {
        let begun = Instant::now();
        let passes = |failure: &Failure| {
            failure.sent
                && begun.elapsed() < self.patience
                && matches!(failure.error.class, ErrorClass::Transient | ErrorClass::Throttled)
                && failure.error.retry_after.is_none_or(|wait| wait <= LONGEST_WAIT)
        };
        let backoff = ExponentialBuilder::default()
            .with_min_delay(FIRST_WAIT)
            .with_max_delay(LONGEST_WAIT)
            .with_max_times(REPEATS)
            .with_jitter();
        let result = (|| self.attempt(action, Effect::Read, params, &decode))
            .retry(backoff)
            .when(passes)
            .adjust(|failure, wait| Some(wait?.max(failure.error.retry_after.unwrap_or_default())))
            .await;
        Ok(result?)
    }

    /// A call that changes something: sent once. No answer, or none that can be trusted, is
    /// [`ErrorClass::Ambiguous`].
    pub(super) async fn change<T>(&self, action: &'static str, params: &Params, decode: impl Decode<T>) -> Result<T> {
        Ok(self.attempt(action, Effect::Change, params, &decode).await?)
    }

    async fn attempt<T>(
        &self,
        action: &'static str,
        effect: Effect,
        params: &Params,
        decode: &impl Decode<T>,
    ) -> std::result::Result<T, Failure> {
        let permit = self.limiter.acquire().await.map_err(|refused| Failure {
            error: errors::refused(action, refused),
            sent: false,
        })?;
        let begun = Instant::now();
        let answer = self.send(action, effect, params).await;
        match answer {
            Ok(_) => permit.answered(),
            Err(_) => permit.failed(),
        }
        let result = match answer {
            Err(error) => Err(errors::unanswered(action, effect, &error)),
            Ok(answer) => errors::read(action, effect, &answer, &self.scrubber(params)).and_then(|body| {
                let fields = Fields::new(&body);
                decode(fields)
                    .and_then(|value| effect_confirmed(effect, fields).map(|()| value))
                    .map_err(|odd| errors::odd(action, effect, &odd.to_string()))
            }),
        };
        let outcome = result.as_ref().err().map_or("ok", |error| error.class.as_str());
        self.observer.called(&self.account, action, outcome, begun.elapsed());
        result.map_err(|error| {
            if error.class == ErrorClass::Throttled {
                self.limiter.throttled(error.retry_after);
            }
            Failure { error, sent: true }
        })
    }

    /// Signs and sends, each time with a nonce and a time of its own.
    async fn send(
        &self,
        action: &'static str,
        effect: Effect,
        params: &Params,
    ) -> std::result::Result<Answer, TransportError> {
        let nonce = Uuid::new_v4().to_string();
        let time = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mut query = vec![
            ("Action", action),
            ("Version", VERSION),
            ("Format", "JSON"),
            ("AccessKeyId", self.key.id.expose_secret()),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureNonce", &nonce),
            ("Timestamp", &time),
        ];
        // Like the vendor's own client: the call in the URL, what it is about in the body, where no gateway logs it.
        let plain = params.plain.iter().map(|(name, value)| (&**name, value.as_str()));
        let secret = params.secret.iter().map(|(name, value)| (*name, value.expose_secret()));
        let token = self
            .key
            .security_token
            .iter()
            .map(|token| ("SecurityToken", token.expose_secret()));
        let form: Vec<(&str, &str)> = plain.chain(secret).chain(token).collect();
        let text = rpc::string_to_sign("POST", query.iter().chain(&form).copied());
        let signature = rpc::sign(self.key.secret.expose_secret().as_bytes(), ALIBABA_KEY_SUFFIX, &text);
        query.push((SIGNATURE, &signature));
        self.transport.post(effect, &query, &form).await
    }

    fn scrubber(&self, params: &Params) -> Scrubber {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, value) in &params.secret {
            if !told.iter().any(|known| known.expose_secret() == value.expose_secret()) {
                if told.len() >= MOST_TOLD {
                    told.remove(0);
                }
                told.push(value.clone());
            }
        }
        let key = [&self.key.id, &self.key.secret];
        let token = self.key.security_token.iter();
        Scrubber::new(key.into_iter().chain(token).chain(told.iter()))
    }
}

/// Every answer of the vendor carries a request id; a change is taken for made only if this one does.
fn effect_confirmed(effect: Effect, fields: Fields<'_>) -> std::result::Result<(), Odd> {
    match effect {
        Effect::Read => Ok(()),
        Effect::Change => match fields.text("RequestId")? {
            Some(_) => Ok(()),
            None => Err(Odd::missing("RequestId")),
        },
    }
}
