//! KV or the budget object is slow or hangs: turns end on time, and nothing erased comes back.
//!
//! Not here: objects that do not answer the Worker (`http::objects`).

use std::time::Duration;

use switchboard::platform::Clock;
use switchboard::wording::APOLOGY;

use crate::support::{ANNA, Act, CARL, NOTHING, SECOND, World, after};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_slow_kv_stops_no_turn_after_a_reset() {
    let world = World::new();
    world.text(ANNA, "one").await;
    world.pass(SECOND).await;
    world.kv_write_takes(300 * SECOND);
    let started = world.now();
    world.text(ANNA, "reset").await;
    assert_eq!(world.text(ANNA, "two").await, ["answer to two"]);
    assert_eq!(world.text(ANNA, "three").await, ["answer to three"]);
    assert!(
        world.now().since(started) < SECOND,
        "{:?}",
        world.now().since(started)
    );
    world.pass(60 * SECOND).await;
    world.kv_write_takes(SECOND);
    world.pass(400 * SECOND).await;
    assert_eq!(
        world.kv_keys().len(),
        1,
        "in the end KV has the conversation, and nothing from before the reset"
    );
    assert!(world.kv_values()[0].contains("three") && !world.kv_values()[0].contains("one"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_write_that_ends_after_a_reset_brings_nothing_back() {
    let world = World::new();
    world.kv_write_takes(8 * SECOND);
    world.text(CARL, "one").await;
    world.text(CARL, "reset").await;
    world.text(CARL, "two").await;
    world.text(CARL, "STOP").await;
    world.pass(30 * SECOND).await;
    world.text(CARL, "START").await;
    world.kill(CARL);
    world.text(CARL, "three").await;
    let asked = world.model_requests().pop().unwrap()["messages"].to_string();
    assert!(asked.contains("two") && !asked.contains("one"), "{asked}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_write_that_comes_to_kv_long_after_it_was_given_up_is_deleted_with_the_rest() {
    let world = World::with(&[("CONVERSATION_TTL_SECONDS", "60")]);
    world.kv_write_takes(90 * SECOND);
    world.text(ANNA, "one").await;
    world.pass(SECOND).await;
    world.kv_write_takes(Duration::ZERO);
    world.pass(30 * SECOND).await;
    let (key, value) = (world.kv_keys().remove(0), world.kv_values().remove(0));
    world.pass(60 * SECOND).await;
    world.write_kv(&key, &value);
    world.text(ANNA, "delete my data").await;
    assert!(world.kv_keys().is_empty());
    world.write_kv(&key, &value);
    world.pass(60 * SECOND).await;
    assert!(
        world.kv_keys().is_empty(),
        "it may come again, and is deleted again"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_write_that_an_object_left_behind_when_it_vanished_is_deleted_when_it_comes() {
    for reset_before_it_vanished in [false, true] {
        let world = World::with(&[("CONVERSATION_TTL_SECONDS", "60")]);
        world.text(ANNA, "one").await;
        world.pass(SECOND).await;
        let key = world.kv_keys().remove(0).replace("/1", "/2");
        world.kv_write_takes(8 * SECOND);
        world.text(ANNA, "two").await;
        if reset_before_it_vanished {
            world.text(ANNA, "reset").await;
        }
        world.kill(ANNA);
        world.kv_write_takes(Duration::ZERO);
        world.text(ANNA, "reset").await;
        let answer = world.text(ANNA, "delete my data").await.concat();
        assert!(
            answer.contains("is being erased"),
            "nobody can say yet that it is erased: {answer}"
        );
        world.write_kv(
            &key,
            r#"{"v":1,"turns":[{"user":"two","assistant":"answer to two"}]}"#,
        );
        world.pass(11 * 60 * SECOND).await;
        assert!(world.kv_keys().is_empty(), "{:?}", world.kv_keys());
        let answer = world.text(ANNA, "delete my data").await.concat();
        assert!(answer.contains("is erased"), "{answer}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_erasure_is_answered_in_time_although_kv_is_slow_and_is_completed_later() {
    let world = World::new();
    world.text(ANNA, "one").await;
    world.pass(SECOND).await;
    world.kv_write_takes(300 * SECOND);
    let started = world.now();
    assert_eq!(world.text(ANNA, "delete my data").await.len(), 1);
    assert!(world.now().since(started) <= 10 * SECOND);
    assert_eq!(world.text(ANNA, "two").await, ["answer to two"]);
    world.kv_write_takes(SECOND);
    world.pass(400 * SECOND).await;
    assert!(!world.kv_values().concat().contains("one"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_budget_object_that_hangs_ends_the_turn_within_its_time_with_an_apology() {
    let world = World::with(&[("OPENAI_TIMEOUT_MS", "20000")]);
    world.budget_takes(1800 * SECOND);
    assert_eq!(world.text(ANNA, "Hello").await, NOTHING);
    world.pass(11 * SECOND).await;
    assert_eq!(
        world.events_named("turn")[0]["failure"],
        "budget_unreachable"
    );
    assert!(world.model_requests().is_empty());
    world.budget_takes(Duration::ZERO);
    world.pass(60 * SECOND).await;
    assert_eq!(world.sent(), [APOLOGY]);
    assert_eq!(world.text(ANNA, "Hello").await, ["answer to Hello"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_budget_object_that_hangs_holds_up_no_other_work_of_the_alarm() {
    let world = World::new();
    world.kv_fails(true);
    world.text(ANNA, "Hello").await;
    world.kv_fails(false);
    world.budget_takes(1800 * SECOND);
    world.pass(120 * SECOND).await;
    assert_eq!(world.kv_keys().len(), 1, "the conversation is saved");
    world.budget_takes(Duration::ZERO);
    world.pass(300 * SECOND).await;
    assert_eq!(
        world.stored(ANNA)["state"]
            .matches("\"messages_in\"")
            .count(),
        0,
        "and the counts are reported in the end"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_late_answer_waits_for_a_budget_object_that_hangs_and_then_goes_out_once() {
    let world = World::new();
    world.model([after(12_000, Act::Say("slow"))]);
    world.text(ANNA, "Hello").await;
    world.budget_takes(1800 * SECOND);
    world.pass(60 * SECOND).await;
    assert!(world.sent().is_empty());
    world.budget_takes(Duration::ZERO);
    world.pass(120 * SECOND).await;
    assert_eq!(world.sent(), ["slow"]);
}
