//! From a provider's spec and Secret to a [`Backend`].

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::Backend;
use super::client::Account;
use super::gws::{self, Gws};
use crate::api::DesktopProviderSpec;
use crate::http::credentials::{AccessKey, CredentialsError};
use crate::http::endpoint::{EndpointError, EndpointPolicy};
use crate::http::observe::CallObserver;
use crate::http::transport::SetupError;

/// What all accounts have in common.
#[derive(Clone)]
pub struct ConnectSettings {
    /// Endpoints that may be called beside the vendors' own.
    pub endpoints: EndpointPolicy,
    /// Who is told of every call.
    pub observer: Arc<dyn CallObserver>,
    /// Longest time one call may take.
    pub deadline: Duration,
}

/// Why an account cannot be called. Its text says what to do and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The Secret does not hold usable credentials.
    #[error("spec.credentialsSecretRef: {0}")]
    Credentials(#[from] CredentialsError),
    /// The endpoint is not allowed.
    #[error("spec.gws.endpoint: {0}")]
    Endpoint(EndpointError),
    /// The region is not one.
    #[error("spec.gws.region: {0}.")]
    Region(gws::InvalidRegion),
    /// The spec names no vendor, or limits no call can keep to.
    #[error("{0}")]
    Spec(&'static str),
    /// The HTTP client cannot be set up.
    #[error("{0}. Check the root certificates of the operator's image.")]
    Setup(#[from] SetupError),
}

impl ConnectError {
    /// The reason for a condition.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Credentials(_) => "CredentialsInvalid",
            Self::Endpoint(_) => "EndpointNotAllowed",
            Self::Region(_) | Self::Spec(_) => "InvalidSpec",
            Self::Setup(_) => "VendorUnavailable",
        }
    }
}

/// Sets up the account of a provider. Calls nobody yet: whether the vendor accepts the credentials shows with the
/// first call.
pub fn connect(
    account: &str,
    spec: &DesktopProviderSpec,
    secret: &BTreeMap<String, Vec<u8>>,
    settings: &ConnectSettings,
) -> Result<Arc<dyn Backend>, ConnectError> {
    let Some(gws) = &spec.gws else {
        return Err(ConnectError::Spec("spec: no vendor is set. Set gws."));
    };
    let host = gws::host(&gws.region).map_err(ConnectError::Region)?;
    let endpoint = settings
        .endpoints
        .resolve(&host, gws.endpoint.as_deref())
        .map_err(ConnectError::Endpoint)?;
    let limit = |value: i32| {
        let value = u32::try_from(value).ok().and_then(NonZeroU32::new);
        value.ok_or(ConnectError::Spec("spec.rateLimit: both numbers must be 1 or more."))
    };
    let account = Account {
        name: account,
        endpoint: &endpoint,
        per_second: limit(spec.rate_limit.requests_per_second)?,
        burst: limit(spec.rate_limit.burst)?,
        deadline: settings.deadline,
        observer: Arc::clone(&settings.observer),
    };
    let backend = Gws::new(&account, AccessKey::from_secret(secret)?)?;
    Ok(Arc::new(backend))
}
