//! The tools that a request offers, how the model may choose among them, and the form of its
//! answer.
//!
//! Sources: OpenAI's OpenAPI file (`ChatCompletionTool`, `ChatCompletionToolChoiceOption`,
//! `ResponseFormatJsonSchema`) and the API's error messages. Not here: the calls in the messages
//! (`tool_messages`), and which tool the mock model calls (`tool_use`).

use serde_json::{Map, Value};

use super::fields::{Kind, check_value};
use super::problem::{Problem, missing, unknown};
use super::schema::check_strict;

/// A tool that the model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// The JSON Schema of its arguments.
    pub parameters: Value,
}

/// How the model may choose.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolChoice {
    /// It decides.
    Auto,
    /// It calls none.
    None,
    /// It calls at least one.
    Required,
    /// It calls this one.
    Named(String),
}

/// The tools of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Tools {
    /// All of them.
    pub offered: Vec<Tool>,
    /// How the model may choose.
    pub choice: ToolChoice,
    /// Whether it may call several at once.
    pub parallel: bool,
}

/// The form of an answer.
pub struct AnswerForm {
    /// The name that the request gives it.
    pub name: String,
    /// The JSON Schema that the answer fits.
    pub schema: Value,
}

/// The most tools of a request.
const MAX_TOOLS: usize = 128;
/// The longest name of a tool or a schema.
const MAX_NAME: usize = 64;
/// The longest description of a tool, in characters.
const MAX_DESCRIPTION: usize = 1024;

/// Reads and checks the tools of a request.
pub fn read_tools(fields: &Map<String, Value>) -> Result<Tools, Problem> {
    let given = |name: &str| fields.get(name).filter(|value| !value.is_null());
    let Some(list) = given("tools").and_then(Value::as_array) else {
        for name in ["tool_choice", "parallel_tool_calls"] {
            // A choice of none needs no tools.
            if given(name).is_some_and(|value| *value != "none") {
                let message =
                    format!("Invalid value for '{name}': it is only allowed with 'tools'.");
                return Err(Problem::invalid(message).param(name));
            }
        }
        return Ok(Tools {
            offered: Vec::new(),
            choice: ToolChoice::None,
            parallel: true,
        });
    };
    if list.is_empty() {
        let message = "Invalid 'tools': empty array. At least one tool is needed.";
        return Err(Problem::invalid(message.to_owned())
            .param("tools")
            .code("empty_array"));
    }
    if list.len() > MAX_TOOLS {
        let message = format!(
            "Invalid 'tools': array too long. At most {MAX_TOOLS} are possible, not {}.",
            list.len()
        );
        return Err(Problem::invalid(message)
            .param("tools")
            .code("array_above_max_length"));
    }
    let offered: Vec<Tool> = list
        .iter()
        .enumerate()
        .map(|(index, tool)| read_tool(&format!("tools[{index}]"), tool))
        .collect::<Result<_, _>>()?;
    let choice = read_choice(given("tool_choice"), &offered)?;
    Ok(Tools {
        offered,
        choice,
        parallel: given("parallel_tool_calls") != Some(&Value::Bool(false)),
    })
}

fn read_tool(path: &str, tool: &Value) -> Result<Tool, Problem> {
    check_value(path, tool, &Kind::Object)?;
    let kind = tool
        .get("type")
        .ok_or_else(|| missing(&format!("{path}.type")))?;
    check_value(&format!("{path}.type"), kind, &Kind::OneOf(&["function"]))?;
    only(path, tool, &["type", "function"])?;
    let path = format!("{path}.function");
    let function = tool.get("function").ok_or_else(|| missing(&path))?;
    check_value(&path, function, &Kind::Object)?;
    only(
        &path,
        function,
        &["name", "description", "parameters", "strict"],
    )?;
    let name = name(&format!("{path}.name"), function.get("name"))?;
    if let Some(description) = function.get("description").filter(|value| !value.is_null()) {
        let kind = Kind::ShortText(MAX_DESCRIPTION);
        check_value(&format!("{path}.description"), description, &kind)?;
    }
    let strict = function.get("strict").filter(|value| !value.is_null());
    if let Some(strict) = strict {
        check_value(&format!("{path}.strict"), strict, &Kind::Flag)?;
    }
    let parameters = function.get("parameters").filter(|value| !value.is_null());
    let path = format!("{path}.parameters");
    if let Some(parameters) = parameters {
        check_value(&path, parameters, &Kind::Object)?;
        let invalid = |problem: &str| {
            Problem::invalid(format!("Invalid schema for function '{name}': {problem}"))
                .param(&path)
                .code("invalid_function_parameters")
        };
        let fields = parameters.as_object().filter(|fields| !fields.is_empty());
        let is_object = fields.is_none_or(|fields| fields.get("type") == Some(&"object".into()));
        if !is_object {
            return Err(invalid("its root must be of type 'object'."));
        }
        if fields.is_some_and(|fields| {
            fields
                .get("properties")
                .is_some_and(|list| !list.is_object())
        }) {
            return Err(invalid("'properties' must be an object."));
        }
        if strict == Some(&Value::Bool(true)) {
            check_strict(parameters).map_err(|problem| invalid(&problem))?;
        }
    }
    Ok(Tool {
        name,
        parameters: parameters
            .cloned()
            .unwrap_or_else(|| Value::Object(Map::new())),
    })
}

