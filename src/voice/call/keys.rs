//! The keys of the caller: they count only while digits are asked for.
//!
//! Not here: when an entry is over (`state::keys`). A key never cuts anything off, because the TwiML says so: the `#` that
//! ends an entry would cut the answer to it off.

use std::rc::Rc;

use super::{CallPlatform, Inner};
use crate::{
    object::StepHost, platform::PlatformError, twilio::voice::relay::Digit, voice::state::State,
};

impl<P: CallPlatform> Inner<P> {
    /// The caller has pressed a key.
    pub(super) async fn press(self: &Rc<Self>, digit: Digit) -> Result<(), PlatformError> {
        let words = self.step(|state, now| state.press(digit, now)).await?;
        self.answer_keys(words);
        Ok(())
    }

    /// The caller presses no more keys.
    pub(super) async fn end_entry(self: &Rc<Self>) -> Result<(), PlatformError> {
        let words = self.step(|state, _| State::end_entry(state)).await?;
        self.answer_keys(words);
        Ok(())
    }

    fn answer_keys(self: &Rc<Self>, words: Option<String>) {
        if let Some(words) = words {
            self.begin_turn(words);
        }
    }
}
