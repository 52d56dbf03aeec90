//! Objects: their engines, calls, alarms and sudden ends, as the runtime has them.
//!
//! Not here: what an engine sees of the platform (`object_ports`).

use std::{cell::RefCell, rc::Rc, time::Duration};

use switchboard::{
    base::time::UnixMillis,
    conversation::budget::Budget,
    identity::Pseudonym,
    messaging::thread::Thread,
    object::Engine as _,
    platform::{Clock, PlatformError},
};
use tokio::task::{JoinHandle, spawn_local};

use super::{
    FakePlatform,
    disk::Disk,
    object_ports::{Kind, ObjectPlatform, PlainObject},
};
use crate::support::NUMBER;

/// The tasks of one incarnation of an object. They end with it.
pub(super) type Tasks = Rc<RefCell<Vec<JoinHandle<()>>>>;

#[derive(Default)]
pub(super) struct Object {
    pub(super) disk: Disk,
    engine: Option<Rc<Thread<ObjectPlatform>>>,
    tasks: Tasks,
    /// How many calls and alarms have started, and how many of them have ended.
    calls: (usize, usize),
    pub(super) alarms: usize,
}

impl FakePlatform {
    pub(super) fn name(&self, from: &str) -> Pseudonym {
        let to = if from.starts_with("whatsapp:") {
            format!("whatsapp:{NUMBER}")
        } else {
            NUMBER.to_owned()
        };
        self.config()
            .pseudonym_key
            .pair(&from.parse().unwrap(), &to.parse().unwrap())
    }

    pub(super) fn disk(&self, name: &Pseudonym) -> Disk {
        self.0
            .objects
            .borrow_mut()
            .entry(name.as_str().to_owned())
            .or_default()
            .disk
            .clone()
    }

    /// The platform of an object, without an engine.
    pub fn object(&self) -> ObjectPlatform {
        ObjectPlatform {
            fake: self.clone(),
            kind: Kind::Thread,
            name: Pseudonym::from_object_name("object".to_owned()),
            disk: Disk::default(),
            tasks: Rc::default(),
        }
    }

    pub(super) fn engine(&self, name: &Pseudonym) -> (Rc<Thread<ObjectPlatform>>, Tasks) {
        let mut objects = self.0.objects.borrow_mut();
        let object = objects.entry(name.as_str().to_owned()).or_default();
        let engine = object.engine.get_or_insert_with(|| {
            object.tasks = Rc::default();
            let platform = ObjectPlatform {
                fake: self.clone(),
                kind: Kind::Thread,
                name: name.clone(),
                disk: object.disk.clone(),
                tasks: Rc::clone(&object.tasks),
            };
            Rc::new(Thread::new(
                platform,
                Rc::new(self.config().clone()),
                name.clone(),
            ))
        });
        (Rc::clone(engine), Rc::clone(&object.tasks))
    }

    /// Runs a call as a task of the object, so it ends with the object.
    pub(super) async fn in_object<T: 'static>(
        &self,
        name: &Pseudonym,
        call: impl AsyncFnOnce(Rc<Thread<ObjectPlatform>>) -> Result<T, PlatformError> + 'static,
    ) -> Result<T, PlatformError> {
        if let Some(error) = self.0.object_errors.borrow_mut().pop_front() {
            return Err(error);
        }
        tokio::time::sleep(self.0.objects_take.get()).await;
        let (engine, tasks) = self.engine(name);
        let (give, take) = tokio::sync::oneshot::channel();
        let task = spawn_local(async move {
            let _ = give.send(call(engine).await);
        });
        tasks.borrow_mut().push(task);
        self.calls(name, |calls| calls.0 += 1);
        let answer = take
            .await
            .unwrap_or_else(|_| Err(PlatformError::new("object reset")));
        self.calls(name, |calls| calls.1 += 1);
        self.vanish_unused(name);
        answer
    }

    pub(super) fn calls(
        &self,
        name: &Pseudonym,
        note: impl FnOnce(&mut (usize, usize)),
    ) -> (usize, usize) {
        let mut objects = self.0.objects.borrow_mut();
        let calls = &mut objects.get_mut(name.as_str()).unwrap().calls;
        note(calls);
        *calls
    }

    /// The object vanishes after a while, unless it is called again.
    pub(super) fn vanish_unused(&self, name: &Pseudonym) {
        let Some(lasts) = self.0.objects_last.get() else {
            return;
        };
        let (fake, name, calls) = (self.clone(), name.clone(), self.calls(name, |_| {}));
        spawn_local(async move {
            fake.sleep(lasts).await;
            if calls.0 == calls.1 && fake.calls(&name, |_| {}) == calls {
                fake.vanish(name.as_str());
            }
        });
    }

    pub(super) fn vanish(&self, name: &str) {
        let mut objects = self.0.objects.borrow_mut();
        let object = objects.entry(name.to_owned()).or_default();
        object
            .tasks
            .borrow_mut()
            .drain(..)
            .for_each(|task| task.abort());
        object.engine = None;
    }

    /// Sets the alarm. It rings at that time, and again if the handler fails, as in the runtime.
    pub(super) fn arm(&self, name: &Pseudonym, at: UnixMillis) {
        let (fake, name) = (self.clone(), name.clone());
        fake.disk(&name).0.alarm.set(Some(at));
        spawn_local(async move {
            fake.sleep(
                at.since(fake.now())
                    .saturating_add(fake.0.alarms_late_by.get()),
            )
            .await;
            let disk = fake.disk(&name);
            if disk.0.alarm.get() != Some(at) {
                return;
            }
            disk.0.alarm.set(None);
            fake.0
                .objects
                .borrow_mut()
                .get_mut(name.as_str())
                .unwrap()
                .alarms += 1;
            let rung = fake
                .in_object(&name, async |engine: Rc<Thread<ObjectPlatform>>| {
                    engine.alarm().await
                })
                .await;
            if rung.is_err() && disk.0.alarm.get().is_none() {
                fake.arm(&name, fake.now().plus(Duration::from_secs(2)));
            }
        });
    }

    pub(super) fn budget(&self) -> &Budget<PlainObject> {
        self.0.budget.get_or_init(|| {
            Budget::new(PlainObject {
                fake: self.clone(),
                disk: self.0.budget_disk.clone(),
            })
        })
    }
}
