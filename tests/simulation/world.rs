//! The simulated platform: objects with storage and alarms, KV, the model, Twilio's REST API, all of them failing as the plan
//! says. The engines that run in it are the product's. What must hold is in `ledger`; who writes when is in `people`.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::{Future, poll_fn},
    rc::Rc,
    task::Poll,
    time::{Duration, UNIX_EPOCH},
};

use futures_util::{future::LocalBoxFuture, pin_mut};
use serde::Deserialize;
use serde_json::json;
use switchboard::{
    budget::{Budget, DayUsage, Item, Reservation, ReserveCall},
    config::Config,
    conversation::Turn,
    platform::{
        Batch, Budgets, Clock, Counts, Http, HttpError, HttpRequest, HttpResponse, Kv, Log, Operations, PlatformError, Random as Jitter,
        Senders, Spawn, Storage, Stored, UnixMillis,
    },
    pseudonym::{PhoneHash, Pseudonym},
    sender::{DeliveryReport, Erasure, Reply, Sender, SenderCall, Summary},
    tries::{TryCall, Verdict},
    usage::Tally,
    wording,
};

use crate::{
    executor::{Executor, WORLD, promise},
    ledger::Ledger,
    plan::{Mutation, Plan},
    random::Random,
};

pub struct World {
    pub executor: Executor,
    pub random: Random,
    pub plan: Plan,
    pub config: Rc<Config>,
    pub mutation: Option<Mutation>,
    pub ledger: RefCell<Ledger>,
    pub trace: Option<RefCell<Vec<String>>>,
    objects: RefCell<BTreeMap<String, Object>>,
    incarnations: Cell<u64>,
    kills: Cell<u64>,
    /// Milliseconds that the clock has stepped back.
    stepped: Cell<u64>,
    kv: RefCell<BTreeMap<String, KvEntry>>,
    created: RefCell<Vec<Created>>,
    /// The poll in which a refusal for the rate limit was last logged.
    limited_in: Cell<u64>,
    /// The messages that were given to an object once at least.
    delivered: RefCell<BTreeSet<String>>,
}

#[derive(Default)]
struct Object {
    disk: Disk,
    incarnations: Vec<Incarnation>,
}

#[derive(Clone)]
struct Incarnation {
    number: u64,
    alive: Rc<Cell<bool>>,
    engine: Engine,
}

#[derive(Clone)]
enum Engine {
    Sender(Rc<Sender<Platform>>),
    Budget(Rc<Budget<Platform>>),
}

/// The storage of an object. What was written can be read at once, and is durable later; a kill loses what is not.
#[derive(Default)]
struct Disk {
    visible: Rows,
    durable: Rows,
    writes: VecDeque<Write>,
    next: u64,
    /// Counts the settings of the alarm.
    alarms: u64,
}

#[derive(Clone, Default)]
struct Rows {
    values: BTreeMap<String, String>,
    alarm: Option<UnixMillis>,
}

struct Write {
    number: u64,
    at: u64,
    due: u64,
    batch: Batch,
}

struct KvEntry {
    value: String,
    written: u64,
    expires_at: u64,
}

struct Created {
    sid: String,
    to: String,
    from: String,
    body: String,
    at: u64,
}

const BUDGET: &str = "budget";
const NUMBER: &str = "+15550199";
/// Where the pretend Twilio keeps all pictures.
const CDN: &str = "https://mms.twiliocdn.com/picture";

impl Rows {
    fn apply(&mut self, batch: &Batch) {
        if batch.clear {
            *self = Self::default();
        }
        self.values.extend(batch.puts.iter().cloned());
        batch.deletes.iter().for_each(|key| drop(self.values.remove(key)));
        self.alarm = batch.alarm.or(self.alarm);
    }
}

impl World {
    pub fn new(seed: u64, mutation: Option<Mutation>, traced: bool) -> Rc<Self> {
        let random = Random::new(seed);
        let plan = Plan::new(&random);
        let settings = plan.settings();
        let config = Config::parse(|name| settings.iter().find(|(other, _)| *other == name).map(|(_, value)| value.clone()));
        let ledger = Ledger::new(&plan);
        Rc::new(Self {
            executor: Executor::default(),
            random,
            plan,
            config: Rc::new(config.unwrap()),
            mutation,
            ledger: RefCell::new(ledger),
            trace: traced.then(RefCell::default),
            objects: RefCell::default(),
            incarnations: Cell::default(),
            kills: Cell::default(),
            stepped: Cell::default(),
            kv: RefCell::default(),
            created: RefCell::default(),
            limited_in: Cell::default(),
            delivered: RefCell::default(),
        })
    }

    pub fn say(&self, words: impl FnOnce() -> String) {
        if let Some(trace) = &self.trace {
            let now = self.executor.now();
            trace.borrow_mut().push(format!("{:>6}.{:03}  {}", now / 1000, now % 1000, words()));
        }
    }

    pub fn count(&self, what: &'static str) {
        self.ledger.borrow_mut().count(what);
    }

    /// Whether a fault comes now that comes `per_mille` times in a thousand.
    pub fn fault(&self, per_mille: u64, what: &'static str) -> bool {
        let comes = self.executor.now() < self.plan.faults_until && self.random.chance(per_mille);
        if comes {
            self.count(what);
            self.say(|| format!("fault: {what}"));
        }
        comes
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    pub fn sleep(&self, milliseconds: u64) -> impl Future<Output = ()> + 'static {
        self.executor.sleep(milliseconds)
    }

