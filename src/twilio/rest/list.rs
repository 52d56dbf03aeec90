//! Finding out what became of a message whose creation has an unknown outcome: it is looked for in
//! Twilio's list.
//!
//! A message is ours by whose it is, not by its text: Twilio puts a sentence before the texts of
//! trial accounts, replaces characters (Smart Encoding), and can hide texts (redaction). So any
//! message that was created by the API since the attempt, between the two addresses, under an id
//! that no other part has, counts as the part. The text only decides between several. If another
//! program sent it, the part is lost; taken otherwise, it could arrive twice. Source: Twilio,
//! "Message resource" and "Smart Encoding". Not here: creating messages (`create`).

use std::time::Duration;

use chrono::DateTime;
use serde::{Deserialize, de::DeserializeOwned};

use super::{Credentials, TIMEOUT, TwilioRequestContext, get_request};
use crate::{
    base::{time::UnixMillis, url::BaseUrl},
    identity::{Channel, MessageSid, ServiceSid},
    platform::Http,
};

/// The message that is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Its text, as we sent it.
    pub body: &'a str,
    /// When the attempt to create it began.
    pub since: UnixMillis,
    /// The ids of other messages of ours.
    pub known: &'a [MessageSid],
}

/// The result of the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was created with this id.
    Sent(MessageSid),
    /// It is not listed.
    Absent,
    /// Twilio did not accept the token (401). The search can be repeated with another one.
    Unauthorized,
    /// Twilio returned no list, or none that could be read to its end.
    NotAsked,
}

/// How far Twilio's clock may be behind ours, including the rounding to whole seconds.
pub const CLOCK_DIFFERENCE: Duration = Duration::from_mins(1);

/// The most pages that are read of one list.
const MAX_PAGES: usize = 5;
/// The longest page that is read, in bytes: 100 messages of 1600 characters, escaped.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Looks for the message among those to the contact.
pub async fn find_message(
    http: &impl Http,
    base: &BaseUrl,
    context: TwilioRequestContext<'_>,
    wanted: Wanted<'_>,
) -> Found {
    let mut candidates = Vec::new();
    for to in forms(context) {
        let mut path = first_page(context, &to);
        for number in 0.. {
            if number == MAX_PAGES {
                return Found::NotAsked;
            }
            let list = match page::<Page>(http, base, context.credentials(), &path).await {
                Ok(list) => list,
                Err(NoPage::Unauthorized) => return Found::Unauthorized,
                Err(NoPage::Unreadable) => return Found::NotAsked,
            };
            let next = list.next(wanted.since);
            candidates.extend(list.candidates(context, wanted));
            match next {
                None => break,
                Some(next) if next.starts_with(&account_path(context)) => path = next,
                Some(_) => return Found::NotAsked,
            }
        }
    }
    choose(candidates, wanted.body)
}

/// Twilio did not accept the token (401).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unauthorized;

/// The text of one of the newest messages to the contact, if Twilio lists it.
///
/// # Errors
/// When Twilio did not accept the token. It can be asked with another one.
pub async fn listed_body(
    http: &impl Http,
    base: &BaseUrl,
    context: TwilioRequestContext<'_>,
    sid: &MessageSid,
) -> Result<Option<String>, Unauthorized> {
    let path = first_page(context, context.to.as_str());
    match page::<Page>(http, base, context.credentials(), &path).await {
        Ok(page) => {
            let mut messages = page.messages.into_iter();
            let found = messages.find(|message| message.sid == sid.as_str());
            Ok(found.and_then(|message| message.body))
        }
        Err(NoPage::Unauthorized) => Err(Unauthorized),
        Err(NoPage::Unreadable) => Ok(None),
    }
}

/// The forms in which Twilio lists the contact. A message by RCS can have gone out as SMS, and a
/// contact who writes to an RCS agent by SMS can get RCS.
fn forms(context: TwilioRequestContext<'_>) -> Vec<String> {
    let to = context.to;
    match (to.channel(), context.from.channel()) {
        (Channel::Rcs, _) => vec![to.as_str().to_owned(), to.id().to_owned()],
        (Channel::Sms, Channel::Rcs) => vec![to.as_str().to_owned(), format!("rcs:{}", to.id())],
        _ => vec![to.as_str().to_owned()],
    }
}

fn account_path(context: TwilioRequestContext<'_>) -> String {
    format!("/2010-04-01/Accounts/{}/", context.account.as_str())
}

