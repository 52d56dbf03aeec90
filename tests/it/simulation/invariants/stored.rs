//! What became durable: messages are taken in once and in order, turns follow one another, and keywords are applied.
//!
//! Not here: what was logged of a turn (`log`).

use serde::Deserialize;
use switchboard::{messaging::keywords::Keyword, platform::WriteBatch};

use super::{
    Invariants, chars,
    records::{Contact, TurnKey, TurnRecord},
};
use crate::simulation::{
    fault_plan::MAX_MESSAGE_CHARS,
    storage::{OPTED_OUT, STATE},
    transcription::SPOKEN,
};

#[derive(Deserialize)]
pub(super) struct StoredState {
    #[serde(default)]
    pub(super) records: Vec<StoredSid>,
    #[serde(default)]
    pub(super) turns: StoredTurns,
}

#[derive(Default, Deserialize)]
pub(super) struct StoredTurns {
    pub(super) active: Option<StoredTurn>,
}

#[derive(Deserialize)]
pub(super) struct StoredSid {
    pub(super) sid: String,
}

#[derive(Deserialize)]
pub(super) struct StoredTurn {
    pub(super) number: u64,
    pub(super) attempt: u32,
    pub(super) messages: Vec<StoredMessage>,
}

#[derive(Deserialize)]
pub(super) struct StoredMessage {
    pub(super) sid: String,
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) images: Vec<String>,
    #[serde(default)]
    pub(super) voice_notes: Vec<String>,
}

impl Invariants {
    /// A write that a thread made at `at` is durable now.
    pub fn stored(&mut self, name: &str, batch: &WriteBatch, at: u64) {
        let Some(mut contact) = self.contacts.remove(name) else {
            return;
        };
        let puts = |key: &str| {
            batch
                .puts
                .iter()
                .find(|(other, _)| other == key)
                .map(|(_, value)| value.as_str())
        };
        let deletes = |key: &str| batch.clear || batch.deletes.iter().any(|other| other == key);
        contact.stored_out =
            puts(OPTED_OUT).is_some() || (contact.stored_out && !deletes(OPTED_OUT));
        match puts(STATE) {
            None if deletes(STATE) => {
                contact.epoch += 1;
                contact.known.clear();
                let open = contact.open.is_some() || !contact.queue.is_empty();
                self.check(!open, || {
                    "storage was emptied while a message waited".into()
                });
                self.opt_out_is_stored(&contact);
            }
            None => {}
            Some(text) => match serde_json::from_str::<StoredState>(text) {
                Ok(state) => self.stored_state(name, &mut contact, state, at),
                Err(error) => self.check(false, || {
                    format!("the invariants cannot read the stored state: {error}")
                }),
            },
        }
        self.contacts.insert(name.to_owned(), contact);
    }

    fn stored_state(&mut self, name: &str, contact: &mut Contact, state: StoredState, at: u64) {
        if contact.untracked {
            self.stored_untracked(contact, state, at);
            self.opt_out_is_stored(contact);
            return;
        }
        for StoredSid { sid } in &state.records {
            self.message_stored(contact, sid, at);
        }
        self.opt_out_is_stored(contact);
        let key = state
            .turns
            .active
            .as_ref()
            .map(|turn| (contact.epoch, turn.number));
        if let Some(open) = contact.open.filter(|open| Some(*open) != key) {
            self.turn_ended(contact, open, at);
        }
        if let (Some(key), Some(turn)) = (key, state.turns.active) {
            self.turn_stored(name, contact, key, &turn, at);
        }
        contact.open = key;
    }

    /// A message is in the stored state, perhaps for the first time.
    fn message_stored(&mut self, contact: &mut Contact, sid: &str, at: u64) {
        if !contact.admitted.insert(sid.to_owned()) {
            return;
        }
        self.count("messages taken in");
        let message = self.messages.get(sid).cloned().unwrap_or_default();
        let was_out = contact.opted_out.is_some();
        let command = message.command.filter(|_| was_out || !message.turn);
        if matches!(
            command,
            Some(Keyword::OptOut | Keyword::OptIn | Keyword::Erase)
        ) {
            // These keywords work over the rate limit too.
            self.keyword_stored(contact, command, at);
            if command == Some(Keyword::Erase) {
                contact.erasures.insert(sid.to_owned(), at);
            }
            return;
        }
        contact.admissions.push(at);
        let nth = contact.admissions.len();
        if self.forward && nth > self.rate_limit {
            let first = contact.admissions[nth - 1 - self.rate_limit];
            self.check(at >= first + 60_000, || {
                format!(
                    "more messages than the rate limit within a minute, from {first} to {at} ms"
                )
            });
        }
        let turn = message.turn && !was_out;
        if turn {
            contact.queue.push_back(sid.to_owned());
            contact.owed += 1;
        }
        if message.turn && was_out {
            self.count("messages that an opt-out kept from the model");
        }
        if self.forward
            && turn
            && contact.open.is_none()
            && contact
                .last_answered
                .is_some_and(|end| at >= end + self.ttl)
        {
            contact.forbidden = contact.history.len();
        }
    }

