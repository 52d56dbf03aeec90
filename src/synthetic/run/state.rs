//! The state of a run, and what it does next. This module does no I/O, and gets the time passed in.
//!
//! All limits are here, so they hold for both sides: lines, time, requests, goodbye, repetition, and
//! two failures for one line. After the report, only the events for Segment are left. Not here:
//! asking the model (`speak`, `judge`), and what was reserved and used (`account`).

mod account;
mod call;
mod floor;
mod legs;
mod said;
mod transcript;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    analytics::{Outbox, Step},
    base::time::UnixMillis,
    config::Speaker,
    segment::Item,
    synthetic::{
        analysis::waiting::Due,
        api::{Cancelled, Cost, is_zero},
        disturbance::{Disturbance, Disturbed, disturbances, speaker_of},
        plan::RunPlan,
        score::Scores,
        transcript::{EndReason, Ended, EndedBy, Line},
    },
};

pub use account::{Reserved, Settled};
pub use call::{Call, RINGS_FOR};
pub use transcript::Transcript;

/// Everything that a run's object remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    v: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<Run>,
    /// Since when it is over: the batch has the record, or the run was told to end before it began.
    /// Then only that is remembered, for a while, because a late call must not begin the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    over_at: Option<UnixMillis>,
    /// The events of the run that Segment has not received.
    #[serde(skip_serializing_if = "Outbox::is_empty")]
    events: Outbox,
}

/// A run that is not reported yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// What it is to do.
    pub plan: RunPlan,
    /// Who speaks first.
    pub first: Speaker,
    /// When it began.
    pub begun_at: UnixMillis,
    /// The requests that were reserved for it.
    pub reserved: u32,
    /// When they were.
    pub reserved_at: UnixMillis,
    /// Those of them that were made, or are being made.
    pub used: u32,
    /// Whether those that were not used were given back.
    #[serde(default)]
    pub settled: bool,
    /// How often the batch was told in vain, in a row.
    #[serde(default)]
    pub report_failures: u32,
    /// When it is told again.
    #[serde(default)]
    pub report_at: Option<UnixMillis>,
    /// What was said.
    pub lines: Vec<Line>,
    /// Who said goodbye first.
    #[serde(default)]
    pub goodbye: Option<Speaker>,
    /// How often a side has repeated itself.
    #[serde(default)]
    pub repetitions: u32,
    /// How often the line or the scores that are due have failed.
    #[serde(default)]
    pub failures: u32,
    /// How it ended.
    #[serde(default)]
    pub ended: Option<(Ended, UnixMillis)>,
    /// When the judge has answered, or has failed for good.
    #[serde(default)]
    pub judged_at: Option<UnixMillis>,
    /// What the judge says.
    #[serde(default)]
    pub scores: Option<Scores>,
    /// The model that spoke last.
    #[serde(default)]
    pub model: String,
    /// The tokens that it has cost. Its requests are `used`.
    #[serde(default)]
    pub cost: Cost,
    /// Its call, in the mode `call`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Call>,
    /// How far the transcript of its recording is.
    #[serde(default, skip_serializing_if = "Transcript::is_undecided")]
    pub transcript: Transcript,
    /// The minutes that were reserved for it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reserved_minutes: u32,
}

/// What a run does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// A side says a line.
    Say {
        /// Which one.
        speaker: Speaker,
        /// What is special about the line.
        disturbance: Option<Disturbance>,
    },
    /// Twilio is asked to make the call.
    Dial,
    /// Twilio is asked what has become of the request to make it.
    LookUp,
    /// Both legs should be connected by now.
    NotConnected,
    /// The line that is being spoken must be over by now.
    Spoken,
    /// The limit of time is reached while a line is spoken.
    TimeUp,
    /// Both legs are told to end.
    Tell,
    /// Twilio is asked to end the call.
    HangUp,
    /// The judge is asked.
    Judge,
    /// The call is over, and its recording may be transcribed.
    BeginTranscript,
    /// Something is due on the way to the transcript.
    Transcribe(Due),
    /// What was reserved and not used is given back, and the batch gets the record.
    Report,
    /// Events are due.
    Events(Step),
    /// Nothing.
    Nothing,
}

/// The version of the stored format.
const VERSION: u32 = 1;
/// How long the end of a run is remembered.
pub const REMEMBERED: Duration = Duration::from_hours(24);

