//! What holds for the repository itself: generated files, documents, module directions.

#![allow(
    clippy::unwrap_used,
    reason = "the whole crate is tests, and their helpers may fail them"
)]

mod architecture;
mod docs;
mod generated;
mod paths;
