//! One person with two addresses: the thread of the user id leads, and the thread of the number
//! follows it.
//!
//! A thread that follows passes everything on to its leader. The leader tells it about consent and
//! erasures, and releases it when there is nothing left to keep together. Links hold the names of
//! threads, which are pseudonyms. Not here: the calls between the threads (`thread::links`), and
//! which addresses belong together (`inbound::ContactAddresses`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    base::time::UnixMillis,
    event::ErasedBy,
    identity::{PhoneHash, Pseudonym},
    messaging::api::{Follow, Order},
};

/// The links of a thread to other threads of the same contact.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Links {
    /// The thread that this one follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    leader: Option<Leader>,
    /// The threads that follow this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    followers: Vec<Follower>,
    /// The next time to send orders that are left over.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<UnixMillis>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Leader {
    thread: Pseudonym,
    /// The time of the order to join. Only a release of the same join counts.
    since: UnixMillis,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Follower {
    thread: Pseudonym,
    since: UnixMillis,
    /// Whether it has confirmed that it follows.
    #[serde(default)]
    joined: bool,
    /// Whether its release was ordered, and is not confirmed. Until then it may follow or not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    releasing: bool,
    /// Whether it must be told of a changed consent.
    #[serde(default)]
    tell: bool,
    /// The erasure that it must carry out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    erase: Option<ErasureOrder>,
}

impl Follower {
    /// Plans another join, later than all before.
    fn join_again(&mut self, now: UnixMillis) {
        (self.joined, self.releasing) = (false, false);
        self.since = now.max(self.since.plus(Duration::from_millis(1)));
    }
}

/// An order for a thread that follows, and the time of the join that it belongs to.
pub type PlannedOrder = (Pseudonym, UnixMillis, Order);

/// An erasure, as the log of the thread that carries it out describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureOrder {
    /// The contact's hash for the log.
    pub phone_hash: PhoneHash,
    /// Who asked for it.
    pub by: ErasedBy,
}

/// The wait for an order's answer before the alarm sends it again.
pub const ORDER_RETRY: Duration = Duration::from_secs(10);

/// The most threads that follow one thread. A person has one number at a time.
const MAX_FOLLOWERS: usize = 20;

impl Links {
    /// The thread that this one follows.
    pub fn leader(&self) -> Option<&Pseudonym> {
        self.leader.as_ref().map(|leader| &leader.thread)
    }

    /// Whether that thread is known to follow this one.
    pub fn has_joined(&self, thread: &Pseudonym) -> bool {
        self.followers
            .iter()
            .any(|one| one.joined && !one.releasing && one.thread == *thread)
    }

    /// Plans the order to join. It is stored before it is sent, so that no thread follows unknown.
    pub fn plan_join(&mut self, thread: &Pseudonym, now: UnixMillis) {
        match self.followers.iter_mut().find(|one| one.thread == *thread) {
            Some(follower) if follower.releasing => follower.join_again(now),
            Some(_) => {}
            None => {
                let surplus = self.followers.len().saturating_add(1);
                let surplus = surplus.saturating_sub(MAX_FOLLOWERS);
                self.followers.drain(..surplus);
                self.followers.push(Follower {
                    thread: thread.clone(),
                    since: now,
                    joined: false,
                    releasing: false,
                    tell: false,
                    erase: None,
                });
            }
        }
        self.wait(now);
    }

    /// Plans to tell all that follow of the contact's consent.
    pub fn plan_consent(&mut self, now: UnixMillis) {
        for follower in &mut self.followers {
            follower.tell = true;
        }
        self.wait(now);
    }

    /// Plans the erasure of all that follow.
    pub fn plan_erasure(&mut self, order: &ErasureOrder, now: UnixMillis) {
        for follower in &mut self.followers {
            follower.erase = Some(order.clone());
        }
        self.wait(now);
    }

    /// Whether an erasure is not confirmed.
    pub fn is_erasing(&self) -> bool {
        self.followers.iter().any(|one| one.erase.is_some())
    }

