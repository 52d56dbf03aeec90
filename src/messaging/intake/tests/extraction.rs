//! Tests of what the model reads: the schema, garbage, and bounds that hold whatever it says.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{begun, config, press_release, reads};
use crate::messaging::intake::{Command, Extraction, IntakeState, Next, read, schema};

#[test]
fn the_schema_is_strict_and_every_field_can_be_null() {
    let config = config();
    let (_, form) = press_release(&config);
    let schema = schema(form);
    assert_eq!(schema["type"], "json_schema");
    assert_eq!(schema["json_schema"]["strict"], true);
    let root = &schema["json_schema"]["schema"];
    assert_eq!(root["additionalProperties"], false);
    let fields = &root["properties"]["fields"];
    assert_eq!(
        fields["required"].as_array().unwrap().len(),
        form.fields.len()
    );
    for field in &form.fields {
        let types = &fields["properties"][&field.name]["type"];
        assert!(
            types.as_array().unwrap().contains(&json!("null")),
            "{}",
            field.name
        );
    }
}

#[test]
fn the_model_cannot_say_that_something_is_saved() {
    let config = config();
    let (assistant, form) = press_release(&config);
    for answer in [
        "Saved!",
        "Alles ist gespeichert.",
        "C'est enregistré",
        "I have submitted it.",
    ] {
        let mut state = begun(form);
        let mut read = reads(&json!({}));
        read.answer = Some(answer.into());
        let reply = state.merge(form, read, "?").text(assistant, form, &state);
        assert!(reply.starts_with("What do you want"), "{reply}");
    }
}

#[test]
fn garbage_is_not_read() {
    for text in [
        "",
        "Sure!",
        "{}",
        "[]",
        "{\"fields\":[]}",
        "{\"fields\":",
        "null",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
    let fenced = "```json\n{\"fields\":{\"a\":null},\"confirm\":\"maybe\"}\n```";
    assert_eq!(read(fenced), Some(Extraction::default()));
}

/// Any value that a model could give.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(Value::from("Award")),
        Just(Value::from("+15550142")),
        Just(Value::from("x".repeat(5000))),
    ];
    leaf.prop_recursive(3, 40, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..25).prop_map(Value::from),
            prop::collection::btree_map("quote|speaker|x", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_the_model_says_only_checked_values_are_stored_within_bounds(
        steps in prop::collection::vec(
            (prop::collection::vec((0usize..10, any_value()), 0..4), any::<bool>(), any::<Option<bool>>(), ".{0,20}", 0usize..7),
            1..12,
        ),
    ) {
        let config = config();
        let (assistant, form) = press_release(&config);
        let mut state = begun(form);
        for (fields, skip, confirm, input, command) in steps {
            let commands = [Command::Menu, Command::Status, Command::Back, Command::Skip];
            if let Some(command) = commands.get(command) {
                state.command(*command, form);
            }
            let named = |at: usize| form.fields.get(at).map_or("unknown", |field| &field.name).to_owned();
            let read = Extraction {
                fields: fields.into_iter().map(|(at, value)| (named(at), value)).collect(),
                skip,
                confirm,
                answer: Some(input.clone()),
            };
            let reply = state.merge(form, read, &input);
            prop_assert!(reply.text(assistant, form, &state).len() < 200_000);
            let stored = serde_json::to_string(&state).unwrap();
            prop_assert!(stored.len() < 200 * 1024);
            let again: IntakeState = serde_json::from_str(&stored).unwrap();
            prop_assert_eq!(&again, &state);
            let mut fitted = state.clone();
            fitted.fit(form);
            prop_assert_eq!(&fitted, &state, "a value fails its check");
            if reply.next == Next::Confirmed {
                let complete = form.fields.iter().all(|field| {
                    !field.required || state.fields().get(&field.name).is_some()
                });
                prop_assert!(complete);
            }
        }
    }
}