    pub fn step_clock(&self, milliseconds: u64) {
        self.count("clock steps");
        self.say(|| format!("the clock steps back by {milliseconds} ms"));
        self.stepped.set(self.stepped.get() + milliseconds);
    }

    fn wall(&self) -> UnixMillis {
        UnixMillis(self.plan.start + self.executor.now() - self.stepped.get())
    }

    // Objects.

    fn platform(self: &Rc<Self>, name: &str, number: u64, alive: &Rc<Cell<bool>>) -> Platform {
        Platform { world: Rc::clone(self), name: name.to_owned(), number, alive: Rc::clone(alive) }
    }

    fn incarnation(self: &Rc<Self>, name: &str) -> Incarnation {
        let mut objects = self.objects.borrow_mut();
        let object = objects.entry(name.to_owned()).or_default();
        let wanted = if self.is(Mutation::LockRemoved) && name != BUDGET { 2 } else { 1 };
        while object.incarnations.len() < wanted {
            self.incarnations.set(self.incarnations.get() + 1);
            let (number, alive) = (self.incarnations.get(), Rc::new(Cell::new(true)));
            let platform = self.platform(name, number, &alive);
            let engine = if name == BUDGET {
                Engine::Budget(Rc::new(Budget::new(platform)))
            } else {
                Engine::Sender(Rc::new(Sender::new(platform, Rc::clone(&self.config), Pseudonym::from_object_name(name.to_owned()))))
            };
            object.incarnations.push(Incarnation { number, alive, engine });
        }
        let at = if wanted == 1 { 0 } else { usize::try_from(self.random.below(2)).unwrap() };
        object.incarnations[at].clone()
    }

    /// Runs a call in an object, as a task that ends with the object. A caller that leaves may take the task with it.
    async fn call<T: 'static, F: Future<Output = Result<T, PlatformError>> + 'static>(
        self: &Rc<Self>,
        name: &str,
        call: impl FnOnce(Engine) -> F,
    ) -> Result<T, PlatformError> {
        let incarnation = self.incarnation(name);
        let (give, take) = promise();
        let (world, name, alive) = (Rc::clone(self), name.to_owned(), Rc::clone(&incarnation.alive));
        let future = call(incarnation.engine);
        let task = self.executor.spawn(incarnation.number, async move {
            let answer = future.await;
            // The output gate: nothing leaves an object before what it wrote is durable.
            world.durable(&name).await;
            if alive.get() {
                give.give(answer);
            }
        });
        let leaving = Leaving { world: Rc::clone(self), task: Some(task) };
        let answer = take.await;
        leaving.done();
        answer.unwrap_or_else(|| Err(PlatformError::new("object reset")))
    }

    /// The object vanishes, with everything in its memory, and with what it wrote and is not durable yet.
    pub fn kill(self: &Rc<Self>, name: &str) {
        let incarnations = match self.objects.borrow_mut().get_mut(name) {
            Some(object) => std::mem::take(&mut object.incarnations),
            None => return,
        };
        if incarnations.is_empty() {
            return;
        }
        self.kills.set(self.kills.get() + 1);
        self.count(if name == BUDGET { "kills of the budget object" } else { "kills of a sender object" });
        self.say(|| format!("{name:.6} is killed"));
        self.end(incarnations);
        let (stored, rearm) = {
            let mut objects = self.objects.borrow_mut();
            let disk = &mut objects.get_mut(name).unwrap().disk;
            let kept = usize::try_from(self.random.below(disk.writes.len() as u64 + 1)).unwrap();
            let lost = disk.writes.split_off(kept);
            let stored = std::mem::take(&mut disk.writes);
            for write in &stored {
                disk.durable.apply(&write.batch);
            }
            disk.visible = disk.durable.clone();
            if !lost.is_empty() {
                disk.alarms += 1;
            }
            (stored, if lost.is_empty() { None } else { disk.visible.alarm })
        };
        for write in &stored {
            self.became_durable(name, write);
        }
        if rearm.is_some() {
            self.count("commits lost in a kill");
        }
        if let Some(at) = rearm {
            self.arm(name, at);
        }
        self.ledger.borrow_mut().killed(name, self.executor.now());
    }

    fn end(&self, incarnations: Vec<Incarnation>) {
        for incarnation in incarnations {
            incarnation.alive.set(false);
            self.executor.end_group(incarnation.number);
        }
    }

    /// Kills the object of this incarnation, perhaps: it waits for something right now.
    pub fn perhaps_kill(self: &Rc<Self>, group: u64) {
        if self.plan.kill == 0 || self.kills.get() >= self.plan.kills_at_most || self.executor.now() >= self.plan.faults_until {
            return;
        }
        if !self.random.chance(self.plan.kill) {
            return;
        }
        let name = {
            let objects = self.objects.borrow();
            objects.iter().find(|(_, object)| object.incarnations.iter().any(|one| one.number == group)).map(|(name, _)| name.clone())
        };
        if let Some(name) = name {
            self.kill(&name);
        }
    }

    /// Kills any object that there is.
    pub fn kill_any(self: &Rc<Self>) {
        let names: Vec<String> = self.objects.borrow().keys().cloned().collect();
        if !names.is_empty() {
            let at = usize::try_from(self.random.below(names.len() as u64)).unwrap();
            self.kill(&names[at]);
        }
    }

    /// Ends everything, so that nothing keeps anything else in memory.
    pub fn take_down(&self) {
        let objects = self.objects.take();
        for object in objects.into_values() {
            self.end(object.incarnations);
        }
        self.executor.clear();
    }

