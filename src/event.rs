//! The vocabulary of the log: every event that is ever logged, one JSON object a line.
//!
//! No event can hold an address, a name, a text, a token or the query of a URL: the types have no
//! field for them. Security events have the form `{"event":"security_event","phone_hash":"<8
//! hex>","details":{"kind":…},"time":…}`.

use std::{
    borrow::Cow,
    fmt,
    num::{NonZeroU32, NonZeroUsize},
};

use serde::{Deserialize, Serialize};

use crate::{
    config::Field,
    identity::PhoneHash,
    platform::{Clock, Log},
};

/// An event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// An event for security reviews.
    #[serde(rename = "security_event")]
    Security {
        /// The contact, if known.
        phone_hash: PhoneHash,
        /// The kind of event, and its details.
        details: Security,
    },
    /// A turn has ended.
    Turn(TurnEnded),
    /// A part of an answer has left the outbox.
    OutboxPart {
        /// The contact.
        phone_hash: PhoneHash,
        /// The outcome for the part.
        outcome: OutboxOutcome,
        /// Twilio's error code, if Twilio rejected the part, or did not process it until the end.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<u32>,
    },
    /// Twilio has sent a delivery receipt for a message that was sent by REST.
    Delivery {
        /// The contact.
        phone_hash: PhoneHash,
        /// The status of the message.
        status: DeliveryStatus,
        /// Twilio's error code, if the message did not arrive.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<u32>,
    },
    /// Twilio refused to show the typing indicator. It is logged once an isolate.
    TypingRefused {
        /// The status of Twilio's answer.
        status: u16,
        /// Twilio's error code, if there was one.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<u32>,
    },
    /// A contact has opted out or in.
    Consent {
        /// The contact.
        phone_hash: PhoneHash,
        /// The new state.
        state: ConsentState,
        /// Who says so.
        by: ConsentBy,
        /// Messages that will not be answered because of it.
        dropped_messages: usize,
        /// Parts of answers that will not be sent because of it.
        dropped_parts: usize,
    },
    /// A message was not read, or wants no answer. It got an empty one.
    MessageIgnored {
        /// The contact.
        phone_hash: PhoneHash,
        /// Why.
        reason: IgnoreReason,
    },
    /// A contact's data was erased.
    Erased {
        /// The contact.
        phone_hash: PhoneHash,
        /// Who asked for the erasure.
        by: ErasedBy,
        /// The erased data, as numbers.
        erased: Erased,
    },
    /// An operator has reset the day's budget.
    BudgetReset {
        /// Requests to the model that were counted until then.
        model_requests: u32,
        /// Messages by REST that were counted until then.
        messages_sent: u32,
        /// Whether the count was unreadable, so that the budget was closed.
        budget_unreadable: bool,
    },
    /// A stored conversation could not be used, and was treated as empty.
    ConversationUnreadable {
        /// Why.
        reason: ConversationProblem,
    },
    /// An endpoint of the model refused an optional field, and was asked again without it.
    FieldOmitted {
        /// The endpoint's number.
        endpoint: usize,
        /// The field.
        field: Field,
    },
    /// An endpoint of the model failed, and another one is asked.
    EndpointFailed {
        /// The endpoint's number.
        endpoint: usize,
        /// Why, as in the failures of a turn.
        reason: &'static str,
    },
    /// A conversation was too long for the model, and its older half was dropped.
    ConversationShortened {
        /// The turns that were dropped.
        dropped_turns: usize,
    },
    /// KV failed. The value stays in the thread, and the operation is tried again.
    KvFailed {
        /// The operation.
        operation: KvOperation,
    },
    /// An object, or its storage, failed.
    ObjectFailed {
        /// The kind of object.
        object: ObjectKind,
        /// The platform's words, which name no data.
        reason: String,
    },
    /// Something happened that the code's own rules exclude.
    InternalError {
        /// The problem.
        reason: InternalProblem,
    },
}

