//! A pretend platform for native tests: the real engines over virtual time, with a model, a Twilio, a KV and objects that can
//! be told to fail, and a recorded log.
//!
//! Time is tokio's paused clock: it moves when everybody waits. Not a mock of any decision: all of those are the product's.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use switchboard::{
    app::{self, BodyBroken, Request, Response},
    budget::{Budget, DayUsage, Item, Reservation, ReserveCall},
    config::{Config, Fault},
    platform::{
        Batch, Budgets, Clock, Counts, Http, HttpError, HttpRequest, HttpResponse, Kv, Log,
        Operations, PlatformError, Random, Senders, Spawn, Storage, Stored, UnixMillis,
    },
    pseudonym::{PhoneHash, Pseudonym},
    sender::{DeliveryReport, Erasure, Reply, Sender, SenderCall, Summary},
    tries::{Tries, TryCall, Verdict},
    usage::Tally,
};
use tokio::{
    task::{JoinHandle, spawn_local},
    time::Instant,
};

pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub const ORIGIN: &str = "https://example.com";
pub const NUMBER: &str = "+15550199";
pub const ANNA: &str = "+15550100";
pub const BEN: &str = "+15550101";
pub const SECOND: Duration = Duration::from_secs(1);
pub const HOUR: Duration = Duration::from_secs(3600);
pub const CARL: &str = "whatsapp:+15550102";
pub const NOTHING: [&str; 0] = [];
pub const DAY: Duration = Duration::from_secs(24 * 3600);
/// The operator's token, and the setting that makes it valid.
pub const ADMIN_TOKEN: &str = "an-admin-token-of-enough-characters";
pub const WITH_ADMIN: (&str, &str) = ("ADMIN_TOKEN", ADMIN_TOKEN);
/// 2026-11-22T12:00:00Z.
const START: u64 = 1_795_348_800_000;

