//! What Twilio bills for the minutes of a call, about, in millionths of a US dollar.
//!
//! List prices in the United States, read in November 2026 on several secondary pages that agree (docs/voice.md). The prices of an
//! account, a country or a toll-free number differ, so it is an estimate for the log, and decides nothing. Not here: what the
//! model costs, which `OPENAI_PRICE_INPUT` and `OPENAI_PRICE_OUTPUT` say (`config`).

/// A minute of a call to a local number: $0.0085.
const INBOUND: u64 = 8_500;
/// A minute of a relay: $0.07.
const RELAY: u64 = 70_000;
/// A minute that is recorded: $0.0025.
const RECORDING: u64 = 2_500;

/// About what so many begun minutes of a call to a number of ours cost, in millionths of a US dollar.
#[must_use]
pub fn estimate(minutes: u32, is_recorded: bool) -> u64 {
    let recording = if is_recorded { RECORDING } else { 0 };
    let minute = INBOUND.saturating_add(RELAY).saturating_add(recording);
    minute.saturating_mul(minutes.into())
}

#[cfg(test)]
mod tests {
    use super::estimate;

    #[test]
    fn each_begun_minute_costs_the_same_and_more_if_it_is_recorded() {
        assert_eq!(estimate(0, true), 0);
        assert_eq!(estimate(1, false), 78_500);
        assert_eq!(estimate(3, true), 243_000);
        assert!(estimate(u32::MAX, true) > estimate(u32::MAX, false));
    }
}
