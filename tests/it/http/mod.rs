//! Single requests to the Worker: routes, statuses, headers, signatures, and what is logged or never logged.
//!
//! Not here: conversations (`messaging`).

mod admin_access;
mod admin_calls;
mod admin_requests;
mod configuration;
mod intelligence;
mod objects;
mod privacy;
mod receipts;
mod routes;
mod senders;
mod signatures;

use serde_json::Value;
use switchboard::http::Response;

use crate::support::{ANNA, FakePlatform, Incoming, bearer, fresh_sid, webhook};

pub(super) fn fields() -> Vec<(String, String)> {
    webhook(ANNA, "Hello", &fresh_sid())
}

pub(super) fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    response
        .headers
        .iter()
        .find(|(other, _)| *other == name)
        .map(|(_, value)| value.as_ref())
}

/// The only event, which must be a security event of this kind.
pub(super) fn only_security_event(platform: &FakePlatform, kind: &str) -> Value {
    let events = platform.events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["event"], "security_event");
    assert_eq!(events[0]["details"]["kind"], kind);
    events[0].clone()
}

pub(super) fn form_of(body: &[u8]) -> Incoming {
    let mut request = Incoming::new("POST", "/twilio/messages");
    request.headers.push((
        "Content-Type",
        "application/x-www-form-urlencoded".to_owned(),
    ));
    request.chunks.push_back(Ok(body.to_vec()));
    request
}

pub(super) fn admin(
    method: &'static str,
    path: &str,
    authorization: Option<&str>,
    client: &str,
) -> Incoming {
    let mut request = Incoming::new(method, path);
    request
        .headers
        .extend(authorization.map(|value| ("Authorization", value.to_owned())));
    request
        .headers
        .push(("CF-Connecting-IP", client.to_owned()));
    request
}

pub(super) const PAIR: &str = r#"{"from":"+15550100","to":"+15550199"}"#;

pub(super) fn about_contact(what: &str, body: &str) -> Incoming {
    let mut request = Incoming::json(&format!("/admin/contacts/{what}"), body);
    request.headers.push(("Authorization", bearer()));
    request
}
