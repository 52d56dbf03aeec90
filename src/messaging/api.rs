//! The methods of a thread's object, with their arguments and replies.
//!
//! Not here: the code of the methods (`thread`).

use serde::{Deserialize, Serialize};

use crate::{
    base::{time::UnixMillis, usage::UsageCounters},
    conversation::outbox::{Progress, ReplyTarget},
    event::{Erased, ErasedBy, HandOffBy},
    identity::{Address, MessageSid, PhoneHash, Pseudonym},
    messaging::inbound::{Input, Unread},
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
    /// What only a person can read.
    #[serde(default, skip_serializing_if = "Unread::is_empty")]
    pub unread: Unread,
    /// The thread of the contact's number, if the message also names a user id. This thread is
    /// then that of the user id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_thread: Option<Pseudonym>,
    /// The message that this one quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quoted: Option<MessageSid>,
    /// The text of that message, once the thread has found it.
    #[serde(skip)]
    pub quoted_text: Option<String>,
    /// How often the thread had forgotten the conversation before.
    #[serde(skip)]
    pub quoted_as_of: u64,
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
    /// How far the message has come.
    pub progress: Progress,
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
    /// Whether the contact is handed over to a person.
    #[serde(default)]
    pub handed_off: bool,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// The erased data, as numbers.
    pub erased: Erased,
    /// Whether KV has deleted everything. If not, the thread asks KV again.
    pub kv_deleted: bool,
    /// Whether the contact has opted out. An erasure keeps that.
    pub opted_out: bool,
}

/// An order of the thread of a contact's user id to the thread of its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follow {
    /// The thread that leads: the caller.
    pub leader: Pseudonym,
    /// When the leader planned that the other joins.
    pub since: UnixMillis,
    /// The order.
    pub order: Order,
}

impl Method for Follow {
    type Reply = Followed;
    const BINDING: &'static str = BINDING;
    const NAME: &'static str = "follow";
}

/// What a thread that leads wants of one that follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Pass everything on to me from now on, and tell me whether the contact has opted out at you.
    Join,
    /// The contact has opted out or in.
    Consent {
        /// Whether it has opted out.
        opted_out: bool,
    },
    /// Erase what you hold of the contact.
    Erase {
        /// The contact's hash for the log.
        phone_hash: PhoneHash,
        /// Who asked for it.
        by: ErasedBy,
    },
    /// There is nothing left to keep together.
    Release,
}

/// The answer to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// Whether it was carried out. A release is not, if the thread has joined again meanwhile.
    pub done: bool,
    /// The requests to the model that the contact had there today.
    pub calls: u32,
    /// The canned replies that the contact got there today.
    pub canned_replies: u32,
    /// What was erased, and the contact's consent there.
    pub erasure: Erasure,
    /// The hand-off that runs there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand_off: Option<HandOffSpan>,
}

/// When a hand-off began, when it ends at the latest, and who has begun it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOffSpan {
    /// When it began.
    pub since: UnixMillis,
    /// When it ends at the latest.
    pub until: UnixMillis,
    /// Who has begun it.
    pub by: HandOffBy,
}

/// An operator takes a contact over, as if the contact had asked for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeOver {
    /// The number that the contact writes to.
    pub number: Address,
    /// The contact's hash for the log.
    pub phone_hash: PhoneHash,
}

impl Method for TakeOver {
    type Reply = TakenOver;
    const BINDING: &'static str = BINDING;
    const NAME: &'static str = "take_over";
}

/// An operator hands a contact back to the assistant. The reply says whether it was handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandBack {
    /// The contact's hash for the log.
    pub phone_hash: PhoneHash,
}

impl Method for HandBack {
    type Reply = bool;
    const BINDING: &'static str = BINDING;
    const NAME: &'static str = "hand_back";
}

/// An operator answers a contact that is handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Say {
    /// The answer.
    pub text: String,
    /// Its id. The call may be made twice.
    pub id: String,
}

impl Method for Say {
    type Reply = Said;
    const BINDING: &'static str = BINDING;
    const NAME: &'static str = "say";
}

/// The outcome of an operator's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It waits in the outbox.
    Queued,
    /// The contact has opted out.
    OptedOut,
    /// The contact is not handed over, or has not written since.
    NoConversation,
    /// No message can be sent by REST today.
    DailyLimit,
}

/// The outcome of an operator's wish to take a contact over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakenOver {
    /// The hand-off has begun.
    Begun,
    /// It ran already.
    Running,
    /// The assistant has no `[hand_off]`.
    NotConfigured,
}
