//! A deterministic executor: virtual time, and a scheduler that is told which ready task comes next.
//!
//! Tasks belong to groups, so that all tasks of one incarnation of an object can be ended together. Knows nothing of the
//! simulation that runs on it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use futures_util::{
    future::{Either, LocalBoxFuture, select},
    task::{ArcWake, waker},
};

use super::random::Random;

/// The group of tasks that nothing ends.
pub const OUTSIDE: u64 = 0;

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Executor(Rc<Inner>);

#[derive(Default)]
struct Inner {
    now: Cell<u64>,
    polls: Cell<u64>,
    next: Cell<u64>,
    tasks: RefCell<BTreeMap<u64, Task>>,
    ready: Arc<Mutex<Vec<u64>>>,
    timers: RefCell<BTreeMap<(u64, u64), Waker>>,
}

type Future<T> = LocalBoxFuture<'static, T>;

struct Task {
    group: u64,
    future: Future<()>,
    waker: Arc<TaskWaker>,
}

struct TaskWaker {
    id: u64,
    queued: AtomicBool,
    ready: Arc<Mutex<Vec<u64>>>,
}

impl ArcWake for TaskWaker {
    fn wake_by_ref(this: &Arc<Self>) {
        if !this.queued.swap(true, Ordering::Relaxed) {
            this.ready.lock().unwrap().push(this.id);
        }
    }
}

/// The result of one step of the executor.
pub enum Step {
    /// It ran a task of this group, which now waits for something.
    Waits(u64),
    /// It ran a task to its end, or let time pass.
    Went,
    /// Nothing is left to do, ever.
    Idle,
}

impl Executor {
    /// Milliseconds since the run began.
    pub fn now(&self) -> u64 {
        self.0.now.get()
    }

    /// The number of the poll that is under way.
    pub fn polls(&self) -> u64 {
        self.0.polls.get()
    }

    pub fn spawn(
        &self,
        group: u64,
        future: impl std::future::Future<Output = ()> + 'static,
    ) -> u64 {
        let id = self.unique();
        let waker = Arc::new(TaskWaker {
            id,
            queued: AtomicBool::new(false),
            ready: Arc::clone(&self.0.ready),
        });
        Arc::clone(&waker).wake();
        self.0.tasks.borrow_mut().insert(
            id,
            Task {
                group,
                future: Box::pin(future),
                waker,
            },
        );
        id
    }

