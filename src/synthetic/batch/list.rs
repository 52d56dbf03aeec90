//! The list of all batches, and the line for synthetic calls, in one object.
//!
//! There is one call at a time between the two numbers, because the webhook of the number that is called
//! knows the run only by the numbers. A run has the line for a limited time.
//!
//! Not here: how far each of them is (`batch`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    base::time::UnixMillis,
    event::{self, Event, InternalProblem},
    object::{Engine, StepHost, Steps, StoredState, arguments, reply, unknown_method},
    platform::{Clock, Log, Method, PlatformError, Storage, WriteBatch},
    synthetic::{
        api::{FindLine, ListBatch, ListBatches, ListedBatch, ReleaseLine, TakeLine, UnlistBatch},
        plan::RunId,
    },
};

/// The list of batches.
#[derive(Debug)]
pub struct BatchList<P> {
    platform: P,
    steps: Steps<State>,
}

/// Everything that the object remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    v: u32,
    /// The batches, oldest first.
    batches: Vec<ListedBatch>,
    /// Who has the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<Lease>,
}

/// The line belongs to a run for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    run: RunId,
    until: UnixMillis,
}

impl State {
    /// Which run has the line.
    fn holder(&self, now: UnixMillis) -> Option<&RunId> {
        let lease = self.line.as_ref().filter(|lease| now < lease.until)?;
        Some(&lease.run)
    }
}

const KEY: &str = "batches";
const VERSION: u32 = 1;
/// The most batches. Older ones have to be deleted first.
pub const MAX_BATCHES: usize = 1000;

impl<P: Storage + Clock + Log> BatchList<P> {
    /// An object on this platform.
    pub fn new(platform: P) -> Self {
        Self {
            platform,
            steps: Steps::default(),
        }
    }

    /// Adds a batch. Returns `false` if there are too many.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn add(&self, batch: ListedBatch) -> Result<bool, PlatformError> {
        let add = |state: &mut State, _| {
            if state.batches.iter().any(|own| own.batch == batch.batch) {
                return true;
            }
            let has_room = state.batches.len() < MAX_BATCHES;
            if has_room {
                state.batches.push(batch);
            }
            has_room
        };
        self.step(add).await
    }

    /// Shows all batches, the newest first.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn list(&self) -> Result<Vec<ListedBatch>, PlatformError> {
        let list = |state: &State, _| state.batches.iter().rev().cloned().collect();
        self.read(list).await
    }

    /// Takes the line for a run, unless another one has it.
    ///
    /// # Errors
    /// When storage failed. Then the run does not have it, as far as it knows.
    pub async fn take_line(&self, take: TakeLine) -> Result<bool, PlatformError> {
        let TakeLine { run, seconds } = take;
        let taken = |state: &mut State, now: UnixMillis| {
            let is_free = state.holder(now).is_none_or(|holder| *holder == run);
            if is_free {
                let until = now.plus(Duration::from_secs(seconds.into()));
                state.line = Some(Lease { run, until });
            }
            is_free
        };
        self.step(taken).await
    }
}

impl<P: Storage + Clock + Log> Engine for BatchList<P> {
    async fn call(&self, method: &str, text: &str) -> Result<String, PlatformError> {
        match method {
            ListBatch::NAME => {
                let ListBatch(batch) = arguments(text)?;
                reply::<ListBatch>(&self.add(batch).await?)
            }
            UnlistBatch::NAME => {
                let UnlistBatch(batch) = arguments(text)?;
                let remove = |state: &mut State, _| state.batches.retain(|own| own.batch != batch);
                self.step(remove).await?;
                reply::<UnlistBatch>(&())
            }
            TakeLine::NAME => reply::<TakeLine>(&self.take_line(arguments(text)?).await?),
            FindLine::NAME => {
                let find = |state: &State, now| state.holder(now).cloned();
                reply::<FindLine>(&self.read(find).await?)
            }
            ReleaseLine::NAME => {
                let ReleaseLine(run) = arguments(text)?;
                let release = |state: &mut State, _| {
                    state.line.take_if(|lease| lease.run == run);
                };
                self.step(release).await?;
                reply::<ReleaseLine>(&())
            }
            ListBatches::NAME => reply::<ListBatches>(&self.list().await?),
            _ => Err(unknown_method()),
        }
    }
}

impl<P: Storage + Clock + Log> StepHost for BatchList<P> {
    type State = State;
    type Platform = P;

    fn platform(&self) -> &P {
        &self.platform
    }

    fn steps(&self) -> &Steps<State> {
        &self.steps
    }

    async fn load(&self) -> Result<(State, bool), PlatformError> {
        let is_whole = |state: &State| state.v == VERSION;
        match StoredState::read(&self.platform, KEY, is_whole).await? {
            StoredState::None => {
                let state = State {
                    v: VERSION,
                    batches: Vec::new(),
                    line: None,
                };
                Ok((state, false))
            }
            StoredState::Whole(state) => Ok((state, false)),
            StoredState::Unreadable => {
                let reason = InternalProblem::BatchUnreadable;
                event::log(&self.platform, &Event::InternalError { reason });
                Err(PlatformError::new("the list of batches cannot be read"))
            }
        }
    }

    async fn batch(
        &self,
        _: &State,
        state: &mut State,
        _: UnixMillis,
    ) -> Result<WriteBatch, PlatformError> {
        WriteBatch::of(KEY, state)
    }
}
