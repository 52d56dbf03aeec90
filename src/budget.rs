//! The daily model budget: how many requests to OpenAI may still be made this UTC day, and what else the day has counted.
//!
//! One object holds the count. A request is reserved there, durably, before it is made; when the object does not answer,
//! the request is not made. The tally that comes along (`usage`) is for the operator, and decides nothing. Not here: who
//! asks (`turn`).

use futures_util::lock::Mutex;
use serde::{Deserialize, Serialize};

use crate::{
    platform::{Batch, PlatformError, Storage, UnixMillis},
    usage::Tally,
};

/// A call to the budget object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetCall {
    /// Reserve one; answered by a [`Reservation`].
    Reserve(ReserveCall),
    /// Say whether one could be reserved now, and reserve nothing; answered by a [`Reservation`].
    Look(Item, u32),
    /// Count this; answered by nothing.
    Report(Tally),
    /// Count this, and say what the day has come to; answered by a [`DayUsage`].
    Usage(Tally),
}

/// What costs money, and has a cap a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// A request to the model; the cap is `MAX_DAILY_CALLS`.
    ModelRequest,
    /// A message that is sent by REST; the cap is `MAX_DAILY_MESSAGES`.
    Message,
}

/// One item to reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReserveCall {
    /// What is to be reserved.
    pub item: Item,
    /// How many of them a day may have.
    pub cap: u32,
    /// What the sender has counted since it last called.
    pub tally: Tally,
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
    pub tally: Tally,
}

/// The budget object.
#[derive(Debug)]
pub struct Budget<S> {
    storage: S,
    /// What storage holds, once it was read. The lock spans the write, so that no reservation is decided on a count that is
    /// not stored yet.
    used: Mutex<Option<Used>>,
}

/// The count of one day. The day is the highest that was seen: a clock that steps back over midnight opens no new budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Used {
    v: u32,
    day: u64,
    calls: u32,
    #[serde(default)]
    messages: u32,
    #[serde(default)]
    tally: Tally,
}

const KEY: &str = "used";
const VERSION: u32 = 1;

impl<S: Storage> Budget<S> {
    /// The object over its storage.
    pub fn new(storage: S) -> Self {
        Self { storage, used: Mutex::new(None) }
    }

    /// Reserves one request, if the budget of the UTC day of `now` allows it.
    ///
    /// # Errors
    /// When the count could not be read or stored. The request must not be made.
    pub async fn reserve(&self, call: ReserveCall, now: UnixMillis) -> Result<Reservation, PlatformError> {
        self.count(&call.tally, now, |used| used.reserve(call.item, call.cap)).await
    }

    /// Says whether one more could be reserved in the UTC day of `now`.
    ///
    /// # Errors
    /// When the count could not be read.
    pub async fn look(&self, item: Item, cap: u32, now: UnixMillis) -> Result<Reservation, PlatformError> {
        self.count(&Tally::EMPTY, now, |used| { *used }.reserve(item, cap)).await
    }

    /// Adds `tally` to the UTC day of `now`, and says what the day has come to.
    ///
    /// # Errors
    /// When the count could not be read or stored.
    pub async fn report(&self, tally: &Tally, now: UnixMillis) -> Result<DayUsage, PlatformError> {
        self.count(tally, now, |used| DayUsage { day: used.day, calls: used.calls, messages: used.messages, tally: used.tally }).await
    }

    async fn count<R>(&self, tally: &Tally, now: UnixMillis, decide: impl FnOnce(&mut Used) -> R) -> Result<R, PlatformError> {
        let mut used = self.used.lock().await;
        let before = match *used {
            Some(used) => used,
            None => self.load().await?,
        };
        let day = now.utc_day();
        let mut after = if day > before.day { Used { day, calls: 0, messages: 0, tally: Tally::default(), ..before } } else { before };
        after.tally.add(tally);
        let result = decide(&mut after);
        if after != before {
            // Forgotten before the write: if it fails, what is stored is read again.
            *used = None;
            let text = serde_json::to_string(&after).map_err(|_| PlatformError::new("encode"))?;
            self.storage.commit(Batch { puts: vec![(KEY.into(), text)], ..Batch::default() }).await?;
        }
        *used = Some(after);
        Ok(result)
    }

