//! The events that a thread logs.
//!
//! Not here: the form of an event (`event`).

use std::num::{NonZeroU32, NonZeroUsize};

use super::{Inner, ThreadPlatform};
use crate::{
    base::time::millis,
    conversation::model_run::{Failure, ModelRun},
    event::{
        self, ConsentBy, ConsentState, DailyLimit, Erased, ErasedBy, Event, HandOffBy,
        HandOffState, ObjectKind, ReplyVia, Security, TurnEnded, TurnOutcome,
    },
    identity::{Channel, PhoneHash},
    messaging::state::{ActiveTurn, CancelledCounts, TurnReply, TurnResult},
    platform::PlatformError,
    twilio::{rest::TypingRefused, segments},
};

impl<P: ThreadPlatform> Inner<P> {
    pub(super) fn log_turn(
        &self,
        turn: &ActiveTurn,
        run: Option<&ModelRun>,
        result: &TurnResult,
        reply: TurnReply,
    ) {
        let (Some(first), Some(last)) = (turn.messages.first(), turn.messages.last()) else {
            return;
        };
        let phone_hash = &last.phone_hash;
        let ended = TurnEnded {
            phone_hash: phone_hash.clone(),
            outcome: match result {
                _ if reply == TurnReply::Cancelled => TurnOutcome::Cancelled,
                TurnResult::Answered { .. } | TurnResult::Ended { .. } => TurnOutcome::Answered,
                TurnResult::Intake(step) if step.intake.is_some() => TurnOutcome::Answered,
                TurnResult::Intake(_) | TurnResult::Failed(_) | TurnResult::Limited(..) => {
                    TurnOutcome::Failed
                }
                TurnResult::Reset { .. } => TurnOutcome::Reset,
                TurnResult::OptedOut(_) => TurnOutcome::OptedOut,
                TurnResult::HandedOver(_) => TurnOutcome::HandedOver,
            },
            failure: run.and_then(|run| match &run.result {
                Ok(completion) => completion.finish_note,
                Err(failure) => Some(failure.label()),
            }),
            response: run.and_then(|run| match &run.result {
                Err(Failure::OpenAi(error)) => error.response(),
                _ => None,
            }),
            reply_via: match reply {
                TurnReply::Webhook => ReplyVia::Webhook,
                TurnReply::Rest => ReplyVia::Rest,
                TurnReply::Unsaid(_) | TurnReply::Cancelled => ReplyVia::None,
            },
            messages: turn.messages.len(),
            joined: NonZeroUsize::new(turn.joined),
            asked_again: NonZeroU32::new(turn.asked_again),
            segments: (turn.channel() == Channel::Sms)
                .then(|| segments::total(result.text(turn.assistant(&self.config)))),
            duration_ms: millis(self.platform.now().since(first.at)),
            model_ms: run.map_or(0, |run| run.model_ms),
            model_requests: run.map_or(0, |run| run.requests.saturating_add(run.transcriptions)),
            transcriptions: run.map_or(0, |run| run.transcriptions),
            tool_rounds: run.and_then(|run| NonZeroU32::new(run.tool_rounds)),
            tool_calls: run.and_then(|run| NonZeroU32::new(run.tool_calls)),
            endpoint: run.and_then(|run| run.endpoint),
            prompt_tokens: run.map_or(0, |run| run.tokens.prompt),
            completion_tokens: run.map_or(0, |run| run.tokens.completion),
        };
        event::log(&self.platform, &Event::Turn(ended));
        match (result, reply) {
            (_, TurnReply::Unsaid(limit)) => {
                self.log_daily_limit(phone_hash.clone(), limit, false);
            }
            (TurnResult::Limited(limit, _), TurnReply::Webhook | TurnReply::Rest) => {
                self.log_daily_limit(phone_hash.clone(), *limit, true);
            }
            _ => {}
        }
    }

    pub(super) fn log_daily_limit(&self, phone_hash: PhoneHash, limit: DailyLimit, told: bool) {
        let details = Security::DailyLimitReached { limit, told };
        event::log(
            &self.platform,
            &Event::Security {
                phone_hash,
                details,
            },
        );
    }

    pub(super) fn log_erased(&self, phone_hash: PhoneHash, by: ErasedBy, erased: Erased) {
        let erased = Event::Erased {
            phone_hash,
            by,
            erased,
        };
        event::log(&self.platform, &erased);
    }

    pub(super) fn log_hand_off(&self, phone_hash: PhoneHash, state: HandOffState, by: HandOffBy) {
        let event = Event::HandOff {
            phone_hash,
            state,
            by,
        };
        event::log(&self.platform, &event);
    }

    pub(super) fn log_consent(
        &self,
        phone_hash: PhoneHash,
        state: ConsentState,
        by: ConsentBy,
        cancelled: CancelledCounts,
    ) {
        let event = Event::Consent {
            phone_hash,
            state,
            by,
            dropped_messages: cancelled.messages,
            dropped_parts: cancelled.parts,
        };
        event::log(&self.platform, &event);
    }

    /// Logs once an isolate that Twilio refused the typing indicator.
    pub(super) fn log_typing_refused(&self, refused: TypingRefused) {
        let TypingRefused { status, code } = refused;
        if self.platform.is_first("typing_refused") {
            event::log(&self.platform, &Event::TypingRefused { status, code });
        }
    }

    pub(super) fn log_storage_error(&self, error: PlatformError) {
        self.log_object_error(ObjectKind::Thread, error);
    }

    pub(super) fn log_object_error(&self, object: ObjectKind, error: PlatformError) {
        event::log_failure(&self.platform, object, error);
    }
}
