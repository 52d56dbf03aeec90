//! The text of a message: a text, or parts of several types.
//!
//! Not here: thoughts that stand in the text itself (`thoughts`).

use serde_json::Value;

/// The text of an answer, in the pieces in which it came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AnswerText {
    /// The pieces of its text. A stream has many.
    pub text: Vec<String>,
    /// The pieces of its refusal.
    pub refusal: Vec<String>,
    /// Whether there was content of a type that cannot be text.
    pub odd: bool,
}

impl AnswerText {
    /// Adds what a message or a delta says. Some are only a text.
    pub(super) fn add_message(&mut self, message: &Value) {
        let content = message.get("content");
        self.add(content.unwrap_or(if message.is_string() {
            message
        } else {
            &Value::Null
        }));
        let refusal = message.get("refusal").and_then(Value::as_str);
        self.refusal.extend(refusal.map(str::to_owned));
    }

    /// Adds the content of a message.
    fn add(&mut self, content: &Value) {
        match content {
            Value::Null => {}
            Value::String(text) => self.text.push(text.clone()),
            Value::Array(parts) => {
                // The parts of one message are one piece.
                let mut message = Self::default();
                for part in parts {
                    message.add_part(part);
                }
                self.text.push(message.text.concat());
                self.refusal.push(message.refusal.concat());
            }
            Value::Object(_) => self.add_part(content),
            Value::Bool(_) | Value::Number(_) => self.odd = true,
        }
    }

    /// Whether nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        !self.odd && self.text.iter().chain(&self.refusal).all(String::is_empty)
    }

    /// Adds a part if it is said to the contact. All other types, such as thinking, reasoning or
    /// references, are not. Sources: Mistral, "Reasoning" (`thinking`); OpenAI, Responses API
    /// (`output_text`, `refusal`), Assistants API (a text with a `value`); Gemini (`thought`).
    fn add_part(&mut self, part: &Value) {
        if let Value::String(text) = part {
            self.text.push(text.clone());
            return;
        }
        let is_thought = part.get("thought").and_then(Value::as_bool) == Some(true);
        let kind = part.get("type").and_then(Value::as_str);
        let kind = kind.unwrap_or("text").to_ascii_lowercase();
        let pieces = match kind.as_str() {
            _ if is_thought => return,
            "text" | "output_text" => &mut self.text,
            "refusal" => &mut self.refusal,
            _ => return,
        };
        let text = ["text", "content", "refusal"]
            .into_iter()
            .filter_map(|name| part.get(name))
            .find_map(|text| text.as_str().or_else(|| text.get("value")?.as_str()));
        pieces.extend(text.map(str::to_owned));
    }
}

/// The pieces in one text.
///
/// Some servers repeat all that they said in each chunk of a stream: then the last one has it all.
/// Source: BerriAI/litellm issue 8455 (Perplexity), QwenLM/qwen-code pull request 3896 (Alibaba).
pub(super) fn joined(pieces: &[String]) -> String {
    let mut said = pieces.iter().filter(|piece| !piece.is_empty());
    let mut grown = None;
    if let Some(mut whole) = said.next() {
        for piece in said {
            if !piece.starts_with(whole.as_str()) {
                return pieces.concat();
            }
            grown = grown.or((piece.len() > whole.len()).then_some(()));
            whole = piece;
        }
        if grown.is_some() {
            return whole.clone();
        }
    }
    pieces.concat()
}

/// The pieces of a stream in one text while they come. What may still turn out to repeat what was
/// said before is held back.
#[derive(Debug, Default)]
pub(super) struct Joining {
    /// The last piece, as long as each piece repeats the one before.
    last: String,
    /// All pieces.
    all: String,
    /// How many pieces were longer than the one before, which they repeat.
    grown: u32,
    /// Whether a piece did not repeat the one before.
    is_plain: bool,
    /// The bytes that were returned.
    returned: usize,
}

impl Joining {
    /// From this length on, pieces that have grown twice are no coincidence, in bytes.
    const PLAINLY_REPEATED: usize = 24;

