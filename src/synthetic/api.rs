//! The methods of a run's object, of a batch's object and of the list of batches, with their
//! arguments and replies.
//!
//! Not here: the code of the methods (`run`, `batch`).

mod legs;
mod line;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    analysis::Analysis,
    metrics::Metrics,
    plan::{BatchId, BatchPlan, RunPlan},
    score::Scores,
    transcript::{EndReason, Ended, Line},
};
use crate::{
    base::time::UnixMillis,
    identity::{CallSid, RecordingSid, TranscriptSid},
    platform::Method,
};

pub use legs::{AnswerLeg, LegEnded, LegRelay};
pub use line::{CheckNumbers, FindLine, NumberFault, NumbersCheck, ReleaseLine, TakeLine};

/// Begins a run, unless it has begun before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin(pub RunPlan);

impl Method for Begin {
    type Reply = Begun;
    const BINDING: &'static str = "RUN";
    const NAME: &'static str = "begin";
}

/// Whether a run has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Begun {
    /// It goes on, or has ended and reports it.
    Running,
    /// The day's budget has no room for it, or cannot be asked. It may begin later.
    NoBudget,
    /// Another call goes on between the two numbers, or it is not known. It may begin later.
    Busy,
}

/// Ends a run that goes on. What was said so far is reported. A run that has not begun will not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelRun;

impl Method for CancelRun {
    type Reply = Cancelled;
    const BINDING: &'static str = "RUN";
    const NAME: &'static str = "cancel";
}

/// What becomes of a run that was told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cancelled {
    /// It reports what was said.
    Reports,
    /// Nothing: it has not begun, or it has reported before.
    Over,
}

/// The transcript of a run's call is there, as the service's webhook says. It may say so twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptReady {
    /// Twilio's id of it.
    pub transcript: TranscriptSid,
}

impl Method for TranscriptReady {
    type Reply = ();
    const BINDING: &'static str = "RUN";
    const NAME: &'static str = "transcript_ready";
}

/// A run has ended. It is told until the batch has answered, and stored once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnded {
    /// Its number in the batch.
    pub number: u32,
    /// Everything about it.
    pub record: Record,
}

impl Method for RunEnded {
    type Reply = ();
    const BINDING: &'static str = "BATCH";
    const NAME: &'static str = "run_ended";
}

/// Everything about a run that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What it was to do.
    pub plan: RunPlan,
    /// The model that spoke.
    pub model: String,
    /// What was said.
    pub lines: Vec<Line>,
    /// How it ended.
    pub ended: Ended,
    /// Numbers about it.
    pub metrics: Metrics,
    /// What the judge says, if it was asked and has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
    /// How well its call was heard, if it was to be transcribed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Analysis>,
    /// What it cost.
    pub cost: Cost,
    /// When it ended.
    pub ended_at: UnixMillis,
}

/// What a run has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Requests to the model.
    pub model_requests: u32,
    /// Tokens of the requests.
    pub prompt_tokens: u64,
    /// Tokens of the answers.
    pub completion_tokens: u64,
    /// Begun minutes of both legs of a call.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub call_minutes: u32,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
pub(super) fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Cost {
    /// Adds what something else has cost.
    pub fn add(&mut self, other: Self) {
        self.model_requests = self.model_requests.saturating_add(other.model_requests);
        self.prompt_tokens = self.prompt_tokens.saturating_add(other.prompt_tokens);
        self.completion_tokens = self
            .completion_tokens
            .saturating_add(other.completion_tokens);
        self.call_minutes = self.call_minutes.saturating_add(other.call_minutes);
    }
}

/// Begins a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateBatch {
    /// Its id.
    pub id: BatchId,
    /// What it is to do.
    pub plan: BatchPlan,
}

impl Method for CreateBatch {
    type Reply = ();
    const BINDING: &'static str = "BATCH";
    const NAME: &'static str = "create";
}

/// Shows a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowBatch;

