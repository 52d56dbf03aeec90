//! Faults: each has its effect, as often as ordered, on the requests that it is for.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{KEY, Playground, chat, messages_path, raw_chat};

fn hello(playground: &Playground) -> crate::harness::Answer {
    playground.ask(&[("user", "Hello")])
}

#[test]
fn a_status_fault_has_the_services_own_error_and_is_used_up() {
    let playground = Playground::start();
    for (status, kind, code) in [
        (429, "requests", json!("rate_limit_exceeded")),
        (500, "server_error", Value::Null),
        (503, "server_error", Value::Null),
        (401, "invalid_request_error", json!("invalid_api_key")),
        (404, "invalid_request_error", json!("model_not_found")),
    ] {
        playground.fault(
            &json!({"service": "openai", "status": status, "headers": {"Retry-After": "1"}}),
        );
        let answer = hello(&playground);
        assert_eq!((answer.status, answer.header("retry-after")), (status, "1"));
        let error = answer.json()["error"].clone();
        assert_eq!(
            (error["type"].clone(), error["code"].clone()),
            (json!(kind), code),
            "{status}"
        );
        assert_eq!(hello(&playground).status, 200);
    }
    for (status, code) in [(401, 20003), (429, 20429), (500, 20500), (503, 20503)] {
        playground.fault(&json!({"service": "twilio", "status": status}));
        let answer = playground.text_to("+15550100", "x");
        let error = answer.json();
        assert_eq!(
            (
                answer.status,
                error["code"].clone(),
                error["status"].clone()
            ),
            (status, json!(code), json!(status))
        );
    }
    assert!(
        playground.sent_messages().is_empty(),
        "a rejected message was created"
    );
}

#[test]
fn the_fields_of_an_error_can_be_replaced() {
    let playground = Playground::start();
    playground.fault(
        &json!({"service": "openai", "status": 429, "error": {"code": "insufficient_quota"}}),
    );
    let error = hello(&playground).json()["error"].clone();
    assert_eq!(
        (error["type"].clone(), error["code"].clone()),
        (json!("insufficient_quota"), json!("insufficient_quota"))
    );
    playground.fault(&json!({"service": "openai", "status": 400, "error": {"type": "t", "message": "m", "param": "p", "code": "c"}}));
    assert_eq!(
        hello(&playground).json(),
        json!({"error": {"type": "t", "message": "m", "param": "p", "code": "c"}})
    );
    playground.fault(
        &json!({"service": "twilio", "status": 400, "error": {"code": 63016, "message": "m"}}),
    );
    let error = playground.text_to("+15550100", "x").json();
    assert_eq!(
        (error["code"].clone(), error["message"].clone()),
        (json!(63016), json!("m"))
    );
    assert!(error["more_info"].as_str().unwrap().ends_with("/63016"));
}

#[test]
fn an_ordered_header_replaces_the_usual_one() {
    let playground = Playground::start();
    playground.fault(&json!({"service": "openai", "headers": {"Content-Type": "text/plain", "X-Request-Id": "mine"}}));
    let answer = hello(&playground);
    assert_eq!(answer.status, 200);
    for (name, value) in [("content-type", "text/plain"), ("x-request-id", "mine")] {
        let all: Vec<_> = answer.headers.get_all(name).iter().collect();
        assert_eq!(all, [value]);
    }
}

#[test]
fn faults_are_listed_counted_down_and_cleared() {
    let playground = Playground::start();
    playground.fault(&json!({"service": "openai", "status": 503, "times": 3}));
    playground.fault(&json!({"service": "twilio", "status": 500}));
    hello(&playground);
    let listed = playground.control("GET", "faults", &Value::Null).json();
    let left = json!({"faults": [
        {"service": "openai", "times": 2, "status": 503}, {"service": "twilio", "times": 1, "status": 500}
    ]});
    assert_eq!(listed, left);
    assert_eq!(
        playground.control("DELETE", "faults", &Value::Null).json(),
        json!({"faults": []})
    );
    assert_eq!(hello(&playground).status, 200);
    let rejected = playground.control(
        "POST",
        "faults",
        &json!({"service": "openai", "statuss": 500}),
    );
    assert_eq!(rejected.status, 400);
    assert!(
        rejected.json()["error"]
            .as_str()
            .unwrap()
            .contains("statuss")
    );
}

