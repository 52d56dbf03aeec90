//! A response of the model: a completion with the model's own text, or the failure that belongs to the status.
//!
//! Not here: who asks, and what the contact reads.

use std::time::Duration;

use serde_json::Value;
use switchboard::{
    config::Field,
    event::UnexpectedResponse,
    openai::{self, MAX_RETRIES, OpenAiError, Reply},
};

use super::{NOW, lines};
use crate::support::response::response;

/// A response of the model. The bytes are a line with the status, a line with `Retry-After`, and the body.
pub fn openai_response(data: &[u8]) {
    let [status, retry_after, body] = lines(data);
    let status = std::str::from_utf8(status)
        .ok()
        .and_then(|status| status.parse().ok())
        .unwrap_or(200);
    let response = response(status, body);
    let openai::Decoded { result, tokens } = openai::decode(Ok(&response), false);
    // With calls allowed, whatever is one can be read.
    if let Ok(Reply::Calls(called)) = openai::decode(Ok(&response), true).result {
        let calls = called.calls;
        assert_eq!(status, 200);
        assert!(!calls.is_empty() && calls.iter().all(|call| !call.name.is_empty()));
    }
    if status != 200 {
        assert_eq!(
            tokens,
            openai::Tokens::default(),
            "only a completion is charged"
        );
    }
    match result {
        Ok(Reply::Calls(called)) => panic!("no calls were allowed: {called:?}"),
        Ok(Reply::Answer(completion)) => {
            assert_eq!(status, 200);
            if let Some(text) = plain_text(body, completion.finish_note) {
                assert_eq!(completion.text, text, "the text is the model's");
            }
            assert!(!completion.text.trim().is_empty());
            assert!(matches!(
                completion.finish_note,
                None | Some("length" | "refusal")
            ));
            // A byte that is not UTF-8 becomes U+FFFD, which has three.
            let longest = String::from_utf8_lossy(body).len() + "…".len();
            assert!(completion.text.len() <= longest);
        }
        Err(failure) => {
            let expected = match status {
                200 => {
                    matches!(
                        failure,
                        OpenAiError::Unexpected(_)
                            | OpenAiError::NoChoice
                            | OpenAiError::Empty
                            | OpenAiError::TokenLimit
                            | OpenAiError::Filtered
                    ) || states_an_error(body)
                }
                402 => failure == OpenAiError::InsufficientQuota,
                429 => matches!(failure, OpenAiError::Busy | OpenAiError::InsufficientQuota),
                // The cause is in the body, or else in the status.
                400..=499 => {
                    let by_status = match failure {
                        OpenAiError::Unauthorized => matches!(status, 401 | 403),
                        OpenAiError::NotFound => status == 404,
                        OpenAiError::Rejected => !matches!(status, 401 | 403 | 404),
                        OpenAiError::Busy => matches!(status, 408 | 409 | 425),
                        OpenAiError::Unsupported(fields) => {
                            let names_tools = fields == Field::Tools.into() && status == 404;
                            names_tools || matches!(status, 400 | 422)
                        }
                        _ => false,
                    };
                    by_status || failure == OpenAiError::InsufficientQuota || names_a_cause(failure)
                }
                500 | 501 => {
                    let tools = OpenAiError::Unsupported(Field::Tools.into());
                    failure == OpenAiError::ServerError
                        || failure == tools
                        || names_a_cause(failure)
                }
                502..=599 => failure == OpenAiError::ServerError,
                _ => failure == OpenAiError::Unexpected(UnexpectedResponse::OtherStatus),
            };
            assert!(expected, "{status} is no {}", failure.label());
            waits_stay_within_their_time(failure, &String::from_utf8_lossy(retry_after));
        }
    }
}

/// Whether only a body, or a status of that meaning alone, can say so.
fn names_a_cause(failure: OpenAiError) -> bool {
    matches!(
        failure,
        OpenAiError::Filtered
            | OpenAiError::NoImages
            | OpenAiError::ModelNotFound
            | OpenAiError::ContextTooLong
    )
}

/// What a completion must say, if its body is JSON and its text has no sign of thoughts.
fn plain_text(body: &[u8], finish_note: Option<&str>) -> Option<String> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let choice = json["choices"].get(0)?;
    let message = &choice["message"];
    let said = match finish_note {
        _ if message["content"].is_array() => return None,
        Some("refusal") => &message["refusal"],
        _ => &message["content"],
    };
    let said = said.as_str()?.trim();
    let other_index = choice.get("index").is_some_and(|index| *index != 0);
    let may_be_thoughts = said.contains(['<', '[', '◁'])
        || said.starts_with("analysis")
        || said.starts_with("commentary");
    if other_index || may_be_thoughts || choice.get("delta").is_some() {
        return None;
    }
    let ellipsis = if finish_note == Some("length") {
        "…"
    } else {
        ""
    };
    Some(format!("{said}{ellipsis}"))
}

/// Whether a body has a word with which a server says that it failed.
fn states_an_error(body: &[u8]) -> bool {
    const WORDS: [&str; 6] = [
        "error",
        "fail",
        "abort",
        "cancel",
        "timeout",
        "insufficient",
    ];
    let body = String::from_utf8_lossy(body).to_ascii_lowercase();
    // A change may have put an escape into a word.
    body.contains('\\') || WORDS.iter().any(|word| body.contains(word))
}

fn waits_stay_within_their_time(failure: OpenAiError, retry_after: &str) {
    let passing = matches!(
        failure,
        OpenAiError::Busy | OpenAiError::ServerError | OpenAiError::Connection
    );
    for retries in 0..=MAX_RETRIES {
        let wait = openai::retry_after(
            failure,
            Some(retry_after),
            NOW,
            retries,
            Duration::from_secs(30),
            0.5,
        );
        assert!(wait.is_none_or(|wait| passing
            && retries < MAX_RETRIES
            && wait < Duration::from_secs(30)
            && !wait.is_zero()));
    }
}
