//! Twilio's REST API: sending one message, finding out whether it was sent, showing the typing
//! indicator, and starting a Studio flow.
//!
//! Not here: when a part is sent, and what happens next (`conversation::outbox`).

pub mod codes;
mod create;
mod list;
mod studio;
mod typing;

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    base::secret::Secret,
    identity::{AccountSid, Address, ServiceSid},
    platform::{HttpRequest, MAX_RESPONSE_BYTES},
};

pub use create::{Created, create_message};
pub use list::{CLOCK_DIFFERENCE, Found, Unauthorized, Wanted, find_message, listed_body};
pub use studio::{Parameters, Started, find_execution, start_flow};
pub use typing::{TypingRefused, can_show_typing, show_typing};

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

impl TwilioRequestContext<'_> {
    /// Whether Twilio can send receipts to our origin. It rejects a message whose callback it cannot
    /// reach, and a plain http origin is this machine.
    fn takes_receipts(&self) -> bool {
        self.origin.starts_with("https://")
    }
}

/// The path for Twilio's delivery receipts.
pub const STATUS_PATH: &str = "/twilio/messages/status";

/// The time for one request.
const TIMEOUT: Duration = Duration::from_secs(10);

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

fn form_request(url: String, context: TwilioRequestContext<'_>, body: String) -> HttpRequest {
    let content_type = "application/x-www-form-urlencoded".to_owned();
    let headers = vec![
        ("Authorization".into(), authorization(context)),
        ("Content-Type".into(), content_type),
    ];
    HttpRequest {
        method: "POST",
        url,
        headers,
        body: body.into(),
        limit: MAX_RESPONSE_BYTES,
    }
}

#[cfg(test)]
mod tests;
