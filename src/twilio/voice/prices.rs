//! What Twilio bills for the minutes of a call, about, in millionths of a US dollar.
//!
//! List prices in the United States, read in November 2026 on several secondary pages that agree (docs/voice.md). The prices of an
//! account, a country or a toll-free number differ, so it is an estimate for the log, and decides nothing. Not here: what the
//! model costs, which `OPENAI_PRICE_INPUT` and `OPENAI_PRICE_OUTPUT` say (`config`).

/// A minute of a call to a local number: $0.0085.
const INBOUND: u64 = 8_500;
/// A minute of a call that we make: $0.014.
const OUTBOUND: u64 = 14_000;
/// A minute of a relay: $0.07.
const RELAY: u64 = 70_000;
/// A minute that is recorded: $0.0025.
const RECORDING: u64 = 2_500;

/// How an assistant is heard in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// Over a socket.
    Relay,
    /// In documents. The prices of `<Gather>` and `<Say>` are not known.
    Documents,
    /// Not at all: the call was not connected.
    None,
}

/// What is billed for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Billed {
    /// The minutes that it has begun.
    pub minutes: u32,
    /// Whether we have made it.
    pub is_outbound: bool,
    /// How the assistant was heard.
    pub speech: Speech,
    /// Whether the assistant's calls are recorded.
    pub is_recorded: bool,
}

impl Billed {
    /// About what it costs, in millionths of a US dollar. `None` if that is not known.
    #[must_use]
    pub fn estimate(self) -> Option<u64> {
        let line = if self.is_outbound { OUTBOUND } else { INBOUND };
        let recording = if self.is_recorded { RECORDING } else { 0 };
        let speech = match self.speech {
            Speech::Relay => RELAY.saturating_add(recording),
            Speech::Documents => return None,
            Speech::None => 0,
        };
        Some(
            line.saturating_add(speech)
                .saturating_mul(self.minutes.into()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(minutes: u32, is_outbound: bool, speech: Speech, is_recorded: bool) -> Option<u64> {
        let billed = Billed {
            minutes,
            is_outbound,
            speech,
            is_recorded,
        };
        billed.estimate()
    }

    #[test]
    fn each_begun_minute_costs_the_same_and_more_if_it_is_recorded_or_ours() {
        assert_eq!(estimate(0, false, Speech::Relay, true), Some(0));
        assert_eq!(estimate(1, false, Speech::Relay, false), Some(78_500));
        assert_eq!(estimate(3, false, Speech::Relay, true), Some(243_000));
        assert_eq!(estimate(2, true, Speech::Relay, false), Some(168_000));
        let most = estimate(u32::MAX, false, Speech::Relay, true);
        assert!(most > estimate(u32::MAX, false, Speech::Relay, false));
    }

    #[test]
    fn a_call_that_was_not_connected_costs_its_line_and_one_without_a_socket_is_not_estimated() {
        assert_eq!(estimate(1, true, Speech::None, true), Some(14_000));
        assert_eq!(estimate(1, false, Speech::Documents, false), None);
    }
}
