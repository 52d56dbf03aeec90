//! What an endpoint said beside its calls of tools goes back to it: thoughts, signatures and ids.
//!
//! Not here: the calls themselves (`tools`).

use serde_json::{Value, json};

use super::tools::{FALLBACK, HOURS, ORDER, calls, shop, shop_with};
use crate::support::{ANNA, Act, FakePlatform, SECOND};

/// A call with thoughts and a signature beside it.
fn signed_call() -> Act {
    let call = json!({ "id": "their-id", "type": "function", "function": { "name": ORDER.0, "arguments": ORDER.1 }, "extra_content": { "google": { "thought_signature": "planted signature" } } });
    let message = json!({ "role": "assistant", "content": null, "reasoning_content": "planted thought", "tool_calls": [call] });
    let body = json!({ "choices": [{ "message": message, "finish_reason": "tool_calls" }] });
    Act::Body(body.to_string().leak())
}

/// What the last request repeats of the first call: the thoughts, the signature and the id.
fn repeated(platform: &FakePlatform) -> [Value; 3] {
    let request = platform.model_requests().pop().unwrap();
    let messages = request["messages"].as_array().unwrap().iter();
    let mut messages = messages.filter(|message| message.get("tool_calls").is_some());
    let message = messages.next().unwrap();
    let call = &message["tool_calls"][0];
    let signature = &call["extra_content"]["google"]["thought_signature"];
    [&message["reasoning_content"], signature, &call["id"]].map(Value::clone)
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn thoughts_and_signatures_go_back_as_they_came_in_this_turn_alone() {
    let platform = shop();
    platform.model([signed_call(), calls(&[HOURS]), Act::Say("done")]);
    assert_eq!(platform.text(ANNA, "Where is AB12?").await, ["done"]);
    let all = ["planted thought", "planted signature", "their-id"];
    assert_eq!(repeated(&platform), all, "in each further round");
    platform.text(ANNA, "Thanks").await;
    let last = platform.model_requests().pop().unwrap().to_string();
    platform.pass(10 * SECOND).await;
    let stored = platform.kv_values().join("\n");
    assert!(stored.contains("done"));
    for planted in all {
        for text in [&last, &stored, &platform.log_text()] {
            assert!(!text.contains(planted), "{planted}: {text}");
        }
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn no_other_endpoint_sees_what_one_said_beside_its_calls() {
    let platform = shop_with(&FALLBACK);
    platform.model([signed_call(), Act::Status(500, ""), Act::Say("done")]);
    assert_eq!(platform.text(ANNA, "Hello").await, ["done"]);
    assert_eq!(platform.hosts_asked().last().unwrap(), "second.example");
    assert_eq!(
        repeated(&platform),
        [json!(null), json!(null), json!("call00000")]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_goes_back_to_the_endpoint_that_called_if_the_other_misses_its_thoughts() {
    let platform = shop_with(&FALLBACK);
    let missing = r#"{"error":{"message":"The `reasoning_content` in the thinking mode must be passed back to the API."}}"#;
    platform.model([signed_call(), Act::Status(503, "")]);
    platform.model([Act::Status(400, missing), Act::Say("done")]);
    assert_eq!(platform.text(ANNA, "Hello").await, ["done"]);
    let hosts = platform.hosts_asked();
    assert_eq!(hosts[2..], ["second.example", "api.openai.com"]);
    assert_eq!(repeated(&platform)[0], "planted thought");
    assert!(platform.events_named("field_omitted").is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_endpoint_that_refuses_to_see_its_thoughts_again_is_asked_without_them() {
    let platform = shop();
    let refused =
        r#"{"error":{"message":"'messages.2' : property 'reasoning_content' is unsupported"}}"#;
    platform.model([signed_call(), Act::Status(400, refused), Act::Say("done")]);
    assert_eq!(platform.text(ANNA, "Hello").await, ["done"]);
    assert_eq!(
        platform.events_named("field_omitted")[0]["field"],
        "reasoning_content"
    );
    platform.model([signed_call(), Act::Say("done")]);
    platform.text(ANNA, "Again").await;
    assert_eq!(platform.model_requests().len(), 5, "it is remembered");
    assert_eq!(
        repeated(&platform),
        [json!(null), json!(null), json!("their-id")]
    );
}
