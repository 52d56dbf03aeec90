//! The outbox: answers that go out by Twilio's REST API, part after part. It does no I/O, and gets
//! the time passed in.
//!
//! Twilio's create has no idempotency key. So each part is marked before it is sent. If the outcome
//! is unknown, Twilio's list is asked before the part is sent again. Not here: the requests
//! (`drain`).

mod drain;
mod entry;
mod order;
mod sent;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use entry::OutboundRecord;
use order::Gap;

pub use drain::{OutboxStore, drain, request_contexts};
pub use entry::{OutboxEntry, ReplyTarget};
pub use order::{PART_WAIT, Progress};

use crate::{
    base::time::{UnixMillis, growing_wait},
    identity::{Channel, MessageSid, PhoneHash},
    twilio::parts,
};

/// Answers that wait to be sent, and the messages that were sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outbox {
    /// Answers to be sent, oldest first.
    entries: Vec<OutboxEntry>,
    /// The messages that were sent lately.
    sent: Vec<OutboundRecord>,
    /// The part that was sent last, as long as the next one waits for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<Gap>,
    /// The parts that were sent in this step, with their ids. Whoever steps takes them.
    #[serde(skip)]
    just_sent: Vec<(MessageSid, Channel, String)>,
}

/// The next step for the first entry.
#[derive(Clone, Debug, PartialEq)]
pub enum OutboxStep {
    /// Reserve its first part, then send it.
    Reserve(OutboxEntry),
    /// Send its first part, which is marked.
    Send(OutboxEntry),
    /// Find out whether the attempt that began then has sent the first part.
    Reconcile(OutboxEntry, UnixMillis),
    /// It took too long, and is dropped.
    GaveUp(OutboxEntry),
}

/// Twilio has refused a part, because the contact has opted out there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptOutRefusal {
    /// The part is dropped.
    Dropped,
    /// The contact has opted in since. The part is due again later.
    Outdated,
}

/// The most bytes of answers that wait. If there are more, the oldest answer is given up.
const MAX_BYTES: usize = 256 * 1024;
/// How long an answer is tried.
const LIFETIME: Duration = Duration::from_mins(15);
/// The longest wait before an answer is tried again.
const MAX_WAIT: Duration = Duration::from_secs(64);
/// The wait after an attempt before Twilio is asked for its outcome, and before it is asked again.
const RECONCILE_WAIT: Duration = Duration::from_secs(5);
/// When Twilio does not list a message this long after the attempt, the attempt certainly did not
/// send it.
const CERTAINLY_ABSENT: Duration = Duration::from_secs(30);

impl Outbox {
    /// Puts an answer in.
    pub fn put(
        &mut self,
        turn: u64,
        reply_to: ReplyTarget,
        phone_hash: PhoneHash,
        text: &str,
        now: UnixMillis,
    ) {
        self.entries.push(OutboxEntry {
            turn,
            reply_to,
            phone_hash,
            parts: parts::split(text),
            attempt: None,
            attempt_unsure: false,
            before_opt_in: false,
            code: None,
            tries: 0,
            not_before: now,
            reserved: false,
            give_up_at: now.plus(LIFETIME),
            is_note: false,
        });
        self.give_up_surplus(now);
    }

    /// Puts a note to the operator's number in. What Twilio says of it says nothing of the contact.
    pub fn put_note(
        &mut self,
        turn: u64,
        to: ReplyTarget,
        phone_hash: PhoneHash,
        text: &str,
        now: UnixMillis,
    ) {
        self.put(turn, to, phone_hash, text, now);
        if let Some(note) = self.entries.last_mut() {
            note.is_note = true;
        }
    }

