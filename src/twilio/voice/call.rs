//! What Twilio says about a call, in webhooks and in a relay's first frame.
//!
//! Not here: where it says so (`fields`, `relay`).

use serde::{Deserialize, Serialize};

/// Who began a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Somebody calls a number of ours.
    Inbound,
    /// We call somebody: `outbound-api` or `outbound-dial`.
    Outbound,
}

impl Direction {
    /// Reads a direction. What is not outbound is inbound.
    #[must_use]
    pub fn read(text: &str) -> Self {
        if text.to_ascii_lowercase().starts_with("outbound") {
            Self::Outbound
        } else {
            Self::Inbound
        }
    }
}

/// How far a call has come. Source: Twilio, "Call resource", status values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// It waits to be dialled.
    Queued,
    /// It is being dialled.
    Initiated,
    /// It rings.
    Ringing,
    /// It has been answered.
    InProgress,
    /// It was answered, and is over.
    Completed,
    /// It is over: the line was busy.
    Busy,
    /// It is over: nobody answered.
    NoAnswer,
    /// It is over: it could not be put through.
    Failed,
    /// It is over: it was hung up before somebody answered.
    Canceled,
    /// A status that Twilio has added since.
    Other,
}

impl CallStatus {
    /// Reads a status. Webhooks write `in-progress`, a relay writes `IN_PROGRESS`.
    #[must_use]
    pub fn read(text: &str) -> Self {
        match text.to_ascii_lowercase().replace('_', "-").as_str() {
            "queued" => Self::Queued,
            "initiated" => Self::Initiated,
            "ringing" => Self::Ringing,
            "in-progress" | "answered" => Self::InProgress,
            "completed" => Self::Completed,
            "busy" => Self::Busy,
            "no-answer" => Self::NoAnswer,
            "failed" => Self::Failed,
            "canceled" | "cancelled" => Self::Canceled,
            _ => Self::Other,
        }
    }

    /// Whether the call is over. A status that is not known does not end a call.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Completed | Self::Busy | Self::NoAnswer | Self::Failed | Self::Canceled => true,
            Self::Queued | Self::Initiated | Self::Ringing | Self::InProgress | Self::Other => {
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_as_webhooks_and_relays_write_it() {
        for text in ["in-progress", "IN_PROGRESS", "In-Progress"] {
            assert_eq!(CallStatus::read(text), CallStatus::InProgress, "{text}");
        }
        for (text, is_final) in [
            ("queued", false),
            ("initiated", false),
            ("RINGING", false),
            ("completed", true),
            ("busy", true),
            ("no-answer", true),
            ("failed", true),
            ("canceled", true),
            ("a-new-status", false),
            ("", false),
        ] {
            assert_eq!(CallStatus::read(text).is_final(), is_final, "{text}");
        }
    }

    #[test]
    fn only_what_says_outbound_is_outbound() {
        for (text, direction) in [
            ("inbound", Direction::Inbound),
            ("outbound-api", Direction::Outbound),
            ("outbound-dial", Direction::Outbound),
            ("", Direction::Inbound),
        ] {
            assert_eq!(Direction::read(text), direction, "{text}");
        }
    }
}
