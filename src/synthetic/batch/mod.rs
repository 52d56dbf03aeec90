//! The object of a batch: it begins runs at a rate, and keeps their records.
//!
//! [`Batches`](list::BatchList) lists them. Each record is a value of its own in the object's
//! storage, which is one row of its SQLite database. Records are only read in the order in which
//! they came, so they need no query. An object holds 10 GB, and a value 2 MB (Cloudflare, "Durable
//! Objects", limits): 10,000 records of 20 kB are 200 MB. Not here: the decisions (`state`), and the
//! conversation (`run`).

pub mod list;
pub mod state;
mod storage;

use std::{rc::Rc, time::Duration};

use futures_util::future::join_all;

use self::state::{Job, State};
use super::{
    api::{
        Begin, Begun, CancelRun, Cancelled, ControlBatch, CreateBatch, DeleteBatch, Page, Progress,
        ReadRuns, RunEnded, ShowBatch,
    },
    plan::{BatchId, RunId, RunPlan},
};
use crate::{
    event::{self, ObjectKind},
    object::{Engine, StepHost, Steps, arguments, in_time, reply, unknown_method, with_retry},
    platform::{Clock, Log, Method, Objects, PlatformError, Storage, WriteBatch},
};

/// The platform services that a batch needs.
pub trait BatchPlatform: Clock + Log + Storage + Objects + 'static {}
impl<P> BatchPlatform for P where P: Clock + Log + Storage + Objects + 'static {}

/// A batch.
#[derive(Debug)]
pub struct Batch<P>(Rc<Inner<P>>);

#[derive(Debug)]
struct Inner<P> {
    platform: P,
    steps: Steps<State>,
}

/// How long a run may take to answer.
const RUN_TIME: Duration = Duration::from_secs(10);
/// The wait after a failed alarm before the next one.
const ALARM_RETRY: Duration = Duration::from_secs(5);
/// The same if the batch cannot be read. Another release may be able to.
const UNREADABLE_RETRY: Duration = Duration::from_hours(1);
/// How long one alarm works before it sets the next one. The runtime ends an alarm after 15 minutes
/// (Cloudflare, "Durable Objects", limits).
const ALARM_TIME: Duration = Duration::from_mins(5);
/// The most records of a page.
pub const MAX_PAGE: u32 = 500;
/// From this size on a page is full, in bytes. An answer of an object has at most 32 MiB (Cloudflare,
/// "Workers RPC").
const PAGE_BYTES: usize = 4 * 1024 * 1024;

impl<P: BatchPlatform> Batch<P> {
    /// The batch of this object.
    pub fn new(platform: P) -> Self {
        Self(Rc::new(Inner {
            platform,
            steps: Steps::default(),
        }))
    }

    /// Begins the batch, unless it has begun before.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn create(&self, create: CreateBatch) -> Result<(), PlatformError> {
        self.0.step(|state, now| state.create(create, now)).await
    }

    /// How far it is. `None`: there is no such batch.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn show(&self) -> Result<Option<Progress>, PlatformError> {
        self.0.read(|state, _| state.progress()).await
    }

    /// Pauses, resumes or cancels it. The runtime gives up an alarm that has failed often, so it is
    /// set again.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn control(&self, control: ControlBatch) -> Result<Option<Progress>, PlatformError> {
        let inner = &self.0;
        let controlled = inner.step(|state, now| {
            state.control(control, now);
            state.progress()
        });
        let progress = controlled.await?;
        if progress.is_some() {
            let now = inner.platform.now();
            inner.steps.reload_at(&**inner, now).await?;
        }
        Ok(progress)
    }

    /// Deletes it with its records, also if it cannot be read. Returns whether there was one.
    ///
    /// # Errors
    /// When storage failed, or a run could not be told to end. Then nothing is deleted.
    pub async fn delete(&self) -> Result<bool, PlatformError> {
        let inner = &self.0;
        let cancelled = inner.step(|state, now| {
            state.control(ControlBatch::Cancel, now);
            let batch = state.plan().map(|(id, _)| id.clone());
            (batch, state.running())
        });
        let (batch, running) = match cancelled.await {
            Err(error) if storage::is_unreadable(&error) => {
                let clear = WriteBatch::clear();
                inner.platform.commit(clear).await?;
                return Ok(true);
            }
            cancelled => cancelled?,
        };
        let Some(batch) = batch else { return Ok(false) };
        let told = running
            .into_iter()
            .map(|number| inner.cancel(&batch, number));
        for told in join_all(told).await {
            told?;
        }
        inner.step(|state, _| *state = State::new()).await?;
        Ok(true)
    }

    /// A run has ended: its record is stored, once.
    ///
    /// # Errors
    /// When storage failed. Then the run tells it again.
    pub async fn run_ended(&self, ended: RunEnded) -> Result<(), PlatformError> {
        let RunEnded { number, record } = ended;
        let text = serde_json::to_string(&record);
        let text = text.map_err(|_| PlatformError::new("encode"))?;
        self.0
            .step(|state, now| state.run_ended(number, &record, text, now))
            .await
    }

    /// Records, in the order in which the runs ended. `None`: there is no such batch.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn read_runs(&self, read: ReadRuns) -> Result<Option<Page>, PlatformError> {
        let ended = self.0.read(|state, _| state.ended()).await?;
        let Some(ended) = ended else { return Ok(None) };
        let mut page = Page {
            records: Vec::new(),
            last: read.after,
            more: false,
        };
        let (mut bytes, mut place) = (0usize, read.after);
        while place < ended && bytes < PAGE_BYTES {
            if page.records.len() >= usize::try_from(read.limit.min(MAX_PAGE)).unwrap_or_default() {
                break;
            }
            place = place.saturating_add(1);
            let stored = self.0.platform.get(&storage::record_key(place)).await?;
            // A record that cannot be read is left out, and the others are not lost with it.
            if let Some(text) = stored.and_then(crate::platform::Stored::text) {
                bytes = bytes.saturating_add(text.len());
                page.records.push(text);
            }
        }
        page.last = place;
        page.more = place < ended;
        Ok(Some(page))
    }
}

