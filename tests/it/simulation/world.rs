//! The simulated platform: objects with storage and alarms, and a clock, failing as the plan says. What is outside of the Worker is
//! in `outside`; what the product's engines see of all this is in `platform`. What must hold is in `ledger`; who writes when is
//! in `people`.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::Future,
    rc::Rc,
};

use switchboard::{
    budget::Budget,
    config::Config,
    platform::{Batch, PlatformError, Stored, UnixMillis},
    pseudonym::Pseudonym,
    sender::Sender,
};

use super::{
    executor::{Executor, WORLD, promise},
    ledger::Ledger,
    outside::{Created, KvEntry},
    plan::{Mutation, Plan},
    platform::Platform,
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
    pub objects: RefCell<BTreeMap<String, Object>>,
    pub incarnations: Cell<u64>,
    pub kills: Cell<u64>,
    /// The UTC day that the clock has shown last; the highest, if it only ever steps back.
    day: Cell<u64>,
    /// How often a day's counts may begin anew: once for each day that the clock has shown after a lower one.
    openings: Rc<Cell<u64>>,
    /// Milliseconds that the clock is ahead.
    ahead: Cell<u64>,
    /// Milliseconds that the clock has stepped back.
    pub stepped: Cell<u64>,
    pub kv: RefCell<BTreeMap<String, KvEntry>>,
    pub created: RefCell<Vec<Created>>,
    /// The poll in which a refusal for the rate limit was last logged.
    pub limited_in: Cell<u64>,
    /// The messages that were given to an object once at least.
    pub delivered: RefCell<BTreeSet<String>>,
}

#[derive(Default)]
pub struct Object {
    pub disk: Disk,
    pub incarnations: Vec<Incarnation>,
}

#[derive(Clone)]
pub struct Incarnation {
    pub number: u64,
    pub alive: Rc<Cell<bool>>,
    pub engine: Engine,
}

#[derive(Clone)]
pub enum Engine {
    Sender(Rc<Sender<Platform>>),
    Budget(Rc<Budget<Platform>>),
}

/// The storage of an object. What was written can be read at once, and is durable later; a kill loses what is not.
#[derive(Default)]
pub struct Disk {
    pub visible: Rows,
    pub durable: Rows,
    pub writes: VecDeque<Write>,
    pub next: u64,
    /// Counts the settings of the alarm.
    pub alarms: u64,
}

#[derive(Clone, Default)]
pub struct Rows {
    pub values: BTreeMap<String, Stored>,
    pub alarm: Option<UnixMillis>,
}

pub struct Write {
    pub number: u64,
    pub at: u64,
    pub due: u64,
    pub batch: Batch,
}

pub const BUDGET: &str = "budget";
/// The keys of a sender object.
pub const STATE: &str = "state";
pub const OPTED_OUT: &str = "opted_out";

