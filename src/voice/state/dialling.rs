//! A call of ours until somebody answers it: whether Twilio has it, and what has become of it.
//!
//! It is stored before Twilio is asked to make it, and Twilio is asked once. If the outcome of that is not known, the call is
//! looked for in Twilio's list. Not here: the requests (`voice::call`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Counts, Finished, Phase, State, jobs::TWILIO_TIME};
use crate::{
    base::time::{UnixMillis, growing_wait},
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
    /// When the request to make it began.
    since: UnixMillis,
    /// Twilio's id of it, once Twilio is known to have it.
    sid: Option<CallSid>,
    /// How often in a row Twilio could not say what has become of it.
    tries: u32,
    /// When Twilio is asked what has become of it.
    pub(super) not_before: UnixMillis,
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
/// The wait after a request before Twilio is asked for its outcome.
const RECONCILE_WAIT: Duration = Duration::from_secs(5);
/// The same if the object may have vanished during the request, which can take that long.
const CUT_OFF_WAIT: Duration = Duration::from_secs(15);
/// When Twilio does not list a call this long after the request, the request certainly did not make it.
const CERTAINLY_ABSENT: Duration = Duration::from_secs(30);
/// The longest wait before Twilio is asked again.
const MAX_WAIT: Duration = Duration::from_secs(64);
/// When nothing is known of the call after so long, it is given up.
const GIVEN_UP: Duration = Duration::from_mins(15);

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
            since: now,
            sid: None,
            tries: 0,
            not_before: now.plus(CUT_OFF_WAIT),
        });
        true
    }

    /// Twilio is asked with another token, because it did not accept the one before.
    pub fn dial_again(&mut self, now: UnixMillis) {
        if let Some(dialling) = &mut self.dialling {
            dialling.since = now;
            dialling.not_before = now.plus(CUT_OFF_WAIT);
        }
    }

    /// The outcome of the request is not known. Twilio will be asked.
    pub fn dial_unknown(&mut self, now: UnixMillis) {
        if let Some(dialling) = &mut self.dialling {
            dialling.not_before = now.plus(RECONCILE_WAIT);
        }
    }

    /// Twilio makes the call. It tells when the call is over; if it does not, it is asked.
    pub fn dialled(&mut self, sid: CallSid, now: UnixMillis) {
        if let Some(dialling) = &mut self.dialling {
            dialling.sid = Some(sid);
            dialling.not_before = now.plus(RINGS_FOR).plus(TWILIO_TIME);
        }
    }

    /// The call that is to be looked for.
    #[must_use]
    pub fn look_up(&self) -> Option<LookUp> {
        let Dialling {
            dial, since, sid, ..
        } = self.dialling.clone()?;
        Some(LookUp { dial, since, sid })
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
        let waited = now.since(dialling.since);
        let is_known = dialling.sid.is_some();
        match found {
            FoundCall::One(_, status) if status.is_final() => {
                let news = (!is_known).then_some(DialOutcome::Made);
                (news, self.end_dialling(end_of(status), now))
            }
            FoundCall::One(sid, _) if !is_known => {
                self.dialled(sid, now);
                (Some(DialOutcome::Made), None)
            }
            FoundCall::Absent if !is_known && waited >= CERTAINLY_ABSENT => {
                let ended = self.end_dialling(CallEnd::NotMade, now);
                (Some(DialOutcome::NotMade), ended)
            }
            FoundCall::Absent if !is_known => {
                dialling.not_before = now.plus(RECONCILE_WAIT);
                (None, None)
            }
            _ if waited >= GIVEN_UP => (None, self.end_dialling(CallEnd::Lost, now)),
            FoundCall::One(..)
            | FoundCall::Absent
            | FoundCall::Unauthorized
            | FoundCall::Unclear => {
                dialling.tries = dialling.tries.saturating_add(1);
                dialling.not_before = now.plus(growing_wait(dialling.tries, MAX_WAIT));
                (None, None)
            }
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
