//! The mock OpenAI: its answers, its models and its streams.

use serde_json::{Value, json};

use crate::harness::{Answer, KEY, Playground, changed, on};

#[test]
fn an_answer_has_the_fields_of_the_real_one() {
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
fn answers_depend_only_on_the_conversation() {
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
fn a_model_that_reasons_up_to_its_token_limit_says_nothing() {
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
fn a_model_only_supports_its_own_efforts_and_parameters() {
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
