//! The ports of one incarnation of an object: what the product's engines see of the simulation.
//!
//! Not here: the Worker's ports (`worker_ports`), and calls to the budget object (`budget_ports`).

use std::{cell::Cell, future::Future, rc::Rc, time::Duration};

use futures_util::future::LocalBoxFuture;
use serde_json::Value;
use switchboard::{
    base::time::UnixMillis,
    conversation::model_run::{EndpointMemory, RemembersEndpoints},
    platform::{
        Clock, Http, HttpError, HttpOpened, HttpRequest, HttpResponse, Kv, Log, Once,
        PlatformError, Random as Jitter, Spawn, Storage, Stored, TimeZones, WriteBatch,
    },
};

use crate::support::settings;

use super::{
    body::Body,
    executor::{OUTSIDE, promise, wait_for_next_poll, while_alive},
    hand_off::{DESK_URL, not_told, without_hand_off},
    intake::without_values,
    mutation::Mutation,
    objects::{BUDGET, Kind},
    state::{Simulation, World},
    storage::{OPTED_OUT, STATE},
    tools::TOOLS_URL,
};

/// The platform of one incarnation of an object. Once it has vanished, its actions have no effect any more.
pub struct ObjectPlatform {
    pub sim: Rc<Simulation>,
    pub name: String,
    pub number: u64,
    pub alive: Rc<Cell<bool>>,
}

impl ObjectPlatform {
    /// The output of `future`, or nothing once the incarnation has vanished.
    pub async fn live<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        while_alive(&self.alive, future).await
    }
}

/// The state without the number of model requests of the day.
fn without_calls(state: &str) -> String {
    let mut state: Value = serde_json::from_str(state).unwrap_or_default();
    if let Some(today) = state["share"].as_object_mut() {
        today.insert("calls".to_owned(), 0.into());
        // The product drops a day without any usage.
        today.insert(
            "canned_replies".to_owned(),
            today["canned_replies"].as_u64().unwrap_or(0).max(1).into(),
        );
    }
    state.to_string()
}

/// The state without what the contact wrote lately.
fn without_loop(state: &str) -> String {
    let mut state: Value = serde_json::from_str(state).unwrap_or_default();
    if let Some(fields) = state.as_object_mut() {
        fields.remove("reply_loop");
    }
    state.to_string()
}

/// The state without the number of times that its turn was asked anew.
fn without_asked_again(state: &str) -> String {
    let mut state: Value = serde_json::from_str(state).unwrap_or_default();
    let turn = state.pointer_mut("/turns/active");
    if let Some(turn) = turn.and_then(Value::as_object_mut) {
        turn.remove("asked_again");
    }
    state.to_string()
}

/// Whether this is a count of the budget object that can be read.
fn is_budget(value: &Stored) -> bool {
    let Stored::Text(text) = value else {
        return false;
    };
    let count: Value = serde_json::from_str(text).unwrap_or_default();
    count["v"] == 1
        && ["day", "calls", "messages"]
            .iter()
            .all(|name| count[name].is_u64())
}

pub fn vanished<T>() -> Result<T, PlatformError> {
    Err(PlatformError::new("vanished"))
}

impl TimeZones for ObjectPlatform {
    fn offset_minutes(&self, zone: &str, _at: UnixMillis) -> Option<i32> {
        settings::offset_minutes(zone)
    }
}

impl Clock for ObjectPlatform {
    fn now(&self) -> UnixMillis {
        self.sim.wall()
    }
    async fn sleep(&self, duration: Duration) {
        let sleep = self.sim.sleep(u64::try_from(duration.as_millis()).unwrap());
        if self.live(sleep).await.is_none() {
            // Time stands still for it: if its waits ended at once, a loop that looks again after each would never end.
            wait_for_next_poll().await;
        }
    }
}

impl Log for ObjectPlatform {
    fn write(&self, line: &str) {
        if self.alive.get() {
            self.sim.log(line, Some(&self.name));
        }
    }
}

impl RemembersEndpoints for ObjectPlatform {
    fn endpoint_memory<R>(&self, look: impl FnOnce(&mut EndpointMemory) -> R) -> R {
        look(&mut self.sim.endpoints.borrow_mut())
    }
}

impl Once for ObjectPlatform {
    fn is_first(&self, what: &'static str) -> bool {
        self.sim.said.borrow_mut().insert(what)
    }
}

impl Jitter for ObjectPlatform {
    fn next_f64(&self) -> f64 {
        f64::from(u32::try_from(self.sim.random.below(1000)).unwrap()) / 1000.0
    }
}

impl Spawn for ObjectPlatform {
    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        if self.alive.get() {
            self.sim.executor.spawn(self.number, task);
        }
    }
}

impl Http for ObjectPlatform {
    type Body = Body;

