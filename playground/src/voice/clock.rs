//! The clock of a call, in milliseconds since the call began. It can run faster than the machine's,
//! so that a test of a long call is short.

use std::time::{Duration, Instant};

/// The clock of a call.
#[derive(Clone, Copy)]
pub struct Clock {
    start: Instant,
    /// How many times as fast as the machine's clock it runs.
    speed: u32,
}

impl Clock {
    /// A clock that starts now. A speed of 0 counts as 1.
    pub fn start(speed: u32) -> Self {
        Self {
            start: Instant::now(),
            speed: speed.max(1),
        }
    }

    /// The time.
    pub fn now(&self) -> u64 {
        let passed = self.start.elapsed().saturating_mul(self.speed);
        u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
    }

    /// Completes at the time `at`.
    pub async fn sleep_until(&self, at: u64) {
        let real = Duration::from_millis(at).checked_div(self.speed);
        let end = real.and_then(|real| self.start.checked_add(real));
        match end {
            Some(end) => tokio::time::sleep_until(end.into()).await,
            None => std::future::pending().await,
        }
    }
}
