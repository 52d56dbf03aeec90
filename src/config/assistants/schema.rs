//! The JSON Schema of a tool's arguments: checked when it is loaded, and each call against it.
//!
//! It takes the keywords that models are given, those of OpenAI's structured outputs and a few more.
//! Any other keyword is an error at load, so a schema never promises what nobody checks. Why no
//! library: docs/design.md, "The rule for own code". Not here: what is done with a call that the
//! schema refuses (`conversation`). Source: JSON Schema, draft 2020-12, "Validation".

use regex_lite::Regex;
use serde_json::{Map, Number, Value};

/// The schema of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema(Value);

/// The longest schema, in bytes of JSON.
const MAX_BYTES: usize = 16 * 1024;
/// The most parts of a schema that are looked at for one value. A schema that refers to itself
/// without end needs more.
const MAX_STEPS: u32 = 20_000;
/// The most parts of a schema that are inside each other. More would exhaust the stack.
const MAX_DEPTH: u32 = 100;

impl Schema {
    /// Reads the schema of an object.
    ///
    /// # Errors
    /// What it must be.
    pub fn parse(value: &Value) -> Result<Self, String> {
        if value.get("type").and_then(Value::as_str) != Some("object") {
            return Err("must be a JSON Schema with type = \"object\"".to_owned());
        }
        if value.to_string().len() > MAX_BYTES {
            return Err("must have at most 16 kB as JSON".to_owned());
        }
        check(value, value)?;
        let mut steps = Steps::MOST;
        let empty = Value::Object(Map::new());
        if fits(value, value, &empty, &mut steps).is_none() {
            return Err("has a $ref that refers to itself without end".to_owned());
        }
        Ok(Self(value.clone()))
    }

    /// The schema as JSON.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.0
    }

    /// Whether a value is as the schema says.
    #[must_use]
    pub fn accepts(&self, value: &Value) -> bool {
        fits(&self.0, &self.0, value, &mut { Steps::MOST }) == Some(true)
    }
}

/// Keywords that only describe. `format` is one of them, as the specification has it.
const NOTES: [&str; 11] = [
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
    "$comment",
    "$schema",
    "contentEncoding",
];

/// The names of types.
const TYPES: [&str; 7] = [
    "object", "array", "string", "number", "integer", "boolean", "null",
];

/// Whether a part of a schema is well formed, with all its parts.
fn check(root: &Value, schema: &Value) -> Result<(), String> {
    let fields = match schema {
        Value::Bool(_) => return Ok(()),
        Value::Object(fields) => fields,
        _ => return Err("has a schema that is no table".to_owned()),
    };
    fields
        .iter()
        .try_for_each(|(keyword, value)| check_keyword(root, keyword, value))
}

fn check_keyword(root: &Value, keyword: &str, value: &Value) -> Result<(), String> {
    let is_right = match keyword {
        "type" => match value {
            Value::Array(names) => !names.is_empty() && names.iter().all(is_type),
            name => is_type(name),
        },
        "enum" => value.as_array().is_some_and(|values| !values.is_empty()),
        "const" => true,
        "properties" | "$defs" | "definitions" => {
            let Value::Object(schemas) = value else {
                return Err(format!("has a {keyword} that is no table"));
            };
            return schemas.values().try_for_each(|schema| check(root, schema));
        }
        "required" => value
            .as_array()
            .is_some_and(|names| names.iter().all(Value::is_string)),
        "items" | "additionalProperties" | "not" => return check(root, value),
        "anyOf" | "oneOf" | "allOf" => {
            let Some(schemas) = value.as_array().filter(|schemas| !schemas.is_empty()) else {
                return Err(format!("has an {keyword} that is no list of schemas"));
            };
            return schemas.iter().try_for_each(|schema| check(root, schema));
        }
        "$ref" => {
            let target = value.as_str().unwrap_or_default();
            if !target.starts_with('#') {
                return Err("has a $ref to another document, which is never fetched".to_owned());
            }
            referred(root, value).is_some()
        }
        "pattern" => value.as_str().is_some_and(|text| Regex::new(text).is_ok()),
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => {
            value.is_u64()
        }
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => value.is_number(),
        "multipleOf" => value.as_f64().is_some_and(|number| number > 0.0),
        "uniqueItems" => value.is_boolean(),
        note if NOTES.contains(&note) => true,
        other => {
            return Err(format!(
                "has the keyword {other}, which is not checked here"
            ));
        }
    };
    if is_right {
        Ok(())
    } else {
        Err(format!("has a {keyword} that JSON Schema does not take"))
    }
}

fn is_type(name: &Value) -> bool {
    name.as_str().is_some_and(|name| TYPES.contains(&name))
}

/// What a `$ref` within the schema refers to.
fn referred<'s>(root: &'s Value, reference: &Value) -> Option<&'s Value> {
    root.pointer(reference.as_str()?.strip_prefix('#')?)
}

/// How many parts may still be looked at, all together and each inside the one before.
struct Steps {
    all: u32,
    depth: u32,
}

impl Steps {
    const MOST: Self = Self {
        all: MAX_STEPS,
        depth: MAX_DEPTH,
    };
}

