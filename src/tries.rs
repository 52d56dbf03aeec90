//! Guessing the admin token: how many wrong tries a client address may make before it has to wait.
//!
//! One object for each address that ever tried, named by a pseudonym of it; it remembers times alone, for a minute. Not
//! here: comparing the token (`admin`).

use std::time::Duration;

use futures_util::lock::Mutex;
use serde::{Deserialize, Serialize};

use crate::platform::{Batch, PlatformError, Storage, UnixMillis, millis};

/// Wrong tries that one address may make within [`WINDOW`].
pub const MAX_WRONG: usize = 5;
/// How long a wrong try counts.
pub const WINDOW: Duration = Duration::from_secs(60);

/// One try at the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TryCall {
    /// Whether the token was the right one.
    pub right: bool,
}

/// What becomes of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The token was right.
    Allowed,
    /// It was wrong, which is counted.
    Wrong,
    /// There were too many wrong tries. Whether this one was right is not told for this many seconds.
    Locked(u64),
}

/// The object of one client address.
#[derive(Debug)]
pub struct Tries<S> {
    storage: S,
    /// The times of the wrong tries, as storage holds them, once they were read. The lock spans the write.
    wrong: Mutex<Option<Vec<UnixMillis>>>,
}

const KEY: &str = "wrong";

impl<S: Storage> Tries<S> {
    /// The object over its storage.
    pub fn new(storage: S) -> Self {
        Self { storage, wrong: Mutex::new(None) }
    }

    /// Decides on one try, and counts it if it was wrong.
    ///
    /// # Errors
    /// When storage failed: then the try is not allowed.
    pub async fn attempt(&self, call: TryCall, now: UnixMillis) -> Result<Verdict, PlatformError> {
        let mut current = self.wrong.lock().await;
        let mut wrong = match current.take() {
            Some(wrong) => wrong,
            None => self.load().await?,
        };
        // A time in the future, left by a clock that stepped back, counts as now.
        wrong.iter_mut().for_each(|at| *at = (*at).min(now));
        wrong.retain(|at| now.since(*at) < WINDOW);
        let surplus = wrong.len().checked_sub(MAX_WRONG).and_then(|surplus| wrong.get(surplus));
        let verdict = match surplus {
            Some(at) => Verdict::Locked(millis(at.plus(WINDOW).since(now)).div_ceil(1000).max(1)),
            None if call.right => Verdict::Allowed,
            None => {
                wrong.push(now);
                let text = serde_json::to_string(&wrong).map_err(|_| PlatformError::new("encode"))?;
                let alarm = Some(now.plus(WINDOW));
                self.storage.commit(Batch { puts: vec![(KEY.into(), text)], alarm, ..Batch::default() }).await?;
                Verdict::Wrong
            }
        };
        *current = Some(wrong);
        Ok(verdict)
    }

    /// The alarm: forgets everything once nothing counts any more.
    ///
    /// # Errors
    /// When storage failed; the runtime then rings again.
    pub async fn alarm(&self, now: UnixMillis) -> Result<(), PlatformError> {
        let mut current = self.wrong.lock().await;
        let wrong = match current.take() {
            Some(wrong) => wrong,
            None => self.load().await?,
        };
        let batch = match wrong.iter().max().map(|at| at.plus(WINDOW)).filter(|end| *end > now) {
            Some(end) => Batch { alarm: Some(end), ..Batch::default() },
            None => Batch { clear: true, ..Batch::default() },
        };
        self.storage.commit(batch).await
    }

    async fn load(&self) -> Result<Vec<UnixMillis>, PlatformError> {
        match self.storage.get(KEY).await? {
            None => Ok(Vec::new()),
            Some(stored) => {
                let wrong = stored.text().and_then(|text| serde_json::from_str(&text).ok());
                wrong.ok_or_else(|| PlatformError::new("stored tries are unreadable"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::platform::tests::Memory;

    const NOW: u64 = 1_795_348_800_000;
    const WRONG: TryCall = TryCall { right: false };
    const RIGHT: TryCall = TryCall { right: true };

    #[tokio::test]
    async fn of_a_hundred_wrong_tries_at_once_five_are_told_that_they_are_wrong() {
        let memory = Memory::default();
        let tries = Tries::new(&memory);
        let all = join_all((0..100).map(|_| tries.attempt(WRONG, UnixMillis(NOW)))).await;
        assert_eq!(all.iter().filter(|verdict| **verdict == Ok(Verdict::Wrong)).count(), 5);
        assert_eq!(all.iter().filter(|verdict| **verdict == Ok(Verdict::Locked(60))).count(), 95);
    }

    #[tokio::test]
    async fn the_right_token_is_not_told_from_a_wrong_one_while_locked_and_works_a_minute_later() {
        let memory = Memory::default();
        for second in 0..5 {
            assert_eq!(Tries::new(&memory).attempt(WRONG, UnixMillis(NOW + second * 1000)).await, Ok(Verdict::Wrong));
        }
        let tries = Tries::new(&memory);
        assert_eq!(tries.attempt(RIGHT, UnixMillis(NOW + 4500)).await, Ok(Verdict::Locked(56)), "a restarted object goes on counting");
        assert_eq!(tries.attempt(RIGHT, UnixMillis(NOW - 99_000)).await, Ok(Verdict::Locked(60)), "a clock that steps back opens nothing");
        let tries = Tries::new(&memory);
        assert_eq!(tries.attempt(RIGHT, UnixMillis(NOW + 59_999)).await, Ok(Verdict::Locked(1)));
        assert_eq!(tries.attempt(RIGHT, UnixMillis(NOW + 60_000)).await, Ok(Verdict::Allowed));
    }

    #[tokio::test]
    async fn the_right_token_alone_stores_nothing() {
        let memory = Memory::default();
        assert_eq!(Tries::new(&memory).attempt(RIGHT, UnixMillis(NOW)).await, Ok(Verdict::Allowed));
        assert!(memory.value.borrow().is_none());
    }

    #[tokio::test]
    async fn what_cannot_be_counted_is_not_allowed() {
        let memory = Memory::default();
        memory.failing.set(true);
        assert!(Tries::new(&memory).attempt(WRONG, UnixMillis(NOW)).await.is_err());
        assert!(Tries::new(&memory).attempt(RIGHT, UnixMillis(NOW)).await.is_err());
    }

    #[tokio::test]
    async fn everything_is_forgotten_after_a_minute() {
        let memory = Memory::default();
        let tries = Tries::new(&memory);
        tries.attempt(WRONG, UnixMillis(NOW)).await.unwrap();
        tries.attempt(WRONG, UnixMillis(NOW + 30_000)).await.unwrap();
        tries.alarm(UnixMillis(NOW + 60_000)).await.unwrap();
        assert_eq!(memory.alarm.get(), Some(UnixMillis(NOW + 90_000)));
        tries.alarm(UnixMillis(NOW + 90_000)).await.unwrap();
        assert!(memory.value.borrow().is_none());
        assert_eq!(tries.attempt(RIGHT, UnixMillis(NOW + 90_000)).await, Ok(Verdict::Allowed));
    }
}
