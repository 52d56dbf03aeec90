//! Calls that an operator has an assistant make: from the wish to the end.
//!
//! Not here: what goes wrong on the way (`outbound_faults`), and what a wish must be (`http::admin_calls`).

use std::time::Duration;

use serde_json::json;

use crate::support::{
    FakePlatform, SECOND,
    operator::with_calls,
    phone::{Call, post, streamed, verbs},
};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_is_made_once_and_the_person_is_greeted_when_it_has_answered() {
    let fake = with_calls(&[]);
    let id = fake.calls_anna().await;
    let made = fake.calls_made();
    assert_eq!(made.len(), 1);
    let form = |name: &str| made[0].form[name].as_str();
    assert_eq!((form("To"), form("From")), ("+15550100", "+15550199"));
    assert_eq!((form("Timeout"), form("TimeLimit")), ("25", "600"));
    assert_eq!(fake.call_state(&id).await, json!({ "state": "dialling" }));
    assert!(fake.frames().is_empty());
    let mut call = fake.newest_call();
    let verbs = call.answered().await;
    assert_eq!(
        verbs[1].attribute("welcomeGreeting"),
        Some("Hello! This is an automated assistant. Do you have a moment?")
    );
    assert_eq!(
        verbs[0].attribute("action").unwrap(),
        format!("https://example.com/twilio/voice/ended?call={id}")
    );
    assert_eq!(fake.call_state(&id).await, json!({ "state": "talking" }));
    fake.model([streamed(&["Your boat is ready."], 10)]);
    call.says("Yes?").await;
    call.after(SECOND).await;
    assert_eq!(call.said(), "Your boat is ready.");
    call.hangs_up().await;
    assert_eq!(
        fake.call_state(&id).await,
        json!({ "state": "ended", "ended_by": "caller" })
    );
    assert_eq!(fake.calls_made().len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_model_knows_that_it_has_called_and_why_and_a_caller_of_its_own_is_told_none_of_it() {
    let fake = with_calls(&[]);
    fake.calls_anna().await;
    let mut call = fake.newest_call();
    call.answered().await;
    call.says("Yes?").await;
    call.after(SECOND).await;
    let prompt = |at: usize| {
        let request = &fake.model_requests()[at];
        request["messages"][0]["content"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let outbound = prompt(0);
    for part in ["on the phone", "You have called this person", "Be kind."] {
        assert!(outbound.contains(part), "{outbound}");
    }
    assert!(outbound.ends_with("About this call:\nHer boat is ready."));
    let mut inbound = Call::new(&fake, 7).from("+15550101");
    let verbs = inbound.dial().await;
    inbound.open(&verbs).await;
    inbound.set_up().await;
    inbound.says("Hello").await;
    inbound.after(SECOND).await;
    assert!(!prompt(1).contains("You have called") && !prompt(1).contains("boat"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_person_is_the_one_who_was_called_in_the_log_and_in_every_count() {
    let fake = with_calls(&[("MAX_DAILY_CALLS_PER_CONTACT", "1")]);
    fake.calls_anna().await;
    let mut call = fake.newest_call();
    call.answered().await;
    call.says("One").await;
    call.after(SECOND).await;
    call.hangs_up().await;
    let anna = fake
        .config()
        .pseudonym_key
        .phone_hash(&"+15550100".parse().unwrap());
    let ended = &fake.events_named("call")[0];
    assert_eq!(ended["phone_hash"], anna.to_string());
    assert_eq!(ended["outbound"], true);
    assert_eq!(
        fake.events_named("call_dialled")[0]["phone_hash"],
        anna.to_string()
    );
    assert_eq!(ended["call"], fake.events_named("call_dialled")[0]["call"]);
    // When she calls back, her request of the day is used up.
    let mut back = Call::new(&fake, 9);
    let verbs = back.dial().await;
    back.open(&verbs).await;
    back.set_up().await;
    back.says("Two").await;
    back.after(SECOND).await;
    assert_eq!(fake.model_requests().len(), 1);
    let log = fake.log_text();
    for secret in ["15550100", "15550199", "boat", call.sid.as_str()] {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_that_nobody_answers_costs_no_minute_and_says_how_it_ended() {
    for (status, end) in [
        ("busy", "busy"),
        ("no-answer", "no_answer"),
        ("failed", "unreachable"),
        ("canceled", "cancelled"),
    ] {
        let fake = with_calls(&[]);
        let id = fake.calls_anna().await;
        assert_eq!(fake.call_minutes().await, 1, "it is reserved");
        let call = fake.newest_call();
        for _ in 0..2 {
            let fields = [("CallStatus", status)];
            let told = call.response("/twilio/voice/status", &fields).await;
            assert_eq!(told.status, 204);
        }
        call.after(SECOND).await;
        assert_eq!(fake.call_minutes().await, 0, "{status}");
        let ended = fake.events_named("call");
        assert_eq!(ended.len(), 1);
        assert_eq!(
            (
                &ended[0]["ended_by"],
                &ended[0]["minutes"],
                &ended[0]["outbound"]
            ),
            (&json!(end), &json!(0), &json!(true))
        );
        let state = json!({ "state": "ended", "ended_by": end });
        assert_eq!(fake.call_state(&id).await, state);
        call.after(Duration::from_mins(11)).await;
        assert!(
            fake.call_disk(&id).is_empty(),
            "the number and the context are forgotten"
        );
        assert_eq!(fake.call_state(&id).await, 404);
        assert_eq!(fake.call_lists(), 0);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_minutes_of_a_call_count_from_the_answer() {
    let fake = with_calls(&[("VOICE_SILENCE_SECONDS", "120")]);
    fake.calls_anna().await;
    let mut call = fake.newest_call();
    call.after(Duration::from_secs(20)).await;
    call.answered().await;
    call.after(Duration::from_secs(54)).await;
    assert_eq!(fake.call_minutes().await, 1);
    call.after(Duration::from_secs(2)).await;
    assert_eq!(fake.call_minutes().await, 2);
    call.hangs_up().await;
    call.after(SECOND).await;
    assert_eq!(fake.call_minutes().await, 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_was_stored_of_a_person_and_the_context_go_with_the_call() {
    let fake = with_calls(&[]);
    let id = fake.calls_anna().await;
    let stored = || fake.call_disk(&id).text("call").unwrap();
    assert!(stored().contains("+15550100") && stored().contains("boat"));
    let mut call = fake.newest_call();
    call.answered().await;
    assert!(
        !stored().contains("+15550100"),
        "the number was only needed to dial"
    );
    call.hangs_up().await;
    assert!(!stored().contains("boat"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn nobody_is_called_outside_the_hours_of_every_zone_of_the_number() {
    // It is 12:00 UTC: 7:00 in New York, 4:00 in Los Angeles, and 13:00 in Berlin.
    let wanted = |to: &str| json!({ "to": to, "assistant": "desk" });
    let fake = with_calls(&[("CALL_HOURS", "09:00-20:00")]);
    let too_early = fake.wants_call(&wanted("+15550100")).await;
    assert_eq!(too_early.status, 409);
    assert!(
        too_early.body.contains("not within CALL_HOURS"),
        "{}",
        too_early.body
    );
    let refused = &fake.events_named("call_refused")[0];
    assert_eq!(refused["reason"], "outside_hours");
    assert_eq!(fake.wants_call(&wanted("+4930123456")).await.status, 202);
    // 14:30 UTC is past nine in New York, and not in Los Angeles.
    fake.step_clock(150 * 60_000);
    assert_eq!(fake.wants_call(&wanted("+15550100")).await.status, 409);
    fake.step_clock(150 * 60_000);
    assert_eq!(fake.wants_call(&wanted("+15550100")).await.status, 202);
    assert_eq!(fake.call_minutes().await, 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_number_of_no_country_is_not_called_unless_every_hour_is_allowed() {
    let wanted = json!({ "to": "+870773123456", "assistant": "desk" });
    let fake = with_calls(&[("CALL_HOURS", "00:00-23:59")]);
    let refused = fake.wants_call(&wanted).await;
    assert_eq!(refused.status, 409);
    assert!(
        refused.body.contains("not known which time"),
        "{}",
        refused.body
    );
    assert_eq!(
        fake.events_named("call_refused")[0]["reason"],
        "unknown_hours"
    );
    assert_eq!(with_calls(&[]).wants_call(&wanted).await.status, 202);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn who_has_opted_out_of_messages_with_the_number_is_not_called() {
    for contact in ["+15550100", "whatsapp:+15550100"] {
        let fake = with_calls(&[]);
        fake.text(contact, "STOP").await;
        let wanted = json!({ "to": "+15550100", "assistant": "desk" });
        let refused = fake.wants_call(&wanted).await;
        assert_eq!(refused.status, 409);
        assert!(refused.body.contains("opted out"), "{}", refused.body);
        assert_eq!(fake.events_named("call_refused")[0]["reason"], "opted_out");
        assert!(fake.calls_made().is_empty() && fake.call_minutes().await == 0);
        fake.text(contact, "START").await;
        assert_eq!(fake.wants_call(&wanted).await.status, 202);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_caps_of_calls_hold_before_twilio_is_asked() {
    let wanted = json!({ "to": "+15550100", "assistant": "desk" });
    let fake = with_calls(&[("MAX_DAILY_CALL_MINUTES", "1")]);
    assert_eq!(fake.wants_call(&wanted).await.status, 202);
    let refused = fake.wants_call(&wanted).await;
    assert_eq!(refused.status, 429);
    assert!(refused.body.starts_with("MAX_DAILY_CALL_MINUTES"));
    let fake = with_calls(&[("CALL_RATE_LIMIT_PER_HOUR", "2")]);
    for status in [202, 202, 429] {
        assert_eq!(fake.wants_call(&wanted).await.status, status);
    }
    let other = json!({ "to": "+15550101", "assistant": "desk" });
    assert_eq!(fake.wants_call(&other).await.status, 202);
    assert_eq!(fake.calls_made().len(), 3);
    fake.budget_fails(true);
    assert_eq!(fake.wants_call(&other).await.status, 503);
    assert_eq!(fake.calls_made().len(), 3);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_of_another_program_to_the_same_webhook_has_its_roles_right() {
    let fake = FakePlatform::new();
    let call = Call::new(&fake, 3);
    let fields = [
        ("CallSid", call.sid.as_str()),
        ("From", "+15550199"),
        ("To", "+15550100"),
        ("Direction", "outbound-api"),
        ("CallStatus", "in-progress"),
    ];
    let answer = post(&fake, "/twilio/voice", &fields).await;
    assert_eq!(verbs(&answer.body)[1].name, "ConversationRelay");
    let over = [("CallStatus", "completed")];
    call.response("/twilio/voice/status", &over).await;
    let anna = fake
        .config()
        .pseudonym_key
        .phone_hash(&"+15550100".parse().unwrap());
    let ended = &fake.events_named("call")[0];
    assert_eq!(
        (&ended["phone_hash"], &ended["outbound"]),
        (&json!(anna.to_string()), &json!(true))
    );
}
