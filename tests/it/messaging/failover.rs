//! Several endpoints: which is asked when, for how long, with which headers, and what is logged.
//!
//! Not here: the settings (`src/config/`), and random faults (`simulation`).

use std::time::Duration;

use serde_json::json;
use switchboard::platform::HttpRequest;

use super::users;
use crate::support::{
    ANNA, Act, FakePlatform, Incoming, SECOND, after, fresh_sid, texts, with_media,
};

const FIRST: &str = "api.openai.com";
const SECOND_HOST: &str = "second.example";
const THIRD_HOST: &str = "third.example";
const APOLOGY: &str = "Sorry, I can't answer right now. Please try again in a few minutes.";
const TWO: &str =
    r#"[{"base_url":"https://second.example/v1","model":"llama","key":"SECOND_KEY"}]"#;
const THREE: &str = r#"[{"base_url":"https://second.example/v1","model":"llama","key":"SECOND_KEY"},{"base_url":"https://third.example/api/v1/","model":"mistral","key":"THIRD_KEY","reasoning_effort":"low","omit_fields":["stream","max_completion_tokens"],"headers":"THIRD_HEADERS"}]"#;

fn with(fallbacks: &str) -> FakePlatform {
    with_too(fallbacks, &[])
}

fn with_too(fallbacks: &str, settings: &[(&str, &str)]) -> FakePlatform {
    let keys = [
        ("OPENAI_FALLBACKS", fallbacks),
        ("SECOND_KEY", "second-planted-key"),
        ("THIRD_KEY", "third-planted-key"),
        ("THIRD_HEADERS", r#"{"X-Title":"planted-title"}"#),
    ];
    FakePlatform::with(&[&keys[..], settings].concat())
}

fn header<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    let mut headers = request.headers.iter();
    let found = headers.find(|(other, _)| other.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_next_endpoint_answers_when_one_fails_and_the_log_says_which() {
    let cases = [
        (Act::Drop, "connection_failed"),
        (Act::Status(500, ""), "server_error"),
        (Act::Status(503, "<html>"), "server_error"),
        (Act::Status(429, ""), "busy"),
        (Act::Later("30"), "busy"),
        (Act::Status(408, ""), "busy"),
        (Act::Status(402, ""), "insufficient_quota"),
        (
            Act::Status(429, r#"{"error":{"code":"insufficient_quota"}}"#),
            "insufficient_quota",
        ),
        (
            Act::Status(429, r#"{"error":{"code":"billing_not_active"}}"#),
            "insufficient_quota",
        ),
        (Act::Status(401, ""), "unauthorized"),
        (Act::Status(403, ""), "unauthorized"),
        (
            Act::Status(404, r#"{"error":{"code":"model_not_found"}}"#),
            "model_not_found",
        ),
        (Act::Status(404, ""), "rejected"),
        (Act::Body("<html>"), "unexpected_response"),
    ];
    for (act, reason) in cases {
        let platform = with(TWO);
        platform.model([act, Act::Say("from the second")]);
        let started = platform.started();
        assert_eq!(platform.text(ANNA, "Hello").await, ["from the second"]);
        assert_eq!(platform.hosts_asked(), [FIRST, SECOND_HOST], "{reason}");
        let (at, _) = platform.model_calls()[1];
        assert!(
            at.since(started) < SECOND,
            "at once, without a wait: {reason}"
        );
        assert_eq!(platform.budget_used().await, 2, "each request is reserved");
        let failed = &platform.events_named("endpoint_failed");
        assert_eq!(failed.len(), 1);
        assert_eq!(
            (failed[0]["endpoint"].as_u64(), failed[0]["reason"].as_str()),
            (Some(0), Some(reason))
        );
        let turn = &platform.events_named("turn")[0];
        assert_eq!(
            (
                turn["outcome"].as_str(),
                turn["endpoint"].as_u64(),
                turn["model_requests"].as_u64(),
                turn["failure"].as_str()
            ),
            (Some("answered"), Some(1), Some(2), None)
        );
        assert!(!platform.log_text().contains("planted"));
        platform.pass(SECOND).await;
        platform.text(ANNA, "after").await;
        assert_eq!(
            users(platform.model_requests().last().unwrap()),
            ["Hello", "after"],
            "the conversation goes on"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_no_other_endpoint_may_or_can_mend_is_asked_nowhere_else() {
    let cases = [
        (Act::Status(400, ""), "rejected"),
        (
            Act::Status(400, r#"{"error":{"code":"content_filter"}}"#),
            "content_filter",
        ),
        (
            Act::Body(
                r#"{"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]}"#,
            ),
            "content_filter",
        ),
        (
            Act::Body(r#"{"choices":[{"message":{"content":""},"finish_reason":"length"}]}"#),
            "token_limit",
        ),
    ];
    for (act, failure) in cases {
        let platform = with(TWO);
        platform.model([act]);
        platform.text(ANNA, "Hello").await;
        assert_eq!(platform.hosts_asked(), [FIRST], "{failure}");
        assert_eq!(platform.events_named("turn")[0]["failure"], failure);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn each_endpoint_has_its_own_model_key_fields_and_headers() {
    let platform = with_too(
        THREE,
        &[(
            "OPENAI_EXTRA_HEADERS",
            r#"{"cf-aig-authorization":"Bearer planted-gateway"}"#,
        )],
    );
    platform.model([Act::Drop, Act::Status(500, ""), Act::Say("third")]);
    assert_eq!(platform.text(ANNA, "Hello").await, ["third"]);
    let calls = platform.model_calls();
    let urls: Vec<_> = calls.iter().map(|(_, call)| call.url.as_str()).collect();
    assert_eq!(
        urls,
        [
            "https://api.openai.com/v1/chat/completions",
            "https://second.example/v1/chat/completions",
            "https://third.example/api/v1/chat/completions"
        ]
    );
    let bodies: Vec<_> = platform
        .model_requests()
        .into_iter()
        .map(|mut body| {
            body.as_object_mut().unwrap().remove("messages");
            body
        })
        .collect();
    assert_eq!(bodies[0]["reasoning_effort"], "none");
    assert!(bodies[0]["safety_identifier"].is_string());
    assert_eq!(
        bodies[1],
        json!({ "model": "llama", "max_completion_tokens": 1000, "stream": false }),
        "only OpenAI gets the pseudonym"
    );
    assert_eq!(
        bodies[2],
        json!({ "model": "mistral", "reasoning_effort": "low", "max_tokens": 1000 })
    );
    let of = |name| -> Vec<_> { calls.iter().map(|(_, call)| header(call, name)).collect() };
    assert_eq!(
        of("Authorization"),
        [
            Some("Bearer sk-test-planted-key"),
            Some("Bearer second-planted-key"),
            Some("Bearer third-planted-key")
        ]
    );
    assert_eq!(
        of("cf-aig-authorization"),
        [Some("Bearer planted-gateway"), None, None],
        "a gateway's token goes to nobody else"
    );
    assert_eq!(of("X-Title"), [None, None, Some("planted-title")]);
    assert!(!platform.log_text().contains("planted"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_authorization_of_the_operator_replaces_ours() {
    let headers = r#"{"authorization":"Basic planted","api-key":"planted-azure"}"#;
    let platform = FakePlatform::with(&[("OPENAI_EXTRA_HEADERS", headers)]);
    platform.text(ANNA, "Hello").await;
    let (_, call) = &platform.model_calls()[0];
    assert_eq!(header(call, "Authorization"), Some("Basic planted"));
    assert_eq!(header(call, "api-key"), Some("planted-azure"));
    let names = call.headers.iter().map(|(name, _)| name.to_lowercase());
    assert_eq!(names.filter(|name| name == "authorization").count(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_endpoint_that_hangs_leaves_time_for_the_next_and_all_stay_within_the_time() {
    let platform = with(TWO);
    platform.model([
        after(600_000, Act::Say("never")),
        Act::Say("from the second"),
    ]);
    assert!(
        platform.text(ANNA, "Hello").await.is_empty(),
        "it comes by REST"
    );
    platform.pass(35 * SECOND).await;
    assert_eq!(platform.sent(), ["from the second"]);
    let calls = platform.model_calls();
    let waited = calls[1].0.since(calls[0].0);
    assert!(
        waited > 29 * SECOND && waited < 31 * SECOND,
        "half of OPENAI_TIMEOUT_MS: {waited:?}"
    );
    assert_eq!(
        platform.events_named("endpoint_failed")[0]["reason"],
        "timeout"
    );

    let platform = with(THREE);
    platform.model(vec![after(600_000, Act::Say("never")); 5]);
    platform.text(ANNA, "Hello").await;
    platform.pass(62 * SECOND).await;
    assert_eq!(platform.sent(), [APOLOGY]);
    assert_eq!(platform.hosts_asked(), [FIRST, SECOND_HOST, THIRD_HOST]);
    let turn = &platform.events_named("turn")[0];
    assert_eq!(turn["failure"], "timeout");
    let model_ms = turn["model_ms"].as_u64().unwrap();
    assert!((59_000..=60_500).contains(&model_ms), "{model_ms} ms");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_endpoint_that_failed_is_asked_last_for_a_minute_by_every_object_of_the_isolate() {
    let platform = with(TWO);
    platform.model([Act::Status(503, "")]);
    platform.text(ANNA, "one").await;
    platform.kill(ANNA);
    platform.text(ANNA, "two").await;
    assert_eq!(platform.hosts_asked(), [FIRST, SECOND_HOST, SECOND_HOST]);
    assert_eq!(platform.events_named("turn")[1]["endpoint"], 1);
    platform.model([Act::Status(500, "")]);
    platform.text(ANNA, "three").await;
    assert_eq!(
        platform.hosts_asked()[3..],
        [SECOND_HOST, FIRST],
        "it is still asked, if the other one fails"
    );
    platform.pass(Duration::from_secs(61)).await;
    platform.text(ANNA, "four").await;
    assert_eq!(platform.hosts_asked()[5..], [FIRST]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn retries_come_when_all_were_asked_and_where_the_error_may_pass() {
    let platform = with(TWO);
    platform.model([
        Act::Status(503, ""),
        Act::Status(401, ""),
        Act::Drop,
        Act::Say("at last"),
    ]);
    assert_eq!(platform.text(ANNA, "Hello").await, ["at last"]);
    assert_eq!(
        platform.hosts_asked(),
        [FIRST, SECOND_HOST, FIRST, FIRST],
        "a wrong key stays wrong"
    );
    let platform = with(TWO);
    platform.model(vec![Act::Status(503, ""); 9]);
    assert_eq!(platform.text(ANNA, "Hello").await, [APOLOGY]);
    assert_eq!(
        platform.hosts_asked(),
        [FIRST, SECOND_HOST, FIRST, SECOND_HOST],
        "two retries in all"
    );
    assert_eq!(platform.budget_used().await, 4);
    let turn = &platform.events_named("turn")[0];
    assert_eq!(
        (turn["failure"].as_str(), turn["endpoint"].as_u64()),
        (Some("server_error"), None)
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_fallback_is_not_asked_when_no_request_is_left() {
    let platform = with_too(TWO, &[("MAX_DAILY_CALLS", "1")]);
    platform.model([Act::Drop]);
    let sentence = "Sorry, I can't take more questions today. Please try again tomorrow.";
    assert_eq!(platform.text(ANNA, "Hello").await, [sentence]);
    assert_eq!(platform.hosts_asked(), [FIRST]);
    let platform = with_too(TWO, &[("MAX_DAILY_CALLS_PER_CONTACT", "1")]);
    platform.model([Act::Drop]);
    assert_eq!(platform.text(ANNA, "Hello").await, [APOLOGY]);
    assert_eq!(platform.hosts_asked(), [FIRST]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_endpoint_with_eyes_is_asked_for_images_and_first_the_next_time() {
    const NO_IMAGES: Act = Act::Status(
        400,
        r#"{"error":{"message":"This model does not support image input"}}"#,
    );
    let platform = with(TWO);
    let image = || with_media(ANNA, "See", &fresh_sid(), &["image/jpeg"]);
    platform.model([NO_IMAGES]);
    let response = platform.post(&image()).await;
    assert_eq!(
        texts(&response.body),
        ["answer to See\n[1 picture] and 1 pictures"]
    );
    platform.pass(SECOND).await;
    platform.post(&image()).await;
    platform.pass(SECOND).await;
    platform.text(ANNA, "Thanks").await;
    assert_eq!(
        platform.hosts_asked(),
        [FIRST, SECOND_HOST, SECOND_HOST, FIRST],
        "texts go to the first one still"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_secret_that_a_fallback_names_and_nobody_set_is_named_by_health() {
    let platform = with_too(TWO, &[]);
    assert_eq!(
        platform
            .handle(&mut Incoming::new("GET", "/health"))
            .await
            .status,
        200
    );
    let platform = FakePlatform::with(&[("OPENAI_FALLBACKS", TWO)]);
    let health = platform.handle(&mut Incoming::new("GET", "/health")).await;
    assert_eq!(health.status, 503);
    assert!(health.body.contains("\"SECOND_KEY\""), "{}", health.body);
    assert!(!health.body.contains("second.example"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_model_without_a_system_role_gets_the_prompt_before_the_first_message() {
    let roles = |request: &serde_json::Value| -> Vec<String> {
        let messages = request["messages"].as_array().unwrap();
        let said = |message: &serde_json::Value| message["role"].as_str().unwrap().to_owned();
        messages.iter().map(said).collect()
    };
    for (role, first) in [("system", "system"), ("developer", "developer")] {
        let platform = FakePlatform::with(&[("OPENAI_SYSTEM_ROLE", role)]);
        platform.text(ANNA, "Hello").await;
        assert_eq!(roles(&platform.model_requests()[0]), [first, "user"]);
    }
    let platform = FakePlatform::with(&[
        ("OPENAI_SYSTEM_ROLE", "user"),
        ("ASSISTANT_PROMPT", "Be kind."),
    ]);
    platform.model([Act::Say("A gull."), Act::Say("Another.")]);
    let image = with_media(ANNA, "See", &fresh_sid(), &["image/jpeg"]);
    platform.post(&image).await;
    platform.pass(SECOND).await;
    platform.text(ANNA, "And now?").await;
    let requests = platform.model_requests();
    assert_eq!(
        requests[0]["messages"][0]["content"][0]["text"],
        "Be kind.\n\nSee\n[1 picture]"
    );
    assert_eq!(roles(&requests[1]), ["user", "assistant", "user"]);
    assert_eq!(
        users(&requests[1]),
        ["Be kind.\n\nSee\n[1 picture]", "And now?"]
    );
    platform.pass(7 * SECOND).await;
    let kept = format!("{:?}{:?}", platform.kv_values(), platform.stored(ANNA));
    assert!(
        !kept.contains("Be kind."),
        "the prompt is no part of what is kept"
    );
}
