//! The messages of a request: their roles, and their content of text and images.

use serde_json::{Map, Value};

use super::fields::{Kind, check_value};
use super::image_check::{self, Image};
use super::problem::{Problem, missing, unknown, wrong_type};

/// The content of a message.
#[derive(Default)]
pub struct Content {
    /// All text parts, joined.
    pub text: String,
    /// The images, in order.
    pub images: Vec<Image>,
}

/// What one of the two sides of a conversation has said.
pub struct Spoken {
    /// Whether the model said it.
    pub own: bool,
    /// The words.
    pub text: String,
}

impl Spoken {
    /// What a message of this role says. System and tools do not speak.
    pub fn read(role: &str, text: &str) -> Option<Self> {
        matches!(role, "user" | "assistant").then(|| Self {
            own: role == "assistant",
            text: text.to_owned(),
        })
    }
}

/// Checks one message, and returns its role and its content.
pub fn read_message(index: usize, message: &Value) -> Result<(&str, Content), Problem> {
    let path = format!("messages[{index}]");
    let Some(fields) = message.as_object() else {
        return Err(wrong_type(&path, "an object", message));
    };
    let role_path = format!("{path}.role");
    let role = match fields.get("role") {
        None => return Err(missing(&role_path)),
        Some(Value::String(role)) => role.as_str(),
        Some(other) => return Err(wrong_type(&role_path, "a string", other)),
    };
    let known: &[&str] = match role {
        "system" | "developer" | "user" => &["role", "content", "name"],
        "assistant" => &[
            "role",
            "content",
            "name",
            "refusal",
            "audio",
            "tool_calls",
            "function_call",
            "annotations",
        ],
        "tool" => &["role", "content", "tool_call_id"],
        _ => {
            return Err(Problem::invalid(format!(
                "'{role_path}' cannot be '{role}'; \
                 it can be system, developer, user, assistant or tool."
            ))
            .param(&role_path)
            .code("invalid_value"));
        }
    };
    if let Some(name) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(unknown(&format!("{path}.{name}")));
    }
    for name in ["name", "tool_call_id", "refusal"] {
        if let Some(value) = fields.get(name).filter(|value| !value.is_null()) {
            check_value(&format!("{path}.{name}"), value, &Kind::Text)?;
        }
    }
    if role == "tool" && !fields.contains_key("tool_call_id") {
        return Err(missing(&format!("{path}.tool_call_id")));
    }
    let content = read_content(&path, role, fields)?;
    if content.text.chars().count() > MAX_TEXT {
        return Err(Problem::invalid(format!(
            "'{path}.content' is longer than {MAX_TEXT} characters."
        ))
        .param(&format!("{path}.content"))
        .code("string_above_max_length"));
    }
    Ok((role, content))
}

fn read_content(path: &str, role: &str, fields: &Map<String, Value>) -> Result<Content, Problem> {
    let path = format!("{path}.content");
    let parts = match fields.get("content") {
        Some(Value::String(text)) => {
            return Ok(Content {
                text: text.clone(),
                ..Content::default()
            });
        }
        Some(Value::Array(parts)) => parts,
        None | Some(Value::Null) if role == "assistant" => {
            let says_nothing = ["tool_calls", "function_call", "refusal", "audio"]
                .iter()
                .all(|name| fields.get(*name).is_none_or(Value::is_null));
            return if says_nothing {
                Err(wrong_type(&path, "a string or an array", &Value::Null))
            } else {
                Ok(Content::default())
            };
        }
        None => return Err(missing(&path)),
        Some(other) => return Err(wrong_type(&path, "a string or an array", other)),
    };
    if parts.is_empty() {
        return Err(Problem::invalid(format!("'{path}' is an empty array."))
            .param(&path)
            .code("empty_array"));
    }
    let possible: &[&str] = match role {
        "user" => &["text", "image_url", "input_audio", "file"],
        "assistant" => &["text", "refusal"],
        _ => &["text"],
    };
    let mut content = Content::default();
    for (index, part) in parts.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let kind = part
            .get("type")
            .and_then(Value::as_str)
            .ok_or_else(|| missing(&format!("{path}.type")))?;
        if !possible.contains(&kind) {
            return Err(Problem::invalid(format!(
                "'{path}.type' cannot be '{kind}' in a message of {role}; it can be {}.",
                possible.join(", ")
            ))
            .param(&format!("{path}.type"))
            .code("invalid_value"));
        }
        let value = part
            .get(kind)
            .ok_or_else(|| missing(&format!("{path}.{kind}")))?;
        let expected = if matches!(kind, "text" | "refusal") {
            Kind::Text
        } else {
            Kind::Object
        };
        check_value(&format!("{path}.{kind}"), value, &expected)?;
        match kind {
            "text" => content.text.push_str(value.as_str().unwrap_or_default()),
            "image_url" => content
                .images
                .push(read_image(&format!("{path}.image_url"), value)?),
            _ => {}
        }
    }
    Ok(content)
}

/// Checks an `image_url` and the image behind it.
fn read_image(path: &str, value: &Value) -> Result<Image, Problem> {
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        match name.as_str() {
            "url" => check_value(&path, value, &Kind::Text)?,
            "detail" => check_value(&path, value, &Kind::OneOf(&["auto", "low", "high"]))?,
            _ => return Err(unknown(&path)),
        }
    }
    let path = format!("{path}.url");
    let url = value
        .get("url")
        .and_then(Value::as_str)
        .ok_or_else(|| missing(&path))?;
    image_check::check(url).map_err(|error| {
        Problem::invalid(error.message.to_owned())
            .param(&path)
            .code(error.code)
    })
}

/// The longest text of one message, in characters.
const MAX_TEXT: usize = 1_048_576;
