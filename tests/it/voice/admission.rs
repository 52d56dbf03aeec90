//! Admission: which calls are connected, and how.

use crate::support::{
    FakePlatform, Incoming, ORIGIN,
    phone::{Call, streamed},
};
use switchboard::http::{self, Upgrade};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_is_connected_to_a_socket_of_its_own_and_greeted() {
    let fake = FakePlatform::new();
    let call = Call::new(&fake, 1);
    let verbs = call.dial().await;
    let names: Vec<_> = verbs.iter().map(|verb| verb.name.as_str()).collect();
    assert_eq!(names, ["Connect", "ConversationRelay"]);
    assert_eq!(
        verbs[0].attribute("action"),
        Some("https://example.com/twilio/voice/ended")
    );
    let url = verbs[1].attribute("url").unwrap();
    assert!(url.starts_with("wss://example.com/twilio/relay/"), "{url}");
    assert_eq!(
        verbs[1].attribute("welcomeGreeting"),
        Some("Hello! How can I help you?")
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_webhook_that_comes_again_costs_one_minute_and_gets_another_secret() {
    let fake = FakePlatform::with(&[("MAX_DAILY_CALL_MINUTES", "1")]);
    let mut call = Call::new(&fake, 1);
    let (first, second) = (call.dial().await, call.dial().await);
    let url = |verbs: &[crate::support::phone::Verb]| verbs[1].attribute("url").unwrap().to_owned();
    assert_ne!(url(&first), url(&second));
    call.open(&second).await;
    call.set_up().await;
    fake.model([streamed(&["Hi"], 1)]);
    call.says("Hello").await;
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn who_has_opted_out_of_messages_is_answered_on_the_phone() {
    let fake = FakePlatform::new();
    fake.text("+15550100", "STOP").await;
    assert_eq!(Call::new(&fake, 1).dial().await[0].name, "Connect");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_day_without_minutes_is_said_and_the_call_hung_up() {
    let fake = FakePlatform::with(&[("MAX_DAILY_CALL_MINUTES", "1")]);
    Call::new(&fake, 1).dial().await;
    let verbs = Call::new(&fake, 2).from("+15550101").dial().await;
    let names: Vec<_> = verbs.iter().map(|verb| verb.name.as_str()).collect();
    assert_eq!(names, ["Say", "Hangup"]);
    assert!(verbs[0].text.contains("can't take more calls today"));
    assert_eq!(
        fake.events_named("call_refused")[0]["reason"],
        "daily_limit"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_caller_that_calls_too_often_is_told_and_others_are_not_affected() {
    let fake = FakePlatform::with(&[("CALL_RATE_LIMIT_PER_HOUR", "2")]);
    for number in 1..=2 {
        assert_eq!(Call::new(&fake, number).dial().await.len(), 2);
    }
    let verbs = Call::new(&fake, 3).dial().await;
    assert!(verbs[0].text.contains("too often"), "{verbs:?}");
    let other = Call::new(&fake, 4).from("+15550101").dial().await;
    assert_eq!(other[1].name, "ConversationRelay");
    let again = Call::new(&fake, 2).dial().await;
    assert_eq!(
        again[1].name, "ConversationRelay",
        "the same call counts once"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn without_an_answer_of_the_budget_no_call_is_connected() {
    let fake = FakePlatform::new();
    fake.budget_fails(true);
    let verbs = Call::new(&fake, 1).dial().await;
    assert_eq!(
        (verbs[0].name.as_str(), verbs[1].name.as_str()),
        ("Say", "Hangup")
    );
    assert_eq!(
        fake.events_named("call_refused")[0]["reason"],
        "unavailable"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn calls_that_are_switched_off_are_told_so_and_cost_nothing() {
    let fake = FakePlatform::with(&[("VOICE_MODE", "off")]);
    let verbs = Call::new(&fake, 1).dial().await;
    assert_eq!(
        (verbs[0].name.as_str(), verbs[1].name.as_str()),
        ("Say", "Hangup")
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_withheld_number_is_answered() {
    let fake = FakePlatform::new();
    let verbs = Call::new(&fake, 1).from("anonymous").dial().await;
    assert_eq!(verbs[1].name, "ConversationRelay");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_forged_webhook_of_a_call_is_refused_before_anything_happens() {
    let fake = FakePlatform::new();
    for path in [
        "/twilio/voice",
        "/twilio/voice/ended",
        "/twilio/voice/dialled",
        "/twilio/voice/status",
    ] {
        let mut request = Incoming::signed(&[("CallSid".to_owned(), format!("CA{:032x}", 1))]);
        request.url = format!("{ORIGIN}{path}");
        let config = fake.config().clone();
        let response = http::handle(&fake, Ok(&config), &mut request).await;
        assert_eq!(response.status, 403, "{path}");
        let mut get = Incoming::new("GET", path);
        let response = http::handle(&fake, Ok(&config), &mut get).await;
        assert_eq!(response.status, 405, "{path}");
    }
    assert!(fake.call_disk("any").is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_upgrade_is_verified_over_its_wss_url_and_nothing_else() {
    let fake = FakePlatform::new();
    let call = Call::new(&fake, 1);
    let verbs = call.dial().await;
    let url = verbs[1].attribute("url").unwrap();
    assert!(matches!(call.upgrade(url), Upgrade::Verified(_)));
    let refused = |signed: &str, path: &str| {
        let mut request = Incoming::new("GET", path);
        request.headers.push(("Upgrade", "websocket".to_owned()));
        let signature = crate::support::signature::sign_text(crate::support::TOKEN, signed);
        request.headers.push(("X-Twilio-Signature", signature));
        match http::upgrade(&fake, Ok(fake.config()), &request) {
            Upgrade::Rejected(response) => response.status,
            other => panic!("{other:?}"),
        }
    };
    let path = url.strip_prefix("wss://example.com").unwrap();
    for signed in [
        url.replace("wss", "https"),
        url.replace("wss", "ws"),
        format!("{url}/"),
        url.replace("example.com", "example.com:443"),
        "wss://example.com/".to_owned(),
    ] {
        assert_eq!(refused(&signed, path), 403, "{signed}");
    }
    assert_eq!(refused(&format!("{url}?a=b"), &format!("{path}?a=b")), 404);
    let mut plain = Incoming::new("GET", path);
    plain.headers.push(("X-Twilio-Signature", "x".to_owned()));
    assert!(matches!(
        http::upgrade(&fake, Ok(fake.config()), &plain),
        Upgrade::Rejected(_)
    ));
}
