//! The state of a batch, and what it does next. This module does no I/O, and gets the time passed in.
//!
//! A number is taken before its run is told to begin, and leaves the list of those that run in the
//! step that stores its record. So no crash loses a run or counts it twice. Not here: calling the
//! runs (`batch`).

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    base::time::{UnixMillis, growing_wait},
    synthetic::{
        api::{BatchStatus, Begun, Cancelled, ControlBatch, Cost, CreateBatch, Progress, Record},
        plan::{BatchId, BatchPlan},
        transcript::EndReason,
    },
};

/// Everything that a batch's object remembers, except the records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    v: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<Batch>,
    /// A record that the step stores beside the state, with its place.
    #[serde(skip)]
    pub(super) record: Option<(u32, String)>,
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Batch {
    id: BatchId,
    plan: BatchPlan,
    created_at: UnixMillis,
    control: Control,
    /// The number of the next run that was never begun.
    next: u32,
    /// Numbers that were taken, and that had no budget.
    #[serde(default)]
    returned: Vec<u32>,
    /// Runs that were told to begin and have not ended.
    running: BTreeMap<u32, Running>,
    /// When the next run may begin.
    due_at: UnixMillis,
    /// Until when the day's budget, or the line, is not asked again.
    #[serde(default)]
    waits_until: Option<UnixMillis>,
    /// Whether it is the line that it waits for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    waits_for_line: bool,
    /// The number of records.
    ended: u32,
    reasons: BTreeMap<EndReason, u32>,
    not_scored: u32,
    cost: Cost,
    turns: u64,
    #[serde(default)]
    ended_at: Option<UnixMillis>,
}

/// What the operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Control {
    Run,
    Pause,
    Cancel,
}

/// A run that was told to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Running {
    /// When it is told again: soon if it did not answer, later if it does not report.
    ask_at: UnixMillis,
    /// How often it did not answer, in a row.
    #[serde(default)]
    failures: u32,
}

impl Running {
    /// A run that is told now.
    fn told_at(now: UnixMillis) -> Self {
        Self {
            ask_at: now,
            failures: 0,
        }
    }
}

/// What a batch does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// It takes the next number.
    Take,
    /// It tells the run of that number to begin, perhaps once more.
    Begin(u32),
    /// It tells the run of that number to end.
    Cancel(u32),
}

/// The version of the stored format.
const VERSION: u32 = 1;
/// The wait before the day's budget is asked again. A run that ends gives something back, and is not
/// waited for.
const BUDGET_WAIT: Duration = Duration::from_mins(2);
/// The wait before it is asked again whether another batch's call is over.
const LINE_WAIT: Duration = Duration::from_secs(20);
/// The longest wait before a run that does not answer is told again.
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// How much longer than its limit a run may take to report: for its last line, and for its scores.
const REPORT_TIME: Duration = Duration::from_mins(10);

impl State {
    /// The state without a batch.
    #[must_use]
    pub fn new() -> Self {
        Self {
            v: VERSION,
            ..Self::default()
        }
    }

    /// Whether another release can have written it: this one cannot read it.
    #[must_use]
    pub fn is_of_this_version(&self) -> bool {
        self.v == VERSION
    }

