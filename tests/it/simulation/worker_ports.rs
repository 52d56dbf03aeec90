//! The ports of the Worker before the objects.
//!
//! Not here: the ports of an object (`object_ports`). There is no operator in the simulation.

use std::{cell::Cell, rc::Rc, time::Duration};

use switchboard::{
    budget::DayUsage,
    message::MessageSid,
    platform::{Clock, Counts, Log, Operations, PlatformError, Senders, UnixMillis},
    pseudonym::{PhoneHash, Pseudonym},
    sender::{DeliveryReport, Erasure, Reply, SenderCall, Summary},
    tries::{TryCall, Verdict},
    usage::Tally,
};

use super::{
    fault_plan::LONGEST_HOP, mutation::Mutation, object_ports::vanished, objects::Engine,
    state::Simulation,
};

/// The platform of the Worker, for one webhook.
pub struct WorkerPlatform {
    pub sim: Rc<Simulation>,
    /// Whether the rate limit rejected the message.
    pub limited: Cell<bool>,
    /// How long the call to the object was under way.
    pub hop: Cell<u64>,
}

impl Clock for WorkerPlatform {
    fn now(&self) -> UnixMillis {
        self.sim.wall()
    }
    async fn sleep(&self, duration: Duration) {
        self.sim
            .sleep(u64::try_from(duration.as_millis()).unwrap())
            .await;
    }
}

impl Log for WorkerPlatform {
    fn write(&self, line: &str) {
        self.sim.log(line, None);
    }
}

impl Senders for WorkerPlatform {
    async fn deliver(&self, name: &Pseudonym, call: &SenderCall) -> Result<Reply, PlatformError> {
        let sim = &self.sim;
        let slow = sim.fault(sim.fault_plan.hop_slow, "slow ways to an object");
        let hop = if slow {
            sim.random.between(500, LONGEST_HOP)
        } else {
            sim.random.between(1, 60)
        };
        self.hop.set(self.hop.get() + hop);
        sim.sleep(hop).await;
        if sim.fault(
            sim.fault_plan.object_unreachable,
            "an unreachable sender object",
        ) {
            return Err(PlatformError::new("object is overloaded"));
        }
        // Encoded and decoded, as on the wire.
        let mut call: SenderCall =
            serde_json::from_str(&serde_json::to_string(call).unwrap()).unwrap();
        let again = !sim
            .delivered
            .borrow_mut()
            .insert(call.sid.as_str().to_owned());
        if again && sim.is(Mutation::DedupeAfterTheCall) {
            call.sid = sim.fresh_sid_of(call.sid.as_str());
        }
        let (inner, limited) = (Rc::clone(sim), Rc::new(Cell::new(false)));
        let flag = Rc::clone(&limited);
        let reply = sim.call(name.as_str(), async move |engine| {
            let Engine::Sender(sender) = engine else {
                return vanished();
            };
            let reply = sender.deliver(call).await;
            flag.set(inner.limited_in.get() == inner.executor.polls());
            reply
        });
        let reply = reply.await?;
        self.limited.set(limited.get());
        if sim.fault(
            sim.fault_plan.object_unreachable / 4,
            "replies of a sender object that were lost",
        ) {
            return Err(PlatformError::new("object reset"));
        }
        sim.sleep(sim.random.between(1, 60)).await;
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
        self.sim.call(name.as_str(), call).await
    }

    async fn show(&self, _: &Pseudonym) -> Result<Summary, PlatformError> {
        vanished()
    }

    async fn erase(&self, _: &Pseudonym, _: &PhoneHash) -> Result<Erasure, PlatformError> {
        vanished()
    }
}

/// There is no operator in the simulation.
impl Operations for WorkerPlatform {
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

impl Counts for WorkerPlatform {
    fn count(&self, _: &Tally) {}

    fn take(&self) -> Tally {
        Tally::EMPTY
    }
}

impl Simulation {
    /// A new id for the same message.
    fn fresh_sid_of(&self, sid: &str) -> MessageSid {
        let mut invariants = self.invariants.borrow_mut();
        let message = invariants.messages.get(sid).cloned().unwrap_or_default();
        let fresh = format!(
            "SM{:032x}",
            0xD000_0000_u64 + invariants.messages.len() as u64
        );
        invariants.messages.insert(fresh.clone(), message);
        fresh.parse().unwrap()
    }
}
