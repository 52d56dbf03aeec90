//! The platform of one thread or call in which nothing ever waits: every future is ready when it is first polled.
//!
//! Not here: time, faults and other objects (`tests/it/support`, `tests/it/simulation`).

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    time::Duration,
};

use futures_util::{FutureExt, future::LocalBoxFuture};
use serde_json::{Value, json};
use switchboard::{
    base::time::UnixMillis,
    config::Config,
    conversation::{
        budget::{AddUsage, Check, Release, Reserve},
        history::Conversation,
        model_run::{EndpointMemory, RemembersEndpoints},
    },
    identity::Pseudonym,
    messaging::{
        api::{Receive, Reply},
        thread::Thread,
    },
    platform::{
        Clock, Http, HttpError, HttpOpened, HttpRequest, HttpResponse, Kv, Log, Method, Objects,
        Once, PlatformError, Random, Sockets, Spawn, Storage, Stored, TimeZones, WriteBatch,
    },
    voice::{
        api::{CountCall, CountRequest},
        call::Phone,
    },
};

use super::NOW;
use crate::support::{
    response::{completion, response},
    settings::{self, config},
};

/// The platform of one thread or call, in which nothing ever waits: every future is ready when it is first polled.
#[derive(Clone, Debug, Default)]
pub(super) struct Object(pub(super) Rc<Inner>);

#[derive(Default)]
pub(super) struct Inner {
    now: Cell<u64>,
    looks_at_the_clock: Cell<u32>,
    pub(super) values: RefCell<BTreeMap<String, String>>,
    alarm: Cell<Option<UnixMillis>>,
    /// What KV gives for every key.
    kv: String,
    endpoints: RefCell<EndpointMemory>,
    pub(super) asked: Cell<u32>,
    pub(super) reserved: Cell<u32>,
    sent: Cell<u32>,
    /// What was sent over sockets, by session.
    pub(super) frames: RefCell<Vec<(u32, String)>>,
    pub(super) log: RefCell<Vec<String>>,
    tasks: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inner")
    }
}

impl Object {
    pub(super) fn holding(key: &str, value: &str) -> Self {
        let values = RefCell::new([(key.to_owned(), value.to_owned())].into());
        Self(Rc::new(Inner {
            now: Cell::new(NOW.0),
            values,
            kv: value.to_owned(),
            ..Inner::default()
        }))
    }

    /// One that holds nothing.
    pub(super) fn empty() -> Self {
        let object = Self::default();
        object.0.now.set(NOW.0);
        object
    }

    pub(super) fn start(&self) -> Thread<Self> {
        let name = Pseudonym::from_object_name("ab".repeat(32));
        Thread::new(self.clone(), CONFIG.with(Rc::clone), name)
    }

    pub(super) fn start_phone(&self) -> Phone<Self> {
        let name = Pseudonym::from_object_name("cd".repeat(32));
        Phone::new(self.clone(), CONFIG.with(Rc::clone), name)
    }

    pub(super) fn receive(&self, thread: &Thread<Self>, sid: &str) -> Reply {
        let reply =
            at_once(thread.receive(call(sid))).expect("storage works, so a message is answered");
        self.finish_tasks();
        reply
    }

    /// Fires whenever an alarm is set, and so many times at most.
    pub(super) fn fire_until_quiet(
        &self,
        most: u32,
        alarm: impl AsyncFn() -> Result<(), PlatformError>,
    ) {
        for _ in 0..most {
            let Some(at) = self.0.alarm.take() else {
                return;
            };
            self.0.now.set(self.0.now.get().max(at.0));
            at_once(alarm()).expect("storage works, so the alarm does");
            self.finish_tasks();
        }
    }

    pub(super) fn finish_tasks(&self) {
        loop {
            let Some(task) = self.0.tasks.borrow_mut().pop() else {
                return;
            };
            at_once(task);
        }
    }

    pub(super) fn logged(&self, words: &str) -> bool {
        self.0.log.borrow().iter().any(|line| line.contains(words))
    }

    pub(super) fn value(&self, key: &str) -> String {
        self.0.values.borrow().get(key).cloned().unwrap_or_default()
    }
}

thread_local! {
    static CONFIG: Rc<Config> = Rc::new(config(&[]).expect("the settings are valid"));
}

fn call(sid: &str) -> Receive {
    let reply_to = json!({
        "contact": "+15550100", "number": "+15550199", "service": null, "account": "AC0123456789abcdef0123456789abcdef",
        "token": "0000000000000000", "origin": "https://example.com",
    });
    let call = json!({ "sid": sid, "input": { "text": "Hello" }, "phone_hash": "00000000", "reply_to": reply_to, "arrived": NOW });
    serde_json::from_value(call).expect("the call is one")
}

