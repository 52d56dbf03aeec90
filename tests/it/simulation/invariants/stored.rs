//! What became durable: messages are taken in once and in order, turns follow one another, and keywords are applied.
//!
//! Not here: what was logged of a turn (`log`).

use serde::Deserialize;
use switchboard::{messaging::keywords::Keyword, platform::WriteBatch};

use super::{
    Invariants, chars,
    records::{Sender, TurnKey, TurnRecord},
};
use crate::simulation::{
    fault_plan::MAX_MESSAGE_CHARS,
    storage::{OPTED_OUT, STATE},
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
}

impl Invariants {
    /// A write that a thread made at `at` is durable now.
    pub fn stored(&mut self, name: &str, batch: &WriteBatch, at: u64) {
        let Some(mut sender) = self.senders.remove(name) else {
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
        sender.stored_out = puts(OPTED_OUT).is_some() || (sender.stored_out && !deletes(OPTED_OUT));
        match puts(STATE) {
            None if deletes(STATE) => {
                sender.epoch += 1;
                sender.known.clear();
                let open = sender.open.is_some() || !sender.queue.is_empty();
                self.check(!open, || {
                    "storage was emptied while a message waited".into()
                });
                self.opt_out_is_stored(&sender);
            }
            None => {}
            Some(text) => match serde_json::from_str::<StoredState>(text) {
                Ok(state) => self.stored_state(name, &mut sender, state, at),
                Err(error) => self.check(false, || {
                    format!("the invariants cannot read the stored state: {error}")
                }),
            },
        }
        self.senders.insert(name.to_owned(), sender);
    }

    fn stored_state(&mut self, name: &str, sender: &mut Sender, state: StoredState, at: u64) {
        if sender.untracked {
            self.stored_untracked(sender, state, at);
            self.opt_out_is_stored(sender);
            return;
        }
        for StoredSid { sid } in &state.records {
            self.message_stored(sender, sid, at);
        }
        self.opt_out_is_stored(sender);
        let key = state
            .turns
            .active
            .as_ref()
            .map(|turn| (sender.epoch, turn.number));
        if let Some(open) = sender.open.filter(|open| Some(*open) != key) {
            self.turn_ended(sender, open, at);
        }
        if let (Some(key), Some(turn)) = (key, state.turns.active) {
            self.turn_stored(name, sender, key, &turn, at);
        }
        sender.open = key;
    }

    /// A message is in the stored state, perhaps for the first time.
    fn message_stored(&mut self, sender: &mut Sender, sid: &str, at: u64) {
        if !sender.admitted.insert(sid.to_owned()) {
            return;
        }
        self.count("messages taken in");
        let message = self.messages.get(sid).cloned().unwrap_or_default();
        let was_out = sender.opted_out.is_some();
        let command = message.command.filter(|_| was_out || !message.turn);
        if matches!(
            command,
            Some(Keyword::OptOut | Keyword::OptIn | Keyword::Erase)
        ) {
            // These keywords work over the rate limit too.
            self.keyword_stored(sender, command, at);
            if command == Some(Keyword::Erase) {
                sender.erasures.insert(sid.to_owned(), at);
            }
            return;
        }
        sender.admissions.push(at);
        let nth = sender.admissions.len();
        if self.forward && nth > self.rate_limit {
            let first = sender.admissions[nth - 1 - self.rate_limit];
            self.check(at >= first + 60_000, || {
                format!(
                    "more messages than the rate limit within a minute, from {first} to {at} ms"
                )
            });
        }
        let turn = message.turn && !was_out;
        if turn {
            sender.queue.push_back(sid.to_owned());
            sender.owed += 1;
        }
        if message.turn && was_out {
            self.count("messages that an opt-out kept from the model");
        }
        if self.forward
            && turn
            && sender.open.is_none()
            && sender.last_answered.is_some_and(|end| at >= end + self.ttl)
        {
            sender.forbidden = sender.history.len();
        }
    }

    /// The open turn is not in the stored state any more.
    fn turn_ended(&mut self, sender: &mut Sender, open: TurnKey, at: u64) {
        self.check(sender.unlogged.is_none(), || {
            "a turn ended and was not logged".into()
        });
        sender.unlogged = Some(open);
        sender.last_end = Some(at);
        if let Some(turn) = sender.turns.get_mut(&open) {
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
        sender: &mut Sender,
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
        if let Some(record) = sender.turns.get(&key) {
            self.check(record.sids == sids && !record.ended, || {
                "a turn changed, or began again after its end".into()
            });
            return;
        }
        let expected: Vec<String> = sender
            .queue
            .drain(..sids.len().min(sender.queue.len()))
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
        let picture = |message: &StoredMessage| {
            if message.images.is_empty() {
                ""
            } else {
                "\n[1 picture]"
            }
        };
        let texts: Vec<String> = turn
            .messages
            .iter()
            .filter_map(|message| Some(format!("{}{}", message.text.as_ref()?, picture(message))))
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
        sender.turns.insert(
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

    pub(super) fn opt_out_is_stored(&mut self, sender: &Sender) {
        self.check(sender.stored_out == sender.opted_out.is_some(), || {
            "an opt-out was lost, or came by itself".into()
        });
    }

    /// A sender's keyword is stored. It cancels pending turns and answers.
    fn keyword_stored(&mut self, sender: &mut Sender, command: Option<Keyword>, at: u64) {
        match command {
            Some(Keyword::OptOut) => {
                self.count("opt-outs");
                sender.opted_out.get_or_insert(at);
            }
            Some(Keyword::OptIn) => {
                self.count("opt-ins");
                sender.opted_out = None;
                return;
            }
            _ => {
                self.count("erasures");
                sender.history.clear();
                (sender.excused, sender.forbidden) = (0, 0);
            }
        }
        sender.owed -= sender.queue.drain(..).count();
        if let Some(turn) = sender
            .open
            .take()
            .and_then(|key| sender.turns.get_mut(&key))
        {
            self.count("turns cancelled");
            (turn.ended, turn.cancelled) = (true, Some(at));
            turn.outcome = Some(("cancelled".into(), "none".into()));
        }
        sender
            .turns
            .values_mut()
            .for_each(|turn| turn.erased = true);
        // Parts that were not sent yet are dropped.
        sender.give_ups += 1;
    }
}
