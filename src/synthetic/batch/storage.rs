//! The storage of a batch: its state under one key, and each record under a key of its own.
//!
//! Not here: when something is stored (`object::Steps`).

use super::{BatchPlatform, Inner, state::State};
use crate::{
    base::time::UnixMillis,
    event::{self, Event, InternalProblem},
    object::StepHost,
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

    async fn load(&self) -> Result<(State, bool), PlatformError> {
        let Some(stored) = self.platform.get(KEY).await? else {
            return Ok((State::new(), false));
        };
        let text = stored.text();
        let state = text.and_then(|text| serde_json::from_str::<State>(&text).ok());
        // Nothing is stored for a state without content: damage reads like one.
        let is_whole = |state: &State| state.is_of_this_version() && !state.is_blank();
        if let Some(state) = state.filter(is_whole) {
            return Ok((state, false));
        }
        // Nothing is overwritten: the records are still there for a release that can read the state.
        let reason = InternalProblem::BatchUnreadable;
        event::log(&self.platform, &Event::InternalError { reason });
        Err(PlatformError::new(UNREADABLE))
    }

    fn refresh(&self, _: &mut State, _: UnixMillis) -> bool {
        false
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
            return Ok(WriteBatch {
                clear: true,
                ..WriteBatch::default()
            });
        }
        let mut batch = WriteBatch::of(KEY, state)?;
        if let Some((place, text)) = state.record.take() {
            batch.puts.push((record_key(place), text));
        }
        Ok(batch)
    }

    fn new_alarm(
        &self,
        state: &State,
        set: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Option<UnixMillis> {
        let wake = state.next_wake()?.max(now);
        (set.is_none_or(|set| wake < set)).then_some(wake)
    }

    fn stored(&self, _: &State, _: &State) {}
}
