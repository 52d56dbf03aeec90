//! The ports of one incarnation of an object, and calls between objects with their faults.
//!
//! Not here: the model behind the port to HTTP (`model`).

use std::{
    cell::Cell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    time::Duration,
};

use serde_json::{Value, json};
use switchboard::{
    base::time::UnixMillis,
    config::{FileError, Personas},
    conversation::{
        budget::{Release, Reservation, Reserve},
        model_run::{EndpointMemory, RemembersEndpoints},
    },
    platform::{
        Clock, Http, HttpError, HttpOpened, HttpRequest, HttpResponse, Log, Method, Objects,
        PlatformError, Random, Sockets, Storage, Stored, TimeZones, WriteBatch,
    },
    synthetic::KnowsPersonas,
};

use super::{
    mutation::Mutation,
    world::{Name, World},
};
use crate::{
    simulation::executor::{OUTSIDE, promise, wait_for_next_poll, while_alive},
    support::settings,
};

/// The platform of one incarnation of an object. Once it has vanished, its actions have no effect any more.
pub struct Port {
    pub world: Rc<World>,
    pub name: Name,
    pub alive: Rc<Cell<bool>>,
}

impl Port {
    async fn live<T>(
        &self,
        work: impl Future<Output = Result<T, PlatformError>>,
    ) -> Result<T, PlatformError> {
        let done = while_alive(&self.alive, work).await;
        done.unwrap_or_else(|| Err(PlatformError::new("vanished")))
    }
}

impl TimeZones for Port {
    fn offset_minutes(&self, zone: &str, _: UnixMillis) -> Option<i32> {
        settings::offset_minutes(zone)
    }
}

impl Clock for Port {
    fn now(&self) -> UnixMillis {
        self.world.wall()
    }
    async fn sleep(&self, duration: Duration) {
        let milliseconds = u64::try_from(duration.as_millis()).unwrap();
        let slept = while_alive(&self.alive, self.world.executor.sleep(milliseconds));
        if slept.await.is_none() {
            // Time stands still for it.
            wait_for_next_poll().await;
        }
    }
}

impl Log for Port {
    fn write(&self, line: &str) {
        if self.alive.get() {
            self.world.trace(|| format!("log: {line}"));
            self.world.checks.borrow_mut().logged(line);
        }
    }
}

impl RemembersEndpoints for Port {
    fn endpoint_memory<R>(&self, look: impl FnOnce(&mut EndpointMemory) -> R) -> R {
        look(&mut self.world.endpoints.borrow_mut())
    }
}

impl Random for Port {
    fn next_f64(&self) -> f64 {
        f64::from(u32::try_from(self.world.random.below(1000)).unwrap()) / 1000.0
    }
}

/// No run of the simulation has a call.
impl Sockets for Port {
    fn send_text(&self, _: u32, _: &str) {}
    fn close(&self, _: u32, _: u16, _: &str) {}
}

impl KnowsPersonas for Port {
    fn personas(&self) -> Rc<Result<Personas, Vec<FileError>>> {
        Rc::clone(&self.world.personas)
    }
}

impl Http for Port {
    type Body = VecDeque<Vec<u8>>;

