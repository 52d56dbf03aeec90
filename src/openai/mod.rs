//! OpenAI's Chat Completions API, and its transcriptions: the requests, and what comes back.
//!
//! This module builds the request, reads the response, and decides what to do about an error, all
//! without I/O.
//! Not here: the loops of requests (`conversation::model_run`, `conversation::transcription`).
//! Source: OpenAI API reference, "Create chat completion" and "Error codes".

mod answer;
mod body;
mod channels;
mod content;
mod error;
mod fields;
mod finish;
mod json;
mod next;
mod repeated;
mod request;
mod response;
mod retry;
mod speech;
mod stated_error;
mod stream;
mod thought_tags;
mod thoughts;
mod tokens;
mod tools;
mod transcription;

pub use error::meaning;
pub use fields::{Facts, sent};
pub use json::json_object;
pub use next::{Attempt, MAX_OMISSIONS, Next, in_view_of, next};
pub use repeated::Repeated;
pub use request::{RequestContent, request};
pub use response::decode;
pub use retry::{MAX_RETRIES, may_pass, retry_after};
pub use stream::{Progress, Reading};
pub use tokens::Tokens;
pub use tools::{Called, Function, Offer, Round, ToolCall};
pub use transcription::{
    TranscriptionError, decode as decode_transcription, request as transcription_request,
};

use crate::{config::Fields, event::UnexpectedResponse};

/// An answer of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The text, never blank.
    pub text: String,
    /// Why the answer is unusual: `length` (the token limit cut it short) or `refusal` (the model
    /// declined in its own words).
    pub finish_note: Option<&'static str>,
}

/// What the model replies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// An answer.
    Answer(Completion),
    /// Calls of tools. A text beside them is no answer: the model does not know yet what comes of the
    /// calls.
    Calls(Called),
}

/// The meaning of a response, and its cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The reply, or the reason why there is none.
    pub result: Result<Reply, OpenAiError>,
    /// The tokens. They are zero if the response names none, as in errors.
    pub tokens: Tokens,
}

impl From<OpenAiError> for Decoded {
    /// A failure that costs nothing.
    fn from(failure: OpenAiError) -> Self {
        Self {
            result: Err(failure),
            tokens: Tokens::default(),
        }
    }
}

/// The reason why OpenAI gave no completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenAiError {
    /// The time ran out.
    Timeout,
    /// There was no connection, or it broke before an answer arrived.
    Connection,
    /// The answer broke off.
    Unreadable,
    /// 429, or another status that asks to retry later: 408, 409.
    Busy,
    /// The account has no credit. A retry does not help.
    InsufficientQuota,
    /// 401 or 403: the key is wrong.
    Unauthorized,
    /// The endpoint has no such model, or no more.
    ModelNotFound,
    /// A 404 that names no model: the URL is wrong.
    NotFound,
    /// 400 or 422: the endpoint does not know these fields, or not their values.
    Unsupported(Fields),
    /// The conversation is longer than the model can read.
    ContextTooLong,
    /// The model takes no images.
    NoImages,
    /// The endpoint wants to see again what was said beside earlier calls, and was not shown it:
    /// another endpoint has called.
    NotRepeated,
    /// Another 4xx: the request is wrong.
    Rejected,
    /// 5xx.
    ServerError,
    /// A 200 or an undocumented status that cannot be understood.
    Unexpected(UnexpectedResponse),
    /// A completion without a choice.
    NoChoice,
    /// A completion without a text.
    Empty,
    /// A completion without a text: the model used up `OPENAI_MAX_COMPLETION_TOKENS` before the
    /// first word.
    TokenLimit,
    /// A content filter withheld the text.
    Filtered,
}

impl OpenAiError {
    /// Its stable name in the log.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connection => "connection_failed",
            Self::Unreadable => "unreadable",
            Self::Busy => "busy",
            Self::InsufficientQuota => "insufficient_quota",
            Self::Unauthorized => "unauthorized",
            Self::ModelNotFound => "model_not_found",
            Self::Unsupported(_) => "unsupported_field",
            Self::ContextTooLong => "context_too_long",
            Self::NoImages => "no_images",
            Self::NotFound | Self::NotRepeated | Self::Rejected => "rejected",
            Self::ServerError => "server_error",
            Self::Unexpected(_) => "unexpected_response",
            Self::NoChoice | Self::Empty => "empty_answer",
            Self::TokenLimit => "token_limit",
            Self::Filtered => "content_filter",
        }
    }

    /// What the response was, if it was none that could be understood.
    #[must_use]
    pub fn response(self) -> Option<UnexpectedResponse> {
        match self {
            Self::Unexpected(response) => Some(response),
            Self::NoChoice => Some(UnexpectedResponse::NoChoices),
            _ => None,
        }
    }
}
