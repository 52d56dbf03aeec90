//! Consent: a contact opts out and in by keywords, and Twilio can say that it has opted out there.
//!
//! Not here: which words are keywords (`keywords`), and their replies (`admission`).

use super::{CancelledCounts, State};
use crate::{
    base::time::UnixMillis,
    conversation::outbox::{OptOutRefusal, Progress},
    event::DeliveryStatus,
    identity::MessageSid,
    twilio::rest::codes,
};

/// What a delivery receipt has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedDelivery {
    /// The final status, if it is new.
    pub ended: Option<DeliveryStatus>,
    /// What was cancelled, if the receipt says that the contact has opted out at Twilio.
    pub opted_out: Option<CancelledCounts>,
}

impl State {
    /// The contact opts out, which cancels everything that is under way.
    pub(super) fn opt_out(&mut self, now: UnixMillis) -> CancelledCounts {
        self.opted_out = true;
        self.links.plan_consent(now);
        self.rate_window.clear_notice();
        self.hand_off.drop_flow();
        self.intakes.clear();
        self.cancel()
    }

    /// The contact of the turn of that number wants no more messages, and has said so aloud. The
    /// turn goes on: its answer confirms that. Twilio does it for a written word only.
    pub fn opt_out_aloud(&mut self, number: u64, now: UnixMillis) -> CancelledCounts {
        let Some(turn) = self.turns.end(number) else {
            return CancelledCounts::default();
        };
        let cancelled = self.opt_out(now);
        self.turns.resume(turn);
        cancelled
    }

    /// The contact opts in again.
    pub(super) fn opt_in(&mut self, now: UnixMillis) {
        self.opted_out = false;
        self.links.plan_consent(now);
        self.outbox.mark_opt_in();
    }

    /// Records a delivery receipt. One with the code of an opt-out is one, unless the contact has
    /// opted in since the message.
    pub fn record_delivery(
        &mut self,
        sid: &MessageSid,
        progress: Progress,
        code: Option<u32>,
        now: UnixMillis,
    ) -> RecordedDelivery {
        let is_new = self.outbox.record_delivery(sid, progress);
        let ended = match progress {
            Progress::Ended(status) if is_new => Some(status),
            Progress::Ended(_) | Progress::Sent => None,
        };
        let says_so = code.is_some_and(codes::is_opt_out)
            && matches!(
                progress,
                Progress::Ended(DeliveryStatus::Undelivered | DeliveryStatus::Failed)
            );
        let opts_out = says_so && !self.opted_out && !self.outbox.is_before_opt_in(sid);
        RecordedDelivery {
            ended,
            opted_out: opts_out.then(|| self.opt_out(now)),
        }
    }

    /// Twilio has refused the first part of a turn's answer, because the contact has opted out
    /// there. Returns what else was cancelled, if the contact counted as opted in.
    pub fn opt_out_at_twilio(
        &mut self,
        turn: u64,
        code: u32,
        now: UnixMillis,
    ) -> (OptOutRefusal, Option<CancelledCounts>) {
        let refusal = self.outbox.mark_opted_out(turn, code, now);
        let opts_out = refusal == OptOutRefusal::Dropped && !self.opted_out;
        (refusal, opts_out.then(|| self.opt_out(now)))
    }
}
