//! The mock model in a guided intake: it reads a person's answer into a schema, and writes a draft
//! from the fields.
//!
//! Without knowing the Worker's wording it finds its data in the messages: JSON that names the field
//! which was asked for (`asked`) and, for a draft, the `fields`. Not here: what a schema may have
//! (`schema`).

use serde_json::{Map, Value};

use super::answer;
use super::shape::empty;

/// The value that fits `schema` and has what the newest message says. What it does not say is null.
pub fn extracted(schema: &Value, instructions: &[String], messages: &[String]) -> Value {
    let texts: Vec<&String> = instructions.iter().chain(messages).collect();
    let data: Vec<Value> = texts.iter().flat_map(|text| objects(text)).collect();
    let newest = messages.last().map_or("", String::as_str);
    let own = objects(newest);
    let in_json = own.iter().find_map(|object| word(object, &SAID));
    let said = in_json.as_deref().unwrap_or(newest).trim();
    let asked = data.iter().rev().find_map(|object| word(object, &ASKED));
    let none = Map::new();
    let properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    let nested = properties
        .get("fields")
        .and_then(|fields| fields.get("properties"));
    let nested = nested.and_then(Value::as_object);
    let of_fields = nested.unwrap_or(properties);
    let is_field = |name: &String| nested.is_some() || !RESERVED.contains(&name.as_str());
    let fields: Vec<(&String, &Value)> = of_fields
        .iter()
        .filter(|(name, _)| is_field(name))
        .collect();
    let mut values = Map::new();
    let confirm = confirmation(said);
    if confirm.is_none() {
        for (name, text) in named(said, &fields) {
            if let Some((_, schema)) = fields.iter().find(|(field, _)| **field == name) {
                values.insert(name, value_of(schema, &text));
            }
        }
    }
    let lower = said.to_lowercase();
    let skips =
        ["skip", "none", "i have none", "i don't have one"].contains(&lower.trim_end_matches('.'));
    let is_question = said.ends_with('?');
    let answers = values.is_empty() && is_question;
    let is_free =
        values.is_empty() && !is_question && confirm.is_none() && !skips && !said.is_empty();
    if let (true, Some(asked)) = (is_free, &asked)
        && let Some((name, schema)) = fields.iter().find(|(name, _)| *name == asked)
    {
        values.insert((*name).clone(), value_of(schema, said));
    }
    let filled: Map<String, Value> = fields
        .iter()
        .map(|(name, _)| ((*name).clone(), values.remove(*name).unwrap_or_default()))
        .collect();
    let mut result = Map::new();
    for (name, schema) in properties {
        let value = match name.as_str() {
            "fields" if nested.is_some() => filled.clone().into(),
            "confirm" => match confirm {
                Some(yes) if schema.get("enum").is_some() => {
                    (if yes { "yes" } else { "no" }).into()
                }
                Some(yes) => yes.into(),
                None => empty(schema),
            },
            "skip" if skips => true.into(),
            "answer" if answers => answer::answer(&[said.to_owned()]).into(),
            _ if is_field(name) && nested.is_none() => {
                let value = filled.get(name).cloned().unwrap_or_default();
                if value.is_null() {
                    empty(schema)
                } else {
                    value
                }
            }
            _ => empty(schema),
        };
        result.insert(name.clone(), value);
    }
    result.into()
}

/// A draft of the fields in the newest message, with every fact as it was given. `None` if that
/// message is not a JSON object.
pub fn draft(messages: &[String]) -> Option<String> {
    let newest = messages.last()?;
    let whole = serde_json::from_str(newest.trim()).ok();
    let fields: Value = whole.filter(Value::is_object)?;
    let fields = fields.get("fields").cloned().unwrap_or(fields);
    let entries: Vec<Value> = match fields {
        Value::Object(mut fields) => {
            // JSON has no order. A text begins with its headline.
            let headline = fields.remove("headline");
            headline
                .into_iter()
                .chain(fields.into_iter().map(|(_, value)| value))
                .collect()
        }
        Value::Array(list) => list
            .into_iter()
            .map(|field| field.get("value").cloned().unwrap_or(field))
            .collect(),
        _ => return None,
    };
    let paragraphs: Vec<String> = entries.iter().filter_map(paragraph).collect();
    Some(paragraphs.join("\n\n"))
}

/// The names in the data for what the person says, and for the field that was asked for.
const SAID: [&str; 5] = ["message", "said", "text", "reply", "newest_message"];
const ASKED: [&str; 4] = ["asked", "asked_field", "asked_for", "field"];
/// Properties of a schema that are no fields.
const RESERVED: [&str; 4] = ["confirm", "answer", "fields", "skip"];

/// A text of an object, by one of its names.
fn word(object: &Value, names: &[&str]) -> Option<String> {
    let found = names.iter().find_map(|name| object.get(name)?.as_str());
    found.map(str::to_owned)
}

/// The JSON objects in a text.
pub fn objects(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let from = rest.get(at..).unwrap_or_default();
        let mut values = serde_json::Deserializer::from_str(from).into_iter::<Value>();
        let (object, read) = match values.next() {
            Some(Ok(value)) => (Some(value), values.byte_offset()),
            _ => (None, 1),
        };
        found.extend(object);
        rest = from.get(read.max(1)..).unwrap_or_default();
    }
    found
}

