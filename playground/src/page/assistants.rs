//! The routes by which the page edits the files of assistants.
//!
//! A name is that of a file that is there, never a path. Answers to what a person does have the
//! status 200, because a browser writes every other one into its console.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::read::read;
use crate::assistants::{Change, Saved};
use crate::http::control::{answer, control_error};
use crate::playground::Playground;

/// The routes.
pub fn routes() -> Router<Arc<Playground>> {
    Router::new()
        .route("/playground/assistants", get(list))
        .route("/playground/assistants/{name}", get(show).put(save))
        .route("/playground/assistants/{name}/check", post(check))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

/// The largest request. A file has at most 256 kB, and JSON can escape each byte.
const MAX_BODY: usize = 2 * 1024 * 1024;

async fn list(State(playground): State<Arc<Playground>>) -> Response {
    blocking(move || Ok(json!({"names": playground.assistants.names()}))).await
}

/// A file, and what the Worker says about it.
async fn show(State(playground): State<Arc<Playground>>, Path(name): Path<String>) -> Response {
    blocking(move || {
        let content = playground.assistants.read(&name)?;
        let checked = playground.assistants.check(&name, &content.text)?;
        Ok(json!({"text": content.text, "version": content.version, "checked": checked}))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    text: String,
    /// Changes to make to the text, in order.
    #[serde(default)]
    changes: Vec<Change>,
}

/// The text after the changes, and what the Worker says about it. Nothing is saved.
async fn check(
    State(playground): State<Arc<Playground>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Draft { text, changes } = match read(&headers, &body) {
        Ok(draft) => draft,
        Err(error) => return *error,
    };
    blocking(move || {
        let text = changes
            .iter()
            .fold(text, |text, change| change.apply(&text));
        let checked = playground.assistants.check(&name, &text)?;
        Ok(json!({"text": text, "checked": checked}))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Save {
    text: String,
    /// The version of the file that the text was made of.
    version: String,
}

async fn save(
    State(playground): State<Arc<Playground>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Save { text, version } = match read(&headers, &body) {
        Ok(save) => save,
        Err(error) => return *error,
    };
    blocking(
        move || match playground.assistants.save(&name, &text, &version)? {
            Saved::Written(content) => Ok(json!({"saved": content})),
            Saved::Changed(content) => Ok(json!({"changed": content})),
            Saved::Wrong(checked) => Ok(json!({"wrong": checked})),
        },
    )
    .await
}

/// The answer of work that waits for files. Its error is a 404 with a sentence.
async fn blocking(work: impl FnOnce() -> Result<Value, String> + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(told)) => answer(StatusCode::OK, &told),
        Ok(Err(reason)) => control_error(StatusCode::NOT_FOUND, &reason),
        Err(_) => control_error(StatusCode::INTERNAL_SERVER_ERROR, "reading the file failed"),
    }
}
