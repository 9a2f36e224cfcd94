//! Alibaba's RPC style, which GWS and CloudDesktop share: signature version 1, parameters in, one JSON object out.

pub(crate) mod errors;
pub(crate) mod paging;

use std::borrow::Cow;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::Result;
use super::client::{Account, Caller, misread};
use super::decode::{Fields, Odd};
use crate::http::credentials::AccessKey;
use crate::http::sign::rpc::{self, ALIBABA_KEY_SUFFIX, SIGNATURE};
use crate::http::transport::{Effect, Request, SetupError};

/// Parameters of an action.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    plain: Vec<(Cow<'static, str>, String)>,
    secret: Vec<(&'static str, SecretString)>,
}

impl Params {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn set(mut self, name: impl Into<Cow<'static, str>>, value: &(impl ToString + ?Sized)) -> Self {
        self.plain.push((name.into(), value.to_string()));
        self
    }

    pub(crate) fn set_some(self, name: &'static str, value: Option<&String>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    pub(crate) fn secret(mut self, name: &'static str, value: SecretString) -> Self {
        self.secret.push((name, value));
        self
    }
}

/// What of an answer is wanted.
pub(crate) trait Decode<T>: Fn(Fields<'_>) -> std::result::Result<T, Odd> + Sync {}
impl<T, F: Fn(Fields<'_>) -> std::result::Result<T, Odd> + Sync> Decode<T> for F {}

/// An account at the endpoint of one product.
pub(crate) struct Client {
    caller: Caller,
    key: AccessKey,
    /// Version of the product's wire.
    version: &'static str,
}

impl Client {
    /// Sets the account up; calls nobody yet.
    pub(crate) fn new(
        account: &Account<'_>,
        key: AccessKey,
        version: &'static str,
    ) -> std::result::Result<Self, SetupError> {
        let secrets = [key.id.clone(), key.secret.clone()]
            .into_iter()
            .chain(key.security_token.clone());
        Ok(Self {
            caller: Caller::new(account, secrets)?,
            key,
            version,
        })
    }

    /// A call that changes nothing, or nothing when repeated. Passing faults are waited out for a moment.
    pub(crate) async fn read<T>(&self, action: &'static str, params: &Params, decode: impl Decode<T>) -> Result<T> {
        self.call(action, Effect::Read, params, decode).await
    }

    /// A call that changes something: sent once. No answer, or none that can be trusted, is ambiguous.
    pub(crate) async fn change<T>(&self, action: &'static str, params: &Params, decode: impl Decode<T>) -> Result<T> {
        self.call(action, Effect::Change, params, decode).await
    }

    async fn call<T>(
        &self,
        action: &'static str,
        effect: Effect,
        params: &Params,
        decode: impl Decode<T>,
    ) -> Result<T> {
        for (_, secret) in &params.secret {
            self.caller.keep_secret(secret);
        }
        let request = || self.request(action, params);
        let read = |answer: &_, scrubber: &_| {
            let body = errors::read(action, effect, answer, scrubber)?;
            let fields = Fields::new(&body);
            let decoded = decode(fields).and_then(|value| effect_confirmed(effect, fields).map(|()| value));
            misread(action, effect, decoded)
        };
        self.caller.call(action, effect, request, read).await
    }

    /// A freshly signed request, with a nonce and a time of its own.
    fn request(&self, action: &'static str, params: &Params) -> Request {
        let nonce = Uuid::new_v4().to_string();
        let time = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mut query = vec![
            ("Action", action),
            ("Version", self.version),
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
        Request::form(&query, &form)
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
