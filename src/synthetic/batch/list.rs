//! The list of all batches, in one object.
//!
//! Not here: how far each of them is (`batch`).

use serde::{Deserialize, Serialize};

use crate::{
    base::time::UnixMillis,
    event::{self, Event, InternalProblem},
    object::{Engine, StepHost, Steps, StoredState, arguments, reply, unknown_method},
    platform::{Clock, Log, Method, PlatformError, Storage, WriteBatch},
    synthetic::api::{ListBatch, ListBatches, ListedBatch, UnlistBatch},
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
