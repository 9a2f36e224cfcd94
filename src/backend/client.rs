//! One bounded, counted, signed call: what the clients of all vendors have in common.
//!
//! A vendor's client says how a request is made (freshly signed for each attempt) and what an answer means; this says
//! when it may be sent, when it is repeated and what no answer means.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret, SecretString};

use super::error::{BackendError, ErrorClass, explanation};
use super::{Result, decode::Odd};
use crate::http::endpoint::Endpoint;
use crate::http::limit::{Limiter, Refused};
use crate::http::observe::CallObserver;
use crate::http::sign::rpc::percent_encode;
use crate::http::transport::{Answer, Effect, Request, SetupError, Transport, TransportError};

/// A read is repeated at most this often within a call.
const REPEATS: usize = 2;
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// Longest wait within a call; a vendor that asks for more gets it from whoever called.
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// Longest wait that is believed: what a vendor asks for is added to dates.
const LONGEST_BELIEVED: Duration = Duration::from_hours(24);
/// How many secrets that calls have carried are remembered; the oldest are forgotten.
const MOST_TOLD: usize = 64;

/// How an account is reached.
pub struct Account<'a> {
    /// Name under which its calls are counted.
    pub name: &'a str,
    /// Where it is called.
    pub endpoint: &'a Endpoint,
    /// Calls a second in the long run.
    pub per_second: NonZeroU32,
    /// Calls that may go out at once.
    pub burst: NonZeroU32,
    /// Longest time a call may take, and longest time it may wait for its turn.
    pub deadline: Duration,
    /// Who wants to know of calls.
    pub observer: Arc<dyn CallObserver>,
}

/// An account at its endpoint.
pub(crate) struct Caller {
    account: String,
    transport: Transport,
    limiter: Limiter,
    observer: Arc<dyn CallObserver>,
    /// After this time a read is not repeated any more.
    patience: Duration,
    /// The account's own secrets.
    own: Vec<SecretString>,
    /// Secrets that calls have carried: what the vendor has been told it may repeat anywhere.
    told: Mutex<Vec<SecretString>>,
}

/// A failed attempt.
struct Failure {
    error: BackendError,
    /// Whether the call was sent at all; what our own limits hold back is not tried again at once.
    sent: bool,
}

impl Caller {
    /// Sets the account up; calls nobody yet. `secrets` never appear in an error.
    pub(crate) fn new(
        account: &Account<'_>,
        secrets: impl IntoIterator<Item = SecretString>,
    ) -> std::result::Result<Self, SetupError> {
        let limiter = Limiter::new(
            account.name,
            account.per_second,
            account.burst,
            account.deadline,
            Arc::clone(&account.observer),
        );
        Ok(Self {
            account: account.name.to_owned(),
            transport: Transport::new(account.endpoint, account.deadline)?,
            limiter,
            observer: Arc::clone(&account.observer),
            patience: account.deadline,
            own: secrets.into_iter().collect(),
            told: Mutex::default(),
        })
    }

