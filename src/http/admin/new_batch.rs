//! A new batch, as an operator asks for it: its limits, its plan, and what it may cost.
//!
//! What is asked for is checked against the files before anything is begun. Not here: the routes
//! (`batches`), and the numbers of calls (`synthetic_calls`).

use serde::{Deserialize, Serialize};

use super::{shown::cost, synthetic_calls::CallEstimate};
use crate::{
    config::{Config, Limits, PersonaId, Personas, SECONDS, ScenarioId, TURNS},
    synthetic::plan::{AgentSide, BatchPlan, CallPlan, Mode, Pairing},
};

/// The most runs of a batch.
const MAX_COUNT: u32 = 10_000;
/// The most runs that begin in a minute.
const MAX_PER_MINUTE: u32 = 600;
/// The most runs at once.
const MAX_AT_ONCE: u32 = 50;
/// The longest label, in characters.
const MAX_LABEL: usize = 80;
/// The largest number that JSON keeps exactly everywhere.
const MAX_SEED: u64 = (1 << 53) - 1;
/// About how many tokens one request has, and its answer, for the estimate.
const TOKENS: (u64, u64) = (1500, 60);

/// What an operator asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    mode: Mode,
    scenario: ScenarioId,
    personas: Option<NewPersonas>,
    pairing: Option<NewPairing>,
    assistant: Option<String>,
    count: u32,
    #[serde(default = "sixty")]
    per_minute: u32,
    at_once: Option<u32>,
    seed: Option<u64>,
    limits: Option<NewLimits>,
    label: Option<String>,
    #[serde(default = "yes")]
    score: bool,
    #[serde(default = "yes")]
    disturbances: bool,
    /// Whether calls are recorded.
    record: Option<bool>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPersonas {
    agent: Option<PersonaId>,
    customer: PersonaId,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NewPairing {
    All,
    Random,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLimits {
    turns: Option<u32>,
    seconds: Option<u32>,
}

fn sixty() -> u32 {
    60
}

fn yes() -> bool {
    true
}

impl New {
    /// How the sides talk.
    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether calls are to be recorded.
    pub(super) fn records(&self) -> bool {
        self.record.unwrap_or(false)
    }

    /// The plan, and whether it is only to be estimated.
    pub(super) fn plan(
        self,
        personas: &Personas,
        random: [u8; 16],
        call: Option<CallPlan>,
    ) -> Result<(BatchPlan, bool), String> {
        within("count", self.count, 1, MAX_COUNT)?;
        within("per_minute", self.per_minute, 1, MAX_PER_MINUTE)?;
        // There is one call at a time between the two numbers.
        let (usual, most) = if call.is_some() {
            (1, 1)
        } else {
            (10, MAX_AT_ONCE)
        };
        let at_once = self.at_once.unwrap_or(usual);
        within("at_once", at_once, 1, most)?;
        if self.record.is_some() && call.is_none() {
            return Err("record belongs to the mode call".into());
        }
        let label = self.label.map(|label| label.trim().to_owned());
        if let Some(label) = &label {
            let fits = (1..=MAX_LABEL).contains(&label.chars().count());
            if !fits || label.chars().any(char::is_control) {
                return Err(
                    "label must have 1 to 80 characters, without control characters".into(),
                );
            }
        }
        let seed = self
            .seed
            .unwrap_or_else(|| u64::from_be_bytes(first_half(random)) & MAX_SEED);
        if seed > MAX_SEED {
            return Err(format!("seed must be a whole number, 0 to {MAX_SEED}"));
        }
        let scenario = personas.scenarios.get(&self.scenario);
        let default = scenario.map_or(Limits::default(), |scenario| scenario.limits);
        let own = self.limits.unwrap_or(NewLimits {
            turns: None,
            seconds: None,
        });
        let limits = Limits {
            turns: own.turns.unwrap_or(default.turns),
            seconds: own.seconds.unwrap_or(default.seconds),
        };
        within("limits.turns", limits.turns, *TURNS.start(), *TURNS.end())?;
        within(
            "limits.seconds",
            limits.seconds,
            *SECONDS.start(),
            *SECONDS.end(),
        )?;
        let pairing = pairing(
            self.mode,
            self.personas,
            self.pairing,
            self.assistant,
            personas,
        )?;
        let plan = BatchPlan {
            mode: self.mode,
            scenario: self.scenario,
            pairing,
            count: self.count,
            per_minute: self.per_minute,
            at_once,
            seed,
            limits,
            call,
            label,
            score: self.score,
            disturbed: self.disturbances,
        };
        Ok((plan, self.dry_run))
    }
}

/// Who talks to whom.
fn pairing(
    mode: Mode,
    given: Option<NewPersonas>,
    pairing: Option<NewPairing>,
    assistant: Option<String>,
    personas: &Personas,
) -> Result<Pairing, String> {
    let assistant = match (mode, assistant) {
        (Mode::Assistant, None) => return Err("assistant is missing".into()),
        (Mode::Assistant, assistant) => assistant.map(AgentSide::Assistant),
        (Mode::Text | Mode::Call, Some(_)) => {
            return Err("assistant belongs to the mode assistant".into());
        }
        (Mode::Text | Mode::Call, None) => None,
    };
    match (given, pairing) {
        (Some(_), Some(_)) => Err("give either personas or pairing".into()),
        (Some(NewPersonas { agent, customer }), None) => {
            let agent = match (assistant, agent) {
                (Some(_), Some(_)) => {
                    return Err("personas.agent does not belong to the mode assistant".into());
                }
                (Some(assistant), None) => assistant,
                (None, Some(agent)) => AgentSide::Persona(agent),
                (None, None) => return Err("personas.agent is missing".into()),
            };
            Ok(Pairing::Given { agent, customer })
        }
        (None, pairing) => {
            let agents = match assistant {
                Some(assistant) => vec![assistant],
                None => personas
                    .agents
                    .keys()
                    .cloned()
                    .map(AgentSide::Persona)
                    .collect(),
            };
            let customers = personas.customers.keys().cloned().collect();
            Ok(match pairing.unwrap_or(NewPairing::Random) {
                NewPairing::All => Pairing::All { agents, customers },
                NewPairing::Random => Pairing::Random { agents, customers },
            })
        }
    }
}

fn within(name: &str, value: u32, least: u32, most: u32) -> Result<(), String> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(format!("{name} must be a whole number, {least} to {most}"))
    }
}