/// What the pretend model or Twilio does with one request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers with this text (the model), or takes the message (Twilio).
    Say(&'static str),
    /// Answers with this status and body.
    Status(u16, &'static str),
    /// Answers 429 with this `Retry-After`.
    Later(&'static str),
    /// Answers 200 with this body.
    Body(&'static str),
    /// Breaks the connection.
    Drop,
    /// Does its work, and breaks the connection.
    ThenDrop,
    /// Answers, but only after this many milliseconds.
    After(u64, Box<Act>),
}

pub fn after(milliseconds: u64, act: Act) -> Act {
    Act::After(milliseconds, Box::new(act))
}

/// One pretend world. Cheap to clone.
#[derive(Clone)]
pub struct World(Rc<Inner>);

struct Inner {
    config: Result<Config, Vec<Fault>>,
    started: Instant,
    /// Milliseconds that the wall clock is off from the monotonic one: steps of the clock.
    step: Cell<i64>,
    log: RefCell<Vec<String>>,
    /// What the model does next; when empty, it answers as usual.
    model: RefCell<VecDeque<Act>>,
    model_requests: RefCell<Vec<Value>>,
    model_at_once: Cell<(usize, usize)>,
    twilio: RefCell<VecDeque<Act>>,
    sent: RefCell<Vec<BTreeMap<String, String>>>,
    /// What webhooks were answered, which Twilio lists too.
    replied: RefCell<Vec<BTreeMap<String, String>>>,
    rest_tokens: RefCell<Vec<String>>,
    lookups: Cell<usize>,
    /// What Twilio's media servers do next; when empty, they redirect and give [`GIF`].
    media: RefCell<VecDeque<Act>>,
    /// What they were asked for, and with which token.
    media_requests: RefCell<Vec<(String, Option<String>)>>,
    typing: RefCell<Vec<(UnixMillis, String)>>,
    kv: RefCell<BTreeMap<String, (String, UnixMillis)>>,
    kv_reads: Cell<usize>,
    kv_fails: Cell<bool>,
    kv_acts_and_fails: Cell<bool>,
    kv_write_takes: Cell<Duration>,
    kv_read_takes: Cell<Duration>,
    alarms_late_by: Cell<Duration>,
    /// How long after its last call or alarm an object vanishes, if it does.
    objects_last: Cell<Option<Duration>>,
    budget: OnceCell<Budget<PlainObject>>,
    budget_disk: Disk,
    budget_fails: Cell<bool>,
    budget_takes: Cell<Duration>,
    budget_calls: Cell<usize>,
    tries: RefCell<BTreeMap<String, Disk>>,
    tries_fail: Cell<bool>,
    /// The objects that do not answer the front: "sender", "budget", "tries".
    hanging: Cell<&'static [&'static str]>,
    objects_take: Cell<Duration>,
    /// What the front has counted and not reported.
    counted: Cell<Tally>,
    /// What the next calls to sender objects fail with.
    object_errors: RefCell<VecDeque<PlatformError>>,
    objects: RefCell<BTreeMap<String, Object>>,
}

/// The tasks of one incarnation of an object; they end with it.
type Tasks = Rc<RefCell<Vec<JoinHandle<()>>>>;

#[derive(Default)]
struct Object {
    disk: Disk,
    engine: Option<Rc<Sender<ObjectPlatform>>>,
    tasks: Tasks,
    /// Calls and alarms that have begun, and those of them that have ended.
    calls: (usize, usize),
    alarms: usize,
}

/// The storage of one object; it outlives the object.
#[derive(Clone, Default)]
pub struct Disk(Rc<DiskInner>);

#[derive(Default)]
struct DiskInner {
    values: RefCell<BTreeMap<String, Stored>>,
    alarm: Cell<Option<UnixMillis>>,
    fails: Cell<bool>,
    /// How many of the next commits fail.
    commits_fail: Cell<usize>,
    takes: Cell<Duration>,
    commits: Cell<usize>,
    rows: Cell<usize>,
}

impl World {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// A world in which these settings differ from the least that is valid; an empty value unsets one.
    pub fn with(changes: &[(&str, &str)]) -> Self {
        let minimal = [
            ("TWILIO_AUTH_TOKEN", TOKEN),
            ("OPENAI_API_KEY", "sk-test-planted-key"),
            ("PSEUDONYM_KEY", "a-pseudonym-key-of-enough-length"),
        ];
        let lookup = |name: &str| {
            changes
                .iter()
                .chain(&minimal)
                .find(|(other, _)| *other == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Self(Rc::new(Inner {
            config: Config::parse(lookup),
            started: Instant::now(),
            step: Cell::default(),
            log: RefCell::default(),
            model: RefCell::default(),
            model_requests: RefCell::default(),
            model_at_once: Cell::default(),
            twilio: RefCell::default(),
            sent: RefCell::default(),
            replied: RefCell::default(),
            rest_tokens: RefCell::default(),
            lookups: Cell::default(),
            media: RefCell::default(),
            media_requests: RefCell::default(),
            typing: RefCell::default(),
            kv: RefCell::default(),
            kv_reads: Cell::default(),
            kv_fails: Cell::default(),
            kv_acts_and_fails: Cell::default(),
            kv_read_takes: Cell::new(Duration::from_millis(5)),
            kv_write_takes: Cell::new(Duration::from_millis(20)),
            alarms_late_by: Cell::default(),
            objects_last: Cell::default(),
            budget: OnceCell::new(),
            budget_disk: Disk::default(),
            budget_fails: Cell::default(),
            budget_takes: Cell::default(),
            budget_calls: Cell::default(),
            tries: RefCell::default(),
            tries_fail: Cell::default(),
            hanging: Cell::default(),
            objects_take: Cell::default(),
            counted: Cell::default(),
            object_errors: RefCell::default(),
            objects: RefCell::default(),
        }))
    }

    pub fn config(&self) -> &Config {
        self.0.config.as_ref().unwrap()
    }

    // What the others do.

    /// What the model does with the next requests.
    pub fn model(&self, acts: impl IntoIterator<Item = Act>) {
        self.0.model.borrow_mut().extend(acts);
    }

    /// What Twilio does with the next messages sent by REST.
    pub fn twilio(&self, acts: impl IntoIterator<Item = Act>) {
        self.0.twilio.borrow_mut().extend(acts);
    }

    /// What Twilio's media servers do next.
    pub fn media(&self, acts: impl IntoIterator<Item = Act>) {
        self.0.media.borrow_mut().extend(acts);
    }

    pub fn kv_fails(&self, fails: bool) {
        self.0.kv_fails.set(fails);
    }

    /// KV does what it is told to write, and reports a failure.
    pub fn kv_acts_and_fails(&self, fails: bool) {
        self.0.kv_acts_and_fails.set(fails);
    }

    pub fn kv_read_takes(&self, duration: Duration) {
        self.0.kv_read_takes.set(duration);
    }

    pub fn kv_write_takes(&self, duration: Duration) {
        self.0.kv_write_takes.set(duration);
    }

    pub fn alarms_late_by(&self, duration: Duration) {
        self.0.alarms_late_by.set(duration);
    }

    /// Objects fall out of memory so long after their last call or alarm.
    pub fn objects_last(&self, duration: Duration) {
        self.0.objects_last.set(Some(duration));
    }

    pub fn budget_fails(&self, fails: bool) {
        self.0.budget_fails.set(fails);
    }

    /// How long the budget object takes to answer.
    pub fn budget_takes(&self, duration: Duration) {
        self.0.budget_takes.set(duration);
    }

    fn budget(&self) -> &Budget<PlainObject> {
        self.0.budget.get_or_init(|| {
            Budget::new(PlainObject {
                world: self.clone(),
                disk: self.0.budget_disk.clone(),
            })
        })
    }

    /// What the budget object finds in storage, before its first call.
    pub fn budget_holds(&self, value: Stored) {
        self.0
            .budget_disk
            .0
            .values
            .borrow_mut()
            .insert("used".to_owned(), value);
    }

    pub fn tries_fail(&self, fails: bool) {
        self.0.tries_fail.set(fails);
    }

    /// How long the way from the front to a sender object takes.
    pub fn objects_take(&self, duration: Duration) {
        self.0.objects_take.set(duration);
    }

    /// The front's calls to these objects ("sender", "budget", "tries") never end.
    pub fn hangs(&self, objects: &'static [&'static str]) {
        self.0.hanging.set(objects);
    }

    async fn answers(&self, object: &str) {
        if self.0.hanging.get().contains(&object) {
            std::future::pending::<()>().await;
        }
    }

    /// The next calls to sender objects fail so, before they reach the object.
    pub fn object_errors(&self, errors: impl IntoIterator<Item = PlatformError>) {
        self.0.object_errors.borrow_mut().extend(errors);
    }

    pub fn storage_fails(&self, from: &str, fails: bool) {
        self.disk(&self.name(from)).0.fails.set(fails);
    }

    /// The next commits fail.
    pub fn commits_fail(&self, from: &str, times: usize) {
        self.disk(&self.name(from)).0.commits_fail.set(times);
    }

    /// How long a commit takes until it is confirmed.
    pub fn storage_takes(&self, from: &str, duration: Duration) {
        self.disk(&self.name(from)).0.takes.set(duration);
    }

    pub fn step_clock(&self, milliseconds: i64) {
        self.0.step.set(self.0.step.get() + milliseconds);
    }

    pub fn overwrite_kv(&self, value: &str) {
        self.0
            .kv
            .borrow_mut()
            .values_mut()
            .for_each(|(text, _)| *text = value.to_owned());
    }

    /// KV gets this value, from an object that has vanished since it sent it.
    pub fn write_kv(&self, key: &str, value: &str) {
        let entry = (value.to_owned(), self.now().plus(Duration::from_secs(3600)));
        self.0.kv.borrow_mut().insert(key.to_owned(), entry);
    }

    pub fn overwrite_storage(&self, from: &str, key: &str, value: &str) {
        self.disk(&self.name(from))
            .0
            .values
            .borrow_mut()
            .insert(key.to_owned(), Stored::Text(value.to_owned()));
    }

    /// What is stored under a key is no text any more, or cannot be read back by the runtime.
    pub fn damage_storage(&self, from: &str, key: &str) {
        self.disk(&self.name(from))
            .0
            .values
            .borrow_mut()
            .insert(key.to_owned(), Stored::Unreadable);
    }

    /// The object vanishes, with everything in its memory; a webhook that waits gets an error.
    pub fn kill(&self, from: &str) {
        self.vanish(self.name(from).as_str());
    }

    // What was seen.

    pub fn events(&self) -> Vec<Value> {
        self.0
            .log
            .borrow()
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub fn events_named(&self, name: &str) -> Vec<Value> {
        self.events()
            .into_iter()
            .filter(|event| event["event"] == name)
            .collect()
    }

    pub fn security_events(&self, kind: &str) -> Vec<Value> {
        self.events_named("security_event")
            .into_iter()
            .filter(|event| event["details"]["kind"] == kind)
            .collect()
    }

    pub fn log_text(&self) -> String {
        self.0.log.borrow().join("\n")
    }

    pub fn model_requests(&self) -> Vec<Value> {
        self.0.model_requests.borrow().clone()
    }

    /// The most requests that the model had at once.
    pub fn model_at_once(&self) -> usize {
        self.0.model_at_once.get().1
    }

    /// The bodies of the messages sent by REST.
    pub fn sent(&self) -> Vec<String> {
        self.0
            .sent
            .borrow()
            .iter()
            .map(|form| form["Body"].clone())
            .collect()
    }

    pub fn sent_forms(&self) -> Vec<BTreeMap<String, String>> {
        self.0.sent.borrow().clone()
    }

    /// When the world began.
    pub fn started(&self) -> UnixMillis {
        UnixMillis(START)
    }

    /// How often the budget object was called.
    pub fn budget_calls(&self) -> usize {
        self.0.budget_calls.get()
    }

    /// The auth tokens that messages were sent with.
    pub fn rest_tokens(&self) -> Vec<String> {
        self.0.rest_tokens.borrow().clone()
    }

    /// The media that were asked for, and with which token.
    pub fn media_requests(&self) -> Vec<(String, Option<String>)> {
        self.0.media_requests.borrow().clone()
    }

    /// When typing was shown, and for what. (Showing it always fails here: that must change nothing.)
    pub fn typing(&self) -> Vec<(UnixMillis, String)> {
        self.0.typing.borrow().clone()
    }

    /// How often Twilio was asked what was sent.
    pub fn lookups(&self) -> usize {
        self.0.lookups.get()
    }

    /// How many requests the budget object has counted.
    pub async fn budget_used(&self) -> u64 {
        let stored = Storage::get(&self.0.budget_disk, "used").await.unwrap();
        stored.and_then(Stored::text).map_or(0, |text| {
            serde_json::from_str::<Value>(&text).unwrap()["calls"]
                .as_u64()
                .unwrap()
        })
    }

    pub fn kv_keys(&self) -> Vec<String> {
        let now = self.now();
        self.0
            .kv
            .borrow()
            .iter()
            .filter(|(_, (_, expires_at))| now < *expires_at)
            .map(|(key, _)| key.clone())
            .collect()
    }

    pub fn kv_values(&self) -> Vec<String> {
        self.0
            .kv
            .borrow()
            .values()
            .map(|(value, _)| value.clone())
            .collect()
    }

    pub fn kv_reads(&self) -> usize {
        self.0.kv_reads.get()
    }

    pub fn stored(&self, from: &str) -> BTreeMap<String, String> {
        let values = self.disk(&self.name(from)).0.values.borrow().clone();
        values
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.text()?)))
            .collect()
    }

    pub fn alarm(&self, from: &str) -> Option<UnixMillis> {
        self.disk(&self.name(from)).0.alarm.get()
    }

    pub fn commits(&self, from: &str) -> usize {
        self.disk(&self.name(from)).0.commits.get()
    }

    /// The rows that the sender's object has written, as Cloudflare bills them: each key put or deleted, each alarm set.
    pub fn rows(&self, from: &str) -> usize {
        self.disk(&self.name(from)).0.rows.get()
    }

    /// The rows that the budget object has written.
    pub fn budget_rows(&self) -> usize {
        self.0.budget_disk.0.rows.get()
    }

    /// How often the alarm of the sender's object has rung.
    pub fn alarms(&self, from: &str) -> usize {
        self.0
            .objects
            .borrow()
            .get(self.name(from).as_str())
            .map_or(0, |object| object.alarms)
    }

    pub fn object_names(&self) -> Vec<String> {
        self.0.objects.borrow().keys().cloned().collect()
    }

    // What a person, or Twilio, does.

    /// Sends a text message as Twilio does, and returns the texts of the answer. Panics on another status than 200.
    pub async fn text(&self, from: &str, body: &str) -> Vec<String> {
        self.message(from, body, &fresh_sid()).await
    }

    pub async fn message(&self, from: &str, body: &str, sid: &str) -> Vec<String> {
        let response = self.post(&webhook(from, body, sid)).await;
        assert_eq!(response.status, 200, "{}", response.body);
        texts(&response.body)
    }

    /// Posts a correctly signed webhook with these fields.
    pub async fn post(&self, fields: &[(String, String)]) -> Response {
        let response = self.handle(&mut Incoming::signed(fields)).await;
        let field = |name: &str| {
            fields
                .iter()
                .find(|(other, _)| other == name)
                .map(|(_, value)| value.clone())
                .unwrap_or_default()
        };
        for text in if response.status == 200 {
            texts(&response.body)
        } else {
            Vec::new()
        } {
            let replied = [
                ("sid", fresh_sid()),
                ("direction", "outbound-reply".to_owned()),
                ("date_created", date_of_twilio(self.now())),
                ("From", field("To")),
                ("To", field("From")),
                ("Body", text),
            ];
            self.0
                .replied
                .borrow_mut()
                .push(replied.map(|(name, value)| (name.to_owned(), value)).into());
        }
        response
    }

    /// Posts a message's webhook and returns the answer, whatever its status.
    pub async fn try_message(&self, from: &str, body: &str, sid: &str) -> Response {
        self.post(&webhook(from, body, sid)).await
    }

    pub async fn handle(&self, request: &mut Incoming) -> Response {
        app::handle(self, self.0.config.as_ref().map_err(Vec::as_slice), request).await
    }

    /// Lets time pass, and everything that happens meanwhile.
    pub async fn pass(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    // How it works.

    fn name(&self, from: &str) -> Pseudonym {
        let to = if from.starts_with("whatsapp:") {
            format!("whatsapp:{NUMBER}")
        } else {
            NUMBER.to_owned()
        };
        self.config()
            .pseudonym_key
            .pair(&from.parse().unwrap(), &to.parse().unwrap())
    }

    fn disk(&self, name: &Pseudonym) -> Disk {
        self.0
            .objects
            .borrow_mut()
            .entry(name.as_str().to_owned())
            .or_default()
            .disk
            .clone()
    }

    fn engine(&self, name: &Pseudonym) -> (Rc<Sender<ObjectPlatform>>, Tasks) {
        let mut objects = self.0.objects.borrow_mut();
        let object = objects.entry(name.as_str().to_owned()).or_default();
        let engine = object.engine.get_or_insert_with(|| {
            object.tasks = Rc::default();
            let platform = ObjectPlatform {
                world: self.clone(),
                name: name.clone(),
                disk: object.disk.clone(),
                tasks: Rc::clone(&object.tasks),
            };
            Rc::new(Sender::new(
                platform,
                Rc::new(self.config().clone()),
                name.clone(),
            ))
        });
        (Rc::clone(engine), Rc::clone(&object.tasks))
    }

    /// Runs a call in the object, as one of its tasks, so that it ends with the object.
    async fn in_object<T: 'static>(
        &self,
        name: &Pseudonym,
        call: impl AsyncFnOnce(Rc<Sender<ObjectPlatform>>) -> Result<T, PlatformError> + 'static,
    ) -> Result<T, PlatformError> {
        if let Some(error) = self.0.object_errors.borrow_mut().pop_front() {
            return Err(error);
        }
        tokio::time::sleep(self.0.objects_take.get()).await;
        let (engine, tasks) = self.engine(name);
        let (give, take) = tokio::sync::oneshot::channel();
        let task = spawn_local(async move {
            let _ = give.send(call(engine).await);
        });
        tasks.borrow_mut().push(task);
        self.calls(name, |calls| calls.0 += 1);
        let answer = take
            .await
            .unwrap_or_else(|_| Err(PlatformError::new("object reset")));
        self.calls(name, |calls| calls.1 += 1);
        self.vanish_unused(name);
        answer
    }

    fn calls(&self, name: &Pseudonym, note: impl FnOnce(&mut (usize, usize))) -> (usize, usize) {
        let mut objects = self.0.objects.borrow_mut();
        let calls = &mut objects.get_mut(name.as_str()).unwrap().calls;
        note(calls);
        *calls
    }

    /// The object vanishes after a while, unless it is called before.
    fn vanish_unused(&self, name: &Pseudonym) {
        let Some(lasts) = self.0.objects_last.get() else {
            return;
        };
        let (world, name, calls) = (self.clone(), name.clone(), self.calls(name, |_| {}));
        spawn_local(async move {
            world.sleep(lasts).await;
            if calls.0 == calls.1 && world.calls(&name, |_| {}) == calls {
                world.vanish(name.as_str());
            }
        });
    }

    fn vanish(&self, name: &str) {
        let mut objects = self.0.objects.borrow_mut();
        let object = objects.entry(name.to_owned()).or_default();
        object
            .tasks
            .borrow_mut()
            .drain(..)
            .for_each(|task| task.abort());
        object.engine = None;
    }

    /// Rings at the time that is set, and again when the handler failed, as the runtime does.
    fn arm(&self, name: &Pseudonym, at: UnixMillis) {
        let (world, name) = (self.clone(), name.clone());
        world.disk(&name).0.alarm.set(Some(at));
        spawn_local(async move {
            world
                .sleep(
                    at.since(world.now())
                        .saturating_add(world.0.alarms_late_by.get()),
                )
                .await;
            let disk = world.disk(&name);
            if disk.0.alarm.get() != Some(at) {
                return;
            }
            disk.0.alarm.set(None);
            world
                .0
                .objects
                .borrow_mut()
                .get_mut(name.as_str())
                .unwrap()
                .alarms += 1;
            let rung = world
                .in_object(&name, async |engine: Rc<Sender<ObjectPlatform>>| {
                    engine.alarm().await
                })
                .await;
            if rung.is_err() && disk.0.alarm.get().is_none() {
                world.arm(&name, world.now().plus(Duration::from_secs(2)));
            }
        });
    }

    async fn model_answer(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let body: Value = serde_json::from_str(&request.body).unwrap();
        self.0.model_requests.borrow_mut().push(body.clone());
        let act = self
            .0
            .model
            .borrow_mut()
            .pop_front()
            .unwrap_or(after(100, Act::Say("")));
        let guard = AtOnce::new(self);
        let mut done = |said: &str| {
            let messages = body["messages"].as_array().unwrap();
            let last = match &messages.last().unwrap()["content"] {
                Value::Array(parts) => format!(
                    "{} and {} pictures",
                    parts[0]["text"].as_str().unwrap(),
                    parts.len() - 1
                ),
                content => content.as_str().unwrap().to_owned(),
            };
            let text = if said.is_empty() {
                format!("answer to {last}")
            } else {
                said.to_owned()
            };
            let completion = json!({
                "choices": [{ "message": { "role": "assistant", "content": text, "refusal": null }, "finish_reason": "stop" }],
                "usage": { "prompt_tokens": messages.len(), "completion_tokens": 1 },
            });
            (200, completion.to_string())
        };
        let answer = self.act(act, &mut done).await;
        drop(guard);
        answer
    }

    async fn twilio_answer(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        self.0
            .rest_tokens
            .borrow_mut()
            .push(token_of(request).unwrap());
        let act = self
            .0
            .twilio
            .borrow_mut()
            .pop_front()
            .unwrap_or(after(50, Act::Say("")));
        if request.method == "GET" {
            self.0.lookups.set(self.0.lookups.get() + 1);
            return self
                .act(act, &mut |_| (200, self.list_of_sent(&request.url)))
                .await;
        }
        let form: BTreeMap<String, String> = form_urlencoded::parse(request.body.as_bytes())
            .into_owned()
            .collect();
        self.act(act, &mut |_| {
            let mut sent = form.clone();
            sent.insert("sid".to_owned(), fresh_sid());
            sent.insert("direction".to_owned(), "outbound-api".to_owned());
            sent.insert("date_created".to_owned(), date_of_twilio(self.now()));
            let body = json!({ "sid": sent["sid"] }).to_string();
            self.0.sent.borrow_mut().push(sent);
            (201, body)
        })
        .await
    }

    async fn media_answer(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        self.0
            .media_requests
            .borrow_mut()
            .push((request.url.clone(), token_of(request)));
        let redirect = request
            .url
            .starts_with("https://api.twilio.com/")
            .then_some(CDN);
        let act = self
            .0
            .media
            .borrow_mut()
            .pop_front()
            .unwrap_or(after(50, Act::Say("")));
        let mut answer = self
            .act(act, &mut |_| {
                if redirect.is_some() {
                    (307, String::new())
                } else {
                    (200, GIF.to_owned())
                }
            })
            .await?;
        answer.location = redirect.filter(|_| answer.status == 307).map(str::to_owned);
        if answer.body.len() > request.limit {
            Err(HttpError::TooLarge)
        } else {
            Ok(answer)
        }
    }

    /// The messages that were sent between the addresses of a list request, newest first.
    fn list_of_sent(&self, url: &str) -> String {
        let query: BTreeMap<String, String> =
            form_urlencoded::parse(url.split_once('?').unwrap().1.as_bytes())
                .into_owned()
                .collect();
        let mut listed = [
            self.0.sent.borrow().as_slice(),
            self.0.replied.borrow().as_slice(),
        ]
        .concat();
        listed.sort_by_key(|message| message["sid"].clone());
        let fits = |message: &&BTreeMap<String, String>| {
            ["To", "From"].iter().all(|key| {
                query
                    .get(*key)
                    .is_none_or(|value| message.get(*key) == Some(value))
            })
        };
        let resource = |message: &BTreeMap<String, String>| json!({ "sid": message["sid"], "body": message["Body"], "direction": message["direction"], "date_created": message["date_created"] });
        json!({ "messages": listed.iter().rev().filter(fits).map(resource).collect::<Vec<_>>() })
            .to_string()
    }

    async fn act(
        &self,
        mut act: Act,
        done: &mut dyn FnMut(&str) -> (u16, String),
    ) -> Result<HttpResponse, HttpError> {
        while let Act::After(milliseconds, then) = act {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            act = *then;
        }
        let (status, retry_after, body) = match act {
            Act::Say(text) => {
                let (status, body) = done(text);
                (status, None, body)
            }
            Act::Status(status, body) => (status, None, body.to_owned()),
            Act::Later(wait) => (429, Some(wait.to_owned()), String::new()),
            Act::Body(body) => (200, None, body.to_owned()),
            Act::ThenDrop => {
                done("");
                return Err(HttpError::Connection);
            }
            Act::Drop | Act::After(..) => return Err(HttpError::Connection),
        };
        Ok(HttpResponse {
            status,
            retry_after,
            location: None,
            body: body.into_bytes(),
        })
    }
}

struct AtOnce<'w>(&'w World);

