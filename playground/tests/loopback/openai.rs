//! The pretend OpenAI: strictness, memory, the shapes of its answers.

use serde_json::{Value, json};

use crate::harness::{KEY, Playground, chat};

/// A request in order, with `changes` made to it; `null` removes a field.
fn changed(changes: &Value) -> Value {
    let mut request = chat(&[("system", "Be kind."), ("user", "Hello")]);
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            request.as_object_mut().unwrap().remove(name);
        } else {
            request[name] = value.clone();
        }
    }
    request
}

#[test]
fn an_answer_has_the_shape_of_the_real_one() {
    let playground = Playground::start();
    let answer = playground.ask(&[("system", "Be kind."), ("user", "Hello")]);
    assert_eq!(answer.status, 200);
    assert!(answer.header("x-request-id").starts_with("req_"));
    let body = answer.json();
    assert!(body["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], "gpt-4o-mini-2024-07-18");
    assert!(body["created"].as_u64().unwrap() > 1_700_000_000);
    let choice = &body["choices"][0];
    assert_eq!(choice["index"], 0);
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(choice["logprobs"], Value::Null);
    assert_eq!(choice["message"]["role"], "assistant");
    assert_eq!(choice["message"]["refusal"], Value::Null);
    assert_eq!(choice["message"]["annotations"], json!([]));
    let usage = &body["usage"];
    let count = |name: &str| usage[name].as_u64().unwrap();
    assert!(count("prompt_tokens") > 0 && count("completion_tokens") > 0);
    assert_eq!(count("total_tokens"), count("prompt_tokens") + count("completion_tokens"));
}

#[test]
fn answers_depend_on_the_conversation_and_on_nothing_else() {
    let playground = Playground::start();
    let conversation = [
        ("user", "My boat is called Orca"),
        ("assistant", "Nice"),
        ("user", "It is blue"),
        ("assistant", "Nice"),
        ("user", "What did I say first?"),
    ];
    assert!(playground.said(&conversation).contains("\"My boat is called Orca\""));
    assert!(playground.said(&conversation[4..]).contains("nothing before"));
    let mut previous = conversation;
    previous[4].1 = "And what did I just say?!";
    assert!(playground.said(&previous).contains("\"It is blue\""));
    previous[4].1 = "how many MESSAGES";
    assert!(playground.said(&previous).contains("3 messages"));
    assert_eq!(playground.said(&conversation), playground.said(&conversation));
    assert_eq!(playground.said(&[("user", "write 1700 characters")]).chars().count(), 1700);
}

#[test]
fn text_parts_are_read_like_a_string() {
    let playground = Playground::start();
    let parts = json!({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "Hello "}, {"type": "text", "text": "there"}
    ]}]});
    let answer = playground.complete(&changed(&parts));
    let content = answer.json()["choices"][0]["message"]["content"].clone();
    assert!(content.as_str().unwrap().contains("\"Hello there\""), "{content}");
}

#[test]
fn the_token_limit_cuts_the_answer() {
    let playground = Playground::start();
    let answer = playground.complete(&changed(&json!({
        "messages": [{"role": "user", "content": "write 1000 characters"}], "max_completion_tokens": 10
    })));
    let choice = &answer.json()["choices"][0];
    assert_eq!(choice["finish_reason"], "length");
    assert_eq!(choice["message"]["content"].as_str().unwrap().len(), 40);
}

#[test]
fn documented_fields_are_accepted() {
    let playground = Playground::start();
    let answer = playground.complete(&changed(&json!({
        "max_completion_tokens": 500, "temperature": 0.7, "top_p": 1, "n": 2, "user": "someone",
        "safety_identifier": "a".repeat(64), "stop": ["x"], "seed": -1, "store": false, "metadata": {"a": "b"},
        "presence_penalty": 0.5, "frequency_penalty": -0.5, "logit_bias": {}, "response_format": {"type": "text"},
        "service_tier": "auto", "prompt_cache_key": "k", "tools": [], "parallel_tool_calls": true
    })));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["choices"].as_array().unwrap().len(), 2);
}

