//! A real Kubernetes control plane and everything around it, for the demo and the tests.
//!
//! [`ControlPlane`] runs etcd, kube-apiserver and kube-controller-manager as plain processes: no containers, no
//! nodes, no privileges. Nothing of it outlives the process that started it, however that process ends.

mod assets;
mod control_plane;
mod error;
mod install;
mod kubeconfig;
mod process;

pub use assets::locate as locate_assets;
pub use control_plane::{ControlPlane, Options, User, client_for};
pub use error::DevenvError;
pub use install::install_crds;
pub use process::{Process, ProcessGroup};
