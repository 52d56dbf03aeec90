//! Inbound webhooks: an incoming message becomes a [`Message`] with clean text, a receipt a
//! [`DeliveryReceipt`].
//!
//! This module only parses and cleans, and does no I/O. Not here: the signature
//! (`twilio::signature`), and the handling of a message (`messaging::thread`). Field names and
//! forms: Twilio, "Twilio's request to your incoming message webhook URL".

mod receipt;
mod text;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use self::text::interactive_text;
use crate::{
    event::FieldProblem,
    identity::{AccountSid, Address, MessageSid, ServiceSid},
    messaging::keywords::Keyword,
    twilio::{
        fields::{FieldError, optional, reject_repeated, required},
        form::Form,
        media::{Attached, MediaUrl},
    },
};

pub use receipt::DeliveryReceipt;
pub use text::clean;

/// A well-formed inbound message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Twilio's id of the message. A retry has the same id.
    pub sid: MessageSid,
    /// The contact.
    pub from: Address,
    /// The number that the contact wrote to.
    pub to: Address,
    /// The account that owns the number. An answer by REST needs it.
    pub account: Option<AccountSid>,
    /// The Messaging Service of the number, if any. Answers by REST use it.
    pub service: Option<ServiceSid>,
    /// The content.
    pub input: Input,
    /// The images that belong to an [`Input::Text`].
    pub images: Vec<MediaUrl>,
    /// The voice notes that belong to an [`Input::Text`].
    pub voice_notes: Vec<MediaUrl>,
}

/// The content of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// A clean text for the assistant. It is empty only if there are images or voice notes.
    Text(String),
    /// A keyword that is the whole message.
    Keyword {
        /// Its meaning.
        keyword: Keyword,
        /// Whether Twilio's Advanced Opt-Out recognised it and has already answered it.
        by_twilio: bool,
    },
    /// A text longer than `MAX_MESSAGE_CHARS`.
    TooLong,
    /// The text is empty after cleaning.
    Empty,
    /// The message has media that cannot be read.
    Media,
}

impl Message {
    /// Reads a webhook's fields. `max_chars` is `MAX_MESSAGE_CHARS`, counted in Unicode scalar
    /// values after cleaning.
    ///
    /// # Errors
    /// A field that is repeated, or the first that is missing or malformed.
    pub fn from_form(form: &Form, max_chars: usize) -> Result<Self, FieldError> {
        reject_repeated(form)?;
        let media = Attached::read(form);
        let input = input(form, &media, max_chars);
        let (images, voice_notes) = match (&input, media) {
            (
                Input::Text(_),
                Attached::Files {
                    images,
                    voice_notes,
                },
            ) => (images, voice_notes),
            _ => (Vec::new(), Vec::new()),
        };
        let message = Self {
            sid: required(form, "MessageSid")?,
            from: required(form, "From")?,
            to: required(form, "To")?,
            account: optional(form, "AccountSid")?,
            service: optional(form, "MessagingServiceSid")?,
            input,
            images,
            voice_notes,
        };
        if !message.from.is_answerable() {
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
    // With Advanced Opt-Out an account can choose its own words for these (Twilio, "Advanced
    // Opt-Out").
    let by_twilio = match form.get("OptOutType") {
        Some("STOP") => Some(Keyword::OptOut),
        Some("START") => Some(Keyword::OptIn),
        Some("HELP") => Some(Keyword::Help),
        _ => None,
    };
    if let Some(keyword) = by_twilio.or_else(|| Keyword::of(&text)) {
        Input::Keyword {
            keyword,
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
