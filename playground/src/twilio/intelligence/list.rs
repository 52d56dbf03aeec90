//! The list of transcripts, newest first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::transcript::Transcript;
use crate::base::shared::lock;
use crate::base::time::now_ms;
use crate::http::call::Call;
use crate::http::reply::{Prepared, Reply};
use crate::twilio::error::bad;
use crate::twilio::page::Page;
use crate::twilio::values::{day_or_time, is_sid, seconds};

/// Which transcripts are listed. Times are in seconds since 1970.
#[derive(Default)]
struct Filter {
    service: Option<String>,
    source: Option<String>,
    status: Option<String>,
    language: Option<String>,
    created_before: Option<i64>,
    created_after: Option<i64>,
    started_before: Option<i64>,
    started_after: Option<i64>,
}

/// Checks a request for the list.
///
/// # Errors
/// The error of Twilio.
pub fn list<'a>(
    transcripts: &'a Mutex<VecDeque<Arc<Transcript>>>,
    account: &str,
    call: &Call,
) -> Result<Prepared<'a>, Reply> {
    let query = call.query_pairs();
    let mut filter = Filter::default();
    let page = Page::read(&query, |name, value| filter.set(name, value))?;
    let (account, host) = (account.to_owned(), call.host());
    let path = call.path.clone();
    Ok(Prepared::new(move |_| {
        let transcripts = lock(transcripts);
        let now = now_ms();
        let is_wanted = |one: &&Arc<Transcript>| one.account == account && filter.matches(one, now);
        let wanted = transcripts.iter().rev().filter(is_wanted);
        let all: Vec<Value> = wanted.map(|one| one.resource(now)).collect();
        page.with_meta("transcripts", &all, &host, (&path, &query))
    }))
}

impl Filter {
    /// Reads one parameter, and returns whether it exists.
    fn set(&mut self, name: &str, value: &str) -> Result<bool, Reply> {
        let sid = |prefix: &str| {
            if is_sid(value, prefix) {
                return Ok(Some(value.to_owned()));
            }
            let message = format!("The '{name}' must be {prefix} and 32 hex digits.");
            Err(bad(20001, &message))
        };
        match name {
            "ServiceSid" => self.service = sid("GA")?,
            "SourceSid" => self.source = sid("RE")?,
            "Status" => self.status = Some(value.to_owned()),
            "LanguageCode" => self.language = Some(value.to_owned()),
            "BeforeDateCreated" => self.created_before = Some(day_or_time(name, value)?),
            "AfterDateCreated" => self.created_after = Some(day_or_time(name, value)?),
            "BeforeStartTime" => self.started_before = Some(day_or_time(name, value)?),
            "AfterStartTime" => self.started_after = Some(day_or_time(name, value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn matches(&self, one: &Transcript, now: u64) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        let within = |before: Option<i64>, after: Option<i64>, time: i64| {
            before.is_none_or(|limit| time <= limit) && after.is_none_or(|limit| time >= limit)
        };
        let (created, started) = (seconds(one.created_at), seconds(one.recording.started_at));
        is(&self.service, &one.service)
            && is(&self.source, &one.recording.sid)
            && is(&self.status, one.status(now))
            && is(&self.language, "en-US")
            && within(self.created_before, self.created_after, created)
            && within(self.started_before, self.started_after, started)
    }
}
