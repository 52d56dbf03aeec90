//! The parsers of settings. Each takes a text and returns its value, or a sentence that says what
//! the text must be. No sentence repeats the text.
//!
//! Not here: which setting uses which parser (`settings`), and the forms of URLs (`base::url`).

use std::ops::RangeInclusive;

use crate::{
    base::secret::Secret,
    identity::{AccountSid, Address, IntelligenceServiceSid, PseudonymKey},
};

/// The parsed value, or what the text must be.
pub(super) type Parsed<T> = Result<T, &'static str>;

/// Makes the parser of a whole number. The check and its sentence come from the same range, so they
/// cannot differ.
macro_rules! whole_number {
    ($low:literal ..= $high:literal) => {
        $crate::config::parsers::whole_number!("", $low, $high)
    };
    ($unit:literal, $low:literal, $high:literal) => {
        |text: &str| {
            let problem = concat!("must be a whole number", $unit, ", ", $low, " to ", $high);
            $crate::config::parsers::number(text, $low..=$high, problem)
        }
    };
}
pub(super) use whole_number;

/// Makes the parser of a duration in seconds.
macro_rules! seconds {
    ($low:literal ..= $high:literal) => {
        |text: &str| {
            $crate::config::parsers::whole_number!(" of seconds", $low, $high)(text)
                .map(std::time::Duration::from_secs)
        }
    };
}
pub(super) use seconds;

/// Makes the parser of a duration in milliseconds.
macro_rules! milliseconds {
    ($low:literal ..= $high:literal) => {
        |text: &str| {
            $crate::config::parsers::whole_number!(" of milliseconds", $low, $high)(text)
                .map(std::time::Duration::from_millis)
        }
    };
}
pub(super) use milliseconds;

/// Of `all`, the one whose name is most like `name`.
pub(super) fn nearest<T>(
    name: &str,
    all: impl IntoIterator<Item = T>,
    name_of: impl Fn(&T) -> &str,
) -> Option<T> {
    let distance = |one: &T| strsim::osa_distance(name_of(one), name);
    all.into_iter().min_by_key(distance)
}

/// The longest name of a voice or a model.
const MAX_NAME: usize = 100;

/// A language with its country, such as `en-US`. Twilio takes no other spelling.
pub(super) fn language_tag(text: &str) -> Parsed<String> {
    let is_tag = text.split_once('-').is_some_and(|(language, rest)| {
        (2..=3).contains(&language.len())
            && language.bytes().all(|b| b.is_ascii_lowercase())
            && (2..=10).contains(&rest.len())
            && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && rest.starts_with(|first: char| first.is_ascii_uppercase() || first.is_ascii_digit())
    });
    if is_tag {
        Ok(text.to_owned())
    } else {
        Err("must be a language with its country, such as en-US")
    }
}

/// The name of a voice or a model, as Twilio's documentation lists it.
pub(super) fn plain_name(text: &str) -> Parsed<String> {
    let is_name = (1..=MAX_NAME).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("must be a name of letters, digits, ., _ and -, at most 100")
    }
}

/// Auth tokens, separated by commas.
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

/// A phone number.
pub(super) fn phone(text: &str) -> Parsed<Address> {
    let number = text.parse().ok().filter(Address::is_phone);
    number.ok_or("must be a phone number in E.164, such as +15550100")
}

/// The id of an account or subaccount.
pub(super) fn account_sid(text: &str) -> Parsed<AccountSid> {
    text.parse()
        .map_err(|_| "must be the sid of an account: AC and 32 hex digits")
}

/// The id of a service of Twilio Intelligence.
pub(super) fn intelligence_service(text: &str) -> Parsed<IntelligenceServiceSid> {
    text.parse()
        .map_err(|_| "must be the sid of an Intelligence service: GA and 32 hex digits")
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

/// A secret that is long enough not to be guessed.
pub(super) fn long_secret(text: &str) -> Parsed<Secret> {
    if text.chars().count() < 32 {
        return Err("must have at least 32 characters");
    }
    Ok(Secret::new(text.to_owned()))
}

/// A text with something in it.
pub(super) fn non_blank(text: &str) -> Parsed<String> {
    if text.trim().is_empty() {
        Err("must not be blank")
    } else {
        Ok(text.to_owned())
    }
}

/// A switch.
pub(super) fn on_or_off(text: &str) -> Parsed<bool> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("must be on or off"),
    }
}

/// One word. Each model decides which words it accepts, so they are not listed here.
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

/// A text that fits into one answer by SMS.
pub(super) fn help_text(text: &str) -> Parsed<String> {
    if text.trim().is_empty() || text.encode_utf16().count() > 1600 {
        return Err("must be a text of at most 1600 characters");
    }
    Ok(text.to_owned())
}

/// A price per million tokens, in millionths.
pub(super) fn price(text: &str) -> Parsed<u64> {
    const PROBLEM: &str = "must be a price a million tokens such as 0.15, \
        with at most six decimals and below 1000000";
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

/// The key of all pseudonyms.
pub(super) fn pseudonym_key(text: &str) -> Parsed<PseudonymKey> {
    long_secret(text).map(PseudonymKey::new)
}

/// A daily cap.
pub(super) fn cap(text: &str) -> Parsed<u32> {
    whole_number!(0..=1_000_000_000)(text)
}

/// A daily cap, where 0 means that there is no limit.
pub(super) fn cap_or_unlimited(text: &str) -> Parsed<Option<u32>> {
    cap(text).map(|cap| Some(cap).filter(|cap| *cap > 0))
}

/// A whole number in digits alone. The macros above call it.
pub(super) fn number<T: TryFrom<u32>>(
    text: &str,
    range: RangeInclusive<u32>,
    problem: &'static str,
) -> Parsed<T> {
    // `u32::from_str` would accept a leading plus.
    let only_digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse::<u32>()
        .ok()
        .filter(|number| only_digits && range.contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or(problem)
}
