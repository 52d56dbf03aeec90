//! The methods of a thread's object, with their arguments and replies.
//!
//! Not here: the code of the methods (`thread`).

use serde::{Deserialize, Serialize};

use crate::{
    base::{time::UnixMillis, usage::UsageCounters},
    conversation::outbox::ReplyTarget,
    event::{DeliveryStatus, Erased},
    identity::{MessageSid, PhoneHash},
    messaging::inbound::Input,
    platform::Method,
    twilio::media::MediaUrl,
};

/// The binding of the class of threads.
const BINDING: &str = "THREAD";

/// Receives a message, and waits for its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receive {
    /// Twilio's id of the message.
    pub sid: MessageSid,
    /// The content of the message.
    pub input: Input,
    /// Where the message's images are.
    #[serde(default)]
    pub images: Vec<MediaUrl>,
    /// Where its voice notes are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub voice_notes: Vec<MediaUrl>,
    /// The contact's hash for the log.
    pub phone_hash: PhoneHash,
    /// Where an answer goes if it does not go out with the webhook.
    pub reply_to: ReplyTarget,
    /// When the Worker got the request. The time to answer counts from then.
    pub arrived: UnixMillis,
    /// The usage that the isolate has counted since it last called an object.
    #[serde(default, skip_serializing_if = "UsageCounters::is_empty")]
    pub usage: UsageCounters,
}

impl Method for Receive {
    type Reply = Reply;
    const BINDING: &'static str = BINDING;
    const NAME: &'static str = "receive";
}

/// The reply to a message's webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The webhook carries this text.
    Text(String),
    /// The webhook carries no message: there is nothing to say, or the answer goes another way.
    Empty,
}

/// Records a delivery receipt of a message that was sent by REST.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordDelivery {
    /// The message.
    pub sid: MessageSid,
    /// The status that the receipt reports.
    pub status: DeliveryStatus,
    /// Twilio's error code, if the message did not arrive.
    pub code: Option<u32>,
    /// The contact's hash for the log.
    pub phone_hash: PhoneHash,
}

impl Method for RecordDelivery {
    type Reply = ();
    const BINDING: &'static str = BINDING;
    const NAME: &'static str = "record_delivery";
}

/// Shows an operator a summary of the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Show;

impl Method for Show {
    type Reply = ThreadSummary;
    const BINDING: &'static str = BINDING;
    const NAME: &'static str = "show";
}

/// A summary of a thread, without texts, ids and addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadSummary {
    /// Whether the contact has opted out.
    pub opted_out: bool,
    /// The number of turns in the conversation.
    pub turns: u32,
    /// The conversation's newest revision in KV.
    pub revision: Option<u64>,
    /// When the conversation expires.
    pub expires_at: Option<UnixMillis>,
    /// Whether a turn runs.
    pub turn_running: bool,
    /// Messages that wait for their turn.
    pub pending_messages: usize,
    /// Parts of answers that wait in the outbox.
    pub outbox_parts: usize,
    /// Messages that count against the rate limit.
    pub messages_last_minute: usize,
}

/// Erases a contact's data, for an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erase {
    /// The contact's hash for the log.
    pub phone_hash: PhoneHash,
}

impl Method for Erase {
    type Reply = Erasure;
    const BINDING: &'static str = BINDING;
    const NAME: &'static str = "erase";
}

/// The result of an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// The erased data, as numbers.
    pub erased: Erased,
    /// Whether KV has deleted everything. If not, the thread asks KV again.
    pub kv_deleted: bool,
    /// Whether the contact has opted out. An erasure keeps that.
    pub opted_out: bool,
}
