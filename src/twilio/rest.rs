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
mod tests;
