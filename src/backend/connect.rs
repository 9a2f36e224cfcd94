//! From a provider's spec and Secret to a [`Backend`].

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::capital_online::{self, CapitalOnline};
use super::client::Account;
use super::cloud_desktop::{self, CloudDesktop};
use super::gws::{self, Gws};
use super::huawei::{self, Credentials, Huawei};
use super::region::InvalidRegion;
use super::{Backend, Capabilities};
use crate::api::DesktopProviderSpec;
use crate::http::credentials::{AccessKey, CredentialsError, Login};
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
    #[error("{field}: {error}")]
    Endpoint {
        /// Field of the spec.
        field: &'static str,
        /// Why.
        error: EndpointError,
    },
    /// The region is not one.
    #[error("{field}: {error}.")]
    Region {
        /// Field of the spec.
        field: &'static str,
        /// Why.
        error: InvalidRegion,
    },
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
            Self::Endpoint { .. } => "EndpointNotAllowed",
            Self::Region { .. } | Self::Spec(_) => "InvalidSpec",
            Self::Setup(_) => "ClientSetupFailed",
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
    let limit = |value: i32| {
        let value = u32::try_from(value).ok().and_then(NonZeroU32::new);
        value.ok_or(ConnectError::Spec("spec.rateLimit: both numbers must be 1 or more."))
    };
    let (per_second, burst) = (
        limit(spec.rate_limit.requests_per_second)?,
        limit(spec.rate_limit.burst)?,
    );
    let account = |endpoint| Account {
        name: account,
        endpoint,
        per_second,
        burst,
        deadline: settings.deadline,
        observer: Arc::clone(&settings.observer),
    };
    let endpoint = |field, host: &str, other: &Option<String>| {
        let resolved = settings.endpoints.resolve(host, other.as_deref());
        resolved.map_err(|error| ConnectError::Endpoint { field, error })
    };
    if let Some(gws) = &spec.gws {
        let field = "spec.gws.region";
        let host = gws::host(&gws.region).map_err(|error| ConnectError::Region { field, error })?;
        let endpoint = endpoint("spec.gws.endpoint", &host, &gws.endpoint)?;
        let backend = Gws::new(&account(&endpoint), AccessKey::from_secret(secret)?)?;
        return Ok(Arc::new(backend));
    }
    if let Some(workspace) = &spec.huawei_workspace {
        let field = "spec.huaweiWorkspace.region";
        let (host, iam) = huawei::hosts(&workspace.region).map_err(|error| ConnectError::Region { field, error })?;
        let at = endpoint("spec.huaweiWorkspace.endpoint", &host, &workspace.endpoint)?;
        let iam = endpoint("spec.huaweiWorkspace.iamEndpoint", &iam, &workspace.iam_endpoint)?;
        let credentials = if Login::is_meant(secret) {
            Credentials::Login(Login::from_secret(secret)?)
        } else {
            Credentials::Key(AccessKey::from_secret(secret)?)
        };
        let backend = Huawei::new(&account(&at), &account(&iam), &workspace.project_id, credentials)?;
        return Ok(Arc::new(backend));
    }
    if let Some(vendor) = &spec.cloud_desktop {
        let field = "spec.cloudDesktop.region";
        let host = cloud_desktop::host(&vendor.region).map_err(|error| ConnectError::Region { field, error })?;
        let endpoint = endpoint("spec.cloudDesktop.endpoint", &host, &vendor.endpoint)?;
        let key = AccessKey::from_secret(secret)?;
        let owner_id = vendor.owner_id.clone();
        let backend = CloudDesktop::new(&account(&endpoint), key, owner_id, vendor.extended_api)?;
        return Ok(Arc::new(backend));
    }
    if let Some(capital) = &spec.capital_online {
        let host = capital_online::host(capital.area);
        let endpoint = endpoint("spec.capitalOnline.endpoint", host, &capital.endpoint)?;
        let backend = CapitalOnline::new(&account(&endpoint), AccessKey::from_secret(secret)?, capital)?;
        return Ok(Arc::new(backend));
    }
    Err(ConnectError::Spec(
        "spec: no vendor is set. Set gws, cloudDesktop, capitalOnline or huaweiWorkspace.",
    ))
}

/// What the vendor of a provider can do, connected or not; `None` when its spec names none.
#[must_use]
pub const fn capabilities_of(spec: &DesktopProviderSpec) -> Option<&'static Capabilities> {
    match spec {
        DesktopProviderSpec { gws: Some(_), .. } => Some(&gws::CAPABILITIES),
        DesktopProviderSpec {
            huawei_workspace: Some(_),
            ..
        } => Some(&huawei::CAPABILITIES),
        DesktopProviderSpec {
            cloud_desktop: Some(vendor),
            ..
        } if vendor.extended_api => Some(&cloud_desktop::EXTENDED_CAPABILITIES),
        DesktopProviderSpec {
            cloud_desktop: Some(_), ..
        } => Some(&cloud_desktop::CAPABILITIES),
        DesktopProviderSpec {
            capital_online: Some(_),
            ..
        } => Some(&capital_online::CAPABILITIES),
        _ => None,
    }
}

/// What every vendor that [`connect`] knows can do, by its block in a provider's spec; where a setting of the block adds
/// to it, once more with that.
#[must_use]
pub fn capabilities() -> Vec<(&'static str, &'static Capabilities)> {
    vec![
        ("`gws`", &gws::CAPABILITIES),
        ("`cloudDesktop`", &cloud_desktop::CAPABILITIES),
        ("`cloudDesktop`, extended", &cloud_desktop::EXTENDED_CAPABILITIES),
        ("`capitalOnline`", &capital_online::CAPABILITIES),
        ("`huaweiWorkspace`", &huawei::CAPABILITIES),
    ]
}
