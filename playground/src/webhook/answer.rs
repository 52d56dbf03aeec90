//! The answer to a webhook as Twilio takes it in: its length, its content type and its text, and the errors that Twilio's debugger
//! would show.
//!
//! Not here: what the text means (`twiml`, and for calls `voice::twiml`).

use crate::base::content_type;

/// An error that the debugger of Twilio would show.
#[derive(Debug, PartialEq, Eq)]
pub struct TwilioError {
    /// The code of Twilio.
    pub code: u32,
    /// A sentence that says what is wrong.
    pub reason: String,
}

/// An error with this code of Twilio.
pub fn twilio_error(code: u32, reason: &str) -> TwilioError {
    TwilioError {
        code,
        reason: reason.to_owned(),
    }
}

/// The text of an answer, by its content type.
#[derive(Debug, PartialEq, Eq)]
pub enum AnswerText<'a> {
    /// An XML document.
    Xml(&'a str),
    /// Words for the contact.
    Plain(&'a str),
}

/// Reads the text of an answer.
///
/// # Errors
/// The error because of which Twilio would not look at it.
pub fn text_of<'a>(
    content_type: Option<&str>,
    body: &'a [u8],
) -> Result<AnswerText<'a>, TwilioError> {
    let Some(content_type) = content_type else {
        return Err(twilio_error(12300, "the answer has no content type"));
    };
    if body.len() > MAX_ANSWER_BYTES {
        return Err(twilio_error(11750, "the answer is larger than 64 kB"));
    }
    let text =
        std::str::from_utf8(body).map_err(|_| twilio_error(12100, "the answer is not UTF-8"))?;
    match content_type::essence(content_type).as_str() {
        "text/xml" | "application/xml" => Ok(AnswerText::Xml(text)),
        "text/plain" => Ok(AnswerText::Plain(text)),
        _ => Err(not_twiml(content_type)),
    }
}

/// The answer has another content type than TwiML.
pub fn not_twiml(content_type: &str) -> TwilioError {
    let reason = format!("{content_type:?} is not a content type for TwiML");
    twilio_error(12300, &reason)
}

/// The longest answer that Twilio reads.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
