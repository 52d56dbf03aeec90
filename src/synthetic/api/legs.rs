//! The methods of a run's object that its call's legs ask.
//!
//! Not here: the line between the two numbers (`line`).

use serde::{Deserialize, Serialize};

use crate::{
    identity::CallSid, platform::Method, synthetic::plan::Leg,
    twilio::voice::relay_url::RelaySecretHash,
};

/// A leg of a run's call asks for TwiML. It may ask twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerLeg {
    /// The leg.
    pub leg: Leg,
    /// Twilio's id of it.
    pub sid: CallSid,
    /// The hash of the secret that opens its socket.
    pub door: RelaySecretHash,
}

impl Method for AnswerLeg {
    /// `None`: the leg is told to hang up.
    type Reply = Option<LegRelay>;
    const BINDING: &'static str = "RUN";
    const NAME: &'static str = "answer_leg";
}

/// How a leg is connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegRelay {
    /// The language in which it speaks.
    pub speaks: String,
    /// The name of its Amazon voice.
    pub voice: String,
    /// The language that the other leg speaks.
    pub hears: String,
    /// Whether it begins the recording.
    pub records: bool,
}

/// The relay of a leg has ended, and the leg is told to hang up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegEnded {
    /// The leg.
    pub leg: Leg,
    /// Twilio's id of it.
    pub sid: CallSid,
}

impl Method for LegEnded {
    type Reply = ();
    const BINDING: &'static str = "RUN";
    const NAME: &'static str = "leg_ended";
}
