//! The request log, the sent messages and the printed lines, which never contain a credential.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{KEY, Playground, TOKENS, basic, messages_path, raw_chat, wait_until};

#[test]
fn all_requests_are_kept_in_order_without_credentials() {
    let playground = Playground::start();
    playground.ask(&[("user", "Hello")]);
    playground.create(&[
        ("To", "+15550100"),
        ("From", "+15550199"),
        ("MediaUrl", "https://example.com/a"),
        ("MediaUrl", "https://example.com/b"),
    ]);
    playground.send(
        "GET",
        "/v1/odd?a=b",
        &[("authorization", "Bearer wrong-key")],
        b"",
    );
    let requests = playground.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0]["service"], "openai");
    assert_eq!(requests[0]["method"], "POST");
    assert_eq!(requests[0]["path"], "/v1/chat/completions");
    assert_eq!(requests[0]["body"]["messages"][0]["content"], "Hello");
    assert_eq!(requests[0]["headers"]["content-type"], "application/json");
    assert_eq!(
        (
            requests[0]["outcome"].clone(),
            requests[0]["status"].clone()
        ),
        (json!("answered"), json!(200))
    );
    assert_eq!(requests[0]["authorized"], true);
    assert!(requests[0]["received_at"].as_u64().unwrap() > 1_700_000_000_000);
    assert_eq!(requests[1]["body"]["To"], "+15550100");
    assert_eq!(
        requests[1]["body"]["MediaUrl"],
        json!(["https://example.com/a", "https://example.com/b"])
    );
    assert_eq!(requests[1]["token_index"], 0);
    assert_eq!(
        (
            requests[2]["query"].clone(),
            requests[2]["authorized"].clone()
        ),
        (json!("a=b"), json!(false))
    );
    let all = playground.control("GET", "requests", &Value::Null).text();
    let encoded = basic(crate::harness::ACCOUNT, TOKENS[0]);
    for secret in [
        KEY,
        TOKENS[0],
        TOKENS[1],
        "wrong-key",
        encoded.trim_start_matches("Basic "),
    ] {
        assert!(!all.contains(secret), "{secret} is shown");
    }
    playground.control("DELETE", "requests", &Value::Null);
    assert!(playground.requests().is_empty());
}

#[test]
fn a_client_that_goes_away_is_logged() {
    let playground = Playground::start();
    playground.fault(&json!({"service": "openai", "delay_ms": 20_000}));
    let mut stream = TcpStream::connect(("127.0.0.1", playground.port)).unwrap();
    stream.write_all(raw_chat("Hello").as_bytes()).unwrap();
    let outcome = || {
        playground
            .requests()
            .first()
            .map(|request| request["outcome"].clone())
    };
    wait_until("the request has come in", || {
        outcome() == Some(json!("pending"))
    });
    drop(stream);
    wait_until("the caller is missed", || {
        outcome() == Some(json!("client_gone"))
    });
}

#[test]
fn sent_messages_are_listed_with_their_parameters_since_a_time() {
    let playground = Playground::start();
    playground.text_to("+15550100", "one");
    // Those that are created within a second arrive in another order.
    std::thread::sleep(Duration::from_millis(1100));
    let second = playground.create(&[
        ("To", "+15550100"),
        ("From", "+15550199"),
        ("Body", "two"),
        ("Attempt", "1"),
    ]);
    assert_eq!(second.status, 201);
    let messages = playground.sent_messages();
    assert_eq!(
        (messages.len(), messages[0]["body"].clone()),
        (2, json!("one"))
    );
    assert_eq!(messages[1]["parameters"]["Attempt"], "1");
    let since = messages[1]["received_at"].as_u64().unwrap();
    let newer = playground
        .control("GET", &format!("messages?since={since}"), &Value::Null)
        .json();
    assert_eq!(newer["messages"].as_array().unwrap().len(), 1);
    for query in ["since=now", "before=1"] {
        assert_eq!(
            playground
                .control("GET", &format!("messages?{query}"), &Value::Null)
                .status,
            400
        );
    }
}

#[test]
fn each_request_prints_one_line_and_control_requests_none() {
    let mut playground = Playground::start_with(&[]);
    playground.control("GET", "faults", &Value::Null);
    playground.ask(&[("user", "Hello [fault status=503]")]);
    let line = playground.line();
    assert!(
        line.starts_with("openai POST /v1/chat/completions 503 in "),
        "{line}"
    );
    assert!(line.ends_with("ms (fault: status 503)"), "{line}");
    playground.text_to("+15550100", "x");
    let line = playground.line();
    assert!(
        line.starts_with(&format!("twilio POST {} 201 in ", messages_path())),
        "{line}"
    );
}
