//! Segment's HTTP Tracking API: items, their limits, requests, and what an answer means.
//!
//! Segment answers 200 when it has received a request, and says nothing more: an item that it drops,
//! or a key that it does not know, gets the same answer. So the limits are kept here, before a
//! request is made. Sources: Segment, "HTTP API Source" and "Spec: Common Fields". Not here: which
//! events there are (`analytics`), and when they are sent (`synthetic::run`).

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

use crate::{
    base::{retry_after, secret::Secret, time::UnixMillis, url::BaseUrl},
    identity::Pseudonym,
    platform::{HttpError, HttpRequest, HttpResponse},
};

/// The longest item, in bytes of JSON. Segment writes 32 KB and does not say how many bytes these are,
/// so the smaller number counts.
pub const MAX_ITEM_BYTES: usize = 32_000;
/// The longest request, in bytes of JSON: 500 KB.
pub const MAX_BATCH_BYTES: usize = 500_000;
/// The most items of a request.
pub const MAX_BATCH_ITEMS: usize = 2500;
/// The longest `messageId`, in characters: fewer than 100.
pub const MAX_MESSAGE_ID: usize = 99;

/// An item of a request, as JSON within Segment's limits. It is made once and never changes, so a
/// repeat is the same item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Item(String);

/// What an item says.
#[derive(Clone, Debug)]
pub struct Message<'m, B> {
    /// Its id. Segment drops an item whose id it has seen lately, in the whole workspace.
    pub id: &'m str,
    /// Who it is about. Nothing but a pseudonym is ever sent here.
    pub user: &'m Pseudonym,
    /// When it happened.
    pub at: UnixMillis,
    /// The call of the API.
    pub call: Call<'m, B>,
}

/// A call of the API, with its body.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Call<'m, B> {
    /// Says who a user is.
    Identify {
        /// What is known.
        traits: &'m B,
    },
    /// Says what has happened.
    Track {
        /// The event's name.
        event: &'m str,
        /// The event's properties.
        properties: &'m B,
    },
}

/// An item that Segment would drop: it is longer than an item may be, or its id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too_large")]
pub struct TooLarge;

/// An item on the wire.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'m, B: Serialize> {
    #[serde(flatten)]
    call: &'m Call<'m, B>,
    message_id: &'m str,
    user_id: &'m Pseudonym,
    timestamp: String,
    context: Context,
}

#[derive(Serialize)]
struct Context {
    /// Without it, Segment takes the address that the request came from.
    ip: &'static str,
}

impl Item {
    /// The item that says this.
    ///
    /// # Errors
    /// When Segment would drop it.
    pub fn new<B: Serialize>(message: &Message<'_, B>) -> Result<Self, TooLarge> {
        let wire = Wire {
            call: &message.call,
            message_id: message.id,
            user_id: message.user,
            timestamp: message.at.to_string(),
            context: Context { ip: "0.0.0.0" },
        };
        let text = serde_json::to_string(&wire).map_err(|_| TooLarge)?;
        let fits = text.len() <= MAX_ITEM_BYTES && message.id.chars().count() <= MAX_MESSAGE_ID;
        fits.then_some(Self(text)).ok_or(TooLarge)
    }

    /// The item as JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How many of the items fit into one request, from the first one on.
#[must_use]
pub fn fitting(items: &[Item]) -> usize {
    // The last moment of the calendar is written with the most characters.
    let mut length = body(&[], UnixMillis(u64::MAX)).len();
    let fits = |item: &&Item| {
        // Each item has a comma, or the bracket after the last one.
        length = length.saturating_add(item.0.len()).saturating_add(1);
        length <= MAX_BATCH_BYTES
    };
    items.iter().take(MAX_BATCH_ITEMS).take_while(fits).count()
}

/// The request that sends these items. The caller has seen to it that they fit.
#[must_use]
pub fn request(base: &BaseUrl, key: &Secret, items: &[Item], now: UnixMillis) -> HttpRequest {
    let credentials = BASE64_STANDARD.encode(format!("{}:", key.expose()));
    HttpRequest {
        method: "POST",
        url: base.join("/v1/batch"),
        headers: vec![
            ("Authorization".into(), format!("Basic {credentials}")),
            ("Content-Type".into(), "application/json".to_owned()),
        ],
        body: body(items, now).into(),
        limit: MAX_ANSWER,
    }
}

/// The longest answer that is read, in bytes. Only its status counts.
const MAX_ANSWER: usize = 64 * 1024;

fn body(items: &[Item], now: UnixMillis) -> String {
    let items: Vec<&str> = items.iter().map(Item::as_str).collect();
    format!(r#"{{"batch":[{}],"sentAt":"{now}"}}"#, items.join(","))
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Segment has received it: a 2xx. Whether it keeps the items is not known.
    Received,
    /// It may be received later. If Segment has received it after all, it knows the items by their ids.
    Later {
        /// Why.
        reason: Reason,
        /// How long Segment asks to wait.
        wait: Option<Duration>,
    },
    /// Segment refuses it, and would refuse it again.
    Refused,
}

/// Why a request was not received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The time ran out.
    TimedOut,
    /// There was no answer that could be read.
    Unreachable,
    /// There were too many requests: 429.
    Busy,
    /// A 5xx.
    ServerError,
    /// There is no write key any more. It may come back with the next deployment.
    NoKey,
}

impl Reason {
    /// Its stable name in the log.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::TimedOut => "timeout",
            Self::Unreachable => "unreachable",
            Self::Busy => "busy",
            Self::ServerError => "server_error",
            Self::NoKey => "no_write_key",
        }
    }
}

impl Outcome {
    /// The meaning of an answer, or of its absence.
    #[must_use]
    pub fn of(response: Result<&HttpResponse, HttpError>, now: UnixMillis) -> Self {
        let later = |reason, wait| Self::Later { reason, wait };
        match response {
            Ok(response) => {
                let asked = response.retry_after.as_deref();
                let wait = asked.and_then(|value| retry_after::parse(value, now));
                match response.status {
                    200..=299 => Self::Received,
                    429 => later(Reason::Busy, wait),
                    500.. => later(Reason::ServerError, wait),
                    _ => Self::Refused,
                }
            }
            Err(HttpError::Timeout) => later(Reason::TimedOut, None),
            Err(HttpError::Connection | HttpError::Unreadable | HttpError::TooLarge) => {
                later(Reason::Unreachable, None)
            }
        }
    }
}

#[cfg(test)]
mod tests;
