//! How Twilio hears a sentence: when it notices the voice and the silence, and which prompts it makes.
//!
//! Not here: what is done with it (`relay.rs`), and where a sentence is cut (`words.rs`).

use super::verb::Relay;
use super::words::{partials, pieces};
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

/// What is heard of a sentence, and when. The voice was noticed before.
pub fn schedule(words: &str, relay: &Relay, faults: CallFaults, from: u64) -> Vec<(u64, Said)> {
    let pieces = if faults.pieces {
        pieces(words)
    } else {
        vec![words.trim().to_owned()]
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
