//! The account's phone numbers and Messaging Services, as far as their messaging settings go: listed, read and changed.
//!
//! Numbers cannot be bought, released or put into a service here, and nothing reads the settings that are made: webhooks
//! are sent by `say.rs`, to the Worker that it is told. What Twilio's documentation says that it refuses is refused.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{StatusCode, header};
use serde_json::{Map, Value, json};

use super::{
    bad, count, form_of, is_web_address, not_found, rfc2822, unknown_parameter, wrong_method,
};
use crate::exchange::{Call, Playground, Prepared, Reply};
use crate::random_hex;
use crate::request_log::now_ms;

/// The numbers and services of each account that has asked for them. Every account begins with the same ones.
#[derive(Default)]
pub struct Numbers(Mutex<BTreeMap<String, Account>>);

impl Numbers {
    /// All accounts so far: their numbers and services as the API shows them, by the account's sid.
    pub fn show(&self) -> Value {
        let accounts = self.lock();
        accounts
            .iter()
            .map(|(sid, account)| {
                let services: Vec<_> = account
                    .services
                    .iter()
                    .map(|service| &service.resource)
                    .collect();
                (
                    sid.clone(),
                    json!({"numbers": account.numbers, "services": services}),
                )
            })
            .collect::<Map<String, Value>>()
            .into()
    }

    /// Forgets all changes.
    pub fn reset(&self) {
        self.lock().clear();
    }

    fn with<R>(&self, account: &str, act: impl FnOnce(&mut Account) -> R) -> R {
        act(self
            .lock()
            .entry(account.to_owned())
            .or_insert_with(|| Account::fresh(account)))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Account>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks an authorized request below `/2010-04-01/Accounts/{account}/IncomingPhoneNumbers`; `rest` follows `account`.
///
/// # Errors
/// The answer to a request that cannot be served.
pub fn numbers<'a>(
    playground: &'a Playground,
    account: String,
    rest: &[&str],
    call: &Call,
) -> Result<Prepared<'a>, Reply> {
    match (call.method.as_str(), rest) {
        ("GET", ["IncomingPhoneNumbers.json"]) => list_numbers(playground, account, call),
        ("GET" | "POST", ["IncomingPhoneNumbers", file]) => {
            let target = Target::Number(file.strip_suffix(".json").unwrap_or_default().to_owned());
            read_or_change(playground, account, target, call, &NUMBER_SETTINGS)
        }
        (_, ["IncomingPhoneNumbers.json"] | ["IncomingPhoneNumbers", _]) => {
            Err(wrong_method(&call.method))
        }
        _ => Err(not_found(call)),
    }
}

/// Checks an authorized request below `/v1/Services`, of the account in the credential; `rest` follows `Services`.
///
/// # Errors
/// The answer to a request that cannot be served.
pub fn services<'a>(
    playground: &'a Playground,
    account: String,
    rest: &[&str],
    call: &Call,
) -> Result<Prepared<'a>, Reply> {
    match (call.method.as_str(), rest) {
        ("GET", []) => list_services(playground, account, call),
        ("GET" | "POST", [sid]) => read_or_change(
            playground,
            account,
            Target::Service((*sid).to_owned()),
            call,
            &SERVICE_SETTINGS,
        ),
        ("GET", [sid, "PhoneNumbers", number]) => {
            let member = playground
                .numbers
                .with(&account, |account| account.member(sid, number));
            let member = member.ok_or_else(|| not_found(call))?;
            Ok(prepared(move || member))
        }
        (_, [] | [_] | [_, "PhoneNumbers", _]) => Err(wrong_method(&call.method)),
        _ => Err(not_found(call)),
    }
}

/// A resource as the API shows it.
type Resource = Map<String, Value>;

struct Account {
    numbers: Vec<Resource>,
    services: Vec<Service>,
}

struct Service {
    resource: Resource,
    /// The sids of its numbers.
    members: Vec<Value>,
}

/// What a request is about.
enum Target {
    Number(String),
    Service(String),
}

