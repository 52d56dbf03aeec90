//! The Worker runtime's side: entry points and conversions, and nothing that decides.
//!
//! Exists on wasm32 only. The Durable Objects are in `objects`, the platform's services in `services`.

mod objects;
mod services;

use std::{cell::OnceCell, rc::Rc};

use futures_util::StreamExt;
use worker::{Context, Env, event, js_sys, wasm_bindgen::JsValue, web_sys};

use crate::{
    app::{self, BodyBroken},
    config::{Config, Fault},
};

/// Puts our panic hook in front of the one of `worker`, which must stay: it marks the instance for a fresh start.
#[event(start)]
fn start() {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        console_error_panic_hook::hook(info);
        previous(info);
    }));
}

#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, _context: Context) -> worker::Result<web_sys::Response> {
    #[cfg(feature = "panic-route")]
    panic_on_request(&request);
    let config = config(&env);
    let platform = services::WorkerServices::new(&env);
    let config = Result::as_ref(&config).map_err(Vec::as_slice);
    let response = app::handle(&platform, config, &mut Incoming::new(request)).await;
    outgoing(&response).or_else(|_| outgoing(&app::internal_error())).map_err(worker::Error::from)
}

/// For the end-to-end test of recovery: a panic like any other, in a build that is never released.
#[cfg(feature = "panic-route")]
#[allow(clippy::panic, reason = "that is what it is for")]
fn panic_on_request(request: &web_sys::Request) {
    if request.url().ends_with("/panic") {
        panic!("asked to");
    }
}

/// The settings, parsed once an isolate.
fn config(env: &Env) -> Rc<Result<Config, Vec<Fault>>> {
    thread_local! {
        static CONFIG: OnceCell<Rc<Result<Config, Vec<Fault>>>> = const { OnceCell::new() };
    }
    CONFIG.with(|config| Rc::clone(config.get_or_init(|| Rc::new(Config::parse(|name| setting(env, name))))))
}

/// A variable or secret. A number in `[vars]` is as good as a string.
fn setting(env: &Env, name: &str) -> Option<String> {
    let value = js_sys::Reflect::get(env, &JsValue::from_str(name)).ok()?;
    value.as_string().or_else(|| value.as_f64().map(|number| number.to_string()))
}

/// A request of the runtime's. Headers are looked up by name, and the body is read once: every crossing into JavaScript
/// costs.
struct Incoming {
    request: web_sys::Request,
    body: Body,
}

enum Body {
    Unread,
    Streaming(worker::ByteStream),
    Read,
}

impl Incoming {
    fn new(request: web_sys::Request) -> Self {
        Self { request, body: Body::Unread }
    }
}

impl app::Request for Incoming {
    fn method(&self) -> String {
        self.request.method()
    }

    fn url(&self) -> String {
        self.request.url()
    }

    fn header(&self, name: &str) -> Option<String> {
        self.request.headers().get(name).ok().flatten()
    }

    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, BodyBroken> {
        if matches!(self.body, Body::Unread) {
            if self.header("Content-Length").is_some() {
                // The runtime reads no more than the length that was announced, which has been checked: read it at once.
                // (`Clone::clone` copies the handle; the request's own `clone` would split its body in two.)
                self.body = Body::Read;
                let bytes = worker::Request::from(Clone::clone(&self.request)).bytes().await;
                return bytes.map(Some).map_err(|_| BodyBroken);
            }
            self.body = match worker::Request::from(Clone::clone(&self.request)).stream() {
                Ok(stream) => Body::Streaming(stream),
                Err(_) => Body::Read, // there is none
            };
        }
        match &mut self.body {
            Body::Streaming(stream) => stream.next().await.transpose().map_err(|_| BodyBroken),
            Body::Unread | Body::Read => Ok(None),
        }
    }
}

/// A response for the runtime.
fn outgoing(response: &app::Response) -> Result<web_sys::Response, JsValue> {
    let headers = web_sys::Headers::new()?;
    for (name, value) in &response.headers {
        headers.set(name, value)?;
    }
    let init = web_sys::ResponseInit::new();
    init.set_status(response.status);
    init.set_headers(&headers);
    let body = (!response.body.is_empty()).then_some(response.body.as_str());
    web_sys::Response::new_with_opt_str_and_init(body, &init)
}