#[test]
fn a_fault_can_be_limited_to_requests_with_a_text() {
    let playground = Playground::start();
    playground.fault(&json!({"service": "openai", "status": 503, "contains": "say \"ж\""}));
    assert_eq!(hello(&playground).status, 200);
    assert_eq!(playground.ask(&[("user", "please say \"ж\"")]).status, 503);
    playground.fault(&json!({"service": "twilio", "status": 500, "contains": "+15550101"}));
    assert_eq!(playground.text_to("+15550100", "x").status, 201);
    assert_eq!(playground.text_to("+15550101", "x").status, 500);
    playground.fault(&json!({"service": "twilio", "status": 500, "contains": "GET /2010"}));
    assert_eq!(playground.text_to("+15550100", "x").status, 201);
    assert_eq!(playground.get(&messages_path()).status, 500);
}

#[test]
fn a_delay_comes_before_a_good_answer() {
    let playground = Playground::start();
    playground.fault(&json!({"service": "openai", "delay_ms": 400}));
    let clock = Instant::now();
    assert_eq!(hello(&playground).status, 200);
    assert!(clock.elapsed() >= Duration::from_millis(400));
    let clock = Instant::now();
    assert_eq!(hello(&playground).status, 200);
    assert!(clock.elapsed() < Duration::from_millis(400));
}

#[test]
fn each_body_fault_makes_its_defect() {
    let playground = Playground::start();
    for (body, content_type) in [
        ("garbage", "application/json"),
        ("not_json", "text/html"),
        ("empty", "application/json"),
        ("wrong_shape", "application/json"),
    ] {
        playground.fault(&json!({"service": "openai", "body": body}));
        playground.fault(&json!({"service": "twilio", "body": body}));
        for (answer, status) in [
            (hello(&playground), 200),
            (playground.text_to("+15550100", "x"), 201),
        ] {
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (status, content_type),
                "{body}"
            );
            let parsed: Result<Value, _> = serde_json::from_slice(&answer.body);
            match body {
                "wrong_shape" => assert!(parsed.unwrap().get("choices").is_none()),
                "empty" => assert!(answer.body.is_empty()),
                _ => assert!(parsed.is_err() && !answer.body.is_empty(), "{body}"),
            }
        }
    }
    assert_eq!(
        playground.sent_messages().len(),
        4,
        "the message is created, only its answer is defective"
    );
    playground.fault(&json!({"service": "openai", "status": 502, "body": "not_json"}));
    let answer = hello(&playground);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (502, "text/html")
    );
}

#[test]
fn bad_answers_are_well_formed() {
    let playground = Playground::start();
    let usual = playground.said(&[("user", "Hello")]);
    for (body, content, has_refusal, finish) in [
        ("empty_answer", Some(""), false, "stop"),
        ("blank_answer", Some(" \n "), false, "stop"),
        ("null_answer", None, false, "stop"),
        ("refusal", None, true, "stop"),
        (
            "length",
            Some(&usual[..usual.len().div_ceil(2)]),
            false,
            "length",
        ),
        ("length_empty", Some(""), false, "length"),
        ("content_filter", Some(""), false, "content_filter"),
    ] {
        playground.fault(&json!({"service": "openai", "body": body}));
        let answer = hello(&playground);
        assert_eq!(answer.status, 200);
        let choice = &answer.json()["choices"][0];
        assert_eq!(choice["message"]["content"].as_str(), content, "{body}");
        assert_eq!(
            choice["message"]["refusal"].is_string(),
            has_refusal,
            "{body}"
        );
        assert_eq!(choice["finish_reason"], finish, "{body}");
    }
    playground.fault(&json!({"service": "openai", "body": "no_choices"}));
    assert_eq!(hello(&playground).json()["choices"], json!([]));
    playground.fault(&json!({"service": "openai", "body": "overlong"}));
    let overlong = hello(&playground).json()["choices"][0]["message"]["content"].clone();
    assert_eq!(overlong.as_str().unwrap().len(), 20_000);
}

#[test]
fn an_answer_without_text_costs_the_whole_token_limit() {
    let playground = Playground::start();
    let mut request = chat(&[("user", "Hello [fault body=length_empty]")]);
    request["max_completion_tokens"] = json!(1000);
    let usage = playground.complete(&request).json()["usage"].clone();
    assert_eq!(
        (
            &usage["completion_tokens"],
            &usage["completion_tokens_details"]["reasoning_tokens"]
        ),
        (&json!(1000), &json!(1000))
    );
}