impl Account {
    fn find(&mut self, target: &Target) -> Option<&mut Resource> {
        match target {
            Target::Number(sid) => self.numbers.iter_mut().find(|number| is(number, sid)),
            Target::Service(sid) => self
                .services
                .iter_mut()
                .map(|service| &mut service.resource)
                .find(|service| is(service, sid)),
        }
    }

    /// One number of every kind that makes a difference when its webhook is set.
    fn fresh(account: &str) -> Self {
        let other_url = ("sms_url", json!("https://another.example/sms"));
        let numbers = [
            number(account, "+15550199", "the number of `npm run say`", &[]),
            // Also found by whoever asks for +15550150: a list is searched by part of a number.
            number(account, "+155501501", "one digit more", &[]),
            number(
                account,
                "+15550150",
                "another webhook, by GET",
                &[other_url.clone(), ("sms_method", json!("GET"))],
            ),
            number(
                account,
                "+15550151",
                "an application's",
                &[other_url, ("sms_application_sid", sid("AP"))],
            ),
            number(
                account,
                "+15550152",
                "no SMS",
                &[(
                    "capabilities",
                    json!({"voice": true, "sms": false, "mms": false, "fax": false}),
                )],
            ),
            number(account, "+15550153", "in a service", &[]),
            number(
                account,
                "+15550154",
                "in a service that leaves it to its numbers",
                &[],
            ),
        ];
        let members = |wanted: &str| -> Vec<Value> {
            numbers
                .iter()
                .filter(|number| text(number, "phone_number") == wanted)
                .filter_map(|number| number.get("sid").cloned())
                .collect()
        };
        let services = vec![
            Service {
                resource: service(account, "its own webhook", false),
                members: members("+15550153"),
            },
            Service {
                resource: service(account, "the webhooks of its numbers", true),
                members: members("+15550154"),
            },
        ];
        Self {
            numbers: numbers.into(),
            services,
        }
    }

    /// A number as a member of a service.
    fn member(&self, service: &str, number: &str) -> Option<Value> {
        let service = self
            .services
            .iter()
            .find(|other| is(&other.resource, service))?;
        let sid = service
            .members
            .iter()
            .find(|member| member.as_str() == Some(number))?;
        let number = self
            .numbers
            .iter()
            .find(|other| other.get("sid") == Some(sid))?;
        Some(json!({
            "sid": sid,
            "account_sid": number.get("account_sid"),
            "service_sid": service.resource.get("sid"),
            "phone_number": number.get("phone_number"),
            "country_code": "US",
            "capabilities": ["SMS"],
            "date_created": number.get("date_created"),
            "date_updated": number.get("date_updated"),
            "url": format!("https://messaging.twilio.com/v1/Services/{}/PhoneNumbers/{}", text(&service.resource, "sid"), text(number, "sid"))
        }))
    }
}

fn number(
    account: &str,
    phone_number: &str,
    friendly_name: &str,
    more: &[(&str, Value)],
) -> Resource {
    let sid = format!("PN{}", random_hex());
    let date = rfc2822(now_ms());
    let resource = json!({
        "account_sid": account,
        "address_requirements": "none",
        "api_version": "2010-04-01",
        "beta": false,
        "capabilities": {"voice": true, "sms": true, "mms": true, "fax": false},
        "date_created": date,
        "date_updated": date,
        "friendly_name": friendly_name,
        "origin": "twilio",
        "phone_number": phone_number,
        "sid": sid,
        "sms_application_sid": "",
        "sms_fallback_method": "POST",
        "sms_fallback_url": "",
        "sms_method": "POST",
        "sms_url": "",
        "status": "in-use",
        "status_callback": "",
        "status_callback_method": "POST",
        "uri": format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json"),
        "voice_url": ""
    });
    fields_of(resource, more)
}

