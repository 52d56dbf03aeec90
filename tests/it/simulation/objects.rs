//! Objects: their incarnations, the calls to them, and kills.
//!
//! Not here: their storage (`storage`) and alarms (`alarms`), and what they see of the platform (`object_ports`).

use std::{cell::Cell, future::Future, rc::Rc};

use switchboard::{
    conversation::budget::Budget,
    identity::Pseudonym,
    messaging::thread::Thread,
    platform::PlatformError,
    voice::{call::Phone, callers::Callers},
};

use super::{
    executor::promise,
    mutation::Mutation,
    object_ports::ObjectPlatform,
    state::Simulation,
    storage::{Disk, OPTED_OUT, Rows, STATE},
};

#[derive(Default)]
pub struct Object {
    pub kind: Kind,
    pub disk: Disk,
    pub incarnations: Vec<Incarnation>,
}

#[derive(Clone)]
pub struct Incarnation {
    pub number: u64,
    pub alive: Rc<Cell<bool>>,
    pub engine: Engine,
}

/// What an object is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Thread,
    Budget,
    Call,
    Caller,
}

#[derive(Clone)]
pub enum Engine {
    Thread(Rc<Thread<ObjectPlatform>>),
    Budget(Rc<Budget<ObjectPlatform>>),
    Call(Rc<Phone<ObjectPlatform>>),
    Caller(Rc<Callers<ObjectPlatform>>),
}

pub const BUDGET: &str = "budget";

impl Simulation {
    pub fn platform(
        self: &Rc<Self>,
        name: &str,
        number: u64,
        alive: &Rc<Cell<bool>>,
    ) -> ObjectPlatform {
        ObjectPlatform {
            sim: Rc::clone(self),
            name: name.to_owned(),
            number,
            alive: Rc::clone(alive),
        }
    }

    /// An object of this kind gets a name, unless it has it.
    pub fn name_object(&self, kind: Kind, name: &str) {
        let mut objects = self.objects.borrow_mut();
        objects.entry(name.to_owned()).or_default().kind = kind;
    }

    pub fn kind(&self, name: &str) -> Kind {
        let objects = self.objects.borrow();
        match objects.get(name) {
            _ if name == BUDGET => Kind::Budget,
            Some(object) => object.kind,
            None => Kind::Thread,
        }
    }

