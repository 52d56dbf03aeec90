//! The files of a message: which of them can be read, and how a file is fetched.
//!
//! Twilio stores media, and a webhook names their URLs. Fetching one may need the account's
//! credentials, and Twilio answers with a redirect to a server that needs none. So we send
//! credentials only to the API's own hosts, only for a path of the message's own account, and never
//! after a redirect, and we fetch only from Twilio's hosts and its bucket (`target`). Source:
//! Twilio, "Media subresource" and "Receive and download images on incoming MMS messages". Not here:
//! when files are fetched (`messaging::thread`), and how the model gets them (`openai`).

mod slots;
mod target;

#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use self::target::Target;
use super::{
    form::Form,
    rest::{self, TwilioRequestContext},
};
use crate::{
    base::{image::ImageType, time::UnixMillis, url::BaseUrl},
    platform::{Body, Clock, Http, HttpError, HttpRequest, HttpResponse},
};

pub use slots::{Slot, Weight, slot};

/// The most bytes of all images of one turn: 5 MB, which is Twilio's own limit for a message.
pub const MAX_BYTES: usize = 5 * 1024 * 1024;
/// The most bytes of a voice note: 16 MB, which is WhatsApp's limit.
pub const MAX_VOICE_BYTES: usize = 16 * 1024 * 1024;
/// The time for fetching the files of one turn.
pub const TIMEOUT: Duration = Duration::from_secs(20);
/// The most media that one message can have.
const MAX_MEDIA: usize = 10;
const MAX_REDIRECTS: usize = 3;
/// The waits before a file is tried again. Media can be there a moment later than their message
/// (chatwoot #15504): the tries come at once, and about 1 and 3 seconds later.
const RETRY_WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// How often a file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempts {
    /// Once: nobody should wait for it.
    One,
    /// Up to three times, if it is not there yet, or its server fails.
    Several,
}

/// The media of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attached {
    /// There are none.
    Nothing,
    /// Only files that can be read, according to Twilio. At least one list is not empty.
    Files {
        /// The images, and the files whose type Twilio does not know.
        images: Vec<MediaUrl>,
        /// The recordings.
        voice_notes: Vec<MediaUrl>,
    },
    /// Some media are of a type that cannot be read.
    Other,
}

/// What Twilio says that a file is. The bytes decide in the end.
enum Hint {
    Image,
    Voice,
}

impl Attached {
    /// Reads `NumMedia`, `MediaUrl{N}` and `MediaContentType{N}`. The types are only a hint: see
    /// [`ImageType::of`] and [`crate::base::audio::AudioFormat::of`].
    #[must_use]
    pub fn read(form: &Form) -> Self {
        let number = number(form);
        if number.is_empty() {
            return Self::Nothing;
        }
        let file = |index: usize| {
            let url = form
                .get(&format!("MediaUrl{index}"))
                .filter(|url| !url.is_empty())?;
            let media_type = form
                .get(&format!("MediaContentType{index}"))
                .unwrap_or_default();
            hint(media_type).map(|hint| (hint, MediaUrl(url.to_owned())))
        };
        let count = number
            .parse::<usize>()
            .ok()
            .filter(|count| (1..=MAX_MEDIA).contains(count));
        let files = count.and_then(|count| (0..count).map(file).collect::<Option<Vec<_>>>());
        let Some(files) = files else {
            return Self::Other;
        };
        let (mut images, mut voice_notes) = (Vec::new(), Vec::new());
        for (hint, url) in files {
            match hint {
                Hint::Image => images.push(url),
                Hint::Voice => voice_notes.push(url),
            }
        }
        Self::Files {
            images,
            voice_notes,
        }
    }

    /// How many files there are, according to Twilio. Files of an unreadable number count as one.
    #[must_use]
    pub fn count(&self, form: &Form) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Files { .. } | Self::Other => number(form).parse().unwrap_or(1),
        }
    }
}

/// `NumMedia`. None is an empty text.
fn number(form: &Form) -> &str {
    let number = form.get("NumMedia").unwrap_or_default();
    number.trim_start_matches('0')
}

fn hint(media_type: &str) -> Option<Hint> {
    let essence = media_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match essence.as_str() {
        "" | "image/jpg" | "application/octet-stream" => Some(Hint::Image),
        name if ImageType::is_name(name) => Some(Hint::Image),
        name if name == "application/ogg" || name.starts_with("audio/") => Some(Hint::Voice),
        _ => None,
    }
}

/// The URL of a file, according to Twilio. [`fetch`] decides whether it may be fetched from there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaUrl(String);

