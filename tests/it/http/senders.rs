//! Who may write, and from where: every form of address that Twilio sends, through the whole Worker.
//!
//! Not here: one person with two addresses (`messaging::two_addresses`).

use std::time::Duration;

use switchboard::http::Response;

use super::form_of;
use crate::support::{
    ANNA, Act, FakePlatform, Incoming, NOTHING, NUMBER, TOKEN, after, fresh_sid, texts, webhook,
};

const SERVICE: &str = "MG0123456789abcdef0123456789abcdef";
const USER: &str = "whatsapp:US.13491208655302741918";

/// A message whose fields are as in `webhook`, except for these.
fn fields(from: &str, to: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut fields = webhook(from, "Hello", &fresh_sid());
    fields.retain(|(name, _)| name != "To" && !more.iter().any(|(other, _)| other == name));
    let more = [&[("To", to)], more].concat();
    fields.extend(
        more.into_iter()
            .map(|(name, value)| (name.into(), value.into())),
    );
    fields
}

async fn answers(platform: &FakePlatform, fields: &[(String, String)]) -> Vec<String> {
    let response = platform.post(fields).await;
    assert_eq!(response.status, 200, "{}", response.body);
    texts(&response.body)
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn everybody_who_can_be_answered_is_answered_by_webhook_and_by_rest_at_the_address_as_it_came()
 {
    for (from, to, more, sender) in [
        (
            USER,
            "whatsapp:+15550199",
            vec![("ExternalUserId", USER)],
            ("From", "whatsapp:+15550199"),
        ),
        (
            "rcs:+15550100",
            "rcs:brand_x_agent",
            vec![("MessagingServiceSid", SERVICE)],
            ("MessagingServiceSid", SERVICE),
        ),
        (
            "rcs:+15550100",
            "rcs:brand_x_agent",
            vec![("MessagingServiceSid", "")],
            ("From", "rcs:brand_x_agent"),
        ),
        (
            ANNA,
            "rcs:brand_x_agent",
            vec![("MessagingServiceSid", SERVICE)],
            ("MessagingServiceSid", SERVICE),
        ),
        (
            "messenger:2745689751200",
            "messenger:1415523888600",
            vec![],
            ("From", "messenger:1415523888600"),
        ),
        (ANNA, "55501", vec![], ("From", "55501")),
    ] {
        let platform = FakePlatform::new();
        let said = answers(&platform, &fields(from, to, &more)).await;
        assert_eq!(said, ["answer to Hello"], "{from} to {to}");
        platform.model([after(11_000, Act::Say("by REST"))]);
        assert_eq!(answers(&platform, &fields(from, to, &more)).await, NOTHING);
        platform.pass(Duration::from_secs(5)).await;
        let sent = platform.sent_forms();
        assert_eq!(sent.len(), 1, "{from} to {to}");
        assert_eq!((&*sent[0]["Body"], &*sent[0]["To"]), ("by REST", from));
        let (name, value) = sender;
        assert_eq!(sent[0][name], value, "{from} to {to}");
        let other = if name == "From" {
            "MessagingServiceSid"
        } else {
            "From"
        };
        assert!(!sent[0].contains_key(other), "{from} to {to}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_message_that_nobody_may_answer_gets_an_empty_200_and_one_log_line_each_time() {
    let other = ("OtherRecipients0", "+15550101");
    for (from, more, reason) in [
        ("68849", vec![], "not_answerable"),
        ("SUPPORT", vec![("Body", "STOP")], "not_answerable"),
        (ANNA, vec![other], "group_message"),
    ] {
        let platform = FakePlatform::new();
        let message = fields(from, NUMBER, &more);
        for times in 1..=2 {
            assert_eq!(answers(&platform, &message).await, NOTHING, "{from}");
            let events = platform.events();
            assert_eq!(events.len(), times, "{events:?}");
            let event = events.last().unwrap();
            assert_eq!(event["event"], "message_ignored");
            assert_eq!(event["reason"], reason);
            assert_eq!(event["phone_hash"].as_str().unwrap().len(), 8);
        }
        assert!(platform.model_requests().is_empty());
        assert!(platform.object_names().is_empty(), "nothing is stored");
        let log = platform.log_text();
        for personal in ["68849", "SUPPORT", "+1555"] {
            assert!(!log.contains(personal), "{log}");
        }
    }
}

async fn post_to(
    path: &str,
    signed: &str,
    fields: &[(String, String)],
) -> (Response, FakePlatform) {
    let platform = FakePlatform::new();
    let mut request = Incoming::signed(fields);
    let origin = request
        .url
        .strip_suffix("/twilio/messages")
        .unwrap()
        .to_owned();
    request.url = format!("{origin}{signed}");
    request.sign(TOKEN, fields);
    request.url = format!("{origin}{path}");
    (platform.handle(&mut request).await, platform)
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_slash_at_the_end_is_the_same_route_and_part_of_the_signed_url() {
    let message = fields(ANNA, NUMBER, &[]);
    for query in ["", "?a=b"] {
        let path = format!("/twilio/messages/{query}");
        let (response, _) = post_to(&path, &path, &message).await;
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(texts(&response.body), ["answer to Hello"]);
        let unsigned = format!("/twilio/messages{query}");
        assert_eq!(post_to(&path, &unsigned, &message).await.0.status, 403);
        assert_eq!(post_to(&unsigned, &path, &message).await.0.status, 403);
    }
    let receipt = fields(
        NUMBER,
        ANNA,
        &[("MessageStatus", "failed"), ("ErrorCode", "30003")],
    );
    let status = "/twilio/messages/status/";
    let (response, platform) = post_to(status, status, &receipt).await;
    assert_eq!(response.status, 204);
    assert_eq!(platform.events_named("delivery").len(), 1);
    let get = FakePlatform::new()
        .handle(&mut Incoming::new("GET", status))
        .await;
    assert_eq!(get.status, 405);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_number_that_lost_its_plus_stays_a_400() {
    for from in [
        "14155553031",
        "whatsapp:14155553031",
        "rcs:14155553031",
        " 14155553031",
    ] {
        let platform = FakePlatform::new();
        let response = platform.post(&fields(from, NUMBER, &[])).await;
        assert_eq!(response.status, 400, "{from}");
        assert_eq!(platform.security_events("suspicious_request").len(), 1);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_message_under_the_older_names_of_its_id_is_taken_in_once() {
    for name in ["SmsSid", "SmsMessageSid"] {
        let platform = FakePlatform::new();
        let sid = fresh_sid();
        let mut message = fields(ANNA, NUMBER, &[(name, &sid)]);
        message.retain(|(name, _)| name != "MessageSid");
        for _ in 0..2 {
            assert_eq!(answers(&platform, &message).await, ["answer to Hello"]);
        }
        assert_eq!(platform.model_requests().len(), 1, "{name}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_receipt_from_any_sender_or_none_is_a_204_and_logged() {
    for (from, to) in [
        (Some("rcs:brand_x_agent"), "rcs:+15550100"),
        (Some("BRAND"), ANNA),
        (None, ANNA),
        (Some(""), "whatsapp:US.13491208655302741918"),
        (Some("messenger:1415523888600"), "messenger:2745689751200"),
    ] {
        let sid = fresh_sid();
        let mut fields = vec![
            ("SmsSid", sid.as_str()),
            ("SmsStatus", "failed"),
            ("To", to),
            ("ErrorCode", "63036"),
            ("ChannelToAddress", "+1555010XXXX"),
        ];
        fields.extend(from.map(|from| ("From", from)));
        let fields: Vec<_> = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let status = "/twilio/messages/status";
        let (response, platform) = post_to(status, status, &fields).await;
        assert_eq!(response.status, 204, "{from:?}");
        let events = platform.events();
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0]["event"], "delivery");
        assert_eq!(events[0]["status"], "failed");
        assert_eq!(events[0]["code"], 63036);
        assert_ne!(events[0]["phone_hash"], "00000000");
        let log = platform.log_text();
        assert!(!log.contains("555") && !log.contains("BRAND"), "{log}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_forged_message_of_a_sender_that_is_ignored_is_still_refused() {
    let platform = FakePlatform::new();
    let mut request = form_of(b"From=SUPPORT&To=%2B15550199&MessageSid=SM1");
    assert_eq!(platform.handle(&mut request).await.status, 403);
    assert!(platform.events_named("message_ignored").is_empty());
}
