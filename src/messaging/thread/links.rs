//! The calls between the threads of one contact: passing messages on to the thread that leads, and
//! sending orders to those that follow.
//!
//! Not here: which orders there are (`messaging::state`).

use std::{rc::Rc, time::Duration};

use futures_util::FutureExt;

use super::{Inner, ThreadPlatform};
use crate::{
    base::usage::UsageCounters,
    event::{Erased, ObjectKind},
    identity::Pseudonym,
    messaging::{
        api::{Follow, Followed, Order, Receive, Reply},
        state::{PlannedOrder, State},
    },
    object::{StepHost, in_time, with_retry},
    platform::{Method, PlatformError},
};

/// How long an order may take. A message that waits for it still has time for its answer.
const ORDER_LIMIT: Duration = Duration::from_secs(4);

/// How long a thread that follows waits for KV to delete what an order erases.
const DELETE_LIMIT: Duration = Duration::from_secs(2);

/// How much longer than the answer itself a call to the thread that leads may take.
const PASS_ON_MARGIN: Duration = Duration::from_secs(1);

impl<P: ThreadPlatform> Inner<P> {
    /// Lets the thread of the contact's number follow this one.
    pub(super) async fn join(self: &Rc<Self>, number: &Pseudonym) -> Result<(), PlatformError> {
        self.step(|state, now| state.plan_join(number, now)).await?;
        self.send_orders().await?;
        if self.read(|state, _| state.has_joined(number)).await? {
            Ok(())
        } else {
            Err(PlatformError::new("the other thread has not joined"))
        }
    }

    /// Passes a message on to the thread that leads.
    pub(super) async fn pass_on(
        &self,
        leader: &Pseudonym,
        message: &Receive,
    ) -> Result<Reply, PlatformError> {
        let message = Receive {
            // A leader that has lost its links learns of this thread again.
            number_thread: Some(self.name.clone()),
            // It is counted here.
            usage: UsageCounters::EMPTY,
            ..message.clone()
        };
        self.ask_leader(leader, &message).await
    }

    /// Calls a method of the thread that leads.
    pub(super) async fn ask_leader<M: Method>(
        &self,
        leader: &Pseudonym,
        method: &M,
    ) -> Result<M::Reply, PlatformError> {
        let limit = self.config.reply_within.saturating_add(PASS_ON_MARGIN);
        let called = with_retry(async || self.platform.call(leader.as_str(), method).await);
        in_time(&self.platform, limit, called).await
    }

    /// Sends all orders that are left over. Returns what they erased.
    pub(super) async fn send_orders(&self) -> Result<Erased, PlatformError> {
        let _ordering = self.ordering.lock().await;
        let mut erased = Erased::default();
        loop {
            let orders = self.step(State::plan_orders).await?;
            if orders.is_empty() {
                return Ok(erased);
            }
            for planned in orders {
                let followed = self.order(&planned).await;
                let followed = match followed {
                    Ok(followed) => followed,
                    Err(error) => {
                        self.step(State::postpone_orders).await?;
                        return Err(error);
                    }
                };
                erased.add(&followed.erasure.erased);
                let unfinished =
                    matches!(planned.2, Order::Erase { .. }) && !followed.erasure.kv_deleted;
                let confirm =
                    |state: &mut State, now| state.confirm_order(&planned, &followed, now);
                self.step(confirm).await?;
                if unfinished {
                    // The alarm asks again.
                    return Ok(erased);
                }
            }
        }
    }

    async fn order(
        &self,
        (thread, since, order): &PlannedOrder,
    ) -> Result<Followed, PlatformError> {
        let follow = Follow {
            leader: self.name.clone(),
            since: *since,
            order: order.clone(),
        };
        let called = with_retry(async || self.platform.call(thread.as_str(), &follow).await);
        in_time(&self.platform, ORDER_LIMIT, called).await
    }

    /// Sends orders. A failure is logged, and the alarm sends them again.
    pub(super) async fn send_orders_or_log(&self) -> Erased {
        match self.send_orders().await {
            Ok(erased) => erased,
            Err(error) => {
                self.log_object_error(ObjectKind::Thread, error);
                Erased::default()
            }
        }
    }

    /// Sends orders in the background: nobody waits for them.
    pub(super) fn spawn_orders(self: &Rc<Self>) {
        let inner = Rc::clone(self);
        let send = async move {
            inner.send_orders_or_log().await;
        };
        self.platform.spawn(send.boxed_local());
    }

    /// Carries out an order of the thread that leads.
    pub(super) async fn follow(self: &Rc<Self>, follow: Follow) -> Result<Followed, PlatformError> {
        let carry_out = |state: &mut State, now| state.follow(&follow, now, &self.config);
        let mut followed = self.step(carry_out).await?;
        if followed.erasure.opted_out {
            self.cancel_turn();
        }
        if let Order::Erase { phone_hash, by } = follow.order {
            self.cancel_turn();
            let erased = followed.erasure.erased;
            if erased != Erased::default() {
                self.log_erased(phone_hash, by, erased);
            }
            self.delete_within(DELETE_LIMIT).await;
            followed.erasure.kv_deleted = !self
                .read(|state, _| state.revisions.has_pending_deletes())
                .await?;
        }
        Ok(followed)
    }
}
