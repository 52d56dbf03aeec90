//! The world of one run: its executor, clock, objects with their storage, and kills.
//!
//! Not here: alarms (`alarms`), what an object sees (`ports`), and what must hold (`checks`).

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use switchboard::{
    base::time::UnixMillis,
    config::{Config, FileError, Personas},
    conversation::{budget::Budget, model_run::EndpointMemory},
    object::Engine as _,
    platform::PlatformError,
    synthetic::{
        batch::{Batch, list::BatchList},
        run::Runner,
    },
};

use super::{checks::Checks, faults::Faults, mutation::Mutation, ports::Port};
use crate::{
    simulation::{
        executor::{Executor, promise},
        random::Random,
    },
    support::{personas, settings},
};

pub struct World {
    pub executor: Executor,
    pub random: Random,
    pub faults: Faults,
    pub config: Rc<Config>,
    pub personas: Rc<Result<Personas, Vec<FileError>>>,
    pub mutation: Option<Mutation>,
    pub checks: RefCell<Checks>,
    pub trace: Option<RefCell<Vec<String>>>,
    /// What the one isolate of the run remembers of the model's endpoint.
    pub endpoints: RefCell<EndpointMemory>,
    /// Texts that the model has given.
    pub texts: Cell<u64>,
    pub(super) objects: RefCell<BTreeMap<Name, Object>>,
    incarnations: Cell<u64>,
    kills: Cell<u64>,
    /// Milliseconds that the clock was put forward.
    ahead: Cell<i64>,
}

