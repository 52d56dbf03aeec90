//! The end of a run: what was not used is given back, and the batch gets the record.
//!
//! Not here: what the batch does with it (`batch`).

use std::time::Duration;

use super::{
    BUDGET_TIME, Inner, RunPlatform,
    state::{Run, Transcript},
};
use crate::{
    base::time::UnixMillis,
    conversation::budget,
    event::{self, Event, HeardWords, ObjectKind, SyntheticRun},
    object::{StepHost, in_time, with_retry},
    platform::PlatformError,
    synthetic::{
        analysis::Analysis,
        api::{Cost, Record, RunEnded},
        metrics::metrics,
        transcript::{EndReason, Ended, EndedBy},
    },
};

/// How long the batch may take to store a record.
const BATCH_TIME: Duration = Duration::from_secs(10);

impl<P: RunPlatform> Inner<P> {
    /// Tells the batch. Returns `false` if it did not answer: then it is told again later.
    pub(super) async fn report(&self) -> Result<bool, PlatformError> {
        self.settle().await?;
        let run = self.read(|state, _| state.run().cloned()).await?;
        let Some(run) = run else { return Ok(true) };
        let judged_at = run.judged_at;
        let ended = RunEnded {
            number: run.plan.run.number,
            record: record(run, self.platform.now()),
        };
        let batch = ended.record.plan.run.batch.as_str();
        let told = with_retry(async || self.platform.call(batch, &ended).await);
        match in_time(&self.platform, BATCH_TIME, told).await {
            Ok(()) => {
                let (events, lost) = self.events_of(&ended.record, judged_at);
                self.step(|state, now| state.reported(events, now)).await?;
                self.log_run(&ended.record);
                if let Some(lost) = lost {
                    self.log_events(lost);
                }
                Ok(true)
            }
            Err(error) => {
                self.log_failure(ObjectKind::Batch, error);
                self.change(Run::report_failed).await?;
                Ok(false)
            }
        }
    }

    /// Gives back the requests that were not used, and reports the tokens, at most once.
    pub(super) async fn settle(&self) -> Result<(), PlatformError> {
        let settled = self.step(|state, now| {
            let plan = state.run().map(|run| run.plan.clone());
            plan.zip(state.change(|run| run.settle(now)).flatten())
        });
        let Some((plan, settled)) = settled.await? else {
            return Ok(());
        };
        self.release(settled.unused).await;
        self.release_line(&plan).await;
        let Cost {
            prompt_tokens,
            completion_tokens,
            ..
        } = settled.cost;
        let tokens = (prompt_tokens, completion_tokens);
        budget::report_tokens(&self.platform, tokens, BUDGET_TIME).await;
        Ok(())
    }

    fn log_run(&self, record: &Record) {
        let run = SyntheticRun {
            batch: record.plan.run.batch.as_str().to_owned(),
            number: record.plan.run.number,
            mode: record.plan.mode.as_str(),
            ended_by: record.ended.by.label(),
            reason: record.ended.reason.label(),
            turns: record.metrics.turns,
            duration_ms: record.metrics.duration_ms,
            scored: record.scores.is_some(),
            model_requests: record.cost.model_requests,
            prompt_tokens: record.cost.prompt_tokens,
            completion_tokens: record.cost.completion_tokens,
            call: (record.plan.call.is_some()).then(|| {
                let keys = &self.config.pseudonym_key;
                keys.call_of_run(&record.plan.run.to_string()).call_hash()
            }),
            call_minutes: record.cost.call_minutes,
            analysis: record.analysis.as_ref().map(Analysis::status),
            heard: record.analysis.as_ref().and_then(|analysis| {
                let errors = analysis.errors()?;
                Some(HeardWords {
                    words: errors.words,
                    errors: errors.errors,
                })
            }),
        };
        event::log(&self.platform, &Event::SyntheticRun(run));
    }
}

fn record(run: Run, now: UnixMillis) -> Record {
    let unknown = Ended {
        by: EndedBy::Failure,
        reason: EndReason::ModelFailed,
    };
    let (ended, ended_at) = run.ended.unwrap_or((unknown, now));
    // A request that was broken off, or lost with the object, has brought no answer and was made.
    let cost = Cost {
        model_requests: run.used,
        ..run.cost
    };
    Record {
        metrics: metrics(&run.lines, run.plan.mode),
        plan: run.plan,
        model: run.model,
        lines: run.lines,
        ended,
        scores: run.scores,
        analysis: match run.transcript {
            Transcript::Over(analysis) => analysis,
            Transcript::Undecided | Transcript::Waiting(_) => None,
        },
        cost,
        ended_at,
    }
}
