//! The call of a run, as Twilio sees it: it is made, its legs are answered, and it is ended.
//!
//! Webhooks and frames only change the state, and the step sets the alarm, which goes on with the run.
//! Not here: the decisions (`state::call`).

mod dial;
mod frames;
mod played;
mod spoken;

use super::{Inner, RunPlatform, Runner, state::Run};
use crate::{
    event::{self, CallFault, Event},
    identity::CallHash,
    object::StepHost,
    platform::PlatformError,
    synthetic::{
        api::{AnswerLeg, CallRecorded, LegEnded, LegRelay, RunCallOver},
        plan::Leg,
    },
};

pub(super) use played::Played;

impl<P: RunPlatform> Runner<P> {
    /// A leg asks for TwiML. `None`: it is told to hang up.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn answer_leg(&self, answer: AnswerLeg) -> Result<Option<LegRelay>, PlatformError> {
        let inner = &self.0;
        let AnswerLeg { leg, sid, door } = answer;
        let relay = inner.read(|state, _| inner.relay_of(state.run()?, leg));
        let Some(relay) = relay.await? else {
            return Ok(None);
        };
        let answered =
            inner.step(|state, now| state.change(|run| run.answer_leg(leg, &sid, &door, now)));
        Ok(answered.await?.unwrap_or(false).then_some(relay))
    }

    /// The relay of a leg has ended.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn leg_ended(&self, ended: LegEnded) -> Result<(), PlatformError> {
        let LegEnded { leg, sid } = ended;
        self.0
            .end_by(|run, now| run.leg_ended(leg, &sid, now))
            .await
    }

    /// The call is over, as its status callback says.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn call_over(&self, over: RunCallOver) -> Result<(), PlatformError> {
        let end = |run: &mut Run, now| run.call_is_over(Some(&over.sid), now);
        self.0.end_by(end).await
    }

    /// Twilio has a recording of the call, or has none.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn recorded(&self, recorded: CallRecorded) -> Result<(), PlatformError> {
        let CallRecorded(recording) = recorded;
        self.0.change(|run, now| run.recorded(recording, now)).await
    }
}

impl<P: RunPlatform> Inner<P> {
    /// How a leg is connected.
    fn relay_of(&self, run: &Run, leg: Leg) -> Option<LegRelay> {
        let call = run.plan.call.as_ref()?;
        let personas = self.platform.personas();
        let sides = self.sides(&run.plan, (*personas).as_ref().ok()?)?;
        let speaker = leg.speaker();
        let (own, other) = (sides.sound(speaker)?, sides.sound(speaker.other())?);
        Some(LegRelay {
            speaks: own.language.clone(),
            voice: own.voice.clone(),
            hears: other.language.clone(),
            records: call.record && leg == Leg::Caller,
        })
    }

    /// Something ends the run, or not. If it does, nobody waits for the model any more.
    async fn end_by(
        &self,
        end: impl FnOnce(&mut Run, crate::base::time::UnixMillis),
    ) -> Result<(), PlatformError> {
        let ended = self.step(|state, now| {
            state.change(|run| {
                let goes_on = run.ended.is_none();
                end(run, now);
                goes_on && run.ended.is_some()
            })
        });
        if ended.await?.unwrap_or(false)
            && let Some(aborts) = self.aborts.take()
        {
            aborts.abort();
        }
        Ok(())
    }

    /// What stands for the run's call in the log.
    pub(super) fn call_hash(&self, run: &Run) -> CallHash {
        let keys = &self.config.pseudonym_key;
        keys.call_of_run(&run.plan.run.to_string()).call_hash()
    }

    async fn log_fault(&self, fault: CallFault) {
        let call = self.read(|state, _| state.run().map(|run| self.call_hash(run)));
        if let Ok(Some(call)) = call.await {
            event::log(&self.platform, &Event::CallFault { call, fault });
        }
    }
}
