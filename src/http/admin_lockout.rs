//! Guessing the admin token: how many wrong tries a client address may make before it has to wait.
//!
//! One object for each address that ever tried, named by a pseudonym of it; it remembers times alone. [`MAX_WRONG`] wrong tries
//! within [`WINDOW`] lock the address out, and then nobody there learns whether a token is right. Not here: comparing the token,
//! and which header tells the address (`admin`).
//!
//! Several clients can share an address: behind a proxy, or in one network. A stranger there must not be able to lock the
//! operator out with five tries a minute. So the address is remembered for [`KNOWN_FOR`] after the right token came from it, and
//! meanwhile a locked address still has [`MAX_WHILE_LOCKED`] more wrong tries within [`WINDOW`], during which the right token is
//! let in. This tells a stranger nothing but whether a guess was right, which the first five tries tell as well; it only
//! allows him more guesses, sixty-five a minute in all, and from an address that the operator uses. Against a token of
//! 32 random characters neither number gets anywhere. There has to be some bound, as a token might be a weak one, and any
//! bound can be used up: a stranger who keeps up more than a try a second behind the same address does lock it out. It is
//! one a second, and not five more a minute, so that a forgotten script with an old token cannot do that.

use std::time::Duration;

use futures_util::lock::Mutex;
use serde::{Deserialize, Serialize};

use crate::{
    base::time::{UnixMillis, millis},
    event::{self, Event, InternalProblem},
    object::{Engine, arguments, reply, unknown_method},
    platform::{Clock, Log, Method, PlatformError, Storage, WriteBatch},
};

/// Wrong tries that one address may make within [`WINDOW`].
pub const MAX_WRONG: usize = 5;
/// Wrong tries that are compared within [`WINDOW`] after those, from an address that the right token came from.
pub const MAX_WHILE_LOCKED: usize = 60;
/// How long a wrong try counts.
pub const WINDOW: Duration = Duration::from_secs(60);
/// How long it is remembered that the right token came from an address.
pub const KNOWN_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How old that memory may be before the right token renews it: most requests of an operator write nothing.
const RENEWED_AFTER: Duration = Duration::from_secs(60 * 60);

/// Makes one try at the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Whether the token was the right one.
    pub right: bool,
}

impl Method for Attempt {
    type Reply = Verdict;
    const BINDING: &'static str = "ADMIN_LOCKOUT";
    const NAME: &'static str = "attempt";
}

/// What becomes of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The token was right.
    Allowed,
    /// It was wrong, which is counted.
    Wrong,
    /// There were too many wrong tries, and the address is locked for this many seconds. This try was wrong, or whether it was
    /// right is not told.
    Locked(u64),
}

/// The object of one client address.
#[derive(Debug)]
pub struct AdminLockout<P> {
    platform: P,
    /// What storage holds, once it was read. The lock spans the write.
    state: Mutex<Option<State>>,
}

/// What is remembered of one client address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// The times of the wrong tries that count, oldest first.
    wrong: Vec<UnixMillis>,
    /// When the right token last came, give or take [`RENEWED_AFTER`].
    right: Option<UnixMillis>,
}

/// A state as it was found.
struct Found {
    state: State,
    /// Whether storage holds it like this.
    is_stored: bool,
}

const KEY: &str = "lockout";

impl<P: Storage + Clock + Log> AdminLockout<P> {
    /// The object over its platform.
    pub fn new(platform: P) -> Self {
        Self {
            platform,
            state: Mutex::new(None),
        }
    }

    /// Decides on one try, and counts it if it was wrong.
    ///
    /// # Errors
    /// When storage failed: then the try is not allowed.
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

    /// The alarm: forgets what does not count any more.
    ///
    /// # Errors
    /// When storage failed; the runtime then rings again.
    pub async fn alarm(&self, now: UnixMillis) -> Result<(), PlatformError> {
        let mut current = self.state.lock().await;
        let Found { state, .. } = self.found(current.take(), now).await?;
        self.store(&state, now).await
    }

    /// What counts now, of what is in memory or else in storage.
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
        // Nobody knows how many tries there were: the address waits once as after too many. It is stored, so that it ends.
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

    /// Stores the state with an alarm for the time at which something of it is to be forgotten.
    async fn store(&self, state: &State, now: UnixMillis) -> Result<(), PlatformError> {
        let wrong = state.wrong.iter().max().map(|at| at.plus(WINDOW));
        let batch = match wrong.or(state.right.map(|at| at.plus(KNOWN_FOR))) {
            None => WriteBatch {
                clear: true,
                ..WriteBatch::default()
            },
            Some(end) => {
                let text =
                    serde_json::to_string(state).map_err(|_| PlatformError::new("encode"))?;
                WriteBatch {
                    puts: vec![(KEY.into(), text)],
                    alarm: Some(end.max(now)),
                    ..WriteBatch::default()
                }
            }
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
}

impl State {
    /// Forgets what does not count any more. A clock that stepped back leaves times in the future: a wrong try then counts as
    /// now, and that the right token came is not believed. Returns whether there were none, so that storage may stay as it is:
    /// its alarm clears it away.
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
