//! KV or the budget object is slow or hangs: turns end on time, and nothing erased comes back.
//!
//! Not here: objects that do not answer the Worker (`http::objects`).

use std::time::Duration;

use futures_util::join;
use switchboard::messaging::canned_replies::APOLOGY;
use switchboard::platform::Clock;

use crate::support::{
    ANNA, Act, CARL, FakePlatform, NOTHING, SECOND, after, fresh_sid, with_media,
};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_slow_kv_stops_no_turn_after_a_reset() {
    let platform = FakePlatform::new();
    platform.text(ANNA, "one").await;
    platform.pass(SECOND).await;
    platform.kv_write_takes(300 * SECOND);
    let started = platform.now();
    platform.text(ANNA, "reset").await;
    assert_eq!(platform.text(ANNA, "two").await, ["answer to two"]);
    assert_eq!(platform.text(ANNA, "three").await, ["answer to three"]);
    assert!(
        platform.now().since(started) < SECOND,
        "{:?}",
        platform.now().since(started)
    );
    platform.pass(60 * SECOND).await;
    platform.kv_write_takes(SECOND);
    platform.pass(400 * SECOND).await;
    assert_eq!(
        platform.kv_keys().len(),
        1,
        "in the end KV has the conversation, and nothing from before the reset"
    );
    assert!(platform.kv_values()[0].contains("three") && !platform.kv_values()[0].contains("one"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_write_that_ends_after_a_reset_brings_nothing_back() {
    let platform = FakePlatform::new();
    platform.kv_write_takes(8 * SECOND);
    platform.text(CARL, "one").await;
    platform.text(CARL, "reset").await;
    platform.text(CARL, "two").await;
    platform.text(CARL, "STOP").await;
    platform.pass(30 * SECOND).await;
    platform.text(CARL, "START").await;
    platform.kill(CARL);
    platform.text(CARL, "three").await;
    let asked = platform.model_requests().pop().unwrap()["messages"].to_string();
    assert!(asked.contains("two") && !asked.contains("one"), "{asked}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_write_that_comes_to_kv_long_after_it_was_given_up_is_deleted_with_the_rest() {
    let platform = FakePlatform::with(&[("CONVERSATION_TTL_SECONDS", "60")]);
    platform.kv_write_takes(90 * SECOND);
    platform.text(ANNA, "one").await;
    platform.pass(SECOND).await;
    platform.kv_write_takes(Duration::ZERO);
    platform.pass(30 * SECOND).await;
    let (key, value) = (platform.kv_keys().remove(0), platform.kv_values().remove(0));
    platform.pass(60 * SECOND).await;
    platform.write_kv(&key, &value);
    platform.text(ANNA, "delete my data").await;
    assert!(platform.kv_keys().is_empty());
    platform.write_kv(&key, &value);
    platform.pass(60 * SECOND).await;
    assert!(
        platform.kv_keys().is_empty(),
        "it may come again, and is deleted again"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_write_that_an_object_left_behind_when_it_vanished_is_deleted_when_it_comes() {
    for reset_before_it_vanished in [false, true] {
        let platform = FakePlatform::with(&[("CONVERSATION_TTL_SECONDS", "60")]);
        platform.text(ANNA, "one").await;
        platform.pass(SECOND).await;
        let key = platform.kv_keys().remove(0).replace("/1", "/2");
        platform.kv_write_takes(8 * SECOND);
        platform.text(ANNA, "two").await;
        if reset_before_it_vanished {
            platform.text(ANNA, "reset").await;
        }
        platform.kill(ANNA);
        platform.kv_write_takes(Duration::ZERO);
        platform.text(ANNA, "reset").await;
        let answer = platform.text(ANNA, "delete my data").await.concat();
        assert!(
            answer.contains("is being erased"),
            "nobody can say yet that it is erased: {answer}"
        );
        platform.write_kv(
            &key,
            r#"{"v":1,"turns":[{"user":"two","assistant":"answer to two"}]}"#,
        );
        platform.pass(11 * 60 * SECOND).await;
        assert!(platform.kv_keys().is_empty(), "{:?}", platform.kv_keys());
        let answer = platform.text(ANNA, "delete my data").await.concat();
        assert!(answer.contains("is erased"), "{answer}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_erasure_is_answered_in_time_although_kv_is_slow_and_is_completed_later() {
    let platform = FakePlatform::new();
    platform.text(ANNA, "one").await;
    platform.pass(SECOND).await;
    platform.kv_write_takes(300 * SECOND);
    let started = platform.now();
    assert_eq!(platform.text(ANNA, "delete my data").await.len(), 1);
    assert!(platform.now().since(started) <= 10 * SECOND);
    assert_eq!(platform.text(ANNA, "two").await, ["answer to two"]);
    platform.kv_write_takes(SECOND);
    platform.pass(400 * SECOND).await;
    assert!(!platform.kv_values().concat().contains("one"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_budget_object_that_hangs_ends_the_turn_within_its_time_with_an_apology() {
    let platform = FakePlatform::with(&[("OPENAI_TIMEOUT_MS", "20000")]);
    platform.budget_takes(1800 * SECOND);
    assert_eq!(platform.text(ANNA, "Hello").await, NOTHING);
    platform.pass(11 * SECOND).await;
    assert_eq!(
        platform.events_named("turn")[0]["failure"],
        "budget_unreachable"
    );
    assert!(platform.model_requests().is_empty());
    platform.budget_takes(Duration::ZERO);
    platform.pass(60 * SECOND).await;
    assert_eq!(platform.sent(), [APOLOGY]);
    assert_eq!(platform.text(ANNA, "Hello").await, ["answer to Hello"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn waits_for_kv_and_for_the_budget_do_not_add_up_beyond_the_turns_time() {
    // How long KV takes, and the budget object before and after an image joins the turn.
    for (kv, before, after) in [(1800, 0, 1800), (0, 12, 12), (1800, 12, 1800)] {
        let platform = FakePlatform::with(&[("OPENAI_TIMEOUT_MS", "20000")]);
        platform.text(ANNA, "one").await;
        platform.pass(SECOND).await;
        platform.kill(ANNA);
        platform.kv_read_takes(kv * SECOND);
        platform.budget_takes(before * SECOND);
        let image = async {
            platform.pass(SECOND).await;
            platform.budget_takes(after * SECOND);
            let image = with_media(ANNA, "look", &fresh_sid(), &["image/gif"]);
            platform.post(&image).await
        };
        join!(platform.text(ANNA, "two"), image);
        platform.pass(9 * SECOND).await;
        let turns = platform.events_named("turn");
        assert_eq!(
            turns[1]["outcome"], "answered",
            "within 21 seconds, although the image cannot be paid for: {kv} {before} {after}"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_budget_object_that_hangs_holds_up_no_other_work_of_the_alarm() {
    let platform = FakePlatform::new();
    platform.kv_fails(true);
    platform.text(ANNA, "Hello").await;
    platform.kv_fails(false);
    platform.budget_takes(1800 * SECOND);
    platform.pass(120 * SECOND).await;
    assert_eq!(platform.kv_keys().len(), 1, "the conversation is saved");
    platform.budget_takes(Duration::ZERO);
    platform.pass(300 * SECOND).await;
    assert_eq!(
        platform.stored(ANNA)["state"]
            .matches("\"messages_in\"")
            .count(),
        0,
        "and the counts are reported in the end"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_by_rest_waits_for_a_budget_object_that_hangs_and_then_goes_out_once() {
    let platform = FakePlatform::new();
    platform.model([after(12_000, Act::Say("slow"))]);
    platform.text(ANNA, "Hello").await;
    platform.budget_takes(1800 * SECOND);
    platform.pass(60 * SECOND).await;
    assert!(platform.sent().is_empty());
    platform.budget_takes(Duration::ZERO);
    platform.pass(120 * SECOND).await;
    assert_eq!(platform.sent(), ["slow"]);
}
