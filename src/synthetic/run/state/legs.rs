//! The legs of a call: they are answered, their sockets open and close, and they end.
//!
//! Not here: the call as a whole (`call`), and what is spoken (`floor`).

use super::{Run, call::Socket};
use crate::{
    base::time::UnixMillis,
    conversation::dialling::Attempt,
    identity::CallSid,
    synthetic::{plan::Leg, transcript::EndedBy},
    twilio::voice::relay_url::{Door, RelaySecret, RelaySecretHash},
};

impl Run {
    /// A leg asks for TwiML. Returns whether it is connected with the socket that this secret opens.
    pub fn answer_leg(
        &mut self,
        leg: Leg,
        sid: &CallSid,
        secret: &RelaySecretHash,
        now: UnixMillis,
    ) -> bool {
        if self.ended.is_some() {
            return false;
        }
        let Some(call) = self.call_mut() else {
            return false;
        };
        let known = call.attempt.as_ref().and_then(Attempt::sid);
        let is_other_call = match leg {
            Leg::Caller => known.is_some_and(|known| known != sid),
            Leg::Callee => known == Some(sid) || call.caller.sid.as_ref() == Some(sid),
        };
        // The call may be answered before Twilio has answered our request to make it.
        let is_dialled = call.attempt.is_some();
        let state = call.leg_mut(leg);
        let is_own = state.sid.as_ref().is_none_or(|own| own == sid);
        if is_other_call || !is_own || !is_dialled || state.socket != Socket::None {
            return false;
        }
        state.sid = Some(sid.clone());
        state.answered_at.get_or_insert(now);
        state.door = Some(Door::new(secret, now));
        true
    }

    /// Opens the socket of a leg, if this is the secret.
    pub fn connect(&mut self, leg: Leg, secret: &RelaySecret, now: UnixMillis) -> bool {
        let goes_on = self.ended.is_none();
        let Some(call) = self.call_mut().filter(|_| goes_on) else {
            return false;
        };
        let state = call.leg_mut(leg);
        let opens = state
            .door
            .as_ref()
            .is_some_and(|door| door.opens(secret, now));
        if opens {
            state.door = None;
            state.socket = Socket::Open;
        }
        opens
    }

    /// Twilio says which call a socket belongs to. Returns `false` if it is another one, or comes twice.
    pub fn set_up(&mut self, leg: Leg, sid: &CallSid, now: UnixMillis) -> bool {
        let Some(call) = self.call_mut() else {
            return false;
        };
        let state = call.leg_mut(leg);
        if state.socket != Socket::Open || state.sid.as_ref() != Some(sid) {
            return false;
        }
        state.socket = Socket::SetUp;
        state.set_up_at = Some(now);
        if Leg::ALL.iter().all(|leg| call.talks_on(*leg)) {
            call.talks_since = Some(now);
        }
        true
    }

    /// The socket of a leg was closed. Returns whether it was open until now.
    pub fn socket_closed(&mut self, leg: Leg, now: UnixMillis) -> bool {
        let Some(call) = self.call_mut() else {
            return false;
        };
        let socket = &mut call.leg_mut(leg).socket;
        let was_open = matches!(socket, Socket::Open | Socket::SetUp);
        if was_open {
            *socket = Socket::Closed;
            let reason = call.failure();
            self.end(EndedBy::Failure, reason, now);
        }
        was_open
    }

    /// The relay of a leg has ended, and the leg is told to hang up: the action of `<Connect>`.
    pub fn leg_ended(&mut self, leg: Leg, sid: &CallSid, now: UnixMillis) {
        let Some(call) = self.call_mut() else { return };
        let reason = call.failure();
        let state = call.leg_mut(leg);
        if state.sid.as_ref() != Some(sid) {
            return;
        }
        state.close(now);
        call.settle(now);
        self.end(EndedBy::Failure, reason, now);
    }

    /// The whole call is over, as its status callback or its list says.
    pub fn call_is_over(&mut self, sid: Option<&CallSid>, now: UnixMillis) {
        let Some(call) = self.call_mut() else { return };
        let known = call.attempt.as_ref().and_then(Attempt::sid);
        let known = known.or(call.caller.sid.as_ref());
        let is_other = sid.is_some_and(|sid| known.is_some_and(|known| known != sid));
        if is_other || call.attempt.is_none() {
            return;
        }
        let reason = call.failure();
        self.end(EndedBy::Failure, reason, now);
        if let Some(call) = self.call_mut() {
            call.close(now);
        }
    }
}
