//! The Worker runtime: entry points and conversions, based on the crate `worker`. Not here:
//! decisions.
//!
//! This module exists on wasm32 only. The Durable Objects are in `objects`, and the platform's
//! services in `services`. The runtime calls `entry.js` first.
//!
//! `docs/design.md` lists our own code that replaces parts of `worker`, with reasons.

mod calls;
mod clock;
mod convert;
mod lifetime;
mod object_class;
mod objects;
mod services;
mod sockets;
mod synthetic;

use std::{cell::OnceCell, future::ready, rc::Rc};

use futures_util::{StreamExt, TryStreamExt, stream};
use wasm_bindgen::prelude::*;
use worker::{
    Env, ResponseBuilder, event,
    js_sys::{self, JSON, Reflect},
    web_sys,
};

use convert::{headers, read};

use crate::{
    config::{AssistantFile, Config, ConfigError, Sources},
    http::{
        self, BodyBroken, MAX_BODY_BYTES, Request, Response, Rest, Upgrade,
        internal_error as error_response,
    },
    platform::Method,
    synthetic::api::Begin,
    voice::api::Admit,
};

/// Prints the location and the trace of a panic. The previous hook, from `worker`, informs
/// `entry.js`.
#[event(start)]
fn start() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        console_error_panic_hook::hook(info);
        before(info);
    }));
}

/// The longest request body that is read, in bytes.
#[must_use]
#[wasm_bindgen(js_name = bodyLimit)]
pub fn body_limit() -> usize {
    MAX_BODY_BYTES
}

/// Answers a request to the Worker, with its body if that was read. Returns the response or a
/// promise of it.
///
/// `worker`'s `#[event(fetch)]` always makes a promise and a task. Most rejected requests need
/// neither.
#[must_use]
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, body: Option<Vec<u8>>, env: Env) -> JsValue {
    let headers = request.headers();
    let mut request = Incoming {
        request,
        headers,
        body,
        read: false,
    };
    #[cfg(feature = "panic-route")]
    if request.url().ends_with("/panic") {
        panic_on_request();
    }
    let config = config(&env);
    lifetime::run_for_request(async move {
        #[cfg(feature = "panic-route")]
        if request.url().ends_with("/panic/in-a-task") {
            clock::sleep(std::time::Duration::from_millis(1)).await;
            panic_on_request();
        }
        let platform = services::WorkerServices::new(env.clone());
        let owned = config;
        let config = owned.as_deref().map_err(Vec::as_slice);
        match http::upgrade(&platform, config, &request) {
            Upgrade::Other => {}
            Upgrade::Rejected(response) => return outgoing(&response),
            Upgrade::Verified(relay) => {
                let (name, request) = (relay.call.as_str(), &request.request);
                return sockets::pass_upgrade(&env, Admit::BINDING, name, request).await;
            }
            Upgrade::VerifiedLeg(leg) => {
                let (name, request) = (leg.run.to_string(), &request.request);
                return sockets::pass_upgrade(&env, Begin::BINDING, &name, request).await;
            }
        }
        let mut response = http::handle(&platform, config, &mut request).await;
        if let (Ok(config), Some(rest)) = (&owned, response.rest.take()) {
            return streamed(response, rest, env, Rc::clone(config));
        }
        outgoing(&response).or_else(|_| outgoing(&error_response()))
    })
}

/// The response to a request whose WebAssembly instance is gone.
///
/// # Errors
/// When it could not be made.
#[wasm_bindgen(js_name = internalError)]
pub fn internal_error() -> Result<JsValue, JsValue> {
    outgoing(&error_response())
}

/// Panics, for the end-to-end test of recovery. Released builds do not have it.
#[cfg(feature = "panic-route")]
#[allow(clippy::panic, reason = "its purpose is to panic")]
fn panic_on_request() {
    panic!("asked to");
}

/// The configuration, parsed once per isolate.
fn config(env: &Env) -> Result<Rc<Config>, Vec<ConfigError>> {
    thread_local! {
        static CONFIG: OnceCell<Result<Rc<Config>, Vec<ConfigError>>> = const { OnceCell::new() };
    }
    let parse = || {
        let sources = Sources {
            setting: &|name| setting(env, name),
            files: &assistant_files(&bundled_assistants()),
            is_time_zone: &|name| clock::offset_minutes(name, clock::now()).is_some(),
        };
        Config::parse(&sources).map(Rc::new)
    };
    CONFIG.with(|config| config.get_or_init(parse).clone())
}

