//! The models of the mock OpenAI: the reasoning efforts of each, and the day of its shutdown.
//!
//! Sources: OpenAI's pages on models and on deprecations, and the error messages of the API.

use chrono::{DateTime, NaiveDate, Utc};

/// A model.
pub struct Model {
    /// The name that requests use.
    pub name: &'static str,
    /// The dated name, if there is one. It is in the answer, and requests can use it too.
    pub snapshot: &'static str,
    /// The reasoning efforts that it supports. A model without any does not reason.
    pub efforts: &'static [&'static str],
    /// The effort if the request names none.
    pub default_effort: &'static str,
    /// Whether it supports function tools in Chat Completions while it reasons.
    pub tools_with_reasoning: bool,
    /// The first day, in UTC, without it. `None` if OpenAI has announced no day.
    pub shut_down: Option<NaiveDate>,
}

impl Model {
    /// Whether it can reason. Such a model rejects the sampling parameters.
    pub fn reasons(&self) -> bool {
        !self.efforts.is_empty()
    }

    /// Whether it still answers on `today`.
    pub fn answers_on(&self, today: NaiveDate) -> bool {
        self.shut_down.is_none_or(|day| today < day)
    }

    /// The note in the log, if it will be shut down.
    pub fn deprecation(&self) -> Option<String> {
        let day = self.shut_down?;
        Some(format!("OpenAI shuts {} down on {day}", self.name))
    }
}

/// The model with this name or dated name.
pub fn find(name: &str) -> Option<&'static Model> {
    MODELS
        .iter()
        .find(|model| model.name == name || model.snapshot == name)
}

/// How many tokens the mock model spends on reasoning: always the same for an effort.
pub fn reasoning_tokens(effort: &str) -> u64 {
    match effort {
        "minimal" => 16,
        "low" => 64,
        "medium" => 256,
        "high" => 1024,
        "xhigh" => 4096,
        "max" => 16_384,
        _ => 0,
    }
}

/// The date: today, or a fixed day.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Option<NaiveDate>);

impl Clock {
    /// A clock that always shows `day`, or the day of the machine without one.
    pub fn new(day: Option<NaiveDate>) -> Self {
        Self(day)
    }

    /// Today, in UTC.
    pub fn today(self) -> NaiveDate {
        self.0
            .unwrap_or_else(|| DateTime::<Utc>::from(std::time::SystemTime::now()).date_naive())
    }
}

const MODELS: &[Model] = &[
    // Chat Completions rejects `max` for it; the Responses API accepts it.
    reasoning("gpt-6-astra", "gpt-6-astra", LOW_TO_XHIGH, None),
    reasoning("gpt-6.2-sol", "gpt-6.2-sol", LOW_TO_MAX, None),
    reasoning("gpt-6.1-terra", "gpt-6.1-terra", NONE_TO_MAX, None),
    reasoning("gpt-6-luna", "gpt-6-luna", NONE_TO_MAX, None),
    Model {
        default_effort: "none",
        ..reasoning(
            "gpt-5.4-nano",
            "gpt-5.4-nano-2026-03-17",
            NONE_TO_XHIGH,
            day(2027, 4, 1),
        )
    },
    Model {
        default_effort: "none",
        ..reasoning(
            "gpt-5.1",
            "gpt-5.1-2025-11-13",
            NONE_TO_HIGH,
            day(2027, 4, 1),
        )
    },
    older(
        "gpt-5",
        "gpt-5-2025-08-07",
        MINIMAL_TO_HIGH,
        day(2026, 12, 11),
    ),
    older(
        "gpt-5-mini",
        "gpt-5-mini-2025-08-07",
        MINIMAL_TO_HIGH,
        day(2026, 12, 11),
    ),
    older(
        "gpt-5-nano",
        "gpt-5-nano-2025-08-07",
        MINIMAL_TO_HIGH,
        day(2026, 12, 11),
    ),
    older("o3", "o3-2025-04-16", LOW_TO_HIGH, day(2026, 12, 11)),
    older(
        "o3-mini",
        "o3-mini-2025-01-31",
        LOW_TO_HIGH,
        day(2026, 10, 23),
    ),
    older(
        "o4-mini",
        "o4-mini-2025-04-16",
        LOW_TO_HIGH,
        day(2026, 10, 23),
    ),
    chat("gpt-4o", "gpt-4o-2024-08-06", day(2027, 1, 14)),
    chat("gpt-4o-mini", "gpt-4o-mini-2024-07-18", day(2027, 1, 14)),
    chat("gpt-4.1", "gpt-4.1-2025-04-14", day(2027, 1, 14)),
    chat("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", day(2027, 1, 14)),
    chat("gpt-4.1-nano", "gpt-4.1-nano-2025-04-14", day(2026, 10, 23)),
    chat("gpt-4-turbo", "gpt-4-turbo-2024-04-09", day(2026, 10, 23)),
    chat("gpt-4", "gpt-4-0613", day(2026, 10, 23)),
    chat("gpt-3.5-turbo", "gpt-3.5-turbo-0125", day(2026, 10, 23)),
];

