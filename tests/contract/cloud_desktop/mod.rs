//! CloudDesktop on the wire: the simulator, its published clients, and the operator's own account.

mod account;
mod answers;
mod calls;
mod client;
mod connecting;
mod creating;
mod edits;
mod failing;
mod faults;
mod life;
mod published_clients;
mod signature;
mod simulator;
mod users;

pub use account::desktop;
