//! The two numbers of synthetic calls, as Twilio knows them: a call to a number that does not lead to us
//! would fail without a word.
//!
//! Not here: what the operator is told (`http`).

use super::{Inner, RunPlatform};
use crate::{
    config::Config,
    identity::{AccountSid, Address},
    synthetic::{
        api::{CheckNumbers, NumberFault, NumbersCheck},
        plan::Leg,
    },
    twilio::rest::{self, Credentials, FoundNumber, OwnNumber},
};

/// The account and the two numbers of synthetic calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'c> {
    pub(super) account: &'c AccountSid,
    pub(super) caller: &'c Address,
    pub(super) callee: &'c Address,
}

impl<'c> Line<'c> {
    /// `None`: a setting is missing.
    pub(super) fn of(config: &'c Config) -> Option<Self> {
        Some(Self {
            account: config.twilio_account.as_ref()?,
            caller: config.synthetic_caller.as_ref()?,
            callee: config.synthetic_callee.as_ref()?,
        })
    }

    fn number(self, leg: Leg) -> &'c Address {
        match leg {
            Leg::Caller => self.caller,
            Leg::Callee => self.callee,
        }
    }
}

impl<P: RunPlatform> Inner<P> {
    /// Asks Twilio for both numbers.
    pub(super) async fn check_numbers(&self, check: &CheckNumbers) -> NumbersCheck {
        let Some(line) = Line::of(&self.config) else {
            return NumbersCheck::Unknown;
        };
        for leg in Leg::ALL {
            let number = match self.find_number(line, leg).await {
                FoundNumber::One(number) => number,
                FoundNumber::Absent => return NumbersCheck::Wrong(leg, NumberFault::Absent),
                FoundNumber::Unauthorized => return NumbersCheck::Unauthorized,
                FoundNumber::Unclear => return NumbersCheck::Unknown,
            };
            if let Some(fault) = fault_of(leg, &number, &check.voice_url) {
                return NumbersCheck::Wrong(leg, fault);
            }
        }
        NumbersCheck::Right
    }

    async fn find_number(&self, line: Line<'_>, leg: Leg) -> FoundNumber {
        let base = &self.config.twilio_api_base_url;
        let find = async |credentials: Credentials<'_>| {
            rest::find_number(&self.platform, base, credentials, line.number(leg)).await
        };
        let tokens = rest::all_credentials(&self.config, line.account);
        let is_refused = |found: &FoundNumber| *found == FoundNumber::Unauthorized;
        let found = rest::first_accepted(tokens, is_refused, find).await;
        found.unwrap_or(FoundNumber::Unauthorized)
    }
}

/// What is wrong with a number. Calls from a number need no webhook: the request has its own.
fn fault_of(leg: Leg, number: &OwnNumber, voice_url: &str) -> Option<NumberFault> {
    if !number.has_voice {
        return Some(NumberFault::NoVoice);
    }
    if leg == Leg::Caller {
        return None;
    }
    if number.is_elsewhere || number.voice_url.is_empty() {
        Some(NumberFault::NoWebhook)
    } else if number.voice_url != voice_url {
        Some(NumberFault::OtherWebhook)
    } else if number.is_by_post {
        None
    } else {
        Some(NumberFault::NotByPost)
    }
}
