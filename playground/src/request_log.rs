//! The request log: the requests to the mock services, and how each one ended.
//!
//! It keeps the newest requests in memory, for tests and for the page, and never a credential.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use axum::http::HeaderMap;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::base::console::print_line;
use crate::base::shared::{lock, push_newest};
use crate::base::time::elapsed_ms;
use crate::fault::Service;
use crate::feed::Feed;

/// How many requests, and how many messages, are kept. The oldest are dropped first.
pub const KEPT: usize = 10_000;

/// Longer answers of the shop are shown as their length, in bytes.
const MAX_ANSWER: usize = 4096;

/// One request to a mock service, as `GET /playground/requests` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// The number of the request, counted from 1. Numbers are not reused.
    pub number: u64,
    /// The service.
    pub service: Service,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, without the question mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// When the request was complete, in milliseconds since 1970.
    pub received_at: u64,
    /// Whether the credential was accepted.
    pub authorized: bool,
    /// Twilio: the index of the auth token that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_index: Option<usize>,
    /// Some headers, never `Authorization`.
    pub headers: Map<String, Value>,
    /// The body: JSON, a form as JSON, or a text. A repeated name in a form becomes a list.
    pub body: Value,
    /// The shop: the body of the answer, before a fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// OpenAI: the note that the model will be shut down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecation: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The time until the answer began or the connection ended, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
}

/// The pseudonym of the contact in the body of a request to the model or the shop.
pub fn contact_in(body: &Value) -> Option<&str> {
    // `user` is the old name of the field. The Worker does not send it, but other clients do.
    body.get("safety_identifier")
        .or_else(|| body.get("user"))
        .or_else(|| body.get("conversation"))?
        .as_str()
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has not ended yet.
    Pending,
    /// An answer was sent: a completion, a message or an error.
    Answered,
    /// A fault reset the connection.
    Dropped,
    /// The client closed the connection before there was an answer.
    ClientGone,
}

/// The newest requests, oldest first.
pub struct RequestLog {
    records: Mutex<Records>,
    quiet: bool,
    feed: Arc<Feed>,
}

#[derive(Default)]
struct Records {
    kept: VecDeque<Record>,
    /// The number of the newest request.
    count: u64,
}

impl Records {
    /// The record with this number, if it is still kept.
    fn numbered(&mut self, number: u64) -> Option<&mut Record> {
        // Numbers ascend, but clearing the log leaves a gap.
        let position = self
            .kept
            .binary_search_by_key(&number, |record| record.number)
            .ok()?;
        self.kept.get_mut(position)
    }
}

impl RequestLog {
    /// An empty log. It publishes each request to `feed`, and prints it unless it is `quiet`.
    pub fn new(quiet: bool, feed: Arc<Feed>) -> Self {
        Self {
            records: Mutex::default(),
            quiet,
            feed,
        }
    }

    /// Adds a request and gives it a number. The caller ends the [`Entry`]. A dropped entry means
    /// that the client went away.
    pub fn open(self: &Arc<Self>, mut record: Record) -> Entry {
        let label = format!(
            "{} {} {}",
            record.service.name(),
            record.method,
            record.path
        );
        let mut records = self.lock();
        records.count = records.count.saturating_add(1);
        let number = records.count;
        record.number = number;
        self.feed.publish("call", summary(&record));
        push_newest(&mut records.kept, record, KEPT);
        drop(records);
        Entry {
            request_log: Arc::clone(self),
            number,
            label,
            since: Instant::now(),
            note: String::new(),
            deprecation: None,
            ended: false,
        }
    }

    /// All requests.
    pub fn list(&self) -> Vec<Record> {
        self.lock().kept.iter().cloned().collect()
    }

    /// The newest request to the model for the contact with this pseudonym.
    pub fn newest_of(&self, name: &str) -> Option<Record> {
        self.lock()
            .kept
            .iter()
            .rev()
            .find(|record| {
                record.service == Service::Openai && contact_in(&record.body) == Some(name)
            })
            .cloned()
    }

    /// Removes all requests.
    pub fn clear(&self) {
        self.lock().kept.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        lock(&self.records)
    }
}

/// A request that has not ended.
pub struct Entry {
    request_log: Arc<RequestLog>,
    number: u64,
    label: String,
    since: Instant,
    note: String,
    deprecation: Option<String>,
    ended: bool,
}

impl Entry {
    /// Sets the note about the fault of this request.
    pub fn note(&mut self, note: String) {
        self.note = note;
    }

    /// Keeps the body of the answer, if it is one of the shop.
    pub fn said(&mut self, body: &Value) {
        let mut records = self.request_log.lock();
        if let Some(record) = records.numbered(self.number)
            && record.service == Service::Shop
        {
            let length = body.to_string().len();
            record.answer = Some(if length > MAX_ANSWER {
                format!("{length} bytes").into()
            } else {
                body.clone()
            });
        }
    }

