//! What the invariants read of a stored state: messages, turns, answers, hand-off, deliveries and intake.
//!
//! Not here: what must hold of it (`stored`, `hand_off`, `deliveries`, `intake`).

use serde::Deserialize;
use serde_json::Value;

use super::{
    deliveries::StoredDelivery,
    hand_off::StoredHandOff,
    intake::{StoredAnswer, StoredIntakes},
};

#[derive(Default, Deserialize)]
pub(super) struct StoredState {
    #[serde(default)]
    pub(super) records: Vec<StoredSid>,
    #[serde(default)]
    pub(super) turns: StoredTurns,
    #[serde(default)]
    pub(super) hand_off: StoredHandOff,
    #[serde(default)]
    pub(super) deliveries: Vec<StoredDelivery>,
    #[serde(default)]
    pub(super) intakes: StoredIntakes,
    #[serde(default)]
    answers: StoredAnswers,
    #[serde(default)]
    outbox: StoredOutbox,
    #[serde(default)]
    revisions: StoredRevisions,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StoredAnswers {
    recent: Vec<StoredAnswer>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StoredOutbox {
    entries: Vec<StoredEntry>,
}

#[derive(Deserialize)]
struct StoredEntry {
    turn: u64,
    parts: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StoredRevisions {
    unsaved: Vec<StoredUnsaved>,
}

#[derive(Deserialize)]
struct StoredUnsaved {
    number: u64,
    assistant: String,
}

impl StoredState {
    /// The answer of a turn that has just ended.
    pub(super) fn answer_of(&self, turn: u64) -> Option<String> {
        let in_conversation = self.revisions.unsaved.iter().find(|one| one.number == turn);
        if let Some(found) = in_conversation {
            return Some(found.assistant.clone());
        }
        if let Some(found) = self.answers.recent.iter().find(|one| one.turn == turn) {
            return Some(found.text.clone());
        }
        let entry = self.outbox.entries.iter().find(|one| one.turn == turn)?;
        Some(entry.parts.concat())
    }

    /// All texts of answers that it has.
    pub(super) fn answers(&self) -> Vec<String> {
        let saved = self.revisions.unsaved.iter().map(|one| &one.assistant);
        let recent = self.answers.recent.iter().map(|one| &one.text);
        let waiting = self.outbox.entries.iter().map(|one| one.parts.concat());
        saved.chain(recent).cloned().chain(waiting).collect()
    }

    /// The text of a message that waits.
    pub(super) fn waiting(&self, sid: &str) -> Option<&str> {
        let active = self.turns.active.iter().flat_map(|turn| &turn.messages);
        let mut all = active.chain(&self.turns.pending);
        all.find(|one| one.sid == sid)?.text.as_deref()
    }
}

#[derive(Default, Deserialize)]
pub(super) struct StoredTurns {
    #[serde(default)]
    pending: Vec<StoredMessage>,
    pub(super) active: Option<StoredTurn>,
}

#[derive(Deserialize)]
pub(super) struct StoredSid {
    pub(super) sid: String,
    #[serde(default)]
    pub(super) status: Value,
}

#[derive(Deserialize)]
pub(super) struct StoredTurn {
    pub(super) number: u64,
    pub(super) attempt: u32,
    #[serde(default)]
    pub(super) asked_again: u32,
    pub(super) messages: Vec<StoredMessage>,
}

#[derive(Deserialize)]
pub(super) struct StoredMessage {
    pub(super) sid: String,
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) images: Vec<String>,
    #[serde(default)]
    pub(super) voice_notes: Vec<String>,
}
