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
mod reader;
mod schema;
mod secrets;
mod tools;
mod voice;

pub use assistant::{Assistant, Assistants, Claim};
pub use hand_off::HandOff;
pub use intake::{FieldKind, Intake, IntakeField};
pub use parse::{Given, parse};
pub use prompt::Prompt;
pub use reader::AssistantFile;
pub use schema::Schema;
pub use tools::{ASK_DIGITS_TOOL, END_CONVERSATION_TOOL, HAND_OFF_TOOL, SignedUrl, Tool};
pub use voice::{SpokenUrls, TranscriptionProvider, TtsProvider, Voice};

#[cfg(test)]
mod tests;
