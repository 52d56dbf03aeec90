//! The storage of a run: its state under one key.
//!
//! Not here: when something is stored (`object::Steps`).

use super::{Inner, RunPlatform, state::State};
use crate::{
    base::time::UnixMillis,
    event::{self, Event, InternalProblem},
    object::StepHost,
    platform::{PlatformError, WriteBatch},
};

const KEY: &str = "run";

impl<P: RunPlatform> StepHost for Inner<P> {
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
        let is_whole = |state: &State| state.is_of_this_version() && !state.is_new();
        if let Some(state) = state.filter(is_whole) {
            return Ok((state, false));
        }
        // The batch begins the run anew when it has waited for it long enough.
        let reason = InternalProblem::RunUnreadable;
        event::log(&self.platform, &Event::InternalError { reason });
        Ok((State::new(), true))
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
        if state.is_new() {
            return Ok(WriteBatch {
                clear: true,
                ..WriteBatch::default()
            });
        }
        WriteBatch::of(KEY, state)
    }

    fn new_alarm(
        &self,
        state: &State,
        set: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Option<UnixMillis> {
        let wake = state.next_wake(now)?.max(now);
        (set.is_none_or(|set| wake < set)).then_some(wake)
    }

    fn stored(&self, _: &State, _: &State) {}
}
