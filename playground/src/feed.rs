//! The feed: the events for the page, in order. The page builds all that it shows from them.
//!
//! The newest events are kept for pages that are opened later or reconnect. Of a state, the newest
//! event is always kept. The feed does not know what an event means.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::base::random::random_hex;
use crate::base::shared::lock;

/// The newest events, and the pages that watch.
pub struct Feed {
    kept: Mutex<Kept>,
    watchers: broadcast::Sender<Arc<Event>>,
    /// A name for this process. A page may still know the events of an earlier one on the same
    /// port.
    run: String,
}

/// An event.
struct Event {
    number: u64,
    json: String,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<Arc<Event>>,
    /// The newest event of each state, by its kind.
    states: BTreeMap<String, Arc<Event>>,
    bytes: usize,
    count: u64,
}

/// How many events, and how many bytes of them, are kept. The oldest are dropped first.
const KEPT_EVENTS: usize = 5_000;
const KEPT_BYTES: usize = 16 * 1024 * 1024;
/// How many events a page may be behind. After that it has to reconnect.
const BACKLOG: usize = 512;

impl Default for Feed {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            watchers: broadcast::Sender::new(BACKLOG),
            run: random_hex(),
        }
    }
}

impl Feed {
    /// Publishes an event. `fields` is an object.
    pub fn publish(&self, kind: &str, fields: Value) {
        self.add(&mut self.lock(), kind, fields);
    }

    /// Publishes an event that replaces the earlier ones of its kind. A page gets the newest one,
    /// however many other events came later.
    pub fn publish_state(&self, kind: &str, fields: Value) {
        let mut kept = self.lock();
        let event = self.add(&mut kept, kind, fields);
        kept.states.insert(kind.to_owned(), event);
    }

    fn add(&self, kept: &mut Kept, kind: &str, mut fields: Value) -> Arc<Event> {
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("type".to_owned(), kind.into());
        }
        kept.count = kept.count.saturating_add(1);
        let event = Arc::new(Event {
            number: kept.count,
            json: fields.to_string(),
        });
        kept.bytes = kept.bytes.saturating_add(event.json.len());
        kept.events.push_back(Arc::clone(&event));
        while kept.events.len() > KEPT_EVENTS || kept.bytes > KEPT_BYTES {
            let Some(oldest) = kept.events.pop_front() else {
                break;
            };
            kept.bytes = kept.bytes.saturating_sub(oldest.json.len());
        }
        // This happens inside the lock, so all pages get the same order. Without pages it fails.
        let _ = self.watchers.send(Arc::clone(&event));
        event
    }

    /// The events after `last_id`, the id that the page has seen last, as server-sent events. If
    /// the feed does not know that id, a `start` event tells the page to begin again, and all
    /// events follow.
    pub fn watch(self: &Arc<Self>, last_id: Option<&str>) -> Response {
        let (missed, watcher) = {
            let kept = self.lock();
            let next = kept.count.saturating_add(1);
            let oldest = kept.events.front().map_or(next, |event| event.number);
            let seen = last_id
                .and_then(|id| id.split_once('-'))
                .filter(|(run, _)| *run == self.run)
                .and_then(|(_, number)| number.parse::<u64>().ok())
                .filter(|number| number.saturating_add(1) >= oldest);
            let start = seen.is_none().then(|| {
                Arc::new(Event {
                    number: 0,
                    json: json!({"type": "start"}).to_string(),
                })
            });
            // Those that are no longer among the events.
            let states = kept
                .states
                .values()
                .filter(|event| seen.is_none() && event.number < oldest)
                .cloned();
            let newer = kept
                .events
                .iter()
                .filter(|event| seen.is_none_or(|seen| event.number > seen))
                .cloned();
            (
                start
                    .into_iter()
                    .chain(states)
                    .chain(newer)
                    .collect::<VecDeque<_>>(),
                self.watchers.subscribe(),
            )
        };
        let feed = Arc::clone(self);
        let events = stream::unfold((missed, watcher), move |(mut missed, mut watcher)| {
            let feed = Arc::clone(&feed);
            async move {
                let event = match missed.pop_front() {
                    Some(event) => event,
                    // If the page is too far behind, the stream ends, and the page reconnects.
                    None => watcher.recv().await.ok()?,
                };
                let sent = sse::Event::default()
                    .id(format!("{}-{}", feed.run, event.number))
                    .data(&event.json);
                Some((Ok::<_, Infallible>(sent), (missed, watcher)))
            }
        });
        Sse::new(events)
            .keep_alive(KeepAlive::default())
            .into_response()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_events_go_first_by_number_and_by_size() {
        let feed = Feed::default();
        for _ in 0..KEPT_EVENTS + 3 {
            feed.publish("small", json!({}));
        }
        assert_eq!(feed.lock().events.len(), KEPT_EVENTS);
        assert_eq!(feed.lock().events.front().unwrap().number, 4);
        feed.publish("large", json!({"text": "x".repeat(KEPT_BYTES)}));
        assert!(
            feed.lock().events.is_empty(),
            "an event larger than all that is kept is not kept"
        );
        assert_eq!(feed.lock().bytes, 0);
    }
}
