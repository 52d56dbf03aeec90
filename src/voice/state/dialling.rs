//! A call of ours until somebody answers it: whether Twilio has it, and what has become of it.
//!
//! Not here: the attempt itself (`conversation::dialling`), and the requests (`voice::call`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Counts, Finished, Phase, State};
use crate::{
    base::time::UnixMillis,
    conversation::dialling::{Attempt, Outlook},
    event::{CallEnd, DialOutcome},
    identity::CallSid,
    twilio::{
        rest::FoundCall,
        voice::{CallStatus, prices::Speech},
    },
    voice::api::{Dial, Progress},
};

/// A call that nobody has answered yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Dialling {
    pub(super) dial: Dial,
    /// When its minute was reserved.
    pub(super) reserved_at: UnixMillis,
    #[serde(flatten)]
    pub(super) attempt: Attempt,
}

/// What a call is looked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookUp {
    /// The call.
    pub dial: Dial,
    /// When the request to make it began.
    pub since: UnixMillis,
    /// Twilio's id of it, if that is known.
    pub sid: Option<CallSid>,
}

/// How long the phone of whom we call rings. Most voice mails answer later.
pub const RINGS_FOR: Duration = Duration::from_secs(25);

impl State {
    /// Begins to call somebody: the minute is reserved, and Twilio is about to be asked. Returns `false` if that has been done
    /// before.
    pub fn dial(&mut self, dial: &Dial, now: UnixMillis) -> bool {
        if !self.is_blank() {
            return false;
        }
        self.dialling = Some(Dialling {
            dial: dial.clone(),
            reserved_at: now,
            attempt: Attempt::begin(now),
        });
        true
    }

    /// Twilio is asked with another token, because it did not accept the one before.
    pub fn dial_again(&mut self, now: UnixMillis) {
        if let Some(dialling) = &mut self.dialling {
            dialling.attempt.begin_again(now);
        }
    }

    /// The outcome of the request is not known. Twilio will be asked.
    pub fn dial_unknown(&mut self, now: UnixMillis) {
        if let Some(dialling) = &mut self.dialling {
            dialling.attempt.is_unknown(now);
        }
    }

    /// Twilio makes the call. It tells when the call is over; if it does not, it is asked.
    pub fn dialled(&mut self, sid: CallSid, now: UnixMillis) {
        if let Some(dialling) = &mut self.dialling {
            dialling.attempt.is_made(sid, RINGS_FOR, now);
        }
    }

    /// The call that is to be looked for.
    #[must_use]
    pub fn look_up(&self) -> Option<LookUp> {
        let Dialling { dial, attempt, .. } = self.dialling.as_ref()?;
        Some(LookUp {
            dial: dial.clone(),
            since: attempt.since(),
            sid: attempt.sid().cloned(),
        })
    }

    /// Twilio was asked what has become of the call. Returns what is new, and the call if it has ended.
    pub fn looked_up(
        &mut self,
        found: FoundCall,
        now: UnixMillis,
    ) -> (Option<DialOutcome>, Option<Finished>) {
        let Some(dialling) = &mut self.dialling else {
            return (None, None);
        };
        match dialling.attempt.looked_up(found, RINGS_FOR, now) {
            Outlook::Later => (None, None),
            Outlook::Made => (Some(DialOutcome::Made), None),
            Outlook::Over { status, is_news } => {
                let news = is_news.then_some(DialOutcome::Made);
                (news, self.end_dialling(end_of(status), now))
            }
            Outlook::NotMade => {
                let ended = self.end_dialling(CallEnd::NotMade, now);
                (Some(DialOutcome::NotMade), ended)
            }
            Outlook::GivenUp => (None, self.end_dialling(CallEnd::Lost, now)),
        }
    }

    /// The call is over, as its status callback says. Returns `None` if it had ended before.
    pub fn told_over(&mut self, status: CallStatus, now: UnixMillis) -> Option<Finished> {
        if self.dialling.is_some() {
            self.end_dialling(end_of(status), now)
        } else {
            self.finish(CallEnd::Caller, now)
        }
    }

    /// How far the call has come, if there is one.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        match self.phase() {
            Phase::New => None,
            Phase::Dialling => Some(Progress::Dialling),
            Phase::Running => Some(Progress::Talking),
            Phase::Over(end) => Some(Progress::Ended(end)),
        }
    }

    /// Ends a call that nobody has answered, as far as we know.
    pub fn end_dialling(&mut self, end: CallEnd, now: UnixMillis) -> Option<Finished> {
        let dialling = self.dialling.take()?;
        self.end(end, now);
        // Twilio counts a minute once somebody has answered. If that is not known, it counts here.
        let minutes = u32::from(end == CallEnd::Lost);
        Some(Finished {
            end,
            phone_hash: dialling.dial.phone_hash,
            number: Some(dialling.dial.from),
            is_outbound: true,
            speech: Speech::None,
            duration_ms: 0,
            minutes,
            unused: 1_u32.saturating_sub(minutes),
            reserved_at: dialling.reserved_at,
            resumes: 0,
            session: None,
            counts: Counts::default(),
        })
    }
}

/// How a call has ended that we know only of Twilio.
fn end_of(status: CallStatus) -> CallEnd {
    match status {
        CallStatus::Busy => CallEnd::Busy,
        CallStatus::NoAnswer => CallEnd::NoAnswer,
        CallStatus::Canceled => CallEnd::Cancelled,
        CallStatus::Failed => CallEnd::Unreachable,
        // Somebody has answered, and we were not asked what to say.
        _ => CallEnd::Lost,
    }
}
