//! One of each event of the log, with every field that it can have.
//!
//! Not here: what the page of the log says of them, which is in `log`.

use std::num::NonZero;

use switchboard::{
    config::Field,
    event::{
        CallDialled, CallEnd, CallEnded, CallFault, CallHungUp, CallRefusal, CallTurn,
        CallTurnOutcome, ConsentBy, ConsentState, ConversationProblem, DailyLimit, DeliveryOutcome,
        DeliveryPurpose, DeliveryStatus, DenialReason, DialOutcome, Erased, ErasedBy, Event,
        FieldProblem, FlowOutcome, HandOffBy, HandOffState, HangUpOutcome, HeardWords,
        IgnoreReason, IntakeOutcome, InternalProblem, KvOperation, ObjectKind, OutboxOutcome,
        ReplyVia, Security, SegmentOutcome, SyntheticRun, ToolOutcome, TurnEnded, TurnOutcome,
        TwilioResource, TwilioSeverity, UnexpectedResponse,
    },
    identity::{PhoneHash, Pseudonym},
};

/// One of each event, with every field that it can have.
#[allow(clippy::too_many_lines, reason = "one list")]
pub fn sample_events() -> Vec<Event> {
    let nobody = PhoneHash::nobody;
    let turn = TurnEnded {
        phone_hash: nobody(),
        outcome: TurnOutcome::Failed,
        failure: Some("timeout"),
        response: Some(UnexpectedResponse::Html),
        reply_via: ReplyVia::Rest,
        messages: 1,
        joined: NonZero::new(1),
        asked_again: NonZero::new(1),
        segments: Some(1),
        duration_ms: 0,
        model_ms: 0,
        model_requests: 0,
        transcriptions: 1,
        tool_rounds: NonZero::new(1),
        tool_calls: NonZero::new(1),
        endpoint: Some(0),
        prompt_tokens: 0,
        completion_tokens: 0,
    };
    let security = [
        Security::RateLimitExceeded {
            limit: 10,
            told: true,
        },
        Security::InvalidSignature {
            reason: "missing".into(),
        },
        Security::ConfigurationInvalid {
            settings: Vec::new(),
        },
        Security::SuspiciousRequest {
            field: "From",
            problem: FieldProblem::Missing,
        },
        Security::AdminDenied {
            reason: DenialReason::Locked,
        },
        Security::DailyLimitReached {
            limit: DailyLimit::Calls,
            told: true,
        },
    ];
    let mut events = vec![
        Event::Turn(turn),
        Event::ToolCalled {
            phone_hash: nobody(),
            tool: Some("order_status".to_owned()),
            outcome: ToolOutcome::Timeout,
            duration_ms: 0,
        },
        Event::OutboxPart {
            phone_hash: nobody(),
            outcome: OutboxOutcome::Rejected,
            code: Some(1),
        },
        Event::Delivery {
            phone_hash: nobody(),
            status: DeliveryStatus::Failed,
            code: Some(1),
        },
        Event::HandOff {
            phone_hash: nobody(),
            state: HandOffState::Begun,
            by: HandOffBy::Contact,
        },
        Event::SignedWebhook {
            phone_hash: nobody(),
            purpose: DeliveryPurpose::IntakeResult,
            outcome: DeliveryOutcome::Delayed,
            failures: 1,
            reason: Some("timeout"),
        },
        Event::StudioFlow {
            phone_hash: nobody(),
            outcome: FlowOutcome::Rejected,
            code: Some(1),
        },
        Event::TypingRefused {
            status: 400,
            code: Some(1),
        },
        Event::Intake {
            phone_hash: nobody(),
            outcome: IntakeOutcome::Begun,
            fields: 1,
            duration_ms: 1,
        },
        Event::Consent {
            phone_hash: nobody(),
            state: ConsentState::OptedOut,
            by: ConsentBy::Twilio,
            dropped_messages: 0,
            dropped_parts: 0,
        },
        Event::MessageIgnored {
            phone_hash: nobody(),
            reason: IgnoreReason::OptedOut,
        },
        Event::BudgetReset {
            model_requests: 1,
            messages_sent: 1,
            call_minutes: 1,
            budget_unreadable: true,
        },
        Event::Erased {
            phone_hash: nobody(),
            by: ErasedBy::Contact,
            erased: Erased::default(),
        },
        Event::ConversationUnreadable {
            reason: ConversationProblem::Corrupt,
        },
        Event::CallRefused {
            phone_hash: nobody(),
            call: Pseudonym::from_object_name(String::new()).call_hash(),
            reason: CallRefusal::DailyLimit,
        },
        Event::CallDialled(CallDialled {
            phone_hash: nobody(),
            call: Pseudonym::from_object_name(String::new()).call_hash(),
            outcome: DialOutcome::Rejected,
            code: Some(21211),
        }),
        Event::CallTurn(CallTurn {
            call: Pseudonym::from_object_name(String::new()).call_hash(),
            outcome: CallTurnOutcome::Failed,
            failure: Some("timeout"),
            first_words_ms: Some(1),
            model_ms: 1,
            model_requests: 1,
            tool_rounds: 1,
            prompt_tokens: 1,
            completion_tokens: 1,
        }),
        Event::Call(CallEnded {
            phone_hash: nobody(),
            call: Pseudonym::from_object_name(String::new()).call_hash(),
            outbound: true,
            ended_by: CallEnd::Caller,
            duration_ms: 1,
            minutes: 1,
            estimated_micro_usd: Some(1),
            turns: 1,
            interruptions: 1,
            failures: 1,
            resumes: 1,
            first_words_p50_ms: Some(1),
            first_words_p95_ms: Some(1),
            model_requests: 1,
            prompt_tokens: 1,
            completion_tokens: 1,
        }),
        Event::SyntheticRun(SyntheticRun {
            batch: String::new(),
            number: 1,
            mode: "text",
            ended_by: "agent",
            reason: "goodbye",
            turns: 1,
            duration_ms: 1,
            scored: true,
            model_requests: 1,
            prompt_tokens: 1,
            completion_tokens: 1,
            call: Some(Pseudonym::from_object_name(String::new()).call_hash()),
            call_minutes: 1,
            analysis: Some("completed"),
            heard: Some(HeardWords {
                words: 1,
                errors: 1,
            }),
        }),
        Event::TwilioError {
            severity: TwilioSeverity::Error,
            code: Some(11200),
            resource: TwilioResource::Call,
        },
        Event::CallFault {
            call: Pseudonym::from_object_name(String::new()).call_hash(),
            fault: CallFault::NoSetUp,
        },
        Event::CallHungUp(CallHungUp {
            call: Pseudonym::from_object_name(String::new()).call_hash(),
            outcome: HangUpOutcome::Rejected,
            code: Some(20001),
        }),
        Event::SegmentEvents {
            outcome: SegmentOutcome::Late,
            count: 3,
            reason: Some("busy"),
        },
        Event::FieldOmitted {
            endpoint: 0,
            field: Field::Stream,
        },
        Event::EndpointFailed {
            endpoint: 0,
            reason: "timeout",
        },
        Event::ConversationShortened { dropped_turns: 1 },
        Event::KvFailed {
            operation: KvOperation::Put,
        },
        Event::ObjectFailed {
            object: ObjectKind::Thread,
            reason: String::new(),
        },
        Event::InternalError {
            reason: InternalProblem::Twiml,
        },
    ];
    events.extend(security.map(|details| Event::Security {
        phone_hash: nobody(),
        details,
    }));
    events
}
