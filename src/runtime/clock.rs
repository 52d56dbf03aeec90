//! The runtime's clock and timers.
//!
//! Not here: the trait `Clock` (`platform`).

use std::time::Duration;

use futures_util::FutureExt;
use worker::{Delay, js_sys};

use crate::base::time::UnixMillis;

/// The time of the runtime's clock. `worker::Date` would create an object for it.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number, far below 2^53"
)]
pub fn now() -> UnixMillis {
    UnixMillis(js_sys::Date::now() as u64)
}

/// Waits. If the future is dropped, the timer is cancelled: otherwise it would keep an object
/// alive.
///
/// It is shared, because a `Delay` wakes only the task that polled it first, and another task may
/// wait now.
pub async fn sleep(duration: Duration) {
    Delay::from(duration).shared().await;
}
