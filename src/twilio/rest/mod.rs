//! Twilio's REST API: sending one message, finding out whether it was sent, showing the typing
//! indicator, starting a Studio flow, making and ending a call, and looking at our numbers.
//!
//! Not here: when a part is sent, and what happens next (`conversation::outbox`); when a call is made or
//! ended (`voice`).

mod calls;
pub mod codes;
pub(super) mod create;
mod list;
mod numbers;
mod studio;
mod typing;

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    base::secret::Secret,
    config::Config,
    identity::{AccountSid, Address, ServiceSid, TokenId},
    platform::{Body, HttpRequest, MAX_RESPONSE_BYTES},
};

pub use calls::{Completed, FoundCall, NewCall, WantedCall, complete_call, create_call, find_call};
pub use create::{Created, create_message};
pub use list::{CLOCK_DIFFERENCE, Found, Unauthorized, Wanted, find_message, listed_body};
pub use numbers::{FoundNumber, OwnNumber, find_number};
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

impl<'a> TwilioRequestContext<'a> {
    /// Who makes the request.
    #[must_use]
    pub fn credentials(self) -> Credentials<'a> {
        Credentials {
            account: self.account,
            token: self.token,
        }
    }

    /// Whether Twilio can send receipts to our origin. It rejects a message whose callback it cannot
    /// reach, and a plain http origin is this machine.
    fn takes_receipts(&self) -> bool {
        self.origin.starts_with("https://")
    }
}

/// Who makes a request to the REST API.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// The account.
    pub account: &'a AccountSid,
    /// An auth token of it.
    pub token: &'a Secret,
}

/// The credentials of an account, one for each token.
pub fn all_credentials<'a>(
    config: &'a Config,
    account: &'a AccountSid,
) -> impl Iterator<Item = Credentials<'a>> {
    let tokens = config.twilio_tokens.iter();
    tokens.map(move |token| Credentials { account, token })
}

/// The credentials of an account: first with the token that verified its webhook, then with the others,
/// because the tokens may have been rotated.
pub fn credentials<'a>(
    config: &'a Config,
    account: &'a AccountSid,
    verified_by: &'a TokenId,
) -> impl Iterator<Item = Credentials<'a>> {
    let verified = move |credentials: &Credentials<'_>| {
        config.pseudonym_key.token_id(credentials.token) == *verified_by
    };
    let all = || all_credentials(config, account);
    let others = all().filter(move |credentials| !verified(credentials));
    all().filter(verified).chain(others)
}

/// Asks with one token after the other, until one is not refused, and returns that answer. `None`: all
/// were refused, or there is none.
pub async fn first_accepted<C, T>(
    tokens: impl Iterator<Item = C>,
    is_refused: impl Fn(&T) -> bool,
    mut ask: impl AsyncFnMut(C) -> T,
) -> Option<T> {
    for token in tokens {
        let answer = ask(token).await;
        if !is_refused(&answer) {
            return Some(answer);
        }
    }
    None
}

/// The path for Twilio's delivery receipts.
pub const STATUS_PATH: &str = "/twilio/messages/status";

/// The time for one request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The `Authorization` header for the REST API.
pub(super) fn authorization(credentials: Credentials<'_>) -> String {
    let Credentials { account, token } = credentials;
    let pair = format!("{}:{}", account.as_str(), token.expose());
    format!("Basic {}", BASE64_STANDARD.encode(pair))
}

/// A request that reads something, of at most so many bytes.
pub(super) fn get_request(url: String, credentials: Credentials<'_>, limit: usize) -> HttpRequest {
    HttpRequest {
        method: "GET",
        url,
        headers: vec![("Authorization".into(), authorization(credentials))],
        body: Body::default(),
        limit,
    }
}

/// A request that sends a form.
pub(super) fn form_request(url: String, credentials: Credentials<'_>, body: String) -> HttpRequest {
    let content_type = "application/x-www-form-urlencoded".to_owned();
    let headers = vec![
        ("Authorization".into(), authorization(credentials)),
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
