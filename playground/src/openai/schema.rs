//! The JSON Schemas that strict mode accepts: a subset of JSON Schema, the same for tools and for
//! answers.
//!
//! Source: OpenAI, "Structured outputs", the supported schemas. Not here: whether a value fits its
//! schema. The mock model writes values that do (`intake`).

use serde_json::{Map, Value};

/// Checks a schema for strict mode.
///
/// # Errors
/// Where it goes wrong, and how, as the API words it: `In context=(…), …`.
pub fn check_strict(schema: &Value) -> Result<(), String> {
    let mut check = Check::default();
    let Some(root) = schema.as_object() else {
        return Err("the schema is not an object".to_owned());
    };
    if root.get("type") != Some(&Value::from("object")) || root.contains_key("anyOf") {
        return Err("the root of the schema must be of type 'object', without 'anyOf'".to_owned());
    }
    check.schema(schema, &mut Vec::new(), 1)?;
    let too_much = |what: &str, most: usize| Err(format!("the schema has more than {most} {what}"));
    match () {
        () if check.properties > MAX_PROPERTIES => too_much("properties", MAX_PROPERTIES),
        () if check.enum_values > MAX_ENUM_VALUES => too_much("enum values", MAX_ENUM_VALUES),
        () if check.characters > MAX_CHARACTERS => {
            too_much("characters in names and values", MAX_CHARACTERS)
        }
        () => Ok(()),
    }
}

const MAX_PROPERTIES: usize = 5000;
const MAX_DEPTH: usize = 10;
const MAX_ENUM_VALUES: usize = 1000;
const MAX_CHARACTERS: usize = 120_000;

/// The keywords that strict mode knows.
const KEYWORDS: [&str; 21] = [
    "$defs",
    "$ref",
    "additionalProperties",
    "anyOf",
    "const",
    "definitions",
    "description",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maximum",
    "minItems",
    "minimum",
    "multipleOf",
    "pattern",
    "properties",
    "required",
    "title",
];
const TYPES: [&str; 7] = [
    "string", "number", "boolean", "integer", "object", "array", "null",
];
const FORMATS: [&str; 9] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
];

/// What a schema has altogether.
#[derive(Default)]
struct Check {
    properties: usize,
    enum_values: usize,
    characters: usize,
}

impl Check {
    fn schema<'s>(
        &mut self,
        schema: &'s Value,
        context: &mut Vec<&'s str>,
        depth: usize,
    ) -> Result<(), String> {
        let at = |context: &[&str], problem: &str| {
            let place: Vec<String> = context.iter().map(|name| format!("'{name}'")).collect();
            format!("In context=({}), {problem}.", place.join(", "))
        };
        let Some(fields) = schema.as_object() else {
            return Err(at(context, "the schema must be an object"));
        };
        if depth > MAX_DEPTH {
            return Err(at(context, "the schema is nested more than 10 levels deep"));
        }
        if let Some(name) = fields
            .keys()
            .find(|name| *name != "type" && !KEYWORDS.contains(&name.as_str()))
        {
            return Err(at(context, &format!("'{name}' is not permitted")));
        }
        let types = types(fields).map_err(|problem| at(context, problem))?;
        let says_something = ["$ref", "anyOf", "enum", "const"]
            .iter()
            .any(|name| fields.contains_key(*name));
        if types.is_empty() && !says_something {
            return Err(at(context, "the schema must have a 'type' key"));
        }
        if let Some(format) = fields.get("format")
            && !format.as_str().is_some_and(|name| FORMATS.contains(&name))
        {
            return Err(at(context, &format!("{format} is not a valid format")));
        }
        for value in fields
            .get("enum")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            self.enum_values = self.enum_values.saturating_add(1);
            self.count(value.as_str().unwrap_or_default());
        }
        if types.contains(&"object") {
            check_object(fields).map_err(|problem| at(context, &problem))?;
        }
        if types.contains(&"array") && !fields.contains_key("items") {
            return Err(at(context, "an array schema must have 'items'"));
        }
        for group in ["properties", "$defs", "definitions"] {
            for (name, inner) in fields
                .get(group)
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                self.count(name);
                if group == "properties" {
                    self.properties = self.properties.saturating_add(1);
                }
                context.extend([group, name]);
                self.schema(inner, context, depth.saturating_add(1))?;
                context.truncate(context.len().saturating_sub(2));
            }
        }
        if let Some(items) = fields.get("items") {
            context.push("items");
            self.schema(items, context, depth)?;
            context.pop();
        }
        for inner in fields
            .get("anyOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            context.push("anyOf");
            self.schema(inner, context, depth)?;
            context.pop();
        }
        Ok(())
    }

    fn count(&mut self, text: &str) {
        self.characters = self.characters.saturating_add(text.chars().count());
    }
}

