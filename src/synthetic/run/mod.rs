//! The object of a run: it lets the two sides talk, has the transcript judged, and tells the batch.
//!
//! [`Runner`] is the engine. It works in the alarm, line by line, and each line is stored before the
//! next one is asked for. If the object vanishes, the alarm fires again, and the run goes on with
//! the line that was due. A request is counted before it is made, so no crash makes a run cost more
//! than was reserved. Not here: the decisions (`state`), and the rate of a batch (`batch`).

mod events;
mod judge;
mod report;
mod speak;
pub mod state;
mod storage;

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures_util::future::AbortHandle;

use self::state::{Next, State};
use super::{
    KnowsPersonas,
    api::{Begin, Begun, CancelRun},
    plan::RunPlan,
    transcript::{EndReason, EndedBy},
};
use crate::{
    base::{time::UnixMillis, usage::UsageCounters},
    config::{Config, Speaker},
    conversation::{
        budget::{self, Item, Release, Reservation, Reserve},
        model_run::RemembersEndpoints,
    },
    event::{self, Event, ObjectKind},
    object::{Engine, Steps, arguments, in_time, reply, unknown_method, with_retry},
    platform::{Clock, Http, Log, Method, Objects, PlatformError, Random, Storage, TimeZones},
};

/// The platform services that a run needs.
pub trait RunPlatform:
    Clock
    + TimeZones
    + Log
    + Random
    + Http
    + Storage
    + Objects
    + RemembersEndpoints
    + KnowsPersonas
    + 'static
{
}
impl<P> RunPlatform for P where
    P: Clock
        + TimeZones
        + Log
        + Random
        + Http
        + Storage
        + Objects
        + RemembersEndpoints
        + KnowsPersonas
        + 'static
{
}

/// A run.
#[derive(Debug)]
pub struct Runner<P>(Rc<Inner<P>>);

#[derive(Debug)]
struct Inner<P> {
    platform: P,
    config: Rc<Config>,
    steps: Steps<State>,
    /// Breaks off the request that is being made.
    aborts: RefCell<Option<AbortHandle>>,
}

/// How long the budget object may take.
const BUDGET_TIME: Duration = Duration::from_secs(5);
/// How long one alarm works before it sets the next one. The runtime ends an alarm after 15 minutes
/// (Cloudflare, "Durable Objects", limits).
const ALARM_TIME: Duration = Duration::from_mins(5);
/// The wait after a failed alarm before the next one.
const ALARM_RETRY: Duration = Duration::from_secs(5);

impl<P: RunPlatform> Runner<P> {
    /// The run of this object.
    pub fn new(platform: P, config: Rc<Config>) -> Self {
        Self(Rc::new(Inner {
            platform,
            config,
            steps: Steps::default(),
            aborts: RefCell::default(),
        }))
    }

    /// Begins the run, if the day's budget has room for all of its requests.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn begin(&self, plan: RunPlan) -> Result<Begun, PlatformError> {
        let inner = &self.0;
        if !inner.read(|state, _| state.is_new()).await? {
            return Ok(Begun::Running);
        }
        let Some(first) = inner.first_speaker(&plan) else {
            // A file that the plan names is gone. The run is accounted for, and costs nothing.
            inner
                .step(|state, now| {
                    state.begin(plan, Speaker::Agent, 0, now);
                    state.change(|run| {
                        run.end(EndedBy::Failure, EndReason::Configuration, now);
                    });
                })
                .await?;
            return Ok(Begun::Running);
        };
        let count = plan.most_requests();
        if !inner.reserve(count).await {
            return Ok(Begun::NoBudget);
        }
        let begun = inner.step(|state, now| state.begin(plan, first, count, now));
        if !begun.await? {
            // The same call came twice, and both have reserved.
            inner.release(count, inner.platform.now()).await;
        }
        Ok(Begun::Running)
    }

    /// Ends the conversation.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn cancel(&self) -> Result<(), PlatformError> {
        let inner = &self.0;
        let end = |state: &mut State, now| {
            state.change(|run| {
                run.end(EndedBy::Operator, EndReason::Cancelled, now);
                run.give_up_scores(now);
            });
        };
        inner.step(end).await?;
        if let Some(aborts) = inner.aborts.take() {
            aborts.abort();
        }
        Ok(())
    }

    /// The alarm: goes on with the run.
    ///
    /// # Errors
    /// When storage failed, and no alarm could be set either. The runtime then fires the alarm again.
    pub async fn alarm(&self) -> Result<(), PlatformError> {
        let inner = &self.0;
        let Err(error) = inner.work().await else {
            return Ok(());
        };
        inner.log_failure(ObjectKind::Run, error);
        let retry_at = inner.platform.now().plus(ALARM_RETRY);
        inner.steps.reload_at(&**inner, retry_at).await
    }
}