    /// Adds the note that the model will be shut down.
    pub fn deprecated(&mut self, deprecation: String) {
        let mut records = self.request_log.lock();
        if let Some(record) = records.numbered(self.number) {
            record.deprecation = Some(deprecation.clone());
        }
        self.deprecation = Some(deprecation);
    }

    /// The request ends with an answer.
    pub fn answered(mut self, status: u16) {
        self.end(Outcome::Answered, Some(status));
    }

    /// The request ends with a reset of the connection.
    pub fn dropped(mut self) {
        self.end(Outcome::Dropped, None);
    }

    fn end(&mut self, outcome: Outcome, status: Option<u16>) {
        self.ended = true;
        let took_ms = elapsed_ms(self.since);
        let mut records = self.request_log.lock();
        if let Some(record) = records.numbered(self.number) {
            record.outcome = outcome;
            record.status = status;
            record.took_ms = Some(took_ms);
            let mut event = summary(record);
            if let (Some(fields), false) = (event.as_object_mut(), self.note.is_empty()) {
                fields.insert("fault".to_owned(), self.note.clone().into());
            }
            self.request_log.feed.publish("call", event);
        }
        drop(records);
        if self.request_log.quiet {
            return;
        }
        let result = match (outcome, status) {
            (_, Some(status)) => status.to_string(),
            (Outcome::Dropped, None) => "connection dropped".to_owned(),
            _ => "caller went away".to_owned(),
        };
        let note = if self.note.is_empty() {
            String::new()
        } else {
            format!(" (fault: {})", self.note)
        };
        let deprecation = self
            .deprecation
            .as_ref()
            .map_or_else(String::new, |text| format!(" (deprecated: {text})"));
        print_line(&format!(
            "{} {result} in {took_ms} ms{deprecation}{note}",
            self.label
        ));
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.ended {
            self.end(Outcome::ClientGone, None);
        }
    }
}

/// The event for the page, when the request begins and when it ends.
fn summary(record: &Record) -> Value {
    let mut event = json!({
        "number": record.number,
        "service": record.service,
        "method": record.method,
        "path": record.path,
        "at": record.received_at,
        "outcome": record.outcome,
        "status": record.status,
        "took_ms": record.took_ms,
        "name": contact_in(&record.body),
        "to": record.body.get("To")
    });
    // The page shows the calls of the shop whole.
    if let (Some(fields), Service::Shop) = (event.as_object_mut(), record.service) {
        fields.insert("headers".to_owned(), record.headers.clone().into());
        fields.insert("body".to_owned(), record.body.clone());
        fields.insert(
            "answer".to_owned(),
            record.answer.clone().unwrap_or_default(),
        );
    }
    event
}

/// The headers that are shown, never `Authorization`.
pub fn shown_headers(headers: &HeaderMap) -> Map<String, Value> {
    const SHOWN: [&str; 12] = [
        "accept",
        "content-type",
        "host",
        "i-twilio-idempotency-token",
        "idempotency-key",
        "openai-organization",
        "openai-project",
        "user-agent",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
        "x-client-request-id",
    ];
    SHOWN
        .into_iter()
        .filter_map(|name| {
            let value = headers.get(name)?;
            Some((
                name.to_owned(),
                String::from_utf8_lossy(value.as_bytes())
                    .into_owned()
                    .into(),
            ))
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            number: 0,
            service: Service::Openai,
            method: "POST".to_owned(),
            path: "/v1/chat/completions".to_owned(),
            query: None,
            received_at: 0,
            authorized: true,
            token_index: None,
            headers: Map::new(),
            body: Value::Null,
            answer: None,
            deprecation: None,
            outcome: Outcome::Pending,
            status: None,
            took_ms: None,
        }
    }

    #[test]
    fn the_oldest_requests_are_dropped_beyond_the_limit() {
        let request_log = Arc::new(RequestLog::new(true, Arc::default()));
        for _ in 0..KEPT + 3 {
            request_log.open(record()).answered(200);
        }
        let records = request_log.list();
        assert_eq!(records.len(), KEPT);
        assert_eq!(records.first().unwrap().number, 4);
    }

    #[test]
    fn a_request_that_was_removed_while_it_ran_does_not_end_another() {
        let request_log = Arc::new(RequestLog::new(true, Arc::default()));
        let first = request_log.open(record());
        request_log.clear();
        let second = request_log.open(record());
        first.answered(500);
        assert_eq!(
            request_log.list().first().unwrap().outcome,
            Outcome::Pending
        );
        drop(second);
        assert_eq!(
            request_log.list().first().unwrap().outcome,
            Outcome::ClientGone
        );
    }
}
