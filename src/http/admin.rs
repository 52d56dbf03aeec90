//! The operator's routes: what a day has come to, beginning its budget anew, what is remembered of a sender, and erasing it.
//!
//! They exist while `ADMIN_TOKEN` is set, and answer JSON without texts or addresses. Wrong tokens are counted by client
//! address (`tries`). Not here: what is counted (`usage`), and what erasing does (`sender`).

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    admin_lockout::{Attempt, Verdict},
    platform::{OBJECT_TIME, WorkerPlatform},
    request::{BodyError, Request, read_body},
    response::{self, Response, bad_request, json, method_not_allowed, not_found},
};
use crate::{
    base::{time::UnixMillis, usage::RejectionCounts},
    config::{Config, Prices},
    conversation::budget::{self, AddUsage, DayUsage, Reset},
    event::{self, DenialReason, Erased, Event, ObjectKind, Security},
    identity::{Address, PhoneHash},
    messaging::api::{Erase, Erasure, Show, ThreadSummary},
    object::{in_time, with_retry},
    platform::PlatformError,
};

/// What the paths of these routes begin with.
pub const PREFIX: &str = "/admin/";

const USAGE: &str = "/admin/usage";
const BUDGET_RESET: &str = "/admin/budget/reset";
const SHOW: &str = "/admin/contacts/show";
const ERASE: &str = "/admin/contacts/erase";

/// Answers a request under [`PREFIX`].
pub async fn handle(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
    method: &str,
    path: &str,
) -> Response {
    if let Err(refused) = authorize(platform, config, request).await {
        return refused;
    }
    let answered = match (path, method) {
        (USAGE, "GET") => usage(platform, config).await,
        (USAGE, _) => return method_not_allowed("GET"),
        (BUDGET_RESET, "POST") => reset_budget(platform).await,
        (BUDGET_RESET, _) => return method_not_allowed("POST"),
        (SHOW | ERASE, "POST") => match read_pair(request).await {
            Ok(pair) if path == SHOW => show(platform, config, &pair).await,
            Ok(pair) => erase(platform, config, &pair).await,
            Err(refused) => return refused,
        },
        (SHOW | ERASE, _) => return method_not_allowed("POST"),
        _ => return not_found(),
    };
    answered.unwrap_or_else(|error| failed(platform, ObjectKind::Thread, error))
}

async fn show(
    platform: &impl WorkerPlatform,
    config: &Config,
    pair: &Pair,
) -> Result<Response, PlatformError> {
    let thread = config.pseudonym_key.pair(&pair.from, &pair.to);
    let shown = with_retry(async || platform.call(thread.as_str(), &Show).await);
    in_time(platform, OBJECT_TIME, shown)
        .await
        .map(|summary| json(200, &ShownThread::from(summary)))
}

async fn erase(
    platform: &impl WorkerPlatform,
    config: &Config,
    pair: &Pair,
) -> Result<Response, PlatformError> {
    let thread = config.pseudonym_key.pair(&pair.from, &pair.to);
    let erase = Erase {
        phone_hash: config.pseudonym_key.phone_hash(&pair.from),
    };
    let erased = with_retry(async || platform.call(thread.as_str(), &erase).await);
    // The object itself waits as long as a reply may take, for KV to delete.
    in_time(
        platform,
        OBJECT_TIME.saturating_add(config.reply_within),
        erased,
    )
    .await
    .map(|erasure| json(200, &ShownErasure::from(erasure)))
}

