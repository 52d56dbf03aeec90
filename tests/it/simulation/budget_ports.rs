//! Calls of a sender object to the budget object, with their faults.
//!
//! Not here: the other ports (`object_ports`), and the caps (`invariants::bounds`).

use std::{cell::Cell, rc::Rc};

use serde_json::Value;
use switchboard::{
    budget::{Item, Reservation, ReserveCall},
    platform::{Budgets, PlatformError, Stored, UnixMillis},
    usage::Tally,
};

use super::{
    executor::OUTSIDE,
    fault_plan::DAY,
    mutation::Mutation,
    object_ports::{ObjectPlatform, vanished},
    objects::{BUDGET, Engine},
    state::Simulation,
};

impl Budgets for ObjectPlatform {
    async fn reserve(&self, call: ReserveCall) -> Result<Reservation, PlatformError> {
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
                self.may_ask(day.get());
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
                (Reservation::Granted, Item::ModelRequest) => self.may_ask(day.get()),
                (Reservation::Granted, Item::Message) => {
                    sim.invariants
                        .borrow_mut()
                        .granted(Item::Message, day.get());
                }
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

    async fn look(&self, item: Item, cap: u32) -> Result<Reservation, PlatformError> {
        let look = async {
            let sim = &self.sim;
            if item == Item::ModelRequest {
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
            let looked = sim.call(BUDGET, async move |engine| {
                let Engine::Budget(budget) = engine else {
                    return vanished();
                };
                budget.look(item, cap, inner.budget_now()).await
            });
            looked.await
        };
        self.live(look).await.unwrap_or_else(vanished)
    }

    async fn report(&self, tally: Tally) -> Result<(), PlatformError> {
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
                budget.report(&tally, inner.budget_now()).await
            });
            reported.await.map(drop)
        };
        self.live(report).await.unwrap_or_else(vanished)
    }
}

impl ObjectPlatform {
    /// A request to the model is granted, and counted for this day.
    fn may_ask(&self, day: u64) {
        let mut invariants = self.sim.invariants.borrow_mut();
        invariants.granted(Item::ModelRequest, day);
        invariants.may_ask(&self.name, self.number);
    }
}

impl Simulation {
    /// The time that the budget object sees.
    fn budget_now(&self) -> UnixMillis {
        let now = self.wall();
        if !self.is(Mutation::FarDayBelieved) {
            return now;
        }
        self.highest.set(self.highest.get().max(now.0));
        UnixMillis(self.highest.get())
    }

    /// Asks the budget object for a request once the clock is right again, and two days later.
    pub async fn ask_after_a_jump(self: &Rc<Self>) {
        let call = ReserveCall {
            item: Item::ModelRequest,
            cap: u32::try_from(self.fault_plan.cap).unwrap(),
            tally: Tally::EMPTY,
        };
        for last in [false, true] {
            let reserved = self.reserve(call, Rc::default()).await;
            self.trace(|| format!("after the jump, the budget says {reserved:?}"));
            if last {
                self.invariants
                    .borrow_mut()
                    .asked_after_a_jump(reserved.ok());
            }
            self.sleep(2 * DAY).await;
        }
    }

    /// Reserves at the budget object, and sets `day` to the day for which it was counted.
    async fn reserve(
        self: &Rc<Self>,
        call: ReserveCall,
        day: Rc<Cell<u64>>,
    ) -> Result<Reservation, PlatformError> {
        let sim = Rc::clone(self);
        self.call(BUDGET, async move |engine| {
            let Engine::Budget(budget) = engine else {
                return vanished();
            };
            let reservation = budget.reserve(call, sim.budget_now()).await;
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