impl State {
    /// The state of a run that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self {
            v: VERSION,
            ..Self::default()
        }
    }

    /// Whether another release can have written it: this one cannot read it.
    #[must_use]
    pub fn is_of_this_version(&self) -> bool {
        self.v == VERSION
    }

    /// Whether the run has not begun. Then nothing is worth storing.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.run.is_none() && self.over_at.is_none() && self.events.is_empty()
    }

    /// The run, until it is reported.
    #[must_use]
    pub fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// When something is due.
    #[must_use]
    pub fn next_wake(&self, now: UnixMillis) -> Option<UnixMillis> {
        match (&self.run, self.over_at) {
            (Some(run), _) => Some(run.next_wake(now)),
            (None, over_at) => {
                let forgotten = over_at.map(|at| at.plus(REMEMBERED));
                forgotten.into_iter().chain(self.events.next_wake()).min()
            }
        }
    }

    /// Begins a run for which requests are reserved. Returns `false` if it has begun or ended before.
    pub fn begin(
        &mut self,
        plan: RunPlan,
        first: Speaker,
        reserved: Reserved,
        now: UnixMillis,
    ) -> bool {
        if !self.is_new() {
            return false;
        }
        self.run = Some(Run {
            call: plan.call.as_ref().map(|_| Call::default()),
            transcript: Transcript::Undecided,
            reserved_minutes: reserved.minutes,
            plan,
            first,
            begun_at: now,
            reserved: reserved.count,
            reserved_at: reserved.at,
            used: 0,
            settled: false,
            report_failures: 0,
            report_at: None,
            lines: Vec::new(),
            goodbye: None,
            repetitions: 0,
            failures: 0,
            ended: None,
            judged_at: None,
            scores: None,
            model: String::new(),
            cost: Cost::default(),
        });
        true
    }

    /// Forgets that the run has ended, when nobody can ask any more.
    pub fn forget_when_due(&mut self, now: UnixMillis) {
        self.over_at.take_if(|at| now >= at.plus(REMEMBERED));
    }

    /// The batch has the record. The events of the run wait for Segment.
    pub fn reported(&mut self, events: Vec<Item>, now: UnixMillis) {
        self.run = None;
        self.over_at = Some(now);
        self.events = Outbox::new(events, now);
    }

    /// The events that wait.
    pub fn events_mut(&mut self) -> &mut Outbox {
        &mut self.events
    }

    /// The operator ends the run.
    pub fn cancel(&mut self, now: UnixMillis) -> Cancelled {
        let Some(run) = &mut self.run else {
            self.over_at.get_or_insert(now);
            return Cancelled::Over;
        };
        run.end(EndedBy::Operator, EndReason::Cancelled, now);
        run.give_up_scores(now);
        run.give_up_transcript();
        Cancelled::Reports
    }

    /// What comes next.
    #[must_use]
    pub fn next(&self, now: UnixMillis) -> Next {
        match &self.run {
            Some(run) if run.report_at.is_none_or(|at| now >= at) => run.next(now),
            Some(_) => Next::Nothing,
            None => self
                .events
                .next_step(now)
                .map_or(Next::Nothing, Next::Events),
        }
    }

    /// Changes the run.
    pub fn change<R>(&mut self, change: impl FnOnce(&mut Run) -> R) -> Option<R> {
        self.run.as_mut().map(change)
    }
}

impl Run {
    fn next_wake(&self, now: UnixMillis) -> UnixMillis {
        self.report_at.unwrap_or_else(|| self.due(now).0)
    }

    fn next(&self, now: UnixMillis) -> Next {
        let (at, next) = self.due(now);
        if now >= at { next } else { Next::Nothing }
    }

    /// What comes next, and when.
    fn due(&self, now: UnixMillis) -> (UnixMillis, Next) {
        if let Some(pending) = self.pending() {
            return pending;
        }
        if self.ended.is_none() {
            let n = self.next_number();
            let say = Next::Say {
                speaker: speaker_of(n, self.first),
                disturbance: self.disturbed().remove(&n),
            };
            return (now, say);
        }
        let has_talked = self.lines.len() > 1;
        if self.plan.score && self.judged_at.is_none() && has_talked {
            return (now, Next::Judge);
        }
        self.transcript_due(now).unwrap_or((now, Next::Report))
    }

    /// Who says the next line.
    #[must_use]
    pub fn next_speaker(&self) -> Speaker {
        speaker_of(self.next_number(), self.first)
    }

    fn next_number(&self) -> u32 {
        u32::try_from(self.lines.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1)
    }

    fn disturbed(&self) -> Disturbed {
        let plan = &self.plan;
        let planned = || disturbances(plan.seed, self.first, plan.limits.turns);
        let mut disturbed = plan.disturbed.then(planned).unwrap_or_default();
        if self.call.is_some() {
            // A line that was spoken to its end was not interrupted.
            disturbed.retain(|_, disturbance| *disturbance != Disturbance::Interruption);
        }
        disturbed
    }

    /// The time that is left for the conversation.
    #[must_use]
    pub fn time_left(&self, now: UnixMillis) -> Duration {
        let limit = Duration::from_secs(self.plan.limits.seconds.into());
        // The time until both legs are connected is none of the conversation.
        let begun = match &self.call {
            Some(call) => call.talks_since.unwrap_or(now),
            None => self.begun_at,
        };
        limit.saturating_sub(now.since(begun))
    }
}

#[cfg(test)]
mod tests;
