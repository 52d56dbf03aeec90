//! The daily budget: it caps the requests to OpenAI, the messages by REST and the minutes of calls of each UTC day, and
//! counts the day's usage.
//!
//! One object holds the counts. It stores a reservation before the request is made. If the object
//! does not answer, the request is not made. If a stored count cannot be read, the budget is used
//! up until the next UTC day. So damage never lifts a cap, and never lasts. An operator can reset
//! the counts earlier. The usage counters are for the operator only, and decide nothing. Not here:
//! the callers (`model_run`, `outbox`).

mod api;
mod client;

use futures_util::lock::Mutex;
use serde::{Deserialize, Serialize};

pub use api::{AddUsage, Check, DayUsage, Item, NAME, Release, Reservation, Reserve, Reset};
pub use client::{check, release, report_tokens, reserve};

use crate::{
    base::{time::UnixMillis, usage::UsageCounters},
    event::{self, Event, InternalProblem},
    object::{Engine, arguments, reply, unknown_method},
    platform::{Clock, Log, Method, PlatformError, Storage, WriteBatch},
};

/// The budget object.
#[derive(Debug)]
pub struct Budget<P> {
    platform: P,
    /// The stored count, once it was read. The lock is held during the write, so that every
    /// reservation is based on a stored count.
    used: Mutex<Option<Used>>,
}

/// The count of one day, as it is stored. The fields with a cap have no default, because a default
/// would lift the cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Used {
    v: u32,
    day: u64,
    calls: u32,
    messages: u32,
    /// A release without calls stored none.
    #[serde(default)]
    call_minutes: u32,
    #[serde(default)]
    usage: UsageCounters,
    /// Whether the count could not be read on this day. Then everything counts as used up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    exhausted: bool,
}

/// A count that was loaded.
struct Found {
    used: Used,
    /// Whether storage holds exactly this count.
    is_stored: bool,
}

const KEY: &str = "used";
const VERSION: u32 = 1;

impl<P: Storage + Clock + Log> Budget<P> {
    /// An object on this platform.
    pub fn new(platform: P) -> Self {
        Self {
            platform,
            used: Mutex::new(None),
        }
    }

    /// Reserves items, if the budget of the UTC day of `now` allows all of them.
    ///
    /// # Errors
    /// When the count could not be read or stored. Then the request must not be made.
    pub async fn reserve(
        &self,
        call: Reserve,
        now: UnixMillis,
    ) -> Result<Reservation, PlatformError> {
        let Reserve {
            item,
            count,
            cap,
            usage,
        } = call;
        self.count(&usage, now, |used| used.reserve(item, count, cap))
            .await
    }

    /// Gives back what was reserved in the UTC day of `now`.
    ///
    /// # Errors
    /// When the count could not be read or stored. Then it stays reserved, at worst.
    pub async fn release(&self, release: Release, now: UnixMillis) -> Result<(), PlatformError> {
        self.count(&UsageCounters::EMPTY, now, |used| used.release(release))
            .await
    }

    /// Checks whether one more could be reserved in the UTC day of `now`.
    ///
    /// # Errors
    /// When the count could not be read.
    pub async fn check(&self, call: Check, now: UnixMillis) -> Result<Reservation, PlatformError> {
        let Check { item, cap } = call;
        let check = |used: &mut Used| { *used }.reserve(item, 1, cap);
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

    /// Resets the capped counts of the UTC day of `now`, and returns the day's usage from before.
    ///
    /// This also works if the stored counts could not be read. Afterwards the whole daily caps are
    /// available again. The usage counters stay, because the costs remain.
    ///
    /// # Errors
    /// When the count could not be read or stored.
    pub async fn reset(&self, now: UnixMillis) -> Result<DayUsage, PlatformError> {
        let reset = |used: &mut Used| {
            let before = used.shown();
            *used = Used {
                v: VERSION,
                day: now.utc_day(),
                usage: used.usage,
                ..Used::default()
            };
            before
        };
        self.count(&UsageCounters::EMPTY, now, reset).await
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
            // Forgotten before the write: if the write fails, the next call reads storage again.
            *used = None;
            self.platform.commit(WriteBatch::of(KEY, &after)?).await?;
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
        // We do not know how much of the day was used. Once `exhausted` is stored, this code is not
        // reached again.
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
            Release::NAME => {
                self.release(arguments(text)?, now).await?;
                reply::<Release>(&())
            }
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

    fn reserve(&mut self, item: Item, count: u32, cap: u32) -> Reservation {
        let exhausted = self.exhausted;
        let used = self.of(item);
        let after = used.checked_add(count).filter(|after| *after <= cap);
        if let Some(after) = after.filter(|_| !exhausted) {
            *used = after;
            Reservation::Granted
        } else {
            let rejected = &mut self.usage.rejections.budget_exhausted;
            *rejected = rejected.saturating_add(1);
            Reservation::Exhausted
        }
    }

    fn release(&mut self, release: Release) {
        if release.reserved_at.utc_day() == self.day {
            let used = self.of(release.item);
            *used = used.saturating_sub(release.count);
        }
    }

    fn of(&mut self, item: Item) -> &mut u32 {
        match item {
            Item::ModelRequest => &mut self.calls,
            Item::Message => &mut self.messages,
            Item::CallMinute => &mut self.call_minutes,
        }
    }

    fn shown(&self) -> DayUsage {
        let Self {
            v: _,
            day,
            calls,
            messages,
            call_minutes,
            usage,
            exhausted,
        } = *self;
        DayUsage {
            day,
            calls,
            messages,
            call_minutes,
            usage,
            unreadable: exhausted,
        }
    }
}

#[cfg(test)]
mod tests;
