//! The state of an intake: what is there, and what is asked. Each step is a pure function of the
//! state and of what was said.
//!
//! Not here: the words of a reply (`reply`), handing it in (`handing`), and where the state lies (`messaging::state`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Command, Extraction, FieldValue, IntakeReply, Next, ValueProblem, check, confirms, declines,
    reply::Note, values::choice_or_number,
};
use crate::{
    base::time::UnixMillis,
    config::{FieldKind, FixedText, Intake, IntakeField},
    identity::PhoneHash,
    messaging::keywords::folded,
};

/// An intake of one contact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntakeState {
    /// The assistant whose intake it is.
    pub assistant: String,
    /// What is asked.
    pub stage: Stage,
    /// The values so far, by field. Each is of its field's kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    values: BTreeMap<String, FieldValue>,
    /// The fields that the contact leaves out.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    skipped: BTreeSet<String>,
    /// The contact's hash for the log.
    pub phone_hash: PhoneHash,
    /// When it began.
    pub since: UnixMillis,
    /// When it expires.
    pub until: UnixMillis,
}

/// What an intake waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// An answer to the question of this field.
    Asking(String),
    /// A yes to the summary.
    Confirming,
    /// Nothing: it was completed or cancelled. The contact talks with the assistant until it begins
    /// another.
    Ended,
}

/// The most bytes of all values together.
const MAX_BYTES: usize = 48 * 1024;

impl IntakeState {
    /// A new intake, which asks the first question.
    #[must_use]
    pub fn begin(assistant: &str, intake: &Intake, phone_hash: PhoneHash, now: UnixMillis) -> Self {
        let mut state = Self {
            assistant: assistant.to_owned(),
            stage: Stage::Confirming,
            values: BTreeMap::new(),
            skipped: BTreeSet::new(),
            phone_hash,
            since: now,
            until: now,
        };
        state.ask_next(intake);
        state
    }