impl<'w> AtOnce<'w> {
    fn new(world: &'w World) -> Self {
        let (now, most) = world.0.model_at_once.get();
        world.0.model_at_once.set((now + 1, most.max(now + 1)));
        Self(world)
    }
}

impl Drop for AtOnce<'_> {
    fn drop(&mut self) {
        let (now, most) = self.0.0.model_at_once.get();
        self.0.0.model_at_once.set((now - 1, most));
    }
}

impl Clock for World {
    fn now(&self) -> UnixMillis {
        let elapsed = i64::try_from(self.0.started.elapsed().as_millis()).unwrap();
        UnixMillis(
            START
                .checked_add_signed(elapsed + self.0.step.get())
                .unwrap(),
        )
    }
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl Log for World {
    fn write(&self, line: &str) {
        self.0.log.borrow_mut().push(line.to_owned());
    }
}

impl Senders for World {
    async fn deliver(&self, name: &Pseudonym, call: &SenderCall) -> Result<Reply, PlatformError> {
        self.answers("sender").await;
        // Through JSON, as on the wire.
        let call: SenderCall = serde_json::from_str(&serde_json::to_string(call).unwrap()).unwrap();
        let reply = self
            .in_object(name, async |engine: Rc<Sender<ObjectPlatform>>| {
                engine.deliver(call).await
            })
            .await?;
        Ok(serde_json::from_str(&serde_json::to_string(&reply).unwrap()).unwrap())
    }

