//! The mock Twilio REST API: messages are created, listed and read, media are read, and the typing indicator is taken
//! note of. The account's numbers and Messaging Services are the part [`numbers`].
//!
//! It is stricter than Twilio in one point: a parameter that does not exist is refused, so that a typing error shows.
//! Inbound webhooks are made by `say.rs`. Nothing is delivered anywhere and status callbacks are not made.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value, json};

use crate::exchange::{Authorization, Call, Playground, Prepared, Reply, form_as_json};
use crate::fault::ErrorOverrides;
use crate::random_hex;
use crate::request_log::{KEPT, now_ms};

mod numbers;
pub use numbers::Numbers;

/// Looks at the Basic credential: the account in the path and one of the auth tokens.
pub fn authorize(playground: &Playground, call: &Call) -> Authorization {
    let token_index = (|| {
        let (account, token) = credential(call)?;
        let right_account = match account_in(&call.path) {
            Some(wanted) => wanted == account,
            None => is_sid(&account, "AC"),
        };
        playground
            .twilio_tokens
            .iter()
            .position(|right| right_account && *right == token)
    })();
    // What a media address redirects to wants no credentials; if any came, their index shows.
    Authorization {
        granted: token_index.is_some() || call.path.starts_with("/media/"),
        token_index,
    }
}

/// Checks an authorized request.
///
/// # Errors
/// The answer to a request that cannot be served.
pub fn prepare<'a>(playground: &'a Playground, call: &Call) -> Result<Prepared<'a>, Reply> {
    let parts: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    match (call.method.as_str(), parts.as_slice()) {
        ("POST", ["v2", "Indicators", "Typing.json"]) => typing(playground, call),
        (method, ["2010-04-01", "Accounts", account, rest @ ..]) if is_sid(account, "AC") => {
            let account = (*account).to_owned();
            match (method, rest) {
                ("POST", ["Messages.json"]) => create(playground, account, call),
                ("GET", ["Messages.json"]) => list(playground, account, call),
                ("GET", ["Messages", file]) => {
                    read(playground, &account, file).ok_or_else(|| not_found(call))
                }
                ("GET", ["Messages", message, "Media", sid]) => playground
                    .media
                    .redirect(&account, message, sid)
                    .ok_or_else(|| not_found(call)),
                (_, ["Messages.json"] | ["Messages", _] | ["Messages", _, "Media", _]) => {
                    Err(wrong_method(&call.method))
                }
                _ => numbers::numbers(playground, account, rest, call),
            }
        }
        (_, ["v1", "Services", rest @ ..]) => {
            let (account, _) = credential(call).ok_or_else(|| not_found(call))?;
            numbers::services(playground, account, rest, call)
        }
        ("GET", ["media", sid]) => playground.media.file(sid).ok_or_else(|| not_found(call)),
        (_, ["v2", "Indicators", "Typing.json"] | ["media", _]) => Err(wrong_method(&call.method)),
        _ => Err(not_found(call)),
    }
}

