//! The platform's services behind the traits of `platform`: clock, log, HTTP, KV, storage, objects.

use std::{cell::Cell, pin::pin, rc::Rc, time::Duration};

use futures_util::{
    FutureExt,
    future::{Either, LocalBoxFuture, select},
};
use wasm_bindgen::prelude::*;
use worker::{
    Env, KvStore, State,
    js_sys::{self, Promise, Reflect, Uint8Array},
    wasm_bindgen_futures::JsFuture,
    web_sys,
};

use super::{
    clock::{now, sleep},
    headers,
    lifetime::End,
    read,
};
use crate::{
    base::{
        time::UnixMillis,
        usage::{UsageBuffer, UsageCounters},
    },
    platform::{
        Clock, Http, HttpError, HttpRequest, HttpResponse, Kv, Log, Method, Objects, PlatformError,
        Random, Spawn, Storage, Stored, WriteBatch,
    },
};

/// What a request to the Worker uses.
pub struct WorkerServices {
    env: Env,
}

impl WorkerServices {
    pub fn new(env: Env) -> Self {
        Self { env }
    }
}

impl Clock for WorkerServices {
    fn now(&self) -> UnixMillis {
        now()
    }
    async fn sleep(&self, duration: Duration) {
        sleep(duration).await;
    }
}

impl Log for WorkerServices {
    fn write(&self, line: &str) {
        worker::console_log!("{line}");
    }
}

impl Objects for WorkerServices {
    async fn call<M: Method>(&self, name: &str, method: &M) -> Result<M::Reply, PlatformError> {
        call_object(&self.env, name, method).await
    }
}

thread_local! {
    /// What this isolate has counted.
    static COUNTED: Cell<UsageCounters> = const { Cell::new(UsageCounters::EMPTY) };
}

impl UsageBuffer for WorkerServices {
    fn count(&self, usage: &UsageCounters) {
        let mut counted = COUNTED.get();
        counted.add(usage);
        COUNTED.set(counted);
    }

    fn take(&self) -> UsageCounters {
        COUNTED.take()
    }
}

/// What a Durable Object uses.
#[derive(Clone)]
pub struct ObjectServices(Rc<Bindings>);

/// What the runtime has given to an object.
struct Bindings {
    env: Env,
    state: State,
    storage: SyncStorage,
    /// Made once: making it asks the runtime for each of its methods.
    conversations: Option<KvStore>,
    end: End,
}

impl ObjectServices {
    /// Those of an object that lasts until `end`.
    pub fn new(state: State, env: Env, end: End) -> Self {
        let storage = JsValue::from(state.storage().as_raw()).unchecked_into();
        let conversations = env.kv("CONVERSATIONS").ok();
        Self(Rc::new(Bindings {
            env,
            state,
            storage,
            conversations,
            end,
        }))
    }

    /// Sets the alarm for `wait` from now.
    pub async fn set_alarm_in(&self, wait: Duration) -> Result<(), PlatformError> {
        self.commit(WriteBatch {
            alarm: Some(now().plus(wait)),
            ..WriteBatch::default()
        })
        .await
    }

    fn conversations(&self) -> Result<&KvStore, PlatformError> {
        self.0
            .conversations
            .as_ref()
            .ok_or_else(|| PlatformError::new("no such binding: CONVERSATIONS"))
    }
}

impl Clock for ObjectServices {
    fn now(&self) -> UnixMillis {
        now()
    }
    async fn sleep(&self, duration: Duration) {
        sleep(duration).await;
    }
}

impl Log for ObjectServices {
    fn write(&self, line: &str) {
        worker::console_log!("{line}");
    }
}

impl Random for ObjectServices {
    #[allow(
        clippy::cast_precision_loss,
        reason = "53 bits are what an f64 holds exactly"
    )]
    fn next_f64(&self) -> f64 {
        // The runtime always has randomness; were there none, there would be no jitter.
        let bits = getrandom::u64().unwrap_or_default() >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }
}

impl Spawn for ObjectServices {
    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.0
            .state
            .wait_until(select(task, self.0.end.clone()).map(drop));
    }
}

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

impl Kv for ObjectServices {
    async fn get(&self, key: &str) -> Result<Option<String>, PlatformError> {
        self.conversations()?.get(key).text().await.map_err(failed)
    }

    async fn put(&self, key: &str, value: &str, ttl: Duration) -> Result<(), PlatformError> {
        self.conversations()?
            .put(key, value)
            .map_err(failed)?
            .expiration_ttl(ttl.as_secs())
            .execute()
            .await
            .map_err(failed)
    }

    async fn delete(&self, key: &str) -> Result<(), PlatformError> {
        self.conversations()?.delete(key).await.map_err(failed)
    }
}

