//! What a message says: its body, or what a button, a list, a form or a place says instead.
//!
//! Sources: Twilio, "Twilio's request to your incoming message webhook URL" (rich messaging, WhatsApp and
//! referral parameters). In requests that were seen, a pressed button repeats its text in `Body`. Not
//! here: keywords and limits (`inbound`), and the fields of a form (`flow`).

use super::{
    flow,
    text::{clean, in_one_line},
};
use crate::twilio::{fields::is_of_type, form::Form};

/// The words of a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// What the person wrote or chose. A keyword is the whole of it.
    pub said: String,
    /// All that the assistant reads.
    pub text: String,
}

/// The most characters of an advertisement that go to the model.
const MAX_AD_CHARS: usize = 300;

/// Reads the words of a message. With media a choice or a place is not read: `has_media`.
pub(super) fn words(form: &Form, has_media: bool) -> Words {
    let body = clean(form.get("Body").unwrap_or_default());
    let choice = Choice::read(form);
    let mut lines = Vec::new();
    let said = match choice {
        Some(choice) if !has_media && (body.is_empty() || is_same(&body, &choice.text)) => {
            lines.push(choice.with_details());
            choice.text
        }
        _ => {
            lines.push(body.clone());
            body
        }
    };
    if !has_media && (said.is_empty() || is_of_type(form, "location")) {
        lines.extend(location(form));
    }
    // Buttons and lists can come as JSON, too: only what was not said yet is added.
    for field in ["InteractiveData", "FlowData"] {
        for line in flow::lines(form.get(field).unwrap_or_default()) {
            let value = line
                .split_once(": ")
                .map_or(line.as_str(), |(_, value)| value);
            let is_new = !lines.contains(&line) && (said.is_empty() || !is_same(&said, value));
            lines.extend(is_new.then_some(line));
        }
    }
    lines.retain(|line| !line.is_empty());
    if !lines.is_empty()
        && let Some(ad) = advertisement(form)
    {
        lines.insert(0, ad);
    }
    let text = lines.join("\n");
    Words { said, text }
}

/// A pressed button, or a chosen entry of a list.
struct Choice {
    text: String,
    details: Vec<String>,
}

impl Choice {
    fn read(form: &Form) -> Option<Self> {
        let of = |names: &[&str]| {
            let values = names.iter().filter_map(|name| form.get(name)).map(clean);
            let mut values = values.filter(|text| !text.is_empty());
            let text = values.next()?;
            let details = values.filter(|detail| says_more(detail, &text));
            let details = details.map(|detail| in_one_line(&detail)).collect();
            Some(Self { text, details })
        };
        of(&["ButtonText", "ButtonPayload"])
            .or_else(|| of(&["ListTitle", "ListId", "ListDescription"]))
    }

    /// The choice as one text: `Yes, please (yes-1)`.
    fn with_details(&self) -> String {
        if self.details.is_empty() {
            self.text.clone()
        } else {
            format!("{} ({})", self.text, self.details.join(", "))
        }
    }
}

/// A shared location as one line: `My location: 52.52, 13.405 (Label, Address)`.
fn location(form: &Form) -> Option<String> {
    let degrees = |field: &str, most: u32| {
        form.get(field)
            .map(str::trim)
            .filter(|text| is_degrees(text, most))
    };
    let (latitude, longitude) = (degrees("Latitude", 90)?, degrees("Longitude", 180)?);
    let names: Vec<String> = ["Label", "Address"]
        .into_iter()
        .filter_map(|field| form.get(field).map(in_one_line))
        .filter(|name| !name.is_empty())
        .collect();
    let names = if names.is_empty() {
        String::new()
    } else {
        format!(" ({})", names.join(", "))
    };
    Some(format!("My location: {latitude}, {longitude}{names}"))
}

/// The advertisement through which a person came to WhatsApp: it says what "this" is in a first message
/// such as "Is this still available?".
fn advertisement(form: &Form) -> Option<String> {
    let parts = ["ReferralHeadline", "ReferralBody"];
    let parts = parts.into_iter().filter_map(|field| form.get(field));
    let parts: Vec<_> = parts
        .map(in_one_line)
        .filter(|text| !text.is_empty())
        .collect();
    let text: String = parts.join(" | ").chars().take(MAX_AD_CHARS).collect();
    (!text.is_empty()).then(|| format!("[from the ad: {text}]"))
}

/// Whether `detail` says something that `text` does not: a word, or a number of three digits or more. Many
/// ids only repeat the text and count, such as `book-1` for "Yes, book it".
fn says_more(detail: &str, text: &str) -> bool {
    let text = folded(text);
    let lower = detail.to_lowercase();
    let mut parts = lower
        .split(|c: char| !c.is_alphanumeric())
        .flat_map(|part| {
            let numbers = part.split(|c: char| !c.is_numeric());
            let words = part.split(char::is_numeric);
            let numbers = numbers.filter(|number| number.chars().count() >= 3);
            numbers.chain(words.filter(|word| !word.is_empty()))
        });
    parts.any(|part| !text.contains(part))
}

fn is_same(one: &str, other: &str) -> bool {
    one == other || (!folded(one).is_empty() && folded(one) == folded(other))
}

/// Letters and digits alone, without case.
fn folded(text: &str) -> String {
    let letters = text.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
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

#[cfg(test)]
mod tests;
