//! The end of a call: the closing sentence, and what is left of the call afterwards.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Call, Counts, MINUTE, Over, State, speech_time};
use crate::{
    base::time::{UnixMillis, growing_wait, millis},
    event::CallEnd,
    identity::{Address, PhoneHash},
    twilio::voice::prices::Speech,
};

/// A call that is being ended: its last sentence is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Closing {
    pub(super) end: CallEnd,
    /// When the session is ended at the latest: the sentence should have been said by then.
    pub(super) end_by: UnixMillis,
    /// Whether Twilio was told to end the session.
    pub(super) is_told: bool,
}

/// The requests to Twilio to end a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HangUp {
    /// How many have failed.
    tries: u32,
    /// When the next one is made.
    pub(super) not_before: UnixMillis,
}

/// Whether Twilio is asked again to end a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It is, or the call has ended meanwhile.
    Later,
    /// It was asked often enough.
    Never,
}

/// A call that has just ended, for the log and for the budget.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// How it ended.
    pub end: CallEnd,
    /// The person's hash for the log.
    pub phone_hash: PhoneHash,
    /// Our number.
    pub number: Option<Address>,
    /// Whether we have called the person.
    pub is_outbound: bool,
    /// How the assistant was heard.
    pub speech: Speech,
    /// How long it lasted, in milliseconds.
    pub duration_ms: u64,
    /// The minutes that it used.
    pub minutes: u32,
    /// The minutes that were reserved and not used.
    pub unused: u32,
    /// When the last minute was reserved.
    pub reserved_at: UnixMillis,
    /// How often its socket was lost and opened anew.
    pub resumes: u32,
    /// The last session. Its socket may still be open.
    pub session: Option<u32>,
    /// What happened.
    pub counts: Counts,
}

/// How long a sentence may take longer than it should.
pub(super) const SENTENCE_GRACE: Duration = Duration::from_secs(3);
/// How often Twilio is asked to end a call, and the longest wait between. All waits take half a minute.
const MAX_HANG_UPS: u32 = 5;
const MAX_HANG_UP_WAIT: Duration = Duration::from_secs(16);

impl State {
    /// Begins to end the call with a sentence. Returns whether it was not ending already.
    pub fn close(&mut self, end: CallEnd, sentence: &str, now: UnixMillis) -> bool {
        let Some(call) = &mut self.call else {
            return false;
        };
        if call.closing.is_some() {
            return false;
        }
        (call.quiet_at, call.entry) = (None, None);
        call.closing = Some(Closing {
            end,
            end_by: now.plus(speech_time(sentence)).plus(SENTENCE_GRACE),
            is_told: false,
        });
        true
    }

    /// How the call is being ended, if it is.
    #[must_use]
    pub fn closing(&self) -> Option<CallEnd> {
        self.call
            .as_ref()?
            .closing
            .as_ref()
            .map(|closing| closing.end)
    }

    /// The last sentence was said. Returns the session that Twilio is to end, once.
    pub fn end_session(&mut self) -> Option<(u32, CallEnd)> {
        let session = self.live_session();
        let closing = self.call.as_mut()?.closing.as_mut()?;
        if std::mem::replace(&mut closing.is_told, true) {
            return None;
        }
        Some((session?, closing.end))
    }

    /// It is not known whether Twilio has ended the call.
    pub fn hang_up_later(&mut self, now: UnixMillis) -> Retry {
        let Some(call) = &mut self.call else {
            return Retry::Later;
        };
        let tries = call.hang_up.map_or(0, |hang_up| hang_up.tries);
        let tries = tries.saturating_add(1);
        let not_before = now.plus(growing_wait(tries, MAX_HANG_UP_WAIT));
        call.hang_up = Some(HangUp { tries, not_before });
        if tries < MAX_HANG_UPS {
            Retry::Later
        } else {
            Retry::Never
        }
    }

    /// Ends the call. Everything that was said is forgotten. Returns `None` if it had ended before.
    pub fn finish(&mut self, end: CallEnd, now: UnixMillis) -> Option<Finished> {
        let Call {
            admission,
            admitted_at,
            session,
            minutes,
            resumes,
            counts,
            closing,
            gathering,
            ..
        } = self.call.take()?;
        // A caller who hangs up during the goodbye has not ended the call.
        let end = match (end, closing) {
            (CallEnd::Caller | CallEnd::Lost, Some(closing))
                if closing.end != CallEnd::HandedOff =>
            {
                closing.end
            }
            (end, _) => end,
        };
        self.end(end, now);
        let lasted = now.since(admitted_at);
        let begun =
            u32::try_from(lasted.as_millis().div_ceil(MINUTE.as_millis())).unwrap_or(u32::MAX);
        let used = begun.clamp(1, minutes.reserved.max(1));
        Some(Finished {
            end,
            phone_hash: admission.phone_hash,
            number: admission.number,
            is_outbound: admission.is_outbound,
            speech: match gathering {
                Some(_) => Speech::Documents,
                None => Speech::Relay,
            },
            duration_ms: millis(lasted),
            minutes: used,
            unused: minutes.reserved.saturating_sub(used),
            reserved_at: minutes.last_at,
            resumes,
            session: session.map(|session| session.number),
            counts,
        })
    }

    /// Only that the call has ended is remembered.
    pub(super) fn end(&mut self, end: CallEnd, now: UnixMillis) {
        (self.call, self.dialling) = (None, None);
        self.over = Some(Over { at: now, end });
    }

    /// Forgets a call that has ended.
    pub fn forget(&mut self) {
        self.over = None;
    }
}
