//! The way to a person: the caller is told, and then dialled through to the number of the assistant's file.

use serde_json::json;

use crate::support::{
    Act, FakePlatform, SECOND,
    phone::{Call, calls, streamed},
};

const DESK: &str = r#"
numbers = ["+15550199"]
prompt = "Be kind."
end_conversation = true
[voice]
hand_off_to = "+15550150"
"#;

fn desk() -> FakePlatform {
    FakePlatform::with_assistants(&[], &[("desk", DESK)])
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_model_hands_over_and_the_caller_is_dialled_through() {
    let fake = desk();
    let call = Call::connected(&fake).await;
    fake.model([
        calls("hand_off", r#"{"reason":"wants a person"}"#),
        streamed(&["I'll get someone."], 10),
    ]);
    call.says("A person, please").await;
    call.after(SECOND).await;
    let said = call.said();
    assert!(
        said.contains("I'll get someone.") && said.ends_with("Please hold the line."),
        "{said}"
    );
    call.played().await;
    let sent = call.sent();
    assert_eq!(
        sent,
        [json!({ "type": "end", "handoffData": "{\"reason\":\"handed_off\"}" })]
    );
    let verbs = call.ended("ended", "in-progress").await;
    assert_eq!(verbs[0].name, "Dial");
    assert_eq!(
        verbs[0].attribute("action"),
        Some("https://example.com/twilio/voice/dialled")
    );
    assert_eq!(
        (verbs[1].name.as_str(), verbs[1].text.as_str()),
        ("Number", "+15550150")
    );
    assert_eq!(fake.events_named("call")[0]["ended_by"], "handed_off");
    let again = call.ended("ended", "in-progress").await;
    assert_eq!(
        again[0].name, "Dial",
        "a repeated request is answered like the first"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn who_is_not_reached_is_told_so() {
    let fake = desk();
    let call = Call::connected(&fake).await;
    for (status, verb) in [
        ("busy", "Say"),
        ("no-answer", "Say"),
        ("failed", "Say"),
        ("completed", "Hangup"),
    ] {
        let fields = [("DialCallStatus", status), ("CallStatus", "in-progress")];
        let verbs = call.webhook("/twilio/voice/dialled", &fields).await;
        assert_eq!(verbs[0].name, verb, "{status}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn two_failures_lead_to_the_person() {
    let fake = desk();
    let call = Call::connected(&fake).await;
    fake.model([Act::Status(401, "{}"), Act::Status(401, "{}")]);
    for _ in 0..2 {
        call.says("Hello").await;
        call.after(SECOND).await;
    }
    call.played().await;
    assert_eq!(call.ended("ended", "in-progress").await[0].name, "Dial");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_caller_who_hangs_up_meanwhile_is_not_dialled() {
    let fake = desk();
    let call = Call::connected(&fake).await;
    fake.model([
        calls("hand_off", r#"{"reason":"x"}"#),
        streamed(&["Yes."], 10),
    ]);
    call.says("A person").await;
    call.after(SECOND).await;
    let verbs = call.ended("completed", "completed").await;
    assert_eq!(verbs[0].name, "Hangup");
    assert_eq!(fake.events_named("call")[0]["ended_by"], "caller");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_model_says_goodbye_and_the_call_ends_when_that_was_played() {
    let fake = desk();
    let call = Call::connected(&fake).await;
    fake.model([
        calls("end_conversation", "{}"),
        streamed(&["Goodbye, Anna."], 10),
    ]);
    call.says("That's all").await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "Goodbye, Anna.");
    call.played().await;
    assert_eq!(call.sent()[0]["type"], "end");
    assert_eq!(call.ended("ended", "in-progress").await[0].name, "Hangup");
    assert_eq!(fake.events_named("call")[0]["ended_by"], "assistant");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_assistant_without_a_person_offers_the_model_no_hand_off() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    call.says("A person").await;
    call.after(SECOND).await;
    assert_eq!(fake.model_requests()[0].get("tools"), None);
}