    async fn send(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpResponse, HttpError> {
        let timeout = u64::try_from(timeout.as_millis()).unwrap();
        let asked = self.world.ask(&self.name, request);
        let asked = self.world.executor.within(timeout, asked);
        match while_alive(&self.alive, asked).await {
            Some(answered) => answered.unwrap_or_else(|| {
                self.world.count("answers that came too late");
                Err(HttpError::Timeout)
            }),
            None => Err(HttpError::Connection),
        }
    }

    async fn open(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpOpened<Self::Body>, HttpError> {
        Ok(HttpOpened::from(self.send(request, timeout).await?))
    }
}

impl Storage for Port {
    async fn get(&self, key: &str) -> Result<Option<Stored>, PlatformError> {
        let world = &self.world;
        let get = async {
            world.executor.sleep(world.random.below(4)).await;
            if world.fault(world.faults.storage_fails, "storage reads that failed") {
                return Err(PlatformError::new("storage is down"));
            }
            Ok(world.stored(&self.name, key).map(Stored::Text))
        };
        self.live(get).await
    }

    async fn commit(&self, batch: WriteBatch) -> Result<(), PlatformError> {
        let world = &self.world;
        let commit = async {
            let slow = world.fault(world.faults.storage_slow, "slow commits");
            let takes = if slow {
                world.random.between(50, 400)
            } else {
                world.random.below(12)
            };
            world.executor.sleep(takes).await;
            let fails = world.fault(world.faults.storage_fails, "commits that failed");
            if fails && world.random.chance(700) {
                return Err(PlatformError::new("storage is down"));
            }
            self.write(batch);
            world.executor.sleep(world.random.below(6)).await;
            if fails {
                return Err(PlatformError::new("storage is down"));
            }
            Ok(())
        };
        self.live(commit).await
    }
}

impl Port {
    fn write(&self, batch: WriteBatch) {
        let world = &self.world;
        let before = world.stored(&self.name, batch.puts.first().map_or("", |(key, _)| key));
        let puts = batch.puts.into_iter().map(|(key, value)| {
            let value = self.mutated(before.as_deref(), &key, value);
            (key, value)
        });
        let puts: Vec<_> = puts.collect();
        let is_tombstone =
            |(key, value): &(String, String)| key == "run" && !value.contains("\"run\"");
        if before.is_none() && puts.iter().any(is_tombstone) {
            world.count("runs that were told to end before they began");
        }
        let change = |values: &mut BTreeMap<String, String>| {
            values.extend(puts);
            batch
                .deletes
                .iter()
                .for_each(|key| drop(values.remove(key)));
        };
        world.store(&self.name, change, batch.clear, batch.alarm);
        if self.name.0 == "RUN"
            && let Some(state) = world.stored(&self.name, "run")
        {
            let mut checks = world.checks.borrow_mut();
            checks.run_stored(&self.name.1, &state);
        }
        if self.name.0 == "BATCH"
            && let Some(state) = world.stored(&self.name, "batch")
        {
            let mut checks = world.checks.borrow_mut();
            checks.batch_stored(&self.name.1, &state);
        }
    }

    /// What is stored in the place of a value, with a mistake.
    fn mutated(&self, before: Option<&str>, key: &str, value: String) -> String {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        let mut after = read(&value);
        let before = before.map(read).unwrap_or_default();
        match self.world.mutation {
            Some(Mutation::CountedAfter) if key == "run" => {
                let same = after["run"]["lines"] == before["run"]["lines"];
                if same && !before["run"].is_null() {
                    after["run"]["used"] = before["run"]["used"].clone();
                }
            }
            Some(Mutation::GoodbyeIgnored)
                if key == "run" && after["run"]["goodbye"].is_string() =>
            {
                if after["run"]["ended"][0]["reason"] == "goodbye" {
                    after["run"]["ended"] = Value::Null;
                }
                after["run"]["goodbye"] = Value::Null;
                self.restart();
            }
            Some(Mutation::LineTwice) if key == "run" && after["run"].is_object() => {
                let lines = after["run"]["lines"].as_array_mut().unwrap();
                if lines.len() == 3 {
                    let twice = lines[2].clone();
                    lines.push(twice);
                    self.restart();
                }
            }
            Some(Mutation::CancelForgotten) if key == "run" && before.is_null() => {
                if after["run"].is_null() {
                    after["over_at"] = Value::Null;
                    self.restart();
                }
            }
            Some(Mutation::RecordForgotten) if key == "batch" => {
                let is_more = after["batch"]["ended"] != before["batch"]["ended"];
                if is_more && before["batch"].is_object() {
                    after["batch"]["running"] = before["batch"]["running"].clone();
                    self.restart();
                }
            }
            Some(Mutation::FalseQuoteStored) if key.starts_with("record:") => {
                if after["scores"].is_object() {
                    after["scores"]["criteria"]["greeted"] =
                        json!({ "met": true, "quote": "you get a million" });
                }
            }
            _ => return value,
        }
        after.to_string()
    }

    /// The object vanishes as soon as it has stored this.
    fn restart(&self) {
        let (world, name) = (Rc::clone(&self.world), self.name.clone());
        self.world.executor.spawn(OUTSIDE, async move {
            world.kill(&name);
        });
    }
}

impl Objects for Port {
    async fn call<M: Method>(&self, name: &str, method: &M) -> Result<M::Reply, PlatformError> {
        let called = Box::pin(self.world.request(Some(&self.name.1), name, method));
        self.live(called).await
    }
}

/// Methods that may be doubled on the way.
const MAY_COME_TWICE: [&str; 3] = ["begin", "cancel", "run_ended"];

impl World {
    /// A call from one object to another, or from the operator, with its faults.
    pub async fn request<M: Method>(
        self: &Rc<Self>,
        caller: Option<&str>,
        name: &str,
        method: &M,
    ) -> Result<M::Reply, PlatformError> {
        let to: Name = (M::BINDING, name.to_owned());
        let arguments = serde_json::to_string(method).unwrap();
        self.executor.sleep(self.random.between(1, 25)).await;
        let is_budget = M::BINDING == Reserve::BINDING;
        let (fails, hangs) = if is_budget {
            (
                self.fault(self.faults.budget_fails, "calls to the budget that failed"),
                self.fault(self.faults.budget_hangs, "a budget that hangs"),
            )
        } else {
            (
                self.fault(self.faults.call_fails, "calls that failed"),
                self.fault(self.faults.call_hangs, "calls that hang"),
            )
        };
        let error = || PlatformError {
            reason: "object is unreachable".to_owned(),
            retryable: self.random.chance(500),
        };
        if fails && self.random.chance(500) {
            return Err(error());
        }
        if hangs && self.random.chance(500) {
            self.executor.sleep(self.random.between(4000, 60_000)).await;
        }
        if MAY_COME_TWICE.contains(&M::NAME)
            && self.fault(self.faults.call_doubled, "calls that came twice")
        {
            let (world, to, arguments) = (Rc::clone(self), to.clone(), arguments.clone());
            self.executor.spawn(OUTSIDE, async move {
                world.executor.sleep(world.random.below(30_000)).await;
                let _ = world.call(&to, M::NAME, arguments).await;
            });
        }
        self.trace(|| {
            format!(
                "{:.12} calls {} of {} {name:.36}",
                caller.unwrap_or("operator"),
                M::NAME,
                M::BINDING
            )
        });
        let reply = if is_budget {
            // The call takes effect, and is counted, although its caller vanishes.
            let (give, take) = promise();
            let (world, run) = (Rc::clone(self), caller.unwrap_or_default().to_owned());
            self.executor.spawn(OUTSIDE, async move {
                give.give(world.call_budget(&run, M::NAME, arguments).await);
            });
            take.await.unwrap_or_else(|| Err(error()))
        } else {
            self.call(&to, M::NAME, arguments).await
        };
        if hangs {
            self.executor.sleep(self.random.between(4000, 60_000)).await;
        }
        if fails {
            self.count("replies that were lost");
            return Err(error());
        }
        Ok(serde_json::from_str(&reply?).unwrap())
    }

    /// A call to the budget object, with what it has counted.
    async fn call_budget(
        self: &Rc<Self>,
        run: &str,
        method: &'static str,
        arguments: String,
    ) -> Result<String, PlatformError> {
        let name: Name = (Reserve::BINDING, "budget".to_owned());
        let mut sent = arguments.clone();
        if method == Reserve::NAME && self.is(Mutation::CapPerLine) {
            let mut reserve: Reserve = serde_json::from_str(&sent).unwrap();
            reserve.count = 1;
            sent = serde_json::to_string(&reserve).unwrap();
        }
        if method == Release::NAME && self.is(Mutation::ReleasedOnAnyDay) {
            let mut release: Release = serde_json::from_str(&sent).unwrap();
            release.reserved_at = self.wall();
            sent = serde_json::to_string(&release).unwrap();
        }
        let times = if method == Release::NAME && self.is(Mutation::ReleasedTwice) {
            2
        } else {
            1
        };
        let mut reply = Ok(String::new());
        for _ in 0..times {
            self.checks.borrow_mut().budget_is_called();
            reply = self.call(&name, method, sent.clone()).await;
            let used = self.stored(&name, "used").unwrap_or_default();
            let used: Value = serde_json::from_str(&used).unwrap_or_default();
            let day = used["day"].as_u64().unwrap_or_default();
            let mut checks = self.checks.borrow_mut();
            if method == Reserve::NAME
                && let Ok(reply) = &reply
            {
                let reservation: Reservation = serde_json::from_str(reply).unwrap();
                let reserve: Reserve = serde_json::from_str(&sent).unwrap();
                match reservation {
                    Reservation::Granted => checks.granted(run, day, reserve.count),
                    Reservation::Exhausted => checks.count("runs that had no budget"),
                }
            }
            if method == Release::NAME {
                let release: Release = serde_json::from_str(&sent).unwrap();
                if release.reserved_at.utc_day() == day {
                    checks.released(run, day, release.count);
                }
            }
            checks.counted(day, used["calls"].as_u64().unwrap_or_default());
        }
        reply
    }
}
