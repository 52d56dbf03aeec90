//! The arguments of the mock model's calls: what a text has for each property of a tool's schema. The
//! same text always has the same.
//!
//! Not here: which tool is called (`tool_use`).

use serde_json::{Map, Value};

use super::tools::Tool;

/// The arguments of each call of `tool` that a text calls for. A property that occurs several times
/// in the text makes several calls. With `anyhow`, a text that a property needs is the whole text.
///
/// # Errors
/// The required property that the text does not have.
pub fn arguments(tool: &Tool, text: &str, anyhow: bool) -> Result<Vec<Map<String, Value>>, String> {
    let properties = tool.parameters.get("properties").and_then(Value::as_object);
    let required = tool.parameters.get("required").and_then(Value::as_array);
    let mut all = vec![Map::new()];
    for (name, schema) in properties.into_iter().flatten() {
        let is_required = required.is_some_and(|list| list.iter().any(|one| one == name));
        let mut found = values(name, schema, text);
        if found.is_empty() && is_required {
            let types = schema.get("type");
            let allows = |kind: &str| {
                let among = |list: &Vec<Value>| list.iter().any(|one| one == kind);
                types.is_some_and(|value| value == kind || value.as_array().is_some_and(among))
            };
            match () {
                () if allows("null") => found.push(Value::Null),
                () if anyhow && allows("string") => found.push(text.into()),
                () => return Err(name.clone()),
            }
        }
        if all.len() > 1 {
            found.truncate(1);
        }
        let so_far = std::mem::take(&mut all);
        for map in &so_far {
            let with = |value: Value| {
                let mut map = map.clone();
                map.insert(name.clone(), value);
                map
            };
            all.extend(found.iter().cloned().map(with));
        }
        if found.is_empty() {
            all = so_far;
        }
    }
    Ok(all)
}

/// Names of properties that take all that was said.
const WHOLE_TEXT: [&str; 8] = [
    "description",
    "message",
    "note",
    "query",
    "question",
    "reason",
    "summary",
    "text",
];
/// Parts of the names of properties whose value has a digit.
const WITH_DIGITS: [&str; 5] = ["code", "id", "number", "order", "reference"];

/// The values for a property that a text has.
fn values(name: &str, schema: &Value, text: &str) -> Vec<Value> {
    let lower = text.to_lowercase();
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        let is_said = |choice: &&Value| {
            choice
                .as_str()
                .is_some_and(|word| lower.contains(&word.to_lowercase()))
        };
        return choices.iter().filter(is_said).take(1).cloned().collect();
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        other => other.and_then(Value::as_str),
    };
    let trim = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let words: Vec<String> = text.split_whitespace().map(trim).collect();
    let has_digit = |word: &&String| word.bytes().any(|byte| byte.is_ascii_digit());
    match kind {
        Some("integer") => words
            .iter()
            .filter_map(|word| word.parse::<i64>().ok())
            .map(Value::from)
            .collect(),
        Some("number") => words
            .iter()
            .filter_map(|word| word.parse::<f64>().ok())
            .map(Value::from)
            .collect(),
        Some("string") if WHOLE_TEXT.contains(&name) => vec![text.into()],
        Some("string")
            if WITH_DIGITS
                .iter()
                .any(|part| name.split('_').any(|word| word == *part)) =>
        {
            words
                .iter()
                .filter(has_digit)
                .map(|word| word.as_str().into())
                .collect()
        }
        Some("string") if name.contains("date") => words
            .iter()
            .filter(|word| word.len() == 10 && word.matches('-').count() == 2)
            .map(|word| word.as_str().into())
            .collect(),
        Some("string") => {
            let quoted = text.split('"').nth(1).map(Value::from);
            let is_name = |word: &&String| word.chars().next().is_some_and(char::is_uppercase);
            let name = || {
                words
                    .iter()
                    .skip(1)
                    .rfind(is_name)
                    .map(|word| word.as_str().into())
            };
            quoted.or_else(name).into_iter().collect()
        }
        _ => Vec::new(),
    }
}
