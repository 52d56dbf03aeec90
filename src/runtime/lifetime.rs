//! How long tasks last. `worker`'s executor runs them, and keeps one that waits for what will never come: for a promise of an object
//! that has vanished, or of a request whose client has left. Here they end.
//!
//! Not here: what the tasks do.

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

/// What a task ends with.
pub type MessageStatus = Result<JsValue, JsValue>;

/// Runs a task of a request for the runtime, see [`Lifetime::run`].
///
/// It is ended one to two minutes after it began. No timer could do that: it would go with the client.
pub fn run_for_request(task: impl Future<Output = MessageStatus> + 'static) -> JsValue {
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

const REQUEST_LIFE: Duration = Duration::from_secs(60);

/// The lifetime of some tasks, which end when it is dropped.
pub struct Lifetime {
    ends: AbortHandle,
    end: End,
}

/// The end of a lifetime, to be waited for.
pub type End = Shared<Abortable<Pending<()>>>;

impl Lifetime {
    /// One that begins now.
    pub fn new() -> Self {
        let (end, ends) = abortable(pending());
        Self {
            ends,
            end: end.shared(),
        }
    }

    /// Runs a task for the runtime: returns what it gives, or a promise of that if it has to wait. A failure is a promise that is
    /// rejected: what is thrown out of WebAssembly means that the instance is broken.
    pub fn run(&self, task: impl Future<Output = MessageStatus> + 'static) -> JsValue {
        run(task, || self.end.clone())
    }

    /// Is ready when this has been dropped.
    pub fn end(&self) -> End {
        self.end.clone()
    }
}

impl Drop for Lifetime {
    fn drop(&mut self) {
        self.ends.abort();
    }
}

/// The task is polled once before a promise is made: what waits for nothing, as most refusals, needs neither a promise nor a
/// task of the executor's. That takes a quarter off the CPU time of a refusal.
fn run(task: impl Future<Output = MessageStatus> + 'static, end: impl FnOnce() -> End) -> JsValue {
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
