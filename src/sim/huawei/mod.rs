//! Huawei Workspace (REST under `/v2/{project_id}`) and the token call of its identity service.
//!
//! The document describes one call; paths and fields of the others are those of the vendor's published client. Where
//! both are silent the simulator takes the stricter reading, so that a client which satisfies it asks nothing unusual
//! of the vendor.

mod auth;
mod catalog;
mod desktop;
pub mod edit;
mod iam;
mod image;
mod job;
mod model;
mod params;
mod policy;
mod pool;
mod pool_life;
mod quirks;
mod routes;
mod seed;
mod show;
mod tags;
pub(crate) mod time;
mod user;
pub(crate) mod wire;
mod work;

pub use model::{Desktop, Huawei, Image, Job, Member, PolicyGroup, Pool, Project, SubJob, User, Volume};
pub use routes::operations;
