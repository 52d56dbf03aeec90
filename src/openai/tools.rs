//! Tools: what the model is offered, what it calls, and what came of its calls.
//!
//! Not here: the rest of a request (`request`) and of a response (`answer`), what an endpoint wants
//! to see again beside its calls (`repeated`), and making them (`conversation::model_run`). Source:
//! OpenAI, "Function calling". The forms of other servers are those that the issue trackers of vLLM,
//! llama.cpp, Ollama, Gemini, LiteLLM and OpenRouter show.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    content::joined,
    json::first_value,
    repeated::{MAX_BYTES, Repeated},
};

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

/// A call that the model asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// The name of the tool.
    pub name: String,
    /// The arguments, if they are a JSON object.
    pub arguments: Option<Map<String, Value>>,
    /// The id that the endpoint gave it.
    pub id: Option<String>,
    /// What the endpoint wants to see again with it.
    pub repeated: Repeated,
}

/// The calls of one response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Called {
    /// The calls, never none.
    pub calls: Vec<ToolCall>,
    /// What the endpoint wants to see again in their message.
    pub repeated: Repeated,
}

impl Called {
    /// Without ids and all else that is only repeated, if it is too long.
    fn bounded(mut self) -> Self {
        let of_call = |call: &ToolCall| {
            let id = call.id.as_ref().map_or(0, String::len);
            call.repeated.length().saturating_add(id)
        };
        let lengths = self.calls.iter().map(of_call);
        let length = lengths.fold(self.repeated.length(), usize::saturating_add);
        if length > MAX_BYTES {
            self.repeated = Repeated::default();
            for call in &mut self.calls {
                (call.id, call.repeated) = (None, Repeated::default());
            }
        }
        self
    }
}

/// A round: the calls of one response, each with its result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// The number of the endpoint that called.
    pub endpoint: usize,
    /// The calls, each with its result, which is JSON.
    pub calls: Vec<(ToolCall, String)>,
    /// What the endpoint wants to see again in their message.
    pub repeated: Repeated,
}

impl Round {
    /// Whether this endpoint wants to see something again of the round.
    #[must_use]
    pub fn has_repeated(&self, endpoint: usize) -> bool {
        let of_calls = || self.calls.iter().any(|(call, _)| !call.repeated.is_empty());
        self.endpoint == endpoint && (!self.repeated.is_empty() || of_calls())
    }
}

/// The most calls of a response that are read.
const MAX_CALLS: usize = 64;
/// The longest arguments that are read, in bytes.
const MAX_ARGUMENTS: usize = 16 * 1024;

/// The calls of a response, piece by piece.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Pieces>,
    repeated: Repeated,
}

/// The pieces of one call.
#[derive(Debug, Default)]
struct Pieces {
    index: Option<u64>,
    id: Option<String>,
    name: Vec<String>,
    arguments: Vec<String>,
    repeated: Repeated,
}

impl Calls {
    /// Takes the calls of a message, each a call of its own. Of several messages in a stream, each has
    /// all that was said so far, so the last one with calls counts.
    pub(super) fn take_message(&mut self, message: &Value) {
        let calls: Vec<Pieces> = entries(message)
            .map(|(call, function)| Pieces::of(call, function))
            .collect();
        if !calls.is_empty() {
            (self.calls, self.repeated) = (calls, Repeated::of_message(message));
        }
    }

    /// Adds the calls of a delta, or the pieces of them.
    pub(super) fn add_delta(&mut self, delta: &Value) {
        self.repeated.add(Repeated::of_message(delta));
        for (call, function) in entries(delta) {
            let piece = Pieces::of(call, function);
            match self
                .calls
                .iter_mut()
                .rev()
                .find(|known| piece.continues(known))
            {
                Some(known) => {
                    known.name.extend(piece.name);
                    known.arguments.extend(piece.arguments);
                    known.repeated.add(piece.repeated);
                }
                None => self.calls.push(piece),
            }
        }
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The calls, if there are any. One without a name is none.
    pub(super) fn read(&self) -> Option<Called> {
        let calls = self.calls.iter().filter_map(Pieces::read);
        let calls: Vec<ToolCall> = calls.take(MAX_CALLS).collect();
        let repeated = self.repeated.clone();
        (!calls.is_empty()).then(|| Called { calls, repeated }.bounded())
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
            repeated: Repeated::of_call(call),
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
            id: self.id.clone(),
            repeated: self.repeated.clone(),
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

/// The ids of the calls of each round, in a request to this endpoint. Its own calls have the ids that
/// it gave them. Servers leave ids out and repeat them, and Mistral takes only nine letters and
/// digits: so all other calls have ids of ours, in that form.
pub(super) fn ids(rounds: &[Round], endpoint: usize) -> Vec<Vec<String>> {
    let mut used = BTreeSet::new();
    let of_round = |(number, round): (usize, &Round)| {
        let is_own = round.endpoint == endpoint;
        let calls = round.calls.iter().enumerate();
        let ids = calls.map(|(at, (call, _))| {
            let given = call.id.clone().filter(|_| is_own);
            let given = given.filter(|id| used.insert(id.clone()));
            given.unwrap_or_else(|| format!("call{number:02}{at:03}"))
        });
        ids.collect()
    };
    rounds.iter().enumerate().map(of_round).collect()
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
    #[serde(flatten)]
    pub(super) repeated: Option<&'a Repeated>,
}

#[derive(Serialize)]
pub(super) struct RepeatedFunction<'a> {
    name: &'a str,
    /// As text. Arguments that were none are left out, because servers take only JSON.
    arguments: String,
}

impl<'a> RepeatedCall<'a> {
    /// `repeats`: the endpoint wants to see again what it said with the call.
    pub(super) fn of(id: String, call: &'a ToolCall, repeats: bool) -> Self {
        let text = |arguments| serde_json::to_string(arguments).ok();
        let arguments = call.arguments.as_ref().and_then(text);
        Self {
            id,
            kind: "function",
            function: RepeatedFunction {
                name: &call.name,
                arguments: arguments.unwrap_or_else(|| "{}".to_owned()),
            },
            repeated: repeats.then_some(&call.repeated),
        }
    }
}

#[cfg(test)]
mod tests;