    async fn report(&self, name: &Pseudonym, report: &DeliveryReport) -> Result<(), PlatformError> {
        self.answers("sender").await;
        let report = report.clone();
        self.in_object(name, async |engine: Rc<Sender<ObjectPlatform>>| {
            engine.report(report).await
        })
        .await
    }

    async fn show(&self, name: &Pseudonym) -> Result<Summary, PlatformError> {
        self.answers("sender").await;
        self.in_object(name, async |engine: Rc<Sender<ObjectPlatform>>| {
            engine.show().await
        })
        .await
    }

    async fn erase(
        &self,
        name: &Pseudonym,
        phone_hash: &PhoneHash,
    ) -> Result<Erasure, PlatformError> {
        self.answers("sender").await;
        let phone_hash = phone_hash.clone();
        self.in_object(name, async |engine: Rc<Sender<ObjectPlatform>>| {
            engine.erase(phone_hash).await
        })
        .await
    }
}

impl Operations for World {
    async fn usage(&self, tally: Tally) -> Result<DayUsage, PlatformError> {
        self.answers("budget").await;
        if self.0.budget_fails.get() {
            return Err(PlatformError::new("budget is unreachable"));
        }
        self.budget().report(&tally, self.now()).await
    }

    async fn reset_budget(&self) -> Result<DayUsage, PlatformError> {
        self.answers("budget").await;
        if self.0.budget_fails.get() {
            return Err(PlatformError::new("budget is unreachable"));
        }
        self.budget().reset(self.now()).await
    }

