//! The platform's services behind the traits of `platform`: clock, log, HTTP, KV, storage, objects.

use std::{cell::Cell, rc::Rc, time::Duration};

use futures_util::{
    StreamExt,
    future::{Either, LocalBoxFuture, join3, select},
    pin_mut,
};
use serde::{Serialize, de::DeserializeOwned};
use worker::{
    AbortController, AbortSignal, Date, Delay, Env, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, ScheduledTime, State,
    console_log,
    js_sys::{self, Object, Reflect, Uint8Array},
    wasm_bindgen::JsValue,
};

use crate::{
    budget::{BudgetCall, DayUsage, Reservation, ReserveCall},
    platform::{
        Batch, Budgets, Clock, Counts, Http, HttpError, HttpRequest, HttpResponse, Kv, Log, Operations, PlatformError, Random, Senders,
        Spawn, Storage, UnixMillis,
    },
    pseudonym::{PhoneHash, Pseudonym},
    sender::{DeliveryReport, Erasure, ObjectCall, Reply, SenderCall, Summary},
    tries::{TryCall, Verdict},
    usage::Tally,
};

/// What a request to the Worker uses.
#[derive(Clone)]
pub struct WorkerServices {
    env: Env,
}

impl WorkerServices {
    pub fn new(env: &Env) -> Self {
        Self { env: env.clone() }
    }
}

impl Clock for WorkerServices {
    fn now(&self) -> UnixMillis {
        now()
    }
    async fn sleep(&self, duration: Duration) {
        Delay::from(duration).await;
    }
}

impl Log for WorkerServices {
    fn write(&self, line: &str) {
        console_log!("{line}");
    }
}

impl Senders for WorkerServices {
    async fn deliver(&self, name: &Pseudonym, call: &SenderCall) -> Result<Reply, PlatformError> {
        call_object(&self.env, "SENDER", name.as_str(), &ObjectCall::Deliver(Box::new(call.clone()))).await
    }

    async fn report(&self, name: &Pseudonym, report: &DeliveryReport) -> Result<(), PlatformError> {
        call_object(&self.env, "SENDER", name.as_str(), &ObjectCall::Report(report.clone())).await
    }

    async fn show(&self, name: &Pseudonym) -> Result<Summary, PlatformError> {
        call_object(&self.env, "SENDER", name.as_str(), &ObjectCall::Show).await
    }

    async fn erase(&self, name: &Pseudonym, phone_hash: &PhoneHash) -> Result<Erasure, PlatformError> {
        call_object(&self.env, "SENDER", name.as_str(), &ObjectCall::Erase(phone_hash.clone())).await
    }
}

impl Operations for WorkerServices {
    async fn usage(&self, tally: Tally) -> Result<DayUsage, PlatformError> {
        call_object(&self.env, "BUDGET", THE_BUDGET, &BudgetCall::Usage(tally)).await
    }

    async fn attempt(&self, client: &Pseudonym, call: TryCall) -> Result<Verdict, PlatformError> {
        call_object(&self.env, "TRIES", client.as_str(), &call).await
    }
}

thread_local! {
    /// What this isolate has counted.
    static COUNTED: Cell<Tally> = const { Cell::new(Tally::EMPTY) };
}

impl Counts for WorkerServices {
    fn count(&self, tally: &Tally) {
        let mut counted = COUNTED.get();
        counted.add(tally);
        COUNTED.set(counted);
    }

    fn take(&self) -> Tally {
        COUNTED.take()
    }
}

/// The name of the one budget object.
const THE_BUDGET: &str = "budget";

/// What a Durable Object uses.
#[derive(Clone)]
pub struct ObjectServices {
    env: Env,
    state: Rc<State>,
}

impl ObjectServices {
    pub fn new(state: State, env: &Env) -> Self {
        Self { env: env.clone(), state: Rc::new(state) }
    }

