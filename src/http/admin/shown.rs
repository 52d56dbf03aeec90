//! The JSON that the admin routes show, without texts or addresses.
//!
//! Not here: the routes themselves (`admin`).

use serde::Serialize;

use crate::{
    base::{time::UnixMillis, usage::RejectionCounts},
    config::{Config, Prices},
    conversation::budget::DayUsage,
    event::{CallEnd, Erased},
    identity::Pseudonym,
    messaging::api::{Erasure, ThreadSummary},
    voice::api::Progress,
};

#[derive(Serialize)]
pub(super) struct ShownUsage {
    /// The UTC day: `2026-11-22`.
    day: String,
    model_requests: ShownCount,
    messages_sent: ShownCount,
    call_minutes: ShownCount,
    budget_unreadable: bool,
    tokens: ShownTokens,
    estimated_cost: Option<f64>,
    messages_in: u64,
    answers: ShownAnswers,
    twilio: ShownReports,
    rejections: RejectionCounts,
}

impl ShownUsage {
    /// The usage of `day`, with the caps and the cost that follow from the settings.
    pub(super) fn new(config: &Config, day: &DayUsage) -> Self {
        let DayUsage {
            day,
            calls,
            messages,
            call_minutes,
            usage,
            unreadable,
        } = *day;
        let midnight = UnixMillis::start_of_day(day).to_string();
        Self {
            day: midnight.split('T').next().unwrap_or_default().to_owned(),
            model_requests: ShownCount {
                used: calls,
                cap: config.max_daily_calls,
            },
            messages_sent: ShownCount {
                used: messages,
                cap: config.max_daily_messages,
            },
            call_minutes: ShownCount {
                used: call_minutes,
                cap: config.max_daily_call_minutes,
            },
            budget_unreadable: unreadable,
            tokens: ShownTokens {
                prompt: usage.prompt_tokens,
                completion: usage.completion_tokens,
            },
            estimated_cost: config
                .prices()
                .map(|prices| cost(prices, usage.prompt_tokens, usage.completion_tokens)),
            messages_in: usage.messages_in,
            answers: ShownAnswers {
                webhook: usage.answers_by_webhook,
                rest: usage.answers_by_rest,
            },
            twilio: ShownReports {
                errors: usage.twilio_errors,
                warnings: usage.twilio_warnings,
            },
            rejections: usage.rejections,
        }
    }
}

/// What Twilio has reported.
#[derive(Serialize)]
struct ShownReports {
    errors: u64,
    warnings: u64,
}

#[derive(Serialize)]
struct ShownCount {
    used: u32,
    cap: u32,
}

/// How far a call has come.
#[derive(Serialize)]
pub(super) struct ShownCall<'a> {
    id: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_by: Option<CallEnd>,
}

impl<'a> ShownCall<'a> {
    pub(super) fn new(id: &'a Pseudonym, progress: Progress) -> Self {
        let (state, ended_by) = match progress {
            Progress::Dialling => ("dialling", None),
            Progress::Talking => ("talking", None),
            Progress::Ended(end) => ("ended", Some(end)),
        };
        Self {
            id: id.as_str(),
            state,
            ended_by,
        }
    }
}

#[derive(Serialize)]
pub(super) struct ShownReset {
    reset: ShownCounts,
}

/// The counts before the reset.
#[derive(Serialize)]
struct ShownCounts {
    model_requests: u32,
    messages_sent: u32,
    call_minutes: u32,
    budget_unreadable: bool,
}

impl From<DayUsage> for ShownReset {
    fn from(before: DayUsage) -> Self {
        let DayUsage {
            calls,
            messages,
            call_minutes,
            unreadable,
            ..
        } = before;
        Self {
            reset: ShownCounts {
                model_requests: calls,
                messages_sent: messages,
                call_minutes,
                budget_unreadable: unreadable,
            },
        }
    }
}

#[derive(Serialize)]
struct ShownTokens {
    prompt: u64,
    completion: u64,
}

#[derive(Serialize)]
struct ShownAnswers {
    webhook: u64,
    rest: u64,
}

#[derive(Serialize)]
pub(super) struct ShownThread {
    opted_out: bool,
    turns: u32,
    revision: Option<u64>,
    expires_at: Option<String>,
    turn_running: bool,
    pending_messages: usize,
    outbox_parts: usize,
    messages_last_minute: usize,
    handed_off: bool,
}

impl From<ThreadSummary> for ShownThread {
    fn from(summary: ThreadSummary) -> Self {
        let ThreadSummary {
            opted_out,
            turns,
            revision,
            expires_at,
            turn_running,
            pending_messages,
            outbox_parts,
            messages_last_minute,
            handed_off,
        } = summary;
        let expires_at = expires_at.map(|at| at.to_string());
        Self {
            opted_out,
            turns,
            revision,
            expires_at,
            turn_running,
            pending_messages,
            outbox_parts,
            messages_last_minute,
            handed_off,
        }
    }
}

/// A hand-off, and what the request has changed about it.
#[derive(Serialize)]
pub(super) struct ShownHandOff {
    handed_off: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    begun: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<bool>,
}

impl ShownHandOff {
    /// A hand-off runs. `begun`: since this request.
    pub(super) fn begun(begun: bool) -> Self {
        Self {
            handed_off: true,
            begun: Some(begun),
            ended: None,
        }
    }

    /// None runs. `ended`: since this request.
    pub(super) fn ended(ended: bool) -> Self {
        Self {
            handed_off: false,
            begun: None,
            ended: Some(ended),
        }
    }
}

/// An operator's answer waits in the outbox.
#[derive(Serialize)]
pub(super) struct ShownSaid {
    pub(super) queued: bool,
}

#[derive(Serialize)]
pub(super) struct ShownErasure {
    erased: Erased,
    kv: &'static str,
    opted_out: bool,
}

impl From<Erasure> for ShownErasure {
    fn from(erasure: Erasure) -> Self {
        let Erasure {
            erased,
            kv_deleted,
            opted_out,
        } = erasure;
        Self {
            erased,
            kv: if kv_deleted {
                "deleted"
            } else {
                "being_deleted"
            },
            opted_out,
        }
    }
}

/// The cost of the tokens in the currency of the prices, exact to a millionth.
#[allow(
    clippy::cast_precision_loss,
    reason = "2^53 millionths are 9 billion of any currency"
)]
pub(super) fn cost(prices: Prices, prompt_tokens: u64, completion_tokens: u64) -> f64 {
    let of = |tokens: u64, price: u64| u128::from(tokens).saturating_mul(u128::from(price));
    let millionths = of(prompt_tokens, prices.input)
        .saturating_add(of(completion_tokens, prices.output))
        / 1_000_000;
    millionths as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_is_exact_to_a_millionth() {
        let prices = Prices {
            input: 150_000,
            output: 600_000,
        };
        let shown =
            |prompt, completion| serde_json::to_value(cost(prices, prompt, completion)).unwrap();
        assert_eq!(shown(1_000_000, 1_000_000), 0.75);
        assert_eq!(shown(1_234, 567), 0.000_525);
        assert_eq!(shown(0, 0), 0.0);
        let most = cost(
            Prices {
                input: u64::MAX,
                output: u64::MAX,
            },
            u64::MAX,
            u64::MAX,
        );
        assert!(most.is_finite() && most > 1e12);
    }
}
