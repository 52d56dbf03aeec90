//! Calls of the REST API: one is created, looked for, and ended.
//!
//! Creating a call has no idempotency key. So we must know afterwards whether the call exists, as for a
//! message. Source: Twilio's OpenAPI description, `twilio_api_v2010`, and "Call resource". Not here: when a
//! call is created or ended (`voice`).

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Created, Credentials, TIMEOUT,
    create::{code_in, create},
    form_request,
    list::{NoPage, is_young, page},
};
use crate::{
    base::{time::UnixMillis, url::BaseUrl},
    identity::{Address, CallSid},
    platform::{Http, HttpRequest},
    twilio::voice::CallStatus,
};

/// A call that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewCall<'a> {
    /// Who is called.
    pub to: &'a Address,
    /// Our number, which the person sees.
    pub from: &'a Address,
    /// Where Twilio asks for TwiML when the person has answered.
    pub url: &'a str,
    /// Where Twilio tells of the call's end.
    pub status_callback: &'a str,
    /// How long it rings.
    pub rings_for: Duration,
    /// How long it lasts at most. Twilio itself ends it then.
    pub time_limit: Duration,
}

/// The call that is looked for.
#[derive(Clone, Copy, Debug)]
pub struct WantedCall<'a> {
    /// Who is called.
    pub to: &'a Address,
    /// Our number.
    pub from: &'a Address,
    /// When the attempt to create it began.
    pub since: UnixMillis,
    /// Its id, if that is known.
    pub sid: Option<&'a CallSid>,
}

/// The result of the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundCall {
    /// There is this one call, which has come so far.
    One(CallSid, CallStatus),
    /// It is not listed.
    Absent,
    /// Twilio did not accept the token (401). The search can be repeated with another one.
    Unauthorized,
    /// Twilio returned no list that could be read, or several calls that it can be.
    Unclear,
}

/// Our knowledge of a call after the request to end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completed {
    /// Twilio has ended it.
    Now,
    /// It was over before, or Twilio knows no such call.
    Before,
    /// Twilio did not accept the token (401). It can be asked with another one.
    Unauthorized,
    /// Twilio refused for good, with this error code, or with this status if there was no code.
    Rejected(u32),
    /// It is not known. The request can be repeated: a call ends once.
    Unknown,
}

/// "Call is not in-progress". Source: Twilio, "Error and Warning Dictionary".
const NOT_IN_PROGRESS: u32 = 21220;
/// The calls that are looked through.
const PAGE_SIZE: usize = 100;

/// Creates a call.
pub async fn create_call(
    http: &impl Http,
    base: &BaseUrl,
    credentials: Credentials<'_>,
    call: NewCall<'_>,
) -> Created<CallSid> {
    let request = create_request(base, credentials, call);
    create(http, &request).await
}

/// Looks for a call among the newest ones from our number to the person.
///
/// (Twilio can filter by the date of the start, but a call that is not dialled yet does not have one.)
pub async fn find_call(
    http: &impl Http,
    base: &BaseUrl,
    credentials: Credentials<'_>,
    wanted: WantedCall<'_>,
) -> FoundCall {
    match page::<Page>(http, base, credentials, &first_page(credentials, wanted)).await {
        Ok(page) => page.find(wanted),
        Err(NoPage::Unauthorized) => FoundCall::Unauthorized,
        Err(NoPage::Unreadable) => FoundCall::Unclear,
    }
}

/// Ends a call, whatever it is doing.
pub async fn complete_call(
    http: &impl Http,
    base: &BaseUrl,
    credentials: Credentials<'_>,
    call: &CallSid,
) -> Completed {
    let request = complete_request(base, credentials, call);
    match http.send(&request, TIMEOUT).await {
        Ok(response) => completed(response.status, &response.body),
        Err(_) => Completed::Unknown,
    }
}

fn create_request(base: &BaseUrl, credentials: Credentials<'_>, call: NewCall<'_>) -> HttpRequest {
    let seconds = |time: Duration| time.as_secs().to_string();
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("To", call.to.as_str())
        .append_pair("From", call.from.as_str())
        .append_pair("Url", call.url)
        .append_pair("StatusCallback", call.status_callback)
        .append_pair("Timeout", &seconds(call.rings_for))
        .append_pair("TimeLimit", &seconds(call.time_limit))
        .finish();
    let url = base.join(&format!("{}.json", calls(credentials)));
    form_request(url, credentials, form)
}

fn first_page(credentials: Credentials<'_>, wanted: WantedCall<'_>) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("To", wanted.to.as_str())
        .append_pair("From", wanted.from.as_str())
        .append_pair("PageSize", &PAGE_SIZE.to_string())
        .finish();
    format!("{}.json?{query}", calls(credentials))
}

fn complete_request(base: &BaseUrl, credentials: Credentials<'_>, call: &CallSid) -> HttpRequest {
    let url = base.join(&format!("{}/{}.json", calls(credentials), call.as_str()));
    form_request(url, credentials, "Status=completed".to_owned())
}

/// The path of an account's calls.
fn calls(credentials: Credentials<'_>) -> String {
    format!(
        "/2010-04-01/Accounts/{}/Calls",
        credentials.account.as_str()
    )
}

/// A page of the list, newest call first.
#[derive(Deserialize)]
struct Page {
    calls: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    sid: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    direction: Option<String>,
    #[serde(default)]
    date_created: Option<String>,
}

impl Page {
    fn find(self, wanted: WantedCall<'_>) -> FoundCall {
        let is_full = self.calls.len() >= PAGE_SIZE;
        let mut found = self.calls.into_iter().filter_map(|call| {
            let sid: CallSid = call.sid.parse().ok()?;
            let by_api = call.direction.is_none_or(|by| by == "outbound-api");
            let is_young = is_young(call.date_created.as_deref(), wanted.since);
            let fits = wanted.sid.is_none_or(|wanted| *wanted == sid);
            let status = CallStatus::read(call.status.as_deref().unwrap_or_default());
            (by_api && is_young && fits).then_some((sid, status))
        });
        match (found.next(), found.next()) {
            (Some((sid, status)), None) => FoundCall::One(sid, status),
            (Some(_), Some(_)) => FoundCall::Unclear,
            (None, _) if is_full => FoundCall::Unclear,
            (None, _) => FoundCall::Absent,
        }
    }
}

fn completed(status: u16, body: &[u8]) -> Completed {
    let code = code_of(body);
    match status {
        200..=299 => Completed::Now,
        404 => Completed::Before,
        _ if code == Some(NOT_IN_PROGRESS) => Completed::Before,
        401 => Completed::Unauthorized,
        // Too many requests at once, or a proxy on the way gave up waiting.
        408 | 429 => Completed::Unknown,
        400..=499 => Completed::Rejected(code.unwrap_or(status.into())),
        _ => Completed::Unknown,
    }
}

/// The code of an error.
fn code_of(body: &[u8]) -> Option<u32> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Refusal {
        code: Value,
    }
    let refusal = serde_json::from_slice::<Refusal>(body).unwrap_or_default();
    code_in(&refusal.code)
}

#[cfg(test)]
mod tests;
