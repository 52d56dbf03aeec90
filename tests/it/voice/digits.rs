//! Digits that the assistant asks for and the caller presses: the tool `ask_digits`.
//!
//! Not here: what its arguments must be (`src/conversation/model_run/tools/built_in.rs`).

use std::time::Duration;

use serde_json::{Value, json};

use super::told;
use crate::support::{
    Act, FakePlatform, Piece, SECOND,
    phone::{Call, calls, settle, streamed},
};

pub(super) const DESK: &str = r#"
numbers = ["+15550199"]
prompt = "Be kind."
[voice]
ask_digits = true
"#;
pub(super) const QUESTION: &str = "Please enter your order number.";

fn desk() -> FakePlatform {
    FakePlatform::with_assistants(&[], &[("desk", DESK)])
}

/// The model asks for so many digits.
pub(super) fn asks(most: u8) -> Act {
    let arguments = json!({ "question": QUESTION, "max_digits": most });
    calls("ask_digits", &arguments.to_string())
}

/// A call in which the caller has just been asked for so many digits.
async fn asked(fake: &FakePlatform, most: u8) -> Call {
    let call = Call::connected(fake).await;
    fake.model([asks(most)]);
    call.says("Where is my order?").await;
    call.after(SECOND).await;
    assert_eq!(call.said(), QUESTION);
    call
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn digits_are_asked_for_told_to_the_model_once_and_kept_nowhere() {
    let fake = desk();
    let call = asked(&fake, 8).await;
    assert_eq!(
        fake.model_requests().len(),
        1,
        "no request follows the question"
    );
    fake.model([streamed(&["It comes today."], 10), streamed(&["Bye."], 10)]);
    call.presses("4711#").await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "It comes today.");
    let [question, keys] = [QUESTION, "[keys pressed: 4711]"];
    assert_eq!(told(&fake), ["Where is my order?", question, keys]);
    call.says("Thank you").await;
    call.after(SECOND).await;
    assert_eq!(
        told(&fake)[2..],
        ["[keys pressed]", "It comes today.", "Thank you"]
    );
    assert!(
        !fake
            .call_disk(&call.name())
            .text("call")
            .unwrap()
            .contains("4711")
    );
    let called = &fake.events_named("tool_called")[0];
    assert_eq!(
        (&called["tool"], &called["outcome"]),
        (&"ask_digits".into(), &"answered".into())
    );
    assert!(!fake.log_text().contains("4711"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_last_digit_ends_an_entry_and_a_hash_behind_it_says_nothing() {
    let fake = desk();
    let call = asked(&fake, 4).await;
    fake.model([streamed(&["It comes", " today."], 300)]);
    call.presses("0815").await;
    call.after(Duration::from_millis(400)).await;
    call.presses("#1").await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "It comes today.");
    assert_eq!(told(&fake).last().unwrap(), "[keys pressed: 0815]");
    assert_eq!(fake.model_requests().len(), 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_pause_ends_an_entry_and_the_object_may_leave_memory_between_two_keys() {
    let fake = desk();
    let call = asked(&fake, 8).await;
    for key in ["4", "7", "*", "1"] {
        fake.evict_call(&call.name());
        call.after(Duration::from_millis(4900)).await;
        call.presses(key).await;
    }
    fake.evict_call(&call.name());
    call.after(Duration::from_millis(4900)).await;
    assert_eq!(fake.model_requests().len(), 1);
    call.after(SECOND).await;
    assert_eq!(told(&fake).last().unwrap(), "[keys pressed: 47*1]");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_caller_who_speaks_instead_is_answered_and_its_keys_are_dropped() {
    let fake = desk();
    let call = asked(&fake, 8).await;
    call.presses("47").await;
    call.says("I don't have it").await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "answer to I don't have it");
    call.presses("11#").await;
    call.after(Duration::from_secs(6)).await;
    assert_eq!(fake.model_requests().len(), 2);
    assert!(
        !fake
            .call_disk(&call.name())
            .text("call")
            .unwrap()
            .contains("47")
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_caller_who_goes_on_before_the_answer_is_answered_with_its_digits() {
    let fake = desk();
    let call = asked(&fake, 4).await;
    fake.model([streamed(&["never said"], 2000)]);
    call.presses("4711").await;
    call.after(SECOND).await;
    call.says("Hello?").await;
    call.after(SECOND).await;
    assert_eq!(told(&fake).last().unwrap(), "[keys pressed: 4711] Hello?");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_caller_who_presses_nothing_is_silent_as_any_other() {
    let fake = desk();
    let call = asked(&fake, 4).await;
    call.after(Duration::from_secs(15)).await;
    assert_eq!(call.said(), "Are you still there?");
    call.presses("47").await;
    call.after(Duration::from_secs(4)).await;
    call.presses("11").await;
    call.after(SECOND).await;
    assert_eq!(told(&fake).last().unwrap(), "[keys pressed: 4711]");
    call.after(Duration::from_secs(20)).await;
    call.after(Duration::from_secs(14)).await;
    assert!(call.said().ends_with("Goodbye."));
    let requests = fake.model_requests().len();
    call.presses("1#").await;
    call.after(SECOND).await;
    assert_eq!(fake.model_requests().len(), requests, "the call is ending");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_entry_that_a_lost_socket_broke_off_begins_anew() {
    let fake = desk();
    let mut call = asked(&fake, 8).await;
    call.presses("47").await;
    fake.phone(&call.name()).closed(call.session).await;
    call.after(Duration::from_secs(6)).await;
    assert_eq!(
        fake.model_requests().len(),
        1,
        "nobody could hear the answer"
    );
    let verbs = call.ended("failed", "in-progress").await;
    call.open(&verbs).await;
    call.set_up().await;
    assert_eq!(call.said(), QUESTION);
    call.presses("0815#").await;
    call.after(SECOND).await;
    assert_eq!(told(&fake).last().unwrap(), "[keys pressed: 0815]");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_a_lost_socket_cut_off_before_a_question_for_digits_is_answered_anew_with_it() {
    let fake = desk();
    let mut call = Call::connected(&fake).await;
    call.info("tokensPlayed", "Hello! ").await;
    let Act::Stream(mut pieces) = streamed(&["I can look it up. "], 10) else {
        panic!();
    };
    // The call of the tool comes instead of the end.
    pieces.truncate(2);
    let Act::Stream(asks) = asks(4) else {
        panic!();
    };
    pieces.extend(asks);
    fake.model([Act::Stream(pieces), streamed(&["Once more."], 10)]);
    call.says("Where is my order?").await;
    call.after(SECOND).await;
    assert_eq!(call.said(), format!("I can look it up. {QUESTION}"));
    call.reconnects().await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "Once more.");
    assert_eq!(told(&fake), ["Where is my order?"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn digits_whose_answer_a_restart_or_a_lost_socket_broke_off_are_answered_on_the_next_socket()
{
    for restarts in [true, false] {
        let fake = desk();
        let mut call = asked(&fake, 4).await;
        fake.model([
            streamed(&["never said"], 2000),
            streamed(&["It comes today."], 10),
        ]);
        call.presses("4711").await;
        call.after(SECOND).await;
        if restarts {
            fake.evict_call(&call.name());
        }
        call.reconnects().await;
        call.after(SECOND).await;
        assert_eq!(call.said(), "It comes today.", "{restarts}");
        assert_eq!(told(&fake)[2..], ["[keys pressed: 4711]"]);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn who_cuts_the_question_off_may_still_press_the_digits() {
    let fake = desk();
    let call = asked(&fake, 4).await;
    call.cuts_in("Please enter").await;
    call.presses("4711").await;
    call.after(SECOND).await;
    assert_eq!(
        told(&fake),
        [
            "Where is my order?",
            "Please enter [the caller cut in]",
            "[keys pressed: 4711]"
        ]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_question_that_is_cut_off_after_its_digits_ends_where_it_was_cut() {
    let fake = desk();
    let call = asked(&fake, 4).await;
    fake.model([streamed(&["never said"], 2000)]);
    call.info("tokensPlayed", "Please").await;
    call.presses("4711").await;
    call.after(SECOND / 2).await;
    // Twilio still plays the question, and the answer to the digits has no word yet.
    call.cuts_in("enter your").await;
    call.says("Hello?").await;
    call.after(SECOND).await;
    assert_eq!(
        told(&fake),
        [
            "Where is my order?",
            "Please enter your [the caller cut in]",
            "[keys pressed: 4711] Hello?"
        ]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn digits_after_others_whose_answer_nobody_heard_are_told_in_their_own_place() {
    let fake = desk();
    let call = asked(&fake, 4).await;
    fake.model([asks(4)]);
    call.presses("4711").await;
    call.after(SECOND).await;
    call.cuts_in("").await;
    call.presses("0815").await;
    call.after(SECOND).await;
    assert_eq!(
        told(&fake).last().unwrap(),
        "[keys pressed] [keys pressed: 0815]"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn digits_that_are_asked_for_wrongly_or_beside_another_call_are_not_asked_for() {
    let call = |name: &str, arguments: &Value| {
        let function = json!({ "name": name, "arguments": arguments.to_string() });
        json!({ "id": format!("c{name}{}", arguments.to_string().len()), "type": "function", "function": function })
    };
    let right = json!({ "question": QUESTION, "max_digits": 4 });
    let wrong = json!({ "question": QUESTION, "max_digits": 99 });
    let both = [call("ask_digits", &right), call("no_such_tool", &json!({}))];
    for calls in [vec![call("ask_digits", &wrong)], both.to_vec()] {
        let fake = desk();
        let phone = Call::connected(&fake).await;
        let delta = json!({ "tool_calls": calls });
        let chunk =
            json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": "tool_calls" }] });
        let bytes = format!("data: {chunk}\n\ndata: [DONE]\n\n").into_bytes();
        fake.model([
            Act::Stream(vec![Piece::Bytes(bytes)]),
            streamed(&["Sorry."], 10),
        ]);
        phone.says("Where is my order?").await;
        phone.after(SECOND).await;
        assert_eq!(phone.said(), "Sorry.");
        let requests = fake.model_requests();
        let results: Vec<&Value> = requests[1]["messages"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|message| message["role"] == "tool")
            .map(|message| &message["content"])
            .collect();
        assert_eq!(results[0], r#"{"error":"not_asked"}"#);
        phone.presses("4711#").await;
        phone.after(SECOND).await;
        assert_eq!(fake.model_requests().len(), 2);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn keys_are_detected_and_asked_for_only_where_the_file_says_so() {
    for (voice, is_on) in [("ask_digits = true", true), ("", false)] {
        let file = format!("numbers = [\"+15550199\"]\nprompt = \"x\"\n[voice]\n{voice}");
        let fake = FakePlatform::with_assistants(&[], &[("desk", &file)]);
        let mut call = Call::new(&fake, 1);
        let verbs = call.dial().await;
        let attribute = |name: &str| verbs[1].attribute(name).unwrap().to_owned();
        assert_eq!(attribute("dtmfDetection"), is_on.to_string());
        assert_eq!(
            attribute("reportInputDuringAgentSpeech"),
            if is_on { "dtmf" } else { "none" }
        );
        assert_eq!(attribute("interruptible"), "speech", "no key cuts in");
        call.open(&verbs).await;
        call.set_up().await;
        call.presses("4711#").await;
        call.says("Hello").await;
        call.after(SECOND).await;
        settle().await;
        let requests = fake.model_requests();
        assert_eq!(requests.len(), 1, "keys that nobody asked for say nothing");
        let tools = requests[0]
            .get("tools")
            .map(Value::to_string)
            .unwrap_or_default();
        assert_eq!(tools.contains("ask_digits"), is_on, "{tools}");
        let prompt = requests[0]["messages"][0]["content"].as_str().unwrap();
        assert_eq!(prompt.contains("[keys pressed"), is_on);
    }
}
