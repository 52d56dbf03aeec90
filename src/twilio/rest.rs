//! Twilio's REST API, as far as late answers need it: one message out, and whether it went out.
//!
//! A create has no idempotency key, so the one question that matters here is what is known of it afterwards: see
//! [`Created`]. Source: Twilio, "Message resource" and "Error and Warning Dictionary". Not here: when a part is sent, and
//! what happens next (`sender`).

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::DateTime;
use serde::Deserialize;

use crate::{
    base::{secret::Secret, time::UnixMillis, url::BaseUrl},
    identity::{AccountSid, Address, MessageSid, ServiceSid},
    platform::{Http, HttpRequest, MAX_RESPONSE_BYTES},
};

/// Whom a late answer goes to, and in whose name.
#[derive(Clone, Copy, Debug)]
pub struct TwilioRequestContext<'a> {
    /// The account that owns the number.
    pub account: &'a AccountSid,
    /// The auth token of that account.
    pub token: &'a Secret,
    /// The Messaging Service that was written to, if any; it comes before the number.
    pub service: Option<&'a ServiceSid>,
    /// The number that was written to.
    pub from: &'a Address,
    /// Who wrote.
    pub to: &'a Address,
    /// Our public origin, where Twilio reports what becomes of the message.
    pub origin: &'a str,
}

/// What is known of a message after the attempt to create it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// Twilio took it; under this id, if the answer could be read.
    Sent(Option<MessageSid>),
    /// Twilio did not process it (429): it can be sent again.
    NotProcessed,
    /// Twilio did not accept the token (401): it can be sent with another.
    Unauthorized,
    /// Twilio refused it for good, with this error code, or the status where there was none.
    Rejected(u32),
    /// It may have been sent or not. It must not be sent again blindly: see [`find_message`].
    Unknown,
}

/// What Twilio says about a message whose creation has an unknown outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was created, under this id.
    Sent(MessageSid),
    /// It is not listed.
    Absent,
    /// Twilio did not accept the token (401): it can be asked with another.
    Unauthorized,
    /// Twilio gave no list.
    NotAsked,
}

/// The path at which Twilio reports what became of a message.
pub const STATUS_PATH: &str = "/twilio/messages/status";

/// The time for one request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends one part, of at most [`crate::twilio::parts::MAX_PART_UNITS`].
pub async fn create_message(
    http: &impl Http,
    base: &BaseUrl,
    envelope: TwilioRequestContext<'_>,
    body: &str,
) -> Created {
    match http
        .send(&create_request(base, envelope, body), TIMEOUT)
        .await
    {
        Ok(response) => outcome(response.status, &response.body),
        Err(_) => Created::Unknown,
    }
}

/// Shows on WhatsApp that an answer to `sid` is being written, for at most 25 s; it also marks the message as read. A
/// courtesy: what comes of it does not matter. Source: Twilio, "Typing Indicators API" (public beta).
pub async fn show_typing(
    http: &impl Http,
    base: &BaseUrl,
    envelope: TwilioRequestContext<'_>,
    sid: &MessageSid,
) {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("messageId", sid.as_str())
        .append_pair("channel", "whatsapp");
    const PATH: &str = "/v2/Indicators/Typing.json";
    let url = match base.host() {
        "api.twilio.com" => format!("https://messaging.twilio.com{PATH}"),
        _ => base.join(PATH),
    };
    let _ = http
        .send(&form_request(url, envelope, form.finish()), TIMEOUT)
        .await;
}

/// Looks for a message with this body, between these addresses, that was sent by REST at or after `since` and is none of
/// `known`.
pub async fn find_message(
    http: &impl Http,
    base: &BaseUrl,
    envelope: TwilioRequestContext<'_>,
    body: &str,
    since: UnixMillis,
    known: &[MessageSid],
) -> Found {
    match http.send(&list_request(base, envelope), TIMEOUT).await {
        Ok(response) if response.status == 200 => find_in(&response.body, body, since, known),
        Ok(response) if response.status == 401 => Found::Unauthorized,
        Ok(_) | Err(_) => Found::NotAsked,
    }
}

/// The newest messages between the addresses. (Twilio's own filter by date is for the date of sending, which a message that
/// waits in a queue does not have yet.)
fn list_request(base: &BaseUrl, envelope: TwilioRequestContext<'_>) -> HttpRequest {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("To", envelope.to.as_str());
    if envelope.service.is_none() {
        // A Messaging Service chooses the number by itself.
        query.append_pair("From", envelope.from.as_str());
    }
    query.append_pair("PageSize", "100");
    let account = envelope.account.as_str();
    HttpRequest {
        method: "GET",
        url: base.join(&format!(
            "/2010-04-01/Accounts/{account}/Messages.json?{}",
            query.finish()
        )),
        headers: vec![("Authorization", authorization(envelope))],
        body: String::new(),
        limit: MAX_RESPONSE_BYTES,
    }
}

