//! The call of a run: the attempt to make it, its two legs, and who has the floor.
//!
//! Only the side whose turn it is speaks, on its own leg. The floor passes when that leg says that it has
//! stopped, or when its words must have been spoken. Socket, action, status callback and alarm each end a
//! leg, as often as they like. Not here: which line is next (`state`), and I/O (`run::call`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Next, Run};
use crate::{
    base::time::{UnixMillis, growing_wait},
    conversation::dialling::{Attempt, Outlook, TWILIO_TIME, hung_up},
    event::{DialOutcome, HangUpOutcome},
    identity::CallSid,
    synthetic::{
        api::Recording,
        plan::Leg,
        transcript::{EndReason, EndedBy},
    },
    twilio::{
        rest::{Completed, FoundCall},
        voice::relay_url::Door,
    },
};

/// The call of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The one attempt to make it.
    #[serde(default)]
    pub(super) attempt: Option<Attempt>,
    #[serde(default)]
    pub(super) caller: LegState,
    #[serde(default)]
    callee: LegState,
    /// Since when both legs are connected.
    #[serde(default)]
    pub(super) talks_since: Option<UnixMillis>,
    /// The line that is being spoken.
    #[serde(default)]
    pub(super) floor: Option<Floor>,
    /// When both legs were told to end.
    #[serde(default)]
    told_at: Option<UnixMillis>,
    /// How often Twilio was asked in vain to end the call, and when it is asked next.
    #[serde(default)]
    hang_up: (u32, UnixMillis),
    /// Since when nothing of it goes on, as far as we know.
    #[serde(default)]
    pub(super) over_at: Option<UnixMillis>,
    /// Whether nobody could tell how long it lasted.
    #[serde(default)]
    is_lost: bool,
    /// Its recording.
    #[serde(default)]
    recording: Option<Recording>,
}

/// A leg of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LegState {
    /// Twilio's id of it. Each leg is a call of its own for Twilio.
    #[serde(default)]
    pub(super) sid: Option<CallSid>,
    /// When it asked for TwiML first.
    #[serde(default)]
    pub(super) answered_at: Option<UnixMillis>,
    #[serde(default)]
    pub(super) door: Option<Door>,
    #[serde(default)]
    pub(super) socket: Socket,
    /// When it said which call it is.
    #[serde(default)]
    pub(super) set_up_at: Option<UnixMillis>,
    #[serde(default)]
    pub(super) over_at: Option<UnixMillis>,
}

/// The one socket of a leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Socket {
    /// Nobody has opened it.
    #[default]
    None,
    /// It is open, and has not said which call it is.
    Open,
    /// It is that of the leg.
    SetUp,
    /// It was closed.
    Closed,
}

/// A line that is being spoken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Floor {
    /// The leg that speaks.
    pub(super) leg: Leg,
    /// Whether Twilio has begun to speak it.
    pub(super) begun: bool,
    /// When it must have been spoken, if Twilio does not say so.
    pub(super) until: UnixMillis,
}

/// How long the number that is called rings.
pub const RINGS_FOR: Duration = Duration::from_mins(1);
/// How long the second leg may take longer than the first one.
const OTHER_LEG: Duration = Duration::from_secs(20);
/// How long the legs have to end after they were told.
const TOLD_GRACE: Duration = Duration::from_secs(10);
/// How often Twilio is asked to end the call. Its own limit ends it anyway.
const MAX_HANG_UPS: u32 = 5;
/// The longest wait before Twilio is asked again.
const MAX_WAIT: Duration = Duration::from_secs(64);

impl Call {
    fn leg(&self, leg: Leg) -> &LegState {
        match leg {
            Leg::Caller => &self.caller,
            Leg::Callee => &self.callee,
        }
    }

    pub(super) fn leg_mut(&mut self, leg: Leg) -> &mut LegState {
        match leg {
            Leg::Caller => &mut self.caller,
            Leg::Callee => &mut self.callee,
        }
    }

    /// The attempt to make it.
    #[must_use]
    pub fn attempt(&self) -> Option<&Attempt> {
        self.attempt.as_ref()
    }

    /// What Twilio has said of its recording.
    #[must_use]
    pub fn recording(&self) -> Option<&Recording> {
        self.recording.as_ref()
    }

    /// Keeps what Twilio says of its recording first.
    pub(super) fn keep_recording(&mut self, recording: &Recording) {
        self.recording.get_or_insert_with(|| recording.clone());
    }

