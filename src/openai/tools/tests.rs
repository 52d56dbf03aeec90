//! How calls are read, in every spelling, and how they are repeated.

use serde_json::json;

use super::*;

fn read(calls: &Calls) -> Vec<(String, Value)> {
    let shown = |call: ToolCall| (call.name, json!(call.arguments));
    let called = calls.read().unwrap_or_default();
    called.calls.into_iter().map(shown).collect()
}

/// The calls of these deltas: names, and arguments as JSON. A delta alone says the same as a
/// message.
fn calls(deltas: &[Value]) -> Vec<(String, Value)> {
    let mut calls = Calls::default();
    for delta in deltas {
        calls.add_delta(delta);
    }
    if let [message] = deltas {
        let mut of_message = Calls::default();
        of_message.take_message(message);
        assert_eq!(of_message.read(), calls.read(), "{message}");
    }
    read(&calls)
}

fn one(name: &str, arguments: Value) -> Vec<(String, Value)> {
    vec![(name.to_owned(), arguments)]
}

#[test]
fn a_call_is_read_in_every_spelling() {
    let function = |arguments: Value| json!({ "tool_calls": [{ "id": "a", "type": "function", "function": { "name": "look", "arguments": arguments } }] });
    for message in [
        function(json!("{\"id\":7}")),
        function(json!({ "id": 7 })),
        function(json!("\"{\\\"id\\\":7}\"")),
        function(json!(" {\"id\":7}\n")),
        json!({ "tool_calls": [{ "function": { "name": "look", "arguments": "{\"id\":7}" } }] }),
        json!({ "tool_calls": [{ "name": "look", "arguments": { "id": 7 } }] }),
        json!({ "function_call": { "name": "look", "arguments": "{\"id\":7}" } }),
    ] {
        assert_eq!(
            calls(std::slice::from_ref(&message)),
            one("look", json!({ "id": 7 })),
            "{message}"
        );
    }
    for none in [
        json!(""),
        json!(null),
        json!("{}"),
        json!({}),
        json!("null"),
    ] {
        assert_eq!(
            calls(&[function(none.clone())]),
            one("look", json!({})),
            "{none}"
        );
    }
    for wrong in [
        json!("{\"id\":"),
        json!("[1]"),
        json!(7),
        json!("look it up"),
        json!("{}{}"),
    ] {
        assert_eq!(
            calls(&[function(wrong.clone())]),
            one("look", json!(null)),
            "{wrong}"
        );
    }
    let long = function(json!({ "id": "x".repeat(MAX_ARGUMENTS) }));
    assert_eq!(calls(&[long]), one("look", json!(null)));
}

#[test]
fn calls_of_a_message_are_different_ones_even_if_their_ids_are_not() {
    let call = json!({ "id": "a", "function": { "name": "look", "arguments": "{}" } });
    let message = json!({ "tool_calls": [call, call, call] });
    let mut calls = Calls::default();
    calls.take_message(&message);
    assert_eq!(read(&calls).len(), 3);
    calls.take_message(&message);
    calls.take_message(&json!({ "content": "the end" }));
    assert_eq!(read(&calls).len(), 3, "each message has all so far");
}

#[test]
fn what_is_no_call_is_none() {
    for message in [
        json!({}),
        json!("text"),
        json!({ "tool_calls": [] }),
        json!({ "tool_calls": null, "function_call": null }),
        json!({ "tool_calls": "x" }),
        json!({ "tool_calls": [null, 5, {}, { "function": null }] }),
        json!({ "tool_calls": [{ "id": "a", "function": { "name": "", "arguments": "{}" } }] }),
    ] {
        assert_eq!(calls(std::slice::from_ref(&message)), [], "{message}");
    }
}

#[test]
fn the_pieces_of_a_stream_are_joined_by_their_index() {
    let piece = |index: u64, fields: Value| {
        let mut call = json!({ "index": index, "function": fields });
        if has_name(&call) {
            call["id"] = json!(format!("id-{index}"));
        }
        json!({ "tool_calls": [call] })
    };
    let streamed = calls(&[
        json!({ "role": "assistant", "content": null }),
        piece(0, json!({ "name": "look", "arguments": "" })),
        piece(1, json!({ "name": "hours" })),
        piece(0, json!({ "arguments": "{\"id\"" })),
        piece(1, json!({ "arguments": "{}" })),
        piece(0, json!({ "arguments": ":7}" })),
    ]);
    assert_eq!(
        streamed,
        [
            ("look".to_owned(), json!({ "id": 7 })),
            ("hours".to_owned(), json!({}))
        ]
    );
}

