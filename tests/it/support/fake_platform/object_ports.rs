//! The ports of an object: what an engine sees of the platform.
//!
//! Not here: the Worker's ports (`worker_ports`).

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use switchboard::{
    base::time::UnixMillis,
    conversation::{
        budget::{self, Check},
        model_run::{EndpointMemory, RemembersEndpoints},
    },
    identity::Pseudonym,
    messaging::api::Follow,
    object::Engine,
    platform::{
        Clock, Kv, Log, Method, Objects, Once, PlatformError, Random, Spawn, Storage, Stored,
        TimeZones, WriteBatch,
    },
};
use tokio::task::spawn_local;

use super::{FakePlatform, disk::Disk, objects::Tasks};
use crate::support::settings;

/// What an object is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Thread,
    Call,
    Run,
    Batch,
    BatchList,
}

/// The platform of one incarnation of an object.
pub struct ObjectPlatform {
    pub(super) fake: FakePlatform,
    pub(super) kind: Kind,
    pub(super) name: Pseudonym,
    pub(super) disk: Disk,
    pub(super) tasks: Tasks,
}

impl TimeZones for ObjectPlatform {
    fn offset_minutes(&self, zone: &str, _at: UnixMillis) -> Option<i32> {
        settings::offset_minutes(zone)
    }
}

impl Clock for ObjectPlatform {
    fn now(&self) -> UnixMillis {
        self.fake.now()
    }
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl Log for ObjectPlatform {
    fn write(&self, line: &str) {
        self.fake.write(line);
    }
}

impl RemembersEndpoints for ObjectPlatform {
    fn endpoint_memory<R>(&self, look: impl FnOnce(&mut EndpointMemory) -> R) -> R {
        look(&mut self.fake.0.endpoints.borrow_mut())
    }
}

impl Once for ObjectPlatform {
    fn is_first(&self, what: &'static str) -> bool {
        self.fake.0.said.borrow_mut().insert(what)
    }
}

impl Random for ObjectPlatform {
    fn next_f64(&self) -> f64 {
        0.5
    }
}

impl Spawn for ObjectPlatform {
    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.tasks.borrow_mut().push(spawn_local(task));
    }
}

impl Kv for ObjectPlatform {
    async fn get(&self, key: &str) -> Result<Option<String>, PlatformError> {
        let fake = &self.fake.0;
        tokio::time::sleep(fake.kv_read_takes.get()).await;
        fake.kv_reads.set(fake.kv_reads.get() + 1);
        if fake.kv_fails.get() {
            return Err(PlatformError::new("kv is down"));
        }
        let now = self.fake.now();
        Ok(fake
            .kv
            .borrow()
            .get(key)
            .filter(|(_, expires_at)| now < *expires_at)
            .map(|(value, _)| value.clone()))
    }

    async fn put(&self, key: &str, value: &str, ttl: Duration) -> Result<(), PlatformError> {
        let fake = &self.fake.0;
        tokio::time::sleep(fake.kv_write_takes.get()).await;
        assert!(
            ttl >= Duration::from_mins(1),
            "KV refuses a lifetime below 60 s"
        );
        if fake.kv_fails.get() {
            return Err(PlatformError::new("kv is down"));
        }
        let entry = (value.to_owned(), self.fake.now().plus(ttl));
        let before = fake.kv.borrow_mut().insert(key.to_owned(), entry);
        assert!(
            before.is_none_or(|(before, _)| before == value),
            "a revision never changes"
        );
        if fake.kv_acts_and_fails.get() {
            Err(PlatformError::new("no answer"))
        } else {
            Ok(())
        }
    }

    async fn delete(&self, key: &str) -> Result<(), PlatformError> {
        tokio::time::sleep(Duration::from_millis(5).max(self.fake.0.kv_write_takes.get())).await;
        if self.fake.0.kv_fails.get() {
            return Err(PlatformError::new("kv is down"));
        }
        self.fake.0.kv.borrow_mut().remove(key);
        Ok(())
    }
}

impl Storage for ObjectPlatform {
    async fn get(&self, key: &str) -> Result<Option<Stored>, PlatformError> {
        Storage::get(&self.disk, key).await
    }

    async fn commit(&self, batch: WriteBatch) -> Result<(), PlatformError> {
        let alarm = batch.alarm;
        let fails = self.disk.0.fails.get() || self.disk.0.commits_fail.get() > 0;
        let committed = self.disk.commit(batch);
        if let (Some(at), false) = (alarm, fails) {
            match self.kind {
                Kind::Thread => self.fake.arm(&self.name, at),
                Kind::Call => self.fake.arm_call(&self.name, at),
                kind => self.fake.arm_run(kind, &self.name, at),
            }
        }
        committed.await
    }
}

/// A thread calls the budget object, and other threads of its contact.
impl Objects for ObjectPlatform {
    async fn call<M: Method>(&self, name: &str, method: &M) -> Result<M::Reply, PlatformError> {
        if M::BINDING == Follow::BINDING {
            self.fake.0.thread_calls.borrow_mut().push(M::NAME);
            let fails = self.fake.0.thread_calls_fail.borrow_mut().pop_front();
            if fails == Some(false) {
                return Err(PlatformError::new("object is overloaded"));
            }
            // The call can lead to another of the same kind.
            let called: LocalBoxFuture<'_, _> = Box::pin(self.fake.call(name, method));
            let reply = called.await;
            return match fails {
                Some(_) => Err(PlatformError::new("object reset")),
                None => reply,
            };
        }
        if M::BINDING == "CALLER" {
            let arguments = serde_json::to_string(method).unwrap();
            let reply = self.fake.call_caller(name, M::NAME, &arguments).await?;
            return Ok(serde_json::from_str(&reply).unwrap());
        }
        if matches!(M::BINDING, "RUN" | "BATCH" | "BATCHES") {
            let called: LocalBoxFuture<'_, _> = Box::pin(self.fake.call_run(name, method));
            return called.await;
        }
        assert_eq!((M::BINDING, name), ("BUDGET", budget::NAME));
        let fake = &self.fake.0;
        if M::NAME != Check::NAME {
            fake.budget_calls.set(fake.budget_calls.get() + 1);
        }
        tokio::time::sleep(Duration::from_millis(2).max(fake.budget_takes.get())).await;
        if fake.budget_fails.get() {
            return Err(PlatformError::new("budget is unreachable"));
        }
        called(self.fake.budget(), method).await
    }
}

/// Calls a method of an engine, by JSON as on the wire.
pub(super) async fn called<M: Method>(
    engine: &impl Engine,
    method: &M,
) -> Result<M::Reply, PlatformError> {
    let arguments = serde_json::to_string(method).unwrap();
    let reply = engine.call(M::NAME, &arguments).await?;
    Ok(serde_json::from_str(&reply).unwrap())
}

/// The platform of an object without tasks: the budget, or the admin lockout of one client.
pub(super) struct PlainObject {
    pub(super) fake: FakePlatform,
    pub(super) disk: Disk,
}

impl Clock for PlainObject {
    fn now(&self) -> UnixMillis {
        self.fake.now()
    }
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl Log for PlainObject {
    fn write(&self, line: &str) {
        self.fake.write(line);
    }
}

impl Storage for PlainObject {
    async fn get(&self, key: &str) -> Result<Option<Stored>, PlatformError> {
        Storage::get(&self.disk, key).await
    }

    async fn commit(&self, batch: WriteBatch) -> Result<(), PlatformError> {
        self.disk.commit(batch).await
    }
}
