//! The bounds: how long turns and webhooks take, the caps of a UTC day, and what still holds of a sender once stored values were
//! damaged or the clock has jumped.
//!
//! Not here: turns, answers and conversations (`stored`, `replies`, `conversation`).

use std::collections::BTreeSet;

use switchboard::messaging::{MAX_CANNED_REPLIES_PER_DAY, canned_replies, keywords::Keyword};

use super::{Invariants, records::Sender, stored::StoredState};

impl Invariants {
    // Time.

    /// An incarnation of a sender object begins to work on the turn that is open: it asks for a request to the model.
    pub fn turn_works(&mut self, name: &str, incarnation: u64, at: u64) {
        let Some(sender) = self.senders.get_mut(name) else {
            return;
        };
        let Some(turn) = sender.open.and_then(|key| sender.turns.get_mut(&key)) else {
            return;
        };
        if turn.works.is_some_and(|(by, _)| by == incarnation) {
            return;
        }
        turn.works = Some((incarnation, at));
        let waited = at.saturating_sub(turn.waits);
        let holds = waited <= self.patience || !self.forward;
        self.check(holds, || {
            format!("a turn waited for {waited} ms until it ran")
        });
    }

    /// A webhook was answered after so many milliseconds, or was not when Twilio gave it up. `hop` is how long the way to the
    /// object took.
    pub fn webhook_took(&mut self, took: u64, hop: u64, answered: bool) {
        // What the object waits after the deadline: for a look at the budget, and for storage.
        let margin = 500 + if self.slow_storage { 4000 } else { 500 };
        let limit = margin + self.reply_within.max(hop);
        if self.forward && (answered || limit < took) {
            self.check(took <= limit, || {
                format!("a webhook waited for {took} ms, not {limit}")
            });
        }
    }

    // The caps.

    /// A request of this sender's has reached the model.
    pub(super) fn cost_a_request(&mut self, sender: &mut Sender) {
        sender.requests += 1;
        let (requests, cap) = (sender.requests, self.contact_cap * self.openings.get());
        self.check(sender.damaged || requests <= cap, || {
            format!("a sender had {requests} requests, over its cap of {cap}")
        });
    }

    /// The budget object has found on this day that its count is damaged.
    pub fn budget_unreadable(&mut self, day: u64) {
        self.budget_unreadable = Some(day);
    }

    /// The budget object has said on this day that a cap is reached. None of the large ones ever is; a count that cannot be
    /// read closes the day.
    pub fn exhausted(&mut self, cap: u32, day: u64) {
        let holds = cap < 1000 || !self.forward || self.budget_unreadable == Some(day);
        self.check(holds, || {
            "the budget is used up on a day on which it is not".into()
        });
        if cap >= 1000 {
            self.count("days that a damaged budget closed");
        }
    }

    /// A sender object was told that no message can be sent by REST today.
    pub fn no_message_left(&mut self, name: &str, at: u64) {
        if let Some(sender) = self.senders.get_mut(name) {
            sender.refused_at = Some(at);
        }
    }

    /// What comes of a create is told to nobody. Twilio lists messages by its own clock: whoever asks with one that has jumped
    /// does not find the message, and makes it again.
    pub fn unknown_create(&mut self) {
        self.unknown_creates += u64::from(self.jumps);
    }

    /// Twilio has created a message.
    pub(super) fn cost_a_message(&mut self) {
        self.created += 1;
        let (created, cap) = (self.created, self.message_cap * self.openings.get());
        self.check(created <= cap + self.unknown_creates, || {
            format!("{created} messages were created, over the cap of {cap}")
        });
    }

    /// A sender got a fixed sentence: on the webhook of a message, which may get it again, or by REST.
    pub(super) fn got_fixed(&mut self, sender: &mut Sender, text: &str, by: &str) {
        if [canned_replies::NO_BUDGET, canned_replies::NO_MORE_TODAY].contains(&text) {
            sender.told.insert(by.to_owned());
        } else if ![
            canned_replies::APOLOGY,
            canned_replies::FILTERED,
            canned_replies::TOKEN_LIMIT,
        ]
        .contains(&text)
        {
            // Those three may have cost a request to the model.
            sender.fixed.insert(by.to_owned());
        }
        let (days, told, fixed) = (
            self.openings.get(),
            sender.told.len() as u64,
            sender.fixed.len() as u64,
        );
        let most = u64::from(MAX_CANNED_REPLIES_PER_DAY) * days;
        self.check(sender.damaged || told <= days, || {
            format!("a sender was told {told} times that the day is used up, in {days} days")
        });
        self.check(sender.damaged || fixed <= most, || {
            format!("a sender got {fixed} fixed answers in {days} days")
        });
        if fixed == u64::from(MAX_CANNED_REPLIES_PER_DAY) {
            self.count("senders that got all fixed answers of the day");
        }
    }

    // Senders of whom little is known.

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

    /// The state of a sender that is untracked was stored: what is new in it may have changed whether it is opted out.
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
