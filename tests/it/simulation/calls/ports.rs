//! What a call sees of the world beside the ports of every object: its sockets, its caller's object, and the counts of
//! what it was granted.
//!
//! Not here: the budget object (`budget_ports`).

use switchboard::{
    conversation::budget::Release,
    object::Engine as _,
    platform::{Method as _, PlatformError, Sockets},
    voice::api::{CountCall, CountRequest},
};

use super::Calls;
use crate::simulation::{
    mutation::Mutation,
    object_ports::{ObjectPlatform, vanished},
    objects::{Engine, Kind},
    state::Simulation,
};

impl Sockets for ObjectPlatform {
    fn send_text(&self, socket: u32, text: &str) {
        if !self.alive.get() {
            return;
        }
        self.sim.sent_by_call(&self.name, socket, text);
    }

    fn close(&self, socket: u32, code: u16, _: &str) {
        if self.alive.get() {
            self.sim.closed_by_call(&self.name, socket, code);
        }
    }
}

impl ObjectPlatform {
    /// Calls the caller's object.
    pub async fn call_caller(
        &self,
        caller: &str,
        method: &'static str,
        arguments: &str,
    ) -> Result<String, PlatformError> {
        let call = async {
            let sim = &self.sim;
            sim.durable(&self.name).await;
            sim.sleep(sim.random.between(1, 30)).await;
            let fails = sim.calls.plan.caller_fails;
            if sim.fault(fails, "callers' objects that hang") {
                sim.hang(60_000).await;
            }
            if sim.fault(fails, "callers' objects that fail") {
                return Err(PlatformError::new("object is overloaded"));
            }
            sim.name_object(Kind::Caller, caller);
            let (name, text) = (method, arguments.to_owned());
            let reply = sim.call(caller, async move |engine| {
                let Engine::Caller(callers) = engine else {
                    return vanished();
                };
                callers.call(name, &text).await
            });
            let reply = reply.await?;
            let reply = if method == CountRequest::NAME && sim.is(Mutation::CallerCapIgnored) {
                "true".to_owned()
            } else {
                reply
            };
            if reply == "true" {
                sim.caller_granted(&self.name, caller, method == CountCall::NAME);
            } else {
                sim.count("callers who have used up their share");
            }
            if sim.fault(fails, "replies of callers' objects that were lost") {
                return Err(PlatformError::new("object reset"));
            }
            Ok(reply)
        };
        self.live(call).await.unwrap_or_else(vanished)
    }
}

impl Calls {
    /// A request to the model is granted of the day.
    pub fn may_ask(&self, name: &str) {
        self.with(name, |call| call.requests_granted += 1);
    }

    /// A request to the object was broken off when its asker left.
    pub fn request_cancelled(&self, name: &str) {
        self.with(name, |call| {
            call.was_cancelled = true;
            // It may have stored the end, and not logged it.
            call.may_be_unlogged = true;
        });
    }

    /// A stored value of an object was damaged.
    pub fn damaged(&self, name: &str) {
        self.with(name, |call| call.is_damaged = true);
        if let Some(caller) = self.callers.borrow_mut().get_mut(name) {
            caller.is_damaged = true;
        }
    }
}

impl Simulation {
    /// A caller's object has granted a call, or a request to the model.
    fn caller_granted(&self, name: &str, caller: &str, is_call: bool) {
        let mut callers = self.calls.callers.borrow_mut();
        let known = callers.entry(caller.to_owned()).or_default();
        if is_call {
            known.calls.insert(name.to_owned());
        } else {
            known.requests += 1;
            self.calls.with(name, |call| call.share_granted += 1);
        }
        let (calls, requests) = (known.calls.len() as u64, known.requests);
        let is_damaged = known.is_damaged;
        drop(callers);
        self.caller_is_within_its_share(calls, requests, is_damaged);
    }

    /// The budget object has granted a minute.
    pub fn minute_granted(&self, name: &str, day: u64) {
        self.calls.with(name, |call| call.minutes_granted += 1);
        let day = if self.fault_plan.clock_jumps.is_empty() {
            day
        } else {
            0
        };
        let sum = self.calls.minutes.borrow_mut().add(day, 1);
        self.minutes_are_within_the_cap(sum);
    }

    /// The call was told that it has a minute.
    pub fn minute_told(&self, name: &str) {
        self.calls.with(name, |call| call.minutes_told += 1);
        self.told_minutes_are_granted(name);
    }

    /// The call has given minutes back.
    pub fn minutes_given_back(&self, name: &str, release: &Release) {
        let count = u64::from(release.count);
        self.calls
            .with(name, |call| call.minutes_given_back += count);
        let day = if self.fault_plan.clock_jumps.is_empty() {
            release.reserved_at.utc_day()
        } else {
            0
        };
        let mut minutes = self.calls.minutes.borrow_mut();
        minutes.add(day, -i64::from(release.count));
        drop(minutes);
        self.minutes_are_settled_once(name);
    }
}
