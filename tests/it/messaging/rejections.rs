//! What Twilio rejects: contacts that have opted out, errors that say never, and errors that say later.
//!
//! Not here: outcomes that are not known (`unknown_outcomes`).

use std::time::Duration;

use serde_json::Value;

use super::{left, users};
use crate::support::{ANNA, Act, FakePlatform, HOUR, Incoming, NUMBER, SECOND, after, fresh_sid};

const UNSUBSCRIBED: Act = Act::Status(400, r#"{"code":21610,"message":"planted","status":400}"#);

/// Three parts.
fn long() -> &'static str {
    Box::leak("All is well. ".repeat(300).into_boxed_str())
}

async fn post_receipt(platform: &FakePlatform, sid: &str, status: &str, code: &str) {
    let mut receipt = Incoming::receipt(&[
        ("MessageSid", sid),
        ("MessageStatus", status),
        ("To", ANNA),
        ("From", NUMBER),
        ("ErrorCode", code),
    ]);
    assert_eq!(platform.handle(&mut receipt).await.status, 204);
}

fn consents(platform: &FakePlatform) -> Vec<(Value, Value, Value, Value)> {
    let events = platform.events_named("consent").into_iter();
    let fields = events.map(|event| {
        (
            event["state"].clone(),
            event["by"].clone(),
            event["dropped_messages"].clone(),
            event["dropped_parts"].clone(),
        )
    });
    fields.collect()
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_create_that_says_unsubscribed_opts_the_contact_out_until_start() {
    let platform = FakePlatform::with(&[("MAX_SEGMENTS", "100")]);
    platform.model([after(11_000, Act::Say(long()))]);
    platform.twilio([UNSUBSCRIBED]);
    platform.text(ANNA, "Hello").await;
    platform.pass(HOUR / 2).await;
    assert!(platform.sent().is_empty(), "pending parts are dropped");
    let parts = platform.events_named("outbox_part");
    assert_eq!(
        (parts.len(), &parts[0]["outcome"], &parts[0]["code"]),
        (1, &"rejected".into(), &21610.into())
    );
    assert_eq!(
        consents(&platform),
        [("opted_out".into(), "twilio".into(), 0.into(), 2.into())]
    );
    assert!(platform.text(ANNA, "and?").await.is_empty());
    assert_eq!(platform.model_requests().len(), 1, "the model is not asked");
    assert_eq!(platform.events_named("message_ignored").len(), 1);
    platform.pass(25 * HOUR).await;
    assert_eq!(
        left(&platform, ANNA),
        ["opted_out"],
        "it is kept like any opt-out"
    );
    assert!(platform.text(ANNA, "still?").await.is_empty());
    assert_eq!(platform.model_requests().len(), 1);
    platform.text(ANNA, "START").await;
    assert_eq!(platform.text(ANNA, "again").await, ["answer to again"]);
    assert_eq!(users(&platform.model_requests()[1]), ["again"]);
    assert_eq!(consents(&platform)[1].1, "contact");
    assert!(!platform.log_text().contains("planted"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_receipt_that_says_unsubscribed_opts_the_contact_out_until_start() {
    for status in ["undelivered", "failed"] {
        let platform = FakePlatform::with(&[("MAX_SEGMENTS", "100")]);
        platform.model([after(11_000, Act::Say(long()))]);
        platform.text(ANNA, "When do you open?").await;
        platform.pass(SECOND + SECOND / 2).await;
        let first = platform.sent_forms()[0]["sid"].clone();
        assert_eq!(platform.sent().len(), 1);
        post_receipt(&platform, &first, status, "21610").await;
        platform.pass(HOUR / 2).await;
        assert_eq!(platform.sent().len(), 1, "the other parts are dropped");
        assert_eq!(
            consents(&platform),
            [("opted_out".into(), "twilio".into(), 0.into(), 2.into())]
        );
        assert!(platform.text(ANNA, "and?").await.is_empty());
        assert_eq!(platform.model_requests().len(), 1);
        platform.text(ANNA, "START").await;
        assert_eq!(platform.text(ANNA, "again").await.len(), 1);
        post_receipt(&platform, &first, "failed", "21610").await;
        post_receipt(&platform, &first, status, "21610").await;
        assert_eq!(
            platform.text(ANNA, "still in").await.len(),
            1,
            "a receipt of a message from before START says nothing"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_receipt_that_says_unsubscribed_cancels_the_turn_that_runs() {
    let platform = FakePlatform::new();
    platform.model([
        after(11_000, Act::Say("by REST")),
        after(5000, Act::Say("never")),
    ]);
    platform.text(ANNA, "one").await;
    platform.pass(3 * SECOND).await;
    let sid = platform.sent_forms()[0]["sid"].clone();
    let refused = async {
        platform.pass(SECOND).await;
        post_receipt(&platform, &sid, "undelivered", "21610").await;
    };
    let (answer, ()) = futures_util::join!(platform.text(ANNA, "two"), refused);
    assert!(answer.is_empty());
    assert_eq!(
        consents(&platform),
        [("opted_out".into(), "twilio".into(), 1.into(), 0.into())]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn other_receipts_and_codes_are_no_opt_out() {
    let platform = FakePlatform::new();
    platform.model([after(11_000, Act::Say("by REST"))]);
    platform.text(ANNA, "one").await;
    platform.pass(3 * SECOND).await;
    let sid = platform.sent_forms()[0]["sid"].clone();
    for (status, code) in [
        ("delivered", "21610"),
        ("sent", "21610"),
        ("undelivered", "30003"),
        ("failed", "63033"),
    ] {
        post_receipt(&platform, &sid, status, code).await;
    }
    post_receipt(&platform, &fresh_sid(), "failed", "30004").await;
    assert_eq!(platform.text(ANNA, "two").await, ["answer to two"]);
    assert!(consents(&platform).is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_refusal_from_before_start_is_no_opt_out() {
    let platform = FakePlatform::new();
    platform.model([after(11_000, Act::Say("by REST"))]);
    // Twilio decides, and its answer takes a while.
    platform.twilio([after(8000, UNSUBSCRIBED)]);
    platform.text(ANNA, "Hello").await;
    platform.pass(3 * SECOND).await;
    platform.text(ANNA, "START").await;
    platform.pass(60 * SECOND).await;
    assert_eq!(platform.sent(), ["by REST"]);
    assert_eq!(platform.text(ANNA, "two").await, ["answer to two"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_error_that_says_never_is_given_up_at_once_with_its_code_whatever_its_status_is() {
    for (status, body, code) in [
        (429, r#"{"code":63038,"status":429}"#, 63038),
        (400, r#"{"code":63016,"status":400}"#, 63016),
        (400, r#"{"code":21211,"status":400}"#, 21211),
        (403, r#"{"code":21408,"status":403}"#, 21408),
        (400, r#"{"code":63003}"#, 63003),
        (400, r#"{"code":12345}"#, 12345),
        (404, "<html>", 404),
    ] {
        let platform = FakePlatform::new();
        platform.model([after(11_000, Act::Say("by REST"))]);
        platform.twilio(vec![Act::Status(status, body); 30]);
        platform.text(ANNA, "Hello").await;
        platform.pass(Duration::from_mins(16)).await;
        let parts = platform.events_named("outbox_part");
        assert_eq!(
            (parts.len(), &parts[0]["outcome"], &parts[0]["code"]),
            (1, &"rejected".into(), &code.into())
        );
        assert_eq!(platform.rest_tokens().len(), 1, "{code}: one create");
        assert_eq!(platform.text(ANNA, "two").await, ["answer to two"]);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_error_that_says_later_is_tried_again_whatever_its_status_is() {
    for (status, body) in [
        (429, r#"{"code":20429}"#),
        (429, ""),
        (400, r#"{"code":14107}"#),
        (400, r#"{"code":63018}"#),
        (400, r#"{"code":30001}"#),
        (429, r#"{"code":21611}"#),
    ] {
        let platform = FakePlatform::new();
        platform.model([after(11_000, Act::Say("by REST"))]);
        platform.twilio([Act::Status(status, body), Act::Status(status, body)]);
        platform.text(ANNA, "Hello").await;
        platform.pass(30 * SECOND).await;
        assert_eq!(platform.sent(), ["by REST"], "{status} {body}");
        assert_eq!(platform.lookups(), 0);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_that_twilio_puts_off_to_the_end_is_logged_with_the_code() {
    let platform = FakePlatform::new();
    platform.model([after(11_000, Act::Say("by REST"))]);
    platform.twilio(vec![Act::Status(429, r#"{"code":20429}"#); 60]);
    platform.text(ANNA, "Hello").await;
    platform.pass(Duration::from_mins(16)).await;
    let parts = platform.events_named("outbox_part");
    assert_eq!(
        (parts.len(), &parts[0]["outcome"], &parts[0]["code"]),
        (1, &"undeliverable".into(), &20429.into())
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_503_with_a_code_that_says_later_is_looked_up_before_it_is_tried_again() {
    let platform = FakePlatform::new();
    platform.model([after(11_000, Act::Say("by REST"))]);
    platform.twilio([Act::Status(503, r#"{"code":20503}"#)]);
    platform.text(ANNA, "Hello").await;
    platform.pass(60 * SECOND).await;
    assert_eq!(platform.sent(), ["by REST"]);
    assert!(platform.lookups() >= 1);
}
