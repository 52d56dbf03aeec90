//! A transcript as operators get it: one JSON object a line.
//!
//! Not here: what it holds (`synthetic`).

use serde::Serialize;

use super::{
    shown::cost,
    synthetic_calls::{call_price, in_usd},
};
use crate::{
    config::{Config, PersonaId, ScenarioId, Speaker},
    synthetic::{
        analysis::Analysis,
        api::{Cost, Record},
        metrics::Metrics,
        plan::CallPlan,
        score::Scores,
        transcript::{Ended, Line, Mark},
    },
};

/// The line of a stored record, with its line end. `None`: it cannot be read.
pub(super) fn line_of(record: &str, config: &Config) -> Option<String> {
    let record: Record = serde_json::from_str(record).ok()?;
    let line = serde_json::to_string(&Shown::of(&record, config)).ok()?;
    Some(line + "\n")
}

#[derive(Serialize)]
struct Shown<'r> {
    run: String,
    batch: &'r str,
    number: u32,
    label: Option<&'r str>,
    scenario: &'r ScenarioId,
    personas: ShownPersonas<'r>,
    seed: u64,
    model: &'r str,
    mode: &'static str,
    /// Nobody in it is a person.
    synthetic: bool,
    turns: Vec<ShownTurn<'r>>,
    ended: Ended,
    metrics: &'r Metrics,
    scores: Option<&'r Scores>,
    #[serde(skip_serializing_if = "Option::is_none")]
    analysis: Option<&'r Analysis>,
    cost: ShownCost,
}

#[derive(Serialize)]
struct ShownPersonas<'r> {
    agent: &'r str,
    customer: &'r PersonaId,
}

#[derive(Serialize)]
struct ShownTurn<'r> {
    n: u32,
    speaker: Speaker,
    text: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    heard: Option<&'r str>,
    started_at: String,
    ended_at: String,
    marks: &'r [Mark],
}

/// What something has cost.
#[derive(Serialize)]
pub(super) struct ShownCost {
    #[serde(flatten)]
    cost: Cost,
    /// In the currency of the prices that are set. `null`: no prices are set.
    estimated_cost: Option<f64>,
    /// What Twilio bills for the minutes at list prices, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_call_usd: Option<f64>,
}

impl ShownCost {
    pub(super) fn of(own: Cost, call: Option<&CallPlan>, config: &Config) -> Self {
        Self {
            estimated_call_usd: call.map(|call| in_usd(call_price(own.call_minutes, call.record))),
            cost: own,
            estimated_cost: config
                .prices()
                .map(|prices| cost(prices, own.prompt_tokens, own.completion_tokens)),
        }
    }
}

impl<'r> Shown<'r> {
    fn of(record: &'r Record, config: &Config) -> Self {
        let plan = &record.plan;
        Self {
            run: plan.run.to_string(),
            batch: plan.run.batch.as_str(),
            number: plan.run.number,
            label: plan.label.as_deref(),
            scenario: &plan.scenario,
            personas: ShownPersonas {
                agent: plan.agent.as_str(),
                customer: &plan.customer,
            },
            seed: plan.seed,
            model: &record.model,
            mode: plan.mode.as_str(),
            synthetic: true,
            turns: record.lines.iter().map(ShownTurn::of).collect(),
            ended: record.ended,
            metrics: &record.metrics,
            scores: record.scores.as_ref(),
            analysis: record.analysis.as_ref(),
            cost: ShownCost::of(record.cost, plan.call.as_ref(), config),
        }
    }
}

impl<'r> ShownTurn<'r> {
    fn of(line: &'r Line) -> Self {
        Self {
            n: line.n,
            speaker: line.speaker,
            text: &line.text,
            heard: line.heard.as_deref(),
            started_at: line.started_at.to_string(),
            ended_at: line.ended_at.to_string(),
            marks: &line.marks,
        }
    }
}
