//! What a call's alarm is set for: everything that must happen although nobody calls.

use std::time::Duration;

use super::{Call, RESERVED_BEFORE, State, keys::Entry, session::Session};
use crate::{
    base::time::UnixMillis, config::Config, conversation::dialling::TWILIO_TIME, event::CallEnd,
    twilio::voice::relay_url::DOOR_OPEN,
};

/// Something that the alarm does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Reserves the next minute, or ends the call.
    ReserveMinute,
    /// The caller is silent.
    Silence,
    /// The caller presses no more keys.
    EndEntry,
    /// The call has lasted as long as it may.
    TimeUp,
    /// The last sentence must have been said.
    EndSession,
    /// The socket never said which call it is.
    CloseSocket,
    /// Nobody has told of the call's end, although it is due: Twilio is asked to end the call.
    HangUp(CallEnd),
    /// A document has had Twilio dial a person, and nothing more is to be said.
    Dialled,
    /// Twilio is asked what has become of a call of ours.
    LookUp,
    /// The call is forgotten.
    Forget,
}

/// How long a socket has to say which call it is.
const SET_UP_WITHIN: Duration = Duration::from_secs(10);
/// How long Twilio may ask again about a call that has ended.
const REMEMBERED: Duration = Duration::from_mins(10);

impl State {
    /// The job that is due.
    #[must_use]
    pub fn next_job(&self, now: UnixMillis, config: &Config) -> Option<Job> {
        let due = self.jobs(config).filter(|(at, _)| *at <= now);
        due.min_by_key(|(at, _)| *at).map(|(_, job)| job)
    }

    /// When the next job is due.
    #[must_use]
    pub fn next_wake(&self, config: &Config) -> Option<UnixMillis> {
        self.jobs(config).map(|(at, _)| at).min()
    }

    fn jobs(&self, config: &Config) -> impl Iterator<Item = (UnixMillis, Job)> {
        let over = self
            .over
            .map(|over| (over.at.plus(REMEMBERED), Job::Forget));
        let call = self.call.iter().flat_map(|call| call.jobs(config));
        let dialling = self.dialling.as_ref();
        let look_up = dialling.map(|dialling| (dialling.attempt.not_before(), Job::LookUp));
        call.chain(over).chain(look_up)
    }
}

impl Call {
    fn jobs(&self, config: &Config) -> Vec<(UnixMillis, Job)> {
        let mut jobs = Vec::new();
        match &self.closing {
            // Without a socket, Twilio is told by the next document.
            Some(closing) if closing.is_told || self.gathering.is_some() => {}
            Some(closing) => jobs.push((closing.end_by, Job::EndSession)),
            None => {
                jobs.push((self.ends_at(config), Job::TimeUp));
                let next = self.paid_until();
                if next < self.ends_at(config) {
                    let before = match self.gathering {
                        // Only the next document can say that there is none.
                        Some(_) => TWILIO_TIME,
                        None => RESERVED_BEFORE,
                    };
                    jobs.push((next.minus(before), Job::ReserveMinute));
                }
                // Without a socket nobody could be asked.
                let talks = self.session.as_ref().is_some_and(Session::talks);
                jobs.extend(self.quiet_at.filter(|_| talks).map(|at| (at, Job::Silence)));
                let entry_ends = self.entry.as_ref().and_then(Entry::ends_at);
                jobs.extend(entry_ends.filter(|_| talks).map(|at| (at, Job::EndEntry)));
            }
        }
        if let Some(session) = &self.session
            && session.lost_at.is_none()
            && !session.is_set_up
        {
            jobs.push((session.opened_at.plus(SET_UP_WITHIN), Job::CloseSocket));
        }
        if let Some(dialled) = self.dialled() {
            jobs.push((dialled, Job::Dialled));
        } else if let Some((late, end)) = self.late() {
            let at = self
                .hang_up
                .map_or(late, |hang_up| late.max(hang_up.not_before));
            jobs.push((at, Job::HangUp(end)));
        }
        jobs
    }

    /// When the document was said that has Twilio dial a person.
    fn dialled(&self) -> Option<UnixMillis> {
        let closing = self.closing.as_ref().filter(|_| self.gathering.is_some())?;
        let dials = closing.is_told && closing.end == CallEnd::HandedOff;
        dials.then_some(closing.end_by)
    }

    /// When Twilio must have told of the call's end, and which end it is.
    fn late(&self) -> Option<(UnixMillis, CallEnd)> {
        if let Some(gathering) = &self.gathering {
            return Some(self.late_document(gathering.back_by()));
        }
        let told = self.closing.as_ref().filter(|closing| closing.is_told);
        let told = told.map(|closing| (closing.end_by, closing.end));
        let lost = match (&self.session, &self.door) {
            (Some(session), _) => session.lost_at,
            (None, Some(door)) => Some(door.until()),
            // Between the two only the webhook's own step comes.
            (None, None) => Some(self.admitted_at.plus(DOOR_OPEN)),
        };
        let lost = lost.map(|at| (at, CallEnd::Lost));
        let first = told.into_iter().chain(lost).min_by_key(|(at, _)| *at);
        first.map(|(at, end)| (at.plus(TWILIO_TIME), end))
    }

    /// The same without a socket. A minute that nobody has does not begin, even if nobody could be told of that.
    fn late_document(&self, back_by: UnixMillis) -> (UnixMillis, CallEnd) {
        let Some(closing) = &self.closing else {
            return (back_by, CallEnd::Lost);
        };
        let late = closing.end_by.plus(TWILIO_TIME);
        let has_no_minute = closing.end == CallEnd::DailyLimit && !closing.is_told;
        let late = if has_no_minute {
            late.min(self.paid_until().minus(RESERVED_BEFORE))
        } else {
            late
        };
        (late, closing.end)
    }
}
