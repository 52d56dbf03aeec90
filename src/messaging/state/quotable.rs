//! The ids and beginnings of the newest messages that a contact can quote.
//!
//! Twilio names a quoted message by its id. The ids of the contact's own messages and of answers by REST are
//! known; that of an answer by webhook is not (see `thread::quoting`). SMS has no quotes, so nothing is
//! remembered for it. Not here: how a quote is read and shown (`messaging::quotes`).

use serde::{Deserialize, Serialize};

use crate::{base::time::UnixMillis, identity::MessageSid, messaging::quotes};

/// The newest messages that can be quoted, oldest first. They go with the conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quotable(Vec<QuotableMessage>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct QuotableMessage {
    sid: MessageSid,
    at: UnixMillis,
    /// At most [`quotes::MAX_QUOTE_CHARS`].
    text: String,
}

/// The most messages that are remembered.
const MAX_MESSAGES: usize = 24;

impl Quotable {
    /// Remembers the beginning of a message.
    pub fn add(&mut self, sid: MessageSid, text: &str, now: UnixMillis) {
        let text = quotes::shortened(text);
        if text.is_empty() {
            return;
        }
        self.0.push(QuotableMessage { sid, at: now, text });
        let surplus = self.0.len().saturating_sub(MAX_MESSAGES);
        self.0.drain(..surplus);
    }

    /// The beginning of a message, if it is remembered.
    pub fn text(&self, sid: &MessageSid) -> Option<&str> {
        let found = self.0.iter().rev().find(|message| message.sid == *sid)?;
        Some(&found.text)
    }

    /// Forgets the messages until `last`.
    pub fn forget_until(&mut self, last: UnixMillis) {
        self.0.retain(|message| message.at > last);
    }

    /// Forgets all messages.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The newest message's time.
    pub fn newest(&self) -> Option<UnixMillis> {
        self.0.iter().map(|message| message.at).max()
    }

    /// Limits times to now, after a clock that was ahead.
    pub fn distrust_future(&mut self, now: UnixMillis) {
        for message in &mut self.0 {
            message.at = message.at.min(now);
        }
    }
}
