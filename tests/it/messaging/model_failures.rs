//! The model fails, refuses or stops early: what the contact reads, and what is logged.
//!
//! Not here: a model that is slow (`outbox`).

use std::time::Duration;

use serde_json::Value;
use switchboard::platform::Clock;

use super::{admin, users};
use crate::support::{ANNA, Act, FakePlatform, SECOND, WITH_ADMIN, after, fresh_sid};

#[tokio::test(flavor = "local", start_paused = true)]
async fn each_failure_of_the_model_ends_in_one_apology_and_stays_out_of_the_conversation() {
    const QUOTA: &str = r#"{"error":{"message":"planted-error-text","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
    const APOLOGY: &str = "Sorry, I can't answer right now. Please try again in a few minutes.";
    let filtered = r#"{"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]}"#;
    let cases: [(Act, usize, &str, &str); 14] = [
        (Act::Drop, 3, "connection_failed", APOLOGY),
        (Act::Status(408, ""), 3, "busy", APOLOGY),
        (Act::Status(409, ""), 3, "busy", APOLOGY),
        (Act::Later("1"), 3, "busy", APOLOGY),
        (
            Act::Status(500, "planted-error-text"),
            3,
            "server_error",
            APOLOGY,
        ),
        (Act::Status(429, QUOTA), 1, "insufficient_quota", APOLOGY),
        (Act::Status(400, ""), 1, "rejected", APOLOGY),
        (Act::Status(401, ""), 1, "unauthorized", APOLOGY),
        (Act::Status(403, ""), 1, "unauthorized", APOLOGY),
        (Act::Status(404, ""), 1, "rejected", APOLOGY),
        (
            Act::Body(r#"{"choices":[{"message":{"content":null}}]}"#),
            1,
            "empty_answer",
            APOLOGY,
        ),
        (
            Act::Body("<html>planted-error-text</html>"),
            1,
            "unexpected_response",
            APOLOGY,
        ),
        (
            Act::Body(filtered),
            1,
            "content_filter",
            "Sorry, I can't help with that.",
        ),
        (after(70_000, Act::Say("too late")), 1, "timeout", APOLOGY),
    ];
    for (act, requests, failure, answer) in cases {
        let platform = FakePlatform::new();
        platform.model(vec![act.clone(); requests]);
        let by_webhook = platform.text(ANNA, "failing").await;
        platform.pass(Duration::from_secs(70)).await;
        let answers = [by_webhook, platform.sent()].concat();
        assert_eq!(answers, [answer], "{failure}");
        assert_eq!(platform.model_requests().len(), requests, "{failure}");
        let turn = &platform.events_named("turn")[0];
        assert_eq!(
            (turn["outcome"].as_str(), turn["failure"].as_str()),
            (Some("failed"), Some(failure))
        );
        assert!(!platform.log_text().contains("planted"));
        let mut state: Value = serde_json::from_str(&platform.stored(ANNA)["state"]).unwrap();
        // A copy of the message gets the same answer.
        state["answers"].take();
        assert!(
            !state.to_string().contains("Sorry") && !state.to_string().contains("failing"),
            "{failure}"
        );
        platform.kill(ANNA);
        platform.text(ANNA, "after").await;
        assert_eq!(
            users(platform.model_requests().last().unwrap()),
            ["after"],
            "{failure}"
        );
        assert!(platform.kv_values().is_empty(), "{failure}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_passing_failure_is_tried_again_and_the_answer_comes() {
    let platform = FakePlatform::new();
    platform.model([Act::Drop, Act::Later("3"), Act::Say("at last")]);
    let started = platform.now();
    assert_eq!(platform.text(ANNA, "Hello").await, ["at last"]);
    assert!(
        platform.now().since(started) >= 3 * SECOND,
        "Retry-After is honoured"
    );
    assert_eq!(platform.events_named("turn")[0]["model_requests"], 3);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_that_used_up_its_tokens_before_the_first_word_is_a_failure_of_its_own_and_its_tokens_are_counted()
 {
    const SENTENCE: &str =
        "Sorry, that was too much for one answer. Please ask something shorter or simpler.";
    const USED_UP: &str = r#"{"choices":[{"message":{"content":""},"finish_reason":"length"}],"usage":{"prompt_tokens":7,"completion_tokens":1000}}"#;
    let platform = FakePlatform::with(&[WITH_ADMIN]);
    platform.model([Act::Body(USED_UP)]);
    let sid = fresh_sid();
    assert_eq!(platform.message(ANNA, "Prove it", &sid).await, [SENTENCE]);
    assert_eq!(
        platform.message(ANNA, "Prove it", &sid).await,
        [SENTENCE],
        "a copy is told the same"
    );
    assert_eq!(
        platform.model_requests().len(),
        1,
        "to ask once more would cost as much and help as little"
    );

    let turn = &platform.events_named("turn")[0];
    assert_eq!(
        (turn["outcome"].as_str(), turn["failure"].as_str()),
        (Some("failed"), Some("token_limit"))
    );
    assert_eq!(
        (
            turn["prompt_tokens"].as_u64(),
            turn["completion_tokens"].as_u64()
        ),
        (Some(7), Some(1000))
    );
    platform.pass(61 * SECOND).await;
    let (_, usage) = admin(&platform, "GET", "/admin/usage").await;
    assert_eq!(
        usage["tokens"],
        serde_json::json!({ "prompt": 7, "completion": 1000 })
    );

    platform.kill(ANNA);
    platform.text(ANNA, "after").await;
    assert_eq!(
        users(platform.model_requests().last().unwrap()),
        ["after"],
        "it is no part of the conversation"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_failed_answer_is_logged_with_the_tokens_that_it_cost() {
    for (reason, failure) in [
        ("content_filter", "content_filter"),
        ("stop", "empty_answer"),
    ] {
        let body = format!(
            r#"{{"choices":[{{"message":{{"content":""}},"finish_reason":"{reason}"}}],"usage":{{"prompt_tokens":7,"completion_tokens":3}}}}"#
        );
        let body: &'static str = Box::leak(body.into_boxed_str());
        let platform = FakePlatform::new();
        platform.model([Act::Body(body)]);
        platform.text(ANNA, "Hello").await;
        let turn = &platform.events_named("turn")[0];
        assert_eq!(turn["failure"], failure);
        assert_eq!(
            (
                turn["prompt_tokens"].as_u64(),
                turn["completion_tokens"].as_u64()
            ),
            (Some(7), Some(3))
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_refusal_and_a_truncated_answer_are_answers() {
    let platform = FakePlatform::new();
    platform.model([
        Act::Body(r#"{"choices":[{"message":{"content":null,"refusal":"I won't."},"finish_reason":"stop"}]}"#),
        Act::Body(r#"{"choices":[{"message":{"content":"Once upon"},"finish_reason":"length"}]}"#),
    ]);
    assert_eq!(platform.text(ANNA, "one").await, ["I won't."]);
    assert_eq!(platform.text(ANNA, "two").await, ["Once upon..."]);
    let remarks: Vec<_> = platform
        .events_named("turn")
        .iter()
        .map(|turn| (turn["outcome"].clone(), turn["failure"].clone()))
        .collect();
    assert_eq!(
        remarks,
        [
            ("answered".into(), "refusal".into()),
            ("answered".into(), "length".into())
        ]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_in_the_form_of_another_server_reaches_the_contact_and_the_conversation_without_thoughts()
 {
    let bodies = [
        r#"{"choices":[{"message":{"content":"<think>\nplanted thought\n</think>\n\nHi!"}}],"usage":{"prompt_tokens":null,"completion_tokens":10.5}}"#,
        r#"{"choices":[{"message":{"content":"planted thought\n</think>\n\nHi!"}}],"usage":-35}"#,
        r#"{"choices":[{"message":{"content":"<|channel|>analysis<|message|>planted thought<|end|><|start|>assistant<|channel|>final<|message|>Hi!"}}]}"#,
        r#"{"choices":[{"message":{"reasoning_content":"planted thought","content":[{"type":"thinking","thinking":"planted thought"},{"type":"text","text":"Hi!"}]}}]}"#,
        "\u{FEFF}: OPENROUTER PROCESSING\n\n{\"choices\":[{\"message\":{\"content\":\"Hi!\"}}]}\n\ndata: [DONE]\n",
        "data: {\"choices\":[{\"delta\":{\"reasoning\":\"planted thought\",\"content\":\"Hi\"}}]}\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"!\"},\"finish_reason\":\"stop\"}]}\r\n\r\n",
    ];
    for body in bodies {
        let platform = FakePlatform::new();
        platform.model([Act::Body(body), Act::Say("Bye!")]);
        assert_eq!(platform.text(ANNA, "Hello").await, ["Hi!"], "{body}");
        let turn = &platform.events_named("turn")[0];
        assert_eq!(turn["outcome"], "answered");
        assert_eq!(
            (&turn["failure"], &turn["response"]),
            (&Value::Null, &Value::Null)
        );
        platform.text(ANNA, "And now?").await;
        let asked = platform.model_requests().last().unwrap()["messages"].clone();
        assert_eq!(asked[2]["content"], "Hi!", "{body}");
        let kept = [platform.kv_values().join(""), platform.log_text()].concat();
        assert!(!kept.contains("planted") && !asked.to_string().contains("planted"));
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_error_inside_a_200_is_tried_again_and_nothing_of_it_is_sent() {
    let platform = FakePlatform::new();
    platform.model([
        Act::Body(r#"{"error":{"code":502,"message":"Provider returned error"}}"#),
        Act::Body(r#"{"choices":[{"message":{"content":"We open at"},"finish_reason":"error"}]}"#),
        Act::Say("We open at 9."),
    ]);
    assert_eq!(platform.text(ANNA, "When?").await, ["We open at 9."]);
    assert_eq!(platform.events_named("turn")[0]["model_requests"], 3);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_log_says_in_a_word_what_a_response_was_that_is_not_understood() {
    for (body, failure, response) in [
        ("", "unexpected_response", "empty_body"),
        ("<html>planted</html>", "unexpected_response", "html"),
        ("planted", "unexpected_response", "not_json"),
        (r#"{"planted":1}"#, "unexpected_response", "no_choices"),
        (r#"{"choices":[]}"#, "empty_answer", "no_choices"),
        (
            r#"{"choices":[{"message":{"content":5}}]}"#,
            "unexpected_response",
            "no_text",
        ),
        (
            "data: {\"choices\":[{\"delta\":{\"content\":\"planted\"}}]}\n\n",
            "unexpected_response",
            "streamed",
        ),
    ] {
        let platform = FakePlatform::new();
        platform.model([Act::Body(body)]);
        platform.text(ANNA, "Hello").await;
        let turn = &platform.events_named("turn")[0];
        assert_eq!(
            (&turn["failure"], &turn["response"]),
            (&failure.into(), &response.into())
        );
        assert_eq!(turn["model_requests"], 1, "{body}");
        assert!(!platform.log_text().contains("planted"), "{body}");
    }
}
