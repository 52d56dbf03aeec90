//! The model calls tools: what goes out and when, what the model is told, and what a crash repeats.
//!
//! Not here: thoughts and signatures beside the calls (`repeated`), what a hostile text can achieve
//! (`injection`), and random faults (`simulation`).

use std::time::Duration;

use serde_json::{Value, json};

use super::users;
use crate::support::{
    ANNA, Act, BEN, CARL, FakePlatform, SECOND, SIGNING_SECRET, after,
    documented::{documented_fields, fields},
    fresh_sid,
};

/// An assistant with tools, and the secret that it names.
const DESK: &str = r#"
numbers = ["+15550199", "whatsapp:+15550199"]
prompt = "You are the front desk."
end_conversation = true
[[tools]]
name = "order_status"
description = "Looks up an order."
parameters = { type = "object", properties = { order = { type = "string", pattern = "^[A-Z]{2}[0-9]+$" } }, required = ["order"], additionalProperties = false }
url = "https://shop.example/orders?v=1"
secret = "ORDERS_SECRET"
[[tools]]
name = "opening_hours"
description = "Says when the shop is open."
url = "https://shop.example/hours"
secret = "ORDERS_SECRET"
timeout_ms = 800
[[tools]]
name = "call_back"
description = "Asks the shop to call the contact."
url = "https://shop.example/call-back"
secret = "ORDERS_SECRET"
share_number = true
"#;

pub(super) fn shop() -> FakePlatform {
    shop_with(&[])
}

pub fn shop_with(settings: &[(&str, &str)]) -> FakePlatform {
    let secret = [("ORDERS_SECRET", SIGNING_SECRET)];
    FakePlatform::with_assistants(&[&secret[..], settings].concat(), &[("desk", DESK)])
}

/// The model asks for these calls: names, and arguments as text.
pub fn calls(calls: &[(&str, &str)]) -> Act {
    let call = |(name, arguments): &(&str, &str)| json!({ "id": "call_x", "type": "function", "function": { "name": name, "arguments": arguments } });
    let calls: Vec<_> = calls.iter().map(call).collect();
    let message = json!({ "role": "assistant", "content": "I look it up.", "tool_calls": calls });
    let body = json!({ "choices": [{ "message": message, "finish_reason": "tool_calls" }], "usage": { "prompt_tokens": 5, "completion_tokens": 2 } });
    after(100, Act::Body(body.to_string().leak()))
}

