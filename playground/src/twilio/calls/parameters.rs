//! What the requests to create and to change a call have in common.

use crate::http::reply::Reply;
use crate::twilio::error::{bad, unknown_parameter};
use crate::twilio::values::{is_web_address, value_of};

/// Rejects parameters that do not exist, or come twice, and values that cannot be.
///
/// # Errors
/// The error of Twilio about the first of them.
pub fn check(form: &[(String, String)], known: &[&str], repeatable: &[&str]) -> Result<(), Reply> {
    for (index, (name, _)) in form.iter().enumerate() {
        if !known.contains(&name.as_str()) {
            return Err(unknown_parameter(name));
        }
        let is_repeated = form.iter().take(index).any(|(other, _)| other == name);
        if is_repeated && !repeatable.contains(&name.as_str()) {
            let message = format!("The parameter {name} is given more than once.");
            return Err(bad(20001, &message));
        }
    }
    let value = |name: &str| value_of(form, name);
    for name in ["Method", "FallbackMethod", "StatusCallbackMethod"] {
        if value(name).is_some_and(|method| !matches!(method, "GET" | "POST")) {
            return Err(bad(20001, &format!("The '{name}' must be GET or POST.")));
        }
    }
    for name in ["Url", "FallbackUrl", "StatusCallback"] {
        if value(name).is_some_and(|url| !is_web_address(url)) {
            return Err(bad(21205, &format!("The '{name}' is not a web address.")));
        }
    }
    Ok(())
}
