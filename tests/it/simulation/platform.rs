//! What the product's engines see of the simulated world: an incarnation of an object, and the Worker before the objects. Not
//! here: what the world does (`world`, `outside`).

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    rc::Rc,
    task::Poll,
    time::Duration,
};

use futures_util::{future::LocalBoxFuture, pin_mut};
use switchboard::{
    budget::{DayUsage, Item, Reservation, ReserveCall},
    platform::{
        Batch, Budgets, Clock, Counts, Http, HttpError, HttpRequest, HttpResponse, Kv, Log,
        Operations, PlatformError, Random as Jitter, Senders, Spawn, Storage, Stored, UnixMillis,
    },
    pseudonym::{PhoneHash, Pseudonym},
    sender::{DeliveryReport, Erasure, Reply, SenderCall, Summary},
    tries::{TryCall, Verdict},
    usage::Tally,
};

use super::{
    executor::{WORLD, promise},
    plan::{LONGEST_HOP, Mutation},
    world::{BUDGET, Engine, OPTED_OUT, STATE, World},
};

/// What one incarnation of an object sees of the world. When it has vanished, nothing that it still does has an effect.
pub struct Platform {
    pub world: Rc<World>,
    pub name: String,
    pub number: u64,
    pub alive: Rc<Cell<bool>>,
}

impl Platform {
    /// What `future` gives, or nothing as soon as the incarnation has vanished.
    async fn live<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        pin_mut!(future);
        poll_fn(|context| {
            if self.alive.get() {
                future.as_mut().poll(context).map(Some)
            } else {
                Poll::Ready(None)
            }
        })
        .await
    }
}

/// A state that has forgotten how many requests the day has cost.
fn without_calls(state: &str) -> String {
    let mut state: serde_json::Value = serde_json::from_str(state).unwrap_or_default();
    if let Some(today) = state["today"].as_object_mut() {
        today.insert("calls".to_owned(), 0.into());
        // A day without costs would be none, and have no end.
        today.insert(
            "fixed_replies".to_owned(),
            today["fixed_replies"].as_u64().unwrap_or(0).max(1).into(),
        );
    }
    state.to_string()
}

fn vanished<T>() -> Result<T, PlatformError> {
    Err(PlatformError::new("vanished"))
}