    /// Whether it waits for the contact.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.stage != Stage::Ended
    }

    /// How many fields have a value.
    #[must_use]
    pub fn filled(&self) -> usize {
        self.values.len()
    }

    /// Ends it, and forgets its values.
    pub fn end(&mut self) {
        self.stage = Stage::Ended;
        self.values.clear();
        self.skipped.clear();
    }

    /// Drops what does not fit the assistant's file, which may have changed.
    pub fn fit(&mut self, intake: &Intake) {
        let field = |name: &str| intake.fields.iter().find(|field| field.name == name);
        self.values.retain(|name, value| {
            let raw = serde_json::to_value(&*value).unwrap_or_default();
            field(name).is_some_and(|field| check(&field.kind, &raw).as_ref() == Ok(value))
        });
        self.skipped
            .retain(|name| field(name).is_some_and(|field| !field.required));
        let is_lost = match &self.stage {
            Stage::Asking(name) => field(name).is_none(),
            Stage::Confirming => self.missing(intake).is_some(),
            Stage::Ended => false,
        };
        if is_lost {
            self.ask_next(intake);
        }
    }

    /// The field that is asked for.
    #[must_use]
    pub fn asked<'i>(&self, intake: &'i Intake) -> Option<&'i IntakeField> {
        let Stage::Asking(name) = &self.stage else {
            return None;
        };
        intake.fields.iter().find(|field| field.name == *name)
    }

    /// What a message says that needs no model: a choice while it is asked, or a plain yes or no to
    /// the summary.
    pub fn answer_without_model(&mut self, intake: &Intake, text: &str) -> Option<IntakeReply> {
        if self.stage == Stage::Confirming {
            return answer_to_summary(text);
        }
        let field = self.asked(intake)?;
        let FieldKind::Choice(choices) = &field.kind else {
            return None;
        };
        match choice_or_number(choices, text) {
            Some(choice) => {
                self.values
                    .insert(field.name.clone(), FieldValue::Text(choice));
                self.ask_next(intake);
                Some(IntakeReply::question(Vec::new()))
            }
            None if is_number(text) => {
                let problem = Note::Problem(field.label.clone(), ValueProblem::Choice);
                Some(IntakeReply::question(vec![problem]))
            }
            None => None,
        }
    }

    /// Carries out a command.
    pub fn command(&mut self, command: Command, intake: &Intake) -> IntakeReply {
        match command {
            Command::Menu => IntakeReply::question(vec![Note::Fixed(FixedText::IntakeMenu)]),
            Command::Status if self.stage == Stage::Confirming => IntakeReply::question(Vec::new()),
            Command::Status => IntakeReply::question(vec![Note::Summary]),
            Command::Back => {
                let fields = &intake.fields;
                let asked = self.asked(intake);
                let at = fields
                    .iter()
                    .position(|field| asked.is_some_and(|asked| asked.name == field.name));
                let before = at.unwrap_or(fields.len()).checked_sub(1);
                match before.and_then(|at| fields.get(at)) {
                    Some(field) => {
                        self.skipped.remove(&field.name);
                        self.stage = Stage::Asking(field.name.clone());
                        IntakeReply::question(Vec::new())
                    }
                    None => IntakeReply::question(vec![Note::Fixed(FixedText::IntakeFirst)]),
                }
            }
            Command::Skip => {
                let note = self.skip(intake);
                IntakeReply::question(note.into_iter().collect())
            }
            Command::Cancel => {
                self.end();
                let cancelled = Note::Fixed(FixedText::IntakeCancelled);
                IntakeReply::new(vec![cancelled], Next::Nothing)
            }
        }
    }

    /// Goes on without an answer to the question, unless it needs one.
    fn skip(&mut self, intake: &Intake) -> Option<Note> {
        let field = self.asked(intake)?;
        if !self.values.contains_key(&field.name) {
            if field.required {
                return Some(Note::Required(field.label.clone()));
            }
            self.skipped.insert(field.name.clone());
        }
        self.ask_next(intake);
        None
    }

    /// Takes in what the model has read out of `input`. Only values that pass their check are
    /// stored.
    pub fn merge(&mut self, intake: &Intake, read: Extraction, input: &str) -> IntakeReply {
        let mut notes = Vec::new();
        let said_besides = read.answer.filter(|answer| !claims_storage(answer));
        notes.extend(said_besides.map(Note::Answer));
        let mut set = BTreeSet::new();
        let mut problems = Vec::new();
        for field in &intake.fields {
            let Some(raw) = read.fields.get(&field.name) else {
                continue;
            };
            // A number chooses only where a choice was asked, and code has taken it there.
            if matches!(field.kind, FieldKind::Choice(_)) && is_number(input) {
                continue;
            }
            match check(&field.kind, raw) {
                Ok(value) if self.has_room(&field.name, &value) => {
                    self.values.insert(field.name.clone(), value);
                    self.skipped.remove(&field.name);
                    set.insert(field.name.as_str());
                }
                Ok(_) => problems.push((field, ValueProblem::TooLong)),
                Err(problem) => problems.push((field, problem)),
            }
        }
        let failed = problems.iter().map(|(field, problem)| {
            let label = field.label.clone();
            Note::Problem(label, *problem)
        });
        notes.extend(failed);
        if self.stage == Stage::Confirming {
            return self.merge_at_summary(read.confirm, &set, notes, problems.first());
        }
        let asked = self.asked(intake).map(|field| field.name.as_str());
        if asked.is_none_or(|asked| set.contains(asked)) {
            self.ask_next(intake);
        } else if read.skip
            && !problems
                .iter()
                .any(|(field, _)| Some(field.name.as_str()) == asked)
        {
            notes.extend(self.skip(intake));
        }
        IntakeReply::question(notes)
    }

    fn merge_at_summary(
        &mut self,
        confirm: Option<bool>,
        set: &BTreeSet<&str>,
        notes: Vec<Note>,
        problem: Option<&(&IntakeField, ValueProblem)>,
    ) -> IntakeReply {
        match (confirm, problem) {
            // A value that was meant as a correction must come again.
            (_, Some((field, _))) => {
                self.stage = Stage::Asking(field.name.clone());
                IntakeReply::question(notes)
            }
            (Some(true), None) if set.is_empty() => IntakeReply::new(notes, Next::Confirmed),
            (Some(false), None) if set.is_empty() => {
                let ask = Note::Fixed(FixedText::IntakeChange);
                IntakeReply::new(notes.into_iter().chain([ask]).collect(), Next::Nothing)
            }
            _ => IntakeReply::question(notes),
        }
    }

    /// What the model reads: the question, the fields so far, and the message.
    #[must_use]
    pub fn data(&self, intake: &Intake, message: &str) -> String {
        let asked = self.asked(intake);
        let name = asked.map_or("confirm", |field| field.name.as_str());
        let question = asked.map(|field| field.ask.as_str());
        json!({
            "asked": name,
            "question": question,
            "fields": self.values,
            "message": message,
        })
        .to_string()
    }

    /// The fields alone, by their labels: what the draft is made of.
    #[must_use]
    pub fn fields(&self) -> Value {
        json!(self.values)
    }

    /// The texts of all values.
    #[must_use]
    pub fn facts(&self) -> Vec<String> {
        let texts = self.values.values().flat_map(FieldValue::texts);
        texts.map(str::to_owned).collect()
    }

    /// A line for each value, in the order of the questions.
    #[must_use]
    pub fn lines(&self, intake: &Intake) -> Vec<String> {
        let line = |field: &IntakeField| {
            let value = self.values.get(&field.name)?;
            Some(format!("{}: {}", field.label, value.shown()))
        };
        intake.fields.iter().filter_map(line).collect()
    }

    /// Asks for the first field that has no value and is not left out, or for a yes to all.
    fn ask_next(&mut self, intake: &Intake) {
        self.stage = match self.missing(intake) {
            Some(name) => Stage::Asking(name),
            None => Stage::Confirming,
        };
    }

    fn missing(&self, intake: &Intake) -> Option<String> {
        let is_open = |field: &&IntakeField| {
            !self.values.contains_key(&field.name) && !self.skipped.contains(&field.name)
        };
        let field = intake.fields.iter().find(is_open)?;
        Some(field.name.clone())
    }

    fn has_room(&self, name: &str, value: &FieldValue) -> bool {
        let others = self.values.iter().filter(|(other, _)| *other != name);
        let bytes: usize = others.map(|(_, value)| value.bytes()).sum();
        bytes.saturating_add(value.bytes()) <= MAX_BYTES
    }
}

/// What a plain yes or no to the summary says.
fn answer_to_summary(text: &str) -> Option<IntakeReply> {
    if confirms(text) {
        Some(IntakeReply::new(Vec::new(), Next::Confirmed))
    } else if declines(text) {
        let ask = Note::Fixed(FixedText::IntakeChange);
        Some(IntakeReply::new(vec![ask], Next::Nothing))
    } else {
        None
    }
}

/// Whether a text is a number alone.
fn is_number(text: &str) -> bool {
    let text = folded(text);
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == ' ')
}

/// Whether the model says that something is stored or sent. Only code says so, when it is so.
fn claims_storage(answer: &str) -> bool {
    let words = folded(answer);
    words
        .split(' ')
        .any(|word| STORED.iter().any(|stem| word.starts_with(stem)))
}

/// How such words begin, folded.
const STORED: [&str; 16] = [
    "saved",
    "stored",
    "submitted",
    "delivered",
    "published",
    "enregistre",
    "sauvegarde",
    "guardad",
    "enviad",
    "salvo",
    "salvat",
    "gespeichert",
    "abgeschickt",
    "gesichert",
    "opgeslagen",
    "bewaard",
];
