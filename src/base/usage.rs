//! What is counted of a day's work, for the operator: numbers, and nothing about anybody.
//!
//! Each place keeps a [`UsageCounters`] of what it has not reported yet and adds it to a call that it makes anyway, so that counting
//! costs next to nothing. A tally whose call failed is reported again, and may then count twice. The cap on requests does
//! not rest on them (`budget`). Not here: who counts what (`app`, `sender`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::UnixMillis;

/// Counts that are not reported yet, or those of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UsageCounters {
    /// Messages that were taken in.
    #[serde(skip_serializing_if = "is_zero")]
    pub messages_in: u64,
    /// Answers that a webhook carried, fixed sentences included.
    #[serde(skip_serializing_if = "is_zero")]
    pub answers_by_webhook: u64,
    /// Answers that were handed to Twilio's REST API in whole.
    #[serde(skip_serializing_if = "is_zero")]
    pub answers_by_rest: u64,
    /// Tokens of requests, as far as OpenAI told them.
    #[serde(skip_serializing_if = "is_zero")]
    pub prompt_tokens: u64,
    /// Tokens of their answers, those that could not be passed on included.
    #[serde(skip_serializing_if = "is_zero")]
    pub completion_tokens: u64,
    /// What was refused.
    #[serde(skip_serializing_if = "RejectionCounts::is_empty")]
    pub rejections: RejectionCounts,
}

/// RejectionCounts, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RejectionCounts {
    /// Not signed by Twilio.
    #[serde(skip_serializing_if = "is_zero")]
    pub invalid_signature: u64,
    /// Not a form, too long, or not to be read.
    #[serde(skip_serializing_if = "is_zero")]
    pub bad_request: u64,
    /// Signed, with a field that Twilio would not send.
    #[serde(skip_serializing_if = "is_zero")]
    pub suspicious_request: u64,
    /// Over the rate limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub rate_limited: u64,
    /// Of a sender that is opted out.
    #[serde(skip_serializing_if = "is_zero")]
    pub opted_out: u64,
    /// Requests to the model that the day's budget did not allow.
    #[serde(skip_serializing_if = "is_zero")]
    pub budget_exhausted: u64,
}

impl RejectionCounts {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl UsageCounters {
    /// Nothing.
    pub const EMPTY: Self = Self {
        messages_in: 0,
        answers_by_webhook: 0,
        answers_by_rest: 0,
        prompt_tokens: 0,
        completion_tokens: 0,
        rejections: RejectionCounts {
            invalid_signature: 0,
            bad_request: 0,
            suspicious_request: 0,
            rate_limited: 0,
            opted_out: 0,
            budget_exhausted: 0,
        },
    };

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    /// Adds the counts of `other`.
    pub fn add(&mut self, other: &Self) {
        self.each(other, u64::saturating_add);
    }

    /// Takes away the counts of `other`, which were reported.
    pub fn subtract(&mut self, other: &Self) {
        self.each(other, u64::saturating_sub);
    }

    fn each(&mut self, other: &Self, combine: fn(u64, u64) -> u64) {
        let (own, others) = (self.counts(), { *other }.counts().map(|count| *count));
        own.into_iter()
            .zip(others)
            .for_each(|(count, other)| *count = combine(*count, other));
    }

    /// Every count. A count that is forgotten here fails the test below.
    fn counts(&mut self) -> [&mut u64; 11] {
        let Self {
            messages_in,
            answers_by_webhook,
            answers_by_rest,
            prompt_tokens,
            completion_tokens,
            rejections,
        } = self;
        let RejectionCounts {
            invalid_signature,
            bad_request,
            suspicious_request,
            rate_limited,
            opted_out,
            budget_exhausted,
        } = rejections;
        [
            messages_in,
            answers_by_webhook,
            answers_by_rest,
            prompt_tokens,
            completion_tokens,
            invalid_signature,
            bad_request,
            suspicious_request,
            rate_limited,
            opted_out,
            budget_exhausted,
        ]
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Usage that an object has counted and not reported yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PendingUsage {
    counters: UsageCounters,
    /// When it is reported, if no request takes it along before.
    report_at: Option<UnixMillis>,
}

/// How long usage waits for a request that takes it along.
const REPORT_WAIT: Duration = Duration::from_secs(60);

impl PendingUsage {
    /// The counters.
    #[must_use]
    pub fn counters(&self) -> UsageCounters {
        self.counters
    }

    /// Adds usage that was counted, or could not be reported.
    pub fn count(&mut self, counters: &UsageCounters, now: UnixMillis) {
        if !counters.is_empty() {
            self.counters.add(counters);
            self.report_at.get_or_insert(now.plus(REPORT_WAIT));
        }
    }

    /// Takes away usage that was reported.
    pub fn mark_reported(&mut self, counters: &UsageCounters) {
        self.counters.subtract(counters);
        self.report_at.take_if(|_| self.counters.is_empty());
    }

    /// When the alarm must report it.
    #[must_use]
    pub fn next_wake(&self) -> Option<UnixMillis> {
        self.report_at
    }

    /// Whether there is nothing to report.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counters.is_empty()
    }

    /// Believes no time that is further ahead than it can have been set.
    pub fn distrust_future(&mut self, now: UnixMillis) {
        self.report_at = self.report_at.map(|at| at.min(now.plus(REPORT_WAIT)));
    }
}

/// What this isolate has counted and not reported yet. It lasts as long as the isolate does.
pub trait UsageBuffer {
    /// Adds to the counters.
    fn count(&self, counters: &UsageCounters);
    /// Takes the counters away, to report them.
    fn take(&self) -> UsageCounters;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(number: u64) -> UsageCounters {
        let mut counters = UsageCounters::default();
        counters
            .counts()
            .into_iter()
            .for_each(|count| *count = number);
        counters
    }

    #[test]
    fn what_was_reported_is_taken_away_and_the_rest_stays() {
        let mut counters = counted(5);
        counters.subtract(&counted(3));
        counters.add(&counted(1));
        assert_eq!(counters, counted(3));
        counters.subtract(&counted(9));
        assert!(counters.is_empty(), "a count is never below nothing");
    }

    #[test]
    fn an_empty_tally_takes_no_room_and_every_count_travels() {
        assert_eq!(serde_json::to_string(&UsageCounters::EMPTY).unwrap(), "{}");
        let text = serde_json::to_string(&counted(7)).unwrap();
        assert_eq!(
            serde_json::from_str::<UsageCounters>(&text).unwrap(),
            counted(7)
        );
        assert_eq!(text.matches(":7").count(), 11, "{text}");
    }
}
