//! A 4xx that names its cause: what is asked again and how, what a contact reads, and what is logged.
//!
//! Not here: other endpoints (`failover`), and the wordings of endpoints (`src/openai/error`).

use serde_json::Value;

use super::users;
use crate::support::{ANNA, Act, BEN, FakePlatform, SECOND, after, fresh_sid, texts, with_media};

const NO_COMPLETION_TOKENS: Act = Act::Status(
    400,
    r#"{"error":{"message":"Unsupported parameter: 'max_completion_tokens' is not supported with this model. Use 'max_tokens' instead. planted-text","type":"invalid_request_error","param":"max_completion_tokens","code":"unsupported_parameter"}}"#,
);
const NO_TOKENS: Act = Act::Status(
    400,
    r#"{"error":{"message":"Unrecognized request argument supplied: max_tokens","type":"invalid_request_error","param":null,"code":null}}"#,
);
const TWO_EXTRA: Act = Act::Status(
    422,
    r#"{"detail":[{"type":"extra_forbidden","loc":["body","safety_identifier"],"msg":"Extra inputs are not permitted","input":"ab"},{"type":"extra_forbidden","loc":["body","prompt_cache_key"],"msg":"Extra inputs are not permitted","input":"ab"}]}"#,
);
const TOO_LONG: Act = Act::Status(
    400,
    r#"{"error":{"message":"This model's maximum context length is 4097 tokens. planted-text","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
);
const NO_IMAGES: Act = Act::Status(
    400,
    r#"{"error":{"message":"Invalid content type. image_url is only supported by certain models.","type":"invalid_request_error"}}"#,
);
const APOLOGY: &str = "Sorry, I can't answer right now. Please try again in a few minutes.";

/// The names of a request's fields beside the model and the messages.
fn fields(request: &Value) -> Vec<&str> {
    let names = request.as_object().unwrap().keys().map(String::as_str);
    names
        .filter(|name| !["model", "messages"].contains(name))
        .collect()
}

