//! Alarms: they ring late or twice, and again when the handler failed, as the runtime does.
//!
//! Not here: the objects (`world`).

use std::rc::Rc;

use switchboard::{base::time::UnixMillis, platform::PlatformError};

use super::world::{Name, World};
use crate::simulation::executor::OUTSIDE;

impl World {
    pub(super) fn arm(self: &Rc<Self>, name: Name, at: UnixMillis, setting: u64) {
        let late = if self.fault(self.faults.alarm_late, "late alarms") {
            self.random.between(1, 60_000)
        } else {
            self.random.below(30)
        };
        let wait = u64::try_from(at.since(self.wall()).as_millis()).unwrap() + late;
        let world = Rc::clone(self);
        self.executor.spawn(OUTSIDE, async move {
            world.executor.sleep(wait).await;
            world.ring(&name, setting).await;
        });
    }

    /// Rings until the handler succeeds, as the runtime does: up to six more times, unless a new alarm was set.
    async fn ring(self: &Rc<Self>, name: &Name, setting: u64) {
        loop {
            {
                let mut objects = self.objects.borrow_mut();
                let object = objects.entry(name.clone()).or_default();
                if object.alarms != setting || object.alarm.is_none() {
                    return;
                }
                if !object.rings {
                    object.rings = true;
                    object.alarm = None;
                    break;
                }
            }
            self.executor.sleep(20).await;
        }
        for retry in 0..7 {
            self.trace(|| format!("{} {} alarm rings", name.0, name.1));
            if self.alarm(name).await.is_ok() {
                if self.fault(self.faults.alarm_twice, "alarms that ring twice") {
                    self.executor.sleep(self.random.below(5000)).await;
                    let _ = self.alarm(name).await;
                }
                break;
            }
            self.count("alarms that failed");
            if self.has_alarm(name) {
                break;
            }
            self.executor.sleep(2000 << retry).await;
            if self.has_alarm(name) {
                break;
            }
            if retry == 6 {
                self.count("alarms that the runtime gave up");
            }
        }
        let mut objects = self.objects.borrow_mut();
        objects.entry(name.clone()).or_default().rings = false;
    }

    async fn alarm(self: &Rc<Self>, name: &Name) -> Result<(), PlatformError> {
        let engine = self.incarnation(name);
        self.run(engine, async |engine| engine.alarm().await).await
    }

    fn has_alarm(&self, name: &Name) -> bool {
        let objects = self.objects.borrow();
        objects
            .get(name)
            .is_some_and(|object| object.alarm.is_some())
    }
}
