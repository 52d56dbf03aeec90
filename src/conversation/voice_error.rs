//! Why a voice note has no transcript.
//!
//! Not here: asking for it (`transcription`), and what the contact is told (`messaging`).

use crate::twilio::media::FetchError;

/// The reason why a voice note has no transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoiceError {
    /// It could not be fetched.
    Fetch(FetchError),
    /// It is not a recording, or of a format that cannot be read.
    Format,
    /// It, or what was said, is longer than it may be.
    TooLong,
    /// The endpoint does not transcribe.
    Unavailable,
    /// Nothing was said.
    Silent,
    /// What was said asks for no more messages.
    OptOut,
}

impl VoiceError {
    /// Its stable name in the log.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Fetch(FetchError::Address) => "voice_address",
            Self::Fetch(FetchError::NotFetched) => "voice_not_fetched",
            Self::Fetch(FetchError::TooLarge) => "voice_too_large",
            Self::Format => "voice_format",
            Self::TooLong => "voice_too_long",
            Self::Unavailable => "no_transcription",
            Self::Silent => "voice_silent",
            Self::OptOut => "voice_opt_out",
        }
    }
}
