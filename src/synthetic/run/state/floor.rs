//! The floor of a call: one side speaks at a time, until its line was spoken.
//!
//! Not here: which line is next (`state`), and the legs (`legs`).

use std::time::Duration;

use super::{
    Run,
    call::{Call, Floor},
};
use crate::{
    base::time::UnixMillis,
    synthetic::{
        plan::Leg,
        transcript::{EndReason, EndedBy, Mark},
    },
    voice::state::speech_time,
};

/// How much longer than its words a line may take.
const LINE_GRACE: Duration = Duration::from_secs(3);
/// The most that is kept of what was recognised of a line, in bytes.
const MAX_HEARD: usize = 2000;

impl Run {
    /// The newest line is spoken from now on, as these words.
    pub(super) fn give_floor(&mut self, words: &str, now: UnixMillis) {
        let Some(line) = self.lines.last_mut() else {
            return;
        };
        let Some(call) = &mut self.call else { return };
        line.started_at = now;
        call.floor = Some(Floor {
            leg: Leg::of(line.speaker),
            begun: false,
            until: now.plus(speech_time(words)).plus(LINE_GRACE),
        });
    }

    /// A leg has begun to speak, or has stopped. Only of the one with the floor that says anything.
    pub fn speaking(&mut self, leg: Leg, speaks: bool, now: UnixMillis) {
        let floor = self.call.as_mut().and_then(|call| call.floor.as_mut());
        let Some(floor) = floor.filter(|floor| floor.leg == leg) else {
            return;
        };
        if !speaks && floor.begun {
            return self.spoken(now);
        }
        if speaks && !floor.begun {
            floor.begun = true;
            if let Some(line) = self.lines.last_mut() {
                line.started_at = now;
            }
        }
    }

    /// The line of that leg was spoken to its end: the floor passes.
    pub fn played(&mut self, leg: Leg, now: UnixMillis) {
        if self.call.as_ref().and_then(Call::speaks) == Some(leg) {
            self.spoken(now);
        }
    }

    /// The line was spoken, or must have been.
    pub fn spoken(&mut self, now: UnixMillis) {
        let floor = self.call_mut().and_then(|call| call.floor.take());
        if floor.is_none() {
            return;
        }
        if let Some(line) = self.lines.last_mut() {
            line.ended_at = now;
        }
        if let Some((_, at)) = &mut self.ended {
            *at = now;
        }
    }

    /// The call ends while a line is spoken.
    pub(super) fn cut_line(&mut self, now: UnixMillis) {
        let floor = self.call_mut().and_then(|call| call.floor.take());
        if let (Some(_), Some(line)) = (floor, self.lines.last_mut()) {
            line.ended_at = now;
            line.marks.push(Mark::CutOff);
        }
    }

    /// The limit of time is reached while a line is spoken.
    pub fn time_up(&mut self, now: UnixMillis) {
        self.cut_line(now);
        self.end(EndedBy::Limit, EndReason::Seconds, now);
    }

    /// A leg has recognised words. They are those of the newest line that the other leg has spoken.
    pub fn heard(&mut self, leg: Leg, words: &str) {
        if words.is_empty() {
            return;
        }
        let mut lines = self.lines.iter_mut().rev();
        let Some(line) = lines.find(|line| line.speaker != leg.speaker()) else {
            return;
        };
        let heard = line.heard.get_or_insert_default();
        if heard.len().saturating_add(words.len()) >= MAX_HEARD {
            return;
        }
        if !heard.is_empty() {
            heard.push(' ');
        }
        heard.push_str(words);
    }
}
