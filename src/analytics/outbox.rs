//! The events that wait for Segment. It does no I/O, and gets time and randomness passed in.
//!
//! They are sent until Segment has received them or has refused them, for at most a day. Neither a
//! key nor an address is stored, so that a changed configuration counts at once. Not here: the
//! requests (`segment`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    base::time::{UnixMillis, growing_wait},
    event::SegmentOutcome,
    segment::{Item, Outcome, fitting},
};

/// The events of one object that wait, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbox {
    items: Vec<Item>,
    /// How often the request that is due has failed, in a row.
    failures: u32,
    not_before: UnixMillis,
    give_up_at: UnixMillis,
}

/// What is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// These items are sent in one request.
    Send(Vec<Item>),
    /// They have waited for too long.
    GiveUp,
}

/// What has become of some events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The outcome.
    pub outcome: SegmentOutcome,
    /// How many events.
    pub count: usize,
    /// Why Segment has not received them.
    pub reason: Option<&'static str>,
}

/// How long events are tried.
pub const LIFETIME: Duration = Duration::from_hours(24);
/// The longest wait of our own before they are tried again.
const MAX_WAIT: Duration = Duration::from_mins(15);

impl Outbox {
    /// Events that are due now.
    #[must_use]
    pub fn new(items: Vec<Item>, now: UnixMillis) -> Self {
        Self {
            items,
            failures: 0,
            not_before: now,
            give_up_at: now.plus(LIFETIME),
        }
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// When something is due.
    #[must_use]
    pub fn next_wake(&self) -> Option<UnixMillis> {
        (!self.is_empty()).then_some(self.not_before)
    }

    /// What is due, if anything is.
    #[must_use]
    pub fn next_step(&self, now: UnixMillis) -> Option<Step> {
        if self.is_empty() || now < self.not_before {
            return None;
        }
        if now >= self.give_up_at {
            return Some(Step::GiveUp);
        }
        let first = self.items.iter().take(fitting(&self.items));
        Some(Step::Send(first.cloned().collect()))
    }

    /// A request with the first `count` items has ended. Returns what is to be logged. A delay is
    /// logged once.
    ///
    /// The wait before the next request doubles, and is at least what Segment asks for. `jitter` is
    /// random in `0.0..1.0`: many runs that failed together must not come again together.
    pub fn ended(
        &mut self,
        count: usize,
        outcome: Outcome,
        jitter: f64,
        now: UnixMillis,
    ) -> Option<Report> {
        match outcome {
            Outcome::Received => Some(self.remove(count, SegmentOutcome::Sent, None)),
            Outcome::Refused => Some(self.remove(count, SegmentOutcome::GivenUp, Some("rejected"))),
            Outcome::Later { reason, wait } => {
                self.failures = self.failures.saturating_add(1);
                let own = growing_wait(self.failures, MAX_WAIT)
                    .mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
                let wait = wait.map_or(own, |asked| asked.saturating_add(own));
                self.not_before = now.plus(wait).min(self.give_up_at);
                (self.failures == 1).then_some(Report {
                    outcome: SegmentOutcome::Late,
                    count,
                    reason: Some(reason.label()),
                })
            }
        }
    }

    /// Drops what has waited for too long. Returns what is to be logged.
    pub fn give_up(&mut self) -> Report {
        let count = self.items.len();
        self.remove(count, SegmentOutcome::GivenUp, Some("expired"))
    }

    fn remove(
        &mut self,
        count: usize,
        outcome: SegmentOutcome,
        reason: Option<&'static str>,
    ) -> Report {
        let count = count.min(self.items.len());
        self.items.drain(..count);
        self.failures = 0;
        Report {
            outcome,
            count,
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::secret::Secret,
        identity::PseudonymKey,
        segment::{Call, Message, Reason},
    };

    fn item(id: &str, length: usize) -> Item {
        let user = PseudonymKey::new(Secret::new("k".repeat(32))).persona("ada");
        Item::new(&Message {
            id,
            user: &user,
            at: UnixMillis(0),
            call: Call::Identify {
                traits: &"x".repeat(length),
            },
        })
        .unwrap()
    }

    fn busy(wait: Option<u64>) -> Outcome {
        Outcome::Later {
            reason: Reason::Busy,
            wait: wait.map(Duration::from_secs),
        }
    }

    const T0: UnixMillis = UnixMillis(1_000_000);

    fn outbox() -> Outbox {
        Outbox::new(vec![item("a", 1), item("b", 1)], T0)
    }

    #[test]
    fn what_segment_has_received_is_gone() {
        let mut outbox = outbox();
        assert_eq!(
            outbox.next_step(T0),
            Some(Step::Send(vec![item("a", 1), item("b", 1)]))
        );
        let report = outbox.ended(2, Outcome::Received, 0.5, T0);
        assert_eq!(
            report,
            Some(Report {
                outcome: SegmentOutcome::Sent,
                count: 2,
                reason: None
            })
        );
        assert!(outbox.is_empty());
        assert_eq!((outbox.next_step(T0), outbox.next_wake()), (None, None));
    }

    #[test]
    fn what_segment_refuses_is_never_sent_again() {
        let mut outbox = outbox();
        let report = outbox.ended(2, Outcome::Refused, 0.5, T0).unwrap();
        assert_eq!(
            (report.outcome, report.reason),
            (SegmentOutcome::GivenUp, Some("rejected"))
        );
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_failure_is_repeated_with_growing_waits_and_told_once() {
        let mut outbox = outbox();
        let mut waits = Vec::new();
        let mut now = T0;
        for failure in 0..12 {
            let report = outbox.ended(2, busy(None), 1.0, now);
            assert_eq!(report.is_some(), failure == 0);
            let at = outbox.next_wake().unwrap();
            assert_eq!(outbox.next_step(UnixMillis(at.0 - 1)), None);
            assert!(matches!(outbox.next_step(at), Some(Step::Send(_))));
            waits.push(at.since(now).as_secs());
            now = at;
        }
        assert_eq!(
            waits,
            [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900],
            "at most a quarter of an hour"
        );
    }

    #[test]
    fn segment_is_never_asked_earlier_than_it_says_and_many_runs_come_at_different_times() {
        for jitter in [0.0, 0.3, 1.0] {
            let mut outbox = outbox();
            outbox.ended(2, busy(Some(60)), jitter, T0);
            let wait = outbox.next_wake().unwrap().since(T0).as_millis();
            assert!((61_000..=62_000).contains(&wait), "{wait}");
        }
        let wait = |jitter| {
            let mut outbox = outbox();
            outbox.ended(2, busy(None), jitter, T0);
            outbox.next_wake().unwrap().since(T0).as_millis()
        };
        assert_eq!((wait(0.0), wait(0.5), wait(1.0)), (1000, 1500, 2000));
    }

    #[test]
    fn after_a_day_everything_is_given_up_whatever_segment_asks_for() {
        let mut outbox = outbox();
        outbox.ended(2, busy(Some(1_000_000)), 0.5, T0);
        let end = T0.plus(LIFETIME);
        assert_eq!(outbox.next_wake(), Some(end));
        assert_eq!(outbox.next_step(end), Some(Step::GiveUp));
        let report = outbox.give_up();
        assert_eq!(
            report,
            Report {
                outcome: SegmentOutcome::GivenUp,
                count: 2,
                reason: Some("expired")
            }
        );
        assert!(outbox.is_empty());
    }

    #[test]
    fn what_does_not_fit_one_request_goes_out_in_the_next_one() {
        let items: Vec<Item> = (0..40).map(|n| item(&n.to_string(), 31_000)).collect();
        let mut outbox = Outbox::new(items, T0);
        let mut counts = Vec::new();
        while let Some(Step::Send(sent)) = outbox.next_step(T0) {
            counts.push(sent.len());
            outbox.ended(sent.len(), Outcome::Received, 0.5, T0);
        }
        assert_eq!(counts, [16, 16, 8]);
    }

    #[test]
    fn a_restart_sends_the_same_bytes_again() {
        let outbox = outbox();
        let stored = serde_json::to_string(&outbox).unwrap();
        let again: Outbox = serde_json::from_str(&stored).unwrap();
        assert_eq!(again.next_step(T0), outbox.next_step(T0));
    }
}
