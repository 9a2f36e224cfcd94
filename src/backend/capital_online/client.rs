//! One signed call: system parameters and signature in the query; what a GET is about beside them, what a POST is
//! about as JSON in its body, which the signature does not cover.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::errors;
use crate::backend::Result;
use crate::backend::client::{Account, Caller, misread};
use crate::backend::decode::{Fields, Odd};
use crate::http::credentials::AccessKey;
use crate::http::sign::rpc::{self, SIGNATURE};
use crate::http::transport::{Effect, Request, SetupError, encode};

const VERSION: &str = "2019-08-08";
/// Where the product lives behind the vendor's gateway.
const PATH: &str = "/gcw/";
/// Unlike Alibaba, from whom the scheme is taken, the vendor uses the bare secret as key.
const KEY_SUFFIX: &str = "";

/// An action with its parameters.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) action: &'static str,
    method: Method,
    effect: Effect,
    params: Map<String, Value>,
}

impl Call {
    fn new(action: &'static str, method: Method, effect: Effect) -> Self {
        Self {
            action,
            method,
            effect,
            params: Map::new(),
        }
    }

    /// A read by GET.
    pub(super) fn get(action: &'static str) -> Self {
        Self::new(action, Method::GET, Effect::Read)
    }

    /// A read by POST.
    pub(super) fn ask(action: &'static str) -> Self {
        Self::new(action, Method::POST, Effect::Read).numbered()
    }

    /// A change by POST.
    pub(super) fn change(action: &'static str) -> Self {
        Self::new(action, Method::POST, Effect::Change).numbered()
    }

    /// A change that the vendor takes by GET.
    pub(super) fn change_by_get(action: &'static str) -> Self {
        Self::new(action, Method::GET, Effect::Change).numbered()
    }

    /// With a request id of its own. It stays the same when a read is repeated.
    pub(super) fn numbered(self) -> Self {
        let id = Uuid::new_v4().to_string();
        self.set("requestId", id)
    }

    /// Numbers and switches are text to this vendor.
    pub(super) fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn set_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// The request id.
    pub(super) fn request_id(&self) -> &str {
        self.params.get("requestId").and_then(Value::as_str).unwrap_or_default()
    }
}

/// What of an answer is wanted: its fields are those of the envelope, with `Data` spelled so.
pub(super) trait Decode<T>: Fn(Fields<'_>) -> std::result::Result<T, Odd> + Sync {}
impl<T, F: Fn(Fields<'_>) -> std::result::Result<T, Odd> + Sync> Decode<T> for F {}

/// An account at its gateway.
pub(super) struct Client {
    caller: Caller,
    key: AccessKey,
}

impl Client {
    /// Sets the account up; calls nobody yet.
    pub(super) fn new(account: &Account<'_>, key: AccessKey) -> std::result::Result<Self, SetupError> {
        let secrets = [key.id.clone(), key.secret.clone()]
            .into_iter()
            .chain(key.security_token.clone());
        Ok(Self {
            caller: Caller::new(account, secrets)?,
            key,
        })
    }

    /// Sends a call: a change once, a read again after passing faults.
    pub(super) async fn send<T>(&self, call: &Call, decode: impl Decode<T>) -> Result<T> {
        let read = |answer: &_, scrubber: &_| {
            let body = errors::read(call.action, call.effect, answer, scrubber)?;
            misread(call.action, call.effect, decode(Fields::new(&body)))
        };
        let request = || self.request(call);
        self.caller.call(call.action, call.effect, request, read).await
    }

    /// A freshly signed request, with a nonce and a time of its own.
    fn request(&self, call: &Call) -> Request {
        let nonce = Uuid::new_v4().to_string();
        let time = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mut query = vec![
            ("Action", call.action),
            ("Version", VERSION),
            ("AccessKeyId", self.key.id.expose_secret()),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureNonce", &nonce),
            ("Timestamp", &time),
        ];
        if let Some(token) = &self.key.security_token {
            // As the vendor's published client names it.
            query.push(("Token", token.expose_secret()));
        }
        let posted = call.method == Method::POST;
        if !posted {
            let own = call.params.iter();
            query.extend(own.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))));
        }
        let text = rpc::string_to_sign(call.method.as_str(), query.iter().copied());
        let signature = rpc::sign(self.key.secret.expose_secret().as_bytes(), KEY_SUFFIX, &text);
        query.push((SIGNATURE, &signature));
        let json = HeaderValue::from_static("application/json");
        let headers = posted.then(|| HeaderMap::from_iter([(CONTENT_TYPE, json)]));
        let body = posted.then(|| Value::Object(call.params.clone()).to_string().into_bytes());
        Request {
            method: call.method.clone(),
            path: PATH.to_owned(),
            query: encode(&query),
            headers: headers.unwrap_or_default(),
            body: body.unwrap_or_default(),
        }
    }
}
