//! CapitalOnline gcw: the simulator, and the backend against it.

mod backend;
mod changes;
mod client;
mod codes;
mod connecting;
mod creating;
mod doubts;
mod edits;
mod examples;
mod faults;
mod listing;
mod networks;
mod orders;
mod people;
mod published_clients;
mod signature;
mod signing;
mod simulator;
mod simulator_rest;
mod together;
mod vendor;

pub use backend::desktop_in;
pub use client::{SITE, own_net};