impl Method for ShowBatch {
    type Reply = Option<Progress>;
    const BINDING: &'static str = "BATCH";
    const NAME: &'static str = "show";
}

/// Pauses, resumes or cancels a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlBatch {
    /// No run begins any more. Those that run go on.
    Pause,
    /// Runs begin again.
    Resume,
    /// No run begins any more, and those that run are ended.
    Cancel,
}

impl Method for ControlBatch {
    type Reply = Option<Progress>;
    const BINDING: &'static str = "BATCH";
    const NAME: &'static str = "control";
}

/// Deletes a batch with its transcripts. Runs that go on are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteBatch;

impl Method for DeleteBatch {
    type Reply = bool;
    const BINDING: &'static str = "BATCH";
    const NAME: &'static str = "delete";
}

/// Reads the records of runs that have ended, in the order in which they ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadRuns {
    /// Those after this place. 0: from the beginning.
    pub after: u32,
    /// How many at most.
    pub limit: u32,
}

impl Method for ReadRuns {
    type Reply = Option<Page>;
    const BINDING: &'static str = "BATCH";
    const NAME: &'static str = "read_runs";
}

/// Some records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The records as JSON.
    pub records: Vec<String>,
    /// The place of the last one. The next page is after it.
    pub last: u32,
    /// Whether there is more by now.
    pub more: bool,
}

/// How far a batch is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Its id.
    pub id: BatchId,
    /// What it is to do.
    pub plan: BatchPlan,
    /// Its state.
    pub status: BatchStatus,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When its last run ended, if all have.
    pub ended_at: Option<UnixMillis>,
    /// Runs that have begun and not ended.
    pub running: u32,
    /// Runs that have ended.
    pub ended: u32,
    /// Runs by how they ended.
    pub reasons: BTreeMap<EndReason, u32>,
    /// Runs that were to be scored and were not.
    pub not_scored: u32,
    /// What all have cost.
    pub cost: Cost,
    /// The lines of all.
    pub turns: u64,
}

/// The state of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchStatus {
    /// Runs begin as planned.
    Running,
    /// The day's budget has no room for another run.
    WaitsForBudget,
    /// Another call goes on between the two numbers.
    WaitsForLine,
    /// The operator has paused it.
    Paused,
    /// The operator has cancelled it.
    Cancelled,
    /// All runs have ended.
    Finished,
}

/// Adds a batch to the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListBatch(pub ListedBatch);

impl Method for ListBatch {
    /// Whether there was room.
    type Reply = bool;
    const BINDING: &'static str = "BATCHES";
    const NAME: &'static str = "add";
}

/// Takes a batch off the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnlistBatch(pub BatchId);

impl Method for UnlistBatch {
    type Reply = ();
    const BINDING: &'static str = "BATCHES";
    const NAME: &'static str = "remove";
}

/// Shows the list, the newest batch first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListBatches;

impl Method for ListBatches {
    type Reply = Vec<ListedBatch>;
    const BINDING: &'static str = "BATCHES";
    const NAME: &'static str = "list";
}

/// A batch in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedBatch {
    /// Its id.
    pub batch: BatchId,
    /// When it was made.
    pub created_at: UnixMillis,
    /// The operator's word for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// How many runs it has.
    pub count: u32,
}

/// The call of a run is over, as its status callback says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCallOver {
    /// Twilio's id of it.
    pub sid: CallSid,
}

impl Method for RunCallOver {
    type Reply = ();
    const BINDING: &'static str = "RUN";
    const NAME: &'static str = "call_over";
}

/// What Twilio says of the recording of a run's call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecorded(pub Recording);

/// A recording, or its absence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recording {
    /// It is there.
    Completed(RecordingSid),
    /// There is none.
    Absent,
    /// Twilio failed to record.
    Failed,
}

impl Method for CallRecorded {
    type Reply = ();
    const BINDING: &'static str = "RUN";
    const NAME: &'static str = "call_recorded";
}

/// The name of the one object with the list.
pub const BATCHES_NAME: &str = "batches";
