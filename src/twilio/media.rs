//! Pictures that come with a message: which media are pictures, where they may be fetched from, and what a picture is.
//!
//! Twilio stores media and passes their addresses on. Fetching one takes the account's credentials and is answered by a
//! redirect to a server that needs none. So credentials are shown to the API's own origin only, and never after a redirect,
//! and nothing is fetched from a host that is not Twilio's. Source: Twilio, "Media subresource" and "Receive and download
//! images on incoming MMS messages". Not here: when pictures are fetched (`sender`), and how the model is shown them
//! (`openai`).

use std::{cell::RefCell, fmt, time::Duration};

use serde::{Deserialize, Serialize};

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

/// The most bytes that the pictures of one turn may have together: 5 MB, which is Twilio's own limit for a message.
pub const MAX_BYTES: usize = 5 * 1024 * 1024;
/// The time for fetching the pictures of one turn.
pub const TIMEOUT: Duration = Duration::from_secs(20);
/// The most media that one message can have.
const MAX_MEDIA: usize = 10;
const MAX_REDIRECTS: usize = 3;

/// What a message brings beside its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attached {
    /// Nothing.
    Nothing,
    /// Pictures, as far as Twilio says; never none.
    Pictures(Vec<ImageUrl>),
    /// Something that is not read, perhaps among pictures.
    Other,
}

impl Attached {
    /// Reads `NumMedia`, `MediaUrl{N}` and `MediaContentType{N}`. The types are only a hint: see [`PictureType::of`].
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
            .map_or(Self::Other, Self::Pictures)
    }
}

/// Where Twilio says that a picture is. Whether it is fetched from there is decided by [`fetch`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageUrl(String);

impl ImageUrl {
    /// The length of the address, in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "an address is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// It leads to personal data: the debug form does not show it.
impl fmt::Debug for ImageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ImageUrl(..)")
    }
}

/// A place in the isolate's memory for the pictures of one turn; it is free again when this is dropped.
#[derive(Debug)]
pub struct Slot {
    number: u64,
}

/// How many turns may have pictures in memory at once. An isolate has 128 MB (Cloudflare, "Limits"); the pictures of a turn
/// take about 14 MB while they are put into the request, and again in the runtime while that is sent.
const MAX_SLOTS: usize = 4;

/// How often a turn that waits for a place looks for one. It must look: what wakes a task of another request would have it go
/// on in a context that is not its own.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How long a place is taken at most: longer than any turn. A turn that the runtime has ended without a word gives it back so.
const MAX_HELD: Duration = Duration::from_secs(600);

#[derive(Default)]
struct Slots {
    next: u64,
    /// The places that are taken: their numbers, and since when.
    taken: Vec<(u64, UnixMillis)>,
}

thread_local! {
    static SLOTS: RefCell<Slots> = RefCell::default();
}

/// Waits for a place until `deadline`.
///
/// # Errors
/// [`FetchError::NotFetched`] when there was none in time.
pub async fn slot(clock: &impl Clock, deadline: UnixMillis) -> Result<Slot, FetchError> {
    loop {
        let now = clock.now();
        if let Some(slot) = SLOTS.with_borrow_mut(|slots| slots.take(now)) {
            return Ok(slot);
        }
        if now >= deadline {
            return Err(FetchError::NotFetched);
        }
        clock.sleep(LOOK_AGAIN).await;
    }
}

impl Slots {
    fn take(&mut self, now: UnixMillis) -> Option<Slot> {
        self.taken.retain(|(_, since)| now.since(*since) < MAX_HELD);
        if self.taken.len() >= MAX_SLOTS {
            return None;
        }
        self.next = self.next.wrapping_add(1);
        self.taken.push((self.next, now));
        Some(Slot { number: self.next })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        SLOTS.with_borrow_mut(|slots| slots.taken.retain(|(number, _)| *number != self.number));
    }
}

/// Why there is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// Its address, or that of a redirect, is malformed or not Twilio's: it was not asked for.
    Address,
    /// It could not be fetched.
    NotFetched,
    /// With it there would be more than [`MAX_BYTES`].
    TooLarge,
    /// It is no picture of a type that is read.
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

