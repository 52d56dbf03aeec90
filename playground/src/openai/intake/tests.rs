//! Tests of the mock model's reading: fields, confirmations and drafts.

use serde_json::json;

use super::*;

fn schema() -> Value {
    let text = json!({"type": ["string", "null"]});
    json!({
        "type": "object", "additionalProperties": false,
        "required": ["fields", "confirm", "answer"],
        "properties": {
            "fields": {"type": "object", "properties": {
                "kind": {"type": ["string", "null"], "enum": ["launch", "event", null]},
                "company": text,
                "event_date": text,
                "facts": {"type": ["array", "null"], "items": {"type": "string"}},
                "quotes": {"anyOf": [{"type": "null"}, {"type": "array", "items": {
                    "type": "object", "properties": {
                        "quote": {"type": "string"}, "speaker": {"type": "string"}}}}]}
            }},
            "confirm": {"type": ["boolean", "null"]},
            "answer": text
        }
    })
}

fn read(asked: &str, said: &str) -> Value {
    let data = json!({"asked": asked, "fields": {"company": "Acme"}}).to_string();
    extracted(
        &schema(),
        &[format!("Read the answer. {data}")],
        &[said.to_owned()],
    )
}

#[test]
fn a_text_without_structure_fills_the_field_that_was_asked_for() {
    let value = read("company", "Wagtail Boats");
    assert_eq!(value.pointer("/fields/company").unwrap(), "Wagtail Boats");
    assert_eq!(value.pointer("/fields/kind").unwrap(), &Value::Null);
    assert_eq!(value.get("confirm").unwrap(), &Value::Null);
    let value = read("kind", "It is a product launch");
    assert_eq!(value.pointer("/fields/kind").unwrap(), "launch");
    let value = read("facts", "Two masts\n- Six berths; 12 m long");
    assert_eq!(
        value.pointer("/fields/facts").unwrap(),
        &json!(["Two masts", "Six berths", "12 m long"])
    );
    for said in ["\"She sails\", says Ada Byrne", "She sails - Ada Byrne"] {
        assert_eq!(
            read("quotes", said).pointer("/fields/quotes").unwrap(),
            &json!([{"quote": "She sails", "speaker": "Ada Byrne"}])
        );
    }
}

#[test]
fn named_fields_are_filled_whatever_was_asked_for() {
    let value = read("kind", "company: Wagtail Boats\nevent date: 5 May");
    assert_eq!(value.pointer("/fields/company").unwrap(), "Wagtail Boats");
    assert_eq!(value.pointer("/fields/event_date").unwrap(), "5 May");
    let value = read("company", "no, the date is the 5th.");
    assert_eq!(value.pointer("/fields/event_date").unwrap(), "the 5th");
    assert_eq!(value.pointer("/fields/company").unwrap(), &Value::Null);
}

#[test]
fn a_yes_a_no_and_a_question_fill_no_field() {
    for (said, confirm) in [("Yes!", json!(true)), ("no", json!(false))] {
        let value = read("company", said);
        assert_eq!(value.get("confirm").unwrap(), &confirm);
        assert_eq!(value.pointer("/fields/company").unwrap(), &Value::Null);
    }
    let value = read("company", "skip");
    assert_eq!(value.pointer("/fields/company").unwrap(), &Value::Null);
    let value = read("company", "How long does this take?");
    assert!(value.get("answer").unwrap().is_string());
    assert_eq!(value.pointer("/fields/company").unwrap(), &Value::Null);
}

#[test]
fn a_draft_has_every_fact_as_it_was_given_and_nothing_else() {
    let fields = json!({"fields": {
        "headline": "Wagtail sails", "facts": ["12 m long", "Six berths"],
        "quotes": [{"quote": "She sails", "speaker": "Ada Byrne"}], "phone": null
    }});
    let text = draft(&[fields.to_string()]).unwrap();
    assert_eq!(
        text,
        "Wagtail sails\n\n12 m long\nSix berths\n\n\"She sails\", says Ada Byrne"
    );
    assert_eq!(draft(&["Hello {there}".to_owned()]), None);
}
