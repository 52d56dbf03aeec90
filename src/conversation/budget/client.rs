//! How objects ask the budget object: within a time, and its failures are logged.
//!
//! Not here: what is done without an answer, which the callers decide.

use std::time::Duration;

use super::{AddUsage, Check, NAME, Release, Reservation, Reserve};
use crate::{
    base::usage::UsageCounters,
    event::{self, ObjectKind},
    object::{in_time, with_retry},
    platform::{Clock, Log, Objects, PlatformError},
};

/// Reserves items. At worst they are reserved twice. `None`: it is not known whether they are, so they
/// must not be used.
pub async fn reserve(
    platform: &(impl Objects + Clock + Log),
    reserve: &Reserve,
    limit: Duration,
) -> Option<Reservation> {
    let reserved = with_retry(async || platform.call(NAME, reserve).await);
    logged(platform, in_time(platform, limit, reserved).await)
}

/// Checks whether an item could be reserved. `None`: it is not known.
pub async fn check(
    platform: &(impl Objects + Clock + Log),
    check: &Check,
    limit: Duration,
) -> Option<Reservation> {
    let checked = platform.call(NAME, check);
    logged(platform, in_time(platform, limit, checked).await)
}

/// Gives back items that were reserved and not used. If that fails, they stay reserved until the day is
/// over.
pub async fn release(platform: &(impl Objects + Clock + Log), release: &Release, limit: Duration) {
    let released = platform.call(NAME, release);
    logged(platform, in_time(platform, limit, released).await);
}

/// Reports the tokens of something that has ended. If that fails, they are not counted.
pub async fn report_tokens(
    platform: &(impl Objects + Clock + Log),
    (prompt_tokens, completion_tokens): (u64, u64),
    limit: Duration,
) {
    let usage = UsageCounters {
        prompt_tokens,
        completion_tokens,
        ..UsageCounters::EMPTY
    };
    if usage.is_empty() {
        return;
    }
    let add = AddUsage { usage };
    let reported = platform.call(NAME, &add);
    logged(platform, in_time(platform, limit, reported).await);
}

fn logged<R>(platform: &(impl Clock + Log), answer: Result<R, PlatformError>) -> Option<R> {
    answer
        .map_err(|error| event::log_failure(platform, ObjectKind::Budget, error))
        .ok()
}
