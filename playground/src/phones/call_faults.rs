//! The faults of a call: what Twilio's voice side, the line or the person does wrong.

use serde::{Deserialize, Serialize};

/// The faults of the calls of a phone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each switch is a field of the JSON"
)]
pub struct CallFaults {
    /// The upgrade of the relay's WebSocket is signed with a wrong token.
    pub forged_upgrade: bool,
    /// Twilio connects to the relay late.
    pub slow_connect: bool,
    /// What the person says arrives in several final prompts.
    pub pieces: bool,
    /// Every final prompt arrives twice.
    pub doubled: bool,
    /// Some words of a prompt are other ones than those that were said.
    pub misheard: bool,
    /// Twilio sends no `info` messages.
    pub no_info: bool,
    /// Twilio neither ends a session nor tells of its end or the call's.
    pub silent: bool,
    /// A recording turns out to be absent.
    pub no_recording: bool,
    /// The transcripts of a recording fail.
    pub transcript_failed: bool,
    /// Nobody is told that a transcript is there.
    pub transcript_untold: bool,
    /// What becomes of a phone that is called: by `<Dial>`, or this one by the Worker.
    pub dial: DialOutcome,
}

/// What becomes of a phone that is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DialOutcome {
    /// Somebody answers. The person of a phone that the Worker calls can.
    #[default]
    Answered,
    /// The line is busy.
    Busy,
    /// Nobody answers.
    NoAnswer,
}

impl CallFaults {
    /// The faults of both.
    pub fn and(self, other: Self) -> Self {
        Self {
            forged_upgrade: self.forged_upgrade || other.forged_upgrade,
            slow_connect: self.slow_connect || other.slow_connect,
            pieces: self.pieces || other.pieces,
            doubled: self.doubled || other.doubled,
            misheard: self.misheard || other.misheard,
            no_info: self.no_info || other.no_info,
            silent: self.silent || other.silent,
            no_recording: self.no_recording || other.no_recording,
            transcript_failed: self.transcript_failed || other.transcript_failed,
            transcript_untold: self.transcript_untold || other.transcript_untold,
            dial: if self.dial == DialOutcome::Answered {
                other.dial
            } else {
                self.dial
            },
        }
    }
}
