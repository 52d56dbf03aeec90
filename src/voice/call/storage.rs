//! The storage of a call: its state under one key.
//!
//! Not here: when something is stored (`object::Steps`).

use super::{CallPlatform, Inner};
use crate::{
    base::time::UnixMillis,
    event::{self, Event, InternalProblem},
    object::{StepHost, Steps, StoredState},
    platform::{PlatformError, WriteBatch, close_code},
    voice::state::{MAX_RESUMES, State},
};

const KEY: &str = "call";

impl<P: CallPlatform> StepHost for Inner<P> {
    type State = State;
    type Platform = P;

    fn platform(&self) -> &P {
        &self.platform
    }

    fn steps(&self) -> &Steps<State> {
        &self.steps
    }

    async fn load(&self) -> Result<(State, bool), PlatformError> {
        // A state that says nothing is never stored.
        let is_whole = |state: &State| state.is_of_this_version() && !state.is_blank();
        match StoredState::read(&self.platform, KEY, is_whole).await? {
            StoredState::None => return Ok((State::new(), false)),
            StoredState::Whole(state) => return Ok((state, false)),
            StoredState::Unreadable => {}
        }
        // The call cannot go on. Its socket is closed, and the action of `<Connect>` hangs up.
        for session in 1..=MAX_RESUMES.saturating_add(1) {
            self.platform
                .close(session, close_code::INTERNAL_ERROR, "unreadable");
        }
        let reason = InternalProblem::CallUnreadable;
        event::log(&self.platform, &Event::InternalError { reason });
        Ok((State::new(), true))
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
        WriteBatch::of(KEY, state)
    }

    fn next_wake(&self, state: &State, _: UnixMillis) -> Option<UnixMillis> {
        state.next_wake(&self.config)
    }
}
