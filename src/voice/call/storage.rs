//! The storage of a call: its state under one key.
//!
//! Not here: when something is stored (`object::Steps`).

use super::{CallPlatform, Inner};
use crate::{
    base::time::UnixMillis,
    event::{self, Event, InternalProblem},
    object::StepHost,
    platform::{PlatformError, WriteBatch},
    voice::state::{MAX_RESUMES, State},
};

const KEY: &str = "call";
/// WebSocket's status for an error of the server's own (RFC 6455, section 7.4.1).
const INTERNAL_ERROR: u16 = 1011;

impl<P: CallPlatform> StepHost for Inner<P> {
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
        // A state that says nothing is never stored.
        let is_whole = |state: &State| state.is_of_this_version() && !state.is_blank();
        if let Some(state) = state.filter(is_whole) {
            return Ok((state, false));
        }
        // The call cannot go on. Its socket is closed, and the action of `<Connect>` hangs up.
        for session in 1..=MAX_RESUMES.saturating_add(1) {
            self.platform.close(session, INTERNAL_ERROR, "unreadable");
        }
        let reason = InternalProblem::CallUnreadable;
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
        if state.is_blank() {
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
        let wake = state.next_wake(&self.config)?.max(now);
        // An alarm that comes too early looks again.
        (set.is_none_or(|set| wake < set)).then_some(wake)
    }

    fn stored(&self, _: &State, _: &State) {}
}
