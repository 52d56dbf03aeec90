//! Waiting for the transcript of a recorded call: what is due, and when it is given up. This module does
//! no I/O, and gets the time passed in.
//!
//! The request to create a transcript is stored before it is made. If its outcome is unknown, or the
//! object vanished, the transcript is looked for before the request is made again. The service's webhook
//! can be lost or come twice, so the transcript is asked for by the clock, and the webhook only makes
//! that come earlier. Not here: the requests (`run::transcribe`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Failure, Outcome, WaitedFor};
use crate::{
    base::time::{UnixMillis, growing_wait},
    identity::{RecordingSid, TranscriptSid},
};

/// How far the analysis of a recorded call is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    stage: Stage,
    /// When something is due.
    due_at: UnixMillis,
    /// When it is given up.
    give_up_at: UnixMillis,
    /// How often the request that is due has failed, in a row.
    #[serde(default)]
    failures: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    /// Twilio has not told of the recording.
    Recording,
    /// A transcript is to be created.
    Create { recording: RecordingSid, tries: u32 },
    /// One may have been created.
    Find { recording: RecordingSid, tries: u32 },
    /// One was created, and the service works on it.
    Transcript {
        id: TranscriptSid,
        since: UnixMillis,
    },
}

/// What is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// A transcript is created, after [`Waiting::creating`] was stored.
    Create(RecordingSid),
    /// A transcript that may have been created is looked for.
    Find(RecordingSid),
    /// The transcript is asked for, and read if it is ready.
    Look(TranscriptSid),
    /// It has taken too long.
    GiveUp(Outcome),
}

/// How long Twilio may take to tell of the recording.
const RECORDING_TIME: Duration = Duration::from_mins(5);
/// How long creating a transcript may take, with repeats.
const CREATING_TIME: Duration = Duration::from_mins(15);
/// When a transcript is asked for, after it was created.
const LOOKS: [Duration; 3] = [
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
];
/// How long after its creation a transcript is given up. Requests that fail are made again until then.
const TRANSCRIPT_TIME: Duration = Duration::from_mins(12);
/// The wait before a transcript that may have been created is looked for. A list can be late.
const FIND_AFTER: Duration = Duration::from_secs(20);
/// How often the request to create a transcript is made, if none is listed after it.
const MAX_TRIES: u32 = 2;
/// The longest wait of our own before a request is made again.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

impl Waiting {
    /// Waits for the recording of a call that has ended.
    #[must_use]
    pub fn for_recording(now: UnixMillis) -> Self {
        let give_up_at = now.plus(RECORDING_TIME);
        Self {
            stage: Stage::Recording,
            due_at: give_up_at,
            give_up_at,
            failures: 0,
        }
    }

    /// When something is due.
    #[must_use]
    pub fn due_at(&self) -> UnixMillis {
        self.due_at.min(self.give_up_at)
    }

    /// What is due.
    #[must_use]
    pub fn due(&self, now: UnixMillis) -> Due {
        let is_over = now >= self.give_up_at;
        let gives_up = |waited_for| Due::GiveUp(Outcome::TimedOut { waited_for });
        match &self.stage {
            Stage::Recording if is_over => gives_up(WaitedFor::Recording),
            Stage::Create { .. } | Stage::Find { .. } if is_over => gives_up(WaitedFor::Creation),
            Stage::Transcript { .. } if is_over => gives_up(WaitedFor::Transcript),
            _ if now < self.due_at => Due::Nothing,
            Stage::Recording => Due::Nothing,
            Stage::Create { tries, .. } if *tries >= MAX_TRIES => {
                Due::GiveUp(Outcome::failed(Failure::NotListed))
            }
            Stage::Create { recording, .. } => Due::Create(recording.clone()),
            Stage::Find { recording, .. } => Due::Find(recording.clone()),
            Stage::Transcript { id, .. } => Due::Look(id.clone()),
        }
    }

    /// Twilio has told of the recording. Once it is known, another one changes nothing.
    pub fn recorded(&mut self, recording: RecordingSid, now: UnixMillis) {
        if self.stage == Stage::Recording {
            let tries = 0;
            self.enter(
                Stage::Create { recording, tries },
                now,
                now.plus(CREATING_TIME),
            );
        }
    }

    /// The request to create a transcript is about to be made. Until its outcome is known, it counts as
    /// unknown. Returns `false` if it must not be made.
    pub fn creating(&mut self, now: UnixMillis) -> bool {
        let Stage::Create { recording, tries } = &self.stage else {
            return false;
        };
        let stage = Stage::Find {
            recording: recording.clone(),
            tries: tries.saturating_add(1),
        };
        self.enter(stage, now.plus(FIND_AFTER), self.give_up_at);
        true
    }

