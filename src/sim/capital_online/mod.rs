//! CapitalOnline gcw (version 2019-08-08): system parameters and signature in the query, changes as JSON bodies.
//!
//! Two editions of the vendor's document are known, [`Edition`]; production may serve either. Where both are silent the
//! simulator takes the stricter reading, so that a client which satisfies it asks nothing unusual of the vendor. It
//! does not join requests of one `requestId`: nobody documents that the vendor does.

mod account;
mod auth;
mod bind;
mod catalog;
pub mod edit;
mod model;
mod net;
mod order;
mod params;
mod power;
mod price;
mod seed;
pub(crate) mod time;
mod vm;
pub(crate) mod wire;

pub(crate) use seed::endow;

pub use model::{CapitalOnline, Edition, Image, Line, Net, Product, Site, SubAccount, Subnet, Vm};
