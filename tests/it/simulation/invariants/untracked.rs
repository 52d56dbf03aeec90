//! Senders whose stored values were damaged, or that saw the clock jump. They may be answered twice or not at all, so their turns
//! are not followed any more. Their opt-out is, and they must be answered again in the end.
//!
//! Not here: senders that are followed (`stored`, `log`, `end`).

use std::collections::BTreeSet;

use switchboard::command::Command;

use super::{Invariants, records::Sender, stored::StoredState};

impl Invariants {
    /// A stored value of a sender was damaged, whose last state was this. `lost` says whether the ids of its messages are gone.
    pub fn damaged(&mut self, name: &str, state: Option<&str>, lost: bool) {
        self.untracked(name, state, lost);
        if let Some(sender) = self.senders.get_mut(name) {
            sender.damaged = true;
            // What was still to be sent may be gone.
            sender.give_ups += 1;
        }
    }

    /// From now on a sender may be answered twice or not at all: turns are no longer followed. Its opt-out is.
    pub fn untracked(&mut self, name: &str, state: Option<&str>, lost: bool) {
        let Some(sender) = self.senders.get_mut(name) else {
            return;
        };
        let state = state.and_then(|text| serde_json::from_str::<StoredState>(text).ok());
        let known = state
            .filter(|_| !lost)
            .map(|state| state.seen.into_iter().map(|seen| seen.sid).collect());
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

    /// The state of a sender that is untracked was stored: what is new in it may have changed whether it is opted out.
    pub(super) fn stored_untracked(&mut self, sender: &mut Sender, state: StoredState, at: u64) {
        let known: BTreeSet<String> = state.seen.iter().map(|seen| seen.sid.clone()).collect();
        for seen in state
            .seen
            .into_iter()
            .filter(|seen| !sender.known.contains(&seen.sid))
        {
            let message = self.messages.get(&seen.sid).cloned().unwrap_or_default();
            sender.admitted.insert(seen.sid);
            match message
                .command
                .filter(|_| sender.opted_out.is_some() || !message.turn)
            {
                Some(Command::OptOut) => drop(sender.opted_out.get_or_insert(at)),
                Some(Command::OptIn) => sender.opted_out = None,
                _ => {}
            }
            sender.give_ups += u64::from(message.command.is_some());
        }
        sender.known = known;
    }

    /// A sender whose stored values may have been damaged writes this when nothing fails any more.
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
