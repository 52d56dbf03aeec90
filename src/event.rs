//! The vocabulary of the log: every event that is ever logged, one JSON object a line.
//!
//! No event can hold an address, a name, a text, a token or the query of a URL: the types have no
//! field for them. Security events have the form `{"event":"security_event","phone_hash":"<8
//! hex>","details":{"kind":…},"time":…}`.

mod call_labels;
mod calls;
mod labels;
mod synthetic;
mod turns;

use std::borrow::Cow;

use serde::Serialize;

pub use call_labels::{
    CallEnd, CallFault, CallRefusal, CallTurnOutcome, DialOutcome, HangUpOutcome,
};
pub use calls::{CallDialled, CallEnded, CallHungUp, CallTurn};
pub use labels::{
    ConsentBy, ConsentState, ConversationProblem, DailyLimit, DeliveryOutcome, DeliveryPurpose,
    DeliveryStatus, DenialReason, ErasedBy, FieldProblem, FlowOutcome, HandOffBy, HandOffState,
    IgnoreReason, IntakeOutcome, InternalProblem, KvOperation, ObjectKind, OutboxOutcome, ReplyVia,
    SegmentOutcome, ToolOutcome, TurnOutcome, TwilioResource, TwilioSeverity, UnexpectedResponse,
};
pub use synthetic::{HeardWords, SyntheticRun};
pub use turns::{Erased, TurnEnded};

use crate::{
    config::Field,
    identity::{CallHash, PhoneHash},
    platform::{Clock, Log, PlatformError},
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
    /// A signed webhook that must arrive was delivered, is late, or was given up.
    SignedWebhook {
        /// The contact.
        phone_hash: PhoneHash,
        /// What it is for.
        purpose: DeliveryPurpose,
        /// The outcome.
        outcome: DeliveryOutcome,
        /// How often it has failed.
        failures: u32,
        /// Why it has failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'static str>,
    },
    /// A contact was handed over to a person, or is answered by the assistant again.
    HandOff {
        /// The contact.
        phone_hash: PhoneHash,
        /// The new state.
        state: HandOffState,
        /// Who has begun or ended it.
        by: HandOffBy,
    },
    /// A Studio flow was started for a contact that is handed over, or was not.
    StudioFlow {
        /// The contact.
        phone_hash: PhoneHash,
        /// The outcome.
        outcome: FlowOutcome,
        /// Twilio's error code, if Studio refused it.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<u32>,
    },
    /// A guided intake has begun, or has come to an end.
    Intake {
        /// The contact.
        phone_hash: PhoneHash,
        /// What has happened.
        outcome: IntakeOutcome,
        /// How many fields had a value.
        fields: usize,
        /// The time since it began.
        duration_ms: u64,
    },
    /// Twilio refused to show the typing indicator. It is logged once an isolate.
    TypingRefused {
        /// The status of Twilio's answer.
        status: u16,
        /// Twilio's error code, if there was one.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<u32>,
    },
    /// Twilio reports an error or a warning of the account.
    TwilioError {
        /// How bad it is.
        severity: TwilioSeverity,
        /// Twilio's error code.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<u32>,
        /// What it is about.
        resource: TwilioResource,
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
        /// Minutes of calls that were counted until then.
        call_minutes: u32,
        /// Whether the count was unreadable, so that the budget was closed.
        budget_unreadable: bool,
    },
    /// A stored conversation could not be used, and was treated as empty.
    ConversationUnreadable {
        /// Why.
        reason: ConversationProblem,
    },
    /// A call was refused. It cost nothing.
    CallRefused {
        /// The caller.
        phone_hash: PhoneHash,
        /// The call.
        call: CallHash,
        /// Why.
        reason: CallRefusal,
    },
    /// Twilio was asked to call somebody.
    CallDialled(CallDialled),
    /// A turn of a call has ended.
    CallTurn(CallTurn),
    /// A call has ended.
    Call(CallEnded),
    /// A run of a synthetic conversation has ended.
    SyntheticRun(SyntheticRun),
    /// Events were sent to Segment, are late, or were given up.
    SegmentEvents {
        /// The outcome.
        outcome: SegmentOutcome,
        /// How many events.
        count: usize,
        /// Why Segment has not received them.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'static str>,
    },
    /// Something is wrong with what came over a call's socket.
    CallFault {
        /// The call.
        call: CallHash,
        /// The fault.
        fault: CallFault,
    },
    /// Twilio was asked to end a call, because nothing told of its end.
    CallHungUp(CallHungUp),
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
    /// The model has called a tool.
    ToolCalled {
        /// The contact.
        phone_hash: PhoneHash,
        /// The tool's name, if the assistant has such a tool.
        #[serde(skip_serializing_if = "Option::is_none")]
        tool: Option<String>,
        /// What came of it.
        outcome: ToolOutcome,
        /// The time that it took.
        duration_ms: u64,
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

/// Logs that an object failed, or the object that it called.
pub fn log_failure(platform: &(impl Clock + Log), object: ObjectKind, error: PlatformError) {
    let reason = error.reason;
    log(platform, &Event::ObjectFailed { object, reason });
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
