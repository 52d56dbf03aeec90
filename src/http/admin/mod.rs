//! The operator's routes: they show the day's usage, reset its budget, show or erase a contact's
//! data, take a contact over, answer it and hand it back, and have an assistant call somebody.
//!
//! They exist while `ADMIN_TOKEN` is set, and answer JSON without texts or addresses (`shown`).
//! Wrong tokens are counted for each client address (`admin_lockout`). Not here: counting
//! (`base::usage`), and erasing (`messaging`).

mod asked;
mod batches;
mod calls;
mod new_batch;
mod shown;
mod synthetic_calls;
mod transcript;

pub use batches::next_part;

use self::{
    asked::{Pair, call, failed, read_call},
    calls::CALLS,
    shown::{ShownErasure, ShownHandOff, ShownReset, ShownSaid, ShownThread, ShownUsage},
};
use super::{
    admin_lockout::{Attempt, Verdict},
    platform::{OBJECT_TIME, WorkerPlatform},
    request::Request,
    response::{self, Response, json, method_not_allowed, not_found},
};
use crate::{
    config::Config,
    conversation::budget::{self, AddUsage, DayUsage, Reset},
    event::{self, DenialReason, Event, ObjectKind, Security},
    identity::PhoneHash,
    messaging::api::{Erase, HandBack, Said, Say, Show, TakeOver, TakenOver},
    object::in_time,
    platform::PlatformError,
};

/// The prefix of these routes' paths.
pub const PREFIX: &str = "/admin/";

const USAGE: &str = "/admin/usage";
const BUDGET_RESET: &str = "/admin/budget/reset";
const SHOW: &str = "/admin/contacts/show";
const ERASE: &str = "/admin/contacts/erase";
const TAKE_OVER: &str = "/admin/contacts/hand-over";
const HAND_BACK: &str = "/admin/contacts/release";
const MESSAGES: &str = "/admin/contacts/messages";

/// Answers a request under [`PREFIX`].
pub async fn handle(
    platform: &impl WorkerPlatform,
    config: &Config,
    request: &mut impl Request,
    method: &str,
    path: &str,
) -> Response {
    if let Err(denied) = authorize(platform, config, request).await {
        return denied;
    }
    if let Some(rest) = path.strip_prefix(batches::BATCHES)
        && (rest.is_empty() || rest.starts_with('/'))
    {
        return batches::handle(platform, config, request, method, rest).await;
    }
    let answered = match (path, method) {
        (USAGE, "GET") => usage(platform, config).await,
        (USAGE, _) => return method_not_allowed("GET"),
        (BUDGET_RESET, "POST") => reset_budget(platform).await,
        // Its future is large, and the others need not have room for it.
        (CALLS, "POST") => Box::pin(calls::make(platform, config, request)).await,
        (SHOW | ERASE | TAKE_OVER | HAND_BACK | MESSAGES, "POST") => {
            let call = match read_call(request).await {
                Ok(call) => call,
                Err(response) => return response,
            };
            let pair = &call.pair;
            match path {
                SHOW => show(platform, config, pair).await,
                ERASE => erase(platform, config, pair).await,
                TAKE_OVER => take_over(platform, config, pair).await,
                HAND_BACK => hand_back(platform, config, pair).await,
                _ => match (call.text(), call.id()) {
                    (Ok(text), Ok(id)) => say(platform, config, pair, text, id).await,
                    (Err(response), _) | (_, Err(response)) => return response,
                },
            }
        }
        (BUDGET_RESET | SHOW | ERASE | TAKE_OVER | HAND_BACK | MESSAGES | CALLS, _) => {
            return method_not_allowed("POST");
        }
        _ => {
            return match (calls::id_in(path), method) {
                (Some(id), "GET") => calls::look(platform, id).await,
                (Some(_), _) => method_not_allowed("GET"),
                (None, _) => not_found(),
            };
        }
    };
    answered.unwrap_or_else(|error| failed(platform, ObjectKind::Thread, error))
}

async fn show(
    platform: &impl WorkerPlatform,
    config: &Config,
    pair: &Pair,
) -> Result<Response, PlatformError> {
    let summary = call(platform, config, pair, &Show, OBJECT_TIME).await?;
    Ok(json(200, &ShownThread::from(summary)))
}