    /// What is left when everything has come to rest.
    pub fn check_end(&self) {
        self.ledger.borrow_mut().end();
        let mut ledger = self.ledger.borrow_mut();
        for (name, object) in self.objects.borrow().iter().filter(|(name, _)| *name != BUDGET) {
            let Rows { values, alarm } = &object.disk.visible;
            // An opt-out stays, and nothing else.
            let opted_out = values.get("state").is_some_and(|state| {
                let blank = ["\"opted_out\":true", "\"seen\":[]", "\"conversation\":null", "\"sent\":[]", "\"late\":[]", "\"unsaved\":[]"];
                values.len() == 1 && blank.iter().all(|part| state.contains(part))
            });
            ledger.check((values.is_empty() || opted_out) && alarm.is_none(), || {
                format!("{name:.6} holds something after its time: {:?}, alarm {alarm:?}", values.keys().collect::<Vec<_>>())
            });
        }
    }

    /// A webhook was told that everything is erased that its sender had said before this message.
    pub fn told_erased(&self, sid: &str) {
        let mut ledger = self.ledger.borrow_mut();
        let Some((name, erased_at)) = ledger.erasure(sid) else { return };
        let prefix = format!("conversation/{name}/");
        let (kv, now) = (self.kv.borrow(), self.executor.now());
        // What an object that has vanished had sent to KV may come after the deletion.
        let before = kv.iter().filter(|(key, entry)| key.starts_with(&prefix) && entry.written < erased_at && now < entry.expires_at);
        let values: Vec<String> = before.map(|(_, entry)| entry.value.clone()).collect();
        ledger.told_erased(&name, &values);
    }

    // Storage.

    fn write(self: &Rc<Self>, name: &str, mut batch: Batch) -> (u64, u64) {
        let slow = self.fault(self.plan.storage_slow, "slow commits");
        let takes = if slow { self.random.between(50, 400) } else { self.random.below(12) };
        let now = self.executor.now();
        if batch.puts.iter().any(|(key, _)| key.starts_with("answers/")) {
            self.count("rows of answers written");
        }
        if !batch.deletes.is_empty() {
            self.count("rows of answers deleted");
        }
        let (number, due, alarm) = {
            let mut objects = self.objects.borrow_mut();
            let disk = &mut objects.entry(name.to_owned()).or_default().disk;
            if self.is(Mutation::AlarmNotRearmed) && disk.alarms > 0 {
                batch.alarm = None;
            }
            disk.visible.apply(&batch);
            if batch.clear || batch.alarm.is_some() {
                disk.alarms += 1;
            }
            disk.next += 1;
            let due = disk.writes.back().map_or(0, |write| write.due).max(now + takes);
            let (number, alarm) = (disk.next, batch.alarm);
            disk.writes.push_back(Write { number, at: now, due, batch });
            (number, due, alarm)
        };
        if let Some(at) = alarm {
            self.arm(name, at);
        }
        let (world, name) = (Rc::clone(self), name.to_owned());
        self.executor.spawn(WORLD, async move {
            world.sleep(due - now).await;
            loop {
                let write = {
                    let mut objects = world.objects.borrow_mut();
                    let Some(object) = objects.get_mut(&name) else { return };
                    if object.disk.writes.front().is_none_or(|write| write.number > number) {
                        return;
                    }
                    let Some(write) = object.disk.writes.pop_front() else { return };
                    object.disk.durable.apply(&write.batch);
                    write
                };
                world.became_durable(&name, &write);
            }
        });
        (number, due)
    }

    fn became_durable(&self, name: &str, write: &Write) {
        let state = write.batch.puts.iter().find(|(key, _)| key == "state").map(|(_, value)| value.as_str());
        if write.batch.clear || state.is_some() {
            self.ledger.borrow_mut().stored(name, state, write.at);
        }
    }

    /// Returns when everything is durable that was written until now.
    async fn durable(&self, name: &str) {
        if self.is(Mutation::CommitNotAwaited) {
            return;
        }
        loop {
            let due = self.objects.borrow().get(name).and_then(|object| object.disk.writes.back().map(|write| write.due));
            let Some(due) = due else { return };
            self.sleep(due.saturating_sub(self.executor.now()).max(1)).await;
        }
    }

    // Alarms.

    fn arm(self: &Rc<Self>, name: &str, at: UnixMillis) {
        let setting = self.objects.borrow().get(name).map_or(0, |object| object.disk.alarms);
        let late = if self.fault(self.plan.alarm_late, "late alarms") { self.random.between(1, 60_000) } else { self.random.below(30) };
        let wait = u64::try_from(at.since(self.wall()).as_millis()).unwrap() + late;
        let (world, name) = (Rc::clone(self), name.to_owned());
        self.executor.spawn(WORLD, async move {
            world.sleep(wait).await;
            world.ring(&name, setting).await;
        });
    }

    /// Rings until the handler has succeeded, as the runtime does: up to six more times, unless the alarm was set anew.
    async fn ring(self: &Rc<Self>, name: &str, setting: u64) {
        self.durable(name).await;
        {
            let mut objects = self.objects.borrow_mut();
            let Some(object) = objects.get_mut(name) else { return };
            if object.disk.alarms != setting || object.disk.visible.alarm.is_none() {
                return;
            }
            (object.disk.visible.alarm, object.disk.durable.alarm) = (None, None);
        }
        for retry in 0..7 {
            self.count("alarms");
            self.say(|| format!("{name:.6} alarm rings{}", if retry == 0 { "" } else { " again" }));
            if self.alarm(name).await.is_ok() {
                if self.fault(self.plan.alarm_twice, "alarms that ring twice") {
                    self.sleep(self.random.below(5000)).await;
                    let _ = self.alarm(name).await;
                }
                return;
            }
            self.count("alarms that failed");
            if self.has_alarm(name) {
                return;
            }
            self.sleep(2000 << retry).await;
            if self.has_alarm(name) {
                return;
            }
        }
        self.count("alarms given up by the runtime");
    }

