//! The admin lockout: it limits how often a client address may guess the admin token.
//!
//! Each client address that ever tried a token has its own object, which is named by a pseudonym
//! and stores only times. [`MAX_WRONG`] wrong attempts within [`WINDOW`] lock the address. Nobody
//! at a locked address learns whether a token is right. Not here: comparing the token, and the
//! header that names the address (`admin`).
//!
//! Several clients can share an address, for example behind a proxy. A stranger there must not lock
//! the operator out with five attempts a minute. So the object remembers for [`KNOWN_FOR`] that the
//! right token came from an address. During that time a locked address has [`MAX_WHILE_LOCKED`]
//! more wrong attempts within [`WINDOW`], and the right token still works.
//!
//! These extra attempts tell a stranger only whether a guess was right, as the first five do. They
//! allow 65 guesses a minute instead of 5, and only from the operator's own address. Neither number
//! helps against a token of 32 random characters, but a weak token needs some limit. A stranger who
//! makes more than one attempt a second from the operator's address still locks it. The limit is
//! that high so that a forgotten script with an old token cannot lock it.

use std::time::Duration;

use futures_util::lock::Mutex;
use serde::{Deserialize, Serialize};

use crate::{
    base::time::{UnixMillis, millis},
    event::{self, Event, InternalProblem},
    object::{Engine, arguments, reply, unknown_method},
    platform::{Clock, Log, Method, PlatformError, Storage, WriteBatch},
};

/// The wrong attempts that one address may make within [`WINDOW`].
pub const MAX_WRONG: usize = 5;
/// The further wrong attempts within [`WINDOW`] from an address that has used the right token.
pub const MAX_WHILE_LOCKED: usize = 60;
/// How long a wrong attempt counts.
pub const WINDOW: Duration = Duration::from_mins(1);
/// How long the object remembers that the right token came from its address.
pub const KNOWN_FOR: Duration = Duration::from_hours(24);
/// The age at which the right token renews that memory. Younger memories stay, so most requests of
/// an operator write nothing.
const RENEWED_AFTER: Duration = Duration::from_hours(1);

/// Makes one attempt with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Whether the token was right.
    pub right: bool,
}

impl Method for Attempt {
    type Reply = Verdict;
    const BINDING: &'static str = "ADMIN_LOCKOUT";
    const NAME: &'static str = "attempt";
}

/// The verdict on an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The token was right.
    Allowed,
    /// The token was wrong, and the attempt was counted.
    Wrong,
    /// There were too many wrong attempts, and the address is locked for this many seconds. The
    /// verdict does not say whether this token was right.
    Locked(u64),
}

/// The object of one client address.
#[derive(Debug)]
pub struct AdminLockout<P> {
    platform: P,
    /// The stored state, once it was read. The lock is held during the write.
    state: Mutex<Option<State>>,
}

/// Everything that the object remembers about its address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// The times of the wrong attempts that count, oldest first.
    wrong: Vec<UnixMillis>,
    /// When the right token last came, to within [`RENEWED_AFTER`].
    right: Option<UnixMillis>,
}

/// A state that was loaded.
struct Found {
    state: State,
    /// Whether storage holds exactly this state.
    is_stored: bool,
}

const KEY: &str = "lockout";

impl<P: Storage + Clock + Log> AdminLockout<P> {
    /// An object on this platform.
    pub fn new(platform: P) -> Self {
        Self {
            platform,
            state: Mutex::new(None),
        }
    }

    /// Decides on one attempt, and counts it if it was wrong.
    ///
    /// # Errors
    /// When storage failed. Then the attempt is not allowed.
    pub async fn attempt(&self, call: Attempt, now: UnixMillis) -> Result<Verdict, PlatformError> {
        let mut current = self.state.lock().await;
        let Found {
            mut state,
            is_stored,
        } = self.found(current.take(), now).await?;
        let before = state.clone();
        let verdict = state.decide(call, now);
        if state != before || !is_stored {
            self.store(&state, now).await?;
        }
        *current = Some(state);
        Ok(verdict)
    }

