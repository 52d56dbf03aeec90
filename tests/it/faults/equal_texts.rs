//! Two answers with the same text: the one that is sent by REST is not confused with the other.
//!
//! Not here: how sends are looked up (`messaging::outbox`).

use crate::support::{ANNA, Act, DAY, SECOND, World, after};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_late_answer_is_not_taken_for_sent_because_an_equal_one_went_out_inline() {
    let world = World::new();
    world.model([Act::Say("Yes."), after(12_000, Act::Say("Yes."))]);
    assert_eq!(world.text(ANNA, "Is it so?").await, ["Yes."]);
    world.twilio([after(50, Act::Drop)]);
    world.text(ANNA, "Really?").await;
    world.pass(120 * SECOND).await;
    assert_eq!(
        world.sent(),
        ["Yes."],
        "it was dropped at first, and Twilio lists the inline one only"
    );
    assert_eq!(world.events_named("late_part").len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_late_answer_is_not_taken_for_an_older_one_however_short_a_conversation_is_remembered() {
    let world = World::with(&[("CONVERSATION_TTL_SECONDS", "60")]);
    world.model((0..2).map(|_| after(12_000, Act::Say("Yes."))));
    world.text(ANNA, "Is it so?").await;
    world.pass(30 * SECOND).await;
    world.twilio([Act::Drop]);
    world.text(ANNA, "Really?").await;
    world.pass(120 * SECOND).await;
    assert_eq!(world.sent(), ["Yes.", "Yes."]);
    world.pass(2 * DAY).await;
    assert!(world.stored(ANNA).is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_late_answer_is_not_taken_for_one_that_was_sent_before_an_erasure() {
    let world = World::new();
    world.model((0..2).map(|_| after(12_000, Act::Say("Yes."))));
    world.text(ANNA, "Is it so?").await;
    world.pass(5 * SECOND).await;
    assert_eq!(world.sent(), ["Yes."]);
    world.text(ANNA, "delete my data").await;
    world.twilio([Act::Drop]);
    world.text(ANNA, "Really?").await;
    world.pass(120 * SECOND).await;
    assert_eq!(world.sent(), ["Yes.", "Yes."]);
}
