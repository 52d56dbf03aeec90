//! How Twilio hears a sentence: when it notices the voice and the silence, and which prompts it makes.
//!
//! Not here: what is done with it (`relay.rs`), and where a sentence is cut (`words.rs`).

use super::verb::Relay;
use super::words::{partials, pieces};
use crate::base::misheard::misheard;
use crate::phones::call_faults::CallFaults;

/// Something that Twilio hears.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// The person speaks.
    Speaks,
    /// The person is silent.
    Silent,
    /// The words of a sentence, or of its first piece.
    Prompt {
        /// The words.
        words: String,
        /// Whether they are final.
        last: bool,
    },
    /// The words of a further piece.
    Rest {
        /// The words.
        words: String,
        /// Whether they are final.
        last: bool,
    },
}

/// From one partial prompt to the next, and from the last one to the final prompt.
const PARTIAL_MS: u64 = 250;
const FINAL_MS: u64 = 350;
/// From the prompt of a piece to the voice that goes on, which is longer than an assistant needs that
/// answers at once, and how long a further piece is. Not recorded.
const PAUSE_MS: u64 = 600;
const PIECE_MS: u64 = 300;
/// From a final prompt to its copy.
const DOUBLE_MS: u64 = 40;
/// From the end of what a leg has said to the final prompt of the other one. Recorded: 900 to 4600 ms,
/// half of them within 2100 ms.
const RECOGNISED_MS: [u64; 5] = [2100, 900, 1800, 4600, 2300];

/// What is heard of what a leg has said, and when. It is the utterance `number` of this leg, and has
/// been said to its end. Words that nobody could understand are silence.
pub fn recognise(
    words: &str,
    relay: &Relay,
    faults: CallFaults,
    (number, from): (usize, u64),
) -> Vec<(u64, Said)> {
    let mut said = vec![(from, Said::Silent)];
    if words.trim().is_empty() {
        return said;
    }
    let place = number.checked_rem(RECOGNISED_MS.len()).unwrap_or(0);
    let wait = RECOGNISED_MS.get(place).copied().unwrap_or(FINAL_MS);
    let wait = wait.max(relay.speech_timeout.unwrap_or(0));
    let pieces = pieces(
        &understood(words, faults),
        if faults.pieces { 2 } else { 1 },
    );
    let count = u64::try_from(pieces.len()).unwrap_or(1);
    let step = wait.checked_div(count).unwrap_or(wait);
    let mut at = from;
    for piece in pieces {
        at = at.saturating_add(step);
        let prompt = |words: &str, last: bool| Said::Prompt {
            words: words.to_owned(),
            last,
        };
        if relay.partial {
            let early = partials(&piece).into_iter();
            said.extend(early.map(|words| (at.saturating_sub(FINAL_MS), prompt(&words, false))));
        }
        said.push((at, prompt(&piece, true)));
        if faults.doubled {
            said.push((at.saturating_add(DOUBLE_MS), prompt(&piece, true)));
        }
    }
    said
}

/// The words as speech recognition understands them.
fn understood(words: &str, faults: CallFaults) -> String {
    if faults.misheard {
        misheard(words.trim())
    } else {
        words.trim().to_owned()
    }
}

/// What is heard of a sentence that a person types, and when. The voice was noticed before.
pub fn schedule(words: &str, relay: &Relay, faults: CallFaults, from: u64) -> Vec<(u64, Said)> {
    let words = understood(words, faults);
    let pieces = if faults.pieces {
        pieces(&words, 3)
    } else {
        vec![words]
    };
    let last_piece = pieces.len().saturating_sub(1);
    let (mut at, mut said) = (from, Vec::new());
    for (index, piece) in pieces.into_iter().enumerate() {
        let prompt = |words: String, last: bool| match index {
            0 => Said::Prompt { words, last },
            _ => Said::Rest { words, last },
        };
        if index > 0 {
            at = at.saturating_add(PAUSE_MS);
            said.push((at, Said::Speaks));
            at = at.saturating_add(PIECE_MS);
        }
        if relay.partial {
            for words in partials(&piece) {
                at = at.saturating_add(PARTIAL_MS);
                said.push((at, prompt(words, false)));
            }
        }
        said.push((at, Said::Silent));
        // A sentence comes in pieces because a short pause is taken for its end.
        let silence = relay.speech_timeout.filter(|_| index == last_piece);
        at = at.saturating_add(silence.unwrap_or(FINAL_MS));
        said.push((at, prompt(piece.clone(), true)));
        if faults.doubled {
            at = at.saturating_add(DOUBLE_MS);
            let copy = Said::Prompt {
                words: piece,
                last: true,
            };
            said.push((at, copy));
        }
    }
    said
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    /// The final prompts of an utterance that ended at 1000 ms.
    fn prompts(number: usize, relay: &Relay, faults: CallFaults) -> Vec<(u64, String)> {
        let said = recognise("My bill is wrong.", relay, faults, (number, 1000));
        assert_eq!(said.first(), Some(&(1000, Said::Silent)));
        let times: Vec<u64> = said.iter().map(|(at, _)| *at).collect();
        assert!(times.is_sorted());
        let finals = said.into_iter().filter_map(|(at, said)| match said {
            Said::Prompt { words, last: true } => Some((at, words)),
            _ => None,
        });
        finals.collect()
    }

    #[test]
    fn a_leg_is_understood_in_the_times_that_were_recorded() {
        let relay = Relay::default();
        let mut waits: Vec<u64> = (0..5)
            .map(|number| {
                let [(at, words)] = prompts(number, &relay, CallFaults::default())
                    .try_into()
                    .unwrap();
                assert_eq!(words, "My bill is wrong.");
                at.saturating_sub(1000)
            })
            .collect();
        waits.sort_unstable();
        assert_eq!(waits.first().zip(waits.last()), Some((&900, &4600)));
        assert_eq!(waits.get(2), Some(&2100), "the median");
        let slow = Relay {
            speech_timeout: Some(5000),
            ..Relay::default()
        };
        let [(at, _)] = prompts(1, &slow, CallFaults::default()).try_into().unwrap();
        assert_eq!(at, 6000, "not before the silence that ends words");
    }

    #[test]
    fn pieces_are_two_final_prompts_and_no_words_are_none() {
        let relay = Relay::default();
        let faults = CallFaults {
            pieces: true,
            ..CallFaults::default()
        };
        let found = prompts(0, &relay, faults);
        let texts: Vec<&str> = found.iter().map(|(_, words)| words.as_str()).collect();
        assert_eq!(texts, ["My bill", "is wrong."]);
        let nothing = recognise(" ", &relay, faults, (0, 7));
        assert_eq!(nothing, [(7, Said::Silent)]);
    }
}
