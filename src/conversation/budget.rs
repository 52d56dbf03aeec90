//! The daily model budget: how many requests to OpenAI may still be made this UTC day, and what else the day has counted.
//!
//! One object holds the count. A request is reserved there, durably, before it is made; when the object does not answer,
//! the request is not made. A stored count that cannot be read counts as used up until the next UTC day, so that damage
//! never lifts a cap and never lasts; an operator can begin the counts anew before that. The tally that comes along (`usage`)
//! is for the operator, and decides nothing. Not here: who asks (`turn`).

use futures_util::lock::Mutex;
use serde::{Deserialize, Serialize};

use crate::{
    base::{time::UnixMillis, usage::UsageCounters},
    event::{self, Event, InternalProblem},
    object::{Engine, arguments, reply, unknown_method},
    platform::{Clock, Log, Method, PlatformError, Storage, WriteBatch},
};

/// What costs money, and has a cap a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// A request to the model; the cap is `MAX_DAILY_CALLS`.
    ModelRequest,
    /// A message that is sent by REST; the cap is `MAX_DAILY_MESSAGES`.
    Message,
}

/// The binding of the class.
const BINDING: &str = "BUDGET";

/// The name of the one budget object.
pub const NAME: &str = "budget";

/// Reserves one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    /// The item.
    pub item: Item,
    /// How many of them a day may have.
    pub cap: u32,
    /// Usage that the caller has counted since its last call.
    pub usage: UsageCounters,
}

impl Method for Reserve {
    type Reply = Reservation;
    const BINDING: &'static str = BINDING;
    const NAME: &'static str = "reserve";
}

/// Checks whether one item could be reserved now, and reserves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The item.
    pub item: Item,
    /// How many of them a day may have.
    pub cap: u32,
}

impl Method for Check {
    type Reply = Reservation;
    const BINDING: &'static str = BINDING;
    const NAME: &'static str = "check";
}

/// Adds usage to the day, and shows the day's usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddUsage {
    /// The usage to add.
    pub usage: UsageCounters,
}

impl Method for AddUsage {
    type Reply = DayUsage;
    const BINDING: &'static str = BINDING;
    const NAME: &'static str = "add_usage";
}

/// Resets the counts of the day that have a cap. The reply shows the counts from before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset;

impl Method for Reset {
    type Reply = DayUsage;
    const BINDING: &'static str = BINDING;
    const NAME: &'static str = "reset";
}

/// Whether the request may be made, or the message sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reservation {
    /// It may, once, and is counted.
    Granted,
    /// The day's budget is used up.
    Exhausted,
}

/// What a day has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayUsage {
    /// The UTC day, counted from 1970-01-01.
    pub day: u64,
    /// Requests to the model that were reserved.
    pub calls: u32,
    /// Messages that were reserved, to be sent by REST.
    pub messages: u32,
    /// What was reported.
    pub usage: UsageCounters,
    /// Whether the stored count could not be read, so that nothing more may be reserved on this day, whatever the counts say.
    pub unreadable: bool,
}

/// The budget object.
#[derive(Debug)]
pub struct Budget<P> {
    platform: P,
    /// What storage holds, once it was read. The lock spans the write, so that no reservation is decided on a count that is
    /// not stored yet.
    used: Mutex<Option<Used>>,
}

/// The count of one day, as it is stored. Without one of its counts the value is unreadable, since a default there would lift
/// a cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Used {
    v: u32,
    day: u64,
    calls: u32,
    messages: u32,
    #[serde(default)]
    usage: UsageCounters,
    /// The count could not be read on this day, and everything counts as used up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    exhausted: bool,
}

/// A count as it was found.
struct Found {
    used: Used,
    /// Whether storage holds it like this.
    is_stored: bool,
}

const KEY: &str = "used";
const VERSION: u32 = 1;

impl<P: Storage + Clock + Log> Budget<P> {
    /// The object over its platform.
    pub fn new(platform: P) -> Self {
        Self {
            platform,
            used: Mutex::new(None),
        }
    }