/// The kinds of security event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Security {
    /// A contact wrote more messages than the rate limit allows.
    RateLimitExceeded {
        /// The limit, in messages a minute.
        limit: u32,
        /// Whether the contact was told this time.
        told: bool,
    },
    /// A message met a limit of the UTC day. The model does not answer it. It may get a canned
    /// reply or none.
    DailyLimitReached {
        /// The limit.
        limit: DailyLimit,
        /// Whether the contact was told this time.
        told: bool,
    },
    /// A request to an admin route was denied.
    AdminDenied {
        /// Why.
        reason: DenialReason,
    },
    /// A request to a Twilio route was not signed by Twilio.
    InvalidSignature {
        /// `missing`, `malformed` or `mismatch`.
        reason: String,
    },
    /// A Twilio route was called while settings were missing or wrong.
    ConfigurationInvalid {
        /// The names of the settings.
        settings: Vec<Cow<'static, str>>,
    },
    /// A signed request does not have the fields that Twilio sends.
    SuspiciousRequest {
        /// The field.
        field: &'static str,
        /// The problem.
        problem: FieldProblem,
    },
}

/// How a turn ended, and its cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TurnEnded {
    /// The contact.
    pub phone_hash: PhoneHash,
    /// How it ended.
    pub outcome: TurnOutcome,
    /// Why it failed, or what was unusual about the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<&'static str>,
    /// What the model's response was, if it was none that could be understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<UnexpectedResponse>,
    /// The way the answer takes.
    pub reply_via: ReplyVia,
    /// The number of messages that were answered together.
    pub messages: usize,
    /// How many of them joined the turn after it had begun, if any did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined: Option<NonZeroUsize>,
    /// How often the model was asked anew, because messages came while it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_again: Option<NonZeroU32>,
    /// The segments of the answer, if it is an SMS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<usize>,
    /// The time from the first message to the answer.
    pub duration_ms: u64,
    /// The part of that time that the model took, retries and waits included.
    pub model_ms: u64,
    /// Requests made to OpenAI.
    pub model_requests: u32,
    /// Those of them that transcribed voice notes.
    #[serde(skip_serializing_if = "is_zero")]
    pub transcriptions: u32,
    /// The number of the endpoint that answered. 0 is that of `OPENAI_BASE_URL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<usize>,
    /// Tokens of the requests, as OpenAI counted them. A failed turn can have a cost, too.
    pub prompt_tokens: u64,
    /// Tokens of the answers, reasoning included.
    pub completion_tokens: u64,
}

/// Defines labels: enums without fields, written in snake case.
macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(rename_all = "snake_case")]
            pub enum $name {
                $($(#[$variant_doc])* $variant,)+
            }
        )+
    };
}

