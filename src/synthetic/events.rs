//! The analytics events of a run that has ended.
//!
//! Persona and scenario ids are the names of files that the operator has written, and no personal
//! data. The operator's label is free text, so it is left out, and so is everything that was said.
//! Not here: when they are sent (`run::events`).

use super::{
    api::Record,
    plan::AgentSide,
    score::{Resolution, Scores},
};
use crate::{
    analytics::{CallCompleted, CallFacts, CallScored, Event, PersonaTraits},
    base::time::UnixMillis,
    identity::PseudonymKey,
    segment::{Item, TooLarge},
};

/// The events of a run: who the customer is, that the call has ended, and its scores, if it has any.
///
/// They are about the customer: `userId` is the pseudonym of the persona, the same one in all batches.
/// So a persona is one user, however often it calls, and `batch_id` tells batches apart.
#[must_use]
pub fn of(
    record: &Record,
    scored_at: Option<UnixMillis>,
    key: &PseudonymKey,
) -> Vec<Result<Item, TooLarge>> {
    let run = record.plan.run.to_string();
    let customer = record.plan.customer.as_str();
    let user = key.persona(customer);
    let mut events = vec![
        (
            Event::Customer(PersonaTraits {
                synthetic: true,
                persona_id: customer,
            }),
            record.ended_at,
        ),
        (Event::CallCompleted(completed(record)), record.ended_at),
    ];
    if let Some(scores) = &record.scores {
        let at = scored_at.unwrap_or(record.ended_at);
        events.push((Event::CallScored(scored(record, scores)), at));
    }
    let items = events
        .iter()
        .map(|(event, at)| event.item(&run, &user, *at));
    items.collect()
}

fn facts(record: &Record) -> CallFacts<'_> {
    let plan = &record.plan;
    let (persona, assistant) = match &plan.agent {
        AgentSide::Persona(id) => (Some(id.as_str()), None),
        AgentSide::Assistant(name) => (None, Some(name.as_str())),
    };
    CallFacts {
        synthetic: true,
        run_id: plan.run.to_string(),
        batch_id: plan.run.batch.as_str(),
        run_number: plan.run.number,
        mode: plan.mode.as_str(),
        scenario_id: plan.scenario.as_str(),
        agent_persona_id: persona,
        assistant,
        customer_persona_id: plan.customer.as_str(),
        model: Some(record.model.as_str()).filter(|model| !model.is_empty()),
        seed: plan.seed.to_string(),
    }
}

fn completed(record: &Record) -> CallCompleted<'_> {
    let (metrics, cost) = (&record.metrics, record.cost);
    CallCompleted {
        call: facts(record),
        ended_by: record.ended.by.label(),
        reason: record.ended.reason.label(),
        turns: metrics.turns,
        duration_ms: metrics.duration_ms,
        agent_talk_percent: metrics.agent_talk_percent,
        agent_words: metrics.agent_words,
        customer_words: metrics.customer_words,
        interruptions: metrics.interruptions,
        silences: metrics.silences,
        disturbances: metrics.disturbances,
        turn_p50_ms: metrics.turn_p50_ms,
        turn_p90_ms: metrics.turn_p90_ms,
        model_requests: cost.model_requests,
        prompt_tokens: cost.prompt_tokens,
        completion_tokens: cost.completion_tokens,
    }
}

fn scored<'r>(record: &'r Record, scores: &'r Scores) -> CallScored<'r> {
    let verdicts = || scores.criteria.values();
    let count = |met| verdicts().filter(|verdict| verdict.met == met).count();
    CallScored {
        call: facts(record),
        judge_model: &scores.model,
        prompt_version: scores.prompt_version,
        resolution: match scores.resolution {
            Resolution::Resolved => "resolved",
            Resolution::Partly => "partly",
            Resolution::Unresolved => "unresolved",
        },
        escalated: scores.escalated,
        agent_sentiment_start: scores.sentiment.agent.start,
        agent_sentiment_end: scores.sentiment.agent.end,
        customer_sentiment_start: scores.sentiment.customer.start,
        customer_sentiment_end: scores.sentiment.customer.end,
        churn_risk: scores.churn_risk.value,
        propensity_to_buy: scores.propensity_to_buy.value,
        satisfaction: scores.satisfaction.value,
        criteria_total: verdicts().count(),
        criteria_met: count(Some(true)),
        criteria_not_met: count(Some(false)),
        criteria_unproven: count(None),
    }
}
