//! Damaged values, slow stores and objects, jumping clocks, and the limits of a day: the real Worker over [`FakePlatform`].
//!
//! Not here: a turn's usual course, and failures of the model and of Twilio (`messaging`).

mod bounds;
mod clocks;
mod damage;
mod day_limits;
mod equal_texts;
mod slow;

use serde_json::Value;

use crate::support::{FakePlatform, SECOND};

/// The answers to messages in a row, each a minute after the one before.
pub(super) async fn answers(
    platform: &FakePlatform,
    from: &str,
    text: &str,
    count: usize,
) -> Vec<Vec<String>> {
    let mut answers = Vec::new();
    for _ in 0..count {
        platform.pass(60 * SECOND).await;
        answers.push(platform.text(from, text).await);
    }
    answers
}

pub(super) fn limits(platform: &FakePlatform) -> Vec<(String, bool)> {
    let events = platform.security_events("daily_limit_reached");
    let details = |event: &Value| event["details"].clone();
    events
        .iter()
        .map(details)
        .map(|details| {
            (
                details["limit"].as_str().unwrap().to_owned(),
                details["told"].as_bool().unwrap(),
            )
        })
        .collect()
}
