//! Documents of a call without a socket: each says what it has said before, and each answer is said once.
//!
//! Not here: what the model is asked (`asked`).

use switchboard::config::{FixedText, Language};

use crate::simulation::{
    calls::{
        life::{Life, is_fixed},
        records::{Record, Turn, tight},
    },
    state::Simulation,
};

impl Simulation {
    /// An answer to a webhook has a document of this number.
    pub(in crate::simulation::calls) fn document_came(&self, life: &Life, number: u32, says: &str) {
        let known = self.calls.with(&life.name, |call| {
            let known = call.documents.entry(number);
            known.or_insert_with(|| says.to_owned()) == says || call.is_damaged
        });
        self.check(known == Some(true), || {
            format!("document {number} says something else than before: {says}")
        });
    }

    /// Twilio says a document. `keys` is how many keys it takes.
    pub(in crate::simulation::calls) fn says(&self, life: &Life, text: &str, keys: Option<u8>) {
        let is_ordered = self.fault_plan.storage_fails == 0;
        let said = self
            .calls
            .with(&life.name, |call| {
                call.takes_keys_that_were_asked_for(keys)
                    .and_then(|()| call.says(text, is_ordered))
            })
            .unwrap_or(Ok(()));
        let what = said.as_ref().err().cloned();
        self.check(said.is_ok(), || what.unwrap_or_default());
    }
}

impl Record {
    fn takes_keys_that_were_asked_for(&self, keys: Option<u8>) -> Result<(), String> {
        if keys.is_some() && self.digits_asked == 0 {
            return Err("a document takes keys that nobody has asked for".into());
        }
        Ok(())
    }

    /// Fixed sentences, and the answer of the newest turn, which was said by no document.
    fn says(&mut self, text: &str, is_ordered: bool) -> Result<(), String> {
        if is_fixed(text) {
            return Ok(());
        }
        let mut rest = tight(text);
        for fixed in FixedText::ALL.iter().filter(|text| text.is_spoken()) {
            rest = rest.replace(&tight(fixed.in_language(Language::English)), "");
        }
        if rest.is_empty() {
            return Ok(());
        }
        if self.is_damaged {
            // Nobody knows what was said before.
            if let Some(turn) = self.turns.last_mut() {
                turn.spoken.clone_from(&rest);
            }
            return Ok(());
        }
        let is_said = |turn: &Turn| turn.spoken.contains(&rest);
        if self.turns.iter().any(is_said) {
            return Err(format!("an answer is said by two documents: {text}"));
        }
        let Some(turn) = self.turns.last_mut() else {
            return Err(format!("words that nobody has said: {text}"));
        };
        // Where storage failed, a request may have begun a run of its own.
        let latest_start = if is_ordered { 0 } else { turn.unsaid.len() };
        let mut wholes = (0..=latest_start)
            .map(|start| format!("{}{}", turn.unsaid[start..].concat(), turn.reply));
        if !wholes.any(|whole| whole == rest) {
            return Err(format!(
                "words that nobody has said: {rest}, and not {:?}{}",
                turn.unsaid, turn.reply
            ));
        }
        if !turn.is_whole {
            return Err(format!("an answer that broke off is said: {text}"));
        }
        turn.spoken.clone_from(&rest);
        Ok(())
    }
}