    /// The request was refused for now, and has created nothing. It does not count.
    pub fn not_created(&mut self, now: UnixMillis) {
        let failures = self.failures.saturating_add(1);
        if let Stage::Find { recording, tries } = &self.stage {
            let stage = Stage::Create {
                recording: recording.clone(),
                tries: tries.saturating_sub(1),
            };
            let wait = growing_wait(failures, LONGEST_WAIT);
            self.enter(stage, now.plus(wait), self.give_up_at);
            self.failures = failures;
        }
    }

    /// A transcript was created, or was found. The first one counts.
    pub fn created(&mut self, id: TranscriptSid, now: UnixMillis) {
        if matches!(self.stage, Stage::Create { .. } | Stage::Find { .. }) {
            let stage = Stage::Transcript { id, since: now };
            self.enter(stage, now, now.plus(TRANSCRIPT_TIME));
            self.look_later(now);
        }
    }

    /// No transcript is listed. The request can be made again.
    pub fn not_found(&mut self, now: UnixMillis) {
        if let Stage::Find { recording, tries } = &self.stage {
            let stage = Stage::Create {
                recording: recording.clone(),
                tries: *tries,
            };
            self.enter(stage, now, self.give_up_at);
        }
    }

    /// The service says by its webhook that a transcript with our key is there. It may say so twice, and
    /// before its answer to our request.
    pub fn noticed(&mut self, notice: &TranscriptSid, now: UnixMillis) {
        self.created(notice.clone(), now);
        if let Stage::Transcript { id, .. } = &self.stage
            && id == notice
        {
            self.due_at = now;
        }
    }

    /// The service works on the transcript. It is asked again at the next time of the schedule.
    pub fn look_later(&mut self, now: UnixMillis) {
        self.failures = 0;
        if let Stage::Transcript { since, .. } = self.stage {
            let times = LOOKS.iter().map(|after| since.plus(*after));
            let next = times.into_iter().find(|time| *time > now);
            // After the last time, nobody waits any longer.
            self.due_at = next.unwrap_or(now);
            if next.is_none() {
                self.give_up_at = now;
            }
        }
    }

    /// The request that was due has failed. It is made again, not before what the service asks for.
    pub fn failed(&mut self, asked: Option<Duration>, now: UnixMillis) {
        self.failures = self.failures.saturating_add(1);
        let own = growing_wait(self.failures, LONGEST_WAIT);
        self.due_at = now.plus(asked.map_or(own, |asked| asked.max(own)));
    }

