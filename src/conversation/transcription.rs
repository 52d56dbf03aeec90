//! The transcript of one recording: reserve the budget, ask, try again, give up.
//!
//! It is a request to the model's endpoint like any other: each one is reserved first, retried by the
//! same rules, and made within the turn's time. Not here: fetching recordings (`messaging::thread`),
//! and the request itself (`openai::transcription`).

use std::{cell::Cell, time::Duration};

use super::{
    model_run::{ContactShare, Failure, reserve},
    voice_error::VoiceError,
};
use crate::{
    base::{audio::Audio, time::UnixMillis, usage::UsageCounters},
    config::{Assistant, Config},
    openai::{self, TranscriptionError},
    platform::{Clock, Http, Log, Objects, Random},
};

/// The longest voice note. What is said in this time fits into a message, and a day's share is not
/// spent on one. A file that does not tell its length is bounded by its bytes alone.
pub const MAX_LENGTH: Duration = Duration::from_mins(5);

/// The transcript of a recording, which is never blank. `begun` is when work on the turn began, and
/// `requests` counts each request that is made.
///
/// # Errors
/// Why there is none. A recording that certainly cannot be transcribed costs no request.
pub async fn transcribe(
    platform: &(impl Clock + Log + Random + Http + Objects),
    config: &Config,
    assistant: &Assistant,
    share: &dyn ContactShare,
    audio: Audio,
    begun: UnixMillis,
    requests: &Cell<u32>,
) -> Result<String, Failure> {
    if assistant.endpoints.get(0).is_openai() && !audio.format.is_read_by_openai() {
        return Err(Failure::Voice(VoiceError::Format));
    }
    if audio.length().is_some_and(|length| length > MAX_LENGTH) {
        return Err(Failure::Voice(VoiceError::TooLong));
    }
    let remaining = || {
        let spent = platform.now().since(begun);
        config.openai_timeout.saturating_sub(spent)
    };
    let request = openai::transcription_request(assistant, audio, nonce(platform));
    let mut retries = 0;
    let mut refused = Failure::ContactLimit;
    loop {
        if !share.reserve().await {
            return Err(refused);
        }
        reserve(platform, config, UsageCounters::EMPTY, remaining()).await?;
        requests.set(requests.get().saturating_add(1));
        let timeout = remaining().max(Duration::from_millis(1));
        let response = platform.send(&request, timeout).await;
        let error = match openai::decode_transcription(response.as_ref().map_err(|error| *error)) {
            Ok(text) => return Ok(text),
            Err(TranscriptionError::OpenAi(error)) => error,
            Err(error) => return Err(Failure::Voice(voice_error(error))),
        };
        refused = Failure::OpenAi(error);
        let retry_after = response
            .as_ref()
            .ok()
            .and_then(|response| response.retry_after.as_deref());
        let wait = openai::retry_after(
            error,
            retry_after,
            platform.now(),
            retries,
            remaining(),
            platform.next_f64(),
        );
        platform.sleep(wait.ok_or(refused)?).await;
        retries = retries.saturating_add(1);
    }
}

fn voice_error(error: TranscriptionError) -> VoiceError {
    match error {
        TranscriptionError::Format => VoiceError::Format,
        TranscriptionError::TooLarge => VoiceError::TooLong,
        TranscriptionError::Silent => VoiceError::Silent,
        TranscriptionError::Unavailable | TranscriptionError::OpenAi(_) => VoiceError::Unavailable,
    }
}

/// A number that nobody can know who made the recording before.
fn nonce(random: &impl Random) -> u64 {
    random.next_f64().to_bits() ^ random.next_f64().to_bits().rotate_left(32)
}
