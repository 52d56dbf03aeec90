//! Ending a call by REST: nobody tells of its end, and no paid minute goes on unseen.
//!
//! Not here: ends that somebody tells of (`ending`).

use std::time::Duration;

use crate::support::{Act, FakePlatform, TOKEN, after, phone::Call};

/// A call whose socket is lost, and Twilio never says what has become of it.
async fn lost(fake: &FakePlatform) -> Call {
    let call = Call::connected(fake).await;
    fake.phone(&call.name()).closed(1).await;
    call
}

fn outcome(fake: &FakePlatform) -> String {
    let events = fake.events_named("call_hung_up");
    assert_eq!(events.len(), 1, "{events:?}");
    events[0]["outcome"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_whose_socket_is_lost_and_of_which_nothing_is_heard_is_ended_by_rest() {
    let fake = FakePlatform::new();
    let call = lost(&fake).await;
    call.after(Duration::from_secs(29)).await;
    assert!(fake.calls_ended().is_empty(), "Twilio may still tell");
    call.after(Duration::from_secs(2)).await;
    assert_eq!(fake.calls_ended(), [call.sid.as_str()]);
    assert_eq!(outcome(&fake), "ended");
    assert_eq!(fake.events_named("call")[0]["ended_by"], "lost");
    assert!(!fake.log_text().contains(&call.sid));
    call.after(Duration::from_mins(11)).await;
    assert_eq!(fake.rest_tokens().len(), 1, "it is asked for once");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_session_that_twilio_does_not_end_is_ended_by_rest() {
    let fake = FakePlatform::with(&[("MAX_CALL_SECONDS", "30"), ("VOICE_SILENCE_SECONDS", "60")]);
    let call = Call::connected(&fake).await;
    call.after(Duration::from_secs(40)).await;
    assert_eq!(call.sent().last().unwrap()["type"], "end");
    call.after(Duration::from_secs(31)).await;
    assert_eq!(fake.calls_ended(), [call.sid.as_str()]);
    assert_eq!(fake.events_named("call")[0]["ended_by"], "time_up");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_whose_end_is_told_is_not_ended_by_rest() {
    let fake = FakePlatform::new();
    let mut call = lost(&fake).await;
    call.after(Duration::from_secs(29)).await;
    let verbs = call.ended("failed", "in-progress").await;
    call.open(&verbs).await;
    call.set_up().await;
    call.after(Duration::from_secs(5)).await;
    call.hangs_up().await;
    call.after(Duration::from_mins(11)).await;
    assert!(fake.rest_tokens().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_that_was_over_before_is_no_failure() {
    for act in [
        Act::Status(400, r#"{"code":21220}"#),
        Act::Status(404, r#"{"code":20404}"#),
    ] {
        let fake = FakePlatform::new();
        fake.twilio([act]);
        lost(&fake).await.after(Duration::from_secs(31)).await;
        assert_eq!(outcome(&fake), "over_before");
        assert_eq!(fake.events_named("call").len(), 1);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_request_without_an_answer_is_repeated_and_the_call_ends_once() {
    let fake = FakePlatform::new();
    fake.twilio([
        Act::Status(503, "{}"),
        Act::Later("1"),
        // Twilio has ended it, and the answer is lost.
        Act::ThenDrop,
    ]);
    let call = lost(&fake).await;
    call.after(Duration::from_secs(31)).await;
    assert!(fake.events_named("call").is_empty(), "it may go on");
    call.after(Duration::from_secs(20)).await;
    assert_eq!(fake.calls_ended(), [call.sid.as_str()]);
    assert_eq!(outcome(&fake), "over_before");
    assert_eq!(fake.events_named("call").len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_twilio_that_cannot_be_asked_is_given_up_and_that_is_logged() {
    let fake = FakePlatform::new();
    fake.twilio([Act::Drop, Act::Drop, Act::Drop, Act::Drop, Act::Drop]);
    let call = lost(&fake).await;
    call.after(Duration::from_mins(3)).await;
    assert_eq!(outcome(&fake), "unknown");
    assert_eq!(fake.rest_tokens().len(), 5);
    assert_eq!(fake.events_named("call")[0]["ended_by"], "lost");
}

/// Twilio is asked from second 52 on, and the minute is due at second 55. The call may go on, and be paid for.
#[tokio::test(flavor = "local", start_paused = true)]
async fn the_next_minute_is_reserved_while_a_call_without_a_socket_is_being_ended() {
    let fake = FakePlatform::with(&[("VOICE_SILENCE_SECONDS", "60")]);
    fake.twilio([Act::Drop, Act::Drop, Act::Drop]);
    let call = Call::connected(&fake).await;
    call.after(Duration::from_secs(22)).await;
    fake.phone(&call.name()).closed(1).await;
    call.after(Duration::from_secs(40)).await;
    assert_eq!(
        (fake.rest_tokens().len(), fake.call_minutes().await),
        (3, 2)
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn no_minute_is_reserved_for_a_session_that_was_ended() {
    let fake = FakePlatform::with(&[("MAX_CALL_SECONDS", "45"), ("VOICE_SILENCE_SECONDS", "60")]);
    fake.twilio([Act::Drop, Act::Drop]);
    let call = Call::connected(&fake).await;
    call.after(Duration::from_secs(95)).await;
    assert_eq!(
        (fake.rest_tokens().len(), fake.call_minutes().await),
        (3, 1)
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_that_goes_on_after_all_has_all_its_attempts_when_it_is_lost_again() {
    let fake = FakePlatform::new();
    fake.twilio([Act::Drop, Act::Drop, Act::Drop, Act::Drop]);
    let mut call = lost(&fake).await;
    call.after(Duration::from_secs(46)).await;
    assert_eq!(fake.rest_tokens().len(), 4);
    let verbs = call.ended("failed", "in-progress").await;
    call.open(&verbs).await;
    call.set_up().await;
    fake.phone(&call.name()).closed(call.session).await;
    fake.twilio([Act::Drop]);
    call.after(Duration::from_secs(40)).await;
    assert_eq!(fake.calls_ended(), [call.sid.as_str()]);
    assert_eq!(outcome(&fake), "ended");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_twilio_refuses_is_logged_with_its_code() {
    let fake = FakePlatform::new();
    fake.twilio([Act::Status(400, r#"{"code":20001}"#)]);
    lost(&fake).await.after(Duration::from_secs(31)).await;
    assert_eq!(outcome(&fake), "rejected");
    assert_eq!(fake.events_named("call_hung_up")[0]["code"], 20001);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_is_ended_although_the_token_that_signed_it_was_rotated_away() {
    const NEW: &str = "fedcba9876543210fedcba9876543210";
    let tokens = format!("{NEW},{TOKEN}");
    let fake = FakePlatform::with(&[("TWILIO_AUTH_TOKEN", &tokens)]);
    fake.twilio([Act::Status(401, r#"{"code":20003}"#)]);
    let call = lost(&fake).await;
    call.after(Duration::from_secs(31)).await;
    assert_eq!(fake.rest_tokens(), [TOKEN, NEW]);
    assert_eq!(outcome(&fake), "ended");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_end_that_is_told_while_twilio_is_asked_counts_once() {
    let fake = FakePlatform::new();
    fake.twilio([after(5000, Act::Say(""))]);
    let call = lost(&fake).await;
    call.after(Duration::from_secs(32)).await;
    call.ended("completed", "completed").await;
    call.after(Duration::from_secs(10)).await;
    let ends = fake.events_named("call");
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0]["ended_by"], "caller");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_is_ended_after_its_object_has_left_memory() {
    let fake = FakePlatform::new();
    fake.twilio([Act::Drop]);
    let call = lost(&fake).await;
    call.after(Duration::from_secs(31)).await;
    fake.evict_call(&call.name());
    call.after(Duration::from_secs(5)).await;
    assert_eq!(fake.calls_ended(), [call.sid.as_str()]);
    assert_eq!(outcome(&fake), "ended");
}
