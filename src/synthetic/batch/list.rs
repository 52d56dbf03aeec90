//! The list of all batches, in one object.
//!
//! Not here: how far each of them is (`batch`).

use serde::{Deserialize, Serialize};

use crate::{
    base::time::UnixMillis,
    event::{self, Event, InternalProblem},
    object::{Engine, StepHost, Steps, arguments, reply, unknown_method},
    platform::{Clock, Log, Method, PlatformError, Storage, WriteBatch},
    synthetic::api::{ListBatch, ListBatches, ListedBatch, UnlistBatch},
};

/// The list of batches.
#[derive(Debug)]
pub struct BatchList<P> {
    steps: Steps<State>,
    host: Host<P>,
}

#[derive(Debug)]
struct Host<P>(P);

/// Everything that the object remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
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
            steps: Steps::default(),
            host: Host(platform),
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
        self.steps.step(&self.host, add).await
    }

    /// Shows all batches, the newest first.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn list(&self) -> Result<Vec<ListedBatch>, PlatformError> {
        let list = |state: &State, _| state.batches.iter().rev().cloned().collect();
        self.steps.read(&self.host, list).await
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
                self.steps.step(&self.host, remove).await?;
                reply::<UnlistBatch>(&())
            }
            ListBatches::NAME => reply::<ListBatches>(&self.list().await?),
            _ => Err(unknown_method()),
        }
    }
}

impl<P: Storage + Clock + Log> StepHost for Host<P> {
    type State = State;
    type Platform = P;

    fn platform(&self) -> &P {
        &self.0
    }

    async fn load(&self) -> Result<(State, bool), PlatformError> {
        let Some(stored) = self.0.get(KEY).await? else {
            let state = State {
                v: VERSION,
                batches: Vec::new(),
            };
            return Ok((state, false));
        };
        let readable = stored
            .text()
            .and_then(|text| serde_json::from_str::<State>(&text).ok())
            .filter(|state| state.v == VERSION);
        if let Some(state) = readable {
            return Ok((state, false));
        }
        let reason = InternalProblem::BatchUnreadable;
        event::log(&self.0, &Event::InternalError { reason });
        Err(PlatformError::new("the list of batches cannot be read"))
    }

    fn refresh(&self, _: &mut State, _: UnixMillis) -> bool {
        false
    }

    fn normalize(&self, _: &mut State, _: UnixMillis) {}

    async fn batch(
        &self,
        _: &State,
        state: &mut State,
        _: UnixMillis,
    ) -> Result<WriteBatch, PlatformError> {
        WriteBatch::of(KEY, state)
    }

    fn new_alarm(&self, _: &State, _: Option<UnixMillis>, _: UnixMillis) -> Option<UnixMillis> {
        None
    }

    fn stored(&self, _: &State, _: &State) {}
}
