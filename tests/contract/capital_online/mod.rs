//! CapitalOnline gcw: the simulator, and the backend against it.

mod client;
mod edits;
mod faults;
mod published_clients;
mod signature;
mod simulator;