/// Lets the operator in, and nobody else.
async fn authorize(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &impl Request,
) -> Result<(), Response> {
    let Some(token) = &config.admin_token else {
        return Err(not_found());
    };
    let header = request.header("Authorization").unwrap_or_default();
    let claimed = match header.split_once(' ') {
        Some((scheme, claimed)) if scheme.eq_ignore_ascii_case("bearer") => claimed.trim(),
        // Nothing was tried.
        _ => return Err(unauthorized()),
    };
    let right = config.pseudonym_key.is_secret(token, claimed);
    // By default `CF-Connecting-IP`, which Cloudflare sets, whatever the client sends (Cloudflare, "HTTP request headers").
    let client = config.pseudonym_key.client(
        request
            .header(&config.admin_client_header)
            .unwrap_or_default()
            .trim(),
    );
    let denied = |reason| {
        event::log(
            platform,
            &Event::Security {
                phone_hash: PhoneHash::nobody(),
                details: Security::AdminDenied { reason },
            },
        );
    };
    let attempt = Attempt { right };
    let attempted = platform.call(client.as_str(), &attempt);
    match in_time(platform, OBJECT_TIME, attempted).await {
        Ok(Verdict::Allowed) => Ok(()),
        Ok(Verdict::Wrong) => {
            denied(DenialReason::WrongToken);
            Err(unauthorized())
        }
        Ok(Verdict::Locked(seconds)) => {
            denied(DenialReason::Locked);
            let wait = response::plain(429, "Too many wrong tokens: wait\n");
            Err(wait.with_header("Retry-After", seconds.to_string()))
        }
        Err(error) => Err(failed(platform, ObjectKind::AdminLockout, error)),
    }
}

async fn usage(platform: &impl WorkerPlatform, config: &Config) -> Result<Response, PlatformError> {
    // The call reports what this isolate has counted. What other isolates have not reported yet is missing.
    let usage = platform.take();
    let add_usage = AddUsage { usage };
    let called = platform.call(budget::NAME, &add_usage);
    let day = match in_time(platform, OBJECT_TIME, called).await {
        Ok(day) => day,
        Err(error) => {
            platform.count(&usage);
            return Ok(failed(platform, ObjectKind::Budget, error));
        }
    };
    let DayUsage { usage, .. } = day;
    let midnight = UnixMillis::start_of_day(day.day).to_string();
    let shown = ShownUsage {
        day: midnight.split('T').next().unwrap_or_default(),
        model_requests: ShownCount {
            used: day.calls,
            cap: config.max_daily_calls,
        },
        messages_sent: ShownCount {
            used: day.messages,
            cap: config.max_daily_messages,
        },
        budget_unreadable: day.unreadable,
        tokens: ShownTokens {
            prompt: usage.prompt_tokens,
            completion: usage.completion_tokens,
        },
        estimated_cost: config
            .prices()
            .map(|prices| cost(prices, usage.prompt_tokens, usage.completion_tokens)),
        messages_in: usage.messages_in,
        answers: ShownAnswers {
            webhook: usage.answers_by_webhook,
            rest: usage.answers_by_rest,
        },
        rejections: ShownRejections::from(usage.rejections),
    };
    Ok(json(200, &shown))
}

/// Begins the day's counts that have a cap anew, and answers what they were.
async fn reset_budget(platform: &impl WorkerPlatform) -> Result<Response, PlatformError> {
    let before = match in_time(platform, OBJECT_TIME, platform.call(budget::NAME, &Reset)).await {
        Ok(before) => before,
        Err(error) => return Ok(failed(platform, ObjectKind::Budget, error)),
    };
    let DayUsage {
        calls: model_requests,
        messages: messages_sent,
        unreadable: budget_unreadable,
        ..
    } = before;
    event::log(
        platform,
        &Event::BudgetReset {
            model_requests,
            messages_sent,
            budget_unreadable,
        },
    );
    Ok(json(
        200,
        &ShownReset {
            reset: ShownCounts {
                model_requests,
                messages_sent,
                budget_unreadable,
            },
        },
    ))
}

/// What so many tokens cost, to a millionth, in the currency of the prices.
fn cost(prices: Prices, prompt_tokens: u64, completion_tokens: u64) -> f64 {
    let of = |tokens: u64, price: u64| u128::from(tokens).saturating_mul(u128::from(price));
    let millionths = of(prompt_tokens, prices.input)
        .saturating_add(of(completion_tokens, prices.output))
        / 1_000_000;
    millionths as f64 / 1e6
}

/// A person, and the number that was written to.
struct Pair {
    from: Address,
    to: Address,
}

/// Reads the addresses that a request is about. They are in its body: URLs are kept in places that bodies are not.
async fn read_pair(request: &mut impl Request) -> Result<Pair, Response> {
    let body = read_body(request, response::JSON)
        .await
        .map_err(BodyError::response)?;
    let Ok(fields) = serde_json::from_slice::<Map<String, Value>>(&body) else {
        return Err(bad_request(
            "the body must be a JSON object with \"from\" and \"to\"",
        ));
    };
    let address = |name: &str| match fields.get(name) {
        None => Err(bad_request(&format!("{name} is missing"))),
        Some(value) => value
            .as_str()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| bad_request(&format!("{name} is malformed"))),
    };
    Ok(Pair {
        from: address("from")?,
        to: address("to")?,
    })
}

