//! Calls of a thread to the budget object, with their faults.
//!
//! Not here: the other ports (`object_ports`), and the caps (`invariants::bounds`).

use std::{cell::Cell, rc::Rc};

use futures_util::future::LocalBoxFuture;
use serde_json::Value;
use switchboard::{
    base::{time::UnixMillis, usage::UsageCounters},
    conversation::budget::{self, AddUsage, Check, DayUsage, Item, Release, Reservation, Reserve},
    messaging::api::Follow,
    object::{arguments as read, reply},
    platform::{Method, Objects, PlatformError, Stored},
    voice::api::CountCall,
};

use super::{
    executor::OUTSIDE,
    fault_plan::DAY,
    mutation::Mutation,
    object_ports::{ObjectPlatform, vanished},
    objects::{BUDGET, Engine},
    state::Simulation,
};

/// A thread calls the budget object, and other threads of its contact. A call calls the budget object and its caller's.
impl Objects for ObjectPlatform {
    async fn call<M: Method>(&self, name: &str, method: &M) -> Result<M::Reply, PlatformError> {
        let arguments = serde_json::to_string(method).unwrap();
        if M::BINDING == Follow::BINDING {
            // The call can lead to another of the same kind.
            let called: LocalBoxFuture<'_, _> =
                Box::pin(self.call_thread(name, M::NAME, arguments));
            return Ok(serde_json::from_str(&called.await?).unwrap());
        }
        if M::BINDING == CountCall::BINDING {
            let reply = self.call_caller(name, M::NAME, &arguments).await?;
            return Ok(serde_json::from_str(&reply).unwrap());
        }
        assert_eq!((M::BINDING, name), (Reserve::BINDING, budget::NAME));
        let reply = match M::NAME {
            Reserve::NAME => reply::<Reserve>(&self.reserve(read(&arguments)?).await?),
            Check::NAME => reply::<Check>(&self.check(read(&arguments)?).await?),
            AddUsage::NAME => reply::<AddUsage>(&self.add_usage(read(&arguments)?).await?),
            Release::NAME => {
                self.give_back(read(&arguments)?).await?;
                reply::<Release>(&())
            }
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
            if sim.is(Mutation::AskedAgainUnreserved)
                && call.item == Item::ModelRequest
                && sim.invariants.borrow().is_asking(&self.name)
            {
                return Ok(Reservation::Granted);
            }
            let day = Rc::new(Cell::new(sim.wall().utc_day()));
            let again = call.item == Item::ModelRequest && sim.failed_over.take();
            if again && sim.is(Mutation::FallbackNotReserved) {
                return Ok(Reservation::Granted);
            }
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
                    let _ = self.reserve_now(call, Rc::clone(&day)).await;
                }
                sim.hang(1_800_000).await;
            }
            if sim.fault(sim.fault_plan.budget_unreachable, "an unreachable budget") {
                if sim.random.chance(500) {
                    let _ = self.reserve_now(call, day).await;
                }
                return Err(PlatformError::new("budget is unreachable"));
            }
            let mut call = call;
            if call.item == Item::Message && sim.is(Mutation::MessageCapIgnored) {
                call.cap = u32::MAX;
            }
            if call.item == Item::CallMinute && sim.is(Mutation::MinuteNotReserved) {
                sim.minute_told(&self.name);
                return Ok(Reservation::Granted);
            }
            let reservation = self.reserve_now(call, Rc::clone(&day)).await?;
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
                (Reservation::Granted, Item::CallMinute) => sim.minute_told(&self.name),
                (Reservation::Exhausted, Item::CallMinute) => {
                    sim.count("exhausted budgets of minutes");
                }
            }
            Ok(reservation)
        };
        self.live(reserve).await.unwrap_or_else(vanished)
    }

    /// Reserves, and notes whose minute it is.
    async fn reserve_now(
        &self,
        call: Reserve,
        day: Rc<Cell<u64>>,
    ) -> Result<Reservation, PlatformError> {
        let reservation = self.sim.reserve(call, Rc::clone(&day)).await;
        if (call.item, &reservation) == (Item::CallMinute, &Ok(Reservation::Granted)) {
            self.sim.minute_granted(&self.name, day.get());
        }
        reservation
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
                budget.check(call, inner.budget_now()).await
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
                budget.add_usage(&call.usage, inner.budget_now()).await
            });
            reported.await
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
        drop(invariants);
        self.sim.calls.may_ask(&self.name);
    }

    async fn give_back(&self, call: Release) -> Result<(), PlatformError> {
        let release = async {
            let sim = &self.sim;
            sim.durable(&self.name).await;
            sim.sleep(sim.random.between(1, 30)).await;
            let times = if sim.is(Mutation::MinuteSettledTwice) {
                2
            } else {
                1
            };
            if sim.fault(sim.fault_plan.budget_hangs, "a budget that hangs") {
                sim.hang(1_800_000).await;
            }
            if sim.fault(sim.fault_plan.budget_unreachable, "an unreachable budget") {
                return Err(PlatformError::new("budget is unreachable"));
            }
            for _ in 0..times {
                let inner = Rc::clone(sim);
                let released = sim.call(BUDGET, async move |engine| {
                    let Engine::Budget(budget) = engine else {
                        return vanished();
                    };
                    budget.release(call, inner.budget_now()).await
                });
                released.await?;
                sim.minutes_given_back(&self.name, &call);
            }
            Ok(())
        };
        self.live(release).await.unwrap_or_else(vanished)
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
        let call = Reserve {
            item: Item::ModelRequest,
            count: 1,
            cap: u32::try_from(self.fault_plan.cap).unwrap(),
            usage: UsageCounters::EMPTY,
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
        call: Reserve,
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
