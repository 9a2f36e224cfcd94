//! `desktop-sim`: vendors on the wire, with a ledger as ground truth. For the demo and the tests.
//!
//! A [`Sim`] listens on a port and answers as the vendor would: it checks signatures, keeps clusters, desktops and
//! images that change state as time passes, and can be told to misbehave ([`Fault`]) or to change behind its client's
//! back ([`Edit`]). Every request ends up in its [`Ledger`]. What it knows of the wire comes from the vendors'
//! documents alone and shares no code with the backends it is there to judge.

mod admin;
mod auth;
pub mod capital_online;
mod clock;
pub mod cloud_desktop;
mod config;
mod connection;
mod edit;
mod fault;
pub mod gws;
mod handle;
pub mod huawei;
mod ledger;
mod rpc;
mod server;
mod vendor;
mod wire;
mod world;

pub use capital_online::edit::CapitalOnlineEdit;
pub use clock::Clock;
pub use cloud_desktop::edit::CloudDesktopEdit;
pub use config::{Account, Durations, SimConfig};
pub use edit::{AccountEdit, Edit, EditError};
pub use fault::{Armed, Fault, FaultKind, FaultPoint, When};
pub use gws::edit::GwsEdit;
pub use handle::{Sim, SimError, Stuck};
pub use huawei::edit::HuaweiEdit;
pub use ledger::{Entry, FaultMark, Kind, Ledger, Lifetime, Outcome};
pub use world::{Held, World};
