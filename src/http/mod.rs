//! Transport, signing, limits: how a vendor is reached. Knows no desktops and no Kubernetes.

pub mod endpoint;
pub mod observe;
