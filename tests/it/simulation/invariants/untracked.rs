//! Senders whose stored values were damaged, or that saw the clock jump. They may be answered twice or not at all, so their turns
//! are not followed any more. Their opt-out is, and they must be answered again in the end.
//!
//! Not here: contacts that are followed (`stored`, `log`, `end`).

use std::collections::BTreeSet;

use switchboard::messaging::keywords::Keyword;

use super::{Invariants, records::Contact, stored_state::StoredState};

impl Invariants {
    /// A stored value of a contact was damaged. `state` is its last state; `lost` says whether the message ids are gone.
    pub fn damaged(&mut self, name: &str, state: Option<&str>, lost: bool) {
        self.untracked(name, state, lost);
        if let Some(contact) = self.contacts.get_mut(name) {
            contact.damaged = true;
            // Parts that were not sent yet may be lost.
            contact.give_ups += 1;
        }
    }

    /// From now on this contact may be answered twice or not at all. Only its opt-out is followed.
    pub fn untracked(&mut self, name: &str, state: Option<&str>, lost: bool) {
        let Some(contact) = self.contacts.get_mut(name) else {
            return;
        };
        let state = state.and_then(|text| serde_json::from_str::<StoredState>(text).ok());
        let known = state
            .filter(|_| !lost)
            .map(|state| state.records.into_iter().map(|seen| seen.sid).collect());
        contact.known = known.unwrap_or_default();
        contact.untracked = true;
        (contact.open, contact.unlogged) = (None, None);
        contact.queue.clear();
        contact.handed.forget();
    }

    pub fn all_untracked(&mut self) {
        self.contacts.values_mut().for_each(|contact| {
            contact.untracked = true;
            (contact.open, contact.unlogged) = (None, None);
            contact.queue.clear();
            contact.handed.forget();
        });
    }

    /// The state of an untracked contact was stored. New messages in it may have changed the opt-out.
    pub(super) fn stored_untracked(&mut self, contact: &mut Contact, state: StoredState, at: u64) {
        let known: BTreeSet<String> = state.records.iter().map(|seen| seen.sid.clone()).collect();
        for seen in state
            .records
            .into_iter()
            .filter(|seen| !contact.known.contains(&seen.sid))
        {
            let message = self.messages.get(&seen.sid).cloned().unwrap_or_default();
            contact.admitted.insert(seen.sid);
            if message.command == Some(Keyword::Cancel) && contact.stored_out {
                contact.opted_out.get_or_insert(at);
            }
            match message
                .command
                .filter(|_| contact.opted_out.is_some() || !message.turn)
            {
                Some(Keyword::OptOut) => drop(contact.opted_out.get_or_insert(at)),
                Some(Keyword::OptIn) => (contact.opted_out, contact.told_out) = (None, None),
                _ => {}
            }
            contact.give_ups += u64::from(message.command.is_some());
        }
        contact.known = known;
    }

    /// The message that an untracked contact writes when faults have ended.
    pub fn last_words(&mut self, name: &str, sid: String) {
        if let Some(contact) = self.contacts.get_mut(name) {
            contact.last_words = Some(sid);
        }
    }

    pub(super) fn end_untracked(&mut self, contact: &Contact) {
        let (by_rest, created) = (contact.rest_turns, contact.created);
        self.check(contact.give_ups > 0 || created >= by_rest, || {
            format!("of {by_rest} answers by REST {created} parts were created")
        });
        let last = contact
            .last_words
            .as_ref()
            .and_then(|sid| self.messages.get(sid))
            .cloned();
        let answered = last.is_none_or(|message| message.answered > 0);
        self.check(answered, || "a contact is never answered again".into());
    }
}
