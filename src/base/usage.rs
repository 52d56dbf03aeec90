//! Usage counters of a day, for the operator: numbers only, nothing about any contact.
//!
//! Each isolate and each object keeps a [`UsageCounters`] of unreported usage. It adds them to a
//! call that it makes anyway, so counting costs almost nothing. Counters whose call failed are
//! reported again, and may then count twice. The daily caps do not depend on these counters
//! (`budget`). Not here: the code that counts (`http`, `messaging`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::UnixMillis;

/// The counts of a day, or the counts that are not reported yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UsageCounters {
    /// Messages that a thread has received.
    #[serde(skip_serializing_if = "is_zero")]
    pub messages_in: u64,
    /// Answers that a webhook carried, including canned replies.
    #[serde(skip_serializing_if = "is_zero")]
    pub answers_by_webhook: u64,
    /// Answers that Twilio's REST API accepted completely.
    #[serde(skip_serializing_if = "is_zero")]
    pub answers_by_rest: u64,
    /// Tokens of the requests, as OpenAI reported them.
    #[serde(skip_serializing_if = "is_zero")]
    pub prompt_tokens: u64,
    /// Tokens of the answers, including answers that could not be used.
    #[serde(skip_serializing_if = "is_zero")]
    pub completion_tokens: u64,
    /// Errors that Twilio has reported.
    #[serde(skip_serializing_if = "is_zero")]
    pub twilio_errors: u64,
    /// Warnings that Twilio has reported.
    #[serde(skip_serializing_if = "is_zero")]
    pub twilio_warnings: u64,
    /// Requests and messages that were rejected.
    #[serde(skip_serializing_if = "RejectionCounts::is_empty")]
    pub rejections: RejectionCounts,
}

/// The rejections, by kind. They are written with every kind, as operators see them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RejectionCounts {
    /// Twilio did not sign the request.
    pub invalid_signature: u64,
    /// The body was not a form, was too long, or could not be read.
    pub bad_request: u64,
    /// The request was signed, but had a field that Twilio would not send.
    pub suspicious_request: u64,
    /// The contact exceeded the rate limit.
    pub rate_limited: u64,
    /// The contact has opted out.
    pub opted_out: u64,
    /// Requests to the model that the day's budget did not allow.
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
        twilio_errors: 0,
        twilio_warnings: 0,
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

    /// Subtracts the counts of `other`, which were reported.
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
    fn counts(&mut self) -> [&mut u64; 13] {
        let Self {
            messages_in,
            answers_by_webhook,
            answers_by_rest,
            prompt_tokens,
            completion_tokens,
            twilio_errors,
            twilio_warnings,
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
            twilio_errors,
            twilio_warnings,
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
    /// When the alarm reports the usage, unless a request carries it earlier.
    report_at: Option<UnixMillis>,
}

/// How long usage waits for a request that can carry it.
const REPORT_WAIT: Duration = Duration::from_mins(1);

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

    /// Subtracts usage that was reported.
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

    /// Limits the planned time: a clock that jumped ahead must not delay the report.
    pub fn distrust_future(&mut self, now: UnixMillis) {
        self.report_at = self.report_at.map(|at| at.min(now.plus(REPORT_WAIT)));
    }
}

/// The usage that this isolate has counted and not reported yet. It lives as long as the isolate.
pub trait UsageBuffer {
    /// Adds to the counters.
    fn count(&self, counters: &UsageCounters);
    /// Removes and returns the counters, to report them.
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
    fn reported_counts_are_subtracted_and_the_others_stay() {
        let mut counters = counted(5);
        counters.subtract(&counted(3));
        counters.add(&counted(1));
        assert_eq!(counters, counted(3));
        counters.subtract(&counted(9));
        assert!(counters.is_empty(), "a count is never below nothing");
    }

    #[test]
    fn empty_counters_take_no_room_and_every_count_is_sent() {
        assert_eq!(serde_json::to_string(&UsageCounters::EMPTY).unwrap(), "{}");
        let text = serde_json::to_string(&counted(7)).unwrap();
        assert_eq!(
            serde_json::from_str::<UsageCounters>(&text).unwrap(),
            counted(7)
        );
        assert_eq!(text.matches(":7").count(), 13, "{text}");
    }
}
