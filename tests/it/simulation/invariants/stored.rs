//! What became durable: messages are taken in once and in order, turns follow one another, and keywords are applied.
//!
//! Not here: what was logged of a turn (`log`).

use switchboard::{messaging::keywords::Keyword, platform::WriteBatch};

use super::{
    Invariants, chars,
    records::{Contact, TurnKey, TurnRecord},
    stored_state::{StoredMessage, StoredSid, StoredState, StoredTurn},
};
use crate::simulation::{
    fault_plan::MAX_MESSAGE_CHARS,
    storage::{OPTED_OUT, STATE},
    transcription::SPOKEN,
};

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
        // Damage can lose an opt-in that the other thread has not heard of. Then its opt-out comes back with the next join.
        if contact.stored_out && contact.damaged && contact.other.is_some() {
            contact.opted_out.get_or_insert(at);
        }
        match puts(STATE) {
            None if deletes(STATE) => {
                contact.epoch += 1;
                contact.known.clear();
                let open = contact.open.is_some() || !contact.queue.is_empty();
                self.check(!open, || {
                    "storage was emptied while a message waited".into()
                });
                if !contact.untracked {
                    let nothing = StoredState::default();
                    self.hand_off_stored(&mut contact, &nothing, at);
                    self.deliveries_stored(&mut contact, &nothing, false, at);
                }
                self.opt_out_at_twilio_stored(&mut contact, at);
                self.opt_out_is_stored(&contact);
                if !contact.untracked {
                    let nothing = StoredState::default();
                    self.intake_stored(&mut contact, &nothing, None, at);
                }
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
            self.untracked_answers(contact, name, &state);
            self.stored_untracked(contact, state, at);
            self.opt_out_at_twilio_stored(contact, at);
            self.opt_out_is_stored(contact);
            return;
        }
        self.hand_off_stored(contact, &state, at);
        let active = state.turns.active.as_ref().map(|turn| turn.number);
        let ends = contact.open.filter(|(_, number)| Some(*number) != active);
        let has_reset =
            ends.is_some_and(|key| contact.turns.get(&key).is_some_and(|turn| turn.reset));
        for StoredSid { sid, status } in &state.records {
            let waits = status == "waiting";
            let text = state.waiting(sid).filter(|_| waits);
            self.message_stored(contact, sid, waits, text, at);
        }
        self.deliveries_stored(contact, &state, has_reset, at);
        self.opt_out_at_twilio_stored(contact, at);
        self.opt_out_is_stored(contact);
        self.intake_stored(contact, &state, ends.filter(|_| contact.open.is_some()), at);
        let key = state
            .turns
            .active
            .as_ref()
            .map(|turn| (contact.epoch, turn.number));
        if let Some(open) = contact.open.filter(|open| Some(*open) != key) {
            self.turn_ended(contact, open, at);
            self.intake_answer(contact, name, open, &state);
        }
        if let (Some(key), Some(turn)) = (key, state.turns.active) {
            self.turn_stored(name, contact, key, &turn, at);
        }
        contact.open = key;
    }

    /// A message is in the stored state, perhaps for the first time.
    /// `text` is what the assistant will read of it.
    fn message_stored(
        &mut self,
        contact: &mut Contact,
        sid: &str,
        waits: bool,
        text: Option<&str>,
        at: u64,
    ) {
        if !contact.admitted.insert(sid.to_owned()) {
            return;
        }
        self.count("messages taken in");
        let message = self.messages.get(sid).cloned().unwrap_or_default();
        let was_out = contact.opted_out.is_some();
        // On WhatsApp, CANCEL ends an open intake, and is an opt-out otherwise.
        let cancels_intake =
            message.command == Some(Keyword::Cancel) && !was_out && contact.intakes.is_open();
        let command = match message.command {
            Some(Keyword::Cancel) if cancels_intake => None,
            Some(Keyword::Cancel) => Some(Keyword::OptOut),
            command => command.filter(|_| was_out || !message.turn),
        };
        if cancels_intake {
            self.count("intakes that CANCEL ended");
            // It waits in this form.
            if let Some(message) = self.messages.get_mut(sid) {
                "cancel".clone_into(&mut message.text);
            }
        }
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
        let passes = contact.handed.runs() && message.passes && !was_out;
        if passes {
            contact.passes_on(&message, at);
        }
        if let Some(text) = text.filter(|_| !cancels_intake) {
            self.text_waits(contact, text, &message.text);
        }
        let may_wait = waits || !(message.automatic || message.word);
        let turn = message.turn && !was_out && !passes && may_wait;
        if message.automatic {
            self.automatic_reply(contact, turn, at);
        }
        if turn {
            contact.sayings.push(message.text.clone());
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

    /// A machine that answers each answer is heard a few times. After a pause it is heard again.
    fn automatic_reply(&mut self, contact: &mut Contact, turn: bool, at: u64) {
        const HEARD: u64 = 3;
        const PAUSE: u64 = 100_000;
        let (heard, before) = contact.automatic;
        let pause = at > before + PAUSE.min(self.ttl / 2);
        // A repeated delivery can make the machine reply before the newest answer.
        let in_turn = turn && contact.open.is_none() && contact.queue.is_empty();
        let heard = if pause { 0 } else { heard } + u64::from(in_turn);
        contact.automatic = (heard, at);
        if !turn {
            self.count("automatic replies that got no answer");
        }
        // Where a limit of the day keeps answers back, there is no loop.
        let unlimited = self.cap >= 1000
            && self.contact_cap >= 200
            && self.message_cap >= 5000
            && self.budget_unreadable.is_none();
        self.check(!self.forward || !unlimited || heard <= HEARD, || {
            format!("{heard} automatic replies in a row got an answer")
        });
    }

    /// The open turn is not in the stored state any more.
    fn turn_ended(&mut self, contact: &mut Contact, open: TurnKey, at: u64) {
        self.check(contact.unlogged.is_none(), || {
            "a turn ended and was not logged".into()
        });
        contact.unlogged = Some(open);
        contact.last_end = Some(at);
        contact.history_at_end = contact.history.len();
        if let Some(turn) = contact.turns.get_mut(&open) {
            turn.ended = true;
            if turn.reset {
                contact.sayings.clear();
            }
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
        // Messages may join a turn until it ends.
        let before = contact.turns.remove(&key).unwrap_or_default();
        let known = before.sids.len();
        let is_new = known == 0;
        self.check(sids.starts_with(&before.sids) && !before.ended, || {
            "a turn changed, or began again after its end".into()
        });
        self.check(
            turn.asked_again <= 2 && turn.asked_again >= before.asked_again,
            || "a turn may be asked anew too often".into(),
        );
        let joining = sids.get(known..).unwrap_or_default();
        if joining.is_empty() {
            let record = TurnRecord {
                asked_again: turn.asked_again,
                attempt: turn.attempt,
                ..before
            };
            contact.turns.insert(key, record);
            return;
        }
        let next = joining.len().min(contact.queue.len());
        let expected: Vec<String> = contact.queue.drain(..next).collect();
        self.check(expected == joining, || {
            format!(
                "a turn's messages are not the next ones in order: {joining:?}, not {expected:?}"
            )
        });
        for sid in joining {
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
        if is_new {
            self.count(if reset { "resets" } else { "turns" });
        } else {
            self.count("turns that messages joined");
            self.check(!reset, || {
                "a message joined a reset, or a reset a turn".into()
            });
        }
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
                waits: if is_new { at } else { before.waits },
                asked_again: turn.asked_again,
                attempt: turn.attempt,
                ..before
            },
        );
    }

    pub(super) fn opt_out_is_stored(&mut self, contact: &Contact) {
        self.check(contact.stored_out == contact.opted_out.is_some(), || {
            "an opt-out was lost, or came by itself".into()
        });
    }

    /// Twilio's report of an opt-out is stored. It does the same as the keyword.
    pub(super) fn opted_out_by_twilio(&mut self, contact: &mut Contact, at: u64) {
        self.keyword_stored(contact, Some(Keyword::OptOut), at);
    }

    /// A contact's keyword is stored. It cancels pending turns and answers.
    fn keyword_stored(&mut self, contact: &mut Contact, command: Option<Keyword>, at: u64) {
        match command {
            Some(Keyword::OptOut) => {
                self.count("opt-outs");
                contact.opted_out.get_or_insert(at);
                contact.intakes.drop_all();
            }
            Some(Keyword::OptIn) => {
                self.count("opt-ins");
                (contact.opted_out, contact.told_out) = (None, None);
                contact.opted_in = Some(at);
                return;
            }
            _ => {
                self.count("erasures");
                contact.history.clear();
                contact.sayings.clear();
                contact.intakes.drop_all();
                self.hand_off_erased(contact, at);
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
        contact.unconfirmed.clear();
        contact.give_ups += 1;
        contact.dropped_at = Some(at);
    }
}
