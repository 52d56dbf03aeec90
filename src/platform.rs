//! The ports: clock, randomness, HTTP, objects, KV, storage, tasks, the log.
//!
//! Small traits that know no domain type. `runtime` implements them over the Worker runtime, the
//! tests over a fake one. The futures are not `Send`: the Worker runs on one thread, and so do the
//! tests. Not here: decisions.
#![allow(
    async_fn_in_trait,
    reason = "wasm32 is single-threaded; no caller needs Send"
)]

mod http;

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use serde::{Serialize, de::DeserializeOwned};

use crate::base::time::UnixMillis;

pub use http::{
    Body, BodyStream, Http, HttpError, HttpOpened, HttpRequest, HttpResponse, MAX_RESPONSE_BYTES,
};

/// The wall clock and waiting.
pub trait Clock {
    /// The current time.
    fn now(&self) -> UnixMillis;
    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);
}

/// What the platform knows of time zones.
pub trait TimeZones {
    /// How far a time zone is ahead of UTC at that moment, in minutes. `None` if there is no zone of
    /// that IANA name.
    fn offset_minutes(&self, zone: &str, at: UnixMillis) -> Option<i32>;
}

/// Which deploy of the Worker this is.
pub trait Deployed {
    /// The deployed version, as the platform names it. `None` where the platform does not say.
    fn deployed(&self) -> Option<DeployedVersion>;
}

/// A version of the Worker, as the platform names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeployedVersion {
    /// Another one for each deploy.
    pub id: String,
    /// The `--tag` of the deploy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// When the version was made, in the platform's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
}

/// Where log lines go.
pub trait Log {
    /// Writes one line, a JSON object without a line end.
    fn write(&self, line: &str);
}

/// What this isolate has said before, so that it is not said over and over.
pub trait Once {
    /// Whether this is said for the first time since the isolate began.
    fn is_first(&self, what: &'static str) -> bool;
}

/// Randomness for jitter; nothing secret is made from it.
pub trait Random {
    /// A number in `0.0..1.0`.
    fn next_f64(&self) -> f64;
}

/// A store or an object failed. `reason` is for the log: our own label or the platform's words,
/// never a key or a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct PlatformError {
    /// The problem.
    pub reason: String,
    /// Whether the platform says that a second call may succeed. It is never set for an overloaded
    /// object, where more calls would make it worse.
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
    /// Writes `value`. KV deletes it after `ttl`, which is at least 60 s.
    ///
    /// # Errors
    /// When KV did not take it.
    async fn put(&self, key: &str, value: &str, ttl: Duration) -> Result<(), PlatformError>;
    /// Deletes `key`. It is not an error if `key` does not exist.
    ///
    /// # Errors
    /// When KV did not take it.
    async fn delete(&self, key: &str) -> Result<(), PlatformError>;
}

/// Everything that one step writes to an object's storage. Storage commits all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteBatch {
    /// Deletes everything first, the alarm included.
    pub clear: bool,
    /// Keys and their new values.
    pub puts: Vec<(String, String)>,
    /// Keys to delete.
    pub deletes: Vec<String>,
    /// The new time of the alarm, if it changes.
    pub alarm: Option<UnixMillis>,
}

impl WriteBatch {
    /// Deletes everything.
    #[must_use]
    pub fn clear() -> Self {
        Self {
            clear: true,
            ..Self::default()
        }
    }

    /// Stores one value, as JSON.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn of(key: &str, value: &impl Serialize) -> Result<Self, PlatformError> {
        let text = serde_json::to_string(value).map_err(|_| PlatformError::new("encode"))?;
        Ok(Self {
            puts: vec![(key.to_owned(), text)],
            ..Self::default()
        })
    }
}

/// A value that storage holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// A string. This Worker writes only strings.
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
    /// When storage failed. A value that exists but cannot be read is [`Stored::Unreadable`].
    async fn get(&self, key: &str) -> Result<Option<Stored>, PlatformError>;
    /// Stores `batch` atomically. The first poll of the future issues the writes, in order with
    /// those of earlier calls.
    ///
    /// # Errors
    /// When nothing was stored.
    async fn commit(&self, batch: WriteBatch) -> Result<(), PlatformError>;
}

/// The status codes of WebSocket with which an object closes one (RFC 6455, section 7.4.1).
pub mod close_code {
    /// The other side may not do what it does.
    pub const POLICY_VIOLATION: u16 = 1008;
    /// Something failed here.
    pub const INTERNAL_ERROR: u16 = 1011;
}

/// The WebSockets of an object, by the numbers that it has given them.
pub trait Sockets {
    /// Sends a text. If the socket is closed, nothing happens.
    fn send_text(&self, socket: u32, text: &str);
    /// Closes the socket, if it is open, with a [`close_code`].
    fn close(&self, socket: u32, code: u16, reason: &str);
}

/// Randomness that secrets are made of.
pub trait SecretRandom {
    /// Sixteen bytes that nobody can guess.
    ///
    /// # Errors
    /// When there is no randomness.
    fn secret_bytes(&self) -> Result<[u8; 16], PlatformError>;
}

/// Tasks that continue without their caller.
pub trait Spawn {
    /// Runs `task` to its end, unless the object vanishes first.
    fn spawn(&self, task: LocalBoxFuture<'static, ()>);
}

/// A method of a Durable Object's engine, with its arguments. Caller and engine share this type.
pub trait Method: Serialize + DeserializeOwned {
    /// The engine's reply.
    type Reply: Serialize + DeserializeOwned;
    /// The binding of the object's class, as `wrangler.toml` names it.
    const BINDING: &'static str;
    /// The method's name.
    const NAME: &'static str;
}

/// Durable Objects, as their callers see them.
pub trait Objects {
    /// Calls a method of the object `name`, and waits for its reply.
    ///
    /// # Errors
    /// When the object failed. It may or may not have carried out the call.
    async fn call<M: Method>(&self, name: &str, method: &M) -> Result<M::Reply, PlatformError>;
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    /// A log, and storage of one key that yields at every call and can be told to fail. It serves
    /// the tests of engines that store one value.
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

        /// The number of lines that contain `words`.
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
        async fn commit(&self, batch: WriteBatch) -> Result<(), PlatformError> {
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
}
