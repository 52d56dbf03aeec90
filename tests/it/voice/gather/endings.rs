//! The end of a call without a socket: silence, failures, goodbyes, persons, caps, and a Twilio that never asks again.

use std::time::Duration;

use super::{GATHER, greeted, platform};
use crate::support::{
    Act, FakePlatform, SECOND,
    gather::{action, names, redirect, says},
    phone::{Call, broken_off, calls, streamed},
};

const DESK: &str = r#"
numbers = ["+15550199"]
prompt = "Be kind."
end_conversation = true
[voice]
hand_off_to = "+15550150"
"#;

fn desk() -> FakePlatform {
    FakePlatform::with_assistants(&[GATHER], &[("desk", DESK)])
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_silent_caller_is_asked_once_and_then_the_call_ends() {
    let fake = platform(&[]);
    let (call, greeting) = greeted(&fake).await;
    let asked = call.is_silent(&greeting).await;
    assert_eq!(
        (names(&asked), says(&asked)),
        (vec!["Gather", "Say"], "Are you still there?".to_owned())
    );
    assert_eq!(call.is_silent(&greeting).await, asked, "it comes again");
    let goodbye = call.is_silent(&asked).await;
    assert_eq!(names(&goodbye), ["Say", "Hangup"]);
    assert_eq!(says(&goodbye), "Thank you for calling. Goodbye.");
    assert_eq!(call.is_silent(&asked).await, goodbye);
    call.is_over().await;
    assert_eq!(fake.events_named("call")[0]["ended_by"], "silence");
    assert!(fake.model_requests().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn silence_that_is_posted_twice_at_once_counts_once() {
    let fake = platform(&[]);
    let (call, greeting) = greeted(&fake).await;
    let (first, second) = futures_util::join!(call.is_silent(&greeting), call.is_silent(&greeting));
    assert_eq!(says(&first), "Are you still there?");
    assert_eq!(first, second);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_caller_that_speaks_again_is_asked_again_after_its_next_silence() {
    let fake = platform(&[]);
    let (call, mut document) = greeted(&fake).await;
    for _ in 0..3 {
        document = call.is_silent(&document).await;
        assert_eq!(says(&document), "Are you still there?");
        document = call.tells(&document, "Hm").await;
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_failure_is_excused_and_the_second_in_a_row_ends_the_call() {
    let fake = platform(&[]);
    let (call, greeting) = greeted(&fake).await;
    fake.model([
        broken_off(&["Half an", " answer"], 10),
        Act::Status(401, "{}"),
    ]);
    let sorry = call.tells(&greeting, "Hello").await;
    assert_eq!(
        says(&sorry),
        "Sorry, something went wrong. Please say that again.",
        "half an answer is not said"
    );
    let last = call.tells(&sorry, "Hello").await;
    assert_eq!(names(&last), ["Say", "Hangup"]);
    assert!(says(&last).contains("can't help you right now"));
    call.is_over().await;
    assert_eq!(fake.events_named("call")[0]["ended_by"], "failures");
    assert!(!fake.model_requests()[1].to_string().contains("Half an"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn two_failures_lead_to_the_person() {
    let fake = desk();
    let (call, greeting) = greeted(&fake).await;
    fake.model([Act::Status(401, "{}"), Act::Status(401, "{}")]);
    let sorry = call.tells(&greeting, "Hello").await;
    let dialled = call.tells(&sorry, "Hello").await;
    assert_eq!(names(&dialled), ["Say", "Dial", "Number"]);
    assert_eq!(dialled[2].text, "+15550150");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_model_hands_over_and_the_call_is_settled_when_that_was_said() {
    let fake = desk();
    let (call, greeting) = greeted(&fake).await;
    fake.model([
        calls("hand_off", r#"{"reason":"wants a person"}"#),
        streamed(&["I'll get someone."], 10),
    ]);
    let dialled = call.tells(&greeting, "A person, please").await;
    assert_eq!(names(&dialled), ["Say", "Dial", "Number"]);
    assert_eq!(
        says(&dialled),
        "I'll get someone. I'm putting you through to a person. Please hold the line."
    );
    assert_eq!(
        dialled[1].attribute("action"),
        Some("https://example.com/twilio/voice/dialled")
    );
    assert_eq!(call.tells(&greeting, "A person, please").await, dialled);
    call.after(Duration::from_secs(15)).await;
    assert_eq!(fake.events_named("call")[0]["ended_by"], "handed_off");
    assert!(fake.calls_ended().is_empty(), "the person talks on");
    let stored = fake.call_disk(&call.name()).text("call").unwrap();
    assert!(
        !stored.contains("get someone"),
        "what was said is forgotten"
    );
    let late = call.tells(&greeting, "A person, please").await;
    assert_eq!(names(&late), ["Dial", "Number"]);
    call.is_over().await;
    assert_eq!(fake.events_named("call").len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn half_an_answer_is_not_said_although_the_model_has_ended_the_call() {
    for (tool, arguments, said) in [
        (
            "hand_off",
            r#"{"reason":"x"}"#,
            "I'm putting you through to a person. Please hold the line.",
        ),
        ("end_conversation", "{}", "Thank you for calling. Goodbye."),
    ] {
        let fake = desk();
        let (call, greeting) = greeted(&fake).await;
        fake.model([calls(tool, arguments), broken_off(&["It was a plea"], 10)]);
        let last = call.tells(&greeting, "A person, please").await;
        assert_eq!(says(&last), said);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_caller_who_hangs_up_before_it_is_dialled_has_ended_the_call() {
    let fake = desk();
    let (call, greeting) = greeted(&fake).await;
    fake.model([
        calls("hand_off", r#"{"reason":"x"}"#),
        streamed(&["Yes."], 10),
    ]);
    call.tells(&greeting, "A person").await;
    call.is_over().await;
    assert_eq!(fake.events_named("call")[0]["ended_by"], "caller");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_model_says_goodbye_and_the_call_is_hung_up() {
    let fake = desk();
    let (call, greeting) = greeted(&fake).await;
    fake.model([
        calls("end_conversation", "{}"),
        streamed(&["Goodbye, Anna."], 10),
    ]);
    let goodbye = call.tells(&greeting, "That's all").await;
    assert_eq!(
        (names(&goodbye), says(&goodbye)),
        (vec!["Say", "Hangup"], "Goodbye, Anna.".to_owned())
    );
    call.is_over().await;
    assert_eq!(fake.events_named("call")[0]["ended_by"], "assistant");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_longest_call_ends_with_the_next_document() {
    let fake = platform(&[("MAX_CALL_SECONDS", "30")]);
    let (call, greeting) = greeted(&fake).await;
    call.after(Duration::from_secs(31)).await;
    let last = call.tells(&greeting, "Hello").await;
    assert_eq!(names(&last), ["Say", "Hangup"]);
    assert!(says(&last).contains("all the time we have"));
    assert!(
        fake.model_requests().is_empty(),
        "nothing is answered any more"
    );
    call.after(Duration::from_mins(1)).await;
    assert_eq!(fake.events_named("call")[0]["ended_by"], "time_up");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_whose_time_is_up_while_the_model_writes_says_so_at_once() {
    let fake = platform(&[("MAX_CALL_SECONDS", "30")]);
    let (call, greeting) = greeted(&fake).await;
    call.after(Duration::from_secs(28)).await;
    fake.model([streamed(&["Too late."], 7000)]);
    let last = call.tells(&greeting, "Hello").await;
    assert_eq!(names(&last), ["Say", "Hangup"]);
    assert!(says(&last).contains("all the time we have"), "{last:?}");
    assert_eq!(fake.model_in_flight(), 0);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_ends_with_a_sentence_before_a_minute_that_nobody_has() {
    let fake = platform(&[("MAX_DAILY_CALL_MINUTES", "2")]);
    let (call, mut document) = greeted(&fake).await;
    for _ in 0..8 {
        call.after(Duration::from_secs(10)).await;
        document = call.tells(&document, "Go on").await;
        assert_eq!(names(&document), ["Gather", "Say"]);
    }
    call.after(Duration::from_secs(15)).await;
    let last = call.tells(&document, "Go on").await;
    assert!(
        says(&last).contains("can't take more calls today"),
        "{last:?}"
    );
    call.is_over().await;
    let ended = &fake.events_named("call")[0];
    assert_eq!(
        (&ended["ended_by"], &ended["minutes"]),
        (&"daily_limit".into(), &2.into())
    );
    assert_eq!(fake.call_minutes().await, 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_minute_that_nobody_has_does_not_begin_although_twilio_does_not_ask() {
    let fake = platform(&[("MAX_DAILY_CALL_MINUTES", "1")]);
    let (call, greeting) = greeted(&fake).await;
    call.after(Duration::from_secs(54)).await;
    assert!(fake.calls_ended().is_empty(), "the minute is paid");
    call.after(Duration::from_secs(2)).await;
    assert_eq!(fake.calls_ended(), [call.sid.as_str()]);
    let ended = &fake.events_named("call")[0];
    assert_eq!(
        (&ended["ended_by"], &ended["minutes"]),
        (&"daily_limit".into(), &1.into())
    );
    assert_eq!(names(&call.tells(&greeting, "Hello").await), ["Hangup"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_whose_time_is_up_is_ended_by_rest_if_twilio_does_not_ask() {
    let fake = platform(&[("MAX_CALL_SECONDS", "30")]);
    let (call, _) = greeted(&fake).await;
    call.after(Duration::from_mins(1)).await;
    assert!(fake.calls_ended().is_empty(), "it may still ask");
    call.after(Duration::from_secs(15)).await;
    assert_eq!(fake.calls_ended(), [call.sid.as_str()]);
    assert_eq!(fake.events_named("call_hung_up")[0]["outcome"], "ended");
    assert_eq!(fake.events_named("call")[0]["ended_by"], "time_up");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_that_twilio_asks_about_after_all_goes_on_and_is_ended_anew_later() {
    let fake = platform(&[]);
    let (call, greeting) = greeted(&fake).await;
    fake.twilio([Act::Drop, Act::Drop, Act::Drop]);
    while fake.rest_tokens().len() < 3 {
        call.after(SECOND).await;
    }
    let next = call.tells(&greeting, "Hello").await;
    assert_eq!(names(&next), ["Gather", "Say"]);
    call.after(Duration::from_mins(1)).await;
    assert!(fake.events_named("call").is_empty());
    fake.twilio([Act::Drop, Act::Drop, Act::Drop]);
    call.after(Duration::from_mins(2)).await;
    assert_eq!(fake.calls_ended(), [call.sid.as_str()]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_day_without_requests_ends_the_call_politely() {
    let fake = platform(&[("MAX_DAILY_CALLS", "1")]);
    let (call, greeting) = greeted(&fake).await;
    let next = call.tells(&greeting, "One").await;
    let last = call.tells(&next, "Two").await;
    assert_eq!(names(&last), ["Say", "Hangup"]);
    assert!(says(&last).contains("call again tomorrow"));
    assert_eq!(fake.model_requests().len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn calls_and_minutes_are_admitted_as_over_a_socket() {
    let fake = platform(&[
        ("MAX_DAILY_CALL_MINUTES", "1"),
        ("CALL_RATE_LIMIT_PER_HOUR", "1"),
    ]);
    greeted(&fake).await;
    let often = Call::new(&fake, 2).dial().await;
    assert!(says(&often).contains("too often"), "{often:?}");
    let other = Call::new(&fake, 3).from("+15550101").dial().await;
    assert!(says(&other).contains("can't take more calls today"));
    assert_eq!(names(&other), ["Say", "Hangup"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_that_twilio_never_asks_about_again_is_over_and_its_minutes_are_settled_once() {
    let fake = platform(&[]);
    let (call, greeting) = greeted(&fake).await;
    call.tells(&greeting, "Secret words").await;
    call.after(Duration::from_secs(90)).await;
    assert!(
        fake.events_named("call").is_empty(),
        "the caller may still be talking"
    );
    call.after(Duration::from_mins(1)).await;
    assert_eq!(fake.events_named("call")[0]["ended_by"], "lost");
    assert_eq!(fake.calls_ended(), [call.sid.as_str()], "by REST");
    let minutes = fake.call_minutes().await;
    call.is_over().await;
    assert_eq!(fake.call_minutes().await, minutes);
    assert_eq!(fake.events_named("call").len(), 1);
    let late = call.tells(&greeting, "Hello?").await;
    assert_eq!(names(&late), ["Hangup"]);
    call.after(Duration::from_mins(11)).await;
    assert!(fake.call_disk(&call.name()).is_empty(), "nothing is left");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_caller_who_hangs_up_while_it_waits_ends_the_turn() {
    let fake = platform(&[]);
    let (call, greeting) = greeted(&fake).await;
    fake.model([streamed(&["Never heard."], 60_000)]);
    let wait = call.tells(&greeting, "Hello").await;
    call.is_over().await;
    call.after(SECOND).await;
    assert_eq!(fake.model_in_flight(), 0, "the request is aborted");
    assert_eq!(names(&call.follows(redirect(&wait), &[]).await), ["Hangup"]);
    assert_eq!(fake.events_named("call")[0]["ended_by"], "caller");
    assert_eq!(fake.call_minutes().await, 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_whose_state_is_damaged_is_hung_up() {
    let fake = platform(&[]);
    let (call, greeting) = greeted(&fake).await;
    let damaged = switchboard::platform::Stored::Unreadable;
    fake.call_disk(&call.name()).set("call", damaged);
    fake.evict_call(&call.name());
    let next = call
        .follows(action(&greeting), &[("SpeechResult", "Hello")])
        .await;
    assert_eq!(names(&next), ["Hangup"]);
}