    async fn attempt(&self, client: &Pseudonym, call: TryCall) -> Result<Verdict, PlatformError> {
        self.answers("tries").await;
        if self.0.tries_fail.get() {
            return Err(PlatformError::new("tries are unreachable"));
        }
        let disk = self
            .0
            .tries
            .borrow_mut()
            .entry(client.as_str().to_owned())
            .or_default()
            .clone();
        Tries::new(PlainObject {
            world: self.clone(),
            disk,
        })
        .attempt(call, self.now())
        .await
    }
}

impl Counts for World {
    fn count(&self, tally: &Tally) {
        let mut counted = self.0.counted.get();
        counted.add(tally);
        self.0.counted.set(counted);
    }

    fn take(&self) -> Tally {
        self.0.counted.take()
    }
}

/// What one incarnation of an object sees.
pub struct ObjectPlatform {
    world: World,
    name: Pseudonym,
    disk: Disk,
    tasks: Tasks,
}

impl Clock for ObjectPlatform {
    fn now(&self) -> UnixMillis {
        self.world.now()
    }
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl Log for ObjectPlatform {
    fn write(&self, line: &str) {
        self.world.write(line);
    }
}

impl Random for ObjectPlatform {
    fn unit(&self) -> f64 {
        0.5
    }
}

impl Spawn for ObjectPlatform {
    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.tasks.borrow_mut().push(spawn_local(task));
    }
}

impl Http for ObjectPlatform {
    async fn send(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpResponse, HttpError> {
        let answer = async {
            if request.url.starts_with("https://api.openai.com/") {
                return self.world.model_answer(request).await;
            }
            if request.url == "https://messaging.twilio.com/v2/Indicators/Typing.json" {
                self.world
                    .0
                    .typing
                    .borrow_mut()
                    .push((self.world.now(), request.body.clone()));
                return Err(HttpError::Connection);
            }
            if request.url == CDN || request.url.contains("/Media/") {
                return self.world.media_answer(request).await;
            }
            assert!(
                request.url.starts_with("https://api.twilio.com/"),
                "{}",
                request.url
            );
            // Twilio goes on when nobody waits for its answer any more.
            let (give, take) = tokio::sync::oneshot::channel();
            let (world, request) = (self.world.clone(), request.clone());
            spawn_local(async move {
                let _ = give.send(world.twilio_answer(&request).await);
            });
            take.await.unwrap()
        };
        tokio::time::timeout(timeout, answer)
            .await
            .unwrap_or(Err(HttpError::Timeout))
    }
}

impl Kv for ObjectPlatform {
    async fn get(&self, key: &str) -> Result<Option<String>, PlatformError> {
        let world = &self.world.0;
        tokio::time::sleep(world.kv_read_takes.get()).await;
        world.kv_reads.set(world.kv_reads.get() + 1);
        if world.kv_fails.get() {
            return Err(PlatformError::new("kv is down"));
        }
        let now = self.world.now();
        Ok(world
            .kv
            .borrow()
            .get(key)
            .filter(|(_, expires_at)| now < *expires_at)
            .map(|(value, _)| value.clone()))
    }

