//! What happened in one call: the events that the page shows, and the frames on the WebSocket.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};

use crate::base::console::print_line;
use crate::base::shared::{lock, push_newest};
use crate::base::time::now_ms;
use crate::feed::Feed;
use crate::twilio::calls::Direction;

/// The log of a call.
pub struct CallLog {
    /// The SID of the call.
    pub sid: String,
    /// The phone.
    pub from: String,
    /// The number of the Worker.
    pub to: String,
    /// Who calls whom.
    pub direction: Direction,
    feed: Arc<Feed>,
    quiet: bool,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    events: VecDeque<Value>,
    frames: VecDeque<Value>,
    count: u64,
    over: bool,
}

/// How many events and frames are kept. The oldest are dropped first.
const KEPT: usize = 5_000;

impl CallLog {
    /// The log of a new call. It publishes each event to `feed`, and prints errors unless it is
    /// `quiet`.
    pub fn new(
        sid: String,
        (from, to): (String, String),
        direction: Direction,
        feed: Arc<Feed>,
        quiet: bool,
    ) -> Self {
        Self {
            sid,
            from,
            to,
            direction,
            feed,
            quiet,
            kept: Mutex::default(),
        }
    }

    /// From whom to whom the call is, as Twilio sees it.
    pub fn parties(&self) -> (&str, &str) {
        match self.direction {
            Direction::Inbound => (&self.from, &self.to),
            Direction::Outbound => (&self.to, &self.from),
        }
    }

    /// Adds an event. `fields` is an object.
    pub fn show(&self, event: &str, fields: Value) {
        let mut kept = lock(&self.kept);
        kept.count = kept.count.saturating_add(1);
        let mut shown = Map::new();
        shown.insert("event".to_owned(), event.into());
        shown.insert("number".to_owned(), kept.count.into());
        shown.insert("at".to_owned(), now_ms().into());
        if let Value::Object(fields) = fields {
            shown.extend(fields);
        }
        let mut published = shown.clone();
        for (name, value) in [("call", &self.sid), ("from", &self.from), ("to", &self.to)] {
            published.insert(name.to_owned(), value.clone().into());
        }
        push_newest(&mut kept.events, shown.into(), KEPT);
        // The lock keeps the events in order.
        self.feed.publish("voice", published.into());
    }

    /// Adds an error that Twilio's debugger would show.
    pub fn alert(&self, code: u32, reason: &str) {
        self.show("alert", json!({"code": code, "reason": reason}));
        if !self.quiet {
            let sid = &self.sid;
            print_line(&format!("call {sid}: Twilio would report {code}: {reason}"));
        }
    }

    /// Adds a frame, by who sent it.
    pub fn frame(&self, sender: &str, frame: &str) {
        let content = serde_json::from_str(frame).unwrap_or_else(|_| Value::from(frame));
        let frame = json!({"at": now_ms(), "from": sender, "frame": content});
        push_newest(&mut lock(&self.kept).frames, frame, KEPT);
    }

    /// The call is over.
    pub fn end(&self, fields: Value) {
        lock(&self.kept).over = true;
        self.show("over", fields);
    }

    /// Whether the call is over.
    pub fn is_over(&self) -> bool {
        lock(&self.kept).over
    }

    /// The call with its events after the one with this number.
    pub fn shown(&self, after: u64) -> Value {
        let kept = lock(&self.kept);
        let is_newer = |event: &&Value| event.get("number").and_then(Value::as_u64) > Some(after);
        let events: Vec<&Value> = kept.events.iter().filter(is_newer).collect();
        json!({
            "sid": self.sid,
            "from": self.from,
            "to": self.to,
            "direction": self.direction.name(),
            "over": kept.over,
            "events": events
        })
    }

    /// The frames on its WebSockets, oldest first.
    pub fn frames(&self) -> Value {
        json!({"frames": lock(&self.kept).frames})
    }
}
