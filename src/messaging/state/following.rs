//! What orders between the threads of one contact change in a thread's state.
//!
//! Not here: which orders are left over (`links`), and sending them (`thread::links`).

use super::{
    State,
    links::{ErasureOrder, PlannedOrder},
};
use crate::{
    base::time::UnixMillis,
    config::Config,
    event::ErasedBy,
    identity::{PhoneHash, Pseudonym},
    messaging::api::{Erasure, Follow, Followed, Order},
};

impl State {
    /// The thread that this one follows. It gets every message that this one does not know.
    pub fn leader(&self) -> Option<&Pseudonym> {
        self.links.leader()
    }

    /// Whether that thread follows this one.
    pub fn has_joined(&self, thread: &Pseudonym) -> bool {
        self.links.has_joined(thread)
    }

    /// Plans that a thread joins this one.
    pub fn plan_join(&mut self, thread: &Pseudonym, now: UnixMillis) {
        self.links.plan_join(thread, now);
    }

    /// Plans the erasure of the threads that follow.
    pub fn plan_erasure(&mut self, phone_hash: PhoneHash, by: ErasedBy, now: UnixMillis) {
        self.links
            .plan_erasure(&ErasureOrder { phone_hash, by }, now);
    }

    /// Whether an erasure is not complete, here or in a thread that follows.
    pub fn is_erasing(&self) -> bool {
        self.revisions.has_pending_deletes() || self.links.is_erasing()
    }

    /// The next order for each thread that follows.
    pub fn plan_orders(&mut self, now: UnixMillis) -> Vec<PlannedOrder> {
        let idle = self.may_release();
        self.links.plan_orders(self.opted_out, idle, now)
    }

    /// Plans to send the orders again later.
    pub fn postpone_orders(&mut self, now: UnixMillis) {
        self.links.postpone(now);
    }

    /// Carries out an order of the thread that leads, or is about to.
    pub fn follow(&mut self, follow: &Follow, now: UnixMillis, config: &Config) -> Followed {
        let applies = self.links.follow(follow);
        let mut erasure = Erasure::default();
        match follow.order {
            Order::Consent { opted_out: true } if applies => {
                self.opt_out(now);
            }
            Order::Erase { .. } if applies => {
                erasure.erased = self.erase(now, config);
            }
            // A contact that has opted out is never released.
            Order::Consent { opted_out: false } | Order::Release if applies => {
                self.opt_in(now);
                if follow.order == Order::Release {
                    // The leader's has ended.
                    self.hand_off.clear();
                }
            }
            _ => {}
        }
        erasure.kv_deleted = !self.revisions.has_pending_deletes();
        erasure.opted_out = self.opted_out;
        let (calls, canned_replies) = self.share.counts(now);
        Followed {
            done: applies || !matches!(follow.order, Order::Release),
            calls,
            canned_replies,
            erasure,
            hand_off: self.hand_off.span(),
        }
    }

    /// Records the answer to an order.
    pub fn confirm_order(
        &mut self,
        (thread, since, order): &PlannedOrder,
        followed: &Followed,
        now: UnixMillis,
    ) {
        let done = match order {
            Order::Join => true,
            // The contact may have changed its mind meanwhile.
            Order::Consent { opted_out } => *opted_out == self.opted_out,
            Order::Erase { .. } => followed.erasure.kv_deleted,
            Order::Release => followed.done,
        };
        let idle = self.may_release();
        let joined = self.links.confirm(thread, *since, order, done, idle, now);
        if joined {
            if let Some(span) = followed.hand_off {
                self.hand_off.adopt(span);
            }
            self.share
                .absorb(followed.calls, followed.canned_replies, now);
            if followed.erasure.opted_out && !self.opted_out {
                self.opt_out(now);
            } else if self.opted_out {
                self.links.plan_consent(now);
            }
        }
        self.note_erased();
    }

    /// Whether the threads that follow have nothing left to share with this one.
    pub(super) fn may_release(&self) -> bool {
        !self.opted_out && self.is_idle()
    }
}
