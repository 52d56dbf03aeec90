//! Turns that fail: the caller always hears something, and never an error.

use std::time::Duration;

use crate::support::{
    Act, FakePlatform, SECOND,
    phone::{Call, broken_off, streamed},
};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_failure_is_excused_and_the_second_in_a_row_ends_the_call() {
    let fake = FakePlatform::with(&[("OPENAI_TIMEOUT_MS", "1000")]);
    let call = Call::connected(&fake).await;
    fake.model([
        Act::Status(401, "{\"error\":\"bad key\"}"),
        Act::Status(401, "{}"),
    ]);
    call.says("Hello").await;
    call.after(SECOND).await;
    assert_eq!(
        call.said(),
        "Sorry, something went wrong. Please say that again."
    );
    call.says("Hello").await;
    call.after(SECOND).await;
    assert!(call.said().contains("can't help you right now"));
    call.played().await;
    assert_eq!(call.sent()[0]["type"], "end");
    assert_eq!(fake.events_named("call_turn")[1]["outcome"], "failed");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_after_a_failure_makes_the_next_failure_the_first_again() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    for act in [
        Act::Status(401, "{}"),
        streamed(&["Yes."], 1),
        Act::Status(401, "{}"),
    ] {
        fake.model([act]);
        call.says("Hello").await;
        call.after(SECOND).await;
    }
    assert!(call.said().ends_with("Please say that again."));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_that_breaks_off_is_closed_and_excused_and_never_taken_for_whole() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([broken_off(&["Half an", " answer"], 10)]);
    call.says("Hello").await;
    call.after(SECOND).await;
    let sent = call.sent();
    let tokens: Vec<_> = sent
        .iter()
        .map(|frame| frame["token"].as_str().unwrap())
        .collect();
    assert_eq!(
        tokens.concat(),
        "Half an answerSorry, something went wrong. Please say that again."
    );
    assert_eq!(
        fake.model_requests().len(),
        1,
        "what was heard is not asked for anew"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_request_that_may_pass_is_tried_again_before_a_word_was_said() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([Act::Status(503, "{}"), streamed(&["Here."], 10)]);
    call.says("Hello").await;
    call.after(Duration::from_secs(5)).await;
    assert!(call.said().ends_with("Here."));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_day_without_requests_ends_the_call_politely() {
    let fake = FakePlatform::with(&[("MAX_DAILY_CALLS", "1")]);
    let call = Call::connected(&fake).await;
    call.says("One").await;
    call.after(SECOND).await;
    call.sent();
    call.says("Two").await;
    call.after(SECOND).await;
    assert!(call.said().contains("call again tomorrow"));
    assert_eq!(fake.model_requests().len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_caller_without_requests_left_is_not_answered_and_others_are() {
    let fake = FakePlatform::with(&[("MAX_DAILY_CALLS_PER_CONTACT", "1")]);
    let call = Call::connected(&fake).await;
    call.says("One").await;
    call.after(SECOND).await;
    call.says("Two").await;
    call.after(SECOND).await;
    assert!(call.said().contains("call again tomorrow"));
    let mut other = Call::new(&fake, 2).from("+15550101");
    let verbs = other.dial().await;
    other.open(&verbs).await;
    other.set_up().await;
    other.says("One").await;
    other.after(SECOND).await;
    assert_eq!(fake.model_requests().len(), 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_model_that_says_nothing_is_a_failure() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([streamed(&[], 1)]);
    call.says("Hello").await;
    call.after(Duration::from_secs(30)).await;
    assert!(call.said().contains("Please say that again"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn half_a_link_of_an_answer_that_broke_off_is_not_read_out() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([broken_off(&["See ", "[our page](https://exa"], 10)]);
    call.says("Where?").await;
    call.after(SECOND).await;
    assert!(call.said().starts_with("See Sorry"));
}