fn first_half(bytes: [u8; 16]) -> [u8; 8] {
    let (first, _) = bytes.split_at(8);
    first.try_into().unwrap_or_default()
}

/// What a batch may cost at most, before it begins.
#[derive(Debug, Serialize)]
pub(super) struct Estimate {
    runs: u32,
    /// Requests to the model, if each run has as many lines as it may and every line needs its retry.
    model_requests_at_most: u64,
    /// What is left of nothing else today: the cap of the day.
    model_requests_a_day: u32,
    /// How long it takes at least for all runs to begin.
    minutes_at_least: u32,
    /// In the currency of the prices that are set, without retries. `null`: no prices are set.
    estimated_cost: Option<f64>,
    /// What the calls may cost beside that.
    #[serde(flatten)]
    calls: Option<CallEstimate>,
}

impl Estimate {
    pub(super) fn of(plan: &BatchPlan, config: &Config) -> Self {
        let most = plan.most_requests();
        // About half of the lines are said, and few need a retry.
        let likely = most / 4;
        Self {
            runs: plan.count,
            model_requests_at_most: most,
            model_requests_a_day: config.max_daily_calls,
            minutes_at_least: plan.count.div_ceil(plan.per_minute.max(1)),
            estimated_cost: config.prices().map(|prices| {
                let (prompt, completion) = TOKENS;
                cost(
                    prices,
                    likely.saturating_mul(prompt),
                    likely.saturating_mul(completion),
                )
            }),
            calls: CallEstimate::of(plan, config),
        }
    }
}
