//! Digits that the assistant asks for without a socket: a document says how many there are, and gets all of them at once.
//!
//! Not here: keys that nobody has asked for (`turns`), and digits over a socket (`voice::digits`).

use std::time::Duration;

use serde_json::Value;

use super::{
    super::{
        digits::{DESK, QUESTION, asks},
        told,
    },
    GATHER, greeted,
};
use crate::support::{
    FakePlatform,
    gather::{action, names, redirect, says},
    phone::{Call, Verb, streamed},
};

/// A call whose caller has just been asked for so many digits, and the document that did so.
async fn asked(fake: &FakePlatform, most: u8) -> (Call, Vec<Verb>) {
    let (call, greeting) = greeted(fake).await;
    fake.model([asks(most)]);
    let question = call.tells(&greeting, "Where is my order?").await;
    assert_eq!(says(&question), QUESTION);
    (call, question)
}

fn desk() -> FakePlatform {
    FakePlatform::with_assistants(&[GATHER], &[("desk", DESK)])
}

/// How many keys a document takes. It takes none where Twilio does not listen to keys.
fn keys(document: &[Verb]) -> Option<&str> {
    let gather = document.iter().find(|verb| verb.name == "Gather").unwrap();
    let most = gather.attribute("numDigits");
    let input = if most.is_some() {
        "dtmf speech"
    } else {
        "speech"
    };
    assert_eq!(gather.attribute("input"), Some(input));
    assert_eq!(gather.attribute("finishOnKey"), most.map(|_| "#"));
    most
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn digits_are_asked_for_told_to_the_model_once_and_kept_nowhere() {
    let fake = desk();
    let (call, question) = asked(&fake, 8).await;
    assert_eq!(fake.model_requests().len(), 1);
    assert_eq!(keys(&question), Some("8"));
    fake.model([streamed(&["It comes today."], 10), streamed(&["Bye."], 10)]);
    let pressed = [("Digits", "4711"), ("FinishedOnKey", "#")];
    let answer = call.follows(action(&question), &pressed).await;
    assert_eq!(says(&answer), "It comes today.");
    assert_eq!(keys(&answer), None, "no more are asked for");
    assert_eq!(
        told(&fake),
        ["Where is my order?", QUESTION, "[keys pressed: 4711]"]
    );
    call.tells(&answer, "Thank you").await;
    assert_eq!(
        told(&fake)[2..],
        ["[keys pressed]", "It comes today.", "Thank you"]
    );
    let stored = fake.call_disk(&call.name()).text("call").unwrap();
    assert!(!stored.contains("4711"), "{stored}");
    assert!(!fake.log_text().contains("4711"));
    assert_eq!(fake.events_named("tool_called")[0]["tool"], "ask_digits");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn digits_that_come_again_are_answered_once_and_no_more_are_taken_than_were_asked_for() {
    let fake = desk();
    let (call, question) = asked(&fake, 8).await;
    fake.model([streamed(&["It comes today."], 300)]);
    let pressed = [("Digits", "0123456789")];
    let (first, second) = futures_util::join!(
        call.follows(action(&question), &pressed),
        call.follows(action(&question), &pressed)
    );
    assert_eq!(
        (says(&first).as_str(), &first),
        ("It comes today.", &second)
    );
    assert_eq!(told(&fake)[2..], ["[keys pressed: 01234567]"]);
    assert_eq!(fake.model_requests().len(), 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_end_of_an_entry_alone_says_that_there_is_no_digit() {
    for pressed in [
        [("Digits", ""), ("FinishedOnKey", "#")],
        [("Digits", "#47"), ("FinishedOnKey", "")],
    ] {
        let fake = desk();
        let (call, question) = asked(&fake, 8).await;
        call.follows(action(&question), &pressed).await;
        assert_eq!(told(&fake)[2..], ["[keys pressed: none]"]);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_caller_who_speaks_instead_is_answered_and_keys_after_that_say_nothing() {
    let fake = desk();
    let (call, question) = asked(&fake, 8).await;
    let answer = call.tells(&question, "I don't have it").await;
    assert_eq!(says(&answer), "answer to I don't have it");
    assert_eq!(keys(&answer), None);
    let next = call.follows(action(&answer), &[("Digits", "4")]).await;
    assert_eq!(names(&next), ["Gather"]);
    assert_eq!(fake.model_requests().len(), 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_caller_who_presses_nothing_is_silent_as_any_other_and_may_press_the_digits_then() {
    let fake = desk();
    let (call, question) = asked(&fake, 8).await;
    let nudge = call.is_silent(&question).await;
    assert_eq!(says(&nudge), "Are you still there?");
    assert_eq!(keys(&nudge), Some("8"));
    call.follows(action(&nudge), &[("Digits", "4711")]).await;
    assert_eq!(told(&fake)[2..], ["[keys pressed: 4711]"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn digits_whose_turn_was_lost_with_the_object_are_asked_about_once_more() {
    let fake = desk();
    let (call, question) = asked(&fake, 8).await;
    fake.model([
        streamed(&["Never heard."], 60_000),
        streamed(&["It comes today."], 10),
    ]);
    let wait = call.follows(action(&question), &[("Digits", "4711")]).await;
    fake.evict_call(&call.name());
    let answer = call.follows(redirect(&wait), &[]).await;
    assert_eq!(says(&answer), "It comes today.");
    assert_eq!(told(&fake)[2..], ["[keys pressed: 4711]"]);
    let stored = fake.call_disk(&call.name()).text("call").unwrap();
    assert!(!stored.contains("4711"), "{stored}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_caller_who_presses_its_digits_slowly_is_not_taken_for_gone() {
    let fake = desk();
    let (call, question) = asked(&fake, 16).await;
    // Each key comes just before Twilio would take the caller for silent.
    call.after(Duration::from_secs(16 * 12)).await;
    fake.model([streamed(&["It comes today."], 10)]);
    let pressed = [("Digits", "0815081508150815")];
    let answer = call.follows(action(&question), &pressed).await;
    assert_eq!(says(&answer), "It comes today.");
    assert!(fake.events_named("call_hung_up").is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn keys_are_taken_only_where_the_file_says_so() {
    for (voice, is_on) in [("ask_digits = true", true), ("", false)] {
        let file = format!("numbers = [\"+15550199\"]\nprompt = \"x\"\n[voice]\n{voice}");
        let fake = FakePlatform::with_assistants(&[GATHER], &[("desk", &file)]);
        let (call, greeting) = greeted(&fake).await;
        assert_eq!(keys(&greeting), None, "nobody has asked for any yet");
        call.tells(&greeting, "Hello").await;
        let request = &fake.model_requests()[0];
        let tools = request
            .get("tools")
            .map(Value::to_string)
            .unwrap_or_default();
        assert_eq!(tools.contains("ask_digits"), is_on, "{tools}");
        let prompt = request["messages"][0]["content"].as_str().unwrap();
        assert_eq!(prompt.contains("[keys pressed"), is_on);
    }
}
