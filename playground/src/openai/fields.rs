//! The top-level fields of a request: which there are, and which values each takes.

use serde_json::{Map, Value};

use super::problem::{Problem, unknown, unrecognized, wrong_type};

/// The values that a field may have. `null` counts as a missing field.
pub enum Kind {
    Text,
    ShortText(usize),
    OneOf(&'static [&'static str]),
    Flag,
    Whole(i64, i64),
    Number(f64, f64),
    List,
    Object,
    TextOrObject,
    TextOrList,
}

/// The documented top-level fields.
const FIELDS: [(&str, Kind); 36] = [
    ("messages", Kind::List),
    ("model", Kind::Text),
    ("audio", Kind::Object),
    ("frequency_penalty", Kind::Number(-2.0, 2.0)),
    ("function_call", Kind::TextOrObject),
    ("functions", Kind::List),
    ("logit_bias", Kind::Object),
    ("logprobs", Kind::Flag),
    ("max_completion_tokens", Kind::Whole(1, i64::MAX)),
    ("max_tokens", Kind::Whole(1, i64::MAX)),
    ("metadata", Kind::Object),
    ("modalities", Kind::List),
    ("n", Kind::Whole(1, 128)),
    ("parallel_tool_calls", Kind::Flag),
    ("prediction", Kind::Object),
    ("presence_penalty", Kind::Number(-2.0, 2.0)),
    ("prompt_cache_key", Kind::ShortText(64)),
    ("prompt_cache_options", Kind::Object),
    (
        "prompt_cache_retention",
        Kind::OneOf(&["in_memory", "in-memory", "24h"]),
    ),
    (
        "reasoning_effort",
        Kind::OneOf(&["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
    ),
    ("response_format", Kind::Object),
    ("safety_identifier", Kind::ShortText(64)),
    ("seed", Kind::Whole(i64::MIN, i64::MAX)),
    (
        "service_tier",
        Kind::OneOf(&["auto", "default", "flex", "scale", "priority", "fast"]),
    ),
    ("stop", Kind::TextOrList),
    ("store", Kind::Flag),
    ("stream", Kind::Flag),
    ("stream_options", Kind::Object),
    ("temperature", Kind::Number(0.0, 2.0)),
    ("tool_choice", Kind::TextOrObject),
    ("tools", Kind::List),
    ("top_logprobs", Kind::Whole(0, 20)),
    ("top_p", Kind::Number(0.0, 1.0)),
    ("user", Kind::Text),
    ("verbosity", Kind::OneOf(&["low", "medium", "high"])),
    ("web_search_options", Kind::Object),
];

/// Checks the names and values of the top-level fields.
pub fn check_fields(fields: &Map<String, Value>) -> Result<(), Problem> {
    for (name, value) in fields {
        let Some((_, kind)) = FIELDS.iter().find(|(known, _)| known == name) else {
            return Err(unrecognized(name));
        };
        if !value.is_null() {
            check_value(name, value, kind)?;
        }
    }
    let options = fields.get("stream_options").and_then(Value::as_object);
    for (name, value) in options.into_iter().flatten() {
        let path = format!("stream_options.{name}");
        match name.as_str() {
            "include_usage" | "include_obfuscation" => check_value(&path, value, &Kind::Flag)?,
            _ => return Err(unknown(&path)),
        }
    }
    Ok(())
}

/// Checks one value, whose path is `name`.
pub fn check_value(name: &str, value: &Value, kind: &Kind) -> Result<(), Problem> {
    let out_of_range = |range: String| {
        Problem::invalid(format!("'{name}' must be {range}, not {value}."))
            .param(name)
            .code("value_out_of_range")
    };
    let wanted = match kind {
        Kind::Text if value.is_string() => return Ok(()),
        Kind::Text => "a string",
        Kind::ShortText(limit) => match value.as_str() {
            Some(text) if text.chars().count() <= *limit => return Ok(()),
            Some(_) => {
                return Err(Problem::invalid(format!(
                    "'{name}' is longer than {limit} characters."
                ))
                .param(name)
                .code("string_above_max_length"));
            }
            None => "a string",
        },
        Kind::OneOf(words) => match value.as_str() {
            Some(text) if words.contains(&text) => return Ok(()),
            Some(text) => {
                return Err(Problem::invalid(format!(
                    "Invalid value: '{text}'. Supported values are: {}.",
                    listed(words)
                ))
                .param(name)
                .code("invalid_value"));
            }
            None => "a string",
        },
        Kind::Flag if value.is_boolean() => return Ok(()),
        Kind::Flag => "a boolean",
        Kind::Whole(least, most) => match value.as_i64() {
            Some(number) if (least..=most).contains(&&number) => return Ok(()),
            Some(_) if *most == i64::MAX => return Err(out_of_range(format!("at least {least}"))),
            Some(_) => return Err(out_of_range(format!("from {least} to {most}"))),
            None => "an integer",
        },
        Kind::Number(least, most) => match value.as_f64() {
            Some(number) if (least..=most).contains(&&number) => return Ok(()),
            Some(_) => return Err(out_of_range(format!("from {least} to {most}"))),
            None => "a number",
        },
        Kind::List if value.is_array() => return Ok(()),
        Kind::List => "an array",
        Kind::Object if value.is_object() => return Ok(()),
        Kind::Object => "an object",
        Kind::TextOrObject if value.is_string() || value.is_object() => return Ok(()),
        Kind::TextOrObject => "a string or an object",
        Kind::TextOrList if value.is_string() || value.is_array() => return Ok(()),
        Kind::TextOrList => "a string or an array",
    };
    Err(wrong_type(name, wanted, value))
}

/// Words in the way the API lists them: `'a', 'b', and 'c'`.
pub fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{}, and {last}", others.join(", ")),
        None => String::new(),
    }
}
