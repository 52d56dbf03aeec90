//! Inbound webhooks: an incoming message becomes a [`Message`] with clean text, a receipt a
//! [`DeliveryReceipt`].
//!
//! This module only parses and cleans, and does no I/O. Not here: the signature
//! (`twilio::signature`), and the handling of a message (`messaging::thread`). Field names and
//! forms: Twilio, "Twilio's request to your incoming message webhook URL".

mod contact;
mod flow;
mod receipt;
mod rich;
mod tapback;
mod text;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use self::rich::Words;
use crate::{
    event::{FieldProblem, IgnoreReason},
    identity::{AccountSid, Address, MessageSid, ServiceSid},
    messaging::keywords::{Keyword, is_confirmed_by_twilio},
    twilio::{
        fields::{
            FieldError, is_group_message, is_of_type, message_sid, optional, reject_repeated,
            required,
        },
        form::Form,
        media::{Attached, MediaUrl},
    },
};

pub use contact::ContactAddresses;
pub use receipt::DeliveryReceipt;
pub use tapback::Tapback;
pub use text::clean;

/// A well-formed webhook of an inbound message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// A message for its thread.
    Message(Box<Message>),
    /// A message that no thread reads. It gets an empty answer.
    Ignored {
        /// Who wrote it.
        from: Address,
        /// Why it is not read.
        reason: IgnoreReason,
    },
}

/// A message that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Twilio's id of the message. A retry has the same id.
    pub sid: MessageSid,
    /// The address that the contact wrote from. Answers go to it as it came.
    pub from: Address,
    /// All addresses by which the webhook names the contact.
    pub contact: ContactAddresses,
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
    /// What only a person can read.
    pub unread: Unread,
    /// The message that this one quotes, on WhatsApp. An id that is not one of Twilio's is none.
    pub quoted: Option<MessageSid>,
}

/// What the assistant does not read of a message: a text that is too long, or one with a file that it
/// cannot read, and how many files there are. It is passed on to a person, if one answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The text.
    pub text: String,
    /// The number of files.
    pub files: usize,
}

impl Unread {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
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
        /// Whether Twilio has recognised it and has answered it.
        by_twilio: bool,
    },
    /// A text longer than `MAX_MESSAGE_CHARS`.
    TooLong,
    /// The text is empty after cleaning.
    Empty,
    /// The message has media that cannot be read.
    Media,
    /// The message is a reaction to another one, and says so.
    Reaction,
}

impl Inbound {
    /// Reads a webhook's fields. `max_chars` is `MAX_MESSAGE_CHARS`, counted in Unicode scalar
    /// values after cleaning.
    ///
    /// # Errors
    /// A field that is repeated, or the first that is missing or malformed.
    pub fn from_form(form: &Form, max_chars: usize) -> Result<Self, FieldError> {
        reject_repeated(form)?;
        let message = Message::read(form, max_chars)?;
        let ignored = if !message.from.is_answerable() {
            Some(IgnoreReason::NotAnswerable)
        } else if is_group_message(form) {
            Some(IgnoreReason::GroupMessage)
        } else {
            None
        };
        Ok(match ignored {
            Some(reason) => Self::Ignored {
                from: message.from,
                reason,
            },
            None => Self::Message(Box::new(message)),
        })
    }
}

impl Message {
    fn read(form: &Form, max_chars: usize) -> Result<Self, FieldError> {
        let media = Attached::read(form);
        let words = rich::words(form, media != Attached::Nothing);
        let input = input(form, &words, &media, max_chars);
        let unread = match input {
            Input::TooLong | Input::Media | Input::Reaction => Unread {
                text: words.text,
                files: media.count(form),
            },
            _ => Unread::default(),
        };
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
        let sid = message_sid(form)?;
        let malformed = |field| FieldError {
            field,
            problem: FieldProblem::Malformed,
        };
        let from: Address = required(form, "From")?;
        // The short codes that write are shorter.
        if from.may_lack_plus() {
            return Err(malformed("From"));
        }
        let to: Address = required(form, "To")?;
        if !to.can_be_written_to() {
            return Err(malformed("To"));
        }
        Ok(Self {
            sid,
            contact: ContactAddresses::read(form, &from),
            from,
            to,
            account: optional(form, "AccountSid")?,
            service: optional(form, "MessagingServiceSid")?,
            input,
            images,
            voice_notes,
            unread,
            quoted: form
                .get("OriginalRepliedMessageSid")
                .and_then(|sid| sid.parse().ok()),
        })
    }
}

fn input(form: &Form, words: &Words, media: &Attached, max_chars: usize) -> Input {
    let Words { said, text } = words;
    // With Advanced Opt-Out an account can choose its own words for these (Twilio, "Advanced
    // Opt-Out").
    let by_twilio = match form.get("OptOutType") {
        Some("STOP") => Some(Keyword::OptOut),
        Some("START") => Some(Keyword::OptIn),
        Some("HELP") => Some(Keyword::Help),
        _ => None,
    };
    if let Some(keyword) = by_twilio.or_else(|| Keyword::of(said)) {
        let about_consent = matches!(keyword, Keyword::OptOut | Keyword::Cancel | Keyword::OptIn);
        let number = form.get("To").and_then(|to| to.parse().ok());
        let body = form.get("Body").unwrap_or_default();
        let confirmed = number.is_some_and(|number| is_confirmed_by_twilio(body, &number));
        Input::Keyword {
            keyword,
            by_twilio: by_twilio.is_some() || (about_consent && confirmed),
        }
    } else if is_of_type(form, "reaction") {
        // Twilio's WhatsApp channel passes none on so far.
        Input::Reaction
    } else if text.chars().count() > max_chars {
        Input::TooLong
    } else if *media == Attached::Other {
        Input::Media
    } else if text.is_empty() && *media == Attached::Nothing {
        Input::Empty
    } else {
        Input::Text(text.clone())
    }
}