pub const ORDER: (&str, &str) = ("order_status", r#"{"order":"AB12"}"#);
pub(super) const HOURS: (&str, &str) = ("opening_hours", "{}");

/// The settings of a second endpoint.
pub(super) const FALLBACK: [(&str, &str); 2] = [
    (
        "OPENAI_FALLBACKS",
        r#"[{"base_url":"https://second.example/v1","model":"llama","key":"SECOND_KEY"}]"#,
    ),
    ("SECOND_KEY", "second-key"),
];

/// What the model was told in its last request, in order.
pub(super) fn told(platform: &FakePlatform) -> Vec<String> {
    let requests = platform.model_requests();
    let messages = requests.last().unwrap()["messages"].as_array().unwrap();
    let results = messages.iter().filter(|message| message["role"] == "tool");
    results
        .map(|message| message["content"].as_str().unwrap().to_owned())
        .collect()
}

/// The ids of the calls that were made.
fn ids(platform: &FakePlatform) -> Vec<String> {
    let calls = platform.tool_calls();
    let id = |headers: &[(std::borrow::Cow<'static, str>, String)]| {
        let found = headers.iter().find(|(name, _)| name == "webhook-id");
        found.unwrap().1.clone()
    };
    calls.iter().map(|(_, call)| id(&call.headers)).collect()
}

fn outcomes(platform: &FakePlatform) -> Vec<String> {
    let events = platform.events_named("tool_called");
    let outcome = |event: &Value| event["outcome"].as_str().unwrap().to_owned();
    events.iter().map(outcome).collect()
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_goes_out_signed_and_its_result_comes_back_to_the_model() {
    let platform = shop();
    platform.model([calls(&[ORDER]), Act::Say("It is on its way.")]);
    platform.tools([Act::Body(r#"{"state":"sent"}"#)]);
    assert_eq!(
        platform.text(ANNA, "Where is AB12?").await,
        ["It is on its way."]
    );
    // The fake service has verified the signature.
    let (_, call) = &platform.tool_calls()[0];
    assert_eq!(call.url, "https://shop.example/orders?v=1");
    let bodies = platform.tool_bodies();
    let conversation = platform.object_names()[0].clone();
    assert_eq!(
        bodies,
        [json!({
            "tool": "order_status",
            "arguments": { "order": "AB12" },
            "call_id": ids(&platform)[0],
            "conversation": conversation,
            "assistant": "desk",
            "channel": "sms",
        })]
    );
    assert_eq!(
        fields(&bodies[0]),
        documented_fields("tools.md", "call_id\":")
    );
    assert_eq!(told(&platform), [r#"{"result":{"state":"sent"}}"#]);
    let offered = platform.model_requests()[0]["tools"].clone();
    let names: Vec<_> = offered.as_array().unwrap().iter().collect();
    assert_eq!(names.len(), 4);
    assert_eq!(names[0]["function"]["name"], "order_status");
    assert_eq!(names[3]["function"]["name"], "end_conversation");
    assert_eq!(platform.budget_used().await, 2, "each request is reserved");
    let turn = &platform.events_named("turn")[0];
    assert_eq!(turn["outcome"], "answered");
    assert_eq!(
        (
            &turn["tool_rounds"],
            &turn["tool_calls"],
            &turn["model_requests"]
        ),
        (&json!(1), &json!(1), &json!(2))
    );
    let called = &platform.events_named("tool_called")[0];
    assert_eq!(
        (&called["tool"], &called["outcome"]),
        (&json!("order_status"), &json!("answered"))
    );
    assert_eq!(called["phone_hash"], turn["phone_hash"]);
    assert!(!platform.log_text().contains("AB12"));
    platform.text(ANNA, "Thanks").await;
    let last = platform.model_requests().pop().unwrap();
    assert_eq!(users(&last), ["Where is AB12?", "Thanks"]);
    assert!(!last.to_string().contains("state"), "results are not kept");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_calls_of_a_round_run_side_by_side_and_their_results_keep_their_order() {
    let platform = shop();
    platform.model([calls(&[ORDER, HOURS, ORDER]), Act::Say("done")]);
    platform.tools([
        after(700, Act::Body("1")),
        after(100, Act::Body("2")),
        after(400, Act::Body("3")),
    ]);
    let started = platform.started();
    assert_eq!(platform.text(ANNA, "Hello").await, ["done"]);
    assert_eq!(
        told(&platform),
        [r#"{"result":1}"#, r#"{"result":2}"#, r#"{"result":3}"#]
    );
    let (asked, _) = platform.model_calls()[1];
    // A greeting is held for half a second, and the model takes a tenth. One after the other, the calls
    // would take 1.2 s.
    assert!(asked.since(started) < Duration::from_millis(1500));
    assert_eq!(platform.tools_at_once(), 3);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_round_has_at_most_16_calls_and_6_at_once() {
    let platform = shop();
    platform.model([calls(&[HOURS; 18]), Act::Say("done")]);
    assert_eq!(platform.text(ANNA, "Hello").await, ["done"]);
    assert_eq!(platform.tool_calls().len(), 16);
    assert_eq!(platform.tools_at_once(), 6);
    let told = told(&platform);
    assert_eq!(told[15], r#"{"result":{"ok":true}}"#);
    assert_eq!(told[16..], [r#"{"error":"too_many_calls"}"#; 2]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_model_is_told_at_most_128_kb_of_answers_in_a_turn() {
    let platform = shop();
    let long: &'static str = "x".repeat(16 * 1024).leak();
    platform.model([calls(&[HOURS; 6]), calls(&[HOURS; 3]), calls(&[HOURS])]);
    platform.model([Act::Say("done")]);
    platform.tools((0..9).map(|_| after(100, Act::Body(long))));
    assert_eq!(platform.text(ANNA, "Hello").await, ["done"]);
    // There is room for two of the second round, and for no other call.
    assert_eq!(
        outcomes(&platform)[6..],
        ["answered", "answered", "too_large", "too_large"]
    );
    let told = told(&platform);
    assert!(told[..8].iter().all(|told| told.contains(long)));
    assert_eq!(told[8..], [r#"{"error":"too_large"}"#; 2]);
    assert_eq!(platform.tool_calls().len(), 9, "the last one is not made");
    // The next turn has all the room again.
    platform.model([calls(&[HOURS]), Act::Say("done")]);
    platform.tools([Act::Body(long)]);
    platform.text(ANNA, "Again").await;
    assert_eq!(outcomes(&platform)[10..], ["answered"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn after_five_rounds_the_model_must_answer() {
    let platform = shop();
    platform.model((0..5).map(|_| calls(&[ORDER])));
    platform.model([Act::Say("done")]);
    assert_eq!(platform.text(ANNA, "Hello").await, ["done"]);
    let requests = platform.model_requests();
    assert_eq!(requests.len(), 6);
    for (at, request) in requests.iter().enumerate() {
        let choice = request.get("tool_choice").cloned().unwrap_or_default();
        let expected = if at == 5 { json!("none") } else { Value::Null };
        assert_eq!(choice, expected, "request {at}");
    }
    assert_eq!(platform.budget_used().await, 6);
    assert_eq!(platform.events_named("turn")[0]["tool_rounds"], 5);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_after_the_last_round_is_not_made() {
    let platform = shop();
    platform.model((0..6).map(|_| {
        let message = json!({ "content": null, "tool_calls": [{ "function": { "name": "opening_hours", "arguments": {} } }] });
        let body = json!({ "choices": [{ "message": message, "finish_reason": "stop" }] });
        Act::Body(body.to_string().leak())
    }));
    let answer = platform.text(ANNA, "Hello").await;
    assert!(answer[0].starts_with("Sorry"), "{answer:?}");
    assert_eq!(platform.tool_calls().len(), 5);
    assert_eq!(platform.events_named("turn")[0]["failure"], "empty_answer");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_tool_that_fails_is_told_to_the_model_in_a_word_and_is_no_apology() {
    let long: &'static str = "x".repeat(16 * 1024 + 1).leak();
    for (act, word) in [
        (after(6000, Act::Body("{}")), "timeout"),
        (Act::Drop, "unreachable"),
        (Act::Status(503, ""), "unreachable"),
        (Act::Status(429, ""), "unreachable"),
        (Act::Status(400, "no such order"), "rejected"),
        (Act::Status(404, ""), "rejected"),
        (Act::File(b"\xff\x00"), "unreadable"),
        (Act::Body("<!DOCTYPE html><p>Hello"), "unreadable"),
        (Act::Body(long), "too_long"),
    ] {
        let platform = shop();
        platform.model([calls(&[ORDER]), Act::Say("I could not look it up.")]);
        platform.tools([act]);
        let mut answer = platform.text(ANNA, "Hello").await;
        platform.pass(30 * SECOND).await;
        answer.extend(platform.sent());
        assert_eq!(answer, ["I could not look it up."], "{word}");
        assert_eq!(told(&platform), [format!(r#"{{"error":"{word}"}}"#)]);
        assert_eq!(outcomes(&platform), [word]);
        assert_eq!(platform.tool_calls().len(), 1, "it is not repeated: {word}");
        assert_eq!(platform.events_named("turn")[0]["outcome"], "answered");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let platform = shop();
        platform.model([calls(&[ORDER]), Act::Say("done")]);
        platform.tools([Act::Status(status, "")]);
        assert_eq!(platform.text(ANNA, "Hello").await, ["done"]);
        assert_eq!(outcomes(&platform), ["rejected"]);
        assert_eq!(platform.tool_calls().len(), 1);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn slow_tools_leave_the_model_half_of_the_time() {
    let platform = shop_with(&[("OPENAI_TIMEOUT_MS", "8000")]);
    platform.model([calls(&[ORDER, HOURS]), after(1000, Act::Say("done"))]);
    platform.tools([
        after(60_000, Act::Body("{}")),
        after(60_000, Act::Body("{}")),
    ]);
    assert_eq!(platform.text(ANNA, "Hello").await, ["done"]);
    let waits: Vec<_> = platform
        .events_named("tool_called")
        .iter()
        .map(|event| event["duration_ms"].as_u64().unwrap())
        .collect();
    assert_eq!(waits[0], 800, "its own timeout");
    assert!((3600..4000).contains(&waits[1]), "{waits:?}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn arguments_that_the_schema_refuses_never_leave() {
    for (arguments, what) in [
        ("{}", "a property is missing"),
        (r#"{"order":12}"#, "another type"),
        (r#"{"order":"ab12"}"#, "another pattern"),
        (
            r#"{"order":"AB12","url":"https://evil.example"}"#,
            "another property",
        ),
        (r#"{"order":"#, "no JSON"),
        ("[]", "no object"),
    ] {
        let platform = shop();
        platform.model([
            calls(&[("order_status", arguments)]),
            calls(&[ORDER]),
            Act::Say("done"),
        ]);
        assert_eq!(platform.text(ANNA, "Hello").await, ["done"]);
        assert_eq!(
            outcomes(&platform),
            ["invalid_arguments", "answered"],
            "{what}"
        );
        assert_eq!(platform.tool_calls().len(), 1, "{what}");
        assert_eq!(told(&platform)[0], r#"{"error":"invalid_arguments"}"#);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_number_is_named_only_where_the_file_says_so() {
    let platform = shop();
    let both = calls(&[HOURS, ("call_back", "{}")]);
    platform.model([both.clone(), Act::Say("done"), both, Act::Say("done")]);
    platform.text(ANNA, "Hello").await;
    platform.text(CARL, "Hello").await;
    let named: Vec<_> = platform
        .tool_bodies()
        .iter()
        .map(|body| (body["channel"].clone(), body.get("contact").cloned()))
        .collect();
    assert_eq!(
        named,
        [
            (json!("sms"), None),
            (json!("sms"), Some(json!(ANNA))),
            (json!("whatsapp"), None),
            (json!("whatsapp"), Some(json!(CARL))),
        ]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_crash_repeats_the_ids_in_whichever_round_the_calls_are_made() {
    let platform = shop();
    platform.model([
        calls(&[ORDER, HOURS]),
        calls(&[ORDER]),
        // After the crash: other rounds, another order.
        calls(&[HOURS]),
        calls(&[ORDER, ORDER]),
        Act::Say("done"),
    ]);
    platform.tools([
        Act::Body("1"),
        Act::Body("2"),
        after(5000, Act::Body("lost with the object")),
    ]);
    let killed = async {
        platform.pass(2 * SECOND).await;
        platform.kill(ANNA);
    };
    let fresh = fresh_sid();
    let (response, ()) = futures_util::join!(platform.try_message(ANNA, "Hello", &fresh), killed);
    assert_eq!(response.status, 503);
    platform.pass(60 * SECOND).await;
    assert_eq!(platform.sent(), ["done"]);
    let ids = ids(&platform);
    assert_eq!(ids.len(), 6);
    let [order, hours, again] = [&ids[0], &ids[1], &ids[2]];
    assert!(order != hours && order != again && hours != again);
    assert_eq!(ids[3..], [hours.clone(), order.clone(), again.clone()]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_of_unknown_outcome_keeps_its_id_when_the_model_repeats_it() {
    for (act, is_same) in [
        (Act::ThenDrop, true),
        (Act::Status(503, ""), true),
        (after(9000, Act::Body("{}")), true),
        (Act::Status(400, ""), false),
        (Act::Body("{}"), false),
    ] {
        let platform = shop();
        platform.model([calls(&[ORDER]), calls(&[ORDER]), Act::Say("done")]);
        platform.tools([act.clone()]);
        platform.text(ANNA, "Hello").await;
        platform.pass(30 * SECOND).await;
        let ids = ids(&platform);
        assert_eq!(ids[0] == ids[1], is_same, "{act:?}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn equal_calls_of_other_turns_and_contacts_have_other_ids() {
    let platform = shop();
    let turn = || [calls(&[ORDER]), Act::Say("done")];
    platform.model([turn(), turn(), turn()].concat());
    platform.text(ANNA, "Hello").await;
    platform.text(ANNA, "Hello").await;
    platform.text(BEN, "Hello").await;
    let ids = ids(&platform);
    assert_eq!(ids.len(), 3);
    assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn no_tool_is_called_when_its_result_could_not_be_told() {
    for settings in [
        &[("MAX_DAILY_CALLS", "1")],
        &[("MAX_DAILY_CALLS_PER_CONTACT", "1")],
    ] {
        let platform = shop_with(settings);
        platform.model([calls(&[ORDER]), Act::Say("never asked for")]);
        platform.text(ANNA, "Hello").await;
        assert_eq!(platform.model_requests().len(), 1);
        assert!(platform.tool_calls().is_empty());
        assert_eq!(platform.events_named("turn")[0]["outcome"], "failed");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_endpoint_that_takes_no_tools_is_asked_without_them() {
    let platform = shop();
    platform.model([
        Act::Status(
            400,
            r#"{"error":{"message":"llama2 does not support tools"}}"#,
        ),
        Act::Say("without"),
    ]);
    assert_eq!(platform.text(ANNA, "Hello").await, ["without"]);
    let requests = platform.model_requests();
    assert!(requests[0].get("tools").is_some() && requests[1].get("tools").is_none());
    assert_eq!(platform.events_named("field_omitted")[0]["field"], "tools");
    platform.text(ANNA, "Again").await;
    assert!(platform.model_requests()[2].get("tools").is_none());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn another_endpoint_goes_on_with_the_rounds_so_far() {
    let platform = shop_with(&FALLBACK);
    platform.model([
        calls(&[ORDER]),
        Act::Status(500, ""),
        calls(&[HOURS]),
        Act::Say("done"),
    ]);
    platform.tools([Act::Body("1"), Act::Body("2")]);
    assert_eq!(platform.text(ANNA, "Hello").await, ["done"]);
    let hosts = platform.hosts_asked();
    assert_eq!(hosts[1], "api.openai.com");
    assert_eq!(hosts[2..], ["second.example", "second.example"]);
    assert_eq!(told(&platform), [r#"{"result":1}"#, r#"{"result":2}"#]);
    assert_eq!(platform.tool_calls().len(), 2, "no call is repeated");
    assert_eq!(platform.budget_used().await, 4);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_message_that_comes_after_a_call_does_not_break_the_run_off() {
    let platform = shop();
    platform.model([calls(&[ORDER]), Act::Say("first"), Act::Say("second")]);
    platform.tools([after(700, Act::Body("1"))]);
    let later = async {
        platform.pass(Duration::from_millis(400)).await;
        platform.text(ANNA, "and open today?").await
    };
    let (first, later) = futures_util::join!(platform.text(ANNA, "Where is AB12"), later);
    assert_eq!(
        (first, later),
        (vec!["first".to_owned()], vec!["second".to_owned()])
    );
    assert_eq!(platform.tool_calls().len(), 1);
    assert_eq!(platform.model_requests().len(), 3);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_message_that_comes_before_a_call_joins_as_ever() {
    let platform = shop();
    platform.model([
        after(1000, Act::Say("broken off")),
        calls(&[ORDER]),
        Act::Say("both"),
    ]);
    let later = async {
        platform.pass(Duration::from_millis(400)).await;
        platform.text(ANNA, "AB12").await
    };
    let (first, later) = futures_util::join!(platform.text(ANNA, "Where is my order?"), later);
    assert_eq!([first, later].concat(), ["both"]);
    assert_eq!(platform.tool_calls().len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_model_can_end_the_conversation() {
    let platform = shop();
    platform.text(ANNA, "My name is Anna").await;
    platform.pass(SECOND).await;
    platform.model([calls(&[("end_conversation", "{}")]), Act::Say("Goodbye!")]);
    assert_eq!(platform.text(ANNA, "Bye").await, ["Goodbye!"]);
    assert!(platform.tool_calls().is_empty(), "it calls nobody");
    platform.pass(10 * SECOND).await;
    assert!(platform.kv_keys().is_empty(), "the conversation is deleted");
    platform.text(ANNA, "Hello again").await;
    let last = platform.model_requests().pop().unwrap();
    assert_eq!(users(&last), ["Hello again"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_assistant_without_tools_is_asked_as_ever() {
    let platform = FakePlatform::new();
    platform.model([calls(&[("end_conversation", "{}")])]);
    assert_eq!(platform.text(ANNA, "Hello").await, ["I look it up."]);
    let request = &platform.model_requests()[0];
    assert!(request.get("tools").is_none() && request.get("tool_choice").is_none());
    assert!(platform.events_named("tool_called").is_empty());
}
