//! Limits on waiting, and the second try.

use std::time::Duration;

use futures_util::{
    future::{Either, select},
    pin_mut,
};

use crate::platform::{Clock, PlatformError};

/// What comes of `work` within `limit`; else it is dropped.
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

/// What comes of a call to the platform within `limit`.
///
/// # Errors
/// Those of the call. One that takes longer has failed, and what it still does is unknown.
pub async fn in_time<T>(
    clock: &impl Clock,
    limit: Duration,
    call: impl Future<Output = Result<T, PlatformError>>,
) -> Result<T, PlatformError> {
    within(clock, limit, call)
        .await
        .unwrap_or_else(|| Err(PlatformError::new("took too long")))
}

/// Makes a call, and once more if it failed in a way that the platform calls retryable. For calls that may be made twice.
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
