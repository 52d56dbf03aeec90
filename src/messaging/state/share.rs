//! A contact's share of a UTC day: requests to the model, and canned replies.
//!
//! Not here: the budget of all contacts (`conversation::budget`).

use serde::{Deserialize, Serialize};

use crate::base::time::UnixMillis;

/// The usage of a contact today. It stays until an hour after the day is over, even after an erasure.
/// Otherwise an erasure would lift the caps, and so would a clock that steps back over midnight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DailyShare {
    /// The UTC day, counted from 1970-01-01.
    day: u64,
    /// Requests to the model.
    calls: u32,
    /// Answers without a request to the model.
    canned_replies: u32,
    /// Whether the contact was told that a daily limit is reached.
    told: bool,
}

/// The answers without a request to the model that a contact gets a day, HELP included. Each costs
/// a message, and only the rate limit bounds them otherwise.
pub const MAX_CANNED_REPLIES_PER_DAY: u32 = 50;

impl DailyShare {
    /// Counts one more canned reply, if the contact may have one today.
    pub fn reserve_canned_reply(&mut self, now: UnixMillis) -> bool {
        let today = self.today(now);
        let may = today.canned_replies < MAX_CANNED_REPLIES_PER_DAY;
        today.canned_replies = today.canned_replies.saturating_add(u32::from(may));
        may
    }

    /// Counts one request to the model, if the contact has one left today. Without a cap there is
    /// always one.
    pub fn reserve_call(&mut self, now: UnixMillis, cap: Option<u32>) -> bool {
        let today = self.today(now);
        let may = cap.is_none_or(|cap| today.calls < cap);
        today.calls = today.calls.saturating_add(u32::from(may));
        may
    }

    /// Whether the contact has a request to the model left today.
    pub fn has_call(&self, now: UnixMillis, cap: Option<u32>) -> bool {
        // On a copy: a look changes nothing.
        let mut share = *self;
        share.reserve_call(now, cap)
    }

    /// Today's requests to the model, and canned replies.
    pub fn counts(&self, now: UnixMillis) -> (u32, u32) {
        let mut share = *self;
        let today = share.today(now);
        (today.calls, today.canned_replies)
    }

    /// Adds today's usage under another address of the same contact.
    pub fn absorb(&mut self, calls: u32, canned_replies: u32, now: UnixMillis) {
        if calls == 0 && canned_replies == 0 {
            return;
        }
        let today = self.today(now);
        today.calls = today.calls.saturating_add(calls);
        today.canned_replies = today.canned_replies.saturating_add(canned_replies);
    }

    /// Takes back a request that was counted and not made.
    pub fn return_call(&mut self, now: UnixMillis) {
        let today = self.today(now);
        today.calls = today.calls.saturating_sub(1);
    }

    /// Records that the contact is told of a daily limit. Returns whether it is the first time
    /// today.
    pub fn tell(&mut self, now: UnixMillis) -> bool {
        !std::mem::replace(&mut self.today(now).told, true)
    }

    /// Forgets a day that is over.
    pub fn forget(&mut self, now: UnixMillis) {
        if UnixMillis::end_of_counts(self.day) <= now {
            *self = Self::default();
        }
    }

    /// When the day is forgotten, if it has cost anything.
    pub fn ends(&self) -> Option<UnixMillis> {
        (!self.is_empty()).then(|| UnixMillis::end_of_counts(self.day))
    }

    /// Whether the day has cost nothing.
    pub fn is_empty(&self) -> bool {
        self.calls == 0 && self.canned_replies == 0 && !self.told
    }

    /// The share of the UTC day of `now`, see [`UnixMillis::day_of_count`].
    fn today(&mut self, now: UnixMillis) -> &mut Self {
        *self = match now.day_of_count(self.day) {
            Some(day) => Self { day, ..*self },
            None => Self {
                day: now.utc_day(),
                ..Self::default()
            },
        };
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MIDNIGHT: UnixMillis = UnixMillis(20_000 * 86_400_000);

    #[test]
    fn a_clock_that_steps_back_over_midnight_does_not_begin_the_day_again() {
        let before = MIDNIGHT.minus(Duration::from_secs(30));
        let mut share = DailyShare::default();
        assert!(share.reserve_call(before, Some(1)) && share.tell(before));
        share.forget(MIDNIGHT);
        assert!(!share.reserve_call(before, Some(1)) && !share.tell(before));
        assert!(share.reserve_call(MIDNIGHT, Some(1)) && share.tell(MIDNIGHT));
        share.forget(MIDNIGHT);
        assert!(!share.reserve_call(before, Some(1)) && !share.tell(before));
    }

    #[test]
    fn a_day_is_forgotten_an_hour_after_it_is_over() {
        let mut share = DailyShare::default();
        assert!(share.reserve_canned_reply(MIDNIGHT));
        let ends = MIDNIGHT.plus(Duration::from_hours(25));
        assert_eq!(share.ends(), Some(ends));
        share.forget(ends.minus(Duration::from_millis(1)));
        assert!(!share.is_empty());
        share.forget(ends);
        assert_eq!(share, DailyShare::default());
        assert_eq!(share.ends(), None);
    }
}
