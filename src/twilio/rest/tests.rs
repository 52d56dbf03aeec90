use super::*;
use crate::config::{Config, tests::MINIMAL};

fn request(service: Option<&str>, origin: &str) -> HttpRequest {
    let config = Config::parse(|name| {
        MINIMAL
            .iter()
            .find(|(other, _)| *other == name)
            .map(|(_, value)| (*value).to_owned())
    })
    .unwrap();
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
            .contains(&("Authorization", format!("Basic {credentials}")))
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
    assert_eq!(
        outcome(201, format!(r#"{{"sid":"{sid}"}}"#).as_bytes()),
        Created::Sent(sid.parse().ok())
    );
    assert_eq!(outcome(201, b"{}"), Created::Sent(None));
    assert_eq!(outcome(429, b""), Created::NotProcessed);
    assert_eq!(outcome(401, br#"{"code":20003}"#), Created::Unauthorized);
    assert_eq!(
        outcome(400, br#"{"code":21610,"message":"unsubscribed"}"#),
        Created::Rejected(21610)
    );
    assert_eq!(outcome(404, b"<html>"), Created::Rejected(404));
    assert_eq!(outcome(500, b""), Created::Unknown);
    assert_eq!(outcome(302, b""), Created::Unknown);
}

const SINCE: UnixMillis = UnixMillis(1_795_318_055_000); // 2026-11-22T03:27:35Z

fn find(list: &str, known: &[MessageSid]) -> Found {
    find_in(list.as_bytes(), "the part", SINCE, known)
}

#[test]
fn a_message_is_found_by_its_body_and_date_among_those_not_known() {
    let (first, second) = (
        "SM0123456789abcdef0123456789abcdef",
        "SM1123456789abcdef0123456789abcdef",
    );
    let listed = |sid: &str, body: &str, date: &str| {
        format!(r#"{{"sid":"{sid}","body":"{body}","date_created":"{date}"}}"#)
    };
    let list = |messages: &[String]| format!(r#"{{"messages":[{}]}}"#, messages.join(","));
    let (now, before) = (
        "Sun, 22 Nov 2026 03:27:36 +0000",
        "Sun, 22 Nov 2026 03:26:30 +0000",
    );
    let both = list(&[
        listed(first, "the part", now),
        listed(second, "the part", now),
    ]);
    assert_eq!(find(&both, &[]), Found::Sent(first.parse().unwrap()));
    assert_eq!(
        find(&both, &[first.parse().unwrap()]),
        Found::Sent(second.parse().unwrap())
    );
    assert_eq!(
        find(
            &list(&[
                listed(first, "another", now),
                listed(second, "the part", before)
            ]),
            &[]
        ),
        Found::Absent
    );
    assert_eq!(find(&list(&[]), &[]), Found::Absent);
    assert_eq!(find("<html>", &[]), Found::NotAsked);
}

#[test]
fn a_date_from_twilio_is_read() {
    assert_eq!(parse_date("Sun, 22 Nov 2026 03:27:35 +0000"), Some(SINCE));
    assert_eq!(parse_date("yesterday"), None);
}