    /// Reserves one request, if the budget of the UTC day of `now` allows it.
    ///
    /// # Errors
    /// When the count could not be read or stored. The request must not be made.
    pub async fn reserve(
        &self,
        call: Reserve,
        now: UnixMillis,
    ) -> Result<Reservation, PlatformError> {
        let Reserve { item, cap, usage } = call;
        self.count(&usage, now, |used| used.reserve(item, cap))
            .await
    }

    /// Checks whether one more could be reserved in the UTC day of `now`.
    ///
    /// # Errors
    /// When the count could not be read.
    pub async fn check(&self, call: Check, now: UnixMillis) -> Result<Reservation, PlatformError> {
        let Check { item, cap } = call;
        let check = |used: &mut Used| { *used }.reserve(item, cap);
        self.count(&UsageCounters::EMPTY, now, check).await
    }

    /// Adds usage to the UTC day of `now`, and shows the usage of the day.
    ///
    /// # Errors
    /// When the count could not be read or stored.
    pub async fn add_usage(
        &self,
        usage: &UsageCounters,
        now: UnixMillis,
    ) -> Result<DayUsage, PlatformError> {
        self.count(usage, now, |used| used.shown()).await
    }

    /// Begins the counts that have a cap anew for the UTC day of `now`, also where the stored ones could not be read, and says
    /// what the day had come to. As many requests and messages as on a whole day are allowed from then on. The tally stays:
    /// what was spent is spent.
    ///
    /// # Errors
    /// When the count could not be read or stored.
    pub async fn reset(&self, now: UnixMillis) -> Result<DayUsage, PlatformError> {
        let begin_anew = |used: &mut Used| {
            let before = used.shown();
            *used = Used {
                v: VERSION,
                day: now.utc_day(),
                usage: used.usage,
                ..Used::default()
            };
            before
        };
        self.count(&UsageCounters::EMPTY, now, begin_anew).await
    }

    async fn count<R>(
        &self,
        usage: &UsageCounters,
        now: UnixMillis,
        decide: impl FnOnce(&mut Used) -> R,
    ) -> Result<R, PlatformError> {
        let mut used = self.used.lock().await;
        let Found {
            used: before,
            is_stored,
        } = match *used {
            Some(used) => Found {
                used,
                is_stored: true,
            },
            None => self.load(now).await?,
        };
        let mut after = before.at(now);
        after.usage.add(usage);
        let result = decide(&mut after);
        if after != before || !is_stored {
            // Forgotten before the write: if it fails, what is stored is read again.
            *used = None;
            let text = serde_json::to_string(&after).map_err(|_| PlatformError::new("encode"))?;
            self.platform
                .commit(WriteBatch {
                    puts: vec![(KEY.into(), text)],
                    ..WriteBatch::default()
                })
                .await?;
        }
        *used = Some(after);
        Ok(result)
    }

    async fn load(&self, now: UnixMillis) -> Result<Found, PlatformError> {
        let Some(stored) = self.platform.get(KEY).await? else {
            return Ok(Found {
                used: Used {
                    v: VERSION,
                    ..Used::default()
                },
                is_stored: true,
            });
        };
        let readable = stored
            .text()
            .and_then(|text| serde_json::from_str::<Used>(&text).ok())
            .filter(|used| used.v == VERSION);
        if let Some(used) = readable {
            return Ok(Found {
                used,
                is_stored: true,
            });
        }
        // Nobody knows how much of the day was used. Once the mark is stored, this is not reached again.
        event::log(
            &self.platform,
            &Event::InternalError {
                reason: InternalProblem::BudgetUnreadable,
            },
        );
        let used = Used {
            v: VERSION,
            day: now.utc_day(),
            exhausted: true,
            ..Used::default()
        };
        Ok(Found {
            used,
            is_stored: false,
        })
    }
}

impl<P: Storage + Clock + Log> Engine for Budget<P> {
    async fn call(&self, method: &str, text: &str) -> Result<String, PlatformError> {
        let now = self.platform.now();
        match method {
            Reserve::NAME => reply::<Reserve>(&self.reserve(arguments(text)?, now).await?),
            Check::NAME => reply::<Check>(&self.check(arguments(text)?, now).await?),
            AddUsage::NAME => {
                let AddUsage { usage } = arguments(text)?;
                reply::<AddUsage>(&self.add_usage(&usage, now).await?)
            }
            Reset::NAME => reply::<Reset>(&self.reset(now).await?),
            _ => Err(unknown_method()),
        }
    }
}

