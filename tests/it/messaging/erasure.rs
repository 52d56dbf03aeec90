//! DELETE MY DATA: everything goes, in storage and in KV, also what KV writes or deletes late.
//!
//! Not here: erasures by the operator (`operator`).

use switchboard::platform::Clock;

use super::{ERASED, ERASING, users};
use crate::support::{ANNA, Act, FakePlatform, SECOND, after, fresh_sid};

#[tokio::test(flavor = "local", start_paused = true)]
async fn delete_my_data_erases_what_was_said_cancels_what_is_under_way_and_confirms_once() {
    let platform = FakePlatform::new();
    for text in ["PLANTED one", "PLANTED two"] {
        platform.text(ANNA, text).await;
    }
    platform.model([after(8000, Act::Say("PLANTED answer"))]);
    let sid = fresh_sid();
    let (during, erased) = tokio::join!(platform.text(ANNA, "PLANTED three"), async {
        platform.pass(SECOND).await;
        platform.message(ANNA, "DELETE MY DATA!", &sid).await
    });
    assert_eq!((during, erased), (Vec::new(), vec![ERASED.to_owned()]));
    let left = format!("{:?} {:?}", platform.kv_values(), platform.stored(ANNA));
    assert!(
        !left.contains("PLANTED") && !left.contains("5550100"),
        "{left}"
    );
    assert!(
        !platform
            .stored(ANNA)
            .keys()
            .any(|key| key.starts_with("answer"))
    );
    let event = &platform.events_named("erased")[0];
    assert_eq!(event["by"], "contact");
    assert_eq!(
        event["erased"],
        serde_json::json!({ "turns": 2, "revisions": 2, "pending_messages": 1, "outbox_parts": 0, "answers": 2, "deliveries": 0 })
    );
    assert_eq!(
        platform.message(ANNA, "DELETE MY DATA!", &sid).await,
        [ERASED],
        "the same webhook, again"
    );
    platform.pass(30 * SECOND).await;
    assert!(platform.sent().is_empty());
    assert_eq!(platform.text(ANNA, "Hello").await, ["answer to Hello"]);
    assert_eq!(users(platform.model_requests().last().unwrap()), ["Hello"]);
    assert_eq!(platform.events_named("erased").len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_kv_does_not_delete_at_once_is_deleted_later_and_the_contact_is_told_the_truth() {
    let platform = FakePlatform::new();
    platform.text(ANNA, "PLANTED").await;
    platform.pass(SECOND).await;
    platform.kv_fails(true);
    let sid = fresh_sid();
    assert_eq!(
        platform.message(ANNA, "delete my data", &sid).await,
        [ERASING]
    );
    assert_eq!(platform.text(ANNA, "Hello").await, ["answer to Hello"]);
    assert_eq!(
        users(platform.model_requests().last().unwrap()),
        ["Hello"],
        "out of reach at once"
    );
    platform.kill(ANNA);
    platform.pass(60 * SECOND).await;
    assert!(platform.kv_values().concat().contains("PLANTED"));
    platform.kv_fails(false);
    platform.pass(60 * SECOND).await;
    assert!(!platform.kv_values().concat().contains("PLANTED"));
    assert_eq!(platform.kv_keys().len(), 1, "the new conversation stays");
    assert_eq!(
        platform.message(ANNA, "delete my data", &sid).await,
        [ERASED]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_revision_that_is_being_written_when_the_contact_erases_is_deleted_too() {
    let platform = FakePlatform::new();
    platform.kv_write_takes(3 * SECOND);
    platform.text(ANNA, "PLANTED").await;
    assert_eq!(platform.text(ANNA, "delete my data").await, [ERASED]);
    platform.pass(60 * SECOND).await;
    assert!(platform.kv_keys().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_write_that_failed_and_came_through_is_erased_also_after_a_later_one() {
    let platform = FakePlatform::new();
    platform.kv_acts_and_fails(true);
    platform.text(ANNA, "PLANTED one").await;
    platform.pass(SECOND).await;
    platform.kv_acts_and_fails(false);
    platform.text(ANNA, "PLANTED two").await;
    platform.pass(SECOND).await;
    assert_eq!(platform.kv_keys().len(), 2);
    assert_eq!(platform.text(ANNA, "delete my data").await, [ERASED]);
    assert!(platform.kv_keys().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_slow_kv_keeps_nobody_waiting_for_the_erasure() {
    let platform = FakePlatform::new();
    platform.kv_write_takes(40 * SECOND);
    platform.text(ANNA, "PLANTED").await;
    let began = platform.now();
    assert_eq!(platform.text(ANNA, "delete my data").await, [ERASING]);
    assert_eq!(platform.now().since(began), 10 * SECOND);
    platform.pass(60 * SECOND).await;
    assert!(platform.kv_keys().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_erasure_deletes_again_what_came_to_kv_after_a_reset_had_deleted_it() {
    let platform = FakePlatform::new();
    platform.text(ANNA, "a private question").await;
    platform.pass(SECOND).await;
    let (key, value) = (platform.kv_keys().remove(0), platform.kv_values().remove(0));
    platform.text(ANNA, "reset").await;
    platform.pass(SECOND).await;
    assert!(platform.kv_keys().is_empty());
    platform.write_kv(&key, &value);
    platform.text(ANNA, "delete my data").await;
    assert!(platform.kv_keys().is_empty());
}
