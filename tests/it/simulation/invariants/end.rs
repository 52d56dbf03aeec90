//! What must hold when everything has settled: each turn ended, and each answer went out.
//!
//! Not here: what is left in storage (`objects`).

use std::collections::BTreeMap;

use super::{
    Invariants,
    records::{Answer, Contact, TurnRecord},
};

impl Invariants {
    /// Everything has settled.
    pub fn end(&mut self) {
        let contacts = std::mem::take(&mut self.contacts);
        for (name, contact) in &contacts {
            self.end_untracked(contact);
            if contact.untracked {
                continue;
            }
            self.equal_answers(name, contact);
            self.end_handed(name, contact);
            self.end_intakes(contact);
            self.check(contact.queue.is_empty() && contact.open.is_none(), || {
                "a message was taken in, and its turn never ended".into()
            });
            let (sent, allowed) = (contact.fixed_sent, contact.fixed_allowed);
            self.check(sent <= allowed, || {
                format!("{sent} fixed sentences were sent to {name:.6} for {allowed} turns")
            });
            for turn in contact.turns.values() {
                self.ended(turn, contact);
            }
            let in_turns: usize = contact.turns.values().map(|turn| turn.sids.len()).sum();
            let wanted = contact.owed;
            self.check(in_turns == wanted, || {
                format!("{wanted} messages were taken in, {in_turns} are in turns")
            });
        }
        let lost = self.messages.iter().find(|(sid, message)| {
            let taken_in = |contact: &Contact| contact.untracked || contact.admitted.contains(*sid);
            message.answered > message.limited
                && !contacts.get(&message.contact).is_some_and(taken_in)
        });
        let lost = lost.map(|(sid, _)| sid.clone());
        self.check(lost.is_none(), || {
            format!(
                "message {} got a 200 and was not taken in",
                lost.unwrap_or_default()
            )
        });
        self.contacts = contacts;
    }

    /// For equal answers, Twilio must have created as many messages as were to be sent by REST.
    fn equal_answers(&mut self, name: &str, contact: &Contact) {
        let mut equal: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for turn in contact.turns.values() {
            let Some(text) = turn.answer.map(|answer| &self.answers[answer].text) else {
                continue;
            };
            if self
                .parts
                .get(&(name.to_owned(), text.clone()))
                .is_some_and(|answers| answers.len() > 1)
            {
                let (by_rest, unlogged) = equal.entry(text.clone()).or_default();
                *by_rest += u64::from(turn.outcome.as_ref().is_some_and(|(what, how)| {
                    (what == "answered" || turn.is_stored_answer) && how == "rest"
                }));
                *unlogged += u64::from(turn.unlogged);
            }
        }
        for (text, (by_rest, unlogged)) in equal {
            let created = self.sent.get(&(name.to_owned(), text)).copied();
            let created = created.unwrap_or(0);
            let enough = created >= by_rest || contact.give_ups > 0;
            self.check(created <= by_rest + unlogged && enough, || {
                format!("of {by_rest} equal answers {created} were created")
            });
        }
    }

    fn ended(&mut self, turn: &TurnRecord, contact: &Contact) {
        self.check(turn.ended, || format!("a turn never ended: {}", turn.input));
        let Some((outcome, reply_via)) = &turn.outcome else {
            return self.check(turn.unlogged, || {
                format!("a turn's end was not logged: {}", turn.input)
            });
        };
        let (Some(answer), "answered") = (turn.answer, outcome.as_str()) else {
            return;
        };
        let carrier = turn
            .sids
            .last()
            .and_then(|sid| self.messages.get(sid))
            .cloned()
            .unwrap_or_default();
        if reply_via == "webhook" {
            let carried = self.by_webhook.contains_key(&answer);
            if !carried {
                self.count("answers by a webhook that had left");
            }
            self.check(carried || carrier.failed > 0 || turn.erased, || {
                format!(
                    "an answer was to be given to a webhook, and was not: {}",
                    turn.input
                )
            });
        } else {
            let Answer {
                contact: name,
                parts,
                ..
            } = &self.answers[answer];
            let is_missing = |part: &&String| {
                let key = (name.clone(), (*part).clone());
                !self.sent.contains_key(&key)
            };
            let missing = parts.iter().filter(is_missing).count();
            let gave_up = contact.give_ups;
            self.check(missing == 0 || gave_up > 0, || {
                format!(
                    "{missing} parts were never sent, without a reason: {}",
                    turn.input
                )
            });
        }
    }
}