impl<P: RunPlatform> Engine for Runner<P> {
    async fn call(&self, method: &str, text: &str) -> Result<String, PlatformError> {
        match method {
            Begin::NAME => {
                let Begin(plan) = arguments(text)?;
                reply::<Begin>(&self.begin(plan).await?)
            }
            CancelRun::NAME => {
                self.cancel().await?;
                reply::<CancelRun>(&())
            }
            _ => Err(unknown_method()),
        }
    }
}

impl<P: RunPlatform> Inner<P> {
    /// Goes on until nothing is due, or the alarm has worked for long enough.
    async fn work(&self) -> Result<(), PlatformError> {
        self.steps.begin_alarm(self).await?;
        let begun = self.platform.now();
        while self.platform.now().since(begun) < ALARM_TIME {
            let goes_on = match self.read(State::next).await? {
                Next::Say {
                    speaker,
                    disturbance,
                } => {
                    self.speak(speaker, disturbance).await?;
                    true
                }
                Next::Judge => {
                    self.judge().await?;
                    true
                }
                Next::Report => self.report().await?,
                Next::Events(step) => {
                    self.send_events(step).await?;
                    true
                }
                Next::Nothing => false,
            };
            if !goes_on {
                break;
            }
        }
        self.steps.end_alarm(self, State::forget_when_due).await
    }

    /// Who speaks first. `None` if a file that the plan names does not exist.
    fn first_speaker(&self, plan: &RunPlan) -> Option<Speaker> {
        let personas = self.platform.personas();
        let sides = self.sides(plan, (*personas).as_ref().ok()?)?;
        Some(sides.scenario.first_speaker)
    }

    /// Reserves requests of the day. If that is not known to have succeeded, none is made.
    async fn reserve(&self, count: u32) -> bool {
        let reserve = Reserve {
            item: Item::ModelRequest,
            count,
            cap: self.config.max_daily_calls,
            usage: UsageCounters::EMPTY,
        };
        // At worst they are reserved twice.
        let reserved = with_retry(async || self.platform.call(budget::NAME, &reserve).await);
        match in_time(&self.platform, BUDGET_TIME, reserved).await {
            Ok(reservation) => reservation == Reservation::Granted,
            Err(error) => {
                self.log_failure(ObjectKind::Budget, error);
                false
            }
        }
    }

    /// Gives requests back that were reserved and not made. If that fails, they stay reserved until
    /// the day is over.
    async fn release(&self, count: u32, reserved_at: UnixMillis) {
        let release = Release {
            item: Item::ModelRequest,
            count,
            reserved_at,
        };
        let released = self.platform.call(budget::NAME, &release);
        if let Err(error) = in_time(&self.platform, BUDGET_TIME, released).await {
            self.log_failure(ObjectKind::Budget, error);
        }
    }

    fn log_failure(&self, object: ObjectKind, error: PlatformError) {
        let reason = error.reason;
        event::log(&self.platform, &Event::ObjectFailed { object, reason });
    }

    /// Reads the state, see [`Steps::read`].
    async fn read<R>(
        &self,
        look: impl FnOnce(&State, UnixMillis) -> R,
    ) -> Result<R, PlatformError> {
        self.steps.read(self, look).await
    }

    /// Takes an atomic step, see [`Steps::step`].
    async fn step<R>(
        &self,
        decide: impl FnOnce(&mut State, UnixMillis) -> R,
    ) -> Result<R, PlatformError> {
        self.steps.step(self, decide).await
    }
}
