//! Values in requests and answers of Twilio: forms, SIDs, numbers, addresses and dates.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

use super::error::bad;
use crate::http::call::Call;
use crate::http::reply::Reply;

/// The form in the body.
///
/// # Errors
/// An error if the body is not a form.
pub fn form_of(call: &Call) -> Result<Vec<(String, String)>, Reply> {
    if call.content_type() == "application/x-www-form-urlencoded" {
        Ok(call.form())
    } else {
        Err(bad(
            20001,
            "The content type must be application/x-www-form-urlencoded.",
        ))
    }
}

/// The value of a parameter. An empty value counts as missing.
pub fn value_of<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter()
        .find(|(other, value)| other == name && !value.is_empty())
        .map(|(_, value)| value.as_str())
}

/// Whether `text` is `prefix` with 32 hex digits.
pub fn is_sid(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|digits| {
        digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// `+`, no leading zero, 7 to 15 digits.
pub fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Whether this is the id of a WhatsApp user: a country, a dot, and up to 128 letters and digits.
/// Source: Meta, "Business-scoped user IDs".
pub fn is_whatsapp_user(id: &str) -> bool {
    let id = id.replacen(".ENT.", ".", 1);
    let Some((country, user)) = id.split_once('.') else {
        return false;
    };
    country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_uppercase())
        && (1..=128).contains(&user.len())
        && user.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether this is the id of an RCS agent.
pub fn is_rcs_agent(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    !id.is_empty() && id.bytes().all(allowed) && id.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Whether this is the id of a person or a page on Messenger.
pub fn is_messenger_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `text` is an http or https URL.
pub fn is_web_address(text: &str) -> bool {
    text.strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .is_some_and(|rest| {
            !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace)
        })
}

/// A day or time in a filter, in seconds since 1970.
///
/// # Errors
/// An error if it is neither.
pub fn day_or_time(name: &str, value: &str) -> Result<i64, Reply> {
    let day = NaiveDate::parse_from_str(value, "%Y-%m-%d")
        .ok()
        .and_then(|day| day.and_hms_opt(0, 0, 0))
        .map(|midnight| midnight.and_utc().timestamp());
    let time = || {
        DateTime::parse_from_rfc3339(value)
            .ok()
            .map(|time| time.timestamp())
    };
    day.or_else(time).ok_or_else(|| {
        let message = format!(
            "{name}: {value:?} is neither a date (YYYY-MM-DD) nor a time (YYYY-MM-DDThh:mm:ssZ)."
        );
        bad(20001, &message)
    })
}

/// A number in a filter.
///
/// # Errors
/// An error if it is not one.
pub fn count(name: &str, value: &str) -> Result<usize, Reply> {
    value
        .parse()
        .map_err(|_| bad(20001, &format!("{name}: {value:?} is not a number.")))
}

/// Whole seconds.
pub fn seconds(milliseconds: u64) -> i64 {
    i64::try_from(milliseconds.div_euclid(1000)).unwrap_or(i64::MAX)
}

/// A time as Twilio's older APIs write it.
pub fn rfc2822(milliseconds: u64) -> String {
    DateTime::<Utc>::from_timestamp(seconds(milliseconds), 0)
        .unwrap_or_default()
        .format("%a, %d %b %Y %H:%M:%S +0000")
        .to_string()
}

/// A time as Twilio's newer APIs write it.
pub fn rfc3339(milliseconds: u64) -> String {
    DateTime::<Utc>::from_timestamp(seconds(milliseconds), 0)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_days_and_as_times() {
        assert_eq!(
            day_or_time("DateSent>", "2026-01-31").ok(),
            Some(1_769_817_600)
        );
        assert_eq!(
            day_or_time("DateSent>", "2026-01-31T00:00:01Z").ok(),
            Some(1_769_817_601)
        );
        assert!(day_or_time("DateSent>", "yesterday").is_err());
        assert_eq!(
            rfc2822(1_769_817_601_999),
            "Sat, 31 Jan 2026 00:00:01 +0000"
        );
    }
}
