//! Twilio Intelligence v2 ("Conversation Intelligence (classic)"): a transcript is made of a recording,
//! and its sentences and the results of the service's operators are read.
//!
//! Creating a transcript has no idempotency key, but a transcript keeps a key of ours. So one whose
//! creation has an unknown outcome is looked for among those of its recording. Numbers can come as
//! texts: the API's description calls `confidence` and the times texts, and its samples show numbers.
//! Source: Twilio's OpenAPI description, `twilio_intelligence_v2`, and "Transcript resource". Not here:
//! when a transcript is made, and what is done with it (`analytics::transcription`).

mod create;
mod notice;
mod read;

use std::time::Duration;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::rest::{Credentials, get_request};
use crate::{
    base::{retry_after, time::UnixMillis, url::BaseUrl},
    identity::TranscriptSid,
    platform::{Clock, Http},
};

pub use create::{
    FoundTranscript, MAX_KEY, NewTranscript, Role, create_transcript, find_transcript,
};
pub use notice::Notice;
pub use read::{OperatorResult, Sentence, operator_results, sentences, transcript};

/// How far a transcript is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TranscriptStatus {
    /// `queued`, `in-progress` or `new`, or a word that is not known yet.
    Working,
    /// It can be read.
    Completed,
    /// `failed` or `error`.
    Failed,
    /// Somebody has cancelled it.
    Canceled,
}

impl TranscriptStatus {
    /// Reads Twilio's word.
    #[must_use]
    pub fn read(word: &str) -> Self {
        match word {
            "completed" => Self::Completed,
            "failed" | "error" => Self::Failed,
            "canceled" => Self::Canceled,
            _ => Self::Working,
        }
    }
}

/// Why something was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// Twilio did not accept the token (401). It can be asked with another one.
    Unauthorized,
    /// There is no such thing, or Twilio does not give it to us. The number is Twilio's code, or the
    /// status if there was none.
    Refused(u32),
    /// It may be read later: 408, 429 and 5xx, no answer, or one that could not be read.
    Later {
        /// How long Twilio asks to wait.
        wait: Option<Duration>,
    },
}

/// The time for one request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest page that is read, in bytes.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// The most pages that are read of one list.
const MAX_PAGES: usize = 10;

/// A resource, or a page of a list.
async fn get<T: DeserializeOwned>(
    http: &(impl Http + Clock),
    base: &BaseUrl,
    credentials: Credentials<'_>,
    path: &str,
) -> Result<T, Unread> {
    let request = get_request(base.join(path), credentials, MAX_PAGE_BYTES);
    let unreadable = Unread::Later { wait: None };
    let response = http.send(&request, TIMEOUT).await.map_err(|_| unreadable)?;
    match response.status {
        200..=299 => serde_json::from_slice(&response.body).map_err(|_| unreadable),
        status => Err(refusal(
            status,
            response.retry_after.as_deref(),
            &response.body,
            http.now(),
        )),
    }
}

/// The meaning of a status that is not a 2xx.
fn refusal(status: u16, retry_after: Option<&str>, body: &[u8], now: UnixMillis) -> Unread {
    match status {
        401 => Unread::Unauthorized,
        400..=499 if status != 408 && status != 429 => {
            let code = serde_json::from_slice::<Value>(body).ok();
            let code = code.and_then(|body| number(body.get("code")?));
            Unread::Refused(code.and_then(whole).unwrap_or(status.into()))
        }
        _ => Unread::Later {
            wait: retry_after.and_then(|value| retry_after::parse(value, now)),
        },
    }
}

/// What every page of a list says about the others.
#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    next_page_url: Option<String>,
}

impl Meta {
    /// The path of the next page, if it is one of this list. Its host is never used: the account's
    /// credentials go to the configured one only.
    fn next(&self, list: &str) -> Option<String> {
        let (_, query) = self.next_page_url.as_deref()?.split_once(list)?;
        query.starts_with('?').then(|| format!("{list}{query}"))
    }
}

/// The path of a transcript.
fn path_of(transcript: &TranscriptSid) -> String {
    format!("{TRANSCRIPTS}/{}", transcript.as_str())
}

/// The path of all transcripts.
const TRANSCRIPTS: &str = "/v2/Transcripts";

/// A number, whether it comes as one or as a text.
fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number: &f64| number.is_finite())
}

/// A number as a whole one that is not negative.
fn whole(number: f64) -> Option<u32> {
    // The comparison keeps it within the range, so nothing is cut off.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked first"
    )]
    (0.0..=f64::from(u32::MAX))
        .contains(&number)
        .then(|| number.round() as u32)
}

#[cfg(test)]
mod tests;
