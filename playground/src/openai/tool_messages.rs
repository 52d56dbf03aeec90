//! The tool calls and their results in the messages of a request: each result belongs to a call,
//! and each call has its result before anything else is said.
//!
//! Source: the API's error messages, as clients of it report them. Not here: the tools that are
//! offered (`tools`).

use serde_json::Value;

use super::fields::{Kind, check_value};
use super::problem::{Problem, missing, wrong_type};
use super::tools::{name, only};

/// A call in a message of the assistant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// Its id.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments: JSON, or whatever the model has written.
    pub arguments: String,
}

/// The most calls of one message.
const MAX_CALLS: usize = 128;
/// The longest id of a call.
const MAX_ID: usize = 40;

/// The calls in a message of the assistant.
pub fn read_calls(index: usize, message: &Value) -> Result<Vec<ToolCall>, Problem> {
    let path = format!("messages[{index}].tool_calls");
    let Some(calls) = message.get("tool_calls").filter(|value| !value.is_null()) else {
        return Ok(Vec::new());
    };
    check_value(&path, calls, &Kind::List)?;
    let calls = calls.as_array().map(Vec::as_slice).unwrap_or_default();
    let length = |code: &str, what: &str| {
        Problem::invalid(format!("Invalid '{path}': {what}."))
            .param(&path)
            .code(code)
    };
    if calls.is_empty() {
        return Err(length(
            "empty_array",
            "empty array, at least one call is needed",
        ));
    }
    if calls.len() > MAX_CALLS {
        return Err(length("array_above_max_length", "array too long"));
    }
    calls
        .iter()
        .enumerate()
        .map(|(number, call)| read_call(&format!("{path}[{number}]"), call))
        .collect()
}

fn read_call(path: &str, call: &Value) -> Result<ToolCall, Problem> {
    if !call.is_object() {
        return Err(wrong_type(path, "an object", call));
    }
    only(path, call, &["id", "type", "function"])?;
    let id_path = format!("{path}.id");
    let id = call.get("id").ok_or_else(|| missing(&id_path))?;
    check_value(&id_path, id, &Kind::ShortText(MAX_ID))?;
    let type_path = format!("{path}.type");
    let kind = call.get("type").ok_or_else(|| missing(&type_path))?;
    check_value(&type_path, kind, &Kind::OneOf(&["function"]))?;
    let path = format!("{path}.function");
    let function = call.get("function").ok_or_else(|| missing(&path))?;
    check_value(&path, function, &Kind::Object)?;
    only(&path, function, &["name", "arguments"])?;
    let name = name(&format!("{path}.name"), function.get("name"))?;
    let path = format!("{path}.arguments");
    let arguments = function.get("arguments").ok_or_else(|| missing(&path))?;
    check_value(&path, arguments, &Kind::Text)?;
    Ok(ToolCall {
        id: id.as_str().unwrap_or_default().to_owned(),
        name,
        arguments: arguments.as_str().unwrap_or_default().to_owned(),
    })
}

/// The calls that wait for their results, while the messages are read in order.
#[derive(Default)]
pub struct Unanswered(Vec<String>);

impl Unanswered {
    /// A message of the assistant with these calls.
    pub fn called(&mut self, calls: &[ToolCall]) {
        self.0 = calls.iter().map(|call| call.id.clone()).collect();
    }

    /// The result for `id` in the message `index`, whose predecessor is `previous`.
    pub fn result(&mut self, index: usize, id: &str, follows_calls: bool) -> Result<(), Problem> {
        if !follows_calls {
            let message = "Invalid parameter: messages with role 'tool' must be a response to a \
                           preceding message with 'tool_calls'.";
            let param = format!("messages.[{index}].role");
            return Err(Problem::invalid(message.to_owned()).param(&param));
        }
        let Some(position) = self.0.iter().position(|waiting| waiting == id) else {
            let message = format!(
                "Invalid parameter: 'tool_call_id' of '{id}' is not in 'tool_calls' of the \
                 previous message, or was answered before."
            );
            let param = format!("messages.[{index}].tool_call_id");
            return Err(Problem::invalid(message).param(&param));
        };
        self.0.remove(position);
        Ok(())
    }

    /// The message `index` is no result, or there are no more messages.
    pub fn none_left(&self, index: usize) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        let message = format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding \
             to each 'tool_call_id'. Without a response: {}",
            self.0.join(", ")
        );
        let param = format!("messages.[{index}].role");
        Err(Problem::invalid(message).param(&param))
    }
}
