//! The newest answers. A repeated message gets its answer again. Answers that are too long for the
//! state lie in rows beside it.
//!
//! Not here: reading and writing the rows (`thread::storage`).

use serde::{Deserialize, Serialize};

/// Where answers are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answers {
    /// The newest answers, oldest first.
    recent: Vec<Answer>,
    /// The rows beside the state, with older answers.
    rows: Vec<AnswerRow>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The turn that it ended.
    pub turn: u64,
    /// Its text.
    pub text: String,
}

/// The answers in a row beside the state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnswerRow {
    /// The row's number: that of its newest turn.
    pub number: u64,
    /// The turns whose answers it holds.
    pub turns: Vec<u64>,
}

/// Where the answer of a turn is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerLocation {
    /// In the state; this is the text.
    State(String),
    /// In the row of this number.
    Row(u64),
}

/// The most bytes of answers in the state. Only the newest answer may be longer.
const MAX_BYTES: usize = 8 * 1024;

impl Answers {
    /// Adds an answer.
    pub fn add(&mut self, turn: u64, text: String) {
        self.recent.push(Answer { turn, text });
    }

    /// Where the answer of a turn is, if it is kept.
    pub fn find(&self, turn: u64) -> Option<AnswerLocation> {
        if let Some(answer) = self.recent.iter().find(|answer| answer.turn == turn) {
            return Some(AnswerLocation::State(answer.text.clone()));
        }
        let row = self.rows.iter().find(|row| row.turns.contains(&turn))?;
        Some(AnswerLocation::Row(row.number))
    }

    /// Drops the answers that no message can get any more; `needed` are the other turns, in order.
    /// If the rest is too long for the state, all but the newest move into one row, which is
    /// returned.
    pub fn spill(&mut self, needed: &[u64]) -> Option<(u64, Vec<Answer>)> {
        let is_needed = |turn: &u64| needed.binary_search(turn).is_ok();
        self.recent.retain(|answer| is_needed(&answer.turn));
        for row in &mut self.rows {
            row.turns.retain(is_needed);
        }
        self.rows.retain(|row| !row.turns.is_empty());
        let bytes: usize = self.recent.iter().map(|answer| answer.text.len()).sum();
        if bytes <= MAX_BYTES {
            return None;
        }
        let newest = self.recent.pop()?;
        let older = std::mem::replace(&mut self.recent, vec![newest]);
        let number = older.last()?.turn;
        let turns = older.iter().map(|answer| answer.turn).collect();
        self.rows.push(AnswerRow { number, turns });
        Some((number, older))
    }

    /// The rows of `before` that hold answers which no message can get any more, with the turns
    /// that stay in them.
    pub fn thinned_rows(&self, before: &Self) -> Vec<AnswerRow> {
        let now = |row: &AnswerRow| {
            let other = self.rows.iter().find(|other| other.number == row.number);
            AnswerRow {
                number: row.number,
                turns: other.map(|row| row.turns.clone()).unwrap_or_default(),
            }
        };
        let rows = before.rows.iter().map(|row| (row, now(row)));
        let thinned = rows.filter(|(row, now)| *row != now);
        thinned.map(|(_, now)| now).collect()
    }

    /// The turns whose answers are in the state.
    pub fn recent_turns(&self) -> impl Iterator<Item = u64> {
        self.recent.iter().map(|answer| answer.turn)
    }
}