/// The usual error for `status`, with the overrides of a fault.
pub fn error_reply(status: u16, overrides: Option<&ErrorOverrides>) -> Reply {
    let (code, message) = match status {
        400 => (20001, "The request is not in order."),
        401 => (20003, "The account and its auth token do not match."),
        403 => (20403, "This account may not do that."),
        404 => (20404, "There is no such resource."),
        405 => (20004, "This method is not possible here."),
        413 => (20413, "The request is too large."),
        429 => (20429, "Too many requests at once."),
        503 => (20503, "The service is not available at the moment."),
        500.. => (20500, "The server failed to do this."),
        other => (
            i64::from(other).saturating_add(20_000),
            "The request cannot be served.",
        ),
    };
    let no_overrides = ErrorOverrides::default();
    let overrides = overrides.unwrap_or(&no_overrides);
    let code = overrides.code.clone().unwrap_or_else(|| code.into());
    let message = overrides.message.as_deref().unwrap_or(message);
    let mut body = error_body(status, &code, message);
    if let (Some(more_info), Some(fields)) = (&overrides.more_info, body.as_object_mut()) {
        fields.insert("more_info".to_owned(), more_info.clone().into());
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    Reply::json(status, body)
}

/// The messages that were created, oldest first; the newest [`KEPT`] of them.
#[derive(Default)]
pub struct Outbox(Mutex<VecDeque<Message>>);

impl Outbox {
    /// The messages created by the API at or after `since` (milliseconds since 1970), each as the API shows it, with when it was
    /// accepted and all parameters it was created with.
    pub fn list(&self, since: u64) -> Vec<Value> {
        self.lock()
            .iter()
            .filter(|message| message.direction == Direction::Api && message.accepted_at >= since)
            .map(|message| {
                let mut shown = message.resource(Stage::Delivered);
                if let Some(fields) = shown.as_object_mut() {
                    fields.insert("received_at".to_owned(), message.accepted_at.into());
                    fields.insert("parameters".to_owned(), message.parameters.clone().into());
                }
                shown
            })
            .collect()
    }

    /// Takes note of a text that a webhook was answered: Twilio lists it like any other message, as a reply.
    pub fn add_reply(&self, account: &str, from: &str, to: &str, body: &str) {
        self.add(Message {
            sid: format!("SM{}", random_hex()),
            account: account.to_owned(),
            to: to.to_owned(),
            from: Some(from.to_owned()),
            messaging_service: None,
            body: body.to_owned(),
            media: 0,
            accepted_at: now_ms(),
            direction: Direction::Reply,
            parameters: Map::new(),
        });
    }

    fn add(&self, message: Message) {
        let mut messages = self.lock();
        if messages.len() >= KEPT {
            messages.pop_front();
        }
        messages.push_back(message);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Message>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many SMS segments a text takes.
pub fn segments(text: &str) -> usize {
    let gsm: Option<usize> = text
        .chars()
        .map(|character| match character {
            _ if GSM_TWO.contains(character) => Some(2),
            _ if GSM_ONE.contains(character) => Some(1),
            _ => None,
        })
        .sum();
    let (length, alone, joined) = match gsm {
        Some(length) => (length, 160, 153),
        None => (units(text), 70, 67),
    };
    if length <= alone {
        1
    } else {
        length.div_ceil(joined)
    }
}

/// The length of a text as Twilio counts it: in UTF-16 code units.
pub fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The longest body of a message, in units.
pub const MAX_BODY_UNITS: usize = 1600;

/// A message that was created.
struct Message {
    sid: String,
    account: String,
    to: String,
    from: Option<String>,
    messaging_service: Option<String>,
    body: String,
    media: usize,
    accepted_at: u64,
    direction: Direction,
    parameters: Map<String, Value>,
}

/// Where an outgoing message came from.
#[derive(Clone, Copy, PartialEq)]
enum Direction {
    /// A request to the API.
    Api,
    /// The answer to a webhook.
    Reply,
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Self::Api => "outbound-api",
            Self::Reply => "outbound-reply",
        }
    }
}

/// The life of a message, shortened: it is queued in the answer that creates it, and delivered ever after.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Created,
    Delivered,
}

impl Message {
    fn resource(&self, stage: Stage) -> Value {
        let date = rfc2822(self.accepted_at);
        let uri = format!(
            "/2010-04-01/Accounts/{}/Messages/{}",
            self.account, self.sid
        );
        let status = match (stage, &self.messaging_service) {
            (Stage::Created, Some(_)) => "accepted",
            (Stage::Created, None) => "queued",
            (Stage::Delivered, _) => "delivered",
        };
        json!({
            "account_sid": self.account,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": date,
            "date_sent": (stage == Stage::Delivered).then_some(&date),
            "date_updated": date,
            "direction": self.direction.name(),
            "error_code": null,
            "error_message": null,
            "from": self.from,
            "messaging_service_sid": self.messaging_service,
            "num_media": self.media.to_string(),
            "num_segments": self.segments().to_string(),
            "price": null,
            "price_unit": "USD",
            "sid": self.sid,
            "status": status,
            "subresource_uris": {"media": format!("{uri}/Media.json")},
            "to": self.to,
            "uri": format!("{uri}.json")
        })
    }

    fn segments(&self) -> usize {
        if self.to.starts_with(WHATSAPP) {
            1
        } else {
            segments(&self.body)
        }
    }
}

