//! The Worker's front: routes, checks in their order, statuses, security headers.
//!
//! Every request is decided here, without I/O until its signature is verified:
//!
//! 1. route, else 404; method, else 405
//! 2. configuration, else 503
//! 3. content type, else 415; body within 64 KiB, else 413; well formed, else 400
//! 4. signature, else 403
//! 5. fields, else 400
//! 6. the sender object, else 503, also when it does not answer in time
//!
//! Not here: what is answered (`sender`), the operator's routes (`admin`), and the runtime's types (`runtime`).

use std::{borrow::Cow, time::Duration};

use serde::Serialize;

use crate::{
    admin,
    config::{Config, Fault},
    event::{self, Event, Security},
    message::{Address, FieldError, Message, StatusUpdate},
    platform::{UnixMillis, WorkerPlatform, in_time, with_retry},
    pseudonym::PhoneHash,
    sender::{DeliveryReport, Reply, Route, SenderCall},
    twilio::{
        form::Form,
        parts,
        rest::STATUS_PATH,
        signature::{self, SignatureError, Verified},
        twiml,
    },
    usage::{Refusals, Tally},
};

/// A request, as the runtime gives it.
#[allow(
    async_fn_in_trait,
    reason = "wasm32 is single-threaded; no caller needs Send"
)]
pub trait Request {
    /// The method, in upper case.
    fn method(&self) -> String;
    /// The URL as the runtime saw it, not parsed and written again.
    fn url(&self) -> String;
    /// The value of a header; repeated headers are joined by a comma.
    fn header(&self, name: &str) -> Option<String>;
    /// The next piece of the body, or `None` at its end.
    ///
    /// # Errors
    /// When the body broke off.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, BodyBroken>;
}

/// The body ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyBroken;

/// A response. The security headers are among its headers already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The body; none is sent to a `HEAD`.
    pub body: String,
}

/// The longest body that is read, in bytes. Twilio's own limit for what it sends is far below.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// How long after its arrival a message is answered at the latest. Twilio waits 15 seconds, and the object takes up to 14.5 of
/// them (the longest `REPLY_WITHIN_MS` and its look at the budget); a 503 before that can be tried
/// again, or has the fallback asked.
const MESSAGE_TIME: Duration = Duration::from_millis(14_800);

/// How long any other call to an object may take.
pub(crate) const OBJECT_TIME: Duration = Duration::from_secs(10);

/// On every response of every status.
pub const SECURITY_HEADERS: [(&str, &str); 5] = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("X-XSS-Protection", "1; mode=block"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("Cache-Control", "no-store"),
];

const MESSAGES_PATH: &str = "/twilio/messages";

const PLAIN: &str = "text/plain; charset=utf-8";
pub(crate) const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Answers one request.
pub async fn handle(
    platform: &impl WorkerPlatform,
    config: Result<&Config, &[Fault]>,
    request: &mut impl Request,
) -> Response {
    let url = request.url();
    let method = request.method();
    let response = match (path_of(&url), method.as_str()) {
        ("/health", "GET" | "HEAD") => health(config),
        ("/health", _) => method_not_allowed("GET, HEAD"),
        (path @ (MESSAGES_PATH | STATUS_PATH), "POST") => {
            let answered = match config {
                Err(faults) => Err(Refusal::Configuration(faults)),
                Ok(config) if path == STATUS_PATH => status(platform, config, request, &url).await,
                Ok(config) => messages(platform, config, request, &url).await,
            };
            answered.unwrap_or_else(|refusal| refuse(platform, refusal))
        }
        (MESSAGES_PATH | STATUS_PATH, _) => method_not_allowed("POST"),
        (path, method) if path.starts_with(admin::PREFIX) => match config {
            Ok(config) => admin::handle(platform, config, request, method, path).await,
            Err(_) => not_configured(),
        },
        _ => plain(404, "Not found\n"),
    };
    if method == "HEAD" {
        Response {
            body: String::new(),
            ..response
        }
    } else {
        response
    }
}

