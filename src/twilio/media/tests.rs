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
fn media_are_counted_and_told_apart_by_the_types_that_twilio_gives() {
    let two = [
        ("NumMedia", "2"),
        ("MediaUrl0", "https://a.example/0"),
        ("MediaUrl1", "https://a.example/1"),
    ];
    let images = Attached::Images(vec![url("https://a.example/0"), url("https://a.example/1")]);
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
fn only_twilios_hosts_and_the_configured_origin_are_fetched_from() {
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
    for rejected in [
        "//evil.example/1",
        "/\\evil.example",
        "https://evil.example/1",
        "http://mms.twiliocdn.com/1",
        "1",
        "",
    ] {
        assert_eq!(to(rejected), None, "{rejected}");
    }
    assert_eq!(from.redirected(None, &base), None);
}

/// Answers one request after the other, and records the requests.
struct Script(
    RefCell<Vec<Result<HttpResponse, HttpError>>>,
    RefCell<Vec<(String, bool)>>,
);

impl Http for Script {
    async fn send(&self, request: &HttpRequest, _: Duration) -> Result<HttpResponse, HttpError> {
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

#[allow(clippy::unnecessary_wraps, reason = "a script is a list of results")]
fn answer(status: u16, location: Option<&str>, body: &[u8]) -> Result<HttpResponse, HttpError> {
    Ok(HttpResponse {
        status,
        retry_after: None,
        location: location.map(str::to_owned),
        body: body.to_vec(),
    })
}

/// Fetches from the API's host with two tokens: returns the image and the requested URLs, each with
/// whether it got credentials.
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
        UnixMillis(1000),
    )
    .now_or_never();
    (image.unwrap(), script.1.into_inner())
}

const MEDIA: &str = "https://api.twilio.com/m";
const CDN: &str = "https://mms.twiliocdn.com/m";

#[test]
fn credentials_go_to_the_api_only_and_never_after_a_redirect() {
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
fn failures_to_fetch_an_image_are_told_apart() {
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
fn a_redirect_loop_ends_after_three() {
    let (image, asked) = fetched(vec![answer(302, Some("/m"), b""); 5], MEDIA);
    assert_eq!((image, asked.len()), (Err(FetchError::NotFetched), 4));
}

#[test]
fn the_debug_forms_show_no_image_and_no_url() {
    let image = Image {
        kind: ImageType::Gif,
        bytes: b"GIF89a secret".to_vec(),
    };
    assert_eq!(
        format!("{image:?} {:?}", url(MEDIA)),
        "Image(Gif, 13 bytes) ImageUrl(..)"
    );
}
