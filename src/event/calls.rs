//! What is logged about phone calls, as numbers and words of the vocabulary.
//!
//! Not here: the words (`labels`), and what a call does (`voice`).

use serde::Serialize;

use super::{
    call_labels::{CallEnd, CallTurnOutcome, DialOutcome, HangUpOutcome},
    is_zero,
};
use crate::identity::{CallHash, PhoneHash};

/// How a turn of a call ended, and its cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CallTurn {
    /// The call.
    pub call: CallHash,
    /// How it ended.
    pub outcome: CallTurnOutcome,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<&'static str>,
    /// The time from the end of the caller's words to the first word that was sent to be spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_words_ms: Option<u64>,
    /// The time that the model took. Unknown, and 0, for a turn that the caller cut off, as are the numbers below.
    pub model_ms: u64,
    /// Requests made to OpenAI.
    pub model_requests: u32,
    /// How often the model called tools.
    #[serde(skip_serializing_if = "is_zero")]
    pub tool_rounds: u32,
    /// Tokens of the requests.
    pub prompt_tokens: u64,
    /// Tokens of the answers.
    pub completion_tokens: u64,
}

/// How a call ended, and its cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CallEnded {
    /// The person at the other end.
    pub phone_hash: PhoneHash,
    /// The call.
    pub call: CallHash,
    /// Whether we have called the person.
    pub outbound: bool,
    /// How it ended.
    pub ended_by: CallEnd,
    /// How long it lasted.
    pub duration_ms: u64,
    /// The minutes that it began.
    pub minutes: u32,
    /// About what Twilio bills for them, in millionths of a US dollar, if its prices are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_micro_usd: Option<u64>,
    /// Its turns.
    pub turns: u32,
    /// How often the caller cut in.
    pub interruptions: u32,
    /// Turns that failed.
    pub failures: u32,
    /// How often it went on after its socket was lost.
    pub resumes: u32,
    /// The time to the first word that was sent, of half of the turns at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_words_p50_ms: Option<u32>,
    /// The same of 95 % of the turns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_words_p95_ms: Option<u32>,
    /// Requests made to OpenAI.
    pub model_requests: u32,
    /// Tokens of the requests.
    pub prompt_tokens: u64,
    /// Tokens of the answers.
    pub completion_tokens: u64,
}

/// What came of the request to Twilio to end a call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CallHungUp {
    /// The call.
    pub call: CallHash,
    /// What came of it.
    pub outcome: HangUpOutcome,
    /// Twilio's error code, if Twilio refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
}

/// What has come of the request to Twilio to call somebody.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CallDialled {
    /// Who is called.
    pub phone_hash: PhoneHash,
    /// The call.
    pub call: CallHash,
    /// What has come of it.
    pub outcome: DialOutcome,
    /// Twilio's error code, if Twilio refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
}
