//! The Worker's HTTP side: routes, checks in their order, statuses, security headers.
//!
//! Every request passes these steps. No I/O happens before its signature, or its admin token, is verified.
//!
//! - (2) the route, else 404; the method, else 405; the configuration, else 503
//! - (3) the form, see `webhook`: content type, else 415; at most 64 KiB, else 413; well formed, else 400
//! - (4) the signature, else 403
//! - (5) the fields, else 400
//! - (6) the call to the thread, else 503, see `messages`
//!
//! Not here: what is answered (`messaging`), and the runtime's types (`runtime`).

pub mod admin;
pub mod admin_lockout;
mod delivery;
mod health;
mod intelligence;
mod messages;
mod platform;
mod request;
mod response;
mod sockets;
mod synthetic_call;
mod twilio_errors;
mod voice;
mod voice_answer;
mod webhook;

use crate::{
    config::{Config, ConfigError},
    synthetic::call_url,
    twilio::{
        rest::STATUS_PATH,
        voice::webhook_url::{
            CALL_STATUS_PATH, DIALLED_PATH, ENDED_PATH, HEARD_PATH, VOICE_PATH, WAIT_PATH,
        },
    },
};
use intelligence::INTELLIGENCE_PATH;
use response::{method_not_allowed, not_configured, not_found};
use twilio_errors::ERRORS_PATH;
use webhook::{Rejection, reject};

pub use admin::next_part;
pub use platform::WorkerPlatform;
pub use request::{BodyBroken, MAX_BODY_BYTES, Request, path_of};
pub use response::{Response, Rest, SECURITY_HEADERS, forbidden, internal_error};
pub use sockets::{Upgrade, upgrade};

/// The prefix of Twilio's routes.
const TWILIO_PREFIX: &str = "/twilio/";

/// The webhook for incoming messages.
const MESSAGES_PATH: &str = "/twilio/messages";

/// Answers one request.
pub async fn handle(
    platform: &impl WorkerPlatform,
    config: Result<&Config, &[ConfigError]>,
    request: &mut impl Request,
) -> Response {
    let url = request.url();
    let method = request.method();
    // (2) Route, method, configuration.
    let path = route_of(path_of(&url));
    let response = match (Webhook::at(path), path, method.as_str()) {
        (Some(webhook), _, "POST") => {
            let answered = match config {
                Ok(config) => webhook.answer(platform, config, request, &url).await,
                Err(errors) => Err(Rejection::Configuration(errors)),
            };
            answered.unwrap_or_else(|rejection| reject(platform, rejection))
        }
        (Some(_), ..) => method_not_allowed("POST"),
        (None, "/health", "GET" | "HEAD") => health::answer(platform, config),
        (None, "/health", _) => method_not_allowed("GET, HEAD"),
        (None, path, method) if path.starts_with(admin::PREFIX) => match config {
            Ok(config) => admin::handle(platform, config, request, method, path).await,
            Err(_) => not_configured(),
        },
        (None, ..) => not_found(),
    };
    if method == "HEAD" {
        Response {
            body: String::new(),
            rest: None,
            ..response
        }
    } else {
        response
    }
}

/// A webhook of Twilio's.
enum Webhook<'p> {
    /// A message has come.
    Message,
    /// A delivery receipt.
    Receipt,
    /// An error or a warning of the account.
    Errors,
    /// The transcript of a recording is there.
    Transcript,
    /// One of the webhooks of a call, at this path.
    Call(&'p str),
    /// One of those of a synthetic call.
    SyntheticCall(call_url::Webhook),
}

impl<'p> Webhook<'p> {
    /// The webhook at a path.
    fn at(path: &'p str) -> Option<Self> {
        match path {
            MESSAGES_PATH => Some(Self::Message),
            STATUS_PATH => Some(Self::Receipt),
            ERRORS_PATH => Some(Self::Errors),
            INTELLIGENCE_PATH => Some(Self::Transcript),
            VOICE_PATH | HEARD_PATH | WAIT_PATH | ENDED_PATH | DIALLED_PATH | CALL_STATUS_PATH => {
                Some(Self::Call(path))
            }
            _ => call_url::Webhook::parse_path(path).map(Self::SyntheticCall),
        }
    }

    async fn answer<'c>(
        self,
        platform: &impl WorkerPlatform,
        config: &'c Config,
        request: &mut impl Request,
        url: &str,
    ) -> Result<Response, Rejection<'c>> {
        match self {
            Self::Message => messages::answer(platform, config, request, url).await,
            Self::Receipt => delivery::answer(platform, config, request, url).await,
            Self::Errors => twilio_errors::answer(platform, config, request, url).await,
            Self::Transcript => intelligence::answer(platform, config, request, url).await,
            Self::Call(path) => voice::answer(platform, config, request, url, path).await,
            Self::SyntheticCall(webhook) => {
                synthetic_call::answer(platform, config, request, url, webhook).await
            }
        }
    }
}

/// The path without the slash that people add at the end of a webhook in Twilio's console. The
/// signature is still that of the URL with the slash.
fn route_of(path: &str) -> &str {
    match path.strip_suffix('/') {
        Some(route) if route.starts_with(TWILIO_PREFIX) => route,
        _ => path,
    }
}
