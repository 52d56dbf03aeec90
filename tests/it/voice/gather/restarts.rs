//! The object leaves memory: between documents nothing is lost, and in mid-turn the words are asked once more.

use super::{greeted, platform};
use crate::support::{
    SECOND,
    gather::{names, redirect, says},
    phone::streamed,
};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_goes_on_after_its_object_has_left_memory() {
    let fake = platform(&[]);
    let (call, greeting) = greeted(&fake).await;
    fake.model([streamed(&["Hi Anna."], 10)]);
    let first = call.tells(&greeting, "I am Anna").await;
    fake.evict_call(&call.name());
    assert_eq!(call.tells(&greeting, "I am Anna").await, first);
    call.tells(&first, "Who am I?").await;
    let request = &fake.model_requests()[1];
    assert_eq!(request["messages"].as_array().unwrap().len(), 4);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn words_whose_turn_was_lost_with_the_object_are_asked_once_more() {
    let fake = platform(&[]);
    let (call, greeting) = greeted(&fake).await;
    fake.model([
        streamed(&["Never heard."], 60_000),
        streamed(&["At nine."], 10),
    ]);
    let wait = call.tells(&greeting, "When do you open?").await;
    fake.evict_call(&call.name());
    call.after(SECOND).await;
    let answer = call.follows(redirect(&wait), &[]).await;
    assert_eq!(says(&answer), "At nine.");
    let request = &fake.model_requests()[1];
    assert_eq!(request["messages"][1]["content"], "When do you open?");
    assert_eq!(fake.model_requests().len(), 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn words_whose_turn_is_lost_twice_are_not_asked_a_third_time() {
    let fake = platform(&[]);
    let (call, greeting) = greeted(&fake).await;
    fake.model([streamed(&["No."], 60_000), streamed(&["No."], 60_000)]);
    let mut wait = call.tells(&greeting, "Hello").await;
    for _ in 0..2 {
        assert_eq!(names(&wait).last(), Some(&"Redirect"));
        fake.evict_call(&call.name());
        call.after(SECOND).await;
        wait = call.follows(redirect(&wait), &[]).await;
    }
    assert_eq!(
        says(&wait),
        "Sorry, something went wrong. Please say that again."
    );
    assert_eq!(fake.model_requests().len(), 2);
    let turn = &fake.events_named("call_turn")[0];
    assert_eq!(
        (&turn["outcome"], &turn["failure"]),
        (&"failed".into(), &"interrupted".into())
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_that_ended_while_nobody_waited_is_told_by_the_next_request() {
    let fake = platform(&[]);
    let (call, greeting) = greeted(&fake).await;
    fake.model([streamed(&["At nine."], 9000)]);
    let wait = call.tells(&greeting, "When do you open?").await;
    call.after(SECOND * 3).await;
    fake.evict_call(&call.name());
    let answer = call.follows(redirect(&wait), &[]).await;
    assert_eq!(says(&answer), "At nine.");
    assert_eq!(fake.model_requests().len(), 1);
}
