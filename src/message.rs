//! An inbound message, from the fields of Twilio's webhook to a clean text.
//!
//! Parsing and cleaning only; everything here is pure. Not here: the signature (`twilio::signature`), and what becomes of
//! the message (`sender`). Field names and forms: Twilio, "Twilio's request to your incoming message webhook URL".

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{command::Command, twilio::form::Form};

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
}

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A text for the assistant, cleaned.
    Text(String),
    /// A command, as the whole message.
    Command {
        /// What it asks for.
        command: Command,
        /// Whether Twilio's Advanced Opt-Out took it for one too, and has answered it itself.
        by_twilio: bool,
    },
    /// A text longer than `MAX_MESSAGE_CHARS`.
    TooLong,
    /// Nothing is left after cleaning.
    Empty,
    /// Media without a text.
    Media,
}

/// A field of a webhook that is missing or malformed. It names the field and tells nothing of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {problem}")]
pub struct FieldError {
    /// The field's name.
    pub field: &'static str,
    /// `missing` or `malformed`.
    pub problem: &'static str,
}

impl Message {
    /// Reads a webhook's fields. `max_chars` is `MAX_MESSAGE_CHARS`, counted in Unicode scalar values after cleaning.
    ///
    /// # Errors
    /// The first field that is missing or malformed.
    pub fn from_form(form: &Form, max_chars: usize) -> Result<Self, FieldError> {
        let message = Self {
            sid: required(form, "MessageSid")?,
            from: required(form, "From")?,
            to: required(form, "To")?,
            account: optional(form, "AccountSid")?,
            service: optional(form, "MessagingServiceSid")?,
            input: input(form, max_chars),
        };
        // Only what is written to may be a short code: nobody texts from one.
        if message.from.is_short_code() {
            return Err(FieldError { field: "From", problem: "malformed" });
        }
        Ok(message)
    }
}

fn required<T: FromStr>(form: &Form, field: &'static str) -> Result<T, FieldError> {
    optional(form, field)?.ok_or(FieldError { field, problem: "missing" })
}

fn optional<T: FromStr>(form: &Form, field: &'static str) -> Result<Option<T>, FieldError> {
    match form.get(field) {
        None | Some("") => Ok(None),
        Some(value) => value.parse().map(Some).map_err(|_| FieldError { field, problem: "malformed" }),
    }
}

fn input(form: &Form, max_chars: usize) -> Input {
    let text = clean(form.get("Body").unwrap_or_default());
    // With Advanced Opt-Out an account has words of its own for these (Twilio, "Advanced Opt-Out").
    let by_twilio = match form.get("OptOutType") {
        Some("STOP") => Some(Command::OptOut),
        Some("START") => Some(Command::OptIn),
        Some("HELP") => Some(Command::Help),
        _ => None,
    };
    if let Some(command) = by_twilio.or_else(|| Command::of(&text)) {
        Input::Command { command, by_twilio: by_twilio.is_some() }
    } else if text.is_empty() {
        let has_media = form.get("NumMedia").is_some_and(|number| !number.trim_start_matches('0').is_empty());
        if has_media { Input::Media } else { Input::Empty }
    } else if text.chars().count() > max_chars {
        Input::TooLong
    } else {
        Input::Text(text)
    }
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
    /// The person that it was sent to.
    pub person: Address,
    /// The number that it was sent from.
    pub number: Address,
    /// What became of it; none for a step on the way, such as `queued` or `sent`.
    pub status: Option<DeliveryStatus>,
    /// Twilio's error code, if it did not arrive.
    pub code: Option<u32>,
}

/// What became of a message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It reached the phone.
    Delivered,
    /// It was sent, and did not reach the phone.
    Undelivered,
    /// It could not be sent.
    Failed,
}

impl StatusUpdate {
    /// Reads a status callback's fields.
    ///
    /// # Errors
    /// The first field that is missing or malformed.
    pub fn from_form(form: &Form) -> Result<Self, FieldError> {
        let status: Option<String> = optional(form, "MessageStatus")?;
        Ok(Self {
            sid: required(form, "MessageSid")?,
            person: required(form, "To")?,
            number: required(form, "From")?,
            status: match status.as_deref() {
                None => return Err(FieldError { field: "MessageStatus", problem: "missing" }),
                Some("delivered") => Some(DeliveryStatus::Delivered),
                Some("undelivered") => Some(DeliveryStatus::Undelivered),
                Some("failed") => Some(DeliveryStatus::Failed),
                Some(_) => None,
            },
            code: optional(form, "ErrorCode")?,
        })
    }
}

