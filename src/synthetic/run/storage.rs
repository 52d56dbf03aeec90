//! The storage of a run: its state under one key.
//!
//! Not here: when something is stored (`object::Steps`).

use super::{Inner, RunPlatform, state::State};
use crate::{
    base::time::UnixMillis,
    event::{self, Event, InternalProblem},
    object::{StepHost, Steps, StoredState},
    platform::{PlatformError, WriteBatch, close_code},
    synthetic::plan::Leg,
};

const KEY: &str = "run";

impl<P: RunPlatform> StepHost for Inner<P> {
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
        let is_whole = |state: &State| state.is_of_this_version() && !state.is_new();
        match StoredState::read(&self.platform, KEY, is_whole).await? {
            StoredState::None => Ok((State::new(), false)),
            StoredState::Whole(state) => Ok((state, false)),
            StoredState::Unreadable => {
                // The batch begins the run anew when it has waited for it long enough. A call of it cannot go on: its
                // sockets are closed, and the actions of `<Connect>` hang up.
                for leg in Leg::ALL {
                    let socket = leg.socket();
                    self.platform
                        .close(socket, close_code::INTERNAL_ERROR, "unreadable");
                }
                let reason = InternalProblem::RunUnreadable;
                event::log(&self.platform, &Event::InternalError { reason });
                Ok((State::new(), true))
            }
        }
    }

    async fn batch(
        &self,
        _: &State,
        state: &mut State,
        _: UnixMillis,
    ) -> Result<WriteBatch, PlatformError> {
        if state.is_new() {
            return Ok(WriteBatch::clear());
        }
        WriteBatch::of(KEY, state)
    }

    fn next_wake(&self, state: &State, now: UnixMillis) -> Option<UnixMillis> {
        state.next_wake(now)
    }
}
