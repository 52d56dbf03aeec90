//! Whether a side repeats itself.
//!
//! Not here: how often it may (`state`).

use crate::{config::Speaker, synthetic::transcript::Line};

/// The lines of a side that a new one is compared with.
const COMPARED: usize = 6;
/// From this similarity on, a line repeats another one.
const SAME: f64 = 0.92;

/// Whether a side has said this before, or nearly this.
pub(super) fn repeats(lines: &[Line], speaker: Speaker, text: &str) -> bool {
    let own = lines
        .iter()
        .rev()
        .filter(|line| line.speaker == speaker && !line.text.is_empty());
    let text = plain(text);
    own.take(COMPARED).any(|line| {
        let before = plain(&line.text);
        before == text || strsim::normalized_damerau_levenshtein(&before, &text) >= SAME
    })
}

/// A line without case and punctuation.
fn plain(text: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() { c } else { ' ' };
    let text: String = text
        .chars()
        .map(kept)
        .flat_map(char::to_lowercase)
        .collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
