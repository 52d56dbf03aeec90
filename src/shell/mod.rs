//! The Worker runtime's side: entry points and conversions, and nothing that decides.
//!
//! Exists on wasm32 only. The Durable Objects are in `objects`, the platform's services in `services`, and what crosses into
//! JavaScript in `glue`.

mod glue;
mod objects;
mod services;

use std::{cell::OnceCell, rc::Rc};

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
        glue::failed_for_good();
    }));
    wasm_bindgen::handler::set_on_abort(wasm_bindgen::handler::schedule_reinit);
}

/// For the entry point that `worker-build` makes around these.
#[doc(hidden)]
#[wasm_bindgen(js_name = __worker_init_state)]
pub fn init_state() -> JsValue {
    glue::init_state()
}

/// A request to the Worker.
///
/// # Errors
/// None that the runtime would not answer by itself: the response could not be made.
#[wasm_bindgen]
pub async fn fetch(request: JsValue, env: JsValue) -> Result<JsValue, JsValue> {
    let mut request = Incoming::new(request);
    #[cfg(feature = "panic-route")]
    panic_on_request(&request);
    let config = config(&env);
    let platform = services::WorkerServices::new(env);
    let config = Result::as_ref(&config).map_err(Vec::as_slice);
    let response = app::handle(&platform, config, &mut request).await;
    outgoing(&response).or_else(|_| outgoing(&app::internal_error()))
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
fn config(env: &JsValue) -> Rc<Result<Config, Vec<Fault>>> {
    thread_local! {
        static CONFIG: OnceCell<Rc<Result<Config, Vec<Fault>>>> = const { OnceCell::new() };
    }
    CONFIG.with(|config| Rc::clone(config.get_or_init(|| Rc::new(Config::parse(|name| glue::setting(env, name))))))
}

/// A request of the runtime's. What every check needs is fetched at once, and the body is read once: every crossing into
/// JavaScript costs.
struct Incoming {
    request: JsValue,
    /// Method, URL, content type, length and signature, a line each.
    head: String,
    read: bool,
}

impl Incoming {
    fn new(request: JsValue) -> Self {
        let head = glue::head(&request);
        Self { request, head, read: false }
    }

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
        let bytes = glue::settled(glue::bytes(&self.request, app::MAX_BODY_BYTES)).await.map_err(|_| BodyBroken)?;
        Ok(Some(Uint8Array::from(bytes).to_vec()))
    }
}

/// A response for the runtime.
fn outgoing(response: &app::Response) -> Result<JsValue, JsValue> {
    glue::respond(response.status, &lines(&response.headers), &response.body)
}

/// Header names and values, a line each, as `glue` takes them.
fn lines<V: AsRef<str>>(headers: &[(&'static str, V)]) -> String {
    let mut lines = String::with_capacity(256);
    for (name, value) in headers {
        [name, "\n", value.as_ref(), "\n"].into_iter().for_each(|piece| lines.push_str(piece));
    }
    lines
}
