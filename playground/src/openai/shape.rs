//! A value in the shape of a schema: the real model's answers by a strict schema always fit it.

use serde_json::{Map, Value};

/// The value, with exactly the properties of the schema, and with values that it allows.
pub fn fitted(schema: &Value, value: &Value) -> Value {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let fields = properties.iter().map(|(name, schema)| {
            let given = value.get(name);
            let fitted = given.map_or_else(|| empty(schema), |given| fitted(schema, given));
            (name.clone(), fitted)
        });
        return fields.collect::<Map<String, Value>>().into();
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
        let is_allowed = allowed.contains(value);
        let first = || allowed.first().cloned().unwrap_or_default();
        return if is_allowed { value.clone() } else { first() };
    }
    if let Some(number) = value.as_i64() {
        let bound = |name: &str| schema.get(name).and_then(Value::as_i64);
        let least = bound("minimum").unwrap_or(i64::MIN);
        return number
            .max(least)
            .min(bound("maximum").unwrap_or(i64::MAX))
            .into();
    }
    value.clone()
}

/// Nothing, as far as a schema allows it.
pub fn empty(schema: &Value) -> Value {
    let kind = schema.get("type");
    let is = |kind_name: &str| kind == Some(&kind_name.into());
    match () {
        () if is("string") => "".into(),
        () if is("boolean") => false.into(),
        () if is("array") => Value::Array(Vec::new()),
        () if is("integer") || is("number") => 0.into(),
        () if is("object") => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let fields = properties.into_iter().flatten();
            fields
                .map(|(name, schema)| (name.clone(), empty(schema)))
                .collect::<Map<String, Value>>()
                .into()
        }
        () => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_has_the_properties_and_the_bounds_of_its_schema_and_no_others() {
        let schema = json!({"type": "object", "properties": {
            "count": {"type": "integer", "minimum": 0, "maximum": 100},
            "word": {"type": "string", "enum": ["yes", "no"]},
            "more": {"type": "object", "properties": {"text": {"type": "string"}}},
            "none": {"type": ["string", "null"]}
        }});
        let value = json!({"count": 120, "word": "perhaps", "odd": 1});
        assert_eq!(
            fitted(&schema, &value),
            json!({"count": 100, "word": "yes", "more": {"text": ""}, "none": null})
        );
    }
}
