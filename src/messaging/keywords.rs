//! Keywords: words such as STOP with which a contact controls messages and data. They never reach
//! the model.
//!
//! [`WORDS`] is the only table of them, and a test compares it with docs/messages.md. Not here: the
//! effect of a keyword (`messaging::state`). Sources of the words: Twilio, "Twilio support for
//! opt-out keywords", and the FCC's list of reasonable ones.

use serde::{Deserialize, Serialize};

/// The meanings of keywords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keyword {
    /// The contact wants no more messages.
    OptOut,
    /// The contact wants answers again.
    OptIn,
    /// The contact asks what this service is.
    Help,
    /// The contact's data must be erased.
    Erase,
    /// A new conversation begins.
    Reset,
}

/// The words of each keyword, in the form in which [`Keyword::of`] compares them.
pub const WORDS: &[(Keyword, &[&str])] = &[
    (
        Keyword::OptOut,
        &[
            "stop",
            "stopall",
            "stop all",
            "unsubscribe",
            "cancel",
            "end",
            "quit",
            "revoke",
            "optout",
            "opt out",
        ],
    ),
    (Keyword::OptIn, &["start", "unstop"]),
    (Keyword::Help, &["help", "info"]),
    (Keyword::Erase, &["delete my data"]),
    (Keyword::Reset, &["reset", "restart", "start over"]),
];

/// This word opts in while the contact has opted out. Otherwise it is an ordinary message.
pub const YES: &str = "yes";

impl Keyword {
    /// The keyword that the whole `text` is. Case, white space and outer punctuation do not matter.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let words = normalised(text);
        WORDS
            .iter()
            .find(|(_, all)| all.contains(&words.as_str()))
            .map(|(keyword, _)| *keyword)
    }
}

/// Whether `text` opts in while the contact has opted out.
#[must_use]
pub fn is_yes(text: &str) -> bool {
    normalised(text) == YES
}

fn normalised(text: &str) -> String {
    let inner = text.trim_matches(|c: char| !c.is_alphanumeric());
    inner
        .split_whitespace()
        .map(str::to_ascii_lowercase)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_is_the_whole_message_in_any_case_and_between_any_punctuation() {
        for (text, keyword) in [
            ("STOP", Keyword::OptOut),
            ("stop.", Keyword::OptOut),
            (" «Stop  All» ", Keyword::OptOut),
            ("Opt out!!", Keyword::OptOut),
            ("Unstop", Keyword::OptIn),
            ("help?", Keyword::Help),
            ("INFO", Keyword::Help),
            ("DELETE MY DATA!", Keyword::Erase),
            ("delete\nmy data", Keyword::Erase),
            ("Start  Over", Keyword::Reset),
            ("👋 reset", Keyword::Reset),
        ] {
            assert_eq!(Keyword::of(text), Some(keyword), "{text}");
        }
    }

    #[test]
    fn a_word_within_a_sentence_is_not_a_keyword() {
        for text in [
            "please stop",
            "stop it",
            "stopp",
            "help me",
            "delete my data please",
            "delete all my data",
            "reset it",
            "startover",
            "yes",
            "",
            "!?",
            "2",
        ] {
            assert_eq!(Keyword::of(text), None, "{text}");
        }
        assert!(is_yes("Yes!") && !is_yes("yes please"));
    }

    #[test]
    fn the_words_are_written_as_they_are_compared_and_each_means_one_thing() {
        let all: Vec<&str> = WORDS
            .iter()
            .flat_map(|(_, words)| *words)
            .copied()
            .chain([YES])
            .collect();
        for word in &all {
            assert_eq!(normalised(word), *word);
            assert_eq!(
                all.iter().filter(|other| other == &word).count(),
                1,
                "{word}"
            );
        }
    }
}