impl Storage for ObjectServices {
    /// The runtime throws the same error for a value that it cannot read back as for storage that fails. It is the value if
    /// storage answers for another key, and for this one still not.
    async fn get(&self, key: &str) -> Result<Option<Stored>, PlatformError> {
        let kv = self.0.storage.kv();
        let value = match kv.get(key) {
            Err(error) if kv.get(NO_KEY).is_err() => return Err(failed(error)),
            Err(_) => kv.get(key),
            read => read,
        };
        Ok(match value {
            Ok(value) if value.is_undefined() => None,
            Ok(value) => Some(value.as_string().map_or(Stored::Unreadable, Stored::Text)),
            Err(_) => Some(Stored::Unreadable),
        })
    }

    /// Writes that are begun without an `await` between them commit together, and nothing that follows leaves the object before
    /// they are durable.
    async fn commit(&self, batch: WriteBatch) -> Result<(), PlatformError> {
        if batch.clear {
            return self.0.state.storage().delete_all().await.map_err(failed);
        }
        let storage = &self.0.storage;
        let kv = storage.kv();
        let mut write = || {
            batch
                .puts
                .iter()
                .try_for_each(|(key, value)| kv.put(key, value))?;
            batch.deletes.iter().try_for_each(|key| kv.delete(key))
        };
        // One write needs no transaction.
        if batch.puts.len().saturating_add(batch.deletes.len()) > 1 {
            storage.transaction(&mut write)
        } else {
            write()
        }
        .map_err(failed)?;
        match batch.alarm {
            Some(at) => JsFuture::from(storage.set_alarm(as_f64(at.0)).map_err(failed)?)
                .await
                .map(drop)
                .map_err(failed),
            None => Ok(()),
        }
    }
}

/// Nothing is ever stored under it.
const NO_KEY: &str = "none";

impl Objects for ObjectServices {
    async fn call<M: Method>(&self, name: &str, method: &M) -> Result<M::Reply, PlatformError> {
        call_object(&self.0.env, name, method).await
    }
}

/// Calls a method of an object, by a fresh stub: one that has failed stays broken.
async fn call_object<M: Method>(
    env: &Env,
    name: &str,
    method: &M,
) -> Result<M::Reply, PlatformError> {
    let arguments = serde_json::to_string(method);
    let arguments = arguments.map_err(|_| PlatformError::new("the call cannot be encoded"))?;
    let objects = env.durable_object(M::BINDING).map_err(failed)?;
    let stub = objects.get_by_name(name).map_err(failed)?;
    let called = stub.into_rpc::<Rpc>().call(M::NAME, &arguments);
    let reply = JsFuture::from(called.map_err(failed)?)
        .await
        .map_err(failed)?;
    let reply = reply
        .as_string()
        .and_then(|text| serde_json::from_str(&text).ok());
    reply.ok_or_else(|| PlatformError::new("the object's reply is unreadable"))
}

/// The platform's own words. They name bindings, statuses and limits; keys are pseudonyms, and values are never among them.
///
/// An error of an object says whether the call may be made again (Cloudflare, "Durable Objects: error handling").
fn failed(error: impl Into<JsValue>) -> PlatformError {
    let error = error.into();
    let property = |name: &str| Reflect::get(&error, &JsValue::from_str(name)).unwrap_or_default();
    let reason = property("message")
        .as_string()
        .or_else(|| error.as_string())
        .unwrap_or_else(|| "unknown".into());
    PlatformError {
        reason,
        retryable: property("retryable").is_truthy() && !property("overloaded").is_truthy(),
    }
}

/// Exact up to the year 287396.
#[allow(
    clippy::cast_precision_loss,
    reason = "a time in milliseconds is far below 2^53"
)]
fn as_f64(number: u64) -> f64 {
    number as f64
}

// What `worker` does not have.
#[wasm_bindgen]
extern "C" {
    /// An object, as its caller sees it.
    type Rpc;
    #[wasm_bindgen(method, catch)]
    fn call(this: &Rpc, method: &str, arguments: &str) -> Result<Promise, JsValue>;

    /// The synchronous side of an object's storage: each step of a turn would otherwise wait for promises.
    type SyncStorage;
    #[wasm_bindgen(method, getter)]
    fn kv(this: &SyncStorage) -> SyncKv;
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction(
        this: &SyncStorage,
        write: &mut dyn FnMut() -> Result<(), JsValue>,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    fn set_alarm(this: &SyncStorage, at: f64) -> Result<Promise, JsValue>;

    type SyncKv;
    #[wasm_bindgen(method, catch)]
    fn get(this: &SyncKv, key: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn put(this: &SyncKv, key: &str, value: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn delete(this: &SyncKv, key: &str) -> Result<(), JsValue>;

    /// An `AbortController`. From outside its object's context `abort` may throw, which `worker` lets pass.
    type Aborts;
    #[wasm_bindgen(method, catch)]
    fn abort(this: &Aborts) -> Result<(), JsValue>;
}
