//! The object of a run: it lets the two sides talk, has the transcript judged, and tells the batch.
//!
//! [`Runner`] is the engine. It works in the alarm, line by line, and each line is stored before the
//! next one is asked for. If the object vanishes, the alarm fires again, and the run goes on with
//! the line that was due. A request is counted before it is made, so no crash makes a run cost more
//! than was reserved. Not here: the decisions (`state`), and the rate of a batch (`batch`).

mod call;
mod events;
mod judge;
mod numbers;
mod repetition;
mod report;
mod sides;
mod speak;
pub mod state;
mod storage;
mod transcribe;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use futures_util::{future::AbortHandle, lock::Mutex};

use self::state::{Next, RINGS_FOR, Reserved, Run, State};
use super::{
    KnowsPersonas,
    api::{
        AnswerLeg, BATCHES_NAME, Begin, Begun, CallRecorded, CancelRun, Cancelled, CheckNumbers,
        LegEnded, ReleaseLine, RunCallOver, TakeLine, TranscriptReady,
    },
    plan::{RunPlan, longest_call},
    transcript::{EndReason, EndedBy},
};
use crate::{
    base::usage::UsageCounters,
    config::{Config, Speaker},
    conversation::{
        budget::{self, Item, Release, Reservation, Reserve},
        model_run::RemembersEndpoints,
        relay_inbox::Inbox,
    },
    event::{self, ObjectKind},
    object::{Engine, StepHost, Steps, arguments, in_time, reply, unknown_method, with_retry},
    platform::{
        Clock, Http, Log, Method, Objects, PlatformError, Random, Sockets, Storage, TimeZones,
    },
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
    + Sockets
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
        + Sockets
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
    /// Frames of the call's sockets that wait for their turn.
    inbox: Inbox,
    /// How much of the newest line was played.
    played: Cell<call::Played>,
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
            inbox: Inbox::default(),
            played: Cell::default(),
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
                let nothing = Reserved {
                    count: 0,
                    minutes: 0,
                    at: now,
                };
                if state.begin(plan, Speaker::Agent, nothing, now) {
                    state.change(|run| {
                        run.end(EndedBy::Failure, EndReason::Configuration, now);
                    });
                }
            };
            inner.step(end).await?;
            return Ok(Begun::Running);
        };
        if plan.call.is_some() && !inner.take_line(&plan).await {
            return Ok(Begun::Busy);
        }
        let Some(reserved) = inner.reserve_all(&plan).await else {
            inner.release_line(&plan).await;
            return Ok(Begun::NoBudget);
        };
        let begun = inner.step(|state, now| state.begin(plan.clone(), first, reserved, now));
        if !begun.await? {
            // It was told to end in the meantime.
            inner.release(reserved).await;
            inner.release_line(&plan).await;
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
}

impl<P: RunPlatform> Engine for Runner<P> {
    async fn call(&self, method: &str, text: &str) -> Result<String, PlatformError> {
        match method {
            Begin::NAME => {
                let Begin(plan) = arguments(text)?;
                reply::<Begin>(&self.begin(plan).await?)
            }
            CancelRun::NAME => reply::<CancelRun>(&self.cancel().await?),
            AnswerLeg::NAME => reply::<AnswerLeg>(&self.answer_leg(arguments(text)?).await?),
            LegEnded::NAME => reply::<LegEnded>(&self.leg_ended(arguments(text)?).await?),
            RunCallOver::NAME => reply::<RunCallOver>(&self.call_over(arguments(text)?).await?),
            CallRecorded::NAME => reply::<CallRecorded>(&self.recorded(arguments(text)?).await?),
            TranscriptReady::NAME => {
                let ready = arguments(text)?;
                reply::<TranscriptReady>(&self.transcript_ready(ready).await?)
            }
            CheckNumbers::NAME => {
                let check = arguments(text)?;
                reply::<CheckNumbers>(&self.0.check_numbers(&check).await)
            }
            _ => Err(unknown_method()),
        }
    }

