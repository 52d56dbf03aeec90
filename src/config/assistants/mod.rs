//! The assistants: one file each, and the numbers that each answers.
//!
//! `assistants/<name>.toml` says what an assistant is. `default` answers every number that no other
//! file names. What a file leaves out is as in `default`, and settings such as `ASSISTANT_PROMPT`
//! replace what `default.toml` says, so a deployment can do without a file of its own. Here a file
//! is read and checked. Not here: what an assistant does (`conversation`, `messaging`).

mod hand_off;
mod intake;
mod parse;
mod prompt;
mod reader;
mod schema;
mod tools;

use std::collections::BTreeMap;

use serde::Serialize;

pub use hand_off::HandOff;
pub use intake::{FieldKind, Intake, IntakeField};
pub(super) use parse::{Given, parse, texts_of_settings};
pub use prompt::Prompt;
pub use schema::Schema;
pub use tools::{END_CONVERSATION_TOOL, HAND_OFF_TOOL, SignedUrl, Tool};

use super::{
    endpoint::Endpoints,
    texts::{FixedText, Language, Overrides},
};
use crate::identity::{Address, ServiceSid};

/// A file of an assistant, as it was bundled with the Worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssistantFile {
    /// The assistant's name: that of the file, without `.toml`.
    pub name: String,
    /// What the file holds.
    pub text: String,
}

/// Something is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FileError {
    /// The file's path.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The field, such as `tools[0].url`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// What it must be. It never repeats a value.
    pub problem: String,
}

/// What an assistant is.
#[derive(Clone, Debug)]
pub struct Assistant {
    /// Its name.
    pub name: String,
    /// The numbers, addresses and Messaging Services that it answers.
    pub numbers: Vec<Claim>,
    /// What the model is told.
    pub prompt: Prompt,
    /// Where the model is asked.
    pub endpoints: Endpoints,
    /// The most tokens that one answer may cost, reasoning included.
    pub max_completion_tokens: u32,
    /// The model that transcribes voice notes.
    pub transcription_model: String,
    /// The language of its fixed texts.
    pub language: Language,
    /// Its own fixed texts.
    pub(super) texts: Overrides,
    /// What it can do beside talking.
    pub tools: Vec<Tool>,
    /// Whether the model may end the conversation, by the tool [`END_CONVERSATION_TOOL`].
    pub end_conversation: bool,
    /// What it asks for, one question at a time.
    pub intake: Option<Intake>,
    /// How it hands a contact over to a person.
    pub hand_off: Option<HandOff>,
}

impl Assistant {
    /// Whether the model is offered tools, its own or built-in ones.
    #[must_use]
    pub fn has_tools(&self) -> bool {
        !self.tools.is_empty() || self.end_conversation || self.hand_off.is_some()
    }

    /// A fixed text: the assistant's own, or that of its language.
    #[must_use]
    pub fn text(&self, text: FixedText) -> &str {
        let own = self.texts.get(&text);
        own.map_or_else(|| text.in_language(self.language), String::as_str)
    }

    /// A fixed text with `value` in the place of its placeholder.
    #[must_use]
    pub fn text_with(&self, text: FixedText, value: &impl ToString) -> String {
        text.filled(self.text(text), value)
    }
}

/// Something that a contact can write to, and that one assistant answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// A number or address.
    Address(Address),
    /// A Messaging Service, with all its numbers.
    Service(ServiceSid),
}

impl Claim {
    /// As it stands in a file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Address(address) => address.as_str(),
            Self::Service(service) => service.as_str(),
        }
    }
}

/// All assistants of a deployment.
#[derive(Clone, Debug)]
pub struct Assistants {
    default: Assistant,
    others: Vec<Assistant>,
    /// Which of the others answers what.
    claimed: BTreeMap<Claim, usize>,
}

impl Assistants {
    /// The assistants. Of two that claim the same, the first has it.
    fn new(default: Assistant, others: Vec<Assistant>) -> Self {
        let mut claimed = BTreeMap::new();
        for (at, assistant) in others.iter().enumerate() {
            for claim in &assistant.numbers {
                claimed.entry(claim.clone()).or_insert(at);
            }
        }
        Self {
            default,
            others,
            claimed,
        }
    }

    /// The assistant that answers a message to this number, which may have come by a Messaging
    /// Service. The number says more than the service.
    #[must_use]
    pub fn answering(&self, number: &Address, service: Option<&ServiceSid>) -> &Assistant {
        let of_number = self.claimed.get(&Claim::Address(number.clone()));
        let of_service = || {
            let service = service?.clone();
            self.claimed.get(&Claim::Service(service))
        };
        let found = of_number.or_else(of_service);
        found
            .and_then(|at| self.others.get(*at))
            .unwrap_or(&self.default)
    }

    /// The assistant that answers the rest.
    #[must_use]
    pub fn default(&self) -> &Assistant {
        &self.default
    }

    /// All of them, `default` first.
    pub fn iter(&self) -> impl Iterator<Item = &Assistant> {
        std::iter::once(&self.default).chain(&self.others)
    }
}

#[cfg(test)]
mod tests;