#[test]
fn streams_without_or_with_a_wrong_index_are_read_too() {
    let call = |index: Value, id: Value, name: Value, arguments: &str| json!({ "tool_calls": [{ "index": index, "id": id, "function": { "name": name, "arguments": arguments } }] });
    let all = [
        ("look".to_owned(), json!({ "id": 7 })),
        ("look".to_owned(), json!({ "id": 8 })),
    ];
    let nothing = json!(null);
    let same_index = [
        call(json!(0), json!("a"), json!("look"), "{\"id\":7}"),
        call(json!(0), json!("b"), json!("look"), "{\"id\":8}"),
    ];
    assert_eq!(calls(&same_index), all);
    let no_index = [
        call(nothing.clone(), nothing.clone(), json!("look"), "{\"id\""),
        call(nothing.clone(), nothing.clone(), nothing.clone(), ":7}"),
        call(
            nothing.clone(),
            nothing.clone(),
            json!("look"),
            "{\"id\":8}",
        ),
    ];
    assert_eq!(calls(&no_index), all);
    let repeated_name = [
        call(json!(0), json!("a"), json!("look"), "{\"id\""),
        call(json!(0), json!("a"), json!("look"), ":7}"),
    ];
    assert_eq!(calls(&repeated_name), all[..1]);
}

#[test]
fn more_calls_than_are_read_are_dropped() {
    let call = json!({ "function": { "name": "look", "arguments": "{}" } });
    let many = json!({ "tool_calls": vec![call; MAX_CALLS + 1] });
    assert_eq!(calls(&[many]).len(), MAX_CALLS);
}

fn has_name(call: &Value) -> bool {
    call["function"].get("name").is_some()
}

#[test]
fn what_an_endpoint_wants_to_see_again_is_kept_with_the_calls() {
    let call = json!({ "id": "a", "function": { "name": "look", "arguments": "{}" }, "extra_content": { "google": { "thought_signature": "s" } } });
    let plain = json!({ "id": "b", "function": { "name": "look", "arguments": "{}" } });
    let message = json!({ "reasoning_content": "Look it up.", "tool_calls": [call, plain] });
    let in_deltas = [
        json!({ "reasoning_content": "Look " }),
        json!({ "reasoning_content": "it up." }),
        json!({ "tool_calls": [call] }),
        json!({ "tool_calls": [plain] }),
        json!({ "tool_calls": [{ "id": "b", "extra_content": null }] }),
    ];
    let mut of_message = Calls::default();
    of_message.take_message(&message);
    of_message.take_message(&json!({ "reasoning_content": "The end." }));
    let mut of_deltas = Calls::default();
    for delta in &in_deltas {
        of_deltas.add_delta(delta);
    }
    for called in [of_message.read().unwrap(), of_deltas.read().unwrap()] {
        let ids: Vec<_> = called.calls.iter().map(|call| call.id.as_deref()).collect();
        assert_eq!(ids, [Some("a"), Some("b")]);
        assert_eq!(
            json!([
                called.repeated,
                called.calls[0].repeated,
                called.calls[1].repeated
            ]),
            json!([
                { "reasoning_content": "Look it up." },
                { "extra_content": { "google": { "thought_signature": "s" } } },
                {},
            ])
        );
    }
}

#[test]
fn of_a_response_that_says_too_much_beside_its_calls_nothing_is_repeated() {
    let said = |length: usize| {
        let function = json!({ "name": "look", "arguments": "{}" });
        let call = json!({ "id": "a", "function": function, "extra_content": "y".repeat(length) });
        let mut calls = Calls::default();
        calls.take_message(&json!({ "reasoning": "x".repeat(length), "tool_calls": [call] }));
        calls.read().unwrap()
    };
    let called = said(MAX_BYTES / 2 - 100);
    assert!(!called.repeated.is_empty() && !called.calls[0].repeated.is_empty());
    let called = said(MAX_BYTES / 2);
    assert!(called.repeated.is_empty() && called.calls[0].repeated.is_empty());
    assert_eq!(called.calls[0].id, None);
    assert_eq!(called.calls[0].name, "look");
}

#[test]
fn only_its_own_endpoint_sees_an_id_again_and_no_id_comes_twice() {
    let round = |endpoint: usize, ids: &[Option<&str>]| {
        let call = |id: Option<&str>| ToolCall {
            id: id.map(str::to_owned),
            ..ToolCall::default()
        };
        Round {
            endpoint,
            calls: ids.iter().map(|id| (call(*id), String::new())).collect(),
            ..Round::default()
        }
    };
    let rounds = [
        round(0, &[Some("a"), Some("b"), Some("a"), None]),
        round(1, &[Some("c")]),
        round(0, &[Some("b"), Some("d")]),
    ];
    assert_eq!(
        ids(&rounds, 0),
        [
            vec!["a", "b", "call00002", "call00003"],
            vec!["call01000"],
            vec!["call02000", "d"],
        ]
    );
    let of_other = ids(&rounds, 1);
    assert_eq!(of_other[1], ["c"]);
    assert_eq!(of_other[2], ["call02000", "call02001"]);
}
