//! Everything is gone when the conversation expires, also when the alarm is late.
//!
//! Not here: erasures that somebody asks for (`erasure`).

use super::{left, users};
use crate::support::{ANNA, Act, HOUR, SECOND, World, after, fresh_sid};

#[tokio::test(flavor = "local", start_paused = true)]
async fn everything_is_gone_when_the_conversation_expires() {
    let world = World::new();
    world.text(ANNA, "Hello").await;
    world.pass(HOUR - 2 * SECOND).await;
    assert!(!world.stored(ANNA).is_empty() && !world.kv_keys().is_empty());
    world.pass(4 * SECOND).await;
    assert_eq!(
        left(&world, ANNA),
        ["state.today", "state.turns"],
        "how many requests the day has cost"
    );
    assert!(world.kv_keys().is_empty());
    world.text(ANNA, "again").await;
    assert_eq!(users(&world.model_requests()[1]), ["again"]);
    world.pass(24 * HOUR).await;
    assert!(world.stored(ANNA).is_empty(), "{:?}", world.stored(ANNA));
    assert_eq!(world.alarm(ANNA), None);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_expired_conversation_is_forgotten_although_the_alarm_is_late() {
    let world = World::new();
    world.text(ANNA, "one").await;
    world.pass(30 * SECOND).await;
    world.alarms_late_by(600 * SECOND);
    world.text(ANNA, "two").await;
    world.pass(HOUR + SECOND).await;
    assert!(!world.stored(ANNA).is_empty(), "the alarm has not rung yet");
    world.text(ANNA, "three").await;
    assert_eq!(users(&world.model_requests()[2]), ["three"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_that_kv_never_took_expires_with_its_conversation() {
    let world = World::new();
    world.kv_fails(true);
    world.text(ANNA, "one").await;
    world.alarms_late_by(600 * SECOND);
    world.pass(HOUR + SECOND).await;
    world.text(ANNA, "two").await;
    world.kv_fails(false);
    world.kill(ANNA);
    world.text(ANNA, "three").await;
    assert_eq!(users(&world.model_requests()[2]), ["two", "three"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_keeps_the_conversation_for_another_hour_and_old_answers_go_on_time() {
    let world = World::new();
    let sid = fresh_sid();
    world.message(ANNA, "one", &sid).await;
    world.pass(HOUR / 2).await;
    world.text(ANNA, "two").await;
    world.pass(HOUR / 2 + 60 * SECOND).await;
    world.text(ANNA, "three").await;
    assert_eq!(users(&world.model_requests()[2]), ["one", "two", "three"]);
    let state = world.stored(ANNA)["state"].clone();
    assert!(!state.contains("answer to one"), "it is older than an hour");
    assert!(state.contains("answer to two") && state.contains("answer to three"));
    world.pass(25 * HOUR).await;
    assert!(world.stored(ANNA).is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_number_of_a_revision_is_not_given_again_while_kv_may_still_hold_it() {
    let world = World::with(&[("CONVERSATION_TTL_SECONDS", "60")]);
    world.kv_fails(true);
    world.text(ANNA, "one").await;
    world.pass(30 * SECOND).await;
    world.kv_fails(false);
    world.pass(20 * SECOND).await;
    assert_eq!(
        world.kv_keys().len(),
        1,
        "saved late, with the least lifetime that KV takes: beyond the conversation's"
    );
    world.pass(20 * SECOND).await;
    world.text(ANNA, "two").await;
    world.pass(SECOND).await;
    let keys = world.kv_keys();
    assert_eq!(
        keys.len(),
        2,
        "the pretend KV refuses a key that changes: {keys:?}"
    );
    world.pass(25 * HOUR).await;
    assert!(world.stored(ANNA).is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn fixed_answers_alone_leave_nothing_behind_either() {
    let world = World::with(&[("RATE_LIMIT_PER_MINUTE", "1")]);
    world.text(ANNA, "").await;
    world.text(ANNA, "refused").await;
    world.pass(25 * HOUR).await;
    assert!(world.stored(ANNA).is_empty(), "{:?}", world.stored(ANNA));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_conversation_that_expires_during_a_turn_was_there_when_it_began() {
    let world = World::with(&[("CONVERSATION_TTL_SECONDS", "60")]);
    world.text(ANNA, "one").await;
    world.pass(55 * SECOND).await;
    world.model([after(8000, Act::Say("slow"))]);
    assert_eq!(world.text(ANNA, "two").await, ["slow"]);
    world.text(ANNA, "three").await;
    assert_eq!(users(&world.model_requests()[2]), ["one", "two", "three"]);
}