    async fn put(&self, key: &str, value: &str, ttl: Duration) -> Result<(), PlatformError> {
        let world = &self.world.0;
        tokio::time::sleep(world.kv_write_takes.get()).await;
        assert!(
            ttl >= Duration::from_secs(60),
            "KV refuses a lifetime below 60 s"
        );
        if world.kv_fails.get() {
            return Err(PlatformError::new("kv is down"));
        }
        let entry = (value.to_owned(), self.world.now().plus(ttl));
        let before = world.kv.borrow_mut().insert(key.to_owned(), entry);
        assert!(
            before.is_none_or(|(before, _)| before == value),
            "a revision never changes"
        );
        if world.kv_acts_and_fails.get() {
            Err(PlatformError::new("no answer"))
        } else {
            Ok(())
        }
    }

    async fn delete(&self, key: &str) -> Result<(), PlatformError> {
        tokio::time::sleep(Duration::from_millis(5).max(self.world.0.kv_write_takes.get())).await;
        if self.world.0.kv_fails.get() {
            return Err(PlatformError::new("kv is down"));
        }
        self.world.0.kv.borrow_mut().remove(key);
        Ok(())
    }
}

/// What an object without tasks of its own sees: the budget, or the tries of one client.
struct PlainObject {
    world: World,
    disk: Disk,
}

impl Clock for PlainObject {
    fn now(&self) -> UnixMillis {
        self.world.now()
    }
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl Log for PlainObject {
    fn write(&self, line: &str) {
        self.world.write(line);
    }
}

impl Storage for PlainObject {
    async fn get(&self, key: &str) -> Result<Option<Stored>, PlatformError> {
        Storage::get(&self.disk, key).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), PlatformError> {
        self.disk.commit(batch).await
    }
}

impl Storage for Disk {
    async fn get(&self, key: &str) -> Result<Option<Stored>, PlatformError> {
        tokio::task::yield_now().await;
        if self.0.fails.get() {
            Err(PlatformError::new("storage is down"))
        } else {
            Ok(self.0.values.borrow().get(key).cloned())
        }
    }