/// The types that a schema allows, none if it names none.
fn types(fields: &Map<String, Value>) -> Result<Vec<&str>, &'static str> {
    let types: Vec<&str> = match fields.get("type") {
        None => Vec::new(),
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names
            .iter()
            .map(|name| name.as_str().unwrap_or(""))
            .collect(),
        Some(_) => return Err("'type' must be a string or an array of strings"),
    };
    if types.iter().all(|name| TYPES.contains(name)) {
        Ok(types)
    } else {
        Err("'type' names a type that does not exist")
    }
}

/// An object lists all its properties as required, and allows no others.
fn check_object(fields: &Map<String, Value>) -> Result<(), String> {
    if fields.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Err("'additionalProperties' is required to be supplied and to be false".to_owned());
    }
    let required: Vec<&str> = fields
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = fields.get("properties").and_then(Value::as_object);
    let names: Vec<&String> = properties.into_iter().flat_map(Map::keys).collect();
    let is_list = fields.get("required").is_some_and(Value::is_array);
    if let Some(name) = names.iter().find(|name| !required.contains(&name.as_str())) {
        return Err(format!(
            "'required' is required to be supplied and to be an array including every key in \
             properties. Missing '{name}'"
        ));
    }
    if !is_list && !names.is_empty() {
        return Err("'required' is required to be supplied".to_owned());
    }
    match required
        .iter()
        .find(|name| !names.iter().any(|other| other == *name))
    {
        Some(name) => Err(format!(
            "'required' has the key '{name}', which is no property"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_with_nullable_fields_lists_and_choices_is_accepted() {
        let schema = json!({
            "type": "object", "additionalProperties": false,
            "required": ["fields", "confirm", "answer"],
            "properties": {
                "fields": {
                    "type": "object", "additionalProperties": false,
                    "required": ["kind", "quotes", "date"],
                    "properties": {
                        "kind": {"type": ["string", "null"], "enum": ["launch", "event", null]},
                        "quotes": {"anyOf": [{"type": "null"}, {"type": "array", "items": {
                            "type": "object", "additionalProperties": false, "required": ["text"],
                            "properties": {"text": {"type": "string"}}
                        }}]},
                        "date": {"type": ["string", "null"], "format": "date"}
                    }
                },
                "confirm": {"type": ["boolean", "null"]},
                "answer": {"type": ["string", "null"], "description": "To a question."}
            }
        });
        assert_eq!(check_strict(&schema), Ok(()));
    }

    #[test]
    fn a_schema_that_strict_mode_does_not_know_is_refused_with_its_place() {
        let inside = |schema: Value| {
            json!({
                "type": "object", "additionalProperties": false, "required": ["a"],
                "properties": {"a": schema}
            })
        };
        let mut deep = json!({"type": "string"});
        for _ in 0..10 {
            deep = inside(deep);
        }
        for (schema, named) in [
            (json!([]), "not an object"),
            (
                json!({"type": "array", "items": {"type": "string"}}),
                "root",
            ),
            (json!({"anyOf": []}), "root"),
            (
                json!({"type": "object"}),
                "In context=(), 'additionalProperties'",
            ),
            (
                json!({"type": "object", "additionalProperties": true, "required": []}),
                "'additionalProperties'",
            ),
            (
                json!({"type": "object", "additionalProperties": false, "required": [],
                    "properties": {"a": {"type": "string"}}}),
                "Missing 'a'",
            ),
            (
                json!({"type": "object", "additionalProperties": false,
                    "properties": {"a": {"type": "string"}}}),
                "'required'",
            ),
            (
                json!({"type": "object", "additionalProperties": false, "required": ["b"],
                    "properties": {}}),
                "'b'",
            ),
            (
                inside(json!({"type": "object", "properties": {}})),
                "In context=('properties', 'a'), 'additionalProperties'",
            ),
            (
                inside(json!({"type": "array", "items": {"type": "object"}})),
                "In context=('properties', 'a', 'items')",
            ),
            (inside(json!({"type": "array"})), "'items'"),
            (inside(json!({"type": "text"})), "type"),
            (inside(json!({"description": "anything"})), "'type'"),
            (
                inside(json!({"type": "string", "format": "uri"})),
                "\"uri\"",
            ),
            (
                inside(json!({"type": "string", "maxLength": 5})),
                "'maxLength'",
            ),
            (
                inside(json!({"type": "string", "default": "x"})),
                "'default'",
            ),
            (inside(json!({"oneOf": [{"type": "string"}]})), "'oneOf'"),
            (inside(json!({"allOf": [{"type": "string"}]})), "'allOf'"),
            (
                inside(json!({"type": "array", "uniqueItems": true})),
                "'uniqueItems'",
            ),
            (deep, "10 levels"),
            (
                inside(
                    json!({"type": "string", "enum": (0..1001).map(|n| n.to_string()).collect::<Vec<_>>()}),
                ),
                "enum",
            ),
        ] {
            let problem = check_strict(&schema).err().unwrap_or_default();
            assert!(problem.contains(named), "{schema}: {problem}");
        }
    }
}
