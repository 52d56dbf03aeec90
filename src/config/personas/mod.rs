//! The personas and scenarios of synthetic conversations: one file each.
//!
//! `personas/agents/<id>.toml` and `personas/customers/<id>.toml` say who talks, and
//! `scenarios/<id>.toml` says about what, and how success is judged. They are read only when a
//! synthetic conversation is asked for, so a Worker that answers people pays nothing for them. Not
//! here: what the model is told (`synthetic::prompt`), and the conversation itself (`synthetic`).

mod check;
mod id;
mod parse;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::words::words;

pub use check::check;
pub use id::{PersonaId, ScenarioId};
pub use parse::parse;

/// A file of a persona or a scenario, as it was bundled with the Worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonaFile {
    /// Its path in the project, such as `personas/agents/priya-raman.toml`.
    pub path: String,
    /// What the file holds.
    pub text: String,
}

/// All personas and scenarios, by their ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Personas {
    /// Those who answer.
    pub agents: BTreeMap<PersonaId, Agent>,
    /// Those who call.
    pub customers: BTreeMap<PersonaId, Customer>,
    /// The situations.
    pub scenarios: BTreeMap<ScenarioId, Scenario>,
}

/// A persona that works for a company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// Its position, and for whom it works.
    pub role: String,
    /// Its first line, word for word.
    pub opening: String,
    /// How well it does its work.
    pub competence: Level,
    /// How it treats people.
    pub attitude: String,
    /// What it knows.
    pub product_knowledge: String,
    /// Its habits.
    pub characteristics: Vec<String>,
    /// How it says goodbye.
    pub farewell: String,
    /// How it sounds.
    pub sound: Sound,
}

/// A persona that wants something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub issue: String,
    /// What it wants.
    pub desired_resolution: String,
    /// How it behaves.
    pub demeanour: String,
    /// How well it knows technology.
    pub technical_proficiency: Level,
    /// How long it stays calm.
    pub patience: Level,
    /// What makes it ask for somebody else.
    pub escalation_trigger: String,
    /// What makes it hang up.
    pub hangs_up_when: String,
    /// How long a conversation with it is.
    pub expected_length: Length,
    /// What it can say when asked.
    pub facts: Vec<String>,
    /// How it sounds.
    pub sound: Sound,
}

/// How a persona sounds in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// The language that it speaks (BCP 47), such as `en-US`.
    pub language: String,
    /// The name of an Amazon voice, as Twilio lists it.
    pub voice: String,
}

/// A situation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// What both know.
    pub setting: String,
    /// What the agent should reach.
    pub goal: String,
    /// By what success is judged.
    pub criteria: Vec<Criterion>,
    /// Who speaks first.
    pub first_speaker: Speaker,
    /// When the conversation ends at the latest.
    pub limits: Limits,
}

/// A question that is answered with yes or no after the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// Its name in the scores.
    pub name: String,
    /// The question.
    pub asks: String,
}

/// One of the two sides of a synthetic conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The one who answers.
    Agent,
    /// The one who calls.
    Customer,
}

impl Speaker {
    /// The other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Agent => Self::Customer,
            Self::Customer => Self::Agent,
        }
    }

    /// Its word in files, prompts and transcripts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Customer => "customer",
        }
    }
}

/// When a synthetic conversation ends at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The lines of both sides together.
    pub turns: u32,
    /// Seconds from the beginning.
    pub seconds: u32,
}

/// The fewest and the most lines of a conversation.
pub const TURNS: std::ops::RangeInclusive<u32> = 2..=60;
/// The shortest and the longest time of a conversation, in seconds.
pub const SECONDS: std::ops::RangeInclusive<u32> = 30..=900;

impl Default for Limits {
    fn default() -> Self {
        Self {
            turns: 20,
            seconds: 300,
        }
    }
}

words! {
    /// How much of something a persona has.
    Level, "must be low, medium or high" {
        /// Little.
        Low = "low",
        /// Some.
        Medium = "medium",
        /// Much.
        High = "high",
    }
    /// How long a conversation is.
    Length, "must be short, medium or long" {
        /// A few lines.
        Short = "short",
        /// About ten lines.
        Medium = "medium",
        /// Up to the limit.
        Long = "long",
    }
}

#[cfg(test)]
mod tests;
