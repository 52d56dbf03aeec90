use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};

use futures_util::FutureExt;

use super::*;
use crate::{
    base::secret::Secret,
    config::{Config, tests::parse},
    platform::HttpOpened,
};

fn attached(fields: &[(&str, &str)]) -> Attached {
    Attached::read(&Form::from_pairs(fields))
}

fn url(text: &str) -> MediaUrl {
    MediaUrl(text.to_owned())
}

#[test]
fn media_are_counted_and_told_apart_by_the_types_that_twilio_gives() {
    let two = [
        ("NumMedia", "2"),
        ("MediaUrl0", "https://a.example/0"),
        ("MediaUrl1", "https://a.example/1"),
    ];
    let urls = || vec![url("https://a.example/0"), url("https://a.example/1")];
    let images = Attached::Files {
        images: urls(),
        voice_notes: Vec::new(),
    };
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
    for unsure in ["", "image/jpg", "application/octet-stream"] {
        assert_eq!(with([unsure, ""]), images, "the bytes will tell: {unsure}");
    }
    for voice in [
        "audio/ogg",
        "audio/ogg; codecs=opus",
        "Audio/AMR",
        "audio/mpeg",
        "audio/mp4",
        "audio/x-m4a",
        "audio/3gpp",
        "application/ogg",
    ] {
        assert_eq!(
            with([voice, voice]),
            Attached::Files {
                images: Vec::new(),
                voice_notes: urls()
            },
            "{voice}"
        );
        assert_eq!(
            with([voice, "image/png"]),
            Attached::Files {
                images: vec![url("https://a.example/1")],
                voice_notes: vec![url("https://a.example/0")]
            },
            "{voice}"
        );
    }
    for other in [
        "application/pdf",
        "video/mp4",
        "image/heic",
        "image/heif",
        "image/svg+xml",
        "text/vcard",
        "text/x-vcard",
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

pub(super) fn config(base: &str) -> Config {
    parse(&[("TWILIO_API_BASE_URL", base)]).unwrap()
}

pub(super) const API: &str = "https://api.twilio.com";

/// An object of Twilio's bucket.
pub(super) const OBJECT: &str =
    "AC0123456789abcdef0123456789abcdef/e4b22c2f9109ee2db6cbb474e861ae33";

/// The requested URLs, each with whether it got credentials.
type Asked = Vec<(String, bool)>;

/// Answers one request after the other, and records the requests.
struct Script(
    RefCell<Vec<Result<HttpResponse, HttpError>>>,
    RefCell<Vec<(String, bool)>>,
    Cell<u64>,
);

impl Http for Script {
    type Body = VecDeque<Vec<u8>>;

    async fn send(&self, request: &HttpRequest, _: Duration) -> Result<HttpResponse, HttpError> {
        let shown = request
            .headers
            .iter()
            .any(|(name, _)| *name == "Authorization");
        self.1.borrow_mut().push((request.url.clone(), shown));
        self.0.borrow_mut().remove(0)
    }

    async fn open(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpOpened<Self::Body>, HttpError> {
        self.send(request, timeout).await.map(HttpOpened::from)
    }
}

impl Clock for Script {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.2.get())
    }
    async fn sleep(&self, duration: Duration) {
        self.2
            .set(self.2.get() + crate::base::time::millis(duration));
    }
}

#[allow(clippy::unnecessary_wraps, reason = "a script is a list of results")]
fn answer(status: u16, location: Option<&str>, body: &[u8]) -> Result<HttpResponse, HttpError> {
    Ok(HttpResponse {
        status,
        retry_after: None,
        location: location.map(str::to_owned),
        body: body.to_vec(),
    })
}

/// Fetches with two tokens: returns the file and the requested URLs, each with whether it got
/// credentials.
fn fetched(
    answers: Vec<Result<HttpResponse, HttpError>>,
    from: &str,
) -> (Result<Vec<u8>, FetchError>, Asked) {
    let (file, asked, _) = fetched_by(answers, from, 20_000);
    (file, asked)
}

/// The same until a deadline. Also returns when it ended.
fn fetched_by(
    answers: Vec<Result<HttpResponse, HttpError>>,
    from: &str,
    deadline: u64,
) -> (Result<Vec<u8>, FetchError>, Asked, u64) {
    let script = Script(RefCell::new(answers), RefCell::default(), Cell::default());
    let config = config(API);
    let (account, address) = (
        "AC0123456789abcdef0123456789abcdef".parse().unwrap(),
        "+15550100".parse().unwrap(),
    );
    let tokens = [Secret::new("first".into()), Secret::new("second".into())];
    let contexts = tokens.iter().map(|token| TwilioRequestContext {
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
        contexts,
        MAX_BYTES,
        Attempts::Several,
        UnixMillis(deadline),
    )
    .now_or_never();
    (image.unwrap(), script.1.into_inner(), script.2.get())
}

const MEDIA: &str = "https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages/MM1/Media/ME1";
const CDN: &str = "https://mms.twiliocdn.com/m";

#[test]
fn credentials_go_to_the_api_only_and_never_after_a_redirect() {
    let (image, asked) = fetched(
        vec![answer(307, Some(CDN), b""), answer(200, None, b"GIF89a")],
        MEDIA,
    );
    assert_eq!(image, Ok(b"GIF89a".to_vec()));
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
fn another_token_is_tried_when_the_first_is_rejected() {
    let (image, asked) = fetched(
        vec![answer(401, None, b""), answer(200, None, b"GIF89a")],
        MEDIA,
    );
    assert!(image.is_ok() && asked.len() == 2);
    let (image, asked) = fetched(vec![answer(401, None, b""), answer(401, None, b"")], MEDIA);
    assert_eq!((image, asked.len()), (Err(FetchError::NotFetched), 2));
}

#[test]
fn a_redirect_to_amazon_s3_is_followed_without_credentials() {
    let bucket = format!("https://s3-external-1.amazonaws.com/media.twiliocdn.com/{OBJECT}");
    let (file, asked) = fetched(
        vec![
            answer(307, Some(&bucket), b""),
            answer(200, None, b"GIF89a"),
        ],
        MEDIA,
    );
    assert_eq!(file, Ok(b"GIF89a".to_vec()));
    assert_eq!(asked, [(MEDIA.to_owned(), true), (bucket.clone(), false)]);
    let foreign = bucket.replace("media.twiliocdn.com", "media.twiliocdn.com.evil");
    let (file, asked) = fetched(vec![answer(307, Some(&foreign), b"")], MEDIA);
    assert_eq!((file, asked.len()), (Err(FetchError::Address), 1));
}

#[test]
fn the_media_of_another_account_are_asked_for_without_credentials() {
    let other = MEDIA.replace("abcdef0123456789abcdef/", "abcdef0123456789abcdee/");
    let (_, asked) = fetched(vec![answer(401, None, b"")], &other);
    assert_eq!(asked, [(other, false)]);
}

#[test]
fn failures_to_fetch_a_file_are_told_apart() {
    let only = |response| fetched(vec![response], MEDIA).0;
    assert_eq!(only(Err(HttpError::TooLarge)), Err(FetchError::TooLarge));
    for response in [
        Err(HttpError::Timeout),
        answer(403, None, b"GIF89a"),
        answer(206, None, b"GIF89a"),
        answer(410, None, b""),
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
fn a_file_that_is_not_there_yet_is_tried_again_after_one_and_three_seconds() {
    for later in [
        answer(404, None, b""),
        answer(429, None, b""),
        answer(500, None, b""),
        answer(503, None, b""),
        Err(HttpError::Connection),
        Err(HttpError::Unreadable),
    ] {
        let there = || answer(200, None, b"GIF89a");
        let (file, asked, ended) = fetched_by(vec![later.clone(), there()], MEDIA, 20_000);
        assert_eq!((file.is_ok(), asked.len(), ended), (true, 2, 1000));
        let twice = vec![later.clone(), later.clone(), there()];
        let (file, _, ended) = fetched_by(twice, MEDIA, 20_000);
        assert_eq!((file.is_ok(), ended), (true, 3000));
        let never = vec![later.clone(); 5];
        let (file, asked, ended) = fetched_by(never, MEDIA, 20_000);
        assert_eq!(
            (file, asked.len(), ended),
            (Err(FetchError::NotFetched), 3, 3000)
        );
        let (file, asked, ended) = fetched_by(vec![later; 5], MEDIA, 2500);
        assert_eq!(
            (file, asked.len(), ended),
            (Err(FetchError::NotFetched), 2, 1000),
            "a wait beyond the deadline is not begun"
        );
    }
    // The second answer says that S3 does not have it yet.
    for status in [403, 404] {
        let (file, asked) = fetched(
            vec![
                answer(307, Some(CDN), b""),
                answer(status, None, b""),
                answer(307, Some(CDN), b""),
                answer(200, None, b"GIF89a"),
            ],
            MEDIA,
        );
        assert_eq!((file.is_ok(), asked.len()), (true, 4));
        assert_eq!(asked[2], (MEDIA.to_owned(), true), "from the beginning");
    }
}

#[test]
fn a_redirect_loop_ends_after_three() {
    let (image, asked) = fetched(vec![answer(302, Some("/m"), b""); 5], MEDIA);
    assert_eq!((image, asked.len()), (Err(FetchError::NotFetched), 4));
}

#[test]
fn the_debug_form_shows_no_url() {
    assert_eq!(format!("{:?}", url(MEDIA)), "MediaUrl(..)");
}
