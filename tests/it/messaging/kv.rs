//! The conversation in KV: revisions, failures of KV, and what is saved later.
//!
//! Not here: erasing it (`erasure`).

use std::time::Duration;

use switchboard::platform::Clock;

use super::users;
use crate::support::{ANNA, HOUR, SECOND, World};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_warm_conversation_reads_nothing_from_kv_and_writes_one_revision_a_turn() {
    let world = World::new();
    for _ in 0..3 {
        world.text(ANNA, "Hello").await;
        world.pass(SECOND).await;
    }
    assert_eq!(world.kv_reads(), 0);
    let revisions: Vec<_> = world
        .kv_keys()
        .iter()
        .map(|key| key.rsplit('/').next().unwrap().to_owned())
        .collect();
    assert_eq!(revisions, ["1", "2", "3"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_restarted_object_goes_on_from_kv() {
    let world = World::new();
    world.text(ANNA, "one").await;
    world.text(ANNA, "two").await;
    world.pass(SECOND).await;
    world.kill(ANNA);
    world.text(ANNA, "three").await;
    assert_eq!(users(&world.model_requests()[2]), ["one", "two", "three"]);
    assert_eq!(world.kv_reads(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_conversation_that_kv_does_not_give_is_treated_as_empty_and_logged() {
    for (value, reason) in [
        ("{\"v\":", "corrupt"),
        ("{\"v\":99,\"turns\":[]}", "unknown_version"),
    ] {
        let world = World::new();
        world.text(ANNA, "one").await;
        world.pass(20 * SECOND).await;
        world.overwrite_kv(value);
        world.kill(ANNA);
        assert_eq!(world.text(ANNA, "two").await, ["answer to two"]);
        assert_eq!(users(&world.model_requests()[1]), ["two"]);
        assert_eq!(
            world.events_named("conversation_unreadable")[0]["reason"],
            reason
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn that_kv_has_taken_a_turn_is_stored_with_the_next_step_and_when_it_is_lost_the_same_revision_is_written_again()
 {
    let world = World::new();
    world.text(ANNA, "one").await;
    world.pass(SECOND).await;
    assert_eq!(world.kv_keys().len(), 1);
    assert!(
        world.stored(ANNA)["state"].contains("\"user\":\"one\""),
        "not stored yet"
    );
    world.kill(ANNA);
    world.pass(20 * SECOND).await;
    assert_eq!(
        world.kv_keys().len(),
        1,
        "the pretend KV would not take other contents"
    );
    assert!(!world.stored(ANNA)["state"].contains("\"user\""));
    world.text(ANNA, "two").await;
    assert_eq!(users(&world.model_requests()[1]), ["one", "two"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_that_kv_did_not_take_is_kept_and_saved_later() {
    let world = World::new();
    world.text(ANNA, "one").await;
    world.pass(SECOND).await;
    world.kv_fails(true);
    assert_eq!(
        world.text(ANNA, "two").await,
        ["answer to two"],
        "the answer goes out all the same"
    );
    assert_eq!(world.text(ANNA, "three").await, ["answer to three"]);
    world.pass(20 * SECOND).await;
    world.kv_fails(false);
    world.kill(ANNA);
    world.text(ANNA, "four").await;
    assert_eq!(
        users(&world.model_requests()[3]),
        ["one", "two", "three", "four"]
    );
    assert!(world.events_named("kv_failed").len() >= 2);
    world.pass(600 * SECOND).await;
    assert!(
        !world.stored(ANNA)["state"].contains("\"user\""),
        "the object keeps no turn that KV has"
    );
    assert!(world.kv_values().last().unwrap().contains("three"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_conversation_that_kv_could_not_give_for_a_while_is_not_lost() {
    let world = World::new();
    world.text(ANNA, "one").await;
    world.pass(20 * SECOND).await;
    world.kill(ANNA);
    world.kv_fails(true);
    world.text(ANNA, "two").await;
    assert_eq!(
        users(&world.model_requests()[1]),
        ["two"],
        "the answer does not wait for KV"
    );
    assert_eq!(
        world.events_named("conversation_unreadable")[0]["reason"],
        "kv_failed"
    );
    world.kv_fails(false);
    world.kv_read_takes(20 * SECOND);
    let started = world.now();
    world.text(ANNA, "three").await;
    assert_eq!(users(&world.model_requests()[2]), ["two", "three"]);
    assert!(
        world.now().since(started) < 6 * SECOND,
        "nor for a slow one"
    );
    world.kv_read_takes(Duration::from_millis(5));
    world.text(ANNA, "four").await;
    assert_eq!(
        users(&world.model_requests()[3]),
        ["one", "two", "three", "four"]
    );
    world.pass(HOUR / 2).await;
    assert!(world.kv_values().last().unwrap().contains("one"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_that_ends_while_a_save_still_loads_the_conversation_is_not_lost() {
    let world = World::new();
    world.text(ANNA, "one").await;
    world.pass(SECOND).await;
    world.kv_fails(true);
    world.text(ANNA, "two").await;
    world.kill(ANNA);
    world.kv_fails(false);
    world.kv_read_takes(4 * SECOND);
    world.pass(6 * SECOND).await; // the alarm's save is loading
    world.kv_read_takes(Duration::ZERO);
    world.text(ANNA, "three").await;
    world.pass(20 * SECOND).await;
    world.kill(ANNA);
    world.text(ANNA, "four").await;
    assert_eq!(
        users(&world.model_requests()[3]),
        ["one", "two", "three", "four"]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_that_ends_while_kv_is_being_written_is_saved_too() {
    let world = World::new();
    world.kv_write_takes(2 * SECOND);
    world.text(ANNA, "one").await;
    world.text(ANNA, "two").await;
    world.pass(5 * SECOND).await;
    world.kill(ANNA);
    world.text(ANNA, "three").await;
    assert_eq!(users(&world.model_requests()[2]), ["one", "two", "three"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_reset_deletes_a_revision_whose_write_came_through_although_it_failed() {
    let world = World::new();
    world.kv_acts_and_fails(true);
    world.text(ANNA, "a private question").await;
    world.pass(SECOND).await;
    assert_eq!(world.kv_keys().len(), 1);
    world.kv_acts_and_fails(false);
    world.text(ANNA, "reset").await;
    world.pass(SECOND).await;
    assert!(world.kv_keys().is_empty());
}
