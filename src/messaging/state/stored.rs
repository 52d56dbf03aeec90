//! Reading a stored state: it may be complete, salvaged, or unreadable.
//!
//! Not here: storage itself (`thread::storage`).

use serde_json::{Map, Value};

use super::{MessageStatus, State, VERSION};
use crate::{base::time::UnixMillis, conversation::history};

/// The result of reading a stored state.
#[derive(Debug)]
pub enum Decoded {
    /// All of it.
    Whole(State),
    /// Parts of it were damaged, and are dropped.
    Salvaged(State),
    /// Nothing of it: another version, or not JSON.
    Unreadable,
}

impl State {
    /// Reads a stored state.
    pub fn decode(text: &str) -> Decoded {
        if history::stored_version(text) != Some(VERSION) {
            // The same words may have another meaning in another release.
            return Decoded::Unreadable;
        }
        let whole = serde_json::from_str::<Self>(text).ok();
        if let Some(state) = whole.filter(Self::is_whole) {
            return Decoded::Whole(state);
        }
        salvage(text).map_or(Decoded::Unreadable, Decoded::Salvaged)
    }

    /// The state after an unreadable one. Its turn numbers start at the current time, because KV
    /// may still hold revisions with the lower numbers of the lost state.
    pub fn unknown(now: UnixMillis) -> Self {
        let mut state = Self::default();
        state.turns.number_from(now.0);
        state
    }

    /// Whether every message that waits gets its turn. If not, a copy of the message would wait for
    /// ever.
    fn is_whole(&self) -> bool {
        let awaited: Vec<_> = self.turns.messages().map(|message| &message.sid).collect();
        self.turns.is_whole() && self.records.wait_only_for(&awaited)
    }

    /// Repairs a damaged state: no message waits for a turn that never comes, and no number is used
    /// twice.
    fn repair(&mut self) {
        let awaited: Vec<_> = self
            .turns
            .messages()
            .map(|message| message.sid.clone())
            .collect();
        self.records.update(|record| {
            let lost = record.status == MessageStatus::Waiting && !awaited.contains(&record.sid);
            lost.then_some(MessageStatus::Nothing)
        });
        let numbers = self.revisions.numbers().chain(self.answers.recent_turns());
        self.turns.repair(numbers.chain(self.outbox.turns()));
    }
}

/// The damaged state without the fields, and the entries of lists, that cannot be read.
fn salvage(text: &str) -> Option<State> {
    let stored = serde_json::from_str::<Map<String, Value>>(text).ok()?;
    // This goes through text, because code that converts a state from and to a `Value` would double
    // the size.
    let empty = serde_json::to_string(&State::default()).ok()?;
    let mut whole = serde_json::from_str::<Map<String, Value>>(&empty).ok()?;
    merge(&mut whole, stored, &|whole| state_of(whole).is_some());
    let mut state = state_of(&whole)?;
    state.repair();
    Some(state)
}

fn state_of(fields: &Map<String, Value>) -> Option<State> {
    serde_json::from_str(&serde_json::to_string(fields).ok()?).ok()
}

/// Puts into `whole` what `reads` accepts of `stored`: a field, else the fields in it, or the
/// entries of its list.
fn merge(
    whole: &mut Map<String, Value>,
    stored: Map<String, Value>,
    reads: &dyn Fn(&Map<String, Value>) -> bool,
) {
    for (name, value) in stored {
        let accepts = |whole: &Map<String, Value>, value: Value| {
            let mut with = whole.clone();
            with.insert(name.clone(), value);
            reads(&with)
        };
        if accepts(whole, value.clone()) {
            whole.insert(name, value);
            continue;
        }
        match value {
            Value::Object(fields) => {
                let mut part = match whole.get(&name) {
                    Some(Value::Object(part)) => part.clone(),
                    _ => Map::new(),
                };
                merge(&mut part, fields, &|part| {
                    accepts(whole, Value::Object(part.clone()))
                });
                if accepts(whole, Value::Object(part.clone())) {
                    whole.insert(name, Value::Object(part));
                }
            }
            Value::Array(entries) => {
                let alone = |entry: &Value| accepts(whole, Value::Array(vec![entry.clone()]));
                let kept = Value::Array(entries.into_iter().filter(alone).collect());
                if accepts(whole, kept.clone()) {
                    whole.insert(name, kept);
                }
            }
            _ => {}
        }
    }
}
