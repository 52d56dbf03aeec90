//! An inbound message, from the fields of Twilio's webhook to a clean text.
//!
//! Parsing and cleaning only; everything here is pure. Not here: the signature (`twilio::signature`), and what becomes of
//! the message (`sender`). Field names and forms: Twilio, "Twilio's request to your incoming message webhook URL".

use serde::{Deserialize, Serialize};

use crate::{
    event::{DeliveryStatus, FieldProblem},
    identity::{AccountSid, Address, MessageSid, ServiceSid},
    messaging::keywords::Keyword,
    twilio::{
        fields::{FieldError, optional, reject_repeated, required},
        form::Form,
        media::{Attached, ImageUrl},
    },
};

/// One inbound message that is well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Twilio's id of the message; a retry carries the same.
    pub sid: MessageSid,
    /// Who wrote it.
    pub from: Address,
    /// The number that was written to.
    pub to: Address,
    /// The account that owns the number; needed to answer by REST.
    pub account: Option<AccountSid>,
    /// The Messaging Service that the number belongs to, if any; a later answer goes out through it.
    pub service: Option<ServiceSid>,
    /// What was said.
    pub input: Input,
    /// The pictures that belong to an [`Input::Text`].
    pub images: Vec<ImageUrl>,
}

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A text for the assistant, cleaned; empty only where there are pictures.
    Text(String),
    /// A command, as the whole message.
    Keyword {
        /// What it asks for.
        keyword: Keyword,
        /// Whether Twilio's Advanced Opt-Out took it for one too, and has answered it itself.
        by_twilio: bool,
    },
    /// A text longer than `MAX_MESSAGE_CHARS`.
    TooLong,
    /// Nothing is left after cleaning.
    Empty,
    /// Media that cannot be read are among what was sent.
    Media,
}

impl Message {
    /// Reads a webhook's fields. `max_chars` is `MAX_MESSAGE_CHARS`, counted in Unicode scalar values after cleaning.
    ///
    /// # Errors
    /// A field that is repeated, or the first that is missing or malformed.
    pub fn from_form(form: &Form, max_chars: usize) -> Result<Self, FieldError> {
        reject_repeated(form)?;
        let media = Attached::read(form);
        let input = input(form, &media, max_chars);
        let images = match (&input, media) {
            (Input::Text(_), Attached::Pictures(images)) => images,
            _ => Vec::new(),
        };
        let message = Self {
            sid: required(form, "MessageSid")?,
            from: required(form, "From")?,
            to: required(form, "To")?,
            account: optional(form, "AccountSid")?,
            service: optional(form, "MessagingServiceSid")?,
            input,
            images,
        };
        // Only what is written to may be a short code: nobody texts from one.
        if message.from.is_short_code() {
            return Err(FieldError {
                field: "From",
                problem: FieldProblem::Malformed,
            });
        }
        Ok(message)
    }
}

fn input(form: &Form, media: &Attached, max_chars: usize) -> Input {
    let body = clean(form.get("Body").unwrap_or_default());
    let text = if body.is_empty() && *media == Attached::Nothing {
        interactive_text(form).unwrap_or_default()
    } else {
        body
    };
    // With Advanced Opt-Out an account has words of its own for these (Twilio, "Advanced Opt-Out").
    let by_twilio = match form.get("OptOutType") {
        Some("STOP") => Some(Keyword::OptOut),
        Some("START") => Some(Keyword::OptIn),
        Some("HELP") => Some(Keyword::Help),
        _ => None,
    };
    if let Some(command) = by_twilio.or_else(|| Keyword::of(&text)) {
        Input::Keyword {
            keyword: command,
            by_twilio: by_twilio.is_some(),
        }
    } else if text.chars().count() > max_chars {
        Input::TooLong
    } else if *media == Attached::Other {
        Input::Media
    } else if text.is_empty() && *media == Attached::Nothing {
        Input::Empty
    } else {
        Input::Text(text)
    }
}

/// What a message without a body says: the button that was pressed, the entry of a list that was chosen, or a place. Source:
/// Twilio, "Twilio's request to your incoming message webhook URL", rich messaging parameters.
fn interactive_text(form: &Form) -> Option<String> {
    let said = |field: &str| form.get(field).map(clean).filter(|text| !text.is_empty());
    ["ButtonText", "ButtonPayload", "ListTitle", "ListId"]
        .into_iter()
        .find_map(said)
        .or_else(|| place(form))
}

/// A place that was sent, as one line: `My location: 52.52, 13.405 (Label, Address)`.
fn place(form: &Form) -> Option<String> {
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

/// Whether `text` is a decimal number of degrees from -`most` to `most`. (The library's own reading of floating-point numbers
/// would take more room in the bundle than all of this module.)
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

/// Removes what could confuse a reader or a model: CRLF and CR become LF; control characters (C0 but newline and tab, DEL,
/// C1) and Unicode's bidirectional controls go; outer white space is trimmed.
#[must_use]
pub fn clean(text: &str) -> String {
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept: String = unified.chars().filter(|c| !is_unwanted(*c)).collect();
    kept.trim().to_owned()
}

fn is_unwanted(c: char) -> bool {
    // U+061C and U+200E/F are marks, U+202A..E embeddings and overrides, U+2066..9 isolates (Unicode UAX #9).
    let bidirectional = matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    bidirectional || (c.is_control() && c != '\n' && c != '\t')
}

/// What Twilio reports of a message that was sent, in a status callback. Source: Twilio, "Track outbound message status".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusUpdate {
    /// The message.
    pub sid: MessageSid,
    /// The contact that it was sent to.
    pub contact: Address,
    /// The number that it was sent from.
    pub number: Address,
    /// What became of it; none for a step on the way, such as `queued` or `sent`.
    pub status: Option<DeliveryStatus>,
    /// Twilio's error code, if it did not arrive.
    pub code: Option<u32>,
}

impl StatusUpdate {
    /// Reads a status callback's fields.
    ///
    /// # Errors
    /// A field that is repeated, or the first that is missing or malformed.
    pub fn from_form(form: &Form) -> Result<Self, FieldError> {
        reject_repeated(form)?;
        let status: Option<String> = optional(form, "MessageStatus")?;
        Ok(Self {
            sid: required(form, "MessageSid")?,
            contact: required(form, "To")?,
            number: required(form, "From")?,
            status: match status.as_deref() {
                None => {
                    return Err(FieldError {
                        field: "MessageStatus",
                        problem: FieldProblem::Missing,
                    });
                }
                Some("delivered") => Some(DeliveryStatus::Delivered),
                Some("undelivered") => Some(DeliveryStatus::Undelivered),
                Some("failed") => Some(DeliveryStatus::Failed),
                Some(_) => None,
            },
            code: optional(form, "ErrorCode")?,
        })
    }
}

#[cfg(test)]
mod tests;