const NONE_TO_MAX: &[&str] = &["none", "low", "medium", "high", "xhigh", "max"];
const NONE_TO_XHIGH: &[&str] = &["none", "low", "medium", "high", "xhigh"];
const NONE_TO_HIGH: &[&str] = &["none", "low", "medium", "high"];
const LOW_TO_MAX: &[&str] = &["low", "medium", "high", "xhigh", "max"];
const LOW_TO_XHIGH: &[&str] = &["low", "medium", "high", "xhigh"];
const LOW_TO_HIGH: &[&str] = &["low", "medium", "high"];
const MINIMAL_TO_HIGH: &[&str] = &["minimal", "low", "medium", "high"];

const fn reasoning(
    name: &'static str,
    snapshot: &'static str,
    efforts: &'static [&'static str],
    shut_down: Option<NaiveDate>,
) -> Model {
    Model {
        name,
        snapshot,
        efforts,
        default_effort: "medium",
        tools_with_reasoning: false,
        shut_down,
    }
}

/// An older reasoning model: it still supports function tools while it reasons.
const fn older(
    name: &'static str,
    snapshot: &'static str,
    efforts: &'static [&'static str],
    shut_down: Option<NaiveDate>,
) -> Model {
    Model {
        tools_with_reasoning: true,
        ..reasoning(name, snapshot, efforts, shut_down)
    }
}

/// A model that does not reason.
const fn chat(name: &'static str, snapshot: &'static str, shut_down: Option<NaiveDate>) -> Model {
    Model {
        name,
        snapshot,
        efforts: &[],
        default_effort: "none",
        tools_with_reasoning: true,
        shut_down,
    }
}

const fn day(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, day)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    #[test]
    fn a_deprecated_model_answers_until_its_shutdown() {
        let model = find("gpt-4o-mini").unwrap();
        assert!(model.answers_on(day(2027, 1, 13).unwrap()));
        assert!(!model.answers_on(day(2027, 1, 14).unwrap()));
        assert_eq!(
            model.deprecation().unwrap(),
            "OpenAI shuts gpt-4o-mini down on 2027-01-14"
        );
        let successor = find("gpt-6-luna").unwrap();
        assert!(successor.answers_on(day(2099, 1, 1).unwrap()));
        assert_eq!(successor.deprecation(), None);
    }

    #[test]
    fn only_models_of_the_newest_generation_have_no_day_of_shutdown() {
        // A day that does not exist would be `None` too.
        let lasting: Vec<_> = MODELS
            .iter()
            .filter(|model| model.shut_down.is_none())
            .map(|model| model.name)
            .collect();
        assert_eq!(
            lasting,
            ["gpt-6-astra", "gpt-6.2-sol", "gpt-6.1-terra", "gpt-6-luna"]
        );
    }

    #[test]
    fn names_are_unique_and_a_default_effort_is_supported() {
        for model in MODELS {
            assert_eq!(
                MODELS
                    .iter()
                    .filter(|other| other.name == model.name || other.snapshot == model.snapshot)
                    .count(),
                1
            );
            assert!(
                !model.reasons() || model.efforts.contains(&model.default_effort),
                "{}",
                model.name
            );
            assert!(find(model.snapshot).is_some_and(|found| found.name == model.name));
        }
    }

    #[test]
    fn more_effort_costs_more_tokens() {
        let spent =
            ["none", "minimal", "low", "medium", "high", "xhigh", "max"].map(reasoning_tokens);
        assert!(
            spent.is_sorted()
                && spent.first() == Some(&0)
                && spent.windows(2).all(|pair| pair.first() != pair.last())
        );
    }

    #[test]
    fn a_fixed_clock_stands_still() {
        let set = day(2027, 1, 14);
        assert_eq!(Some(Clock::new(set).today()), set);
        assert!(Clock::new(None).today() > day(2026, 11, 1).unwrap());
    }
}