    /// The open turn is not in the stored state any more.
    fn turn_ended(&mut self, contact: &mut Contact, open: TurnKey, at: u64) {
        self.check(contact.unlogged.is_none(), || {
            "a turn ended and was not logged".into()
        });
        contact.unlogged = Some(open);
        contact.last_end = Some(at);
        if let Some(turn) = contact.turns.get_mut(&open) {
            turn.ended = true;
            let (forward, limit, patience) = (self.forward, self.turn_limit, self.patience);
            if let Some((_, since)) = turn.works {
                let took = at - since;
                self.check(!forward || patience == u64::MAX || took <= limit, || {
                    format!("a turn ran for {took} ms")
                });
            } else {
                let waited = at.saturating_sub(turn.waits);
                self.check(!forward || waited <= patience, || {
                    format!("a turn waited for {waited} ms to be ended")
                });
            }
        }
    }

    /// A turn is in the stored state, perhaps for the first time.
    fn turn_stored(
        &mut self,
        name: &str,
        contact: &mut Contact,
        key: TurnKey,
        turn: &StoredTurn,
        at: u64,
    ) {
        let sids: Vec<String> = turn
            .messages
            .iter()
            .map(|message| message.sid.clone())
            .collect();
        self.check(turn.attempt <= 2, || {
            "a turn was begun more than twice".into()
        });
        if let Some(record) = contact.turns.get(&key) {
            self.check(record.sids == sids && !record.ended, || {
                "a turn changed, or began again after its end".into()
            });
            return;
        }
        let expected: Vec<String> = contact
            .queue
            .drain(..sids.len().min(contact.queue.len()))
            .collect();
        self.check(expected == sids, || {
            format!("a turn's messages are not the next ones in order: {sids:?}, not {expected:?}")
        });
        for sid in &sids {
            let token = self
                .messages
                .get(sid)
                .map(|message| message.token.clone())
                .unwrap_or_default();
            let before = self.token_turn.insert(token, (name.to_owned(), key));
            self.check(before.is_none(), || {
                format!("message {sid} is in two turns")
            });
        }
        let reset = turn.messages.iter().any(|message| message.text.is_none());
        let file = |message: &StoredMessage| match (
            message.images.is_empty(),
            message.voice_notes.is_empty(),
        ) {
            (true, true) => String::new(),
            (true, false) => format!("\n{SPOKEN}"),
            (false, _) => "\n[1 picture]".to_owned(),
        };
        let texts: Vec<String> = turn
            .messages
            .iter()
            .filter_map(|message| Some(format!("{}{}", message.text.as_ref()?, file(message))))
            .collect();
        self.count(if reset { "resets" } else { "turns" });
        let said: usize = turn
            .messages
            .iter()
            .filter_map(|message| message.text.as_deref())
            .map(chars)
            .sum();
        self.check(said <= MAX_MESSAGE_CHARS || sids.len() == 1, || {
            format!("a turn holds {said} characters")
        });
        if sids.len() > 1 {
            self.count("turns of several messages");
        }
        contact.turns.insert(
            key,
            TurnRecord {
                sids,
                input: texts.join("\n"),
                reset,
                waits: at,
                ..TurnRecord::default()
            },
        );
    }

    pub(super) fn opt_out_is_stored(&mut self, contact: &Contact) {
        self.check(contact.stored_out == contact.opted_out.is_some(), || {
            "an opt-out was lost, or came by itself".into()
        });
    }

    /// A contact's keyword is stored. It cancels pending turns and answers.
    fn keyword_stored(&mut self, contact: &mut Contact, command: Option<Keyword>, at: u64) {
        match command {
            Some(Keyword::OptOut) => {
                self.count("opt-outs");
                contact.opted_out.get_or_insert(at);
            }
            Some(Keyword::OptIn) => {
                self.count("opt-ins");
                contact.opted_out = None;
                return;
            }
            _ => {
                self.count("erasures");
                contact.history.clear();
                (contact.excused, contact.forbidden) = (0, 0);
            }
        }
        contact.owed -= contact.queue.drain(..).count();
        if let Some(turn) = contact
            .open
            .take()
            .and_then(|key| contact.turns.get_mut(&key))
        {
            self.count("turns cancelled");
            (turn.ended, turn.cancelled) = (true, Some(at));
            turn.outcome = Some(("cancelled".into(), "none".into()));
        }
        contact
            .turns
            .values_mut()
            .for_each(|turn| turn.erased = true);
        // Parts that were not sent yet are dropped.
        contact.give_ups += 1;
    }
}
