//! Transport, signing, limits: how a vendor is reached. Knows no desktops and no Kubernetes.

pub mod observe;