#[wasm_bindgen(raw_module = "./assistants.js")]
extern "C" {
    /// The files of the assistants: a name, its text, the next name, and so on. `npm run build` writes the module,
    /// so a file can change without a build of the Rust code.
    #[wasm_bindgen(js_name = assistantFiles)]
    fn bundled_assistants() -> js_sys::Array;
}

/// Reads files of assistants with these settings, and says as JSON what is wrong and which assistants
/// there are. `npm run build` and `npm run assistants` call it in Node.js.
#[must_use]
#[wasm_bindgen(js_name = checkAssistants)]
pub fn check_assistants(settings: JsValue, files: &js_sys::Array) -> String {
    let settings: Env = settings.unchecked_into();
    let sources = Sources {
        setting: &|name| setting(&settings, name),
        files: &assistant_files(files),
        is_time_zone: &|name| clock::offset_minutes(name, clock::now()).is_some(),
    };
    crate::config::check(&sources)
}

fn assistant_files(pairs: &js_sys::Array) -> Vec<AssistantFile> {
    let texts: Vec<_> = pairs.iter().filter_map(|text| text.as_string()).collect();
    let pairs = texts.as_chunks::<2>().0.iter();
    pairs
        .map(|[name, text]| AssistantFile {
            name: name.clone(),
            text: text.clone(),
        })
        .collect()
}

/// The value of a variable or secret. `[vars]` may have numbers, lists and tables, too, but
/// `Env::var` accepts only strings.
fn setting(env: &Env, name: &str) -> Option<String> {
    let value = Reflect::get(env, &JsValue::from_str(name)).ok()?;
    value
        .as_string()
        .or_else(|| Some(value.as_f64()?.to_string()))
        .or_else(|| {
            let json = value.is_object().then(|| JSON::stringify(&value))?;
            json.ok()?.as_string()
        })
}

/// A request from the runtime.
struct Incoming {
    request: web_sys::Request,
    headers: web_sys::Headers,
    /// The body, if it was read before.
    body: Option<Vec<u8>>,
    read: bool,
}

impl Request for Incoming {
    fn method(&self) -> String {
        self.request.method()
    }

    fn url(&self) -> String {
        self.request.url()
    }

    fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).ok().flatten()
    }

    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, BodyBroken> {
        if std::mem::replace(&mut self.read, true) {
            return Ok(None);
        }
        match self.body.take() {
            Some(body) => Ok(Some(body)),
            None => read(self.request.body(), MAX_BODY_BYTES)
                .await
                .map(Some)
                .map_err(|_| BodyBroken),
        }
    }
}

/// A response whose body is made part by part, while it is sent. If a part fails, the connection breaks
/// off, so that nobody takes the body for whole.
fn streamed(
    response: Response,
    rest: Rest,
    env: Env,
    config: Rc<Config>,
) -> Result<JsValue, JsValue> {
    let (head, first) = (headers(&response.headers)?, response.body);
    let platform = services::WorkerServices::new(env);
    let rests = stream::try_unfold(Some(rest), move |rest| {
        let (platform, config) = (platform.clone(), Rc::clone(&config));
        async move {
            let Some(rest) = rest else { return Ok(None) };
            let next = http::next_part(&platform, &config, &rest).await;
            next.map(Some).map_err(|error| error.reason)
        }
    });
    let parts = stream::once(ready(Ok(first))).chain(rests);
    let sent = ResponseBuilder::new()
        .with_status(response.status)
        .with_headers(worker::Headers(head))
        .from_stream(parts.map_ok(String::into_bytes))?;
    Ok(web_sys::Response::from(sent).into())
}

/// A response for the runtime.
fn outgoing(response: &Response) -> Result<JsValue, JsValue> {
    let init = web_sys::ResponseInit::new();
    init.set_status(response.status);
    init.set_headers(headers(&response.headers)?.as_ref());
    let body = (!response.body.is_empty()).then_some(response.body.as_str());
    web_sys::Response::new_with_opt_str_and_init(body, &init).map(JsValue::from)
}