    /// Whether a socket is the set-up one of its leg. Frames of others say nothing.
    #[must_use]
    pub fn talks_on(&self, leg: Leg) -> bool {
        self.leg(leg).socket == Socket::SetUp
    }

    /// The leg that speaks now.
    #[must_use]
    pub fn speaks(&self) -> Option<Leg> {
        Some(self.floor.as_ref()?.leg)
    }

    /// The call that Twilio is asked to end: with one leg, the other one ends, too.
    #[must_use]
    pub fn to_hang_up(&self) -> Option<&CallSid> {
        let own = self.attempt.as_ref().and_then(Attempt::sid);
        own.or(self.caller.sid.as_ref())
            .or(self.callee.sid.as_ref())
    }

    /// The begun minutes of both legs, of those that were reserved.
    #[must_use]
    pub fn minutes(&self, reserved: u32, now: UnixMillis) -> u32 {
        if self.is_lost {
            return reserved;
        }
        let of_leg = |leg: &LegState| {
            let answered = leg.answered_at?;
            let over = leg.over_at.or(self.over_at).unwrap_or(now);
            let minutes = over
                .since(answered)
                .as_secs()
                .saturating_add(1)
                .div_ceil(60);
            let minutes = u32::try_from(minutes).unwrap_or(u32::MAX);
            Some(minutes.min(reserved / 2))
        };
        let legs = [&self.caller, &self.callee].into_iter();
        legs.filter_map(of_leg).sum()
    }

    /// Ends what may still go on, when that follows from the ends of the legs.
    pub(super) fn settle(&mut self, now: UnixMillis) {
        // The leg of the number that calls is the whole call.
        if self.caller.over_at.is_some() {
            let other = &self.callee;
            if other.answered_at.is_none() || other.over_at.is_some() {
                self.over_at.get_or_insert(now);
            }
        }
    }

    /// The call is over with all that is of it.
    pub(super) fn close(&mut self, now: UnixMillis) {
        for leg in [&mut self.caller, &mut self.callee] {
            leg.close(now);
        }
        self.over_at.get_or_insert(now);
    }

    /// When both legs must be connected.
    fn connected_by(&self, attempt: &Attempt) -> UnixMillis {
        let set_up = [self.caller.set_up_at, self.callee.set_up_at];
        match set_up.into_iter().flatten().min() {
            Some(first) => first.plus(OTHER_LEG),
            None => attempt.since().plus(RINGS_FOR).plus(TWILIO_TIME),
        }
    }

    /// Why a call ends that did not come to its end.
    pub(super) fn failure(&self) -> EndReason {
        let answered = [&self.caller, &self.callee].map(|leg| leg.answered_at.is_some());
        if self.talks_since.is_some() {
            EndReason::LegLost
        } else if answered.contains(&true) {
            EndReason::OneLeg
        } else {
            EndReason::CallFailed
        }
    }
}

impl LegState {
    pub(super) fn close(&mut self, now: UnixMillis) {
        self.door = None;
        if self.socket != Socket::None {
            self.socket = Socket::Closed;
        }
        if self.answered_at.is_some() {
            self.over_at.get_or_insert(now);
        }
    }
}

impl Run {
    /// What the call waits for: when it is due, and what is to be done then. `None`: nothing of the call
    /// keeps the run from its next line, or from its end.
    pub(super) fn pending(&self) -> Option<(UnixMillis, Next)> {
        let call = self.call.as_ref().filter(|call| call.over_at.is_none())?;
        let Some(attempt) = &call.attempt else {
            // A call that was not made needs no end.
            return self.ended.is_none().then_some((self.begun_at, Next::Dial));
        };
        let own = match (&call.floor, self.ended, call.talks_since) {
            (Some(floor), _, since) => {
                let spoken = (floor.until, Next::Spoken);
                let limit = Duration::from_secs(self.plan.limits.seconds.into());
                match since.map(|since| since.plus(limit)) {
                    Some(limit) if limit < floor.until => Some((limit, Next::TimeUp)),
                    _ => Some(spoken),
                }
            }
            (None, None, Some(_)) => return None,
            (None, None, None) => Some((call.connected_by(attempt), Next::NotConnected)),
            (None, Some((_, at)), _) => match call.told_at {
                None => Some((at, Next::Tell)),
                Some(_) => call.to_hang_up().map(|_| (call.hang_up.1, Next::HangUp)),
            },
        };
        let is_known = attempt.sid().or(call.caller.sid.as_ref()).is_some();
        let look_up = (!is_known).then(|| (attempt.not_before(), Next::LookUp));
        own.into_iter().chain(look_up).min_by_key(|(at, _)| *at)
    }

