//! The admin routes of the Worker, for the page: its usage, and the record of one contact.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use crate::http::control::answer;
use crate::playground::Playground;
use crate::webhook::client::{NoAnswer, WebhookClient, no_answer};

/// Sends a request to an admin route of the Worker, with `body` as JSON. The answer has the JSON of
/// the Worker as `body`, or a sentence about an error as `problem`.
pub async fn ask_worker(
    playground: Arc<Playground>,
    path: &'static str,
    body: Option<Value>,
) -> Response {
    let json = match ask(playground, path, body).await {
        Ok(body) => json!({"body": body}),
        Err(problem) => json!({"problem": problem}),
    };
    answer(StatusCode::OK, &json)
}

/// The JSON of the Worker.
///
/// # Errors
/// A sentence that says why there is none.
async fn ask(
    playground: Arc<Playground>,
    path: &'static str,
    body: Option<Value>,
) -> Result<Value, String> {
    let Some(token) = playground.admin_token.clone() else {
        return Err("The playground was started without ADMIN_TOKEN. \
             Set it in .dev.vars (at least 32 characters) and start again."
            .to_owned());
    };
    let worker = playground.outgoing.client.worker().to_owned();
    let request =
        tokio::task::spawn_blocking(move || send(&playground.outgoing.client, &token, path, body));
    let Ok(result) = request.await else {
        return Err("Asking the Worker failed.".to_owned());
    };
    match result {
        Ok((200, text)) => serde_json::from_str(&text)
            .map_err(|_| format!("The Worker answered 200: {}", first_line(&text))),
        Ok((404, _)) => Err(
            "The Worker has no admin routes (404): ADMIN_TOKEN is not set in its settings."
                .to_owned(),
        ),
        Ok((401, _)) => Err(
            "The Worker refused ADMIN_TOKEN (401): the playground was started with another one."
                .to_owned(),
        ),
        Ok((429, _)) => Err(
            "The Worker has received too many wrong tokens (429). Wait a minute, then try again."
                .to_owned(),
        ),
        Ok((status, text)) => Err(format!(
            "The Worker answered {status}: {}",
            first_line(&text)
        )),
        Err(NoAnswer::NotListening) => Err(format!(
            "Nothing is listening at {worker}: start the Worker."
        )),
        Err(NoAnswer::TimedOut) => Err(format!("No answer from {worker} within 15 s.")),
        Err(NoAnswer::Broken(error)) => Err(format!("No answer from {worker}: {error}.")),
    }
}

/// The status and the body of the answer. Blocks until they have come.
fn send(
    client: &WebhookClient,
    token: &str,
    path: &str,
    body: Option<Value>,
) -> Result<(u16, String), NoAnswer> {
    let url = format!("{}{path}", client.worker());
    let bearer = format!("Bearer {token}");
    let answer = match body {
        None => client
            .agent()
            .get(url)
            .header(header::AUTHORIZATION, bearer)
            .call(),
        Some(body) => client
            .agent()
            .post(url)
            .header(header::AUTHORIZATION, bearer)
            .header(header::CONTENT_TYPE, "application/json")
            .send(body.to_string()),
    };
    let mut answer = answer.map_err(no_answer)?;
    let text = answer
        .body_mut()
        .with_config()
        .limit(MAX_ANSWER_BYTES)
        .read_to_string()
        .unwrap_or_default();
    Ok((answer.status().as_u16(), text))
}

/// The beginning of an answer that is not JSON.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(200).collect()
}

const MAX_ANSWER_BYTES: u64 = 64 * 1024;
