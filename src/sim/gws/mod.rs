//! Alibaba GWS (RPC, version 2019-06-18).
//!
//! The document gives no rules for many states; where it is silent the simulator takes the stricter reading, so that
//! a client which satisfies it asks nothing unusual of the vendor.

mod cluster;
pub mod edit;
mod image;
mod instance;
mod model;
mod params;
mod policy;
mod quirks;
mod session;
pub(crate) mod time;
pub(crate) mod wire;

pub use model::{App, Cluster, Gws, Image, Instance, PolicyField, Session};
