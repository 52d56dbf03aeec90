//! Delivery receipts, which Twilio posts to the status route.
//!
//! Not here: sending the message (`messaging::outbox`).

use std::time::Duration;

use switchboard::http::Response;

use super::header;
use crate::support::{ANNA, Act, FakePlatform, Incoming, NUMBER, after, fresh_sid};

fn callback(sid: &str, status: &str) -> Vec<(String, String)> {
    [
        ("MessageSid", sid),
        ("MessageStatus", status),
        ("To", ANNA),
        ("From", NUMBER),
        ("ErrorCode", "30003"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

async fn post_callback(platform: &FakePlatform, fields: &[(String, String)]) -> Response {
    platform.handle(&mut Incoming::receipt(fields)).await
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_receipt_is_logged_once_for_each_status_and_answered_by_a_204() {
    let platform = FakePlatform::new();
    platform.model([after(11_000, Act::Say("by REST"))]);
    platform.text(ANNA, "Hello").await;
    platform.pass(Duration::from_secs(5)).await;
    let sent = &platform.sent_forms()[0];
    assert_eq!(
        sent["StatusCallback"],
        "https://example.com/twilio/messages/status"
    );
    for status in [
        "queued",
        "sent",
        "delivered",
        "delivered",
        "undelivered",
        "delivered",
        "read",
        "a-new-status",
    ] {
        let response = post_callback(&platform, &callback(&sent["sid"], status)).await;
        assert_eq!((response.status, response.body.as_str()), (204, ""));
        assert_eq!(header(&response, "Content-Type"), None);
        assert_eq!(header(&response, "Cache-Control"), Some("no-store"));
    }
    let events: Vec<_> = platform
        .events_named("delivery")
        .iter()
        .map(|event| (event["status"].clone(), event["code"].clone()))
        .collect();
    assert_eq!(
        events,
        [
            ("delivered".into(), 30003.into()),
            ("undelivered".into(), 30003.into())
        ]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_receipt_for_a_message_that_is_not_known_is_logged_and_stores_nothing() {
    let platform = FakePlatform::new();
    assert_eq!(
        post_callback(&platform, &callback(&fresh_sid(), "failed"))
            .await
            .status,
        204
    );
    assert_eq!(platform.events_named("delivery").len(), 1);
    assert!(platform.stored(ANNA).is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_forged_or_malformed_receipt_is_rejected() {
    let platform = FakePlatform::new();
    let fields = callback(&fresh_sid(), "delivered");
    let mut forged = Incoming::signed(&fields);
    forged.url.push_str("/status");
    assert_eq!(platform.handle(&mut forged).await.status, 403);
    let forgeries = platform.security_events("invalid_signature");
    assert_ne!(
        forgeries[0]["phone_hash"], "00000000",
        "of the person, who is in To"
    );
    for (field, value) in [
        ("MessageSid", ""),
        ("MessageStatus", ""),
        ("To", "?"),
        ("From", "14155553031"),
        ("ErrorCode", "x"),
    ] {
        let mut fields = fields.clone();
        fields.iter_mut().find(|(name, _)| name == field).unwrap().1 = value.to_owned();
        assert_eq!(
            post_callback(&platform, &fields).await.status,
            400,
            "{field}"
        );
    }
    assert!(platform.events_named("delivery").is_empty());
}
