//! Twilio's REST API: sending one message, finding out whether it was sent, and showing the typing
//! indicator.
//!
//! Creating a message has no idempotency key. So we must know afterwards whether the message
//! exists: see [`Created`]. Source: Twilio, "Message resource" and "Error and Warning Dictionary".
//! Not here: when a part is sent, and what happens next (`conversation::outbox`).

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::DateTime;
use serde::Deserialize;

use crate::{
    base::{secret::Secret, time::UnixMillis, url::BaseUrl},
    identity::{AccountSid, Address, MessageSid, ServiceSid},
    platform::{Body, Http, HttpRequest, MAX_RESPONSE_BYTES},
};

/// The addresses and credentials of a request to the REST API.
#[derive(Clone, Copy, Debug)]
pub struct TwilioRequestContext<'a> {
    /// The account that owns the number.
    pub account: &'a AccountSid,
    /// The auth token of that account.
    pub token: &'a Secret,
    /// The Messaging Service of the number, if any. It takes precedence over the number.
    pub service: Option<&'a ServiceSid>,
    /// The number that the contact wrote to.
    pub from: &'a Address,
    /// The contact.
    pub to: &'a Address,
    /// Our public origin, to which Twilio sends delivery receipts.
    pub origin: &'a str,
}

/// Our knowledge of a message after the attempt to create it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// Twilio accepted it. The id is known if the answer could be read.
    Sent(Option<MessageSid>),
    /// Twilio did not process it (429). It can be sent again.
    NotProcessed,
    /// Twilio did not accept the token (401). It can be sent with another one.
    Unauthorized,
    /// Twilio rejected it for good, with this error code, or with this status if there was no code.
    Rejected(u32),
    /// It may or may not have been sent. It must not be sent again blindly: see [`find_message`].
    Unknown,
}

/// The result of the search for a message whose creation has an unknown outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was created with this id.
    Sent(MessageSid),
    /// It is not listed.
    Absent,
    /// Twilio did not accept the token (401). The search can be repeated with another one.
    Unauthorized,
    /// Twilio returned no list.
    NotAsked,
}

/// The path for Twilio's delivery receipts.
pub const STATUS_PATH: &str = "/twilio/messages/status";

/// The time for one request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends one part, of at most [`crate::twilio::parts::MAX_PART_UNITS`].
pub async fn create_message(
    http: &impl Http,
    base: &BaseUrl,
    context: TwilioRequestContext<'_>,
    body: &str,
) -> Created {
    match http
        .send(&create_request(base, context, body), TIMEOUT)
        .await
    {
        Ok(response) => outcome(response.status, &response.body),
        Err(_) => Created::Unknown,
    }
}

/// Shows on WhatsApp that an answer to `sid` is being written, for at most 25 s. It also marks the
/// message as read. Failures do not matter and are ignored. Source: Twilio, "Typing Indicators API"
/// (public beta).
pub async fn show_typing(
    http: &impl Http,
    base: &BaseUrl,
    context: TwilioRequestContext<'_>,
    sid: &MessageSid,
) {
    const PATH: &str = "/v2/Indicators/Typing.json";
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("messageId", sid.as_str())
        .append_pair("channel", "whatsapp");
    let url = match base.host() {
        "api.twilio.com" => format!("https://messaging.twilio.com{PATH}"),
        _ => base.join(PATH),
    };
    let _ = http
        .send(&form_request(url, context, form.finish()), TIMEOUT)
        .await;
}

/// Looks for a message between these addresses that has this body, was sent by REST at or after
/// `since`, and is not in `known`.
pub async fn find_message(
    http: &impl Http,
    base: &BaseUrl,
    context: TwilioRequestContext<'_>,
    body: &str,
    since: UnixMillis,
    known: &[MessageSid],
) -> Found {
    match http.send(&list_request(base, context), TIMEOUT).await {
        Ok(response) if response.status == 200 => find_in(&response.body, body, since, known),
        Ok(response) if response.status == 401 => Found::Unauthorized,
        Ok(_) | Err(_) => Found::NotAsked,
    }
}

/// The request for the newest messages between the addresses. (Twilio can filter by the date of
/// sending, but a queued message does not have one yet.)
fn list_request(base: &BaseUrl, context: TwilioRequestContext<'_>) -> HttpRequest {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("To", context.to.as_str());
    if context.service.is_none() {
        // A Messaging Service chooses the number itself.
        query.append_pair("From", context.from.as_str());
    }
    query.append_pair("PageSize", "100");
    let account = context.account.as_str();
    HttpRequest {
        method: "GET",
        url: base.join(&format!(
            "/2010-04-01/Accounts/{account}/Messages.json?{}",
            query.finish()
        )),
        headers: vec![("Authorization", authorization(context))],
        body: Body::default(),
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
        // A message without a readable date counts as a match: a missing part is better than a
        // repeated one.
        let in_time = message
            .date_created
            .as_deref()
            .and_then(parse_date)
            .is_none_or(|created| created >= earliest);
        // Twilio lists answers by webhook as `outbound-reply`, and incoming messages as `inbound`.
        let by_rest = message
            .direction
            .as_deref()
            .is_none_or(|direction| direction == "outbound-api");
        (by_rest && message.body.as_deref() == Some(body) && in_time && !known.contains(&sid))
            .then_some(sid)
    });
    sid.map_or(Found::Absent, Found::Sent)
}

/// How far Twilio's clock may be behind ours, including the rounding to whole seconds.
pub const CLOCK_DIFFERENCE: Duration = Duration::from_mins(1);

/// Reads a date as Twilio writes it, in the form of RFC 2822: `Sun, 22 Nov 2026 03:27:35 +0000`.
fn parse_date(text: &str) -> Option<UnixMillis> {
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    u64::try_from(date.timestamp_millis()).ok().map(UnixMillis)
}

/// The `Authorization` header for the REST API.
pub(super) fn authorization(context: TwilioRequestContext<'_>) -> String {
    format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!(
            "{}:{}",
            context.account.as_str(),
            context.token.expose()
        ))
    )
}

fn create_request(base: &BaseUrl, context: TwilioRequestContext<'_>, body: &str) -> HttpRequest {
    let account = context.account.as_str();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("To", context.to.as_str());
    match context.service {
        Some(service) => form.append_pair("MessagingServiceSid", service.as_str()),
        None => form.append_pair("From", context.from.as_str()),
    };
    form.append_pair("Body", body);
    // Twilio rejects a message whose callback it cannot reach. A plain http origin is this machine.
    if context.origin.starts_with("https://") {
        form.append_pair(
            "StatusCallback",
            &format!("{}{STATUS_PATH}", context.origin),
        );
    }
    form_request(
        base.join(&format!("/2010-04-01/Accounts/{account}/Messages.json")),
        context,
        form.finish(),
    )
}

fn form_request(url: String, context: TwilioRequestContext<'_>, body: String) -> HttpRequest {
    let content_type = "application/x-www-form-urlencoded".to_owned();
    let headers = vec![
        ("Authorization", authorization(context)),
        ("Content-Type", content_type),
    ];
    HttpRequest {
        method: "POST",
        url,
        headers,
        body: body.into(),
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
