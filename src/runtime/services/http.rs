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
use crate::platform::{Http, HttpError, HttpRequest, HttpResponse};

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

/// An exchange over HTTP. It is broken off when nobody waits for it any more, unless it is over.
///
/// By `web_sys` and not by `worker`'s `Fetch`, whose responses cannot be read but piece by piece.
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

    /// A redirect is not followed: it would carry keys and texts to another place.
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
            // As bytes: a string would be copied and converted once more, and pictures are large.
            init.set_body(&Uint8Array::from(request.body.as_bytes()));
        }
        let global: web_sys::WorkerGlobalScope = js_sys::global().unchecked_into();
        let response = JsFuture::from(global.fetch_with_str_and_init(&request.url, &init))
            .await
            .map_err(|_| HttpError::Connection)?;
        received(response.unchecked_into(), request.limit).await
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.over {
            // It may have gone with its object.
            let _ = self.controller.unchecked_ref::<Aborts>().abort();
        }
    }
}

/// The answer, of whose body no more is read than one piece beyond `limit`.
async fn received(response: web_sys::Response, limit: usize) -> Result<HttpResponse, HttpError> {
    let fields = response.headers();
    let header = |name| fields.get(name).ok().flatten();
    let length = header("Content-Length").and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(HttpError::TooLarge);
    }
    // Where it is compressed, or its length is not known, piece by piece: it may be longer than it seems.
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

// `worker` does not have these.
#[wasm_bindgen]
extern "C" {
    /// An `AbortController`. From outside its object's context `abort` may throw, which `worker` lets pass.
    type Aborts;
    #[wasm_bindgen(method, catch)]
    fn abort(this: &Aborts) -> Result<(), JsValue>;
}
