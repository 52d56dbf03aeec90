//! The transcript of the run's call, from the end of the call to the report.
//!
//! A run reports without it when it has been waited for long enough. Not here: the wait itself
//! (`analysis::waiting`).

use serde::{Deserialize, Serialize};

use super::{Next, Run};
use crate::{
    base::time::UnixMillis,
    identity::TranscriptSid,
    synthetic::{
        analysis::{Analysis, Failure, Outcome, Service, waiting::Waiting},
        api::Recording,
    },
};

/// How far the transcript of a call is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transcript {
    /// Nobody has asked whether there is to be one.
    #[default]
    Undecided,
    /// It is waited for.
    Waiting(Waiting),
    /// There is an analysis, or the reason why there is none. `None`: none was wanted.
    Over(Option<Analysis>),
}

impl Transcript {
    /// Whether nobody has asked for it. Then it is not stored.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        *self == Self::Undecided
    }
}

impl Run {
    /// When something is due on the way to the transcript, and what. `None`: nothing of it keeps the run
    /// from its report.
    pub(super) fn transcript_due(&self, now: UnixMillis) -> Option<(UnixMillis, Next)> {
        let call = self.call.as_ref()?;
        let plan = self.plan.call.as_ref()?;
        match &self.transcript {
            Transcript::Undecided => {
                let is_recorded = plan.record && call.talks_since.is_some();
                is_recorded.then_some((now, Next::BeginTranscript))
            }
            Transcript::Waiting(waiting) => {
                Some((waiting.due_at(), Next::Transcribe(waiting.due(now))))
            }
            Transcript::Over(_) => None,
        }
    }

    /// The call is over. Its transcript is waited for, if it is wanted.
    pub fn begin_transcript(&mut self, is_wanted: bool, now: UnixMillis) {
        if self.transcript != Transcript::Undecided {
            return;
        }
        if !is_wanted {
            return self.give_up_transcript();
        }
        self.transcript = Transcript::Waiting(Waiting::for_recording(now));
        if let Some(recording) = self
            .call
            .as_ref()
            .and_then(|call| call.recording().cloned())
        {
            self.use_recording(recording, now);
        }
    }

    /// Twilio tells of the recording. It may do so during the call, and twice.
    pub fn recorded(&mut self, recording: Recording, now: UnixMillis) {
        if let Some(call) = &mut self.call {
            call.keep_recording(&recording);
        }
        self.use_recording(recording, now);
    }

    fn use_recording(&mut self, recording: Recording, now: UnixMillis) {
        let Some(waiting) = self.waiting_mut() else {
            return;
        };
        match recording {
            Recording::Completed(sid) => waiting.recorded(sid, now),
            Recording::Absent => self.analysed(Outcome::Absent),
            Recording::Failed => self.analysed(Outcome::failed(Failure::Recording)),
        }
    }

    /// The service says that the transcript is there.
    pub fn transcript_ready(&mut self, transcript: &TranscriptSid, now: UnixMillis) {
        if let Some(waiting) = self.waiting_mut() {
            waiting.noticed(transcript, now);
        }
    }

    /// What the run waits for, if it waits for the transcript.
    pub fn waiting_mut(&mut self) -> Option<&mut Waiting> {
        match &mut self.transcript {
            Transcript::Waiting(waiting) => Some(waiting),
            Transcript::Undecided | Transcript::Over(_) => None,
        }
    }

    /// The analysis has come to its end.
    pub fn analysed(&mut self, outcome: Outcome) {
        if self.waiting_mut().is_some() {
            let service = Service::IntelligenceV2;
            self.transcript = Transcript::Over(Some(Analysis { service, outcome }));
        }
    }

    /// Nobody will be asked for a transcript.
    pub fn give_up_transcript(&mut self) {
        if !matches!(self.transcript, Transcript::Over(_)) {
            self.transcript = Transcript::Over(None);
        }
    }
}
