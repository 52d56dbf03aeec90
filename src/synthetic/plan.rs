//! What a run and a batch are to do, and who talks to whom in each run of a batch.
//!
//! Pairs and seeds follow from the plan alone, so a batch that is repeated has the same ones. Not
//! here: carrying it out (`run`, `batch`).

mod call;

use std::{fmt, str::FromStr};

use oorandom::Rand64;
use serde::{Deserialize, Serialize};

use crate::{
    base::hex::is_hex,
    config::{Limits, PersonaId, Personas, ScenarioId},
    identity::Malformed,
};

pub use call::{CallPlan, Leg, longest_call};

/// The id of a batch: 32 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(String);

impl BatchId {
    /// A new id of random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(bytes)))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BatchId {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let is_whole = is_hex(text, 32);
        is_whole.then(|| Self(text.to_owned())).ok_or(Malformed)
    }
}

/// The id of a run: its batch and its number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId {
    /// The batch.
    pub batch: BatchId,
    /// The number in the batch, from 1.
    pub number: u32,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.batch.as_str(), self.number)
    }
}

impl FromStr for RunId {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (batch, number) = text.split_once('-').ok_or(Malformed)?;
        let run = Self {
            batch: batch.parse()?,
            number: number.parse().map_err(|_| Malformed)?,
        };
        // Each run has one id: `+1` and `01` are none.
        if run.to_string() == text {
            Ok(run)
        } else {
            Err(Malformed)
        }
    }
}

/// How the two sides talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Two personas, as text.
    Text,
    /// A customer and one of the assistants, as text.
    Assistant,
    /// Two personas, on a phone call between two numbers of the account.
    Call,
}

impl Mode {
    /// Its word in transcripts and in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Assistant => "assistant",
            Self::Call => "call",
        }
    }
}

/// The agent's side of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentSide {
    /// A persona.
    Persona(PersonaId),
    /// The assistant of that name.
    Assistant(String),
}

impl AgentSide {
    /// Its id in transcripts.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Persona(id) => id.as_str(),
            Self::Assistant(name) => name,
        }
    }
}

/// What a batch is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchPlan {
    /// How the sides talk.
    pub mode: Mode,
    /// The situation.
    pub scenario: ScenarioId,
    /// Who talks to whom.
    pub pairing: Pairing,
    /// How many runs.
    pub count: u32,
    /// How many of them begin in a minute.
    pub per_minute: u32,
    /// How many run at once.
    pub at_once: u32,
    /// What pairs and disturbances follow from.
    pub seed: u64,
    /// When a run ends at the latest.
    pub limits: Limits,
    /// The call, in the mode `call`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallPlan>,
    /// The operator's word for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Whether transcripts are scored.
    pub score: bool,
    /// Whether runs have disturbances.
    pub disturbed: bool,
}

/// Who talks to whom in a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pairing {
    /// The same two each time.
    Given {
        /// The agent's side.
        agent: AgentSide,
        /// The customer.
        customer: PersonaId,
    },
    /// Each agent with each customer, in order, and then again.
    All {
        /// The agent's sides.
        agents: Vec<AgentSide>,
        /// The customers.
        customers: Vec<PersonaId>,
    },
    /// Pairs drawn by the seed.
    Random {
        /// The agent's sides.
        agents: Vec<AgentSide>,
        /// The customers.
        customers: Vec<PersonaId>,
    },
}

/// What a run is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPlan {
    /// The run.
    pub run: RunId,
    /// How the sides talk.
    pub mode: Mode,
    /// The situation.
    pub scenario: ScenarioId,
    /// The agent's side.
    pub agent: AgentSide,
    /// The customer.
    pub customer: PersonaId,
    /// What its disturbances follow from.
    pub seed: u64,
    /// When it ends at the latest.
    pub limits: Limits,
    /// The call, in the mode `call`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallPlan>,
    /// The batch's label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Whether its transcript is scored.
    pub score: bool,
    /// Whether it has disturbances.
    pub disturbed: bool,
}

/// The most requests to the model for one line of a persona: the first, and one retry.
pub const REQUESTS_PER_LINE: u32 = 2;
/// The most requests for one line of an assistant: rounds of tools, and retries.
pub const REQUESTS_PER_ASSISTANT_LINE: u32 = 4;
/// The most requests for the scores.
pub const REQUESTS_FOR_SCORES: u32 = 2;

impl RunPlan {
    /// The requests to the model that it needs at most. They are reserved before it begins.
    #[must_use]
    pub fn most_requests(&self) -> u32 {
        most_requests(self.mode, self.limits, self.score)
    }

    /// The minutes that both legs of its call have at most. They are reserved before it begins.
    #[must_use]
    pub fn most_minutes(&self) -> u32 {
        most_minutes(self.mode, self.limits)
    }
}