/// Fetches one picture of at most `limit` bytes, until `deadline`. `envelopes` hold the credentials, the likeliest first.
///
/// # Errors
/// See [`FetchError`].
pub async fn fetch<'e>(
    platform: &(impl Http + Clock),
    base: &BaseUrl,
    url: &ImageUrl,
    envelopes: impl Iterator<Item = TwilioRequestContext<'e>>,
    limit: usize,
    deadline: UnixMillis,
) -> Result<Image, FetchError> {
    let mut target = Target::parse(&url.0, base).ok_or(FetchError::Address)?;
    let credentials: Vec<Option<String>> = if target.is_api {
        envelopes
            .map(|envelope| Some(rest::authorization(envelope)))
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
        .map(|credential| ("Authorization", credential))
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

/// An address that may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    url: String,
    origin: String,
    /// Whether its origin is that of the REST API, which is the only one that gets to see credentials.
    is_api: bool,
}

impl Target {
    /// Reads an absolute URL of a form that all parsers understand alike: visible ASCII, the scheme and the host in lower case,
    /// no user, no backslash, no port but the API's own.
    fn parse(url: &str, base: &BaseUrl) -> Option<Self> {
        let plain = url.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        let (scheme, rest) = url.split_once("://").filter(|_| plain)?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let origin = format!("{scheme}://{authority}");
        let is_api = origin == base.origin();
        let of_twilio = scheme == "https"
            && authority
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
            && [".twilio.com", ".twiliocdn.com"].iter().any(|domain| {
                authority
                    .strip_suffix(domain)
                    .is_some_and(|name| !name.is_empty())
            });
        (is_api || of_twilio).then(|| Self {
            url: url.to_owned(),
            origin,
            is_api,
        })
    }

    /// Where a redirect leads: to an absolute URL, or to a path of the same origin.
    fn redirected(&self, location: Option<&str>, base: &BaseUrl) -> Option<Self> {
        let location = location?;
        if location.starts_with('/') && !location.starts_with("//") {
            Self::parse(&format!("{}{location}", self.origin), base)
        } else {
            Self::parse(location, base)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures_util::FutureExt;

    use super::*;
    use crate::{
        base::secret::Secret,
        config::{Config, tests::MINIMAL},
    };

    fn attached(fields: &[(&str, &str)]) -> Attached {
        Attached::read(&Form::from_pairs(fields))
    }

    fn url(text: &str) -> ImageUrl {
        ImageUrl(text.to_owned())
    }

    #[test]
    fn a_place_is_free_again_when_it_is_dropped_or_held_for_longer_than_any_turn() {
        let mut places = Slots::default();
        let held: Vec<_> = (0..MAX_SLOTS)
            .map(|_| places.take(UnixMillis(0)).unwrap())
            .collect();
        assert!(places.take(UnixMillis(1)).is_none());
        assert!(
            places.take(UnixMillis(0).plus(MAX_HELD)).is_some(),
            "what has vanished with its object holds none for ever"
        );
        std::mem::forget(held);
    }

    #[test]
    fn media_are_counted_and_told_apart_by_the_types_that_twilio_gives() {
        let two = [
            ("NumMedia", "2"),
            ("MediaUrl0", "https://a.example/0"),
            ("MediaUrl1", "https://a.example/1"),
        ];
        let images =
            Attached::Pictures(vec![url("https://a.example/0"), url("https://a.example/1")]);
        let with = |types: [&'static str; 2]| {
            attached(
                &[
                    &two[..],
                    &[
                        ("MediaContentType0", types[0]),
                        ("MediaContentType1", types[1]),
                    ],
                ]
                .concat(),
            )
        };
        assert_eq!(with(["image/jpeg", "IMAGE/PNG; x=y"]), images);
        assert_eq!(with(["image/gif", "image/webp"]), images);
        assert_eq!(with(["", "image/jpg"]), images, "the bytes will tell");
        for other in [
            "application/pdf",
            "audio/ogg",
            "image/heic",
            "image/svg+xml",
            "text/vcard",
        ] {
            assert_eq!(with(["image/jpeg", other]), Attached::Other, "{other}");
        }
        for none in [&[][..], &[("NumMedia", "0")], &[("NumMedia", "")]] {
            assert_eq!(attached(none), Attached::Nothing);
        }
        for odd in ["11", "x", "-1", "99999999999999999999", "3"] {
            assert_eq!(
                attached(&[&[("NumMedia", odd)], &two[1..]].concat()),
                Attached::Other,
                "{odd}"
            );
        }
    }

    fn config(base: &str) -> Config {
        let lookup = |name: &str| match name {
            "TWILIO_API_BASE_URL" => Some(base.to_owned()),
            _ => MINIMAL
                .iter()
                .find(|(other, _)| *other == name)
                .map(|(_, value)| (*value).to_owned()),
        };
        Config::parse(lookup).unwrap()
    }

    fn target(text: &str, base: &str) -> Option<bool> {
        Target::parse(text, &config(base).twilio_api_base_url).map(|target| target.is_api)
    }

    const API: &str = "https://api.twilio.com";

    #[test]
    fn only_twilios_hosts_and_the_configured_origin_are_asked() {
        assert_eq!(
            target("https://api.twilio.com/2010-04-01/x", API),
            Some(true)
        );
        for cdn in [
            "https://mms.twiliocdn.com/x?y=z",
            "https://media.eu.twiliocdn.com/",
            "https://mcs.us1.twilio.com/v1/x",
        ] {
            assert_eq!(target(cdn, API), Some(false), "{cdn}");
        }
        assert_eq!(
            target("http://127.0.0.1:8788/x", "http://127.0.0.1:8788"),
            Some(true)
        );
        assert_eq!(
            target("https://api.twilio.com/x", "http://127.0.0.1:8788"),
            Some(false),
            "no credentials for it then"
        );
        for other in [
            "http://api.twilio.com/x",
            "https://twilio.com.example/x",
            "https://eviltwilio.com/x",
            "https://twilio.com/x",
            "https://.twilio.com/x",
            "https://evil.example/.twilio.com",
            "https://evil.example?.twilio.com",
            "https://evil.example#.twilio.com",
            "https://evil.example\\.twilio.com/x",
            "https://api.twilio.com@evil.example/x",
            "https://user:pass@api.twilio.com/x",
            "https://api.twilio.com:8443/x",
            "https://API.twilio.com/x",
            "https://api.twilio.com%2F.evil.example/x",
            "https://api.twi\tlio.com/x",
            " https://api.twilio.com/x",
            "https://xn--é.twilio.com/",
            "https:/api.twilio.com/x",
            "//api.twilio.com/x",
            "/x",
            "ftp://api.twilio.com/x",
            "data:image/png;base64,AAAA",
            "http://127.0.0.1:8788/x",
            "http://169.254.169.254/latest",
            "",
        ] {
            assert_eq!(target(other, API), None, "{other}");
        }
        assert_eq!(
            target("http://127.0.0.1:8789/x", "http://127.0.0.1:8788"),
            None
        );
        assert_eq!(
            target("http://127.0.0.1:87889/x", "http://127.0.0.1:8788"),
            None
        );
    }

    #[test]
    fn a_redirect_leads_to_a_path_or_to_an_allowed_address() {
        let base = config(API).twilio_api_base_url;
        let from = Target::parse("https://api.twilio.com/a/b", &base).unwrap();
        let to = |location: &str| {
            from.redirected(Some(location), &base)
                .map(|target| target.url)
        };
        assert_eq!(
            to("/media/1").as_deref(),
            Some("https://api.twilio.com/media/1")
        );
        assert_eq!(
            to("https://mms.twiliocdn.com/1").as_deref(),
            Some("https://mms.twiliocdn.com/1")
        );
        for refused in [
            "//evil.example/1",
            "/\\evil.example",
            "https://evil.example/1",
            "http://mms.twiliocdn.com/1",
            "1",
            "",
        ] {
            assert_eq!(to(refused), None, "{refused}");
        }
        assert_eq!(from.redirected(None, &base), None);
    }

    /// Answers request after request, and remembers what was asked.
    struct Script(
        RefCell<Vec<Result<HttpResponse, HttpError>>>,
        RefCell<Vec<(String, bool)>>,
    );

    impl Http for Script {
        async fn send(
            &self,
            request: &HttpRequest,
            _: Duration,
        ) -> Result<HttpResponse, HttpError> {
            let shown = request
                .headers
                .iter()
                .any(|(name, _)| *name == "Authorization");
            self.1.borrow_mut().push((request.url.clone(), shown));
            self.0.borrow_mut().remove(0)
        }
    }

    impl Clock for Script {
        fn now(&self) -> UnixMillis {
            UnixMillis(0)
        }
        async fn sleep(&self, _: Duration) {}
    }

    fn answer(status: u16, location: Option<&str>, body: &[u8]) -> Result<HttpResponse, HttpError> {
        Ok(HttpResponse {
            status,
            retry_after: None,
            location: location.map(str::to_owned),
            body: body.to_vec(),
        })
    }

    /// Fetches from the API's host with two tokens: the picture, and what was asked for, with or without credentials.
    fn fetched(
        answers: Vec<Result<HttpResponse, HttpError>>,
        from: &str,
    ) -> (Result<Image, FetchError>, Vec<(String, bool)>) {
        let script = Script(RefCell::new(answers), RefCell::default());
        let config = config(API);
        let (account, address) = (
            "AC0123456789abcdef0123456789abcdef".parse().unwrap(),
            "+15550100".parse().unwrap(),
        );
        let tokens = [Secret::new("first".into()), Secret::new("second".into())];
        let envelopes = tokens.iter().map(|token| TwilioRequestContext {
            account: &account,
            token,
            service: None,
            from: &address,
            to: &address,
            origin: "",
        });
        let from = url(from);
        let image = fetch(
            &script,
            &config.twilio_api_base_url,
            &from,
            envelopes,
            MAX_BYTES,
            UnixMillis(1000),
        )
        .now_or_never();
        (image.unwrap(), script.1.into_inner())
    }

    const MEDIA: &str = "https://api.twilio.com/m";
    const CDN: &str = "https://mms.twiliocdn.com/m";

    #[test]
    fn credentials_are_shown_to_the_api_alone_and_never_after_a_redirect() {
        let (image, asked) = fetched(
            vec![answer(307, Some(CDN), b""), answer(200, None, b"GIF89a")],
            MEDIA,
        );
        assert_eq!(
            image,
            Ok(Image {
                kind: ImageType::Gif,
                bytes: b"GIF89a".to_vec()
            })
        );
        assert_eq!(asked, [(MEDIA.to_owned(), true), (CDN.to_owned(), false)]);
        let (_, asked) = fetched(
            vec![
                answer(307, Some("/again"), b""),
                answer(200, None, b"GIF89a"),
            ],
            MEDIA,
        );
        assert_eq!(
            asked[1],
            ("https://api.twilio.com/again".to_owned(), false),
            "not even to the API itself"
        );
        let (_, asked) = fetched(vec![answer(200, None, b"GIF89a")], CDN);
        assert_eq!(asked, [(CDN.to_owned(), false)]);
    }

    #[test]
    fn another_token_is_tried_when_the_first_is_refused() {
        let (image, asked) = fetched(
            vec![answer(401, None, b""), answer(200, None, b"GIF89a")],
            MEDIA,
        );
        assert!(image.is_ok() && asked.len() == 2);
        let (image, asked) = fetched(vec![answer(401, None, b""), answer(401, None, b"")], MEDIA);
        assert_eq!((image, asked.len()), (Err(FetchError::NotFetched), 2));
    }

    #[test]
    fn what_does_not_end_in_a_picture_is_told_apart() {
        let only = |response| fetched(vec![response], MEDIA).0;
        assert_eq!(
            only(answer(200, None, b"<svg>")),
            Err(FetchError::NotAnImage)
        );
        assert_eq!(only(Err(HttpError::TooLarge)), Err(FetchError::TooLarge));
        for response in [
            Err(HttpError::Timeout),
            Err(HttpError::Connection),
            answer(404, None, b"GIF89a"),
            answer(206, None, b"GIF89a"),
        ] {
            assert_eq!(only(response), Err(FetchError::NotFetched));
        }
        assert_eq!(
            only(answer(302, Some("https://evil.example/"), b"")),
            Err(FetchError::Address)
        );
        let (image, asked) = fetched(vec![], "https://evil.example/m");
        assert_eq!((image, asked.len()), (Err(FetchError::Address), 0));
    }

    #[test]
    fn a_circle_of_redirects_ends_after_three() {
        let (image, asked) = fetched(vec![answer(302, Some("/m"), b""); 5], MEDIA);
        assert_eq!((image, asked.len()), (Err(FetchError::NotFetched), 4));
    }

    #[test]
    fn the_debug_forms_show_no_picture_and_no_address() {
        let image = Image {
            kind: ImageType::Gif,
            bytes: b"GIF89a secret".to_vec(),
        };
        assert_eq!(
            format!("{image:?} {:?}", url(MEDIA)),
            "Image(Gif, 13 bytes) ImageUrl(..)"
        );
    }
}