/// The parameters that a message can be created with, and whether they may be repeated.
const PARAMETERS: [(&str, bool); 25] = [
    ("To", false),
    ("From", false),
    ("MessagingServiceSid", false),
    ("Body", false),
    ("MediaUrl", true),
    ("ContentSid", false),
    ("ContentVariables", false),
    ("StatusCallback", false),
    ("ApplicationSid", false),
    ("MaxPrice", false),
    ("ProvideFeedback", false),
    ("Attempt", false),
    ("ValidityPeriod", false),
    ("ForceDelivery", false),
    ("ContentRetention", false),
    ("AddressRetention", false),
    ("SmartEncoded", false),
    ("PersistentAction", true),
    ("TrafficType", false),
    ("ShortenUrls", false),
    ("ScheduleType", false),
    ("SendAt", false),
    ("SendAsMms", false),
    ("RiskCheck", false),
    ("Tags", false),
];

const WHATSAPP: &str = "whatsapp:";
const MAX_MEDIA: usize = 10;
const GSM_ONE: &str = concat!(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?",
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
);
const GSM_TWO: &str = "\u{c}^{}\\[~]|€";

fn create<'a>(
    playground: &'a Playground,
    account: String,
    call: &Call,
) -> Result<Prepared<'a>, Reply> {
    let form = form_of(call)?;
    for (name, _) in &form {
        let Some((_, repeatable)) = PARAMETERS.iter().find(|(known, _)| known == name) else {
            return Err(unknown_parameter(name));
        };
        if !repeatable && form.iter().filter(|(other, _)| other == name).count() > 1 {
            return Err(bad(
                20001,
                &format!("The parameter {name} is given more than once."),
            ));
        }
    }
    let value = |name: &str| value_of(&form, name);
    let to = value("To").ok_or_else(|| bad(21604, "A 'To' address is required."))?;
    let from = value("From");
    let messaging_service = value("MessagingServiceSid");
    if from.is_none() && messaging_service.is_none() {
        return Err(bad(
            21603,
            "A 'From' address or a 'MessagingServiceSid' is required.",
        ));
    }
    check_to(to)?;
    if let Some(from) = from {
        check_from(from, to)?;
    }
    if let Some(sid) = messaging_service
        && !is_sid(sid, "MG")
    {
        return Err(bad(
            21701,
            "The 'MessagingServiceSid' is not MG and 32 hex digits.",
        ));
    }
    let media: Vec<&str> = form
        .iter()
        .filter(|(name, value)| name == "MediaUrl" && !value.is_empty())
        .map(|(_, value)| value.as_str())
        .collect();
    let body = value("Body").unwrap_or_default();
    if body.is_empty() && media.is_empty() && value("ContentSid").is_none() {
        return Err(bad(
            21619,
            "A 'Body', a 'MediaUrl' or a 'ContentSid' is required.",
        ));
    }
    if units(body) > MAX_BODY_UNITS {
        return Err(bad(21617, "The 'Body' is longer than 1600 characters."));
    }
    if media.len() > MAX_MEDIA {
        return Err(bad(21623, "There are more than 10 'MediaUrl'."));
    }
    if let Some(url) = media.iter().find(|url| !is_web_address(url)) {
        return Err(bad(
            21620,
            &format!("The 'MediaUrl' {url} is not a web address."),
        ));
    }
    if value("StatusCallback").is_some_and(|url| !is_web_address(url)) {
        return Err(bad(21609, "The 'StatusCallback' is not a web address."));
    }
    if let Some(seconds) = value("ValidityPeriod")
        && !seconds
            .parse()
            .is_ok_and(|seconds: u32| (1..=36_000).contains(&seconds))
    {
        return Err(bad(
            20001,
            "The 'ValidityPeriod' must be from 1 to 36000 seconds.",
        ));
    }
    let prefix = if media.is_empty() { "SM" } else { "MM" };
    let mut message = Message {
        sid: format!("{prefix}{}", random_hex()),
        account,
        to: to.to_owned(),
        from: from.map(str::to_owned),
        messaging_service: messaging_service.map(str::to_owned),
        body: body.to_owned(),
        media: media.len(),
        accepted_at: 0,
        direction: Direction::Api,
        parameters: form_as_json(form.clone()),
    };
    Ok(Prepared {
        spoken: body.to_owned(),
        deprecation: None,
        act: Box::new(move |_| {
            message.accepted_at = now_ms();
            let resource = message.resource(Stage::Created);
            playground.feed.publish(
                "message",
                json!({"sid": message.sid, "to": message.to, "from": message.from, "text": message.body, "at": message.accepted_at}),
            );
            playground.outbox.add(message);
            Reply::json(StatusCode::CREATED, resource)
        }),
    })
}

