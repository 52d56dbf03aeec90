//! The parsers of settings: a text in, a value or a sentence that says what the text must be.
//!
//! No sentence repeats the text.

use std::{ops::RangeInclusive, time::Duration};

use crate::{base::secret::Secret, identity::PseudonymKey};

/// A value, or what the text must be.
pub(super) type Parsed<T> = Result<T, &'static str>;

pub(super) fn auth_tokens(text: &str) -> Parsed<Vec<Secret>> {
    let token = |token: &str| {
        let token = token.trim();
        (token.len() == 32 && token.bytes().all(|b| b.is_ascii_hexdigit()))
            .then(|| Secret::new(token.to_owned()))
    };
    text.split(',')
        .map(token)
        .collect::<Option<_>>()
        .ok_or("must be one or more auth tokens of 32 hex digits, separated by commas")
}

/// A secret that travels in a header: visible ASCII.
pub(super) fn header_secret(text: &str) -> Parsed<Secret> {
    if text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(Secret::new(text.to_owned()))
    } else {
        Err("must be visible ASCII characters without spaces")
    }
}

/// The name of an HTTP header: a token (RFC 9110, section 5.1). The runtime throws an error for
/// any other text.
pub(super) fn header_name(text: &str) -> Parsed<String> {
    let is_token = !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if is_token && text.len() <= 100 {
        Ok(text.to_owned())
    } else {
        Err("must be the name of an HTTP header, at most 100 characters")
    }
}

pub(super) fn long_secret(text: &str) -> Parsed<Secret> {
    if text.chars().count() < 32 {
        return Err("must have at least 32 characters");
    }
    Ok(Secret::new(text.to_owned()))
}

pub(super) fn non_blank(text: &str) -> Parsed<String> {
    if text.trim().is_empty() {
        Err("must not be blank")
    } else {
        Ok(text.to_owned())
    }
}

/// A word. The model decides which words it knows, and they differ from model to model.
pub(super) fn effort(text: &str) -> Parsed<String> {
    let is_word = text.len() <= 20
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if is_word {
        Ok(text.to_owned())
    } else {
        Err("must be a word such as low: at most 20 letters, digits, - and _")
    }
}

/// A text that one SMS answer can hold.
pub(super) fn help_text(text: &str) -> Parsed<String> {
    if text.trim().is_empty() || text.encode_utf16().count() > 1600 {
        return Err("must be a text of at most 1600 characters");
    }
    Ok(text.to_owned())
}

/// A price a million tokens, in millionths.
pub(super) fn price(text: &str) -> Parsed<u64> {
    const PROBLEM: &str = "must be a price a million tokens such as 0.15, with at most six decimals and below 1000000";
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str, most: usize| {
        !part.is_empty() && part.len() <= most && part.bytes().all(|b| b.is_ascii_digit())
    };
    if !digits(whole, 6) || !digits(decimals, 6) {
        return Err(PROBLEM);
    }
    format!("{whole}{decimals:0<6}")
        .parse()
        .map_err(|_| PROBLEM)
}

pub(super) fn pseudonym_key(text: &str) -> Parsed<PseudonymKey> {
    long_secret(text).map(PseudonymKey::new)
}

pub(super) fn max_completion_tokens(text: &str) -> Parsed<u32> {
    number(text, 1..=128_000, "must be a whole number, 1 to 128000")
}

pub(super) fn openai_timeout(text: &str) -> Parsed<Duration> {
    let problem = "must be a whole number of milliseconds, 100 to 300000";
    number(text, 100..=300_000, problem).map(|number| Duration::from_millis(number.into()))
}

pub(super) fn rate_limit(text: &str) -> Parsed<u32> {
    number(text, 1..=1000, "must be a whole number, 1 to 1000")
}

/// A cap of a day.
pub(super) fn cap(text: &str) -> Parsed<u32> {
    let problem = "must be a whole number, 0 to 1000000000";
    number(text, 0..=1_000_000_000, problem)
}

/// A cap of a day, where 0 means that there is none.
pub(super) fn cap_or_none(text: &str) -> Parsed<Option<u32>> {
    cap(text).map(|cap| Some(cap).filter(|cap| *cap > 0))
}

pub(super) fn max_message_chars(text: &str) -> Parsed<usize> {
    size(text, 1..=10_000, "must be a whole number, 1 to 10000")
}

pub(super) fn max_segments(text: &str) -> Parsed<usize> {
    size(text, 1..=100, "must be a whole number, 1 to 100")
}

pub(super) fn conversation_ttl(text: &str) -> Parsed<Duration> {
    let problem = "must be a whole number of seconds, 60 to 86400";
    number(text, 60..=86_400, problem).map(|number| Duration::from_secs(number.into()))
}

pub(super) fn reply_within(text: &str) -> Parsed<Duration> {
    let problem = "must be a whole number of milliseconds, 100 to 14000";
    number(text, 100..=14_000, problem).map(|number| Duration::from_millis(number.into()))
}

fn size(text: &str, range: RangeInclusive<u32>, problem: &'static str) -> Parsed<usize> {
    number(text, range, problem).and_then(|number| usize::try_from(number).map_err(|_| problem))
}

fn number(text: &str, range: RangeInclusive<u32>, problem: &'static str) -> Parsed<u32> {
    // `u32::from_str` would take a leading plus.
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    text.parse::<u32>()
        .ok()
        .filter(|number| plain && range.contains(number))
        .ok_or(problem)
}
