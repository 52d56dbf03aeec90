//! The requests that the mock OpenAI accepts, and those that it rejects as the real API does.

use serde_json::{Value, json};

use crate::harness::{KEY, Playground, changed, chat, on};

#[test]
fn documented_fields_are_accepted() {
    let common = json!({
        "max_completion_tokens": 500, "top_p": 1, "n": 2, "safety_identifier": "a".repeat(64), "prompt_cache_key": "a".repeat(64),
        "seed": -1, "store": false, "stream": false, "metadata": {"a": "b"}, "response_format": {"type": "text"},
        "prompt_cache_options": {"ttl": "30m"}, "service_tier": "fast"
    });
    let sampling = json!({
        "model": "gpt-4o-mini", "reasoning_effort": null, "temperature": 0.7, "stop": ["x"], "user": "someone",
        "presence_penalty": 0.5, "frequency_penalty": -0.5, "logit_bias": {}
    });
    let playground = on("2027-01-13");
    for own in [json!({}), sampling] {
        let mut fields = common.clone();
        fields
            .as_object_mut()
            .unwrap()
            .extend(own.as_object().unwrap().clone());
        let answer = playground.complete(&changed(&fields));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["choices"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn invalid_messages_are_rejected_by_name() {
    assert_rejected(&[
        (
            json!({"messages": null}),
            400,
            "messages",
            "missing_required_parameter",
        ),
        (json!({"messages": []}), 400, "messages", "empty_array"),
        (json!({"messages": "hi"}), 400, "messages", "invalid_type"),
        (
            json!({"messages": ["hi"]}),
            400,
            "messages[0]",
            "invalid_type",
        ),
        (
            json!({"messages": [{"content": "hi"}]}),
            400,
            "messages[0].role",
            "",
        ),
        (
            json!({"messages": [{"role": "human", "content": "hi"}]}),
            400,
            "messages[0].role",
            "invalid_value",
        ),
        (
            json!({"messages": [{"role": "user"}]}),
            400,
            "messages[0].content",
            "",
        ),
        (
            json!({"messages": [{"role": "user", "content": null}]}),
            400,
            "messages[0].content",
            "",
        ),
        (
            json!({"messages": [{"role": "user", "content": 5}]}),
            400,
            "messages[0].content",
            "",
        ),
        (
            json!({"messages": [{"role": "user", "content": []}]}),
            400,
            "messages[0].content",
            "",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "odd"}]}]}),
            400,
            "messages[0].content[0].type",
            "",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "text"}]}]}),
            400,
            "messages[0].content[0].text",
            "",
        ),
        (
            json!({"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {}}]}]}),
            400,
            "messages[0].content[0].type",
            "",
        ),
        (
            json!({"messages": [{"role": "user", "content": "hi", "time": 1}]}),
            400,
            "messages[0].time",
            "unknown_parameter",
        ),
        (
            json!({"messages": [{"role": "tool", "content": "hi"}]}),
            400,
            "messages[0].tool_call_id",
            "",
        ),
    ]);
}

#[test]
fn invalid_fields_are_rejected_by_name() {
    let long = "a".repeat(65);
    assert_rejected(&[
        (json!({"model": null}), 400, "", ""),
        (json!({"model": "gpt-nonsense"}), 404, "", "model_not_found"),
        (json!({"model": 5}), 400, "model", "invalid_type"),
        (
            json!({"max_completion_tokens": "5"}),
            400,
            "max_completion_tokens",
            "invalid_type",
        ),
        (
            json!({"max_completion_tokens": 1.5}),
            400,
            "max_completion_tokens",
            "invalid_type",
        ),
        (
            json!({"max_completion_tokens": 0}),
            400,
            "max_completion_tokens",
            "value_out_of_range",
        ),
        (
            json!({"max_completion_tokens": 5, "max_tokens": 5}),
            400,
            "max_tokens",
            "",
        ),
        (
            json!({"temperature": 2.1}),
            400,
            "temperature",
            "value_out_of_range",
        ),
        (
            json!({"temperature": "hot"}),
            400,
            "temperature",
            "invalid_type",
        ),
        (json!({"n": 0}), 400, "n", "value_out_of_range"),
        (json!({"stream": "yes"}), 400, "stream", "invalid_type"),
        (
            json!({"stream_options": {"include_usage": true}}),
            400,
            "stream_options",
            "",
        ),
        (
            json!({"stream": true, "stream_options": {"odd": true}}),
            400,
            "stream_options.odd",
            "unknown_parameter",
        ),
        (json!({"user": 5}), 400, "user", "invalid_type"),
        (
            json!({"safety_identifier": long}),
            400,
            "safety_identifier",
            "string_above_max_length",
        ),
        (
            json!({"prompt_cache_key": long}),
            400,
            "prompt_cache_key",
            "string_above_max_length",
        ),
        (
            json!({"service_tier": "gold"}),
            400,
            "service_tier",
            "invalid_value",
        ),
        (
            json!({"reasoning_effort": "ultra"}),
            400,
            "reasoning_effort",
            "invalid_value",
        ),
    ]);
}