    /// The alarm: goes on with the run.
    async fn alarm(&self) -> Result<(), PlatformError> {
        let inner = &self.0;
        let Err(error) = inner.work().await else {
            return Ok(());
        };
        inner.log_failure(ObjectKind::Run, error);
        let retry_at = inner.platform.now().plus(ALARM_RETRY);
        inner.steps.reload_at(&**inner, retry_at).await
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
                Next::Dial => {
                    self.dial().await?;
                    true
                }
                Next::LookUp => {
                    self.look_up().await?;
                    true
                }
                Next::NotConnected => {
                    self.change(Run::not_connected).await?;
                    true
                }
                Next::Spoken => {
                    self.change(Run::spoken).await?;
                    true
                }
                Next::TimeUp => {
                    self.change(Run::time_up).await?;
                    true
                }
                Next::Tell => {
                    self.tell_legs().await?;
                    true
                }
                Next::HangUp => {
                    self.hang_up().await?;
                    true
                }
                Next::Judge => {
                    self.judge().await?;
                    true
                }
                Next::BeginTranscript => {
                    self.begin_transcript().await?;
                    true
                }
                Next::Transcribe(due) => {
                    self.transcribe(due).await?;
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

    /// Takes the line for the run's call, for as long as Twilio can let the call last.
    async fn take_line(&self, plan: &RunPlan) -> bool {
        let lasts = longest_call(plan.limits).saturating_add(RINGS_FOR);
        let take = TakeLine {
            run: plan.run.clone(),
            seconds: u32::try_from(lasts.as_secs()).unwrap_or(u32::MAX),
        };
        let taken = with_retry(async || self.platform.call(BATCHES_NAME, &take).await);
        match in_time(&self.platform, BUDGET_TIME, taken).await {
            Ok(taken) => taken,
            Err(error) => {
                self.log_failure(ObjectKind::Batch, error);
                false
            }
        }
    }

    /// Gives the line back. If that fails, it is free when the run's time is over.
    async fn release_line(&self, plan: &RunPlan) {
        if plan.call.is_none() {
            return;
        }
        let release = ReleaseLine(plan.run.clone());
        let released = with_retry(async || self.platform.call(BATCHES_NAME, &release).await);
        if let Err(error) = in_time(&self.platform, BUDGET_TIME, released).await {
            self.log_failure(ObjectKind::Batch, error);
        }
    }

    /// Reserves all requests and minutes that a run can need, or nothing.
    async fn reserve_all(&self, plan: &RunPlan) -> Option<Reserved> {
        let at = self.platform.now();
        let (count, minutes) = (plan.most_requests(), plan.most_minutes());
        let requests = Reserved {
            count,
            minutes: 0,
            at,
        };
        let cap = self.config.max_daily_calls;
        if !self.reserve(Item::ModelRequest, count, cap).await {
            return None;
        }
        let cap = self.config.max_daily_call_minutes;
        if minutes > 0 && !self.reserve(Item::CallMinute, minutes, cap).await {
            self.release(requests).await;
            return None;
        }
        Some(Reserved {
            minutes,
            ..requests
        })
    }

    /// Reserves something of the day. If that is not known to have succeeded, it is not used.
    async fn reserve(&self, item: Item, count: u32, cap: u32) -> bool {
        let reserve = Reserve {
            item,
            count,
            cap,
            usage: UsageCounters::EMPTY,
        };
        let reserved = budget::reserve(&self.platform, &reserve, BUDGET_TIME).await;
        reserved == Some(Reservation::Granted)
    }

    /// Gives back what was reserved and not used. If that fails, it stays reserved until the day is over.
    async fn release(&self, reserved: Reserved) {
        let items = [
            (Item::ModelRequest, reserved.count),
            (Item::CallMinute, reserved.minutes),
        ];
        for (item, count) in items.into_iter().filter(|(_, count)| *count > 0) {
            let release = Release {
                item,
                count,
                reserved_at: reserved.at,
            };
            budget::release(&self.platform, &release, BUDGET_TIME).await;
        }
    }

    fn logged(&self, result: Result<(), PlatformError>) {
        if let Err(error) = result {
            self.log_failure(ObjectKind::Run, error);
        }
    }

    fn log_failure(&self, object: ObjectKind, error: PlatformError) {
        event::log_failure(&self.platform, object, error);
    }
}