#[test]
fn a_truncated_body_is_shorter_than_its_content_length() {
    let playground = Playground::start();
    playground.fault(&json!({"service": "openai", "body": "truncated"}));
    let (received, end) = playground.raw(&raw_chat("Hello"));
    assert!(end.is_ok(), "{end:?}");
    let received = String::from_utf8(received).unwrap();
    let (head, body) = received.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"));
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        !body.is_empty() && body.len() < length,
        "{} of {length}",
        body.len()
    );
    playground.fault(&json!({"service": "openai", "body": "truncated"}));
    assert!(
        playground
            .try_complete(&chat(&[("user", "Hello")]))
            .is_err()
    );
}

#[test]
fn a_truncated_stream_never_ends_properly() {
    let playground = Playground::start();
    playground.fault(&json!({"service": "openai", "body": "truncated"}));
    let mut request = chat(&[("user", "Hello")]);
    request["stream"] = json!(true);
    let body = request.to_string();
    let (received, _) = playground.raw(&format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let received = String::from_utf8(received).unwrap();
    assert!(received.contains("chat.completion.chunk"), "{received}");
    assert!(
        !received.contains("[DONE]") && !received.ends_with("0\r\n\r\n"),
        "{received}"
    );
}

#[test]
fn a_dropped_connection_is_reset_without_a_single_byte() {
    let playground = Playground::start();
    playground.fault(&json!({"service": "openai", "connection": "drop"}));
    let (received, end) = playground.raw(&raw_chat("Hello"));
    assert!(received.is_empty());
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(playground.requests()[0]["outcome"], "dropped");
    assert_eq!(hello(&playground).status, 200, "the server serves on");
}

#[test]
fn drop_skips_the_request_and_act_then_drop_carries_it_out() {
    let playground = Playground::start();
    let form = [("To", "+15550100"), ("From", "+15550199"), ("Body", "x")];
    playground.fault(&json!({"service": "twilio", "connection": "drop"}));
    assert!(playground.try_post_form(&messages_path(), &form).is_err());
    assert_eq!(playground.sent_messages().len(), 0);
    playground.fault(&json!({"service": "twilio", "connection": "act_then_drop", "delay_ms": 50}));
    assert!(playground.try_post_form(&messages_path(), &form).is_err());
    assert_eq!(playground.sent_messages().len(), 1);
    let found = playground
        .get(&format!("{}?To=%2B15550100", messages_path()))
        .json();
    assert_eq!(
        found["messages"].as_array().unwrap().len(),
        1,
        "a lookup finds it"
    );
}

#[test]
fn a_directive_applies_to_every_attempt_and_is_not_quoted() {
    let playground = Playground::start();
    for _ in 0..3 {
        let answer = playground.ask(&[("user", "Hi [fault status=503 retry-after=2]")]);
        assert_eq!((answer.status, answer.header("retry-after")), (503, "2"));
    }
    let conversation = [
        ("user", "Hi [fault status=503]"),
        ("assistant", "…"),
        ("user", "what did I say first? [fault delay=1ms]"),
    ];
    assert!(
        playground.said(&conversation).contains("\"Hi\""),
        "only the last message counts"
    );
    let (received, _) = playground.raw(&raw_chat("[fault connection=drop]"));
    assert!(received.is_empty());
    assert_eq!(
        playground.ask(&[("user", "[fault body=refusal]")]).json()["choices"][0]["message"]["content"],
        Value::Null
    );
    let passed_on = playground.said(&[("user", "Hi [fault service=twilio status=500]")]);
    assert!(
        passed_on.contains("[fault service=twilio status=500]"),
        "{passed_on}"
    );
    let rejected = playground.text_to("+15550100", &passed_on);
    assert_eq!(rejected.status, 500);
    assert_eq!(
        playground.text_to("+15550100", "[fault status=429]").json()["code"],
        20429
    );
}

#[test]
fn an_unreadable_directive_is_rejected_by_name() {
    let playground = Playground::start();
    let answer = playground.ask(&[("user", "Hi [fault colour=red]")]);
    assert_eq!(answer.status, 400);
    let message = answer.json()["error"]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(message.contains("[fault colour=red]"), "{message}");
    let answer = playground.text_to("+15550100", "Hi [fault status=none]");
    assert_eq!(answer.status, 400);
    assert!(
        answer.json()["message"]
            .as_str()
            .unwrap()
            .contains("status=none")
    );
}

#[test]
fn an_invalid_request_gets_its_own_error_and_uses_no_fault() {
    let playground = Playground::start();
    playground.fault(&json!({"service": "openai", "status": 503}));
    let mut defective = chat(&[("user", "Hello")]);
    defective["foo"] = json!(1);
    assert_eq!(playground.complete(&defective).status, 400);
    assert_eq!(hello(&playground).status, 503);
}
