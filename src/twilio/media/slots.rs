//! Slots: they limit how many turns hold images in memory at once.
//!
//! Not here: fetching images (`media`).

use std::{cell::RefCell, time::Duration};

use super::FetchError;
use crate::{base::time::UnixMillis, platform::Clock};

/// The right of one turn to hold images in the isolate's memory. Dropping it frees the slot.
#[derive(Debug)]
pub struct Slot {
    number: u64,
}

/// The number of slots. An isolate has 128 MB (Cloudflare, "Limits"). The images of a turn take
/// about 14 MB while the request is built, and as much again in the runtime while it is sent.
const MAX_SLOTS: usize = 4;

/// How often a waiting turn looks for a free slot. It must poll: a task that another request wakes
/// would continue in that request's context.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The longest time for which a slot is taken, longer than any turn. It frees the slots of turns
/// that the runtime ended silently.
const MAX_HELD: Duration = Duration::from_mins(10);

#[derive(Default)]
struct Slots {
    next: u64,
    /// The taken slots: their numbers, and since when they are taken.
    taken: Vec<(u64, UnixMillis)>,
}

thread_local! {
    static SLOTS: RefCell<Slots> = RefCell::default();
}

/// Waits for a free slot until `deadline`.
///
/// # Errors
/// [`FetchError::NotFetched`] when no slot became free in time.
pub async fn slot(clock: &impl Clock, deadline: UnixMillis) -> Result<Slot, FetchError> {
    loop {
        let now = clock.now();
        if let Some(slot) = SLOTS.with_borrow_mut(|slots| slots.take(now)) {
            return Ok(slot);
        }
        if now >= deadline {
            return Err(FetchError::NotFetched);
        }
        clock.sleep(LOOK_AGAIN).await;
    }
}

impl Slots {
    fn take(&mut self, now: UnixMillis) -> Option<Slot> {
        self.taken.retain(|(_, since)| now.since(*since) < MAX_HELD);
        if self.taken.len() >= MAX_SLOTS {
            return None;
        }
        self.next = self.next.wrapping_add(1);
        self.taken.push((self.next, now));
        Some(Slot { number: self.next })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        SLOTS.with_borrow_mut(|slots| slots.taken.retain(|(number, _)| *number != self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_free_again_when_it_is_dropped_or_held_for_longer_than_any_turn() {
        let mut slots = Slots::default();
        let held: Vec<_> = (0..MAX_SLOTS)
            .map(|_| slots.take(UnixMillis(0)).unwrap())
            .collect();
        assert!(slots.take(UnixMillis(1)).is_none());
        assert!(
            slots.take(UnixMillis(0).plus(MAX_HELD)).is_some(),
            "a slot whose object has vanished is not held for ever"
        );
        std::mem::forget(held);
    }
}