fn read_choice(choice: Option<&Value>, offered: &[Tool]) -> Result<ToolChoice, Problem> {
    let Some(choice) = choice else {
        return Ok(ToolChoice::Auto);
    };
    if choice.is_string() {
        check_value(
            "tool_choice",
            choice,
            &Kind::OneOf(&["none", "auto", "required"]),
        )?;
        return Ok(match choice.as_str() {
            Some("none") => ToolChoice::None,
            Some("required") => ToolChoice::Required,
            _ => ToolChoice::Auto,
        });
    }
    let kind = choice
        .get("type")
        .ok_or_else(|| missing("tool_choice.type"))?;
    check_value("tool_choice.type", kind, &Kind::OneOf(&["function"]))?;
    let path = "tool_choice.function.name";
    let name = choice.pointer("/function/name").and_then(Value::as_str);
    let name = name.ok_or_else(|| missing(path))?;
    if offered.iter().any(|tool| tool.name == name) {
        return Ok(ToolChoice::Named(name.to_owned()));
    }
    let message = format!("Tool choice '{name}' is not among the 'tools'.");
    Err(Problem::invalid(message).param("tool_choice"))
}

/// The JSON Schema that the answer must fit, if the request has one.
pub fn read_response_format(fields: &Map<String, Value>) -> Result<Option<AnswerForm>, Problem> {
    let path = "response_format";
    let Some(format) = fields.get(path).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let kind = format
        .get("type")
        .ok_or_else(|| missing("response_format.type"))?;
    let kinds = Kind::OneOf(&["text", "json_object", "json_schema"]);
    check_value("response_format.type", kind, &kinds)?;
    if kind != "json_schema" {
        only(path, format, &["type"])?;
        return Ok(None);
    }
    only(path, format, &["type", "json_schema"])?;
    let inner = "response_format.json_schema";
    let described = format.get("json_schema").ok_or_else(|| missing(inner))?;
    check_value(inner, described, &Kind::Object)?;
    only(
        inner,
        described,
        &["name", "description", "schema", "strict"],
    )?;
    let name = name(&format!("{inner}.name"), described.get("name"))?;
    if let Some(strict) = described.get("strict").filter(|value| !value.is_null()) {
        check_value(&format!("{inner}.strict"), strict, &Kind::Flag)?;
    }
    let schema = described
        .get("schema")
        .ok_or_else(|| missing(&format!("{inner}.schema")))?;
    check_value(&format!("{inner}.schema"), schema, &Kind::Object)?;
    if described.get("strict") == Some(&Value::Bool(true)) {
        check_strict(schema).map_err(|problem| {
            let message = format!("Invalid schema for response_format '{name}': {problem}");
            Problem::invalid(message).param(path)
        })?;
    }
    Ok(Some(AnswerForm {
        name,
        schema: schema.clone(),
    }))
}

/// A name of letters, digits, `_` and `-`.
pub fn name(path: &str, value: Option<&Value>) -> Result<String, Problem> {
    let value = value.ok_or_else(|| missing(path))?;
    check_value(path, value, &Kind::ShortText(MAX_NAME))?;
    let name = value.as_str().unwrap_or_default();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name) {
        let message = format!("Invalid '{path}': it does not match '^[a-zA-Z0-9_-]+$'.");
        return Err(Problem::invalid(message).param(path).code("invalid_value"));
    }
    Ok(name.to_owned())
}

/// Rejects a field that is not known.
pub fn only(path: &str, value: &Value, known: &[&str]) -> Result<(), Problem> {
    let fields = value.as_object();
    let names = fields.into_iter().flat_map(Map::keys);
    match names
        .into_iter()
        .find(|name| !known.contains(&name.as_str()))
    {
        Some(name) => Err(unknown(&format!("{path}.{name}"))),
        None => Ok(()),
    }
}