    pub fn incarnation(self: &Rc<Self>, name: &str) -> Incarnation {
        let kind = self.kind(name);
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
            let config = Rc::clone(&self.config);
            let own_name = Pseudonym::from_object_name(name.to_owned());
            let engine = match kind {
                Kind::Thread => Engine::Thread(Rc::new(Thread::new(platform, config, own_name))),
                Kind::Budget => Engine::Budget(Rc::new(Budget::new(platform))),
                Kind::Call => Engine::Call(Rc::new(Phone::new(platform, config, own_name))),
                Kind::Caller => Engine::Caller(Rc::new(Callers::new(platform))),
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

    /// Runs a call as a task of the object, so it ends with the object. If the caller leaves, the task may be cancelled.
    pub async fn call<T: 'static, F: Future<Output = Result<T, PlatformError>> + 'static>(
        self: &Rc<Self>,
        name: &str,
        call: impl FnOnce(Engine) -> F,
    ) -> Result<T, PlatformError> {
        let incarnation = self.incarnation(name);
        let (give, take) = promise();
        let called = name.to_owned();
        let (sim, name, alive) = (
            Rc::clone(self),
            name.to_owned(),
            Rc::clone(&incarnation.alive),
        );
        let future = call(incarnation.engine);
        let task = self.executor.spawn(incarnation.number, async move {
            let answer = future.await;
            // The output gate: nothing leaves an object before its writes are durable.
            sim.durable(&name).await;
            if alive.get() {
                give.give(answer);
            }
        });
        let leaving = Leaving {
            sim: Rc::clone(self),
            name: called,
            task: Some(task),
        };
        let answer = take.await;
        leaving.done();
        answer.unwrap_or_else(|| Err(PlatformError::new("object reset")))
    }

    /// The object vanishes with its memory and with writes that are not durable yet.
    pub fn kill(self: &Rc<Self>, name: &str) {
        let incarnations = match self.objects.borrow_mut().get_mut(name) {
            Some(object) => std::mem::take(&mut object.incarnations),
            None => return,
        };
        if incarnations.is_empty() {
            return;
        }
        self.kills.set(self.kills.get() + 1);
        let kind = self.kind(name);
        self.count(match kind {
            Kind::Budget => "kills of the budget object",
            Kind::Thread => "kills of a thread",
            Kind::Call => "kills of a call",
            Kind::Caller => "kills of a caller's object",
        });
        self.trace(|| format!("{name:.6} is killed"));
        self.end(incarnations);
        let (stored, lost, rearm) = {
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
                !lost.is_empty(),
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
            self.fault_plan.budget_damage
        } else {
            // What a damaged opt-out of the other address means is tested natively.
            let follows = self.invariants.borrow().leader(name).is_some();
            if follows { 0 } else { self.fault_plan.damage }
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
        if kind == Kind::Call {
            self.call_killed(name, lost);
        }
        if let Some(at) = rearm {
            self.arm(name, at);
        }
        self.invariants
            .borrow_mut()
            .killed(name, self.executor.now());
    }

    fn end(&self, incarnations: Vec<Incarnation>) {
        for incarnation in incarnations {
            incarnation.alive.set(false);
            self.executor.end_group(incarnation.number);
        }
    }

    /// Kills the object of this incarnation with some probability, at an await.
    pub fn perhaps_kill(self: &Rc<Self>, group: u64) {
        if self.fault_plan.kill == 0
            || self.kills.get() >= self.fault_plan.kills_at_most
            || self.executor.now() >= self.fault_plan.faults_until
        {
            return;
        }
        if !self.random.chance(self.fault_plan.kill) {
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

    /// Kills one of the objects.
    pub fn kill_any(self: &Rc<Self>) {
        let names: Vec<String> = self.objects.borrow().keys().cloned().collect();
        if !names.is_empty() {
            let at = usize::try_from(self.random.below(names.len() as u64)).unwrap();
            self.kill(&names[at]);
        }
    }

    /// Ends all tasks, so that reference cycles are freed.
    pub fn take_down(&self) {
        let objects = self.objects.take();
        for object in objects.into_values() {
            self.end(object.incarnations);
        }
        self.executor.clear();
    }

    /// Checks what is left when everything has settled.
    pub fn check_end(&self) {
        self.check_calls();
        self.invariants.borrow_mut().end();
        let mut invariants = self.invariants.borrow_mut();
        for (name, object) in self
            .objects
            .borrow()
            .iter()
            .filter(|(name, _)| *name != BUDGET)
        {
            let Rows { values, alarm } = &object.disk.visible;
            let leader = invariants.leader(name);
            // A thread whose leader has lost its links follows until that person writes again.
            if leader.is_some_and(|(_, contact)| contact.is_untracked()) {
                continue;
            }
            let person = leader.map_or(name, |(leader, _)| leader).clone();
            // Only an opt-out may stay, and the links that make it hold for both addresses.
            let opted_out = invariants.is_opted_out(&person);
            let linked = invariants
                .contacts
                .get(&person)
                .is_some_and(|one| one.other.is_some());
            let left: Vec<&str> = values
                .keys()
                .map(String::as_str)
                .filter(|key| !(opted_out && *key == OPTED_OUT))
                .filter(|key| !(opted_out && linked && *key == STATE))
                .collect();
            invariants.check(left.is_empty() && alarm.is_none(), || {
                format!("{name:.6} holds something after its time: {left:?}, alarm {alarm:?}")
            });
            let has_it = values.contains_key(OPTED_OUT) || (person != *name && values.is_empty());
            invariants.check(!opted_out || has_it, || {
                format!("the opt-out of {name:.6} is gone")
            });
        }
    }
}

/// Guards a call to an object. If the caller leaves first, the call may be cancelled.
struct Leaving {
    sim: Rc<Simulation>,
    /// The object.
    name: String,
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
            && self.sim.random.chance(400)
        {
            self.sim.count("calls that were cancelled");
            self.sim.calls.request_cancelled(&self.name);
            self.sim.executor.cancel(task);
        }
    }
}