    /// The next order for each thread that follows. When `idle`, nothing is left to keep together,
    /// and they are released as soon as that is due. A release is planned before it is sent: after
    /// an unknown outcome, the next message joins the two again.
    pub fn plan_orders(
        &mut self,
        opted_out: bool,
        idle: bool,
        now: UnixMillis,
    ) -> Vec<PlannedOrder> {
        let releases = idle && self.not_before.is_none_or(|at| at <= now);
        let next = |follower: &mut Follower| {
            if follower.releasing && !idle {
                follower.join_again(now);
            }
            let order = if !follower.joined {
                Order::Join
            } else if follower.tell {
                Order::Consent { opted_out }
            } else if let Some(ErasureOrder { phone_hash, by }) = follower.erase.clone() {
                Order::Erase { phone_hash, by }
            } else if releases {
                follower.releasing = true;
                Order::Release
            } else {
                return None;
            };
            Some((follower.thread.clone(), follower.since, order))
        };
        self.followers.iter_mut().filter_map(next).collect()
    }

    /// Records that the order `order` of the join at `since` was carried out. `done`: nothing of it
    /// is left over.
    pub fn confirm(
        &mut self,
        thread: &Pseudonym,
        since: UnixMillis,
        order: &Order,
        done: bool,
        idle: bool,
        now: UnixMillis,
    ) -> bool {
        let Some(at) = self
            .followers
            .iter()
            .position(|one| one.thread == *thread && one.since == since)
        else {
            return false;
        };
        let Some(follower) = self.followers.get_mut(at) else {
            return false;
        };
        let joins = *order == Order::Join && !follower.joined;
        match order {
            Order::Join => follower.joined = true,
            Order::Consent { .. } => follower.tell = !done,
            Order::Erase { .. } if done => follower.erase = None,
            Order::Erase { .. } => {}
            Order::Release if done && idle => {
                self.followers.remove(at);
            }
            // A message came meanwhile, so they belong together again.
            Order::Release => follower.join_again(now),
        }
        // The message that joined them is about to come in, so they are not released at once.
        self.not_before = (joins || self.has_orders()).then(|| now.plus(ORDER_RETRY));
        joins
    }

    /// Records that orders are left over.
    pub fn wait(&mut self, now: UnixMillis) {
        self.not_before = self.has_orders().then(|| now.plus(ORDER_RETRY));
    }

    /// Carries out an order, as far as it concerns the link. Returns whether it applies.
    pub fn follow(&mut self, follow: &Follow) -> bool {
        let Follow {
            leader,
            since,
            order,
        } = follow;
        let of_leader = self.leader() == Some(leader);
        match order {
            Order::Join => {
                self.leader = Some(Leader {
                    thread: leader.clone(),
                    since: *since,
                });
                true
            }
            Order::Consent { .. } | Order::Erase { .. } => of_leader,
            Order::Release => {
                let same = |link: &Leader| link.thread == *leader && link.since == *since;
                let released = self.leader.as_ref().is_none_or(same);
                self.leader.take_if(|link| same(link));
                released
            }
        }
    }

    /// Whether orders are left over.
    pub fn has_orders(&self) -> bool {
        let left = |one: &Follower| !one.joined || one.releasing || one.tell || one.erase.is_some();
        self.followers.iter().any(left)
    }

    /// When the alarm must send orders. When `idle`, all that follow are to be released.
    pub fn next_wake(&self, idle: bool, now: UnixMillis) -> Option<UnixMillis> {
        if self.has_orders() || (idle && !self.followers.is_empty()) {
            Some(self.not_before.unwrap_or(now))
        } else {
            None
        }
    }

    /// Records that no thread answered the release.
    pub fn postpone(&mut self, now: UnixMillis) {
        self.not_before = Some(now.plus(ORDER_RETRY));
    }

    /// Whether this thread has no links.
    pub fn is_empty(&self) -> bool {
        self.leader.is_none() && self.followers.is_empty()
    }

    /// Limits the planned time: a clock that jumped ahead must not delay the orders.
    pub fn distrust_future(&mut self, now: UnixMillis) {
        self.not_before = self.not_before.map(|at| at.min(now.plus(ORDER_RETRY)));
    }
}
