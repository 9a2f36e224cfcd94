//! What holds for the repository itself: generated files, documents, module directions, the chart.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "the whole crate is tests, and their helpers may fail them"
)]

mod architecture;
mod chart;
mod dockerfile;
mod docs;
mod generated;
#[path = "../tools/helm/helm.rs"]
mod helm;
mod paths;
