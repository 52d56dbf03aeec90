//! Tests of the schema of arguments: each keyword, and schemas that are refused.

use serde_json::json;

use super::*;

/// The schema of an object with this property `a`, which must be there.
fn of_a(schema: &Value) -> Value {
    json!({ "type": "object", "properties": { "a": schema }, "required": ["a"] })
}

fn accepts(schema: &Value, value: &Value) -> bool {
    let schema = Schema::parse(&of_a(schema)).unwrap_or_else(|error| panic!("{error}"));
    schema.accepts(&json!({ "a": value }))
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn each_keyword_accepts_what_it_allows_and_nothing_else() {
    let tree = json!({ "$ref": "#/$defs/none", "type": "string" });
    assert!(Schema::parse(&of_a(&tree)).is_err(), "it refers to nothing");
    for (schema, right, wrong) in [
        (
            json!({ "type": "string" }),
            vec![json!("x")],
            vec![json!(1), json!(null)],
        ),
        (
            json!({ "type": "integer" }),
            vec![json!(1), json!(1.0), json!(-3)],
            vec![json!(1.5), json!("1"), json!(true)],
        ),
        (
            json!({ "type": "number" }),
            vec![json!(1), json!(1.5)],
            vec![json!("1")],
        ),
        (
            json!({ "type": "boolean" }),
            vec![json!(true)],
            vec![json!(0), json!("true")],
        ),
        (
            json!({ "type": ["string", "null"] }),
            vec![json!("x"), json!(null)],
            vec![json!(1)],
        ),
        (
            json!({ "enum": ["S", 2] }),
            vec![json!("S"), json!(2), json!(2.0)],
            vec![json!("s"), json!(null)],
        ),
        (json!({ "const": "x" }), vec![json!("x")], vec![json!("y")]),
        (
            json!({ "minLength": 2, "maxLength": 3 }),
            vec![json!("éé"), json!("abc"), json!(7)],
            vec![json!("é"), json!("abcd")],
        ),
        (
            json!({ "pattern": "^[A-Z]{2}\\d+$" }),
            vec![json!("AB12")],
            vec![json!("ab12"), json!("AB12\n"), json!("AB")],
        ),
        (
            json!({ "minimum": 1, "maximum": 3 }),
            vec![json!(1), json!(3)],
            vec![json!(0), json!(3.5)],
        ),
        (
            json!({ "exclusiveMinimum": 1, "exclusiveMaximum": 3 }),
            vec![json!(2)],
            vec![json!(1), json!(3)],
        ),
        (
            json!({ "multipleOf": 0.1 }),
            vec![json!(0.3), json!(1)],
            vec![json!(0.35)],
        ),
        (
            json!({ "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": 2, "uniqueItems": true }),
            vec![json!(["a"]), json!(["a", "b"])],
            vec![
                json!([]),
                json!([1]),
                json!(["a", "a"]),
                json!(["a", "b", "c"]),
                json!("a"),
            ],
        ),
        (
            json!({ "type": "object", "properties": { "b": { "type": "string" } }, "required": ["b"], "additionalProperties": false }),
            vec![json!({ "b": "x" })],
            vec![json!({}), json!({ "b": 1 }), json!({ "b": "x", "c": 1 })],
        ),
        (
            json!({ "additionalProperties": { "type": "integer" }, "minProperties": 1, "maxProperties": 2 }),
            vec![json!({ "x": 1 })],
            vec![
                json!({}),
                json!({ "x": "1" }),
                json!({ "x": 1, "y": 1, "z": 1 }),
            ],
        ),
        (
            json!({ "anyOf": [{ "type": "string" }, { "minimum": 5, "type": "number" }] }),
            vec![json!("x"), json!(5)],
            vec![json!(4), json!(null)],
        ),
        (
            json!({ "oneOf": [{ "minimum": 5 }, { "maximum": 7 }] }),
            vec![json!(3), json!(9)],
            vec![json!(6)],
        ),
        (
            json!({ "allOf": [{ "minimum": 5 }, { "maximum": 7 }] }),
            vec![json!(6)],
            vec![json!(3), json!(9)],
        ),
        (
            json!({ "not": { "type": "null" } }),
            vec![json!(1)],
            vec![json!(null)],
        ),
        (json!(true), vec![json!(1)], vec![]),
        (
            json!({ "format": "email", "title": "x", "description": "y" }),
            vec![json!("no e-mail")],
            vec![],
        ),
    ] {
        for value in right {
            assert!(accepts(&schema, &value), "{schema} {value}");
        }
        for value in wrong {
            assert!(!accepts(&schema, &value), "{schema} {value}");
        }
    }
}

#[test]
fn a_reference_within_the_schema_is_followed() {
    let schema = Schema::parse(&json!({
        "type": "object",
        "properties": { "tree": { "$ref": "#/$defs/tree" } },
        "$defs": { "tree": { "type": "object", "properties": { "left": { "$ref": "#/$defs/tree" } }, "additionalProperties": false } },
    }))
    .unwrap();
    assert!(schema.accepts(&json!({ "tree": { "left": { "left": {} } } })));
    assert!(!schema.accepts(&json!({ "tree": { "left": { "right": {} } } })));
    assert!(!schema.accepts(&json!("no object")));
}

#[test]
fn a_schema_that_cannot_be_checked_is_an_error_that_says_why() {
    for (schema, problem) in [
        (
            json!({ "$ref": "https://example.com/schema.json" }),
            "another document",
        ),
        (json!({ "$ref": "other.json#/a" }), "another document"),
        (json!({ "$ref": "#/nowhere" }), "$ref"),
        (json!({ "$dynamicRef": "#a" }), "keyword $dynamicRef"),
        (json!({ "$id": "https://example.com/" }), "keyword $id"),
        (
            json!({ "patternProperties": {} }),
            "keyword patternProperties",
        ),
        (json!({ "type": "text" }), "type"),
        (json!({ "type": [] }), "type"),
        (json!({ "pattern": "(" }), "pattern"),
        (json!({ "pattern": "(?=x)" }), "pattern"),
        (json!({ "minLength": -1 }), "minLength"),
        (json!({ "enum": [] }), "enum"),
        (json!({ "required": "a" }), "required"),
        (json!({ "items": [{}] }), "schema"),
        (json!({ "anyOf": {} }), "anyOf"),
        (json!({ "properties": [] }), "properties"),
        (json!({ "multipleOf": 0 }), "multipleOf"),
        (json!("string"), "schema"),
    ] {
        let error = Schema::parse(&of_a(&schema)).expect_err("{schema}");
        assert!(error.contains(problem), "{schema}: {error}");
    }
    for whole in [
        json!({ "type": "string" }),
        json!({}),
        json!(true),
        json!(null),
    ] {
        assert!(Schema::parse(&whole).is_err(), "{whole}");
    }
    let long = json!({ "type": "object", "description": "x".repeat(MAX_BYTES) });
    assert!(Schema::parse(&long).unwrap_err().contains("16 kB"));
    let circle = json!({ "type": "object", "allOf": [{ "$ref": "#" }] });
    assert!(Schema::parse(&circle).unwrap_err().contains("without end"));
}
