//! The alarm: the jobs that were left over, one after the other.
//!
//! Not here: which job is next, and when the alarm comes (`messaging::state`).

use std::{rc::Rc, time::Duration};

use super::{
    super::state::{Job, State},
    Inner, ThreadPlatform,
};
use crate::{
    base::{time::UnixMillis, usage::PendingUsage},
    conversation::{
        budget::{self, AddUsage},
        outbox::{self, OptOutRefusal, Outbox, OutboxEntry, OutboxStore},
    },
    event::ObjectKind,
    object::{StepHost, in_time},
    platform::PlatformError,
};

/// The wait after a failed alarm before the next one.
const ALARM_RETRY: Duration = Duration::from_secs(10);

/// How long the budget object may take to answer when no turn waits for it.
const BUDGET_LIMIT: Duration = Duration::from_secs(10);

impl<P: ThreadPlatform> Inner<P> {
    /// Does all jobs that were left over, forgets what has expired, and sets the next alarm.
    pub(super) async fn alarm(self: &Rc<Self>) -> Result<(), PlatformError> {
        let Err(error) = self.run_pending_jobs().await else {
            return Ok(());
        };
        self.log_storage_error(error);
        // The runtime fires a failed alarm six times and then never again. Our own alarm comes for
        // as long as it takes.
        let retry_at = self.platform.now().plus(ALARM_RETRY);
        self.steps.reload_at(&**self, retry_at).await
    }
}

impl<P: ThreadPlatform> Inner<P> {
    /// Does all jobs that were left over, and forgets what has expired.
    async fn run_pending_jobs(self: &Rc<Self>) -> Result<(), PlatformError> {
        self.steps.begin_alarm(&**self).await?;
        let next_job = |state: &State, now| state.next_job(now, &self.config);
        while let Some(job) = self.read(next_job).await? {
            match job {
                Job::Turn => self.run().await,
                Job::Outbox => self.drain_outbox().await?,
                Job::EndHandOff => self.end_hand_off_in_time().await?,
                Job::EndIntake => self.end_intake_in_time().await?,
                Job::StartFlow => self.start_flow().await?,
                Job::Deliver => self.send_deliveries().await?,
                Job::Delete => self.delete_pending().await?,
                Job::Orders => drop(self.send_orders_or_log().await),
                Job::Usage => self.flush_usage().await?,
                Job::Save => self.save().await?,
            }
        }
        let settle = |state: &mut State, now| state.settle(now, &self.config);
        self.steps.end_alarm(&**self, settle).await?;
        let has_expired = |state: &State, now| state.revisions.current(now).is_none();
        if self.read(has_expired).await? {
            self.conversation.take();
        }
        Ok(())
    }

    /// Sends the answers in the outbox whose time has come.
    async fn drain_outbox(&self) -> Result<(), PlatformError> {
        let _draining = self.draining.lock().await;
        outbox::drain(self, &self.platform, &self.config).await
    }

    /// Reports usage that no request to the model carried.
    async fn flush_usage(&self) -> Result<(), PlatformError> {
        let take = |state: &mut State, now| {
            let usage = state.usage.counters();
            state.usage.mark_reported(&usage);
            // The same write forgets what has expired.
            state.settle(now, &self.config);
            usage
        };
        // The usage is removed first: otherwise a report that breaks off would be repeated without
        // end.
        let usage = self.step(take).await?;
        let add_usage = AddUsage { usage };
        let report = self.platform.call(budget::NAME, &add_usage);
        let Err(error) = in_time(&self.platform, BUDGET_LIMIT, report).await else {
            return Ok(());
        };
        self.log_object_error(ObjectKind::Budget, error);
        self.step(|state, now| state.usage.count(&usage, now)).await
    }
}

impl<P: ThreadPlatform> OutboxStore for Inner<P> {
    async fn change<R>(
        &self,
        decide: impl FnOnce(&mut Outbox, &mut PendingUsage, UnixMillis) -> R,
    ) -> Result<R, PlatformError> {
        let change = |state: &mut State, now| {
            let result = decide(&mut state.outbox, &mut state.usage, now);
            state.remember_sent(now, &self.config);
            result
        };
        self.step(change).await
    }

    async fn opt_out(
        &self,
        entry: &OutboxEntry,
        code: u32,
    ) -> Result<OptOutRefusal, PlatformError> {
        let opt_out = |state: &mut State, now| state.opt_out_at_twilio(entry.turn, code, now);
        let (refusal, cancelled) = self.step(opt_out).await?;
        self.opted_out_at_twilio(entry.phone_hash.clone(), cancelled);
        Ok(refusal)
    }
}