    /// From now on this, too, never appears in an error.
    pub(crate) fn keep_secret(&self, secret: &SecretString) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.iter().any(|known| known.expose_secret() == secret.expose_secret()) {
            return;
        }
        if told.len() >= MOST_TOLD {
            told.remove(0);
        }
        told.push(secret.clone());
    }

    /// One call. A read ([`Effect::Read`]) waits passing faults out for a moment; a change is sent once, and no answer
    /// to it, or none that can be trusted, is [`ErrorClass::Ambiguous`]. `request` is asked anew for each attempt.
    pub(crate) async fn call<T>(
        &self,
        action: &'static str,
        effect: Effect,
        request: impl Fn() -> Request,
        read: impl Fn(&Answer, &Scrubber) -> Result<T>,
    ) -> Result<T> {
        let attempt = || self.attempt(action, effect, &request, &read);
        let result = match effect {
            Effect::Change => attempt().await,
            Effect::Read => {
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
                attempt
                    .retry(backoff)
                    .when(passes)
                    .adjust(|failure, wait| Some(wait?.max(failure.error.retry_after.unwrap_or_default())))
                    .await
            }
        };
        result.map_err(|failure| failure.error)
    }

    async fn attempt<T>(
        &self,
        action: &'static str,
        effect: Effect,
        request: &impl Fn() -> Request,
        read: &impl Fn(&Answer, &Scrubber) -> Result<T>,
    ) -> std::result::Result<T, Failure> {
        let permit = self.limiter.acquire().await.map_err(|refusal| Failure {
            error: refused(action, refusal),
            sent: false,
        })?;
        let begun = Instant::now();
        let answer = self.transport.send(effect, request()).await;
        match answer {
            Ok(_) => permit.answered(),
            Err(_) => permit.failed(),
        }
        let result = match answer {
            Err(error) => Err(unanswered(action, effect, &error)),
            Ok(answer) => read(&answer, &self.scrubber()),
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

    fn scrubber(&self) -> Scrubber {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        Scrubber::new(self.own.iter().chain(told.iter()))
    }
}

/// Takes secrets out of a vendor's texts: a refusal of a signature, for one, may repeat every parameter.
pub(crate) struct Scrubber(Vec<String>);

impl Scrubber {
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
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

    /// A vendor's text, fit to be shown. Cleaned before anything is cut, so that no half of a secret stays.
    pub(crate) fn clean(&self, text: &str) -> String {
        let clean = self
            .0
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, "***"));
        explanation(&clean)
    }
}

/// The class of an error that was found in an answer. `known` is what its code says; a change counts as refused only by
/// a complete, definite refusal: any other may come from behind the point where the change was made, and so may any with
/// a status from 500 on, also one that no standard knows.
pub(crate) fn class_for(effect: Effect, known: Option<ErrorClass>, status: StatusCode, complete: bool) -> ErrorClass {
    let definite = |class| !matches!(class, ErrorClass::Transient | ErrorClass::Ambiguous);
    match effect {
        Effect::Read => known.unwrap_or(ErrorClass::Transient),
        Effect::Change => known
            .filter(|class| definite(*class) && status.as_u16() < 500 && complete)
            .unwrap_or(ErrorClass::Ambiguous),
    }
}

/// An answer that is not the vendor's: a page of a gateway, a cut-off body, a redirect.
pub(crate) fn unreadable(action: &'static str, effect: Effect, answer: &Answer) -> BackendError {
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

/// The error of a successful answer that lacks what it must hold.
pub(crate) fn odd(action: &'static str, effect: Effect, message: &str) -> BackendError {
    let class = match effect {
        Effect::Read => ErrorClass::Transient,
        Effect::Change => ErrorClass::Ambiguous,
    };
    BackendError::new(class, action, message)
}

/// As [`odd`], for what a decoder found.
pub(crate) fn misread<T>(action: &'static str, effect: Effect, read: std::result::Result<T, Odd>) -> Result<T> {
    read.map_err(|error| odd(action, effect, &error.to_string()))
}

/// How long the vendor asks to wait: Alibaba's `x-acs-retry-after` in milliseconds, or HTTP's own header in seconds.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let asked = number("x-acs-retry-after")
        .map(Duration::from_millis)
        .or_else(|| number("retry-after").map(Duration::from_secs));
    asked.map(|wait| wait.min(LONGEST_BELIEVED))
}

/// The error of an exchange that brought no answer.
fn unanswered(action: &'static str, effect: Effect, error: &TransportError) -> BackendError {
    let class = match (effect, error) {
        (Effect::Read, _) | (Effect::Change, TransportError::NotSent(_)) => ErrorClass::Transient,
        (Effect::Change, _) => ErrorClass::Ambiguous,
    };
    BackendError::new(class, action, &error.to_string())
}

/// The error of a call that was not sent because of the account's limits.
fn refused(action: &'static str, refused: Refused) -> BackendError {
    let (class, retry_after) = match refused {
        Refused::Busy { retry_after } => (ErrorClass::Throttled, retry_after),
        Refused::Open { retry_after } => (ErrorClass::Transient, retry_after),
    };
    BackendError {
        retry_after: Some(retry_after),
        ..BackendError::new(class, action, &refused.to_string())
    }
}
