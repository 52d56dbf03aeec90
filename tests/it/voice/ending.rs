//! The end of a call: whoever says so first, it ends once, and nothing of it is left.

use std::time::Duration;

use serde_json::json;
use switchboard::platform::Clock;

use crate::support::{
    FakePlatform, SECOND,
    phone::{Call, streamed},
};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_ends_once_whatever_tells_of_it_and_in_whichever_order() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]] {
        let fake = FakePlatform::new();
        let call = Call::connected(&fake).await;
        fake.model([streamed(&["Secret words."], 10)]);
        call.says("Hello").await;
        call.after(SECOND).await;
        for who in order {
            match who {
                0 => fake.phone(&call.name()).closed(1).await,
                1 => drop(call.ended("completed", "completed").await),
                _ => {
                    let status = [
                        ("CallStatus", "completed"),
                        ("CallDuration", "9"),
                        ("SequenceNumber", "3"),
                    ];
                    assert_eq!(
                        call.response("/twilio/voice/status", &status).await.status,
                        204
                    );
                }
            }
        }
        assert_eq!(fake.events_named("call").len(), 1, "{order:?}");
        let stored = fake.call_disk(&call.name()).text("call").unwrap();
        assert!(
            !stored.contains("Secret words"),
            "what was said is forgotten at once"
        );
        call.after(Duration::from_mins(11)).await;
        assert!(fake.call_disk(&call.name()).is_empty(), "nothing is left");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_of_which_nobody_tells_the_end_is_over_after_its_socket_was_lost() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.phone(&call.name()).closed(1).await;
    call.after(Duration::from_secs(29)).await;
    assert!(fake.events_named("call").is_empty());
    call.after(Duration::from_secs(2)).await;
    assert_eq!(fake.events_named("call")[0]["ended_by"], "lost");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_that_never_opens_its_socket_is_over() {
    let fake = FakePlatform::new();
    let call = Call::new(&fake, 1);
    call.dial().await;
    call.after(Duration::from_secs(91)).await;
    assert_eq!(fake.events_named("call")[0]["ended_by"], "lost");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_silent_caller_is_asked_once_and_then_the_call_ends() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    call.after(Duration::from_secs(15)).await;
    assert_eq!(call.said(), "Are you still there?");
    call.after(Duration::from_secs(14)).await;
    let sent = call.sent();
    assert_eq!(sent[0]["token"], "Thank you for calling. Goodbye.");
    assert_eq!(sent[0]["interruptible"], false);
    assert_eq!(
        sent.len(),
        1,
        "the session ends when the sentence was played"
    );
    call.played().await;
    let sent = call.sent();
    assert_eq!(
        sent,
        [json!({ "type": "end", "handoffData": "{\"reason\":\"silence\"}" })]
    );
    let verbs = call.ended("ended", "in-progress").await;
    assert_eq!(verbs[0].name, "Hangup");
    assert_eq!(fake.events_named("call")[0]["ended_by"], "silence");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_caller_that_speaks_again_is_not_asked_for_its_silence() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    for _ in 0..5 {
        call.after(Duration::from_secs(10)).await;
        call.says("Hm").await;
        call.after(SECOND).await;
    }
    assert!(!call.said().contains("still there"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_longest_call_ends_with_a_sentence_even_if_it_is_never_played() {
    let fake = FakePlatform::with(&[("MAX_CALL_SECONDS", "30"), ("VOICE_SILENCE_SECONDS", "60")]);
    let call = Call::connected(&fake).await;
    call.after(Duration::from_secs(31)).await;
    assert!(call.said().contains("all the time we have"));
    call.after(Duration::from_secs(10)).await;
    assert_eq!(call.sent()[0]["type"], "end");
    call.after(Duration::from_secs(31)).await;
    assert_eq!(fake.events_named("call")[0]["ended_by"], "time_up");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_goodbye_that_is_cut_off_ends_the_call() {
    let fake = FakePlatform::with(&[("MAX_CALL_SECONDS", "30"), ("VOICE_SILENCE_SECONDS", "60")]);
    let call = Call::connected(&fake).await;
    call.after(Duration::from_secs(31)).await;
    call.sent();
    call.info("agentSpeaking", "on").await;
    call.cuts_in("I'm sorry").await;
    assert_eq!(call.sent()[0]["type"], "end");
    call.says("But").await;
    call.after(SECOND).await;
    assert!(
        fake.model_requests().is_empty(),
        "nothing is answered any more"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_budget_that_hangs_does_not_hold_up_what_comes_after_the_socket() {
    // Usage is reported, or the second minute is given back: it is reserved, and has not begun.
    for talks in [true, false] {
        let fake = FakePlatform::with(&[("VOICE_SILENCE_SECONDS", "120")]);
        let call = Call::connected(&fake).await;
        if talks {
            fake.model([streamed(&["Hi."], 10)]);
            call.says("Hello").await;
            call.after(SECOND).await;
        } else {
            call.after(Duration::from_secs(57)).await;
        }
        fake.budget_takes(Duration::from_mins(1));
        let began = fake.now();
        call.ended("completed", "completed").await;
        assert!(fake.now().since(began) < SECOND);
        assert_eq!(fake.events_named("call").len(), 1);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_socket_that_twilio_does_not_close_is_closed_when_the_call_is_given_up() {
    let fake = FakePlatform::with(&[("MAX_CALL_SECONDS", "30"), ("VOICE_SILENCE_SECONDS", "60")]);
    let call = Call::connected(&fake).await;
    call.after(Duration::from_secs(41)).await;
    assert!(fake.closed_sockets().is_empty());
    call.after(Duration::from_secs(31)).await;
    assert_eq!(fake.events_named("call")[0]["ended_by"], "time_up");
    assert_eq!(fake.closed_sockets(), [(1, 1000)]);
}
