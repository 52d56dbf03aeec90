//! Tools: what the model is offered, what it calls, and what came of its calls.
//!
//! Not here: the rest of a request (`request`) and of a response (`answer`), and making the calls
//! (`conversation::model_run`). Source: OpenAI, "Function calling". The forms of other servers are
//! those that the issue trackers of vLLM, llama.cpp, Ollama, Gemini, LiteLLM and OpenRouter show.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{content::joined, json::first_value};

/// A tool that the model may call.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Function<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it does.
    pub description: &'a str,
    /// The JSON Schema of its arguments.
    pub parameters: &'a Value,
}

/// The tools that a request offers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offer<'a> {
    /// The tools.
    pub functions: &'a [Function<'a>],
    /// Whether the model must answer now. Earlier calls are still part of the request, so the tools
    /// stay in it.
    pub must_answer: bool,
}

impl Offer<'_> {
    /// Whether the model may call a tool.
    #[must_use]
    pub fn allows_calls(&self) -> bool {
        !self.must_answer && !self.functions.is_empty()
    }
}

/// A call that the model asks for. Its id is ours, given in the round: servers leave ids out, repeat
/// them, or take only those of their own form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The name of the tool.
    pub name: String,
    /// The arguments, if they are a JSON object.
    pub arguments: Option<Map<String, Value>>,
}

/// A round: the calls of one response, each with its result, which is JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round(pub Vec<(ToolCall, String)>);

/// The most calls of a response that are read.
const MAX_CALLS: usize = 64;
/// The longest arguments that are read, in bytes.
const MAX_ARGUMENTS: usize = 16 * 1024;

/// The calls of a response, piece by piece.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Pieces>);

/// The pieces of one call.
#[derive(Debug, Default)]
struct Pieces {
    index: Option<u64>,
    id: Option<String>,
    name: Vec<String>,
    arguments: Vec<String>,
}

impl Calls {
    /// Takes the calls of a message, each a call of its own. Of several messages in a stream, each has
    /// all that was said so far, so the last one with calls counts.
    pub(super) fn take_message(&mut self, message: &Value) {
        let calls: Vec<Pieces> = entries(message)
            .map(|(call, function)| Pieces::of(call, function))
            .collect();
        if !calls.is_empty() {
            self.0 = calls;
        }
    }

    /// Adds the calls of a delta, or the pieces of them.
    pub(super) fn add_delta(&mut self, delta: &Value) {
        for (call, function) in entries(delta) {
            let piece = Pieces::of(call, function);
            match self.0.iter_mut().rev().find(|known| piece.continues(known)) {
                Some(known) => {
                    known.name.extend(piece.name);
                    known.arguments.extend(piece.arguments);
                }
                None => self.0.push(piece),
            }
        }
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The calls. One without a name is none.
    pub(super) fn read(&self) -> Vec<ToolCall> {
        let calls = self.0.iter().filter_map(Pieces::read);
        calls.take(MAX_CALLS).collect()
    }
}

/// The calls of a message or a delta, each with the function in it. The older form has one call.
fn entries(message: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    let calls = message.get("tool_calls").and_then(Value::as_array);
    let older = message.get("function_call").filter(|call| call.is_object());
    let calls = calls.into_iter().flatten();
    calls
        .map(|call| (call, call.get("function").unwrap_or(call)))
        .chain(older.map(|function| (function, function)))
}

impl Pieces {
    fn of(call: &Value, function: &Value) -> Self {
        let text = |holder: &Value, name: &str| {
            let text = holder.get(name).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let arguments = match function.get("arguments") {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Null) | None => None,
            Some(value) => Some(value.to_string()),
        };
        Self {
            index: call.get("index").and_then(Value::as_u64),
            id: text(call, "id"),
            name: text(function, "name").into_iter().collect(),
            arguments: arguments.into_iter().collect(),
        }
    }

    /// Whether this is the next piece of a call.
    fn continues(&self, known: &Self) -> bool {
        match self.index {
            // Gemini has given all calls of a stream the index 0.
            Some(_) => {
                let is_other = self.id.is_some() && known.id.is_some() && self.id != known.id;
                self.index == known.index && !is_other
            }
            // Without an index, whatever has neither an id nor a name goes on.
            None if self.id.is_none() => self.name.is_empty(),
            None => self.id == known.id,
        }
    }

