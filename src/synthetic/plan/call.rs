//! What a run needs beside its sides to be a phone call, and the two legs of the call.

use std::{str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    config::{Limits, Speaker},
    identity::Malformed,
};

/// What a run needs beside its sides to be a phone call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallPlan {
    /// Our public origin, where Twilio reaches us.
    pub origin: String,
    /// Whether the call is recorded.
    pub record: bool,
}

/// A leg of a synthetic call. Each has its own socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// That of the number that calls. The customer speaks on it.
    Caller,
    /// That of the number that is called. The agent speaks on it.
    Callee,
}

impl Leg {
    /// Both legs.
    pub const ALL: [Self; 2] = [Self::Caller, Self::Callee];

    /// The leg on which a side speaks.
    #[must_use]
    pub fn of(speaker: Speaker) -> Self {
        match speaker {
            Speaker::Customer => Self::Caller,
            Speaker::Agent => Self::Callee,
        }
    }

    /// The side that speaks on it.
    #[must_use]
    pub fn speaker(self) -> Speaker {
        match self {
            Self::Caller => Speaker::Customer,
            Self::Callee => Speaker::Agent,
        }
    }

    /// Its word in URLs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
        }
    }

    /// The number of its socket.
    #[must_use]
    pub fn socket(self) -> u32 {
        match self {
            Self::Caller => 1,
            Self::Callee => 2,
        }
    }
}

impl FromStr for Leg {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut all = Self::ALL.into_iter();
        all.find(|leg| leg.as_str() == text).ok_or(Malformed)
    }
}

/// What a call may last longer than its conversation.
const BEFORE_AND_AFTER: Duration = Duration::from_mins(1);

/// How long a call may last at most: Twilio itself ends it then. What is more than the limit of the
/// conversation is for both legs to be connected, and to be told that it is over.
#[must_use]
pub fn longest_call(limits: Limits) -> Duration {
    Duration::from_secs(limits.seconds.into()).saturating_add(BEFORE_AND_AFTER)
}
