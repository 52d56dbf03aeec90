//! The lifetime of tasks. `worker`'s executor keeps a task forever if its promise never settles.
//! That happens when an object has vanished, or when a request's client has left. So tasks end here
//! with their lifetime.
//!
//! Not here: the work of the tasks.

use std::{
    cell::RefCell,
    future::{Future, Pending, pending},
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{AbortHandle, Abortable, Either, Shared, abortable, select},
};
use wasm_bindgen::prelude::*;
use worker::{
    js_sys::{self, Promise},
    wasm_bindgen_futures::future_to_promise,
};

use super::clock::now;
use crate::base::time::UnixMillis;

/// The result of a task, for the runtime.
pub type TaskResult = Result<JsValue, JsValue>;

/// Runs a task of a request for the runtime, see [`Lifetime::run`].
///
/// The task ends at most one to two minutes after it began. A timer could not do that, because it
/// would vanish with the client.
pub fn run_for_request(task: impl Future<Output = TaskResult> + 'static) -> JsValue {
    thread_local! {
        static LATEST: RefCell<(UnixMillis, Lifetime)> = RefCell::new((now(), Lifetime::new()));
        static EARLIER: RefCell<Option<Lifetime>> = const { RefCell::new(None) };
    }
    run(task, || {
        let now = now();
        LATEST.with_borrow_mut(|(since, lifetime)| {
            if now.since(*since) >= REQUEST_LIFE {
                *since = now;
                EARLIER.set(Some(std::mem::replace(lifetime, Lifetime::new())));
            }
            lifetime.end.clone()
        })
    })
}

const REQUEST_LIFE: Duration = Duration::from_mins(1);

/// The lifetime of some tasks. They end when it is dropped.
pub struct Lifetime {
    ends: AbortHandle,
    end: End,
}

/// The end of a lifetime, as a future.
pub type End = Shared<Abortable<Pending<()>>>;

impl Lifetime {
    /// A lifetime that begins now.
    pub fn new() -> Self {
        let (end, ends) = abortable(pending());
        Self {
            ends,
            end: end.shared(),
        }
    }

    /// Runs a task for the runtime. Returns its result, or a promise if the task has to wait. A
    /// failure becomes a rejected promise: an exception from WebAssembly would mean that the
    /// instance is broken.
    pub fn run(&self, task: impl Future<Output = TaskResult> + 'static) -> JsValue {
        run(task, || self.end.clone())
    }

    /// A future that is ready once this lifetime was dropped.
    pub fn end(&self) -> End {
        self.end.clone()
    }
}

impl Drop for Lifetime {
    fn drop(&mut self) {
        self.ends.abort();
    }
}

/// The task is polled once before a promise is made. Most rejections wait for nothing, so they need
/// neither a promise nor a task in the executor. That saves a quarter of a rejection's CPU time.
fn run(task: impl Future<Output = TaskResult> + 'static, end: impl FnOnce() -> End) -> JsValue {
    let mut task = Box::pin(task);
    match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(value)) => value,
        Poll::Ready(Err(error)) => Promise::reject(&error).into(),
        Poll::Pending => future_to_promise(select(task, end()).map(|first| match first {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(js_sys::Error::new("nobody waits any more").into()),
        }))
        .into(),
    }
}