fn most_minutes(mode: Mode, limits: Limits) -> u32 {
    let seconds = longest_call(limits).as_secs();
    let minutes = u32::try_from(seconds.div_ceil(60)).unwrap_or(u32::MAX);
    match mode {
        Mode::Text | Mode::Assistant => 0,
        // Twilio bills begun minutes of each leg.
        Mode::Call => minutes.saturating_mul(2),
    }
}

fn most_requests(mode: Mode, limits: Limits, score: bool) -> u32 {
    let turns = limits.turns;
    let lines = match mode {
        Mode::Text | Mode::Call => turns.saturating_mul(REQUESTS_PER_LINE),
        Mode::Assistant => {
            let (own, other) = (turns / 2, turns.div_ceil(2));
            own.saturating_mul(REQUESTS_PER_LINE)
                .saturating_add(other.saturating_mul(REQUESTS_PER_ASSISTANT_LINE))
        }
    };
    lines.saturating_add(if score { REQUESTS_FOR_SCORES } else { 0 })
}

impl BatchPlan {
    /// The plan of the run of that number.
    #[must_use]
    pub fn run(&self, batch: &BatchId, number: u32) -> Option<RunPlan> {
        let index = number.checked_sub(1)?;
        let mut random = self.random(number);
        // JSON keeps numbers exactly up to 53 bits.
        let seed = random.rand_u64() >> 11;
        let (agent, customer) = match &self.pairing {
            Pairing::Given { agent, customer } => (agent.clone(), customer.clone()),
            Pairing::All { agents, customers } => {
                let index = usize::try_from(index).ok()?;
                let agent = index
                    .checked_div(customers.len())?
                    .checked_rem(agents.len())?;
                let customer = index.checked_rem(customers.len())?;
                (agents.get(agent)?.clone(), customers.get(customer)?.clone())
            }
            Pairing::Random { agents, customers } => (
                pick(&mut random, agents)?.clone(),
                pick(&mut random, customers)?.clone(),
            ),
        };
        Some(RunPlan {
            run: RunId {
                batch: batch.clone(),
                number,
            },
            mode: self.mode,
            scenario: self.scenario.clone(),
            agent,
            customer,
            seed,
            limits: self.limits,
            call: self.call.clone(),
            label: self.label.clone(),
            score: self.score,
            disturbed: self.disturbed,
        })
    }

    /// The requests to the model that all runs need at most.
    #[must_use]
    pub fn most_requests(&self) -> u64 {
        let one = self.most_requests_of_a_run();
        u64::from(one).saturating_mul(self.count.into())
    }

    /// The requests to the model that one of them needs at most.
    #[must_use]
    pub fn most_requests_of_a_run(&self) -> u32 {
        most_requests(self.mode, self.limits, self.score)
    }

    /// The minutes that both legs of one of their calls have at most.
    #[must_use]
    pub fn most_minutes_of_a_run(&self) -> u32 {
        most_minutes(self.mode, self.limits)
    }

    /// What names in the plan are not those of a file.
    #[must_use]
    pub fn unknown(&self, personas: &Personas, is_assistant: impl Fn(&str) -> bool) -> Vec<String> {
        let (agents, customers) = match &self.pairing {
            Pairing::Given { agent, customer } => {
                (std::slice::from_ref(agent), std::slice::from_ref(customer))
            }
            Pairing::All { agents, customers } | Pairing::Random { agents, customers } => {
                (agents.as_slice(), customers.as_slice())
            }
        };
        let mut unknown = Vec::new();
        if !personas.scenarios.contains_key(&self.scenario) {
            unknown.push(format!("scenarios/{}.toml", self.scenario));
        }
        if agents.is_empty() {
            unknown.push("personas/agents/*.toml".to_owned());
        }
        if customers.is_empty() {
            unknown.push("personas/customers/*.toml".to_owned());
        }
        for agent in agents {
            match agent {
                AgentSide::Persona(id) if !personas.agents.contains_key(id) => {
                    unknown.push(format!("personas/agents/{id}.toml"));
                }
                AgentSide::Assistant(name) if !is_assistant(name) => {
                    unknown.push(format!("assistants/{name}.toml"));
                }
                AgentSide::Persona(_) | AgentSide::Assistant(_) => {}
            }
        }
        for id in customers {
            if !personas.customers.contains_key(id) {
                unknown.push(format!("personas/customers/{id}.toml"));
            }
        }
        unknown
    }

    fn random(&self, number: u32) -> Rand64 {
        Rand64::new((u128::from(self.seed) << 64) | u128::from(number))
    }
}

fn pick<'l, T>(random: &mut Rand64, list: &'l [T]) -> Option<&'l T> {
    let count = u64::try_from(list.len()).ok()?;
    let at = random.rand_u64().checked_rem(count)?;
    list.get(usize::try_from(at).ok()?)
}
