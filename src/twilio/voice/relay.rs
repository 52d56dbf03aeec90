//! The frames of a relay's socket, in both directions.
//!
//! What Twilio sends is read liberally: it adds fields and types without notice, and writes numbers as
//! strings. What we send is exact: Twilio drops a frame that it does not understand (64107), and the
//! tenth closes the socket. Sources: Twilio, "Getting and sending WebSocket messages", and recorded
//! calls. Not here: what follows from a frame (`voice` above).

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{CallStatus, Direction};
use crate::identity::{CallSid, Caller};

/// The longest frame that is read, in bytes.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;

/// A frame from Twilio.
#[derive(Clone, PartialEq, Eq)]
pub enum Frame {
    /// The first frame of a session.
    Setup {
        /// The session. Each socket has its own.
        session: SessionId,
        /// Twilio's id of the call.
        call: CallSid,
        /// Who calls.
        from: Caller,
        /// Who began the call.
        direction: Direction,
        /// How far the call has come.
        status: CallStatus,
    },
    /// The caller has said something.
    Prompt {
        /// What was heard.
        text: String,
        /// Its language, such as `en-US` or `en`.
        language: Option<String>,
        /// Whether this is all. Otherwise a longer text follows that begins anew.
        last: bool,
    },
    /// The caller cut in, and Twilio has dropped all that was not spoken yet.
    Interrupt {
        /// What was spoken until then. It may be empty.
        heard: String,
        /// How long Twilio had spoken.
        after: Duration,
    },
    /// The caller pressed a key.
    Digit(Digit),
    /// Twilio did not understand a frame of ours, or could not speak it.
    Error {
        /// Twilio's code, such as 64107.
        code: Option<u32>,
        /// Twilio's words. They may repeat our frame.
        description: String,
    },
    /// Something that is only told.
    Info(Info),
    /// A type that Twilio has added since.
    Other,
}

/// What Twilio tells with `events="speaker-events tokens-played"`.
#[derive(Clone, PartialEq, Eq)]
pub enum Info {
    /// Twilio began to speak our words, or has stopped.
    AgentSpeaking(bool),
    /// The caller began to speak, or has stopped.
    ClientSpeaking(bool),
    /// These words of ours have been spoken.
    TokensPlayed(String),
    /// How long a frame takes there and back.
    RoundTrip(Duration),
    /// Something else.
    Other,
}

/// The id of a relay's session, `VX` and 32 hex digits so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(String);

/// A key of a telephone: a digit, `*` or `#`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digit(char);

/// Why a frame cannot be read. It shows nothing of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It is longer than [`MAX_FRAME_BYTES`].
    #[error("too_large")]
    TooLarge,
    /// It is not a JSON object with a `type`.
    #[error("not_json")]
    NotJson,
    /// A field that its type must have is missing or malformed.
    #[error("malformed_{0}")]
    Malformed(&'static str),
}

impl Frame {
    /// Reads a frame.
    ///
    /// # Errors
    /// See [`FrameError`].
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        if text.len() > MAX_FRAME_BYTES {
            return Err(FrameError::TooLarge);
        }
        let fields: Map<String, Value> =
            serde_json::from_str(text).map_err(|_| FrameError::NotJson)?;
        let kind = string(&fields, "type").ok_or(FrameError::NotJson)?;
        Ok(match kind {
            "setup" => Self::setup(&fields)?,
            "prompt" => Self::Prompt {
                text: required(&fields, "voicePrompt")?.to_owned(),
                language: string(&fields, "lang")
                    .filter(|language| !language.is_empty())
                    .map(ToOwned::to_owned),
                // Parts are not asked for (`partialPrompts`). A caller whose words are all taken for a
                // part would never be answered.
                last: flag(fields.get("last")).unwrap_or(true),
            },
            "interrupt" => Self::Interrupt {
                heard: string(&fields, "utteranceUntilInterrupt")
                    .unwrap_or_default()
                    .to_owned(),
                after: millis(fields.get("durationUntilInterruptMs")).unwrap_or_default(),
            },
            "dtmf" => {
                let digit = required(&fields, "digit")?;
                Self::Digit(Digit::read(digit).ok_or(FrameError::Malformed("digit"))?)
            }
            "error" => {
                let description = string(&fields, "description").unwrap_or_default();
                Self::Error {
                    code: code(description),
                    description: description.to_owned(),
                }
            }
            "info" => Self::Info(Info::read(&fields)),
            _ => Self::Other,
        })
    }

    fn setup(fields: &Map<String, Value>) -> Result<Self, FrameError> {
        let session = string(fields, "sessionId").and_then(SessionId::read);
        let call = required(fields, "callSid")?;
        Ok(Self::Setup {
            session: session.ok_or(FrameError::Malformed("sessionId"))?,
            call: call.parse().map_err(|_| FrameError::Malformed("callSid"))?,
            from: Caller::read(string(fields, "from").unwrap_or_default()),
            direction: Direction::read(string(fields, "direction").unwrap_or_default()),
            status: CallStatus::read(string(fields, "callStatus").unwrap_or_default()),
        })
    }

    /// Its type, for the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Setup { .. } => "setup",
            Self::Prompt { .. } => "prompt",
            Self::Interrupt { .. } => "interrupt",
            Self::Digit(_) => "dtmf",
            Self::Error { .. } => "error",
            Self::Info(_) => "info",
            Self::Other => "other",
        }
    }
}

