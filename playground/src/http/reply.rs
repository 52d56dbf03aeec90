//! The answer of a mock service, before it is sent.

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::fault::BodyFault;

/// A valid request that has not been carried out yet.
pub struct Prepared<'a> {
    /// The text of the message in the request. It may contain a fault directive.
    pub message_text: String,
    /// OpenAI: the note in the log if the model will be shut down.
    pub deprecation: Option<String>,
    /// Carries the request out and returns the answer. A body fault that only the service can make,
    /// such as an empty list of choices, is passed in.
    pub act: Box<dyn FnOnce(Option<BodyFault>) -> Reply + Send + 'a>,
}

impl<'a> Prepared<'a> {
    /// A request without a message.
    pub fn new(act: impl FnOnce(Option<BodyFault>) -> Reply + Send + 'a) -> Self {
        Self {
            message_text: String::new(),
            deprecation: None,
            act: Box::new(act),
        }
    }
}

/// An answer.
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// Headers besides the content type. A later one replaces an earlier one of the same name.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub payload: Payload,
}

/// The body of an answer.
pub enum Payload {
    /// One JSON value.
    Json(Value),
    /// Server-sent events, each with its `data: ` prefix and blank line.
    Events(Vec<String>),
    /// A file of this type. It is sent without `Content-Length` if it has several parts.
    Bytes(HeaderValue, Vec<Bytes>),
}

impl Reply {
    /// A JSON answer.
    pub fn json(status: StatusCode, value: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            payload: Payload::Json(value),
        }
    }
}
