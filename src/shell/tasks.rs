//! Futures on the runtime's event loop: an executor, promises and timers.
//!
//! A task is polled at once, and again within the same call into WebAssembly that brings what it waits for; only a task that
//! is not done at once costs a promise. Nothing is left to the garbage collector, which does not see into WebAssembly: the
//! tasks of an object end with it, and those of requests a minute after they began.
//!
//! Not here: what the tasks do.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::{Future, poll_fn},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures_util::future::LocalBoxFuture;
use js_sys::Promise;
use slab::Slab;
use wasm_bindgen::prelude::*;

use super::glue;
use crate::platform::{PlatformError, UnixMillis, millis};

/// What a task ends with.
pub type Outcome = Result<JsValue, PlatformError>;

/// A task that was begun.
pub enum Begun {
    /// It is done.
    Done(Outcome),
    /// It goes on; the promise is settled when it is done.
    GoesOn(Promise),
}

impl Begun {
    /// For the runtime: what the task gave, or a promise of it. A task that failed is a promise that is rejected: what is thrown
    /// out of WebAssembly means that the instance is broken.
    pub fn returned(self) -> JsValue {
        match self {
            Self::Done(Ok(value)) => value,
            Self::Done(Err(error)) => Promise::reject(&js_sys::Error::new(&error.reason)).into(),
            Self::GoesOn(promise) => promise.into(),
        }
    }
}

/// Whose a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A request's.
    Request,
    /// The object's of this number.
    Object(u32),
}

/// The tasks of one object, which end with it.
pub struct ObjectTasks(Owner);

impl ObjectTasks {
    /// Those of an object that there was not before.
    pub fn new() -> Self {
        thread_local! {
            static OBJECTS: Cell<u32> = const { Cell::new(0) };
        }
        Self(Owner::Object(OBJECTS.replace(OBJECTS.get().wrapping_add(1))))
    }

    /// Whose they are.
    pub fn owner(&self) -> Owner {
        self.0
    }

    /// Begins one for the runtime, see [`Begun::returned`].
    pub fn run(&self, future: impl Future<Output = Outcome> + 'static) -> JsValue {
        begin(self.0, future).returned()
    }
}

impl Drop for ObjectTasks {
    fn drop(&mut self) {
        with(|tasks| tasks.take_all(|owner, _| owner == self.0)).into_iter().for_each(abandon);
    }
}

/// Begins a task.
pub fn begin(owner: Owner, future: impl Future<Output = Outcome> + 'static) -> Begun {
    let mut future: LocalBoxFuture<'static, Outcome> = Box::pin(future);
    let (is_inside, id, waker) = with(|tasks| {
        let is_inside = std::mem::replace(&mut tasks.polling, true);
        let entry = tasks.all.vacant_entry();
        let id = entry.key();
        let waker = Waker::from(Arc::new(WakesTask(id)));
        entry.insert(Task { owner, waker: waker.clone(), going_on: None });
        (is_inside, id, waker)
    });
    let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
    let result = match polled {
        Poll::Ready(outcome) => {
            with(|tasks| tasks.all.try_remove(id));
            Begun::Done(outcome)
        }
        Poll::Pending => {
            let (begun, debt) = (now(), glue::Debt::new());
            let promise = debt.promise();
            put_back(id, GoingOn { future, debt, begun });
            with(|tasks| tasks.outdated(begun)).into_iter().for_each(abandon);
            Begun::GoesOn(promise)
        }
    };
    if !is_inside {
        go_on();
    }
    result
}

/// What a promise resolves to.
///
/// # Errors
/// What it is rejected with, see [`failed`].
pub async fn settled(promise: Promise) -> Outcome {
    let wait = Wait::new(true);
    glue::watch(&promise, wait.number());
    wait.over().await.map_err(|error| failed(&error))
}

/// Waits. The timer is cancelled when nobody waits for it any more, since it would keep an object alive.
pub async fn sleep(duration: Duration) {
    struct Timer(f64);
    impl Drop for Timer {
        fn drop(&mut self) {
            glue::cancel_timer(self.0);
        }
    }
    let wait = Wait::new(false);
    let _timer = Timer(glue::start_timer(as_f64(millis(duration)), wait.number()));
    // A timer does not fail.
    let _ = wait.over().await;
}

/// The platform's own words. They name bindings, statuses and limits; keys are pseudonyms, and values are never among them.
///
/// An error of an object says whether the call may be made again (Cloudflare, "Durable Objects: error handling").
pub fn failed(error: &JsValue) -> PlatformError {
    let property = |name: &str| js_sys::Reflect::get(error, &JsValue::from_str(name)).unwrap_or_default();
    let reason = property("message").as_string().unwrap_or_else(|| "unknown".into());
    PlatformError { reason, retryable: property("retryable").is_truthy() && !property("overloaded").is_truthy() }
}

/// The clock, asked once an event: while an event is worked on, the runtime's clock stands still (Cloudflare, "Performance and
/// timers").
pub fn now() -> UnixMillis {
    NOW.get().unwrap_or_else(|| {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and far below 2^53")]
        let now = UnixMillis(js_sys::Date::now() as u64);
        NOW.set(Some(now));
        now
    })
}

thread_local! {
    static NOW: Cell<Option<UnixMillis>> = const { Cell::new(None) };
}

/// Exact up to the year 287396, or as long a time.
#[allow(clippy::cast_precision_loss, reason = "what the Worker waits for is far below 2^53 milliseconds")]
pub fn as_f64(number: u64) -> f64 {
    number as f64
}