    async fn alarm(self: &Rc<Self>, name: &str) -> Result<(), PlatformError> {
        self.call(name, async |engine| match engine {
            Engine::Sender(sender) => sender.alarm().await,
            Engine::Budget(_) => Ok(()),
        })
        .await
    }

    fn has_alarm(&self, name: &str) -> bool {
        self.objects.borrow().get(name).is_some_and(|object| object.disk.visible.alarm.is_some())
    }

    // The model.

    async fn ask_model(self: &Rc<Self>, platform: &Platform, request: &HttpRequest, timeout: u64) -> Result<HttpResponse, HttpError> {
        #[derive(Deserialize)]
        struct Body {
            messages: Vec<Said>,
        }
        #[derive(Deserialize)]
        struct Said {
            content: serde_json::Value,
        }
        /// The text of a message, alone or beside pictures.
        fn text(content: serde_json::Value) -> String {
            let beside = content.get(0).and_then(|part| part["text"].as_str());
            beside.or(content.as_str()).unwrap_or_default().to_owned()
        }
        let body: Body = serde_json::from_str(&request.body).unwrap();
        let mut said = body.messages.into_iter().skip(1).map(|said| text(said.content));
        let (mut turns, mut input) = (Vec::new(), String::new());
        while let Some(user) = said.next() {
            match said.next() {
                Some(assistant) => turns.push(Turn { user, assistant }),
                None => input = user,
            }
        }
        self.say(|| format!("{:.6} asks the model, after {} turns: {}", platform.name, turns.len(), input.replace('\n', " | ")));
        self.ledger.borrow_mut().asked(&platform.name, platform.number, &turns, &input, self.executor.now());
        let (mut leaving, answer) = (AtModel { world: Rc::clone(self), name: platform.name.clone(), answer: None }, promise());
        let (give, take) = answer;
        let (world, name) = (Rc::clone(self), platform.name.clone());
        self.executor.spawn(WORLD, async move { give.give(world.model(&name, &input).await) });
        let answer = self.executor.within(timeout, take).await;
        let (response, number) = match answer {
            None => (Err(HttpError::Timeout), None),
            Some(None) => (Err(HttpError::Connection), None),
            Some(Some(answer)) => answer,
        };
        leaving.answer = number;
        self.say(|| match &response {
            Ok(response) => format!(
                "{:.6} hears from the model: {} {}",
                platform.name,
                response.status,
                number.map_or(String::new(), |n| format!("answer#{n}"))
            ),
            Err(error) => format!("{:.6} hears from the model: {error}", platform.name),
        });
        match &response {
            Ok(response) if response.status == 200 => {}
            _ if self.is(Mutation::ApologyStored) => {
                let number = self.ledger.borrow_mut().add_answer(&platform.name, wording::APOLOGY.to_owned());
                leaving.answer = Some(number);
                return Ok(completion(wording::APOLOGY, "stop"));
            }
            _ => {}
        }
        response
    }