impl<P: BatchPlatform> Engine for Batch<P> {
    async fn call(&self, method: &str, text: &str) -> Result<String, PlatformError> {
        match method {
            CreateBatch::NAME => {
                self.create(arguments(text)?).await?;
                reply::<CreateBatch>(&())
            }
            ShowBatch::NAME => reply::<ShowBatch>(&self.show().await?),
            ControlBatch::NAME => reply::<ControlBatch>(&self.control(arguments(text)?).await?),
            DeleteBatch::NAME => reply::<DeleteBatch>(&self.delete().await?),
            RunEnded::NAME => {
                self.run_ended(arguments(text)?).await?;
                reply::<RunEnded>(&())
            }
            ReadRuns::NAME => reply::<ReadRuns>(&self.read_runs(arguments(text)?).await?),
            _ => Err(unknown_method()),
        }
    }

    /// The alarm: begins the runs that are due.
    async fn alarm(&self) -> Result<(), PlatformError> {
        let inner = &self.0;
        let Err(error) = inner.work().await else {
            return Ok(());
        };
        let wait = if storage::is_unreadable(&error) {
            UNREADABLE_RETRY
        } else {
            ALARM_RETRY
        };
        inner.log_failure(ObjectKind::Batch, error);
        let retry_at = inner.platform.now().plus(wait);
        inner.steps.reload_at(&**inner, retry_at).await
    }
}

impl<P: BatchPlatform> Inner<P> {
    async fn work(&self) -> Result<(), PlatformError> {
        self.steps.begin_alarm(self).await?;
        let begun = self.platform.now();
        while self.platform.now().since(begun) < ALARM_TIME {
            let Some(job) = self.read(State::next_job).await? else {
                break;
            };
            match job {
                Job::Take => self.step(State::take).await?,
                Job::Begin(number) => self.begin(number).await?,
                Job::Cancel(number) => {
                    let batch = self.read(|state, _| state.plan().map(|(id, _)| id.clone()));
                    let Some(batch) = batch.await? else { break };
                    let told = self.cancel(&batch, number).await;
                    let told = self.answer(told);
                    self.step(|state, now| state.told_to_end(number, told, now))
                        .await?;
                }
            }
        }
        self.steps.end_alarm(self, |_, _| {}).await
    }

    /// Tells a run to begin. It may be told twice.
    async fn begin(&self, number: u32) -> Result<(), PlatformError> {
        let plan = self.read(|state, _| {
            let (batch, plan) = state.plan()?;
            Some(plan.run(batch, number))
        });
        let Some(plan) = plan.await? else {
            return Ok(());
        };
        let begun = match plan {
            Some(plan) => self.tell(plan).await,
            None => Err(PlatformError::new("the plan has no such run")),
        };
        let begun = self.answer(begun);
        self.step(|state, now| state.told(number, begun, now)).await
    }

    async fn tell(&self, plan: RunPlan) -> Result<Begun, PlatformError> {
        let (name, method) = (plan.run.to_string(), Begin(plan));
        let called = with_retry(async || self.platform.call(&name, &method).await);
        in_time(&self.platform, RUN_TIME, called).await
    }

    /// What a run has answered. An error is logged.
    fn answer<T>(&self, answer: Result<T, PlatformError>) -> Option<T> {
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.log_failure(ObjectKind::Run, error);
                None
            }
        }
    }

    async fn cancel(&self, batch: &BatchId, number: u32) -> Result<Cancelled, PlatformError> {
        let run = RunId {
            batch: batch.clone(),
            number,
        };
        let name = run.to_string();
        let told = with_retry(async || self.platform.call(&name, &CancelRun).await);
        in_time(&self.platform, RUN_TIME, told).await
    }

    fn log_failure(&self, object: ObjectKind, error: PlatformError) {
        event::log_failure(&self.platform, object, error);
    }
}
