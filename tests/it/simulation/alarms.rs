//! Alarms: they ring late or twice, and again when the handler failed, as the runtime does.
//!
//! Not here: the handler (`switchboard::contact`).

use std::rc::Rc;

use switchboard::{base::time::UnixMillis, object::Engine as _, platform::PlatformError};

use super::{executor::OUTSIDE, objects::Engine, state::Simulation};

impl Simulation {
    pub fn arm(self: &Rc<Self>, name: &str, at: UnixMillis) {
        let setting = self
            .objects
            .borrow()
            .get(name)
            .map_or(0, |object| object.disk.alarms);
        let late = if self.fault(self.fault_plan.alarm_late, "late alarms") {
            self.random.between(1, 60_000)
        } else {
            self.random.below(30)
        };
        let wait = u64::try_from(at.since(self.wall()).as_millis()).unwrap() + late;
        let (sim, name) = (Rc::clone(self), name.to_owned());
        self.executor.spawn(OUTSIDE, async move {
            sim.sleep(wait).await;
            sim.ring(&name, setting).await;
        });
    }

    /// Rings until the handler succeeds, as the runtime does: up to six more times, unless a new alarm was set.
    async fn ring(self: &Rc<Self>, name: &str, setting: u64) {
        self.durable(name).await;
        {
            let mut objects = self.objects.borrow_mut();
            let Some(object) = objects.get_mut(name) else {
                return;
            };
            if object.disk.alarms != setting || object.disk.visible.alarm.is_none() {
                return;
            }
            (object.disk.visible.alarm, object.disk.durable.alarm) = (None, None);
        }
        for retry in 0..7 {
            self.count("alarms");
            self.trace(|| {
                format!(
                    "{name:.6} alarm rings{}",
                    if retry == 0 { "" } else { " again" }
                )
            });
            if self.alarm(name).await.is_ok() {
                if self.fault(self.fault_plan.alarm_twice, "alarms that ring twice") {
                    self.sleep(self.random.below(5000)).await;
                    let _ = self.alarm(name).await;
                }
                return;
            }
            self.count("alarms that failed");
            if self.has_alarm(name) {
                return;
            }
            self.sleep(2000 << retry).await;
            if self.has_alarm(name) {
                return;
            }
        }
        self.count("alarms given up by the runtime");
    }

    async fn alarm(self: &Rc<Self>, name: &str) -> Result<(), PlatformError> {
        self.call(name, async |engine| match engine {
            Engine::Thread(contact) => contact.alarm().await,
            Engine::Call(phone) => phone.alarm().await,
            Engine::Caller(callers) => callers.alarm().await,
            Engine::Budget(_) => Ok(()),
        })
        .await
    }

    fn has_alarm(&self, name: &str) -> bool {
        self.objects
            .borrow()
            .get(name)
            .is_some_and(|object| object.disk.visible.alarm.is_some())
    }
}
