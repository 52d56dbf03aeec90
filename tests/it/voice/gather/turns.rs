//! Turns: words are answered by the next document, and the next turn knows what was said.
//!
//! Not here: answers that come late (`waits`).

use switchboard::http;

use super::{super::told, GATHER, greeted, platform};
use crate::support::{
    FakePlatform, Incoming, ORIGIN, SECOND, TOKEN,
    gather::{action, names, says},
    phone::{Call, streamed},
};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_is_greeted_and_listened_to_without_a_socket() {
    let fake = platform(&[]);
    let (_, document) = greeted(&fake).await;
    assert_eq!(names(&document), ["Gather", "Say"]);
    assert_eq!(says(&document), "Hello! How can I help you?");
    assert_eq!(
        action(&document),
        "https://example.com/twilio/voice/heard?document=1"
    );
    assert_eq!(document[0].attribute("timeout"), Some("12"));
    assert_eq!(document[0].attribute("actionOnEmptyResult"), Some("true"));
    assert_eq!(fake.call_minutes().await, 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn words_are_answered_whole_and_the_next_turn_knows_what_was_said() {
    let fake = platform(&[]);
    let (call, greeting) = greeted(&fake).await;
    fake.model([streamed(&["We open", " at **nine**", "."], 300)]);
    let first = call.tells(&greeting, "When do you open?").await;
    assert_eq!(names(&first), ["Gather", "Say"]);
    assert_eq!(says(&first), "We open at nine.");
    call.tells(&first, "And on Sundays?").await;
    assert_eq!(
        told(&fake),
        ["When do you open?", "We open at nine.", "And on Sundays?"]
    );
    let request = &fake.model_requests()[1];
    let prompt = request["messages"][0]["content"].as_str().unwrap();
    assert!(prompt.contains("on the phone"), "{prompt}");
    let turn = &fake.events_named("call_turn")[0];
    assert_eq!(turn["outcome"], "answered");
    assert!(
        turn["first_words_ms"].as_u64() >= Some(900),
        "no word goes out before the last: {turn}"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_webhook_that_comes_again_gets_the_same_answer_and_asks_nobody() {
    let fake = platform(&[("MAX_DAILY_CALL_MINUTES", "1")]);
    let (call, greeting) = greeted(&fake).await;
    assert_eq!(call.dial().await, greeting);
    fake.model([streamed(&["At nine."], 300), streamed(&["Other words."], 1)]);
    let (first, second) = futures_util::join!(
        call.tells(&greeting, "When do you open?"),
        call.tells(&greeting, "When do you open?")
    );
    assert_eq!(says(&first), "At nine.");
    assert_eq!(first, second);
    let late = call.tells(&greeting, "When do you open?").await;
    assert_eq!(first, late);
    assert_eq!(fake.model_requests().len(), 1);
    assert_eq!(fake.call_minutes().await, 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn keys_are_no_words_and_the_caller_is_heard_again_without_a_word() {
    let fake = platform(&[]);
    let (call, greeting) = greeted(&fake).await;
    let next = call
        .follows(action(&greeting), &[("Digits", "73190246")])
        .await;
    assert_eq!(names(&next), ["Gather"]);
    assert!(fake.model_requests().is_empty());
    let stored = fake.call_disk(&call.name()).text("call").unwrap();
    assert!(!stored.contains("73190246"), "{stored}");
    let answer = call.tells(&next, "Hello").await;
    assert_eq!(says(&answer), "answer to Hello");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_recording_is_announced_and_begins_once() {
    let file = "numbers = [\"+15550199\"]\nprompt = \"Be kind.\"\n[voice]\nrecord = true\n";
    let fake = FakePlatform::with_assistants(&[GATHER], &[("desk", file)]);
    let (call, greeting) = greeted(&fake).await;
    assert_eq!(names(&greeting), ["Start", "Recording", "Gather", "Say"]);
    assert!(says(&greeting).starts_with("This call is recorded. "));
    let answer = call.tells(&greeting, "Hello").await;
    assert_eq!(names(&answer), ["Gather", "Say"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_forged_request_of_a_document_is_refused_before_anything_happens() {
    let fake = platform(&[]);
    let (call, _) = greeted(&fake).await;
    let fields = |document: &str| {
        let fields = [("CallSid", call.sid.as_str()), ("SpeechResult", "Hello")];
        let fields: Vec<_> = fields
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let mut request = Incoming::signed(&fields);
        request.url = format!("{ORIGIN}/twilio/voice/heard?document={document}");
        request.sign(TOKEN, &fields);
        request
    };
    let config = fake.config().clone();
    for path in ["heard", "wait"] {
        let mut forged = fields("1");
        forged.url = format!("{ORIGIN}/twilio/voice/{path}?document=2");
        let response = http::handle(&fake, Ok(&config), &mut forged).await;
        assert_eq!(response.status, 403, "the number is signed, too");
        let mut get = Incoming::new("GET", &format!("/twilio/voice/{path}"));
        let response = http::handle(&fake, Ok(&config), &mut get).await;
        assert_eq!(response.status, 405);
    }
    for odd in ["", "x", "-1", "1&document=1"] {
        let response = http::handle(&fake, Ok(&config), &mut fields(odd)).await;
        assert_eq!(response.status, 400, "{odd}");
    }
    assert!(fake.model_requests().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_log_has_neither_words_nor_keys() {
    let fake = platform(&[]);
    let (call, greeting) = greeted(&fake).await;
    fake.model([streamed(&["Marzipan."], 10)]);
    let next = call.tells(&greeting, "Tiramisu?").await;
    call.follows(action(&next), &[("Digits", "7319")]).await;
    call.is_over().await;
    let log = fake.log_text();
    for secret in ["Tiramisu", "Marzipan", "7319", "5550100"] {
        assert!(!log.contains(secret), "{secret}");
    }
    assert_eq!(fake.events_named("call")[0]["turns"], 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn two_calls_know_nothing_of_each_other() {
    let fake = platform(&[]);
    let (first, greeting) = greeted(&fake).await;
    let second = Call::new(&fake, 2).from("+15550101");
    let other = second.dial().await;
    first.tells(&greeting, "I am Anna").await;
    second.tells(&other, "Who am I?").await;
    second.after(SECOND).await;
    assert!(!fake.model_requests()[1].to_string().contains("Anna"));
}
