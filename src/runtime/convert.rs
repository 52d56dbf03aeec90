//! Conversions of the runtime's HTTP types: bodies and headers.

use std::{cell::RefCell, collections::VecDeque};

use futures_util::StreamExt;
use wasm_bindgen::prelude::*;
use wasm_streams::readable::ReadableStream;
use worker::{js_sys::Uint8Array, web_sys};

/// Reads the bytes of a body, and at most one piece beyond `limit`.
///
/// `worker`'s `ByteStream` is no option: it treats an aborted stream like a complete one.
pub async fn read(body: Option<web_sys::ReadableStream>, limit: usize) -> Result<Vec<u8>, JsValue> {
    let mut bytes = Vec::new();
    let Some(body) = body else { return Ok(bytes) };
    let mut pieces = ReadableStream::from_raw(body.unchecked_into())
        .try_into_stream()
        .map_err(|(error, _)| JsValue::from(error))?;
    while let Some(piece) = pieces.next().await {
        bytes.append(&mut Uint8Array::from(piece?).to_vec());
        if bytes.len() > limit {
            pieces.cancel().await?;
            break;
        }
    }
    Ok(bytes)
}

/// Headers for the runtime, which copies them. Recent headers are cached: most responses have the
/// same ones, and making them takes a twelfth of a rejection's CPU time.
pub fn headers<N: AsRef<str>, V: AsRef<str>>(
    fields: &[(N, V)],
) -> Result<web_sys::Headers, JsValue> {
    thread_local! {
        static MADE: RefCell<VecDeque<(String, web_sys::Headers)>> = const { RefCell::new(VecDeque::new()) };
    }
    let mut lines = String::with_capacity(256);
    for (name, value) in fields {
        for piece in [name.as_ref(), "\n", value.as_ref(), "\n"] {
            lines.push_str(piece);
        }
    }
    MADE.with_borrow_mut(|made| {
        if let Some((_, headers)) = made.iter().find(|(other, _)| *other == lines) {
            return Ok(headers.clone());
        }
        let headers = web_sys::Headers::new()?;
        for (name, value) in fields {
            headers.append(name.as_ref(), value.as_ref())?;
        }
        made.push_back((lines, headers.clone()));
        if made.len() > MAX_MADE {
            made.pop_front();
        }
        Ok(headers)
    })
}

/// The size of the cache: about one entry for each kind of response and of outgoing request.
const MAX_MADE: usize = 8;