    /// Adds a piece. Returns the text that is certain with it.
    pub(super) fn add(&mut self, piece: &str) -> String {
        if piece.is_empty() {
            return String::new();
        }
        if self.is_plain {
            return piece.to_owned();
        }
        self.all.push_str(piece);
        let is_first = self.last.is_empty();
        if !piece.starts_with(&self.last) {
            self.is_plain = true;
        } else if piece.len() > self.last.len() {
            piece.clone_into(&mut self.last);
            self.grown = self.grown.saturating_add(u32::from(!is_first));
        }
        let is_repeated = self.grown > 1 && self.last.len() >= Self::PLAINLY_REPEATED;
        let certain = match (self.is_plain, is_first || is_repeated) {
            (true, _) => &self.all,
            (false, true) => &self.last,
            (false, false) => return String::new(),
        };
        let new = certain.get(self.returned..).unwrap_or_default().to_owned();
        self.returned = certain.len();
        new
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn said(content: &Value) -> (String, String) {
        let mut said = AnswerText::default();
        said.add(content);
        assert!(!said.odd);
        (joined(&said.text), joined(&said.refusal))
    }

    #[test]
    fn text_parts_are_joined_and_thoughts_dropped() {
        for content in [
            json!("Hi there"),
            json!([{ "type": "text", "text": "Hi there" }]),
            json!([{ "type": "text", "text": "Hi " }, { "type": "text", "text": "there" }]),
            json!(["Hi ", "there"]),
            json!([{ "text": "Hi there" }]),
            json!({ "type": "text", "text": "Hi there" }),
            json!([{ "type": "output_text", "text": "Hi there", "annotations": [] }]),
            json!([{ "type": "text", "text": { "value": "Hi there", "annotations": [] } }]),
            json!([
                { "type": "thinking", "thinking": [{ "type": "text", "text": "Say hi." }] },
                { "type": "text", "text": "Hi there" },
            ]),
            json!([
                { "type": "thinking", "thinking": "Say hi.", "signature": "x" },
                { "type": "redacted_thinking", "data": "x" },
                { "type": "reasoning", "text": "Say hi.", "summary": [] },
                { "type": "reasoning_text", "text": "Say hi." },
                { "text": "Say hi.", "thought": true },
                { "type": "Text", "text": "Hi " },
                { "type": "reference", "reference_ids": [1] },
                { "type": "image_url", "image_url": { "url": "x" } },
                { "type": "text", "text": null },
                { "type": "text" },
                null, 5, true, [], {},
                { "type": "text", "text": "there" },
            ]),
        ] {
            assert_eq!(
                said(&content),
                ("Hi there".into(), String::new()),
                "{content}"
            );
        }
    }

    #[test]
    fn a_refusal_part_is_a_refusal() {
        let content = json!([{ "type": "refusal", "refusal": "I won't." }]);
        assert_eq!(said(&content), (String::new(), "I won't.".into()));
    }

    #[test]
    fn content_of_another_type_is_odd_and_none_is_none() {
        for (content, odd) in [
            (json!(5), true),
            (json!(true), true),
            (json!(null), false),
            (json!([]), false),
            (json!({}), false),
        ] {
            let mut said = AnswerText::default();
            said.add(&content);
            assert_eq!((joined(&said.text), said.odd), (String::new(), odd));
        }
    }

    #[test]
    fn pieces_that_repeat_all_before_them_are_not_said_twice() {
        for (pieces, whole) in [
            (&["Hi", " there"][..], "Hi there"),
            (&["", "ha", "ha", ""], "haha"),
            (&["Hi", "Hi th", "Hi there"], "Hi there"),
            (&["Hi", "Hi there", "Hi there"], "Hi there"),
            (&["Hi there"], "Hi there"),
            (&[], ""),
        ] {
            let pieces: Vec<String> = pieces.iter().map(|&piece| piece.to_owned()).collect();
            assert_eq!(joined(&pieces), whole);
        }
    }

    #[test]
    fn pieces_are_certain_as_soon_as_they_repeat_nothing() {
        for (pieces, certain) in [
            (&["Hi", " there", "!"][..], &["Hi", " there", "!"][..]),
            (&["1", "10", " to", " 11"], &["1", "", "10 to", " 11"]),
            (&["ha", "", "ha", "!"], &["ha", "", "", "ha!"]),
            (
                &[
                    "We open",
                    "We open at nine",
                    "We open at nine on Sundays",
                    "We open at nine on Sundays.",
                ],
                &["We open", "", " at nine on Sundays", "."],
            ),
        ] {
            let mut joining = Joining::default();
            let returned: Vec<String> = pieces.iter().map(|piece| joining.add(piece)).collect();
            assert_eq!(returned, certain);
        }
    }

    proptest! {
        #[test]
        fn what_is_certain_begins_the_whole(pieces in prop::collection::vec("[ab ]{0,3}", 0..6)) {
            let mut joining = Joining::default();
            let certain: String = pieces.iter().map(|piece| joining.add(piece)).collect();
            let whole = joined(&pieces);
            prop_assert!(whole.starts_with(&certain), "{:?}: {:?} {:?}", pieces, certain, whole);
        }

        #[test]
        fn nothing_is_said_that_is_not_in_a_piece(pieces in prop::collection::vec("[ab ]{0,3}", 0..6)) {
            let whole = joined(&pieces);
            prop_assert!(whole == pieces.concat() || pieces.contains(&whole));
        }
    }
}