impl MediaUrl {
    /// The length of the URL, in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a URL is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// The URL leads to personal data, so the debug form does not show it.
impl fmt::Debug for MediaUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MediaUrl(..)")
    }
}

/// The reason why there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// Its URL, or that of a redirect, is malformed or not Twilio's. No request was made.
    Address,
    /// It could not be fetched.
    NotFetched,
    /// It has more bytes than it may have.
    TooLarge,
}

/// Fetches one file of at most `limit` bytes, until `deadline`. `contexts` hold the credentials, the
/// likeliest first.
///
/// # Errors
/// See [`FetchError`].
pub async fn fetch<'e>(
    platform: &(impl Http + Clock),
    base: &BaseUrl,
    url: &MediaUrl,
    contexts: impl Iterator<Item = TwilioRequestContext<'e>>,
    limit: usize,
    attempts: Attempts,
    deadline: UnixMillis,
) -> Result<Vec<u8>, FetchError> {
    let target = Target::parse(&url.0, base).ok_or(FetchError::Address)?;
    let mut credentials: Vec<Option<String>> = contexts
        .filter(|context| target.belongs_to(context.account))
        .map(|context| Some(rest::authorization(context.credentials())))
        .collect();
    if credentials.is_empty() {
        credentials.push(None);
    }
    let request = Request {
        platform,
        base,
        target: &target,
        limit,
        deadline,
    };
    let mut waits = RETRY_WAITS.into_iter();
    loop {
        let sent = request.send(&credentials).await;
        let left = deadline.since(platform.now());
        let more = attempts == Attempts::Several;
        let wait = waits.next().filter(|wait| more && *wait < left);
        match (sent, wait) {
            (Err(Failed::ForNow), Some(wait)) => platform.sleep(wait).await,
            (sent, _) => return sent.map_err(FetchError::from),
        }
    }
}

/// The reason why an attempt gave no file.
enum Failed {
    /// Another attempt may help.
    ForNow,
    ForGood(FetchError),
}

impl From<Failed> for FetchError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::ForNow => Self::NotFetched,
            Failed::ForGood(error) => error,
        }
    }
}

/// A file that is asked for.
struct Request<'r, P> {
    platform: &'r P,
    base: &'r BaseUrl,
    target: &'r Target,
    limit: usize,
    deadline: UnixMillis,
}

impl<P: Http + Clock> Request<'_, P> {
    /// Sends the request with one credential after the other until one is accepted, and follows
    /// redirects.
    async fn send(&self, credentials: &[Option<String>]) -> Result<Vec<u8>, Failed> {
        let mut credentials = credentials.iter();
        let mut credential = credentials.next().cloned().flatten();
        let mut target = self.target.clone();
        let mut redirects = 0;
        loop {
            let answer = self.get(&target, credential).await?;
            match answer.status {
                200 => return Ok(answer.body),
                401 if redirects == 0 => {
                    let next = credentials.next().cloned();
                    credential = next.ok_or(Failed::ForGood(FetchError::NotFetched))?;
                }
                301 | 302 | 303 | 307 | 308 if redirects < MAX_REDIRECTS => {
                    let to = target.redirected(answer.location.as_deref(), self.base);
                    target = to.ok_or(Failed::ForGood(FetchError::Address))?;
                    redirects = redirects.saturating_add(1);
                    credential = None;
                }
                404 | 429 | 500..=599 => return Err(Failed::ForNow),
                // S3 says so of an object that is not there (Amazon S3, "GetObject").
                403 if redirects > 0 => return Err(Failed::ForNow),
                _ => return Err(Failed::ForGood(FetchError::NotFetched)),
            }
        }
    }

    async fn get(
        &self,
        target: &Target,
        credential: Option<String>,
    ) -> Result<HttpResponse, Failed> {
        let left = self.deadline.since(self.platform.now());
        if left.is_zero() {
            return Err(Failed::ForGood(FetchError::NotFetched));
        }
        let headers = credential
            .into_iter()
            .map(|credential| ("Authorization".into(), credential))
            .collect();
        let request = HttpRequest {
            method: "GET",
            url: target.url.clone(),
            headers,
            body: Body::default(),
            limit: self.limit,
        };
        let sent = self.platform.send(&request, left).await;
        sent.map_err(|error| match error {
            HttpError::TooLarge => Failed::ForGood(FetchError::TooLarge),
            HttpError::Connection | HttpError::Unreadable => Failed::ForNow,
            HttpError::Timeout => Failed::ForGood(FetchError::NotFetched),
        })
    }
}
