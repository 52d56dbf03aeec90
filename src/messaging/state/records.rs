//! The messages that the thread has received, and their answers. A repeated message gets the same
//! answer.
//!
//! Not here: the texts of the answers (`answers`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{base::time::UnixMillis, identity::MessageSid, messaging::canned_replies::CannedReply};

/// The messages received during the conversation's lifetime, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageRecords(Vec<MessageRecord>);

/// A message and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageRecord {
    /// Twilio's id of the message.
    pub sid: MessageSid,
    /// When it was received.
    pub at: UnixMillis,
    /// The answer of its webhook.
    pub status: MessageStatus,
}

/// The answer of a received message's webhook, each time Twilio calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// The message waits: its turn has not ended.
    Waiting,
    /// Nothing: the answer went out with a later message of its turn, or by REST.
    Nothing,
    /// The answer of this turn.
    Answer(u64),
    /// A canned reply.
    CannedReply(CannedReply),
}

/// The most messages that are remembered. The oldest is forgotten first: copies come within
/// minutes.
const MAX_RECORDS: usize = 4000;

impl MessageRecords {
    /// The answer to a message, if it was received before.
    pub fn status(&self, sid: &MessageSid) -> Option<MessageStatus> {
        let record = self.0.iter().find(|record| record.sid == *sid)?;
        Some(record.status)
    }

    /// Adds a message. When there are too many, the oldest that does not wait is forgotten.
    pub fn add(&mut self, sid: MessageSid, at: UnixMillis, status: MessageStatus) {
        let settled = |record: &MessageRecord| record.status != MessageStatus::Waiting;
        if self.0.len() >= MAX_RECORDS
            && let Some(oldest) = self.0.iter().position(settled)
        {
            self.0.remove(oldest);
        }
        self.0.push(MessageRecord { sid, at, status });
    }

    /// Gives each message the status that `decide` returns, if any.
    pub fn update(&mut self, decide: impl Fn(&MessageRecord) -> Option<MessageStatus>) {
        for record in &mut self.0 {
            if let Some(status) = decide(record) {
                record.status = status;
            }
        }
    }

    /// The turns whose answers a message can still get, in order: messages are answered in the
    /// order in which they came.
    pub fn answered_turns(&self) -> Vec<u64> {
        let turn = |record: &MessageRecord| match record.status {
            MessageStatus::Answer(turn) => Some(turn),
            _ => None,
        };
        self.0.iter().filter_map(turn).collect()
    }

    /// Whether every message that waits is among `awaited`.
    pub fn wait_only_for(&self, awaited: &[&MessageSid]) -> bool {
        let mut waiting = self
            .0
            .iter()
            .filter(|record| record.status == MessageStatus::Waiting);
        waiting.all(|record| awaited.contains(&&record.sid))
    }

    /// Forgets messages that are older than the conversation's lifetime, but none that waits.
    pub fn forget(&mut self, now: UnixMillis, ttl: Duration) {
        self.0
            .retain(|record| record.status == MessageStatus::Waiting || now.since(record.at) < ttl);
    }

    /// When each message is forgotten.
    pub fn ends(&self, ttl: Duration) -> impl Iterator<Item = UnixMillis> {
        self.0.iter().map(move |record| record.at.plus(ttl))
    }

    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Limits times to now, after a clock that was ahead.
    pub fn distrust_future(&mut self, now: UnixMillis) {
        for record in &mut self.0 {
            record.at = record.at.min(now);
        }
    }
}