    async fn model(&self, name: &str, input: &str) -> (Result<HttpResponse, HttpError>, Option<usize>) {
        let slow = self.fault(self.plan.model_slow, "slow answers of the model");
        self.sleep(if slow { self.random.between(3000, 70_000) } else { self.random.between(50, 2500) }).await;
        let status = |status: u16, body: &str| {
            (Ok(HttpResponse { status, retry_after: None, location: None, body: body.as_bytes().to_vec() }), None)
        };
        if self.fault(self.plan.model_fails, "failures of the model") {
            let later =
                |seconds: &str| HttpResponse { status: 429, retry_after: Some(seconds.to_owned()), location: None, body: Vec::new() };
            return match self.random.below(13) {
                0 => (Ok(later("2")), None),
                1 => (Ok(later("30")), None),
                2 => status(429, r#"{"error":{"type":"insufficient_quota","code":"insufficient_quota"}}"#),
                3 => status(500, "<html>"),
                4 => status(503, ""),
                5 => status(401, ""),
                6 => status(400, r#"{"error":{}}"#),
                7 => status(200, "<html>"),
                8 => status(200, r#"{"choices":[{"message":{"content":null}}]}"#),
                9 => status(200, r#"{"choices":[{"message":{"content":"x"},"finish_reason":"content_filter"}]}"#),
                // It acts, and drops the answer.
                10 => (Err(HttpError::Unreadable), None),
                _ => (Err(HttpError::Connection), None),
            };
        }
        let number = self.ledger.borrow().answers.len();
        let mut text = format!("answer#{number} to {}", input.replace('\n', ", "));
        if self.fault(self.plan.model_long, "answers of several parts") {
            for word in 0..self.random.between(50, 420) {
                text.push_str(&format!(" word{number}x{word}"));
            }
        }
        let (said, response) = match self.random.below(20) {
            0 => (format!("{text}…"), completion(&text, "length")),
            1 => {
                let body = json!({ "choices": [{ "message": { "content": null, "refusal": text } }] }).to_string();
                (text, HttpResponse { status: 200, retry_after: None, location: None, body: body.into_bytes() })
            }
            _ => (text.clone(), completion(&text, "stop")),
        };
        let number = self.ledger.borrow_mut().add_answer(name, said);
        (Ok(response), Some(number))
    }

    // Twilio's REST API.

    async fn ask_twilio(self: &Rc<Self>, name: &str, request: &HttpRequest, timeout: u64) -> Result<HttpResponse, HttpError> {
        if request.method == "POST" && request.url.ends_with("/Messages.json") {
            self.ledger.borrow_mut().sending(name);
        }
        let attempts = if self.is(Mutation::AmbiguousSendRetried) && request.method == "POST" { 2 } else { 1 };
        let mut answer = Err(HttpError::Connection);
        for _ in 0..attempts {
            let (give, take) = promise();
            let (world, request) = (Rc::clone(self), request.clone());
            self.executor.spawn(WORLD, async move {
                let answer = world.twilio(&request).await;
                give.give(answer);
            });
            answer = match self.executor.within(timeout, take).await {
                None => Err(HttpError::Timeout),
                Some(answer) => answer.unwrap_or(Err(HttpError::Connection)),
            };
            if answer.is_ok() {
                break;
            }
        }
        answer
    }

    async fn twilio(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let path = request.url.split('?').next().unwrap_or_default();
        let answer = if request.method == "GET" && path.ends_with("/Messages.json") {
            self.list(request).await
        } else if request.method == "POST" && path.ends_with("/Messages.json") {
            self.create(request).await
        } else if request.method == "GET" && (path.contains("/Media/") || path == CDN) {
            self.picture(request, path).await
        } else if path.ends_with("/Typing.json") {
            self.count("typing indicators");
            self.sleep(self.random.between(10, 3000)).await;
            Ok(json_response(self.random.pick(&[200, 200, 400, 500]), &json!({})))
        } else {
            self.ledger.borrow_mut().check(false, || format!("an unknown request: {} {path}", request.method));
            Err(HttpError::Connection)
        };
        self.say(|| match &answer {
            Ok(answer) => format!("Twilio answers {} to a {}", answer.status, request.method),
            Err(_) => format!("Twilio breaks off a {}", request.method),
        });
        answer
    }

    /// A picture: Twilio leads to where it is kept, without credentials.
    async fn picture(&self, request: &HttpRequest, path: &str) -> Result<HttpResponse, HttpError> {
        self.sleep(self.random.between(5, 1000)).await;
        let (kept, shown) = (path == CDN, !request.headers.is_empty());
        self.ledger.borrow_mut().check(shown != kept, || "credentials were shown to the wrong host, or not to Twilio".into());
        if self.fault(self.plan.media_fails, "pictures that could not be fetched") {
            let failures = [Err(HttpError::Connection), Err(HttpError::TooLarge), Err(HttpError::Unreadable), Ok(404), Ok(500), Ok(200)];
            return self.random.pick(&failures).map(|status| json_response(status, &json!({})));
        }
        self.count("pictures");
        let location = (!kept).then(|| CDN.to_owned());
        Ok(HttpResponse { status: if kept { 200 } else { 307 }, retry_after: None, location, body: b"GIF89a".to_vec() })
    }

    async fn create(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let form: BTreeMap<String, String> = form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
        self.say(|| format!("a POST of {}: {:.40}", form["To"], form["Body"]));
        let error = |status: u16, code: u32| Ok(json_response(status, &json!({ "code": code, "message": "no", "status": status })));
        let began = self.executor.now();
        if self.fault(self.plan.create_slow, "slow creates") {
            self.sleep(self.random.between(500, 9000)).await;
        }
        if self.fault(self.plan.create_fails, "refused creates") {
            self.ledger.borrow_mut().refused(&form["To"], self.executor.now());
            return match self.random.below(6) {
                0..3 => error(429, 20429),
                3 if self.plan.two_tokens => error(401, 20003),
                _ => error(400, self.random.pick(&[21610, 63016, 21211])),
            };
        }
        if !self.fault(self.plan.create_unknown, "creates of unknown outcome") {
            self.sleep(self.random.between(20, 500)).await;
            return Ok(self.act(&form));
        }
        match self.random.below(7) {
            0 => error(500, 20500),
            1 => {
                self.act(&form);
                error(503, 20503)
            }
            2 => Err(HttpError::Connection),
            3 => {
                self.act(&form);
                self.sleep(self.random.below(3000)).await;
                Err(HttpError::Connection)
            }
            4 => {
                self.act(&form);
                Err(HttpError::Unreadable)
            }
            5 => {
                let response = self.act(&form);
                self.sleep(self.random.between(9000, 25_000)).await;
                Ok(response)
            }
            // The client has given up by then.
            _ => {
                self.count("creates after the client had left");
                self.sleep(self.random.between(10_000, 28_000).saturating_sub(self.executor.now() - began)).await;
                Ok(self.act(&form))
            }
        }
    }

    fn act(&self, form: &BTreeMap<String, String>) -> HttpResponse {
        let (to, body) = (form["To"].clone(), form["Body"].clone());
        let sid = format!("SM{:032x}", 0xF000_0000_u64 + self.created.borrow().len() as u64);
        self.say(|| format!("Twilio creates a message to {to}: {body:.40}"));
        self.ledger.borrow_mut().sent(&to, &body);
        let channel = if to.starts_with("whatsapp:") { "whatsapp:" } else { "" };
        let from = form.get("From").cloned().unwrap_or_else(|| format!("{channel}{NUMBER}"));
        let response = json_response(201, &json!({ "sid": sid, "status": "queued", "error_code": null }));
        self.created.borrow_mut().push(Created { sid, to, from, body, at: self.plan.start + self.executor.now() });
        response
    }

    async fn list(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        self.count("lookups");
        self.sleep(self.random.between(20, 800)).await;
        if self.fault(self.plan.list_fails, "lookups that failed") {
            return match self.random.below(4) {
                0 => Ok(json_response(500, &json!({}))),
                1 => Ok(json_response(429, &json!({ "code": 20429 }))),
                2 => {
                    self.sleep(30_000).await;
                    Err(HttpError::Connection)
                }
                _ => Err(HttpError::Connection),
            };
        }
        let query = request.url.split_once('?').map_or("", |(_, query)| query);
        let query: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let number = |name: &str, default: usize| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(default);
        let (page, size) = (number("Page", 0), number("PageSize", 50));
        let matches = |field: &str, value: &str| query.get(field).is_none_or(|wanted| wanted == value);
        let created = self.created.borrow();
        let found: Vec<&Created> = created.iter().rev().filter(|one| matches("To", &one.to) && matches("From", &one.from)).collect();
        let messages: Vec<_> = found
            .iter()
            .skip(page * size)
            .take(size)
            .map(|one| {
                let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(one.at)).replace("GMT", "+0000");
                json!({ "sid": one.sid, "to": one.to, "from": one.from, "body": one.body, "date_created": date, "date_sent": date,
                        "status": "delivered", "direction": "outbound-api" })
            })
            .collect();
        let next = (found.len() > (page + 1) * size).then(|| {
            let kept = query.iter().filter(|(name, _)| *name != "Page");
            let query =
                form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).append_pair("Page", &(page + 1).to_string()).finish();
            format!("/2010-04-01/Accounts/AC/Messages.json?{query}")
        });
        Ok(json_response(200, &json!({ "messages": messages, "next_page_uri": next })))
    }

    // KV.

    async fn kv_put(&self, key: String, value: String, ttl: u64) -> Result<(), PlatformError> {
        self.sleep(if self.fault(self.plan.kv_slow, "slow KV") { self.random.between(100, 12_000) } else { self.random.between(5, 60) })
            .await;
        let fails = self.fault(self.plan.kv_write_fails, "KV writes that failed");
        if !fails || self.random.chance(300) {
            let now = self.executor.now();
            let expires_at = now + ttl * 1000;
            self.say(|| format!("KV stores {key:.25}…/{}", key.rsplit('/').next().unwrap_or_default()));
            let mut kv = self.kv.borrow_mut();
            kv.insert(key, KvEntry { value, written: now, expires_at });
        }
        if fails { Err(PlatformError::new("429 too many requests")) } else { Ok(()) }
    }

    async fn kv_get(&self, name: &str, key: &str) -> Result<Option<String>, PlatformError> {
        self.count("KV reads");
        self.sleep(if self.fault(self.plan.kv_slow, "slow KV") { self.random.between(100, 12_000) } else { self.random.between(2, 40) })
            .await;
        if self.fault(self.plan.kv_read_fails, "KV reads that failed") {
            self.ledger.borrow_mut().kv_read_failed(name);
            return Err(PlatformError::new("kv is down"));
        }
        let now = self.executor.now();
        let expired = self.kv.borrow().get(key).is_some_and(|entry| entry.expires_at <= now);
        if expired {
            self.count("revisions that expired before the next was saved");
            self.ledger.borrow_mut().kv_read_failed(name);
        }
        let (value, fresh) = match self.kv.borrow().get(key) {
            Some(entry) if now < entry.expires_at => (Some(entry.value.clone()), now < entry.written + 60_000),
            _ => (None, false),
        };
        if fresh && self.fault(self.plan.kv_stale, "stale KV reads") {
            // A key that is written once can only be missing.
            self.ledger.borrow_mut().kv_read_failed(name);
            return Ok(None);
        }
        Ok(value)
    }
}

fn completion(text: &str, reason: &str) -> HttpResponse {
    let body = json!({ "choices": [{ "message": { "content": text, "refusal": null }, "finish_reason": reason }] });
    json_response(200, &body)
}

fn json_response(status: u16, body: &serde_json::Value) -> HttpResponse {
    HttpResponse { status, retry_after: None, location: None, body: body.to_string().into_bytes() }
}

/// A caller that leaves before its call to an object has ended: the call goes on, or ends with it.
struct Leaving {
    world: Rc<World>,
    task: Option<u64>,
}

impl Leaving {
    fn done(mut self) {
        self.task = None;
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(task) = self.task
            && self.world.random.chance(400)
        {
            self.world.count("calls that were cancelled");
            self.world.executor.cancel(task);
        }
    }
}

struct AtModel {
    world: Rc<World>,
    name: String,
    answer: Option<usize>,
}

impl Drop for AtModel {
    fn drop(&mut self) {
        self.world.ledger.borrow_mut().model_left(&self.name, self.answer);
    }
}

/// What one incarnation of an object sees of the world. When it has vanished, nothing that it still does has an effect.
pub struct Platform {
    world: Rc<World>,
    name: String,
    number: u64,
    alive: Rc<Cell<bool>>,
}

impl Platform {
    /// What `future` gives, or nothing as soon as the incarnation has vanished.
    async fn live<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        pin_mut!(future);
        poll_fn(|context| if self.alive.get() { future.as_mut().poll(context).map(Some) } else { Poll::Ready(None) }).await
    }
}

fn vanished<T>() -> Result<T, PlatformError> {
    Err(PlatformError::new("vanished"))
}

impl Clock for Platform {
    fn now(&self) -> UnixMillis {
        self.world.wall()
    }
    async fn sleep(&self, duration: Duration) {
        self.live(self.world.sleep(u64::try_from(duration.as_millis()).unwrap())).await;
    }
}

impl Log for Platform {
    fn write(&self, line: &str) {
        if self.alive.get() {
            self.world.log(line, Some(&self.name));
        }
    }
}

impl World {
    fn log(&self, line: &str, object: Option<&str>) {
        self.say(|| format!("log: {line}"));
        if line.contains("rate_limit_exceeded") {
            self.count("messages over the rate limit");
            self.limited_in.set(self.executor.polls());
        }
        self.ledger.borrow_mut().logged(line, object);
    }
}

impl Jitter for Platform {
    fn unit(&self) -> f64 {
        f64::from(u32::try_from(self.world.random.below(1000)).unwrap()) / 1000.0
    }
}

impl Spawn for Platform {
    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        if self.alive.get() {
            self.world.executor.spawn(self.number, task);
        }
    }
}

