//! Synthetic calls: two personas on one phone call, from the operator's request to the transcript.
//!
//! Not here: Twilio's side ([`twilio`]).

mod analysis;
mod conversation;
mod failures;
mod preflight;
mod random;
mod twilio;

use serde_json::{Value, json};

use super::plain;
use crate::support::{FakePlatform, WITH_ADMIN, operator::ACCOUNT};

/// The two numbers of synthetic calls.
pub(super) const CALLER: &str = "+15550110";
pub(super) const CALLEE: &str = "+15550120";
/// Where the callee's calls must go.
pub(super) const VOICE_URL: &str = "https://example.com/twilio/voice";

/// A platform that can make synthetic calls, with these changes to its settings.
pub(super) fn with(changes: &[(&str, &str)]) -> FakePlatform {
    let usual = [
        WITH_ADMIN,
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("SYNTHETIC_CALLER", CALLER),
        ("SYNTHETIC_CALLEE", CALLEE),
        ("MAX_DAILY_CALLS", "100000"),
        ("MAX_DAILY_CALL_MINUTES", "1000"),
    ];
    // The first of two values counts.
    let fake = FakePlatform::with(&[changes, &usual].concat());
    fake.has_number(CALLER, "");
    fake.has_number(CALLEE, VOICE_URL);
    fake
}

/// What most tests ask for: `count` calls between Ada and Cleo, without disturbances.
pub(super) fn calls(count: u32) -> Value {
    let mut body = plain(count);
    body["mode"] = json!("call");
    body
}
