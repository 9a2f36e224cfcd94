//! Cloud desktops as Kubernetes resources.
//!
//! Dependencies between the modules run one way, `controller → plan → backend → http → api`, with `ops` to the side;
//! `sim` and `devenv` serve the demo and the tests. `docs/architecture.md` says why, and a test holds the code to it.

pub mod api;
pub mod backend;
pub mod controller;
pub mod devenv;
pub mod http;
pub mod ops;
pub mod plan;
pub mod sim;
