//! Huawei Workspace: the simulator as its published clients see it, and the backend as the controllers see it.

mod backend;
mod client;
mod life;
mod outcomes;
mod published;
mod signing;
mod sim_answers;
mod sim_door;
mod sim_faults;

pub use backend::desktop;
pub use client::PROJECT;
