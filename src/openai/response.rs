//! The response: a completion, or the reason why there is none.
//!
//! Not here: what an error says (`error`), and what is done about it (`next`, `retry`).

use serde::Deserialize;

use super::{Completion, Decoded, OpenAiError, Tokens, error};
use crate::platform::{HttpError, HttpResponse};

/// The meaning of a response, or of its absence.
#[must_use]
pub fn decode(result: Result<&HttpResponse, HttpError>) -> Decoded {
    let failure = match result {
        Ok(response) => match response.status {
            200 => return completion(&response.body),
            status => error::meaning(status, &response.body),
        },
        Err(HttpError::Timeout) => OpenAiError::Timeout,
        Err(HttpError::Connection) => OpenAiError::Connection,
        Err(HttpError::Unreadable | HttpError::TooLarge) => OpenAiError::Unreadable,
    };
    failure.into()
}

fn completion(body: &[u8]) -> Decoded {
    #[derive(Deserialize)]
    struct Body {
        choices: Vec<Choice>,
        #[serde(default)]
        usage: Option<Tokens>,
    }
    #[derive(Deserialize)]
    struct Choice {
        message: Message,
        #[serde(default)]
        finish_reason: Option<String>,
    }
    #[derive(Deserialize)]
    struct Message {
        #[serde(default)]
        content: Option<String>,
        #[serde(default)]
        refusal: Option<String>,
    }
    let Ok(Body { choices, usage }) = serde_json::from_slice(body) else {
        return OpenAiError::Unexpected.into();
    };
    let said = |text: Option<String>| {
        text.map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    };
    let result = choices
        .into_iter()
        .next()
        .ok_or(OpenAiError::Empty)
        .and_then(|choice| {
            let (text, finish_note) = match (
                said(choice.message.content),
                said(choice.message.refusal),
                choice.finish_reason.as_deref(),
            ) {
                (_, _, Some("content_filter")) => return Err(OpenAiError::Filtered),
                (Some(text), _, Some("length")) => (format!("{text}…"), Some("length")),
                (Some(text), _, _) => (text, None),
                (None, Some(refusal), _) => (refusal, Some("refusal")),
                (None, None, Some("length")) => return Err(OpenAiError::TokenLimit),
                (None, None, _) => return Err(OpenAiError::Empty),
            };
            Ok(Completion { text, finish_note })
        });
    Decoded {
        result,
        tokens: usage.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(status: u16, body: &str) -> Decoded {
        decode(Ok(&HttpResponse {
            status,
            retry_after: None,
            location: None,
            body: body.as_bytes().to_vec(),
        }))
    }

    fn respond(status: u16, body: &str) -> Result<Completion, OpenAiError> {
        decoded(status, body).result
    }

    fn choice(message: &str, finish_reason: &str) -> Result<Completion, OpenAiError> {
        let body = format!(
            r#"{{"choices":[{{"message":{message},"finish_reason":"{finish_reason}"}}],"usage":{{"prompt_tokens":7,"completion_tokens":3}}}}"#
        );
        let Decoded { result, tokens } = decoded(200, &body);
        assert_eq!(
            tokens,
            Tokens {
                prompt: 7,
                completion: 3
            },
            "whatever came of them, {finish_reason} {message} cost them"
        );
        result
    }

    #[test]
    fn a_plain_answer_is_its_trimmed_text() {
        let completion = choice(r#"{"content":" Hello.\n","refusal":null}"#, "stop").unwrap();
        assert_eq!(
            completion,
            Completion {
                text: "Hello.".into(),
                finish_note: None
            }
        );
        assert!(
            respond(200, r#"{"choices":[{"message":{"content":"x"}}]}"#).is_ok(),
            "usage and finish_reason may be absent"
        );
    }

    #[test]
    fn an_unusual_answer_has_a_defined_outcome() {
        let text = |result: Result<Completion, OpenAiError>| {
            result.map(|completion| (completion.text, completion.finish_note))
        };
        assert_eq!(
            text(choice(r#"{"content":"Half a"}"#, "length")),
            Ok(("Half a…".into(), Some("length")))
        );
        assert_eq!(
            text(choice(r#"{"content":null,"refusal":"I won't."}"#, "stop")),
            Ok(("I won't.".into(), Some("refusal")))
        );
        assert_eq!(
            text(choice(r#"{"content":"leaked"}"#, "content_filter")),
            Err(OpenAiError::Filtered)
        );
        for empty in [r#"{"content":null}"#, r#"{"content":" \n "}"#, "{}"] {
            assert_eq!(text(choice(empty, "stop")), Err(OpenAiError::Empty));
            assert_eq!(text(choice(empty, "length")), Err(OpenAiError::TokenLimit));
        }
        assert_eq!(respond(200, r#"{"choices":[]}"#), Err(OpenAiError::Empty));
    }

    #[test]
    fn tokens_are_read_from_the_responses_that_name_them() {
        let tokens = |body| decoded(200, body).tokens;
        assert_eq!(
            tokens(r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":0}}"#),
            Tokens {
                prompt: 7,
                completion: 0
            }
        );
        for silent in [
            r#"{"choices":[]}"#,
            r#"{"choices":[],"usage":null}"#,
            r#"{"choices":[],"usage":{}}"#,
            "<html>",
        ] {
            assert_eq!(tokens(silent), Tokens::default(), "{silent}");
        }
        assert_eq!(
            decoded(500, r#"{"usage":{"prompt_tokens":7}}"#).tokens,
            Tokens::default(),
            "an error is not charged"
        );
        let mut sum = Tokens {
            prompt: 1,
            completion: u64::MAX,
        };
        sum.add(Tokens {
            prompt: 7,
            completion: 3,
        });
        assert_eq!(
            sum,
            Tokens {
                prompt: 8,
                completion: u64::MAX
            }
        );
    }

    #[test]
    fn a_body_that_is_not_the_expected_json_is_a_failure() {
        for body in [
            "",
            "<html>",
            "null",
            "{}",
            r#"{"choices":{}}"#,
            r#"{"choices":[{"message":{"content":5}}]}"#,
            "{\"choices\":[{\"mess",
        ] {
            assert_eq!(respond(200, body), Err(OpenAiError::Unexpected), "{body}");
        }
        assert_eq!(respond(302, ""), Err(OpenAiError::Unexpected));
    }

    #[test]
    fn statuses_become_failures() {
        let quota = r#"{"error":{"message":"m","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
        for (status, body, failure) in [
            (400, "", OpenAiError::Rejected),
            (401, "", OpenAiError::Unauthorized),
            (403, "", OpenAiError::Unauthorized),
            (404, "", OpenAiError::NotFound),
            (408, "", OpenAiError::Busy),
            (409, "", OpenAiError::Busy),
            (429, "", OpenAiError::Busy),
            (429, quota, OpenAiError::InsufficientQuota),
            (500, "", OpenAiError::ServerError),
            (503, "<html>", OpenAiError::ServerError),
        ] {
            assert_eq!(respond(status, body), Err(failure), "{status}");
        }
    }
}