    /// Sets the alarm for `wait` from now.
    pub async fn ring_again(&self, wait: Duration) -> Result<(), PlatformError> {
        self.commit(Batch { alarm: Some(now().plus(wait)), ..Batch::default() }).await
    }
}

impl Clock for ObjectServices {
    fn now(&self) -> UnixMillis {
        now()
    }
    async fn sleep(&self, duration: Duration) {
        Delay::from(duration).await;
    }
}

impl Log for ObjectServices {
    fn write(&self, line: &str) {
        console_log!("{line}");
    }
}

impl Random for ObjectServices {
    fn unit(&self) -> f64 {
        getrandom::u32().map_or(0.5, |number| f64::from(number) / (f64::from(u32::MAX) + 1.0))
    }
}

impl Spawn for ObjectServices {
    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.state.wait_until(task);
    }
}

impl Http for ObjectServices {
    async fn send(&self, request: &HttpRequest, timeout: Duration) -> Result<HttpResponse, HttpError> {
        let controller = AbortController::default();
        let signal = controller.signal();
        let _controller = AbortOnDrop(Some(controller));
        let exchange = exchange(request, &signal);
        let too_late = Delay::from(timeout);
        pin_mut!(exchange, too_late);
        match select(exchange, too_late).await {
            Either::Left((response, _)) => response,
            Either::Right(((), _)) => Err(HttpError::Timeout),
        }
    }
}

/// Ends a request that nobody waits for any more; one that is over does not mind.
struct AbortOnDrop(Option<AbortController>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(controller) = self.0.take() {
            controller.abort();
        }
    }
}

async fn exchange(request: &HttpRequest, signal: &AbortSignal) -> Result<HttpResponse, HttpError> {
    let headers = Headers::new();
    for (name, value) in &request.headers {
        headers.set(name, value).map_err(|_| HttpError::Connection)?;
    }
    let mut init = RequestInit::new();
    init.with_method(if request.method == "POST" { Method::Post } else { Method::Get })
        .with_headers(headers)
        // A redirect would carry keys and texts to another place.
        .with_redirect(RequestRedirect::Manual);
    if request.method == "POST" {
        // As bytes: a string would be copied and converted once more, and pictures are large.
        init.with_body(Some(Uint8Array::from(request.body.as_bytes()).into()));
    }
    let limit = request.limit;
    let request = Request::new_with_init(&request.url, &init).map_err(|_| HttpError::Connection)?;
    let mut response = Fetch::Request(request).send_with_signal(signal).await.map_err(|_| HttpError::Connection)?;
    let header = |name| response.headers().get(name).ok().flatten();
    let (retry_after, location) = (header("Retry-After"), header("Location"));
    let length = header("Content-Length").and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(HttpError::TooLarge);
    }
    let mut body = Vec::with_capacity(length.unwrap_or_default());
    // An answer without a body has no stream.
    if let Ok(mut chunks) = response.stream() {
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| HttpError::Unreadable)?;
            if body.len().saturating_add(chunk.len()) > limit {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
    }
    Ok(HttpResponse { status: response.status_code(), retry_after, location, body })
}

impl Kv for ObjectServices {
    async fn get(&self, key: &str) -> Result<Option<String>, PlatformError> {
        self.env.kv("CONVERSATIONS").map_err(|error| failed(&error))?.get(key).text().await.map_err(|error| failed(&error.into()))
    }

    async fn put(&self, key: &str, value: &str, ttl: Duration) -> Result<(), PlatformError> {
        let kv = self.env.kv("CONVERSATIONS").map_err(|error| failed(&error))?;
        let put = kv.put(key, value).map_err(|error| failed(&error.into()))?.expiration_ttl(ttl.as_secs());
        put.execute().await.map_err(|error| failed(&error.into()))
    }

    async fn delete(&self, key: &str) -> Result<(), PlatformError> {
        self.env.kv("CONVERSATIONS").map_err(|error| failed(&error))?.delete(key).await.map_err(|error| failed(&error.into()))
    }
}

