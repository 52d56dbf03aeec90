//! OpenAI's Chat Completions API: one request out, one completion or one error back.
//!
//! Pure: the request, the meaning of a response, and when to try again. Not here: the loop that does it
//! (`conversation::model_run`). Source: OpenAI API reference, "Create chat completion" and "Error codes".

mod request;
mod response;
mod retry;

use serde::Deserialize;

pub use request::request;
pub use response::decode;
pub use retry::{MAX_RETRIES, retry_after};

/// What the model answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The text, never blank.
    pub text: String,
    /// What is unusual about it: `length` (cut short by the token limit) or `refusal` (the model declined in its own words).
    pub finish_note: Option<&'static str>,
}

/// The tokens that OpenAI charges for, as the `usage` of a response counts them. An answer without a usable text costs them too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Tokens {
    /// Tokens of the request.
    #[serde(rename = "prompt_tokens")]
    pub prompt: u64,
    /// Tokens of the answer, those of its reasoning included.
    #[serde(rename = "completion_tokens")]
    pub completion: u64,
}

impl Tokens {
    /// Adds those of another response.
    pub fn add(&mut self, other: Self) {
        self.prompt = self.prompt.saturating_add(other.prompt);
        self.completion = self.completion.saturating_add(other.completion);
    }
}

/// What a response means, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The completion, or why there is none.
    pub result: Result<Completion, OpenAiError>,
    /// None where the response says nothing of tokens, as errors do.
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

/// Why OpenAI gave no completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenAiError {
    /// The time ran out.
    Timeout,
    /// There was no connection, or it broke before an answer came.
    Connection,
    /// The answer broke off.
    Unreadable,
    /// 429, or another status that says "later": 408, 409.
    Busy,
    /// The account has no credit. Another try does not help.
    InsufficientQuota,
    /// 401 or 403: the key is wrong.
    Unauthorized,
    /// Another 4xx: the request is wrong, or the model's name.
    Rejected,
    /// 5xx.
    ServerError,
    /// A 200 or an undocumented status, without a completion.
    Unexpected,
    /// A completion without a text.
    Empty,
    /// A completion without a text: the model used up `OPENAI_MAX_COMPLETION_TOKENS` before the first word.
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
            Self::Rejected => "rejected",
            Self::ServerError => "server_error",
            Self::Unexpected => "unexpected_response",
            Self::Empty => "empty_answer",
            Self::TokenLimit => "token_limit",
            Self::Filtered => "content_filter",
        }
    }
}
