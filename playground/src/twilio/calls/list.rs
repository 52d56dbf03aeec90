//! Listing and reading the calls of an account.

use axum::http::StatusCode;
use serde_json::Value;

use super::store::{CallList, Listed};
use crate::http::call::Call as Request;
use crate::http::reply::{Prepared, Reply};
use crate::twilio::media_store::ACCOUNT_SID;
use crate::twilio::page::Page;
use crate::twilio::values::{day_or_time, seconds};

/// Checks a request for a list.
///
/// # Errors
/// The error of Twilio.
pub fn list<'a>(
    list: &'a CallList,
    account: String,
    call: &Request,
) -> Result<Prepared<'a>, Reply> {
    let query = call.query_pairs();
    let mut filter = Filter::default();
    let page = Page::read(&query, |name, value| filter.set(name, value))?;
    let path = call.path.clone();
    Ok(Prepared::new(move |_| {
        filter.page(&page, list, &account, &path, &query)
    }))
}

/// The answer to a request for a call.
pub fn read(list: &CallList, account: &str, file: &str) -> Option<Prepared<'static>> {
    let resource = list.resource(account, file.strip_suffix(".json")?)?;
    Some(Prepared::new(move |_| {
        Reply::json(StatusCode::OK, resource)
    }))
}

/// Which calls a list shows. Times are in seconds since 1970.
#[derive(Default)]
struct Filter {
    to: Option<String>,
    from: Option<String>,
    status: Option<String>,
    not_before: Option<i64>,
    not_after: Option<i64>,
}

impl Filter {
    /// Reads one parameter, and returns whether it exists.
    fn set(&mut self, name: &str, value: &str) -> Result<bool, Reply> {
        match name {
            "To" => self.to = Some(value.to_owned()),
            "From" => self.from = Some(value.to_owned()),
            "Status" => self.status = Some(value.to_owned()),
            // `StartTime>=2026-01-31` in a URL is the name `StartTime>` with a value.
            "StartTime>" | "StartTime>=" => self.not_before = Some(day_or_time(name, value)?),
            "StartTime<" | "StartTime<=" => self.not_after = Some(day_or_time(name, value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn matches(&self, call: &Listed) -> bool {
        let started = seconds(call.started_at);
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        is(&self.to, &call.to)
            && is(&self.from, &call.from)
            && is(&self.status, call.status.name())
            && self.not_before.is_none_or(|limit| started >= limit)
            && self.not_after.is_none_or(|limit| started <= limit)
    }

    /// One page of the calls, newest first.
    fn page(
        &self,
        page: &Page,
        list: &CallList,
        account: &str,
        path: &str,
        query: &[(String, String)],
    ) -> Reply {
        let calls = list.lock();
        let all: Vec<&Listed> = calls
            .iter()
            .rev()
            .filter(|call| account == ACCOUNT_SID && self.matches(call))
            .collect();
        let shown = page.items(&all);
        let resources: Vec<Value> = shown.iter().map(|call| call.resource()).collect();
        let oldest = shown.last().map(|call| call.sid.as_str());
        page.reply("calls", &resources, all.len(), oldest, (path, query))
    }
}
