//! What is found out about a call, and told: the analytics events for Segment, with stable names and
//! types, and the port to a service that transcribes a recording ([`transcription`]).
//!
//! Each event has a JSON Schema in `docs/events/`. No event has a field for a word that was said, a
//! name, an address or a quote. A value that there is not is left out, and is never `null`. Not here:
//! the wire format (`segment`), and which facts a run has (`synthetic::events`).

mod outbox;
pub mod transcription;

use serde::Serialize;

use crate::{
    base::time::UnixMillis,
    identity::Pseudonym,
    segment::{Call, Item, Message, TooLarge},
};

pub use outbox::{LIFETIME, Outbox, Report, Step};

/// An event.
#[derive(Clone, Debug)]
pub enum Event<'r> {
    /// Who the customer is.
    Customer(PersonaTraits<'r>),
    /// A call has ended.
    CallCompleted(CallCompleted<'r>),
    /// A call was scored.
    CallScored(CallScored<'r>),
}

/// Who a customer is. The reserved traits of Segment, such as `name`, `email` and `phone`, are never set.
#[derive(Clone, Debug, Serialize)]
pub struct PersonaTraits<'r> {
    /// Whether nobody is a person.
    pub synthetic: bool,
    /// The id of the persona's file.
    pub persona_id: &'r str,
}

/// What all events about a call say.
#[derive(Clone, Debug, Serialize)]
pub struct CallFacts<'r> {
    /// Whether nobody is a person.
    pub synthetic: bool,
    /// The run.
    pub run_id: String,
    /// Its batch.
    pub batch_id: &'r str,
    /// Its number in the batch.
    pub run_number: u32,
    /// How the sides talked.
    pub mode: &'static str,
    /// The id of the scenario's file.
    pub scenario_id: &'r str,
    /// The id of the agent's file, if a persona was the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_persona_id: Option<&'r str>,
    /// The name of the assistant, if one was the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assistant: Option<&'r str>,
    /// The id of the customer's file.
    pub customer_persona_id: &'r str,
    /// The model that spoke, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<&'r str>,
    /// What the disturbances followed from. It has up to 64 bits, which a number of JavaScript cannot
    /// hold, so it is a text.
    pub seed: String,
}

/// A call has ended.
#[derive(Clone, Debug, Serialize)]
pub struct CallCompleted<'r> {
    /// What all events say.
    #[serde(flatten)]
    pub call: CallFacts<'r>,
    /// Who ended it.
    pub ended_by: &'static str,
    /// Why.
    pub reason: &'static str,
    /// The lines of both sides.
    pub turns: u32,
    /// From the first line's beginning to the last one's end.
    pub duration_ms: u64,
    /// The agent's part of all words, in per cent.
    pub agent_talk_percent: u32,
    /// The words of the agent.
    pub agent_words: u32,
    /// The words of the customer.
    pub customer_words: u32,
    /// Lines that were cut off.
    pub interruptions: u32,
    /// Lines in which nothing was said.
    pub silences: u32,
    /// Lines that were disturbed.
    pub disturbances: u32,
    /// The time that half of the lines took at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_p50_ms: Option<u64>,
    /// The same of 90 % of the lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_p90_ms: Option<u64>,
    /// Requests to the model.
    pub model_requests: u32,
    /// Tokens of the requests.
    pub prompt_tokens: u64,
    /// Tokens of the answers.
    pub completion_tokens: u64,
}

/// A call was scored.
#[derive(Clone, Debug, Serialize)]
pub struct CallScored<'r> {
    /// What all events say.
    #[serde(flatten)]
    pub call: CallFacts<'r>,
    /// The model that judged.
    pub judge_model: &'r str,
    /// The version of the judge's prompt.
    pub prompt_version: u32,
    /// Whether the issue was resolved.
    pub resolution: &'static str,
    /// Whether the customer asked for somebody else.
    pub escalated: bool,
    /// The agent's mood at the start, -2 to 2.
    pub agent_sentiment_start: i8,
    /// The same at the end.
    pub agent_sentiment_end: i8,
    /// The customer's mood at the start, -2 to 2.
    pub customer_sentiment_start: i8,
    /// The same at the end.
    pub customer_sentiment_end: i8,
    /// How likely the customer leaves, 0 to 100.
    pub churn_risk: u8,
    /// How likely the customer buys, 0 to 100.
    pub propensity_to_buy: u8,
    /// How satisfied the customer is, 0 to 100.
    pub satisfaction: u8,
    /// The criteria of the scenario.
    pub criteria_total: usize,
    /// Those that were met.
    pub criteria_met: usize,
    /// Those that were not.
    pub criteria_not_met: usize,
    /// Those that the judge called met with a quote that nobody said.
    pub criteria_unproven: usize,
}

impl Event<'_> {
    /// The event as an item of Segment's. Its id depends on the run and the kind of event alone, so a
    /// repeat has the same one, and no other event has it.
    ///
    /// # Errors
    /// When it is larger than Segment allows.
    pub fn item(&self, run: &str, user: &Pseudonym, at: UnixMillis) -> Result<Item, TooLarge> {
        match self {
            Self::Customer(traits) => {
                let id = format!("switchboard:{run}:identify");
                let call = Call::Identify { traits };
                let id = &id;
                Item::new(&Message { id, user, at, call })
            }
            Self::CallCompleted(properties) => {
                let id = format!("switchboard:{run}:call_completed");
                track(&id, "Call Completed", properties, user, at)
            }
            Self::CallScored(properties) => {
                let id = format!("switchboard:{run}:call_scored");
                track(&id, "Call Scored", properties, user, at)
            }
        }
    }
}

fn track(
    id: &str,
    event: &str,
    properties: &impl Serialize,
    user: &Pseudonym,
    at: UnixMillis,
) -> Result<Item, TooLarge> {
    let call = Call::Track { event, properties };
    Item::new(&Message { id, user, at, call })
}
