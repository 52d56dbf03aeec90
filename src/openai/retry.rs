//! The decision to retry a failed request, and the wait before it.
//!
//! Not here: the loop of requests (`conversation::model_run`).

use std::time::Duration;

use super::OpenAiError;
use crate::base::{retry_after, time::UnixMillis};

/// The most retries of one request.
pub const MAX_RETRIES: u32 = 2;

/// The wait before the next retry, or `None` to give up. `retries` were made so far, `remaining` is
/// the time left for the whole request, and `jitter` is random in `0.0..1.0`.
#[must_use]
pub fn retry_after(
    failure: OpenAiError,
    asked: Option<&str>,
    now: UnixMillis,
    retries: u32,
    remaining: Duration,
    jitter: f64,
) -> Option<Duration> {
    if retries >= MAX_RETRIES || !may_pass(failure) {
        return None;
    }
    let own = FIRST_WAIT
        .saturating_mul(1u32 << retries.min(8))
        .mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
    let wait = asked
        .and_then(|value| retry_after::parse(value, now))
        .map_or(own, |asked| asked.max(own));
    (wait < remaining).then_some(wait)
}

/// Whether a failure may pass, so that a retry can help.
#[must_use]
pub fn may_pass(failure: OpenAiError) -> bool {
    matches!(
        failure,
        OpenAiError::Connection | OpenAiError::Busy | OpenAiError::ServerError
    )
}

const FIRST_WAIT: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::UnexpectedResponse;

    const NOW: UnixMillis = UnixMillis(784_111_777_000); // Sun, 06 Nov 1994 08:49:37 GMT
    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn only_temporary_failures_are_retried_and_at_most_twice() {
        for failure in [
            OpenAiError::Connection,
            OpenAiError::Busy,
            OpenAiError::ServerError,
        ] {
            assert!(retry_after(failure, None, NOW, 0, LONG, 0.5).is_some());
            assert!(retry_after(failure, None, NOW, 1, LONG, 0.5).is_some());
            assert!(retry_after(failure, None, NOW, 2, LONG, 0.5).is_none());
        }
        for failure in [
            OpenAiError::Timeout,
            OpenAiError::InsufficientQuota,
            OpenAiError::Unauthorized,
            OpenAiError::Rejected,
            OpenAiError::ModelNotFound,
            OpenAiError::NotFound,
            OpenAiError::ContextTooLong,
            OpenAiError::NoImages,
            OpenAiError::Unexpected(UnexpectedResponse::Html),
            OpenAiError::NoChoice,
            OpenAiError::Empty,
            OpenAiError::TokenLimit,
            OpenAiError::Filtered,
            OpenAiError::Unreadable,
        ] {
            assert_eq!(
                retry_after(failure, None, NOW, 0, LONG, 0.5),
                None,
                "{}",
                failure.label()
            );
        }
    }

    #[test]
    fn waits_double_and_are_jittered() {
        let wait = |retries, jitter| {
            retry_after(OpenAiError::Busy, None, NOW, retries, LONG, jitter)
                .unwrap()
                .as_millis()
        };
        assert_eq!((wait(0, 0.0), wait(0, 1.0)), (250, 500));
        assert_eq!((wait(1, 0.0), wait(1, 1.0)), (500, 1000));
    }

    #[test]
    fn retry_after_is_honoured_in_seconds_and_as_a_date_up_to_the_time_left() {
        let wait = |value, remaining| {
            retry_after(
                OpenAiError::Busy,
                Some(value),
                NOW,
                0,
                Duration::from_secs(remaining),
                0.0,
            )
        };
        assert_eq!(wait("5", 60), Some(Duration::from_secs(5)));
        assert_eq!(
            wait("Sun, 06 Nov 1994 08:49:47 GMT", 60),
            Some(Duration::from_secs(10))
        );
        assert_eq!(
            wait("Sun, 06 Nov 1994 08:49:07 GMT", 60),
            Some(Duration::from_millis(250)),
            "a date that has passed"
        );
        assert_eq!(wait("soon", 60), Some(Duration::from_millis(250)));
        assert_eq!(wait("60", 60), None);
        assert_eq!(wait("99999999999999", 60), Some(Duration::from_millis(250)));
    }
}
