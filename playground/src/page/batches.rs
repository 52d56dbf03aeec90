//! The routes of synthetic conversations, for the page `/runs`: the Worker's admin routes of batches,
//! and who can talk.
//!
//! The page gets neither the token nor a path of the Worker that it can choose. Each answer has what
//! the Worker says as `body`, or a sentence as `problem`.

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
use super::worker::{AdminAnswer, AdminMethod, AdminRequest, ask, ask_worker, told};
use crate::http::control::{answer, control_error};
use crate::playground::Playground;

/// The routes.
pub fn routes() -> Router<Arc<Playground>> {
    Router::new()
        .route("/playground/cast", get(cast))
        .route("/playground/batches", get(list).post(create))
        .route("/playground/batches/{id}", get(show).delete(delete))
        .route("/playground/batches/{id}/runs", get(runs))
        .route("/playground/batches/{id}/control", post(control))
}

/// The Worker's route of all batches.
const BATCHES: &str = "/admin/batches";

/// Who can talk in a conversation, and about what.
async fn cast(State(playground): State<Arc<Playground>>) -> Response {
    let cast = playground.personas.read();
    let assistants = playground.assistants.list().into_iter();
    let assistants: Vec<String> = assistants.map(|assistant| assistant.name).collect();
    answer(
        StatusCode::OK,
        &json!({"body": {"cast": cast, "assistants": assistants}}),
    )
}

async fn list(State(playground): State<Arc<Playground>>) -> Response {
    ask_worker(playground, AdminMethod::Get, BATCHES).await
}

/// Begins a batch, or estimates it if its `dry_run` is true. The Worker checks it.
async fn create(
    State(playground): State<Arc<Playground>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let plan = match read::<Value>(&headers, &body) {
        Ok(plan) => plan,
        Err(error) => return *error,
    };
    let path = BATCHES.to_owned();
    let method = AdminMethod::Post(plan);
    let asked = ask(playground, AdminRequest { method, path }).await;
    told(asked.and_then(|answer| body_of(&answer)))
}

async fn show(State(playground): State<Arc<Playground>>, Path(id): Path<String>) -> Response {
    of_batch(playground, AdminMethod::Get, &id, "", body_of).await
}

async fn delete(State(playground): State<Arc<Playground>>, Path(id): Path<String>) -> Response {
    let deleted = |answer: &AdminAnswer| match answer.status {
        204 => Ok(Value::Null),
        _ => body_of(answer),
    };
    of_batch(playground, AdminMethod::Delete, &id, "", deleted).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Control {
    #[serde(rename = "do")]
    action: Action,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Pause,
    Resume,
    Cancel,
}

async fn control(
    State(playground): State<Arc<Playground>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let rest = match read::<Control>(&headers, &body) {
        Ok(Control { action }) => match action {
            Action::Pause => "/pause",
            Action::Resume => "/resume",
            Action::Cancel => "/cancel",
        },
        Err(error) => return *error,
    };
    let method = AdminMethod::Post(json!({}));
    of_batch(playground, method, &id, rest, body_of).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    /// The place of the last run that the page knows.
    after: u32,
    /// How many runs at most.
    limit: u32,
}

/// Some transcripts: `lines` as the Worker writes them, `after` for the next ones, and `more`.
async fn runs(
    State(playground): State<Arc<Playground>>,
    Path(id): Path<String>,
    Query(Page { after, limit }): Query<Page>,
) -> Response {
    let rest = format!("/runs.jsonl?after={after}&limit={limit}");
    let page = |answer: &AdminAnswer| {
        if answer.status != 200 {
            return body_of(answer);
        }
        let header = |name: &str| answer.headers.get(name)?.to_str().ok();
        let next: Option<u32> = header("x-next-after").and_then(|next| next.parse().ok());
        let next = next.ok_or("The Worker did not say where the next page begins.")?;
        let lines: Vec<&str> = answer.text.lines().collect();
        Ok(json!({"lines": lines, "after": next, "more": header("x-more") == Some("true")}))
    };
    of_batch(playground, AdminMethod::Get, &id, &rest, page).await
}

/// Asks a route of one batch: `rest` is what follows its id.
async fn of_batch(
    playground: Arc<Playground>,
    method: AdminMethod,
    id: &str,
    rest: &str,
    body: impl FnOnce(&AdminAnswer) -> Result<Value, String>,
) -> Response {
    if !is_batch(id) {
        return control_error(
            StatusCode::BAD_REQUEST,
            "the id of a batch is 32 hex digits",
        );
    }
    let path = format!("{BATCHES}/{id}{rest}");
    let asked = ask(playground, AdminRequest { method, path }).await;
    told(asked.and_then(|answer| body(&answer)))
}

/// Whether a text is the id of a batch. Nothing else gets into a path of the Worker.
fn is_batch(id: &str) -> bool {
    id.len() == 32
        && id
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The JSON in an answer.
///
/// # Errors
/// A sentence about an error, in the Worker's words if it has some.
fn body_of(answer: &AdminAnswer) -> Result<Value, String> {
    match answer.status {
        400 | 409 => {
            let said = answer.text.trim();
            let reason = said.strip_prefix("Bad request: ").unwrap_or(said);
            Err(format!("The Worker refuses this: {reason}."))
        }
        404 => Err("There is no such batch any more.".to_owned()),
        503 => Err(wrong_file(&answer.text).unwrap_or_else(|| answer.unexpected())),
        _ => answer.json(),
    }
}

/// A sentence about the first wrong file of those that the Worker names.
fn wrong_file(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Wrong {
        errors: Vec<WrongFile>,
    }
    #[derive(Deserialize)]
    struct WrongFile {
        file: String,
        line: usize,
        #[serde(default)]
        field: String,
        problem: String,
    }
    let wrong: Wrong = serde_json::from_str(text).ok()?;
    let error = wrong.errors.into_iter().next()?;
    let WrongFile {
        file,
        line,
        field,
        problem,
    } = error;
    Some(format!("{file}, line {line}: {field} {problem}."))
}
