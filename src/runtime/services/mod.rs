//! The platform's services for the Worker and for its objects: clock, log, randomness, tasks.
//!
//! The other services are in `http`, `storage` (storage and KV) and `objects` (calls to objects).
//! Not here: decisions.

mod error;
mod http;
mod objects;
mod storage;
mod sync_storage;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{LocalBoxFuture, select},
};
use wasm_bindgen::prelude::*;
use worker::{Env, KvStore, State, WorkerVersionMetadata};

use self::sync_storage::SyncStorage;
use super::{
    clock::{now, offset_minutes, sleep},
    lifetime::End,
};
use crate::{
    base::{
        time::UnixMillis,
        usage::{UsageBuffer, UsageCounters},
    },
    conversation::model_run::{EndpointMemory, RemembersEndpoints},
    platform::{
        Clock, Deployed, DeployedVersion, Log, Once, PlatformError, Random, SecretRandom, Spawn,
        Storage, TimeZones, WriteBatch,
    },
};

/// The services of a request to the Worker.
#[derive(Clone)]
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

impl Deployed for WorkerServices {
    fn deployed(&self) -> Option<DeployedVersion> {
        let version: WorkerVersionMetadata = self.env.get_binding("CF_VERSION_METADATA").ok()?;
        let given = |text: String| (!text.is_empty()).then_some(text);
        Some(DeployedVersion {
            id: given(version.id())?,
            tag: given(version.tag()),
            timestamp: given(version.timestamp()),
        })
    }
}

thread_local! {
    /// What this isolate remembers of the model's endpoints.
    static ENDPOINTS: RefCell<EndpointMemory> = RefCell::default();
    /// What this isolate has said.
    static SAID: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
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

    /// The object's handle.
    pub fn state(&self) -> &State {
        &self.0.state
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

impl SecretRandom for WorkerServices {
    fn secret_bytes(&self) -> Result<[u8; 16], PlatformError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| PlatformError::new("no randomness"))?;
        Ok(bytes)
    }
}

impl TimeZones for ObjectServices {
    fn offset_minutes(&self, zone: &str, at: UnixMillis) -> Option<i32> {
        offset_minutes(zone, at)
    }
}

impl Log for ObjectServices {
    fn write(&self, line: &str) {
        worker::console_log!("{line}");
    }
}

impl RemembersEndpoints for ObjectServices {
    fn endpoint_memory<R>(&self, look: impl FnOnce(&mut EndpointMemory) -> R) -> R {
        ENDPOINTS.with_borrow_mut(look)
    }
}

impl Once for ObjectServices {
    fn is_first(&self, what: &'static str) -> bool {
        SAID.with_borrow_mut(|said| said.insert(what))
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
