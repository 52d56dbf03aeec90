//! The tool use of the mock model: which tool a person's text calls for, and what the model makes of
//! the results. The same conversation always gets the same calls.
//!
//! It is a gullible model on purpose: `call NAME({…})` makes it call that tool, whoever says so: a
//! person or the result of a tool. So a test can see what a Worker prevents. Not here: the
//! arguments (`tool_arguments`), and the form of the requests (`tools`, `tool_messages`).

use serde_json::{Map, Value, json};

use super::tool_arguments::arguments;
use super::tool_messages::ToolCall;
use super::tools::{Tool, ToolChoice, Tools};
use crate::base::random::random_hex;
use crate::fault::ToolFault;

/// What the model does next.
pub enum Step {
    /// It answers as if there were no tools.
    Talk,
    /// It says this.
    Say(String),
    /// It makes these calls, and may say something with them.
    Call(Vec<Value>, Option<String>),
}

/// A call that was made since the person's last message, and its result.
pub struct Done {
    /// The call.
    pub call: ToolCall,
    /// What came back.
    pub result: String,
}

/// The next step after `text`, the person's last message, and what was `done` since.
pub fn next(tools: &Tools, text: &str, done: &[Done], fault: Option<ToolFault>) -> Step {
    if tools.choice == ToolChoice::None {
        return if done.is_empty() {
            Step::Talk
        } else {
            Step::Say(told(done))
        };
    }
    let ordered = if done.is_empty() {
        explicit(text)
    } else {
        let said = done
            .iter()
            .rev()
            .find_map(|done| explicit(&decoded(&done.result)));
        said.filter(|(name, arguments)| {
            let arguments = arguments.to_string();
            let is_known =
                |done: &Done| done.call.name == *name && done.call.arguments == arguments;
            !done.iter().any(is_known)
        })
    };
    if let Some((name, arguments)) = ordered {
        return Step::Call(vec![call(&name, &arguments.to_string().into())], None);
    }
    let wanted = || wanted(tools, text);
    match fault {
        Some(ToolFault::Endless) => calls_of(wanted()),
        _ if !done.is_empty() => Step::Say(told(done)),
        Some(ToolFault::Unknown) => Step::Call(vec![call("no_such_tool", &"{}".into())], None),
        Some(ToolFault::InvalidJson) => altered(wanted(), |_| r#"{"unfinished": "#.into(), None),
        Some(ToolFault::WrongArguments) => {
            altered(wanted(), |_| r#"{"planted": [1, 2]}"#.into(), None)
        }
        Some(ToolFault::ObjectArguments) => altered(wanted(), Value::from, None),
        Some(ToolFault::WithText) => {
            let text = "One moment, I am looking it up.".to_owned();
            altered(
                wanted(),
                |arguments| Value::Object(arguments).to_string().into(),
                Some(text),
            )
        }
        None => match wanted() {
            Wanted::Nothing => Step::Talk,
            Wanted::Missing(property) => Step::Say(format!(
                "Please tell me the {}.",
                property.replace('_', " ")
            )),
            wanted @ Wanted::Calls(..) => calls_of(wanted),
        },
    }
}

/// What a text calls for.
enum Wanted<'a> {
    /// No tool.
    Nothing,
    /// A tool, but the text lacks this property.
    Missing(String),
    /// Calls of a tool.
    Calls(&'a str, Vec<Map<String, Value>>),
}

fn wanted<'t>(tools: &'t Tools, text: &str) -> Wanted<'t> {
    let lower = text.to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| lower.contains(phrase));
    let named = |name: &str| tools.offered.iter().find(|tool| tool.name == name);
    let forced = match &tools.choice {
        ToolChoice::Named(name) => named(name),
        ToolChoice::Required => best(&tools.offered, &lower).or_else(|| tools.offered.first()),
        _ if says(&["talk to a person", "speak to a person", "real person"]) => named("hand_off"),
        _ if says(&["goodbye", "good bye"]) => named("end_conversation"),
        _ => None,
    };
    let Some(tool) = forced.or_else(|| best(&tools.offered, &lower)) else {
        return Wanted::Nothing;
    };
    match arguments(tool, text, forced.is_some()) {
        Ok(mut all) => {
            if !tools.parallel {
                all.truncate(1);
            }
            Wanted::Calls(&tool.name, all)
        }
        Err(property) => Wanted::Missing(property),
    }
}

