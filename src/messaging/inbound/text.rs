//! The text of a message: cleaning it, and finding it in buttons, lists and locations.
//!
//! Not here: keywords and limits (`inbound`).

use crate::twilio::form::Form;

/// The text of a message without a body: a pressed button, a chosen list entry, or a location.
/// Source: Twilio, "Twilio's request to your incoming message webhook URL", rich messaging
/// parameters.
pub(super) fn interactive_text(form: &Form) -> Option<String> {
    let text_of = |field: &str| form.get(field).map(clean).filter(|text| !text.is_empty());
    ["ButtonText", "ButtonPayload", "ListTitle", "ListId"]
        .into_iter()
        .find_map(text_of)
        .or_else(|| location(form))
}

/// A shared location as one line: `My location: 52.52, 13.405 (Label, Address)`.
fn location(form: &Form) -> Option<String> {
    let degrees = |field: &str, most: u32| {
        form.get(field)
            .map(str::trim)
            .filter(|text| is_degrees(text, most))
    };
    let (latitude, longitude) = (degrees("Latitude", 90)?, degrees("Longitude", 180)?);
    let in_one_line = |field: &str| {
        form.get(field)
            .map(|text| clean(text).split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let names: Vec<String> = ["Label", "Address"]
        .into_iter()
        .filter_map(in_one_line)
        .filter(|name| !name.is_empty())
        .collect();
    let names = if names.is_empty() {
        String::new()
    } else {
        format!(" ({})", names.join(", "))
    };
    Some(format!("My location: {latitude}, {longitude}{names}"))
}

/// Whether `text` is a decimal number of degrees from -`most` to `most`. (The standard library's
/// parser for floating-point numbers would add more to the bundle than this whole module.)
fn is_degrees(text: &str, most: u32) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |digits: &str| {
        (1..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    };
    let in_range =
        |whole: u32| whole < most || (whole == most && fraction.bytes().all(|b| b == b'0'));
    digits(whole) && digits(fraction) && whole.parse().is_ok_and(in_range)
}

/// Cleans a text, so that it cannot confuse a reader or a model.
///
/// CRLF and CR become LF. Control characters (C0 except newline and tab, DEL, C1) and Unicode's
/// bidirectional controls are removed. Outer white space is trimmed.
#[must_use]
pub fn clean(text: &str) -> String {
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept: String = unified.chars().filter(|c| !is_unwanted(*c)).collect();
    kept.trim().to_owned()
}

fn is_unwanted(c: char) -> bool {
    // U+061C and U+200E/F are marks, U+202A..E embeddings and overrides, U+2066..9 isolates
    // (Unicode UAX #9).
    let bidirectional = matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    bidirectional || (c.is_control() && c != '\n' && c != '\t')
}

#[cfg(test)]
mod tests;
