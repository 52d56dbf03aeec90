//! Calls without a relay: `<Gather>` hears words, silence and keys, and `<Redirect>` is followed.

use serde_json::json;

use crate::mock_worker::field;
use crate::relay_worker::{Call, RelayWorker};

/// A document that says this and listens.
fn listening(authority: &str, action: &str, more: &str, says: &str) -> String {
    format!(
        "<Response><Gather input=\"dtmf speech\" action=\"http://{authority}/twilio/voice/{action}\" \
         actionOnEmptyResult=\"true\" {more}><Say>{says}</Say></Gather></Response>"
    )
}

#[test]
fn words_and_silence_are_posted_and_a_redirect_is_followed() {
    let worker = RelayWorker::start(
        |path, _, authority| match path {
            "/twilio/voice" => {
                let patient = "language=\"de-DE\" timeout=\"3600\"";
                listening(authority, "heard", patient, "Hello")
            }
            "/twilio/voice/heard" => format!(
                "<Response><Say>One moment</Say><Redirect method=\"POST\">\
                 http://{authority}/twilio/voice/wait</Redirect></Response>"
            ),
            "/twilio/voice/wait" => listening(authority, "silence", "timeout=\"1\"", "Well?"),
            _ => "<Response><Hangup/></Response>".to_owned(),
        },
        |_, _| {},
    );
    let playground = worker.playground();
    let call = Call::start(&playground, &json!({}));
    call.wait_for("the greeting", |event| event["text"] == "Hello");
    call.act(&json!({"do": "say", "text": "Guten Tag"}));
    assert_eq!(call.over()["status"], "completed");
    let [heard] = worker.posts_to("/twilio/voice/heard").try_into().unwrap();
    assert_eq!(field(&heard, "SpeechResult"), "Guten Tag");
    assert_eq!(field(&heard, "Language"), "de-DE");
    assert!(field(&heard, "Confidence").parse::<f64>().is_ok());
    let [silence] = worker.posts_to("/twilio/voice/silence").try_into().unwrap();
    assert_eq!(field(&silence, "Digits"), "");
    assert!(!silence.contains("SpeechResult"));
    assert!(call.alerts().is_empty());
}

#[test]
fn who_speaks_cuts_a_prompt_off() {
    let worker = RelayWorker::start(
        |path, _, authority| match path {
            "/twilio/voice" => {
                let long = "We have tea and coffee and juice. ".repeat(80);
                listening(authority, "heard", "timeout=\"3600\"", &long)
            }
            _ => "<Response><Hangup/></Response>".to_owned(),
        },
        |_, _| {},
    );
    let playground = worker.playground();
    let call = Call::start(&playground, &json!({}));
    call.wait_for("the voice", |event| event["event"] == "speaking");
    call.act(&json!({"do": "speak"}));
    let cut = call.wait_for("the cut", |event| event["event"] == "interrupted");
    let heard = cut["heard"].as_str().unwrap();
    assert!(heard.len() < 34 * 80 - 1, "{heard}");
    call.act(&json!({"do": "say", "text": "Tea"}));
    assert_eq!(call.over()["status"], "completed");
    let [heard] = worker.posts_to("/twilio/voice/heard").try_into().unwrap();
    assert_eq!(field(&heard, "SpeechResult"), "Tea");
}
