//! The configuration: the settings (variables and secrets), and the assistants' files. It is parsed
//! once, and all errors are found together.
//!
//! A setting has one place: its entry in the table of `settings`. Tests compare the documentation,
//! `wrangler.toml` and `.dev.vars.example` with the table. A value that does not parse is an error
//! that names the setting. It is never replaced by the default, and never shown.
//!
//! The assistants are in `assistants`, the fixed texts in `texts`. Not here: reading the environment (`runtime`), and closing the routes on an error (`http`).

mod assistants;
mod call_hours;
mod check;
mod endpoint;
mod field;
mod parsers;
mod personas;
mod reader;
mod settings;
mod texts;
mod toml_file;
mod voice_mode;
mod words;

pub use assistants::{
    ASK_DIGITS_TOOL, Assistant, AssistantFile, Assistants, Claim, END_CONVERSATION_TOOL, FieldKind,
    HAND_OFF_TOOL, HandOff, Intake, IntakeField, Prompt, Schema, SignedUrl, SpokenUrls, Tool,
    TranscriptionProvider, TtsProvider, Voice,
};
pub use call_hours::CallHours;
pub use check::check;
pub use endpoint::{Endpoint, Endpoints, ExtraHeader, Fallback, SystemRole};
pub use field::{Field, Fields};
pub use personas::{
    Agent, Criterion, Customer, Length, Level, Limits, PersonaFile, PersonaId, Personas, SECONDS,
    Scenario, ScenarioId, Sound, Speaker, TURNS, check as check_personas, parse as parse_personas,
};
pub use reader::{ConfigError, DefaultValue, FileError, Kind, Setting, SettingError};
pub use settings::{Config, SETTINGS, Sources};
pub use texts::{FixedText, Language, english};
pub use voice_mode::VoiceMode;

/// The prices of a million tokens, in millionths of the operator's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    /// The price of request tokens.
    pub input: u64,
    /// The price of answer tokens.
    pub output: u64,
}

impl Config {
    /// The model's prices, if the operator has set them.
    #[must_use]
    pub fn prices(&self) -> Option<Prices> {
        let (input, output) = (self.openai_price_input?, self.openai_price_output?);
        Some(Prices { input, output })
    }
}

#[cfg(test)]
pub(crate) mod tests;