impl Http for Platform {
    async fn send(&self, request: &HttpRequest, timeout: Duration) -> Result<HttpResponse, HttpError> {
        let timeout = u64::try_from(timeout.as_millis()).unwrap();
        let exchange = async {
            self.world.durable(&self.name).await;
            if request.url.ends_with("/chat/completions") {
                self.world.ask_model(self, request, timeout).await
            } else {
                self.world.ask_twilio(&self.name, request, timeout).await
            }
        };
        self.live(exchange).await.unwrap_or(Err(HttpError::Connection))
    }
}

impl Kv for Platform {
    async fn get(&self, key: &str) -> Result<Option<String>, PlatformError> {
        self.live(self.world.kv_get(&self.name, key)).await.unwrap_or_else(vanished)
    }

    async fn put(&self, key: &str, value: &str, ttl: Duration) -> Result<(), PlatformError> {
        let put = async {
            self.world.ledger.borrow_mut().saved(key, value, ttl.as_secs(), self.world.executor.now());
            self.world.durable(&self.name).await;
            let (give, take) = promise();
            let (world, key, value) = (Rc::clone(&self.world), key.to_owned(), value.to_owned());
            self.world.executor.spawn(WORLD, async move { give.give(world.kv_put(key, value, ttl.as_secs()).await) });
            take.await.unwrap_or_else(vanished)
        };
        self.live(put).await.unwrap_or_else(vanished)
    }

