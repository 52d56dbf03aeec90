//! The admin routes of the Worker, for the pages, which never get the token.
//!
//! Not here: which of them a page can use (`mod.rs`, `batches.rs`).

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use crate::http::control::answer;
use crate::playground::Playground;
use crate::webhook::client::{NoAnswer, WebhookClient, no_answer};

/// A request to an admin route.
pub struct AdminRequest {
    /// How it is sent.
    pub method: AdminMethod,
    /// The path, with its query.
    pub path: String,
}

/// How a request to an admin route is sent.
pub enum AdminMethod {
    /// GET.
    Get,
    /// POST of this JSON.
    Post(Value),
    /// DELETE.
    Delete,
}

/// An answer of the Worker that is not about the token.
pub struct AdminAnswer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl AdminAnswer {
    /// The JSON of a success.
    ///
    /// # Errors
    /// A sentence with the status and the first line of the body.
    pub fn json(&self) -> Result<Value, String> {
        if !(200..300).contains(&self.status) {
            return Err(self.unexpected());
        }
        serde_json::from_str(&self.text).map_err(|_| self.unexpected())
    }

    /// A sentence about an answer that nobody expects.
    pub fn unexpected(&self) -> String {
        let line = self.text.lines().next().unwrap_or_default();
        let line: String = line.chars().take(200).collect();
        format!("The Worker answered {}: {line}", self.status)
    }
}

/// Sends a request to an admin route that is always there. The answer for the page has the JSON of
/// the Worker as `body`, or a sentence about an error as `problem`.
pub async fn ask_worker(
    playground: Arc<Playground>,
    method: AdminMethod,
    path: &'static str,
) -> Response {
    let path = path.to_owned();
    told(match ask(playground, AdminRequest { method, path }).await {
        Ok(AdminAnswer { status: 404, .. }) => Err(
            "The Worker has no admin routes (404): ADMIN_TOKEN is not set in its settings."
                .to_owned(),
        ),
        Ok(answer) => answer.json(),
        Err(problem) => Err(problem),
    })
}

/// The answer for the page. Its status is 200 in any case, because a browser writes every other one
/// into its console.
pub fn told(result: Result<Value, String>) -> Response {
    let json = match result {
        Ok(body) => json!({"body": body}),
        Err(problem) => json!({"problem": problem}),
    };
    answer(StatusCode::OK, &json)
}

/// The answer of the Worker.
///
/// # Errors
/// A sentence that says why there is none, or what is wrong with the token.
pub async fn ask(
    playground: Arc<Playground>,
    request: AdminRequest,
) -> Result<AdminAnswer, String> {
    let Some(token) = playground.admin_token.clone() else {
        return Err("The playground was started without ADMIN_TOKEN. \
             Set it in .dev.vars (at least 32 characters) and start again."
            .to_owned());
    };
    let worker = playground.outgoing.client.worker().to_owned();
    let sent =
        tokio::task::spawn_blocking(move || send(&playground.outgoing.client, &token, request));
    let Ok(result) = sent.await else {
        return Err("Asking the Worker failed.".to_owned());
    };
    match result {
        Ok(AdminAnswer { status: 401, .. }) => Err(
            "The Worker refused ADMIN_TOKEN (401): the playground was started with another one."
                .to_owned(),
        ),
        Ok(AdminAnswer { status: 429, .. }) => Err(
            "The Worker has received too many wrong tokens (429). Wait a minute, then try again."
                .to_owned(),
        ),
        Ok(answer) => Ok(answer),
        Err(NoAnswer::NotListening) => Err(format!(
            "Nothing is listening at {worker}: start the Worker."
        )),
        Err(NoAnswer::TimedOut) => Err(format!(
            "No answer from {worker} within {} s.",
            ANSWER_TIME.as_secs()
        )),
        Err(NoAnswer::Broken(error)) => Err(format!("No answer from {worker}: {error}.")),
    }
}

/// Blocks until the answer has come.
fn send(
    client: &WebhookClient,
    token: &str,
    request: AdminRequest,
) -> Result<AdminAnswer, NoAnswer> {
    let url = format!("{}{}", client.worker(), request.path);
    let bearer = format!("Bearer {token}");
    let agent = client.agent();
    let answer = match request.method {
        AdminMethod::Get => agent
            .get(url)
            .header(header::AUTHORIZATION, bearer)
            .config()
            .timeout_global(Some(ANSWER_TIME))
            .build()
            .call(),
        AdminMethod::Delete => agent
            .delete(url)
            .header(header::AUTHORIZATION, bearer)
            .config()
            .timeout_global(Some(ANSWER_TIME))
            .build()
            .call(),
        AdminMethod::Post(body) => agent
            .post(url)
            .header(header::AUTHORIZATION, bearer)
            .header(header::CONTENT_TYPE, "application/json")
            .config()
            .timeout_global(Some(ANSWER_TIME))
            .build()
            .send(body.to_string()),
    };
    let mut answer = answer.map_err(no_answer)?;
    let text = answer
        .body_mut()
        .with_config()
        .limit(MAX_ANSWER_BYTES)
        .read_to_string()
        .map_err(no_answer)?;
    Ok(AdminAnswer {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        text,
    })
}

/// The Worker takes up to 25 seconds to delete a batch.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// A page of transcripts has at most 500, of about 20 kB each.
const MAX_ANSWER_BYTES: u64 = 32 * 1024 * 1024;
