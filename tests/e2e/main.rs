//! The operator against a real Kubernetes API server and the simulated vendor.
//!
//! Tests that only talk to the API server share one control plane per process ([`harness::Env::shared`]); an operator
//! looks at a whole cluster, so every test with one has a control plane of its own ([`harness::Env::own`]).

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::similar_names,
    clippy::unnecessary_wraps,
    reason = "the whole crate is tests, and their helpers may fail them"
)]

mod api_rules;
mod canary;
mod chart;
mod chart_rbac_fixture;
mod crash;
mod deletion;
mod demo;
mod drift;
mod failures;
mod harness;
#[path = "../tools/helm/helm.rs"]
mod helm;
mod helm_wait;
mod images;
mod kstatus;
mod kstatus_live;
mod leader;
mod life;
mod metrics;
mod native_pools;
mod pools;
mod pools_large;
mod proxy;
mod rbac;
mod references;
mod schedule;
mod seed;
mod smoke;
mod vendors;
mod world;