    /// Whether there is no batch.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.batch.is_none()
    }

    /// Begins a batch, unless there is one.
    pub fn create(&mut self, create: CreateBatch, now: UnixMillis) {
        if self.batch.is_some() {
            return;
        }
        self.batch = Some(Batch {
            id: create.id,
            plan: create.plan,
            created_at: now,
            control: Control::Run,
            next: 1,
            returned: Vec::new(),
            running: BTreeMap::new(),
            due_at: now,
            waits_until: None,
            waits_for_line: false,
            ended: 0,
            reasons: BTreeMap::new(),
            not_scored: 0,
            cost: Cost::default(),
            turns: 0,
            ended_at: None,
        });
    }

    /// What is due.
    #[must_use]
    pub fn next_job(&self, now: UnixMillis) -> Option<Job> {
        let batch = self.batch.as_ref()?;
        let is_due = |running: &Running| now >= running.ask_at;
        let mut running = batch.running.iter();
        if let Some((number, _)) = running.find(|(_, run)| is_due(run)) {
            return Some(match batch.control {
                Control::Cancel => Job::Cancel(*number),
                Control::Run | Control::Pause => Job::Begin(*number),
            });
        }
        let start_at = batch.start_at()?;
        (now >= start_at).then_some(Job::Take)
    }

    /// When something is due.
    #[must_use]
    pub fn next_wake(&self) -> Option<UnixMillis> {
        let batch = self.batch.as_ref()?;
        let asked = batch.running.values().map(|run| run.ask_at);
        asked.chain(batch.start_at()).min()
    }

    /// Takes the next number, if it is due: the operator may just have paused the batch. Its run is
    /// told to begin after that.
    pub fn take(&mut self, now: UnixMillis) {
        let Some(batch) = &mut self.batch else { return };
        if batch.start_at().is_none_or(|at| now < at) {
            return;
        }
        let number = if batch.returned.is_empty() {
            let number = batch.next;
            batch.next = number.saturating_add(1);
            number
        } else {
            batch.returned.remove(0)
        };
        batch.running.insert(number, Running::told_at(now));
        // A batch that could not begin runs for a while makes up for one of them, so that an alarm
        // that comes late does not slow it down.
        let interval = batch.interval();
        batch.due_at = batch.due_at.max(now.minus(interval)).plus(interval);
        batch.waits_until = None;
    }

    /// A run has answered, or has not.
    pub fn told(&mut self, number: u32, begun: Option<Begun>, now: UnixMillis) {
        let Some(batch) = &mut self.batch else { return };
        let limit = Duration::from_secs(batch.plan.limits.seconds.into());
        let Some(run) = batch.running.get_mut(&number) else {
            // It has ended in the meantime.
            return;
        };
        match begun {
            // It was cancelled in the meantime, and is told to end at once.
            Some(_) if batch.control == Control::Cancel => *run = Running::told_at(now),
            Some(Begun::Running) => {
                run.failures = 0;
                run.ask_at = now.plus(limit).plus(REPORT_TIME);
            }
            Some(later @ (Begun::NoBudget | Begun::Busy)) => {
                batch.running.remove(&number);
                batch.returned.push(number);
                batch.returned.sort_unstable();
                batch.waits_for_line = later == Begun::Busy;
                let wait = if batch.waits_for_line {
                    LINE_WAIT
                } else {
                    BUDGET_WAIT
                };
                batch.waits_until = Some(now.plus(wait));
            }
            None => {
                run.failures = run.failures.saturating_add(1);
                run.ask_at = now.plus(growing_wait(run.failures, LONGEST_WAIT));
            }
        }
    }

    /// A run was told to end, or could not be.
    pub fn told_to_end(&mut self, number: u32, told: Option<Cancelled>, now: UnixMillis) {
        let Some(batch) = &mut self.batch else { return };
        let Some(run) = batch.running.get_mut(&number) else {
            return;
        };
        match told {
            Some(Cancelled::Reports) => run.ask_at = now.plus(REPORT_TIME),
            // It has never begun, and there will be no record.
            Some(Cancelled::Over) => {
                batch.running.remove(&number);
                batch.finish_if_done(now);
            }
            None => {
                run.failures = run.failures.saturating_add(1);
                run.ask_at = now.plus(growing_wait(run.failures, LONGEST_WAIT));
            }
        }
    }

    /// A run has ended. Its record is stored with the step, unless it was stored before.
    pub fn run_ended(&mut self, number: u32, record: &Record, text: String, now: UnixMillis) {
        let Some(batch) = &mut self.batch else { return };
        let had_no_budget = batch.returned.iter().position(|own| *own == number);
        match (batch.running.remove(&number), had_no_budget) {
            (Some(_), _) => {}
            // A call that came late has begun it after all.
            (None, Some(at)) => drop(batch.returned.remove(at)),
            (None, None) => return,
        }
        batch.ended = batch.ended.saturating_add(1);
        let count = batch.reasons.entry(record.ended.reason).or_default();
        *count = count.saturating_add(1);
        if record.plan.score && record.scores.is_none() {
            batch.not_scored = batch.not_scored.saturating_add(1);
        }
        batch.cost.add(record.cost);
        batch.turns = batch.turns.saturating_add(record.metrics.turns.into());
        batch.waits_until = None;
        self.record = Some((batch.ended, text));
        batch.finish_if_done(now);
    }

    /// The operator pauses, resumes or cancels it.
    pub fn control(&mut self, control: ControlBatch, now: UnixMillis) {
        let Some(batch) = &mut self.batch else { return };
        if batch.control == Control::Cancel {
            return;
        }
        match control {
            ControlBatch::Pause => batch.control = Control::Pause,
            ControlBatch::Resume => {
                batch.control = Control::Run;
                batch.waits_until = None;
            }
            ControlBatch::Cancel => {
                batch.control = Control::Cancel;
                // Those without budget are told, too: a call that comes late must not begin them.
                let told = batch.running.keys().copied();
                let told = told.chain(std::mem::take(&mut batch.returned));
                batch.running = told.map(|own| (own, Running::told_at(now))).collect();
                batch.finish_if_done(now);
            }
        }
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        let batch = self.batch.as_ref()?;
        Some(Progress {
            id: batch.id.clone(),
            plan: batch.plan.clone(),
            status: batch.status(),
            created_at: batch.created_at,
            ended_at: batch.ended_at,
            running: u32::try_from(batch.running.len()).unwrap_or(u32::MAX),
            ended: batch.ended,
            reasons: batch.reasons.clone(),
            not_scored: batch.not_scored,
            cost: batch.cost,
            turns: batch.turns,
        })
    }

    /// The runs that go on.
    #[must_use]
    pub fn running(&self) -> Vec<u32> {
        let batch = self.batch.as_ref();
        batch.map_or_else(Vec::new, |batch| batch.running.keys().copied().collect())
    }

    /// The batch's id and plan.
    #[must_use]
    pub fn plan(&self) -> Option<(&BatchId, &BatchPlan)> {
        let batch = self.batch.as_ref()?;
        Some((&batch.id, &batch.plan))
    }

    /// The number of records.
    #[must_use]
    pub fn ended(&self) -> Option<u32> {
        Some(self.batch.as_ref()?.ended)
    }
}

