//! Ending a call by REST: Twilio has reacted to nothing else, and each minute that goes on is paid.
//!
//! Not here: when that is (`state::jobs`).

use std::rc::Rc;

use super::{CallPlatform, Inner};
use crate::{
    conversation::dialling,
    event::{self, CallEnd, CallHungUp, Event, HangUpOutcome},
    object::StepHost,
    platform::PlatformError,
    twilio::rest::{self, Completed},
    voice::{
        api::Admit,
        state::{Retry, State},
    },
};

impl<P: CallPlatform> Inner<P> {
    /// Has Twilio end the call, and ends it here. If the outcome is not known, Twilio is asked again later.
    pub(super) async fn hang_up(self: &Rc<Self>, end: CallEnd) -> Result<(), PlatformError> {
        let admission = self.read(|state, _| state.admission().cloned()).await?;
        let Some(admission) = admission else {
            return Ok(());
        };
        let (outcome, code) = match self.complete(&admission).await {
            None => (HangUpOutcome::NoAccount, None),
            Some(completed) => match dialling::hung_up(completed) {
                Some(outcome) => outcome,
                None => match self.step(State::hang_up_later).await? {
                    Retry::Later => return Ok(()),
                    Retry::Never => (HangUpOutcome::Unknown, None),
                },
            },
        };
        let call = self.name.call_hash();
        let hung_up = CallHungUp {
            call,
            outcome,
            code,
        };
        event::log(&self.platform, &Event::CallHungUp(hung_up));
        self.finish(end).await
    }

    /// Asks Twilio with each token until one is accepted. `None`: the webhook named no account.
    async fn complete(&self, admission: &Admit) -> Option<Completed> {
        let account = admission.account.as_ref()?;
        let (config, sid) = (&self.config, &admission.sid);
        let tokens = rest::credentials(config, account, &admission.token);
        Some(dialling::complete(&self.platform, config, tokens, sid).await)
    }
}
