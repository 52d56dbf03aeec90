//! Turns of a call: words are spoken as they come, and the next turn knows what was said.
//!
//! Not here: interruptions (`barge_in`), and turns that fail (`failures`).

use std::time::Duration;

use crate::support::{
    FakePlatform, SECOND,
    phone::{Call, settle, streamed},
};

fn roles_and_texts(request: &serde_json::Value) -> Vec<(String, String)> {
    let messages = request["messages"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    messages[1..]
        .iter()
        .map(|message| (text(&message["role"]), text(&message["content"])))
        .collect()
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn words_are_sent_as_they_come_and_the_answer_is_closed_once() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([streamed(&["We", " open", " at **nine**", "."], 300)]);
    call.says("When do you open?").await;
    call.after(Duration::from_millis(350)).await;
    settle().await;
    let sent = call.sent();
    assert_eq!(
        (sent.len(), &sent[0]["token"], &sent[0]["last"]),
        (1, &"We".into(), &false.into())
    );
    call.after(SECOND).await;
    settle().await;
    let sent = call.sent();
    let tokens: String = sent
        .iter()
        .map(|frame| frame["token"].as_str().unwrap())
        .collect();
    assert_eq!(tokens, " open at nine.");
    let last: Vec<_> = sent.iter().map(|frame| frame["last"] == true).collect();
    assert_eq!(last.iter().filter(|last| **last).count(), 1);
    assert_eq!(last.last(), Some(&true));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_next_turn_knows_what_was_said_and_the_prompt_has_the_rules_of_the_phone() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([streamed(&["At nine."], 10)]);
    call.says("When do you open?").await;
    call.after(SECOND).await;
    call.says("And on Sundays?").await;
    call.after(SECOND).await;
    let requests = fake.model_requests();
    let pair = |role: &str, text: &str| (role.to_owned(), text.to_owned());
    assert_eq!(
        roles_and_texts(&requests[1]),
        [
            pair("user", "When do you open?"),
            pair("assistant", "At nine."),
            pair("user", "And on Sundays?")
        ]
    );
    assert_eq!(requests[0]["stream"], true);
    let prompt = requests[0]["messages"][0]["content"].as_str().unwrap();
    assert!(prompt.contains("on the phone"), "{prompt}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_server_that_does_not_stream_is_heard_all_the_same() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    call.says("Hello").await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "answer to Hello");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn words_that_come_in_pieces_are_one_turn() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([streamed(&["never said"], 2000), streamed(&["Sure."], 10)]);
    call.says("I would like").await;
    call.after(Duration::from_millis(900)).await;
    call.says("to book a table.").await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "Sure.");
    let requests = fake.model_requests();
    let last = &requests[1]["messages"].as_array().unwrap()[1..];
    assert_eq!(last.len(), 1);
    assert_eq!(last[0]["content"], "I would like to book a table.");
    assert_eq!(fake.model_at_once(), 1, "the first request was aborted");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_caller_that_waits_hears_a_filler_which_the_answer_may_cut_off() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([streamed(&["Found it."], 4000)]);
    call.says("Where is my order?").await;
    call.after(Duration::from_millis(2600)).await;
    let sent = call.sent();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(sent[0]["token"], "One moment, please.");
    assert_eq!(
        (&sent[0]["preemptible"], &sent[0]["last"]),
        (&true.into(), &true.into())
    );
    call.after(Duration::from_secs(3)).await;
    assert_eq!(call.said(), "Found it.");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_is_no_speech_is_not_answered() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    call.says("  ").await;
    call.info("clientSpeaking", "on").await;
    call.frame(serde_json::json!({ "type": "prompt", "voicePrompt": "I wo", "last": false }))
        .await;
    call.frame(serde_json::json!({ "type": "a type of tomorrow" }))
        .await;
    call.frame(serde_json::json!({ "type": "dtmf", "digit": "5" }))
        .await;
    call.after(SECOND).await;
    assert!(fake.model_requests().is_empty() && call.sent().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_goes_on_after_its_object_has_left_memory() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([streamed(&["Hi Anna."], 10)]);
    call.says("I am Anna").await;
    call.after(SECOND).await;
    fake.evict_call(&call.name());
    call.says("Who am I?").await;
    call.after(SECOND).await;
    let requests = fake.model_requests();
    assert_eq!(requests[1]["messages"].as_array().unwrap().len(), 4);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_log_has_numbers_of_a_turn_and_none_of_its_words() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([streamed(&["Marzipan."], 700)]);
    call.says("Tiramisu?").await;
    call.after(Duration::from_secs(2)).await;
    call.hangs_up().await;
    let turn = &fake.events_named("call_turn")[0];
    assert_eq!(turn["outcome"], "answered");
    assert!((700..720).contains(&turn["first_words_ms"].as_u64().unwrap()));
    let ended = &fake.events_named("call")[0];
    assert_eq!(
        (&ended["ended_by"], &ended["turns"], &ended["minutes"]),
        (&"caller".into(), &1.into(), &1.into())
    );
    let log = fake.log_text();
    for secret in ["Marzipan", "Tiramisu", "15550100", &call.sid] {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_prompt_that_comes_twice_is_answered_once() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([streamed(&["Yes.", " Sure."], 50)]);
    call.says("Hello").await;
    call.after(Duration::from_millis(80)).await;
    call.says("Hello").await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "Yes. Sure.");
    assert_eq!(fake.model_requests().len(), 1);
    call.says("Hello").await;
    call.after(SECOND).await;
    assert_eq!(fake.model_requests().len(), 2, "later it is said again");
}
