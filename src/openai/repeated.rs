//! What an endpoint wants to see again of a message with calls: thoughts, signatures and ids.
//!
//! Gemini refuses a call without the signature that came with it, DeepSeek and Moonshot a message
//! without the thoughts before its calls, and gateways find both again by the id of a call. All of
//! it goes back as it came, to the endpoint that said it and to no other, as long as the turn lasts.
//! It is neither stored nor logged nor shown. Not here: thoughts in the text of an answer
//! (`thoughts`). Sources: Gemini, "Thought signatures"; DeepSeek, "Thinking mode"; Moonshot, "Use
//! Kimi K2 thinking"; OpenRouter, "Preserving reasoning blocks"; BerriAI/litellm pull request 16895.

use serde::Serialize;
use serde_json::{Map, Value};

/// The fields of a message: DeepSeek's, Moonshot's and Qwen's; Groq's and vLLM's; OpenRouter's and
/// MiniMax's; Gemini's.
const OF_MESSAGE: [&str; 4] = [
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "extra_content",
];
/// The fields of a call: Gemini's, LiteLLM's.
const OF_CALL: [&str; 2] = ["extra_content", "provider_specific_fields"];

/// The most bytes of a response that are repeated, ids included. Half of a signature is worth
/// nothing, so beyond that nothing is.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// The fields of a message or of a call that its endpoint wants to see again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Repeated(Map<String, Value>);

impl Repeated {
    /// The fields of a message or a delta.
    pub(super) fn of_message(message: &Value) -> Self {
        Self::of(message, &OF_MESSAGE)
    }

    /// The fields of a call.
    pub(super) fn of_call(call: &Value) -> Self {
        Self::of(call, &OF_CALL)
    }

    /// An empty text is repeated, too: DeepSeek wants to see it.
    fn of(holder: &Value, names: &[&str]) -> Self {
        let found = names.iter().filter_map(|name| {
            let value = holder.get(name).filter(|value| !value.is_null())?;
            Some(((*name).to_owned(), value.clone()))
        });
        Self(found.collect())
    }

    /// Adds the next piece of a stream: texts and lists go on, and of all else the last one counts.
    pub(super) fn add(&mut self, piece: Self) {
        for (name, value) in piece.0 {
            match (self.0.get_mut(&name), value) {
                (Some(Value::String(text)), Value::String(more)) => text.push_str(&more),
                (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
                (_, value) => {
                    self.0.insert(name, value);
                }
            }
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its length as JSON, in bytes.
    pub(super) fn length(&self) -> usize {
        serde_json::to_vec(&self.0).map_or(usize::MAX, |json| json.len())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(repeated: &Repeated) -> Value {
        serde_json::to_value(repeated).unwrap()
    }

    #[test]
    fn only_known_fields_are_repeated_and_an_empty_text_is_one() {
        let message = json!({
            "role": "assistant", "content": "I look.", "reasoning_content": "", "reasoning": null,
            "reasoning_details": [{ "type": "reasoning.encrypted", "data": "x" }], "audio": {},
            "tool_calls": [], "extra_content": { "google": { "thought_signature": "s" } },
        });
        assert_eq!(
            shown(&Repeated::of_message(&message)),
            json!({
                "reasoning_content": "",
                "reasoning_details": [{ "type": "reasoning.encrypted", "data": "x" }],
                "extra_content": { "google": { "thought_signature": "s" } },
            })
        );
        let call = json!({ "id": "a", "type": "function", "function": {}, "reasoning": "x", "extra_content": { "google": {} }, "provider_specific_fields": { "thought_signature": "s" } });
        assert_eq!(
            shown(&Repeated::of_call(&call)),
            json!({ "extra_content": { "google": {} }, "provider_specific_fields": { "thought_signature": "s" } })
        );
        for none in [json!({}), json!("text"), json!(null), json!([])] {
            assert!(Repeated::of_message(&none).is_empty(), "{none}");
        }
    }

    #[test]
    fn the_pieces_of_a_stream_are_put_together() {
        let mut whole = Repeated::default();
        for delta in [
            json!({ "reasoning_content": "Where ", "reasoning_details": [{ "text": "Where " }] }),
            json!({ "content": "x" }),
            json!({ "reasoning_content": "is it?", "reasoning_details": [{ "text": "is it?" }], "extra_content": 1 }),
            json!({ "reasoning_content": null, "extra_content": { "google": 2 } }),
        ] {
            whole.add(Repeated::of_message(&delta));
        }
        assert_eq!(
            shown(&whole),
            json!({
                "reasoning_content": "Where is it?",
                "reasoning_details": [{ "text": "Where " }, { "text": "is it?" }],
                "extra_content": { "google": 2 },
            })
        );
    }
}
