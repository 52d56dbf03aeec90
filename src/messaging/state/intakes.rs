//! The intake of a thread: the one that is open, and those that are being delivered.
//!
//! Not here: the steps with them (`intake_steps`), and the questions (`messaging::intake`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    base::time::UnixMillis,
    conversation::deliveries::Deliveries,
    event::IntakeOutcome,
    identity::PhoneHash,
    messaging::intake::{Handing, IntakeState},
};

/// The intakes of a thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Intakes {
    /// The newest. It stays for a while after it has ended, so that the next message does not begin
    /// another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) current: Option<IntakeState>,
    /// Those that are completed and not delivered yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) handing: Vec<Handing>,
}

/// Something that has happened to an intake, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeEnd {
    /// The contact's hash.
    pub phone_hash: PhoneHash,
    /// What has happened.
    pub outcome: IntakeOutcome,
    /// How many fields had a value.
    pub fields: usize,
    /// When it began.
    pub since: UnixMillis,
}

impl IntakeEnd {
    /// What has happened to an intake as it is now.
    pub fn of(intake: &IntakeState, outcome: IntakeOutcome) -> Self {
        Self {
            phone_hash: intake.phone_hash.clone(),
            outcome,
            fields: intake.filled(),
            since: intake.since,
        }
    }
}

/// The longest time that an intake can be kept.
const LONGEST: Duration = Duration::from_hours(24);

impl Intakes {
    /// Drops everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The name of the assistant whose intake is open.
    pub fn open_with(&self) -> Option<&str> {
        let current = self.current.as_ref().filter(|intake| intake.is_open());
        current.map(|intake| intake.assistant.as_str())
    }

    /// When the alarm must look at it.
    pub fn next_wake(&self) -> Option<UnixMillis> {
        self.current.as_ref().map(|intake| intake.until)
    }

    /// Forgets what nobody will hear of: the turn that it belongs to was cancelled, or damage has lost
    /// its delivery.
    pub fn forget(&mut self, running: Option<u64>, deliveries: &Deliveries) {
        let is_awaited = |one: &Handing| {
            let waits = one.arrived.is_none() && deliveries.has(&one.id);
            waits || running == Some(one.turn)
        };
        self.handing.retain(is_awaited);
    }

    /// Limits times: a clock that jumped ahead must not keep an intake for days.
    pub fn distrust_future(&mut self, now: UnixMillis, ttl: Duration) {
        if let Some(intake) = &mut self.current {
            intake.since = intake.since.min(now);
            intake.until = intake.until.min(now.plus(LONGEST.max(ttl)));
        }
        for one in &mut self.handing {
            one.since = one.since.min(now);
        }
    }
}
