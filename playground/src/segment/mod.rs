//! The mock Segment: `POST /v1/batch`, `/v1/track` and `/v1/identify` of the HTTP Tracking API.
//!
//! It answers 200 to nearly everything, as the real one does, and drops what it does not like
//! without a word. `GET /playground/segment` shows what it keeps, and why it has dropped the rest. Not
//! here: what an item must be (`rules`), and the faults (`fault`).

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::base::random::random_hex;
use crate::base::shared::{lock, push_newest};
use crate::base::time::now_ms;
use crate::http::call::{Authorization, Call};
use crate::http::reply::{Prepared, Reply};

mod rules;

/// The mock Segment.
pub struct Segment {
    /// The write key of its one source; `None` knows any key.
    key: Option<String>,
    received: Mutex<Received>,
}

#[derive(Default)]
struct Received {
    kept: VecDeque<Kept>,
    dropped: VecDeque<Dropped>,
}

/// An item that is kept, as `GET /playground/segment` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Kept {
    /// Its `messageId`.
    id: String,
    /// When it came first, in milliseconds since 1970.
    at: u64,
    /// How often it came. Only the first one counts.
    times: u32,
    /// The item.
    item: Value,
}

/// An item that was dropped.
#[derive(Clone, Debug, Serialize)]
pub struct Dropped {
    /// Why. The real Segment tells nobody but its debugger.
    reason: String,
    /// When it came, in milliseconds since 1970.
    at: u64,
    /// The item.
    item: Value,
}

/// How many items are remembered of each kind.
const KEPT: usize = 10_000;

impl Segment {
    /// A Segment that knows this write key, or any key without one.
    pub fn new(key: Option<String>) -> Self {
        Self {
            key: key.filter(|key| !key.is_empty()),
            received: Mutex::default(),
        }
    }

    /// Whether the key is known. A request with an unknown one is answered all the same.
    pub fn authorize(&self, call: &Call) -> Authorization {
        let known = |given: String| self.key.as_ref().is_none_or(|key| *key == given);
        Authorization {
            granted: key_of(call).is_some_and(known),
            token_index: None,
        }
    }

    /// Checks what is answered with 400: the key is missing, the body is too large, or is not JSON.
    ///
    /// # Errors
    /// That answer.
    pub fn prepare(&self, call: &Call) -> Result<Prepared<'_>, Reply> {
        if call.method != Method::POST {
            return Err(refused(
                StatusCode::METHOD_NOT_ALLOWED,
                "only POST is possible",
            ));
        }
        let invalid = |reason: &str| refused(StatusCode::BAD_REQUEST, reason);
        let most = rules::most_bytes(&call.path);
        if call.body.len() > most {
            return Err(invalid(&format!("the body has more than {most} bytes")));
        }
        if call.content_type() != "application/json" {
            return Err(invalid("the content type must be application/json"));
        }
        let body: Map<String, Value> = serde_json::from_slice(&call.body)
            .map_err(|_| invalid("the body is no JSON object"))?;
        if key_of(call).is_none() {
            return Err(invalid("there is no write key"));
        }
        let items = items(&call.path, body).ok_or_else(|| invalid("`batch` is no list"))?;
        let is_known = self.authorize(call).granted;
        Ok(Prepared::new(move |_| {
            self.receive(items, is_known);
            Reply::json(StatusCode::OK, json!({"success": true}))
        }))
    }

    /// The items that are kept, and those that were dropped, oldest first.
    pub fn list(&self) -> (Vec<Kept>, Vec<Dropped>) {
        let received = self.received();
        let kept = received.kept.iter().cloned().collect();
        (kept, received.dropped.iter().cloned().collect())
    }

    /// Forgets all items.
    pub fn clear(&self) {
        *self.received() = Received::default();
    }

    fn receive(&self, items: Vec<Value>, is_known: bool) {
        let too_many = items.len() > rules::MOST_ITEMS;
        for item in items {
            let wrong = match rules::check(&item) {
                _ if !is_known => Some("the write key is unknown".to_owned()),
                _ if too_many => Some(format!("more than {} items", rules::MOST_ITEMS)),
                checked => checked.err(),
            };
            self.take(item, wrong);
        }
    }

    fn take(&self, item: Value, wrong: Option<String>) {
        let mut received = self.received();
        let at = now_ms();
        if let Some(reason) = wrong {
            let dropped = Dropped { reason, at, item };
            return push_newest(&mut received.dropped, dropped, KEPT);
        }
        let id = item.get("messageId").and_then(Value::as_str);
        // Segment gives an item an id that has none.
        let id = id.map_or_else(random_hex, str::to_owned);
        if let Some(known) = received.kept.iter_mut().find(|one| one.id == id) {
            known.times = known.times.saturating_add(1);
            return;
        }
        let kept = Kept {
            id,
            at,
            times: 1,
            item,
        };
        push_newest(&mut received.kept, kept, KEPT);
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        lock(&self.received)
    }
}

/// An error of Segment.
pub fn error_reply(status: u16) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    refused(status, "Segment cannot do this now")
}

fn refused(status: StatusCode, reason: &str) -> Reply {
    Reply::json(status, json!({"success": false, "message": reason}))
}

/// The items of a request. `None`: it is a batch without a list.
fn items(path: &str, mut body: Map<String, Value>) -> Option<Vec<Value>> {
    match path {
        "/v1/batch" => match body.remove("batch")? {
            Value::Array(items) => Some(items),
            _ => None,
        },
        // The path says what a single item is.
        single => {
            let kind = single.trim_start_matches("/v1/");
            body.insert("type".to_owned(), kind.into());
            body.remove("writeKey");
            Some(vec![body.into()])
        }
    }
}

/// The write key of a request: the user name of its Basic credential, or `writeKey` in its body.
fn key_of(call: &Call) -> Option<String> {
    let of_header = || {
        let decoded = BASE64_STANDARD.decode(call.credential("Basic")?).ok()?;
        let credential = String::from_utf8(decoded).ok()?;
        let (name, _) = credential.split_once(':')?;
        Some(name.to_owned())
    };
    let of_body = || {
        let body: Value = serde_json::from_slice(&call.body).ok()?;
        Some(body.get("writeKey")?.as_str()?.to_owned())
    };
    of_header()
        .or_else(of_body)
        .filter(|key: &String| !key.is_empty())
}
