//! What the vendors are sent and how their answers are read, without Kubernetes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod capital_online;
mod cloud_desktop;
mod gws;
mod hostile;
mod huawei;
mod sim_client;
mod sim_edits;
mod sim_faults;
mod sim_published_clients;
mod sim_signature;
mod sim_states;
mod suite;
mod waiting;