/// The answer to an error that the core could not even see.
#[must_use]
pub fn internal_error() -> Response {
    plain(500, "Internal error\n")
}

/// Why a webhook is refused.
enum Refusal<'c> {
    Configuration(&'c [Fault]),
    Body(BodyRefused),
    Malformed(&'static str),
    Signature(SignatureError, PhoneHash),
    Field(FieldError, PhoneHash),
    Object(String),
    Twiml,
}

async fn messages<'c>(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
    url: &str,
) -> Result<Response, Refusal<'c>> {
    // Before the body is waited for.
    let arrived = platform.now();
    let message = verified(config, request, url, "From", |form| {
        Message::from_form(form, config.max_message_chars)
    })
    .await?;
    let reply = deliver(platform, config, &message, url, arrived).await?;
    let parts = match reply {
        Reply::Text(text) => parts::split(&text),
        Reply::Empty => Vec::new(),
    };
    let body = twiml::messages(&parts).map_err(|_| Refusal::Twiml)?;
    Ok(respond(200, twiml::CONTENT_TYPE, body))
}

/// What became of a message that was sent by REST. Twilio wants a 204.
async fn status<'c>(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
    url: &str,
) -> Result<Response, Refusal<'c>> {
    let update = verified(config, request, url, "To", StatusUpdate::from_form).await?;
    let StatusUpdate {
        sid,
        person,
        number,
        status,
        code,
    } = update.get().clone();
    if let Some(status) = status {
        let name = config.pseudonym_key.pair(&person, &number);
        let report = DeliveryReport {
            sid,
            status,
            code,
            phone_hash: config.pseudonym_key.phone_hash(&person),
        };
        let reported = with_retry(async || platform.report(&name, &report).await);
        in_time(platform, OBJECT_TIME, reported)
            .await
            .map_err(|error| Refusal::Object(error.reason))?;
    }
    let headers = SECURITY_HEADERS
        .map(|(name, value)| (name, value.into()))
        .to_vec();
    Ok(Response {
        status: 204,
        headers,
        body: String::new(),
    })
}

/// Reads a form, verifies it, and parses its fields; `person` is the field that names the person, for the log.
async fn verified<'c, T>(
    config: &Config,
    request: &mut impl Request,
    url: &str,
    person: &str,
    parse: impl FnOnce(&Form) -> Result<T, FieldError>,
) -> Result<Verified<T>, Refusal<'c>> {
    let form = read_form(request).await?;
    let phone_hash = phone_hash(config, &form, person);
    let signature = request.header("X-Twilio-Signature");
    let signed_url = format!("{}{}", origin(config, url), target_of(url));
    signature::verify_form(
        &signed_url,
        form,
        signature.as_deref(),
        &config.twilio_tokens,
    )
    .map_err(|error| Refusal::Signature(error, phone_hash.clone()))?
    .try_map(|form| parse(&form))
    .map_err(|error| Refusal::Field(error, phone_hash))
}

/// Gives a verified message to its sender object.
async fn deliver<'c>(
    platform: &impl WorkerPlatform,
    config: &Config,
    message: &Verified<Message>,
    url: &str,
    arrived: UnixMillis,
) -> Result<Reply, Refusal<'c>> {
    let Message {
        sid,
        from,
        to,
        account,
        service,
        input,
        pictures,
    } = message.get().clone();
    let keys = &config.pseudonym_key;
    let token = config
        .twilio_tokens
        .get(message.token())
        .map(|token| keys.token_id(token));
    let token = token.ok_or_else(|| Refusal::Object("no such token".into()))?;
    let name = keys.pair(&from, &to);
    let phone_hash = keys.phone_hash(&from);
    let route = Route {
        sender: from,
        number: to,
        service,
        account,
        token,
        origin: origin(config, url).to_owned(),
    };
    let call = SenderCall {
        sid,
        input,
        pictures,
        phone_hash,
        route,
        arrived,
        counted: platform.take(),
    };
    let left = MESSAGE_TIME.saturating_sub(platform.now().since(arrived));
    in_time(
        platform,
        left,
        with_retry(async || platform.deliver(&name, &call).await),
    )
    .await
    .map_err(|error| {
        platform.count(&call.counted);
        Refusal::Object(error.reason)
    })
}

