//! What is logged about the turns of a thread, and about an erasure, as numbers and words of the
//! vocabulary.
//!
//! Not here: the words (`labels`), and what a turn does (`messaging`).

use std::num::{NonZeroU32, NonZeroUsize};

use serde::{Deserialize, Serialize};

use super::{
    is_zero,
    labels::{ReplyVia, TurnOutcome, UnexpectedResponse},
};
use crate::identity::PhoneHash;

/// How a turn ended, and its cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TurnEnded {
    /// The contact.
    pub phone_hash: PhoneHash,
    /// How it ended.
    pub outcome: TurnOutcome,
    /// Why it failed, or what was unusual about the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<&'static str>,
    /// What the model's response was, if it was none that could be understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<UnexpectedResponse>,
    /// The way the answer takes.
    pub reply_via: ReplyVia,
    /// The number of messages that were answered together.
    pub messages: usize,
    /// How many of them joined the turn after it had begun, if any did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined: Option<NonZeroUsize>,
    /// How often the model was asked anew, because messages came while it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_again: Option<NonZeroU32>,
    /// The segments of the answer, if it is an SMS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<usize>,
    /// The time from the first message to the answer.
    pub duration_ms: u64,
    /// The part of that time that the model took, retries and waits included.
    pub model_ms: u64,
    /// Requests made to OpenAI.
    pub model_requests: u32,
    /// Those of them that transcribed voice notes.
    #[serde(skip_serializing_if = "is_zero")]
    pub transcriptions: u32,
    /// How often the model called tools before it answered, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_rounds: Option<NonZeroU32>,
    /// The calls of all rounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<NonZeroU32>,
    /// The number of the endpoint that answered. 0 is that of `OPENAI_BASE_URL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<usize>,
    /// Tokens of the requests, as OpenAI counted them. A failed turn can have a cost, too.
    pub prompt_tokens: u64,
    /// Tokens of the answers, reasoning included.
    pub completion_tokens: u64,
}

/// The data that an erasure found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Turns of the conversation.
    pub turns: u32,
    /// Revisions that KV held, or may have held.
    pub revisions: usize,
    /// Messages that waited for their turn, or were in it.
    pub pending_messages: usize,
    /// Parts of answers that waited in the outbox.
    pub outbox_parts: usize,
    /// Answers that were stored for copies of their messages.
    pub answers: usize,
    /// Signed webhooks that waited to be sent.
    #[serde(default)]
    pub deliveries: usize,
}

impl Erased {
    /// Adds what another thread of the same contact held.
    pub fn add(&mut self, other: &Self) {
        let Self {
            turns,
            revisions,
            pending_messages,
            outbox_parts,
            answers,
            deliveries,
        } = other;
        self.turns = self.turns.saturating_add(*turns);
        self.revisions = self.revisions.saturating_add(*revisions);
        self.pending_messages = self.pending_messages.saturating_add(*pending_messages);
        self.outbox_parts = self.outbox_parts.saturating_add(*outbox_parts);
        self.answers = self.answers.saturating_add(*answers);
        self.deliveries = self.deliveries.saturating_add(*deliveries);
    }
}
