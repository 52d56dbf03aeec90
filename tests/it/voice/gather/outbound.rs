//! Calls that an assistant makes, without a socket: each URL names the call's object, and then the document.
//!
//! Not here: how such a call is made (`voice::outbound`).

use std::time::Duration;

use serde_json::Value;

use super::GATHER;
use crate::support::{
    gather::{action, names, redirect, says},
    operator::with_calls,
    phone::streamed,
};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_person_who_was_called_is_greeted_and_answered_in_documents() {
    let fake = with_calls(&[GATHER]);
    let id = fake.calls_anna().await;
    let call = fake.newest_call();
    let greeting = call
        .webhook("/twilio/voice", &[("CallStatus", "in-progress")])
        .await;
    assert_eq!(
        (names(&greeting), says(&greeting)),
        (
            vec!["Gather", "Say"],
            "Hello! This is an automated assistant. Do you have a moment?".to_owned()
        )
    );
    let heard = format!("https://example.com/twilio/voice/heard?call={id}&document=1");
    assert_eq!(action(&greeting), heard);
    fake.model([streamed(&["Your boat is ready."], 9000)]);
    let wait = call.tells(&greeting, "Yes?").await;
    let waits = format!("https://example.com/twilio/voice/wait?call={id}&document=1");
    assert_eq!(redirect(&wait), waits);
    let answer = call.follows(&waits, &[]).await;
    assert_eq!(says(&answer), "Your boat is ready.");
    let prompt = &fake.model_requests()[0]["messages"][0]["content"];
    assert!(prompt.as_str().unwrap().contains("Her boat is ready."));
    call.is_over().await;
    let ended = &fake.events_named("call")[0];
    assert_eq!(
        (&ended["ended_by"], &ended["outbound"]),
        (&"caller".into(), &true.into())
    );
    assert_eq!(ended["estimated_micro_usd"], Value::Null, "not known");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_of_ours_that_twilio_never_asks_about_again_is_ended_by_rest() {
    let fake = with_calls(&[GATHER]);
    let id = fake.calls_anna().await;
    let call = fake.newest_call();
    call.webhook("/twilio/voice", &[("CallStatus", "in-progress")])
        .await;
    call.after(Duration::from_mins(3)).await;
    assert_eq!(fake.calls_ended(), [call.sid.as_str()]);
    assert_eq!(fake.call_state(&id).await["ended_by"], "lost");
}
