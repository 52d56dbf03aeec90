//! Slots: they limit how many turns hold files in memory at once.
//!
//! Not here: fetching files (`media`).

use std::{cell::RefCell, time::Duration};

use super::FetchError;
use crate::{base::time::UnixMillis, platform::Clock};

/// The right of one turn to hold files in the isolate's memory. Dropping it frees the slot.
#[derive(Debug)]
pub struct Slot {
    number: u64,
}

/// How much memory a turn may need for its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Up to 28 MB: images, or a voice note of at most [`Weight::SMALL_VOICE_BYTES`].
    Small,
    /// Up to 64 MB: a voice note of at most [`super::MAX_VOICE_BYTES`].
    Large,
}

impl Weight {
    /// The largest voice note for which a small slot is enough.
    pub const SMALL_VOICE_BYTES: usize = 4 * 1024 * 1024;

    /// The parts of [`MAX_WEIGHT`] that it takes.
    fn parts(self) -> usize {
        match self {
            Self::Small => 1,
            Self::Large => 3,
        }
    }
}

/// The parts that all slots together may take. An isolate has 128 MB (Cloudflare, "Limits").
///
/// The images of a turn take about 14 MB while the request is built, and as much again in the
/// runtime while it is sent: four such turns take 112 MB. A voice note is held four times at most:
/// as it came into the runtime, in the request, in the copy that the runtime gets, and in the
/// runtime's own while it is sent. So a large one takes 64 MB, and leaves room for one small turn.
const MAX_WEIGHT: usize = 4;

/// How often a waiting turn looks for a free slot. It must poll: a task that another request wakes
/// would continue in that request's context.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The longest time for which a slot is taken, longer than any turn. It frees the slots of turns
/// that the runtime ended silently.
const MAX_HELD: Duration = Duration::from_mins(10);

#[derive(Default)]
struct Slots {
    next: u64,
    taken: Vec<Taken>,
}

/// A slot that is taken.
struct Taken {
    number: u64,
    weight: Weight,
    since: UnixMillis,
}

thread_local! {
    static SLOTS: RefCell<Slots> = RefCell::default();
}

/// Waits until `deadline` for a free slot of this weight. Who has one already must drop it first:
/// otherwise two could wait for each other.
///
/// # Errors
/// [`FetchError::NotFetched`] when no slot became free in time.
pub async fn slot(
    clock: &impl Clock,
    weight: Weight,
    deadline: UnixMillis,
) -> Result<Slot, FetchError> {
    loop {
        let now = clock.now();
        if let Some(slot) = SLOTS.with_borrow_mut(|slots| slots.take(weight, now)) {
            return Ok(slot);
        }
        if now >= deadline {
            return Err(FetchError::NotFetched);
        }
        clock.sleep(LOOK_AGAIN).await;
    }
}

impl Slots {
    fn take(&mut self, weight: Weight, now: UnixMillis) -> Option<Slot> {
        self.taken.retain(|taken| now.since(taken.since) < MAX_HELD);
        let all = self.taken.iter().map(|taken| taken.weight).chain([weight]);
        if all.map(Weight::parts).sum::<usize>() > MAX_WEIGHT {
            return None;
        }
        self.next = self.next.wrapping_add(1);
        let (number, since) = (self.next, now);
        self.taken.push(Taken {
            number,
            weight,
            since,
        });
        Some(Slot { number })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        SLOTS.with_borrow_mut(|slots| slots.taken.retain(|taken| taken.number != self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_free_again_when_it_is_dropped_or_held_for_longer_than_any_turn() {
        let mut slots = Slots::default();
        let small = |slots: &mut Slots, at| slots.take(Weight::Small, at);
        let held: Vec<_> = (0..MAX_WEIGHT)
            .map(|_| small(&mut slots, UnixMillis(0)).unwrap())
            .collect();
        assert!(small(&mut slots, UnixMillis(1)).is_none());
        assert!(
            small(&mut slots, UnixMillis(0).plus(MAX_HELD)).is_some(),
            "a slot whose object has vanished is not held for ever"
        );
        std::mem::forget(held);
    }

    #[test]
    fn a_large_voice_note_leaves_room_for_one_small_turn() {
        let mut slots = Slots::default();
        let mut take = |weight| slots.take(weight, UnixMillis(0));
        let held = [take(Weight::Large), take(Weight::Small)];
        assert!(held.iter().all(Option::is_some));
        assert!(take(Weight::Small).is_none() && take(Weight::Large).is_none());
        std::mem::forget(held);
    }
}
