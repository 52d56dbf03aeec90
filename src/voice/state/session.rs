//! The sessions of a call: the secret that opens a socket, the socket that is open, and how the call goes on without it.

use serde::{Deserialize, Serialize};

use super::{Call, State};
use crate::{
    base::time::UnixMillis,
    event::CallEnd,
    identity::CallSid,
    twilio::voice::relay_url::{Door, RelaySecret, RelaySecretHash},
    voice::api::{Next, RelayEnd, Sentence},
};

/// A socket that was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    /// Sessions are counted from 1. Frames of an earlier one are ignored.
    pub(super) number: u32,
    pub(super) opened_at: UnixMillis,
    /// Whether Twilio has said which call it is.
    pub(super) is_set_up: bool,
    /// When it was closed.
    pub(super) lost_at: Option<UnixMillis>,
}

impl Session {
    /// Whether frames of it count.
    pub(super) fn talks(&self) -> bool {
        self.is_set_up && self.lost_at.is_none()
    }
}

/// What the first frame of a session leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetUp {
    /// The call talks from now on. `true`: for the first time.
    Begun(bool),
    /// It is the frame of another call, or came twice. The socket is closed.
    Refused,
}

/// How often a call goes on after its socket was lost.
pub const MAX_RESUMES: u32 = 2;

impl State {
    /// Lets one socket with this secret be opened.
    pub fn open_door(&mut self, secret: &RelaySecretHash, now: UnixMillis) {
        if let Some(call) = &mut self.call {
            call.door = Some(Door::new(secret, now));
        }
    }

    /// Opens a socket, if this is the secret. Returns the number of its session.
    pub fn connect(&mut self, secret: &RelaySecret, now: UnixMillis) -> Option<u32> {
        let call = self.call.as_mut()?;
        let door = call.door.as_ref()?;
        if !door.opens(secret, now) {
            return None;
        }
        call.door = None;
        let number = call.sessions.saturating_add(1);
        call.sessions = number;
        call.session = Some(Session {
            number,
            opened_at: now,
            is_set_up: false,
            lost_at: None,
        });
        Some(number)
    }

    /// Twilio says which call a session belongs to.
    pub fn set_up(&mut self, session: u32, sid: &CallSid) -> SetUp {
        let Some(call) = &mut self.call else {
            return SetUp::Refused;
        };
        let is_own = call.admission.sid == *sid;
        match &mut call.session {
            Some(current) if current.number == session && !current.is_set_up && is_own => {
                current.is_set_up = true;
                SetUp::Begun(session == 1)
            }
            _ => SetUp::Refused,
        }
    }

    /// The session in which the call talks now.
    #[must_use]
    pub fn live_session(&self) -> Option<u32> {
        let session = self.call.as_ref()?.session.as_ref()?;
        session.talks().then_some(session.number)
    }

    /// The session whose socket is open, whether or not it was set up.
    #[must_use]
    pub fn open_session(&self) -> Option<u32> {
        let session = self.call.as_ref()?.session.as_ref()?;
        session.lost_at.is_none().then_some(session.number)
    }

    /// The socket of a session was closed.
    ///
    /// Returns whether it was open until now.
    pub fn lose(&mut self, session: u32, now: UnixMillis) -> bool {
        let was_open = self.open_session() == Some(session);
        if was_open
            && let Some(Call {
                session: Some(current),
                ..
            }) = &mut self.call
        {
            current.lost_at = Some(now);
        }
        was_open
    }

    /// The action of `<Connect>`: what Twilio does next, and how the call ends if it does.
    ///
    /// A call whose socket was lost goes on with a new one.
    pub fn end_relay(&mut self, end: &RelayEnd, now: UnixMillis) -> (Next, Option<CallEnd>) {
        let Some(call) = &mut self.call else {
            return (self.after_the_end(), None);
        };
        if let Some(closing) = &call.closing {
            let goes_on = closing.end == CallEnd::HandedOff && !end.call_is_over;
            return match closing.end {
                _ if goes_on => (Next::Dial, Some(closing.end)),
                CallEnd::HandedOff => (Next::HangUp, Some(CallEnd::Caller)),
                other => (Next::HangUp, Some(other)),
            };
        }
        if end.call_is_over {
            return (Next::HangUp, Some(CallEnd::Caller));
        }
        // A repeated request is answered like the first one.
        if call.lost.is_none() || call.lost != end.session {
            if call.resumes >= MAX_RESUMES {
                return (Next::Say(Sentence::Failed), Some(CallEnd::SocketLost));
            }
            call.resumes = call.resumes.saturating_add(1);
            call.lost.clone_from(&end.session);
            (call.session, call.hang_up) = (None, None);
        }
        self.open_door(&end.door, now);
        (Next::Connect { greet: false }, None)
    }
}