async fn erase(
    platform: &impl WorkerPlatform,
    config: &Config,
    pair: &Pair,
) -> Result<Response, PlatformError> {
    let erase = Erase {
        phone_hash: config.pseudonym_key.phone_hash(&pair.from),
    };
    // The object itself waits for KV to delete, as long as a reply may take.
    let time = OBJECT_TIME.saturating_add(config.reply_within);
    let erasure = call(platform, config, pair, &erase, time).await?;
    Ok(json(200, &ShownErasure::from(erasure)))
}

/// Takes a contact over.
async fn take_over(
    platform: &impl WorkerPlatform,
    config: &Config,
    pair: &Pair,
) -> Result<Response, PlatformError> {
    let take_over = TakeOver {
        number: pair.to.clone(),
        phone_hash: config.pseudonym_key.phone_hash(&pair.from),
    };
    let taken = call(platform, config, pair, &take_over, OBJECT_TIME).await?;
    Ok(match taken {
        TakenOver::Begun => json(200, &ShownHandOff::begun(true)),
        TakenOver::Running => json(200, &ShownHandOff::begun(false)),
        TakenOver::NotConfigured => {
            response::plain(409, "the assistant of this number has no [hand_off]\n")
        }
    })
}

/// Hands a contact back to the assistant.
async fn hand_back(
    platform: &impl WorkerPlatform,
    config: &Config,
    pair: &Pair,
) -> Result<Response, PlatformError> {
    let hand_back = HandBack {
        phone_hash: config.pseudonym_key.phone_hash(&pair.from),
    };
    let ended = call(platform, config, pair, &hand_back, OBJECT_TIME).await?;
    Ok(json(200, &ShownHandOff::ended(ended)))
}

/// Sends a contact the operator's answer, once for each id. Without an id, every request is another
/// answer.
async fn say(
    platform: &impl WorkerPlatform,
    config: &Config,
    pair: &Pair,
    text: &str,
    id: Option<&str>,
) -> Result<Response, PlatformError> {
    let named = match id {
        Some(id) => format!("id {id}"),
        // Only the retries of this request have it.
        None => format!("{} {text}", platform.now()),
    };
    let say = Say {
        text: text.to_owned(),
        id: config.pseudonym_key.text_mark(&named),
    };
    let said = call(platform, config, pair, &say, OBJECT_TIME).await?;
    Ok(match said {
        Said::Queued => json(202, &ShownSaid { queued: true }),
        Said::OptedOut => response::plain(409, "the contact has opted out\n"),
        Said::NoConversation => response::plain(
            409,
            "no conversation: the contact is not handed over, or has not written since\n",
        ),
        Said::DailyLimit => {
            response::plain(429, "MAX_DAILY_MESSAGES is used up until midnight UTC\n")
        }
    })
}

/// Checks the admin token, and the lockout of the client's address.
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
        // Without a token there is nothing to count.
        _ => return Err(unauthorized()),
    };
    let right = config.pseudonym_key.is_secret(token, claimed);
    // The default is `CF-Connecting-IP`. Cloudflare sets it, and overwrites a client's value
    // (Cloudflare, "HTTP request headers").
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
    // The call reports this isolate's usage. Unreported usage of other isolates is missing from the
    // result.
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
    Ok(json(200, &ShownUsage::new(config, &day)))
}

/// Resets the day's capped counts, and shows the counts from before.
async fn reset_budget(platform: &impl WorkerPlatform) -> Result<Response, PlatformError> {
    let before = match in_time(platform, OBJECT_TIME, platform.call(budget::NAME, &Reset)).await {
        Ok(before) => before,
        Err(error) => return Ok(failed(platform, ObjectKind::Budget, error)),
    };
    let DayUsage {
        calls: model_requests,
        messages: messages_sent,
        call_minutes,
        unreadable: budget_unreadable,
        ..
    } = before;
    event::log(
        platform,
        &Event::BudgetReset {
            model_requests,
            messages_sent,
            call_minutes,
            budget_unreadable,
        },
    );
    Ok(json(200, &ShownReset::from(before)))
}

fn unauthorized() -> Response {
    response::plain(401, "Unauthorized\n").with_header("WWW-Authenticate", "Bearer")
}
