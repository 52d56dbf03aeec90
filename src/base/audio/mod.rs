//! A recording: its bytes, and its format by those bytes.
//!
//! Not here: fetching recordings (`twilio::media`), and transcribing them (`openai`).

mod length;

#[cfg(test)]
pub(crate) mod tests;

use std::{fmt, time::Duration};

/// A recording. It stays in memory until it is transcribed, and is never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Audio {
    /// The format, according to the bytes.
    pub format: AudioFormat,
    /// The file.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Audio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Audio({:?}, {} bytes)", self.format, self.bytes.len())
    }
}

impl Audio {
    /// How long the recording is, according to its container. `None` if the file does not say so in
    /// a place that can be found without decoding it, as WebM and fragmented MP4.
    #[must_use]
    pub fn length(&self) -> Option<Duration> {
        length::of(self.format, &self.bytes)
    }
}

/// The formats that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioFormat {
    /// Ogg, with Opus (WhatsApp's voice notes) or Vorbis.
    Ogg,
    /// MP3, and the other layers of MPEG audio.
    Mp3,
    /// MP4, which is also M4A.
    Mp4,
    /// A 3GPP or MP4 file that holds AMR.
    AmrInMp4,
    /// AMR, narrow or wide band: the recordings of older phones.
    Amr,
    /// AAC without a container (ADTS).
    Aac,
    /// WAV.
    Wav,
    /// FLAC.
    Flac,
    /// WebM.
    Webm,
}

impl AudioFormat {
    /// Detects the format of a file from its bytes. `None` if it is no recording that is known.
    /// Sources: WHATWG MIME Sniffing standard, "Matching an audio or video type pattern"; RFC 4867
    /// section 5.1 (AMR); ISO 14496-12 (`ftyp`).
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [b'O', b'g', b'g', b'S', ..] => Some(Self::Ogg),
            [b'f', b'L', b'a', b'C', ..] => Some(Self::Flac),
            [b'I', b'D', b'3', ..] => Some(Self::Mp3),
            [0x1A, 0x45, 0xDF, 0xA3, ..] => Some(Self::Webm),
            [b'#', b'!', b'A', b'M', b'R', b'\n', ..]
            | [b'#', b'!', b'A', b'M', b'R', b'-', b'W', b'B', b'\n', ..] => Some(Self::Amr),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some(if length::holds_amr(bytes) {
                Self::AmrInMp4
            } else {
                Self::Mp4
            }),
            [b'R', b'I', b'F', b'F', _, _, _, _, kind @ ..] => {
                kind.starts_with(b"WAVE").then_some(Self::Wav)
            }
            // Twelve bits that begin a frame, and two for its layer. Layer 0 is AAC.
            [0xFF, second, ..] if second & 0xF6 == 0xF0 => Some(Self::Aac),
            [0xFF, second, ..] if second & 0xE0 == 0xE0 && matches!(second & 0x06, 2 | 4) => {
                Some(Self::Mp3)
            }
            _ => None,
        }
    }

    /// The extension of a file's name. Servers choose the decoder by it: OpenAI rejects the same
    /// bytes as `voice.opus` and takes them as `voice.ogg` (`DevEmperor/DictateKeyboard` #322).
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Ogg => "ogg",
            Self::Mp3 => "mp3",
            Self::Mp4 => "m4a",
            Self::AmrInMp4 => "3gp",
            Self::Amr => "amr",
            Self::Aac => "aac",
            Self::Wav => "wav",
            Self::Flac => "flac",
            Self::Webm => "webm",
        }
    }

    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Ogg => "audio/ogg",
            Self::Mp3 => "audio/mpeg",
            Self::Mp4 => "audio/mp4",
            Self::AmrInMp4 => "audio/3gpp",
            Self::Amr => "audio/amr",
            Self::Aac => "audio/aac",
            Self::Wav => "audio/wav",
            Self::Flac => "audio/flac",
            Self::Webm => "audio/webm",
        }
    }

    /// Whether OpenAI can read it. Source: OpenAI, "File transcription": flac, mp3, mp4, mpeg, mpga,
    /// m4a, ogg, wav, webm.
    #[must_use]
    pub fn is_read_by_openai(self) -> bool {
        !matches!(self, Self::Amr | Self::AmrInMp4 | Self::Aac)
    }
}
