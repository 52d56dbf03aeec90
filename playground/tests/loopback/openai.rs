//! The mock OpenAI: strictness, memory, the shapes of its answers.

use serde_json::{Value, json};

use crate::harness::{Answer, KEY, Playground, chat};

/// A playground for which it is `date`.
fn on(date: &str) -> Playground {
    Playground::start_with(&["--quiet", "--openai-api-key", KEY, "--date", date])
}

/// The error in an answer, as (status, message, param, code).
fn error(answer: &Answer) -> (u16, String, Value, Value) {
    let error = &answer.json()["error"];
    assert_eq!(error["type"], "invalid_request_error", "{error}");
    assert_eq!(error.as_object().unwrap().len(), 4, "{error}");
    (
        answer.status,
        error["message"].as_str().unwrap().to_owned(),
        error["param"].clone(),
        error["code"].clone(),
    )
}

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
    assert_eq!(body["model"], "gpt-6-luna");
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
    assert_eq!(
        count("total_tokens"),
        count("prompt_tokens") + count("completion_tokens")
    );
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
    assert!(
        playground
            .said(&conversation)
            .contains("\"My boat is called Orca\"")
    );
    assert!(
        playground
            .said(&conversation[4..])
            .contains("nothing before")
    );
    let mut previous = conversation;
    previous[4].1 = "And what did I just say?!";
    assert!(playground.said(&previous).contains("\"It is blue\""));
    previous[4].1 = "how many MESSAGES";
    assert!(playground.said(&previous).contains("3 messages"));
    assert_eq!(
        playground.said(&conversation),
        playground.said(&conversation)
    );
    assert_eq!(
        playground
            .said(&[("user", "write 1700 characters")])
            .chars()
            .count(),
        1700
    );
}

#[test]
fn text_parts_are_read_like_a_string() {
    let playground = Playground::start();
    let parts = json!({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "Hello "}, {"type": "text", "text": "there"}
    ]}]});
    let answer = playground.complete(&changed(&parts));
    let content = answer.json()["choices"][0]["message"]["content"].clone();
    assert!(
        content.as_str().unwrap().contains("\"Hello there\""),
        "{content}"
    );
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
fn a_model_that_reasons_for_longer_than_its_token_limit_says_nothing() {
    let playground = Playground::start();
    let ask = |effort: &Value, limit: u64| {
        let answer = playground
            .complete(&changed(
                &json!({"reasoning_effort": effort, "max_completion_tokens": limit}),
            ))
            .json();
        let spent = |path: &str| answer.pointer(path).unwrap().as_u64().unwrap();
        let reasoned = spent("/usage/completion_tokens_details/reasoning_tokens");
        let choice = &answer["choices"][0];
        let said = choice["message"]["content"].as_str().unwrap().len();
        (
            choice["finish_reason"].as_str().unwrap().to_owned(),
            said,
            reasoned,
            spent("/usage/completion_tokens"),
        )
    };
    let length = || "length".to_owned();
    // Without an effort it reasons with medium effort.
    for effort in [json!("medium"), Value::Null] {
        assert_eq!(
            ask(&effort, 200),
            (length(), 0, 200, 200),
            "all of the limit is spent, and paid for"
        );
    }
    assert_eq!(
        ask(&json!("medium"), 260),
        (length(), 16, 256, 260),
        "what reasoning leaves is for the text"
    );
    let (reason, said, reasoned, spent) = ask(&json!("medium"), 1000);
    assert!(reason == "stop" && said > 16 && reasoned == 256 && spent > reasoned);
    let (reason, said, reasoned, _) = ask(&json!("none"), 200);
    assert!(reason == "stop" && said > 16 && reasoned == 0);
}

