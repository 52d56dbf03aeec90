//! Changing a call: it is ended, or given other TwiML.

use axum::http::StatusCode;

use super::parameters::check;
use super::store::{CallList, Order};
use crate::http::call::Call as Request;
use crate::http::reply::{Prepared, Reply};
use crate::twilio::error::{bad, not_found};
use crate::twilio::values::{form_of, value_of};

/// The longest document in a request, in characters.
const MAX_TWIML: usize = 4_000;

/// Checks a request to change a call.
///
/// # Errors
/// The error of Twilio.
pub fn update<'a>(
    list: &'a CallList,
    account: &str,
    file: &str,
    call: &Request,
) -> Result<Prepared<'a>, Reply> {
    let sid = file.strip_suffix(".json").unwrap_or_default().to_owned();
    if list.resource(account, &sid).is_none() {
        return Err(not_found(call));
    }
    let form = form_of(call)?;
    let order = order(&form)?;
    let account = account.to_owned();
    Ok(Prepared::new(move |_| {
        if !list.order(&sid, order) {
            return bad(21220, "The call is not in progress.");
        }
        let resource = list.resource(&account, &sid);
        Reply::json(StatusCode::OK, resource.unwrap_or_default())
    }))
}

/// Reads what a form wants of a call.
///
/// # Errors
/// The error of Twilio about the first parameter that it would reject.
fn order(form: &[(String, String)]) -> Result<Order, Reply> {
    check(form, &PARAMETERS, &[])?;
    let value = |name: &str| value_of(form, name);
    match (value("Status"), value("Twiml"), value("Url")) {
        // To cancel a call that is answered has no effect at Twilio, which a test would not notice.
        (Some("completed"), None, None) => Ok(Order::Complete),
        (Some(_), None, None) => Err(bad(20001, "The 'Status' must be completed.")),
        (None, Some(text), None) if text.chars().count() <= MAX_TWIML => {
            Ok(Order::Twiml(text.to_owned()))
        }
        (None, Some(_), None) => Err(bad(20001, "The 'Twiml' is longer than 4000 characters.")),
        (None, None, Some(url)) => Ok(Order::Url(url.to_owned())),
        _ => Err(bad(
            20001,
            "Exactly one of 'Status', 'Twiml' and 'Url' is required.",
        )),
    }
}

/// The parameters of the request.
const PARAMETERS: [&str; 9] = [
    "Status",
    "Twiml",
    "Url",
    "Method",
    "FallbackUrl",
    "FallbackMethod",
    "StatusCallback",
    "StatusCallbackMethod",
    "TimeLimit",
];
