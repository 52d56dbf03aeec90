//! The storage of a batch: its state under one key, and each record under a key of its own.
//!
//! Not here: when something is stored (`object::Steps`).

use super::{BatchPlatform, Inner, state::State};
use crate::{
    base::time::UnixMillis,
    event::{self, Event, InternalProblem},
    object::{StepHost, Steps, StoredState},
    platform::{PlatformError, WriteBatch},
};

const KEY: &str = "batch";
/// Why a batch does not work: another release, or damage.
const UNREADABLE: &str = "the batch cannot be read";

/// Whether an error says that the stored batch cannot be read.
pub(super) fn is_unreadable(error: &PlatformError) -> bool {
    error.reason == UNREADABLE
}

/// The key of the record at that place.
pub(super) fn record_key(place: u32) -> String {
    format!("record:{place:010}")
}

impl<P: BatchPlatform> StepHost for Inner<P> {
    type State = State;
    type Platform = P;

    fn platform(&self) -> &P {
        &self.platform
    }

    fn steps(&self) -> &Steps<State> {
        &self.steps
    }

    async fn load(&self) -> Result<(State, bool), PlatformError> {
        // Nothing is stored for a state without content: damage reads like one.
        let is_whole = |state: &State| state.is_of_this_version() && !state.is_blank();
        match StoredState::read(&self.platform, KEY, is_whole).await? {
            StoredState::None => Ok((State::new(), false)),
            StoredState::Whole(state) => Ok((state, false)),
            StoredState::Unreadable => {
                // Nothing is overwritten: the records are still there for a release that can read the state.
                let reason = InternalProblem::BatchUnreadable;
                event::log(&self.platform, &Event::InternalError { reason });
                Err(PlatformError::new(UNREADABLE))
            }
        }
    }

    fn normalize(&self, state: &mut State, _: UnixMillis) {
        state.record = None;
    }

    async fn batch(
        &self,
        _: &State,
        state: &mut State,
        _: UnixMillis,
    ) -> Result<WriteBatch, PlatformError> {
        if state.is_blank() {
            return Ok(WriteBatch::clear());
        }
        let mut batch = WriteBatch::of(KEY, state)?;
        if let Some((place, text)) = state.record.take() {
            batch.puts.push((record_key(place), text));
        }
        Ok(batch)
    }

    fn next_wake(&self, state: &State, _: UnixMillis) -> Option<UnixMillis> {
        state.next_wake()
    }
}