pub(super) fn at_once<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nothing waits here")
}

impl TimeZones for Object {
    fn offset_minutes(&self, zone: &str, _at: UnixMillis) -> Option<i32> {
        settings::offset_minutes(zone)
    }
}

impl Clock for Object {
    fn now(&self) -> UnixMillis {
        let looks = self.0.looks_at_the_clock.get() + 1;
        // Every step reads the clock. So many steps for a handful of messages are an endless loop.
        assert!(looks < 20_000, "the object is in an endless loop");
        self.0.looks_at_the_clock.set(looks);
        UnixMillis(self.0.now.get())
    }
    async fn sleep(&self, duration: Duration) {
        self.0
            .now
            .set(UnixMillis(self.0.now.get()).plus(duration).0);
    }
}

impl Once for Object {
    fn is_first(&self, _: &'static str) -> bool {
        true
    }
}

impl Log for Object {
    fn write(&self, line: &str) {
        assert!(
            serde_json::from_str::<Value>(line).is_ok(),
            "a log line is JSON"
        );
        self.0.log.borrow_mut().push(line.to_owned());
    }
}

impl RemembersEndpoints for Object {
    fn endpoint_memory<R>(&self, look: impl FnOnce(&mut EndpointMemory) -> R) -> R {
        look(&mut self.0.endpoints.borrow_mut())
    }
}

impl Random for Object {
    fn next_f64(&self) -> f64 {
        0.5
    }
}

impl Http for Object {
    type Body = VecDeque<Vec<u8>>;

    async fn send(&self, request: &HttpRequest, _: Duration) -> Result<HttpResponse, HttpError> {
        let (status, body) = if request.url.starts_with("https://api.openai.com/") {
            self.0.asked.set(self.0.asked.get() + 1);
            (200, completion("answer", "stop").to_string())
        } else if request.method == "GET" {
            (200, r#"{"messages":[]}"#.to_owned())
        } else {
            self.0.sent.set(self.0.sent.get() + 1);
            (201, format!(r#"{{"sid":"SM{:032x}"}}"#, self.0.sent.get()))
        };
        Ok(response(status, body))
    }

    async fn open(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpOpened<Self::Body>, HttpError> {
        self.send(request, timeout).await.map(HttpOpened::from)
    }
}

impl Kv for Object {
    async fn get(&self, _: &str) -> Result<Option<String>, PlatformError> {
        Ok(Some(self.0.kv.clone()))
    }
    async fn put(&self, _: &str, value: &str, ttl: Duration) -> Result<(), PlatformError> {
        assert!(
            ttl >= Duration::from_mins(1),
            "KV refuses a lifetime below 60 s"
        );
        assert!(
            Conversation::decode(value).is_ok(),
            "what it saves it can read"
        );
        Ok(())
    }
    async fn delete(&self, _: &str) -> Result<(), PlatformError> {
        Ok(())
    }
}

impl Storage for Object {
    async fn get(&self, key: &str) -> Result<Option<Stored>, PlatformError> {
        Ok(self.0.values.borrow().get(key).cloned().map(Stored::Text))
    }
    async fn commit(&self, batch: WriteBatch) -> Result<(), PlatformError> {
        let mut values = self.0.values.borrow_mut();
        if batch.clear {
            values.clear();
            self.0.alarm.take();
        }
        values.extend(batch.puts);
        batch
            .deletes
            .iter()
            .for_each(|key| drop(values.remove(key)));
        self.0.alarm.set(batch.alarm.or(self.0.alarm.get()));
        Ok(())
    }
}

impl Spawn for Object {
    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.0.tasks.borrow_mut().push(task);
    }
}

impl Sockets for Object {
    fn send_text(&self, socket: u32, text: &str) {
        self.0.frames.borrow_mut().push((socket, text.to_owned()));
    }
    fn close(&self, _: u32, code: u16, _: &str) {
        assert!(
            matches!(code, 1000 | 1008),
            "a socket is closed with {code}"
        );
    }
}

impl Objects for Object {
    async fn call<M: Method>(&self, _: &str, _: &M) -> Result<M::Reply, PlatformError> {
        let reply = match M::NAME {
            Reserve::NAME => {
                self.0.reserved.set(self.0.reserved.get() + 1);
                json!("granted")
            }
            Check::NAME => json!("granted"),
            CountCall::NAME | CountRequest::NAME => json!(true),
            Release::NAME => json!(null),
            AddUsage::NAME => json!({
                "day": 0, "calls": 0, "messages": 0, "call_minutes": 0, "usage": {}, "unreadable": false,
            }),
            other => panic!("no such method: {other}"),
        };
        Ok(serde_json::from_value(reply).expect("the reply is one"))
    }
}