    /// The next step for the first entry, if it is due.
    pub fn next_step(&mut self, now: UnixMillis) -> Option<OutboxStep> {
        if !self.is_due(now) {
            return None;
        }
        let entry = self.entries.first_mut()?;
        if entry.give_up_at <= now {
            return Some(OutboxStep::GaveUp(self.entries.remove(0)));
        }
        let found = entry.clone();
        Some(match entry.attempt {
            Some(since) if entry.attempt_unsure => {
                OutboxStep::Reconcile(found, since.minus(LIFETIME))
            }
            Some(since) => OutboxStep::Reconcile(found, since),
            None if entry.reserved => {
                entry.begin_attempt(now);
                OutboxStep::Send(found)
            }
            None => OutboxStep::Reserve(found),
        })
    }

    /// Marks the first part as reserved and being sent, unless the contact has cancelled the
    /// answer.
    pub fn mark_reserved(&mut self, turn: u64, now: UnixMillis) -> Option<OutboxEntry> {
        let entry = self.entry(turn)?;
        let found = entry.clone();
        entry.reserved = true;
        entry.begin_attempt(now);
        Some(found)
    }

    /// Marks a new attempt with another token, after Twilio did not accept the first one. Returns
    /// whether the answer is still to be sent.
    pub fn mark_retried(&mut self, turn: u64, now: UnixMillis) -> bool {
        // The outcome of this attempt may be seen as late as that of any other.
        let entry = self.entry(turn);
        entry.map(|entry| entry.begin_attempt(now)).is_some()
    }

    /// Records that the first part was sent, under this id if it is known. Returns whether the
    /// whole answer is out now.
    pub fn mark_sent(&mut self, turn: u64, sid: Option<MessageSid>, now: UnixMillis) -> bool {
        let part = self.entry(turn).and_then(|entry| {
            let channel = entry.reply_to.contact.channel();
            let part = entry.parts.first().filter(|_| !entry.is_note);
            Some((channel, part?.clone()))
        });
        if let (Some(sid), Some((channel, part))) = (&sid, part) {
            self.just_sent.push((sid.clone(), channel, part));
        }
        self.gap = Some(Gap::after(sid.clone(), now));
        self.sent.extend(sid.map(|sid| OutboundRecord {
            sid,
            at: now,
            statuses: Vec::new(),
            before_opt_in: false,
        }));
        let Some(entry) = self.entry(turn) else {
            return false;
        };
        entry.parts.drain(..1.min(entry.parts.len()));
        (entry.attempt, entry.tries, entry.code) = (None, 0, None);
        (entry.not_before, entry.reserved) = (now, false);
        let (complete, is_note) = (entry.parts.is_empty(), entry.is_note);
        if complete {
            self.entries.remove(0);
        }
        complete && !is_note
    }

    /// The parts that were sent since this was last asked, with the channel of each.
    pub fn take_sent(&mut self) -> Vec<(MessageSid, Channel, String)> {
        std::mem::take(&mut self.just_sent)
    }

    /// Records that Twilio did not process the first part, for the reason of this code. It is due
    /// again later.
    pub fn mark_not_processed(&mut self, turn: u64, code: Option<u32>, now: UnixMillis) {
        if let Some(entry) = self.entry(turn) {
            entry.code = code;
        }
        self.retry(turn, now, None);
    }

    /// Records that Twilio refused the first part, because the contact has opted out there.
    pub fn mark_opted_out(&mut self, turn: u64, code: u32, now: UnixMillis) -> OptOutRefusal {
        // If the contact has cancelled the answer meanwhile, it may also have opted in meanwhile.
        let Some(entry) = self.entry(turn).filter(|entry| !entry.before_opt_in) else {
            self.mark_not_processed(turn, Some(code), now);
            return OptOutRefusal::Outdated;
        };
        entry.parts.drain(..1.min(entry.parts.len()));
        if entry.parts.is_empty() {
            self.entries.remove(0);
        }
        OptOutRefusal::Dropped
    }

    /// Records that Twilio could not be asked for the outcome of the first part.
    pub fn mark_not_reconciled(&mut self, turn: u64, now: UnixMillis) {
        let attempt = self.entry(turn).and_then(|entry| entry.attempt);
        self.retry(turn, now, attempt);
    }

