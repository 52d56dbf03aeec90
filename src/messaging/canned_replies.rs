//! Canned replies: the fixed answers to a message that needs no model.
//!
//! Not here: the texts (`config::texts`), the model's answers, and deciding which reply is due
//! (`messaging::state`).

use serde::{Deserialize, Serialize};

use crate::config::{Assistant, FixedText};

/// The English texts, for tests.
pub use crate::config::english::*;

/// An answer that needs no model. The thread stores only its kind, without a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CannedReply {
    /// The message is longer than this many characters.
    TooLong(usize),
    /// The message is empty.
    NoText,
    /// The message has media that cannot be read.
    Media,
    /// There are too many messages. The next is received after this many seconds.
    SlowDown(u64),
    /// The contact has opted out.
    OptedOut,
    /// The contact has opted in again.
    OptedIn,
    /// The contact gets no more answers today.
    NoMoreToday,
    /// The help text, in the operator's words.
    Help,
    /// The contact's data is erased, except in KV, which has not deleted all of it yet.
    Erasing,
    /// The contact's data is erased.
    Erased,
    /// The contact is handed over to a person.
    HandedOver,
    /// The assistant answers again.
    AssistantAgain,
}

impl CannedReply {
    /// The sentence, in the assistant's words or those of its language.
    #[must_use]
    pub fn text(self, assistant: &Assistant) -> String {
        let text = match self {
            Self::TooLong(limit) => return assistant.text_with(FixedText::TooLong, &limit),
            Self::SlowDown(1) => FixedText::SlowDownOneSecond,
            Self::SlowDown(seconds) => return assistant.text_with(FixedText::SlowDown, &seconds),
            Self::NoText => FixedText::NoText,
            Self::Media => FixedText::UnreadableFile,
            Self::OptedOut => FixedText::OptedOut,
            Self::OptedIn => FixedText::OptedIn,
            Self::NoMoreToday => FixedText::NoMoreToday,
            Self::Help => FixedText::Help,
            Self::Erasing => FixedText::Erasing,
            Self::Erased => FixedText::Erased,
            Self::HandedOver => FixedText::HandedOver,
            Self::AssistantAgain => FixedText::AssistantAgain,
        };
        assistant.text(text).to_owned()
    }
}

/// Whether a text is one of those without numbers.
#[must_use]
pub fn is_fixed_text(assistant: &Assistant, text: &str) -> bool {
    without_numbers().any(|fixed| assistant.text(fixed) == text)
}

fn without_numbers() -> impl Iterator<Item = FixedText> {
    let all = FixedText::ALL.iter().copied();
    all.filter(|text| !text.has_number() && !text.is_spoken())
}

/// The texts without numbers. A reaction to one of them is a reaction to an answer.
#[must_use]
pub fn fixed_texts(assistant: &Assistant) -> Vec<String> {
    let texts = without_numbers().map(|text| assistant.text(text).to_owned());
    texts.collect()
}
