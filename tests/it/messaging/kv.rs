//! The conversation in KV: revisions, failures of KV, and what is saved later.
//!
//! Not here: erasing it (`erasure`).

use std::time::Duration;

use switchboard::platform::Clock;

use super::users;
use crate::support::{ANNA, FakePlatform, HOUR, SECOND};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_warm_conversation_reads_nothing_from_kv_and_writes_one_revision_a_turn() {
    let platform = FakePlatform::new();
    for _ in 0..3 {
        platform.text(ANNA, "Hello").await;
        platform.pass(SECOND).await;
    }
    assert_eq!(platform.kv_reads(), 0);
    let revisions: Vec<_> = platform
        .kv_keys()
        .iter()
        .map(|key| key.rsplit('/').next().unwrap().to_owned())
        .collect();
    assert_eq!(revisions, ["1", "2", "3"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_restarted_object_goes_on_from_kv() {
    let platform = FakePlatform::new();
    platform.text(ANNA, "one").await;
    platform.text(ANNA, "two").await;
    platform.pass(SECOND).await;
    platform.kill(ANNA);
    platform.text(ANNA, "three").await;
    assert_eq!(
        users(&platform.model_requests()[2]),
        ["one", "two", "three"]
    );
    assert_eq!(platform.kv_reads(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_conversation_that_kv_does_not_give_is_treated_as_empty_and_logged() {
    for (value, reason) in [
        ("{\"v\":", "corrupt"),
        ("{\"v\":99,\"turns\":[]}", "unknown_version"),
    ] {
        let platform = FakePlatform::new();
        platform.text(ANNA, "one").await;
        platform.pass(20 * SECOND).await;
        platform.overwrite_kv(value);
        platform.kill(ANNA);
        assert_eq!(platform.text(ANNA, "two").await, ["answer to two"]);
        assert_eq!(users(&platform.model_requests()[1]), ["two"]);
        assert_eq!(
            platform.events_named("conversation_unreadable")[0]["reason"],
            reason
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn that_kv_has_taken_a_turn_is_stored_with_the_next_step_and_when_it_is_lost_the_same_revision_is_written_again()
 {
    let platform = FakePlatform::new();
    platform.text(ANNA, "one").await;
    platform.pass(SECOND).await;
    assert_eq!(platform.kv_keys().len(), 1);
    assert!(
        platform.stored(ANNA)["state"].contains("\"user\":\"one\""),
        "not stored yet"
    );
    platform.kill(ANNA);
    platform.pass(20 * SECOND).await;
    assert_eq!(
        platform.kv_keys().len(),
        1,
        "the fake KV would not take other contents"
    );
    assert!(!platform.stored(ANNA)["state"].contains("\"user\""));
    platform.text(ANNA, "two").await;
    assert_eq!(users(&platform.model_requests()[1]), ["one", "two"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_that_kv_did_not_take_is_kept_and_saved_later() {
    let platform = FakePlatform::new();
    platform.text(ANNA, "one").await;
    platform.pass(SECOND).await;
    platform.kv_fails(true);
    assert_eq!(
        platform.text(ANNA, "two").await,
        ["answer to two"],
        "the answer goes out all the same"
    );
    assert_eq!(platform.text(ANNA, "three").await, ["answer to three"]);
    platform.pass(20 * SECOND).await;
    platform.kv_fails(false);
    platform.kill(ANNA);
    platform.text(ANNA, "four").await;
    assert_eq!(
        users(&platform.model_requests()[3]),
        ["one", "two", "three", "four"]
    );
    assert!(platform.events_named("kv_failed").len() >= 2);
    platform.pass(600 * SECOND).await;
    assert!(
        !platform.stored(ANNA)["state"].contains("\"user\""),
        "the object keeps no turn that KV has"
    );
    assert!(platform.kv_values().last().unwrap().contains("three"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_conversation_that_kv_could_not_give_for_a_while_is_not_lost() {
    let platform = FakePlatform::new();
    platform.text(ANNA, "one").await;
    platform.pass(20 * SECOND).await;
    platform.kill(ANNA);
    platform.kv_fails(true);
    platform.text(ANNA, "two").await;
    assert_eq!(
        users(&platform.model_requests()[1]),
        ["two"],
        "the answer does not wait for KV"
    );
    assert_eq!(
        platform.events_named("conversation_unreadable")[0]["reason"],
        "kv_failed"
    );
    platform.kv_fails(false);
    platform.kv_read_takes(20 * SECOND);
    let started = platform.now();
    platform.text(ANNA, "three").await;
    assert_eq!(users(&platform.model_requests()[2]), ["two", "three"]);
    assert!(
        platform.now().since(started) < 6 * SECOND,
        "nor for a slow one"
    );
    platform.kv_read_takes(Duration::from_millis(5));
    platform.text(ANNA, "four").await;
    assert_eq!(
        users(&platform.model_requests()[3]),
        ["one", "two", "three", "four"]
    );
    platform.pass(HOUR / 2).await;
    assert!(platform.kv_values().last().unwrap().contains("one"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_that_ends_while_a_save_still_loads_the_conversation_is_not_lost() {
    let platform = FakePlatform::new();
    platform.text(ANNA, "one").await;
    platform.pass(SECOND).await;
    platform.kv_fails(true);
    platform.text(ANNA, "two").await;
    platform.kill(ANNA);
    platform.kv_fails(false);
    platform.kv_read_takes(4 * SECOND);
    platform.pass(6 * SECOND).await; // the alarm's save is loading
    platform.kv_read_takes(Duration::ZERO);
    platform.text(ANNA, "three").await;
    platform.pass(20 * SECOND).await;
    platform.kill(ANNA);
    platform.text(ANNA, "four").await;
    assert_eq!(
        users(&platform.model_requests()[3]),
        ["one", "two", "three", "four"]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_that_ends_while_kv_is_being_written_is_saved_too() {
    let platform = FakePlatform::new();
    platform.kv_write_takes(2 * SECOND);
    platform.text(ANNA, "one").await;
    platform.text(ANNA, "two").await;
    platform.pass(5 * SECOND).await;
    platform.kill(ANNA);
    platform.text(ANNA, "three").await;
    assert_eq!(
        users(&platform.model_requests()[2]),
        ["one", "two", "three"]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_reset_deletes_a_revision_whose_write_came_through_although_it_failed() {
    let platform = FakePlatform::new();
    platform.kv_acts_and_fails(true);
    platform.text(ANNA, "a private question").await;
    platform.pass(SECOND).await;
    assert_eq!(platform.kv_keys().len(), 1);
    platform.kv_acts_and_fails(false);
    platform.text(ANNA, "reset").await;
    platform.pass(SECOND).await;
    assert!(platform.kv_keys().is_empty());
}
