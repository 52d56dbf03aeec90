//! The platform's services behind the traits of `platform`: clock, log, HTTP, KV, storage, objects.

use std::{cell::Cell, time::Duration};

use futures_util::future::LocalBoxFuture;
use js_sys::{Array, Promise, Uint8Array};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;

use super::{
    glue, headers,
    tasks::{self, Begun, Owner, as_f64, failed, now, settled, sleep},
};
use crate::{
    budget::{BudgetCall, DayUsage, Item, Reservation, ReserveCall},
    platform::{
        Batch, Budgets, Clock, Counts, Http, HttpError, HttpRequest, HttpResponse, Kv, Log, Operations, PlatformError, Random, Senders,
        Spawn, Storage, Stored, UnixMillis, millis,
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

    async fn reset_budget(&self) -> Result<DayUsage, PlatformError> {
        call_object(&self.env, "BUDGET", THE_BUDGET, &BudgetCall::Reset).await
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
    owner: Owner,
}

impl ObjectServices {
    /// Those of the object whose tasks are `owner`'s.
    pub fn new(state: JsValue, env: JsValue, owner: Owner) -> Self {
        Self { env, state, owner }
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
        if let Begun::GoesOn(promise) = tasks::begin(self.owner, task) {
            glue::wait_until(&self.state, promise);
        }
    }
}

impl Http for ObjectServices {
    async fn send(&self, request: &HttpRequest, timeout: Duration) -> Result<HttpResponse, HttpError> {
        // As bytes: a string would be copied and converted once more, and pictures are large.
        let body = (request.method == "POST").then(|| Uint8Array::from(request.body.as_bytes()));
        let exchange =
            glue::Exchange::new(request.method, &request.url, &headers(&request.headers), body, request.limit, as_f64(millis(timeout)));
        let exchange = Exchange(exchange);
        received(settled(exchange.0.done()).await.unwrap_or_default())
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
        Some("timeout") => HttpError::Timeout,
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
        Ok(settled(glue::kv_get(&self.env, key)).await?.as_string())
    }

    async fn put(&self, key: &str, value: &str, ttl: Duration) -> Result<(), PlatformError> {
        settled(glue::kv_put(&self.env, key, value, as_f64(ttl.as_secs()))).await.map(drop)
    }

    async fn delete(&self, key: &str) -> Result<(), PlatformError> {
        settled(glue::kv_delete(&self.env, key)).await.map(drop)
    }
}

impl Storage for ObjectServices {
    async fn get(&self, key: &str) -> Result<Option<Stored>, PlatformError> {
        let value = glue::stored(&self.state, key).map_err(|error| failed(&error))?;
        Ok((!value.is_undefined()).then(|| value.as_string().map_or(Stored::Unreadable, Stored::Text)))
    }

    async fn commit(&self, batch: Batch) -> Result<(), PlatformError> {
        let alarm = batch.alarm.map(|at| as_f64(at.0));
        // Nearly always it is one value: no lists of it.
        if let ([(key, value)], [], false) = (batch.puts.as_slice(), batch.deletes.as_slice(), batch.clear) {
            return done(glue::put(&self.state, key, value, alarm)).await;
        }
        let puts = batch.puts.iter().flat_map(|(key, value)| [key, value]).map(|text| JsValue::from_str(text)).collect();
        let deletes = batch.deletes.iter().map(|key| JsValue::from_str(key)).collect();
        done(glue::commit(&self.state, batch.clear, puts, deletes, alarm)).await
    }
}

/// What the storage has begun is done.
async fn done(begun: Result<Option<Promise>, JsValue>) -> Result<(), PlatformError> {
    match begun {
        Ok(None) => Ok(()),
        Ok(Some(promise)) => settled(promise).await.map(drop),
        Err(error) => Err(failed(&error)),
    }
}

impl Budgets for ObjectServices {
    async fn reserve(&self, call: ReserveCall) -> Result<Reservation, PlatformError> {
        call_object(&self.env, "BUDGET", THE_BUDGET, &BudgetCall::Reserve(call)).await
    }

    async fn look(&self, item: Item, cap: u32) -> Result<Reservation, PlatformError> {
        call_object(&self.env, "BUDGET", THE_BUDGET, &BudgetCall::Look(item, cap)).await
    }

    async fn report(&self, tally: Tally) -> Result<(), PlatformError> {
        call_object(&self.env, "BUDGET", THE_BUDGET, &BudgetCall::Report(tally)).await
    }
}

/// Calls an object by its name: JSON out, JSON back.
async fn call_object<C: Serialize, R: DeserializeOwned>(env: &JsValue, binding: &str, name: &str, call: &C) -> Result<R, PlatformError> {
    let body = serde_json::to_string(call).map_err(|_| PlatformError::new("call cannot be encoded"))?;
    let text = settled(glue::call(env, binding, name, &body)).await?.as_string();
    text.and_then(|text| serde_json::from_str(&text).ok()).ok_or_else(|| PlatformError::new("object's answer is unreadable"))
}
