//! Numbers about a transcript.
//!
//! Not here: what the model thinks of it (`score`).

use serde::{Deserialize, Serialize};

use super::{
    plan::Mode,
    transcript::{Line, Mark},
    word_errors::{WordErrors, word_errors},
};
use crate::{
    base::percentile::percentile,
    base::time::{UnixMillis, millis},
    config::Speaker,
};

/// Numbers about a transcript.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metrics {
    /// The lines of both sides.
    pub turns: u32,
    /// The words of the agent.
    pub agent_words: u32,
    /// The words of the customer.
    pub customer_words: u32,
    /// The agent's part of all words, in per cent.
    pub agent_talk_percent: u32,
    /// From the first line's beginning to the last one's end.
    pub duration_ms: u64,
    /// The time that half of the lines took at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_p50_ms: Option<u64>,
    /// The same of 90 % of the lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_p90_ms: Option<u64>,
    /// Lines that were cut off.
    pub interruptions: u32,
    /// Lines in which nothing was said.
    pub silences: u32,
    /// Lines that were disturbed, the ones above included.
    pub disturbances: u32,
    /// The words of a call that were recognised wrongly, of the lines of which anything was recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recognition: Option<WordErrors>,
}

/// The numbers of these lines. The first line of an agent is scripted and takes no time.
///
/// A line of text takes the time in which it was written. On a call, the time of a line is that between
/// the end of the line before and its own first sound.
#[must_use]
pub fn metrics(lines: &[Line], mode: Mode) -> Metrics {
    let count = |fits: &dyn Fn(&&Line) -> bool| -> u32 {
        lines
            .iter()
            .filter(fits)
            .count()
            .try_into()
            .unwrap_or(u32::MAX)
    };
    let words = |speaker: Speaker| -> u32 {
        let own = lines.iter().filter(|line| line.speaker == speaker);
        let words = own.map(|line| line.heard().split_whitespace().count());
        words.sum::<usize>().try_into().unwrap_or(u32::MAX)
    };
    let has = |mark: Mark| move |line: &&Line| line.marks.contains(&mark);
    let (agent_words, customer_words) = (words(Speaker::Agent), words(Speaker::Customer));
    let times: Vec<u64> = match mode {
        Mode::Text | Mode::Assistant => {
            let times = lines
                .iter()
                .map(|line| line.ended_at.since(line.started_at));
            times.map(millis).collect()
        }
        Mode::Call => {
            let pairs = lines.iter().zip(lines.iter().skip(1));
            let gaps = pairs.map(|(before, line)| line.started_at.since(before.ended_at));
            gaps.map(millis).collect()
        }
    };
    let mut times: Vec<u64> = times.into_iter().filter(|time| *time > 0).collect();
    times.sort_unstable();
    let at = |moment: Option<UnixMillis>| moment.unwrap_or_default();
    let begun = at(lines.first().map(|line| line.started_at));
    let ended = at(lines.last().map(|line| line.ended_at));
    Metrics {
        turns: count(&|_| true),
        agent_words,
        customer_words,
        agent_talk_percent: agent_words
            .saturating_mul(100)
            .checked_div(agent_words.saturating_add(customer_words))
            .unwrap_or_default(),
        duration_ms: millis(ended.since(begun)),
        turn_p50_ms: percentile(&times, 50),
        turn_p90_ms: percentile(&times, 90),
        interruptions: count(&has(Mark::Interrupted)),
        silences: count(&has(Mark::Silence)),
        disturbances: count(&|line| {
            let is_none =
                |mark: &Mark| matches!(mark, Mark::Goodbye | Mark::Interrupted | Mark::CutOff);
            line.marks.iter().any(|mark| !is_none(mark))
        }),
        recognition: (mode == Mode::Call).then(|| {
            // Of a line that was cut off, nobody knows what was said.
            let whole = lines
                .iter()
                .filter(|line| !line.marks.contains(&Mark::CutOff));
            let recognised = whole.filter_map(|line| Some((line, line.heard.as_deref()?)));
            let errors = recognised.map(|(line, heard)| word_errors(&line.text, heard));
            errors.sum()
        }),
    }
}
