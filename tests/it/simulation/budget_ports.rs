//! Calls of a sender object to the budget object, with their faults.
//!
//! Not here: the other ports (`object_ports`), and the caps (`invariants::bounds`).

use std::{cell::Cell, rc::Rc};

use serde_json::Value;
use switchboard::{
    conversation::budget::{self, AddUsage, Check, DayUsage, Item, Reservation, Reserve},
    object::{arguments as read, reply},
    platform::{Method, Objects, PlatformError, Stored},
};

use super::{
    executor::OUTSIDE,
    mutation::Mutation,
    object_ports::{ObjectPlatform, vanished},
    objects::{BUDGET, Engine},
    state::Simulation,
};

/// A thread calls the budget object, and no other.
impl Objects for ObjectPlatform {
    async fn call<M: Method>(&self, name: &str, method: &M) -> Result<M::Reply, PlatformError> {
        assert_eq!((M::BINDING, name), (Reserve::BINDING, budget::NAME));
        let arguments = serde_json::to_string(method).unwrap();
        let reply = match M::NAME {
            Reserve::NAME => reply::<Reserve>(&self.reserve(read(&arguments)?).await?),
            Check::NAME => reply::<Check>(&self.check(read(&arguments)?).await?),
            AddUsage::NAME => reply::<AddUsage>(&self.add_usage(read(&arguments)?).await?),
            other => panic!("no such method: {other}"),
        };
        Ok(serde_json::from_str(&reply?).unwrap())
    }
}

impl ObjectPlatform {
    async fn reserve(&self, call: Reserve) -> Result<Reservation, PlatformError> {
        let reserve = async {
            let sim = &self.sim;
            if call.item == Item::ModelRequest {
                sim.invariants
                    .borrow_mut()
                    .turn_works(&self.name, self.number, sim.executor.now());
            }
            sim.durable(&self.name).await;
            let day = Rc::new(Cell::new(sim.wall().utc_day()));
            if sim.is(Mutation::BudgetCountedAfter) && call.item == Item::ModelRequest {
                sim.invariants
                    .borrow_mut()
                    .granted(&self.name, self.number, day.get());
                let sim = Rc::clone(sim);
                sim.clone().executor.spawn(OUTSIDE, async move {
                    sim.sleep(3000).await;
                    let _ = sim.reserve(call, day).await;
                });
                return Ok(Reservation::Granted);
            }
            sim.sleep(sim.random.between(1, 30)).await;
            if sim.fault(sim.fault_plan.budget_hangs, "a budget that hangs") {
                if sim.random.chance(300) {
                    let _ = sim.reserve(call, Rc::clone(&day)).await;
                }
                sim.hang(1_800_000).await;
            }
            if sim.fault(sim.fault_plan.budget_unreachable, "an unreachable budget") {
                if sim.random.chance(500) {
                    let _ = sim.reserve(call, day).await;
                }
                return Err(PlatformError::new("budget is unreachable"));
            }
            let mut call = call;
            if call.item == Item::Message && sim.is(Mutation::MessageCapIgnored) {
                call.cap = u32::MAX;
            }
            let reservation = sim.reserve(call, Rc::clone(&day)).await?;
            match (reservation, call.item) {
                (Reservation::Granted, Item::ModelRequest) => {
                    sim.invariants
                        .borrow_mut()
                        .granted(&self.name, self.number, day.get())
                }
                (Reservation::Granted, Item::Message) => {}
                (Reservation::Exhausted, Item::Message) => {
                    sim.count("exhausted budgets of messages");
                    sim.invariants
                        .borrow_mut()
                        .no_message_left(&self.name, sim.executor.now());
                }
                (Reservation::Exhausted, Item::ModelRequest) => sim.count("exhausted budgets"),
            }
            Ok(reservation)
        };
        self.live(reserve).await.unwrap_or_else(vanished)
    }

    async fn check(&self, call: Check) -> Result<Reservation, PlatformError> {
        let check = async {
            let sim = &self.sim;
            if call.item == Item::ModelRequest {
                sim.invariants
                    .borrow_mut()
                    .turn_works(&self.name, self.number, sim.executor.now());
            }
            sim.sleep(sim.random.between(1, 30)).await;
            if sim.fault(sim.fault_plan.budget_hangs, "a budget that hangs") {
                sim.hang(1_800_000).await;
            }
            if sim.fault(sim.fault_plan.budget_unreachable, "an unreachable budget") {
                return Err(PlatformError::new("budget is unreachable"));
            }
            let inner = Rc::clone(sim);
            let checked = sim.call(BUDGET, async move |engine| {
                let Engine::Budget(budget) = engine else {
                    return vanished();
                };
                budget.check(call, inner.wall()).await
            });
            checked.await
        };
        self.live(check).await.unwrap_or_else(vanished)
    }

    async fn add_usage(&self, call: AddUsage) -> Result<DayUsage, PlatformError> {
        let report = async {
            let sim = &self.sim;
            sim.durable(&self.name).await;
            sim.sleep(sim.random.between(1, 30)).await;
            if sim.fault(sim.fault_plan.budget_hangs, "a budget that hangs") {
                sim.hang(1_800_000).await;
            }
            let inner = Rc::clone(sim);
            let reported = sim.call(BUDGET, async move |engine| {
                let Engine::Budget(budget) = engine else {
                    return vanished();
                };
                budget.add_usage(&call.usage, inner.wall()).await
            });
            reported.await
        };
        self.live(report).await.unwrap_or_else(vanished)
    }
}

impl Simulation {
    /// Asks the budget object, and sets `day` to the one that it counted for.
    async fn reserve(
        self: &Rc<Self>,
        call: Reserve,
        day: Rc<Cell<u64>>,
    ) -> Result<Reservation, PlatformError> {
        let sim = Rc::clone(self);
        self.call(BUDGET, async move |engine| {
            let Engine::Budget(budget) = engine else {
                return vanished();
            };
            let reservation = budget.reserve(call, sim.wall()).await;
            let used = sim
                .objects
                .borrow()
                .get(BUDGET)
                .and_then(|object| object.disk.visible.values.get("used").cloned());
            let used = used
                .and_then(Stored::text)
                .and_then(|text| serde_json::from_str(&text).ok());
            let used: Value = used.unwrap_or_default();
            day.set(used["day"].as_u64().unwrap_or_else(|| day.get()));
            if reservation == Ok(Reservation::Exhausted) {
                sim.invariants
                    .borrow_mut()
                    .exhausted(call.cap, sim.wall().utc_day());
            }
            reservation
        })
        .await
    }
}
