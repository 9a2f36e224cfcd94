//! Alibaba CloudDesktop (RPC, version 2017-03-01): the ten calls of the vendor's document, and the lifecycle calls that
//! only its published client knows.
//!
//! The document names no state of a desktop and no form of most lists; where it is silent the simulator takes the
//! stricter reading, so that a client which satisfies it asks nothing unusual of the vendor. One account has one
//! tenant: its directory, its network and its users.

mod catalog;
mod desktop;
pub mod edit;
mod image;
mod lifecycle;
mod model;
mod quirks;
mod tenant;
pub(crate) mod time;
mod token;
pub(crate) mod wire;

pub use model::{CloudDesktop, Desktop, Image, Order, Owner, Tenant, User};