/// A phone number on a channel: `+15550100`, `whatsapp:+15550100`, or a short code such as `55501`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

const WHATSAPP: &str = "whatsapp:";

impl Address {
    /// The address as Twilio writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number without the channel.
    #[must_use]
    pub fn number(&self) -> &str {
        self.0.strip_prefix(WHATSAPP).unwrap_or(&self.0)
    }

    /// Whether it is on WhatsApp.
    #[must_use]
    pub fn is_whatsapp(&self) -> bool {
        self.0.starts_with(WHATSAPP)
    }

    /// Whether it is a short code.
    #[must_use]
    pub fn is_short_code(&self) -> bool {
        !self.number().starts_with('+')
    }
}

/// E.164 with an optional channel, or a short code of 3 to 8 digits.
impl FromStr for Address {
    type Err = FieldError;
    fn from_str(text: &str) -> Result<Self, FieldError> {
        let all_digits = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
        let e164 = |number: &str| {
            number
                .strip_prefix('+')
                .is_some_and(|digits| (7..=15).contains(&digits.len()) && all_digits(digits) && !digits.starts_with('0'))
        };
        let valid = match text.strip_prefix(WHATSAPP) {
            Some(number) => e164(number),
            None => e164(text) || ((3..=8).contains(&text.len()) && all_digits(text)),
        };
        if valid { Ok(Self(text.to_owned())) } else { Err(FieldError { field: "address", problem: "malformed" }) }
    }
}

impl TryFrom<String> for Address {
    type Error = FieldError;
    fn try_from(text: String) -> Result<Self, FieldError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

/// Personal data: the debug form does not show it.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(..)")
    }
}

/// Defines an id of Twilio's: a prefix of two letters and 32 hex digits.
macro_rules! sid {
    ($(#[$doc:meta])* $name:ident, $($prefix:literal)|+) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = FieldError;
            fn from_str(text: &str) -> Result<Self, FieldError> {
                let digits = None$(.or_else(|| text.strip_prefix($prefix)))+;
                match digits {
                    Some(hex) if hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()) => Ok(Self(text.to_owned())),
                    _ => Err(FieldError { field: stringify!($name), problem: "malformed" }),
                }
            }
        }
    };
}

