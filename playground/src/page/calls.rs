//! The routes of calls: `POST /playground/calls` starts one, `POST /playground/calls/{sid}` is what the
//! person does in it, and `GET` shows what happened.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::read::read;
use crate::http::control::{answer, control_error};
use crate::playground::Playground;
use crate::voice::{Action, NewCall, Refusal};

/// The routes.
pub fn routes() -> Router<Arc<Playground>> {
    Router::new()
        .route("/playground/calls", post(start).get(list))
        .route("/playground/calls/{sid}", post(act).get(show))
        .route("/playground/calls/{sid}/frames", get(frames))
}

async fn start(
    State(playground): State<Arc<Playground>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match read::<NewCall>(&headers, &body) {
        Ok(call) => match playground.calls.start(call) {
            Ok(sid) => answer(StatusCode::ACCEPTED, &json!({"sid": sid})),
            Err(refusal) => refused(&refusal),
        },
        Err(error) => *error,
    }
}

async fn act(
    State(playground): State<Arc<Playground>>,
    Path(sid): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match read::<Action>(&headers, &body) {
        Ok(action) => match playground.calls.act(&sid, action) {
            Ok(()) => answer(StatusCode::ACCEPTED, &json!({"sid": sid})),
            Err(refusal) => refused(&refusal),
        },
        Err(error) => *error,
    }
}

async fn list(State(playground): State<Arc<Playground>>) -> Response {
    answer(StatusCode::OK, &playground.calls.list())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    /// The number of the last event that is known.
    #[serde(default)]
    after: u64,
}

async fn show(
    State(playground): State<Arc<Playground>>,
    Path(sid): Path<String>,
    Query(After { after }): Query<After>,
) -> Response {
    shown(playground.calls.show(&sid, after))
}

async fn frames(State(playground): State<Arc<Playground>>, Path(sid): Path<String>) -> Response {
    shown(playground.calls.frames(&sid))
}

fn shown(found: Result<Value, Refusal>) -> Response {
    match found {
        Ok(value) => answer(StatusCode::OK, &value),
        Err(refusal) => refused(&refusal),
    }
}

fn refused(refusal: &Refusal) -> Response {
    match refusal {
        Refusal::Invalid(reason) => control_error(StatusCode::BAD_REQUEST, reason),
        Refusal::Unknown => control_error(
            StatusCode::NOT_FOUND,
            "there is no such call, or it was too long ago",
        ),
        Refusal::Conflict(reason) => control_error(StatusCode::CONFLICT, reason),
    }
}
