//! Senders whose stored values were damaged, or that saw the clock jump. They may be answered twice or not at all, so their turns
//! are not followed any more. Their opt-out is, and they must be answered again in the end.
//!
//! Not here: senders that are followed (`stored`, `log`, `end`).

use std::collections::BTreeSet;

use switchboard::messaging::keywords::Keyword;

use super::{Invariants, records::Sender, stored::StoredState};

impl Invariants {
    /// A stored value of a sender was damaged. `state` is its last state; `lost` says whether the message ids are gone.
    pub fn damaged(&mut self, name: &str, state: Option<&str>, lost: bool) {
        self.untracked(name, state, lost);
        if let Some(sender) = self.senders.get_mut(name) {
            sender.damaged = true;
            // Parts that were not sent yet may be lost.
            sender.give_ups += 1;
        }
    }

    /// From now on this sender may be answered twice or not at all. Only its opt-out is followed.
    pub fn untracked(&mut self, name: &str, state: Option<&str>, lost: bool) {
        let Some(sender) = self.senders.get_mut(name) else {
            return;
        };
        let state = state.and_then(|text| serde_json::from_str::<StoredState>(text).ok());
        let known = state
            .filter(|_| !lost)
            .map(|state| state.records.into_iter().map(|seen| seen.sid).collect());
        sender.known = known.unwrap_or_default();
        sender.untracked = true;
        (sender.open, sender.unlogged) = (None, None);
        sender.queue.clear();
    }

    pub fn all_untracked(&mut self) {
        self.senders.values_mut().for_each(|sender| {
            sender.untracked = true;
            (sender.open, sender.unlogged) = (None, None);
            sender.queue.clear();
        });
    }

    /// The state of an untracked sender was stored. New messages in it may have changed the opt-out.
    pub(super) fn stored_untracked(&mut self, sender: &mut Sender, state: StoredState, at: u64) {
        let known: BTreeSet<String> = state.records.iter().map(|seen| seen.sid.clone()).collect();
        for seen in state
            .records
            .into_iter()
            .filter(|seen| !sender.known.contains(&seen.sid))
        {
            let message = self.messages.get(&seen.sid).cloned().unwrap_or_default();
            sender.admitted.insert(seen.sid);
            match message
                .command
                .filter(|_| sender.opted_out.is_some() || !message.turn)
            {
                Some(Keyword::OptOut) => drop(sender.opted_out.get_or_insert(at)),
                Some(Keyword::OptIn) => sender.opted_out = None,
                _ => {}
            }
            sender.give_ups += u64::from(message.command.is_some());
        }
        sender.known = known;
    }

    /// The message that an untracked sender writes when faults have ended.
    pub fn last_words(&mut self, name: &str, sid: String) {
        if let Some(sender) = self.senders.get_mut(name) {
            sender.last_words = Some(sid);
        }
    }

    pub(super) fn end_untracked(&mut self, sender: &Sender) {
        let (late, created) = (sender.late_turns, sender.created);
        self.check(sender.give_ups > 0 || created >= late, || {
            format!("of {late} late answers {created} parts were created")
        });
        let last = sender
            .last_words
            .as_ref()
            .and_then(|sid| self.messages.get(sid))
            .cloned();
        let answered = last.is_none_or(|message| message.answered > 0);
        self.check(answered, || "a sender is never answered again".into());
    }
}
