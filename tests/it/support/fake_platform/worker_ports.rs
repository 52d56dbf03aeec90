//! The ports of the Worker before the objects: clock, log, calls to objects, counts.
//!
//! Not here: what an object sees (`object_ports`).

use std::{rc::Rc, time::Duration};

use switchboard::{
    base::{
        time::UnixMillis,
        usage::{UsageBuffer, UsageCounters},
    },
    http::admin_lockout::AdminLockout,
    identity::Pseudonym,
    messaging::thread::Thread,
    object::Engine,
    platform::{Clock, Deployed, DeployedVersion, Log, Method, Objects, PlatformError},
};

use super::{
    FakePlatform, START,
    object_ports::{ObjectPlatform, PlainObject, called},
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

impl Deployed for FakePlatform {
    fn deployed(&self) -> Option<DeployedVersion> {
        self.0.deployed.borrow().clone()
    }
}

impl Log for FakePlatform {
    fn write(&self, line: &str) {
        self.0.log.borrow_mut().push(line.to_owned());
    }
}

impl Objects for FakePlatform {
    async fn call<M: Method>(&self, name: &str, method: &M) -> Result<M::Reply, PlatformError> {
        self.answers(M::BINDING).await;
        match M::BINDING {
            "THREAD" => {
                let name = Pseudonym::from_object_name(name.to_owned());
                let arguments = serde_json::to_string(method).unwrap();
                let call = async move |thread: Rc<Thread<ObjectPlatform>>| {
                    thread.call(M::NAME, &arguments).await
                };
                let reply = self.in_object(&name, call).await?;
                Ok(serde_json::from_str(&reply).unwrap())
            }
            "CALL" => self.ask_call(name, method).await,
            "RUN" | "BATCH" | "BATCHES" => Box::pin(self.call_run(name, method)).await,
            "BUDGET" if self.0.budget_fails.get() => {
                Err(PlatformError::new("budget is unreachable"))
            }
            "BUDGET" => called(self.budget(), method).await,
            "ADMIN_LOCKOUT" if self.0.lockout_fails.get() => {
                Err(PlatformError::new("lockout is unreachable"))
            }
            "ADMIN_LOCKOUT" => {
                let disk = self
                    .0
                    .lockouts
                    .borrow_mut()
                    .entry(name.to_owned())
                    .or_default()
                    .clone();
                let fake = self.clone();
                called(&AdminLockout::new(PlainObject { fake, disk }), method).await
            }
            other => panic!("no such binding: {other}"),
        }
    }
}

impl UsageBuffer for FakePlatform {
    fn count(&self, usage: &UsageCounters) {
        let mut counted = self.0.counted.get();
        counted.add(usage);
        self.0.counted.set(counted);
    }

    fn take(&self) -> UsageCounters {
        self.0.counted.take()
    }
}
