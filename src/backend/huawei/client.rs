//! Requests to Workspace: signed, or with a token that is fetched when it is needed.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::errors;
use crate::backend::client::{Account, Caller, misread, odd};
use crate::backend::decode::{Fields, Odd, timestamp};
use crate::backend::{BackendError, ErrorClass, Result};
use crate::http::credentials::{AccessKey, Login};
use crate::http::sign::huawei as signature;
use crate::http::sign::rpc::percent_encode;
use crate::http::transport::{Effect, Request, SetupError, encode};

/// The call that gives a token.
const LOGIN: &str = "KeystoneCreateUserTokenByPassword";
/// A token is replaced so long before it ends.
const MARGIN: SignedDuration = SignedDuration::from_mins(10);
/// How long a token is used that does not say until when it is good.
const SHORT: SignedDuration = SignedDuration::from_mins(60);

/// How an account proves who it is.
pub enum Credentials {
    /// It signs every request.
    Key(AccessKey),
    /// It sends a token with every request.
    Login(Login),
}

/// One call, without what proves who sends it.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub action: &'static str,
    effect: Effect,
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
}

impl Ask {
    fn new(action: &'static str, effect: Effect, method: Method, path: &[&str]) -> Self {
        Self {
            action,
            effect,
            method,
            path: path.iter().map(|part| (*part).to_owned()).collect(),
            query: Vec::new(),
            body: None,
        }
    }

    /// A read at a path below the project.
    pub(super) fn get(action: &'static str, path: &[&str]) -> Self {
        Self::new(action, Effect::Read, Method::GET, path)
    }

    /// A change that sends something.
    pub(super) fn post(action: &'static str, path: &[&str], body: Value) -> Self {
        Self {
            body: Some(body),
            ..Self::new(action, Effect::Change, Method::POST, path)
        }
    }

    /// A change that replaces something.
    pub(super) fn put(action: &'static str, path: &[&str], body: Value) -> Self {
        Self {
            body: Some(body),
            ..Self::new(action, Effect::Change, Method::PUT, path)
        }
    }

    /// A deletion.
    pub(super) fn delete(action: &'static str, path: &[&str]) -> Self {
        Self::new(action, Effect::Change, Method::DELETE, path)
    }

    /// Adds a parameter.
    pub(super) fn with(mut self, name: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        self.query.push((name, value.to_string()));
        self
    }
}

/// A token, and until when it is used.
#[derive(Clone)]
struct Token {
    value: SecretString,
    until: Timestamp,
}

/// An account at one project.
pub(super) struct Client {
    caller: Caller,
    project: String,
    /// Host and port, as the signature has them.
    host: String,
    proof: Proof,
}

enum Proof {
    Key(AccessKey),
    Token {
        login: Login,
        /// The identity service.
        caller: Box<Caller>,
        /// The token in use. Held while one is fetched, so that many calls fetch one.
        token: Mutex<Option<Token>>,
    },
}

