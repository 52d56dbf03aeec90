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
        outbox::{ReplyTarget, request_contexts},
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
pub(super) struct Reading<'r> {
    /// When work on the turn began.
    begun: UnixMillis,
    /// The time that is left for fetching. Transcribing does not use it up.
    fetching: Cell<Duration>,
    /// The bytes that further images may have.
    room: Cell<usize>,
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
        let mut files = Files::default();
        let limit = media::TIMEOUT.min(self.config.openai_timeout);
        let reading = Reading {
            begun,
            fetching: Cell::new(limit),
            room: Cell::new(media::MAX_BYTES),
            requests,
        };
        if turn
            .messages
            .iter()
            .any(|message| message.files().next().is_some())
        {
            model_run::check_budget(&self.platform, &self.config, limit).await?;
            let speaks = turn.messages.iter().any(|one| !one.voice_notes.is_empty());
            let slot = self.slot(Weight::Small, &reading).await;
            files.slot = Some(slot.map_err(if speaks { unheard } else { Failure::Image })?);
        }
        // Voice notes come first: each leaves memory before the next one is fetched, and before the
        // images are.
        let mut notes = Vec::new();
        for message in &turn.messages {
            let mut found = Vec::new();
            for url in &message.voice_notes {
                found.push(
                    self.read_voice_note(message, url, &reading, &mut files.slot)
                        .await?,
                );
            }
            notes.push(found);
        }
        for (message, notes) in turn.messages.iter().zip(notes) {
            let mut contents = Contents::default();
            for file in notes {
                files.add(file, &mut contents, &reading)?;
            }
            for url in &message.images {
                let file = self.read_image(message, url, &reading).await?;
                files.add(file, &mut contents, &reading)?;
            }
            files.contents.push(contents);
        }
        Ok(files)
    }

    /// A file that should be a voice note. A large one takes a large slot while it is in memory.
    async fn read_voice_note(
        &self,
        message: &PendingMessage,
        url: &MediaUrl,
        reading: &Reading<'_>,
        slot: &mut Option<Slot>,
    ) -> Result<File, Failure> {
        let small = Weight::SMALL_VOICE_BYTES;
        let fetched = self.fetch(&message.reply_to, url, small, reading).await;
        let (bytes, is_large) = match fetched {
            Err(FetchError::TooLarge) => {
                slot.take();
                *slot = Some(self.slot(Weight::Large, reading).await.map_err(unheard)?);
                let limit = media::MAX_VOICE_BYTES;
                let fetched = self.fetch(&message.reply_to, url, limit, reading).await;
                (fetched.map_err(unheard)?, true)
            }
            fetched => (fetched.map_err(unheard)?, false),
        };
        let file = self.identify(message, bytes, reading).await?;
        if is_large {
            slot.take();
            *slot = Some(self.slot(Weight::Small, reading).await.map_err(unheard)?);
        }
        file.ok_or(Failure::Voice(VoiceError::Format))
    }

    /// A file that should be an image.
    async fn read_image(
        &self,
        message: &PendingMessage,
        url: &MediaUrl,
        reading: &Reading<'_>,
    ) -> Result<File, Failure> {
        let room = reading.room.get();
        let fetched = self.fetch(&message.reply_to, url, room, reading).await;
        let bytes = fetched.map_err(Failure::Image)?;
        let file = self.identify(message, bytes, reading).await?;
        file.ok_or(Failure::NotAnImage)
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

    /// Fetches a file of at most `limit` bytes, within the time that is left for all of them.
    async fn fetch(
        &self,
        target: &ReplyTarget,
        url: &MediaUrl,
        limit: usize,
        reading: &Reading<'_>,
    ) -> Result<Vec<u8>, FetchError> {
        let (platform, config) = (&self.platform, &self.config);
        let base = &config.twilio_api_base_url;
        let contexts = request_contexts(config, target);
        let begun = platform.now();
        let deadline = begun.plus(reading.fetching.get());
        let fetched = media::fetch(platform, base, url, contexts, limit, deadline).await;
        reading.spend(platform.now().since(begun));
        fetched
    }

    async fn slot(&self, weight: Weight, reading: &Reading<'_>) -> Result<Slot, FetchError> {
        let begun = self.platform.now();
        let deadline = begun.plus(reading.fetching.get());
        let slot = media::slot(&self.platform, weight, deadline).await;
        reading.spend(self.platform.now().since(begun));
        slot
    }
}

/// The failure of a turn whose voice note could not be fetched.
fn unheard(error: FetchError) -> Failure {
    Failure::Voice(VoiceError::Fetch(error))
}

/// A file, by its bytes.
enum File {
    Image(Image),
    /// The transcript of a recording.
    Heard(String),
}

impl Files {
    fn add(
        &mut self,
        file: File,
        contents: &mut Contents,
        reading: &Reading<'_>,
    ) -> Result<(), Failure> {
        match file {
            File::Heard(said) => contents.heard.push(said),
            File::Image(image) => {
                let room = reading.room.get().checked_sub(image.bytes.len());
                let room = room.ok_or(Failure::Image(FetchError::TooLarge))?;
                reading.room.set(room);
                contents.images = contents.images.saturating_add(1);
                self.images.push(image);
            }
        }
        Ok(())
    }
}

impl Reading<'_> {
    fn spend(&self, time: Duration) {
        self.fetching.set(self.fetching.get().saturating_sub(time));
    }
}
