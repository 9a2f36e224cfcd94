//! Running the operator: leadership, metrics, health, logs.

pub mod duration;
pub mod leader;
pub mod metrics;
pub mod readiness;
pub mod server;
pub mod telemetry;
