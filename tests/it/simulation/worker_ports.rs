//! The ports of the Worker before the objects.
//!
//! Not here: the ports of an object (`object_ports`). There is no operator in the simulation.

use std::{cell::Cell, rc::Rc, time::Duration};

use switchboard::{
    base::{
        time::UnixMillis,
        usage::{UsageBuffer, UsageCounters},
    },
    config::{FileError, Personas},
    identity::MessageSid,
    messaging::api::{Receive, RecordDelivery, Reply},
    object::{Engine as _, arguments as read, reply},
    platform::{
        Clock, Deployed, DeployedVersion, Log, Method, Objects, PlatformError, SecretRandom,
    },
    synthetic::KnowsPersonas,
    voice::api::Admit,
};

use super::{
    fault_plan::LONGEST_HOP,
    mutation::Mutation,
    object_ports::vanished,
    objects::{Engine, Kind},
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

impl Deployed for WorkerPlatform {
    fn deployed(&self) -> Option<DeployedVersion> {
        None
    }
}

impl Log for WorkerPlatform {
    fn write(&self, line: &str) {
        self.sim.log(line, None);
    }
}

/// The Worker calls threads, and calls. There is no operator in the simulation.
impl Objects for WorkerPlatform {
    async fn call<M: Method>(&self, name: &str, method: &M) -> Result<M::Reply, PlatformError> {
        let arguments = serde_json::to_string(method).unwrap();
        if M::BINDING == Admit::BINDING {
            let reply = self.ask_call(name, M::NAME, arguments).await?;
            return Ok(serde_json::from_str(&reply).unwrap());
        }
        assert_eq!(M::BINDING, Receive::BINDING);
        let reply = match M::NAME {
            Receive::NAME => reply::<Receive>(&self.receive(name, read(&arguments)?).await?),
            RecordDelivery::NAME => {
                self.record_delivery(name, read(&arguments)?).await?;
                reply::<RecordDelivery>(&())
            }
            other => panic!("no such method: {other}"),
        };
        Ok(serde_json::from_str(&reply?).unwrap())
    }
}

impl WorkerPlatform {
    pub fn new(sim: &Rc<Simulation>) -> Self {
        Self {
            sim: Rc::clone(sim),
            limited: Cell::default(),
            hop: Cell::default(),
        }
    }

    /// The way to an object.
    async fn reach(&self, fault: &'static str) -> Result<(), PlatformError> {
        let sim = &self.sim;
        let slow = sim.fault(sim.fault_plan.hop_slow, "slow ways to an object");
        let hop = if slow {
            sim.random.between(500, LONGEST_HOP)
        } else {
            sim.random.between(1, 60)
        };
        self.hop.set(self.hop.get() + hop);
        sim.sleep(hop).await;
        if sim.fault(sim.fault_plan.object_unreachable, fault) {
            return Err(PlatformError::new("object is overloaded"));
        }
        Ok(())
    }

    /// The way back. The reply can be lost on it.
    async fn returned(&self, fault: &'static str) -> Result<(), PlatformError> {
        let sim = &self.sim;
        if sim.fault(sim.fault_plan.object_unreachable / 4, fault) {
            return Err(PlatformError::new("object reset"));
        }
        sim.sleep(sim.random.between(1, 60)).await;
        Ok(())
    }

    /// Asks a call's object.
    async fn ask_call(
        &self,
        name: &str,
        method: &'static str,
        arguments: String,
    ) -> Result<String, PlatformError> {
        self.reach("an unreachable call").await?;
        self.sim.name_object(Kind::Call, name);
        let asked = self.sim.call(name, async move |engine| {
            let Engine::Call(phone) = engine else {
                return vanished();
            };
            phone.call(method, &arguments).await
        });
        let reply = asked.await?;
        self.returned("replies of a call that were lost").await?;
        Ok(reply)
    }

    async fn receive(&self, name: &str, mut call: Receive) -> Result<Reply, PlatformError> {
        let sim = &self.sim;
        self.reach("an unreachable thread").await?;
        let again = !sim
            .delivered
            .borrow_mut()
            .insert(call.sid.as_str().to_owned());
        if again && sim.is(Mutation::DedupeAfterTheCall) {
            call.sid = sim.fresh_sid_of(call.sid.as_str());
        }
        let (inner, limited) = (Rc::clone(sim), Rc::new(Cell::new(false)));
        let flag = Rc::clone(&limited);
        let reply = sim.call(name, async move |engine| {
            let Engine::Thread(thread) = engine else {
                return vanished();
            };
            let reply = thread.receive(call).await;
            flag.set(inner.limited_in.get() == inner.executor.polls());
            reply
        });
        let reply = reply.await?;
        self.limited.set(limited.get());
        self.returned("replies of a thread that were lost").await?;
        Ok(reply)
    }

    async fn record_delivery(
        &self,
        name: &str,
        receipt: RecordDelivery,
    ) -> Result<(), PlatformError> {
        let call = async move |engine| {
            let Engine::Thread(thread) = engine else {
                return vanished();
            };
            thread.record_delivery(receipt).await
        };
        self.sim.call(name, call).await
    }
}

impl SecretRandom for WorkerPlatform {
    fn secret_bytes(&self) -> Result<[u8; 16], PlatformError> {
        let (one, other) = (self.sim.random.next(), self.sim.random.next());
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&one.to_be_bytes());
        bytes[8..].copy_from_slice(&other.to_be_bytes());
        Ok(bytes)
    }
}

impl KnowsPersonas for WorkerPlatform {
    fn personas(&self) -> Rc<Result<Personas, Vec<FileError>>> {
        Rc::new(Ok(Personas::default()))
    }
}

impl UsageBuffer for WorkerPlatform {
    fn count(&self, _: &UsageCounters) {}

    fn take(&self) -> UsageCounters {
        UsageCounters::EMPTY
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
