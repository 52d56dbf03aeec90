//! What is logged about synthetic conversations, as numbers and words of the vocabulary.
//!
//! Not here: the transcripts (`synthetic`).

use serde::Serialize;

use super::is_zero;
use crate::identity::CallHash;

/// How a run ended, and its cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyntheticRun {
    /// Its batch.
    pub batch: String,
    /// Its number in the batch.
    pub number: u32,
    /// How the sides talked.
    pub mode: &'static str,
    /// Who ended it.
    pub ended_by: &'static str,
    /// Why.
    pub reason: &'static str,
    /// Its lines.
    pub turns: u32,
    /// From the first line's beginning to the last one's end.
    pub duration_ms: u64,
    /// Whether the judge has scored it.
    pub scored: bool,
    /// Requests made to OpenAI.
    pub model_requests: u32,
    /// Tokens of the requests.
    pub prompt_tokens: u64,
    /// Tokens of the answers.
    pub completion_tokens: u64,
    /// Its call, in the mode `call`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallHash>,
    /// The begun minutes of both legs of the call.
    #[serde(skip_serializing_if = "is_zero")]
    pub call_minutes: u32,
    /// How its transcript ended, if the call was to be transcribed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<&'static str>,
    /// What was heard in the recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard: Option<HeardWords>,
}

/// How well the words of a call were heard in its recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HeardWords {
    /// The words that were said.
    pub words: u32,
    /// Those that were not heard as they were said.
    pub errors: u32,
}
