//! Handing a completed intake in: what is delivered, and what is remembered until it has arrived.
//!
//! Not here: the delivery itself (`conversation::deliveries`).

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::IntakeState;
use crate::{
    base::time::UnixMillis,
    conversation::outbox::ReplyTarget,
    identity::{Channel, PhoneHash, Pseudonym, WebhookId},
};

/// A completed intake that is being delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Handing {
    /// The turn that completed it.
    pub turn: u64,
    /// The id of the delivery.
    pub id: WebhookId,
    /// The draft, until the turn has ended.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub draft: String,
    /// What the contact said to complete it, until the turn has ended.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub input: String,
    /// Where the contact hears of it.
    pub reply_to: ReplyTarget,
    /// The contact's hash for the log.
    pub phone_hash: PhoneHash,
    /// How many fields it has.
    pub filled: usize,
    /// When the intake began.
    pub since: UnixMillis,
    /// Whether the turn has ended, so that the contact hears of the rest by REST.
    #[serde(default)]
    pub turn_ended: bool,
    /// Whether it arrived, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived: Option<bool>,
}

/// The body of the delivery.
#[must_use]
pub fn result_body(
    state: &IntakeState,
    draft: &str,
    conversation: &Pseudonym,
    channel: Channel,
    now: UnixMillis,
) -> String {
    json!({
        "type": "intake",
        "assistant": state.assistant,
        "conversation": conversation.as_str(),
        "channel": channel.name(),
        "fields": state.fields(),
        "draft": draft,
        "completed_at": now.to_string(),
    })
    .to_string()
}
