//! Deliveries: signed webhooks to the operator's services that must arrive. They wait here until the
//! service has taken them. It does no I/O, and gets the time passed in.
//!
//! A delivery arrives at least once, always with the same id and the same body. One that fails is
//! tried again for a day, with growing waits. Deliveries for one purpose of one assistant keep their
//! order: a later one waits for the earlier. Neither a URL nor a key is stored, so that a changed
//! configuration counts at once. Not here: the requests (`drain`), and what is delivered
//! (`messaging`).

mod drain;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use drain::{DeliveryStore, drain};

use crate::{
    base::time::{UnixMillis, growing_wait},
    event::DeliveryPurpose,
    identity::{PhoneHash, WebhookId},
};

/// The deliveries that wait, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Deliveries(Vec<Delivery>);

/// A signed webhook that must arrive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id. The service recognises a repeat by it.
    pub id: WebhookId,
    /// What it is for.
    pub purpose: DeliveryPurpose,
    /// The assistant whose service gets it.
    pub assistant: String,
    /// The contact's hash for the log.
    pub phone_hash: PhoneHash,
    /// Its body, which is JSON.
    pub body: String,
    /// How often it has failed.
    pub(super) tries: u32,
    /// When it is due.
    pub(super) not_before: UnixMillis,
    /// When it is given up.
    pub(super) give_up_at: UnixMillis,
}

/// The next step for a delivery.
#[derive(Clone, Debug, PartialEq)]
pub enum DeliveryStep {
    /// Send it.
    Send(Delivery),
    /// It took too long.
    GiveUp(Delivery),
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryEnd {
    /// The service has taken it.
    Delivered,
    /// The service did not take it within a day.
    GivenUp,
}

/// The most bytes of bodies that wait. A state may have 2 MB.
const MAX_BYTES: usize = 256 * 1024;
/// The most deliveries that wait.
const MAX_WAITING: usize = 200;
/// How long a delivery is tried.
pub const LIFETIME: Duration = Duration::from_hours(24);
/// The longest wait before a delivery is tried again.
const MAX_WAIT: Duration = Duration::from_mins(15);

impl Delivery {
    /// A delivery that is due now.
    #[must_use]
    pub fn new(
        id: WebhookId,
        purpose: DeliveryPurpose,
        assistant: String,
        phone_hash: PhoneHash,
        body: String,
        now: UnixMillis,
    ) -> Self {
        Self {
            id,
            purpose,
            assistant,
            phone_hash,
            body,
            tries: 0,
            not_before: now,
            give_up_at: now.plus(LIFETIME),
        }
    }

    /// Whether the two go to the same service, in order.
    fn is_in_line_with(&self, other: &Self) -> bool {
        self.purpose == other.purpose && self.assistant == other.assistant
    }
}

impl Deliveries {
    /// Whether there is room for a body of this length.
    #[must_use]
    pub fn has_room(&self, bytes: usize) -> bool {
        let waiting: usize = self.0.iter().map(|one| one.body.len()).sum();
        self.0.len() < MAX_WAITING && waiting.saturating_add(bytes) <= MAX_BYTES
    }

    /// Accepts a delivery, if there is room. One with the id of another that waits is that one.
    #[must_use]
    pub fn put(&mut self, delivery: Delivery) -> bool {
        if self.0.iter().any(|one| one.id == delivery.id) {
            return true;
        }
        let fits = self.has_room(delivery.body.len());
        self.0.extend(fits.then_some(delivery));
        fits
    }

    /// The next step, if a delivery is due that no earlier one keeps waiting.
    #[must_use]
    pub fn next_step(&self, now: UnixMillis) -> Option<DeliveryStep> {
        let due = self.heads().find(|one| one.not_before <= now)?.clone();
        Some(if due.give_up_at <= now {
            DeliveryStep::GiveUp(due)
        } else {
            DeliveryStep::Send(due)
        })
    }

    /// Records that a delivery has failed. It is due again later. Returns how often it has failed, if
    /// that is to be logged: once.
    pub fn mark_failed(&mut self, id: &WebhookId, now: UnixMillis) -> Option<u32> {
        let failed = self.0.iter_mut().find(|one| one.id == *id)?;
        failed.tries = failed.tries.saturating_add(1);
        let wait = growing_wait(failed.tries, MAX_WAIT);
        failed.not_before = now.plus(wait).min(failed.give_up_at);
        Some(failed.tries).filter(|tries| *tries == 1)
    }

    /// Drops a delivery that has ended. Returns it, unless it was erased meanwhile.
    pub fn remove(&mut self, id: &WebhookId) -> Option<Delivery> {
        let at = self.0.iter().position(|one| one.id == *id)?;
        Some(self.0.remove(at))
    }

    /// Drops everything that waits. Returns the number of deliveries.
    pub fn erase(&mut self) -> usize {
        std::mem::take(&mut self.0).len()
    }

    /// Whether a delivery of this id waits.
    #[must_use]
    pub fn has(&self, id: &WebhookId) -> bool {
        self.0.iter().any(|one| one.id == *id)
    }

    /// The number of deliveries that wait.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether a delivery is due.
    #[must_use]
    pub fn is_due(&self, now: UnixMillis) -> bool {
        self.next_wake().is_some_and(|at| at <= now)
    }

    /// When the alarm must look at the deliveries.
    #[must_use]
    pub fn next_wake(&self) -> Option<UnixMillis> {
        self.heads().map(|one| one.not_before).min()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Limits planned times: a clock that jumped ahead must not delay a delivery.
    pub fn distrust_future(&mut self, now: UnixMillis) {
        for one in &mut self.0 {
            one.not_before = one.not_before.min(now.plus(MAX_WAIT));
            one.give_up_at = one.give_up_at.min(now.plus(LIFETIME));
        }
    }

    /// The first delivery of each line.
    fn heads(&self) -> impl Iterator<Item = &Delivery> {
        self.0.iter().enumerate().filter_map(|(at, one)| {
            let mut earlier = self.0.iter().take(at);
            let waits = earlier.any(|other| other.is_in_line_with(one));
            (!waits).then_some(one)
        })
    }
}

#[cfg(test)]
mod tests;
