//! The messages on the relay's WebSocket: those of the Worker are read, those of Twilio are made.
//!
//! It is stricter than Twilio in one point: an unknown field is refused, so that a typing error is
//! noticed.

use serde::Deserialize;
use serde_json::{Value, json};

use super::verb::Input;

/// A message of the Worker.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
pub enum Message {
    /// Words to say.
    #[serde(rename_all = "camelCase")]
    Text {
        /// The words, with the spaces around them.
        token: String,
        /// Whether they are the last of the answer.
        #[serde(default)]
        last: bool,
        /// Their language.
        lang: Option<String>,
        /// What interrupts them.
        interruptible: Option<Interruptible>,
        /// Whether a later message cuts them.
        preemptible: Option<bool>,
    },
    /// A file to play.
    #[serde(rename_all = "camelCase")]
    Play {
        /// Its address.
        source: String,
        /// How often it is played. 0 is 1000 times.
        #[serde(rename = "loop")]
        times: Option<u64>,
        /// What interrupts it.
        interruptible: Option<Interruptible>,
        /// Whether a later message cuts it.
        preemptible: Option<bool>,
    },
    /// Digits to send.
    SendDigits {
        /// The digits.
        digits: String,
    },
    /// Another language.
    #[serde(rename_all = "camelCase")]
    Language {
        /// Of the voice.
        tts_language: Option<String>,
        /// Of the prompts.
        transcription_language: Option<String>,
    },
    /// The end of the session.
    #[serde(rename_all = "camelCase")]
    End {
        /// What the action gets.
        handoff_data: Option<String>,
    },
}

/// A boolean, or a word.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Interruptible {
    /// Anything or nothing.
    All(bool),
    /// `none`, `dtmf`, `speech` or `any`.
    Word(String),
}

impl Interruptible {
    /// What interrupts.
    pub fn input(&self) -> Input {
        match self {
            Self::All(all) => Input::of(if *all { "any" } else { "none" }),
            Self::Word(word) => Input::of(word),
        }
    }
}

/// Reads a message of the Worker.
///
/// # Errors
/// Why Twilio would refuse it (64107).
pub fn read(frame: &str) -> Result<Message, String> {
    let message: Message = serde_json::from_str(frame).map_err(|error| error.to_string())?;
    match &message {
        Message::SendDigits { digits }
            if digits.is_empty() || !digits.chars().all(|key| "0123456789w#*".contains(key)) =>
        {
            Err("the digits must be of 0 to 9, w, # and *".to_owned())
        }
        Message::Play { source, .. } if !source.starts_with("http") => {
            Err("the source must be a web address".to_owned())
        }
        Message::Text { interruptible, .. } | Message::Play { interruptible, .. } => {
            match interruptible {
                Some(Interruptible::Word(word))
                    if !["none", "dtmf", "speech", "any"].contains(&word.as_str()) =>
                {
                    Err("interruptible must be true, false, none, dtmf, speech or any".to_owned())
                }
                _ => Ok(message),
            }
        }
        _ => Ok(message),
    }
}

/// What the person says, or has said so far.
pub fn prompt(words: &str, language: &str, last: bool) -> Value {
    json!({"type": "prompt", "voicePrompt": words, "lang": language, "last": last})
}

/// The person has interrupted.
pub fn interrupt(fragment: &str, milliseconds: u64) -> Value {
    json!({
        "type": "interrupt",
        "utteranceUntilInterrupt": fragment,
        "durationUntilInterruptMs": milliseconds
    })
}

/// The person has pressed a key.
pub fn dtmf(digit: char) -> Value {
    json!({"type": "dtmf", "digit": digit.to_string()})
}

/// An event.
pub fn info(name: &str, value: &str) -> Value {
    json!({"type": "info", "name": name, "value": value})
}

/// Whether somebody is speaking.
pub fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// The answer to a message that is refused. It repeats the message.
pub fn refused(frame: &str) -> Value {
    let shown: String = frame.chars().take(MAX_REPEATED).collect();
    let description = format!("Invalid message received, code: 64107, {shown}");
    json!({"type": "error", "description": description})
}

/// How much of a refused message is repeated, in characters.
const MAX_REPEATED: usize = 1000;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    #[test]
    fn the_messages_of_the_documentation_are_read() {
        for frame in [
            r#"{"type":"text","token":" Hello","last":false}"#,
            r#"{"type":"text","token":"","last":true}"#,
            r#"{"type":"text","token":"Hi","lang":"en-US","interruptible":false,"preemptible":true}"#,
            r#"{"type":"text","token":"Hi","interruptible":"speech"}"#,
            r#"{"type":"play","source":"https://example.com/a.mp3","loop":0}"#,
            r#"{"type":"sendDigits","digits":"9w1#*"}"#,
            r#"{"type":"language","ttsLanguage":"de-DE","transcriptionLanguage":"de-DE"}"#,
            r#"{"type":"end"}"#,
            r#"{"type":"end","handoffData":"{\"reason\":\"x\"}"}"#,
        ] {
            assert!(read(frame).is_ok(), "{frame}: {:?}", read(frame));
        }
    }

    #[test]
    fn what_twilio_would_refuse_is_refused() {
        for frame in [
            "",
            "hello",
            "[]",
            "{}",
            r#"{"type":"text"}"#,
            r#"{"type":"text","token":null}"#,
            r#"{"type":"text","token":7}"#,
            r#"{"type":"text","token":"a","last":"true"}"#,
            r#"{"type":"text","token":"a","interruptible":"never"}"#,
            r#"{"type":"text","token":"a","isFinal":true}"#,
            r#"{"type":"play"}"#,
            r#"{"type":"play","source":"a.mp3"}"#,
            r#"{"type":"sendDigits","digits":"12a"}"#,
            r#"{"type":"sendDigits","digits":""}"#,
            r#"{"type":"end","handoffData":{"reason":"x"}}"#,
            r#"{"type":"interrupt"}"#,
            r#"{"type":"error","message":"upstream"}"#,
        ] {
            assert!(read(frame).is_err(), "{frame}");
        }
    }
}
