//! Answers that come late: the caller is told to wait, and Twilio asks again for the same turn.

use std::time::Duration;

use super::{greeted, platform};
use crate::support::{
    SECOND,
    gather::{names, redirect, says},
    phone::streamed,
};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_late_answer_is_waited_for_with_a_filler_and_the_model_is_asked_once() {
    let fake = platform(&[]);
    let (call, greeting) = greeted(&fake).await;
    let begun = tokio::time::Instant::now();
    fake.model([streamed(&["One.", " Two.", " Three."], 7000)]);
    let wait = call.tells(&greeting, "Count").await;
    assert_eq!(begun.elapsed(), Duration::from_secs(8));
    assert_eq!(names(&wait), ["Say", "Redirect"]);
    assert_eq!(says(&wait), "One moment, please.");
    assert_eq!(
        redirect(&wait),
        "https://example.com/twilio/voice/wait?document=1"
    );
    let again = call.follows(redirect(&wait), &[]).await;
    assert_eq!(says(&again), "One moment, please.");
    let answer = call.follows(redirect(&again), &[]).await;
    assert_eq!(says(&answer), "One. Two. Three.");
    assert_eq!(names(&answer), ["Gather", "Say"]);
    assert_eq!(fake.model_requests().len(), 1);
    assert_eq!(call.follows(redirect(&again), &[]).await, answer);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_model_that_never_ends_is_waited_for_only_so_long() {
    let fake = platform(&[("OPENAI_TIMEOUT_MS", "30000")]);
    let (call, greeting) = greeted(&fake).await;
    fake.model([streamed(&[" and so on"; 100], 7000)]);
    let mut document = call.tells(&greeting, "Hello").await;
    let mut fillers = Vec::new();
    while names(&document).contains(&"Redirect") {
        fillers.push(says(&document));
        document = call.follows(redirect(&document), &[]).await;
    }
    assert_eq!(
        says(&document),
        "Sorry, something went wrong. Please say that again."
    );
    assert_eq!(
        fillers,
        ["One moment, please.", "One moment, please.", ""],
        "later it waits in silence"
    );
    assert_eq!(fake.model_in_flight(), 0);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_object_that_cannot_be_reached_is_asked_once_more_and_then_the_call_ends() {
    let fake = platform(&[]);
    let (call, greeting) = greeted(&fake).await;
    fake.call_disk(&call.name()).fails(true);
    fake.evict_call(&call.name());
    let wait = call.tells(&greeting, "Hello").await;
    assert_eq!(names(&wait), ["Redirect"]);
    let last = call.follows(redirect(&wait), &[]).await;
    assert_eq!(names(&last), ["Say", "Hangup"]);
    assert!(says(&last).contains("can't help you right now"));
    assert!(!fake.events_named("object_failed").is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn words_that_were_lost_on_their_way_are_asked_for_again() {
    let fake = platform(&[]);
    let (call, greeting) = greeted(&fake).await;
    fake.call_disk(&call.name()).fails(true);
    fake.evict_call(&call.name());
    let wait = call.tells(&greeting, "Hello").await;
    fake.call_disk(&call.name()).fails(false);
    let next = call.follows(redirect(&wait), &[]).await;
    assert_eq!(
        says(&next),
        "Sorry, something went wrong. Please say that again."
    );
    let answer = call.tells(&next, "Hello").await;
    assert_eq!(says(&answer), "answer to Hello");
    call.after(SECOND).await;
    assert_eq!(fake.model_requests().len(), 1);
}
