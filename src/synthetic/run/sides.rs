//! The two sides of a run: who they are, how they sound, and which of their lines need no model.
//!
//! Not here: asking a side for its line (`speak`).

use super::{Inner, RunPlatform, state::Run};
use crate::{
    config::{Agent, Assistant, Customer, FixedText, Personas, Scenario, Sound, Speaker},
    synthetic::{
        disturbance::Disturbance,
        plan::{AgentSide, RunPlan},
    },
};

/// Both sides of a run, and its situation.
pub(super) struct Sides<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) agent: AgentRef<'a>,
    pub(super) customer: &'a Customer,
}

/// The side of the company.
pub(super) enum AgentRef<'a> {
    Persona(&'a Agent),
    Assistant(&'a Assistant),
}

impl Sides<'_> {
    /// How a persona sounds.
    pub(super) fn sound(&self, speaker: Speaker) -> Option<&Sound> {
        match (speaker, &self.agent) {
            (Speaker::Customer, _) => Some(&self.customer.sound),
            (Speaker::Agent, AgentRef::Persona(agent)) => Some(&agent.sound),
            (Speaker::Agent, AgentRef::Assistant(_)) => None,
        }
    }
}

impl<P: RunPlatform> Inner<P> {
    /// Both sides of a run. `None` if one of them does not exist.
    pub(super) fn sides<'a>(&'a self, plan: &RunPlan, personas: &'a Personas) -> Option<Sides<'a>> {
        let agent = match &plan.agent {
            AgentSide::Persona(id) => AgentRef::Persona(personas.agents.get(id)?),
            AgentSide::Assistant(name) => {
                let mut all = self.config.assistants.iter();
                AgentRef::Assistant(all.find(|assistant| assistant.name == *name)?)
            }
        };
        Some(Sides {
            scenario: personas.scenarios.get(&plan.scenario)?,
            agent,
            customer: personas.customers.get(&plan.customer)?,
        })
    }
}

/// A line that needs no model: the agent's first one, and a silence.
pub(super) fn scripted(
    run: &Run,
    sides: &Sides<'_>,
    speaker: Speaker,
    disturbance: Option<Disturbance>,
) -> Option<String> {
    if disturbance == Some(Disturbance::Silence) {
        return Some(String::new());
    }
    let opens = speaker == Speaker::Agent && run.lines.is_empty();
    opens.then(|| match &sides.agent {
        AgentRef::Persona(agent) => agent.opening.clone(),
        AgentRef::Assistant(assistant) => assistant.text(FixedText::CallGreeting).to_owned(),
    })
}
