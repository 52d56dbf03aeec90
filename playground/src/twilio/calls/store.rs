//! The calls that Twilio knows, and who makes those that are created.
//!
//! Not here: the requests of the REST API (`create.rs`, `list.rs`, `update.rs`), and what happens in a call
//! (`voice/`).

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, OnceLock};

use serde_json::{Value, json};

use crate::base::shared::{lock, push_newest};
use crate::base::time::now_ms;
use crate::twilio::media_store::ACCOUNT_SID;
use crate::twilio::numbers::Callee;
use crate::twilio::values::rfc2822;

/// The newest calls, oldest first.
#[derive(Default)]
pub struct CallList {
    calls: Mutex<VecDeque<Listed>>,
    /// Makes the calls that are created.
    dialler: OnceLock<Dialler>,
}

/// Makes a call that was created.
type Dialler = Box<dyn Fn(MadeCall) + Send + Sync>;

/// A call that was created by the REST API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeCall {
    /// Its SID.
    pub sid: String,
    /// The number of the account.
    pub from: String,
    /// Who is called.
    pub to: String,
    /// Where its TwiML is.
    pub url: String,
    /// Where its progress is posted to.
    pub status_callback: Option<String>,
    /// What is posted there.
    pub events: Vec<Progress>,
    /// Where the call goes if `to` is a number of the account. `None`: a phone rings.
    pub callee: Option<Callee>,
    /// How many seconds it rings.
    pub timeout: u64,
    /// How many seconds it lasts at most.
    pub time_limit: Option<u64>,
}

/// An event in the progress of a call, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// It is made.
    Initiated,
    /// The phone rings.
    Ringing,
    /// Somebody has answered.
    Answered,
    /// It is over, for whatever reason.
    Completed,
}

impl Progress {
    /// By the name of Twilio.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "initiated" => Some(Self::Initiated),
            "ringing" => Some(Self::Ringing),
            "answered" => Some(Self::Answered),
            "completed" => Some(Self::Completed),
            _ => None,
        }
    }
}

/// A call in the list.
pub(super) struct Listed {
    pub(super) sid: String,
    pub(super) from: String,
    pub(super) to: String,
    direction: Direction,
    pub(super) status: Status,
    pub(super) started_at: u64,
    ended_at: Option<u64>,
    seconds: u64,
    /// Passes an order on to the call. `false`: the call is over.
    order: Box<dyn Fn(Order) -> bool + Send>,
}

/// Who began a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// A phone.
    Inbound,
    /// The REST API.
    Outbound,
}

impl Direction {
    /// The name of Twilio.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound-api",
        }
    }
}

/// The status of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is made.
    Initiated,
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
    /// It was ended before it was answered.
    Canceled,
    /// It could not be made.
    Failed,
}

impl Status {
    /// The name of Twilio.
    pub fn name(self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Canceled => "canceled",
            Self::Failed => "failed",
        }
    }

    fn is_final(self) -> bool {
        !matches!(self, Self::Initiated | Self::Ringing | Self::InProgress)
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

impl CallList {
    /// Sets who makes the calls that are created.
    pub fn set_dialler(&self, dialler: impl Fn(MadeCall) + Send + Sync + 'static) {
        // It is set once, when the playground starts.
        let _ = self.dialler.set(Box::new(dialler));
    }

    /// Makes a call that was created.
    pub(super) fn dial(&self, call: MadeCall) {
        if let Some(dial) = self.dialler.get() {
            dial(call);
        }
    }

    /// Adds a call that rings. `order` passes an order on to it, and returns whether it could.
    pub fn add(
        &self,
        sid: &str,
        (from, to): (&str, &str),
        direction: Direction,
        order: impl Fn(Order) -> bool + Send + 'static,
    ) {
        let call = Listed {
            sid: sid.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            direction,
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
    pub(super) fn resource(&self, account: &str, sid: &str) -> Option<Value> {
        let calls = self.lock();
        let call = calls.iter().find(|call| call.sid == sid)?;
        (account == ACCOUNT_SID).then(|| call.resource())
    }

    /// Passes an order on. `false`: the call is over, or there is none.
    pub fn order(&self, sid: &str, order: Order) -> bool {
        let calls = self.lock();
        let call = calls.iter().find(|call| call.sid == sid);
        call.is_some_and(|call| !call.status.is_final() && (call.order)(order))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, VecDeque<Listed>> {
        lock(&self.calls)
    }
}

impl Listed {
    pub(super) fn resource(&self) -> Value {
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
            "direction": self.direction.name(),
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
