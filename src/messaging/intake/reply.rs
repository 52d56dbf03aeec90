//! The words of a reply: notes, and then the question. The notes come first, so that a long reply is
//! cut off behind what matters.
//!
//! Not here: which notes there are (`progress`).

use super::{IntakeState, Stage, ValueProblem};
use crate::config::{Assistant, FieldKind, FixedText, Intake};

/// What a contact is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeReply {
    notes: Vec<Note>,
    /// What follows.
    pub next: Next,
}

/// What follows the notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The question, or the summary.
    Question,
    /// Nothing.
    Nothing,
    /// The contact has said yes: the draft.
    Confirmed,
}

/// A note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// The model's reply to something besides.
    Answer(String),
    /// A value of this field was not stored.
    Problem(String, ValueProblem),
    /// This field cannot be left out.
    Required(String),
    /// What is there so far.
    Summary,
    /// A fixed text.
    Fixed(FixedText),
}

impl IntakeReply {
    pub(super) fn new(notes: Vec<Note>, next: Next) -> Self {
        Self { notes, next }
    }

    pub(super) fn question(notes: Vec<Note>) -> Self {
        Self::new(notes, Next::Question)
    }

    /// A fixed text before the question.
    #[must_use]
    pub fn fixed(text: FixedText) -> Self {
        Self::question(vec![Note::Fixed(text)])
    }

    /// The question alone.
    #[must_use]
    pub fn asked() -> Self {
        Self::question(Vec::new())
    }

    /// The same with a fixed text at the end of the notes.
    #[must_use]
    pub fn with(mut self, text: FixedText) -> Self {
        self.notes.push(Note::Fixed(text));
        self
    }

    /// The text, in the assistant's words or those of its language. The question comes as it stands
    /// in the file.
    #[must_use]
    pub fn text(&self, assistant: &Assistant, intake: &Intake, state: &IntakeState) -> String {
        let mut paragraphs = Vec::new();
        for note in &self.notes {
            paragraphs.push(match note {
                Note::Answer(answer) => answer.clone(),
                Note::Problem(label, problem) => assistant.text_with(text_of(*problem), label),
                Note::Required(label) => assistant.text_with(FixedText::IntakeRequired, label),
                Note::Summary if state.filled() == 0 => {
                    assistant.text(FixedText::IntakeEmpty).to_owned()
                }
                Note::Summary => summary(FixedText::IntakeSoFar, assistant, intake, state),
                Note::Fixed(text) => assistant.text(*text).to_owned(),
            });
        }
        if self.next == Next::Question {
            paragraphs.extend(question(assistant, intake, state));
        }
        paragraphs.join("\n\n")
    }
}

fn question(assistant: &Assistant, intake: &Intake, state: &IntakeState) -> Option<String> {
    if state.stage == Stage::Confirming {
        return Some(summary(FixedText::IntakeConfirm, assistant, intake, state));
    }
    let field = state.asked(intake)?;
    let FieldKind::Choice(choices) = &field.kind else {
        return Some(field.ask.clone());
    };
    let numbered = choices
        .iter()
        .zip(1..)
        .map(|(choice, number): (_, usize)| format!("{number}. {choice}"));
    let lines: Vec<String> = [field.ask.clone()].into_iter().chain(numbered).collect();
    Some(lines.join("\n"))
}

fn summary(head: FixedText, assistant: &Assistant, intake: &Intake, state: &IntakeState) -> String {
    let head = assistant.text(head).to_owned();
    let lines: Vec<String> = [head].into_iter().chain(state.lines(intake)).collect();
    lines.join("\n")
}

fn text_of(problem: ValueProblem) -> FixedText {
    match problem {
        ValueProblem::Form => FixedText::IntakeUnread,
        ValueProblem::TooLong => FixedText::IntakeTooLong,
        ValueProblem::Email => FixedText::IntakeEmail,
        ValueProblem::Phone => FixedText::IntakePhone,
        ValueProblem::Url => FixedText::IntakeUrl,
        ValueProblem::Date => FixedText::IntakeDate,
        ValueProblem::Choice => FixedText::IntakeChoice,
        ValueProblem::Part => FixedText::IntakePart,
    }
}
