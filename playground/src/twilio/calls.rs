//! The calls of the REST API: one is read, and one in progress is ended or given other TwiML.
//!
//! Not here: creating a call, and what happens in one (`voice/`). It is stricter than Twilio in one
//! point: an unknown parameter is rejected, so that a typing error is noticed.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::error::{bad, not_found, unknown_parameter};
use super::media_store::ACCOUNT_SID;
use super::values::{form_of, is_web_address, rfc2822, value_of};
use crate::base::shared::{lock, push_newest};
use crate::base::time::now_ms;
use crate::http::call::Call as Request;
use crate::http::reply::{Prepared, Reply};

/// The newest calls, oldest first.
#[derive(Default)]
pub struct CallList(Mutex<VecDeque<Listed>>);

struct Listed {
    sid: String,
    from: String,
    to: String,
    status: Status,
    started_at: u64,
    ended_at: Option<u64>,
    seconds: u64,
    /// Passes an order on to the call. `false`: the call is over.
    order: Box<dyn Fn(Order) -> bool + Send>,
}

/// The status of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is not answered.
    Ringing,
    /// It is answered.
    InProgress,
    /// It is over.
    Completed,
    /// It was not answered, because the line was busy.
    Busy,
    /// It was not answered.
    NoAnswer,
}

impl Status {
    /// The name of Twilio.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
        }
    }

    fn is_final(self) -> bool {
        !matches!(self, Self::Ringing | Self::InProgress)
    }
}

/// What the REST API wants of a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Order {
    /// It ends.
    Complete,
    /// It goes on with this document.
    Twiml(String),
    /// It goes on with the document at this URL.
    Url(String),
}

/// How many calls are kept. The oldest are dropped first.
const KEPT: usize = 1_000;
/// The longest document in a request, in characters.
const MAX_TWIML: usize = 4_000;

impl CallList {
    /// Adds a call that rings. `order` passes an order on to it, and returns whether it could.
    pub fn add(
        &self,
        sid: &str,
        from: &str,
        to: &str,
        order: impl Fn(Order) -> bool + Send + 'static,
    ) {
        let call = Listed {
            sid: sid.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            status: Status::Ringing,
            started_at: now_ms(),
            ended_at: None,
            seconds: 0,
            order: Box::new(order),
        };
        push_newest(&mut self.lock(), call, KEPT);
    }

    /// Sets the status of a call, and its length in seconds.
    pub fn set_status(&self, sid: &str, status: Status, seconds: u64) {
        if let Some(call) = self.lock().iter_mut().find(|call| call.sid == sid) {
            call.status = status;
            call.seconds = seconds;
            call.ended_at = status.is_final().then(now_ms);
        }
    }

    /// The resource of a call.
    fn resource(&self, account: &str, sid: &str) -> Option<Value> {
        let calls = self.lock();
        let call = calls.iter().find(|call| call.sid == sid)?;
        (account == ACCOUNT_SID).then(|| call.resource())
    }