impl Clock for Platform {
    fn now(&self) -> UnixMillis {
        self.world.wall()
    }
    async fn sleep(&self, duration: Duration) {
        self.live(
            self.world
                .sleep(u64::try_from(duration.as_millis()).unwrap()),
        )
        .await;
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
        if line.contains("budget_unreadable") {
            self.ledger
                .borrow_mut()
                .budget_unreadable(self.wall().utc_day());
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
    async fn send(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpResponse, HttpError> {
        let timeout = u64::try_from(timeout.as_millis()).unwrap();
        let exchange = async {
            self.world.durable(&self.name).await;
            if request.url.ends_with("/chat/completions") {
                self.world.ask_model(self, request, timeout).await
            } else {
                self.world.ask_twilio(&self.name, request, timeout).await
            }
        };
        self.live(exchange)
            .await
            .unwrap_or(Err(HttpError::Connection))
    }
}

impl Kv for Platform {
    async fn get(&self, key: &str) -> Result<Option<String>, PlatformError> {
        self.live(self.world.kv_get(&self.name, key))
            .await
            .unwrap_or_else(vanished)
    }

    async fn put(&self, key: &str, value: &str, ttl: Duration) -> Result<(), PlatformError> {
        let put = async {
            self.world.ledger.borrow_mut().saved(
                key,
                value,
                ttl.as_secs(),
                self.world.executor.now(),
            );
            self.world.durable(&self.name).await;
            let (give, take) = promise();
            let (world, key, value) = (Rc::clone(&self.world), key.to_owned(), value.to_owned());
            self.world.executor.spawn(WORLD, async move {
                give.give(world.kv_put(key, value, ttl.as_secs()).await)
            });
            take.await.unwrap_or_else(vanished)
        };
        self.live(put).await.unwrap_or_else(vanished)
    }

    async fn delete(&self, key: &str) -> Result<(), PlatformError> {
        let delete = async {
            self.world.sleep(self.world.random.between(2, 40)).await;
            if self.world.fault(self.world.plan.kv_hangs, "KV that hangs") {
                self.world.hang(300_000).await;
            }
            if self
                .world
                .fault(self.world.plan.kv_write_fails, "KV deletes that failed")
            {
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
            if self
                .world
                .fault(self.world.plan.storage_fails, "storage reads that failed")
            {
                return Err(PlatformError::new("storage is down"));
            }
            let value = self
                .world
                .objects
                .borrow()
                .get(&self.name)
                .and_then(|object| object.disk.visible.values.get(key).cloned());
            Ok(match value {
                Some(Stored::Text(text))
                    if key == STATE && self.world.is(Mutation::ContactCapIgnored) =>
                {
                    Some(Stored::Text(without_calls(&text)))
                }
                Some(Stored::Unreadable) if self.world.is(Mutation::DamageNotMet) => {
                    return Err(PlatformError::new("unreadable"));
                }
                Some(_) if key == OPTED_OUT && self.world.is(Mutation::OptOutKeyIgnored) => None,
                value => value,
            })
        };
        self.live(get).await.unwrap_or_else(vanished)
    }

    async fn commit(&self, batch: Batch) -> Result<(), PlatformError> {
        let commit = async {
            if self
                .world
                .fault(self.world.plan.storage_fails, "commits that failed")
            {
                return Err(PlatformError::new("storage is down"));
            }
            let (_, due) = self.world.write(&self.name, batch);
            if !self.world.is(Mutation::CommitNotAwaited) {
                // One more than the write takes, so that it is durable.
                self.world
                    .sleep((due - self.world.executor.now()).max(1))
                    .await;
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
            if call.item == Item::ModelRequest {
                world
                    .ledger
                    .borrow_mut()
                    .turn_works(&self.name, self.number, world.executor.now());
            }
            world.durable(&self.name).await;
            let day = Rc::new(Cell::new(world.wall().utc_day()));
            if world.is(Mutation::BudgetCountedAfter) && call.item == Item::ModelRequest {
                world
                    .ledger
                    .borrow_mut()
                    .granted(&self.name, self.number, day.get());
                let world = Rc::clone(world);
                world.clone().executor.spawn(WORLD, async move {
                    world.sleep(3000).await;
                    let _ = world.reserve(call, day).await;
                });
                return Ok(Reservation::Granted);
            }
            world.sleep(world.random.between(1, 30)).await;
            if world.fault(world.plan.budget_hangs, "a budget that hangs") {
                if world.random.chance(300) {
                    let _ = world.reserve(call, Rc::clone(&day)).await;
                }
                world.hang(1_800_000).await;
            }
            if world.fault(world.plan.budget_unreachable, "an unreachable budget") {
                if world.random.chance(500) {
                    let _ = world.reserve(call, day).await;
                }
                return Err(PlatformError::new("budget is unreachable"));
            }
            let mut call = call;
            if call.item == Item::Message && world.is(Mutation::MessageCapIgnored) {
                call.cap = u32::MAX;
            }
            let reservation = world.reserve(call, Rc::clone(&day)).await?;
            match (reservation, call.item) {
                (Reservation::Granted, Item::ModelRequest) => {
                    world
                        .ledger
                        .borrow_mut()
                        .granted(&self.name, self.number, day.get())
                }
                (Reservation::Granted, Item::Message) => {}
                (Reservation::Exhausted, Item::Message) => {
                    world.count("exhausted budgets of messages");
                    world
                        .ledger
                        .borrow_mut()
                        .no_message_left(&self.name, world.executor.now());
                }
                (Reservation::Exhausted, Item::ModelRequest) => world.count("exhausted budgets"),
            }
            Ok(reservation)
        };
        self.live(reserve).await.unwrap_or_else(vanished)
    }

    async fn look(&self, item: Item, cap: u32) -> Result<Reservation, PlatformError> {
        let look = async {
            let world = &self.world;
            if item == Item::ModelRequest {
                world
                    .ledger
                    .borrow_mut()
                    .turn_works(&self.name, self.number, world.executor.now());
            }
            world.sleep(world.random.between(1, 30)).await;
            if world.fault(world.plan.budget_hangs, "a budget that hangs") {
                world.hang(1_800_000).await;
            }
            if world.fault(world.plan.budget_unreachable, "an unreachable budget") {
                return Err(PlatformError::new("budget is unreachable"));
            }
            let inner = Rc::clone(world);
            let looked = world.call(BUDGET, async move |engine| {
                let Engine::Budget(budget) = engine else {
                    return vanished();
                };
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
            if world.fault(world.plan.budget_hangs, "a budget that hangs") {
                world.hang(1_800_000).await;
            }
            let inner = Rc::clone(world);
            let reported = world.call(BUDGET, async move |engine| {
                let Engine::Budget(budget) = engine else {
                    return vanished();
                };
                budget.report(&tally, inner.wall()).await
            });
            reported.await.map(drop)
        };
        self.live(report).await.unwrap_or_else(vanished)
    }
}

impl World {
    /// Takes minutes, up to that many milliseconds, or never ends.
    pub async fn hang(&self, longest: u64) {
        if self.random.chance(500) {
            std::future::pending::<()>().await;
        }
        self.sleep(self.random.between(30_000, longest)).await;
    }

    /// Asks the budget object, and sets `day` to the one that it counted for.
    async fn reserve(
        self: &Rc<Self>,
        call: ReserveCall,
        day: Rc<Cell<u64>>,
    ) -> Result<Reservation, PlatformError> {
        let world = Rc::clone(self);
        self.call(BUDGET, async move |engine| {
            let Engine::Budget(budget) = engine else {
                return vanished();
            };
            let reservation = budget.reserve(call, world.wall()).await;
            let used = world
                .objects
                .borrow()
                .get(BUDGET)
                .and_then(|object| object.disk.visible.values.get("used").cloned());
            let used = used
                .and_then(Stored::text)
                .and_then(|text| serde_json::from_str(&text).ok());
            let used: serde_json::Value = used.unwrap_or_default();
            day.set(used["day"].as_u64().unwrap_or_else(|| day.get()));
            if reservation == Ok(Reservation::Exhausted) {
                world
                    .ledger
                    .borrow_mut()
                    .exhausted(call.cap, world.wall().utc_day());
            }
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
    /// How long the way to the object took.
    pub hop: Cell<u64>,
}

impl Clock for Front {
    fn now(&self) -> UnixMillis {
        self.world.wall()
    }
    async fn sleep(&self, duration: Duration) {
        self.world
            .sleep(u64::try_from(duration.as_millis()).unwrap())
            .await;
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
        let slow = world.fault(world.plan.hop_slow, "slow ways to an object");
        let hop = if slow {
            world.random.between(500, LONGEST_HOP)
        } else {
            world.random.between(1, 60)
        };
        self.hop.set(self.hop.get() + hop);
        world.sleep(hop).await;
        if world.fault(
            world.plan.object_unreachable,
            "an unreachable sender object",
        ) {
            return Err(PlatformError::new("object is overloaded"));
        }
        // Through JSON, as on the wire.
        let mut call: SenderCall =
            serde_json::from_str(&serde_json::to_string(call).unwrap()).unwrap();
        let again = !world
            .delivered
            .borrow_mut()
            .insert(call.sid.as_str().to_owned());
        if again && world.is(Mutation::DedupeAfterTheCall) {
            call.sid = world.fresh_sid_of(call.sid.as_str());
        }
        let (inner, limited) = (Rc::clone(world), Rc::new(Cell::new(false)));
        let flag = Rc::clone(&limited);
        let reply = world.call(name.as_str(), async move |engine| {
            let Engine::Sender(sender) = engine else {
                return vanished();
            };
            let reply = sender.deliver(call).await;
            flag.set(inner.limited_in.get() == inner.executor.polls());
            reply
        });
        let reply = reply.await?;
        self.limited.set(limited.get());
        if world.fault(
            world.plan.object_unreachable / 4,
            "replies of a sender object that were lost",
        ) {
            return Err(PlatformError::new("object reset"));
        }
        world.sleep(world.random.between(1, 60)).await;
        Ok(serde_json::from_str(&serde_json::to_string(&reply).unwrap()).unwrap())
    }

    async fn report(&self, name: &Pseudonym, report: &DeliveryReport) -> Result<(), PlatformError> {
        let report = report.clone();
        let call = async move |engine| {
            let Engine::Sender(sender) = engine else {
                return vanished();
            };
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