#[test]
fn an_unknown_field_is_rejected_with_the_message_of_the_real_api() {
    let playground = Playground::start();
    let answer = playground.complete(&changed(&json!({"foo": 1})));
    assert_eq!(answer.status, 400);
    let error = json!({"error": {
        "message": "Unrecognized request argument supplied: foo",
        "type": "invalid_request_error", "param": null, "code": null
    }});
    assert_eq!(answer.json(), error);
}

#[test]
fn a_valid_key_is_required() {
    let playground = Playground::start();
    let body = chat(&[("user", "Hello")]).to_string();
    let json_type = ("content-type", "application/json");
    let wrong = ["Bearer wrong", "Bearer ", "Basic c2s6", KEY];
    for header in wrong.iter().map(Some).chain([None]) {
        let mut headers = vec![json_type];
        headers.extend(header.map(|value| ("authorization", *value)));
        let answer = playground.send("POST", "/v1/chat/completions", &headers, body.as_bytes());
        assert_eq!(answer.status, 401, "{header:?}");
        assert_eq!(answer.json()["error"]["code"], "invalid_api_key");
        assert!(!answer.text().contains(KEY));
    }
}

#[test]
fn without_a_configured_key_any_key_is_accepted() {
    let playground = Playground::start_with(&["--quiet"]);
    assert_eq!(playground.ask(&[("user", "Hello")]).status, 200);
    let body = chat(&[("user", "Hello")]).to_string();
    let headers = [("content-type", "application/json")];
    assert_eq!(
        playground
            .send("POST", "/v1/chat/completions", &headers, body.as_bytes())
            .status,
        401
    );
}

#[test]
fn only_a_json_object_posted_to_the_right_path_is_accepted() {
    let playground = Playground::start();
    let key = format!("Bearer {KEY}");
    let send = |method: &str, path: &str, content_type: &str, body: &str| {
        let headers = [
            ("authorization", key.as_str()),
            ("content-type", content_type),
        ];
        let answer = playground.send(method, path, &headers, body.as_bytes());
        (
            answer.status,
            answer.json()["error"]["code"]
                .as_str()
                .unwrap_or("")
                .to_owned(),
        )
    };
    let place = "/v1/chat/completions";
    let good = chat(&[("user", "Hello")]).to_string();
    assert_eq!(
        send("POST", place, "application/json; charset=utf-8", &good).0,
        200
    );
    assert_eq!(
        send("POST", place, "text/plain", &good),
        (400, "unsupported_content_type".to_owned())
    );
    assert_eq!(send("POST", place, "application/json", "{").0, 400);
    assert_eq!(send("POST", place, "application/json", "[]").0, 400);
    assert_eq!(send("POST", place, "application/json", "").0, 400);
    assert_eq!(
        send("GET", place, "application/json", ""),
        (405, "method_not_supported".to_owned())
    );
    assert_eq!(
        send("POST", "/v1/completions", "application/json", &good).0,
        404
    );
    let huge = format!("{{\"x\":\"{}\"}}", "a".repeat(17 * 1024 * 1024));
    assert_eq!(send("POST", place, "application/json", &huge).0, 413);
}

/// Checks that each request, which is a valid one with changes, is rejected. An empty parameter
/// must be null in the answer. An empty code is not checked.
fn assert_rejected(cases: &[(Value, u16, &str, &str)]) {
    let playground = Playground::start();
    for (changes, status, param, code) in cases {
        let answer = playground.complete(&changed(changes));
        assert_eq!(answer.status, *status, "{changes}: {}", answer.text());
        let error = &answer.json()["error"];
        assert_eq!(error["type"], "invalid_request_error", "{changes}");
        let expected = Some(*param).filter(|param| !param.is_empty());
        assert_eq!(error["param"].as_str(), expected, "{changes}");
        if !code.is_empty() {
            assert_eq!(error["code"].as_str(), Some(*code), "{changes}");
        }
    }
}
