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
use crate::platform::{Body, Http, HttpError, HttpRequest, HttpResponse};

impl Http for ObjectServices {
    async fn send(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpResponse, HttpError> {
        let mut exchange = Exchange::new().ok_or(HttpError::Connection)?;
        let result = match select(pin!(exchange.run(request)), pin!(sleep(timeout))).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(HttpError::Timeout),
        };
        exchange.over = result.is_ok();
        result
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

    /// Sends the request. Redirects are not followed: they would carry keys and texts to another
    /// server.
    async fn run(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
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
        received(response.unchecked_into(), request.limit).await
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
async fn received(response: web_sys::Response, limit: usize) -> Result<HttpResponse, HttpError> {
    let fields = response.headers();
    let header = |name| fields.get(name).ok().flatten();
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

// `worker` does not have this.
#[wasm_bindgen]
extern "C" {
    /// An `AbortController`. Outside its object's context, `abort` may throw. `worker` does not
    /// catch that.
    type Aborts;
    #[wasm_bindgen(method, catch)]
    fn abort(this: &Aborts) -> Result<(), JsValue>;
}