    fn read(&self) -> Option<ToolCall> {
        let first = self.name.first()?;
        let is_repeated = self.name.iter().all(|piece| piece == first);
        let name = if is_repeated {
            first.clone()
        } else {
            joined(&self.name)
        };
        Some(ToolCall {
            name,
            arguments: arguments(&joined(&self.arguments)),
        })
    }
}

/// The arguments that a text has. No text means none.
fn arguments(text: &str) -> Option<Map<String, Value>> {
    if text.trim().is_empty() {
        return Some(Map::new());
    }
    if text.len() > MAX_ARGUMENTS {
        return None;
    }
    let only = |text: &str| {
        let (value, rest) = first_value(text.trim_start())?;
        rest.trim().is_empty().then_some(value)
    };
    match only(text)? {
        Value::Object(arguments) => Some(arguments),
        Value::Null => Some(Map::new()),
        // Some servers encode them twice.
        Value::String(inner) => match only(&inner)? {
            Value::Object(arguments) => Some(arguments),
            _ => None,
        },
        _ => None,
    }
}

/// The id of a call in the requests: nine letters and digits, the one form that Mistral takes.
pub(super) fn id(round: usize, call: usize) -> String {
    format!("call{round:02}{call:03}")
}

/// A tool as a request has it.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum OfferedTool<'a> {
    Function { function: Function<'a> },
}

/// A call as a request repeats it.
#[derive(Serialize)]
pub(super) struct RepeatedCall<'a> {
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) function: RepeatedFunction<'a>,
}

#[derive(Serialize)]
pub(super) struct RepeatedFunction<'a> {
    name: &'a str,
    /// As text. Arguments that were none are left out, because servers take only JSON.
    arguments: String,
}

