//! Keys: the model is told of those that it has asked for, and nobody else is told of any.
//!
//! Not here: when callers press them (`calls::keys`).

use serde_json::Value;

use crate::simulation::{
    calls::records::{Record, keys_in},
    state::Simulation,
};

impl Simulation {
    /// A request of an object that is none to the model.
    pub fn no_keys_leave(&self, name: &str, url: &str, body: &str) {
        self.no_keys_in(name, url, body);
    }

    /// A text that leaves the object has no keys.
    pub(in crate::simulation::calls) fn no_keys_in(&self, name: &str, place: &str, text: &str) {
        let has_keys = self.calls.with(name, |call| call.has_keys(text));
        self.check(has_keys != Some(true), || {
            format!("{place} has keys of the caller: {text}")
        });
    }

    /// What is stored of a call has keys only until the turn has ended that they begin.
    pub(in crate::simulation::calls) fn keys_are_stored_for_their_turn(
        &self,
        name: &str,
        mut state: Value,
    ) {
        if let Some(call) = state["call"].as_object_mut() {
            call.remove("entry");
        }
        self.no_keys_in(name, "the stored conversation", &state.to_string());
    }
}

impl Record {
    fn has_keys(&self, text: &str) -> bool {
        self.entries.iter().any(|entry| text.contains(entry))
    }

    /// Of keys, the model is told what was pressed, after it has asked, and in no later request.
    pub(in crate::simulation::calls) fn keys_are_told_once(
        &self,
        input: &str,
        body: &str,
        is_exact: bool,
    ) -> Result<(), String> {
        let keys = keys_in(input);
        if body.matches("[keys pressed: ").count() > usize::from(keys.is_some()) + 1 {
            return Err(format!("the conversation has keys: {body}"));
        }
        let elsewhere = body.replace(input, "");
        if self.has_keys(&elsewhere) {
            return Err(format!(
                "keys are in another place than the newest words: {body}"
            ));
        }
        let Some(keys) = keys else {
            return Ok(());
        };
        if self.digits_asked == 0 {
            return Err(format!("keys that nobody has asked for are told: {input}"));
        }
        let is_right =
            keys == "none" || !is_exact || !self.is_honest || self.pressed.contains(keys);
        if is_right {
            Ok(())
        } else {
            Err(format!(
                "keys are told that were not pressed so: {keys}, and not {}",
                self.pressed
            ))
        }
    }
}
