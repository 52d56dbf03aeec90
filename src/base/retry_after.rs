//! The wait that a service asks for with a `Retry-After` header.
//!
//! Not here: whether something is tried again, which each service's client decides.

use std::time::{Duration, UNIX_EPOCH};

use super::time::{UnixMillis, millis};

/// Reads `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3). A date that has passed is
/// no wait.
#[must_use]
pub fn parse(value: &str, now: UnixMillis) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let date = httpdate::parse_http_date(value)
        .ok()?
        .duration_since(UNIX_EPOCH)
        .ok()?;
    Some(UnixMillis(millis(date)).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(784_111_777_000); // Sun, 06 Nov 1994 08:49:37 GMT

    #[test]
    fn a_wait_is_read_in_seconds_and_as_a_date() {
        for (value, seconds) in [
            ("5", Some(5)),
            (" 60 ", Some(60)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("99999999999999", None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(parse(value, NOW), expected, "{value}");
        }
    }
}