async fn read_form<'c>(request: &mut impl Request) -> Result<Form, Refusal<'c>> {
    let body = read_body(request, FORM).await.map_err(Refusal::Body)?;
    Form::parse(&body).map_err(|error| match error {
        crate::twilio::form::FormError::PercentEncoding => {
            Refusal::Malformed("the form's percent-encoding is broken")
        }
        crate::twilio::form::FormError::Utf8 => Refusal::Malformed("the form is not valid UTF-8"),
    })
}

/// Why a body is not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyRefused {
    /// It is not of this media type.
    Not(&'static str),
    TooLarge,
    Broken,
}

impl BodyRefused {
    /// What the client is told.
    pub(crate) fn response(self) -> Response {
        match self {
            Self::Not(media_type) => {
                plain(415, &format!("The content type must be {media_type}\n"))
            }
            Self::TooLarge => plain(413, "The body must not be longer than 64 KiB\n"),
            Self::Broken => plain(400, "Bad request: the body broke off\n"),
        }
    }
}

/// Reads a body that says that it is of this media type, up to [`MAX_BODY_BYTES`].
pub(crate) async fn read_body(
    request: &mut impl Request,
    media_type: &'static str,
) -> Result<Vec<u8>, BodyRefused> {
    let content_type = request.header("Content-Type").unwrap_or_default();
    if !content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case(media_type)
    {
        return Err(BodyRefused::Not(media_type));
    }
    if request
        .header("Content-Length")
        .and_then(|length| length.parse::<usize>().ok())
        .is_some_and(|length| length > MAX_BODY_BYTES)
    {
        return Err(BodyRefused::TooLarge);
    }
    let mut body = Vec::new();
    while let Some(chunk) = request
        .chunk()
        .await
        .map_err(|BodyBroken| BodyRefused::Broken)?
    {
        if body.len().saturating_add(chunk.len()) > MAX_BODY_BYTES {
            return Err(BodyRefused::TooLarge);
        }
        if body.is_empty() {
            body = chunk;
        } else {
            body.extend_from_slice(&chunk);
        }
    }
    Ok(body)
}

/// The origin that Twilio was given: the configured one, or the request's own.
fn origin<'a>(config: &'a Config, url: &'a str) -> &'a str {
    match &config.public_url {
        Some(origin) => origin.as_str(),
        None => url.strip_suffix(target_of(url)).unwrap_or(url),
    }
}

/// The person whom a form claims to be about, for the log; unverified.
fn phone_hash(config: &Config, form: &Form, person: &str) -> PhoneHash {
    let address = form
        .get(person)
        .and_then(|address| address.parse::<Address>().ok());
    address.map_or_else(PhoneHash::nobody, |address| {
        config.pseudonym_key.phone_hash(&address)
    })
}

/// Path and query of an absolute URL, raw.
fn target_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find(['/', '?'])
        .and_then(|at| rest.get(at..))
        .unwrap_or("/")
}

fn path_of(url: &str) -> &str {
    target_of(url).split(['?', '#']).next().unwrap_or("/")
}

fn health(config: Result<&Config, &[Fault]>) -> Response {
    #[derive(Serialize)]
    struct Health<'f> {
        #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
        faults: &'f [Fault],
        status: &'static str,
        version: &'static str,
    }
    let (code, faults, status) = match config {
        Ok(_) => (200, [].as_slice(), "ok"),
        Err(faults) => (503, faults, "misconfigured"),
    };
    match serde_json::to_string(&Health {
        faults,
        status,
        version: env!("CARGO_PKG_VERSION"),
    }) {
        Ok(body) => respond(code, JSON, body + "\n"),
        Err(_) => internal_error(),
    }
}

