//! The objects of calls and callers, and the sockets of calls: what was sent over them is kept.
//!
//! Not here: Twilio's side of a call (`support::phone`).

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use switchboard::{
    base::{time::UnixMillis, usage::UsageCounters},
    conversation::budget::AddUsage,
    identity::Pseudonym,
    object::Engine,
    platform::{Clock, Method, PlatformError, SecretRandom, Sockets},
    voice::{call::Phone, callers::Callers},
};
use tokio::task::spawn_local;

use super::{
    FakePlatform,
    disk::Disk,
    object_ports::{Kind, ObjectPlatform, PlainObject, called},
    objects::Tasks,
    rest_calls::RestCalls,
};

/// All calls, callers and sockets.
#[derive(Default)]
pub(super) struct Calls {
    objects: RefCell<BTreeMap<String, CallObject>>,
    callers: RefCell<BTreeMap<String, Disk>>,
    /// What was sent over sockets: when, to which session, and the frame.
    sent: RefCell<Vec<(UnixMillis, u32, String)>>,
    /// The sockets that were closed, with the code.
    closed: RefCell<Vec<(u32, u16)>>,
    secrets: RefCell<u16>,
    replies_lost: Cell<usize>,
    /// The calls of the REST API.
    pub(super) rest: RestCalls,
}

#[derive(Default)]
struct CallObject {
    disk: Disk,
    engine: Option<Rc<Phone<ObjectPlatform>>>,
    tasks: Tasks,
}

impl FakePlatform {
    /// The engine of a call.
    pub fn phone(&self, name: &str) -> Rc<Phone<ObjectPlatform>> {
        let mut objects = self.0.calls.objects.borrow_mut();
        let object = objects.entry(name.to_owned()).or_default();
        let engine = object.engine.get_or_insert_with(|| {
            object.tasks = Rc::default();
            let name = Pseudonym::from_object_name(name.to_owned());
            let platform = ObjectPlatform {
                fake: self.clone(),
                kind: Kind::Call,
                name: name.clone(),
                disk: object.disk.clone(),
                tasks: Rc::clone(&object.tasks),
            };
            Rc::new(Phone::new(platform, Rc::new(self.config().clone()), name))
        });
        Rc::clone(engine)
    }

    /// The call's object leaves memory, with the tasks that run.
    pub fn evict_call(&self, name: &str) {
        if let Some(object) = self.0.calls.objects.borrow_mut().get_mut(name) {
            object
                .tasks
                .borrow_mut()
                .drain(..)
                .for_each(|task| task.abort());
            object.engine = None;
        }
    }

    /// The names of the calls' objects.
    pub fn call_names(&self) -> Vec<String> {
        self.0.calls.objects.borrow().keys().cloned().collect()
    }

    /// The replies to so many of the next calls to a call's object are lost. The platform says that they may be repeated.
    pub fn lose_call_replies(&self, times: usize) {
        self.0.calls.replies_lost.set(times);
    }

    /// Calls a call's object for the Worker.
    pub(super) async fn ask_call<M: Method>(
        &self,
        name: &str,
        method: &M,
    ) -> Result<M::Reply, PlatformError> {
        let reply = Box::pin(called(&*self.phone(name), method)).await;
        let lost = self.0.calls.replies_lost.get();
        self.0.calls.replies_lost.set(lost.saturating_sub(1));
        if lost == 0 {
            return reply;
        }
        Err(PlatformError {
            retryable: true,
            ..PlatformError::new("object reset")
        })
    }

    /// What a call's object has stored.
    pub fn call_disk(&self, name: &str) -> Disk {
        let mut objects = self.0.calls.objects.borrow_mut();
        objects.entry(name.to_owned()).or_default().disk.clone()
    }

    /// The minutes that are reserved today.
    pub async fn call_minutes(&self) -> u32 {
        let usage = UsageCounters::EMPTY;
        let day = called(self.budget(), &AddUsage { usage }).await;
        day.unwrap().call_minutes
    }

    /// The requests to the model that are reserved today.
    pub async fn model_requests_reserved(&self) -> u32 {
        let usage = UsageCounters::EMPTY;
        let day = called(self.budget(), &AddUsage { usage }).await;
        day.unwrap().calls
    }

    /// The frames that were sent over sockets, with their time and session.
    pub fn frames(&self) -> Vec<(UnixMillis, u32, String)> {
        self.0.calls.sent.borrow().clone()
    }

    /// The sockets that were closed.
    pub fn closed_sockets(&self) -> Vec<(u32, u16)> {
        self.0.calls.closed.borrow().clone()
    }

    pub(super) fn arm_call(&self, name: &Pseudonym, at: UnixMillis) {
        let (fake, name) = (self.clone(), name.as_str().to_owned());
        let disk = fake.call_disk(&name);
        disk.0.alarm.set(Some(at));
        spawn_local(async move {
            fake.sleep(at.since(fake.now())).await;
            if disk.0.alarm.get() == Some(at) {
                disk.0.alarm.set(None);
                let rung = fake.phone(&name).alarm().await;
                assert!(
                    rung.is_ok() || disk.0.fails.get(),
                    "an alarm fails only with storage"
                );
            }
        });
    }

    pub(super) async fn call_caller(
        &self,
        name: &str,
        method: &str,
        arguments: &str,
    ) -> Result<String, PlatformError> {
        let disk = self
            .0
            .calls
            .callers
            .borrow_mut()
            .entry(name.to_owned())
            .or_default()
            .clone();
        let fake = self.clone();
        Callers::new(PlainObject { fake, disk })
            .call(method, arguments)
            .await
    }

    /// No two are the same.
    fn next_secret(&self) -> [u8; 16] {
        let mut next = self.0.calls.secrets.borrow_mut();
        *next += 1;
        let [high, low] = next.to_be_bytes();
        let mut secret = [low; 16];
        secret[0] ^= high;
        secret
    }
}

impl SecretRandom for FakePlatform {
    fn secret_bytes(&self) -> Result<[u8; 16], PlatformError> {
        Ok(self.next_secret())
    }
}

impl Sockets for ObjectPlatform {
    fn send_text(&self, socket: u32, text: &str) {
        let frame = (self.fake.now(), socket, text.to_owned());
        self.fake.0.calls.sent.borrow_mut().push(frame);
    }

    fn close(&self, socket: u32, code: u16, _: &str) {
        self.fake.0.calls.closed.borrow_mut().push((socket, code));
    }
}