    async fn commit(&self, batch: Batch) -> Result<(), PlatformError> {
        let fails_once = self.0.commits_fail.get() > 0;
        self.0
            .commits_fail
            .set(self.0.commits_fail.get().saturating_sub(1));
        if self.0.fails.get() || fails_once {
            return Err(PlatformError::new("storage is down"));
        }
        self.0.commits.set(self.0.commits.get() + 1);
        let alarms = usize::from(batch.alarm.is_some());
        self.0
            .rows
            .set(self.0.rows.get() + batch.puts.len() + batch.deletes.len() + alarms);
        {
            let mut values = self.0.values.borrow_mut();
            if batch.clear {
                values.clear();
                self.0.alarm.set(None);
            }
            values.extend(
                batch
                    .puts
                    .into_iter()
                    .map(|(key, text)| (key, Stored::Text(text))),
            );
            batch
                .deletes
                .iter()
                .for_each(|key| drop(values.remove(key)));
        }
        tokio::task::yield_now().await;
        tokio::time::sleep(self.0.takes.get()).await;
        Ok(())
    }
}

impl Storage for ObjectPlatform {
    async fn get(&self, key: &str) -> Result<Option<Stored>, PlatformError> {
        Storage::get(&self.disk, key).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), PlatformError> {
        let alarm = batch.alarm;
        let fails = self.disk.0.fails.get() || self.disk.0.commits_fail.get() > 0;
        let committed = self.disk.commit(batch);
        if let (Some(at), false) = (alarm, fails) {
            self.world.arm(&self.name, at);
        }
        committed.await
    }
}

impl Budgets for ObjectPlatform {
    async fn reserve(&self, call: ReserveCall) -> Result<Reservation, PlatformError> {
        self.world
            .0
            .budget_calls
            .set(self.world.0.budget_calls.get() + 1);
        tokio::time::sleep(Duration::from_millis(2).max(self.world.0.budget_takes.get())).await;
        if self.world.0.budget_fails.get() {
            return Err(PlatformError::new("budget is unreachable"));
        }
        self.world.budget().reserve(call, self.world.now()).await
    }

    async fn look(&self, item: Item, cap: u32) -> Result<Reservation, PlatformError> {
        tokio::time::sleep(Duration::from_millis(2).max(self.world.0.budget_takes.get())).await;
        if self.world.0.budget_fails.get() {
            return Err(PlatformError::new("budget is unreachable"));
        }
        self.world.budget().look(item, cap, self.world.now()).await
    }

