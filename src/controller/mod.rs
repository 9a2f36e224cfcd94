//! Gathers inputs, asks `plan`, carries out one action, writes status once.

pub mod settings;