fn service(account: &str, friendly_name: &str, use_inbound_webhook_on_number: bool) -> Resource {
    let sid = format!("MG{}", random_hex());
    let resource = json!({
        "account_sid": account,
        "fallback_method": "POST",
        "fallback_url": null,
        "friendly_name": friendly_name,
        "inbound_method": "POST",
        "inbound_request_url": "https://another.example/service",
        "sid": sid,
        "status_callback": null,
        "url": format!("https://messaging.twilio.com/v1/Services/{sid}"),
        "use_inbound_webhook_on_number": use_inbound_webhook_on_number
    });
    fields_of(resource, &[])
}

fn fields_of(resource: Value, more: &[(&str, Value)]) -> Resource {
    let mut fields = match resource {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    fields.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone())),
    );
    fields
}

fn sid(prefix: &str) -> Value {
    format!("{prefix}{}", random_hex()).into()
}

fn text<'r>(resource: &'r Resource, name: &str) -> &'r str {
    resource
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn is(resource: &Resource, sid: &str) -> bool {
    text(resource, "sid") == sid
}

/// What a parameter may be.
#[derive(Clone, Copy)]
enum Allowed {
    /// A URL that Twilio can reach, or nothing; else the error of this number.
    Url(u32),
    Method,
    /// The sid of an application of the account, of which there is none, or nothing.
    Application,
    Flag,
    /// At most 64 characters.
    Name,
}

/// Parameter, field, what is allowed. The parameters that are documented but missing here have nothing to do with messages.
const NUMBER_SETTINGS: [(&str, &str, Allowed); 8] = [
    ("FriendlyName", "friendly_name", Allowed::Name),
    ("SmsUrl", "sms_url", Allowed::Url(21402)),
    ("SmsMethod", "sms_method", Allowed::Method),
    ("SmsFallbackUrl", "sms_fallback_url", Allowed::Url(21402)),
    ("SmsFallbackMethod", "sms_fallback_method", Allowed::Method),
    (
        "SmsApplicationSid",
        "sms_application_sid",
        Allowed::Application,
    ),
    ("StatusCallback", "status_callback", Allowed::Url(21502)),
    (
        "StatusCallbackMethod",
        "status_callback_method",
        Allowed::Method,
    ),
];

const SERVICE_SETTINGS: [(&str, &str, Allowed); 7] = [
    ("FriendlyName", "friendly_name", Allowed::Name),
    (
        "InboundRequestUrl",
        "inbound_request_url",
        Allowed::Url(20001),
    ),
    ("InboundMethod", "inbound_method", Allowed::Method),
    ("FallbackUrl", "fallback_url", Allowed::Url(20001)),
    ("FallbackMethod", "fallback_method", Allowed::Method),
    ("StatusCallback", "status_callback", Allowed::Url(20001)),
    (
        "UseInboundWebhookOnNumber",
        "use_inbound_webhook_on_number",
        Allowed::Flag,
    ),
];

/// The fields that a form changes.
fn changes(call: &Call, settings: &[(&str, &str, Allowed)]) -> Result<Resource, Reply> {
    let mut changes = Map::new();
    for (name, value) in form_of(call)? {
        let Some((_, field, allowed)) = settings.iter().find(|(known, ..)| *known == name) else {
            return Err(unknown_parameter(&name));
        };
        let value = allowed.parse(&name, &value)?;
        if changes.insert((*field).to_owned(), value).is_some() {
            return Err(bad(
                20001,
                &format!("The parameter {name} is given more than once."),
            ));
        }
    }
    Ok(changes)
}

impl Allowed {
    fn parse(self, name: &str, value: &str) -> Result<Value, Reply> {
        let refused = |code: u32, why: &str| Err(bad(code, &format!("{name} {why}: {value}")));
        match self {
            Self::Url(code) if !value.is_empty() && !is_public_web_address(value) => {
                refused(code, "is not a valid URL")
            }
            Self::Method if !matches!(value, "GET" | "POST") => {
                refused(21403, "is neither GET nor POST")
            }
            Self::Application if !value.is_empty() => {
                refused(20001, "is no application of this account")
            }
            Self::Name if value.chars().count() > 64 => {
                refused(20001, "is longer than 64 characters")
            }
            Self::Flag => match value {
                "true" => Ok(true.into()),
                "false" => Ok(false.into()),
                _ => refused(20001, "is neither true nor false"),
            },
            _ => Ok(value.into()),
        }
    }
}