#[test]
fn requests_that_the_real_api_refuses_are_refused_by_name() {
    let playground = Playground::start();
    let long = "a".repeat(65);
    for (changes, status, param, code) in [
        (json!({"model": null}), 400, None, None),
        (json!({"model": "gpt-nonsense"}), 404, None, Some("model_not_found")),
        (json!({"model": 5}), 400, Some("model"), Some("invalid_type")),
        (json!({"messages": null}), 400, Some("messages"), Some("missing_required_parameter")),
        (json!({"messages": []}), 400, Some("messages"), Some("empty_array")),
        (json!({"messages": "hi"}), 400, Some("messages"), Some("invalid_type")),
        (json!({"messages": ["hi"]}), 400, Some("messages[0]"), Some("invalid_type")),
        (json!({"messages": [{"content": "hi"}]}), 400, Some("messages[0].role"), None),
        (json!({"messages": [{"role": "human", "content": "hi"}]}), 400, Some("messages[0].role"), Some("invalid_value")),
        (json!({"messages": [{"role": "user"}]}), 400, Some("messages[0].content"), None),
        (json!({"messages": [{"role": "user", "content": null}]}), 400, Some("messages[0].content"), None),
        (json!({"messages": [{"role": "user", "content": 5}]}), 400, Some("messages[0].content"), None),
        (json!({"messages": [{"role": "user", "content": []}]}), 400, Some("messages[0].content"), None),
        (json!({"messages": [{"role": "user", "content": [{"type": "odd"}]}]}), 400, Some("messages[0].content[0].type"), None),
        (json!({"messages": [{"role": "user", "content": [{"type": "text"}]}]}), 400, Some("messages[0].content[0].text"), None),
        (
            json!({"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {}}]}]}),
            400,
            Some("messages[0].content[0].type"),
            None,
        ),
        (json!({"messages": [{"role": "user", "content": "hi", "time": 1}]}), 400, Some("messages[0].time"), Some("unknown_parameter")),
        (json!({"messages": [{"role": "tool", "content": "hi"}]}), 400, Some("messages[0].tool_call_id"), None),
        (json!({"max_completion_tokens": "5"}), 400, Some("max_completion_tokens"), Some("invalid_type")),
        (json!({"max_completion_tokens": 1.5}), 400, Some("max_completion_tokens"), Some("invalid_type")),
        (json!({"max_completion_tokens": 0}), 400, Some("max_completion_tokens"), Some("value_out_of_range")),
        (json!({"max_completion_tokens": 5, "max_tokens": 5}), 400, Some("max_tokens"), None),
        (json!({"temperature": 2.1}), 400, Some("temperature"), Some("value_out_of_range")),
        (json!({"temperature": "hot"}), 400, Some("temperature"), Some("invalid_type")),
        (json!({"n": 0}), 400, Some("n"), Some("value_out_of_range")),
        (json!({"stream": "yes"}), 400, Some("stream"), Some("invalid_type")),
        (json!({"stream_options": {"include_usage": true}}), 400, Some("stream_options"), None),
        (json!({"stream": true, "stream_options": {"odd": true}}), 400, Some("stream_options.odd"), Some("unknown_parameter")),
        (json!({"user": 5}), 400, Some("user"), Some("invalid_type")),
        (json!({"safety_identifier": long}), 400, Some("safety_identifier"), Some("string_above_max_length")),
        (json!({"service_tier": "gold"}), 400, Some("service_tier"), Some("invalid_value")),
        (json!({"reasoning_effort": "low"}), 400, None, None),
        (json!({"model": "gpt-5", "max_tokens": 5}), 400, Some("max_tokens"), Some("unsupported_parameter")),
        (json!({"model": "gpt-5", "temperature": 0.5}), 400, Some("temperature"), Some("unsupported_value")),
    ] {
        let answer = playground.complete(&changed(&changes));
        assert_eq!(answer.status, status, "{changes}: {}", answer.text());
        let error = &answer.json()["error"];
        assert_eq!(error["type"], "invalid_request_error", "{changes}");
        assert_eq!(error["param"].as_str(), param, "{changes}");
        if code.is_some() {
            assert_eq!(error["code"].as_str(), code, "{changes}");
        }
    }
}

#[test]
fn an_unknown_field_is_refused_in_the_real_words() {
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
fn a_key_is_required_and_must_be_the_right_one() {
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
fn without_a_given_key_any_key_is_good_but_none_is_not() {
    let playground = Playground::start_with(&["--quiet"]);
    assert_eq!(playground.ask(&[("user", "Hello")]).status, 200);
    let body = chat(&[("user", "Hello")]).to_string();
    let headers = [("content-type", "application/json")];
    assert_eq!(playground.send("POST", "/v1/chat/completions", &headers, body.as_bytes()).status, 401);
}

#[test]
fn only_a_json_object_posted_to_the_right_place_is_read() {
    let playground = Playground::start();
    let key = format!("Bearer {KEY}");
    let send = |method: &str, path: &str, content_type: &str, body: &str| {
        let headers = [("authorization", key.as_str()), ("content-type", content_type)];
        let answer = playground.send(method, path, &headers, body.as_bytes());
        (answer.status, answer.json()["error"]["code"].as_str().unwrap_or("").to_owned())
    };
    let place = "/v1/chat/completions";
    let good = chat(&[("user", "Hello")]).to_string();
    assert_eq!(send("POST", place, "application/json; charset=utf-8", &good).0, 200);
    assert_eq!(send("POST", place, "text/plain", &good), (400, "unsupported_content_type".to_owned()));
    assert_eq!(send("POST", place, "application/json", "{").0, 400);
    assert_eq!(send("POST", place, "application/json", "[]").0, 400);
    assert_eq!(send("POST", place, "application/json", "").0, 400);
    assert_eq!(send("GET", place, "application/json", ""), (405, "method_not_supported".to_owned()));
    assert_eq!(send("POST", "/v1/completions", "application/json", &good).0, 404);
    let huge = format!("{{\"x\":\"{}\"}}", "a".repeat(17 * 1024 * 1024));
    assert_eq!(send("POST", place, "application/json", &huge).0, 413);
}

#[test]
fn a_stream_carries_the_same_answer_in_pieces() {
    let playground = Playground::start();
    let messages = json!([{"role": "user", "content": "Hello there"}]);
    let plain = playground.said(&[("user", "Hello there")]);
    let answer = playground.complete(&changed(&json!({
        "messages": messages, "stream": true, "stream_options": {"include_usage": true}
    })));
    assert!(answer.header("content-type").starts_with("text/event-stream"));
    let text = answer.text();
    let mut events: Vec<&str> = text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap()).collect();
    assert_eq!(events.pop(), Some("[DONE]"));
    let mut chunks: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    let usage = chunks.pop().unwrap();
    assert_eq!(usage["choices"], json!([]));
    assert!(usage["usage"]["total_tokens"].as_u64().unwrap() > 0);
    assert!(chunks.len() > 5);
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let whole: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(whole, plain);
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "stop");
    assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk" && chunk["usage"].is_null()));
}
