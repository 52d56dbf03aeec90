//! The ports of the Worker before the objects: clock, log, calls to objects, counts.
//!
//! Not here: what an object sees (`object_ports`).

use std::{rc::Rc, time::Duration};

use switchboard::{
    budget::DayUsage,
    platform::{Clock, Counts, Log, Operations, PlatformError, Senders, UnixMillis},
    pseudonym::{PhoneHash, Pseudonym},
    sender::{DeliveryReport, Erasure, Reply, Sender, SenderCall, Summary},
    tries::{Tries, TryCall, Verdict},
    usage::Tally,
};

use super::{
    FakePlatform, START,
    object_ports::{ObjectPlatform, PlainObject},
};

impl FakePlatform {
    pub(super) async fn answers(&self, object: &str) {
        if self.0.hanging.get().contains(&object) {
            std::future::pending::<()>().await;
        }
    }
}

impl Clock for FakePlatform {
    fn now(&self) -> UnixMillis {
        let elapsed = i64::try_from(self.0.started.elapsed().as_millis()).unwrap();
        UnixMillis(
            START
                .checked_add_signed(elapsed + self.0.step.get())
                .unwrap(),
        )
    }
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl Log for FakePlatform {
    fn write(&self, line: &str) {
        self.0.log.borrow_mut().push(line.to_owned());
    }
}

impl Senders for FakePlatform {
    async fn deliver(&self, name: &Pseudonym, call: &SenderCall) -> Result<Reply, PlatformError> {
        self.answers("sender").await;
        // Encoded and decoded, as on the wire.
        let call: SenderCall = serde_json::from_str(&serde_json::to_string(call).unwrap()).unwrap();
        let reply = self
            .in_object(name, async |engine: Rc<Sender<ObjectPlatform>>| {
                engine.deliver(call).await
            })
            .await?;
        Ok(serde_json::from_str(&serde_json::to_string(&reply).unwrap()).unwrap())
    }

    async fn report(&self, name: &Pseudonym, report: &DeliveryReport) -> Result<(), PlatformError> {
        self.answers("sender").await;
        let report = report.clone();
        self.in_object(name, async |engine: Rc<Sender<ObjectPlatform>>| {
            engine.report(report).await
        })
        .await
    }

    async fn show(&self, name: &Pseudonym) -> Result<Summary, PlatformError> {
        self.answers("sender").await;
        self.in_object(name, async |engine: Rc<Sender<ObjectPlatform>>| {
            engine.show().await
        })
        .await
    }

    async fn erase(
        &self,
        name: &Pseudonym,
        phone_hash: &PhoneHash,
    ) -> Result<Erasure, PlatformError> {
        self.answers("sender").await;
        let phone_hash = phone_hash.clone();
        self.in_object(name, async |engine: Rc<Sender<ObjectPlatform>>| {
            engine.erase(phone_hash).await
        })
        .await
    }
}

impl Operations for FakePlatform {
    async fn usage(&self, tally: Tally) -> Result<DayUsage, PlatformError> {
        self.answers("budget").await;
        if self.0.budget_fails.get() {
            return Err(PlatformError::new("budget is unreachable"));
        }
        self.budget().report(&tally, self.now()).await
    }

    async fn reset_budget(&self) -> Result<DayUsage, PlatformError> {
        self.answers("budget").await;
        if self.0.budget_fails.get() {
            return Err(PlatformError::new("budget is unreachable"));
        }
        self.budget().reset(self.now()).await
    }

    async fn attempt(&self, client: &Pseudonym, call: TryCall) -> Result<Verdict, PlatformError> {
        self.answers("tries").await;
        if self.0.tries_fail.get() {
            return Err(PlatformError::new("tries are unreachable"));
        }
        let disk = self
            .0
            .tries
            .borrow_mut()
            .entry(client.as_str().to_owned())
            .or_default()
            .clone();
        Tries::new(PlainObject {
            fake: self.clone(),
            disk,
        })
        .attempt(call, self.now())
        .await
    }
}

impl Counts for FakePlatform {
    fn count(&self, tally: &Tally) {
        let mut counted = self.0.counted.get();
        counted.add(tally);
        self.0.counted.set(counted);
    }

    fn take(&self) -> Tally {
        self.0.counted.take()
    }
}
