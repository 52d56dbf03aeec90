//! Moments and durations: milliseconds since the Unix epoch, UTC days, RFC 3339.
//!
//! Pure arithmetic that saturates. Not here: reading the clock (`platform`).

use std::{fmt, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// The wait before something that has failed `tries` times in a row is tried again: it doubles each
/// time, from two seconds on, and is at most `longest`.
#[must_use]
pub fn growing_wait(tries: u32, longest: Duration) -> Duration {
    Duration::from_secs(1u64 << tries.min(32)).min(longest)
}

/// A moment, in milliseconds since the Unix epoch, as the platform's clock told it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// This moment plus `duration`; saturates at the end of time.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// This moment minus `duration`; saturates at the epoch.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// The time since `earlier`, or zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The number of the UTC day, counted from 1970-01-01.
    #[must_use]
    pub fn utc_day(self) -> u64 {
        self.0 / MILLIS_PER_DAY
    }

    /// The first moment of the UTC day of that number; saturates at the end of time.
    #[must_use]
    pub fn start_of_day(day: u64) -> Self {
        Self(day.saturating_mul(MILLIS_PER_DAY))
    }

    /// When the counts of a UTC day can be forgotten: some time after it is over. A clock that then steps
    /// back over midnight still finds them, and does not begin the day again.
    #[must_use]
    pub fn end_of_counts(day: u64) -> Self {
        Self::start_of_day(day.saturating_add(1)).plus(CLOCK_STEP)
    }

    /// The day to which the counts of the UTC day `counted` belong now. `None`: a new day has
    /// begun, and the counts start at zero.
    ///
    /// A clock that steps back over midnight does not start a new day: the counts stay with the
    /// later day. A day more than one ahead of the clock was a clock error, so its counts become
    /// today's.
    #[must_use]
    pub fn day_of_count(self, counted: u64) -> Option<u64> {
        let today = self.utc_day();
        match counted {
            _ if today > counted => None,
            _ if counted > today.saturating_add(1) => Some(today),
            _ => Some(counted),
        }
    }
}

/// RFC 3339 in UTC with milliseconds: `2026-11-22T01:02:03.004Z`. A moment beyond the calendar is
/// written as the calendar's last moment.
impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = i64::try_from(self.0)
            .ok()
            .and_then(DateTime::from_timestamp_millis)
            .unwrap_or(DateTime::<Utc>::MAX_UTC);
        f.write_str(&moment.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

const MILLIS_PER_DAY: u64 = 86_400_000;

/// More than a clock is set back by when it is corrected.
const CLOCK_STEP: Duration = Duration::from_hours(1);

/// The length of `duration` in whole milliseconds; saturates.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_rfc_3339_in_utc() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_827_696_789, "2000-02-29T12:34:56.789Z"),
            (1_795_305_599_999, "2026-11-21T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(UnixMillis(millis).to_string(), text);
        }
    }

    #[test]
    fn the_end_of_time_is_still_a_moment() {
        assert!(!UnixMillis(u64::MAX).to_string().is_empty());
        assert_eq!(
            UnixMillis(u64::MAX).plus(Duration::MAX),
            UnixMillis(u64::MAX)
        );
    }

    #[test]
    fn a_clock_that_steps_back_gives_no_negative_duration() {
        assert_eq!(UnixMillis(5).since(UnixMillis(9)), Duration::ZERO);
    }
}