/// The binding of an object's class, and the object's name.
pub type Name = (&'static str, String);

#[derive(Default)]
pub(super) struct Object {
    values: BTreeMap<String, String>,
    pub(super) alarm: Option<UnixMillis>,
    /// How often the alarm was set.
    pub(super) alarms: u64,
    /// Whether its alarm is at work. Only one is at a time.
    pub(super) rings: bool,
    incarnation: Option<Incarnation>,
}

#[derive(Clone)]
pub(super) struct Incarnation {
    number: u64,
    alive: Rc<Cell<bool>>,
    engine: Engine,
}

#[derive(Clone)]
pub(super) enum Engine {
    Run(Rc<Runner<Port>>),
    Batch(Rc<Batch<Port>>),
    List(Rc<BatchList<Port>>),
    Budget(Rc<Budget<Port>>),
}

impl Engine {
    async fn call(&self, method: &str, arguments: &str) -> Result<String, PlatformError> {
        match self {
            Self::Run(engine) => engine.call(method, arguments).await,
            Self::Batch(engine) => engine.call(method, arguments).await,
            Self::List(engine) => engine.call(method, arguments).await,
            Self::Budget(engine) => engine.call(method, arguments).await,
        }
    }

    pub(super) async fn alarm(&self) -> Result<(), PlatformError> {
        match self {
            Self::Run(engine) => engine.alarm().await,
            Self::Batch(engine) => engine.alarm().await,
            Self::List(_) | Self::Budget(_) => Ok(()),
        }
    }
}

impl World {
    pub fn new(seed: u64, mutation: Option<Mutation>, traced: bool) -> Rc<Self> {
        let random = Random::new(seed);
        let faults = Faults::new(&random);
        let cap = faults.cap.to_string();
        let settings = [("MAX_DAILY_CALLS", &*cap), ("OPENAI_TIMEOUT_MS", "20000")];
        Rc::new(Self {
            executor: Executor::default(),
            random,
            checks: RefCell::new(Checks::new(&faults)),
            faults,
            config: Rc::new(settings::config(&settings).unwrap()),
            personas: personas(),
            mutation,
            trace: traced.then(RefCell::default),
            endpoints: RefCell::default(),
            texts: Cell::default(),
            objects: RefCell::default(),
            incarnations: Cell::default(),
            kills: Cell::default(),
            ahead: Cell::default(),
        })
    }

    pub fn trace(&self, words: impl FnOnce() -> String) {
        if let Some(trace) = &self.trace {
            let now = self.executor.now();
            let line = format!("{:>6}.{:03}  {}", now / 1000, now % 1000, words());
            trace.borrow_mut().push(line);
        }
    }

    pub fn count(&self, what: &'static str) {
        self.checks.borrow_mut().count(what);
    }

    /// Whether a fault with this probability, in thousandths, happens now.
    pub fn fault(&self, per_mille: u64, what: &'static str) -> bool {
        let comes = self.has_faults() && self.random.chance(per_mille);
        if comes {
            self.checks.borrow_mut().fault(what);
            self.trace(|| format!("fault: {what}"));
        }
        comes
    }

    pub fn has_faults(&self) -> bool {
        self.executor.now() < self.faults.until
    }

    pub fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    pub fn wall(&self) -> UnixMillis {
        let at = self.faults.start + self.executor.now();
        UnixMillis(at.checked_add_signed(self.ahead.get()).unwrap())
    }

    pub fn put_clock(&self, milliseconds: i64) {
        self.checks.borrow_mut().fault("clocks that were put");
        self.trace(|| format!("the clock is put by {milliseconds} ms"));
        self.ahead.set(self.ahead.get() + milliseconds);
    }

    /// The value of a key, as storage has it.
    pub fn stored(&self, name: &Name, key: &str) -> Option<String> {
        let objects = self.objects.borrow();
        objects.get(name)?.values.get(key).cloned()
    }

    /// What the objects of a class still hold, and whether an alarm is set.
    pub fn left(&self, binding: &str) -> Vec<(String, usize, bool)> {
        let objects = self.objects.borrow();
        let of_class = objects.iter().filter(|((own, _), _)| *own == binding);
        of_class
            .map(|((_, name), object)| {
                let name = name.clone();
                (name, object.values.len(), object.alarm.is_some())
            })
            .collect()
    }

    /// Changes what an object has stored, all at once.
    pub fn store(
        self: &Rc<Self>,
        name: &Name,
        change: impl FnOnce(&mut BTreeMap<String, String>),
        clear: bool,
        alarm: Option<UnixMillis>,
    ) {
        let mut objects = self.objects.borrow_mut();
        let object = objects.entry(name.clone()).or_default();
        if clear {
            object.values.clear();
            object.alarm = None;
            object.alarms += 1;
        }
        change(&mut object.values);
        let drops = self.is(Mutation::AlarmNotRearmed) && object.alarms > 0;
        if let Some(at) = alarm.filter(|_| !drops) {
            object.alarm = Some(at);
            object.alarms += 1;
            let setting = object.alarms;
            drop(objects);
            self.arm(name.clone(), at, setting);
        }
    }

    pub(super) fn incarnation(self: &Rc<Self>, name: &Name) -> Incarnation {
        let mut objects = self.objects.borrow_mut();
        let object = objects.entry(name.clone()).or_default();
        let make = || {
            self.incarnations.set(self.incarnations.get() + 1);
            let alive = Rc::new(Cell::new(true));
            let port = Port {
                world: Rc::clone(self),
                name: name.clone(),
                alive: Rc::clone(&alive),
            };
            let engine = match name.0 {
                "RUN" => Engine::Run(Rc::new(Runner::new(port, Rc::clone(&self.config)))),
                "BATCH" => Engine::Batch(Rc::new(Batch::new(port))),
                "BATCHES" => Engine::List(Rc::new(BatchList::new(port))),
                _ => Engine::Budget(Rc::new(Budget::new(port))),
            };
            Incarnation {
                number: self.incarnations.get(),
                alive,
                engine,
            }
        };
        object.incarnation.get_or_insert_with(make).clone()
    }

    /// Runs something as a task of the object, so it ends with the object.
    pub(super) async fn run<T: 'static>(
        self: &Rc<Self>,
        incarnation: Incarnation,
        work: impl AsyncFnOnce(Engine) -> Result<T, PlatformError> + 'static,
    ) -> Result<T, PlatformError> {
        let (give, take) = promise();
        let Incarnation {
            number,
            alive,
            engine,
        } = incarnation;
        self.executor.spawn(number, async move {
            let answer = work(engine).await;
            if alive.get() {
                give.give(answer);
            }
        });
        let answer = take.await;
        answer.unwrap_or_else(|| Err(PlatformError::new("object reset")))
    }

    /// Calls an object, without any fault on the way.
    pub async fn call(
        self: &Rc<Self>,
        name: &Name,
        method: &'static str,
        arguments: String,
    ) -> Result<String, PlatformError> {
        let incarnation = self.incarnation(name);
        self.run(incarnation, async move |engine| {
            engine.call(method, &arguments).await
        })
        .await
    }

    /// The object vanishes with its memory.
    pub fn kill(self: &Rc<Self>, name: &Name) {
        let mut objects = self.objects.borrow_mut();
        let Some(gone) = objects.get_mut(name).and_then(|one| one.incarnation.take()) else {
            return;
        };
        drop(objects);
        self.kills.set(self.kills.get() + 1);
        self.checks.borrow_mut().fault(match name.0 {
            "RUN" => "kills of a run",
            "BATCH" => "kills of a batch",
            "BATCHES" => "kills of the list",
            _ => "kills of the budget",
        });
        self.trace(|| format!("{} {} is killed", name.0, name.1));
        gone.alive.set(false);
        self.executor.end_group(gone.number);
        if name.0 == "RUN" && self.stored(name, "run").is_some() {
            self.perhaps_damage(name);
        }
    }

    fn perhaps_damage(self: &Rc<Self>, name: &Name) {
        if !self.fault(self.faults.damage, "damaged runs") {
            return;
        }
        let damaged = self.random.pick(&["", "{}", "{\"v\":2}", "[1]"]);
        let damage = |values: &mut BTreeMap<String, String>| {
            values.insert("run".to_owned(), damaged.to_owned());
        };
        self.store(name, damage, false, None);
        self.checks.borrow_mut().damaged(&name.1);
    }

    /// Kills the object of this incarnation with some probability, at an await.
    pub fn perhaps_kill(self: &Rc<Self>, group: u64) {
        let may = self.has_faults() && self.kills.get() < self.faults.kills_at_most;
        if !may || !self.random.chance(self.faults.kill) {
            return;
        }
        let is_it = |object: &Object| {
            object
                .incarnation
                .as_ref()
                .is_some_and(|one| one.number == group)
        };
        let name = {
            let objects = self.objects.borrow();
            let found = objects.iter().find(|(_, object)| is_it(object));
            found.map(|(name, _)| name.clone())
        };
        if let Some(name) = name {
            self.kill(&name);
        }
    }

    /// Kills one of the objects.
    pub fn kill_any(self: &Rc<Self>) {
        let names: Vec<Name> = self.objects.borrow().keys().cloned().collect();
        if !names.is_empty() {
            let at = usize::try_from(self.random.below(names.len() as u64)).unwrap();
            self.kill(&names[at]);
        }
    }

    /// Ends all tasks, so that reference cycles are freed.
    pub fn take_down(&self) {
        for object in self.objects.take().into_values() {
            if let Some(gone) = object.incarnation {
                gone.alive.set(false);
                self.executor.end_group(gone.number);
            }
        }
        self.executor.clear();
    }
}
