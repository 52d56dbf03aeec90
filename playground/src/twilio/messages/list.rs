//! Listing and reading the messages of an account.

use axum::http::StatusCode;
use serde_json::Value;

use super::outbox::{Message, Outbox, Stage};
use crate::base::time::now_ms;
use crate::http::call::Call;
use crate::http::reply::{Prepared, Reply};
use crate::twilio::page::Page;
use crate::twilio::values::{day_or_time, seconds};

/// Checks a request for a list.
///
/// # Errors
/// The error of Twilio.
pub fn list<'a>(outbox: &'a Outbox, account: String, call: &Call) -> Result<Prepared<'a>, Reply> {
    let query = call.query_pairs();
    let mut filter = Filter::default();
    let page = Page::read(&query, |name, value| filter.set(name, value))?;
    let path = call.path.clone();
    Ok(Prepared::new(move |_| {
        filter.page(&page, outbox, &account, &path, &query)
    }))
}

/// Checks a request for one message. `file` is its SID and `.json`. `None`: there is no such
/// message.
pub fn read(outbox: &Outbox, account: &str, file: &str) -> Option<Prepared<'static>> {
    let sid = file.strip_suffix(".json")?;
    let resource = outbox
        .lock()
        .iter()
        .find(|message| message.account == account && message.sid == sid)?
        .resource(Stage::Delivered);
    Some(Prepared::new(move |_| {
        Reply::json(StatusCode::OK, resource)
    }))
}

/// Which messages a list shows. Times are in seconds since 1970.
#[derive(Default)]
struct Filter {
    to: Option<String>,
    from: Option<String>,
    not_before: Option<i64>,
    not_after: Option<i64>,
    before: Option<i64>,
}

impl Filter {
    /// Reads one parameter, and returns whether it exists.
    fn set(&mut self, name: &str, value: &str) -> Result<bool, Reply> {
        match name {
            "To" => self.to = Some(value.to_owned()),
            "From" => self.from = Some(value.to_owned()),
            "DateSent" => {
                let day = day_or_time(name, value)?;
                self.not_before = Some(day);
                self.before = Some(day.saturating_add(SECONDS_PER_DAY));
            }
            // `DateSent>=2026-01-31` in a URL is the name `DateSent>` with a value.
            "DateSent>" | "DateSent>=" => self.not_before = Some(day_or_time(name, value)?),
            "DateSent<" | "DateSent<=" => self.not_after = Some(day_or_time(name, value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn matches(&self, message: &Message) -> bool {
        let sent = seconds(message.accepted_at);
        let is_from = |from: &String| message.from.as_ref() == Some(from);
        now_ms() >= message.accepted_at.saturating_add(message.listed_after)
            && self.to.as_ref().is_none_or(|to| *to == message.to)
            && self.from.as_ref().is_none_or(is_from)
            && self.not_before.is_none_or(|limit| sent >= limit)
            && self.not_after.is_none_or(|limit| sent <= limit)
            && self.before.is_none_or(|limit| sent < limit)
    }

    /// One page of the messages, newest first.
    fn page(
        &self,
        page: &Page,
        outbox: &Outbox,
        account: &str,
        path: &str,
        query: &[(String, String)],
    ) -> Reply {
        let messages = outbox.lock();
        let all: Vec<&Message> = messages
            .iter()
            .rev()
            .filter(|message| message.account == account && self.matches(message))
            .collect();
        let shown = page.items(&all);
        let resources: Vec<Value> = shown
            .iter()
            .map(|message| message.resource(Stage::Delivered))
            .collect();
        let last = shown.last().map(|message| message.sid.as_str());
        page.reply("messages", &resources, all.len(), last, (path, query))
    }
}

const SECONDS_PER_DAY: i64 = 86_400;