    pub(super) fn call_mut(&mut self) -> Option<&mut Call> {
        self.call.as_mut()
    }

    /// Twilio is about to be asked to make the call, perhaps with another token. Returns `false` if the
    /// run has ended.
    pub fn dial(&mut self, now: UnixMillis) -> bool {
        let goes_on = self.ended.is_none();
        match self.call_mut() {
            Some(call) if goes_on || call.attempt.is_some() => {
                match &mut call.attempt {
                    Some(attempt) => attempt.begin_again(now),
                    None => call.attempt = Some(Attempt::begin(now)),
                }
                true
            }
            _ => false,
        }
    }

    /// Twilio makes the call, or it is not known whether it does.
    pub fn dialled(&mut self, sid: Option<CallSid>, now: UnixMillis) {
        let attempt = self.call_mut().and_then(|call| call.attempt.as_mut());
        match (attempt, sid) {
            (Some(attempt), Some(sid)) => attempt.is_made(sid, RINGS_FOR, now),
            (Some(attempt), None) => attempt.is_unknown(now),
            (None, _) => {}
        }
    }

    /// There is no call.
    pub fn not_made(&mut self, now: UnixMillis) {
        self.end(EndedBy::Failure, EndReason::CallFailed, now);
        if let Some(call) = self.call_mut() {
            call.close(now);
        }
    }

    /// Twilio was asked what has become of the call. Returns what is new.
    pub fn looked_up(&mut self, found: FoundCall, now: UnixMillis) -> Option<DialOutcome> {
        let attempt = self.call_mut()?.attempt.as_mut()?;
        match attempt.looked_up(found, RINGS_FOR, now) {
            Outlook::Later => None,
            Outlook::Made => Some(DialOutcome::Made),
            Outlook::Over { is_news, .. } => {
                self.call_is_over(None, now);
                is_news.then_some(DialOutcome::Made)
            }
            Outlook::NotMade => {
                self.not_made(now);
                Some(DialOutcome::NotMade)
            }
            Outlook::GivenUp => {
                self.lose_track(now);
                None
            }
        }
    }

    /// Nobody can tell what has become of the call. Its limit at Twilio ends it.
    fn lose_track(&mut self, now: UnixMillis) {
        if let Some(call) = self.call_mut() {
            call.is_lost = true;
        }
        self.call_is_over(None, now);
    }

    /// Both legs should be connected by now.
    pub fn not_connected(&mut self, now: UnixMillis) {
        if let Some(call) = &self.call {
            let reason = call.failure();
            self.end(EndedBy::Failure, reason, now);
        }
    }

    /// Both legs are told to end. Returns those that can be told.
    pub fn tell(&mut self, now: UnixMillis) -> Vec<Leg> {
        let Some(call) = self.call_mut() else {
            return Vec::new();
        };
        let open = |leg: &Leg| matches!(call.leg(*leg).socket, Socket::Open | Socket::SetUp);
        let told: Vec<Leg> = Leg::ALL.into_iter().filter(open).collect();
        call.told_at = Some(now);
        // Without a socket, nobody hears of it.
        let wait = if told.is_empty() {
            Duration::ZERO
        } else {
            TOLD_GRACE
        };
        call.hang_up.1 = now.plus(wait);
        told
    }

    /// Twilio was asked to end the call. Returns what came of it, unless it is asked again.
    pub fn hung_up(
        &mut self,
        completed: Completed,
        now: UnixMillis,
    ) -> Option<(HangUpOutcome, Option<u32>)> {
        let call = self.call_mut()?;
        let outcome = if let Some(outcome) = hung_up(completed) {
            outcome
        } else {
            let (tries, at) = &mut call.hang_up;
            *tries = tries.saturating_add(1);
            if *tries < MAX_HANG_UPS {
                *at = now.plus(growing_wait(*tries, MAX_WAIT));
                return None;
            }
            (HangUpOutcome::Unknown, None)
        };
        call.is_lost |= matches!(outcome.0, HangUpOutcome::Rejected | HangUpOutcome::Unknown);
        call.close(now);
        Some(outcome)
    }
}
