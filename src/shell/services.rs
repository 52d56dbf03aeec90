//! The platform's services behind the traits of `platform`: clock, log, HTTP, KV, storage, objects.

use std::{cell::Cell, time::Duration};

use futures_util::{
    future::{Either, LocalBoxFuture, select},
    pin_mut,
};
use js_sys::{Array, Uint8Array};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::{
    glue::{self, settled, settled_text},
    lines,
};
use crate::{
    budget::{BudgetCall, DayUsage, Reservation, ReserveCall},
    json,
    platform::{
        Batch, Budgets, Clock, Counts, Http, HttpError, HttpRequest, HttpResponse, Kv, Log, Operations, PlatformError, Random, Senders,
        Spawn, Storage, UnixMillis, millis,
    },
    pseudonym::{PhoneHash, Pseudonym},
    sender::{DeliveryReport, Erasure, ObjectCall, Reply, SenderCall, Summary},
    tries::{TryCall, Verdict},
    usage::Tally,
};

/// What a request to the Worker uses.
pub struct WorkerServices {
    env: JsValue,
}

impl WorkerServices {
    pub fn new(env: JsValue) -> Self {
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
        glue::console_log(line);
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
    env: JsValue,
    state: JsValue,
}

impl ObjectServices {
    pub fn new(state: JsValue, env: JsValue) -> Self {
        Self { env, state }
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
        sleep(duration).await;
    }
}

impl Log for ObjectServices {
    fn write(&self, line: &str) {
        glue::console_log(line);
    }
}

impl Random for ObjectServices {
    fn unit(&self) -> f64 {
        js_sys::Math::random()
    }
}

impl Spawn for ObjectServices {
    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        let task = async move {
            task.await;
            Ok(JsValue::UNDEFINED)
        };
        glue::wait_until(&self.state, wasm_bindgen_futures::future_to_promise(task));
    }
}

impl Http for ObjectServices {
    async fn send(&self, request: &HttpRequest, timeout: Duration) -> Result<HttpResponse, HttpError> {
        // As bytes: a string would be copied and converted once more, and pictures are large.
        let body = (request.method == "POST").then(|| Uint8Array::from(request.body.as_bytes()));
        let exchange = glue::Exchange::new(request.method, &request.url, &lines(&request.headers), body, request.limit);
        let exchange = Exchange(exchange);
        let (done, too_late) = (JsFuture::from(exchange.0.done()), sleep(timeout));
        pin_mut!(too_late);
        match select(done, too_late).await {
            Either::Left((done, _)) => received(done.unwrap_or_default()),
            Either::Right(((), _)) => Err(HttpError::Timeout),
        }
    }
}

/// Ends when nobody waits for it any more; one that is over does not mind.
struct Exchange(glue::Exchange);

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn received(done: JsValue) -> Result<HttpResponse, HttpError> {
    let response = done.dyn_into::<Array>().map_err(|error| match error.as_string().as_deref() {
        Some("too_large") => HttpError::TooLarge,
        Some("unreadable") => HttpError::Unreadable,
        _ => HttpError::Connection,
    })?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a status has three digits")]
    let status = response.get(0).as_f64().unwrap_or_default() as u16;
    Ok(HttpResponse {
        status,
        retry_after: response.get(1).as_string(),
        location: response.get(2).as_string(),
        body: Uint8Array::from(response.get(3)).to_vec(),
    })
}

impl Kv for ObjectServices {
    async fn get(&self, key: &str) -> Result<Option<String>, PlatformError> {
        settled_text(glue::kv_get(&self.env, key)).await
    }

    async fn put(&self, key: &str, value: &str, ttl: Duration) -> Result<(), PlatformError> {
        settled(glue::kv_put(&self.env, key, value, as_f64(ttl.as_secs()))).await.map(drop)
    }

    async fn delete(&self, key: &str) -> Result<(), PlatformError> {
        settled(glue::kv_delete(&self.env, key)).await.map(drop)
    }
}

impl Storage for ObjectServices {
    async fn get(&self, key: &str) -> Result<Option<String>, PlatformError> {
        settled_text(glue::stored(&self.state, key)).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), PlatformError> {
        let puts = batch.puts.iter().flat_map(|(key, value)| [key, value]).map(|text| JsValue::from_str(text)).collect();
        let deletes = batch.deletes.iter().map(|key| JsValue::from_str(key)).collect();
        let alarm = batch.alarm.map(|at| as_f64(at.0));
        settled(glue::commit(&self.state, batch.clear, puts, deletes, alarm)).await.map(drop)
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
async fn call_object<C: Serialize, R: DeserializeOwned>(env: &JsValue, binding: &str, name: &str, call: &C) -> Result<R, PlatformError> {
    let body = serde_json::to_string(call).map_err(|_| PlatformError::new("call cannot be encoded"))?;
    let text = settled_text(glue::call(env, binding, name, &body)).await?;
    text.and_then(|text| json::read(&text).ok()).ok_or_else(|| PlatformError::new("object's answer is unreadable"))
}

/// Waits. A timer that nobody waits for any more is stopped, since it would keep an object alive.
async fn sleep(duration: Duration) {
    struct Timer(glue::Timer);
    impl Drop for Timer {
        fn drop(&mut self) {
            self.0.stop();
        }
    }
    let timer = Timer(glue::Timer::new(as_f64(millis(duration))));
    // It resolves, and never fails.
    let _ = JsFuture::from(timer.0.rung()).await;
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and far below 2^53")]
fn now() -> UnixMillis {
    UnixMillis(js_sys::Date::now() as u64)
}

/// Exact up to the year 287396, or as long a time.
#[allow(clippy::cast_precision_loss, reason = "what the Worker waits for is far below 2^53 milliseconds")]
fn as_f64(number: u64) -> f64 {
    number as f64
}
