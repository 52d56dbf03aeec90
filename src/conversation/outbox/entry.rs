//! An answer that waits to be sent, where it goes, and a message that was sent.
//!
//! Not here: the order of answers, and the steps with one (`outbox`).

use serde::{Deserialize, Serialize};

use crate::{
    base::time::UnixMillis,
    config::{Assistant, Config},
    event::DeliveryStatus,
    identity::{AccountSid, Address, MessageSid, PhoneHash, ServiceSid, TokenId},
};

/// The target of an answer by REST: the addresses, and the token that verified the message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplyTarget {
    /// The contact.
    pub contact: Address,
    /// The number that the contact wrote to.
    pub number: Address,
    /// The Messaging Service that the contact wrote to, if any.
    pub service: Option<ServiceSid>,
    /// The account that owns the number.
    pub account: Option<AccountSid>,
    /// The auth token that verified the message.
    pub token: TokenId,
    /// Our public origin, as Twilio reached it. Twilio sends delivery receipts there.
    pub origin: String,
}

impl ReplyTarget {
    /// The assistant that answers there.
    #[must_use]
    pub fn assistant<'c>(&self, config: &'c Config) -> &'c Assistant {
        let assistants = &config.assistants;
        assistants.answering(&self.number, self.service.as_ref())
    }
}

/// An answer that waits to be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each was stored by an earlier release"
)]
pub struct OutboxEntry {
    /// The turn that it answers.
    #[serde(default)]
    pub turn: u64,
    /// The target of the answer.
    pub reply_to: ReplyTarget,
    /// The contact's hash for the log.
    pub phone_hash: PhoneHash,
    /// The parts that are left, in order; never empty.
    pub parts: Vec<String>,
    /// When the request for the first part began, while its outcome is not known.
    pub(super) attempt: Option<UnixMillis>,
    /// Whether the clock was ahead then. The attempt may have begun earlier, by at most the time
    /// for which an answer is tried.
    #[serde(default)]
    pub(super) attempt_unsure: bool,
    /// Whether the contact has opted in while the attempt was under way. A refusal may be older.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) before_opt_in: bool,
    /// Twilio's code when it last did not process the part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<u32>,
    /// How often in a row Twilio has not processed the part, or could not be asked about it.
    pub(super) tries: u32,
    pub(super) not_before: UnixMillis,
    /// Whether the first part is counted for `MAX_DAILY_MESSAGES`.
    #[serde(default)]
    pub(super) reserved: bool,
    /// When the rest of the answer is given up.
    pub(super) give_up_at: UnixMillis,
    /// Whether it is a note to the operator's number, and no answer.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) is_note: bool,
}

impl OutboxEntry {
    /// Twilio's code when it last did not process the part.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        self.code
    }

    /// Whether its first part may have been sent.
    #[must_use]
    pub fn may_be_sent(&self) -> bool {
        self.attempt.is_some()
    }

    /// Marks a request for the first part as under way.
    pub(super) fn begin_attempt(&mut self, now: UnixMillis) {
        (self.attempt, self.attempt_unsure) = (Some(now), false);
        self.before_opt_in = false;
    }
}

/// A message that was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OutboundRecord {
    pub(super) sid: MessageSid,
    pub(super) at: UnixMillis,
    /// The delivery receipts that came for it.
    pub(super) statuses: Vec<DeliveryStatus>,
    /// Whether the contact has opted in since.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) before_opt_in: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
pub(super) fn is_false(value: &bool) -> bool {
    !value
}