impl Rows {
    /// The text under a key, if it is one.
    fn text(&self, key: &str) -> Option<&str> {
        match self.values.get(key) {
            Some(Stored::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn apply(&mut self, batch: &Batch) {
        if batch.clear {
            *self = Self::default();
        }
        self.values.extend(
            batch
                .puts
                .iter()
                .map(|(key, value)| (key.clone(), Stored::Text(value.clone()))),
        );
        batch
            .deletes
            .iter()
            .for_each(|key| drop(self.values.remove(key)));
        self.alarm = batch.alarm.or(self.alarm);
    }
}

impl World {
    pub fn new(seed: u64, mutation: Option<Mutation>, traced: bool) -> Rc<Self> {
        let random = Random::new(seed);
        let plan = Plan::new(&random);
        let settings = plan.settings();
        let config = Config::parse(|name| {
            settings
                .iter()
                .find(|(other, _)| *other == name)
                .map(|(_, value)| value.clone())
        });
        let openings = Rc::default();
        let ledger = Ledger::new(&plan, Rc::clone(&openings));
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
            day: Cell::default(),
            openings,
            ahead: Cell::default(),
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
            trace
                .borrow_mut()
                .push(format!("{:>6}.{:03}  {}", now / 1000, now % 1000, words()));
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

    pub fn is(&self, mutation: Mutation) -> bool {
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

    /// The clock is wrong by days from now on.
    pub fn jump_clock(&self, ahead: u64) {
        self.count("clock jumps");
        self.say(|| format!("the clock is {ahead} ms ahead"));
        self.ahead.set(ahead);
        // Whoever is told so forgets ids, conversations and answers: what is told apart by them is told apart no longer.
        for (name, object) in self.objects.borrow().iter() {
            self.ledger
                .borrow_mut()
                .adrift(name, object.disk.durable.text(STATE), false);
        }
        self.ledger.borrow_mut().all_adrift();
    }

    /// The clock is right again.
    pub fn right_clock(&self) {
        self.say(|| "the clock is right again".into());
        self.ahead.set(0);
    }

    pub fn wall(&self) -> UnixMillis {
        let now = UnixMillis(
            self.plan.start + self.executor.now() + self.ahead.get() - self.stepped.get(),
        );
        if now.utc_day() > self.day.get() {
            self.openings.set(self.openings.get() + 1);
            self.day.set(now.utc_day());
        } else if !self.plan.clock_jumps.is_empty() {
            self.day.set(now.utc_day());
        }
        now
    }

    // Objects.

    pub fn platform(self: &Rc<Self>, name: &str, number: u64, alive: &Rc<Cell<bool>>) -> Platform {
        Platform {
            world: Rc::clone(self),
            name: name.to_owned(),
            number,
            alive: Rc::clone(alive),
        }
    }

    fn incarnation(self: &Rc<Self>, name: &str) -> Incarnation {
        let mut objects = self.objects.borrow_mut();
        let object = objects.entry(name.to_owned()).or_default();
        let wanted = if self.is(Mutation::LockRemoved) && name != BUDGET {
            2
        } else {
            1
        };
        while object.incarnations.len() < wanted {
            self.incarnations.set(self.incarnations.get() + 1);
            let (number, alive) = (self.incarnations.get(), Rc::new(Cell::new(true)));
            let platform = self.platform(name, number, &alive);
            let engine = if name == BUDGET {
                Engine::Budget(Rc::new(Budget::new(platform)))
            } else {
                Engine::Sender(Rc::new(Sender::new(
                    platform,
                    Rc::clone(&self.config),
                    Pseudonym::from_object_name(name.to_owned()),
                )))
            };
            object.incarnations.push(Incarnation {
                number,
                alive,
                engine,
            });
        }
        let at = if wanted == 1 {
            0
        } else {
            usize::try_from(self.random.below(2)).unwrap()
        };
        object.incarnations[at].clone()
    }

    /// Runs a call in an object, as a task that ends with the object. A caller that leaves may take the task with it.
    pub async fn call<T: 'static, F: Future<Output = Result<T, PlatformError>> + 'static>(
        self: &Rc<Self>,
        name: &str,
        call: impl FnOnce(Engine) -> F,
    ) -> Result<T, PlatformError> {
        let incarnation = self.incarnation(name);
        let (give, take) = promise();
        let (world, name, alive) = (
            Rc::clone(self),
            name.to_owned(),
            Rc::clone(&incarnation.alive),
        );
        let future = call(incarnation.engine);
        let task = self.executor.spawn(incarnation.number, async move {
            let answer = future.await;
            // The output gate: nothing leaves an object before what it wrote is durable.
            world.durable(&name).await;
            if alive.get() {
                give.give(answer);
            }
        });
        let leaving = Leaving {
            world: Rc::clone(self),
            task: Some(task),
        };
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
        self.count(if name == BUDGET {
            "kills of the budget object"
        } else {
            "kills of a sender object"
        });
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
            (
                stored,
                if lost.is_empty() {
                    None
                } else {
                    disk.visible.alarm
                },
            )
        };
        for write in &stored {
            self.became_durable(name, write);
        }
        let damage = if name == BUDGET {
            self.plan.budget_damage
        } else {
            self.plan.damage
        };
        if self.fault(
            damage,
            if name == BUDGET {
                "a damaged budget"
            } else {
                "damaged values"
            },
        ) {
            let mut objects = self.objects.borrow_mut();
            let disk = &mut objects.get_mut(name).unwrap().disk;
            self.damage(name, &mut disk.durable);
            disk.visible = disk.durable.clone();
        }
        if rearm.is_some() {
            self.count("commits lost in a kill");
        }
        if let Some(at) = rearm {
            self.arm(name, at);
        }
        self.ledger.borrow_mut().killed(name, self.executor.now());
    }

    /// One stored value becomes something else.
    fn damage(&self, name: &str, rows: &mut Rows) {
        let keys: Vec<String> = rows.values.keys().cloned().collect();
        if keys.is_empty() {
            return;
        }
        let key = &keys[usize::try_from(self.random.below(keys.len() as u64)).unwrap()];
        let Some(Stored::Text(text)) = rows.values.get(key).cloned() else {
            return;
        };
        let mut damaged = match serde_json::from_str(&text) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let names: Vec<String> = damaged.keys().cloned().collect();
        let field = names
            .get(usize::try_from(self.random.below(names.len() as u64)).unwrap())
            .cloned()
            .unwrap_or_default();
        if name == BUDGET {
            // A count that reads well and is another cannot be told from a right one.
            let value = match self.random.below(5) {
                0 => Stored::Unreadable,
                1 => Stored::Text(self.random.pick(&["{}", "42", "null", ""]).into()),
                2 => Stored::Text(text.replace("\"v\":1", "\"v\":2")),
                3 => Stored::Text(text.replace(
                    self.random.pick(&["\"day\"", "\"calls\"", "\"v\""]),
                    "\"x\"",
                )),
                _ => Stored::Text(
                    text[..usize::try_from(self.random.below(text.len() as u64)).unwrap()]
                        .to_owned(),
                ),
            };
            self.say(|| format!("{key} becomes {value:?}"));
            rows.values.insert(key.clone(), value);
            return;
        }
        let mut unreadable = true;
        let value = match self.random.below(8) {
            0 => Stored::Unreadable,
            1 => Stored::Text("{}".into()),
            2 => Stored::Text(self.random.pick(&["42", "null", "false", ""]).into()),
            3 => {
                damaged.insert("v".into(), 2.into());
                Stored::Text(serde_json::to_string(&damaged).unwrap())
            }
            4 | 5 if !names.is_empty() => {
                damaged.remove(&field);
                unreadable = ["v", "seen"].contains(&field.as_str());
                Stored::Text(serde_json::to_string(&damaged).unwrap())
            }
            6 if !names.is_empty() => {
                damaged.insert(field.clone(), self.random.pick(&[42, -1]).into());
                unreadable = ["v", "seen"].contains(&field.as_str());
                Stored::Text(serde_json::to_string(&damaged).unwrap())
            }
            _ => Stored::Text(
                text[..usize::try_from(self.random.below(text.len() as u64)).unwrap()].to_owned(),
            ),
        };
        self.say(|| format!("{name:.6}: {key} becomes {value:?}"));
        if key != OPTED_OUT {
            let state = if key == STATE {
                Some(text.as_str())
            } else {
                rows.text(STATE)
            };
            self.ledger
                .borrow_mut()
                .damaged(name, state, key == STATE && unreadable);
        }
        rows.values.insert(key.clone(), value);
    }

    fn end(&self, incarnations: Vec<Incarnation>) {
        for incarnation in incarnations {
            incarnation.alive.set(false);
            self.executor.end_group(incarnation.number);
        }
    }

    /// Kills the object of this incarnation, perhaps: it waits for something right now.
    pub fn perhaps_kill(self: &Rc<Self>, group: u64) {
        if self.plan.kill == 0
            || self.kills.get() >= self.plan.kills_at_most
            || self.executor.now() >= self.plan.faults_until
        {
            return;
        }
        if !self.random.chance(self.plan.kill) {
            return;
        }
        let name = {
            let objects = self.objects.borrow();
            objects
                .iter()
                .find(|(_, object)| object.incarnations.iter().any(|one| one.number == group))
                .map(|(name, _)| name.clone())
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
        for (name, object) in self
            .objects
            .borrow()
            .iter()
            .filter(|(name, _)| *name != BUDGET)
        {
            let Rows { values, alarm } = &object.disk.visible;
            // An opt-out stays, and nothing else.
            let opted_out = ledger.is_opted_out(name);
            let left: Vec<&str> = values
                .keys()
                .map(String::as_str)
                .filter(|key| !(opted_out && *key == OPTED_OUT))
                .collect();
            ledger.check(left.is_empty() && alarm.is_none(), || {
                format!("{name:.6} holds something after its time: {left:?}, alarm {alarm:?}")
            });
            ledger.check(!opted_out || values.contains_key(OPTED_OUT), || {
                format!("the opt-out of {name:.6} is gone")
            });
        }
    }

    /// A webhook was told that everything is erased that its sender had said before this message.
    pub fn told_erased(&self, sid: &str) {
        let mut ledger = self.ledger.borrow_mut();
        let Some((name, erased_at)) = ledger.erasure(sid) else {
            return;
        };
        let prefix = format!("conversation/{name}/");
        let (kv, now) = (self.kv.borrow(), self.executor.now());
        // What an object that has vanished had sent to KV may come after the deletion.
        let before = kv.iter().filter(|(key, entry)| {
            key.starts_with(&prefix) && entry.written < erased_at && now < entry.expires_at
        });
        let values: Vec<String> = before.map(|(_, entry)| entry.value.clone()).collect();
        ledger.told_erased(&name, &values);
    }

    // Storage.

    pub fn write(self: &Rc<Self>, name: &str, mut batch: Batch) -> (u64, u64) {
        let slow = self.fault(self.plan.storage_slow, "slow commits");
        let takes = if slow {
            self.random.between(50, 400)
        } else {
            self.random.below(12)
        };
        let now = self.executor.now();
        if batch
            .puts
            .iter()
            .any(|(key, _)| key.starts_with("answers/"))
        {
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
            if self.is(Mutation::OptOutLost) && batch.deletes.iter().any(|key| key == STATE) {
                batch.deletes.push(OPTED_OUT.to_owned());
            }
            disk.visible.apply(&batch);
            if batch.clear || batch.alarm.is_some() {
                disk.alarms += 1;
            }
            disk.next += 1;
            let due = disk
                .writes
                .back()
                .map_or(0, |write| write.due)
                .max(now + takes);
            let (number, alarm) = (disk.next, batch.alarm);
            disk.writes.push_back(Write {
                number,
                at: now,
                due,
                batch,
            });
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
                    let Some(object) = objects.get_mut(&name) else {
                        return;
                    };
                    if object
                        .disk
                        .writes
                        .front()
                        .is_none_or(|write| write.number > number)
                    {
                        return;
                    }
                    let Some(write) = object.disk.writes.pop_front() else {
                        return;
                    };
                    object.disk.durable.apply(&write.batch);
                    write
                };
                world.became_durable(&name, &write);
            }
        });
        (number, due)
    }

    fn became_durable(&self, name: &str, write: &Write) {
        if name != BUDGET {
            self.ledger
                .borrow_mut()
                .stored(name, &write.batch, write.at);
        }
    }

    /// Returns when everything is durable that was written until now.
    pub async fn durable(&self, name: &str) {
        if self.is(Mutation::CommitNotAwaited) {
            return;
        }
        loop {
            let due = self
                .objects
                .borrow()
                .get(name)
                .and_then(|object| object.disk.writes.back().map(|write| write.due));
            let Some(due) = due else { return };
            self.sleep(due.saturating_sub(self.executor.now()).max(1))
                .await;
        }
    }

    // Alarms.

    fn arm(self: &Rc<Self>, name: &str, at: UnixMillis) {
        let setting = self
            .objects
            .borrow()
            .get(name)
            .map_or(0, |object| object.disk.alarms);
        let late = if self.fault(self.plan.alarm_late, "late alarms") {
            self.random.between(1, 60_000)
        } else {
            self.random.below(30)
        };
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
            let Some(object) = objects.get_mut(name) else {
                return;
            };
            if object.disk.alarms != setting || object.disk.visible.alarm.is_none() {
                return;
            }
            (object.disk.visible.alarm, object.disk.durable.alarm) = (None, None);
        }
        for retry in 0..7 {
            self.count("alarms");
            self.say(|| {
                format!(
                    "{name:.6} alarm rings{}",
                    if retry == 0 { "" } else { " again" }
                )
            });
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
        self.objects
            .borrow()
            .get(name)
            .is_some_and(|object| object.disk.visible.alarm.is_some())
    }
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
