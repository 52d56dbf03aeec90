//! A conversation: the turns so far, in the form for the model and in the form for KV.
//!
//! It encodes, decodes and trims, all without I/O. Not here: when a conversation is read and
//! written (`messaging::thread`).

use serde::{Deserialize, Serialize};

use crate::identity::Pseudonym;

/// The most turns that are kept.
pub const MAX_TURNS: usize = 20;
/// The most characters that are kept, user and assistant together, in Unicode scalar values.
pub const MAX_CHARS: usize = 16_000;

/// One user input and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The user's input. Messages that were answered together are joined by line ends.
    pub user: String,
    /// The assistant's answer.
    pub assistant: String,
}

/// The newest turns, oldest first. Always within [`MAX_TURNS`] and [`MAX_CHARS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    turns: Vec<Turn>,
}

/// The reason why a stored conversation cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// It is not the JSON that [`Conversation::encode`] makes.
    Corrupt,
    /// Another release wrote it, in another format.
    UnknownVersion,
}

impl DecodeError {
    /// Its stable name in the log.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Corrupt => "corrupt",
            Self::UnknownVersion => "unknown_version",
        }
    }
}

/// The version of the stored format.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Stored<T> {
    v: u32,
    turns: T,
}

impl Conversation {
    /// The turns, oldest first.
    #[must_use]
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// Adds a turn, and drops the oldest turns that no longer fit. A turn that alone is longer than
    /// [`MAX_CHARS`] is dropped, too: half of it would be worse than nothing.
    pub fn push(&mut self, turn: Turn) {
        self.turns.push(turn);
        let mut chars = 0usize;
        let kept = self
            .turns
            .iter()
            .rev()
            .take(MAX_TURNS)
            .take_while(|turn| {
                chars = chars
                    .saturating_add(turn.user.chars().count())
                    .saturating_add(turn.assistant.chars().count());
                chars <= MAX_CHARS
            })
            .count();
        self.turns.drain(..self.turns.len().saturating_sub(kept));
    }

    /// Drops the older half of the turns, the larger half if their number is odd. Returns how many
    /// were dropped.
    pub fn drop_older_half(&mut self) -> usize {
        let dropped = self.turns.len().div_ceil(2);
        self.turns.drain(..dropped);
        dropped
    }

    /// The form for KV.
    ///
    /// # Errors
    /// When JSON cannot be written. Writing to memory never fails.
    pub fn encode(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Stored {
            v: VERSION,
            turns: &self.turns,
        })
    }

    /// Reads what [`Conversation::encode`] wrote.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        match stored_version(text) {
            Some(VERSION) => {}
            Some(_) => return Err(DecodeError::UnknownVersion),
            None => return Err(DecodeError::Corrupt),
        }
        let stored: Stored<Vec<Turn>> =
            serde_json::from_str(text).map_err(|_| DecodeError::Corrupt)?;
        let mut conversation = Self::default();
        stored
            .turns
            .into_iter()
            .for_each(|turn| conversation.push(turn));
        Ok(conversation)
    }
}

/// The version of a stored format, `{"v":1,…}`. `None` if the text is not a JSON object with a
/// version.
#[must_use]
pub fn stored_version(text: &str) -> Option<u32> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    // serde would read the version out of an array, too.
    let object = text.trim_start().starts_with('{');
    serde_json::from_str::<Version>(text)
        .ok()
        .filter(|_| object)
        .map(|Version { v }| v)
}

/// The KV key of a conversation's revision. Each revision has its own key. So neither KV's eventual
/// consistency nor its limit of one write a second per key can lose a turn.
#[must_use]
pub fn key(thread: &Pseudonym, revision: u64) -> String {
    format!("conversation/{}/{revision}", thread.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn turn(user: &str, assistant: &str) -> Turn {
        Turn {
            user: user.into(),
            assistant: assistant.into(),
        }
    }

    /// Pinned: a new release must read the conversations that the previous release stored.
    #[test]
    fn the_stored_format_is_version_1() {
        let mut conversation = Conversation::default();
        conversation.push(turn("Hello \"you\"", "Hi\nthere"));
        let text = r#"{"v":1,"turns":[{"user":"Hello \"you\"","assistant":"Hi\nthere"}]}"#;
        assert_eq!(conversation.encode().unwrap(), text);
        assert_eq!(Conversation::decode(text).unwrap(), conversation);
    }

    #[test]
    fn a_corrupt_value_and_an_unknown_version_are_told_apart() {
        for text in [
            "",
            "{}",
            "null",
            "[]",
            "{\"v\":1}",
            "{\"v\":1,\"turns\":[{\"user\":\"x\"}]}",
            "{\"v\":-1}",
            "{\"v\":1,\"turns\":",
        ] {
            assert_eq!(
                Conversation::decode(text),
                Err(DecodeError::Corrupt),
                "{text}"
            );
        }
        assert_eq!(
            Conversation::decode(r#"{"v":2,"turns":"another shape"}"#),
            Err(DecodeError::UnknownVersion)
        );
    }

    #[test]
    fn the_newest_20_turns_are_kept() {
        let mut conversation = Conversation::default();
        (0..25).for_each(|i| conversation.push(turn(&i.to_string(), "")));
        let users: Vec<_> = conversation
            .turns()
            .iter()
            .map(|turn| turn.user.parse::<usize>().unwrap())
            .collect();
        assert_eq!(users, (5..25).collect::<Vec<_>>());
    }

    #[test]
    fn exactly_16_000_characters_fit() {
        let mut conversation = Conversation::default();
        conversation.push(turn(&"é".repeat(8000), &"x".repeat(7999)));
        conversation.push(turn("y", ""));
        assert_eq!(conversation.turns().len(), 2);
        conversation.push(turn("z", ""));
        assert_eq!(
            conversation.turns().len(),
            2,
            "one more character costs the oldest turn, whole"
        );
        conversation.push(turn(&"x".repeat(16_001), ""));
        assert!(conversation.turns().is_empty());
    }

    #[test]
    fn the_newer_half_is_left() {
        let mut conversation = Conversation::default();
        (0..5).for_each(|i| conversation.push(turn(&i.to_string(), "")));
        assert_eq!(conversation.drop_older_half(), 3);
        assert_eq!(conversation.turns(), [turn("3", ""), turn("4", "")]);
        assert_eq!(conversation.drop_older_half(), 1);
        assert_eq!(conversation.drop_older_half(), 1);
        assert_eq!(conversation.drop_older_half(), 0);
    }

    proptest! {
        #[test]
        fn only_whole_turns_are_trimmed(turns in prop::collection::vec((0usize..6000, 0usize..6000), 0..40)) {
            let all: Vec<Turn> = turns.iter().map(|(user, assistant)| turn(&"u".repeat(*user), &"a".repeat(*assistant))).collect();
            let mut conversation = Conversation::default();
            all.iter().cloned().for_each(|turn| conversation.push(turn));
            prop_assert!(all.ends_with(conversation.turns()));
            prop_assert!(conversation.turns().len() <= MAX_TURNS);
            let chars: usize = conversation.turns().iter().map(|turn| turn.user.len() + turn.assistant.len()).sum();
            prop_assert!(chars <= MAX_CHARS);
            prop_assert_eq!(Conversation::decode(&conversation.encode().unwrap()).unwrap(), conversation);
        }

        #[test]
        fn any_stored_text_gives_a_conversation_or_an_error(text in ".{0,200}") {
            let _ = Conversation::decode(&text);
        }
    }
}
