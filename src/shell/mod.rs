//! The Worker runtime's side: entry points and conversions, and nothing that decides.
//!
//! Exists on wasm32 only. What the runtime calls is in `entry.js`; the Durable Objects are in `objects`, the platform's services in
//! `services`, what waits in `tasks`, and what crosses into JavaScript in `glue`.

mod glue;
mod objects;
mod services;
mod tasks;

use std::{
    cell::{OnceCell, RefCell},
    rc::Rc,
};

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use crate::{
    app::{self, BodyBroken},
    config::{Config, Fault},
};

/// A panic is printed, and ends the instance: what comes next is answered by a fresh one.
#[wasm_bindgen(start, private)]
fn start() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        glue::end();
    }));
}

/// The longest body that a request is read for, in bytes.
#[must_use]
#[wasm_bindgen(js_name = bodyLimit)]
pub fn body_limit() -> usize {
    app::MAX_BODY_BYTES
}

/// A request to the Worker: `head` is what `glue.js` makes of it, `body` its body, if it was read. Returns the response or a
/// promise of it.
#[must_use]
#[wasm_bindgen]
pub fn fetch(head: String, body: Option<String>, request: JsValue, env: JsValue) -> JsValue {
    let mut request = Incoming { request, head, body, read: false };
    #[cfg(feature = "panic-route")]
    panic_on_request(&request);
    let config = config(&env);
    let answer = async move {
        let platform = services::WorkerServices::new(env);
        let config = config.as_deref().map_err(Vec::as_slice);
        let response = app::handle(&platform, config, &mut request).await;
        outgoing(&response).or_else(|_| outgoing(&app::internal_error())).map_err(|error| tasks::failed(&error))
    };
    tasks::begin(tasks::Owner::Request, answer).returned()
}

/// The response to a request whose engine is gone.
///
/// # Errors
/// When it could not be made.
#[wasm_bindgen(js_name = internalError)]
pub fn internal_error() -> Result<JsValue, JsValue> {
    outgoing(&app::internal_error())
}

/// For the end-to-end test of recovery: a panic like any other, in a build that is never released.
#[cfg(feature = "panic-route")]
#[allow(clippy::panic, reason = "that is what it is for")]
fn panic_on_request(request: &Incoming) {
    if app::Request::url(request).ends_with("/panic") {
        panic!("asked to");
    }
}

/// The settings, parsed once an isolate.
fn config(env: &JsValue) -> Result<Rc<Config>, Vec<Fault>> {
    thread_local! {
        static CONFIG: OnceCell<Result<Rc<Config>, Vec<Fault>>> = const { OnceCell::new() };
    }
    CONFIG.with(|config| config.get_or_init(|| Config::parse(|name| glue::setting(env, name)).map(Rc::new)).clone())
}

/// A request of the runtime's. What every check needs is fetched at once, and the body is read once: every crossing into
/// JavaScript costs.
struct Incoming {
    request: JsValue,
    /// Method, URL, content type, length and signature, a line each.
    head: String,
    body: Option<String>,
    read: bool,
}

impl Incoming {
    fn line(&self, number: usize) -> &str {
        self.head.split('\n').nth(number).unwrap_or_default()
    }
}

impl app::Request for Incoming {
    fn method(&self) -> String {
        self.line(0).to_owned()
    }

    fn url(&self) -> String {
        self.line(1).to_owned()
    }

    fn header(&self, name: &str) -> Option<String> {
        let line = match name {
            "Content-Type" => 2,
            "Content-Length" => 3,
            "X-Twilio-Signature" => 4,
            _ => return glue::header(&self.request, name),
        };
        Some(self.line(line)).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, BodyBroken> {
        if std::mem::replace(&mut self.read, true) {
            return Ok(None);
        }
        if let Some(body) = self.body.take() {
            return Ok(Some(as_it_was(body)));
        }
        let bytes = tasks::settled(glue::bytes(&self.request, app::MAX_BODY_BYTES)).await.map_err(|_| BodyBroken)?;
        Ok(Some(Uint8Array::from(bytes).to_vec()))
    }
}

/// The bytes of a body that was read as text. What was no UTF-8 is none again: who sends U+FFFD in a form encodes it.
fn as_it_was(text: String) -> Vec<u8> {
    if !text.contains('\u{FFFD}') {
        return text.into_bytes();
    }
    text.split('\u{FFFD}').map(str::as_bytes).collect::<Vec<_>>().join(&0xFF)
}

/// A response for the runtime.
fn outgoing(response: &app::Response) -> Result<JsValue, JsValue> {
    glue::respond(response.status, &headers(&response.headers), &response.body)
}

/// Headers for the runtime. Those that were made lately are kept: most responses have the same ones.
fn headers<V: AsRef<str>>(headers: &[(&'static str, V)]) -> JsValue {
    thread_local! {
        static MADE: RefCell<Vec<(String, JsValue)>> = const { RefCell::new(Vec::new()) };
    }
    let lines = lines(headers);
    MADE.with_borrow_mut(|made| {
        if let Some((_, headers)) = made.iter().find(|(other, _)| *other == lines) {
            return headers.clone();
        }
        let headers = glue::headers(&lines);
        if made.len() >= MAX_MADE {
            made.remove(0);
        }
        made.push((lines, headers.clone()));
        headers
    })
}

/// As many as there are kinds of responses and of requests to the outside; those that differ each time come and go.
const MAX_MADE: usize = 8;

/// Header names and values, a line each, as `glue` takes them.
fn lines<V: AsRef<str>>(headers: &[(&'static str, V)]) -> String {
    let mut lines = String::with_capacity(256);
    for (name, value) in headers {
        [name, "\n", value.as_ref(), "\n"].into_iter().for_each(|piece| lines.push_str(piece));
    }
    lines
}
