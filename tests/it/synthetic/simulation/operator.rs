//! The operator: begins batches, pauses, resumes, cancels and deletes them, and reads their pages; and the faults that come at
//! given moments.
//!
//! Not here: the routes of an operator (`synthetic::batches`).

use std::{collections::BTreeSet, rc::Rc};

use switchboard::{
    config::{Limits, PersonaId, Speaker},
    platform::{Method, PlatformError},
    synthetic::{
        api::{
            BATCHES_NAME, ControlBatch, CreateBatch, DeleteBatch, ListBatch, ListBatches,
            ListedBatch, ReadRuns, ShowBatch, UnlistBatch,
        },
        plan::{AgentSide, BatchId, BatchPlan, Mode, Pairing},
    },
};

use super::{checks::BatchSeen, world::World};
use crate::simulation::executor::OUTSIDE;

/// Begins everything that happens in a run.
pub fn begin(world: &Rc<World>) {
    for index in 1..=world.random.between(1, 2) {
        let inner = Rc::clone(world);
        world.executor.spawn(OUTSIDE, async move {
            Operator::new(inner, u8::try_from(index).unwrap())
                .work()
                .await;
        });
    }
    for at in world.faults.timed_kills.clone() {
        let inner = Rc::clone(world);
        world.executor.spawn(OUTSIDE, async move {
            inner.executor.sleep(at).await;
            inner.kill_any();
        });
    }
    for (at, step) in world.faults.clock.clone() {
        let inner = Rc::clone(world);
        world.executor.spawn(OUTSIDE, async move {
            inner.executor.sleep(at).await;
            inner.put_clock(step);
        });
    }
}

/// What an operator does with one batch.
struct Operator {
    world: Rc<World>,
    id: BatchId,
    plan: BatchPlan,
}

impl Operator {
    fn new(world: Rc<World>, index: u8) -> Self {
        let id = BatchId::new([index; 16]);
        let plan = plan(&world);
        let from_agent = plan.scenario.to_string() == "late";
        let seen = BatchSeen {
            id: id.clone(),
            plan: plan.clone(),
            first: if from_agent {
                Speaker::Agent
            } else {
                Speaker::Customer
            },
            records: Vec::new(),
            numbers: BTreeSet::new(),
            deleted_at: None,
            cancelled_at: None,
            left_paused: false,
        };
        world.trace(|| format!("the plan of {:.9}: {plan:?}", id.as_str()));
        let mut checks = world.checks.borrow_mut();
        checks.batches.insert(id.as_str().to_owned(), seen);
        drop(checks);
        Self { world, id, plan }
    }

    async fn work(&self) {
        let (world, id) = (&self.world, self.id.clone());
        world.executor.sleep(world.random.below(20_000)).await;
        let listed = ListedBatch {
            batch: id.clone(),
            created_at: world.wall(),
            label: None,
            count: self.plan.count,
        };
        self.list(&ListBatch(listed)).await;
        let plan = self.plan.clone();
        self.until_done(&CreateBatch { id, plan }).await;
        if world.random.chance(100) {
            // The orders to begin and to end a run may overtake one another.
            world.executor.sleep(world.random.below(3000)).await;
            return self.delete().await;
        }
        for _ in 0..world.random.below(7) {
            // Often while runs are about to begin.
            let longest = world.random.pick(&[200, 5000, 40_000]);
            world.executor.sleep(world.random.below(longest)).await;
            match world.random.below(17) {
                0..5 => self.read().await,
                5 => drop(self.once(&ShowBatch).await),
                6 => drop(world.request(None, BATCHES_NAME, &ListBatches).await),
                7..9 => drop(self.until_done(&ControlBatch::Pause).await),
                9..12 => drop(self.until_done(&ControlBatch::Resume).await),
                12..15 => self.cancel().await,
                _ => return self.delete().await,
            }
        }
        let rest = world.faults.until.saturating_sub(world.executor.now());
        world.executor.sleep(rest + world.random.below(5000)).await;
        match world.random.below(20) {
            0..2 => {
                self.seen(|batch, _| batch.left_paused = true);
                self.until_done(&ControlBatch::Pause).await;
                world.count("batches that stay paused");
            }
            2..4 => self.cancel().await,
            4 => self.delete().await,
            _ => drop(self.until_done(&ControlBatch::Resume).await),
        }
    }

    async fn cancel(&self) {
        self.until_done(&ControlBatch::Cancel).await;
        self.seen(|batch, now| batch.cancelled_at = batch.cancelled_at.or(Some(now)));
    }

    async fn delete(&self) {
        self.until_done(&DeleteBatch).await;
        self.seen(|batch, now| batch.deleted_at = Some(now));
        self.world
            .trace(|| format!("{:.9} is deleted", self.id.as_str()));
        self.list(&UnlistBatch(self.id.clone())).await;
    }

    async fn read(&self) {
        let read = ReadRuns {
            after: u32::try_from(self.world.random.below(4)).unwrap(),
            limit: u32::try_from(self.world.random.between(1, 5)).unwrap(),
        };
        if let Ok(Some(page)) = self.once(&read).await {
            self.world.count("pages");
            let mut checks = self.world.checks.borrow_mut();
            checks.page(self.id.as_str(), read.after, &page);
        }
    }

    fn seen(&self, change: impl FnOnce(&mut BatchSeen, u64)) {
        let mut checks = self.world.checks.borrow_mut();
        if let Some(batch) = checks.batches.get_mut(self.id.as_str()) {
            change(batch, self.world.executor.now());
        }
    }

    async fn once<M: Method>(&self, method: &M) -> Result<M::Reply, PlatformError> {
        self.world.request(None, self.id.as_str(), method).await
    }

    async fn until_done<M: Method>(&self, method: &M) -> M::Reply {
        loop {
            if let Ok(reply) = self.once(method).await {
                return reply;
            }
            self.world.executor.sleep(5000).await;
        }
    }

    async fn list<M: Method>(&self, method: &M) {
        while self
            .world
            .request(None, BATCHES_NAME, method)
            .await
            .is_err()
        {
            self.world.executor.sleep(5000).await;
        }
    }
}

fn plan(world: &World) -> BatchPlan {
    let random = &world.random;
    let persona = |name: &str| name.parse::<PersonaId>().unwrap();
    let customers = vec![persona("cleo"), persona("dan")];
    let mode = random.pick(&[Mode::Text, Mode::Text, Mode::Assistant]);
    let agents = match mode {
        Mode::Text | Mode::Call => ["ada", "ben"]
            .map(|name| AgentSide::Persona(persona(name)))
            .to_vec(),
        Mode::Assistant => vec![AgentSide::Assistant("default".to_owned())],
    };
    let pairing = match random.below(3) {
        0 => Pairing::Given {
            agent: agents[0].clone(),
            customer: persona("cleo"),
        },
        1 => Pairing::All { agents, customers },
        _ => Pairing::Random { agents, customers },
    };
    let number = |choices: &[u32]| random.pick(choices);
    BatchPlan {
        mode,
        scenario: random.pick(&["late", "early"]).parse().unwrap(),
        pairing,
        count: number(&[1, 2, 3, 4, 6]),
        per_minute: number(&[2, 30, 60, 600]),
        at_once: number(&[1, 2, 3, 10]),
        seed: random.next(),
        limits: Limits {
            turns: number(&[2, 3, 6, 10]),
            seconds: number(&[30, 45, 90, 300]),
        },
        call: None,
        label: random.chance(500).then(|| "nightly".to_owned()),
        score: random.chance(700),
        disturbed: random.chance(600),
    }
}
