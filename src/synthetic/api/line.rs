//! The line of synthetic calls: one call at a time goes on between the two numbers.
//!
//! Not here: the methods of a call's legs (`legs`).

use serde::{Deserialize, Serialize};

use crate::{
    platform::Method,
    synthetic::plan::{Leg, RunId},
};

/// Takes the line for a run: there is one call at a time between the two numbers. A run that has it
/// keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeLine {
    /// The run.
    pub run: RunId,
    /// How long it has the line, unless it releases it before. A run that vanishes blocks it no longer.
    pub seconds: u32,
}

impl Method for TakeLine {
    /// Whether the run has it.
    type Reply = bool;
    const BINDING: &'static str = "BATCHES";
    const NAME: &'static str = "take_line";
}

/// Which run has the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindLine;

impl Method for FindLine {
    type Reply = Option<RunId>;
    const BINDING: &'static str = "BATCHES";
    const NAME: &'static str = "find_line";
}

/// The call of a run is over. It gives the line back, if it has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseLine(pub RunId);

impl Method for ReleaseLine {
    type Reply = ();
    const BINDING: &'static str = "BATCHES";
    const NAME: &'static str = "release_line";
}

/// Asks Twilio whether both numbers of synthetic calls are there, and whether the one that is called
/// leads to us. Any run can be asked, also one that never begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckNumbers {
    /// Our webhook for calls, as the number must have it.
    pub voice_url: String,
}

impl Method for CheckNumbers {
    type Reply = NumbersCheck;
    const BINDING: &'static str = "RUN";
    const NAME: &'static str = "check_numbers";
}

/// What Twilio says of the two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumbersCheck {
    /// They can be used.
    Right,
    /// One of them cannot.
    Wrong(Leg, NumberFault),
    /// Twilio accepts no token for the account.
    Unauthorized,
    /// Twilio did not say.
    Unknown,
}

/// Why a number cannot be used in synthetic calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberFault {
    /// The account does not have it.
    Absent,
    /// It has no voice.
    NoVoice,
    /// An application, a trunk or another handler takes its calls, not a webhook.
    NoWebhook,
    /// Its webhook for calls is another one.
    OtherWebhook,
    /// Its webhook is called with GET.
    NotByPost,
}