    async fn delete(&self, key: &str) -> Result<(), PlatformError> {
        let delete = async {
            self.world.sleep(self.world.random.between(2, 40)).await;
            if self.world.fault(self.world.plan.kv_write_fails, "KV deletes that failed") {
                return Err(PlatformError::new("kv is down"));
            }
            if !self.world.is(Mutation::DeleteNotDone) {
                self.world.kv.borrow_mut().remove(key);
            }
            Ok(())
        };
        self.live(delete).await.unwrap_or_else(vanished)
    }
}

impl Storage for Platform {
    async fn get(&self, key: &str) -> Result<Option<Stored>, PlatformError> {
        let get = async {
            self.world.sleep(self.world.random.below(4)).await;
            if self.world.fault(self.world.plan.storage_fails, "storage reads that failed") {
                return Err(PlatformError::new("storage is down"));
            }
            let value = self.world.objects.borrow().get(&self.name).and_then(|object| object.disk.visible.values.get(key).cloned());
            let forgets = self.world.is(Mutation::OptOutLost);
            Ok(value.map(|value| Stored::Text(if forgets { value.replace("\"opted_out\":true", "\"opted_out\":false") } else { value })))
        };
        self.live(get).await.unwrap_or_else(vanished)
    }

    async fn commit(&self, batch: Batch) -> Result<(), PlatformError> {
        let commit = async {
            if self.world.fault(self.world.plan.storage_fails, "commits that failed") {
                return Err(PlatformError::new("storage is down"));
            }
            let (_, due) = self.world.write(&self.name, batch);
            if !self.world.is(Mutation::CommitNotAwaited) {
                // One more than the write takes, so that it is durable.
                self.world.sleep((due - self.world.executor.now()).max(1)).await;
                self.world.durable(&self.name).await;
            }
            Ok(())
        };
        self.live(commit).await.unwrap_or_else(vanished)
    }
}

impl Budgets for Platform {
    async fn reserve(&self, call: ReserveCall) -> Result<Reservation, PlatformError> {
        let reserve = async {
            let world = &self.world;
            world.durable(&self.name).await;
            let day = Rc::new(Cell::new(world.wall().utc_day()));
            if world.is(Mutation::BudgetCountedAfter) {
                world.ledger.borrow_mut().granted(&self.name, self.number, day.get());
                let world = Rc::clone(world);
                world.clone().executor.spawn(WORLD, async move {
                    world.sleep(3000).await;
                    let _ = world.reserve(call, day).await;
                });
                return Ok(Reservation::Granted);
            }
            world.sleep(world.random.between(1, 30)).await;
            if world.fault(world.plan.budget_unreachable, "an unreachable budget") {
                if world.random.chance(500) {
                    let _ = world.reserve(call, day).await;
                }
                return Err(PlatformError::new("budget is unreachable"));
            }
            let reservation = world.reserve(call, Rc::clone(&day)).await?;
            if reservation == Reservation::Granted && call.item == Item::ModelRequest {
                world.ledger.borrow_mut().granted(&self.name, self.number, day.get());
            } else {
                world.count("exhausted budgets");
            }
            Ok(reservation)
        };
        self.live(reserve).await.unwrap_or_else(vanished)
    }