    async fn report(&self, tally: Tally) -> Result<(), PlatformError> {
        self.world
            .0
            .budget_calls
            .set(self.world.0.budget_calls.get() + 1);
        tokio::time::sleep(Duration::from_millis(2).max(self.world.0.budget_takes.get())).await;
        if self.world.0.budget_fails.get() {
            return Err(PlatformError::new("budget is unreachable"));
        }
        self.world
            .budget()
            .report(&tally, self.world.now())
            .await
            .map(drop)
    }
}

/// A request as the runtime gives it, its body in pieces.
#[derive(Clone)]
pub struct Incoming {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub chunks: VecDeque<Result<Vec<u8>, BodyBroken>>,
}

impl Incoming {
    pub fn new(method: &'static str, path: &str) -> Self {
        Self {
            method,
            url: format!("{ORIGIN}{path}"),
            headers: Vec::new(),
            chunks: VecDeque::new(),
        }
    }

    /// A request with this JSON in its body.
    pub fn json(path: &str, body: &str) -> Self {
        let mut request = Self::new("POST", path);
        request
            .headers
            .push(("Content-Type", "application/json".to_owned()));
        request.chunks.push_back(Ok(body.as_bytes().to_vec()));
        request
    }

    /// A webhook with these fields, signed with [`TOKEN`] for its own URL.
    pub fn signed(fields: &[(String, String)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let mut request = Self::new("POST", "/twilio/messages");
        request.headers.push((
            "Content-Type",
            "application/x-www-form-urlencoded".to_owned(),
        ));
        request.chunks.push_back(Ok(body.into_bytes()));
        request.sign(TOKEN, fields);
        request
    }

    pub fn sign(&mut self, token: &str, fields: &[(String, String)]) {
        let signature = sign(token, &self.url, fields);
        self.headers
            .retain(|(name, _)| *name != "X-Twilio-Signature");
        self.headers.push(("X-Twilio-Signature", signature));
    }
}

impl Request for Incoming {
    fn method(&self) -> String {
        self.method.to_owned()
    }
    fn url(&self) -> String {
        self.url.clone()
    }
    fn header(&self, name: &str) -> Option<String> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.clone())
    }
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, BodyBroken> {
        self.chunks.pop_front().transpose()
    }
}

/// Twilio's signature, by the letter of its documentation.
pub fn sign(token: &str, url: &str, fields: &[(String, String)]) -> String {
    use hmac::{Hmac, KeyInit, Mac};

    let mut sorted = fields.to_vec();
    sorted.sort();
    sorted.dedup();
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(url.as_bytes());
    for (key, value) in sorted {
        mac.update(key.as_bytes());
        mac.update(value.as_bytes());
    }
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// The fields of an inbound message.
pub fn webhook(from: &str, body: &str, sid: &str) -> Vec<(String, String)> {
    let to = if from.starts_with("whatsapp:") {
        format!("whatsapp:{NUMBER}")
    } else {
        NUMBER.to_owned()
    };
    [
        ("MessageSid", sid),
        ("AccountSid", "AC0123456789abcdef0123456789abcdef"),
        ("From", from),
        ("To", &to),
        ("Body", body),
        ("NumMedia", "0"),
        ("FromCity", ""),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The fields of an inbound message with media of these types.
pub fn with_media(from: &str, body: &str, sid: &str, types: &[&str]) -> Vec<(String, String)> {
    let mut fields = webhook(from, body, sid);
    fields.retain(|(name, _)| name != "NumMedia");
    fields.push(("NumMedia".to_owned(), types.len().to_string()));
    for (index, media_type) in types.iter().enumerate() {
        fields.push((format!("MediaUrl{index}"), media_url(index)));
        fields.push((format!("MediaContentType{index}"), (*media_type).to_owned()));
    }
    fields
}

pub fn media_url(index: usize) -> String {
    format!(
        "https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages/MM1/Media/ME{index}"
    )
}

/// Where a media address redirects to.
pub const CDN: &str = "https://mms.twiliocdn.com/AC/a-picture";
/// The beginning of a GIF, enough to be known as one.
pub const GIF: &str = "GIF89a-the-planted-picture";

/// The auth token in a request's Basic credentials.
fn token_of(request: &HttpRequest) -> Option<String> {
    let credentials = request
        .headers
        .iter()
        .find_map(|(_, value)| value.strip_prefix("Basic "))?;
    let credentials = String::from_utf8(BASE64_STANDARD.decode(credentials).unwrap()).unwrap();
    Some(credentials.split(':').nth(1).unwrap().to_owned())
}

/// The operator's `Authorization` header.
pub fn bearer() -> String {
    format!("Bearer {ADMIN_TOKEN}")
}

pub fn fresh_sid() -> String {
    thread_local! {
        static NEXT: Cell<u64> = const { Cell::new(1) };
    }
    format!("SM{:032x}", NEXT.replace(NEXT.get() + 1))
}

/// A moment as Twilio writes it, by RFC 2822.
fn date_of_twilio(at: UnixMillis) -> String {
    let date = std::time::UNIX_EPOCH + Duration::from_millis(at.0);
    httpdate::fmt_http_date(date).replace("GMT", "+0000")
}

/// The texts of a TwiML answer.
pub fn texts(xml: &str) -> Vec<String> {
    assert!(xml.starts_with("<?xml"), "{xml}");
    xml.split("<Message>")
        .skip(1)
        .map(|rest| {
            let text = rest.split("</Message>").next().unwrap();
            text.replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&apos;", "'")
                .replace("&amp;", "&")
        })
        .collect()
}