/// Refuses addresses that cannot receive, the magic test numbers among them.
fn check_to(to: &str) -> Result<(), Reply> {
    let number = to.strip_prefix(WHATSAPP).unwrap_or(to);
    match number {
        "+15005550002" => Err(bad(21612, "There is no way from 'From' to 'To'.")),
        "+15005550003" => Err(bad(
            21408,
            "This account may not send to the region of 'To'.",
        )),
        "+15005550004" => Err(bad(
            21610,
            "The recipient has opted out of messages from 'From'.",
        )),
        "+15005550009" => Err(bad(21614, "The 'To' number cannot receive messages.")),
        "+15005550001" => Err(invalid_to()),
        _ if is_e164(number) => Ok(()),
        _ => Err(invalid_to()),
    }
}

fn invalid_to() -> Reply {
    bad(21211, "The 'To' number is not a valid phone number.")
}

fn check_from(from: &str, to: &str) -> Result<(), Reply> {
    if from.starts_with(WHATSAPP) != to.starts_with(WHATSAPP) {
        return Err(bad(21910, "'From' and 'To' must be of the same channel."));
    }
    if from == to {
        return Err(bad(21266, "'From' and 'To' cannot be the same."));
    }
    if let Some(number) = from.strip_prefix(WHATSAPP) {
        return if is_e164(number) && number != "+15005550001" {
            Ok(())
        } else {
            Err(bad(
                63007,
                "There is no WhatsApp channel with this 'From' address.",
            ))
        };
    }
    let short_code =
        (3..=8).contains(&from.len()) && from.bytes().all(|byte| byte.is_ascii_digit());
    match from {
        "+15005550007" => Err(bad(
            21606,
            "The 'From' number does not belong to this account.",
        )),
        "+15005550008" => Err(bad(21611, "The queue of the 'From' number is full.")),
        "+15005550001" => Err(invalid_from()),
        _ if is_e164(from) || short_code => Ok(()),
        _ => Err(invalid_from()),
    }
}

fn invalid_from() -> Reply {
    bad(
        21212,
        "The 'From' number is not a valid phone number, short code or sender.",
    )
}

fn list<'a>(
    playground: &'a Playground,
    account: String,
    call: &Call,
) -> Result<Prepared<'a>, Reply> {
    let query: Vec<(String, String)> =
        form_urlencoded::parse(call.query.as_deref().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let mut filter = Filter::default();
    for (name, value) in &query {
        match name.as_str() {
            "To" => filter.to = Some(value.clone()),
            "From" => filter.from = Some(value.clone()),
            "DateSent" => {
                let day = moment(name, value)?;
                filter.not_before = Some(day);
                filter.before = Some(day.saturating_add(SECONDS_A_DAY));
            }
            // `DateSent>=2026-01-31` in a URL is the name `DateSent>` and a value.
            "DateSent>" | "DateSent>=" => filter.not_before = Some(moment(name, value)?),
            "DateSent<" | "DateSent<=" => filter.not_after = Some(moment(name, value)?),
            "PageSize" => filter.page_size = count(name, value)?.clamp(1, 1000),
            "Page" => filter.page = count(name, value)?,
            // Our own pages need no token, but their addresses carry one as Twilio's do.
            "PageToken" => {}
            _ => return Err(unknown_parameter(name)),
        }
    }
    let path = call.path.clone();
    Ok(Prepared {
        spoken: String::new(),
        deprecation: None,
        act: Box::new(move |_| filter.page_of(&playground.outbox, &account, &path, &query)),
    })
}

/// What a list shows.
struct Filter {
    to: Option<String>,
    from: Option<String>,
    /// In seconds since 1970, as the other two.
    not_before: Option<i64>,
    not_after: Option<i64>,
    before: Option<i64>,
    page: usize,
    page_size: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            to: None,
            from: None,
            not_before: None,
            not_after: None,
            before: None,
            page: 0,
            page_size: 50,
        }
    }
}

