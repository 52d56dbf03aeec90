//! The conversation, in KV and in model requests: what was answered, in order, until it is trimmed, reset, erased or expired.
//!
//! Not here: storage (`stored`).

use switchboard::conversation::history::{Conversation, MAX_CHARS, MAX_TURNS, Turn};

use super::{Invariants, MARKERS, chars, is_fixed, records::Contact};

impl Invariants {
    pub fn kv_read_failed(&mut self, name: &str) {
        if let Some(contact) = self.contacts.get_mut(name) {
            contact.loose = true;
            contact.read_trouble = true;
        }
    }

    /// A conversation is given to KV.
    pub fn saved(&mut self, key: &str, value: &str, ttl: u64, at: u64) {
        let name = key.split('/').nth(1).unwrap_or_default().to_owned();
        self.check(
            ttl >= 60 && ttl <= (self.ttl + self.steps) / 1000 + 1,
            || format!("KV was given a lifetime of {ttl} s"),
        );
        self.check(!MARKERS.iter().any(|marker| key.contains(marker)), || {
            format!("a KV key holds personal data: {key}")
        });
        let Some(mut contact) = self.contacts.remove(&name) else {
            return self.check(false, || format!("a KV key names nobody: {key}"));
        };
        if let Some((before, until)) = contact
            .revisions
            .insert(key.to_owned(), (value.to_owned(), at + ttl * 1000))
        {
            let same = before == value || contact.read_trouble || contact.untracked || at >= until;
            self.count("revisions that were written again");
            self.check(same, || {
                format!("a revision was written twice, with different contents: {key:.30}")
            });
        }
        match Conversation::decode(value) {
            Ok(conversation) => {
                for turn in conversation.turns() {
                    self.check(!is_fixed(&turn.assistant), || {
                        format!("a fixed sentence is in KV: {}", turn.assistant)
                    });
                }
                self.conversation(&mut contact, conversation.turns(), at, "KV");
            }
            Err(error) => self.check(false, || {
                format!(
                    "KV was given something else than a conversation: {}",
                    error.label()
                )
            }),
        }
        self.contacts.insert(name, contact);
    }

    /// A conversation must consist of the answered turns, in order: all that are not trimmed, reset or expired.
    pub(super) fn conversation(
        &mut self,
        contact: &mut Contact,
        turns: &[Turn],
        at: u64,
        place: &str,
    ) {
        if contact.untracked {
            return;
        }
        let mut left = contact.history.len();
        for turn in turns.iter().rev() {
            while left > 0 && contact.history[left - 1].1 && contact.history[left - 1].0 != *turn {
                left -= 1;
            }
            let same = left > 0 && contact.history[left - 1].0 == *turn;
            self.check(same, || {
                format!(
                    "the conversation in {place} has a turn that was not answered there: {}",
                    turn.user
                )
            });
            if !same {
                return;
            }
            left -= 1;
        }
        let forbidden = contact.forbidden;
        self.check(turns.is_empty() || left >= forbidden, || {
            format!("an expired conversation is in {place}")
        });
        while left > 0 && contact.history[left - 1].1 {
            left -= 1;
        }
        if left <= contact.excused {
            return;
        }
        let chars: usize = turns
            .iter()
            .chain([&contact.history[left - 1].0])
            .map(|turn| chars(&turn.user) + chars(&turn.assistant))
            .sum();
        let trimmed = turns.len() == MAX_TURNS || chars > MAX_CHARS;
        let expired = contact
            .last_answered
            .is_some_and(|end| at >= end + self.ttl)
            || !self.forward;
        let shortened = contact
            .may_be_left
            .is_some_and(|least| turns.len() >= least);
        if shortened && !contact.loose && !expired {
            contact.may_be_left = None;
            contact.excused = left;
            self.count("conversations that were shortened");
        } else if contact.loose || expired {
            contact.excused = left;
            self.count("conversations that became shorter");
        } else if !trimmed {
            self.check(false, || {
                format!(
                    "the conversation in {place} lacks {} answered turns",
                    left - contact.excused
                )
            });
        } else {
            self.check(true, String::new);
            self.count("conversations trimmed");
        }
    }

    /// The contact that this message erased, and when.
    pub fn erasure(&self, sid: &str) -> Option<(String, u64)> {
        let name = &self.messages.get(sid)?.contact;
        Some((name.clone(), *self.contacts.get(name)?.erasures.get(sid)?))
    }

    /// A webhook was told that all data is erased. KV still has these older conversations.
    pub fn told_erased(&mut self, name: &str, conversations: &[String]) {
        let Some(contact) = self.contacts.get(name).filter(|contact| !contact.untracked) else {
            return;
        };
        let kept: Vec<Turn> = contact
            .history
            .iter()
            .map(|(turn, _)| turn.clone())
            .collect();
        for text in conversations {
            let turns = Conversation::decode(text)
                .map(|conversation| conversation.turns().to_vec())
                .unwrap_or_default();
            self.check(turns.iter().all(|turn| kept.contains(turn)), || {
                "KV has what a contact was told is erased".into()
            });
        }
        self.count("erasures that were confirmed");
    }
}
