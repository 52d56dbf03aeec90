//! A turn's files: fetched one after the other, and voice notes transcribed.
//!
//! The files of a message are what their bytes say, whatever Twilio said. Not here: the requests
//! themselves (`twilio::media`, `conversation::transcription`), and the model (`model`).

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use super::{Inner, ThreadPlatform};
use crate::{
    base::{
        audio::{Audio, AudioFormat},
        image::{Image, ImageType},
        time::UnixMillis,
    },
    config::Assistant,
    conversation::{
        model_run::{self, Failure},
        outbox::request_contexts,
        transcription,
        voice_error::VoiceError,
    },
    messaging::{
        inbound::clean,
        keywords::Keyword,
        state::{Contents, PendingMessage},
    },
    object::half_of_rest,
    twilio::media::{self, Attempts, FetchError, MediaUrl, Slot, Weight},
};

/// The files of the messages that are gathered for a turn, and the limits of reading them.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// The images of all messages.
    images: RefCell<Rc<Vec<Image>>>,
    /// What the files of each message are, in order.
    contents: RefCell<Vec<Contents>>,
    /// The time that fetching has taken. Transcribing does not count.
    spent: Cell<Duration>,
    /// The place in the isolate's memory for the file that is read, and for the images. These keep it
    /// until the model has answered.
    slot: RefCell<Option<(Weight, Slot)>>,
    /// Whether the budget had a request left when the first file was fetched.
    checked: Cell<bool>,
    /// The requests that transcribed.
    transcriptions: Cell<u32>,
}

impl Files {
    /// The images of all messages that were read.
    pub(super) fn images(&self) -> Rc<Vec<Image>> {
        Rc::clone(&self.images.borrow())
    }

    /// What the files of the messages are that were read, in order.
    pub(super) fn contents(&self) -> Vec<Contents> {
        self.contents.borrow().clone()
    }

    /// The number of messages whose files were read.
    pub(super) fn messages(&self) -> usize {
        self.contents.borrow().len()
    }

    /// The requests that transcribed.
    pub(super) fn transcriptions(&self) -> u32 {
        self.transcriptions.get()
    }

    /// The bytes that further images may have.
    fn room(&self) -> usize {
        let used: usize = self.images.borrow().iter().map(|one| one.bytes.len()).sum();
        media::MAX_BYTES.saturating_sub(used)
    }
}

impl<P: ThreadPlatform> Inner<P> {
    /// Fetches the files of the next message, and transcribes its voice notes. If the budget is used
    /// up, it fetches none. `begun` is when work on the turn began, and `attempts` how often a file
    /// is asked for.
    pub(super) async fn read_files(
        &self,
        message: &PendingMessage,
        begun: UnixMillis,
        attempts: Attempts,
        files: &Files,
    ) -> Result<(), Failure> {
        let mut contents = Contents::default();
        let mut images = Vec::new();
        // Voice notes come first: each leaves memory before the next one is fetched, and before the
        // images are.
        let voice_notes = message.voice_notes.iter().map(|url| (Kind::VoiceNote, url));
        let pictures = message.images.iter().map(|url| (Kind::Image, url));
        for (kind, url) in voice_notes.chain(pictures) {
            if !files.checked.replace(true) {
                // The message may join late in the turn, after other waits.
                let spent = self.platform.now().since(begun);
                let rest = half_of_rest(self.config.openai_timeout, spent);
                let limit = media::TIMEOUT.min(rest);
                model_run::check_budget(&self.platform, &self.config, limit).await?;
            }
            let used: usize = images.iter().map(|one: &Image| one.bytes.len()).sum();
            let room = files.room().saturating_sub(used);
            let wanted = Wanted {
                kind,
                url,
                room,
                attempts,
                // The rest of the turn needs its time, too.
                latest: begun.plus(self.config.openai_timeout),
            };
            let bytes = self.fetch(message, wanted, files).await;
            let bytes = bytes.map_err(|error| kind.not_fetched(error))?;
            let file = self.identify(message, bytes, begun, files).await?;
            match file.ok_or(kind.unreadable())? {
                File::Heard(said) => contents.heard.push(said),
                File::Image(image) if image.bytes.len() > room => {
                    return Err(Failure::Image(FetchError::TooLarge));
                }
                File::Image(image) => images.push(image),
            }
        }
        contents.images = images.len();
        if !images.is_empty() {
            Rc::make_mut(&mut *files.images.borrow_mut()).extend(images);
        } else if files.images.borrow().is_empty() {
            files.slot.take();
        }
        files.contents.borrow_mut().push(contents);
        Ok(())
    }

