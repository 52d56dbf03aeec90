//! What a call's alarm is set for: everything that must happen although nobody calls.

use std::time::Duration;

use super::{Call, RESERVED_BEFORE, State, keys::Entry, session::Session};
use crate::{base::time::UnixMillis, config::Config, event::CallEnd};

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
    /// Nobody has told of the call's end.
    GiveUp(CallEnd),
    /// The call is forgotten.
    Forget,
}

/// How long a socket has to say which call it is.
const SET_UP_WITHIN: Duration = Duration::from_secs(10);
/// How long Twilio has to act on what it was told, or to tell what has become of a lost socket.
pub(super) const TWILIO_TIME: Duration = Duration::from_secs(30);
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
        call.chain(over)
    }
}

impl Call {
    fn jobs(&self, config: &Config) -> Vec<(UnixMillis, Job)> {
        let mut jobs = Vec::new();
        match &self.closing {
            // Without a socket, Twilio is told by the next document. It needs nothing more to dial.
            Some(closing) if closing.is_told || self.gathering.is_some() => {
                let dials = closing.is_told && closing.end == CallEnd::HandedOff;
                let late = match self.gathering {
                    Some(_) if dials => closing.end_by,
                    _ => closing.end_by.plus(TWILIO_TIME),
                };
                jobs.push((late, Job::GiveUp(closing.end)));
            }
            Some(closing) => jobs.push((closing.end_by, Job::EndSession)),
            None => {
                jobs.push((self.ends_at(config), Job::TimeUp));
                let next = self.paid_until();
                if next < self.ends_at(config) {
                    jobs.push((next.minus(RESERVED_BEFORE), Job::ReserveMinute));
                }
                // Without a socket nobody could be asked.
                let talks = self.session.as_ref().is_some_and(Session::talks);
                jobs.extend(self.quiet_at.filter(|_| talks).map(|at| (at, Job::Silence)));
                let entry_ends = self.entry.as_ref().and_then(Entry::ends_at);
                jobs.extend(entry_ends.filter(|_| talks).map(|at| (at, Job::EndEntry)));
            }
        }
        if let Some(gathering) = &self.gathering {
            let back_by = gathering.back_by();
            jobs.extend(
                self.closing
                    .is_none()
                    .then_some((back_by, Job::GiveUp(CallEnd::Lost))),
            );
            return jobs;
        }
        match (&self.session, &self.door) {
            (Some(session), _) => match session.lost_at {
                Some(lost) => jobs.push((lost.plus(TWILIO_TIME), Job::GiveUp(CallEnd::Lost))),
                None if !session.is_set_up => {
                    jobs.push((session.opened_at.plus(SET_UP_WITHIN), Job::CloseSocket));
                }
                None => {}
            },
            (None, Some(door)) => {
                jobs.push((door.until.plus(TWILIO_TIME), Job::GiveUp(CallEnd::Lost)));
            }
            // Between the two only the webhook's own step comes.
            (None, None) => {
                let late = self
                    .admitted_at
                    .plus(TWILIO_TIME)
                    .plus(super::session::DOOR_OPEN);
                jobs.push((late, Job::GiveUp(CallEnd::Lost)));
            }
        }
        jobs
    }
}