impl Filter {
    fn fits(&self, message: &Message) -> bool {
        let sent = seconds(message.accepted_at);
        self.to.as_ref().is_none_or(|to| *to == message.to)
            && self
                .from
                .as_ref()
                .is_none_or(|from| message.from.as_ref() == Some(from))
            && self.not_before.is_none_or(|limit| sent >= limit)
            && self.not_after.is_none_or(|limit| sent <= limit)
            && self.before.is_none_or(|limit| sent < limit)
    }

    /// One page, newest first, in Twilio's envelope.
    fn page_of(
        &self,
        outbox: &Outbox,
        account: &str,
        path: &str,
        query: &[(String, String)],
    ) -> Reply {
        let messages = outbox.lock();
        let fitting: Vec<&Message> = messages
            .iter()
            .rev()
            .filter(|message| message.account == account && self.fits(message))
            .collect();
        let start = self.page.saturating_mul(self.page_size);
        let shown: Vec<Value> = fitting
            .get(start..)
            .unwrap_or_default()
            .iter()
            .take(self.page_size)
            .map(|message| message.resource(Stage::Delivered))
            .collect();
        let next_start = start.saturating_add(shown.len());
        let last_token = fitting
            .get(next_start.saturating_sub(1))
            .map(|message| format!("PA{}", message.sid));
        let page_uri = |page: usize, token: Option<&str>| {
            let mut parameters = form_urlencoded::Serializer::new(String::new());
            for (name, value) in query {
                if !matches!(name.as_str(), "Page" | "PageSize" | "PageToken") {
                    parameters.append_pair(name, value);
                }
            }
            parameters.append_pair("PageSize", &self.page_size.to_string());
            parameters.append_pair("Page", &page.to_string());
            if let Some(token) = token {
                parameters.append_pair("PageToken", token);
            }
            format!("{path}?{}", parameters.finish())
        };
        let next = (next_start < fitting.len())
            .then(|| page_uri(self.page.saturating_add(1), last_token.as_deref()));
        let previous = self.page.checked_sub(1).map(|page| page_uri(page, None));
        let end = if shown.is_empty() {
            start
        } else {
            next_start.saturating_sub(1)
        };
        Reply::json(
            StatusCode::OK,
            json!({
                "messages": shown,
                "first_page_uri": page_uri(0, None),
                "previous_page_uri": previous,
                "next_page_uri": next,
                "uri": page_uri(self.page, None),
                "page": self.page,
                "page_size": self.page_size,
                "start": start,
                "end": end
            }),
        )
    }
}

/// One message; `file` is its sid and `.json`.
fn read<'a>(playground: &'a Playground, account: &str, file: &str) -> Option<Prepared<'a>> {
    let sid = file.strip_suffix(".json")?;
    let resource = playground
        .outbox
        .lock()
        .iter()
        .find(|message| message.account == account && message.sid == sid)?
        .resource(Stage::Delivered);
    Some(Prepared {
        spoken: String::new(),
        deprecation: None,
        act: Box::new(move |_| Reply::json(StatusCode::OK, resource)),
    })
}

fn typing<'a>(playground: &'a Playground, call: &Call) -> Result<Prepared<'a>, Reply> {
    let form = form_of(call)?;
    if let Some((name, _)) = form
        .iter()
        .find(|(name, _)| !matches!(name.as_str(), "messageId" | "channel"))
    {
        return Err(unknown_parameter(name));
    }
    let message = value_of(&form, "messageId").unwrap_or_default();
    if !is_sid(message, "SM") && !is_sid(message, "MM") {
        return Err(bad(
            20001,
            "The 'messageId' must be SM or MM and 32 hex digits.",
        ));
    }
    if value_of(&form, "channel") != Some("whatsapp") {
        return Err(bad(20001, "The 'channel' must be whatsapp."));
    }
    let sid = message.to_owned();
    Ok(Prepared {
        spoken: String::new(),
        deprecation: None,
        act: Box::new(move |_| {
            playground
                .feed
                .publish("typing", json!({"sid": sid, "at": now_ms()}));
            Reply::json(StatusCode::OK, json!({"success": true}))
        }),
    })
}

const SECONDS_A_DAY: i64 = 86_400;

