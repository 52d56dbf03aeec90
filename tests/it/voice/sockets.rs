//! The socket of a call: its secret, its first frame, and what breaks its rules.

use std::time::Duration;

use serde_json::json;
use switchboard::{http::Upgrade, platform::Stored};

use crate::support::{
    FakePlatform, SECOND,
    phone::{Call, Verb, streamed},
};

fn secret(call: &Call, verbs: &[Verb]) -> switchboard::twilio::voice::relay_url::RelaySecret {
    match call.upgrade(verbs[1].attribute("url").unwrap()) {
        Upgrade::Verified(relay) => relay.secret,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_secret_opens_one_socket_within_a_minute() {
    let fake = FakePlatform::new();
    let call = Call::new(&fake, 1);
    let first = secret(&call, &call.dial().await);
    let phone = fake.phone(&call.name());
    assert_eq!(phone.connect(&first).await.unwrap(), Some(1));
    assert_eq!(phone.connect(&first).await.unwrap(), None, "it was used");
    let second = secret(&call, &call.dial().await);
    assert_eq!(
        phone.connect(&first).await.unwrap(),
        None,
        "another one is valid"
    );
    call.after(Duration::from_mins(1)).await;
    assert_eq!(
        phone.connect(&second).await.unwrap(),
        None,
        "it is too late"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn no_secret_is_stored() {
    let fake = FakePlatform::new();
    let call = Call::new(&fake, 1);
    let verbs = call.dial().await;
    let url = verbs[1].attribute("url").unwrap();
    let secret = url.rsplit('/').next().unwrap();
    let stored = fake.call_disk(&call.name()).text("call").unwrap();
    assert_eq!(secret.len(), 32);
    assert!(!stored.contains(secret));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn frames_before_the_setup_say_nothing_and_without_one_the_socket_is_closed() {
    let fake = FakePlatform::new();
    let mut call = Call::new(&fake, 1);
    let verbs = call.dial().await;
    call.open(&verbs).await;
    call.says("Hello").await;
    call.after(Duration::from_secs(9)).await;
    assert!(fake.model_requests().is_empty() && fake.closed_sockets().is_empty());
    call.after(Duration::from_secs(2)).await;
    assert_eq!(fake.closed_sockets(), [(1, 1008)]);
    assert_eq!(fake.events_named("call_fault")[0]["fault"], "no_set_up");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_setup_of_another_call_or_a_second_one_closes_the_socket() {
    for wrong in [true, false] {
        let fake = FakePlatform::new();
        let mut call = Call::new(&fake, 1);
        let verbs = call.dial().await;
        call.open(&verbs).await;
        if wrong {
            let sid = format!("CA{:032x}", 2);
            call.frame(json!({ "type": "setup", "sessionId": "VX1", "callSid": sid }))
                .await;
        } else {
            call.set_up().await;
            call.set_up().await;
        }
        assert_eq!(fake.closed_sockets(), [(1, 1008)]);
        call.says("Hello").await;
        call.after(SECOND).await;
        assert!(fake.model_requests().is_empty());
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_cannot_be_read_is_logged_without_its_words_and_the_call_goes_on() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    let phone = fake.phone(&call.name());
    for frame in ["", "{", "[]", "Tiramisu", "{\"type\":\"prompt\"}"] {
        phone.frame(call.session, frame).await;
    }
    assert_eq!(fake.events_named("call_fault").len(), 5);
    assert!(!fake.log_text().contains("Tiramisu"));
    call.says("Hello").await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "answer to Hello");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_flood_of_frames_closes_the_socket() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    for _ in 0..1001 {
        call.info("roundTripDelayMs", "5").await;
    }
    assert_eq!(fake.closed_sockets(), [(1, 1008)]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn frames_of_an_old_socket_say_nothing() {
    let fake = FakePlatform::new();
    let mut call = Call::connected(&fake).await;
    call.reconnects().await;
    let old = call.session - 1;
    let prompt = json!({ "type": "prompt", "voicePrompt": "old words", "last": true });
    fake.phone(&call.name())
        .frame(old, &prompt.to_string())
        .await;
    call.after(SECOND).await;
    assert!(fake.model_requests().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_whose_state_is_damaged_ends_and_is_logged() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.call_disk(&call.name()).set("call", Stored::Unreadable);
    fake.evict_call(&call.name());
    call.says("Hello").await;
    call.after(SECOND).await;
    assert!(fake.model_requests().is_empty());
    assert!(
        fake.closed_sockets().contains(&(1, 1011)),
        "nobody is left on the line"
    );
    let verbs = call.ended("failed", "in-progress").await;
    assert_eq!(verbs[0].name, "Hangup");
    assert_eq!(
        fake.events_named("internal_error")[0]["reason"],
        "call_unreadable"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_socket_that_is_closed_for_breaking_the_rules_gets_no_further_word() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    fake.model([streamed(&["One.", " Two."], 300)]);
    call.says("Count").await;
    call.after(Duration::from_millis(400)).await;
    call.set_up().await;
    assert_eq!(call.said(), "One.");
    call.after(SECOND).await;
    assert_eq!(call.said(), "");
    assert_eq!(fake.events_named("call_turn")[0]["outcome"], "interrupted");
}