    /// Runs one ready task, chosen by `random`, or lets time pass until there is one.
    pub fn step(&self, random: &Random) -> Step {
        let next = {
            let mut ready = self.0.ready.lock().unwrap();
            let at = usize::try_from(random.below(ready.len() as u64)).unwrap();
            if ready.is_empty() {
                None
            } else {
                Some(ready.swap_remove(at))
            }
        };
        let Some(id) = next else { return self.pass() };
        let Some(mut task) = self.0.tasks.borrow_mut().remove(&id) else {
            return Step::Went;
        };
        task.waker.queued.store(false, Ordering::Relaxed);
        self.0.polls.set(self.0.polls.get() + 1);
        let waker = waker(Arc::clone(&task.waker));
        match task.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(()) => Step::Went,
            Poll::Pending => {
                let group = task.group;
                self.0.tasks.borrow_mut().insert(id, task);
                Step::Waits(group)
            }
        }
    }

    fn pass(&self) -> Step {
        let first = self.0.timers.borrow().keys().next().copied();
        let Some((at, _)) = first else {
            return Step::Idle;
        };
        self.0.now.set(at);
        let later = self.0.timers.borrow_mut().split_off(&(at + 1, 0));
        let due = self.0.timers.replace(later);
        due.into_values().for_each(Waker::wake);
        Step::Went
    }

    /// Ends a task. Does nothing when it has ended.
    pub fn cancel(&self, id: u64) {
        let task = self.0.tasks.borrow_mut().remove(&id);
        drop(task);
    }

    /// Removes all tasks of a group, and runs them until they end or wait. They must have no effect any more: this only frees
    /// memory that tasks which own each other would keep.
    pub fn end_group(&self, group: u64) {
        let mut ended: Vec<Task> = {
            let mut tasks = self.0.tasks.borrow_mut();
            let ids: Vec<u64> = tasks
                .iter()
                .filter(|(_, task)| task.group == group)
                .map(|(id, _)| *id)
                .collect();
            ids.iter().filter_map(|id| tasks.remove(id)).collect()
        };
        for _ in 0..32 {
            if ended.is_empty() {
                break;
            }
            ended.retain_mut(|task| {
                task.future
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            });
        }
    }

    /// Whether a task of this group has not ended.
    pub fn has_group(&self, group: u64) -> bool {
        let tasks = self.0.tasks.borrow();
        tasks.values().any(|task| task.group == group)
    }

    /// Ends everything.
    pub fn clear(&self) {
        loop {
            let tasks = self.0.tasks.take();
            if tasks.is_empty() {
                break;
            }
            drop(tasks);
        }
        self.0.timers.take();
    }

    pub fn sleep(&self, milliseconds: u64) -> Sleep {
        Sleep {
            executor: self.clone(),
            at: self.now() + milliseconds,
            key: None,
        }
    }

    /// The output of `future`, if it is ready within this time.
    pub async fn within<T>(
        &self,
        milliseconds: u64,
        future: impl std::future::Future<Output = T>,
    ) -> Option<T> {
        let too_late = self.sleep(milliseconds);
        futures_util::pin_mut!(future, too_late);
        match select(future, too_late).await {
            Either::Left((value, _)) => Some(value),
            Either::Right(_) => None,
        }
    }

    fn unique(&self) -> u64 {
        self.0.next.set(self.0.next.get() + 1);
        self.0.next.get()
    }
}

pub struct Sleep {
    executor: Executor,
    at: u64,
    key: Option<(u64, u64)>,
}

impl std::future::Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.executor.now() >= self.at {
            return Poll::Ready(());
        }
        let key = match self.key {
            Some(key) => key,
            None => (self.at, self.executor.unique()),
        };
        self.key = Some(key);
        self.executor
            .0
            .timers
            .borrow_mut()
            .insert(key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.executor.0.timers.borrow_mut().remove(&key);
        }
    }
}

/// The output of `future`, or nothing once `alive` is `false`.
pub async fn while_alive<T>(
    alive: &Cell<bool>,
    future: impl std::future::Future<Output = T>,
) -> Option<T> {
    futures_util::pin_mut!(future);
    poll_fn(|context| {
        if alive.get() {
            future.as_mut().poll(context).map(Some)
        } else {
            Poll::Ready(None)
        }
    })
    .await
}

/// Is ready at its second poll.
pub async fn wait_for_next_poll() {
    let mut waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A value that comes later, or never if the giver is dropped.
pub fn promise<T>() -> (Give<T>, Take<T>) {
    let slot = Rc::new(RefCell::new(Slot {
        value: None,
        gone: false,
        waker: None,
    }));
    (Give(Rc::clone(&slot)), Take(slot))
}

struct Slot<T> {
    value: Option<T>,
    gone: bool,
    waker: Option<Waker>,
}

pub struct Give<T>(Rc<RefCell<Slot<T>>>);
pub struct Take<T>(Rc<RefCell<Slot<T>>>);

impl<T> Give<T> {
    pub fn give(self, value: T) {
        self.0.borrow_mut().value = Some(value);
    }
}

impl<T> Drop for Give<T> {
    fn drop(&mut self) {
        let waker = {
            let mut slot = self.0.borrow_mut();
            slot.gone = true;
            slot.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<T> std::future::Future for Take<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut slot = self.0.borrow_mut();
        if slot.gone {
            return Poll::Ready(slot.value.take());
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
