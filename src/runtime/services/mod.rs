//! The platform's services for the Worker and for its objects: clock, log, randomness, tasks.
//!
//! The other services are in `http`, `storage` (storage and KV) and `objects` (calls to objects).
//! Not here: decisions.

mod http;
mod objects;
mod storage;

use std::{cell::Cell, rc::Rc, time::Duration};

use futures_util::{
    FutureExt,
    future::{LocalBoxFuture, select},
};
use wasm_bindgen::prelude::*;
use worker::{
    Delay, Env, KvStore, State,
    js_sys::{self, Reflect},
};

use self::storage::SyncStorage;
use super::lifetime::End;
use crate::{
    base::{
        time::UnixMillis,
        usage::{UsageBuffer, UsageCounters},
    },
    platform::{Clock, Log, PlatformError, Random, Spawn, Storage, WriteBatch},
};

/// The services of a request to the Worker.
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

thread_local! {
    /// The unreported usage of this isolate.
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

/// The services of a Durable Object.
#[derive(Clone)]
pub struct ObjectServices(Rc<Bindings>);

/// The bindings and handles that the runtime gives to an object.
struct Bindings {
    env: Env,
    state: State,
    storage: SyncStorage,
    /// It is made once, because making it asks the runtime for each of its methods.
    conversations: Option<KvStore>,
    end: End,
}

impl ObjectServices {
    /// The services of an object that lives until `end`.
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
        // The runtime always has randomness. Without it there would only be no jitter.
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

/// An error in the platform's own words. They name bindings, statuses and limits. Keys are
/// pseudonyms, and values never appear.
///
/// An error of an object says whether the call may be made again (Cloudflare, "Durable Objects:
/// error handling").
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

/// The time of the runtime's clock. `worker::Date` would create an object for it.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number, far below 2^53"
)]
pub fn now() -> UnixMillis {
    UnixMillis(js_sys::Date::now() as u64)
}

/// Waits. If the future is dropped, the timer is cancelled: otherwise it would keep an object
/// alive.
///
/// It is shared, because a `Delay` wakes only the task that polled it first, and another task may
/// wait now.
pub async fn sleep(duration: Duration) {
    Delay::from(duration).shared().await;
}