/// What of an answer is wanted: its fields, and the vendor's request id.
pub(super) trait Decode<T>: Fn(Fields<'_>, Option<&str>) -> std::result::Result<T, Odd> + Sync {}
impl<T, F: Fn(Fields<'_>, Option<&str>) -> std::result::Result<T, Odd> + Sync> Decode<T> for F {}

impl Client {
    /// Sets the account up; calls nobody yet. `iam` is where it logs in, if it does.
    pub(super) fn new(
        account: &Account<'_>,
        iam: &Account<'_>,
        project: &str,
        credentials: Credentials,
    ) -> std::result::Result<Self, SetupError> {
        let url = account.endpoint.url();
        let host = match (url.host_str().unwrap_or_default(), url.port()) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        };
        let secrets = match &credentials {
            Credentials::Key(key) => vec![key.id.clone(), key.secret.clone()]
                .into_iter()
                .chain(key.security_token.clone())
                .collect(),
            Credentials::Login(login) => vec![login.user.clone(), login.password.clone()],
        };
        let proof = match credentials {
            Credentials::Key(key) => Proof::Key(key),
            Credentials::Login(login) => Proof::Token {
                login,
                caller: Box::new(Caller::new(iam, secrets.clone())?),
                token: Mutex::new(None),
            },
        };
        Ok(Self {
            caller: Caller::new(account, secrets)?,
            project: project.to_owned(),
            host,
            proof,
        })
    }

    pub(super) fn project(&self) -> &str {
        &self.project
    }

    /// One call. A token that the vendor takes for stale is replaced once: a request that is refused at the door has
    /// changed nothing.
    pub(super) async fn send<T>(&self, ask: &Ask, decode: impl Decode<T>) -> Result<T> {
        let Proof::Token { .. } = &self.proof else {
            return self.attempt(ask, None, &decode).await;
        };
        let token = self.token(None).await?;
        match self.attempt(ask, Some(&token), &decode).await {
            Err(error) if error.class == ErrorClass::Auth => {
                let fresh = self.token(Some(&token)).await?;
                self.attempt(ask, Some(&fresh), &decode).await
            }
            result => result,
        }
    }

    async fn attempt<T>(&self, ask: &Ask, token: Option<&SecretString>, decode: &impl Decode<T>) -> Result<T> {
        let request = || self.request(ask, token);
        let read = |answer: &_, scrubber: &_| {
            let read = errors::read(ask.action, ask.effect, answer, scrubber)?;
            let decoded = decode(Fields::new(&read.fields), read.request_id.as_deref());
            misread(ask.action, ask.effect, decoded)
        };
        self.caller.call(ask.action, ask.effect, request, read).await
    }

    /// A request with a time and a signature of its own, or with the token.
    fn request(&self, ask: &Ask, token: Option<&SecretString>) -> Request {
        let project = percent_encode(&self.project);
        let path = ask.path.iter().fold(format!("/v2/{project}"), |path, part| {
            format!("{path}/{}", percent_encode(part))
        });
        let mut pairs: Vec<(&str, &str)> = ask.query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        pairs.sort_unstable();
        let query = encode(&pairs);
        let body = ask.body.as_ref().map(Value::to_string).unwrap_or_default().into_bytes();
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: &str, secret: bool| {
            // Every value here is an id, a date or a token without blanks; one that is not is left out and refused.
            if let Ok(mut value) = HeaderValue::from_str(value) {
                value.set_sensitive(secret);
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        put("content-type", "application/json", false);
        put("x-project-id", &self.project, false);
        match (&self.proof, token) {
            (Proof::Key(key), _) => {
                let date = Timestamp::now().strftime(signature::DATE_FORMAT).to_string();
                let temporary = key.security_token.as_ref().map(ExposeSecret::expose_secret);
                let mut signed = vec![
                    ("content-type", "application/json"),
                    ("host", self.host.as_str()),
                    ("x-project-id", self.project.as_str()),
                    ("x-sdk-date", date.as_str()),
                ];
                signed.extend(temporary.map(|token| ("x-security-token", token)));
                let canonical = signature::canonical_request(ask.method.as_str(), &path, &query, &signed, &body);
                let proof = signature::sign(key.secret.expose_secret().as_bytes(), &date, &canonical);
                let names = signature::signed_headers(&signed);
                let authorization = signature::authorization(key.id.expose_secret(), &names, &proof);
                put("x-sdk-date", &date, false);
                put("authorization", &authorization, true);
                if let Some(token) = temporary {
                    put("x-security-token", token, true);
                }
            }
            (Proof::Token { .. }, Some(token)) => put("x-auth-token", token.expose_secret(), true),
            (Proof::Token { .. }, None) => {}
        }
        Request {
            method: ask.method.clone(),
            path,
            query,
            headers,
            body,
        }
    }

    /// The token in use, or a new one when there is none, when it ends soon, or when it is `stale`.
    async fn token(&self, stale: Option<&SecretString>) -> Result<SecretString> {
        let Proof::Token { login, caller, token } = &self.proof else {
            return Err(BackendError::new(ErrorClass::Auth, LOGIN, "there is no login"));
        };
        let mut held = token.lock().await;
        let good = held.as_ref().filter(|token| {
            let stale = stale.is_some_and(|stale| stale.expose_secret() == token.value.expose_secret());
            !stale && Timestamp::now() < token.until
        });
        if let Some(token) = good {
            return Ok(token.value.clone());
        }
        *held = None;
        let fresh = log_in(caller, login, &self.project).await?;
        self.caller.keep_secret(&fresh.value);
        caller.keep_secret(&fresh.value);
        *held = Some(fresh.clone());
        Ok(fresh.value)
    }
}

/// Fetches a token for a project. It changes nothing: other tokens stay good.
async fn log_in(caller: &Caller, login: &Login, project: &str) -> Result<Token> {
    let body = json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": {
            "name": login.user.expose_secret(),
            "password": login.password.expose_secret(),
            "domain": {"name": login.domain.expose_secret()},
        }}},
        "scope": {"project": {"id": project}},
    }});
    let text = body.to_string();
    let request = || Request {
        method: Method::POST,
        path: "/v3/auth/tokens".to_owned(),
        query: String::new(),
        headers: HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json;charset=utf8"),
        )]),
        body: text.clone().into_bytes(),
    };
    caller
        .call(LOGIN, Effect::Read, request, |answer, scrubber| {
            let read = errors::read(LOGIN, Effect::Read, answer, scrubber)?;
            let value = answer
                .headers
                .get("x-subject-token")
                .and_then(|value| value.to_str().ok())
                .filter(|value| !value.is_empty())
                .ok_or_else(|| odd(LOGIN, Effect::Read, "the answer holds no token"))?;
            let now = Timestamp::now();
            let until = misread(LOGIN, Effect::Read, expiry(Fields::new(&read.fields)))?;
            let until = until.and_then(|end| end.checked_sub(MARGIN).ok());
            Ok(Token {
                value: value.into(),
                until: until.unwrap_or_else(|| now.checked_add(SHORT).unwrap_or(now)),
            })
        })
        .await
}

fn expiry(fields: Fields<'_>) -> std::result::Result<Option<Timestamp>, Odd> {
    let Some(token) = fields.object("token")? else {
        return Ok(None);
    };
    let text = token.raw("expires_at")?;
    Ok(text.as_deref().and_then(timestamp))
}