impl Info {
    fn read(fields: &Map<String, Value>) -> Self {
        let value = fields.get("value");
        let told = match string(fields, "name").unwrap_or_default() {
            "agentSpeaking" => flag(value).map(Self::AgentSpeaking),
            "clientSpeaking" => flag(value).map(Self::ClientSpeaking),
            "tokensPlayed" => value
                .and_then(Value::as_str)
                .map(|words| Self::TokensPlayed(words.to_owned())),
            "roundTripDelayMs" => millis(value).map(Self::RoundTrip),
            _ => None,
        };
        told.unwrap_or(Self::Other)
    }
}

impl SessionId {
    /// Reads an id: letters and digits, at most 64.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let is_id =
            (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        is_id.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Digit {
    /// Reads a key.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut keys = text.chars();
        match (keys.next(), keys.next()) {
            (Some(key @ ('0'..='9' | '*' | '#')), None) => Some(Self(key)),
            _ => None,
        }
    }

    /// The key.
    #[must_use]
    pub fn key(self) -> char {
        self.0
    }
}

/// What was said is not shown, only that something was.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What was said is not shown.
impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Info(..)")
    }
}

/// Digits may be those of a card: they are not shown.
impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digit(..)")
    }
}

/// A frame to Twilio.
#[derive(Clone, Serialize)]
#[serde(tag = "type")]
pub enum Out<'a> {
    /// Words to speak. Twilio speaks what is there, and does not wait for the last ones.
    #[serde(rename = "text")]
    Words {
        /// The words, with the spaces between them and those of other frames. They are not changed.
        token: &'a str,
        /// Whether the answer is complete.
        last: bool,
        /// Whether the caller can cut in. `None` is as in the TwiML.
        #[serde(skip_serializing_if = "Option::is_none")]
        interruptible: Option<bool>,
        /// Whether later words of ours cut these off.
        preemptible: bool,
    },
    /// The session ends, and the action of `<Connect>` is asked for more TwiML.
    #[serde(rename = "end")]
    End {
        /// What the action is told. Twilio keeps it, so it holds nothing personal.
        #[serde(rename = "handoffData", skip_serializing_if = "Option::is_none")]
        hand_off_data: Option<&'a str>,
    },
}

impl Out<'_> {
    /// The frame's text.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts and flags alone: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What is said is not shown.
impl fmt::Debug for Out<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Words { .. } => "text",
            Self::End { .. } => "end",
        })
    }
}

fn string<'f>(fields: &'f Map<String, Value>, name: &str) -> Option<&'f str> {
    fields.get(name)?.as_str()
}

fn required<'f>(fields: &'f Map<String, Value>, name: &'static str) -> Result<&'f str, FrameError> {
    string(fields, name).ok_or(FrameError::Malformed(name))
}

/// A flag, also as a text: `true`, `"on"` …
fn flag(value: Option<&Value>) -> Option<bool> {
    match value? {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "on" => Some(true),
            "false" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Milliseconds, also as a text or with decimals.
fn millis(value: Option<&Value>) -> Option<Duration> {
    let millis = match value? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse::<f64>().ok(),
        _ => None,
    };
    Duration::try_from_secs_f64(millis? / 1000.0).ok()
}

/// The code in a description such as `Invalid message received, code: 64107, …`.
fn code(description: &str) -> Option<u32> {
    let (_, rest) = description.split_once("code:")?;
    let rest = rest.trim_start();
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests;