labels! {
    /// How a turn ended.
    TurnOutcome {
        /// With an answer.
        Answered,
        /// With a cleared conversation.
        Reset,
        /// Without an answer of the model.
        Failed,
        /// The contact cancelled it.
        Cancelled,
        /// The contact has said aloud that it wants no more messages.
        OptedOut,
    }
    /// What a response of the model is that cannot be understood.
    UnexpectedResponse {
        /// It has no bytes, or only white space and comments.
        EmptyBody,
        /// A page of HTML, such as a proxy sends.
        Html,
        /// Another text than JSON.
        NotJson,
        /// A stream that broke off.
        Streamed,
        /// JSON without a choice.
        NoChoices,
        /// A choice whose content is no text.
        NoText,
        /// It is longer than is read.
        TooLarge,
        /// Its status is no success and no error, such as a redirect.
        OtherStatus,
    }
    /// The way that an answer takes.
    ReplyVia {
        /// A webhook carries it.
        Webhook,
        /// Twilio's REST API carries it.
        Rest,
        /// Nothing is sent.
        None,
    }
    /// The outcome for a part of an answer in the outbox.
    OutboxOutcome {
        /// Twilio has it.
        Sent,
        /// Twilio rejected it.
        Rejected,
        /// We cannot know whether Twilio has it.
        Unknown,
        /// It could not be sent in time, or Twilio could not be asked.
        Undeliverable,
        /// The day's messages are used up.
        DailyLimit,
    }
    /// The status of a message that was sent by REST. Source: Twilio, "Track outbound message
    /// status".
    DeliveryStatus {
        /// It reached the phone.
        Delivered,
        /// It was sent, but did not reach the phone.
        Undelivered,
        /// It could not be sent.
        Failed,
    }
    /// Whether a contact wants messages.
    ConsentState {
        /// The contact wants none.
        OptedOut,
        /// The contact wants messages again.
        OptedIn,
    }
    /// Why a message gets no answer.
    IgnoreReason {
        /// The contact has opted out.
        OptedOut,
        /// Its sender takes no messages: a short code, or an alphanumeric sender id.
        NotAnswerable,
        /// It went to a group. An answer would be a private one to words among people.
        GroupMessage,
        /// It is a reaction to an earlier message.
        Reaction,
        /// It is one of several equal messages, each of which answered an answer.
        ReplyLoop,
    }
    /// Who says that a contact has opted out or in.
    ConsentBy {
        /// The contact, in a message.
        Contact,
        /// Twilio, which refused a message or reported that it did not arrive.
        Twilio,
    }
    /// Who asked for an erasure.
    ErasedBy {
        /// The contact.
        Contact,
        /// An operator.
        Operator,
    }
    /// A limit of a UTC day.
    DailyLimit {
        /// `MAX_DAILY_CALLS_PER_CONTACT`.
        CallsPerContact,
        /// `MAX_DAILY_CALLS`.
        Calls,
        /// `MAX_DAILY_MESSAGES`.
        Messages,
        /// The canned replies that one contact gets a day.
        FixedReplies,
    }
    /// Why a stored conversation cannot be used.
    ConversationProblem {
        /// It is not the JSON that was written.
        Corrupt,
        /// Another release wrote it, in another format.
        UnknownVersion,
        /// KV does not have it, or not yet.
        Missing,
        /// KV failed.
        KvFailed,
        /// The object's storage failed.
        StorageFailed,
    }
    /// An operation of KV that changes something.
    KvOperation {
        /// A write.
        Put,
        /// A deletion.
        Delete,
    }
    /// The kinds of object.
    ObjectKind {
        /// A thread.
        Thread,
        /// The budget.
        Budget,
        /// The lockout of an address that tried the admin token.
        AdminLockout,
    }
    /// Problems that the code's own rules exclude.
    InternalProblem {
        /// A thread's stored state could not be read.
        StateUnreadable,
        /// A thread's stored state was damaged, and parts of it were saved.
        StateSalvaged,
        /// Answers beside a thread's state could not be read.
        AnswersUnreadable,
        /// The stored budget could not be read.
        BudgetUnreadable,
        /// A stored lockout could not be read.
        LockoutUnreadable,
        /// An answer could not be written as TwiML.
        Twiml,
    }
    /// Why a request to an admin route was denied.
    DenialReason {
        /// The token was wrong.
        WrongToken,
        /// There were too many wrong tokens.
        Locked,
    }
    /// The problem with a field of a webhook.
    FieldProblem {
        /// It is not there.
        Missing,
        /// Its value is not of its form.
        Malformed,
        /// It comes twice.
        Repeated,
    }
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Repeated => "repeated",
        })
    }
}

/// The data that an erasure found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Turns of the conversation.
    pub turns: u32,
    /// Revisions that KV held, or may have held.
    pub revisions: usize,
    /// Messages that waited for their turn, or were in it.
    pub pending_messages: usize,
    /// Parts of answers that waited in the outbox.
    pub outbox_parts: usize,
    /// Answers that were stored for copies of their messages.
    pub answers: usize,
}

impl Erased {
    /// Adds what another thread of the same contact held.
    pub fn add(&mut self, other: &Self) {
        let Self {
            turns,
            revisions,
            pending_messages,
            outbox_parts,
            answers,
        } = other;
        self.turns = self.turns.saturating_add(*turns);
        self.revisions = self.revisions.saturating_add(*revisions);
        self.pending_messages = self.pending_messages.saturating_add(*pending_messages);
        self.outbox_parts = self.outbox_parts.saturating_add(*outbox_parts);
        self.answers = self.answers.saturating_add(*answers);
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Logs an event, with the time.
pub fn log(platform: &(impl Clock + Log), event: &Event) {
    let time = platform.now().to_string();
    // A failure of the log must never become a failure for a contact, so a fixed line says that it
    // failed.
    let line = serde_json::to_string(&Line { event, time: &time }).unwrap_or_else(|_| {
        format!(r#"{{"event":"internal_error","reason":"log_line","time":"{time}"}}"#)
    });
    platform.write(&line);
}

/// A line of the log.
#[derive(Serialize)]
struct Line<'l> {
    #[serde(flatten)]
    event: &'l Event,
    /// RFC 3339 in UTC.
    time: &'l str,
}

#[cfg(test)]
mod tests;