    /// Forgets everything that no longer counts.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn forget(&self, now: UnixMillis) -> Result<(), PlatformError> {
        let mut current = self.state.lock().await;
        let Found { state, .. } = self.found(current.take(), now).await?;
        self.store(&state, now).await
    }

    /// The state as it counts now, from memory or else from storage.
    async fn found(&self, current: Option<State>, now: UnixMillis) -> Result<Found, PlatformError> {
        let Found {
            mut state,
            is_stored,
        } = match current {
            Some(state) => Found {
                state,
                is_stored: true,
            },
            None => self.load(now).await?,
        };
        let as_planned = state.settle(now);
        Ok(Found {
            state,
            is_stored: is_stored && as_planned,
        })
    }

    async fn load(&self, now: UnixMillis) -> Result<Found, PlatformError> {
        let Some(stored) = self.platform.get(KEY).await? else {
            return Ok(Found {
                state: State::default(),
                is_stored: true,
            });
        };
        if let Some(state) = stored
            .text()
            .and_then(|text| serde_json::from_str(&text).ok())
        {
            return Ok(Found {
                state,
                is_stored: true,
            });
        }
        // We do not know how many attempts there were, so the address is locked once. Storing this
        // makes sure that the lock ends.
        event::log(
            &self.platform,
            &Event::InternalError {
                reason: InternalProblem::LockoutUnreadable,
            },
        );
        Ok(Found {
            state: State {
                wrong: vec![now; MAX_WRONG],
                right: None,
            },
            is_stored: false,
        })
    }

    /// Stores the state, and sets the alarm for the time at which a part of it must be forgotten.
    async fn store(&self, state: &State, now: UnixMillis) -> Result<(), PlatformError> {
        let wrong = state.wrong.iter().max().map(|at| at.plus(WINDOW));
        let batch = match wrong.or(state.right.map(|at| at.plus(KNOWN_FOR))) {
            None => WriteBatch::clear(),
            Some(end) => WriteBatch {
                alarm: Some(end.max(now)),
                ..WriteBatch::of(KEY, state)?
            },
        };
        self.platform.commit(batch).await
    }
}

impl<P: Storage + Clock + Log> Engine for AdminLockout<P> {
    async fn call(&self, method: &str, text: &str) -> Result<String, PlatformError> {
        match method {
            Attempt::NAME => {
                let verdict = self.attempt(arguments(text)?, self.platform.now()).await?;
                reply::<Attempt>(&verdict)
            }
            _ => Err(unknown_method()),
        }
    }

    async fn alarm(&self) -> Result<(), PlatformError> {
        self.forget(self.platform.now()).await
    }
}

impl State {
    /// Forgets everything that no longer counts. Returns whether the stored state may stay as it
    /// is, because its alarm will clear it.
    ///
    /// A clock that stepped back leaves times in the future. A wrong attempt in the future counts
    /// as made now, and a right token in the future is forgotten.
    fn settle(&mut self, now: UnixMillis) -> bool {
        let as_planned = self.wrong.iter().chain(&self.right).all(|at| *at <= now);
        self.wrong.iter_mut().for_each(|at| *at = (*at).min(now));
        self.wrong.retain(|at| now.since(*at) < WINDOW);
        self.right = self
            .right
            .filter(|at| *at <= now && now.since(*at) < KNOWN_FOR);
        as_planned
    }

    fn decide(&mut self, call: Attempt, now: UnixMillis) -> Verdict {
        let surplus = self
            .wrong
            .len()
            .checked_sub(MAX_WRONG)
            .and_then(|surplus| self.wrong.get(surplus));
        let lock = surplus
            .map(|at| Verdict::Locked(millis(at.plus(WINDOW).since(now)).div_ceil(1000).max(1)));
        let most = if self.right.is_some() {
            MAX_WRONG.saturating_add(MAX_WHILE_LOCKED)
        } else {
            MAX_WRONG
        };
        if self.wrong.len() >= most {
            return lock.unwrap_or(Verdict::Wrong);
        }
        if call.right {
            if self.right.is_none_or(|at| now.since(at) >= RENEWED_AFTER) {
                self.right = Some(now);
            }
            return Verdict::Allowed;
        }
        self.wrong.push(now);
        lock.unwrap_or(Verdict::Wrong)
    }
}

#[cfg(test)]
mod tests;
