//! Calls from one thread to another of the same contact, with their faults.
//!
//! Not here: calls to the budget object (`budget_ports`), and calls of the Worker (`worker_ports`).

use std::{cell::Cell, rc::Rc};

use switchboard::{
    messaging::api::{Erasure, Follow, Followed},
    object::{Engine as _, arguments, reply},
    platform::{Method, PlatformError},
};

use super::{
    mutation::Mutation,
    object_ports::{ObjectPlatform, vanished},
    objects::Engine,
};

impl ObjectPlatform {
    /// Calls a method of another thread, by JSON as on the wire.
    pub async fn call_thread(
        &self,
        name: &str,
        method: &'static str,
        text: String,
    ) -> Result<String, PlatformError> {
        let call = async {
            let sim = &self.sim;
            sim.durable(&self.name).await;
            sim.sleep(sim.random.between(1, 30)).await;
            let fails = sim.fault(
                sim.fault_plan.thread_calls_fail,
                "calls between threads that failed",
            );
            if fails && sim.random.chance(500) {
                return Err(PlatformError::new("object is overloaded"));
            }
            sim.count(if method == <Follow as Method>::NAME {
                "orders between threads"
            } else {
                "messages that were passed on"
            });
            let is_order = method == <Follow as Method>::NAME;
            let consent = sim.is(Mutation::ConsentNotTold) && text.contains("consent");
            if is_order && (consent || sim.is(Mutation::NumberNotFollowing)) {
                return not_done(&text);
            }
            let (inner, limited) = (Rc::clone(sim), Rc::new(Cell::new(false)));
            let flag = Rc::clone(&limited);
            let called = sim.call(name, async move |engine| {
                let Engine::Thread(thread) = engine else {
                    return vanished();
                };
                let reply = thread.call(method, &text).await;
                flag.set(inner.limited_in.get() == inner.executor.polls());
                reply
            });
            let reply = called.await?;
            if fails {
                return Err(PlatformError::new("object reset"));
            }
            sim.sleep(sim.random.between(1, 30)).await;
            if limited.get() {
                // The caller answers in this same poll.
                sim.limited_in.set(sim.executor.polls());
            }
            Ok(reply)
        };
        self.live(call).await.unwrap_or_else(vanished)
    }
}

/// The answer to an order that nobody carries out.
fn not_done(text: &str) -> Result<String, PlatformError> {
    let _: Follow = arguments(text)?;
    let followed = Followed {
        done: true,
        calls: 0,
        canned_replies: 0,
        erasure: Erasure {
            kv_deleted: true,
            ..Erasure::default()
        },
        hand_off: None,
    };
    reply::<Follow>(&followed)
}
