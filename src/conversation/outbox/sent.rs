//! The messages that were sent, and the receipts that came for them.
//!
//! Not here: what waits to be sent (`outbox`).

use std::time::Duration;

use super::{LIFETIME, Outbox, Progress};
use crate::{base::time::UnixMillis, identity::MessageSid, twilio::rest::CLOCK_DIFFERENCE};

/// The most sent messages that are remembered.
const MAX_SENT: usize = 1000;

impl Outbox {
    /// Records that the contact has opted in. Refusals of earlier messages say nothing any more.
    pub fn mark_opt_in(&mut self) {
        for sent in &mut self.sent {
            sent.before_opt_in = true;
        }
        for entry in &mut self.entries {
            entry.before_opt_in |= entry.attempt.is_some();
        }
    }

    /// Whether the contact has opted in since this message was sent.
    #[must_use]
    pub fn is_before_opt_in(&self, sid: &MessageSid) -> bool {
        let sent = self.sent.iter().find(|sent| sent.sid == *sid);
        sent.is_some_and(|sent| sent.before_opt_in)
    }

    /// Records a delivery receipt, and returns whether it says something new that is final.
    /// Receipts come in any order and more than once, so they are told apart by message and status.
    /// For an unknown message each one counts as new.
    pub fn record_delivery(&mut self, sid: &MessageSid, progress: Progress) -> bool {
        // Whatever became of the part before: the next one comes after it.
        self.gap.take_if(|gap| gap.waits_for(sid));
        let Progress::Ended(status) = progress else {
            return false;
        };
        let Some(sent) = self.sent.iter_mut().find(|sent| sent.sid == *sid) else {
            return true;
        };
        let new = !sent.statuses.contains(&status);
        if new {
            sent.statuses.push(status);
        }
        new
    }

    /// Forgets the delivery receipts. The ids stay, so that a look-up takes none of them for
    /// another message.
    pub fn erase_receipts(&mut self) {
        for sent in &mut self.sent {
            sent.statuses.clear();
        }
    }

    /// The ids of the messages that were sent. A look-up must not take them for another message.
    #[must_use]
    pub fn sent_sids(&self) -> Vec<MessageSid> {
        self.sent.iter().map(|sent| sent.sid.clone()).collect()
    }

    /// Whether this message was sent from here, as far as that is remembered.
    #[must_use]
    pub fn has_sent(&self, sid: &MessageSid) -> bool {
        self.sent.iter().any(|sent| sent.sid == *sid)
    }

    /// Forgets the oldest sent messages.
    pub fn forget(&mut self, now: UnixMillis, ttl: Duration) {
        let lifetime = sent_lifetime(ttl);
        self.sent.retain(|sent| now < sent.at.plus(lifetime));
        let surplus = self.sent.len().saturating_sub(MAX_SENT);
        self.sent.drain(..surplus);
        self.gap.take_if(|gap| gap.until() <= now);
    }

    /// When each of the sent messages is forgotten.
    pub fn sent_ends(&self, ttl: Duration) -> impl Iterator<Item = UnixMillis> {
        let lifetime = sent_lifetime(ttl);
        self.sent.iter().map(move |sent| sent.at.plus(lifetime))
    }
}

/// How long the id of a sent message is remembered: as long as a look-up could take it for another
/// message.
fn sent_lifetime(ttl: Duration) -> Duration {
    ttl.max(LIFETIME.saturating_add(CLOCK_DIFFERENCE))
}
