//! The runtime's clock and timers.

use std::time::Duration;

use futures_util::FutureExt;
use worker::{Delay, js_sys};

use crate::base::time::UnixMillis;

/// The runtime's clock. `worker::Date` would make an object to ask it.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole, and far below 2^53"
)]
pub fn now() -> UnixMillis {
    UnixMillis(js_sys::Date::now() as u64)
}

/// Waits, and cancels the timer when nobody waits for it any more: one that is left would keep an object alive.
///
/// Shared, since a `Delay` wakes whoever polled it first, and that need not be who waits now.
pub async fn sleep(duration: Duration) {
    Delay::from(duration).shared().await;
}