    /// Passes an order on. `false`: the call is over, or there is none.
    fn order(&self, sid: &str, order: Order) -> bool {
        let calls = self.lock();
        let call = calls.iter().find(|call| call.sid == sid);
        call.is_some_and(|call| !call.status.is_final() && (call.order)(order))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Listed>> {
        lock(&self.0)
    }
}

impl Listed {
    fn resource(&self) -> Value {
        let path = format!("/2010-04-01/Accounts/{ACCOUNT_SID}/Calls/{}", self.sid);
        let ended = self.ended_at.map(rfc2822);
        json!({
            "sid": self.sid,
            "account_sid": ACCOUNT_SID,
            "api_version": "2010-04-01",
            "from": self.from,
            "from_formatted": self.from,
            "to": self.to,
            "to_formatted": self.to,
            "direction": "inbound",
            "status": self.status.name(),
            "duration": ended.as_ref().map(|_| self.seconds.to_string()),
            "start_time": rfc2822(self.started_at),
            "end_time": ended,
            "date_created": rfc2822(self.started_at),
            "date_updated": rfc2822(now_ms()),
            "parent_call_sid": null,
            "phone_number_sid": null,
            "answered_by": null,
            "forwarded_from": null,
            "caller_name": null,
            "group_sid": null,
            "trunk_sid": null,
            "annotation": null,
            "price": null,
            "price_unit": "USD",
            "queue_time": "0",
            "uri": format!("{path}.json"),
            "subresource_uris": {
                "recordings": format!("{path}/Recordings.json"),
                "notifications": format!("{path}/Notifications.json")
            }
        })
    }
}

/// The answer to a request for a call.
pub fn read(list: &CallList, account: &str, file: &str) -> Option<Prepared<'static>> {
    let resource = list.resource(account, file.strip_suffix(".json")?)?;
    Some(Prepared::new(move |_| {
        Reply::json(StatusCode::OK, resource)
    }))
}

/// Checks a request to change a call.
///
/// # Errors
/// The error of Twilio.
pub fn update<'a>(
    list: &'a CallList,
    account: &str,
    file: &str,
    call: &Request,
) -> Result<Prepared<'a>, Reply> {
    let sid = file.strip_suffix(".json").unwrap_or_default().to_owned();
    if list.resource(account, &sid).is_none() {
        return Err(not_found(call));
    }
    let form = form_of(call)?;
    let order = order(&form)?;
    let account = account.to_owned();
    Ok(Prepared::new(move |_| {
        if !list.order(&sid, order) {
            return bad(21220, "The call is not in progress.");
        }
        let resource = list.resource(&account, &sid);
        Reply::json(StatusCode::OK, resource.unwrap_or_default())
    }))
}

/// Reads what a form wants of a call.
///
/// # Errors
/// The error of Twilio about the first parameter that it would reject.
fn order(form: &[(String, String)]) -> Result<Order, Reply> {
    for (index, (name, _)) in form.iter().enumerate() {
        if !PARAMETERS.contains(&name.as_str()) {
            return Err(unknown_parameter(name));
        }
        if form.iter().take(index).any(|(other, _)| other == name) {
            let message = format!("The parameter {name} is given more than once.");
            return Err(bad(20001, &message));
        }
    }
    let value = |name: &str| value_of(form, name);
    for name in ["Method", "FallbackMethod", "StatusCallbackMethod"] {
        if value(name).is_some_and(|method| !matches!(method, "GET" | "POST")) {
            return Err(bad(20001, &format!("The '{name}' must be GET or POST.")));
        }
    }
    for name in ["Url", "FallbackUrl", "StatusCallback"] {
        if value(name).is_some_and(|url| !is_web_address(url)) {
            return Err(bad(21205, &format!("The '{name}' is not a web address.")));
        }
    }
    match (value("Status"), value("Twiml"), value("Url")) {
        // To cancel a call that is answered has no effect at Twilio, which a test would not notice.
        (Some("completed"), None, None) => Ok(Order::Complete),
        (Some(_), None, None) => Err(bad(20001, "The 'Status' must be completed.")),
        (None, Some(text), None) if text.chars().count() <= MAX_TWIML => {
            Ok(Order::Twiml(text.to_owned()))
        }
        (None, Some(_), None) => Err(bad(20001, "The 'Twiml' is longer than 4000 characters.")),
        (None, None, Some(url)) => Ok(Order::Url(url.to_owned())),
        _ => Err(bad(
            20001,
            "Exactly one of 'Status', 'Twiml' and 'Url' is required.",
        )),
    }
}

/// The parameters of the request.
const PARAMETERS: [&str; 9] = [
    "Status",
    "Twiml",
    "Url",
    "Method",
    "FallbackUrl",
    "FallbackMethod",
    "StatusCallback",
    "StatusCallbackMethod",
    "TimeLimit",
];
