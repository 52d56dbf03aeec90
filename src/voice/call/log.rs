//! What a call logs: numbers and words of the vocabulary, never what was said.

use std::time::Duration;

use super::{CallPlatform, Inner};
use crate::{
    base::{percentile::percentile, time::millis},
    conversation::model_run::{Failure, ModelRun},
    event::{
        self, CallEnded, CallFault, CallRefusal, CallTurn, CallTurnOutcome, Event, ObjectKind,
    },
    identity::PhoneHash,
    platform::PlatformError,
    twilio::voice::prices::Billed,
    voice::state::{Finished, assistant},
};

impl<P: CallPlatform> Inner<P> {
    /// Logs an error that nobody can be told.
    pub(super) fn logged(&self, result: Result<(), PlatformError>) {
        if let Err(error) = result {
            event::log_failure(&self.platform, ObjectKind::Call, error);
        }
    }

    pub(super) fn log_object_error(&self, error: PlatformError) {
        event::log_failure(&self.platform, ObjectKind::Budget, error);
    }

    pub(super) fn log_refusal(&self, phone_hash: &PhoneHash, reason: CallRefusal) {
        let (phone_hash, call) = (phone_hash.clone(), self.name.call_hash());
        event::log(
            &self.platform,
            &Event::CallRefused {
                phone_hash,
                call,
                reason,
            },
        );
    }

    pub(super) fn log_fault(&self, fault: CallFault) {
        let call = self.name.call_hash();
        event::log(&self.platform, &Event::CallFault { call, fault });
    }

    /// Logs a turn that the caller cut off.
    pub(super) fn log_turn_cut(&self, first_words: Option<Duration>) {
        self.log_turn(CallTurnOutcome::Interrupted, None, first_words, None);
    }

    pub(super) fn log_turn(
        &self,
        outcome: CallTurnOutcome,
        failure: Option<Failure>,
        first_words: Option<Duration>,
        run: Option<&ModelRun>,
    ) {
        let turn = CallTurn {
            call: self.name.call_hash(),
            outcome,
            failure: failure.map(Failure::label),
            first_words_ms: first_words.map(millis),
            model_ms: run.map_or(0, |run| run.model_ms),
            model_requests: run.map_or(0, |run| run.requests),
            tool_rounds: run.map_or(0, |run| run.tool_rounds),
            prompt_tokens: run.map_or(0, |run| run.tokens.prompt),
            completion_tokens: run.map_or(0, |run| run.tokens.completion),
        };
        event::log(&self.platform, &Event::CallTurn(turn));
    }

    pub(super) fn log_call(&self, finished: &Finished) {
        let counts = &finished.counts;
        let number = finished.number.as_ref();
        let is_recorded = assistant(number, &self.config).voice.record;
        let billed = Billed {
            minutes: finished.minutes,
            is_outbound: finished.is_outbound,
            speech: finished.speech,
            is_recorded,
        };
        let mut first_words_ms = counts.first_words_ms.clone();
        first_words_ms.sort_unstable();
        let ended = CallEnded {
            phone_hash: finished.phone_hash.clone(),
            call: self.name.call_hash(),
            outbound: finished.is_outbound,
            ended_by: finished.end,
            duration_ms: finished.duration_ms,
            minutes: finished.minutes,
            estimated_micro_usd: billed.estimate(),
            turns: counts.turns,
            interruptions: counts.interruptions,
            failures: counts.failures,
            resumes: finished.resumes,
            first_words_p50_ms: percentile(&first_words_ms, 50),
            first_words_p95_ms: percentile(&first_words_ms, 95),
            model_requests: counts.requests,
            prompt_tokens: counts.prompt_tokens,
            completion_tokens: counts.completion_tokens,
        };
        event::log(&self.platform, &Event::Call(ended));
    }
}
