//! Whole conversations: the real Worker and its objects over [`FakePlatform`], with faults, in virtual time. A file for each topic.
//!
//! Not here: damaged values, slow stores and jumping clocks (`faults`), and what concerns one request alone (`http`).

mod admission;
mod bursts;
mod consent;
mod content;
mod duplicates;
mod endpoint_errors;
mod erasure;
mod expiry;
mod failover;
mod hand_off;
mod injection;
mod intake;
mod kv;
mod media;
mod model_failures;
mod operator;
mod outbox;
mod part_order;
mod passed_on;
mod rejections;
mod repeated;
mod restarts;
mod segments;
mod storage;
pub mod tools;
mod turns;
mod two_addresses;
mod typists;
mod unknown_outcomes;
mod voice_notes;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{FakePlatform, Incoming, bearer};

/// The user messages of a request to the model, in order.
pub(super) fn users(request: &Value) -> Vec<&str> {
    let messages = request["messages"].as_array().unwrap();
    messages
        .iter()
        .filter(|message| message["role"] == "user")
        .map(|message| message["content"].as_str().unwrap())
        .collect()
}

pub(super) const OPTED_OUT: &str =
    "You will get no more messages from us. Reply START if you change your mind.";

pub(super) const OPTED_IN: &str = "You're opted in again. Reply STOP to opt out.";

pub(super) const ERASED: &str = "Your data is erased.";

pub(super) const ERASING: &str = "Your data is being erased. This can take a few minutes.";

/// A contact's keys in storage. For the state: its fields that are not empty.
pub(super) fn left(platform: &FakePlatform, from: &str) -> Vec<String> {
    let empty = [
        Value::Null,
        Value::from(0),
        Value::Bool(false),
        serde_json::json!([]),
        serde_json::json!({}),
    ];
    let stored = platform
        .stored(from)
        .into_iter()
        .flat_map(|(key, text)| match key.as_str() {
            "state" => {
                let state: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
                let fields = state
                    .into_iter()
                    .filter(|(name, value)| name != "v" && !empty.contains(value));
                fields.map(|(name, _)| format!("state.{name}")).collect()
            }
            _ => vec![key],
        });
    stored.collect()
}

pub(super) async fn admin(
    platform: &FakePlatform,
    method: &'static str,
    path: &str,
) -> (u16, Value) {
    admin_answer(platform, Incoming::new(method, path)).await
}

pub(super) async fn admin_answer(platform: &FakePlatform, mut request: Incoming) -> (u16, Value) {
    request.headers.push(("Authorization", bearer()));
    let response = platform.handle(&mut request).await;
    (
        response.status,
        serde_json::from_str(&response.body).unwrap_or_default(),
    )
}
