//! placeholder
use super::Backend;
use crate::http::endpoint::EndpointPolicy;
use crate::http::observe::CallObserver;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
/// x
pub struct ConnectSettings {
    /// x
    pub endpoints: EndpointPolicy,
    /// x
    pub observer: Arc<dyn CallObserver>,
    /// x
    pub deadline: Duration,
}
/// x
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct ConnectError;
impl ConnectError {
    /// x
    pub fn reason(&self) -> &'static str {
        "x"
    }
}
/// x
pub fn connect(
    _account: &str,
    _spec: &crate::api::DesktopProviderSpec,
    _secret: &BTreeMap<String, Vec<u8>>,
    _settings: &ConnectSettings,
) -> Result<Arc<dyn Backend>, ConnectError> {
    Err(ConnectError)
}
