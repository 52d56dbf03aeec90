//! The answers of servers that are compatible with OpenAI: each fault sends what such a server sends.

use std::io::{Read, Write};

use serde_json::{Value, json};

use crate::harness::{Answer, KEY, Playground, chat};

const TEXT: &str = "Nice to hear from you! You said: \"Hello\" (message 1 of our conversation)";

fn answered(playground: &Playground, body: &str) -> Answer {
    playground.fault(&json!({"service": "openai", "body": body}));
    let answer = playground.ask(&[("user", "Hello")]);
    assert_eq!(answer.status, 200, "{body}");
    answer
}

#[test]
fn the_form_of_the_answer_differs() {
    let playground = Playground::start();
    let choice = |body: &str| answered(&playground, body).json()["choices"][0].clone();
    let content = |body: &str| choice(body)["message"]["content"].clone();

    let parts = content("parts");
    assert_eq!(parts[0]["type"], "thinking");
    let said = |part: &Value| part["text"].as_str().unwrap().to_owned();
    assert_eq!(said(&parts[1]) + &said(&parts[2]), TEXT);
    assert_eq!(content("refusal_parts")[0]["type"], "refusal");

    let thoughts = content("thoughts");
    let thoughts = thoughts.as_str().unwrap();
    assert!(thoughts.starts_with("<think>\n") && thoughts.ends_with(TEXT));
    let bare = content("bare_thoughts");
    assert!(bare.as_str().unwrap().contains("\n</think>\n\nNice"));
    let cut = choice("only_thoughts");
    assert_eq!(cut["finish_reason"], "length");
    assert!(!cut["message"]["content"].as_str().unwrap().contains("Nice"));
    let channels = content("channels");
    assert!(
        channels
            .as_str()
            .unwrap()
            .starts_with("<|channel|>analysis<|message|>")
    );

    assert_eq!(choice("odd_fields")["index"], "0");
    let usage = answered(&playground, "odd_usage").json()["usage"].clone();
    assert_eq!(usage["completion_tokens"], 10.5);
}

#[test]
fn an_error_comes_with_the_status_200() {
    let playground = Playground::start();
    for (body, code) in [("error_in_200", 502), ("rate_limit_in_200", 429)] {
        let answer = answered(&playground, body).json();
        assert_eq!(answer["error"]["code"], code);
        assert_eq!(answer["choices"], Value::Null);
    }
    for body in ["error_in_choice", "finish_error"] {
        let choice = answered(&playground, body).json()["choices"][0].clone();
        let half = choice["message"]["content"].as_str().unwrap().to_owned();
        assert!(TEXT.starts_with(&half) && half.len() < TEXT.len());
        let stated = [&choice["error"]["code"], &choice["finish_reason"]];
        assert!(stated.contains(&&json!(502)) || stated.contains(&&json!("error")));
    }
}

#[test]
fn the_bytes_of_the_answer_differ() {
    let playground = Playground::start();
    let bytes = |body: &str| answered(&playground, body).body;
    assert!(bytes("bom").starts_with("\u{FEFF}{".as_bytes()));
    let surrogate = String::from_utf8(bytes("surrogate")).unwrap();
    assert!(surrogate.contains(r" \ud83d"), "{surrogate}");
    assert!(String::from_utf8(bytes("invalid_utf8")).is_err());
    let comments = String::from_utf8(bytes("comments")).unwrap();
    assert!(comments.starts_with(": OPENROUTER PROCESSING\n\n"));
    assert!(comments.ends_with("}\n\ndata: [DONE]\n\n"));
    assert!(bytes("html").starts_with(b"<html>"));
}

#[test]
fn a_stream_comes_that_nobody_asked_for() {
    let playground = Playground::start();
    let streamed = |body: &str| {
        let answer = answered(&playground, body);
        assert!(
            answer
                .header("content-type")
                .starts_with("text/event-stream")
        );
        String::from_utf8(answer.body).unwrap()
    };
    let whole = streamed("stream");
    assert!(whole.ends_with("data: [DONE]\n\n") && whole.contains("\"usage\":{"));
    let cut = streamed("stream_cut");
    assert!(whole.len() > cut.len() && !cut.contains("[DONE]") && !cut.contains("\"stop\""));
    let failed = streamed("stream_error");
    assert!(failed.contains("\"finish_reason\":\"error\"") && !failed.contains("\"stop\""));
}

#[test]
fn a_stream_that_was_asked_for_has_the_faults_of_a_stream() {
    let playground = Playground::start();
    let streamed = |body: &str| {
        playground.fault(&json!({"service": "openai", "body": body}));
        let mut request = chat(&[("user", "Hello there, how are you?")]);
        request["stream"] = json!(true);
        let started = std::time::Instant::now();
        let answer = playground.complete(&request);
        let text = String::from_utf8(answer.body).unwrap();
        (text, started.elapsed())
    };
    let (cut, _) = streamed("stream_cut");
    assert!(cut.contains("\"role\":\"assistant\"") && !cut.contains("[DONE]"));
    let (failed, _) = streamed("stream_error");
    assert!(failed.contains("\"code\":502") && failed.contains("Nice"));
    let (thoughts, _) = streamed("thoughts");
    assert!(thoughts.contains("<think>") && thoughts.ends_with("data: [DONE]\n\n"));
    let (late, took) = streamed("stream_late");
    assert!(late.ends_with("data: [DONE]\n\n") && took.as_secs() >= 4);
    let (slow, took) = streamed("stream_slow");
    let events = u32::try_from(slow.matches("data: ").count()).unwrap();
    assert!(took >= std::time::Duration::from_millis(200) * (events - 1));
}

#[test]
fn a_stream_that_stalls_ends_when_the_client_leaves() {
    let playground = Playground::start();
    playground.fault(&json!({"service": "openai", "body": "stream_stall"}));
    let body = json!({"model": "gpt-6-luna", "stream": true, "messages": [{"role": "user", "content": "Hello"}]});
    let body = body.to_string();
    let mut socket = std::net::TcpStream::connect(("127.0.0.1", playground.port)).unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(head.as_bytes()).unwrap();
    let pause = std::time::Duration::from_millis(300);
    socket.set_read_timeout(Some(pause)).unwrap();
    let mut received = Vec::new();
    let end = socket.read_to_end(&mut received).unwrap_err();
    assert_eq!(end.kind(), std::io::ErrorKind::WouldBlock, "it has no end");
    let received = String::from_utf8(received).unwrap();
    assert!(received.contains("\"role\":\"assistant\"") && !received.contains("stop"));
    drop(socket);
    assert_eq!(playground.ask(&[("user", "Hello")]).status, 200);
}
