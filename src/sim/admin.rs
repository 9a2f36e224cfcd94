//! The simulator's own HTTP interface, beside the vendors': `/_sim/...`. It has no authentication and belongs on a
//! loopback address.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::edit::{self, Edit, EditError};
use super::fault::{Armed, Fault};
use super::server::{Shared, state};
use super::world::Held;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sim/state", get(show_state))
        .route("/_sim/ledger", get(show_ledger))
        .route("/_sim/faults", get(show_faults).post(add_fault).delete(clear_faults))
        .route("/_sim/edit", post(make_edit))
        .route("/_sim/held", get(show_held))
        .route("/_sim/release", post(release))
}

async fn show_state(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(shared.read(state))
}

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    since: u64,
}

async fn show_ledger(State(shared): State<Arc<Shared>>, Query(query): Query<Since>) -> Json<Value> {
    Json(shared.read(|world| {
        let entries: Vec<_> = world.ledger.since(query.since).collect();
        json!({"entries": entries, "lifetimes": world.ledger.lifetimes()})
    }))
}

async fn show_faults(State(shared): State<Arc<Shared>>) -> Json<Vec<Armed>> {
    Json(shared.read(|world| world.faults.clone()))
}

async fn add_fault(State(shared): State<Arc<Shared>>, Json(fault): Json<Fault>) -> StatusCode {
    shared.change(|world| world.faults.push(Armed::new(fault)));
    StatusCode::CREATED
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.change(|world| world.faults.clear());
    StatusCode::NO_CONTENT
}

async fn make_edit(State(shared): State<Arc<Shared>>, Json(edit): Json<Edit>) -> Response {
    match shared.change(|world| edit::apply(world, edit)) {
        Ok(id) => Json(json!({"id": id})).into_response(),
        Err(error) => {
            let status = match error {
                EditError::NotFound(_) => StatusCode::NOT_FOUND,
                EditError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            };
            (status, Json(json!({"error": error.to_string()}))).into_response()
        }
    }
}

async fn show_held(State(shared): State<Arc<Shared>>) -> Json<Vec<Held>> {
    Json(shared.read(|world| world.held.clone()))
}

#[derive(Deserialize)]
struct Release {
    id: Option<u64>,
}

/// Releases one request, or all of them.
async fn release(State(shared): State<Arc<Shared>>, Query(which): Query<Release>) -> Json<Value> {
    let ids = match which.id {
        Some(id) => vec![id],
        None => shared.read(|world| world.held.iter().map(|held| held.id).collect()),
    };
    let released = ids.into_iter().filter(|id| shared.release(*id)).count();
    Json(json!({"released": released}))
}