    async fn load(&self) -> Result<Used, PlatformError> {
        match self.storage.get(KEY).await? {
            None => Ok(Used { v: VERSION, ..Used::default() }),
            Some(stored) => stored
                .text()
                .and_then(|text| serde_json::from_str::<Used>(&text).ok())
                .filter(|used| used.v == VERSION)
                .ok_or_else(|| PlatformError::new("stored budget is unreadable")),
        }
    }
}

impl Used {
    fn reserve(&mut self, item: Item, cap: u32) -> Reservation {
        let used = match item {
            Item::ModelRequest => &mut self.calls,
            Item::Message => &mut self.messages,
        };
        if *used < cap {
            *used = used.saturating_add(1);
            Reservation::Granted
        } else {
            let refused = &mut self.tally.refusals.budget_exhausted;
            *refused = refused.saturating_add(1);
            Reservation::Exhausted
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, future::join_all};

    use super::*;
    use crate::platform::{Stored, tests::Memory};

    const DAY: u64 = 86_400_000;
    const CALL: ReserveCall = ReserveCall { item: Item::ModelRequest, cap: 100, tally: Tally::EMPTY };

    async fn granted(budget: &Budget<&Memory>, times: usize, now: u64) -> usize {
        let all = join_all((0..times).map(|_| budget.reserve(CALL, UnixMillis(now)))).await;
        all.into_iter().filter(|outcome| *outcome == Ok(Reservation::Granted)).count()
    }

    #[tokio::test]
    async fn a_thousand_at_once_against_a_cap_of_100_get_exactly_100() {
        let memory = Memory::default();
        let budget = Budget::new(&memory);
        assert_eq!(granted(&budget, 1000, DAY).await, 100);
        assert_eq!(granted(&Budget::new(&memory), 10, DAY).await, 0, "a restarted object goes on counting");
    }

    #[tokio::test]
    async fn a_cap_of_zero_grants_nothing() {
        let memory = Memory::default();
        let outcome = Budget::new(&memory).reserve(ReserveCall { cap: 0, ..CALL }, UnixMillis(0)).await;
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
        assert!(budget.reserve(CALL, UnixMillis(DAY)).now_or_never().is_none());
        assert!(granted(&budget, 101, DAY).await <= 100);
    }

    #[tokio::test]
    async fn a_corrupt_count_grants_nothing() {
        let memory = Memory::default();
        for text in ["", "{}", r#"{"v":2,"day":0,"calls":0}"#] {
            *memory.value.borrow_mut() = Some(Stored::Text(text.into()));
            assert!(Budget::new(&memory).reserve(CALL, UnixMillis(0)).await.is_err());
        }
    }

    #[tokio::test]
    async fn what_is_reported_adds_up_for_a_day_and_midnight_begins_anew() {
        let memory = Memory::default();
        let budget = Budget::new(&memory);
        let tally = Tally { messages_in: 2, prompt_tokens: 30, ..Tally::EMPTY };
        for cap in [1, 1] {
            budget.reserve(ReserveCall { cap, tally, ..CALL }, UnixMillis(DAY)).await.unwrap();
        }
        let usage = Budget::new(&memory).report(&tally, UnixMillis(DAY)).await.unwrap();
        assert_eq!((usage.day, usage.calls), (1, 1));
        assert_eq!((usage.tally.messages_in, usage.tally.prompt_tokens, usage.tally.refusals.budget_exhausted), (6, 90, 1));
        let next = budget.report(&Tally::EMPTY, UnixMillis(2 * DAY)).await.unwrap();
        assert_eq!(next, DayUsage { day: 2, calls: 0, messages: 0, tally: Tally::EMPTY });
    }

    #[tokio::test]
    async fn a_count_of_the_release_before_is_still_read() {
        let memory = Memory::default();
        *memory.value.borrow_mut() = Some(Stored::Text(r#"{"v":1,"day":1,"calls":99}"#.into()));
        assert_eq!(granted(&Budget::new(&memory), 5, DAY).await, 1);
    }
}