impl<'a> RepeatedCall<'a> {
    pub(super) fn of(id: String, call: &'a ToolCall) -> Self {
        let text = |arguments| serde_json::to_string(arguments).ok();
        let arguments = call.arguments.as_ref().and_then(text);
        Self {
            id,
            kind: "function",
            function: RepeatedFunction {
                name: &call.name,
                arguments: arguments.unwrap_or_else(|| "{}".to_owned()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(calls: &Calls) -> Vec<(String, Value)> {
        let shown = |call: ToolCall| (call.name, json!(call.arguments));
        calls.read().into_iter().map(shown).collect()
    }

    /// The calls of these deltas: names, and arguments as JSON. A delta alone says the same as a
    /// message.
    fn calls(deltas: &[Value]) -> Vec<(String, Value)> {
        let mut calls = Calls::default();
        for delta in deltas {
            calls.add_delta(delta);
        }
        if let [message] = deltas {
            let mut of_message = Calls::default();
            of_message.take_message(message);
            assert_eq!(of_message.read(), calls.read(), "{message}");
        }
        read(&calls)
    }

    fn one(name: &str, arguments: Value) -> Vec<(String, Value)> {
        vec![(name.to_owned(), arguments)]
    }

    #[test]
    fn a_call_is_read_in_every_spelling() {
        let function = |arguments: Value| json!({ "tool_calls": [{ "id": "a", "type": "function", "function": { "name": "look", "arguments": arguments } }] });
        for message in [
            function(json!("{\"id\":7}")),
            function(json!({ "id": 7 })),
            function(json!("\"{\\\"id\\\":7}\"")),
            function(json!(" {\"id\":7}\n")),
            json!({ "tool_calls": [{ "function": { "name": "look", "arguments": "{\"id\":7}" } }] }),
            json!({ "tool_calls": [{ "name": "look", "arguments": { "id": 7 } }] }),
            json!({ "function_call": { "name": "look", "arguments": "{\"id\":7}" } }),
        ] {
            assert_eq!(
                calls(std::slice::from_ref(&message)),
                one("look", json!({ "id": 7 })),
                "{message}"
            );
        }
        for none in [
            json!(""),
            json!(null),
            json!("{}"),
            json!({}),
            json!("null"),
        ] {
            assert_eq!(
                calls(&[function(none.clone())]),
                one("look", json!({})),
                "{none}"
            );
        }
        for wrong in [
            json!("{\"id\":"),
            json!("[1]"),
            json!(7),
            json!("look it up"),
            json!("{}{}"),
        ] {
            assert_eq!(
                calls(&[function(wrong.clone())]),
                one("look", json!(null)),
                "{wrong}"
            );
        }
        let long = function(json!({ "id": "x".repeat(MAX_ARGUMENTS) }));
        assert_eq!(calls(&[long]), one("look", json!(null)));
    }

    #[test]
    fn calls_of_a_message_are_different_ones_even_if_their_ids_are_not() {
        let call = json!({ "id": "a", "function": { "name": "look", "arguments": "{}" } });
        let message = json!({ "tool_calls": [call, call, call] });
        let mut calls = Calls::default();
        calls.take_message(&message);
        assert_eq!(calls.read().len(), 3);
        calls.take_message(&message);
        calls.take_message(&json!({ "content": "the end" }));
        assert_eq!(calls.read().len(), 3, "each message has all so far");
    }

    #[test]
    fn what_is_no_call_is_none() {
        for message in [
            json!({}),
            json!("text"),
            json!({ "tool_calls": [] }),
            json!({ "tool_calls": null, "function_call": null }),
            json!({ "tool_calls": "x" }),
            json!({ "tool_calls": [null, 5, {}, { "function": null }] }),
            json!({ "tool_calls": [{ "id": "a", "function": { "name": "", "arguments": "{}" } }] }),
        ] {
            assert_eq!(calls(std::slice::from_ref(&message)), [], "{message}");
        }
    }

    #[test]
    fn the_pieces_of_a_stream_are_joined_by_their_index() {
        let piece = |index: u64, fields: Value| {
            let mut call = json!({ "index": index, "function": fields });
            if has_name(&call) {
                call["id"] = json!(format!("id-{index}"));
            }
            json!({ "tool_calls": [call] })
        };
        let streamed = calls(&[
            json!({ "role": "assistant", "content": null }),
            piece(0, json!({ "name": "look", "arguments": "" })),
            piece(1, json!({ "name": "hours" })),
            piece(0, json!({ "arguments": "{\"id\"" })),
            piece(1, json!({ "arguments": "{}" })),
            piece(0, json!({ "arguments": ":7}" })),
        ]);
        assert_eq!(
            streamed,
            [
                ("look".to_owned(), json!({ "id": 7 })),
                ("hours".to_owned(), json!({}))
            ]
        );
    }

    #[test]
    fn streams_without_or_with_a_wrong_index_are_read_too() {
        let call = |index: Value, id: Value, name: Value, arguments: &str| json!({ "tool_calls": [{ "index": index, "id": id, "function": { "name": name, "arguments": arguments } }] });
        let all = [
            ("look".to_owned(), json!({ "id": 7 })),
            ("look".to_owned(), json!({ "id": 8 })),
        ];
        let nothing = json!(null);
        let same_index = [
            call(json!(0), json!("a"), json!("look"), "{\"id\":7}"),
            call(json!(0), json!("b"), json!("look"), "{\"id\":8}"),
        ];
        assert_eq!(calls(&same_index), all);
        let no_index = [
            call(nothing.clone(), nothing.clone(), json!("look"), "{\"id\""),
            call(nothing.clone(), nothing.clone(), nothing.clone(), ":7}"),
            call(
                nothing.clone(),
                nothing.clone(),
                json!("look"),
                "{\"id\":8}",
            ),
        ];
        assert_eq!(calls(&no_index), all);
        let repeated_name = [
            call(json!(0), json!("a"), json!("look"), "{\"id\""),
            call(json!(0), json!("a"), json!("look"), ":7}"),
        ];
        assert_eq!(calls(&repeated_name), all[..1]);
    }

    #[test]
    fn more_calls_than_are_read_are_dropped() {
        let call = json!({ "function": { "name": "look", "arguments": "{}" } });
        let many = json!({ "tool_calls": vec![call; MAX_CALLS + 1] });
        assert_eq!(calls(&[many]).len(), MAX_CALLS);
    }

    fn has_name(call: &Value) -> bool {
        call["function"].get("name").is_some()
    }
}