/// How long the task of a request is kept: its client has long left by then.
const REQUEST_LIFE: Duration = Duration::from_secs(60);

thread_local! {
    static TASKS: RefCell<Tasks> = RefCell::default();
}

/// Never held while a task is polled, or dropped.
fn with<R>(act: impl FnOnce(&mut Tasks) -> R) -> R {
    TASKS.with_borrow_mut(act)
}

#[derive(Default)]
struct Tasks {
    all: Slab<Task>,
    waits: Slab<Waiting>,
    /// Tasks to be polled.
    woken: VecDeque<usize>,
    /// Whether a task is just being polled.
    polling: bool,
    /// When outdated tasks were last looked for.
    looked: UnixMillis,
}

struct Task {
    owner: Owner,
    waker: Waker,
    /// None while it is being polled.
    going_on: Option<GoingOn>,
}

struct GoingOn {
    /// What is left to do.
    future: LocalBoxFuture<'static, Outcome>,
    /// What is owed for it.
    debt: glue::Debt,
    begun: UnixMillis,
}

impl Tasks {
    fn take_all(&mut self, is_meant: impl Fn(Owner, &GoingOn) -> bool) -> Vec<Task> {
        let meant = |task: &Task| task.going_on.as_ref().is_some_and(|going_on| is_meant(task.owner, going_on));
        let meant: Vec<usize> = self.all.iter().filter(|(_, task)| meant(task)).map(|(id, _)| id).collect();
        meant.into_iter().filter_map(|id| self.all.try_remove(id)).collect()
    }

    fn outdated(&mut self, now: UnixMillis) -> Vec<Task> {
        if now.since(self.looked) < REQUEST_LIFE {
            return Vec::new();
        }
        self.looked = now;
        self.take_all(|owner, task| owner == Owner::Request && now.since(task.begun) >= REQUEST_LIFE)
    }
}

fn abandon(task: Task) {
    if let Some(going_on) = task.going_on {
        going_on.debt.forgive();
    }
}

/// Polls the tasks that were woken, until none is.
fn go_on() {
    with(|tasks| tasks.polling = true);
    while let Some(id) = with(|tasks| tasks.woken.pop_front()) {
        let taken = with(|tasks| tasks.all.get_mut(id).and_then(|task| Some((task.going_on.take()?, task.waker.clone()))));
        let Some((mut going_on, waker)) = taken else { continue };
        match going_on.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(outcome) => {
                with(|tasks| tasks.all.try_remove(id));
                match outcome {
                    Ok(value) => going_on.debt.pay(&value),
                    Err(error) => going_on.debt.default(&error.reason),
                }
            }
            Poll::Pending => put_back(id, going_on),
        }
    }
    with(|tasks| tasks.polling = false);
    // The event is over.
    NOW.set(None);
}

fn put_back(id: usize, going_on: GoingOn) {
    // What is not put back is dropped when the tasks are no longer borrowed.
    let _gone = with(|tasks| match tasks.all.get_mut(id) {
        Some(task) => task.going_on.replace(going_on),
        None => Some(going_on),
    });
}

struct WakesTask(usize);

impl Wake for WakesTask {
    fn wake(self: Arc<Self>) {
        with(|tasks| {
            if !tasks.woken.contains(&self.0) {
                tasks.woken.push_back(self.0);
            }
        });
    }
}

/// What a task waits for in the world.
enum Waiting {
    Open(Option<Waker>),
    Over(Result<JsValue, JsValue>),
    /// Nobody waits any more, but the world will still tell.
    Abandoned,
}

/// A place among those that the world can tell something to.
struct Wait {
    number: usize,
    /// Whether the world will certainly tell, and the place must be kept until then.
    comes: bool,
}

impl Wait {
    fn new(comes: bool) -> Self {
        Self { number: with(|tasks| tasks.waits.insert(Waiting::Open(None))), comes }
    }

    #[allow(clippy::cast_possible_truncation, reason = "as wide on wasm32")]
    fn number(&self) -> u32 {
        self.number as u32
    }

    async fn over(&self) -> Result<JsValue, JsValue> {
        poll_fn(|context| {
            with(|tasks| match tasks.waits.get_mut(self.number) {
                Some(Waiting::Open(waker)) => {
                    *waker = Some(context.waker().clone());
                    Poll::Pending
                }
                Some(Waiting::Over(result)) => Poll::Ready(result.clone()),
                Some(Waiting::Abandoned) | None => Poll::Pending,
            })
        })
        .await
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let _told = with(|tasks| match tasks.waits.get_mut(self.number) {
            Some(waiting @ Waiting::Open(_)) if self.comes => Some(std::mem::replace(waiting, Waiting::Abandoned)),
            _ => tasks.waits.try_remove(self.number),
        });
    }
}

/// The world tells what a task waits for.
#[wasm_bindgen(js_name = settled)]
pub fn tell(wait: usize, fulfilled: bool, value: JsValue) {
    let waiting = with(|tasks| match tasks.waits.get_mut(wait) {
        Some(waiting @ Waiting::Open(_)) => Some(std::mem::replace(waiting, Waiting::Over(if fulfilled { Ok(value) } else { Err(value) }))),
        Some(Waiting::Abandoned) => tasks.waits.try_remove(wait),
        Some(Waiting::Over(_)) | None => None,
    });
    if let Some(Waiting::Open(Some(waker))) = waiting {
        waker.wake();
    }
    go_on();
}
