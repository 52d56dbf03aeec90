//! The keys of a phone: when callers press them, and which.
//!
//! Not here: what must hold of them (`invariants::keys`).

use std::rc::Rc;

use serde_json::json;

use super::{frames::Meaning, life::Life, mutants, relay::Session};
use crate::simulation::state::Simulation;

/// Keys that a caller presses, and how they end.
pub struct Entry {
    pub keys: String,
    pub has_hash: bool,
}

impl Simulation {
    /// How many digits the caller is asked for, if it is about to press them.
    pub(super) fn would_press(&self, life: &Life) -> Option<u8> {
        let wanted = self.calls.with(&life.name, |call| call.wants_digits);
        wanted.flatten().filter(|_| self.random.chance(850))
    }

    /// The keys of an entry. No other entry of the run has the first six of them, and no number looks like them.
    pub(super) fn next_entry(&self, life: &Life, most: u8) -> Entry {
        let number = self.invariants.borrow_mut().next_number();
        let base = format!("9*{:04}", number % 10_000);
        let has_hash = self.random.chance(500);
        let most = if has_hash || self.random.chance(300) {
            base.len()
        } else {
            usize::from(most)
        };
        let keys: String = base.chars().cycle().take(most).collect();
        self.calls.with(&life.name, |call| {
            call.entries.push(base);
            call.wants_digits = None;
        });
        self.count("entries of digits");
        Entry { keys, has_hash }
    }

    /// The caller presses the digits that it was asked for, one after the other.
    pub(super) async fn press_keys(self: &Rc<Self>, life: &Life, session: &Rc<Session>, most: u8) {
        let Entry { keys, has_hash } = self.next_entry(life, most);
        let hash = if has_hash { "#" } else { "" };
        for key in format!("{keys}{hash}").chars() {
            self.press_key(session, &key.to_string());
            let pauses = self.random.chance(20);
            let pause = if pauses {
                6000
            } else {
                self.random.between(80, 900)
            };
            self.sleep(pause).await;
        }
        // Without a hash, a pause ends it.
        self.sleep(if has_hash { 0 } else { 5500 }).await;
    }

    /// The caller presses a key. Nobody hears of it once the socket is closed.
    pub(super) fn press_key(self: &Rc<Self>, session: &Rc<Session>, key: &str) {
        if !session.is_open.get() {
            return;
        }
        self.calls
            .with(&session.name, |call| call.pressed.push_str(key));
        for key in mutants::keys(self, key).chars() {
            let frame = json!({ "type": "dtmf", "digit": key.to_string() });
            self.tell(session, &frame, Meaning::Key);
        }
    }
}
