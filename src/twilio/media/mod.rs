//! The images of a message: which media are images, and how an image is fetched.
//!
//! Twilio stores media, and a webhook names their URLs. Fetching one needs the account's
//! credentials, and Twilio answers with a redirect to a server that needs none. So we send
//! credentials only to the API's own origin and never after a redirect, and we fetch only from
//! Twilio's hosts (`target`). Source: Twilio, "Media subresource" and "Receive and download
//! images on incoming MMS messages". Not here: when images are fetched (`messaging::thread`), and
//! how they are shown to the model (`openai`).

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
    base::{
        image::{Image, ImageType},
        time::UnixMillis,
        url::BaseUrl,
    },
    platform::{Clock, Http, HttpError, HttpRequest, HttpResponse},
};

pub use slots::{Slot, slot};

/// The most bytes of all images of one turn: 5 MB, which is Twilio's own limit for a message.
pub const MAX_BYTES: usize = 5 * 1024 * 1024;
/// The time for fetching the images of one turn.
pub const TIMEOUT: Duration = Duration::from_secs(20);
/// The most media that one message can have.
const MAX_MEDIA: usize = 10;
const MAX_REDIRECTS: usize = 3;

/// The media of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attached {
    /// There are none.
    Nothing,
    /// Only images, according to Twilio. The list is never empty.
    Images(Vec<ImageUrl>),
    /// Some media are not images, or not of a type that is read.
    Other,
}

impl Attached {
    /// Reads `NumMedia`, `MediaUrl{N}` and `MediaContentType{N}`. The types are only a hint: see
    /// [`ImageType::of`].
    #[must_use]
    pub fn read(form: &Form) -> Self {
        let number = form
            .get("NumMedia")
            .unwrap_or_default()
            .trim_start_matches('0');
        if number.is_empty() {
            return Self::Nothing;
        }
        let image = |index: usize| {
            let url = form
                .get(&format!("MediaUrl{index}"))
                .filter(|url| !url.is_empty())?;
            let media_type = form
                .get(&format!("MediaContentType{index}"))
                .unwrap_or_default();
            let essence = media_type
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase();
            let hinted =
                ImageType::is_name(&essence) || ["", "image/jpg"].contains(&essence.as_str());
            hinted.then(|| ImageUrl(url.to_owned()))
        };
        let count = number
            .parse::<usize>()
            .ok()
            .filter(|count| (1..=MAX_MEDIA).contains(count));
        count
            .and_then(|count| (0..count).map(image).collect())
            .map_or(Self::Other, Self::Images)
    }
}

/// The URL of an image, according to Twilio. [`fetch`] decides whether it may be fetched from
/// there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageUrl(String);

impl ImageUrl {
    /// The length of the URL, in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a URL is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// The URL leads to personal data, so the debug form does not show it.
impl fmt::Debug for ImageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ImageUrl(..)")
    }
}

/// The reason why there is no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// Its URL, or that of a redirect, is malformed or not Twilio's. No request was made.
    Address,
    /// It could not be fetched.
    NotFetched,
    /// The images would have more than [`MAX_BYTES`].
    TooLarge,
    /// It is not an image of a type that is read.
    NotAnImage,
}

impl FetchError {
    /// Its stable name in the log.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Address => "image_address",
            Self::NotFetched => "image_not_fetched",
            Self::TooLarge => "image_too_large",
            Self::NotAnImage => "image_type",
        }
    }
}

/// Fetches one image of at most `limit` bytes, until `deadline`. `contexts` hold the credentials,
/// the likeliest first.
///
/// # Errors
/// See [`FetchError`].
pub async fn fetch<'e>(
    platform: &(impl Http + Clock),
    base: &BaseUrl,
    url: &ImageUrl,
    contexts: impl Iterator<Item = TwilioRequestContext<'e>>,
    limit: usize,
    deadline: UnixMillis,
) -> Result<Image, FetchError> {
    let mut target = Target::parse(&url.0, base).ok_or(FetchError::Address)?;
    let credentials: Vec<Option<String>> = if target.is_api {
        contexts
            .map(|context| Some(rest::authorization(context)))
            .collect()
    } else {
        vec![None]
    };
    let mut answer = Err(FetchError::NotFetched);
    for credential in credentials {
        answer = get(platform, &target, credential, limit, deadline).await;
        if !answer.as_ref().is_ok_and(|answer| answer.status == 401) {
            break;
        }
    }
    let mut answer = answer?;
    for _ in 0..MAX_REDIRECTS {
        if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
            break;
        }
        target = target
            .redirected(answer.location.as_deref(), base)
            .ok_or(FetchError::Address)?;
        answer = get(platform, &target, None, limit, deadline).await?;
    }
    if answer.status != 200 {
        return Err(FetchError::NotFetched);
    }
    let kind = ImageType::of(&answer.body).ok_or(FetchError::NotAnImage)?;
    Ok(Image {
        kind,
        bytes: answer.body,
    })
}

async fn get(
    platform: &(impl Http + Clock),
    target: &Target,
    credential: Option<String>,
    limit: usize,
    deadline: UnixMillis,
) -> Result<HttpResponse, FetchError> {
    let left = deadline.since(platform.now());
    if left.is_zero() {
        return Err(FetchError::NotFetched);
    }
    let headers = credential
        .into_iter()
        .map(|credential| ("Authorization".into(), credential))
        .collect();
    let request = HttpRequest {
        method: "GET",
        url: target.url.clone(),
        headers,
        body: String::new(),
        limit,
    };
    platform
        .send(&request, left)
        .await
        .map_err(|error| match error {
            HttpError::TooLarge => FetchError::TooLarge,
            HttpError::Timeout | HttpError::Connection | HttpError::Unreadable => {
                FetchError::NotFetched
            }
        })
}
