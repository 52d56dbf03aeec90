//! Parts in order: a part waits until the one before it is on its way.
//!
//! Twilio sends messages that are created within about a second in any order. So the next part waits
//! until a receipt says that the one before was sent. Receipts can be late or missing, so it waits
//! only for a moment. Source: Twilio, "Does Twilio guarantee message order?". Not here: the parts
//! themselves (`outbox`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{base::time::UnixMillis, event::DeliveryStatus, identity::MessageSid};

/// How far a message has come, as a receipt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Twilio has passed it on.
    Sent,
    /// It has arrived, or never will.
    Ended(DeliveryStatus),
}

/// The part that was sent last, as long as the next one waits for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Gap {
    /// The id of the part, if it is known.
    behind: Option<MessageSid>,
    /// When the next part goes out without a receipt.
    until: UnixMillis,
}

/// How long a part waits for the one before it. Ten parts take at most a quarter of a minute.
pub const PART_WAIT: Duration = Duration::from_millis(1500);

impl Gap {
    /// The gap after a part that was sent now.
    pub(super) fn after(sid: Option<MessageSid>, now: UnixMillis) -> Self {
        Self {
            behind: sid,
            until: now.plus(PART_WAIT),
        }
    }

    /// Whether a receipt for this message ends it.
    pub(super) fn waits_for(&self, sid: &MessageSid) -> bool {
        self.behind.as_ref() == Some(sid)
    }

    /// When it ends at the latest.
    pub(super) fn until(&self) -> UnixMillis {
        self.until
    }

    /// Limits the wait: a clock that jumped ahead must not delay the next part.
    pub(super) fn distrust_future(&mut self, now: UnixMillis) {
        self.until = self.until.min(now.plus(PART_WAIT));
    }
}