/// A web address outside this machine and its network: Twilio's servers fetch it.
fn is_public_web_address(url: &str) -> bool {
    let authority = url
        .split("://")
        .nth(1)
        .and_then(|rest| rest.split(['/', '?', '#']).next())
        .unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    let is_private_name =
        !name.contains('.') || name.ends_with(".localhost") || name.ends_with(".local");
    // An IPv6 address, in brackets, has no dot before its first colon.
    let is_private_address = match name.parse() {
        Ok(IpAddr::V4(address)) => {
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_unspecified()
        }
        _ => false,
    };
    is_web_address(url) && !is_private_name && !is_private_address
}

fn read_or_change<'a>(
    playground: &'a Playground,
    account: String,
    target: Target,
    call: &Call,
    settings: &[(&str, &str, Allowed)],
) -> Result<Prepared<'a>, Reply> {
    if playground
        .numbers
        .with(&account, |account| account.find(&target).is_none())
    {
        return Err(not_found(call));
    }
    let changes = if call.method == "POST" {
        changes(call, settings)?
    } else {
        Map::new()
    };
    Ok(prepared(move || {
        playground.numbers.with(&account, |account| {
            account.find(&target).map_or(Value::Null, |resource| {
                if !changes.is_empty() {
                    resource.insert("date_updated".to_owned(), rfc2822(now_ms()).into());
                }
                resource.extend(changes);
                resource.clone().into()
            })
        })
    }))
}

fn list_numbers<'a>(
    playground: &'a Playground,
    account: String,
    call: &Call,
) -> Result<Prepared<'a>, Reply> {
    let query = query_of(call);
    let mut pattern = String::new();
    for (name, value) in &query {
        match name.as_str() {
            "PhoneNumber" => pattern.clone_from(value),
            "Page" | "PageSize" | "PageToken" => {}
            _ => return Err(unknown_parameter(name)),
        }
    }
    let page = Page::of(&query)?;
    let path = call.path.clone();
    Ok(prepared(move || {
        let fitting: Vec<Value> = playground.numbers.with(&account, |account| {
            let fits = |number: &&Resource| fits(text(number, "phone_number"), &pattern);
            account
                .numbers
                .iter()
                .filter(fits)
                .map(|number| number.clone().into())
                .collect()
        });
        let uri = |number: usize| page.uri(&path, &query, number);
        let (shown, next, previous) = page.part_of(&fitting);
        json!({
            "incoming_phone_numbers": shown,
            "first_page_uri": uri(0),
            "previous_page_uri": previous.map(uri),
            "next_page_uri": next.map(uri),
            "uri": uri(page.number),
            "page": page.number,
            "page_size": page.size
        })
    }))
}

fn list_services<'a>(
    playground: &'a Playground,
    account: String,
    call: &Call,
) -> Result<Prepared<'a>, Reply> {
    let query = query_of(call);
    if let Some((name, _)) = query
        .iter()
        .find(|(name, _)| !matches!(name.as_str(), "Page" | "PageSize" | "PageToken"))
    {
        return Err(unknown_parameter(name));
    }
    let page = Page::of(&query)?;
    // These addresses are absolute, on the host that was asked.
    let host = call
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("127.0.0.1");
    let path = format!("http://{host}{}", call.path);
    Ok(prepared(move || {
        let all: Vec<Value> = playground.numbers.with(&account, |account| {
            account
                .services
                .iter()
                .map(|service| service.resource.clone().into())
                .collect()
        });
        let url = |number: usize| page.uri(&path, &query, number);
        let (shown, next, previous) = page.part_of(&all);
        json!({
            "services": shown,
            "meta": {
                "first_page_url": url(0),
                "previous_page_url": previous.map(url),
                "next_page_url": next.map(url),
                "url": url(page.number),
                "key": "services",
                "page": page.number,
                "page_size": page.size
            }
        })
    }))
}