/// The path of the newest messages between the addresses. (Twilio can filter by the date of
/// sending, but a queued message does not have one yet.)
fn first_page(context: TwilioRequestContext<'_>, to: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("To", to);
    if context.service.is_none() {
        // A Messaging Service chooses the number itself.
        query.append_pair("From", context.from.as_str());
    }
    query.append_pair("PageSize", "100");
    format!("{}Messages.json?{}", account_path(context), query.finish())
}

/// Why a page of a list cannot be read.
pub(super) enum NoPage {
    /// Twilio did not accept the token (401).
    Unauthorized,
    /// There is no such page, or none that could be read to its end.
    Unreadable,
}

/// Reads a page of a list.
pub(super) async fn page<P: DeserializeOwned>(
    http: &impl Http,
    base: &BaseUrl,
    credentials: Credentials<'_>,
    path: &str,
) -> Result<P, NoPage> {
    let request = get_request(base.join(path), credentials, MAX_PAGE_BYTES);
    match http.send(&request, TIMEOUT).await {
        Ok(response) if response.status == 200 => {
            serde_json::from_slice(&response.body).map_err(|_| NoPage::Unreadable)
        }
        Ok(response) if response.status == 401 => Err(NoPage::Unauthorized),
        Ok(_) | Err(_) => Err(NoPage::Unreadable),
    }
}

/// A page of the list, newest message first.
#[derive(Deserialize)]
struct Page {
    messages: Vec<Listed>,
    #[serde(default)]
    next_page_uri: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    sid: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    direction: Option<String>,
    #[serde(default)]
    date_created: Option<String>,
    #[serde(default)]
    messaging_service_sid: Option<String>,
}

impl Page {
    /// The next page, if it can have messages that are young enough.
    fn next(&self, since: UnixMillis) -> Option<String> {
        let all_young = self.messages.iter().all(|message| message.is_young(since));
        self.next_page_uri
            .clone()
            .filter(|next| all_young && !next.is_empty())
    }

    fn candidates(
        self,
        context: TwilioRequestContext<'_>,
        wanted: Wanted<'_>,
    ) -> impl Iterator<Item = (MessageSid, String)> {
        self.messages.into_iter().filter_map(move |message| {
            let sid: MessageSid = message.sid.parse().ok()?;
            let is_ours = message.is_by_api()
                && message.is_by_service(context.service)
                && message.is_young(wanted.since)
                && !wanted.known.contains(&sid);
            is_ours.then(|| (sid, message.body.unwrap_or_default()))
        })
    }
}

impl Listed {
    /// Twilio lists answers by webhook as `outbound-reply`, and incoming messages as `inbound`.
    fn is_by_api(&self) -> bool {
        let direction = self.direction.as_deref();
        direction.is_none_or(|direction| direction == "outbound-api")
    }

    /// Without a From in the query, the list also has what other services and numbers sent.
    fn is_by_service(&self, service: Option<&ServiceSid>) -> bool {
        match (service, self.messaging_service_sid.as_deref()) {
            (Some(ours), Some(listed)) => ours.as_str() == listed,
            _ => true,
        }
    }

    fn is_young(&self, since: UnixMillis) -> bool {
        is_young(self.date_created.as_deref(), since)
    }
}

/// Whether something can have been created since then. Without a readable date it counts as young: a
/// missing part is better than a repeated one.
pub(super) fn is_young(created: Option<&str>, since: UnixMillis) -> bool {
    let created = created.and_then(parse_date);
    created.is_none_or(|created| created >= since.minus(CLOCK_DIFFERENCE))
}

/// The candidate that is most likely the message: with the same text, else with a text that became
/// of it, else the oldest one. Parts are sent one after the other, so an older candidate belongs to
/// an older part.
fn choose(candidates: Vec<(MessageSid, String)>, body: &str) -> Found {
    let letters = letters(body);
    let rank = |listed: &str| {
        if listed == body {
            0
        } else if !letters.is_empty() && self::letters(listed).ends_with(&letters) {
            1
        } else {
            2
        }
    };
    // The list begins with the newest, and `min_by_key` takes the first of equals.
    let best = candidates
        .into_iter()
        .rev()
        .min_by_key(|(_, listed)| rank(listed));
    best.map_or(Found::Absent, |(sid, _)| Found::Sent(sid))
}

/// What is left of a text whatever Twilio did to its marks and spaces.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Reads a date as Twilio writes it, in the form of RFC 2822: `Sun, 22 Nov 2026 03:27:35 +0000`.
pub(super) fn parse_date(text: &str) -> Option<UnixMillis> {
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    u64::try_from(date.timestamp_millis()).ok().map(UnixMillis)
}

#[cfg(test)]
mod tests;