/// Whether a text is only a yes or a no.
fn confirmation(said: &str) -> Option<bool> {
    let plain: String = said
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || c.is_whitespace())
        .collect();
    match plain.trim() {
        "yes" | "yes please" | "ok" | "okay" | "correct" | "thats right" | "that is right" => {
            Some(true)
        }
        "no" | "no thanks" | "wrong" | "not yet" => Some(false),
        _ => None,
    }
}

/// The fields that a text names, with what it says of them: `label: value` in a line of its own, or
/// `the label is value`.
fn named(said: &str, fields: &[(&String, &Value)]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let field = |label: &str| {
        let plain = |text: &str| text.trim().to_lowercase().replace('_', " ");
        let wanted = plain(label);
        let exact = fields.iter().find(|(name, _)| plain(name) == wanted);
        let part = || {
            let ends = |name: &str| plain(name).split(' ').any(|word| word == wanted);
            fields.iter().find(|(name, _)| ends(name))
        };
        exact.or_else(part).map(|(name, _)| (*name).clone())
    };
    for line in said.lines() {
        let pair = line
            .split_once(':')
            .and_then(|(label, value)| Some((field(label)?, value)));
        let pair = pair.or_else(|| {
            let line = line.trim();
            let lower = line.to_ascii_lowercase();
            let start = lower.find("the ").map(|at| at.saturating_add(4))?;
            let rest = line.get(start..)?;
            let (label, value) = [" is ", " should be ", " are "]
                .iter()
                .find_map(|verb| rest.split_once(verb))?;
            Some((field(label)?, value.trim_end_matches('.')))
        });
        match (pair, found.last_mut()) {
            (Some((name, value)), _) => found.push((name, value.trim().to_owned())),
            // A line without a label goes on with the field before.
            (None, Some((_, text))) => {
                text.push('\n');
                text.push_str(line);
            }
            (None, None) => {}
        }
    }
    found
}

/// A text as the value of a field. Null if no choice is named.
fn value_of(schema: &Value, text: &str) -> Value {
    let text = text.trim();
    let variants = schema.get("anyOf").and_then(Value::as_array);
    let is_null = |schema: &&Value| schema.get("type") == Some(&"null".into());
    let schema = variants
        .and_then(|list| list.iter().find(|one| !is_null(one)))
        .unwrap_or(schema);
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        let lower = text.to_lowercase();
        let is_said = |choice: &&Value| {
            choice
                .as_str()
                .is_some_and(|word| lower.contains(&word.to_lowercase()))
        };
        return choices.iter().find(is_said).cloned().unwrap_or_default();
    }
    let allows = |kind: &str| match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|one| one == kind),
        other => other == Some(&kind.into()),
    };
    if allows("array") {
        let items = schema.get("items").unwrap_or(&Value::Null);
        let lines = text.split(['\n', ';']).map(str::trim);
        let lines = lines.map(|line| line.trim_start_matches(['-', '*', ' ']));
        return lines
            .filter(|line| !line.is_empty())
            .map(|line| value_of(items, line))
            .collect();
    }
    if allows("object") {
        return entry(schema, text);
    }
    text.into()
}

/// A text as an object, such as `"A quote", says a speaker` or `A quote - a speaker`.
fn entry(schema: &Value, text: &str) -> Value {
    let names: Vec<&String> = schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::keys)
        .collect();
    let quoted = text
        .strip_prefix(['"', '“'])
        .and_then(|rest| rest.split_once(['"', '”']));
    let dash = || {
        let at = [" - ", " – ", " — "];
        at.iter().find_map(|dash| text.rsplit_once(dash))
    };
    let (first, second) = quoted.or_else(dash).unwrap_or((text, ""));
    let second = second.trim_start_matches([' ', ',', '-', '–', '—']);
    let second = ["says ", "said ", "by "]
        .iter()
        .find_map(|verb| second.strip_prefix(verb))
        .unwrap_or(second)
        .trim();
    let filled = names.into_iter().map(|name| {
        let value = if speaks(name.as_str()) {
            second
        } else {
            first.trim()
        };
        (name.clone(), value.into())
    });
    filled.collect::<Map<String, Value>>().into()
}

/// Whether a part of an entry is who said it.
fn speaks(name: &str) -> bool {
    ["speaker", "name", "by", "who", "author"].contains(&name)
}

/// A field in a draft.
fn paragraph(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(list) => {
            let lines: Vec<String> = list.iter().filter_map(paragraph).collect();
            (!lines.is_empty()).then(|| lines.join("\n"))
        }
        Value::Object(parts) => {
            let (who, what): (Vec<_>, Vec<_>) =
                parts.iter().partition(|(name, _)| speaks(name.as_str()));
            let said = what.iter().find_map(|(_, value)| paragraph(value))?;
            let who = who.iter().find_map(|(_, value)| paragraph(value));
            let says = who.map_or_else(String::new, |who| format!(", says {who}"));
            Some(format!("\"{said}\"{says}"))
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests;
