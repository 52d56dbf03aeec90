//! HTTP to the outside, on the runtime's `fetch`.
//!
//! Not here: which requests are made, and retries (`openai`, `twilio`).

use std::{pin::pin, time::Duration};

use futures_util::future::{Either, select};
use wasm_bindgen::prelude::*;
use worker::{
    js_sys::{self, Uint8Array},
    wasm_bindgen_futures::JsFuture,
    web_sys,
};

use super::{
    super::{
        clock::sleep,
        convert::{headers, read},
    },
    ObjectServices,
};
use crate::platform::{Body, BodyStream, Http, HttpError, HttpOpened, HttpRequest, HttpResponse};

impl Http for ObjectServices {
    type Body = Pieces;

    async fn send(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpResponse, HttpError> {
        let mut exchange = Exchange::new().ok_or(HttpError::Connection)?;
        let run = async {
            let response = exchange.begin(request).await?;
            received(&response, request.limit).await
        };
        let result = in_time(timeout, run).await;
        exchange.over = result.is_ok();
        result
    }

    async fn open(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpOpened<Pieces>, HttpError> {
        let exchange = Exchange::new().ok_or(HttpError::Connection)?;
        let response = in_time(timeout, exchange.begin(request)).await?;
        let reader = match response.body() {
            Some(body) => {
                let body: Readable = body.unchecked_into();
                Some(body.reader().map_err(|_| HttpError::Unreadable)?)
            }
            None => None,
        };
        let header = header_of(&response);
        Ok(HttpOpened {
            status: response.status(),
            content_type: header("Content-Type"),
            retry_after: header("Retry-After"),
            location: header("Location"),
            body: Pieces {
                reader,
                left: request.limit,
                exchange,
            },
        })
    }
}

/// Waits for an exchange for at most `limit`.
async fn in_time<T>(
    limit: Duration,
    exchange: impl Future<Output = Result<T, HttpError>>,
) -> Result<T, HttpError> {
    match select(pin!(exchange), pin!(sleep(limit))).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(HttpError::Timeout),
    }
}

/// The body of an answer. Dropping it aborts the exchange, and with it the stream.
///
/// It reads by itself and not by `wasm_streams`, which cancels a stream that is dropped. That throws
/// in the context of another request, and aborting does the same.
pub struct Pieces {
    /// `None` once the body has ended.
    reader: Option<Reader>,
    /// The bytes that may still come.
    left: usize,
    exchange: Exchange,
}

impl BodyStream for Pieces {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, HttpError> {
        let Some(reader) = &self.reader else {
            self.exchange.over = true;
            return Ok(None);
        };
        let piece = match reader.read() {
            Ok(promise) => JsFuture::from(promise).await,
            Err(error) => Err(error),
        };
        let Ok(piece) = piece else {
            self.reader = None;
            return Err(HttpError::Unreadable);
        };
        let piece: Piece = piece.unchecked_into();
        if piece.done() {
            self.reader = None;
            self.exchange.over = true;
            return Ok(None);
        }
        let bytes = piece.value().unchecked_into::<Uint8Array>().to_vec();
        let Some(left) = self.left.checked_sub(bytes.len()) else {
            self.reader = None;
            return Err(HttpError::TooLarge);
        };
        self.left = left;
        Ok(Some(bytes))
    }
}

/// An HTTP exchange. Dropping it aborts the request, unless the exchange is over.
///
/// It uses `web_sys` and not `worker`'s `Fetch`, whose responses can only be read piece by piece.
struct Exchange {
    controller: web_sys::AbortController,
    over: bool,
}

impl Exchange {
    fn new() -> Option<Self> {
        Some(Self {
            controller: web_sys::AbortController::new().ok()?,
            over: false,
        })
    }

    /// Sends the request, and waits for the headers of the answer. Redirects are not followed: they
    /// would carry keys and texts to another server.
    async fn begin(&self, request: &HttpRequest) -> Result<web_sys::Response, HttpError> {
        let init = web_sys::RequestInit::new();
        init.set_method(request.method);
        init.set_headers(
            headers(&request.headers)
                .map_err(|_| HttpError::Connection)?
                .as_ref(),
        );
        init.set_redirect(web_sys::RequestRedirect::Manual);
        init.set_signal(Some(&self.controller.signal()));
        if request.method == "POST" {
            init.set_body(&bytes_of(&request.body));
        }
        let global: web_sys::WorkerGlobalScope = js_sys::global().unchecked_into();
        let response = JsFuture::from(global.fetch_with_str_and_init(&request.url, &init))
            .await
            .map_err(|_| HttpError::Connection)?;
        Ok(response.unchecked_into())
    }
}

/// The body as bytes of the runtime, which are copied once. A string would be copied and converted
/// once more, and images and recordings are large.
fn bytes_of(body: &Body) -> Uint8Array {
    let bytes = Uint8Array::new_with_length(u32::try_from(body.len()).unwrap_or(u32::MAX));
    let mut at: u32 = 0;
    for piece in body.pieces() {
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        let end = at.saturating_add(length);
        bytes.subarray(at, end).copy_from(piece);
        at = end;
    }
    bytes
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.over {
            // The controller may have vanished with its object.
            let _ = self.controller.unchecked_ref::<Aborts>().abort();
        }
    }
}

/// Reads the answer, and at most one piece of its body beyond `limit`.
async fn received(response: &web_sys::Response, limit: usize) -> Result<HttpResponse, HttpError> {
    let header = header_of(response);
    let length = header("Content-Length").and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(HttpError::TooLarge);
    }
    // A body that is compressed or has no known length is read piece by piece, because it may be
    // longer than it seems.
    let body = if length.is_some() && header("Content-Encoding").is_none() {
        let whole = response.array_buffer().map_err(|_| HttpError::Unreadable)?;
        Uint8Array::new(
            &JsFuture::from(whole)
                .await
                .map_err(|_| HttpError::Unreadable)?,
        )
        .to_vec()
    } else {
        read(response.body(), limit)
            .await
            .map_err(|_| HttpError::Unreadable)?
    };
    if body.len() > limit {
        return Err(HttpError::TooLarge);
    }
    let (retry_after, location) = if response.ok() {
        (None, None)
    } else {
        (header("Retry-After"), header("Location"))
    };
    Ok(HttpResponse {
        status: response.status(),
        retry_after,
        location,
        body,
    })
}

/// Reads the headers of an answer.
fn header_of(response: &web_sys::Response) -> impl Fn(&str) -> Option<String> + use<> {
    let fields = response.headers();
    move |name| fields.get(name).ok().flatten()
}

// `worker` does not have these, or does not catch what they throw.
#[wasm_bindgen]
extern "C" {
    /// A `ReadableStream`.
    type Readable;
    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn reader(this: &Readable) -> Result<Reader, JsValue>;

    /// A `ReadableStreamDefaultReader`.
    type Reader;
    #[wasm_bindgen(method, catch)]
    fn read(this: &Reader) -> Result<js_sys::Promise, JsValue>;

    /// A `ReadableStreamReadResult`.
    type Piece;
    #[wasm_bindgen(method, getter)]
    fn done(this: &Piece) -> bool;
    #[wasm_bindgen(method, getter)]
    fn value(this: &Piece) -> JsValue;

    /// An `AbortController`. Outside its object's context, `abort` may throw. `worker` does not
    /// catch that.
    type Aborts;
    #[wasm_bindgen(method, catch)]
    fn abort(this: &Aborts) -> Result<(), JsValue>;
}
