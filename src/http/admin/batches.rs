//! The operator's routes for batches of synthetic conversations.
//!
//! Not here: what an operator may ask for (`new_batch`), carrying a batch out (`synthetic`), and how a
//! transcript is written (`transcript`).

use std::time::Duration;

use serde::Serialize;

use super::{
    new_batch::{Estimate, New},
    synthetic_calls,
    transcript::{ShownCost, line_of},
};
use crate::{
    config::{Config, FileError},
    event::ObjectKind,
    http::{
        platform::{OBJECT_TIME, WorkerPlatform},
        request::{Request, read_body},
        response::{self, Response, Rest, bad_request, json, method_not_allowed, not_found},
    },
    object::{in_time, with_retry},
    platform::{Method, PlatformError},
    synthetic::{
        api::{
            BATCHES_NAME, ControlBatch, CreateBatch, DeleteBatch, ListBatch, ListBatches,
            ListedBatch, Page, Progress, ReadRuns, ShowBatch, UnlistBatch,
        },
        batch::MAX_PAGE,
        plan::{BatchId, BatchPlan, Mode, RunId},
    },
};

/// The route of all batches.
pub(super) const BATCHES: &str = "/admin/batches";

/// The transcripts in one part of a long body.
const PART: u32 = 100;
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
    let call = match new.mode() {
        Mode::Text | Mode::Assistant => None,
        Mode::Call => match synthetic_calls::call_plan(config, &request.url(), new.records()) {
            Ok(call) => Some(call),
            Err(refused) => return Ok(refused),
        },
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

/// The transcripts of runs that have ended, a line each. With `limit`, they are one page: `X-Next-After`
/// says where the next one begins, and `X-More` whether there is one by now. Without, they are all.
async fn runs(
    platform: &impl WorkerPlatform,
    config: &Config,
    url: &str,
    id: &BatchId,
) -> Result<Response, PlatformError> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let (mut after, mut limit) = (0, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let number = value.parse::<u32>();
        match (name.as_ref(), number) {
            ("after", Ok(place)) => after = place,
            ("limit", Ok(most)) if (1..=MAX_PAGE).contains(&most) => limit = Some(most),
            ("after", Err(_)) => return Ok(bad_request("after must be a whole number")),
            ("limit", _) => return Ok(bad_request("limit must be a whole number, 1 to 500")),
            _ => return Ok(bad_request("the parameters are after and limit")),
        }
    }
    let read = ReadRuns {
        after,
        limit: limit.unwrap_or(PART),
    };
    let Some(page) = ask(platform, id, &read, OBJECT_TIME).await? else {
        return Ok(not_found());
    };
    let response = Response::new(200, "application/jsonl", lines_of(&page, config));
    Ok(match limit {
        Some(_) => response
            .with_header("X-Next-After", page.last.to_string())
            .with_header("X-More", if page.more { "true" } else { "false" }),
        None => Response {
            rest: rest_of(&page, id),
            ..response
        },
    })
}

/// The next part of a long body, and what follows it.
///
/// # Errors
/// When it cannot be read any more. The body must then break off: it is not whole.
pub async fn next_part(
    platform: &impl WorkerPlatform,
    config: &Config,
    rest: &Rest,
) -> Result<(String, Option<Rest>), PlatformError> {
    let read = ReadRuns {
        after: rest.after,
        limit: PART,
    };
    let page = ask(platform, &rest.batch, &read, OBJECT_TIME).await?;
    let page = page.ok_or_else(|| PlatformError::new("the batch was deleted"))?;
    Ok((lines_of(&page, config), rest_of(&page, &rest.batch)))
}

fn lines_of(page: &Page, config: &Config) -> String {
    let records = page.records.iter();
    records
        .filter_map(|record| line_of(record, config))
        .collect()
}

fn rest_of(page: &Page, batch: &BatchId) -> Option<Rest> {
    page.more.then(|| Rest {
        batch: batch.clone(),
        after: page.last,
    })
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
