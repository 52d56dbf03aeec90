//! The analysis of a recorded call: how well each line was heard, by a service that transcribed the
//! recording, and what its operators have found.
//!
//! We know what was said, so the transcript is only measured. Not here: asking the service
//! (`analytics::transcription`), and waiting for it (`waiting`).

mod alignment;
mod channels;
pub mod waiting;

use serde::{Deserialize, Serialize};

use super::{
    plan::RunId,
    transcript::{Line, Mark},
    word_errors::{WordErrors, word_errors},
};
use crate::{
    analytics::transcription::{OperatorResult, Refusal, Sentence, Transcribed},
    config::Speaker,
};
use alignment::align;
use channels::{Channels, channels};

pub use channels::Sides;

/// What came of the analysis of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analysis {
    /// The service.
    pub service: Service,
    /// The result, or why there is none.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// A service that transcribes recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Twilio Intelligence v2.
    IntelligenceV2,
}

impl Analysis {
    /// Its word in transcripts and in the log.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self.outcome {
            Outcome::Completed(_) => "completed",
            Outcome::Absent => "absent",
            Outcome::Failed { .. } => "failed",
            Outcome::TimedOut { .. } => "timed_out",
        }
    }

    /// The errors of all lines, if the call was transcribed.
    #[must_use]
    pub fn errors(&self) -> Option<WordErrors> {
        match &self.outcome {
            Outcome::Completed(heard) => Some(heard.errors),
            Outcome::Absent | Outcome::Failed { .. } | Outcome::TimedOut { .. } => None,
        }
    }
}

/// The result of an analysis, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome {
    /// The call was transcribed.
    Completed(Heard),
    /// There is no recording: nothing was said, or Twilio did not record.
    Absent,
    /// There will be no transcript.
    Failed {
        /// Why.
        reason: Failure,
        /// The service's error code, or the status if there was none, if it refuses.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u32>,
    },
    /// It took too long.
    TimedOut {
        /// What did not come.
        waited_for: WaitedFor,
    },
}

/// Why there is no transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Twilio failed to record.
    Recording,
    /// The service failed to transcribe, or somebody cancelled it.
    Transcript,
    /// Requests to create one were made, and none is listed.
    NotListed,
    /// The service accepts none of our tokens.
    Unauthorized,
    /// The service refuses.
    Rejected,
}

impl Outcome {
    /// There will be no transcript.
    #[must_use]
    pub fn failed(reason: Failure) -> Self {
        Self::Failed { reason, code: None }
    }
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthorized => Self::failed(Failure::Unauthorized),
            Refusal::Rejected(code) => Self::Failed {
                reason: Failure::Rejected,
                code: Some(code),
            },
        }
    }
}

/// What did not come in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitedFor {
    /// Twilio's word that the recording is there.
    Recording,
    /// The service's answer to the request for a transcript.
    Creation,
    /// The transcript.
    Transcript,
}

/// How well a call was heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The errors of all lines.
    #[serde(flatten)]
    pub errors: WordErrors,
    /// Which side is on which channel. `None`: they cannot be told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Sides>,
    /// Each line.
    pub lines: Vec<HeardLine>,
    /// What operators have found.
    pub operators: Vec<OperatorResult>,
}

/// How well a line was heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardLine {
    /// Its number.
    pub n: u32,
    /// What the service has heard of it.
    pub heard: String,
    /// The errors in it.
    #[serde(flatten)]
    pub errors: WordErrors,
}

/// The key that the transcript of a run's call has at the service. It says that the data is synthetic,
/// and has at most 53 characters.
#[must_use]
pub fn key_of(run: &RunId) -> String {
    format!("{KEY_PREFIX}{run}")
}

/// The run of a key. `None`: it is none of ours.
#[must_use]
pub fn run_of(key: &str) -> Option<RunId> {
    key.strip_prefix(KEY_PREFIX)?.parse().ok()
}

const KEY_PREFIX: &str = "synthetic:";

/// Compares what was said with what was heard. A line that was cut off is left out, because nobody knows
/// how much of it was said.
///
/// Channels are told apart by their words. Sources differ about their order, so it says nothing. If
/// the words cannot tell them apart, as in a recording with one channel, all sentences are compared
/// with all lines.
#[must_use]
pub fn analyse(lines: &[Line], transcribed: Transcribed) -> Heard {
    let Transcribed {
        mut sentences,
        operators,
    } = transcribed;
    // Those of one channel follow each other. Without a time, they stay in the service's order.
    sentences.sort_by_key(|sentence| sentence.starts_ms.unwrap_or_default());
    let sides = channels(lines, &sentences);
    let mut heard = match sides {
        Channels::Together => heard_lines(lines.iter(), sentences.iter()),
        Channels::Apart(Sides { agent, customer }) => {
            let of = |speaker: Speaker, channel: u32| {
                heard_lines(
                    lines.iter().filter(|line| line.speaker == speaker),
                    sentences
                        .iter()
                        .filter(|sentence| sentence.channel == channel),
                )
            };
            let mut all = of(Speaker::Agent, agent);
            all.append(&mut of(Speaker::Customer, customer));
            all
        }
    };
    let cut_off = |n: u32| {
        let mut lines = lines.iter();
        lines.any(|line| line.n == n && line.marks.contains(&Mark::CutOff))
    };
    heard.retain(|line| !cut_off(line.n));
    heard.sort_by_key(|line| line.n);
    Heard {
        errors: heard.iter().map(|line| line.errors).sum(),
        channels: match sides {
            Channels::Apart(sides) => Some(sides),
            Channels::Together => None,
        },
        lines: heard,
        operators,
    }
}

fn heard_lines<'a>(
    lines: impl Iterator<Item = &'a Line>,
    sentences: impl Iterator<Item = &'a Sentence>,
) -> Vec<HeardLine> {
    let lines: Vec<&Line> = lines.collect();
    let sentences: Vec<&str> = sentences.map(|sentence| sentence.text.as_str()).collect();
    let spoken: Vec<&str> = lines.iter().map(|line| line.heard()).collect();
    let heard = align(&spoken, &sentences);
    let lines = lines.into_iter().zip(spoken).zip(heard);
    lines
        .map(|((line, spoken), heard)| HeardLine {
            n: line.n,
            errors: word_errors(spoken, &heard),
            heard,
        })
        .collect()
}

#[cfg(test)]
mod tests;
