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
        .route("/playground/launcher", put(tell))
        .route("/playground/openai", put(choose))
}

/// `npm start` tells. The feed has what it told last, for each page.
async fn tell(
    State(playground): State<Arc<Playground>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match read::<Told>(&headers, &body) {
        Ok(told) => {
            let fields = json!({"told": told});
            playground.feed.publish_state("launcher", fields);
            playground.launcher.tell(told);
            answer(StatusCode::ACCEPTED, &json!({}))
        }
        Err(error) => *error,
    }
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
