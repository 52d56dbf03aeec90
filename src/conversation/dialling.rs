//! A call that we make, until it is known whether Twilio has it.
//!
//! The attempt is stored before Twilio is asked to make the call, and Twilio is asked once. If the outcome
//! of that is not known, the call is looked for in Twilio's list, and never made again. Not here: who is
//! called, and what follows (`voice`, `synthetic`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    base::time::{UnixMillis, growing_wait},
    config::Config,
    event::HangUpOutcome,
    identity::{AccountSid, CallSid},
    platform::{Http, PlatformError},
    twilio::{
        rest::{
            self, Completed, Created, Credentials, FoundCall, NewCall, WantedCall, all_credentials,
            first_accepted,
        },
        voice::CallStatus,
    },
};

/// The one attempt to make a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When the request to make it began.
    since: UnixMillis,
    /// Twilio's id of it, once Twilio is known to have it.
    sid: Option<CallSid>,
    /// How often in a row Twilio could not say what has become of it.
    tries: u32,
    /// When Twilio is asked what has become of it.
    not_before: UnixMillis,
}

/// What Twilio's list says of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// Nothing new. Twilio is asked again.
    Later,
    /// Twilio has the call, which was not known.
    Made,
    /// The call is over.
    Over {
        /// How it has ended.
        status: CallStatus,
        /// Whether it was not known that Twilio has it.
        is_news: bool,
    },
    /// Twilio certainly has no such call.
    NotMade,
    /// Nothing is known of it after a long time.
    GivenUp,
}

/// How long Twilio has to act on what it was told, or to tell what has become of a call.
pub const TWILIO_TIME: Duration = Duration::from_secs(30);
/// The wait after a request before Twilio is asked for its outcome.
const RECONCILE_WAIT: Duration = Duration::from_secs(5);
/// The same if the object may have vanished during the request, which can take that long.
const CUT_OFF_WAIT: Duration = Duration::from_secs(15);
/// When Twilio does not list a call this long after the request, the request certainly did not make it.
const CERTAINLY_ABSENT: Duration = Duration::from_secs(30);
/// The longest wait before Twilio is asked again.
const MAX_WAIT: Duration = Duration::from_secs(64);
/// When nothing is known of the call after so long, it is given up.
const GIVEN_UP: Duration = Duration::from_mins(15);

impl Attempt {
    /// Twilio is about to be asked.
    #[must_use]
    pub fn begin(now: UnixMillis) -> Self {
        Self {
            since: now,
            sid: None,
            tries: 0,
            not_before: now.plus(CUT_OFF_WAIT),
        }
    }

    /// Twilio is asked with another token, because it did not accept the one before.
    pub fn begin_again(&mut self, now: UnixMillis) {
        self.since = now;
        self.not_before = now.plus(CUT_OFF_WAIT);
    }

    /// The outcome of the request is not known. Twilio will be asked.
    pub fn is_unknown(&mut self, now: UnixMillis) {
        self.not_before = now.plus(RECONCILE_WAIT);
    }

    /// Twilio makes the call, which rings for so long. It tells when the call is over; if it does not, it
    /// is asked.
    pub fn is_made(&mut self, sid: CallSid, rings_for: Duration, now: UnixMillis) {
        self.sid = Some(sid);
        self.not_before = now.plus(rings_for).plus(TWILIO_TIME);
    }

    /// When the request to make it began.
    #[must_use]
    pub fn since(&self) -> UnixMillis {
        self.since
    }

    /// Twilio's id of the call, once that is known.
    #[must_use]
    pub fn sid(&self) -> Option<&CallSid> {
        self.sid.as_ref()
    }

    /// When Twilio is asked what has become of it.
    #[must_use]
    pub fn not_before(&self) -> UnixMillis {
        self.not_before
    }

    /// Twilio was asked what has become of the call.
    pub fn looked_up(&mut self, found: FoundCall, rings_for: Duration, now: UnixMillis) -> Outlook {
        let waited = now.since(self.since);
        let is_news = self.sid.is_none();
        match found {
            FoundCall::One(_, status) if status.is_final() => Outlook::Over { status, is_news },
            FoundCall::One(sid, _) if is_news => {
                self.is_made(sid, rings_for, now);
                Outlook::Made
            }
            FoundCall::Absent if is_news && waited >= CERTAINLY_ABSENT => Outlook::NotMade,
            FoundCall::Absent if is_news => {
                self.is_unknown(now);
                Outlook::Later
            }
            _ if waited >= GIVEN_UP => Outlook::GivenUp,
            FoundCall::One(..)
            | FoundCall::Absent
            | FoundCall::Unauthorized
            | FoundCall::Unclear => {
                self.tries = self.tries.saturating_add(1);
                self.not_before = now.plus(growing_wait(self.tries, MAX_WAIT));
                Outlook::Later
            }
        }
    }
}

/// Asks Twilio to make a call, with each token until one is accepted. A token that Twilio does not
/// accept has certainly made none. `again` is called before each further request.
///
/// # Errors
/// Those of `again`.
pub async fn create(
    http: &impl Http,
    config: &Config,
    account: &AccountSid,
    call: NewCall<'_>,
    again: impl AsyncFn() -> Result<(), PlatformError>,
) -> Result<Created<CallSid>, PlatformError> {
    let mut is_first = true;
    let create = async |credentials: Credentials<'_>| {
        if !std::mem::replace(&mut is_first, false) {
            again().await?;
        }
        Ok(rest::create_call(http, &config.twilio_api_base_url, credentials, call).await)
    };
    let tokens = all_credentials(config, account);
    let is_refused = |created: &_| matches!(created, Ok(Created::Unauthorized));
    let created = first_accepted(tokens, is_refused, create).await;
    created.unwrap_or(Ok(Created::Unauthorized))
}

/// Looks for a call, with each token until one is accepted.
pub async fn find(
    http: &impl Http,
    config: &Config,
    account: &AccountSid,
    wanted: WantedCall<'_>,
) -> FoundCall {
    let find = async |credentials: Credentials<'_>| {
        rest::find_call(http, &config.twilio_api_base_url, credentials, wanted).await
    };
    let tokens = all_credentials(config, account);
    let found = first_accepted(tokens, |found| *found == FoundCall::Unauthorized, find).await;
    found.unwrap_or(FoundCall::Unauthorized)
}

/// Asks Twilio to end a call, with each token until one is accepted.
pub async fn complete<'c>(
    http: &impl Http,
    config: &Config,
    tokens: impl Iterator<Item = Credentials<'c>>,
    call: &CallSid,
) -> Completed {
    let complete = async |credentials: Credentials<'_>| {
        rest::complete_call(http, &config.twilio_api_base_url, credentials, call).await
    };
    let is_refused = |completed: &Completed| *completed == Completed::Unauthorized;
    let completed = first_accepted(tokens, is_refused, complete).await;
    completed.unwrap_or(Completed::Unauthorized)
}

/// What came of asking Twilio to end a call, and its code if it refused. `None`: it is not known.
#[must_use]
pub fn hung_up(completed: Completed) -> Option<(HangUpOutcome, Option<u32>)> {
    match completed {
        Completed::Now => Some((HangUpOutcome::Ended, None)),
        Completed::Before => Some((HangUpOutcome::OverBefore, None)),
        Completed::Rejected(code) => Some((HangUpOutcome::Rejected, Some(code))),
        Completed::Unauthorized => Some((HangUpOutcome::Rejected, Some(UNAUTHORIZED))),
        Completed::Unknown => None,
    }
}

/// The status of a request whose token Twilio does not accept.
pub const UNAUTHORIZED: u32 = 401;
