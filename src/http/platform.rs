//! What the Worker's own requests need of the platform.

use std::time::Duration;

use crate::{
    base::usage::UsageBuffer,
    platform::{Clock, Deployed, Log, Objects, SecretRandom},
    synthetic::KnowsPersonas,
};

/// The ports of a request: clock, log, objects, the buffer of usage, randomness for secrets, the
/// personas, and the deployed version.
pub trait WorkerPlatform:
    Clock + Log + Objects + UsageBuffer + SecretRandom + KnowsPersonas + Deployed
{
}
impl<P: Clock + Log + Objects + UsageBuffer + SecretRandom + KnowsPersonas + Deployed>
    WorkerPlatform for P
{
}

/// How long a call to an object may take, where nobody else sets a limit.
pub(super) const OBJECT_TIME: Duration = Duration::from_secs(10);
