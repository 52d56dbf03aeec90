//! The kinds of faults, in the words of the JSON and of directives.

use serde::{Deserialize, Serialize};

/// The services that the playground pretends to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Chat Completions under `/v1`.
    Openai,
    /// The REST API under `/2010-04-01`, `/v1/Services` and `/v2`.
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
    /// An HTML page, as a proxy in between would send it.
    NotJson,
    /// No bytes at all.
    Empty,
    /// JSON, but not of the shape that was promised.
    WrongShape,
    /// Twilio: a file that is longer than 5 MB, of which its length says nothing.
    Oversize,
    /// OpenAI: no choice to take.
    NoChoices,
    /// OpenAI: an answer of no characters.
    EmptyAnswer,
    /// OpenAI: an answer of white space only.
    BlankAnswer,
    /// OpenAI: neither content nor refusal.
    NullAnswer,
    /// OpenAI: a refusal in place of the content.
    Refusal,
    /// OpenAI: cut off by the token limit, part of the answer is there.
    Length,
    /// OpenAI: cut off by the token limit before the first word, as reasoning models do.
    LengthEmpty,
    /// OpenAI: withheld by the content filter.
    ContentFilter,
    /// OpenAI: 20 000 characters, whatever the token limit says.
    Overlong,
}

impl BodyFault {
    /// True for the faults that only OpenAI's answers can have.
    pub fn is_openai_only(self) -> bool {
        !matches!(
            self,
            Self::Garbage
                | Self::Truncated
                | Self::NotJson
                | Self::Empty
                | Self::WrongShape
                | Self::Oversize
        )
    }
}

/// What happens to the TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionFault {
    /// Reset without an answer; nothing was done.
    Drop,
    /// Reset without an answer, after what was asked for has been done.
    ActThenDrop,
}

/// Fields of an error body to replace. `type` and `param` are OpenAI's, `more_info` is Twilio's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorOverrides {
    /// OpenAI: a word, such as `insufficient_quota`. Twilio: a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<serde_json::Value>,
    /// The text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// OpenAI's class of error.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The parameter that OpenAI blames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// The page that Twilio points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_info: Option<String>,
}

/// Reads a value that has its words from the JSON form.
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
