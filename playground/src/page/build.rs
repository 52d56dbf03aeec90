//! The route that `npm start` tells the state of the Worker's build: `POST /playground/build`.
//!
//! The page shows it. Nothing else depends on it.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::read::read;
use crate::http::control::{answer, control_error};
use crate::playground::Playground;

/// The route.
pub fn routes() -> Router<Arc<Playground>> {
    Router::new().route("/playground/build", post(tell))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    state: Progress,
    /// What is wrong, in one line, or what is built.
    #[serde(default)]
    detail: Option<String>,
}

/// What becomes of the sources as they are now.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Progress {
    /// They are compiled. The last good Worker answers.
    Building,
    /// They could not be compiled. The last good Worker answers.
    Failed,
    /// The Worker that answers is made of them.
    Live,
}

async fn tell(
    State(playground): State<Arc<Playground>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if body.len() > MAX_BODY {
        return control_error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the state of a build has at most 4096 bytes",
        );
    }
    match read::<Build>(&headers, &body) {
        Ok(Build { state, detail }) => {
            let fields = json!({"state": state, "detail": detail});
            playground.feed.publish_state("build", fields);
            answer(StatusCode::ACCEPTED, &json!({}))
        }
        Err(error) => *error,
    }
}

const MAX_BODY: usize = 4096;
