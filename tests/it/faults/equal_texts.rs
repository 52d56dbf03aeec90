//! Two answers with the same text: the one that is sent by REST is not confused with the other.
//!
//! Not here: how sends are looked up (`messaging::outbox`).

use crate::support::{ANNA, Act, DAY, FakePlatform, SECOND, after};

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_by_rest_is_not_taken_for_sent_because_an_equal_one_went_out_by_webhook() {
    let platform = FakePlatform::new();
    platform.model([Act::Say("Yes."), after(12_000, Act::Say("Yes."))]);
    assert_eq!(platform.text(ANNA, "Is it so?").await, ["Yes."]);
    platform.twilio([after(50, Act::Drop)]);
    platform.text(ANNA, "Really?").await;
    platform.pass(120 * SECOND).await;
    assert_eq!(
        platform.sent(),
        ["Yes."],
        "it was dropped at first, and Twilio lists only the one by webhook"
    );
    assert_eq!(platform.events_named("outbox_part").len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_by_rest_is_not_taken_for_an_older_one_however_short_a_conversation_is_remembered()
 {
    let platform = FakePlatform::with(&[("CONVERSATION_TTL_SECONDS", "60")]);
    platform.model((0..2).map(|_| after(12_000, Act::Say("Yes."))));
    platform.text(ANNA, "Is it so?").await;
    platform.pass(30 * SECOND).await;
    platform.twilio([Act::Drop]);
    platform.text(ANNA, "Really?").await;
    platform.pass(120 * SECOND).await;
    assert_eq!(platform.sent(), ["Yes.", "Yes."]);
    platform.pass(2 * DAY).await;
    assert!(platform.stored(ANNA).is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_by_rest_is_not_taken_for_one_that_was_sent_before_an_erasure() {
    let platform = FakePlatform::new();
    platform.model((0..2).map(|_| after(12_000, Act::Say("Yes."))));
    platform.text(ANNA, "Is it so?").await;
    platform.pass(5 * SECOND).await;
    assert_eq!(platform.sent(), ["Yes."]);
    platform.text(ANNA, "delete my data").await;
    platform.twilio([Act::Drop]);
    platform.text(ANNA, "Really?").await;
    platform.pass(120 * SECOND).await;
    assert_eq!(platform.sent(), ["Yes.", "Yes."]);
}
