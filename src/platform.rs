//! What the core needs from outside: time, randomness, HTTP, objects, KV, storage, the log.
//!
//! Small traits, implemented by `runtime` over the Worker runtime and by the tests over a pretend one. Not here: what is
//! decided with these things. The futures are not `Send`: the Worker runs on one thread, and so do the tests.
#![allow(
    async_fn_in_trait,
    reason = "wasm32 is single-threaded; no caller needs Send"
)]

use std::{fmt, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::{
    future::{Either, LocalBoxFuture, select},
    pin_mut,
};
use serde::{Deserialize, Serialize};

use crate::{
    budget::{DayUsage, Item, Reservation, ReserveCall},
    pseudonym::{PhoneHash, Pseudonym},
    sender::{DeliveryReport, Erasure, Reply, SenderCall, Summary},
    tries::{TryCall, Verdict},
    usage::Tally,
};

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

    /// How long after `earlier` this is; zero if it is not after it.
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

    /// The day under which a count of the UTC day `counted` goes on now, or none when a new day begins it anew. The day is the
    /// highest that was seen, so that a clock that steps back over midnight opens no new one; a day further ahead than that
    /// is a clock's error, and its counts become today's.
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

/// RFC 3339 in UTC with milliseconds: `2026-11-22T01:02:03.004Z`. A moment beyond the calendar is its last one.
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

/// The length of `duration` in whole milliseconds; saturates.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The wall clock and waiting.
pub trait Clock {
    /// The current time.
    fn now(&self) -> UnixMillis;
    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);
}

/// Where log lines go.
pub trait Log {
    /// Writes one line, a JSON object without a line end.
    fn write(&self, line: &str);
}

/// Randomness for jitter; nothing secret is made from it.
pub trait Random {
    /// A number in `0.0..1.0`.
    fn unit(&self) -> f64;
}

/// An HTTP request to OpenAI or Twilio.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// The method; a body is sent with `POST` only.
    pub method: &'static str,
    /// The whole URL.
    pub url: String,
    /// Header names and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    /// The longest body that is read of the answer, in bytes; a longer one is a [`HttpError::TooLarge`].
    pub limit: usize,
}

/// An HTTP answer, read to its end.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// The `Retry-After` header, as it came.
    pub retry_after: Option<String>,
    /// The `Location` header, as it came. Redirects are not followed.
    pub location: Option<String>,
    /// The body, at most as long as the request allows.
    pub body: Vec<u8>,
}

/// The usual limit of an answer's body, in bytes.
pub const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// Why there is no HTTP answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The time allowed ran out, and the request was aborted. Whether it was acted upon is unknown.
    #[error("timeout")]
    Timeout,
    /// The connection failed or broke before the answer's headers came. Whether it was acted upon is unknown.
    #[error("connection_failed")]
    Connection,
    /// The answer began, and could not be read to its end.
    #[error("unreadable")]
    Unreadable,
    /// The answer is longer than the request allows.
    #[error("too_large")]
    TooLarge,
}

/// HTTP to the outside.
pub trait Http {
    /// Sends `request` and reads the whole answer, within `timeout`; then the request is aborted.
    ///
    /// # Errors
    /// See [`HttpError`]. An answer of any status is `Ok`.
    async fn send(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpResponse, HttpError>;
}

/// A store or an object did not do its work. `reason` is for the log: a label of ours or the platform's own words, never a
/// key or a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct PlatformError {
    /// What went wrong.
    pub reason: String,
    /// Whether the platform says that the same call may well succeed if it is made again. Never so for an object that is
    /// overloaded: more calls would make it worse.
    pub retryable: bool,
}

impl PlatformError {
    /// An error with this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            retryable: false,
        }
    }
}

/// The KV namespace `CONVERSATIONS`.
pub trait Kv {
    /// The value of `key`, if there is one.
    ///
    /// # Errors
    /// When KV could not be read.
    async fn get(&self, key: &str) -> Result<Option<String>, PlatformError>;
    /// Writes `value`, to be deleted by KV after `ttl` (at least 60 s).
    ///
    /// # Errors
    /// When KV did not take it.
    async fn put(&self, key: &str, value: &str, ttl: Duration) -> Result<(), PlatformError>;
    /// Deletes `key`; an absent key is no error.
    ///
    /// # Errors
    /// When KV did not take it.
    async fn delete(&self, key: &str) -> Result<(), PlatformError>;
}

