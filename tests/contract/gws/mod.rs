//! The GWS backend as the controllers see it, against a server that says exactly what a test wants to be said.

mod calls;
mod connecting;
mod errors;
mod examples;
mod faults;
mod limits;
mod listing;
mod signing;
mod simulator;
pub mod vendor;
