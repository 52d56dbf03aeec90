//! Limits on waiting, and one retry of a failed call.

use std::time::Duration;

use futures_util::{
    future::{Either, select},
    pin_mut,
};

use crate::platform::{Clock, PlatformError};

/// Waits for `work` for at most `limit`, and then drops it.
pub async fn within<T>(
    clock: &impl Clock,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let too_late = clock.sleep(limit);
    pin_mut!(work, too_late);
    match select(work, too_late).await {
        Either::Left((result, _)) => Some(result),
        Either::Right(((), _)) => None,
    }
}

/// Waits for a call to the platform for at most `limit`.
///
/// # Errors
/// The call's own errors, and a timeout. After a timeout the call may or may not have an effect.
pub async fn in_time<T>(
    clock: &impl Clock,
    limit: Duration,
    call: impl Future<Output = Result<T, PlatformError>>,
) -> Result<T, PlatformError> {
    within(clock, limit, call)
        .await
        .unwrap_or_else(|| Err(PlatformError::new("took too long")))
}

/// Half of what is left of `limit`. A wait that takes no more leaves time for what follows, and waits
/// that follow each other stay within the limit.
#[must_use]
pub fn half_of_rest(limit: Duration, spent: Duration) -> Duration {
    let rest = limit.saturating_sub(spent);
    rest.checked_div(2).unwrap_or_default()
}

/// Makes a call, and repeats it once if the platform says that the failure is retryable. Use it
/// only for calls that may be made twice.
///
/// # Errors
/// Those of the last call.
pub async fn with_retry<T>(
    call: impl AsyncFn() -> Result<T, PlatformError>,
) -> Result<T, PlatformError> {
    match call().await {
        Err(error) if error.retryable => call().await,
        result => result,
    }
}
