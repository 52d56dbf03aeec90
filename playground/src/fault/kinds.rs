//! The kinds of faults, in the words of the JSON and of directives.

use serde::{Deserialize, Serialize};

/// The mock services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Chat Completions under `/v1`.
    Openai,
    /// The REST API under `/2010-04-01`, `/v1/Services`, `/v2` and `/v3`.
    Twilio,
}

impl Service {
    /// The name used in JSON, in directives and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Twilio => "twilio",
        }
    }
}

/// What is wrong with the body of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyFault {
    /// Bytes that are neither JSON nor UTF-8, labelled as JSON.
    Garbage,
    /// Fewer bytes than `Content-Length` says, then the connection is closed.
    Truncated,
    /// An HTML page, such as a proxy sends.
    NotJson,
    /// No bytes at all.
    Empty,
    /// JSON with other fields.
    WrongShape,
    /// Twilio: a file that is longer than 5 MB, without `Content-Length`.
    Oversize,
    /// Twilio: the sentence of a trial account comes before the text of the message.
    Trial,
    /// Twilio: the text of the message is hidden afterwards.
    Redacted,
    /// Twilio: characters of the message outside of GSM-7 are replaced.
    SmartEncoded,
    /// Twilio: the list shows the message only ten seconds later.
    ListedLate,
    /// OpenAI: an empty list of choices.
    NoChoices,
    /// OpenAI: an empty text.
    EmptyAnswer,
    /// OpenAI: only white space.
    BlankAnswer,
    /// OpenAI: content and refusal are null.
    NullAnswer,
    /// OpenAI: a refusal instead of content.
    Refusal,
    /// OpenAI: half of the text, cut off by the token limit.
    Length,
    /// OpenAI: no text, because reasoning has used up the token limit.
    LengthEmpty,
    /// OpenAI: withheld by the content filter.
    ContentFilter,
    /// OpenAI: 20 000 characters, even above the token limit.
    Overlong,
}

impl BodyFault {
    /// Whether only an answer of OpenAI can have this fault.
    pub fn is_openai_only(self) -> bool {
        !matches!(
            self,
            Self::Garbage
                | Self::Truncated
                | Self::NotJson
                | Self::Empty
                | Self::WrongShape
                | Self::Oversize
        ) && !self.is_of_message()
    }

    /// Whether it is about the message that Twilio creates, and not about the answer. It can go with
    /// a lost answer.
    pub fn is_of_message(self) -> bool {
        matches!(
            self,
            Self::Trial | Self::Redacted | Self::SmartEncoded | Self::ListedLate
        )
    }
}

/// What happens to the TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionFault {
    /// The connection is reset, and the request is not carried out.
    Drop,
    /// The request is carried out, then the connection is reset without an answer.
    ActThenDrop,
}

/// Replacements for the fields of an error. `type` and `param` exist for OpenAI, `more_info` for
/// Twilio.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorOverrides {
    /// For OpenAI a word, such as `insufficient_quota`. For Twilio a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<serde_json::Value>,
    /// The message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// OpenAI: the type of the error.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// OpenAI: the parameter that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// Twilio: the URL of the documentation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_info: Option<String>,
}

/// Reads the word that stands for a value in JSON.
pub(super) fn from_word<T: for<'de> Deserialize<'de>>(
    name: &str,
    value: &str,
) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::from(value.to_ascii_lowercase()))
        .map_err(|error| format!("`{name}={value}`: {error}"))
}

/// The word that stands for `value` in JSON.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
