//! What a line, a failure or a judgement changes, and the limits of a conversation.
//!
//! Not here: which line is next (`state`), and how a line is spoken on a call (`floor`).

use super::Run;
use crate::{
    base::time::UnixMillis,
    synthetic::{
        disturbance::{Disturbance, heard_before_interruption, speaker_of},
        prompt::Spoken,
        run::repetition::repeats,
        score::Scores,
        transcript::{EndReason, Ended, EndedBy, Line, Mark},
    },
};

/// How often the same line or the same scores may fail. The second failure ends it.
const MAX_FAILURES: u32 = 2;
/// How often sides may repeat themselves. The second time ends the conversation.
const MAX_REPETITIONS: u32 = 2;

impl Run {
    /// A side has said a line. On a call, it is spoken from now on, as `words`. After the end, nobody
    /// hears it.
    pub fn said_aloud(
        &mut self,
        spoken: Spoken,
        words: &str,
        disturbance: Option<Disturbance>,
        now: UnixMillis,
    ) {
        if self.ended.is_none() {
            self.said(spoken, disturbance, now, now);
            self.give_floor(words, now);
        }
    }

    /// A side has said a line. After the end, nobody hears it.
    pub fn said(
        &mut self,
        spoken: Spoken,
        disturbance: Option<Disturbance>,
        started_at: UnixMillis,
        now: UnixMillis,
    ) {
        if self.ended.is_some() {
            return;
        }
        self.failures = 0;
        let n = self.next_number();
        let speaker = speaker_of(n, self.first);
        if repeats(&self.lines, speaker, &spoken.text) {
            self.repetitions = self.repetitions.saturating_add(1);
        }
        let mut marks: Vec<Mark> = disturbance.map(Disturbance::mark).into_iter().collect();
        if spoken.ends_call {
            marks.push(Mark::Goodbye);
        }
        if disturbance == Some(Disturbance::Interruption)
            && let Some(before) = self.lines.last_mut()
        {
            before.heard = Some(heard_before_interruption(&before.text));
            before.marks.push(Mark::Interrupted);
        }
        self.lines.push(Line {
            n,
            speaker,
            text: spoken.text,
            heard: None,
            started_at,
            ended_at: now,
            marks,
        });
        let answers_goodbye = self.goodbye.is_some_and(|first| first != speaker);
        if answers_goodbye {
            let by = self.goodbye.map_or(EndedBy::Failure, EndedBy::from);
            return self.end(by, EndReason::Goodbye, now);
        }
        if spoken.ends_call && self.goodbye.is_none() {
            self.goodbye = Some(speaker);
        }
        if self.repetitions >= MAX_REPETITIONS {
            self.end(EndedBy::Limit, EndReason::Repetition, now);
        } else if n >= self.plan.limits.turns {
            // Who said goodbye in the last line has ended it.
            match self.goodbye {
                Some(speaker) => self.end(speaker.into(), EndReason::Goodbye, now),
                None => self.end(EndedBy::Limit, EndReason::Turns, now),
            }
        } else if self.time_left(now).is_zero() {
            self.end(EndedBy::Limit, EndReason::Seconds, now);
        }
    }

    /// The line that is due, or the scores, could not be had.
    pub fn failed(&mut self, now: UnixMillis) {
        self.failures = self.failures.saturating_add(1);
        if self.failures < MAX_FAILURES {
            return;
        }
        if self.ended.is_some() {
            self.judged_at = Some(now);
        } else {
            self.end(EndedBy::Failure, EndReason::ModelFailed, now);
        }
    }

    /// The judge has answered.
    pub fn judged(&mut self, scores: Scores, now: UnixMillis) {
        self.judged_at = Some(now);
        self.scores = Some(scores);
    }

    /// Nobody will be asked for scores.
    pub fn give_up_scores(&mut self, now: UnixMillis) {
        self.judged_at = Some(now);
    }

    /// Ends the conversation, unless it has ended before.
    pub fn end(&mut self, by: EndedBy, reason: EndReason, now: UnixMillis) {
        if self.ended.is_none() {
            self.failures = 0;
            self.ended = Some((Ended { by, reason }, now));
            self.cut_line(now);
        }
    }
}
