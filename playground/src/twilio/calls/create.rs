//! Creating a call: the phone of whoever is called rings, or a number of the account is called.
//!
//! Sources: Twilio's OpenAPI description, "Make outbound phone calls", and "Test credentials" for the magic
//! numbers. Not here: calls with TwiML of their own, or of an application.

use axum::http::StatusCode;

use super::parameters::check;
use super::store::{CallList, MadeCall, Progress};
use crate::base::random::random_hex;
use crate::http::call::Call as Request;
use crate::http::reply::{Prepared, Reply};
use crate::twilio::error::{bad, not_found};
use crate::twilio::media_store::ACCOUNT_SID;
use crate::twilio::numbers::Numbers;
use crate::twilio::values::{form_of, is_e164, value_of};

/// Checks a request to create a call.
///
/// # Errors
/// The error of Twilio.
pub fn create<'a>(
    list: &'a CallList,
    numbers: &Numbers,
    account: &str,
    call: &Request,
) -> Result<Prepared<'a>, Reply> {
    // There are calls of this account only.
    if account != ACCOUNT_SID {
        return Err(not_found(call));
    }
    let form = form_of(call)?;
    check(&form, &PARAMETERS, &["StatusCallbackEvent"])?;
    let value = |name: &str| value_of(&form, name);
    let to = value("To").ok_or_else(|| bad(21201, "A 'To' number is required."))?;
    let from = value("From").ok_or_else(|| bad(21213, "A 'From' number is required."))?;
    let url = value("Url").ok_or_else(|| bad(21205, "A 'Url' is required."))?;
    check_from(from, numbers, account)?;
    check_to(to, from)?;
    let seconds = |name: &str, low: u64, high: u64| {
        let given = value(name).map(str::parse::<u64>);
        let number = given.map(|number| number.ok().filter(|number| (low..=high).contains(number)));
        match number {
            Some(None) => Err(bad(
                20001,
                &format!("The '{name}' must be from {low} to {high} seconds."),
            )),
            Some(number) => Ok(number),
            None => Ok(None),
        }
    };
    let new = MadeCall {
        sid: format!("CA{}", random_hex()),
        from: from.to_owned(),
        to: to.to_owned(),
        url: url.to_owned(),
        status_callback: value("StatusCallback").map(str::to_owned),
        events: events(&form)?,
        callee: numbers.callee(account, to),
        timeout: seconds("Timeout", 1, 600)?.unwrap_or(60),
        time_limit: seconds("TimeLimit", 1, 14_400)?,
    };
    let account = account.to_owned();
    Ok(Prepared::new(move |_| {
        let sid = new.sid.clone();
        list.dial(new);
        let resource = list.resource(&account, &sid);
        Reply::json(StatusCode::CREATED, resource.unwrap_or_default())
    }))
}

/// The events that are posted to the status callback. Without a choice it is the last one.
fn events(form: &[(String, String)]) -> Result<Vec<Progress>, Reply> {
    let mut events = Vec::new();
    for (_, value) in form
        .iter()
        .filter(|(name, _)| name == "StatusCallbackEvent")
    {
        let event = Progress::of(value).ok_or_else(|| {
            let message =
                format!("The 'StatusCallbackEvent' {value} is not one of the four events.");
            bad(20001, &message)
        })?;
        events.push(event);
    }
    if events.is_empty() {
        events.push(Progress::Completed);
    }
    Ok(events)
}

fn check_from(from: &str, numbers: &Numbers, account: &str) -> Result<(), Reply> {
    if !is_e164(from) || from == "+15005550001" {
        return Err(bad(21212, "The 'From' number is not a valid phone number."));
    }
    if numbers.has(account, from) {
        return Ok(());
    }
    Err(bad(
        21210,
        "The 'From' number is neither a number of the account nor verified.",
    ))
}

fn check_to(to: &str, from: &str) -> Result<(), Reply> {
    match to {
        "+15005550001" => Err(bad(21217, "The 'To' number does not appear to be valid.")),
        "+15005550002" => Err(bad(21214, "The 'To' number cannot be reached.")),
        "+15005550003" => Err(bad(21215, "The account may not call the region of 'To'.")),
        "+15005550004" => Err(bad(21216, "The account may not call the 'To' number.")),
        _ if !is_e164(to) => Err(bad(21211, "The 'To' number is not a valid phone number.")),
        _ if to == from => Err(bad(21266, "'From' and 'To' cannot be the same.")),
        _ => Ok(()),
    }
}

/// The parameters of the request that have an effect here, or none that matters.
const PARAMETERS: [&str; 11] = [
    "To",
    "From",
    "Url",
    "Method",
    "FallbackUrl",
    "FallbackMethod",
    "StatusCallback",
    "StatusCallbackEvent",
    "StatusCallbackMethod",
    "Timeout",
    "TimeLimit",
];
