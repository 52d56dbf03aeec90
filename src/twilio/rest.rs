//! Twilio's REST API, as far as late answers need it: one message out.
//!
//! A create has no idempotency key, so the one question that matters here is what is known of it afterwards: see
//! [`Created`]. Source: Twilio, "Message resource" and "Error and Warning Dictionary". Not here: when a part is sent, and
//! what happens next (`sender`).

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;

use crate::{
    config::{BaseUrl, Secret},
    message::{AccountSid, Address, ServiceSid},
    platform::{Http, HttpError, HttpRequest},
};

/// Whom a late answer goes to, and in whose name.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
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
}

/// What is known of a message after the attempt to create it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// Twilio took it.
    Sent,
    /// Twilio did not process it (429): it can be sent again.
    NotProcessed,
    /// Twilio did not accept the token (401): it can be sent with another.
    Unauthorized,
    /// Twilio refused it for good, with this error code, or the status where there was none.
    Refused(u32),
    /// It may have been sent or not. It must not be sent again blindly.
    Unknown,
}

/// The time for one request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends one part, of at most [`crate::twilio::parts::MAX_PART_UNITS`].
pub async fn create_message(http: &impl Http, base: &BaseUrl, envelope: Envelope<'_>, body: &str) -> Created {
    match http.send(&create_request(base, envelope, body), TIMEOUT).await {
        Ok(response) => outcome(response.status, &response.body),
        Err(HttpError::Timeout | HttpError::Connection | HttpError::Unreadable) => Created::Unknown,
    }
}

fn create_request(base: &BaseUrl, envelope: Envelope<'_>, body: &str) -> HttpRequest {
    let account = envelope.account.as_str();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("To", envelope.to.as_str());
    match envelope.service {
        Some(service) => form.append_pair("MessagingServiceSid", service.as_str()),
        None => form.append_pair("From", envelope.from.as_str()),
    };
    form.append_pair("Body", body);
    let credentials = BASE64_STANDARD.encode(format!("{account}:{}", envelope.token.expose()));
    HttpRequest {
        method: "POST",
        url: base.join(&format!("/2010-04-01/Accounts/{account}/Messages.json")),
        headers: vec![("Authorization", format!("Basic {credentials}")), ("Content-Type", "application/x-www-form-urlencoded".to_owned())],
        body: form.finish(),
    }
}

fn outcome(status: u16, body: &[u8]) -> Created {
    #[derive(Deserialize)]
    struct TwilioError {
        code: Option<u32>,
    }
    match status {
        200..=299 => Created::Sent,
        429 => Created::NotProcessed,
        401 => Created::Unauthorized,
        400..=499 => {
            let code = serde_json::from_slice::<TwilioError>(body).ok().and_then(|error| error.code);
            Created::Refused(code.unwrap_or(status.into()))
        }
        _ => Created::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, config::tests::MINIMAL};

    fn request(service: Option<&str>) -> HttpRequest {
        let config = Config::parse(|name| MINIMAL.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())).unwrap();
        let service = service.map(|sid| sid.parse().unwrap());
        let envelope = Envelope {
            account: &"AC0123456789abcdef0123456789abcdef".parse().unwrap(),
            token: &config.twilio_tokens[0],
            service: service.as_ref(),
            from: &"whatsapp:+15550199".parse().unwrap(),
            to: &"whatsapp:+15550100".parse().unwrap(),
        };
        create_request(&config.twilio_api_base_url, envelope, "1 + 1 = 2 & more")
    }

    #[test]
    fn a_message_is_created_as_twilio_documents_it() {
        let request = request(None);
        assert_eq!(request.url, "https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json");
        assert_eq!(request.body, "To=whatsapp%3A%2B15550100&From=whatsapp%3A%2B15550199&Body=1+%2B+1+%3D+2+%26+more");
        let credentials = BASE64_STANDARD.encode("AC0123456789abcdef0123456789abcdef:0123456789abcdef0123456789abcdef");
        assert!(request.headers.contains(&("Authorization", format!("Basic {credentials}"))));
    }

    #[test]
    fn a_messaging_service_comes_before_the_number() {
        let body = request(Some("MG0123456789abcdef0123456789abcdef")).body;
        assert!(body.contains("MessagingServiceSid=MG0123456789abcdef0123456789abcdef") && !body.contains("From="));
    }

    #[test]
    fn only_an_outcome_that_is_known_counts_as_known() {
        assert_eq!(outcome(201, b"{}"), Created::Sent);
        assert_eq!(outcome(429, b""), Created::NotProcessed);
        assert_eq!(outcome(401, br#"{"code":20003}"#), Created::Unauthorized);
        assert_eq!(outcome(400, br#"{"code":21610,"message":"unsubscribed"}"#), Created::Refused(21610));
        assert_eq!(outcome(404, b"<html>"), Created::Refused(404));
        assert_eq!(outcome(500, b""), Created::Unknown);
        assert_eq!(outcome(302, b""), Created::Unknown);
    }
}
