//! What the model is told of a call: the result as it came, or a word, and how much of a turn's
//! results it is told.
//!
//! Not here: making the call (`tools`).

use std::cell::Cell;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::event::ToolOutcome;

/// The longest answer of a tool, in bytes.
pub(super) const MAX_ANSWER_BYTES: usize = 16 * 1024;
/// The most bytes of answers that the model is told in a turn. Each further request has all of them.
const MAX_TURN_BYTES: usize = 128 * 1024;

/// What came of a call.
pub(super) struct Done {
    pub(super) outcome: ToolOutcome,
    /// What the model is told, as JSON.
    pub(super) result: String,
    /// How many bytes of a service's answer it has.
    pub(super) answer: usize,
}

impl Done {
    /// What a built-in tool tells.
    pub(super) fn built_in(outcome: ToolOutcome, result: &Value) -> Self {
        Self {
            outcome,
            result: result.to_string(),
            answer: 0,
        }
    }
}

impl From<ToolOutcome> for Done {
    /// A failure, told in its word.
    fn from(outcome: ToolOutcome) -> Self {
        Self {
            outcome,
            result: json!({ "error": outcome }).to_string(),
            answer: 0,
        }
    }
}

/// How many bytes of answers the model was told in the turn.
#[derive(Default)]
pub(super) struct Told(Cell<usize>);

impl Told {
    /// Whether the longest answer could still be told. Otherwise no call is made: an answer that the
    /// model could not be told would be worse than none. Of calls side by side it can happen to the
    /// last ones.
    pub(super) fn leaves_room(&self) -> bool {
        self.with(MAX_ANSWER_BYTES).is_some()
    }

    /// Counts an answer of this length, if it can be told.
    pub(super) fn add(&self, length: usize) -> bool {
        self.with(length)
            .inspect(|told| self.0.set(*told))
            .is_some()
    }

    fn with(&self, length: usize) -> Option<usize> {
        let told = self.0.get().checked_add(length)?;
        (told <= MAX_TURN_BYTES).then_some(told)
    }
}

/// What the model is told of an answer: the JSON as it came, or the text.
pub(super) fn answered(body: &[u8]) -> Done {
    #[derive(Deserialize)]
    struct Anything(#[allow(dead_code, reason = "only its form counts")] serde::de::IgnoredAny);
    let Ok(text) = std::str::from_utf8(body) else {
        return ToolOutcome::Unreadable.into();
    };
    let text = text.trim_start_matches('\u{feff}').trim();
    let lower: String = text
        .chars()
        .take(9)
        .collect::<String>()
        .to_ascii_lowercase();
    if lower == "<!doctype" || lower.starts_with("<html") {
        return ToolOutcome::Unreadable.into();
    }
    let result = if text.is_empty() {
        r#"{"result":null}"#.to_owned()
    } else if serde_json::from_str::<Anything>(text).is_ok() {
        // Numbers stay as they are, however long.
        format!(r#"{{"result":{text}}}"#)
    } else {
        Value::Object(Map::from_iter([("result".to_owned(), text.into())])).to_string()
    };
    Done {
        outcome: ToolOutcome::Answered,
        result,
        answer: body.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_as_json_or_as_text() {
        for (body, result) in [
            ("{\"open\":true}", r#"{"result":{"open":true}}"#),
            ("\u{feff} [1]\n", r#"{"result":[1]}"#),
            (
                "12345678901234567890123",
                r#"{"result":12345678901234567890123}"#,
            ),
            ("", r#"{"result":null}"#),
            ("We open at 9.", r#"{"result":"We open at 9."}"#),
            ("{\"open\":", r#"{"result":"{\"open\":"}"#),
            ("1} {", r#"{"result":"1} {"}"#),
            ("<b>9</b>", r#"{"result":"<b>9</b>"}"#),
        ] {
            let done = answered(body.as_bytes());
            assert_eq!(done.answer, body.len());
            assert_eq!(
                (done.outcome, done.result.as_str()),
                (ToolOutcome::Answered, result)
            );
        }
        for body in [&b"\xff\xfe"[..], b"<!DOCTYPE html><p>", b"\n<HTML>"] {
            let done = answered(body);
            assert_eq!((done.outcome, done.answer), (ToolOutcome::Unreadable, 0));
            assert_eq!(done.result, r#"{"error":"unreadable"}"#);
        }
    }

    #[test]
    fn the_answers_of_a_turn_are_told_up_to_a_length() {
        let told = Told::default();
        let longest = MAX_TURN_BYTES / MAX_ANSWER_BYTES;
        assert!((1..longest).all(|_| told.add(MAX_ANSWER_BYTES)));
        assert!(told.leaves_room());
        assert!(told.add(1) && !told.leaves_room());
        assert!(!told.add(MAX_ANSWER_BYTES), "a byte too much");
        assert!(told.add(MAX_ANSWER_BYTES - 1) && told.add(0));
        assert!(!told.add(1));
    }
}