sid!(
    /// Twilio's id of a message.
    MessageSid, "SM" | "MM"
);
sid!(
    /// Twilio's id of an account or subaccount.
    AccountSid, "AC"
);
sid!(
    /// Twilio's id of a Messaging Service.
    ServiceSid, "MG"
);

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "SM0123456789abcdef0123456789abcdef";

    fn parse(fields: &[(&str, &str)]) -> Result<Message, FieldError> {
        let mut all = vec![("MessageSid", SID), ("From", "+15550100"), ("To", "+15550199")];
        all.retain(|(name, _)| !fields.iter().any(|(other, _)| other == name));
        all.extend(fields);
        Message::from_form(&Form::from_pairs(&all), 12)
    }

    fn input_of(body: &str) -> Input {
        parse(&[("Body", body)]).unwrap().input
    }

    #[test]
    fn a_plain_message_is_read() {
        let message = parse(&[("Body", " Hello "), ("AccountSid", "AC0123456789abcdef0123456789abcdef")]).unwrap();
        assert_eq!(message.from.as_str(), "+15550100");
        assert_eq!(message.input, Input::Text("Hello".into()));
        assert!(message.account.is_some());
    }

    #[test]
    fn addresses_that_are_not_e164_are_refused() {
        let good = ["+1555010", "+155501001234567", "whatsapp:+15550100", "55501"];
        for text in good {
            assert!(text.parse::<Address>().is_ok(), "{text}");
        }
        let bad = [
            "",
            "+",
            "15550100555",
            "+155501",
            "+1555010012345678",
            "+05550100",
            "whatsapp:",
            "whatsapp:55501",
            "+1555a0100",
            "+1555 0100",
            " +15550100",
            "+15550100\n",
            "sms:+15550100",
            "++15550100",
            "12",
            "123456789",
            "+１５５５０１００",
            "WhatsApp:+15550100",
        ];
        for text in bad {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_short_code_can_be_written_to_but_does_not_write() {
        assert!(parse(&[("To", "55501")]).is_ok());
        assert_eq!(parse(&[("From", "55501")]), Err(FieldError { field: "From", problem: "malformed" }));
    }

    #[test]
    fn a_missing_or_malformed_field_is_named_without_its_value() {
        for field in ["MessageSid", "From", "To"] {
            assert_eq!(parse(&[(field, "")]), Err(FieldError { field, problem: "missing" }));
            let error = parse(&[(field, "secret-value")]).unwrap_err();
            assert_eq!(error, FieldError { field, problem: "malformed" });
            assert!(!error.to_string().contains("secret-value"));
        }
        for sid in ["SM0123456789abcdef0123456789abcde", "XX0123456789abcdef0123456789abcdef", "SM0123456789abcdef0123456789abcdeg"] {
            assert!(parse(&[("MessageSid", sid)]).is_err(), "{sid}");
        }
        assert!(parse(&[("AccountSid", "AC1")]).is_err());
    }

    #[test]
    fn control_characters_and_bidirectional_overrides_are_removed() {
        assert_eq!(clean("a\u{0}b\u{7}c\u{7f}d\u{85}e"), "abcde");
        assert_eq!(clean("x\u{202e}evil\u{202c}\u{2066}y\u{2069}\u{200f}"), "xevily");
        assert_eq!(clean("\r\n one\r\ntwo\rthree\tfour\n\n"), "one\ntwo\nthree\tfour");
        assert_eq!(clean("👩‍👩‍👧 é ü"), "👩‍👩‍👧 é ü", "joiners and combining marks stay");
    }

    #[test]
    fn the_limit_counts_characters_after_cleaning() {
        assert_eq!(input_of("  0123456789ab  "), Input::Text("0123456789ab".into()));
        assert_eq!(input_of("éééééééééééé"), Input::Text("éééééééééééé".into()));
        assert_eq!(input_of("0123456789abc"), Input::TooLong);
    }

    #[test]
    fn an_empty_text_is_told_from_media() {
        assert_eq!(input_of(" \u{0}\n"), Input::Empty);
        assert_eq!(parse(&[]).unwrap().input, Input::Empty);
        assert_eq!(parse(&[("NumMedia", "0")]).unwrap().input, Input::Empty);
        assert_eq!(parse(&[("NumMedia", "1")]).unwrap().input, Input::Media);
        assert_eq!(parse(&[("NumMedia", "1"), ("Body", "look")]).unwrap().input, Input::Text("look".into()));
    }

    #[test]
    fn a_command_is_known_by_its_words_and_by_what_twilio_took_it_for() {
        let command = |command, by_twilio| Input::Command { command, by_twilio };
        assert_eq!(input_of(" Reset! "), command(Command::Reset, false));
        assert_eq!(input_of("stop"), command(Command::OptOut, false));
        assert_eq!(input_of("delete my data!"), command(Command::Erase, false), "though it is longer than a message may be");
        assert_eq!(input_of("please stop"), Input::Text("please stop".into()));
        assert_eq!(input_of("YES"), Input::Text("YES".into()), "what it means depends on whether the sender is opted out");
        let typed = |kind: &str| parse(&[("Body", "ARRET"), ("OptOutType", kind)]).unwrap().input;
        assert_eq!(typed("STOP"), command(Command::OptOut, true));
        assert_eq!(typed("START"), command(Command::OptIn, true));
        assert_eq!(typed("HELP"), command(Command::Help, true));
        assert_eq!(typed("OTHER"), Input::Text("ARRET".into()));
        assert_eq!(parse(&[("Body", "STOP"), ("NumMedia", "1")]).unwrap().input, command(Command::OptOut, false));
    }

    #[test]
    fn the_debug_form_of_an_address_shows_no_number() {
        assert!(!format!("{:?}", parse(&[]).unwrap()).contains("555"));
    }
}