/// All that one step writes to an object's storage. It is stored as a whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Deletes everything first, the alarm included.
    pub clear: bool,
    /// Keys and their new values.
    pub puts: Vec<(String, String)>,
    /// Keys to delete.
    pub deletes: Vec<String>,
    /// The new time of the alarm, if it changes.
    pub alarm: Option<UnixMillis>,
}

/// A value that storage holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// A string, which is all that this Worker writes.
    Text(String),
    /// Something else: a value of another type, or one that the runtime cannot read back.
    Unreadable,
}

impl Stored {
    /// The string, if it is one.
    #[must_use]
    pub fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Unreadable => None,
        }
    }
}

/// The storage of one Durable Object.
pub trait Storage {
    /// The value of `key`, if there is one.
    ///
    /// # Errors
    /// When storage could not be asked. A value that is there and cannot be read is [`Stored::Unreadable`].
    async fn get(&self, key: &str) -> Result<Option<Stored>, PlatformError>;
    /// Stores `batch` atomically. The writes are issued, in order with those of earlier calls, when the future is first
    /// polled.
    ///
    /// # Errors
    /// When nothing of it was stored.
    async fn commit(&self, batch: Batch) -> Result<(), PlatformError>;
}

/// Tasks that go on without their caller.
pub trait Spawn {
    /// Runs `task` to its end, unless the object vanishes first.
    fn spawn(&self, task: LocalBoxFuture<'static, ()>);
}

/// The sender objects, as the Worker sees them.
pub trait Senders {
    /// Gives a message to the sender object of that name, and waits for what to answer.
    ///
    /// # Errors
    /// When the object failed. The message may then have been admitted or not; the same message can be given again.
    async fn deliver(&self, name: &Pseudonym, call: &SenderCall) -> Result<Reply, PlatformError>;
    /// Tells the sender object of that name what Twilio reports of a message that was sent.
    ///
    /// # Errors
    /// When the object failed. The same report can be given again.
    async fn report(&self, name: &Pseudonym, report: &DeliveryReport) -> Result<(), PlatformError>;
    /// Asks the sender object of that name what it remembers.
    ///
    /// # Errors
    /// When the object failed.
    async fn show(&self, name: &Pseudonym) -> Result<Summary, PlatformError>;
    /// Has the sender object of that name erase what it remembers.
    ///
    /// # Errors
    /// When the object failed. It may then have been erased or not; it can be asked again.
    async fn erase(
        &self,
        name: &Pseudonym,
        phone_hash: &PhoneHash,
    ) -> Result<Erasure, PlatformError>;
}

/// What an operator's request needs of the other objects.
pub trait Operations {
    /// Adds what this isolate has counted to the day, and says what the day has come to.
    ///
    /// # Errors
    /// When the budget object failed.
    async fn usage(&self, tally: Tally) -> Result<DayUsage, PlatformError>;
    /// Begins the day's counts that have a cap anew, and says what the day had come to before.
    ///
    /// # Errors
    /// When the budget object failed. The counts may then have begun anew or not.
    async fn reset_budget(&self) -> Result<DayUsage, PlatformError>;
    /// Says whether a try at the admin token may count, and counts it. `client` is the pseudonym of the address it came from.
    ///
    /// # Errors
    /// When the object failed: then the request must be refused.
    async fn attempt(&self, client: &Pseudonym, call: TryCall) -> Result<Verdict, PlatformError>;
}

/// What the front has counted and not reported yet. It lasts as long as the isolate does.
pub trait Counts {
    /// Adds to the counts.
    fn count(&self, tally: &Tally);
    /// Takes the counts away, to report them.
    fn take(&self) -> Tally;
}

/// What comes of `work` within `limit`; else it is dropped.
pub async fn within<T>(
    clock: &impl Clock,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let too_late = clock.sleep(limit);
    pin_mut!(work, too_late);
    match select(work, too_late).await {
        Either::Left((result, _)) => Some(result),
        Either::Right(((), _)) => None,
    }
}

/// What comes of a call to the platform within `limit`.
///
/// # Errors
/// Those of the call. One that takes longer has failed, and what it still does is unknown.
pub async fn in_time<T>(
    clock: &impl Clock,
    limit: Duration,
    call: impl Future<Output = Result<T, PlatformError>>,
) -> Result<T, PlatformError> {
    within(clock, limit, call)
        .await
        .unwrap_or_else(|| Err(PlatformError::new("took too long")))
}

/// Makes a call, and once more if it failed in a way that the platform calls retryable. For calls that may be made twice.
///
/// # Errors
/// Those of the last call.
pub async fn with_retry<T>(
    call: impl AsyncFn() -> Result<T, PlatformError>,
) -> Result<T, PlatformError> {
    match call().await {
        Err(error) if error.retryable => call().await,
        result => result,
    }
}

/// The budget object, as the sender objects see it.
pub trait Budgets {
    /// Reserves one request to OpenAI, or one message by REST.
    ///
    /// # Errors
    /// When the object failed: then no request may be made, and no message sent.
    async fn reserve(&self, call: ReserveCall) -> Result<Reservation, PlatformError>;
    /// Says whether one more could be reserved now, of at most `cap` a day.
    ///
    /// # Errors
    /// When the object failed.
    async fn look(&self, item: Item, cap: u32) -> Result<Reservation, PlatformError>;
    /// Adds to the counts of the day.
    ///
    /// # Errors
    /// When the object failed.
    async fn report(&self, tally: Tally) -> Result<(), PlatformError>;
}

/// What the Worker's own requests need.
pub trait WorkerPlatform: Clock + Log + Senders + Operations + Counts {}
impl<P: Clock + Log + Senders + Operations + Counts> WorkerPlatform for P {}

/// What a sender object needs.
pub trait SenderPlatform:
    Clock + Log + Random + Http + Kv + Storage + Spawn + Budgets + 'static
{
}
impl<P: Clock + Log + Random + Http + Kv + Storage + Spawn + Budgets + 'static> SenderPlatform
    for P
{
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// Storage of one key that yields at every call and can be told to fail, and a log, for the tests of engines that keep one
    /// value.
    #[derive(Default)]
    pub(crate) struct Memory {
        pub(crate) value: RefCell<Option<Stored>>,
        pub(crate) alarm: Cell<Option<UnixMillis>>,
        pub(crate) failing: Cell<bool>,
        pub(crate) commits_fail: Cell<bool>,
        pub(crate) commits: Cell<usize>,
        log: RefCell<Vec<String>>,
    }

    impl Memory {
        pub(crate) fn holding(value: Stored) -> Self {
            Self {
                value: RefCell::new(Some(value)),
                ..Self::default()
            }
        }

        /// How many lines hold `words`.
        pub(crate) fn logged(&self, words: &str) -> usize {
            self.log
                .borrow()
                .iter()
                .filter(|line| line.contains(words))
                .count()
        }
    }

    impl Clock for &Memory {
        fn now(&self) -> UnixMillis {
            UnixMillis(0)
        }
        async fn sleep(&self, _: Duration) {}
    }

    impl Log for &Memory {
        fn write(&self, line: &str) {
            self.log.borrow_mut().push(line.to_owned());
        }
    }

    impl Storage for &Memory {
        async fn get(&self, _: &str) -> Result<Option<Stored>, PlatformError> {
            tokio::task::yield_now().await;
            if self.failing.get() {
                Err(PlatformError::new("down"))
            } else {
                Ok(self.value.borrow().clone())
            }
        }
        async fn commit(&self, batch: Batch) -> Result<(), PlatformError> {
            tokio::task::yield_now().await;
            if self.failing.get() || self.commits_fail.get() {
                return Err(PlatformError::new("down"));
            }
            self.commits.set(self.commits.get() + 1);
            if batch.clear {
                self.value.take();
                self.alarm.set(None);
            }
            self.alarm.set(batch.alarm.or(self.alarm.get()));
            if let Some((_, value)) = batch.puts.into_iter().next() {
                *self.value.borrow_mut() = Some(Stored::Text(value));
            }
            Ok(())
        }
    }

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