fn find_in(list: &[u8], body: &str, since: UnixMillis, known: &[MessageSid]) -> Found {
    #[derive(Deserialize)]
    struct List {
        messages: Vec<Listed>,
    }
    #[derive(Deserialize)]
    struct Listed {
        sid: String,
        body: Option<String>,
        direction: Option<String>,
        date_created: Option<String>,
    }
    let Ok(list) = serde_json::from_slice::<List>(list) else {
        return Found::NotAsked;
    };
    let earliest = since.minus(CLOCK_DIFFERENCE);
    let sid = list.messages.into_iter().find_map(|message| {
        let sid: MessageSid = message.sid.parse().ok()?;
        // One without a date that can be read may be it: better a missing part than one that comes twice.
        let in_time = message
            .date_created
            .as_deref()
            .and_then(parse_date)
            .is_none_or(|created| created >= earliest);
        // Twilio lists what a webhook answered as `outbound-reply`, and what came in as `inbound`.
        let by_rest = message
            .direction
            .as_deref()
            .is_none_or(|direction| direction == "outbound-api");
        (by_rest && message.body.as_deref() == Some(body) && in_time && !known.contains(&sid))
            .then_some(sid)
    });
    sid.map_or(Found::Absent, Found::Sent)
}

/// How far Twilio's clock may be behind ours, its whole seconds included.
pub const CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

/// A date as Twilio writes it, by RFC 2822: `Sun, 22 Nov 2026 03:27:35 +0000`.
fn parse_date(text: &str) -> Option<UnixMillis> {
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    u64::try_from(date.timestamp_millis()).ok().map(UnixMillis)
}

/// The header that proves an account to the REST API.
pub(super) fn authorization(envelope: TwilioRequestContext<'_>) -> String {
    format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!(
            "{}:{}",
            envelope.account.as_str(),
            envelope.token.expose()
        ))
    )
}

fn create_request(base: &BaseUrl, envelope: TwilioRequestContext<'_>, body: &str) -> HttpRequest {
    let account = envelope.account.as_str();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("To", envelope.to.as_str());
    match envelope.service {
        Some(service) => form.append_pair("MessagingServiceSid", service.as_str()),
        None => form.append_pair("From", envelope.from.as_str()),
    };
    form.append_pair("Body", body);
    // Twilio refuses a message whose callback it could not reach, and a plain http origin is this machine.
    if envelope.origin.starts_with("https://") {
        form.append_pair(
            "StatusCallback",
            &format!("{}{STATUS_PATH}", envelope.origin),
        );
    }
    form_request(
        base.join(&format!("/2010-04-01/Accounts/{account}/Messages.json")),
        envelope,
        form.finish(),
    )
}

fn form_request(url: String, envelope: TwilioRequestContext<'_>, body: String) -> HttpRequest {
    let content_type = "application/x-www-form-urlencoded".to_owned();
    let headers = vec![
        ("Authorization", authorization(envelope)),
        ("Content-Type", content_type),
    ];
    HttpRequest {
        method: "POST",
        url,
        headers,
        body,
        limit: MAX_RESPONSE_BYTES,
    }
}

fn outcome(status: u16, body: &[u8]) -> Created {
    #[derive(Deserialize)]
    struct TwilioError {
        code: Option<u32>,
    }
    #[derive(Deserialize)]
    struct Resource {
        sid: String,
    }
    match status {
        200..=299 => Created::Sent(
            serde_json::from_slice::<Resource>(body)
                .ok()
                .and_then(|resource| resource.sid.parse().ok()),
        ),
        429 => Created::NotProcessed,
        401 => Created::Unauthorized,
        400..=499 => {
            let code = serde_json::from_slice::<TwilioError>(body)
                .ok()
                .and_then(|error| error.code);
            Created::Rejected(code.unwrap_or(status.into()))
        }
        _ => Created::Unknown,
    }
}

#[cfg(test)]
mod tests {
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
        let envelope = TwilioRequestContext {
            account: &"AC0123456789abcdef0123456789abcdef".parse().unwrap(),
            token: &config.twilio_tokens[0],
            service: service.as_ref(),
            from: &"whatsapp:+15550199".parse().unwrap(),
            to: &"whatsapp:+15550100".parse().unwrap(),
            origin,
        };
        create_request(&config.twilio_api_base_url, envelope, "1 + 1 = 2 & more")
    }

    #[test]
    fn a_message_is_created_as_twilio_documents_it() {
        let request = request(None, "http://127.0.0.1:8787");
        assert_eq!(
            request.url,
            "https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json"
        );
        assert_eq!(
            request.body,
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
        .body;
        assert!(
            body.contains("MessagingServiceSid=MG0123456789abcdef0123456789abcdef")
                && !body.contains("From=")
        );
    }

    #[test]
    fn twilio_is_told_where_to_report_unless_it_could_not_reach_us() {
        let callback =
            "&StatusCallback=https%3A%2F%2Fa.example%3A8443%2Ftwilio%2Fmessages%2Fstatus";
        assert!(
            request(None, "https://a.example:8443")
                .body
                .ends_with(callback)
        );
        assert!(
            !request(None, "http://localhost:8787")
                .body
                .contains("StatusCallback")
        );
    }

    #[test]
    fn only_an_outcome_that_is_known_counts_as_known() {
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
    fn a_date_of_twilios_is_read() {
        assert_eq!(parse_date("Sun, 22 Nov 2026 03:27:35 +0000"), Some(SINCE));
        assert_eq!(parse_date("yesterday"), None);
    }
}
