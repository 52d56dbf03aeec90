//! The assistants: one file each, and the numbers that each answers.
//!
//! `assistants/<name>.toml` says what an assistant is. `default` answers every number that no other
//! file names. What a file leaves out is as in `default`, and settings such as `ASSISTANT_PROMPT`
//! replace what `default.toml` says, so a deployment can do without a file of its own. Here a file
//! is read and checked. Not here: what an assistant does (`conversation`, `messaging`).

mod assistant;
mod hand_off;
mod intake;
mod parse;
mod prompt;
mod schema;
mod secrets;
mod tools;
mod voice;

pub use assistant::{Assistant, Assistants, Claim};
pub use hand_off::HandOff;
pub use intake::{FieldKind, Intake, IntakeField};
pub use parse::{Given, parse};
pub use prompt::Prompt;
pub use schema::Schema;
pub use tools::{ASK_DIGITS_TOOL, END_CONVERSATION_TOOL, HAND_OFF_TOOL, SignedUrl, Tool};
pub use voice::{SpokenUrls, TranscriptionProvider, TtsProvider, Voice};

/// A file of an assistant, as it was bundled with the Worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssistantFile {
    /// The assistant's name: that of the file, without `.toml`.
    pub name: String,
    /// What the file holds.
    pub text: String,
}

impl AssistantFile {
    /// The path of the file of an assistant.
    fn path_of(name: &str) -> String {
        format!("assistants/{name}.toml")
    }
}

#[cfg(test)]
mod tests;