/// Whether a value fits a part of a schema. `None` if that takes too many steps.
fn fits(root: &Value, schema: &Value, value: &Value, steps: &mut Steps) -> Option<bool> {
    steps.all = steps.all.checked_sub(1)?;
    steps.depth = steps.depth.checked_sub(1)?;
    let fits = fits_all(root, schema, value, steps);
    steps.depth = steps.depth.saturating_add(1);
    fits
}

/// Whether a value fits all keywords of a part.
fn fits_all(root: &Value, schema: &Value, value: &Value, steps: &mut Steps) -> Option<bool> {
    let fields = match schema {
        Value::Bool(accepts) => return Some(*accepts),
        Value::Object(fields) => fields,
        _ => return Some(false),
    };
    for (keyword, wanted) in fields {
        if !fits_keyword(root, fields, (keyword, wanted), value, steps)? {
            return Some(false);
        }
    }
    Some(true)
}

fn fits_keyword(
    root: &Value,
    schema: &Map<String, Value>,
    (keyword, wanted): (&str, &Value),
    value: &Value,
    steps: &mut Steps,
) -> Option<bool> {
    let listed = || wanted.as_array().into_iter().flatten();
    let how_many = |steps: &mut Steps| {
        listed().try_fold(0_usize, |count, schema| {
            let one = usize::from(fits(root, schema, value, steps)?);
            Some(count.saturating_add(one))
        })
    };
    Some(match (keyword, value) {
        ("type", value) => match wanted {
            Value::Array(_) => listed().any(|name| is_of(name, value)),
            name => is_of(name, value),
        },
        ("enum", value) => listed().any(|one| are_equal(one, value)),
        ("const", value) => are_equal(wanted, value),
        ("$ref", value) => fits(root, referred(root, wanted)?, value, steps)?,
        ("anyOf", _) => how_many(steps)? > 0,
        ("oneOf", _) => how_many(steps)? == 1,
        ("allOf", _) => how_many(steps)? == listed().count(),
        ("not", value) => !fits(root, wanted, value, steps)?,
        ("properties", Value::Object(values)) => {
            for (name, schema) in wanted.as_object()? {
                if let Some(value) = values.get(name)
                    && !fits(root, schema, value, steps)?
                {
                    return Some(false);
                }
            }
            true
        }
        ("additionalProperties", Value::Object(values)) => {
            let known = schema.get("properties").and_then(Value::as_object);
            for (name, value) in values {
                let is_known = known.is_some_and(|known| known.contains_key(name));
                if !is_known && !fits(root, wanted, value, steps)? {
                    return Some(false);
                }
            }
            true
        }
        ("required", Value::Object(values)) => listed()
            .filter_map(Value::as_str)
            .all(|name| values.contains_key(name)),
        ("items", Value::Array(values)) => {
            for value in values {
                if !fits(root, wanted, value, steps)? {
                    return Some(false);
                }
            }
            true
        }
        ("uniqueItems", Value::Array(values)) if wanted == &Value::Bool(true) => {
            let mut rest = values.as_slice();
            while let Some((first, others)) = rest.split_first() {
                if others.iter().any(|other| are_equal(first, other)) {
                    return Some(false);
                }
                rest = others;
            }
            true
        }
        ("pattern", Value::String(text)) => {
            let pattern = wanted.as_str().and_then(|text| Regex::new(text).ok());
            pattern.is_some_and(|pattern| pattern.is_match(text))
        }
        ("minLength", Value::String(text)) => text.chars().count() >= size(wanted),
        ("maxLength", Value::String(text)) => text.chars().count() <= size(wanted),
        ("minItems", Value::Array(values)) => values.len() >= size(wanted),
        ("maxItems", Value::Array(values)) => values.len() <= size(wanted),
        ("minProperties", Value::Object(values)) => values.len() >= size(wanted),
        ("maxProperties", Value::Object(values)) => values.len() <= size(wanted),
        (keyword, Value::Number(number)) => is_within(keyword, wanted, number),
        _ => true,
    })
}

/// Whether a value is of a type. A number without a fraction is an integer, however it is written.
fn is_of(name: &Value, value: &Value) -> bool {
    match (name.as_str().unwrap_or_default(), value) {
        ("object", Value::Object(_))
        | ("array", Value::Array(_))
        | ("string", Value::String(_))
        | ("number", Value::Number(_))
        | ("boolean", Value::Bool(_))
        | ("null", Value::Null) => true,
        ("integer", Value::Number(number)) => {
            let is_whole = |number: f64| number.fract() == 0.0;
            number.is_i64() || number.is_u64() || number.as_f64().is_some_and(is_whole)
        }
        _ => false,
    }
}

/// Whether two values are equal. 1 and 1.0 are.
fn are_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        (one, other) => one == other,
    }
}

/// Whether a number is within a bound. Keywords that concern no number bound none.
fn is_within(keyword: &str, wanted: &Value, number: &Number) -> bool {
    let (Some(bound), Some(number)) = (wanted.as_f64(), number.as_f64()) else {
        return true;
    };
    match keyword {
        "minimum" => number >= bound,
        "maximum" => number <= bound,
        "exclusiveMinimum" => number > bound,
        "exclusiveMaximum" => number < bound,
        "multipleOf" => {
            let times = number / bound;
            (times - times.round()).abs() < 1e-9
        }
        _ => true,
    }
}

fn size(wanted: &Value) -> usize {
    let size = wanted.as_u64().unwrap_or_default();
    usize::try_from(size).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
