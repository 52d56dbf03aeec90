//! DELETE MY DATA: everything goes, in storage and in KV, also what KV writes or deletes late.
//!
//! Not here: erasures by the operator (`operator`).

use switchboard::platform::Clock;

use super::{ERASED, ERASING, users};
use crate::support::{ANNA, Act, SECOND, World, after, fresh_sid};

#[tokio::test(flavor = "local", start_paused = true)]
async fn delete_my_data_erases_what_was_said_cancels_what_is_under_way_and_confirms_once() {
    let world = World::new();
    for text in ["PLANTED one", "PLANTED two"] {
        world.text(ANNA, text).await;
    }
    world.model([after(8000, Act::Say("PLANTED answer"))]);
    let sid = fresh_sid();
    let (during, erased) = tokio::join!(world.text(ANNA, "PLANTED three"), async {
        world.pass(SECOND).await;
        world.message(ANNA, "DELETE MY DATA!", &sid).await
    });
    assert_eq!((during, erased), (Vec::new(), vec![ERASED.to_owned()]));
    let left = format!("{:?} {:?}", world.kv_values(), world.stored(ANNA));
    assert!(
        !left.contains("PLANTED") && !left.contains("5550100"),
        "{left}"
    );
    assert!(
        !world
            .stored(ANNA)
            .keys()
            .any(|key| key.starts_with("answer"))
    );
    let event = &world.events_named("erased")[0];
    assert_eq!(event["by"], "sender");
    assert_eq!(
        event["erased"],
        serde_json::json!({ "turns": 2, "revisions": 2, "pending_messages": 1, "waiting_sends": 0, "answers": 2 })
    );
    assert_eq!(
        world.message(ANNA, "DELETE MY DATA!", &sid).await,
        [ERASED],
        "the same webhook, again"
    );
    world.pass(30 * SECOND).await;
    assert!(world.sent().is_empty());
    assert_eq!(world.text(ANNA, "Hello").await, ["answer to Hello"]);
    assert_eq!(users(world.model_requests().last().unwrap()), ["Hello"]);
    assert_eq!(world.events_named("erased").len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_kv_does_not_delete_at_once_is_deleted_later_and_the_sender_is_told_the_truth() {
    let world = World::new();
    world.text(ANNA, "PLANTED").await;
    world.pass(SECOND).await;
    world.kv_fails(true);
    let sid = fresh_sid();
    assert_eq!(world.message(ANNA, "delete my data", &sid).await, [ERASING]);
    assert_eq!(world.text(ANNA, "Hello").await, ["answer to Hello"]);
    assert_eq!(
        users(world.model_requests().last().unwrap()),
        ["Hello"],
        "out of reach at once"
    );
    world.kill(ANNA);
    world.pass(60 * SECOND).await;
    assert!(world.kv_values().concat().contains("PLANTED"));
    world.kv_fails(false);
    world.pass(60 * SECOND).await;
    assert!(!world.kv_values().concat().contains("PLANTED"));
    assert_eq!(world.kv_keys().len(), 1, "the new conversation stays");
    assert_eq!(world.message(ANNA, "delete my data", &sid).await, [ERASED]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_revision_that_is_being_written_when_the_sender_erases_is_deleted_too() {
    let world = World::new();
    world.kv_write_takes(3 * SECOND);
    world.text(ANNA, "PLANTED").await;
    assert_eq!(world.text(ANNA, "delete my data").await, [ERASED]);
    world.pass(60 * SECOND).await;
    assert!(world.kv_keys().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_write_that_failed_and_came_through_is_erased_also_after_a_later_one() {
    let world = World::new();
    world.kv_acts_and_fails(true);
    world.text(ANNA, "PLANTED one").await;
    world.pass(SECOND).await;
    world.kv_acts_and_fails(false);
    world.text(ANNA, "PLANTED two").await;
    world.pass(SECOND).await;
    assert_eq!(world.kv_keys().len(), 2);
    assert_eq!(world.text(ANNA, "delete my data").await, [ERASED]);
    assert!(world.kv_keys().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_slow_kv_keeps_nobody_waiting_for_the_erasure() {
    let world = World::new();
    world.kv_write_takes(40 * SECOND);
    world.text(ANNA, "PLANTED").await;
    let began = world.now();
    assert_eq!(world.text(ANNA, "delete my data").await, [ERASING]);
    assert_eq!(world.now().since(began), 10 * SECOND);
    world.pass(60 * SECOND).await;
    assert!(world.kv_keys().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_erasure_deletes_again_what_came_to_kv_after_a_reset_had_deleted_it() {
    let world = World::new();
    world.text(ANNA, "a private question").await;
    world.pass(SECOND).await;
    let (key, value) = (world.kv_keys().remove(0), world.kv_values().remove(0));
    world.text(ANNA, "reset").await;
    world.pass(SECOND).await;
    assert!(world.kv_keys().is_empty());
    world.write_kv(&key, &value);
    world.text(ANNA, "delete my data").await;
    assert!(world.kv_keys().is_empty());
}
