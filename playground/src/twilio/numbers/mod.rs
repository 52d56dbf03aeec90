//! The phone numbers and Messaging Services of an account: listed, read and changed.
//!
//! Only their settings for messages exist, and the webhook of calls. Numbers cannot be bought, released
//! or added to a service. A call to a number goes to its webhook. Nothing uses the settings for
//! messages: their webhooks go to the Worker that the playground was started with. Changes that the
//! documentation of Twilio rules out are rejected.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use self::resource::text;
use self::settings::{NUMBER_SETTINGS, SERVICE_SETTINGS, Setting, changes};
use self::store::Target;
use crate::base::time::now_ms;
use crate::http::call::Call;
use crate::http::reply::{Prepared, Reply};
use crate::twilio::error::{not_found, wrong_method};
use crate::twilio::page::Page;
use crate::twilio::values::rfc2822;

mod resource;
mod settings;
mod store;

pub use self::store::{Callee, Numbers};

/// Checks an authorized request below `/2010-04-01/Accounts/{account}/IncomingPhoneNumbers`. `rest`
/// is the part after the account.
///
/// # Errors
/// The answer to a request that cannot be served.
pub fn numbers<'a>(
    store: &'a Numbers,
    account: String,
    rest: &[&str],
    call: &Call,
) -> Result<Prepared<'a>, Reply> {
    match (call.method.as_str(), rest) {
        ("GET", ["IncomingPhoneNumbers.json"]) => list_numbers(store, account, call),
        ("GET" | "POST", ["IncomingPhoneNumbers", file]) => {
            let target = Target::Number(file.strip_suffix(".json").unwrap_or_default().to_owned());
            read_or_change(store, account, target, call, &NUMBER_SETTINGS)
        }
        (_, ["IncomingPhoneNumbers.json"] | ["IncomingPhoneNumbers", _]) => {
            Err(wrong_method(&call.method))
        }
        _ => Err(not_found(call)),
    }
}

/// Checks an authorized request below `/v1/Services`, for the account in the credential. `rest` is
/// the part after `Services`.
///
/// # Errors
/// The answer to a request that cannot be served.
pub fn services<'a>(
    store: &'a Numbers,
    account: String,
    rest: &[&str],
    call: &Call,
) -> Result<Prepared<'a>, Reply> {
    match (call.method.as_str(), rest) {
        ("GET", []) => list_services(store, account, call),
        ("GET" | "POST", [sid]) => read_or_change(
            store,
            account,
            Target::Service((*sid).to_owned()),
            call,
            &SERVICE_SETTINGS,
        ),
        ("GET", [sid, "PhoneNumbers", number]) => {
            let member = store.with(&account, |account| account.member(sid, number));
            let member = member.ok_or_else(|| not_found(call))?;
            Ok(prepared(move || member))
        }
        (_, [] | [_] | [_, "PhoneNumbers", _]) => Err(wrong_method(&call.method)),
        _ => Err(not_found(call)),
    }
}

fn read_or_change<'a>(
    store: &'a Numbers,
    account: String,
    target: Target,
    call: &Call,
    settings: &[Setting],
) -> Result<Prepared<'a>, Reply> {
    if store.with(&account, |account| account.find(&target).is_none()) {
        return Err(not_found(call));
    }
    let changes = if call.method == "POST" {
        changes(call, settings)?
    } else {
        Map::new()
    };
    Ok(prepared(move || {
        store.with(&account, |account| {
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
    store: &'a Numbers,
    account: String,
    call: &Call,
) -> Result<Prepared<'a>, Reply> {
    let query = call.query_pairs();
    let mut pattern = String::new();
    let page = Page::read(&query, |name, value| {
        let is_known = name == "PhoneNumber";
        if is_known {
            value.clone_into(&mut pattern);
        }
        Ok(is_known)
    })?;
    let path = call.path.clone();
    Ok(prepared(move || {
        let all: Vec<Value> = store.with(&account, |account| {
            let numbers = account.numbers.iter();
            numbers
                .filter(|number| matches(text(number, "phone_number"), &pattern))
                .map(|number| number.clone().into())
                .collect()
        });
        let uri = |number: usize| page.uri(&path, &query, number, None);
        json!({
            "incoming_phone_numbers": page.items(&all),
            "first_page_uri": uri(0),
            "previous_page_uri": page.previous().map(uri),
            "next_page_uri": page.next(all.len()).map(uri),
            "uri": uri(page.number),
            "page": page.number,
            "page_size": page.size
        })
    }))
}

fn list_services<'a>(
    store: &'a Numbers,
    account: String,
    call: &Call,
) -> Result<Prepared<'a>, Reply> {
    let query = call.query_pairs();
    let page = Page::read(&query, |_, _| Ok(false))?;
    let (host, path) = (call.host(), call.path.clone());
    Ok(Prepared::new(move |_| {
        let all: Vec<Value> = store.with(&account, |account| {
            let services = account.services.iter();
            services
                .map(|service| service.resource.clone().into())
                .collect()
        });
        page.with_meta("services", &all, &host, (&path, &query))
    }))
}

/// Whether a phone number contains the pattern, in which `*` stands for any digit.
fn matches(number: &str, pattern: &str) -> bool {
    let (number, pattern) = (number.as_bytes(), pattern.as_bytes());
    let same = |(digit, wanted): (&u8, &u8)| {
        digit == wanted || (*wanted == b'*' && digit.is_ascii_digit())
    };
    pattern.is_empty()
        || number
            .windows(pattern.len())
            .any(|part| part.iter().zip(pattern).all(same))
}

/// A request that is answered with JSON.
fn prepared<'a>(act: impl FnOnce() -> Value + Send + 'a) -> Prepared<'a> {
    Prepared::new(move |_| Reply::json(StatusCode::OK, act()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_number_matches_with_stars_for_digits() {
        for (pattern, matching) in [
            ("+15550150", true),
            ("5550", true),
            ("555*15", true),
            ("", true),
            ("+1555015", true),
            ("****0150", true),
        ] {
            assert_eq!(matches("+15550150", pattern), matching, "{pattern}");
        }
        for pattern in ["+155501501", "*15550150", "5551", "+15550151"] {
            assert!(!matches("+15550150", pattern), "{pattern}");
        }
    }
}