    async fn look(&self, item: Item, cap: u32) -> Result<Reservation, PlatformError> {
        let look = async {
            let world = &self.world;
            world.sleep(world.random.between(1, 30)).await;
            if world.fault(world.plan.budget_unreachable, "an unreachable budget") {
                return Err(PlatformError::new("budget is unreachable"));
            }
            let inner = Rc::clone(world);
            let looked = world.call(BUDGET, async move |engine| {
                let Engine::Budget(budget) = engine else { return vanished() };
                budget.look(item, cap, inner.wall()).await
            });
            looked.await
        };
        self.live(look).await.unwrap_or_else(vanished)
    }

    async fn report(&self, tally: Tally) -> Result<(), PlatformError> {
        let report = async {
            let world = &self.world;
            world.durable(&self.name).await;
            world.sleep(world.random.between(1, 30)).await;
            let inner = Rc::clone(world);
            let reported = world.call(BUDGET, async move |engine| {
                let Engine::Budget(budget) = engine else { return vanished() };
                budget.report(&tally, inner.wall()).await
            });
            reported.await.map(drop)
        };
        self.live(report).await.unwrap_or_else(vanished)
    }
}

impl World {
    /// Asks the budget object, and sets `day` to the one that it counted for.
    async fn reserve(self: &Rc<Self>, call: ReserveCall, day: Rc<Cell<u64>>) -> Result<Reservation, PlatformError> {
        let world = Rc::clone(self);
        self.call(BUDGET, async move |engine| {
            let Engine::Budget(budget) = engine else { return vanished() };
            let reservation = budget.reserve(call, world.wall()).await;
            let used = world.objects.borrow().get(BUDGET).and_then(|object| object.disk.visible.values.get("used").cloned());
            let used: serde_json::Value = used.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            day.set(used["day"].as_u64().unwrap_or_else(|| day.get()));
            reservation
        })
        .await
    }
}

/// What the Worker sees of the world.
pub struct Front {
    pub world: Rc<World>,
    /// Whether the message was refused for the rate limit.
    pub limited: Cell<bool>,
}

impl Clock for Front {
    fn now(&self) -> UnixMillis {
        self.world.wall()
    }
    async fn sleep(&self, duration: Duration) {
        self.world.sleep(u64::try_from(duration.as_millis()).unwrap()).await;
    }
}

impl Log for Front {
    fn write(&self, line: &str) {
        self.world.log(line, None);
    }
}

impl Senders for Front {
    async fn deliver(&self, name: &Pseudonym, call: &SenderCall) -> Result<Reply, PlatformError> {
        let world = &self.world;
        world.sleep(world.random.between(1, 60)).await;
        if world.fault(world.plan.object_unreachable, "an unreachable sender object") {
            return Err(PlatformError::new("object is overloaded"));
        }
        // Through JSON, as on the wire.
        let mut call: SenderCall = serde_json::from_str(&serde_json::to_string(call).unwrap()).unwrap();
        let again = !world.delivered.borrow_mut().insert(call.sid.as_str().to_owned());
        if again && world.is(Mutation::DedupeAfterTheCall) {
            call.sid = world.fresh_sid_of(call.sid.as_str());
        }
        let (inner, limited) = (Rc::clone(world), Rc::new(Cell::new(false)));
        let flag = Rc::clone(&limited);
        let reply = world.call(name.as_str(), async move |engine| {
            let Engine::Sender(sender) = engine else { return vanished() };
            let reply = sender.deliver(call).await;
            flag.set(inner.limited_in.get() == inner.executor.polls());
            reply
        });
        let reply = reply.await?;
        self.limited.set(limited.get());
        if world.fault(world.plan.object_unreachable / 4, "replies of a sender object that were lost") {
            return Err(PlatformError::new("object reset"));
        }
        world.sleep(world.random.between(1, 60)).await;
        Ok(serde_json::from_str(&serde_json::to_string(&reply).unwrap()).unwrap())
    }

    async fn report(&self, name: &Pseudonym, report: &DeliveryReport) -> Result<(), PlatformError> {
        let report = report.clone();
        let call = async move |engine| {
            let Engine::Sender(sender) = engine else { return vanished() };
            sender.report(report).await
        };
        self.world.call(name.as_str(), call).await
    }

    async fn show(&self, _: &Pseudonym) -> Result<Summary, PlatformError> {
        vanished()
    }

    async fn erase(&self, _: &Pseudonym, _: &PhoneHash) -> Result<Erasure, PlatformError> {
        vanished()
    }
}

/// There is no operator in this world.
impl Operations for Front {
    async fn usage(&self, _: Tally) -> Result<DayUsage, PlatformError> {
        vanished()
    }

    async fn reset_budget(&self) -> Result<DayUsage, PlatformError> {
        vanished()
    }

    async fn attempt(&self, _: &Pseudonym, _: TryCall) -> Result<Verdict, PlatformError> {
        vanished()
    }
}

impl Counts for Front {
    fn count(&self, _: &Tally) {}

    fn take(&self) -> Tally {
        Tally::EMPTY
    }
}

impl World {
    /// Another id for the same message.
    fn fresh_sid_of(&self, sid: &str) -> switchboard::message::MessageSid {
        let mut ledger = self.ledger.borrow_mut();
        let message = ledger.messages.get(sid).cloned().unwrap_or_default();
        let fresh = format!("SM{:032x}", 0xD000_0000_u64 + ledger.messages.len() as u64);
        ledger.messages.insert(fresh.clone(), message);
        fresh.parse().unwrap()
    }
}
