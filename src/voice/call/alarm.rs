//! The alarm of a call.
//!
//! Not here: when it is set (`state::jobs`).

use std::{rc::Rc, time::Duration};

use super::{CallPlatform, Inner};
use crate::{
    base::usage::UsageCounters,
    config::FixedText,
    event::{CallEnd, CallFault},
    object::StepHost,
    platform::PlatformError,
    voice::state::{Job, State},
};

/// The wait after a failed alarm before the next one.
const ALARM_RETRY: Duration = Duration::from_secs(5);

impl<P: CallPlatform> Inner<P> {
    /// Does what is due, and sets the next alarm.
    pub(super) async fn alarm(self: &Rc<Self>) -> Result<(), PlatformError> {
        let Err(error) = self.run_jobs().await else {
            return Ok(());
        };
        self.logged(Err(error));
        let retry_at = self.platform.now().plus(ALARM_RETRY);
        self.steps.reload_at(&**self, retry_at).await
    }

    async fn run_jobs(self: &Rc<Self>) -> Result<(), PlatformError> {
        self.steps.begin_alarm(&**self).await?;
        while let Some(job) = self
            .read(|state, now| state.next_job(now, &self.config))
            .await?
        {
            self.run_job(job).await?;
        }
        self.steps.end_alarm(&**self, |_, _| {}).await
    }

    async fn run_job(self: &Rc<Self>, job: Job) -> Result<(), PlatformError> {
        match job {
            Job::ReserveMinute => self.reserve_next_minute().await,
            Job::Silence => self.break_silence().await,
            Job::EndEntry => self.end_entry().await,
            Job::TimeUp => self.close(CallEnd::TimeUp, FixedText::CallTimeUp).await,
            Job::EndSession => self.end_session().await,
            Job::CloseSocket => {
                if let Some(session) = self.read(|state, _| state.open_session()).await? {
                    self.refuse(session, CallFault::NoSetUp).await;
                }
                Ok(())
            }
            Job::HangUp(end) => self.hang_up(end).await,
            Job::Dialled => self.finish(CallEnd::HandedOff).await,
            Job::LookUp => self.look_up().await,
            Job::Forget => self.step(|state, _| state.forget()).await,
        }
    }

    /// Reserves the next minute, or ends the call. The call may also end while the minute is being reserved.
    async fn reserve_next_minute(&self) -> Result<(), PlatformError> {
        let began = self.platform.now();
        match self.reserve_minute(UsageCounters::EMPTY).await {
            Ok(()) => {
                if !self.step(State::add_minute).await? {
                    self.release_minutes(1, began).await;
                }
                Ok(())
            }
            Err(refusal) => {
                let admission = self.read(|state, _| state.admission().cloned()).await?;
                if let Some(admission) = admission {
                    self.log_refusal(&admission.phone_hash, refusal);
                }
                self.close(CallEnd::DailyLimit, FixedText::CallNoCapacity)
                    .await
            }
        }
    }

    /// The caller has been silent, unless somebody speaks or a turn runs.
    async fn break_silence(&self) -> Result<(), PlatformError> {
        let busy = {
            let floor = self.floor.borrow();
            floor.is_running() || floor.caller_speaks || floor.assistant_speaks
        };
        if busy {
            return self
                .step(|state, now| state.postpone_silence(now, &self.config))
                .await;
        }
        self.ask_whether_there().await
    }

    /// A silent caller is asked whether it is there, and the second time the call ends.
    pub(super) async fn ask_whether_there(&self) -> Result<(), PlatformError> {
        if self.step(|state, _| state.nudge()).await? {
            let assistant = self.assistant().await?;
            self.say(assistant.text(FixedText::CallStillThere)).await
        } else {
            self.close(CallEnd::Silence, FixedText::CallGoodbye).await
        }
    }
}