/// The fields that were left out, by the log.
fn omitted(platform: &FakePlatform) -> Vec<String> {
    let events = platform.events_named("field_omitted");
    let field = |event: &Value| event["field"].as_str().unwrap().to_owned();
    events.iter().map(field).collect()
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_field_that_the_endpoint_does_not_know_is_left_out_and_the_isolate_remembers_it() {
    let platform = FakePlatform::new();
    platform.model([NO_COMPLETION_TOKENS, Act::Say("at once")]);
    assert_eq!(platform.text(ANNA, "Hello").await, ["at once"]);
    let requests = platform.model_requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0]["max_completion_tokens"], 1000);
    assert_eq!(requests[1]["max_tokens"], 1000, "by its older name");
    assert!(!fields(&requests[1]).contains(&"max_completion_tokens"));
    assert_eq!(platform.budget_used().await, 2, "each request is reserved");
    assert_eq!(omitted(&platform), ["max_completion_tokens"]);
    let turn = &platform.events_named("turn")[0];
    assert_eq!(
        (turn["outcome"].as_str(), turn["failure"].as_str()),
        (Some("answered"), None)
    );
    assert_eq!(
        (turn["model_requests"].as_u64(), turn["endpoint"].as_u64()),
        (Some(2), Some(0))
    );
    assert!(!platform.log_text().contains("planted"));

    // Another contact's object, and the same one after it has vanished.
    platform.kill(ANNA);
    platform.text(ANNA, "Again").await;
    platform.text(BEN, "And me").await;
    let requests = platform.model_requests();
    assert_eq!(requests.len(), 4, "one request for each");
    for request in &requests[2..] {
        assert_eq!(fields(request), fields(&requests[1]));
    }
    assert_eq!(omitted(&platform).len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_token_limit_is_left_out_by_either_name_when_the_endpoint_knows_neither() {
    let platform = FakePlatform::new();
    platform.model([NO_COMPLETION_TOKENS, NO_TOKENS, Act::Say("at once")]);
    assert_eq!(platform.text(ANNA, "Hello").await, ["at once"]);
    let requests = platform.model_requests();
    let last = fields(&requests[2]);
    assert!(!last.contains(&"max_tokens") && !last.contains(&"max_completion_tokens"));
    assert_eq!(omitted(&platform), ["max_completion_tokens", "max_tokens"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn all_fields_that_one_error_names_are_left_out_together() {
    let platform = FakePlatform::new();
    platform.model([TWO_EXTRA, Act::Say("at once")]);
    assert_eq!(platform.text(ANNA, "Hello").await, ["at once"]);
    assert_eq!(
        omitted(&platform),
        ["safety_identifier", "prompt_cache_key"]
    );
    assert_eq!(
        fields(&platform.model_requests()[1]),
        ["max_completion_tokens", "reasoning_effort", "stream"]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_field_is_remembered_only_if_leaving_it_out_has_helped() {
    let platform = FakePlatform::new();
    platform.model([TWO_EXTRA, Act::Status(400, "")]);
    assert_eq!(platform.text(ANNA, "Hello").await, [APOLOGY]);
    platform.text(ANNA, "Again").await;
    let requests = platform.model_requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(fields(&requests[2]), fields(&requests[0]));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_endpoint_that_refuses_every_field_is_asked_a_few_times_and_no_more() {
    let refusals = [
        "reasoning_effort",
        "max_completion_tokens",
        "max_tokens",
        "safety_identifier",
        "prompt_cache_key",
        "stream",
    ]
    .map(|field| {
        let body = serde_json::json!({ "error": { "param": field, "code": "unknown_parameter" } });
        Act::Status(400, Box::leak(body.to_string().into_boxed_str()))
    });
    let platform = FakePlatform::new();
    platform.model(refusals);
    assert_eq!(platform.text(ANNA, "Hello").await, [APOLOGY]);
    assert_eq!(platform.model_requests().len(), 5);
    let turn = &platform.events_named("turn")[0];
    assert_eq!(turn["failure"], "unsupported_field");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_field_that_was_not_sent_is_no_reason_to_ask_again() {
    let platform = FakePlatform::with(&[
        ("OPENAI_BASE_URL", "https://models.example/v1"),
        ("OPENAI_REASONING_EFFORT", ""),
    ]);
    let body = r#"{"error":{"message":"Unrecognized request argument supplied: user"}}"#;
    platform.model([Act::Status(400, body), TWO_EXTRA]);
    for text in ["one", "two"] {
        assert_eq!(platform.text(ANNA, text).await, [APOLOGY]);
    }
    assert_eq!(platform.model_requests().len(), 2);
    assert_eq!(platform.events_named("turn")[1]["failure"], "rejected");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_setting_says_from_the_start_which_fields_are_left_out() {
    let platform = FakePlatform::with(&[(
        "OPENAI_OMIT_FIELDS",
        "max_completion_tokens, reasoning_effort,stream",
    )]);
    platform.text(ANNA, "Hello").await;
    assert_eq!(
        fields(&platform.model_requests()[0]),
        ["max_tokens", "prompt_cache_key", "safety_identifier"]
    );
    let platform =
        FakePlatform::with(&[("OPENAI_OMIT_FIELDS", "max_completion_tokens,max_tokens")]);
    platform.text(ANNA, "Hello").await;
    let requests = platform.model_requests();
    assert!(!fields(&requests[0]).contains(&"max_tokens"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_request_without_a_field_is_not_made_when_no_request_is_left_for_the_day() {
    let platform = FakePlatform::with(&[("MAX_DAILY_CALLS", "1")]);
    platform.model([NO_COMPLETION_TOKENS]);
    let answer = platform.text(ANNA, "Hello").await;
    assert_eq!(
        answer,
        ["Sorry, I can't take more questions today. Please try again tomorrow."]
    );
    assert_eq!(platform.model_requests().len(), 1);

    let platform = FakePlatform::with(&[("MAX_DAILY_CALLS_PER_CONTACT", "1")]);
    platform.model([NO_COMPLETION_TOKENS]);
    assert_eq!(platform.text(ANNA, "Hello").await, [APOLOGY]);
    assert_eq!(platform.model_requests().len(), 1);
}

/// A conversation of turns with these inputs.
async fn conversation(platform: &FakePlatform, inputs: &[&str]) {
    for input in inputs {
        platform.text(ANNA, input).await;
        platform.pass(7 * SECOND).await;
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_conversation_that_is_too_long_is_asked_about_once_more_with_its_newer_half_which_stays()
{
    let platform = FakePlatform::new();
    conversation(&platform, &["one", "two", "three", "four", "five"]).await;
    platform.model([TOO_LONG, Act::Say("shorter now")]);
    assert_eq!(platform.text(ANNA, "six").await, ["shorter now"]);
    let requests = platform.model_requests();
    assert_eq!(requests.len(), 7);
    assert_eq!(
        users(&requests[5]),
        ["one", "two", "three", "four", "five", "six"]
    );
    assert_eq!(users(&requests[6]), ["four", "five", "six"]);
    assert_eq!(requests[6]["messages"][0]["role"], "system");
    assert_eq!(platform.budget_used().await, 7);
    let event = &platform.events_named("conversation_shortened")[0];
    assert_eq!(event["dropped_turns"], 3);
    assert!(!platform.log_text().contains("planted"));

    // The next turn does not pay for the older half again, in memory or from KV.
    platform.pass(7 * SECOND).await;
    platform.text(ANNA, "seven").await;
    platform.pass(7 * SECOND).await;
    platform.kill(ANNA);
    platform.text(ANNA, "eight").await;
    let requests = platform.model_requests();
    assert_eq!(users(&requests[7]), ["four", "five", "six", "seven"]);
    assert_eq!(
        users(&requests[8]),
        ["four", "five", "six", "seven", "eight"]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_message_that_alone_is_too_long_and_a_half_that_still_is_are_failures() {
    let platform = FakePlatform::new();
    platform.model([TOO_LONG]);
    assert_eq!(platform.text(ANNA, "alone").await, [APOLOGY]);
    assert_eq!(
        platform.model_requests().len(),
        1,
        "there is nothing to drop"
    );
    assert_eq!(
        platform.events_named("turn")[0]["failure"],
        "context_too_long"
    );

    conversation(&platform, &["one", "two", "three", "four"]).await;
    platform.model([TOO_LONG, Act::Status(413, "")]);
    assert_eq!(platform.text(ANNA, "five").await, [APOLOGY]);
    assert_eq!(platform.model_requests().len(), 7);
    // The next message has another half of a chance.
    platform.pass(7 * SECOND).await;
    platform.model([TOO_LONG, Act::Say("now it fits")]);
    assert_eq!(platform.text(ANNA, "six").await, ["now it fits"]);
    let requests = platform.model_requests();
    assert_eq!(users(requests.last().unwrap()), ["four", "six"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_model_that_takes_no_images_is_told_to_the_contact_and_is_no_part_of_the_conversation() {
    const SENTENCE: &str = "Sorry, I can't look at pictures here. Please write to me.";
    let platform = FakePlatform::new();
    platform.model([NO_IMAGES]);
    let image = with_media(ANNA, "What is this?", &fresh_sid(), &["image/jpeg"]);
    let response = platform.post(&image).await;
    assert_eq!(texts(&response.body), [SENTENCE]);
    assert_eq!(platform.model_requests().len(), 1);
    let turn = &platform.events_named("turn")[0];
    assert_eq!(
        (turn["outcome"].as_str(), turn["failure"].as_str()),
        (Some("failed"), Some("no_images"))
    );
    platform.pass(SECOND).await;
    platform.text(ANNA, "after").await;
    assert_eq!(users(platform.model_requests().last().unwrap()), ["after"]);

    // Without an image, the same words are another error.
    platform.model([NO_IMAGES]);
    assert_eq!(platform.text(ANNA, "no image").await, [APOLOGY]);
    assert_eq!(platform.events_named("turn")[2]["failure"], "rejected");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_error_that_asking_again_cannot_help_is_told_as_what_it_is_and_asked_once() {
    const FILTERED: &str = "Sorry, I can't help with that.";
    let cases = [
        (
            400,
            r#"{"error":{"message":"planted","param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            "content_filter",
            FILTERED,
        ),
        (
            400,
            r#"{"error":{"message":"planted","code":"content_policy_violation"}}"#,
            "content_filter",
            FILTERED,
        ),
        (402, "", "insufficient_quota", APOLOGY),
        (
            429,
            r#"{"error":{"message":"planted","type":"billing_not_active","param":null,"code":"billing_not_active"}}"#,
            "insufficient_quota",
            APOLOGY,
        ),
        (
            429,
            r#"{"error":{"message":"planted","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            "insufficient_quota",
            APOLOGY,
        ),
        (
            400,
            r#"{"error":{"message":"Your credit balance is too low to access the API."}}"#,
            "insufficient_quota",
            APOLOGY,
        ),
        (
            404,
            r#"{"error":{"message":"planted","param":null,"code":"model_not_found"}}"#,
            "model_not_found",
            APOLOGY,
        ),
        (404, "", "rejected", APOLOGY),
    ];
    for (status, body, failure, answer) in cases {
        let platform = FakePlatform::new();
        platform.model([Act::Status(status, body), after(1, Act::Say("too much"))]);
        assert_eq!(platform.text(ANNA, "Hello").await, [answer], "{body}");
        assert_eq!(platform.model_requests().len(), 1, "{body}");
        let turn = &platform.events_named("turn")[0];
        assert_eq!(
            (turn["outcome"].as_str(), turn["failure"].as_str()),
            (Some("failed"), Some(failure)),
            "{body}"
        );
        assert_eq!(turn["endpoint"], Value::Null, "nobody answered");
        assert!(!platform.log_text().contains("planted"));
    }
}