fn form_of(call: &Call) -> Result<Vec<(String, String)>, Reply> {
    if call.content_type() == "application/x-www-form-urlencoded" {
        Ok(call.form())
    } else {
        Err(bad(
            20001,
            "The content type must be application/x-www-form-urlencoded.",
        ))
    }
}

/// The value of a parameter; an empty one is as good as none.
fn value_of<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter()
        .find(|(other, value)| other == name && !value.is_empty())
        .map(|(_, value)| value.as_str())
}

/// Account and token of the Basic credential.
fn credential(call: &Call) -> Option<(String, String)> {
    let decoded = BASE64_STANDARD.decode(call.credential("basic")?).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (account, token) = decoded.split_once(':')?;
    Some((account.to_owned(), token.to_owned()))
}

fn account_in(path: &str) -> Option<&str> {
    path.strip_prefix("/2010-04-01/Accounts/")?
        .split('/')
        .next()
}

/// Whether `text` is `prefix` and 32 hex digits.
fn is_sid(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|digits| {
        digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// `+`, no leading zero, 7 to 15 digits.
fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_web_address(text: &str) -> bool {
    text.strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .is_some_and(|rest| {
            !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace)
        })
}

/// A day or a moment as the filters take them, in seconds since 1970.
fn moment(name: &str, value: &str) -> Result<i64, Reply> {
    let day = NaiveDate::parse_from_str(value, "%Y-%m-%d")
        .ok()
        .and_then(|day| day.and_hms_opt(0, 0, 0))
        .map(|midnight| midnight.and_utc().timestamp());
    day.or_else(|| DateTime::parse_from_rfc3339(value).ok().map(|moment| moment.timestamp()))
        .ok_or_else(|| bad(20001, &format!("{name}: {value:?} is neither a date (YYYY-MM-DD) nor a time (YYYY-MM-DDThh:mm:ssZ).")))
}

fn count(name: &str, value: &str) -> Result<usize, Reply> {
    value
        .parse()
        .map_err(|_| bad(20001, &format!("{name}: {value:?} is not a number.")))
}

fn seconds(milliseconds: u64) -> i64 {
    i64::try_from(milliseconds.div_euclid(1000)).unwrap_or(i64::MAX)
}

fn rfc2822(milliseconds: u64) -> String {
    DateTime::<Utc>::from_timestamp(seconds(milliseconds), 0)
        .unwrap_or_default()
        .format("%a, %d %b %Y %H:%M:%S +0000")
        .to_string()
}

fn unknown_parameter(name: &str) -> Reply {
    bad(20001, &format!("There is no parameter {name} here."))
}

fn not_found(call: &Call) -> Reply {
    let message = format!("There is no resource {}.", call.path);
    Reply::json(
        StatusCode::NOT_FOUND,
        error_body(404, &20404.into(), &message),
    )
}

fn wrong_method(method: &Method) -> Reply {
    let message = format!("{method} is not possible here.");
    Reply::json(
        StatusCode::METHOD_NOT_ALLOWED,
        error_body(405, &20004.into(), &message),
    )
}

fn bad(code: u32, message: &str) -> Reply {
    Reply::json(
        StatusCode::BAD_REQUEST,
        error_body(400, &code.into(), message),
    )
}

fn error_body(status: u16, code: &Value, message: &str) -> Value {
    json!({
        "code": code,
        "message": message,
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        "status": status
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_depend_on_the_alphabet() {
        for (text, count) in [
            ("".to_owned(), 1),
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            ("ж".repeat(70), 1),
            ("ж".repeat(71), 2),
            ("👋".repeat(35), 1),
            ("👋".repeat(36), 2),
        ] {
            assert_eq!(
                segments(&text),
                count,
                "{} characters",
                text.chars().count()
            );
        }
    }

    #[test]
    fn dates_are_read_as_days_and_as_moments() {
        assert_eq!(moment("DateSent>", "2026-01-31").ok(), Some(1_769_817_600));
        assert_eq!(
            moment("DateSent>", "2026-01-31T00:00:01Z").ok(),
            Some(1_769_817_601)
        );
        assert!(moment("DateSent>", "yesterday").is_err());
        assert_eq!(
            rfc2822(1_769_817_601_999),
            "Sat, 31 Jan 2026 00:00:01 +0000"
        );
    }
}