impl Batch {
    /// When the next run begins. `None`: no run begins now.
    fn start_at(&self) -> Option<UnixMillis> {
        let has_more = self.next <= self.plan.count || !self.returned.is_empty();
        let has_room =
            self.running.len() < usize::try_from(self.plan.at_once).unwrap_or(usize::MAX);
        (self.control == Control::Run && has_more && has_room).then(|| {
            self.waits_until
                .map_or(self.due_at, |at| at.max(self.due_at))
        })
    }

    fn interval(&self) -> Duration {
        Duration::from_mins(1)
            .checked_div(self.plan.per_minute)
            .unwrap_or(Duration::from_mins(1))
    }

    fn finish_if_done(&mut self, now: UnixMillis) {
        let all = self.control == Control::Cancel || self.ended >= self.plan.count;
        if all && self.running.is_empty() {
            self.ended_at.get_or_insert(now);
        }
    }

    fn status(&self) -> BatchStatus {
        match self.control {
            Control::Cancel => BatchStatus::Cancelled,
            _ if self.ended >= self.plan.count => BatchStatus::Finished,
            Control::Pause => BatchStatus::Paused,
            Control::Run if self.waits_until.is_none() => BatchStatus::Running,
            Control::Run if self.waits_for_line => BatchStatus::WaitsForLine,
            Control::Run => BatchStatus::WaitsForBudget,
        }
    }
}

#[cfg(test)]
mod tests;
