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
    /// The web services of a shop under `/tools`.
    Shop,
    /// Segment's Tracking API: `/v1/batch`, `/v1/track` and `/v1/identify`.
    Segment,
}

impl Service {
    /// The name used in JSON, in directives and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Twilio => "twilio",
            Self::Shop => "shop",
            Self::Segment => "segment",
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
    #[serde(alias = "html")]
    NotJson,
    /// No bytes at all.
    Empty,
    /// JSON with other fields.
    WrongShape,
    /// Twilio: a file that is longer than 5 MB, without `Content-Length`. The shop: 20 kB of JSON.
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
    /// OpenAI: prose, although the answer was to fit a schema.
    PlainAnswer,
    /// OpenAI: a persona in a call never says goodbye.
    NoGoodbye,
    /// OpenAI: a persona in a call says its last line again.
    SameLine,
    /// OpenAI: a score quotes words that nobody said.
    FalseQuote,
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
    /// Compatible servers: the content in parts, with a thinking part first (Mistral).
    Parts,
    /// Compatible servers: the refusal as a part of the content.
    RefusalParts,
    /// Compatible servers: `<think>…</think>` before the text (DeepSeek, Qwen).
    Thoughts,
    /// Compatible servers: thoughts before the text, without the opening tag.
    BareThoughts,
    /// Compatible servers: thoughts that the token limit cut off.
    OnlyThoughts,
    /// Compatible servers: the channel markers of gpt-oss around thoughts and text.
    Channels,
    /// Compatible servers: unknown fields, and known ones of another type.
    OddFields,
    /// Compatible servers: a usage of null, a fraction and a negative number.
    OddUsage,
    /// Gateways: only an error with the code 502 (OpenRouter).
    #[serde(rename = "error_in_200")]
    ErrorIn200,
    /// Gateways: only an error with the code 429.
    #[serde(rename = "rate_limit_in_200")]
    RateLimitIn200,
    /// Gateways: half of the text, and an error in the choice.
    ErrorInChoice,
    /// Gateways: half of the text, and the finish reason `error`.
    FinishError,
    /// Compatible servers: a byte order mark before the JSON.
    Bom,
    /// Compatible servers: half of a surrogate pair in the text.
    Surrogate,
    /// Compatible servers: bytes in the text that are not UTF-8.
    InvalidUtf8,
    /// Gateways: comment lines before the JSON, `data: [DONE]` after it (OpenRouter).
    Comments,
    /// Compatible servers: a stream, although none was asked for.
    Stream,
    /// Compatible servers: a stream that ends in the middle, without a sign of it.
    StreamCut,
    /// Gateways: a stream that ends with an error (OpenRouter).
    StreamError,
    /// OpenAI: a stream whose first word comes after four seconds.
    StreamLate,
    /// OpenAI: a stream whose words come every 200 ms.
    StreamSlow,
    /// OpenAI: a stream that says nothing after its first chunk, and does not end.
    StreamStall,
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

    /// Whether the answer is one that only servers send which are compatible with OpenAI.
    pub fn is_of_compatible_server(self) -> bool {
        matches!(
            self,
            Self::Parts
                | Self::RefusalParts
                | Self::Thoughts
                | Self::BareThoughts
                | Self::OnlyThoughts
                | Self::Channels
                | Self::OddFields
                | Self::OddUsage
                | Self::ErrorIn200
                | Self::RateLimitIn200
                | Self::ErrorInChoice
                | Self::FinishError
                | Self::Bom
                | Self::Surrogate
                | Self::InvalidUtf8
                | Self::Comments
                | Self::Stream
                | Self::StreamCut
                | Self::StreamError
                | Self::StreamLate
                | Self::StreamSlow
                | Self::StreamStall
        )
    }
}

/// An endpoint of the mock OpenAI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// The one under `/v1`.
    First,
    /// The one under `/fallback/v1`.
    Second,
}

/// Another server than OpenAI, or another account: it refuses only some requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Server {
    /// It knows `max_tokens` and not `max_completion_tokens`, in OpenAI's words.
    Old,
    /// It knows no field that OpenAI added lately, in FastAPI's words (422).
    Strict,
    /// It reads six messages at most.
    SmallContext,
    /// Its model takes no images.
    NoImages,
    /// Its filter refuses the request, as Azure's does.
    Filter,
    /// The account has no credit (402).
    NoCredit,
    /// It does not have the model.
    NoModel,
    /// It signs its calls of tools, and wants to see the signatures again, as Gemini does.
    Signatures,
    /// It thinks before it calls tools, and wants to see the thoughts again, as DeepSeek does.
    Thoughts,
}

/// How the mock model makes its tool calls, if the text calls for any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolFault {
    /// It calls a tool that was not offered.
    Unknown,
    /// The arguments are not JSON.
    InvalidJson,
    /// The arguments are JSON that does not fit the schema.
    WrongArguments,
    /// It calls again after every result.
    Endless,
    /// It says something together with the calls.
    WithText,
    /// Compatible servers: the arguments are an object and not a text.
    ObjectArguments,
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