    /// The time for fetching all files of a turn.
    fn fetch_limit(&self) -> Duration {
        media::TIMEOUT.min(self.config.openai_timeout)
    }

    /// Fetches a file, within the time that is left for all of them. A voice note that is large
    /// takes a large slot.
    async fn fetch(
        &self,
        message: &PendingMessage,
        wanted: Wanted<'_>,
        files: &Files,
    ) -> Result<Vec<u8>, FetchError> {
        let (platform, config) = (&self.platform, &self.config);
        let begun = platform.now();
        let deadline = begun.plus(self.fetch_limit().saturating_sub(files.spent.get()));
        let deadline = deadline.min(wanted.latest);
        let sizes = match wanted.kind {
            Kind::Image => [Some((Weight::Small, wanted.room)), None],
            Kind::VoiceNote => [
                Some((Weight::Small, Weight::SMALL_VOICE_BYTES)),
                Some((Weight::Large, media::MAX_VOICE_BYTES)),
            ],
        };
        let mut fetched = Err(FetchError::TooLarge);
        for (weight, limit) in sizes.into_iter().flatten() {
            if fetched != Err(FetchError::TooLarge) {
                break;
            }
            let held = files.slot.borrow().as_ref().map(|(held, _)| *held);
            if held != Some(weight) {
                // Who waits for a slot must not have one.
                files.slot.take();
                let slot = media::slot(platform, weight, deadline).await?;
                *files.slot.borrow_mut() = Some((weight, slot));
            }
            let base = &config.twilio_api_base_url;
            let contexts = request_contexts(config, &message.reply_to);
            fetched = media::fetch(
                platform,
                base,
                wanted.url,
                contexts,
                limit,
                wanted.attempts,
                deadline,
            )
            .await;
        }
        let spent = platform.now().since(begun);
        files.spent.set(files.spent.get().saturating_add(spent));
        fetched
    }

    /// What a file is by its bytes: an image, or a recording with its transcript.
    async fn identify(
        &self,
        message: &PendingMessage,
        bytes: Vec<u8>,
        begun: UnixMillis,
        files: &Files,
    ) -> Result<Option<File>, Failure> {
        if let Some(kind) = ImageType::of(&bytes) {
            return Ok(Some(File::Image(Image { kind, bytes })));
        }
        let Some(format) = AudioFormat::of(&bytes) else {
            return Ok(None);
        };
        let audio = Audio { format, bytes };
        let (platform, config) = (&self.platform, &self.config);
        let assistant = message.reply_to.assistant(config);
        let requests = &files.transcriptions;
        let said =
            transcription::transcribe(platform, config, assistant, self, audio, begun, requests)
                .await?;
        let said = clean(&said);
        let failure = if said.is_empty() {
            VoiceError::Silent
        } else if said.chars().count() > config.max_message_chars {
            VoiceError::TooLong
        } else if message.text.as_deref() == Some("") && opts_out(&said, assistant) {
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

/// A file that is to be fetched.
#[derive(Clone, Copy)]
struct Wanted<'w> {
    kind: Kind,
    url: &'w MediaUrl,
    /// The bytes that an image may have.
    room: usize,
    attempts: Attempts,
    /// When fetching must be over.
    latest: UnixMillis,
}

/// A file, by its bytes.
enum File {
    Image(Image),
    /// The transcript of a recording.
    Heard(String),
}

/// Whether a voice note that says nothing else opts out. Said during an intake, CANCEL may be about
/// the intake.
fn opts_out(said: &str, assistant: &Assistant) -> bool {
    match Keyword::of(said) {
        Some(Keyword::OptOut) => true,
        Some(Keyword::Cancel) => assistant.intake.is_none(),
        _ => false,
    }
}