fn unauthorized() -> Response {
    response::plain(401, "Unauthorized\n").with_header("WWW-Authenticate", "Bearer")
}

fn failed(platform: &impl WorkerPlatform, object: ObjectKind, error: PlatformError) -> Response {
    event::log(
        platform,
        &Event::ObjectFailed {
            object,
            reason: error.reason,
        },
    );
    response::try_later()
}

#[derive(Serialize)]
struct ShownUsage<'d> {
    day: &'d str,
    model_requests: ShownCount,
    messages_sent: ShownCount,
    budget_unreadable: bool,
    tokens: ShownTokens,
    estimated_cost: Option<f64>,
    messages_in: u64,
    answers: ShownAnswers,
    rejections: ShownRejections,
}

#[derive(Serialize)]
struct ShownCount {
    used: u32,
    cap: u32,
}

#[derive(Serialize)]
struct ShownReset {
    reset: ShownCounts,
}

/// What the counts were.
#[derive(Serialize)]
struct ShownCounts {
    model_requests: u32,
    messages_sent: u32,
    budget_unreadable: bool,
}

#[derive(Serialize)]
struct ShownTokens {
    prompt: u64,
    completion: u64,
}

#[derive(Serialize)]
struct ShownAnswers {
    webhook: u64,
    rest: u64,
}

/// Unlike what is stored, what is shown has every kind, also those that did not happen.
#[derive(Serialize)]
struct ShownRejections {
    invalid_signature: u64,
    bad_request: u64,
    suspicious_request: u64,
    rate_limited: u64,
    opted_out: u64,
    budget_exhausted: u64,
}

impl From<RejectionCounts> for ShownRejections {
    fn from(rejections: RejectionCounts) -> Self {
        let RejectionCounts {
            invalid_signature,
            bad_request,
            suspicious_request,
            rate_limited,
            opted_out,
            budget_exhausted,
        } = rejections;
        Self {
            invalid_signature,
            bad_request,
            suspicious_request,
            rate_limited,
            opted_out,
            budget_exhausted,
        }
    }
}

#[derive(Serialize)]
struct ShownThread {
    opted_out: bool,
    turns: u32,
    revision: Option<u64>,
    expires_at: Option<String>,
    turn_running: bool,
    pending_messages: usize,
    outbox_parts: usize,
    messages_last_minute: usize,
}

impl From<ThreadSummary> for ShownThread {
    fn from(summary: ThreadSummary) -> Self {
        let ThreadSummary {
            opted_out,
            turns,
            revision,
            expires_at,
            turn_running,
            pending_messages,
            outbox_parts,
            messages_last_minute,
        } = summary;
        let expires_at = expires_at.map(|at| at.to_string());
        Self {
            opted_out,
            turns,
            revision,
            expires_at,
            turn_running,
            pending_messages,
            outbox_parts,
            messages_last_minute,
        }
    }
}

#[derive(Serialize)]
struct ShownErasure {
    erased: Erased,
    kv: &'static str,
    opted_out: bool,
}

impl From<Erasure> for ShownErasure {
    fn from(erasure: Erasure) -> Self {
        let Erasure {
            erased,
            kv_deleted,
            opted_out,
        } = erasure;
        Self {
            erased,
            kv: if kv_deleted {
                "deleted"
            } else {
                "being_deleted"
            },
            opted_out,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_is_exact_to_a_millionth() {
        let prices = Prices {
            input: 150_000,
            output: 600_000,
        };
        let shown =
            |prompt, completion| serde_json::to_value(cost(prices, prompt, completion)).unwrap();
        assert_eq!(shown(1_000_000, 1_000_000), 0.75);
        assert_eq!(shown(1_234, 567), 0.000_525);
        assert_eq!(shown(0, 0), 0.0);
        let most = cost(
            Prices {
                input: u64::MAX,
                output: u64::MAX,
            },
            u64::MAX,
            u64::MAX,
        );
        assert!(most.is_finite() && most > 1e12);
    }
}