impl Storage for ObjectServices {
    async fn get(&self, key: &str) -> Result<Option<String>, PlatformError> {
        self.state.storage().get::<String>(key).await.map_err(|error| failed(&error))
    }

    /// Writes that are issued without an `await` between them commit together, so all are begun before one is awaited.
    async fn commit(&self, batch: Batch) -> Result<(), PlatformError> {
        let storage = self.state.storage();
        if batch.clear {
            return storage.delete_all().await.map_err(|error| failed(&error));
        }
        let puts = Object::new();
        for (key, value) in &batch.puts {
            let set = Reflect::set(&puts, &JsValue::from_str(key), &JsValue::from_str(value));
            set.map_err(|error| failed(&error.into()))?;
        }
        let put = async { if batch.puts.is_empty() { Ok(()) } else { storage.put_multiple_raw(puts).await } };
        let delete = async { if batch.deletes.is_empty() { Ok(0) } else { storage.delete_multiple(batch.deletes.clone()).await } };
        let alarm = async {
            match batch.alarm {
                Some(at) => storage.set_alarm(ScheduledTime::new(js_sys::Date::new(&JsValue::from_f64(as_f64(at))))).await,
                None => Ok(()),
            }
        };
        let (put, delete, alarm) = join3(put, delete, alarm).await;
        put.and(delete.map(drop)).and(alarm).map_err(|error| failed(&error))
    }
}

impl Budgets for ObjectServices {
    async fn reserve(&self, call: ReserveCall) -> Result<Reservation, PlatformError> {
        call_object(&self.env, "BUDGET", THE_BUDGET, &BudgetCall::Reserve(call)).await
    }

    async fn report(&self, tally: Tally) -> Result<(), PlatformError> {
        call_object(&self.env, "BUDGET", THE_BUDGET, &BudgetCall::Report(tally)).await
    }
}

/// Calls an object by its name: JSON out, JSON back.
async fn call_object<C: Serialize, R: DeserializeOwned>(env: &Env, binding: &str, name: &str, call: &C) -> Result<R, PlatformError> {
    let body = serde_json::to_string(call).map_err(|_| PlatformError::new("call cannot be encoded"))?;
    let stub = env.durable_object(binding).and_then(|objects| objects.get_by_name(name)).map_err(|error| failed(&error))?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(JsValue::from_str(&body)));
    let request = Request::new_with_init("https://object/", &init).map_err(|error| failed(&error))?;
    let mut response = stub.fetch_with_request(request).await.map_err(|error| failed(&error))?;
    if response.status_code() != 200 {
        return Err(PlatformError::new(format!("object answered {}", response.status_code())));
    }
    let text = response.text().await.map_err(|error| failed(&error))?;
    serde_json::from_str(&text).map_err(|_| PlatformError::new("object's answer is unreadable"))
}

/// The platform's own words. They name bindings, statuses and limits; keys are pseudonyms, and values are never among them.
///
/// An error of an object says whether the call may be made again (Cloudflare, "Durable Objects: error handling"); each call
/// takes a fresh stub, since one that has failed stays broken.
fn failed(error: &worker::Error) -> PlatformError {
    let says = |property: &str| match error {
        worker::Error::UnknownJsError { original, .. } => {
            Reflect::get(original, &JsValue::from_str(property)).is_ok_and(|value| value.is_truthy())
        }
        _ => false,
    };
    PlatformError { reason: error.to_string(), retryable: says("retryable") && !says("overloaded") }
}

fn now() -> UnixMillis {
    UnixMillis(Date::now().as_millis())
}

/// Exact up to the year 287396.
#[allow(clippy::cast_precision_loss, reason = "milliseconds since the epoch are far below 2^53")]
fn as_f64(at: UnixMillis) -> f64 {
    at.0 as f64
}
