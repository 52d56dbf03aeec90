//! What is reserved for a run, what it uses, and what is given back and reported at its end.
//!
//! Not here: the limits of a conversation (`said`), and asking the budget.

use std::time::Duration;

use super::Run;
use crate::{
    base::time::{UnixMillis, growing_wait},
    synthetic::api::Cost,
};

/// What is reserved of the day for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// How many requests to the model.
    pub count: u32,
    /// How many minutes of calls, on both legs together.
    pub minutes: u32,
    /// A moment before they were, so that no later day is given anything back.
    pub at: UnixMillis,
}

/// What is given back and reported at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The requests that were reserved and not made, and the minutes that did not begin.
    pub unused: Reserved,
    /// What was used.
    pub cost: Cost,
}

/// The longest wait before the batch is told again.
const LONGEST_REPORT_WAIT: Duration = Duration::from_mins(5);

impl Run {
    /// Takes one of the reserved requests. Returns `false` if none is left, or if the run was
    /// cancelled in the meantime.
    pub fn take_request(&mut self) -> bool {
        let goes_on = self.ended.is_none() || self.judged_at.is_none();
        let has_one = goes_on && self.used < self.reserved;
        if has_one {
            self.used = self.used.saturating_add(1);
        }
        has_one
    }

    /// What is to be given back and reported, once. If that fails, it stays reserved.
    pub fn settle(&mut self, now: UnixMillis) -> Option<Settled> {
        if std::mem::replace(&mut self.settled, true) {
            return None;
        }
        let unused = self.reserved.saturating_sub(self.used);
        self.reserved = self.used;
        let minutes = self.call.as_ref().map(|call| {
            // Minutes of the day that were reserved are never exceeded: Twilio itself ends the call.
            call.minutes(self.reserved_minutes, now)
        });
        self.cost.call_minutes = minutes.unwrap_or_default();
        let unused_minutes = self.reserved_minutes.saturating_sub(self.cost.call_minutes);
        self.reserved_minutes = self.cost.call_minutes;
        Some(Settled {
            unused: Reserved {
                count: unused,
                minutes: unused_minutes,
                at: self.reserved_at,
            },
            cost: self.cost,
        })
    }

    /// The batch did not answer.
    pub fn report_failed(&mut self, now: UnixMillis) {
        self.report_failures = self.report_failures.saturating_add(1);
        let wait = growing_wait(self.report_failures, LONGEST_REPORT_WAIT);
        self.report_at = Some(now.plus(wait));
    }
}