/// Whether a number holds the pattern: a part of a number, with `*` for any digit.
fn fits(number: &str, pattern: &str) -> bool {
    let (number, pattern) = (number.as_bytes(), pattern.as_bytes());
    let same = |(digit, wanted): (&u8, &u8)| {
        digit == wanted || (*wanted == b'*' && digit.is_ascii_digit())
    };
    pattern.is_empty()
        || number
            .windows(pattern.len())
            .any(|part| part.iter().zip(pattern).all(same))
}

fn query_of(call: &Call) -> Vec<(String, String)> {
    form_urlencoded::parse(call.query.as_deref().unwrap_or_default().as_bytes())
        .into_owned()
        .collect()
}

/// Which page of a list is wanted.
struct Page {
    number: usize,
    size: usize,
}

impl Page {
    fn of(query: &[(String, String)]) -> Result<Self, Reply> {
        let value = |wanted: &str, default: usize| {
            let given = query.iter().find(|(name, _)| name == wanted);
            given.map_or(Ok(default), |(name, value)| count(name, value))
        };
        Ok(Self {
            number: value("Page", 0)?,
            size: value("PageSize", 50)?.clamp(1, 1000),
        })
    }

    /// Its items, and the numbers of the next and the previous page, where there is one.
    fn part_of<'i>(&self, items: &'i [Value]) -> (&'i [Value], Option<usize>, Option<usize>) {
        let start = self.number.saturating_mul(self.size).min(items.len());
        let end = start.saturating_add(self.size).min(items.len());
        let next = (end < items.len()).then_some(self.number.saturating_add(1));
        (
            items.get(start..end).unwrap_or_default(),
            next,
            self.number.checked_sub(1),
        )
    }

    fn uri(&self, path: &str, query: &[(String, String)], number: usize) -> String {
        let mut parameters = form_urlencoded::Serializer::new(String::new());
        parameters.extend_pairs(
            query
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "Page" | "PageSize" | "PageToken")),
        );
        parameters.append_pair("PageSize", &self.size.to_string());
        parameters.append_pair("Page", &number.to_string());
        format!("{path}?{}", parameters.finish())
    }
}

fn prepared<'a>(act: impl FnOnce() -> Value + Send + 'a) -> Prepared<'a> {
    Prepared {
        spoken: String::new(),
        deprecation: None,
        act: Box::new(move |_| Reply::json(StatusCode::OK, act())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_of_a_number_fits_with_stars_for_digits() {
        for (pattern, fitting) in [
            ("+15550150", true),
            ("5550", true),
            ("555*15", true),
            ("", true),
            ("+1555015", true),
            ("****0150", true),
        ] {
            assert_eq!(fits("+15550150", pattern), fitting, "{pattern}");
        }
        for pattern in ["+155501501", "*15550150", "5551", "+15550151"] {
            assert!(!fits("+15550150", pattern), "{pattern}");
        }
    }

    #[test]
    fn an_address_that_twilio_could_not_reach_is_no_webhook() {
        for url in [
            "https://a.example/x#rc=3&rp=all",
            "http://a.example",
            "https://user:pw@a.example:8443/?x=1",
            "https://203.0.113.7/",
        ] {
            assert!(is_public_web_address(url), "{url}");
        }
        for url in [
            "a.example",
            "ftp://a.example/",
            "https://",
            "https:///path",
            "https://a.example/with space",
            "http://localhost:8787/",
            "http://worker.localhost/",
            "https://printer.local/",
            "http://127.0.0.1:8787/",
            "http://user@127.0.0.1/",
            "https://10.0.0.1/",
            "https://192.168.1.1/",
            "https://169.254.1.1/",
            "http://[::1]:8787/",
            "https://intranet/",
        ] {
            assert!(!is_public_web_address(url), "{url}");
        }
    }
}
