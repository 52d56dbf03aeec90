//! The words of the log that have few values: outcomes, kinds and reasons.
//!
//! Not here: the events that they describe (`event`), and the words about calls (`call_labels`).

use std::fmt;

use serde::{Deserialize, Serialize};

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
pub(super) use labels;

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
        /// The assistant hands the contact over to a person.
        HandedOver,
    }
    /// What came of a call of a tool. The model is told all but the first in this word.
    ToolOutcome {
        /// It answered.
        Answered,
        /// It did not answer in time.
        Timeout,
        /// There was no connection, or it said that it cannot now.
        Unreachable,
        /// It refused the call, or redirected it.
        Rejected,
        /// Its answer broke off, or is neither JSON nor text.
        Unreadable,
        /// Its answer is longer than is read.
        TooLong,
        /// The assistant has no such tool. No call was made.
        UnknownTool,
        /// The tool's schema refuses the arguments. No call was made.
        InvalidArguments,
        /// The round has too many calls. No call was made.
        TooManyCalls,
        /// The model was told so much in the turn that the answer is too much, or might be: then no
        /// call was made.
        TooLarge,
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
    /// What a signed webhook that must arrive is for.
    DeliveryPurpose {
        /// A message of a contact that is handed over to a person.
        HandedOverMessage,
        /// The result of an intake.
        IntakeResult,
    }
    /// The outcome of a signed webhook that must arrive.
    DeliveryOutcome {
        /// The service has taken it.
        Delivered,
        /// The service has not taken it at the first attempt. It is tried again.
        Delayed,
        /// The service has not taken it within a day.
        GivenUp,
    }
    /// Whether a contact is handed over to a person.
    HandOffState {
        /// It is from now on.
        Begun,
        /// It was until now.
        Ended,
    }
    /// Who begins or ends a hand-off.
    HandOffBy {
        /// The assistant, by its tool.
        Assistant,
        /// The contact, by a word.
        Contact,
        /// An operator.
        Operator,
        /// Its time is over.
        Time,
    }
    /// What has happened to a guided intake.
    IntakeOutcome {
        /// It has begun.
        Begun,
        /// The contact has confirmed it.
        Completed,
        /// The contact does not want it any more.
        Cancelled,
        /// The contact has left it for too long.
        Expired,
        /// The operator's service has taken it.
        Delivered,
        /// The operator's service has not taken it within a day.
        GivenUp,
    }
    /// The outcome of the start of a Studio flow.
    FlowOutcome {
        /// Studio has started it.
        Started,
        /// Studio refused it.
        Rejected,
        /// We cannot know whether Studio has started it.
        Unknown,
        /// Studio could not be reached in time, or the webhook named no account.
        Undeliverable,
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
        /// A call.
        Call,
        /// A run of a synthetic conversation.
        Run,
        /// A batch of them, or the list of batches.
        Batch,
    }
    /// How bad something is that Twilio reports.
    TwilioSeverity {
        /// Something did not work.
        Error,
        /// Something may not work.
        Warning,
        /// Something was noted.
        Info,
    }
    /// What Twilio reports something about.
    TwilioResource {
        /// A call.
        Call,
        /// A message.
        Message,
        /// A recording.
        Recording,
        /// A transcript.
        Transcript,
        /// A number.
        Number,
        /// Something else, or unknown.
        Other,
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
        /// A call's stored state could not be read.
        CallUnreadable,
        /// The stored count of a caller could not be read.
        CallerUnreadable,
        /// A run's stored state could not be read.
        RunUnreadable,
        /// A batch's stored state, or the list of batches, could not be read.
        BatchUnreadable,
        /// An answer could not be written as TwiML.
        Twiml,
    }
    /// What became of events for Segment.
    SegmentOutcome {
        /// Segment has received them. Whether it keeps them is not known.
        Sent,
        /// The first attempt failed. They are sent later.
        Late,
        /// They are not sent any more.
        GivenUp,
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
