//! The part that a persona plays: the labelled lines of the system message.

use std::collections::BTreeMap;

use super::topic::Topic;
use crate::fault::{Service, without_directives};

/// A part.
pub struct Part {
    /// Which of the two it is.
    pub side: Side,
    /// What the scenario adds to the customer's issue.
    pub topic: Topic,
    labels: BTreeMap<&'static str, String>,
    /// All that the system says, by which two parts differ.
    whole: String,
}

/// The two sides of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who answers for the company.
    Agent,
    /// Who has an issue.
    Customer,
}

/// How much of something a persona has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Little, or short.
    Low,
    /// As usual.
    Medium,
    /// Much, or long.
    High,
}

/// How a persona sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Friendly and at ease.
    Warm,
    /// Angry, impatient, or without interest.
    Curt,
    /// Worried or unsure.
    Anxious,
    /// Correct and cool.
    Formal,
}

/// The labels that are known.
const LABELS: [&str; 16] = [
    "Scenario",
    "Goal of the call",
    "You are",
    "Name",
    "Opening",
    "Competence",
    "Attitude",
    "Issue",
    "Desired resolution",
    "Demeanour",
    "Technical proficiency",
    "Patience",
    "Escalates when",
    "Hangs up when",
    "Expected length",
    "Facts",
];

impl Part {
    /// Reads the messages of the system. A label that comes twice counts where it comes last.
    pub fn read(instructions: &[String]) -> Self {
        let whole = without_directives(Service::Openai, &instructions.join("\n"));
        let mut labels = BTreeMap::new();
        for line in whole.lines() {
            let Some((label, value)) = line.split_once(':') else {
                continue;
            };
            if let Some(known) = LABELS.into_iter().find(|known| *known == label.trim()) {
                labels.insert(known, value.trim().to_owned());
            }
        }
        let text = |label: &str| labels.get(label).map_or("", String::as_str);
        let is_agent = text("You are").to_lowercase().contains("agent");
        Self {
            side: if is_agent {
                Side::Agent
            } else {
                Side::Customer
            },
            topic: Topic::of(text("Scenario")),
            labels,
            whole,
        }
    }

    /// What a label says, nothing without it.
    pub fn text(&self, label: &str) -> &str {
        self.labels.get(label).map_or("", String::as_str)
    }

    /// All that the system says, without directives.
    pub fn whole(&self) -> &str {
        &self.whole
    }

    /// How much of something the persona has, such as patience.
    pub fn level(&self, label: &str) -> Level {
        match self.text(label).to_lowercase().as_str() {
            "low" | "short" => Level::Low,
            "high" | "long" => Level::High,
            _ => Level::Medium,
        }
    }

    /// What a customer knows.
    pub fn facts(&self) -> Vec<&str> {
        let facts = self.text("Facts").split('|').map(str::trim);
        facts.filter(|fact| !fact.is_empty()).collect()
    }

    /// How the persona sounds, by its attitude or its demeanour.
    pub fn tone(&self) -> Tone {
        let described = match self.side {
            Side::Agent => self.text("Attitude"),
            Side::Customer => self.text("Demeanour"),
        };
        let described = described.to_lowercase();
        let found = TONES.iter().find(|(word, _)| described.contains(word));
        found.map_or(Tone::Formal, |(_, tone)| *tone)
    }
}

/// Words of a description, the strongest first.
const TONES: [(&str, Tone); 26] = [
    ("angry", Tone::Curt),
    ("furious", Tone::Curt),
    ("rude", Tone::Curt),
    ("curt", Tone::Curt),
    ("terse", Tone::Curt),
    ("bored", Tone::Curt),
    ("defensive", Tone::Curt),
    ("impatient", Tone::Curt),
    ("sarcastic", Tone::Curt),
    ("brisk", Tone::Curt),
    ("anxious", Tone::Anxious),
    ("worried", Tone::Anxious),
    ("nervous", Tone::Anxious),
    ("unsure", Tone::Anxious),
    ("upset", Tone::Anxious),
    ("warm", Tone::Warm),
    ("friendly", Tone::Warm),
    ("kind", Tone::Warm),
    ("cheerful", Tone::Warm),
    ("chatty", Tone::Warm),
    ("easy-going", Tone::Warm),
    ("courteous", Tone::Warm),
    ("patient", Tone::Warm),
    ("calm", Tone::Formal),
    ("formal", Tone::Formal),
    ("polite", Tone::Formal),
];
