//! The object of a run: it lets the two sides talk, has the transcript judged, and tells the batch.
//!
//! [`Runner`] is the engine. It works in the alarm, line by line, and each line is stored before the
//! next one is asked for. If the object vanishes, the alarm fires again, and the run goes on with
//! the line that was due. A request is counted before it is made, so no crash makes a run cost more
//! than was reserved. Not here: the decisions (`state`), and the rate of a batch (`batch`).

mod events;
mod judge;
mod numbers;
mod repetition;
mod report;
mod speak;
pub mod state;
mod storage;

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures_util::{future::AbortHandle, lock::Mutex};

use self::state::{Next, Reserved, State};
use super::{
    KnowsPersonas,
    api::{Begin, Begun, CancelRun, Cancelled, CheckNumbers},
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
    /// Held while the run begins. A second call waits for the first one: both would reserve, and the
    /// second would say that there is no budget.
    beginning: Mutex<()>,
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
            beginning: Mutex::default(),
            aborts: RefCell::default(),
        }))
    }

    /// Begins the run, if the day's budget has room for all of its requests.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn begin(&self, plan: RunPlan) -> Result<Begun, PlatformError> {
        let inner = &self.0;
        let _only_one = inner.beginning.lock().await;
        if !inner.read(|state, _| state.is_new()).await? {
            return inner.goes_on().await;
        }
        let Some(first) = inner.first_speaker(&plan) else {
            // A file that the plan names is gone. The run is accounted for, and costs nothing.
            let end = |state: &mut State, now| {
                let nothing = Reserved { count: 0, at: now };
                if state.begin(plan, Speaker::Agent, nothing, now) {
                    state.change(|run| {
                        run.end(EndedBy::Failure, EndReason::Configuration, now);
                    });
                }
            };
            inner.step(end).await?;
            return Ok(Begun::Running);
        };
        let Some(reserved) = inner.reserve(plan.most_requests()).await else {
            return Ok(Begun::NoBudget);
        };
        let begun = inner.step(|state, now| state.begin(plan, first, reserved, now));
        if !begun.await? {
            // It was told to end in the meantime.
            inner.release(reserved).await;
        }
        Ok(Begun::Running)
    }

    /// Ends the conversation. A run that has not begun will not begin.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn cancel(&self) -> Result<Cancelled, PlatformError> {
        let inner = &self.0;
        let cancelled = inner.step(State::cancel).await?;
        if let Some(aborts) = inner.aborts.take() {
            aborts.abort();
        }
        Ok(cancelled)
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
            CancelRun::NAME => reply::<CancelRun>(&self.cancel().await?),
            CheckNumbers::NAME => {
                let check = arguments(text)?;
                reply::<CheckNumbers>(&self.0.check_numbers(&check).await)
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

    /// The batch asks again for a run that it does not hear of. The runtime gives up an alarm that has
    /// failed often, so it is set again.
    async fn goes_on(&self) -> Result<Begun, PlatformError> {
        if self.read(|state, _| state.run().is_some()).await? {
            self.steps.reload_at(self, self.platform.now()).await?;
        }
        Ok(Begun::Running)
    }

    /// Who speaks first. `None` if a file that the plan names does not exist.
    fn first_speaker(&self, plan: &RunPlan) -> Option<Speaker> {
        let personas = self.platform.personas();
        let sides = self.sides(plan, (*personas).as_ref().ok()?)?;
        Some(sides.scenario.first_speaker)
    }

    /// Reserves requests of the day. If that is not known to have succeeded, none is made.
    async fn reserve(&self, count: u32) -> Option<Reserved> {
        let at = self.platform.now();
        let reserve = Reserve {
            item: Item::ModelRequest,
            count,
            cap: self.config.max_daily_calls,
            usage: UsageCounters::EMPTY,
        };
        // At worst they are reserved twice.
        let reserved = with_retry(async || self.platform.call(budget::NAME, &reserve).await);
        match in_time(&self.platform, BUDGET_TIME, reserved).await {
            Ok(Reservation::Granted) => Some(Reserved { count, at }),
            Ok(Reservation::Exhausted) => None,
            Err(error) => {
                self.log_failure(ObjectKind::Budget, error);
                None
            }
        }
    }

    /// Gives requests back that were reserved and not made. If that fails, they stay reserved until
    /// the day is over.
    async fn release(&self, reserved: Reserved) {
        let release = Release {
            item: Item::ModelRequest,
            count: reserved.count,
            reserved_at: reserved.at,
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
