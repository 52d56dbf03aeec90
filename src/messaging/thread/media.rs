//! A turn's files: fetched one after the other, and voice notes transcribed.
//!
//! The files of a message are what their bytes say, whatever Twilio said. Not here: the requests
//! themselves (`twilio::media`, `conversation::transcription`), and the model (`model`).

use std::{cell::Cell, time::Duration};

use super::{Inner, ThreadPlatform};
use crate::{
    base::{
        audio::{Audio, AudioFormat},
        image::{Image, ImageType},
        time::UnixMillis,
    },
    conversation::{
        model_run::{self, Failure},
        outbox::request_contexts,
        transcription,
        voice_error::VoiceError,
    },
    messaging::{
        inbound::clean,
        keywords::Keyword,
        state::{ActiveTurn, Contents, PendingMessage},
    },
    twilio::media::{self, FetchError, MediaUrl, Slot, Weight},
};

/// The files of a turn, as the model gets them.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// The images of all messages.
    pub(super) images: Vec<Image>,
    /// What the files of each message are, in order.
    pub(super) contents: Vec<Contents>,
    /// The images keep their slot in the isolate's memory until the model has answered.
    pub(super) slot: Option<Slot>,
}

/// The reading of one turn's files, with its limits.
struct Reading<'r> {
    /// When work on the turn began.
    begun: UnixMillis,
    /// The time that is left for fetching. Transcribing does not use it up.
    fetching: Duration,
    /// The bytes that further images may have.
    room: usize,
    /// The place in the isolate's memory for the file that is read, and for the images.
    slot: Option<(Weight, Slot)>,
    /// Counts the requests that transcribe.
    requests: &'r Cell<u32>,
}

impl<P: ThreadPlatform> Inner<P> {
    /// Fetches the files of the turn's messages, and transcribes its voice notes. If the budget is
    /// used up, it fetches none. `requests` counts the transcriptions that were asked for.
    pub(super) async fn read_files(
        &self,
        turn: &ActiveTurn,
        begun: UnixMillis,
        requests: &Cell<u32>,
    ) -> Result<Files, Failure> {
        let mut files = Files {
            contents: vec![Contents::default(); turn.messages.len()],
            ..Files::default()
        };
        let limit = media::TIMEOUT.min(self.config.openai_timeout);
        let mut reading = Reading {
            begun,
            fetching: limit,
            room: media::MAX_BYTES,
            slot: None,
            requests,
        };
        // Voice notes come first: each leaves memory before the next one is fetched, and before the
        // images are.
        let of = |kind: Kind| {
            let messages = turn.messages.iter().enumerate();
            messages.flat_map(move |(index, message)| {
                let urls = match kind {
                    Kind::VoiceNote => &message.voice_notes,
                    Kind::Image => &message.images,
                };
                urls.iter().map(move |url| (index, message, kind, url))
            })
        };
        let mut wanted = of(Kind::VoiceNote).chain(of(Kind::Image)).peekable();
        if wanted.peek().is_some() {
            model_run::check_budget(&self.platform, &self.config, limit).await?;
        }
        for (index, message, kind, url) in wanted {
            let bytes = self.fetch(message, kind, url, &mut reading).await;
            let bytes = bytes.map_err(|error| kind.not_fetched(error))?;
            let file = self.identify(message, bytes, &reading).await?;
            let file = file.ok_or(kind.unreadable())?;
            files.add(index, file, &mut reading)?;
        }
        if !files.images.is_empty() {
            files.slot = reading.slot.map(|(_, slot)| slot);
        }
        Ok(files)
    }

    /// Fetches a file, within the time that is left for all of them. A voice note that is large
    /// takes a large slot.
    async fn fetch(
        &self,
        message: &PendingMessage,
        kind: Kind,
        url: &MediaUrl,
        reading: &mut Reading<'_>,
    ) -> Result<Vec<u8>, FetchError> {
        let (platform, config) = (&self.platform, &self.config);
        let begun = platform.now();
        let deadline = begun.plus(reading.fetching);
        let attempts = match kind {
            Kind::Image => [Some((Weight::Small, reading.room)), None],
            Kind::VoiceNote => [
                Some((Weight::Small, Weight::SMALL_VOICE_BYTES)),
                Some((Weight::Large, media::MAX_VOICE_BYTES)),
            ],
        };
        let mut fetched = Err(FetchError::TooLarge);
        for (weight, limit) in attempts.into_iter().flatten() {
            if fetched != Err(FetchError::TooLarge) {
                break;
            }
            if reading
                .slot
                .as_ref()
                .is_none_or(|(held, _)| *held != weight)
            {
                // Who waits for a slot must not have one.
                reading.slot = None;
                reading.slot = Some((weight, media::slot(platform, weight, deadline).await?));
            }
            let base = &config.twilio_api_base_url;
            let contexts = request_contexts(config, &message.reply_to);
            fetched = media::fetch(platform, base, url, contexts, limit, deadline).await;
        }
        let spent = platform.now().since(begun);
        reading.fetching = reading.fetching.saturating_sub(spent);
        fetched
    }

    /// What a file is by its bytes: an image, or a recording with its transcript.
    async fn identify(
        &self,
        message: &PendingMessage,
        bytes: Vec<u8>,
        reading: &Reading<'_>,
    ) -> Result<Option<File>, Failure> {
        if let Some(kind) = ImageType::of(&bytes) {
            return Ok(Some(File::Image(Image { kind, bytes })));
        }
        let Some(format) = AudioFormat::of(&bytes) else {
            return Ok(None);
        };
        let audio = Audio { format, bytes };
        let (platform, config) = (&self.platform, &self.config);
        let (begun, requests) = (reading.begun, reading.requests);
        let said =
            transcription::transcribe(platform, config, self, audio, begun, requests).await?;
        let said = clean(&said);
        let failure = if said.is_empty() {
            VoiceError::Silent
        } else if said.chars().count() > config.max_message_chars {
            VoiceError::TooLong
        } else if message.text.as_deref() == Some("") && Keyword::of(&said) == Some(Keyword::OptOut)
        {
            VoiceError::OptOut
        } else {
            return Ok(Some(File::Heard(said)));
        };
        Err(Failure::Voice(failure))
    }
}

/// What Twilio says that a file is.
#[derive(Clone, Copy)]
enum Kind {
    Image,
    VoiceNote,
}

impl Kind {
    fn not_fetched(self, error: FetchError) -> Failure {
        match self {
            Self::Image => Failure::Image(error),
            Self::VoiceNote => Failure::Voice(VoiceError::Fetch(error)),
        }
    }

    fn unreadable(self) -> Failure {
        match self {
            Self::Image => Failure::NotAnImage,
            Self::VoiceNote => Failure::Voice(VoiceError::Format),
        }
    }
}

/// A file, by its bytes.
enum File {
    Image(Image),
    /// The transcript of a recording.
    Heard(String),
}

impl Files {
    /// Adds a file of the message at `index`.
    fn add(&mut self, index: usize, file: File, reading: &mut Reading<'_>) -> Result<(), Failure> {
        let Some(contents) = self.contents.get_mut(index) else {
            return Ok(());
        };
        match file {
            File::Heard(said) => contents.heard.push(said),
            File::Image(image) => {
                let room = reading.room.checked_sub(image.bytes.len());
                reading.room = room.ok_or(Failure::Image(FetchError::TooLarge))?;
                contents.images = contents.images.saturating_add(1);
                self.images.push(image);
            }
        }
        Ok(())
    }
}
