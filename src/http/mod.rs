//! Transport, signing, limits: how a vendor is reached. Knows no desktops and no Kubernetes.

pub mod address;
pub mod credentials;
pub mod endpoint;
pub mod limit;
pub mod observe;
pub mod resolve;
pub mod sign;
pub mod transport;
