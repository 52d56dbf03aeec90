//! What is checked before a batch of calls begins.
//!
//! Not here: the calls.

use serde_json::{Value, json};

use super::{CALLEE, CALLER, VOICE_URL, calls, with};
use crate::{
    support::{Act, FakePlatform},
    synthetic::{read, request},
};

async fn asked(fake: &FakePlatform, body: &Value) -> (u16, String) {
    let response = request(fake, "POST", "/admin/batches", Some(body)).await;
    (response.status, response.body)
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_setting_that_is_missing_is_named_and_nothing_is_asked() {
    for missing in ["SYNTHETIC_CALLER", "TWILIO_ACCOUNT_SID"] {
        let fake = match missing {
            "SYNTHETIC_CALLER" => with(&[("SYNTHETIC_CALLER", ""), ("SYNTHETIC_CALLEE", "")]),
            other => with(&[(other, "")]),
        };
        let problem = format!("{missing} is not set: synthetic calls need it\n");
        assert_eq!(asked(&fake, &calls(1)).await, (409, problem));
        assert!(fake.rest_tokens().is_empty());
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn numbers_that_cannot_be_used_are_refused_with_what_is_to_be_changed() {
    let right = |number: &str| json!({ "phone_number": number, "capabilities": { "voice": true }, "voice_url": VOICE_URL, "voice_method": "POST" });
    let changed = |number: &str, field: &str, value: Value| {
        let mut listed = right(number);
        listed[field] = value;
        listed
    };
    let should = format!(
        "at Twilio, set \"A call comes in\" of {CALLEE} to Webhook, {VOICE_URL}, HTTP POST"
    );
    for (listed, problem) in [
        (
            changed(CALLER, "capabilities", json!({ "voice": false })),
            "SYNTHETIC_CALLER: the number has no voice".to_owned(),
        ),
        (
            changed(CALLEE, "voice_url", json!("")),
            format!("SYNTHETIC_CALLEE: no webhook takes calls to the number: {should}"),
        ),
        (
            changed(
                CALLEE,
                "voice_url",
                json!("https://example.com/twilio/voice/"),
            ),
            format!("SYNTHETIC_CALLEE: another webhook takes calls to the number: {should}"),
        ),
        (
            changed(CALLEE, "voice_method", json!("GET")),
            format!("SYNTHETIC_CALLEE: the number's webhook is called with GET: {should}"),
        ),
        (
            changed(CALLEE, "trunk_sid", json!("TK1")),
            format!("SYNTHETIC_CALLEE: no webhook takes calls to the number: {should}"),
        ),
    ] {
        let fake = with(&[]);
        fake.has_number_as(listed);
        let refused = (409, format!("{problem}\n"));
        assert_eq!(asked(&fake, &calls(1)).await, refused);
        let mut dry = calls(1);
        dry["dry_run"] = json!(true);
        assert_eq!(asked(&fake, &dry).await, refused, "also without beginning");
        assert_eq!(fake.run_calls("create"), 0);
    }
    let fake = with(&[("SYNTHETIC_CALLEE", "+15550129")]);
    let problem = "SYNTHETIC_CALLEE: the account has no such number\n".to_owned();
    assert_eq!(asked(&fake, &calls(1)).await, (409, problem));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_twilio_that_does_not_answer_begins_no_batch() {
    let fake = with(&[]);
    fake.twilio([Act::Status(503, "{}")]);
    assert_eq!(asked(&fake, &calls(1)).await.0, 502);
    fake.twilio([Act::Status(401, "{}")]);
    let (status, problem) = asked(&fake, &calls(1)).await;
    assert_eq!(status, 409);
    assert!(problem.contains("TWILIO_AUTH_TOKEN"), "{problem}");
    assert_eq!(fake.run_calls("create"), 0);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_estimate_has_the_minutes_of_both_legs_and_their_price() {
    let fake = with(&[]);
    let mut body = calls(10);
    body["dry_run"] = json!(true);
    body["limits"] = json!({ "seconds": 240 });
    let response = request(&fake, "POST", "/admin/batches", Some(&body)).await;
    let estimate = read(&response);
    // Five minutes on each leg: 240 seconds, and one minute before and after.
    assert_eq!(estimate["call_minutes_at_most"], 100);
    assert_eq!(estimate["call_minutes_a_day"], 1000);
    // 50 minutes of a call that we make, and 50 of one that comes in, each with a relay.
    assert_eq!(estimate["call_usd_at_most"], 8.125);
    body["record"] = json!(true);
    let response = request(&fake, "POST", "/admin/batches", Some(&body)).await;
    assert_eq!(read(&response)["call_usd_at_most"], 8.25);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_that_the_day_has_no_minutes_for_is_refused_at_once() {
    let fake = with(&[("MAX_DAILY_CALL_MINUTES", "5")]);
    let (status, problem) = asked(&fake, &calls(1)).await;
    assert_eq!(status, 400);
    assert!(problem.contains("MAX_DAILY_CALL_MINUTES"), "{problem}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn calls_are_made_one_after_the_other_and_only_calls_are_recorded() {
    let fake = with(&[]);
    let mut body = calls(1);
    body["at_once"] = json!(2);
    let (status, problem) = asked(&fake, &body).await;
    assert_eq!(
        (status, problem.contains("at_once")),
        (400, true),
        "{problem}"
    );
    let mut body = super::plain(1);
    body["record"] = json!(true);
    let (status, problem) = asked(&fake, &body).await;
    assert_eq!(
        (status, problem.contains("record")),
        (400, true),
        "{problem}"
    );
}
