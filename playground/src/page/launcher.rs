//! The routes between the page and `npm start`: which OpenAI the Worker asks, and which settings
//! there are.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::put;
use serde::Deserialize;
use serde_json::json;

use super::read::read;
use crate::http::control::{answer, control_error};
use crate::launcher::{Choice, Told};
use crate::playground::Playground;

/// The routes.
pub fn routes() -> Router<Arc<Playground>> {
    Router::new()
        .route("/playground/launcher", put(tell).get(told))
        .route("/playground/openai", put(choose))
}

/// `npm start` tells.
async fn tell(
    State(playground): State<Arc<Playground>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match read::<Told>(&headers, &body) {
        Ok(told) => {
            playground.feed.publish("launcher", json!({"told": told}));
            playground.launcher.tell(told);
            answer(StatusCode::ACCEPTED, &json!({}))
        }
        Err(error) => *error,
    }
}

/// What `npm start` has told, or null.
async fn told(State(playground): State<Arc<Playground>>) -> Response {
    answer(StatusCode::OK, &json!({"told": playground.launcher.told()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    openai: Choice,
}

/// The page chooses.
async fn choose(
    State(playground): State<Arc<Playground>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match read::<Chosen>(&headers, &body) {
        Ok(Chosen { openai }) => match playground.launcher.choose(openai) {
            Ok(()) => answer(StatusCode::ACCEPTED, &json!({})),
            Err(reason) => control_error(StatusCode::CONFLICT, reason),
        },
        Err(error) => *error,
    }
}
