//! The port to HTTP: requests, answers, and answers whose body is read piece by piece.
//!
//! Not here: which requests are made, and what their answers mean.

use std::{borrow::Cow, collections::VecDeque, time::Duration};

/// An HTTP request to OpenAI, Twilio or a service of the operator's.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// The method; a body is sent with `POST` only.
    pub method: &'static str,
    /// The whole URL.
    pub url: String,
    /// Header names and values.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body.
    pub body: Body,
    /// The longest answer body that is read, in bytes. A longer one is a [`HttpError::TooLarge`].
    pub limit: usize,
}

/// The body of a request: pieces that are sent one after the other.
///
/// A file in a multipart form is a piece of its own. So it is never copied to put something around
/// it: files are large, and an isolate's memory is small.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body(Vec<Vec<u8>>);

impl Body {
    /// The body that consists of these pieces.
    #[must_use]
    pub fn of_pieces(pieces: Vec<Vec<u8>>) -> Self {
        Self(pieces)
    }

    /// The pieces, in order.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// The length of all pieces together, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces()
            .fold(0, |length, piece| length.saturating_add(piece.len()))
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of all pieces as one.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.concat()
    }

    /// A copy as text. What is no text becomes U+FFFD.
    #[must_use]
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.to_bytes()).into_owned()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self(vec![bytes])
    }
}

/// An HTTP answer, read to its end.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// The `Retry-After` header, as it came.
    pub retry_after: Option<String>,
    /// The `Location` header, as it came. Redirects are not followed.
    pub location: Option<String>,
    /// The body, at most as long as the request allows.
    pub body: Vec<u8>,
}

/// The usual limit for the body of an answer, in bytes.
pub const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// Why there is no HTTP answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The time ran out, and the request was aborted. The server may or may not have acted on it.
    #[error("timeout")]
    Timeout,
    /// The connection failed before the answer's headers arrived. The server may or may not have
    /// acted on the request.
    #[error("connection_failed")]
    Connection,
    /// The answer began, but could not be read to its end.
    #[error("unreadable")]
    Unreadable,
    /// The answer is longer than the request allows.
    #[error("too_large")]
    TooLarge,
}

/// An HTTP answer whose body has not been read.
#[derive(Clone, Debug)]
pub struct HttpOpened<B> {
    /// The status code.
    pub status: u16,
    /// The `Content-Type` header, as it came.
    pub content_type: Option<String>,
    /// The `Retry-After` header, as it came.
    pub retry_after: Option<String>,
    /// The `Location` header, as it came. Redirects are not followed.
    pub location: Option<String>,
    /// The body.
    pub body: B,
}

impl<B: BodyStream> HttpOpened<B> {
    /// Reads the body to its end.
    ///
    /// # Errors
    /// Those of the body.
    pub async fn read(mut self) -> Result<HttpResponse, HttpError> {
        let mut body = Vec::new();
        while let Some(mut piece) = self.body.next().await? {
            body.append(&mut piece);
        }
        Ok(HttpResponse {
            status: self.status,
            retry_after: self.retry_after,
            location: self.location,
            body,
        })
    }
}

impl From<HttpResponse> for HttpOpened<VecDeque<Vec<u8>>> {
    /// An answer whose body has arrived already.
    fn from(response: HttpResponse) -> Self {
        Self {
            status: response.status,
            content_type: None,
            retry_after: response.retry_after,
            location: response.location,
            body: [response.body].into(),
        }
    }
}

/// The body of an answer, piece by piece. Dropping it ends the request.
pub trait BodyStream {
    /// The next piece, or `None` at the end. It waits without a limit. Nothing is read after an
    /// error, or after a wait that was given up: the piece that it waited for would be missing.
    ///
    /// # Errors
    /// [`HttpError::TooLarge`] when the pieces are longer together than the request allows, and
    /// [`HttpError::Unreadable`] when the answer broke off.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, HttpError>;
}

/// Pieces that have arrived already.
impl BodyStream for VecDeque<Vec<u8>> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, HttpError> {
        Ok(self.pop_front())
    }
}

/// HTTP to the outside.
pub trait Http {
    /// The body of an answer that was opened.
    type Body: BodyStream;

    /// Sends `request` and reads the whole answer. After `timeout` it aborts the request.
    ///
    /// # Errors
    /// See [`HttpError`]. An answer of any status is `Ok`.
    async fn send(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpResponse, HttpError>;

    /// Sends `request` and waits for the headers of the answer for at most `timeout`. Whoever reads
    /// the body limits that wait.
    ///
    /// # Errors
    /// See [`HttpError`]. An answer of any status is `Ok`.
    async fn open(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpOpened<Self::Body>, HttpError>;
}
