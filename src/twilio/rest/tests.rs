use super::{
    create::{create_request, outcome},
    typing::{can_show_typing, typing_request},
    *,
};
use crate::{
    config::{Config, tests::parse},
    identity::MessageSid,
};

fn config() -> Config {
    parse(&[]).unwrap()
}

fn request(service: Option<&str>, origin: &str) -> HttpRequest {
    let config = config();
    let service = service.map(|sid| sid.parse().unwrap());
    let context = TwilioRequestContext {
        account: &"AC0123456789abcdef0123456789abcdef".parse().unwrap(),
        token: &config.twilio_tokens[0],
        service: service.as_ref(),
        from: &"whatsapp:+15550199".parse().unwrap(),
        to: &"whatsapp:+15550100".parse().unwrap(),
        origin,
    };
    create_request(&config.twilio_api_base_url, context, "1 + 1 = 2 & more")
}

#[test]
fn a_message_is_created_as_twilio_documents_it() {
    let request = request(None, "http://127.0.0.1:8787");
    assert_eq!(
        request.url,
        "https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json"
    );
    assert_eq!(
        request.body.to_text(),
        "To=whatsapp%3A%2B15550100&From=whatsapp%3A%2B15550199&Body=1+%2B+1+%3D+2+%26+more"
    );
    let credentials = BASE64_STANDARD
        .encode("AC0123456789abcdef0123456789abcdef:0123456789abcdef0123456789abcdef");
    assert!(
        request
            .headers
            .contains(&("Authorization".into(), format!("Basic {credentials}")))
    );
}

#[test]
fn a_messaging_service_comes_before_the_number() {
    let body = request(
        Some("MG0123456789abcdef0123456789abcdef"),
        "https://a.example",
    )
    .body
    .to_text();
    assert!(
        body.contains("MessagingServiceSid=MG0123456789abcdef0123456789abcdef")
            && !body.contains("From=")
    );
}

#[test]
fn twilio_gets_a_status_callback_unless_it_could_not_reach_us() {
    let callback = "&StatusCallback=https%3A%2F%2Fa.example%3A8443%2Ftwilio%2Fmessages%2Fstatus";
    assert!(
        request(None, "https://a.example:8443")
            .body
            .to_text()
            .ends_with(callback)
    );
    assert!(
        !request(None, "http://localhost:8787")
            .body
            .to_text()
            .contains("StatusCallback")
    );
}

#[test]
fn an_unclear_outcome_counts_as_unknown() {
    let sid = "SM0123456789abcdef0123456789abcdef";
    let outcome = outcome::<MessageSid>;
    assert_eq!(
        outcome(201, format!(r#"{{"sid":"{sid}"}}"#).as_bytes()),
        Created::Sent(sid.parse().ok())
    );
    assert_eq!(outcome(201, b"{}"), Created::Sent(None));
    assert_eq!(outcome(429, b""), Created::NotProcessed(429));
    assert_eq!(outcome(401, br#"{"code":20003}"#), Created::Unauthorized);
    assert_eq!(outcome(404, b"<html>"), Created::Rejected(404));
    assert_eq!(outcome(500, b""), Created::Unknown);
    assert_eq!(outcome(302, b""), Created::Unknown);
    assert_eq!(outcome(408, b""), Created::Unknown);
}

#[test]
fn the_code_counts_for_more_than_the_status() {
    for (status, body, expected) in [
        (
            400,
            r#"{"code":21610,"message":"unsubscribed"}"#,
            Created::OptedOut(21610),
        ),
        (403, r#"{"code":"21610"}"#, Created::OptedOut(21610)),
        (
            201,
            r#"{"sid":null,"error_code":21610}"#,
            Created::OptedOut(21610),
        ),
        (429, r#"{"code":63038}"#, Created::Rejected(63038)),
        (429, r#"{"code":20429}"#, Created::NotProcessed(20429)),
        (429, r#"{"code":99999}"#, Created::NotProcessed(99999)),
        (400, r#"{"code":14107}"#, Created::NotProcessed(14107)),
        (400, r#"{"code":63018}"#, Created::NotProcessed(63018)),
        (400, r#"{"code":21611}"#, Created::NotProcessed(21611)),
        (400, r#"{"code":63016}"#, Created::Rejected(63016)),
        (400, r#"{"code":99999}"#, Created::Rejected(99999)),
        (400, r#"{"code":null}"#, Created::Rejected(400)),
        (503, r#"{"code":20503}"#, Created::Unknown),
        (500, r#"{"code":99999}"#, Created::Unknown),
        (503, r#"{"code":63038}"#, Created::Rejected(63038)),
    ] {
        assert_eq!(
            outcome::<MessageSid>(status, body.as_bytes()),
            expected,
            "{status} {body}"
        );
    }
}

fn typing(from: &str, to: &str) -> Option<HttpRequest> {
    let config = config();
    let context = TwilioRequestContext {
        account: &"AC0123456789abcdef0123456789abcdef".parse().unwrap(),
        token: &config.twilio_tokens[0],
        service: None,
        from: &from.parse().unwrap(),
        to: &to.parse().unwrap(),
        origin: "https://a.example",
    };
    let sid = "SM0123456789abcdef0123456789abcdef".parse().unwrap();
    let request = typing_request(&config.twilio_api_base_url, context, &sid);
    let can_show = can_show_typing(context.to, context.from);
    assert_eq!(can_show, request.is_some(), "{from} {to}");
    request
}

#[test]
fn typing_is_shown_by_the_third_version_of_the_api_as_json() {
    let request = typing("whatsapp:+15550199", "whatsapp:+15550100").unwrap();
    assert_eq!(
        request.url,
        "https://messaging.twilio.com/v3/Indicators/Typing.json"
    );
    assert!(
        request
            .headers
            .contains(&("Content-Type".into(), "application/json".to_owned()))
    );
    assert_eq!(
        request.body.to_text(),
        r#"{"channel":"WHATSAPP","messageId":"SM0123456789abcdef0123456789abcdef"}"#
    );
}

#[test]
fn typing_is_shown_by_rcs_from_the_agent_and_on_no_other_channel() {
    let body = r#"{"channel":"RCS","from":"rcs:shop_agent","to":"rcs:+15550100","event":"START"}"#;
    for to in ["rcs:+15550100", "+15550100"] {
        assert_eq!(typing("rcs:shop_agent", to).unwrap().body.to_text(), body);
    }
    assert!(typing("+15550199", "+15550100").is_none());
    assert!(typing("messenger:1415523888600", "messenger:2745689751200").is_none());
}
