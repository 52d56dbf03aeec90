//! A request: its parts as the runtime gives them, and its body up to a limit.
//!
//! Not here: the conversion from the runtime's own type (`runtime`).

use super::response::{self, Response};

/// A request, as the runtime gives it.
#[allow(
    async_fn_in_trait,
    reason = "wasm32 is single-threaded; no caller needs Send"
)]
pub trait Request {
    /// The method, in upper case.
    fn method(&self) -> String;
    /// The URL exactly as the runtime gives it, neither parsed nor normalised.
    fn url(&self) -> String;
    /// The value of a header. A comma joins repeated headers.
    fn header(&self, name: &str) -> Option<String>;
    /// The next piece of the body, or `None` at its end.
    ///
    /// # Errors
    /// When the body broke off.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, BodyBroken>;
}

/// The connection dropped before the whole body arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyBroken;

/// The longest body that is read, in bytes. Twilio's own limit is far below.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// The reason why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// Its content type is not this one.
    ContentType(&'static str),
    /// It is longer than [`MAX_BODY_BYTES`].
    TooLarge,
    /// The connection dropped before the whole body arrived.
    Broken,
}

impl BodyError {
    /// The response for the client.
    pub(super) fn response(self) -> Response {
        match self {
            Self::ContentType(expected) => {
                response::plain(415, &format!("The content type must be {expected}\n"))
            }
            Self::TooLarge => response::plain(413, "The body must not be longer than 64 KiB\n"),
            Self::Broken => response::bad_request("the body broke off"),
        }
    }
}

/// Reads a body of this content type, up to [`MAX_BODY_BYTES`].
pub(super) async fn read_body(
    request: &mut impl Request,
    expected: &'static str,
) -> Result<Vec<u8>, BodyError> {
    if !has_media_type(request, expected) {
        return Err(BodyError::ContentType(expected));
    }
    let length = request.header("Content-Length");
    let length = length.and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > MAX_BODY_BYTES) {
        return Err(BodyError::TooLarge);
    }
    let mut body = Vec::new();
    while let Some(chunk) = request
        .chunk()
        .await
        .map_err(|BodyBroken| BodyError::Broken)?
    {
        if body.len().saturating_add(chunk.len()) > MAX_BODY_BYTES {
            return Err(BodyError::TooLarge);
        }
        if body.is_empty() {
            body = chunk;
        } else {
            body.extend_from_slice(&chunk);
        }
    }
    Ok(body)
}

/// Whether the body of a request has this media type, as its header says.
pub(super) fn has_media_type(request: &impl Request, expected: &str) -> bool {
    let content_type = request.header("Content-Type").unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case(expected)
}

/// The path of an absolute URL, raw.
#[must_use]
pub fn path_of(url: &str) -> &str {
    target_of(url).split(['?', '#']).next().unwrap_or("/")
}

/// The path and query of an absolute URL, raw.
pub(super) fn target_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find(['/', '?'])
        .and_then(|at| rest.get(at..))
        .unwrap_or("/")
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
