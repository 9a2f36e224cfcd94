//! From a provider's spec and its Secret to a backend.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::Backend;
use super::gws::{self, Gws};
use crate::api::DesktopProviderSpec;
use crate::http::credentials::AccessKey;
use crate::http::endpoint::{EndpointError, EndpointPolicy};
use crate::http::limit::AccountLimit;
use crate::http::observe::CallObserver;
use crate::http::transport::{Transport, TransportError};

/// What holds for every account.
pub struct ConnectSettings {
    /// Which endpoints may be called.
    pub endpoints: EndpointPolicy,
    /// Who wants to know of calls.
    pub observer: Arc<dyn CallObserver>,
    /// Longest time a call may take.
    pub deadline: Duration,
}

/// An account cannot be connected; nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A key of the Secret is missing or cannot be a credential.
    #[error("key {key} of the credentials Secret {problem}; the Secret needs accessKeyId and accessKeySecret")]
    Credentials {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The endpoint may not be called.
    #[error("spec.gws.endpoint or spec.gws.region: {0}")]
    Endpoint(#[from] EndpointError),
    /// No vendor is named.
    #[error("spec names no vendor")]
    NoVendor,
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Transport(#[from] TransportError),
}

impl ConnectError {
    /// Condition reason.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Credentials { .. } => "CredentialsInvalid",
            Self::Endpoint(_) => "EndpointNotAllowed",
            Self::NoVendor => "InvalidSpec",
            Self::Transport(_) => "VendorUnavailable",
        }
    }
}

/// Makes the backend of an account. Nothing is sent.
pub fn connect(
    account: &str,
    spec: &DesktopProviderSpec,
    secret: &BTreeMap<String, Vec<u8>>,
    settings: &ConnectSettings,
) -> Result<Arc<dyn Backend>, ConnectError> {
    let gws = spec.gws.as_ref().ok_or(ConnectError::NoVendor)?;
    let key = AccessKey {
        id: credential(secret, "accessKeyId")?,
        secret: credential(secret, "accessKeySecret")?,
        security_token: secret
            .get("securityToken")
            .map(|_| credential(secret, "securityToken"))
            .transpose()?,
    };
    let endpoint = settings
        .endpoints
        .resolve(&gws::host(&gws.region), gws.endpoint.as_deref())?;
    let positive = |n: i32| u32::try_from(n).unwrap_or(1);
    Ok(Arc::new(Gws::new(gws::client::Client {
        account: account.to_owned(),
        key,
        transport: Transport::new(endpoint, settings.deadline)?,
        limit: AccountLimit::new(
            positive(spec.rate_limit.requests_per_second),
            positive(spec.rate_limit.burst),
        ),
        observer: Arc::clone(&settings.observer),
    })))
}

/// A credential of the Secret. The newline that an editor leaves at the end is taken off; other white space inside
/// could not be meant.
fn credential(secret: &BTreeMap<String, Vec<u8>>, key: &'static str) -> Result<SecretString, ConnectError> {
    let wrong = |problem| ConnectError::Credentials { key, problem };
    let bytes = secret.get(key).ok_or_else(|| wrong("is missing"))?;
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("is not text"))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(wrong("is empty"));
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(wrong("contains white space"));
    }
    Ok(SecretString::from(text.to_owned()))
}
