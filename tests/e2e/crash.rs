//! The create protocol under crashes, failovers and answers that cannot be trusted.
//!
//! Two proxies, one in front of the API server and one in front of the vendor, count the requests of the real operator
//! that change something. A reference run says how many there are in the life of one object; then the operator is
//! killed, or put to sleep, at every one of them, before and after it took effect. One crash serves many objects: each
//! is stopped at a point of its own, and when all have stopped the operator dies. The simulator's ledger is the judge.

mod answers;
mod bench;
mod clusters;
mod desktops;
mod images;
mod leaders;
mod report;
mod vendors;
mod waves;