#[test]
fn documented_fields_are_accepted() {
    let common = json!({
        "max_completion_tokens": 500, "top_p": 1, "n": 2, "safety_identifier": "a".repeat(64), "prompt_cache_key": "a".repeat(64),
        "seed": -1, "store": false, "stream": false, "metadata": {"a": "b"}, "response_format": {"type": "text"},
        "prompt_cache_options": {"ttl": "30m"}, "service_tier": "fast", "tools": [], "parallel_tool_calls": true
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
fn a_model_takes_its_own_efforts_and_parameters_only() {
    let playground = on("2026-11-26");
    let supported = |efforts: &str| format!("with this model. Supported values are: {efforts}.");
    let function = json!([{"type": "function", "function": {"name": "f"}}]);
    for (changes, message, param, code) in [
        (
            json!({"reasoning_effort": "minimal"}),
            format!(
                "Unsupported value: 'reasoning_effort' does not support 'minimal' {}",
                supported("'none', 'low', 'medium', 'high', 'xhigh', and 'max'")
            ),
            json!("reasoning_effort"),
            json!("unsupported_value"),
        ),
        (
            json!({"model": "gpt-6-astra", "reasoning_effort": "none"}),
            format!("Unsupported value: 'reasoning_effort' does not support 'none' {}", supported("'low', 'medium', 'high', and 'xhigh'")),
            json!("reasoning_effort"),
            json!("unsupported_value"),
        ),
        (
            json!({"max_tokens": 5}),
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.".to_owned(),
            json!("max_tokens"),
            json!("unsupported_parameter"),
        ),
        (
            json!({"temperature": 0.5}),
            "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is supported.".to_owned(),
            json!("temperature"),
            json!("unsupported_value"),
        ),
        (
            json!({"stop": ["x"]}),
            "Unsupported parameter: 'stop' is not supported with this model.".to_owned(),
            json!("stop"),
            json!("unsupported_parameter"),
        ),
        (
            json!({"reasoning_effort": "low", "tools": function}),
            "Function tools with reasoning_effort are not supported for gpt-6-luna in /v1/chat/completions. To use function tools, \
             use /v1/responses or set reasoning_effort to 'none'."
                .to_owned(),
            json!("reasoning_effort"),
            Value::Null,
        ),
        (
            json!({"model": "gpt-4o", "reasoning_effort": "none"}),
            "Unrecognized request argument supplied: reasoning_effort".to_owned(),
            Value::Null,
            Value::Null,
        ),
    ] {
        assert_eq!(error(&playground.complete(&changed(&changes))), (400, message, param, code), "{changes}");
    }
    for good in [
        json!({"reasoning_effort": "max"}),
        json!({"reasoning_effort": null, "temperature": 1}),
        json!({"model": "gpt-6.1-terra"}),
        json!({"model": "gpt-6.2-sol", "reasoning_effort": "low"}),
        json!({"model": "gpt-6-astra", "reasoning_effort": "low"}),
        json!({"model": "gpt-4o", "reasoning_effort": null, "max_tokens": 5}),
        json!({"tools": function}),
    ] {
        let answer = playground.complete(&changed(&good));
        assert_eq!(answer.status, 200, "{good}: {}", answer.text());
    }
}

#[test]
fn a_deprecated_model_answers_with_a_note_in_the_log_until_its_last_day_and_is_gone_after_it() {
    let request = changed(&json!({"model": "gpt-4o-mini", "reasoning_effort": null}));
    let mut before = Playground::start_with(&["--openai-api-key", KEY, "--date", "2027-01-13"]);
    assert_eq!(before.complete(&request).status, 200);
    let line = before.line();
    assert!(
        line.starts_with("openai POST /v1/chat/completions 200 in "),
        "{line}"
    );
    assert!(
        line.ends_with(" ms (deprecated: OpenAI shuts gpt-4o-mini down on 2027-01-14)"),
        "{line}"
    );
    assert_eq!(
        before.requests()[0]["deprecation"],
        "OpenAI shuts gpt-4o-mini down on 2027-01-14"
    );
    before.ask(&[("user", "Hello")]);
    assert!(
        before.line().ends_with(" ms"),
        "the model that is here to stay has no note"
    );
    assert_eq!(before.requests()[1]["deprecation"], Value::Null);

    let message = "The model `gpt-4o-mini` has been deprecated, learn more here: https://platform.openai.com/docs/deprecations";
    for date in ["2027-01-14", "2027-01-15"] {
        let after = on(date);
        assert_eq!(
            error(&after.complete(&request)),
            (
                404,
                message.to_owned(),
                Value::Null,
                json!("model_not_found")
            ),
            "{date}"
        );
        assert_eq!(after.ask(&[("user", "Hello")]).status, 200);
    }
}

#[test]
fn requests_that_the_real_api_refuses_are_refused_by_name() {
    let playground = Playground::start();
    let long = "a".repeat(65);
    for (changes, status, param, code) in [
        (json!({"model": null}), 400, None, None),
        (
            json!({"model": "gpt-nonsense"}),
            404,
            None,
            Some("model_not_found"),
        ),
        (
            json!({"model": 5}),
            400,
            Some("model"),
            Some("invalid_type"),
        ),
        (
            json!({"messages": null}),
            400,
            Some("messages"),
            Some("missing_required_parameter"),
        ),
        (
            json!({"messages": []}),
            400,
            Some("messages"),
            Some("empty_array"),
        ),
        (
            json!({"messages": "hi"}),
            400,
            Some("messages"),
            Some("invalid_type"),
        ),
        (
            json!({"messages": ["hi"]}),
            400,
            Some("messages[0]"),
            Some("invalid_type"),
        ),
        (
            json!({"messages": [{"content": "hi"}]}),
            400,
            Some("messages[0].role"),
            None,
        ),
        (
            json!({"messages": [{"role": "human", "content": "hi"}]}),
            400,
            Some("messages[0].role"),
            Some("invalid_value"),
        ),
        (
            json!({"messages": [{"role": "user"}]}),
            400,
            Some("messages[0].content"),
            None,
        ),
        (
            json!({"messages": [{"role": "user", "content": null}]}),
            400,
            Some("messages[0].content"),
            None,
        ),
        (
            json!({"messages": [{"role": "user", "content": 5}]}),
            400,
            Some("messages[0].content"),
            None,
        ),
        (
            json!({"messages": [{"role": "user", "content": []}]}),
            400,
            Some("messages[0].content"),
            None,
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "odd"}]}]}),
            400,
            Some("messages[0].content[0].type"),
            None,
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "text"}]}]}),
            400,
            Some("messages[0].content[0].text"),
            None,
        ),
        (
            json!({"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {}}]}]}),
            400,
            Some("messages[0].content[0].type"),
            None,
        ),
        (
            json!({"messages": [{"role": "user", "content": "hi", "time": 1}]}),
            400,
            Some("messages[0].time"),
            Some("unknown_parameter"),
        ),
        (
            json!({"messages": [{"role": "tool", "content": "hi"}]}),
            400,
            Some("messages[0].tool_call_id"),
            None,
        ),
        (
            json!({"max_completion_tokens": "5"}),
            400,
            Some("max_completion_tokens"),
            Some("invalid_type"),
        ),
        (
            json!({"max_completion_tokens": 1.5}),
            400,
            Some("max_completion_tokens"),
            Some("invalid_type"),
        ),
        (
            json!({"max_completion_tokens": 0}),
            400,
            Some("max_completion_tokens"),
            Some("value_out_of_range"),
        ),
        (
            json!({"max_completion_tokens": 5, "max_tokens": 5}),
            400,
            Some("max_tokens"),
            None,
        ),
        (
            json!({"temperature": 2.1}),
            400,
            Some("temperature"),
            Some("value_out_of_range"),
        ),
        (
            json!({"temperature": "hot"}),
            400,
            Some("temperature"),
            Some("invalid_type"),
        ),
        (json!({"n": 0}), 400, Some("n"), Some("value_out_of_range")),
        (
            json!({"stream": "yes"}),
            400,
            Some("stream"),
            Some("invalid_type"),
        ),
        (
            json!({"stream_options": {"include_usage": true}}),
            400,
            Some("stream_options"),
            None,
        ),
        (
            json!({"stream": true, "stream_options": {"odd": true}}),
            400,
            Some("stream_options.odd"),
            Some("unknown_parameter"),
        ),
        (json!({"user": 5}), 400, Some("user"), Some("invalid_type")),
        (
            json!({"safety_identifier": long}),
            400,
            Some("safety_identifier"),
            Some("string_above_max_length"),
        ),
        (
            json!({"prompt_cache_key": long}),
            400,
            Some("prompt_cache_key"),
            Some("string_above_max_length"),
        ),
        (
            json!({"service_tier": "gold"}),
            400,
            Some("service_tier"),
            Some("invalid_value"),
        ),
        (
            json!({"reasoning_effort": "ultra"}),
            400,
            Some("reasoning_effort"),
            Some("invalid_value"),
        ),
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
    assert_eq!(
        playground
            .send("POST", "/v1/chat/completions", &headers, body.as_bytes())
            .status,
        401
    );
}

#[test]
fn only_a_json_object_posted_to_the_right_place_is_read() {
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

#[test]
fn a_stream_carries_the_same_answer_in_pieces() {
    let playground = Playground::start();
    let messages = json!([{"role": "user", "content": "Hello there"}]);
    let plain = playground.said(&[("user", "Hello there")]);
    let answer = playground.complete(&changed(&json!({
        "messages": messages, "stream": true, "stream_options": {"include_usage": true}
    })));
    assert!(
        answer
            .header("content-type")
            .starts_with("text/event-stream")
    );
    let text = answer.text();
    let mut events: Vec<&str> = text
        .split_terminator("\n\n")
        .map(|event| event.strip_prefix("data: ").unwrap())
        .collect();
    assert_eq!(events.pop(), Some("[DONE]"));
    let mut chunks: Vec<Value> = events
        .iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect();
    let usage = chunks.pop().unwrap();
    assert_eq!(usage["choices"], json!([]));
    assert!(usage["usage"]["total_tokens"].as_u64().unwrap() > 0);
    assert!(chunks.len() > 5);
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let whole: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(whole, plain);
    assert_eq!(
        chunks.last().unwrap()["choices"][0]["finish_reason"],
        "stop"
    );
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk["object"] == "chat.completion.chunk" && chunk["usage"].is_null())
    );
}
