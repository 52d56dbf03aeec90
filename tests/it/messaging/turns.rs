//! Turns: one message and its answer, messages that come during a turn, and resets.
//!
//! Not here: turns whose answer goes out by REST (`outbox`) or whose object restarts (`restarts`).

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;

use super::users;
use crate::support::{ANNA, Act, BEN, FakePlatform, SECOND, after, fresh_sid, texts, with_media};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_text_is_answered_and_remembered() {
    let platform = FakePlatform::new();
    assert_eq!(platform.text(ANNA, "Hello").await, ["answer to Hello"]);
    assert_eq!(
        platform.text(ANNA, "2").await,
        ["answer to 2"],
        "digits reach the model as they are"
    );
    let requests = platform.model_requests();
    assert_eq!(users(&requests[1]), ["Hello", "2"]);
    let roles: Vec<_> = requests[1]["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["role"].clone())
        .collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    assert_eq!(platform.text(BEN, "Hi").await, ["answer to Hi"]);
    assert_eq!(
        users(&platform.model_requests()[2]),
        ["Hi"],
        "another contact has another conversation"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answered_turn_is_logged_with_what_it_cost() {
    let platform = FakePlatform::new();
    platform.text(ANNA, "Hello").await;
    let turn = &platform.events_named("turn")[0];
    assert_eq!(turn["outcome"], "answered");
    assert_eq!(turn["reply_via"], "webhook");
    assert_eq!(
        (turn["messages"].as_u64(), turn["model_requests"].as_u64()),
        (Some(1), Some(1))
    );
    assert_eq!(
        (
            turn["prompt_tokens"].as_u64(),
            turn["completion_tokens"].as_u64()
        ),
        (Some(2), Some(1))
    );
    assert!(turn["duration_ms"].as_u64().unwrap() >= 100);
    assert_eq!(turn["failure"], Value::Null);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn messages_that_need_no_model_are_answered_without_it() {
    let platform = FakePlatform::with(&[("MAX_MESSAGE_CHARS", "10")]);
    assert_eq!(
        platform.text(ANNA, "more than ten").await,
        ["That message is too long for me. Please keep it to 10 characters."]
    );
    assert_eq!(
        platform.text(ANNA, " \u{200f}").await,
        ["Please send text."]
    );
    for types in [&["video/mp4"][..], &["image/jpeg", "application/pdf"]] {
        let media = with_media(ANNA, "Look", &fresh_sid(), types);
        assert_eq!(
            texts(&platform.post(&media).await.body),
            [
                "I can read text, pictures (JPEG, PNG, GIF, WebP) and voice notes, but no other kind of file."
            ]
        );
    }
    assert!(platform.media_requests().is_empty());
    assert!(platform.model_requests().is_empty());
    assert!(platform.kv_keys().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_long_answer_goes_out_in_parts() {
    let platform = FakePlatform::with(&[("MAX_SEGMENTS", "100")]);
    let long: &'static str = Box::leak("All is well. ".repeat(300).into_boxed_str());
    platform.model([Act::Say(long)]);
    let parts = platform.text(ANNA, "tell me").await;
    assert_eq!(parts.len(), 3);
    assert!(
        parts
            .iter()
            .all(|part| part.len() <= 1600 && part.ends_with("well."))
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn messages_that_come_during_a_turn_are_answered_together_by_the_next() {
    let platform = FakePlatform::with(&[("JOIN_WITHIN_MS", "0")]);
    platform.model([
        after(3000, Act::Say("first answer")),
        after(1000, Act::Say("second answer")),
    ]);
    let later = |milliseconds, text| {
        let platform = platform.clone();
        async move {
            platform.pass(Duration::from_millis(milliseconds)).await;
            platform.text(ANNA, text).await
        }
    };
    let answers = join_all([
        later(0, "one"),
        later(500, "two"),
        later(1000, "three"),
        later(1500, "four"),
    ])
    .await;
    assert_eq!(answers[0], ["first answer"]);
    assert!(
        answers[1].is_empty() && answers[2].is_empty(),
        "the answer goes out on the last of them"
    );
    assert_eq!(answers[3], ["second answer"]);
    let requests = platform.model_requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(users(&requests[1]), ["one", "two\nthree\nfour"]);
    assert_eq!(platform.model_at_once(), 1);
    assert_eq!(platform.events_named("turn")[1]["messages"], 3);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn turns_of_one_contact_never_interleave_and_those_of_others_do() {
    let platform = FakePlatform::with(&[("RATE_LIMIT_PER_MINUTE", "30"), ("JOIN_WITHIN_MS", "0")]);
    let burst: Vec<String> = (0..20).map(|i| format!("m{i}")).collect();
    let write = async |index: usize, text: &String| {
        if index > 0 {
            platform.pass(SECOND / 20).await;
        }
        platform.text(ANNA, text).await
    };
    let written = burst.iter().enumerate();
    let answers = join_all(written.map(|(index, text)| write(index, text))).await;
    assert_eq!(platform.model_at_once(), 1);
    assert_eq!(
        platform.model_requests().len(),
        2,
        "the first message, and the nineteen that came meanwhile"
    );
    assert_eq!(answers.iter().flatten().count(), 2);
    let heard: Vec<String> = users(&platform.model_requests()[1])
        .join("\n")
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(heard, burst, "in order, and none lost");
    join_all([platform.text(ANNA, "x"), platform.text(BEN, "y")]).await;
    assert_eq!(platform.model_at_once(), 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn reset_waits_for_its_turn_and_clears_the_conversation() {
    let platform = FakePlatform::new();
    platform.text(ANNA, "one").await;
    platform.pass(SECOND).await;
    assert_eq!(platform.kv_keys().len(), 1);
    platform.model([after(2000, Act::Say("slow answer"))]);
    let reset = async {
        platform.pass(SECOND).await;
        platform.text(ANNA, "Start Over").await
    };
    let (slow, reset, after_reset) =
        futures_util::join!(platform.text(ANNA, "two"), reset, async {
            platform.pass(SECOND + SECOND / 2).await;
            platform.text(ANNA, "three").await
        });
    assert_eq!(slow, ["slow answer"]);
    assert_eq!(
        reset,
        ["Done: our conversation is cleared. What would you like to talk about?"]
    );
    assert_eq!(after_reset, ["answer to three"]);
    assert_eq!(users(&platform.model_requests()[2]), ["three"]);
    platform.pass(SECOND).await;
    assert_eq!(
        platform.kv_keys().len(),
        1,
        "the old revisions are deleted: {:?}",
        platform.kv_keys()
    );
    assert!(
        platform
            .kv_values()
            .iter()
            .all(|value| !value.contains("one") && !value.contains("two"))
    );
    assert_eq!(platform.events_named("turn")[2]["outcome"], "reset");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_reset_erases_the_stored_answers_too() {
    let platform = FakePlatform::new();
    let sid = fresh_sid();
    platform.model([Act::Say("a private answer")]);
    platform.message(ANNA, "a private question", &sid).await;
    platform.pass(SECOND).await;
    platform.text(ANNA, "reset").await;
    platform.pass(SECOND).await;
    assert!(
        !platform
            .stored(ANNA)
            .values()
            .any(|value| value.contains("private")),
        "{:?}",
        platform.stored(ANNA)
    );
    assert!(platform.kv_keys().is_empty());
    assert!(
        platform
            .message(ANNA, "a private question", &sid)
            .await
            .is_empty(),
        "known, and no longer answered"
    );
    assert_eq!(platform.model_requests().len(), 1);
}
