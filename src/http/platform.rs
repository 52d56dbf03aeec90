//! What the Worker's own requests need of the platform.

use std::time::Duration;

use crate::{
    base::usage::UsageBuffer,
    platform::{Clock, Log, Objects},
};

/// The ports of a request: clock, log, objects, and the buffer of usage.
pub trait WorkerPlatform: Clock + Log + Objects + UsageBuffer {}
impl<P: Clock + Log + Objects + UsageBuffer> WorkerPlatform for P {}

/// How long a call to an object may take, where nobody else sets a limit.
pub(super) const OBJECT_TIME: Duration = Duration::from_secs(10);