    /// Records that the outcome of the attempt is not known. Twilio will be asked.
    pub fn mark_unknown(&mut self, turn: u64, now: UnixMillis) {
        if let Some(entry) = self.entry(turn) {
            entry.not_before = now.plus(RECONCILE_WAIT);
        }
    }

    /// Records that Twilio does not list the first part. After a while that is certain, and it is
    /// sent again.
    pub fn mark_absent(&mut self, turn: u64, now: UnixMillis) {
        let Some(entry) = self.entry(turn) else {
            return;
        };
        let certain = |since: UnixMillis| now.since(since) >= CERTAINLY_ABSENT;
        if entry.attempt.is_none_or(certain) {
            (entry.attempt, entry.not_before) = (None, now);
        } else {
            entry.not_before = now.plus(RECONCILE_WAIT);
        }
    }

    /// Drops the answer of a turn: it cannot be sent.
    pub fn drop_entry(&mut self, turn: u64) {
        if self.entry(turn).is_some() {
            self.entries.remove(0);
        }
    }

    /// Drops everything that waits. Returns the number of parts.
    pub fn cancel(&mut self) -> usize {
        self.entries.drain(..).map(|entry| entry.parts.len()).sum()
    }

    /// The number of parts that wait.
    #[must_use]
    pub fn waiting_parts(&self) -> usize {
        self.entries.iter().map(|entry| entry.parts.len()).sum()
    }

    /// The turns whose answers wait.
    pub fn turns(&self) -> impl Iterator<Item = u64> {
        self.entries.iter().map(|entry| entry.turn)
    }

    /// Whether an entry is due.
    #[must_use]
    pub fn is_due(&self, now: UnixMillis) -> bool {
        self.next_wake().is_some_and(|at| at <= now)
    }

    /// When the alarm must look at the outbox.
    #[must_use]
    pub fn next_wake(&self) -> Option<UnixMillis> {
        let entry = self.entries.first()?;
        // A part whose outcome is not known was sent before.
        let gap = self.gap.as_ref().filter(|_| entry.attempt.is_none());
        Some(gap.map_or(entry.not_before, |gap| gap.until().max(entry.not_before)))
    }

    /// Whether answers wait.
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.entries.is_empty()
    }

    /// Whether there is nothing to remember.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.sent.is_empty()
    }

    /// Limits planned times: a clock that jumped ahead must not delay the outbox.
    pub fn distrust_future(&mut self, now: UnixMillis) {
        for sent in &mut self.sent {
            sent.at = sent.at.min(now);
        }
        if let Some(gap) = &mut self.gap {
            gap.distrust_future(now);
        }
        for entry in &mut self.entries {
            entry.attempt_unsure |= entry.attempt.is_some_and(|at| at > now);
            entry.attempt = entry.attempt.map(|at| at.min(now));
            entry.not_before = entry.not_before.min(now.plus(MAX_WAIT));
            entry.give_up_at = entry.give_up_at.min(now.plus(LIFETIME));
        }
    }

    /// The first entry, if it is that turn's: the contact may have cancelled it during a request.
    fn entry(&mut self, turn: u64) -> Option<&mut OutboxEntry> {
        self.entries.first_mut().filter(|entry| entry.turn == turn)
    }

    fn retry(&mut self, turn: u64, now: UnixMillis, attempt: Option<UnixMillis>) {
        if let Some(entry) = self.entry(turn) {
            entry.attempt = attempt;
            entry.tries = entry.tries.saturating_add(1);
            let wait = growing_wait(entry.tries, MAX_WAIT);
            entry.not_before = now.plus(wait).min(entry.give_up_at);
        }
    }

    /// Gives up the oldest entries that are too long together.
    fn give_up_surplus(&mut self, now: UnixMillis) {
        let mut bytes = 0usize;
        for entry in self.entries.iter_mut().rev() {
            let length: usize = entry.parts.iter().map(String::len).sum();
            bytes = bytes.saturating_add(length);
            if bytes > MAX_BYTES {
                (entry.give_up_at, entry.not_before) = (now, now);
            }
        }
    }
}
