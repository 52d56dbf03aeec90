//! The errors of endpoints: what a status and a body mean, in whatever words an endpoint has.
//!
//! Endpoints name a cause in a code, in a parameter or in a sentence, and each in its own form: an
//! object `error`, a list of FastAPI's, Gemini's array, one error as text inside another. All texts
//! of a body that describe the error are read, and never those that repeat the request.
//!
//! Not here: completions (`response`), and what is done about an error (`next`). Sources: OpenAI,
//! "Error codes"; Azure, "Content filtering"; the error bodies that the issue trackers of LiteLLM,
//! vLLM, llama.cpp, Groq, Mistral, DeepSeek, OpenRouter and Gemini show.

mod body;
pub(super) mod wording;

use serde_json::Value;

use self::body::Described;
use super::OpenAiError;
use crate::{config::Field, event::UnexpectedResponse};

/// The meaning of a status that is not 200.
#[must_use]
pub fn meaning(status: u16, body: &[u8]) -> OpenAiError {
    by_cause_or_status(status, &Described::read(body))
}

/// The meaning of an error that a response with the status 200 states.
pub(super) fn stated_meaning(status: u16, error: &Value) -> OpenAiError {
    by_cause_or_status(status, &Described::of(error))
}

fn by_cause_or_status(status: u16, described: &Described) -> OpenAiError {
    let named = (400..=599).contains(&status).then_some(described);
    if let Some(cause) = named.and_then(|described| cause(status, described)) {
        return cause;
    }
    match status {
        401 | 403 => OpenAiError::Unauthorized,
        404 => OpenAiError::NotFound,
        410 => OpenAiError::ModelNotFound,
        408 | 409 | 425 | 429 => OpenAiError::Busy,
        413 => OpenAiError::ContextTooLong,
        400..=499 => OpenAiError::Rejected,
        500..=599 => OpenAiError::ServerError,
        _ => OpenAiError::Unexpected(UnexpectedResponse::OtherStatus),
    }
}

/// The cause that the body names, if it is one that can be acted on.
fn cause(status: u16, described: &Described) -> Option<OpenAiError> {
    let is = |wordings: &wording::Wordings| wordings.fit(described);
    // A server that is overloaded may say "credit" or "context" of something else.
    let is_refusal = matches!(status, 400..=407 | 410..=424 | 451 | 500 | 501);
    if status == 402 || (status < 500 && is(&wording::NO_CREDIT)) {
        return Some(OpenAiError::InsufficientQuota);
    }
    if !is_refusal {
        return None;
    }
    if status == 451 || is(&wording::FILTERED) {
        return Some(OpenAiError::Filtered);
    }
    if is(&wording::NO_IMAGES) && !is(&wording::BAD_IMAGE) {
        return Some(OpenAiError::NoImages);
    }
    if status < 500 && is(&wording::NO_MODEL) {
        return Some(OpenAiError::ModelNotFound);
    }
    // Such a sentence names tools and fields, too.
    if is(&wording::NOT_REPEATED) {
        return Some(OpenAiError::NotRepeated);
    }
    let fields = described.fields();
    // vLLM says so of a limit that leaves the request no room, and names the context beside it.
    if matches!(status, 400 | 422) && !fields.is_empty() && is(&wording::LIMIT_TOO_LARGE) {
        return Some(OpenAiError::Unsupported(fields));
    }
    if is(&wording::TOO_LONG) {
        return Some(OpenAiError::ContextTooLong);
    }
    // OpenRouter says with a 404 that no model takes tools, and llama.cpp with a 500.
    let names_tools = fields == Field::Tools.into() && matches!(status, 404 | 500 | 501);
    let is_named = matches!(status, 400 | 422) && !fields.is_empty();
    (is_named || names_tools).then_some(OpenAiError::Unsupported(fields))
}

#[cfg(test)]
mod tests;
