//! `CALL_HOURS`: the time of day at which the assistants may call somebody.
//!
//! Not here: the zones of a number (`identity`), and the call (`voice`).

use super::parsers::Parsed;
use crate::base::time::UnixMillis;

/// A part of the day, the same on each day, by the clock of whoever is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallHours {
    /// The first minute of the day.
    from: u32,
    /// The minute after the last one.
    until: u32,
}

const MINUTES_OF_A_DAY: u32 = 24 * 60;

impl CallHours {
    /// Whether every hour is one of them, wherever somebody is.
    #[must_use]
    pub fn are_all(self) -> bool {
        (self.from, self.until) == (0, MINUTES_OF_A_DAY)
    }

    /// Whether that moment is within them, where the clock is so many minutes ahead of UTC.
    #[must_use]
    pub fn contain(self, at: UnixMillis, offset_minutes: i32) -> bool {
        let minutes = i64::try_from(at.0 / 60_000).unwrap_or(i64::MAX);
        let local = minutes.saturating_add(offset_minutes.into());
        let of_the_day = u32::try_from(local.rem_euclid(MINUTES_OF_A_DAY.into()));
        of_the_day.is_ok_and(|minute| (self.from..self.until).contains(&minute))
    }
}

/// Two times of a day.
pub(super) fn call_hours(text: &str) -> Parsed<CallHours> {
    const PROBLEM: &str =
        "must be two times of one day with a hyphen, such as 09:00-20:00, the earlier first";
    let (from, until) = text.split_once('-').ok_or(PROBLEM)?;
    let hours = time_of_day(from).zip(time_of_day(until));
    let hours = hours.map(|(from, until)| CallHours { from, until });
    hours
        .filter(|hours| hours.from < hours.until)
        .ok_or(PROBLEM)
}

/// The minute of the day of `09:00`. `24:00` is the end of the day.
fn time_of_day(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| {
        let are_two = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse::<u32>().ok().filter(|_| are_two)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let minute = hours.checked_mul(60)?.checked_add(minutes)?;
    (minutes < 60 && minute <= MINUTES_OF_A_DAY).then_some(minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22, that many minutes after midnight UTC.
    fn at(minute: u64) -> UnixMillis {
        UnixMillis(1_795_305_600_000 + minute * 60_000)
    }

    #[test]
    fn hours_are_those_of_the_clock_of_whoever_is_called() {
        let hours = call_hours("09:00-20:00").unwrap();
        for (minute, offset, expected) in [
            (9 * 60 - 1, 0, false),
            (9 * 60, 0, true),
            (20 * 60 - 1, 0, true),
            (20 * 60, 0, false),
            (8 * 60, 60, true),
            (14 * 60 - 1, -300, false),
            (14 * 60, -300, true),
            // It is tomorrow there, and still yesterday there.
            (23 * 60, 13 * 60, true),
            (2 * 60, -11 * 60, true),
        ] {
            let found = hours.contain(at(minute), offset);
            assert_eq!(found, expected, "{minute} {offset}");
        }
        assert!(!hours.are_all());
        let all = call_hours("00:00-24:00").unwrap();
        assert!(all.are_all() && all.contain(at(0), 345));
    }

    #[test]
    fn what_are_no_hours_is_an_error() {
        for text in [
            "",
            "9-20",
            "09:00",
            "9:00-20:00",
            "09:00-20:60",
            "20:00-09:00",
            "09:00-09:00",
            "09:00-24:01",
            "09:00 - 20:00",
            "+9:00-20:00",
            "09:00-20:00-21:00",
        ] {
            assert!(call_hours(text).is_err(), "{text}");
        }
    }
}