/// Logs what a refusal says about its sender, and answers it. The answer tells nothing that would help a forger.
fn refuse(platform: &impl WorkerPlatform, refusal: Refusal<'_>) -> Response {
    let security = |phone_hash, details| {
        event::log(
            platform,
            &Event::Security {
                phone_hash,
                details,
            },
        )
    };
    let refusals = match &refusal {
        Refusal::Signature(..) => Refusals {
            invalid_signature: 1,
            ..Refusals::default()
        },
        Refusal::Field(..) => Refusals {
            suspicious_request: 1,
            ..Refusals::default()
        },
        Refusal::Body(_) | Refusal::Malformed(_) => Refusals {
            bad_request: 1,
            ..Refusals::default()
        },
        Refusal::Configuration(_) | Refusal::Object(_) | Refusal::Twiml => Refusals::default(),
    };
    platform.count(&Tally {
        refusals,
        ..Tally::EMPTY
    });
    match refusal {
        Refusal::Configuration(faults) => {
            let mut settings: Vec<_> = faults.iter().map(|fault| fault.setting).collect();
            settings.dedup();
            security(
                PhoneHash::nobody(),
                Security::ConfigurationInvalid { settings },
            );
            not_configured()
        }
        Refusal::Body(refused) => refused.response(),
        Refusal::Malformed(problem) => plain(400, &format!("Bad request: {problem}\n")),
        Refusal::Signature(error, phone_hash) => {
            security(
                phone_hash,
                Security::InvalidSignature {
                    reason: error.to_string(),
                },
            );
            plain(403, "Forbidden\n")
        }
        Refusal::Field(error, phone_hash) => {
            security(
                phone_hash,
                Security::SuspiciousRequest {
                    field: error.field,
                    problem: error.problem,
                },
            );
            plain(400, &format!("Bad request: {error}\n"))
        }
        Refusal::Object(reason) => {
            event::log(
                platform,
                &Event::ObjectFailed {
                    object: "sender",
                    reason,
                },
            );
            try_later()
        }
        Refusal::Twiml => {
            event::log(platform, &Event::InternalError { reason: "twiml" });
            internal_error()
        }
    }
}

pub(crate) fn method_not_allowed(allow: &'static str) -> Response {
    let mut response = plain(405, "Method not allowed\n");
    response.headers.push(("Allow", allow.into()));
    response
}

fn not_configured() -> Response {
    plain(503, "Not configured: see /health\n")
}

pub(crate) fn try_later() -> Response {
    plain(503, "Try again later\n")
}

pub(crate) fn plain(status: u16, body: &str) -> Response {
    respond(status, PLAIN, body.to_owned())
}

pub(crate) fn respond(status: u16, content_type: &'static str, body: String) -> Response {
    let headers = SECURITY_HEADERS
        .into_iter()
        .chain([("Content-Type", content_type)]);
    Response {
        status,
        headers: headers.map(|(name, value)| (name, value.into())).collect(),
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_query_are_taken_raw() {
        for (url, target, path) in [
            (
                "https://a.example/twilio/messages?x=O'Brien%20&y",
                "/twilio/messages?x=O'Brien%20&y",
                "/twilio/messages",
            ),
            ("http://127.0.0.1:8787/health", "/health", "/health"),
            ("https://a.example", "/", "/"),
            ("https://a.example?x=/health", "?x=/health", ""),
            (
                "https://a.example/health/?a=://b",
                "/health/?a=://b",
                "/health/",
            ),
        ] {
            assert_eq!((target_of(url), path_of(url)), (target, path), "{url}");
        }
    }
}