/// The tool whose name has the most words in common with a text in lower case.
fn best<'t>(tools: &'t [Tool], text: &str) -> Option<&'t Tool> {
    let stem = |word: &str| word.trim_end_matches('s').to_owned();
    let said: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .map(stem)
        .collect();
    let score = |tool: &Tool| {
        let name = tool.name.to_lowercase();
        let words = name.split(['_', '-']).filter(|word| word.len() > 2);
        words.filter(|word| said.contains(&stem(word))).count()
    };
    let mut best = None;
    for tool in tools {
        let points = score(tool);
        if points > best.map_or(0, |(points, _)| points) {
            best = Some((points, tool));
        }
    }
    best.map(|(_, tool)| tool)
}

/// A result with its JSON texts decoded.
fn decoded(result: &str) -> String {
    fn texts(value: &Value) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Array(values) => values.iter().map(texts).collect(),
            Value::Object(fields) => fields.values().map(texts).collect(),
            _ => String::new(),
        }
    }
    serde_json::from_str(result).map_or_else(|_| result.to_owned(), |value| texts(&value))
}

/// The call that a text orders in so many words: `call NAME({…})`.
fn explicit(text: &str) -> Option<(String, Value)> {
    text.match_indices("call ").find_map(|(at, word)| {
        let rest = text.get(at.saturating_add(word.len())..)?;
        let (name, rest) = rest.split_once('(')?;
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let arguments = values.next()?.ok()?;
        (is_name && arguments.is_object()).then(|| (name.to_owned(), arguments))
    })
}

fn calls_of(wanted: Wanted<'_>) -> Step {
    altered(
        wanted,
        |arguments| Value::Object(arguments).to_string().into(),
        None,
    )
}

/// The calls, with their arguments written by `write`.
fn altered(
    wanted: Wanted<'_>,
    write: impl Fn(Map<String, Value>) -> Value,
    text: Option<String>,
) -> Step {
    match wanted {
        Wanted::Calls(name, all) => {
            let calls = all
                .into_iter()
                .map(|arguments| call(name, &write(arguments)));
            Step::Call(calls.collect(), text)
        }
        _ => Step::Talk,
    }
}

fn call(name: &str, arguments: &Value) -> Value {
    let id: String = random_hex().chars().take(24).collect();
    json!({
        "id": format!("call_{id}"),
        "type": "function",
        "function": {"name": name, "arguments": arguments}
    })
}

/// What the model says about the results.
fn told(done: &[Done]) -> String {
    let sentences: Vec<String> = done.iter().map(sentence).collect();
    sentences.join(" ")
}

fn sentence(done: &Done) -> String {
    let label = done.call.name.replace('_', " ");
    let result: Value =
        serde_json::from_str(&done.result).unwrap_or_else(|_| done.result.as_str().into());
    let result = match result.get("result") {
        Some(inner) => inner.clone(),
        None => result,
    };
    if result.get("error").is_some_and(|error| !error.is_null()) {
        return format!("Sorry, the system for {label} can't be reached right now.");
    }
    match done.call.name.as_str() {
        "hand_off" => return "I am handing you over to a person.".to_owned(),
        "end_conversation" => return "Goodbye!".to_owned(),
        _ => {}
    }
    let Some(fields) = result.as_object() else {
        return plain(&result);
    };
    let arguments: Value = serde_json::from_str(&done.call.arguments).unwrap_or_default();
    let first = arguments.as_object().and_then(|map| map.iter().next());
    let subject = first.map_or_else(
        || capital(&label),
        |(name, value)| {
            let name = name.trim_end_matches("_id").replace('_', " ");
            format!("{} {}", capital(&name), plain(value))
        },
    );
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    match (text("status"), text("arrives")) {
        (Some(status), Some(arrives)) => format!("{subject}: {status}, arrives {arrives}."),
        (Some(status), None) => format!("{subject}: {status}."),
        _ => {
            let facts: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{name} {}", plain(value)))
                .collect();
            format!("{subject}: {}.", facts.join(", "))
        }
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).collect()
}

#[cfg(test)]
#[allow(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]
mod tests;
