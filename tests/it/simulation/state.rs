//! The state of one run: its executor, fault plan, clock, objects, KV and what Twilio has created.
//!
//! Not here: objects (`objects`, `storage`, `alarms`), others (`model`, `twilio`, `kv`), and what must hold (`invariants`).

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    future::Future,
    rc::Rc,
};

use switchboard::{
    base::time::UnixMillis, config::Config, conversation::model_run::EndpointMemory,
};

use super::{
    calls::Calls, executor::Executor, fault_plan::FaultPlan, invariants::Invariants, kv::KvEntry,
    mutation::Mutation, objects::Object, random::Random, storage::STATE, twilio::Created,
};
use crate::support::settings;

/// What happens in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// Contacts write messages.
    Messages,
    /// Callers call.
    Calls,
}

pub struct Simulation {
    pub world: World,
    pub executor: Executor,
    pub random: Random,
    pub fault_plan: FaultPlan,
    pub config: Rc<Config>,
    pub mutation: Option<Mutation>,
    pub invariants: RefCell<Invariants>,
    pub trace: Option<RefCell<Vec<String>>>,
    pub objects: RefCell<BTreeMap<String, Object>>,
    pub incarnations: Cell<u64>,
    pub kills: Cell<u64>,
    /// The last UTC day on the clock. Without clock jumps: the highest one.
    day: Cell<u64>,
    /// How often the counts of a day may start at zero: once each time the clock moves to a higher day.
    openings: Rc<Cell<u64>>,
    /// Milliseconds that the clock is ahead.
    ahead: Cell<u64>,
    /// The highest time that the budget object has seen, for a mutation.
    pub highest: Cell<u64>,
    /// Milliseconds that the clock has stepped back.
    pub stepped: Cell<u64>,
    /// Whether the first endpoint has just failed while there is a second one.
    pub failed_over: Cell<bool>,
    /// What the one isolate of the run remembers of the model's endpoints.
    pub endpoints: RefCell<EndpointMemory>,
    pub kv: RefCell<BTreeMap<String, KvEntry>>,
    pub created: RefCell<Vec<Created>>,
    /// The contacts that have opted out at Twilio.
    pub opted_out_at_twilio: RefCell<BTreeSet<String>>,
    /// What the isolate has said.
    pub said: RefCell<BTreeSet<&'static str>>,
    /// The poll in which a message was last rejected by the rate limit.
    pub limited_in: Cell<u64>,
    /// The contacts of which a message with both addresses was answered.
    pub joined: RefCell<BTreeSet<String>>,
    /// The messages that an object has received at least once.
    pub delivered: RefCell<BTreeSet<String>>,
    pub calls: Calls,
}

impl Simulation {
    pub fn new(world: World, seed: u64, mutation: Option<Mutation>, traced: bool) -> Rc<Self> {
        let random = Random::new(seed);
        let fault_plan = FaultPlan::new(&random);
        let (fault_plan, calls) = match world {
            World::Messages => {
                let fault_plan = fault_plan
                    .with_tools(seed)
                    .with_hand_off(seed)
                    .with_intake(seed)
                    .with_quotes(seed);
                (fault_plan, Calls::default())
            }
            World::Calls => (fault_plan.for_calls(seed), Calls::new(&random)),
        };
        let (settings, file) = match world {
            World::Messages => (fault_plan.settings(), fault_plan.assistant()),
            World::Calls => {
                let mut settings = fault_plan.settings();
                settings.extend(calls.plan.settings());
                (settings, Some(calls.plan.assistant()))
            }
        };
        let settings: Vec<_> = settings
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let assistants: Vec<_> = file.iter().map(|file| ("desk", file.as_str())).collect();
        let openings = Rc::default();
        let invariants = Invariants::new(&fault_plan, Rc::clone(&openings));
        Rc::new(Self {
            world,
            executor: Executor::default(),
            random,
            fault_plan,
            config: Rc::new(settings::config_with(&settings, &assistants).unwrap()),
            mutation,
            invariants: RefCell::new(invariants),
            trace: traced.then(RefCell::default),
            objects: RefCell::default(),
            incarnations: Cell::default(),
            kills: Cell::default(),
            day: Cell::default(),
            openings,
            ahead: Cell::default(),
            highest: Cell::default(),
            stepped: Cell::default(),
            failed_over: Cell::default(),
            endpoints: RefCell::default(),
            kv: RefCell::default(),
            created: RefCell::default(),
            opted_out_at_twilio: RefCell::default(),
            said: RefCell::default(),
            limited_in: Cell::default(),
            joined: RefCell::default(),
            delivered: RefCell::default(),
            calls,
        })
    }

    pub fn trace(&self, words: impl FnOnce() -> String) {
        if let Some(trace) = &self.trace {
            let now = self.executor.now();
            trace
                .borrow_mut()
                .push(format!("{:>6}.{:03}  {}", now / 1000, now % 1000, words()));
        }
    }

    pub fn count(&self, what: &'static str) {
        self.invariants.borrow_mut().count(what);
    }

    /// Whether a fault with this probability, in thousandths, happens now.
    pub fn fault(&self, per_mille: u64, what: &'static str) -> bool {
        let comes =
            self.executor.now() < self.fault_plan.faults_until && self.random.chance(per_mille);
        if comes {
            self.count(what);
            self.trace(|| format!("fault: {what}"));
        }
        comes
    }

    /// How many UTC days the clock has shown.
    pub fn openings(&self) -> u64 {
        self.openings.get()
    }

    pub fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    pub fn sleep(&self, milliseconds: u64) -> impl Future<Output = ()> + 'static {
        self.executor.sleep(milliseconds)
    }

    pub fn step_clock(&self, milliseconds: u64) {
        self.count("clock steps");
        self.trace(|| format!("the clock steps back by {milliseconds} ms"));
        self.stepped.set(self.stepped.get() + milliseconds);
    }

    /// The clock is days ahead from now on.
    pub fn jump_clock(&self, ahead: u64) {
        self.count("clock jumps");
        self.trace(|| format!("the clock is {ahead} ms ahead"));
        self.ahead.set(ahead);
        // Objects that see this time forget ids, conversations and answers, so duplicates are possible.
        for (name, object) in self.objects.borrow().iter() {
            self.invariants
                .borrow_mut()
                .untracked(name, object.disk.durable.text(STATE), false);
        }
        self.invariants.borrow_mut().all_untracked();
    }

    /// The clock is right again.
    pub fn right_clock(&self) {
        self.trace(|| "the clock is right again".into());
        self.ahead.set(0);
    }

    pub fn wall(&self) -> UnixMillis {
        let now = UnixMillis(
            self.fault_plan.start + self.executor.now() + self.ahead.get() - self.stepped.get(),
        );
        if now.utc_day() > self.day.get() {
            self.openings.set(self.openings.get() + 1);
            self.day.set(now.utc_day());
        } else if !self.fault_plan.clock_jumps.is_empty() {
            self.day.set(now.utc_day());
        }
        now
    }

    /// Takes 30 s up to this many milliseconds, or never ends.
    pub async fn hang(&self, longest: u64) {
        if self.random.chance(500) {
            std::future::pending::<()>().await;
        }
        self.sleep(self.random.between(30_000, longest)).await;
    }
}
