//! The words that a sender can write to say what may be sent and what is kept. They are decided before the model is asked.
//!
//! [`WORDS`] is the one table of them; a test holds the README against it. Pure. Not here: what a command does (`sender`).
//! Source of the words: Twilio, "Twilio support for opt-out keywords", and the FCC's list of reasonable ones.

use serde::{Deserialize, Serialize};

/// What a whole message can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keyword {
    /// Send me nothing more.
    OptOut,
    /// Send me answers again.
    OptIn,
    /// What is this?
    Help,
    /// Erase all that is kept of me.
    Erase,
    /// Forget the conversation, and go on.
    Reset,
}

/// Every word of a command, as [`Command::of`] compares them.
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

/// Opts in too, but only while the sender is opted out; else it is an answer like any other.
pub const YES: &str = "yes";

impl Keyword {
    /// The command that `text` is, as a whole. Case, white space and outer punctuation do not matter.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let words = normalised(text);
        WORDS
            .iter()
            .find(|(_, all)| all.contains(&words.as_str()))
            .map(|(command, _)| *command)
    }
}

/// Whether `text` opts in while the sender is opted out.
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
    fn a_command_is_the_whole_message_in_any_case_and_between_any_punctuation() {
        for (text, command) in [
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
            assert_eq!(Keyword::of(text), Some(command), "{text}");
        }
    }

    #[test]
    fn a_command_within_a_sentence_is_none() {
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
