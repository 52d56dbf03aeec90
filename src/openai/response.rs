//! The response: a completion, or the reason why there is none.
//!
//! Not here: what an error says (`error`), and what is done about it (`next`, `retry`).

use super::{
    Completion, Decoded, OpenAiError, Reply,
    answer::{Answer, Choices},
    body::{self, Body},
    content::joined,
    error,
    finish::Finish,
    thoughts::without_thoughts,
};
use crate::{
    event::UnexpectedResponse,
    platform::{HttpError, HttpResponse},
};

/// The meaning of a response, or of its absence. `allows_calls`: the request allowed to call tools.
/// Otherwise calls are passed over, and a text beside them is the answer.
#[must_use]
pub fn decode(result: Result<&HttpResponse, HttpError>, allows_calls: bool) -> Decoded {
    let failure = match result {
        Ok(response) => match response.status {
            200 => return reply(&response.body, allows_calls),
            status => error::meaning(status, &response.body),
        },
        Err(HttpError::Timeout) => OpenAiError::Timeout,
        Err(HttpError::Connection) => OpenAiError::Connection,
        Err(HttpError::Unreadable) => OpenAiError::Unreadable,
        Err(HttpError::TooLarge) => OpenAiError::Unexpected(UnexpectedResponse::TooLarge),
    };
    failure.into()
}

fn reply(bytes: &[u8], allows_calls: bool) -> Decoded {
    let (answer, is_broken_off) = match body::read(bytes) {
        Err(response) => return OpenAiError::Unexpected(response).into(),
        Ok(Body::Whole(value)) => (Answer::of([&value]), false),
        Ok(Body::Stream { chunks, done }) => {
            let answer = Answer::of(&chunks);
            let is_broken_off = !done && answer.finish.is_none();
            (answer, is_broken_off)
        }
    };
    outcome(&answer, is_broken_off, allows_calls)
}

/// What an answer means. `is_broken_off`: it is a stream that ended too early.
pub(super) fn outcome(answer: &Answer, is_broken_off: bool, allows_calls: bool) -> Decoded {
    Decoded {
        result: result(answer, is_broken_off, allows_calls),
        tokens: answer.tokens,
    }
}

/// What an answer says before its calls.
pub(super) fn text(answer: &Answer) -> String {
    spoken(&answer.said().text).unwrap_or_default()
}

fn spoken(pieces: &[String]) -> Option<String> {
    let text = without_thoughts(&joined(pieces)).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn result(answer: &Answer, is_broken_off: bool, allows_calls: bool) -> Result<Reply, OpenAiError> {
    if let Some(error) = answer.error {
        return Err(error);
    }
    match (answer.finish, answer.choices) {
        (Some(Finish::Failed), _) => return Err(OpenAiError::ServerError),
        (Some(Finish::Filtered), _) => return Err(OpenAiError::Filtered),
        // The end of a stream is no sign that the answer is complete.
        _ if is_broken_off => {
            return Err(OpenAiError::Unexpected(UnexpectedResponse::Streamed));
        }
        (_, Choices::Unreadable) => {
            return Err(OpenAiError::Unexpected(UnexpectedResponse::NoChoices));
        }
        (_, Choices::Empty) => return Err(OpenAiError::NoChoice),
        (_, Choices::Some) => {}
    }
    let said = answer.said();
    let cut_short = answer.finish == Some(Finish::Length);
    if let Some(called) = answer.calls().filter(|_| allows_calls) {
        // The last call may lack some of its arguments, even if they can be read.
        return if cut_short {
            Err(OpenAiError::TokenLimit)
        } else {
            Ok(Reply::Calls(called))
        };
    }
    let (text, finish_note) = match (spoken(&said.text), spoken(&said.refusal)) {
        (Some(text), _) if cut_short => (format!("{text}…"), Some("length")),
        (Some(text), _) => (text, None),
        (None, Some(refusal)) => (refusal, Some("refusal")),
        (None, None) if said.odd => {
            return Err(OpenAiError::Unexpected(UnexpectedResponse::NoText));
        }
        (None, None) if cut_short => return Err(OpenAiError::TokenLimit),
        (None, None) => return Err(OpenAiError::Empty),
    };
    Ok(Reply::Answer(Completion { text, finish_note }))
}

#[cfg(test)]
mod tests;
