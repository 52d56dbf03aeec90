//! Everything is gone when the conversation expires, also when the alarm is late.
//!
//! Not here: erasures that somebody asks for (`erasure`).

use super::{left, users};
use crate::support::{ANNA, Act, FakePlatform, HOUR, SECOND, after, fresh_sid};

#[tokio::test(flavor = "local", start_paused = true)]
async fn everything_is_gone_when_the_conversation_expires() {
    let platform = FakePlatform::new();
    platform.text(ANNA, "Hello").await;
    platform.pass(HOUR.checked_sub(2 * SECOND).unwrap()).await;
    assert!(!platform.stored(ANNA).is_empty() && !platform.kv_keys().is_empty());
    platform.pass(4 * SECOND).await;
    assert_eq!(
        left(&platform, ANNA),
        ["state.share", "state.turns"],
        "how many requests the day has cost"
    );
    assert!(platform.kv_keys().is_empty());
    platform.text(ANNA, "again").await;
    assert_eq!(users(&platform.model_requests()[1]), ["again"]);
    platform.pass(24 * HOUR).await;
    assert!(
        platform.stored(ANNA).is_empty(),
        "{:?}",
        platform.stored(ANNA)
    );
    assert_eq!(platform.alarm(ANNA), None);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_expired_conversation_is_forgotten_although_the_alarm_is_late() {
    let platform = FakePlatform::new();
    platform.text(ANNA, "one").await;
    platform.pass(30 * SECOND).await;
    platform.alarms_late_by(600 * SECOND);
    platform.text(ANNA, "two").await;
    platform.pass(HOUR + SECOND).await;
    assert!(
        !platform.stored(ANNA).is_empty(),
        "the alarm has not rung yet"
    );
    platform.text(ANNA, "three").await;
    assert_eq!(users(&platform.model_requests()[2]), ["three"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_that_kv_never_took_expires_with_its_conversation() {
    let platform = FakePlatform::new();
    platform.kv_fails(true);
    platform.text(ANNA, "one").await;
    platform.alarms_late_by(600 * SECOND);
    platform.pass(HOUR + SECOND).await;
    platform.text(ANNA, "two").await;
    platform.kv_fails(false);
    platform.kill(ANNA);
    platform.text(ANNA, "three").await;
    assert_eq!(users(&platform.model_requests()[2]), ["two", "three"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_keeps_the_conversation_for_another_hour_and_old_answers_go_on_time() {
    let platform = FakePlatform::new();
    let sid = fresh_sid();
    platform.message(ANNA, "one", &sid).await;
    platform.pass(HOUR / 2).await;
    platform.text(ANNA, "two").await;
    platform.pass(HOUR / 2 + 60 * SECOND).await;
    platform.text(ANNA, "three").await;
    assert_eq!(
        users(&platform.model_requests()[2]),
        ["one", "two", "three"]
    );
    let state = platform.stored(ANNA)["state"].clone();
    assert!(!state.contains("answer to one"), "it is older than an hour");
    assert!(state.contains("answer to two") && state.contains("answer to three"));
    platform.pass(25 * HOUR).await;
    assert!(platform.stored(ANNA).is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_number_of_a_revision_is_not_given_again_while_kv_may_still_hold_it() {
    let platform = FakePlatform::with(&[("CONVERSATION_TTL_SECONDS", "60")]);
    platform.kv_fails(true);
    platform.text(ANNA, "one").await;
    platform.pass(30 * SECOND).await;
    platform.kv_fails(false);
    platform.pass(20 * SECOND).await;
    assert_eq!(
        platform.kv_keys().len(),
        1,
        "saved late, with the least lifetime that KV takes: beyond the conversation's"
    );
    platform.pass(20 * SECOND).await;
    platform.text(ANNA, "two").await;
    platform.pass(SECOND).await;
    let keys = platform.kv_keys();
    assert_eq!(
        keys.len(),
        2,
        "the fake KV refuses a key that changes: {keys:?}"
    );
    platform.pass(25 * HOUR).await;
    assert!(platform.stored(ANNA).is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn fixed_answers_alone_leave_nothing_behind_either() {
    let platform = FakePlatform::with(&[("RATE_LIMIT_PER_MINUTE", "1")]);
    platform.text(ANNA, "").await;
    platform.text(ANNA, "refused").await;
    platform.pass(25 * HOUR).await;
    assert!(
        platform.stored(ANNA).is_empty(),
        "{:?}",
        platform.stored(ANNA)
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_conversation_that_expires_during_a_turn_was_there_when_it_began() {
    let platform = FakePlatform::with(&[("CONVERSATION_TTL_SECONDS", "60")]);
    platform.text(ANNA, "one").await;
    platform.pass(55 * SECOND).await;
    platform.model([after(8000, Act::Say("slow"))]);
    assert_eq!(platform.text(ANNA, "two").await, ["slow"]);
    platform.text(ANNA, "three").await;
    assert_eq!(
        users(&platform.model_requests()[2]),
        ["one", "two", "three"]
    );
}
