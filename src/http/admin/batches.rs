//! The operator's routes for batches of synthetic conversations.
//!
//! What is asked for is checked against the files before anything is begun. Not here: carrying a
//! batch out (`synthetic`), and how a transcript is written (`transcript`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    shown::cost,
    synthetic_calls::{self, CallEstimate},
    transcript::{ShownCost, line_of},
};
use crate::{
    config::{Config, FileError, Limits, PersonaId, Personas, SECONDS, ScenarioId, TURNS},
    event::ObjectKind,
    http::{
        platform::{OBJECT_TIME, WorkerPlatform},
        request::{Request, read_body},
        response::{self, Response, bad_request, json, method_not_allowed, not_found},
    },
    object::{in_time, with_retry},
    platform::{Method, PlatformError},
    synthetic::{
        api::{
            BATCHES_NAME, ControlBatch, CreateBatch, DeleteBatch, ListBatch, ListBatches,
            ListedBatch, Progress, ReadRuns, ShowBatch, UnlistBatch,
        },
        batch::MAX_PAGE,
        plan::{AgentSide, BatchId, BatchPlan, CallPlan, Mode, Pairing, RunId},
    },
};

/// The route of all batches.
pub(super) const BATCHES: &str = "/admin/batches";

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
/// How long deleting may take: runs that go on are told to end.
const DELETE_TIME: Duration = Duration::from_secs(25);

/// Answers a request to a route of batches. `path` is what follows [`BATCHES`].
pub(super) async fn handle(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
    method: &str,
    path: &str,
) -> Response {
    let mut parts = path.split('/').skip(1);
    let (id, action, rest) = (parts.next(), parts.next(), parts.next());
    let answered = match (id, action, rest) {
        (None, ..) => match method {
            "GET" => list(platform).await,
            "POST" => create(platform, config, request).await,
            _ => return method_not_allowed("GET, POST"),
        },
        (Some(id), action, None) => {
            let Ok(id) = id.parse::<BatchId>() else {
                return not_found();
            };
            one(platform, config, request, method, &id, action).await
        }
        (Some(_), _, Some(_)) => return not_found(),
    };
    answered.unwrap_or_else(|error| super::failed(platform, ObjectKind::Batch, error))
}

/// Answers a request to a route of one batch.
async fn one(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &impl Request,
    method: &str,
    id: &BatchId,
    action: Option<&str>,
) -> Result<Response, PlatformError> {
    match (action, method) {
        (None, "GET") => {
            let progress = ask(platform, id, &ShowBatch, OBJECT_TIME).await?;
            Ok(shown(config, progress))
        }
        (None, "DELETE") => delete(platform, id).await,
        (None, _) => Ok(method_not_allowed("GET, DELETE")),
        (Some("runs.jsonl"), "GET") => runs(platform, config, &request.url(), id).await,
        (Some("runs.jsonl"), _) => Ok(method_not_allowed("GET")),
        (Some(action @ ("pause" | "resume" | "cancel")), "POST") => {
            let control = match action {
                "pause" => ControlBatch::Pause,
                "resume" => ControlBatch::Resume,
                _ => ControlBatch::Cancel,
            };
            let progress = ask(platform, id, &control, OBJECT_TIME).await?;
            Ok(shown(config, progress))
        }
        (Some("pause" | "resume" | "cancel"), _) => Ok(method_not_allowed("POST")),
        (Some(_), _) => Ok(not_found()),
    }
}

async fn list(platform: &impl WorkerPlatform) -> Result<Response, PlatformError> {
    #[derive(Serialize)]
    struct Shown {
        batches: Vec<ShownBatch>,
    }
    #[derive(Serialize)]
    struct ShownBatch {
        batch: BatchId,
        created_at: String,
        label: Option<String>,
        count: u32,
    }
    let called = platform.call(BATCHES_NAME, &ListBatches);
    let batches = in_time(platform, OBJECT_TIME, called).await?;
    let shown = batches.into_iter().map(|batch| ShownBatch {
        batch: batch.batch,
        created_at: batch.created_at.to_string(),
        label: batch.label,
        count: batch.count,
    });
    Ok(json(
        200,
        &Shown {
            batches: shown.collect(),
        },
    ))
}