impl Used {
    /// The count in the UTC day of `now`, see [`UnixMillis::day_of_count`].
    fn at(self, now: UnixMillis) -> Self {
        match now.day_of_count(self.day) {
            Some(day) => Self { day, ..self },
            None => Self {
                v: VERSION,
                day: now.utc_day(),
                ..Self::default()
            },
        }
    }

    fn reserve(&mut self, item: Item, cap: u32) -> Reservation {
        let used = match item {
            Item::ModelRequest => &mut self.calls,
            Item::Message => &mut self.messages,
        };
        if *used < cap && !self.exhausted {
            *used = used.saturating_add(1);
            Reservation::Granted
        } else {
            let refused = &mut self.usage.rejections.budget_exhausted;
            *refused = refused.saturating_add(1);
            Reservation::Exhausted
        }
    }

    fn shown(&self) -> DayUsage {
        let Self {
            v: _,
            day,
            calls,
            messages,
            usage,
            exhausted,
        } = *self;
        DayUsage {
            day,
            calls,
            messages,
            usage,
            unreadable: exhausted,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, future::join_all};

    use super::*;
    use crate::platform::{Stored, tests::Memory};

    const DAY: u64 = 86_400_000;
    const CALL: Reserve = Reserve {
        item: Item::ModelRequest,
        cap: 100,
        usage: UsageCounters::EMPTY,
    };

    async fn granted(budget: &Budget<&Memory>, times: usize, now: u64) -> usize {
        let all = join_all((0..times).map(|_| budget.reserve(CALL, UnixMillis(now)))).await;
        all.into_iter()
            .filter(|outcome| *outcome == Ok(Reservation::Granted))
            .count()
    }

    #[tokio::test]
    async fn a_thousand_at_once_against_a_cap_of_100_get_exactly_100() {
        let memory = Memory::default();
        let budget = Budget::new(&memory);
        assert_eq!(granted(&budget, 1000, DAY).await, 100);
        assert_eq!(
            granted(&Budget::new(&memory), 10, DAY).await,
            0,
            "a restarted object goes on counting"
        );
    }

    #[tokio::test]
    async fn a_cap_of_zero_grants_nothing() {
        let memory = Memory::default();
        let outcome = Budget::new(&memory)
            .reserve(Reserve { cap: 0, ..CALL }, UnixMillis(0))
            .await;
        assert_eq!(outcome, Ok(Reservation::Exhausted));
    }

    #[tokio::test]
    async fn midnight_utc_opens_a_new_budget_and_a_clock_that_steps_back_does_not() {
        let memory = Memory::default();
        let budget = Budget::new(&memory);
        assert_eq!(granted(&budget, 101, DAY - 1).await, 100);
        assert_eq!(granted(&budget, 60, DAY).await, 60);
        assert_eq!(granted(&budget, 60, DAY - 1).await, 40);
        assert_eq!(granted(&budget, 1, DAY).await, 0);
    }

    #[tokio::test]
    async fn a_count_that_could_not_be_stored_is_an_error_and_grants_nothing() {
        let memory = Memory::default();
        let budget = Budget::new(&memory);
        assert_eq!(granted(&budget, 99, DAY).await, 99);
        memory.failing.set(true);
        assert!(budget.reserve(CALL, UnixMillis(DAY)).await.is_err());
        memory.failing.set(false);
        assert_eq!(granted(&budget, 5, DAY).await, 1);
    }

    #[tokio::test]
    async fn an_abandoned_reservation_is_counted_or_not_made() {
        let memory = Memory::default();
        let budget = Budget::new(&memory);
        // The caller goes away in the middle of the write.
        assert!(
            budget
                .reserve(CALL, UnixMillis(DAY))
                .now_or_never()
                .is_none()
        );
        assert!(granted(&budget, 101, DAY).await <= 100);
    }

    /// What may stand in storage after damage: texts, and a value of another type (42, null, `true` …).
    fn damaged() -> Vec<Stored> {
        let texts = [
            "",
            "{}",
            "42",
            "null",
            r#"{"v":1}"#,
            r#"{"v":1,"calls":0}"#,
            r#"{"v":1,"day":1,"messages":0}"#,
            r#"{"v":1,"day":1,"calls":0}"#,
            r#"{"v":2,"day":1,"calls":0,"messages":0}"#,
            r#"{"v":1,"day":1,"calls":99999999999,"messages":0}"#,
            r#"{"v":1,"day":1,"calls":0,"messages":0,"exhausted":1}"#,
        ];
        let texts = texts.map(|text| Stored::Text(text.into()));
        [Stored::Unreadable].into_iter().chain(texts).collect()
    }

    const MESSAGE: Reserve = Reserve {
        item: Item::Message,
        ..CALL
    };

    #[tokio::test]
    async fn a_count_that_cannot_be_read_is_used_up_until_the_next_utc_day_and_is_logged_once() {
        for value in damaged() {
            let memory = Memory::holding(value.clone());
            let budget = Budget::new(&memory);
            for call in [CALL, MESSAGE, CALL] {
                assert_eq!(
                    budget.reserve(call, UnixMillis(DAY)).await,
                    Ok(Reservation::Exhausted),
                    "{value:?}"
                );
                assert_eq!(
                    budget
                        .check(
                            Check {
                                item: call.item,
                                cap: 100
                            },
                            UnixMillis(DAY)
                        )
                        .await,
                    Ok(Reservation::Exhausted),
                    "{value:?}"
                );
            }
            let restarted = Budget::new(&memory);
            for call in [CALL, MESSAGE] {
                assert_eq!(
                    restarted.reserve(call, UnixMillis(2 * DAY - 1)).await,
                    Ok(Reservation::Exhausted),
                    "{value:?}"
                );
            }
            assert!(
                restarted
                    .add_usage(&UsageCounters::EMPTY, UnixMillis(2 * DAY - 1))
                    .await
                    .unwrap()
                    .unreadable
            );
            assert_eq!(memory.logged("budget_unreadable"), 1, "{value:?}");
            assert_eq!(
                granted(&restarted, 101, 2 * DAY).await,
                100,
                "the next day begins anew: {value:?}"
            );
            assert!(
                !restarted
                    .add_usage(&UsageCounters::EMPTY, UnixMillis(2 * DAY))
                    .await
                    .unwrap()
                    .unreadable
            );
            assert_eq!(memory.logged("budget_unreadable"), 1, "{value:?}");
        }
    }

    #[tokio::test]
    async fn a_look_at_a_count_that_cannot_be_read_closes_the_day_for_good() {
        for value in damaged() {
            let memory = Memory::holding(value);
            assert_eq!(
                Budget::new(&memory)
                    .check(
                        Check {
                            item: Item::Message,
                            cap: 100
                        },
                        UnixMillis(DAY)
                    )
                    .await,
                Ok(Reservation::Exhausted)
            );
            assert_eq!(
                granted(&Budget::new(&memory), 1, DAY).await,
                0,
                "a restarted object knows it"
            );
            assert_eq!(memory.logged("budget_unreadable"), 1);
        }
    }

    #[tokio::test]
    async fn a_clock_that_steps_back_over_midnight_does_not_open_a_day_that_is_closed() {
        let memory = Memory::holding(Stored::Unreadable);
        assert_eq!(granted(&Budget::new(&memory), 1, 2 * DAY).await, 0);
        assert_eq!(granted(&Budget::new(&memory), 1, 2 * DAY - 1).await, 0);
        assert_eq!(granted(&Budget::new(&memory), 1, 3 * DAY).await, 1);
    }

    #[tokio::test]
    async fn an_unreadable_count_that_cannot_be_replaced_grants_nothing() {
        let memory = Memory::holding(Stored::Unreadable);
        memory.commits_fail.set(true);
        assert!(
            Budget::new(&memory)
                .reserve(CALL, UnixMillis(DAY))
                .await
                .is_err()
        );
        memory.commits_fail.set(false);
        assert_eq!(granted(&Budget::new(&memory), 1, DAY).await, 0);
    }

    #[tokio::test]
    async fn an_operators_reset_begins_the_days_counts_anew_and_says_what_there_was() {
        for value in damaged() {
            let memory = Memory::holding(value);
            let budget = Budget::new(&memory);
            assert_eq!(granted(&budget, 1, DAY).await, 0);
            assert!(budget.reset(UnixMillis(DAY)).await.unwrap().unreadable);
            assert_eq!(granted(&Budget::new(&memory), 101, DAY).await, 100);
        }
        let memory = Memory::default();
        let usage = UsageCounters {
            prompt_tokens: 30,
            ..UsageCounters::EMPTY
        };
        let budget = Budget::new(&memory);
        budget
            .reserve(Reserve { usage, ..CALL }, UnixMillis(DAY))
            .await
            .unwrap();
        budget.reserve(MESSAGE, UnixMillis(DAY)).await.unwrap();
        let before = budget.reset(UnixMillis(DAY)).await.unwrap();
        assert_eq!(
            before,
            DayUsage {
                day: 1,
                calls: 1,
                messages: 1,
                usage,
                unreadable: false
            }
        );
        let after = Budget::new(&memory)
            .add_usage(&UsageCounters::EMPTY, UnixMillis(DAY))
            .await
            .unwrap();
        assert_eq!(
            after,
            DayUsage {
                calls: 0,
                messages: 0,
                ..before
            },
            "what was spent is still told"
        );
    }

    #[tokio::test]
    async fn a_clock_that_jumps_ahead_once_closes_the_budget_for_today_at_most() {
        let memory = Memory::default();
        let budget = Budget::new(&memory);
        assert_eq!(granted(&budget, 100, 1000 * DAY).await, 100);
        assert_eq!(
            granted(&budget, 1, DAY).await,
            0,
            "what was counted there is today's"
        );
        assert_eq!(granted(&Budget::new(&memory), 1, 2 * DAY - 1).await, 0);
        assert_eq!(granted(&Budget::new(&memory), 101, 2 * DAY).await, 100);
        for day in [u64::MAX, 1000] {
            let memory = Memory::holding(Stored::Text(format!(
                r#"{{"v":1,"day":{day},"calls":99,"messages":0}}"#
            )));
            assert_eq!(
                granted(&Budget::new(&memory), 5, DAY).await,
                1,
                "edited storage, too"
            );
            assert_eq!(granted(&Budget::new(&memory), 101, 2 * DAY).await, 100);
        }
    }

    #[tokio::test]
    async fn what_is_reported_adds_up_for_a_day_and_midnight_begins_anew() {
        let memory = Memory::default();
        let budget = Budget::new(&memory);
        let usage = UsageCounters {
            messages_in: 2,
            prompt_tokens: 30,
            ..UsageCounters::EMPTY
        };
        for cap in [1, 1] {
            budget
                .reserve(Reserve { cap, usage, ..CALL }, UnixMillis(DAY))
                .await
                .unwrap();
        }
        let usage = Budget::new(&memory)
            .add_usage(&usage, UnixMillis(DAY))
            .await
            .unwrap();
        assert_eq!((usage.day, usage.calls), (1, 1));
        assert_eq!(
            (
                usage.usage.messages_in,
                usage.usage.prompt_tokens,
                usage.usage.rejections.budget_exhausted
            ),
            (6, 90, 1)
        );
        let next = budget
            .add_usage(&UsageCounters::EMPTY, UnixMillis(2 * DAY))
            .await
            .unwrap();
        assert_eq!(
            next,
            DayUsage {
                day: 2,
                calls: 0,
                messages: 0,
                usage: UsageCounters::EMPTY,
                unreadable: false
            }
        );
    }

    #[tokio::test]
    async fn the_stored_count_is_version_1_and_is_still_read() {
        let memory = Memory::default();
        *memory.value.borrow_mut() = Some(Stored::Text(
            r#"{"v":1,"day":1,"calls":99,"messages":0}"#.into(),
        ));
        assert_eq!(granted(&Budget::new(&memory), 5, DAY).await, 1);
    }
}
