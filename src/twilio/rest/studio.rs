//! Studio: starting an execution of a flow for a contact, and finding out whether it was started.
//!
//! Source: Twilio's OpenAPI description, `twilio_studio_v2`, and "Execution resource": one execution
//! at a time is active for the same two addresses. Not here: when one is started
//! (`messaging::thread`).

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::{CLOCK_DIFFERENCE, Created, TIMEOUT, TwilioRequestContext, form_request, get_request};
use crate::{
    base::{time::UnixMillis, url::BaseUrl},
    identity::FlowSid,
    platform::{Http, HttpRequest},
};

/// What the flow gets as `{{flow.data}}`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Parameters<'a> {
    /// The pseudonym of the conversation.
    pub conversation: &'a str,
    /// The assistant's name.
    pub assistant: &'a str,
    /// Why the contact is handed over.
    pub reason: &'a str,
}

/// Whether an execution was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It was.
    Yes,
    /// None is listed. Studio's list may be late.
    NotListed,
    /// Studio did not accept the token (401). It can be asked with another one.
    Unauthorized,
    /// Studio gave no list that could be read.
    NotAsked,
}

/// The most executions that are looked through.
const PAGE_SIZE: usize = 200;
/// The longest list that is read, in bytes. Each execution has its context in it.
const MAX_LIST_BYTES: usize = 4 * 1024 * 1024;

/// Starts an execution. The outcome has the meaning of that of a message.
pub async fn start_flow(
    http: &impl Http,
    base: &BaseUrl,
    context: TwilioRequestContext<'_>,
    flow: &FlowSid,
    parameters: Parameters<'_>,
) -> Created {
    let request = start_request(base, context, flow, parameters);
    super::create::create(http, &request).await
}

/// Looks for an execution for the contact that was started since then.
pub async fn find_execution(
    http: &impl Http,
    base: &BaseUrl,
    context: TwilioRequestContext<'_>,
    flow: &FlowSid,
    since: UnixMillis,
) -> Started {
    let since = since.minus(CLOCK_DIFFERENCE);
    match http
        .send(&list_request(base, context, flow, since), TIMEOUT)
        .await
    {
        Ok(response) if response.status == 200 => {
            listed(&response.body, context, since).unwrap_or(Started::NotAsked)
        }
        Ok(response) if response.status == 401 => Started::Unauthorized,
        Ok(_) | Err(_) => Started::NotAsked,
    }
}

pub(super) fn start_request(
    base: &BaseUrl,
    context: TwilioRequestContext<'_>,
    flow: &FlowSid,
    parameters: Parameters<'_>,
) -> HttpRequest {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("To", context.to.as_str());
    form.append_pair("From", context.from.as_str());
    // Writing to memory never fails.
    let parameters = serde_json::to_string(&parameters).unwrap_or_default();
    form.append_pair("Parameters", &parameters);
    form_request(
        executions(base, flow, ""),
        context.credentials(),
        form.finish(),
    )
}

pub(super) fn list_request(
    base: &BaseUrl,
    context: TwilioRequestContext<'_>,
    flow: &FlowSid,
    since: UnixMillis,
) -> HttpRequest {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("DateCreatedFrom", &since.to_string());
    query.append_pair("PageSize", &PAGE_SIZE.to_string());
    get_request(
        executions(base, flow, &format!("?{}", query.finish())),
        context.credentials(),
        MAX_LIST_BYTES,
    )
}

/// The URL of a flow's executions. Studio has a host of its own.
fn executions(base: &BaseUrl, flow: &FlowSid, query: &str) -> String {
    let path = format!("/v2/Flows/{}/Executions{query}", flow.as_str());
    match base.host() {
        "api.twilio.com" => format!("https://studio.twilio.com{path}"),
        _ => base.join(&path),
    }
}

fn listed(body: &[u8], context: TwilioRequestContext<'_>, since: UnixMillis) -> Option<Started> {
    #[derive(Deserialize)]
    struct List {
        executions: Vec<Execution>,
    }
    #[derive(Deserialize)]
    struct Execution {
        #[serde(default)]
        contact_channel_address: Option<String>,
        #[serde(default)]
        date_created: Option<String>,
    }
    let list: List = serde_json::from_slice(body).ok()?;
    let is_ours = |one: &Execution| {
        let created = one.date_created.as_deref();
        let created = created.and_then(|date| DateTime::parse_from_rfc3339(date).ok());
        let created = created.and_then(|date| u64::try_from(date.timestamp_millis()).ok());
        one.contact_channel_address.as_deref() == Some(context.to.as_str())
            && created.is_none_or(|created| UnixMillis(created) >= since)
    };
    Some(if list.executions.iter().any(is_ours) {
        Started::Yes
    } else if list.executions.len() < PAGE_SIZE {
        Started::NotListed
    } else {
        Started::NotAsked
    })
}
