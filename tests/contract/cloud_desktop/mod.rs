//! CloudDesktop on the wire: the simulator, its published clients, and the operator's own.

mod client;
mod edits;
mod faults;
mod published_clients;
mod signature;
mod simulator;
