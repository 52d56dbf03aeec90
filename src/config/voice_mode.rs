//! `VOICE_MODE`: how calls are answered.
//!
//! Not here: how an assistant sounds (`assistants`).

use super::parsers::Parsed;

/// How calls are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoiceMode {
    /// By a relay: Twilio hears and speaks, and words are spoken as the model has them.
    Relay,
    /// Turn by turn, for an account without relays: Twilio says an answer, listens, and posts what it heard.
    Gather,
    /// Not at all: a caller hears so.
    Off,
}

/// The way of that name.
pub(super) fn voice_mode(text: &str) -> Parsed<VoiceMode> {
    match text {
        "relay" => Ok(VoiceMode::Relay),
        "gather" => Ok(VoiceMode::Gather),
        "off" => Ok(VoiceMode::Off),
        _ => Err("must be relay, gather or off"),
    }
}