    async fn send(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpResponse, HttpError> {
        let timeout = u64::try_from(timeout.as_millis()).unwrap();
        let exchange = async {
            self.sim.durable(&self.name).await;
            let body = request.body.to_text();
            self.sim.no_keys_leave(&self.name, &request.url, &body);
            if request.url.ends_with("/audio/transcriptions") {
                self.sim.transcribe(self, timeout).await
            } else if request.url.ends_with("/chat/completions") {
                self.sim.ask_model(self, request, timeout).await
            } else if request.url.starts_with(TOOLS_URL) {
                self.sim.ask_tool(self, request, timeout).await
            } else if request.url.starts_with(DESK_URL) {
                self.sim.ask_desk(self, request, timeout).await
            } else {
                self.sim.ask_twilio(&self.name, request, timeout).await
            }
        };
        self.live(exchange)
            .await
            .unwrap_or(Err(HttpError::Connection))
    }

    /// What a thread is answered has come before it is read, in pieces of any length. A call is answered word for word.
    async fn open(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpOpened<Self::Body>, HttpError> {
        if self.sim.kind(&self.name) == Kind::Call {
            let timeout = u64::try_from(timeout.as_millis()).unwrap();
            let exchange = self.sim.ask_model_in_a_call(self, request, timeout);
            let opened = self.live(exchange).await;
            return opened.unwrap_or(Err(HttpError::Connection));
        }
        let response = self.send(request, timeout).await?;
        Ok(Body::in_pieces(&self.sim, response))
    }
}

impl Kv for ObjectPlatform {
    async fn get(&self, key: &str) -> Result<Option<String>, PlatformError> {
        self.live(self.sim.kv_get(&self.name, key))
            .await
            .unwrap_or_else(vanished)
    }

    async fn put(&self, key: &str, value: &str, ttl: Duration) -> Result<(), PlatformError> {
        let put = async {
            self.sim.invariants.borrow_mut().saved(
                key,
                value,
                ttl.as_secs(),
                self.sim.executor.now(),
            );
            self.sim.durable(&self.name).await;
            let (give, take) = promise();
            let (sim, key, value) = (Rc::clone(&self.sim), key.to_owned(), value.to_owned());
            self.sim.executor.spawn(OUTSIDE, async move {
                give.give(sim.kv_put(key, value, ttl.as_secs()).await);
            });
            take.await.unwrap_or_else(vanished)
        };
        self.live(put).await.unwrap_or_else(vanished)
    }

    async fn delete(&self, key: &str) -> Result<(), PlatformError> {
        let delete = async {
            self.sim.sleep(self.sim.random.between(2, 40)).await;
            if self
                .sim
                .fault(self.sim.fault_plan.kv_hangs, "KV that hangs")
            {
                self.sim.hang(300_000).await;
            }
            if self
                .sim
                .fault(self.sim.fault_plan.kv_write_fails, "KV deletes that failed")
            {
                return Err(PlatformError::new("kv is down"));
            }
            if !self.sim.is(Mutation::DeleteNotDone) {
                self.sim.kv.borrow_mut().remove(key);
            }
            Ok(())
        };
        self.live(delete).await.unwrap_or_else(vanished)
    }
}

impl Storage for ObjectPlatform {
    async fn get(&self, key: &str) -> Result<Option<Stored>, PlatformError> {
        let get = async {
            self.sim.sleep(self.sim.random.below(4)).await;
            if self.sim.fault(
                self.sim.fault_plan.storage_fails,
                "storage reads that failed",
            ) {
                return Err(PlatformError::new("storage is down"));
            }
            let value = self
                .sim
                .objects
                .borrow()
                .get(&self.name)
                .and_then(|object| object.disk.visible.values.get(key).cloned());
            Ok(match value {
                Some(Stored::Text(text))
                    if key == STATE && self.sim.is(Mutation::ContactCapIgnored) =>
                {
                    Some(Stored::Text(without_calls(&text)))
                }
                Some(Stored::Text(text))
                    if key == STATE && self.sim.is(Mutation::LoopForgotten) =>
                {
                    Some(Stored::Text(without_loop(&text)))
                }
                Some(Stored::Text(text))
                    if key == STATE && self.sim.is(Mutation::AskedAgainForgotten) =>
                {
                    Some(Stored::Text(without_asked_again(&text)))
                }
                Some(Stored::Text(text))
                    if key == STATE && self.sim.is(Mutation::HandOffForgotten) =>
                {
                    Some(Stored::Text(without_hand_off(&text)))
                }
                Some(Stored::Text(text))
                    if key == STATE && self.sim.is(Mutation::ToldForgotten) =>
                {
                    Some(Stored::Text(not_told(&text)))
                }
                Some(Stored::Text(text))
                    if key == STATE && self.sim.is(Mutation::IntakeForgotten) =>
                {
                    Some(Stored::Text(without_values(&text)))
                }
                Some(Stored::Unreadable) if self.sim.is(Mutation::DamageNotMet) => {
                    return Err(PlatformError::new("unreadable"));
                }
                Some(value)
                    if self.name == BUDGET
                        && self.sim.is(Mutation::DamagedBudgetOpens)
                        && !is_budget(&value) =>
                {
                    None
                }
                Some(_) if key == OPTED_OUT && self.sim.is(Mutation::OptOutKeyIgnored) => None,
                value => value,
            })
        };
        self.live(get).await.unwrap_or_else(vanished)
    }

    async fn commit(&self, batch: WriteBatch) -> Result<(), PlatformError> {
        let commit = async {
            if self
                .sim
                .fault(self.sim.fault_plan.storage_fails, "commits that failed")
            {
                if self.sim.world == World::Messages {
                    self.sim.invariants.borrow_mut().commit_failed(&self.name);
                }
                return Err(PlatformError::new("storage is down"));
            }
            let (_, due) = self.sim.write(&self.name, batch);
            if !self.sim.is(Mutation::CommitNotAwaited) {
                // At least 1 ms, so that the write is durable.
                self.sim.sleep((due - self.sim.executor.now()).max(1)).await;
                self.sim.durable(&self.name).await;
            }
            Ok(())
        };
        self.live(commit).await.unwrap_or_else(vanished)
    }
}

impl Simulation {
    pub fn log(&self, line: &str, object: Option<&str>) {
        self.trace(|| format!("log: {line}"));
        if line.contains("rate_limit_exceeded") {
            self.count("messages over the rate limit");
            self.limited_in.set(self.executor.polls());
        }
        if line.contains("budget_unreadable") {
            self.invariants
                .borrow_mut()
                .budget_unreadable(self.wall().utc_day());
        }
        match self.world {
            World::Messages => self.invariants.borrow_mut().logged(line, object),
            World::Calls => self.call_logged(line, object),
        }
    }
}