    fn enter(&mut self, stage: Stage, due_at: UnixMillis, give_up_at: UnixMillis) {
        *self = Self {
            stage,
            due_at,
            give_up_at,
            failures: 0,
        };
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const T0: UnixMillis = UnixMillis(1_000_000);

    fn at(seconds: u64) -> UnixMillis {
        T0.plus(Duration::from_secs(seconds))
    }

    fn recording() -> RecordingSid {
        format!("RE{:032x}", 1).parse().unwrap()
    }

    fn transcript(number: u32) -> TranscriptSid {
        format!("GT{number:032x}").parse().unwrap()
    }

    fn recorded() -> Waiting {
        let mut waiting = Waiting::for_recording(T0);
        waiting.recorded(recording(), T0);
        waiting
    }

    fn created() -> Waiting {
        let mut waiting = recorded();
        assert!(waiting.creating(T0));
        waiting.created(transcript(1), T0);
        waiting
    }

    fn timed_out(waited_for: WaitedFor) -> Due {
        Due::GiveUp(Outcome::TimedOut { waited_for })
    }

    #[test]
    fn what_is_stored_is_read_by_later_releases() {
        let (recording, transcript) = (recording(), transcript(1));
        for (waiting, stage) in [
            (Waiting::for_recording(T0), json!("recording")),
            (
                recorded(),
                json!({ "create": { "recording": recording, "tries": 0 } }),
            ),
            (
                {
                    let mut waiting = recorded();
                    waiting.creating(T0);
                    waiting
                },
                json!({ "find": { "recording": recording, "tries": 1 } }),
            ),
            (
                created(),
                json!({ "transcript": { "id": transcript, "since": 1_000_000 } }),
            ),
        ] {
            let written = serde_json::to_value(&waiting).unwrap();
            assert_eq!(written["stage"], stage);
            assert_eq!(serde_json::from_value::<Waiting>(written).unwrap(), waiting);
        }
    }

    #[test]
    fn a_recording_is_waited_for_and_then_given_up() {
        let waiting = Waiting::for_recording(T0);
        assert_eq!(waiting.due(at(299)), Due::Nothing);
        assert_eq!(waiting.due_at(), at(300));
        assert_eq!(waiting.due(at(300)), timed_out(WaitedFor::Recording));
    }

    #[test]
    fn a_transcript_is_created_once_for_one_recording() {
        let mut waiting = recorded();
        waiting.recorded(format!("RE{:032x}", 2).parse().unwrap(), T0);
        assert_eq!(waiting.due(T0), Due::Create(recording()));
        assert!(waiting.creating(T0));
        // The object vanishes here: the request may have been made.
        assert!(!waiting.creating(T0));
        assert_eq!(waiting.due(at(19)), Due::Nothing);
        assert_eq!(waiting.due(at(20)), Due::Find(recording()));
        waiting.created(transcript(1), at(20));
        waiting.created(transcript(2), at(20));
        assert_eq!(waiting.due(at(50)), Due::Look(transcript(1)));
    }

    #[test]
    fn it_is_created_again_only_if_none_is_listed_and_then_no_third_time() {
        let mut waiting = recorded();
        assert!(waiting.creating(T0));
        waiting.not_found(at(20));
        assert_eq!(waiting.due(at(20)), Due::Create(recording()));
        assert!(waiting.creating(at(20)));
        assert_eq!(waiting.due(at(40)), Due::Find(recording()));
        waiting.not_found(at(40));
        let given_up = Due::GiveUp(Outcome::failed(Failure::NotListed));
        assert_eq!(waiting.due(at(40)), given_up);
    }

    #[test]
    fn a_request_that_was_refused_for_now_is_made_again_and_does_not_count() {
        let mut waiting = recorded();
        let mut now = T0;
        for _ in 0..5 {
            assert_eq!(waiting.due(now), Due::Create(recording()));
            assert!(waiting.creating(now));
            waiting.not_created(now);
            assert!(waiting.due_at() > now);
            now = waiting.due_at();
        }
        assert_eq!(waiting.due(at(900)), timed_out(WaitedFor::Creation));
    }

    #[test]
    fn a_transcript_is_asked_for_at_three_times() {
        let mut waiting = created();
        for seconds in [30, 120, 600] {
            assert_eq!(waiting.due_at(), at(seconds));
            assert_eq!(waiting.due(at(seconds - 1)), Due::Nothing);
            assert_eq!(waiting.due(at(seconds)), Due::Look(transcript(1)));
            waiting.look_later(at(seconds));
        }
        assert_eq!(waiting.due(at(600)), timed_out(WaitedFor::Transcript));
    }

    #[test]
    fn a_webhook_makes_it_come_earlier_however_often_it_comes() {
        let mut waiting = created();
        waiting.noticed(&transcript(1), at(10));
        waiting.noticed(&transcript(1), at(10));
        assert_eq!(waiting.due(at(10)), Due::Look(transcript(1)));
        // It was not ready after all: the schedule goes on.
        waiting.look_later(at(10));
        assert_eq!(waiting.due_at(), at(30));
        // That of another transcript changes nothing.
        waiting.noticed(&transcript(2), at(11));
        assert_eq!(waiting.due(at(11)), Due::Nothing);
    }

    #[test]
    fn a_webhook_that_is_faster_than_the_answer_names_the_transcript() {
        let mut waiting = recorded();
        assert!(waiting.creating(T0));
        waiting.noticed(&transcript(1), at(5));
        assert_eq!(waiting.due(at(5)), Due::Look(transcript(1)));
        waiting.created(transcript(1), at(6));
        assert_eq!(waiting.due(at(6)), Due::Look(transcript(1)));
        // A webhook before the recording is known is none of ours.
        let mut early = Waiting::for_recording(T0);
        early.noticed(&transcript(1), T0);
        assert_eq!(early, Waiting::for_recording(T0));
    }

    #[test]
    fn a_service_that_fails_is_asked_again_after_growing_waits_until_the_end() {
        let mut waiting = created();
        let mut now = at(30);
        let mut waits = Vec::new();
        while waiting.due(now) == Due::Look(transcript(1)) {
            waiting.failed(None, now);
            waits.push(waiting.due_at().since(now).as_secs());
            now = waiting.due_at();
        }
        assert_eq!(waits[..6], [2, 4, 8, 16, 32, 60]);
        assert_eq!(waiting.due(now), timed_out(WaitedFor::Transcript));
        assert_eq!(now, at(720));
        let mut waiting = created();
        waiting.failed(Some(Duration::from_secs(90)), at(30));
        assert_eq!(waiting.due_at(), at(120));
        waiting.failed(Some(Duration::from_hours(9)), at(120));
        assert_eq!(waiting.due_at(), at(720));
    }
}
