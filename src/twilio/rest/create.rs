//! Creating one message, and our knowledge of it afterwards.
//!
//! Creating a message has no idempotency key. So we must know afterwards whether the message
//! exists: see [`Created`]. Source: Twilio, "Message resource". Not here: finding out what became of
//! a message (`list`).

use std::str::FromStr;

use serde::Deserialize;
use serde_json::Value;

use super::{
    STATUS_PATH, TIMEOUT, TwilioRequestContext,
    codes::{self, Disposition},
    form_request,
};
use crate::{
    base::url::BaseUrl,
    identity::MessageSid,
    platform::{Http, HttpRequest},
};

/// Our knowledge of a message after the attempt to create it, or of a call that has ids of another kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created<Id = MessageSid> {
    /// Twilio accepted it. The id is known if the answer could be read.
    Sent(Option<Id>),
    /// Twilio did not process it. It can be sent again later. The code is Twilio's, or the status
    /// if there was none.
    NotProcessed(u32),
    /// Twilio did not accept the token (401). It can be sent with another one.
    Unauthorized,
    /// Twilio rejected it for good, with this error code, or with this status if there was no code.
    Rejected(u32),
    /// Twilio rejected it with this code, because the contact has opted out.
    OptedOut(u32),
    /// It may or may not have been sent. It must not be sent again blindly: see
    /// [`super::find_message`] and [`super::find_call`].
    Unknown,
}

/// Sends one part, of at most [`crate::twilio::parts::MAX_PART_UNITS`].
pub async fn create_message(
    http: &impl Http,
    base: &BaseUrl,
    context: TwilioRequestContext<'_>,
    body: &str,
) -> Created {
    create(http, &create_request(base, context, body)).await
}

pub(super) fn create_request(
    base: &BaseUrl,
    context: TwilioRequestContext<'_>,
    body: &str,
) -> HttpRequest {
    let account = context.account.as_str();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("To", context.to.as_str());
    match context.service {
        Some(service) => form.append_pair("MessagingServiceSid", service.as_str()),
        None => form.append_pair("From", context.from.as_str()),
    };
    form.append_pair("Body", body);
    if context.takes_receipts() {
        form.append_pair(
            "StatusCallback",
            &format!("{}{STATUS_PATH}", context.origin),
        );
    }
    form_request(
        base.join(&format!("/2010-04-01/Accounts/{account}/Messages.json")),
        context.credentials(),
        form.finish(),
    )
}

/// Makes a request that creates something.
pub async fn create<Id: FromStr>(http: &impl Http, request: &HttpRequest) -> Created<Id> {
    match http.send(request, TIMEOUT).await {
        Ok(response) => outcome(response.status, &response.body),
        Err(_) => Created::Unknown,
    }
}

/// The outcome of a request that creates something, from its answer.
pub(super) fn outcome<Id: FromStr>(status: u16, body: &[u8]) -> Created<Id> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Answer {
        sid: Value,
        code: Value,
        error_code: Value,
    }
    let answer = serde_json::from_slice::<Answer>(body).unwrap_or_default();
    if (200..=299).contains(&status) {
        // A message can fail as it is created. Its receipt says so, too.
        return match code_in(&answer.error_code).filter(|code| codes::is_opt_out(*code)) {
            Some(code) => Created::OptedOut(code),
            None => Created::Sent(answer.sid.as_str().and_then(|sid| sid.parse().ok())),
        };
    }
    rejection(status, code_in(&answer.code))
}

/// The outcome of a request that failed. A known code counts for more than the status: a 429 can
/// mean that the day is used up.
fn rejection<Id>(status: u16, code: Option<u32>) -> Created<Id> {
    let stated = code.unwrap_or(status.into());
    match (status, code.and_then(codes::disposition)) {
        (401, _) => Created::Unauthorized,
        (_, Some(Disposition::OptOut)) => Created::OptedOut(stated),
        (400..=499, Some(Disposition::Later)) | (429, None) => Created::NotProcessed(stated),
        // A proxy on the way gave up waiting.
        (408, None) => Created::Unknown,
        (_, Some(Disposition::Never)) | (400..=499, None) => Created::Rejected(stated),
        // Twilio may have sent it although it failed, whatever the code is.
        _ => Created::Unknown,
    }
}

/// An error code, as a number or as digits.
pub(super) fn code_in(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|number| number.try_into().ok()),
        Value::String(digits) => digits.parse().ok(),
        _ => None,
    }
}
