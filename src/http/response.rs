//! A response, and the security headers that every response has.
//!
//! Not here: which response a request gets.

use std::borrow::Cow;

use serde::Serialize;

use crate::synthetic::plan::BatchId;

/// A response. The security headers are among its headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The body. A `HEAD` gets none.
    pub body: String,
    /// What follows the body, if it is too long to be held at once. It is asked for part by part, see
    /// [`super::next_part`].
    pub rest: Option<Rest>,
}

/// The rest of a long body: the transcripts of a batch after a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    pub(super) batch: BatchId,
    pub(super) after: u32,
}

/// The headers of every response, whatever its status.
pub const SECURITY_HEADERS: [(&str, &str); 5] = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("X-XSS-Protection", "1; mode=block"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("Cache-Control", "no-store"),
];

/// The content type of JSON.
pub(super) const JSON: &str = "application/json";

/// The response to an error that nothing else could answer.
#[must_use]
pub fn internal_error() -> Response {
    plain(500, "Internal error\n")
}

/// The response to a request that is not Twilio's.
#[must_use]
pub fn forbidden() -> Response {
    plain(403, "Forbidden\n")
}

pub(super) fn not_found() -> Response {
    plain(404, "Not found\n")
}

pub(super) fn method_not_allowed(allow: &'static str) -> Response {
    plain(405, "Method not allowed\n").with_header("Allow", allow)
}

pub(super) fn bad_request(problem: &str) -> Response {
    plain(400, &format!("Bad request: {problem}\n"))
}

pub(super) fn not_configured() -> Response {
    plain(503, "Not configured: see /health\n")
}

pub(super) fn try_later() -> Response {
    plain(503, "Try again later\n")
}

pub(super) fn plain(status: u16, body: &str) -> Response {
    Response::new(status, "text/plain; charset=utf-8", body.to_owned())
}

/// A response with a value as JSON.
pub(super) fn json(status: u16, value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => Response::new(status, JSON, text + "\n"),
        Err(_) => internal_error(),
    }
}

impl Response {
    /// A response with a body.
    pub(super) fn new(status: u16, content_type: &'static str, body: String) -> Self {
        let response = Self::empty(status).with_header("Content-Type", content_type);
        Self { body, ..response }
    }

    /// A response without a body.
    pub(super) fn empty(status: u16) -> Self {
        let headers = SECURITY_HEADERS.map(|(name, value)| (name, value.into()));
        Self {
            status,
            headers: headers.to_vec(),
            body: String::new(),
            rest: None,
        }
    }

    /// The response with one more header.
    pub(super) fn with_header(
        mut self,
        name: &'static str,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
