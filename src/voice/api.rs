//! The methods of a call's object and of a caller's object, with their arguments and replies.
//!
//! Not here: the code of the methods (`call`, `callers`).

use serde::{Deserialize, Serialize};

use crate::{
    base::usage::UsageCounters,
    event::{CallEnd, CallRefusal},
    identity::{AccountSid, Address, CallSid, PhoneHash, Pseudonym, TokenId},
    platform::Method,
    twilio::voice::{CallStatus, gather::Gathered, relay::SessionId, relay_url::RelaySecretHash},
};

/// Admits a call, or refuses it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Admit {
    /// Twilio's id of the call.
    pub sid: CallSid,
    /// The Twilio account that the call belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountSid>,
    /// The token that signed the webhook.
    pub token: TokenId,
    /// Our number, if it was one. It decides which assistant talks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Address>,
    /// The hash of the secret that opens the call's socket. Without one, the call has no socket: Twilio gathers what the
    /// caller says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub door: Option<RelaySecretHash>,
    /// The object that counts the person's calls and requests.
    pub caller: Pseudonym,
    /// The person's hash for the log.
    pub phone_hash: PhoneHash,
    /// Whether we have called the person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_outbound: bool,
    /// The usage that the isolate has counted since it last called an object.
    #[serde(default, skip_serializing_if = "UsageCounters::is_empty")]
    pub usage: UsageCounters,
}

impl Method for Admit {
    type Reply = Next;
    const BINDING: &'static str = "CALL";
    const NAME: &'static str = "admit";
}

/// What Twilio does next with a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// It connects the call to a socket, which the given secret opens.
    Connect {
        /// Whether the caller is greeted. A call that goes on after its socket was lost is not greeted again.
        greet: bool,
    },
    /// It does what a document of a call without a socket says.
    Document(Document),
    /// It asks again for the answer to what a document has gathered.
    Wait {
        /// The document.
        number: u32,
        /// What the caller hears first. It may be empty.
        says: String,
    },
    /// It says one sentence, and hangs up.
    Say(Sentence),
    /// It dials the assistant's person.
    Dial,
    /// It hangs up.
    HangUp,
}

/// A document of a call without a socket: words, and what follows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The documents of a call are counted from 1.
    pub number: u32,
    /// What is said. It may be empty.
    pub says: String,
    /// The most keys that it asks for, if it asks for keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<u8>,
    /// What follows.
    pub then: Then,
}

/// What follows the words of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Twilio listens, and posts what it has gathered.
    #[default]
    Listen,
    /// It dials the assistant's person.
    Dial,
    /// It hangs up.
    HangUp,
}

/// A fixed sentence that Twilio says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sentence {
    /// The day has no minutes left, or they cannot be counted.
    NoCapacity,
    /// The caller has called too often.
    TooOften,
    /// The call could not go on.
    Failed,
}

/// A socket has ended: the action of `<Connect>`. The reply says what comes next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RelayEnd {
    /// Twilio's id of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The hash of the secret that opens the next socket, if the call goes on.
    pub door: RelaySecretHash,
    /// Whether the caller has hung up.
    pub call_is_over: bool,
}

impl Method for RelayEnd {
    type Reply = Next;
    const BINDING: &'static str = "CALL";
    const NAME: &'static str = "relay_end";
}

/// A document has gathered something, or nothing. The reply says what comes next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    /// The document.
    pub number: u32,
    /// What it has gathered.
    pub gathered: Gathered,
}

impl Method for Heard {
    type Reply = Next;
    const BINDING: &'static str = "CALL";
    const NAME: &'static str = "heard";
}

/// Twilio asks again for the answer to what a document has gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskAgain {
    /// The document.
    pub number: u32,
}

impl Method for AskAgain {
    type Reply = Next;
    const BINDING: &'static str = "CALL";
    const NAME: &'static str = "ask_again";
}

/// The call is over, as its status callback says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallOver {
    /// How it has ended. It is final.
    pub status: CallStatus,
}

impl Method for CallOver {
    type Reply = ();
    const BINDING: &'static str = "CALL";
    const NAME: &'static str = "over";
}

/// Calls somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dial {
    /// Who is called.
    pub to: Address,
    /// Our number. It decides which assistant talks.
    pub from: Address,
    /// The account that makes the call.
    pub account: AccountSid,
    /// What the assistant is told of this call, beside its own prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Our public origin, where Twilio reaches us.
    pub origin: String,
    /// The object that counts the person's calls and requests.
    pub caller: Pseudonym,
    /// The person's hash for the log.
    pub phone_hash: PhoneHash,
}

impl Method for Dial {
    type Reply = Dialled;
    const BINDING: &'static str = "CALL";
    const NAME: &'static str = "dial";
}

/// What has come of the wish to call somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialled {
    /// Twilio makes the call, or it is not known yet whether it does.
    Made,
    /// It was refused here, and has cost nothing.
    Refused(CallRefusal),
    /// Twilio refused it, with this error code or status.
    Rejected(u32),
}

/// Shows how far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look;

impl Method for Look {
    type Reply = Option<Progress>;
    const BINDING: &'static str = "CALL";
    const NAME: &'static str = "look";
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Nobody has answered yet.
    Dialling,
    /// It goes on.
    Talking,
    /// It has ended.
    Ended(CallEnd),
}

/// Counts a call of a caller, unless it has had too many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountCall {
    /// The call. It is counted once.
    pub call: Pseudonym,
    /// The most calls in an hour.
    pub limit: u32,
}

impl Method for CountCall {
    type Reply = bool;
    const BINDING: &'static str = "CALLER";
    const NAME: &'static str = "count_call";
}

/// Counts a request to the model for a caller, unless its share of the day is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountRequest {
    /// The most requests in a UTC day, if there is a limit.
    pub limit: Option<u32>,
}

impl Method for CountRequest {
    type Reply = bool;
    const BINDING: &'static str = "CALLER";
    const NAME: &'static str = "count_request";
}