async fn create(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
) -> Result<Response, PlatformError> {
    let body = match read_body(request, response::JSON).await {
        Ok(body) => body,
        Err(error) => return Ok(error.response()),
    };
    let personas = platform.personas();
    let personas = match personas.as_ref() {
        Ok(personas) => personas,
        Err(errors) => return Ok(wrong_files(errors)),
    };
    let new: New = match serde_json::from_slice(&body) {
        Ok(new) => new,
        Err(error) => return Ok(bad_request(&error.to_string())),
    };
    let call = match new.mode {
        Mode::Text | Mode::Assistant => None,
        Mode::Call => {
            match synthetic_calls::call_plan(config, &request.url(), new.record.unwrap_or(false)) {
                Ok(call) => Some(call),
                Err(refused) => return Ok(refused),
            }
        }
    };
    let random = platform.secret_bytes()?;
    let (plan, dry_run) = match new.plan(personas, random, call) {
        Ok(plan) => plan,
        Err(problem) => return Ok(bad_request(&problem)),
    };
    let is_assistant = |name: &str| config.assistants.iter().any(|own| own.name == name);
    if let Some(unknown) = plan.unknown(personas, is_assistant).first() {
        return Ok(bad_request(&format!("there is no {unknown}")));
    }
    let (needs, cap) = (plan.most_requests_of_a_run(), config.max_daily_calls);
    if needs > cap {
        return Ok(bad_request(&format!(
            "a run may need {needs} requests to the model, and MAX_DAILY_CALLS allows {cap} a day"
        )));
    }
    let id = BatchId::new(random);
    let first = RunId {
        batch: id.clone(),
        number: 1,
    };
    let refusal = synthetic_calls::refusal(platform, config, &plan, first);
    if let Some(refused) = refusal.await? {
        return Ok(refused);
    }
    let estimate = Estimate::of(&plan, config);
    if dry_run {
        return Ok(json(200, &estimate));
    }
    let listed = ListedBatch {
        batch: id.clone(),
        created_at: platform.now(),
        label: plan.label.clone(),
        count: plan.count,
    };
    let add = ListBatch(listed);
    let added = with_retry(async || platform.call(BATCHES_NAME, &add).await);
    if !in_time(platform, OBJECT_TIME, added).await? {
        return Ok(response::plain(
            409,
            "too many batches: delete some first\n",
        ));
    }
    let create = CreateBatch {
        id: id.clone(),
        plan,
    };
    ask(platform, &id, &create, OBJECT_TIME).await?;
    Ok(json(
        201,
        &Created {
            batch: id,
            seed: create.plan.seed,
            estimate,
        },
    ))
}

/// A batch that has begun.
#[derive(Serialize)]
struct Created {
    batch: BatchId,
    seed: u64,
    #[serde(flatten)]
    estimate: Estimate,
}

async fn delete(platform: &impl WorkerPlatform, id: &BatchId) -> Result<Response, PlatformError> {
    let existed = ask(platform, id, &DeleteBatch, DELETE_TIME).await?;
    let remove = UnlistBatch(id.clone());
    let removed = with_retry(async || platform.call(BATCHES_NAME, &remove).await);
    in_time(platform, OBJECT_TIME, removed).await?;
    Ok(if existed {
        Response::empty(204)
    } else {
        not_found()
    })
}

/// The transcripts of runs that have ended, a line each. `X-Next-After` says where the next page
/// begins, and `X-More` whether there is one by now.
async fn runs(
    platform: &impl WorkerPlatform,
    config: &Config,
    url: &str,
    id: &BatchId,
) -> Result<Response, PlatformError> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let mut read = ReadRuns {
        after: 0,
        limit: 100,
    };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let number = value.parse::<u32>();
        match (name.as_ref(), number) {
            ("after", Ok(after)) => read.after = after,
            ("limit", Ok(limit)) if (1..=MAX_PAGE).contains(&limit) => read.limit = limit,
            ("after", Err(_)) => return Ok(bad_request("after must be a whole number")),
            ("limit", _) => return Ok(bad_request("limit must be a whole number, 1 to 500")),
            _ => return Ok(bad_request("the parameters are after and limit")),
        }
    }
    let Some(page) = ask(platform, id, &read, OBJECT_TIME).await? else {
        return Ok(not_found());
    };
    let lines = page
        .records
        .iter()
        .filter_map(|record| line_of(record, config));
    let body = lines.collect::<String>();
    Ok(Response::new(200, "application/jsonl", body)
        .with_header("X-Next-After", page.last.to_string())
        .with_header("X-More", if page.more { "true" } else { "false" }))
}

/// Calls a batch. Each of its methods may be called twice.
async fn ask<M: Method>(
    platform: &impl WorkerPlatform,
    id: &BatchId,
    method: &M,
    time: Duration,
) -> Result<M::Reply, PlatformError> {
    let asked = with_retry(async || platform.call(id.as_str(), method).await);
    in_time(platform, time, asked).await
}

fn wrong_files(errors: &[FileError]) -> Response {
    #[derive(Serialize)]
    struct Wrong<'e> {
        errors: &'e [FileError],
    }
    json(503, &Wrong { errors })
}

/// What an operator asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
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
    /// The plan, and whether it is only to be estimated.
    fn plan(
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
struct Estimate {
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
    fn of(plan: &BatchPlan, config: &Config) -> Self {
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

/// The answer that shows a batch.
fn shown(config: &Config, progress: Option<Progress>) -> Response {
    #[derive(Serialize)]
    struct Shown {
        batch: BatchId,
        status: crate::synthetic::api::BatchStatus,
        created_at: String,
        ended_at: Option<String>,
        runs: u32,
        running: u32,
        ended: u32,
        reasons: std::collections::BTreeMap<crate::synthetic::transcript::EndReason, u32>,
        not_scored: u32,
        turns: u64,
        cost: ShownCost,
        plan: BatchPlan,
    }
    let Some(progress) = progress else {
        return not_found();
    };
    json(
        200,
        &Shown {
            batch: progress.id,
            status: progress.status,
            created_at: progress.created_at.to_string(),
            ended_at: progress.ended_at.map(|at| at.to_string()),
            runs: progress.plan.count,
            running: progress.running,
            ended: progress.ended,
            reasons: progress.reasons,
            not_scored: progress.not_scored,
            turns: progress.turns,
            cost: ShownCost::of(progress.cost, progress.plan.call.as_ref(), config),
            plan: progress.plan,
        },
    )
}
